/* doctor.c - belfry doctor: one line for each thing that has to be right, and
 * what to do where it is not. */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/language.h"
#include "cli/delivery.h"
#include "cli/doctor_private.h"
#include "plugin/file.h"

#define FILES_BESIDE 256 /* descriptors for all but streams */
#define DRIFT_MAX_MS 2000
#define SLOW_MS 500
#define STREAM_WAIT_MS 5000
#define STREAM_SLOW_MS 1000
#define STREAM_USER "belfry-doctor"

const struct arg_option doctor_options[] = {
    {.name = "db",
     .type = ARG_TEXT,
     .value = "URL",
     .help = "The database (BELFRY_DATABASE_URL; default sqlite:belfry.db)"},
    {.name = "config",
     .type = ARG_TEXT,
     .value = "FILE",
     .help = "Settings (default /etc/belfry/belfry.conf)"},
    {.type = ARG_END},
};

static const char *
mark_name(enum term_symbol mark)
{
    switch (mark) {
    case TERM_YES:
        return "ok";
    case TERM_NO:
        return "problem";
    case TERM_WARN:
        return "warning";
    default:
        return "skipped";
    }
}

void
doctor_report(struct doctor *d, enum term_symbol mark, const char *name,
              struct str detail, struct str fix)
{
    const struct term *t = &d->cli->out;
    struct json_writer *w = &d->json;

    d->n_problems += mark == TERM_NO;
    d->n_warnings += mark == TERM_WARN;
    json_begin_object(w);
    json_str_field(w, "name", str_from(name));
    json_str_field(w, "status", str_from(mark_name(mark)));
    json_str_field(w, "detail", detail);
    json_str_or_null_field(w, "fix", fix);
    json_end_object(w);
    term_put_symbol(t, &d->text, mark);
    buf_put_char(&d->text, ' ');
    term_put(t, &d->text, TERM_BOLD, str_from(name), 10);
    buf_put_char(&d->text, ' ');
    term_put(t, &d->text, TERM_PLAIN, detail, 0);
    buf_put_char(&d->text, '\n');
    if (fix.n > 0) {
        buf_put_cstr(&d->text, "             fix: ");
        term_put(t, &d->text, TERM_PLAIN, fix, 0);
        buf_put_char(&d->text, '\n');
    }
}

/* ---- this machine ---- */

static bool
check_config(struct doctor *d, struct database *ret)
{
    struct cli *c = d->cli;
    struct buf messages;
    struct str text;
    enum err e;

    buf_init(&messages, c->arena);
    e = database_find(c, ret, &messages);
    text = str_trim(buf_str(&messages));
    while (str_ends(text, STR("\n")))
        text.n--;
    if (e != ERR_OK)
        doctor_report(d, TERM_NO, "config", text,
                      STR("mend that line or variable"));
    else if (text.n > 0)
        doctor_report(d, TERM_WARN, "config", text,
                      STR("take the variable away"));
    else
        doctor_report(d, TERM_YES, "config",
                      ret->config->file
                          ? str_fmt(c->arena, "%s parsed", ret->config->file)
                          : STR("no file; defaults, environment and flags"),
                      STR_NONE);
    return e == ERR_OK;
}

static void
check_files(struct doctor *d, const struct database *db)
{
    struct cli *c = d->cli;
    struct rlimit limit = {0};
    int64_t streams = db->config->realtime_max_connections, needed;

    needed = streams + FILES_BESIDE;
    getrlimit(RLIMIT_NOFILE, &limit);
    /* The server raises the soft limit to the hard one by itself. */
    if (streams == 0 || limit.rlim_max == RLIM_INFINITY ||
        limit.rlim_max >= (rlim_t)needed)
        doctor_report(d, TERM_YES, "files",
                      str_fmt(c->arena, "%llu may be open",
                              (unsigned long long)limit.rlim_max),
                      STR_NONE);
    else
        doctor_report(d, TERM_WARN, "files",
                      str_fmt(c->arena,
                              "%llu may be open, %lld streams need %lld",
                              (unsigned long long)limit.rlim_max,
                              (long long)streams, (long long)needed),
                      STR("raise LimitNOFILE (ulimit -Hn), or lower "
                          "BELFRY_REALTIME_MAX_CONNECTIONS"));
}

