/* log_file.c - each message as one line at the end of a file. */
#include "base/arena.h"
#include "base/clock.h"
#include "channel/driver.h"

static const char *const channels_served[] = {"log_file", NULL};
static const char *const formats[] = {"json", "text", NULL};

static const struct field config_fields[] = {
    {.name = "path",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 1024,
     .doc = "The file to append to; it is made when it is not there, its "
            "folder is not, and after a rotation it is opened anew."},
    {.name = "format",
     .type = FIELD_ENUM,
     .values = formats,
     .doc = "json, one document a line (the default), or text, one readable "
            "line."},
    {.type = FIELD_END},
};

static bool
has_target(struct json config)
{
    (void)config;
    return true;
}

static void
check(struct json config, struct problem *p)
{
    struct str path = json_str_of(p->arena, config, "path");

    if (path.n > 0 && path.p[path.n - 1] == '/')
        problem_add(p, ERR_INVALID, STR("/path"), "must name a file");
}

/* A line end in a title must not look like a line of its own. */
static void
put_escaped(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c == '\n')
            buf_put_cstr(out, "\\n");
        else if (c == '\r')
            buf_put_cstr(out, "\\r");
        else if (c == '\\')
            buf_put_cstr(out, "\\\\");
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_put_char(out, s.p[i]);
    }
}

static void
put_text(struct buf *out, const struct channel_message *m, int64_t at_ms)
{
    char at[TIME_TEXT_SIZE];

    buf_put_str(out, time_format(at, at_ms));
    buf_put_char(out, ' ');
    put_escaped(out, m->priority.n > 0 ? m->priority : STR("normal"));
    buf_put_char(out, ' ');
    put_escaped(out, m->category.n > 0 ? m->category : STR("-"));
    buf_put_char(out, ' ');
    put_escaped(out, m->user.n > 0 ? m->user : STR("-"));
    buf_put_cstr(out, ": ");
    put_escaped(out, m->title);
    if (m->title.n > 0 && m->body.n > 0)
        buf_put_cstr(out, " | ");
    put_escaped(out, m->body);
}

static void
ask(struct channel_call *c)
{
    struct str format = json_str_of(c->arena, c->config, "format");
    struct buf b;

    buf_init(&b, c->arena);
    for (size_t i = 0; i < c->n_messages; i++) {
        if (str_is(format, "text"))
            put_text(&b, &c->messages[i], c->now_ms);
        else
            channel_put_json(&b, &c->messages[i], c->now_ms);
        buf_put_char(&b, '\n');
    }
    c->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_FILE,
        .path = json_str_of(c->arena, c->config, "path"),
        .body = buf_str(&b),
    };
}

static void
step(struct channel_call *c)
{
    struct channel_verdict v;

    if (!c->answer) {
        ask(c);
        return;
    }
    if (c->answer->outcome == CHANNEL_ANSWERED)
        v = (struct channel_verdict){.verdict = VERDICT_DELIVERED};
    else
        v = channel_unanswered(c, config_fields);
    channel_conclude(c, &v);
}

static void
probe(struct channel_call *c)
{
    c->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_FILE,
        .is_probe = true,
        .path = json_str_of(c->arena, c->config, "path"),
    };
}

const struct channel_driver channel_log_file = {
    .name = "log_file",
    .channels = channels_served,
    .config = config_fields,
    .batch_max = 256,
    .calls_world = true,
    .has_target = has_target,
    .check = check,
    .step = step,
    .probe = probe,
    .probe_doc = "whether the file could be written; nothing is.",
};
