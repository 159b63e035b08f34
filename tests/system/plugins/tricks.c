/* tricks.c - a plugin that misbehaves as the title of a message says. */
#include <belfry/channel.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TEXT(literal) ((struct belfry_str)BELFRY_STR(literal))

static int
is(struct belfry_str s, const char *text)
{
    return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

static struct belfry_str
copied(const struct belfry_host *h, const char *text)
{
    size_t n = strlen(text);
    char *p = h->alloc(h, n + 1);

    memcpy(p, text, n);
    return (struct belfry_str){p, n};
}

static uint32_t
conclude(struct belfry_step *s, uint32_t verdict, struct belfry_str detail)
{
    s->verdict->verdict = verdict;
    s->verdict->detail = detail;
    return BELFRY_DONE;
}

static const char *
name_of(int result)
{
    return result >= 0 ? "done" : errno == EPERM ? "refused" : strerror(errno);
}

/* What a plugin may not do, and what came of trying. */
static uint32_t
look_around(struct belfry_step *s)
{
    char text[300];
    int n = 0;

    n += snprintf(text + n, sizeof(text) - n, "socket %s",
                  name_of(socket(AF_INET, SOCK_STREAM, 0)));
    n += snprintf(text + n, sizeof(text) - n, ", open %s",
                  name_of(open("/etc/passwd", O_RDONLY)));
    n += snprintf(text + n, sizeof(text) - n, ", fork %s", name_of(fork()));
    n += snprintf(text + n, sizeof(text) - n, ", kill %s",
                  name_of(kill(getppid(), 0)));
    n += snprintf(text + n, sizeof(text) - n, ", tgkill %s",
                  name_of((int)syscall(SYS_tgkill, 1 << 30, 1 << 30, 0)));
    snprintf(text + n, sizeof(text) - n, ", environment %s",
             getenv("PATH") || getenv("BELFRY_BOOTSTRAP_KEY") ? "there"
                                                              : "none");
    return conclude(s, BELFRY_VERDICT_REJECTED, copied(s->host, text));
}

static uint32_t
ask(struct belfry_step *s)
{
    const struct belfry_host *h = s->host;
    struct belfry_str base = s->config[0].text;
    char *url = h->alloc(h, base.n + 6);

    memcpy(url, base.p, base.n);
    memcpy(url + base.n, "/hook", 5);
    s->request->method = TEXT("POST");
    s->request->url = (struct belfry_str){url, base.n + 5};
    s->request->body = s->message->title;
    return BELFRY_ASK;
}

static uint32_t
step(struct belfry_step *s)
{
    struct belfry_str title = s->message->title;
    const struct timespec second = {1, 0};

    if (is(title, "crash") || (is(title, "judge") && s->answer))
        abort();
    while (is(title, "hang"))
        continue;
    if (is(title, "nonsense"))
        return 77;
    if (is(title, "look"))
        return look_around(s);
    if (is(title, "wait") && s->message->attempt == 1)
        nanosleep(&second, NULL);
    if (is(title, "say"))
        s->host->log(s->host, TEXT("a line\nof the plugin"));
    if (is(title, "tell"))
        s->host->log(s->host, s->config[1].text);
    if (!s->answer)
        return ask(s);
    s->verdict->status = s->answer->status;
    return conclude(s, BELFRY_VERDICT_SENT, TEXT(""));
}

static const struct belfry_setting base_url = {
    .size = sizeof(struct belfry_setting),
    .name = BELFRY_STR("base_url"),
    .type = BELFRY_TYPE_URL,
    .flags = BELFRY_SETTING_REQUIRED,
    .doc = BELFRY_STR("Where it sends to."),
};
static const struct belfry_setting token = {
    .size = sizeof(struct belfry_setting),
    .name = BELFRY_STR("token"),
    .type = BELFRY_TYPE_STRING,
    .flags = BELFRY_SETTING_SECRET,
    .doc = BELFRY_STR("What it tells."),
};
static const struct belfry_setting *const settings[] = {&base_url, &token};
static const struct belfry_channel slack = {
    .size = sizeof(struct belfry_channel), .name = BELFRY_STR("slack")};
static const struct belfry_channel *const channels[] = {&slack};

static const struct belfry_plugin plugin = {
    .size = sizeof(plugin),
    .abi = BELFRY_ABI_VERSION,
    .flags = BELFRY_PLUGIN_HAS_TARGET,
    .name = BELFRY_STR("tricks"),
    .version = BELFRY_STR("0"),
    .channels = channels,
    .n_channels = 1,
    .settings = settings,
    .n_settings = 2,
    .step = step,
};

const struct belfry_plugin *
belfry_plugin_v1(void)
{
    return &plugin;
}