/* Mail is not told its language then, which nobody would miss at once. */
static void
check_language(struct doctor *d)
{
    const char *fault = language_fault();

    if (fault)
        doctor_report(d, TERM_WARN, "language", str_from(fault),
                      STR("apt install libexttextcat-2.0-0 "
                          "libexttextcat-data, where the server runs"));
    else
        doctor_report(d, TERM_YES, "language",
                      STR("that of mails without one is guessed"), STR_NONE);
}

/* With one that it may not load the server does not start. */
static void
check_plugins(struct doctor *d, const struct config *config)
{
    const struct config_list *allow = &config->plugins_allow;
    struct arena *a = d->cli->arena;

    for (size_t i = 0; i < allow->n; i++) {
        struct plugin_allowed one;
        const char *why = NULL;
        int fd = plugin_allowed_open(a, config->plugins_folder, allow->items[i],
                                     &one, &why);

        if (fd >= 0) {
            close(fd);
            doctor_report(d, TERM_YES, "plugin",
                          str_fmt(a, "%.*s may be loaded", STR_ARG(one.name)),
                          STR_NONE);
            continue;
        }
        doctor_report(d, TERM_NO, "plugin",
                      str_fmt(a, "\"%.*s\" in plugins.allow: %s",
                              STR_ARG(allow->items[i]), why),
                      STR("mend it, or take it off plugins.allow: belfry serve "
                          "does not start with it"));
    }
}

/* ---- the server ---- */

static void
ask(struct doctor *d, const char *path, struct client_answer *ret)
{
    client_call(d->cli->client, d->cli->arena,
                &(struct client_call){.method = "GET",
                                      .path = str_from(path),
                                      .timeout_ms = 10000},
                ret);
}

static void
check_server(struct doctor *d, struct client_answer *ret)
{
    struct cli *c = d->cli;
    struct str url = client_url(c->client);
    struct client_answer ready;

    ask(d, "/healthz", ret);
    d->is_reachable = ret->outcome == CLIENT_ANSWERED && ret->status == 200;
    if (!d->is_reachable) {
        doctor_report(
            d, TERM_NO, "server",
            str_fmt(c->arena, "%.*s: %.*s", STR_ARG(url),
                    STR_ARG(ret->outcome == CLIENT_ANSWERED
                                ? str_fmt(c->arena, "/healthz answered %d",
                                          ret->status)
                                : ret->detail)),
            STR("start it with belfry serve --dev, or name it with --url "
                "or BELFRY_URL"));
        return;
    }
    ask(d, "/readyz", &ready);
    if (ready.status != 200)
        doctor_report(
            d, TERM_NO, "server",
            str_fmt(c->arena, "%.*s is up but not ready (%d)", STR_ARG(url),
                    ready.status),
            STR("its log says why; belfry doctor on its machine checks "
                "more"));
    else
        doctor_report(
            d, ret->duration_ms > SLOW_MS ? TERM_WARN : TERM_YES, "server",
            str_fmt(c->arena, "%.*s is ready, answered in %.*s", STR_ARG(url),
                    STR_ARG(span_text(c->arena, ret->duration_ms))),
            ret->duration_ms > SLOW_MS ? STR("look at the load and the way "
                                             "to it")
                                       : STR_NONE);
}

/* The header has whole seconds, so the truth is up to one later. */
static void
check_drift(struct doctor *d, const struct client_answer *health)
{
    struct cli *c = d->cli;
    int64_t now = clock_system()->wall_ms(clock_system());
    int64_t drift;

    if (health->date_ms == 0) {
        doctor_report(d, TERM_SKIP, "clock", STR("the answer has no Date"),
                      STR_NONE);
        return;
    }
    drift = now - health->duration_ms / 2 - (health->date_ms + 500);
    if (drift < 0)
        drift = -drift;
    drift = drift > 500 ? drift - 500 : 0;
    doctor_report(d, drift > DRIFT_MAX_MS ? TERM_NO : TERM_YES, "clock",
                  drift == 0 ? STR("as the server's")
                             : str_fmt(c->arena, "%.*s off the server's",
                                       STR_ARG(span_text(c->arena, drift))),
                  drift > DRIFT_MAX_MS ? STR("let both follow NTP: timedatectl "
                                             "set-ntp true")
                                       : STR_NONE);
}

static bool
check_key(struct doctor *d)
{
    struct cli *c = d->cli;
    struct client_answer a;

    if (!client_has_key(c->client)) {
        doctor_report(d, TERM_WARN, "key", STR("none is given"),
                      STR("set BELFRY_KEY, or give --key-file FILE"));
        return false;
    }
    ask(d, DELIVERIES "?limit=1", &a);
    if (a.status == 401)
        doctor_report(
            d, TERM_NO, "key", json_str_of(c->arena, a.root, "detail"),
            STR("make one with belfry key create, using an admin key"));
    else if (a.status == 200)
        doctor_report(d, TERM_YES, "key", STR("known, may read"), STR_NONE);
    else
        doctor_report(
            d, TERM_WARN, "key",
            str_fmt(c->arena, "%d: %.*s", a.status,
                    STR_ARG(json_str_of(c->arena, a.root, "detail"))),
            STR("for ls, get and tail use a key with the scope read"));
    return a.status != 401;
}

/* A token for a user that nobody has. Empty: none to be had. */
static struct str
make_token(struct doctor *d)
{
    struct cli *c = d->cli;
    struct client_answer a;

    client_call(c->client, c->arena,
                &(struct client_call){
                    .method = "POST",
                    .path = STR("/v1/users/" STREAM_USER "/token"),
                    .body = STR("{\"ttl\":\"1m\"}"),
                },
                &a);
    return a.status / 100 == 2 ? json_str_of(c->arena, a.root, "token")
                               : STR_NONE;
}

/* A stream has to begin at once; what holds it back is a proxy's buffer. */
static void
check_stream(struct doctor *d)
{
    struct cli *c = d->cli;
    struct client_options o = {.url = client_url(c->client), .term = &c->err};
    struct client_call call = {.method = "GET",
                               .path = STR("/v1/inbox/stream"),
                               .timeout_ms = STREAM_WAIT_MS};
    struct client_answer a;
    struct client *user;
    struct str why;
    int64_t ms;

    o.key = make_token(d);
    user = o.key.n > 0 ? client_new(c->arena, &o, &why) : NULL;
    if (!user) {
        doctor_report(d, TERM_SKIP, "stream",
                      STR("not tried: this key makes no user tokens"),
                      STR_NONE);
        return;
    }
    ms = client_first_bytes(user, c->arena, &call, &a);
    client_free(user);
    if (ms < 0)
        doctor_report(d, TERM_NO, "stream",
                      str_fmt(c->arena, "no event within %d s: %.*s",
                              STREAM_WAIT_MS / 1000, STR_ARG(a.detail)),
                      STR("a proxy holds it back: proxy_buffering off (nginx), "
                          "flush_interval -1 (Caddy)"));
    else if (a.status != 200)
        doctor_report(d, TERM_NO, "stream",
                      str_fmt(c->arena, "%d: %.*s", a.status,
                              STR_ARG(json_str_of(c->arena, a.root, "detail"))),
                      STR("let proxies pass /v1/inbox/stream on"));
    else
        doctor_report(d, ms > STREAM_SLOW_MS ? TERM_WARN : TERM_YES, "stream",
                      str_fmt(c->arena, "first event after %.*s",
                              STR_ARG(span_text(c->arena, ms))),
                      ms > STREAM_SLOW_MS ? STR("a proxy may buffer it: "
                                                "proxy_buffering off (nginx)")
                                          : STR_NONE);
}

static int
finish(struct doctor *d)
{
    struct cli *c = d->cli;

    json_end_array(&d->json);
    json_int_field(&d->json, "problems", d->n_problems);
    json_int_field(&d->json, "warnings", d->n_warnings);
    json_end_object(&d->json);
    buf_put_char(&d->json_text, '\n');
    buf_printf(&d->text, "%d problem%s, %d warning%s\n", d->n_problems,
               d->n_problems == 1 ? "" : "s", d->n_warnings,
               d->n_warnings == 1 ? "" : "s");
    return cli_print(c, c->is_json ? &d->json_text : &d->text,
                     d->n_problems > 0 ? CLI_FAILED : CLI_OK);
}

int
run_doctor(struct cli *c)
{
    struct doctor d = {.cli = c};
    struct client_answer health;
    struct database db;

    buf_init(&d.text, c->arena);
    buf_init(&d.json_text, c->arena);
    d.json = json_writer(&d.json_text);
    json_begin_object(&d.json);
    json_put_key(&d.json, "checks");
    json_begin_array(&d.json);
    if (check_config(&d, &db)) {
        doctor_check_database(&d, &db);
        doctor_check_secret(&d, &db);
        check_files(&d, &db);
        check_language(&d);
        check_plugins(&d, db.config);
    }
    check_server(&d, &health);
    if (d.is_reachable) {
        check_drift(&d, &health);
        if (check_key(&d))
            check_stream(&d);
    }
    return finish(&d);
}
