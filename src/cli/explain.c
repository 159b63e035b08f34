/* explain.c - see explain.h: asks POST /v1/explain. */
#include "cli/explain.h"

#include "cli/send_body.h"

static const char *const priorities[] = {"critical", "high", "normal", "low",
                                         NULL};
const struct arg_option why_options[] = {
    {.name = "user",
     .type = ARG_TEXT,
     .value = "ID",
     .help = "Would this user get it? Of ID, or of what the flags say"},
    {.name = "at",
     .type = ARG_TEXT,
     .value = "TIME",
     .help = "As if it was sent then: 10m from now, or an RFC 3339 time"},
    {.name = "template",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "Stored content to fill in"},
    {.name = "workflow",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "Steps to go through, in place of content"},
    {.name = "title", .type = ARG_TEXT, .value = "TEXT", .help = "Title"},
    {.name = "data",
     .type = ARG_TEXT,
     .value = "K=V",
     .is_repeatable = true,
     .help = "What fills it: key=text or key:=json"},
    {.name = "channel",
     .type = ARG_TEXT,
     .value = "A,B",
     .help = "Channels, in place of the template's or category's"},
    {.name = "category",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "Category that users set preferences for"},
    {.name = "priority",
     .type = ARG_TEXT,
     .value = "NAME",
     .choices = priorities,
     .help = "critical, high, normal or low"},
    {.name = "send-at",
     .type = ARG_TEXT,
     .value = "TIME",
     .help = "Sent later: 10m from now, or an RFC 3339 time"},
    {.type = ARG_END},
};

/* ---- what to ask ---- */

static bool
has_content(struct cli *c)
{
    return args_has(&c->args, "template") || args_has(&c->args, "workflow") ||
           args_has(&c->args, "title");
}

/* False: *ret_code is what to exit with. */
static bool
write_notification(struct cli *c, struct str id, struct json_writer *w,
                   int *ret_code)
{
    struct send_words words = {
        .args = &c->args,
        .now_ms = clock_system()->wall_ms(clock_system()),
    };
    struct str body, why = STR_NONE;

    if (id.n > 0) {
        json_str_field(w, "notification", id);
        return true;
    }
    if (!has_content(c)) {
        *ret_code = cli_usage(c, "say what would be sent: an ID, --template, "
                                 "--workflow or --title");
        return false;
    }
    if (send_body_of_flags(c->arena, &words, &body, &why) != ERR_OK) {
        *ret_code = cli_usage(c, "%.*s", STR_ARG(why));
        return false;
    }
    json_raw_field(w, "notification", body);
    return true;
}

static bool
make_body(struct cli *c, struct str id, struct str *ret, int *ret_code)
{
    struct str at = args_text(&c->args, "at");
    struct json_writer w;
    struct buf out;

    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "user", args_text(&c->args, "user"));
    if (at.n > 0) {
        if (!time_of(c->arena, at, false, &at)) {
            *ret_code = cli_usage(
                c, "--at takes a duration from now such as 10m, or a time such "
                   "as 2026-01-31T09:00:00Z");
            return false;
        }
        json_str_field(&w, "at", at);
    }
    if (!write_notification(c, id, &w, ret_code))
        return false;
    json_end_object(&w);
    *ret = buf_str(&out);
    return true;
}

/* ---- the answer ---- */

static enum term_symbol
symbol_of(struct str verdict)
{
    if (str_is(verdict, "send"))
        return TERM_YES;
    return str_is(verdict, "skip") ? TERM_NO : TERM_SKIP;
}

static void
put_text(struct cli *c, struct buf *out, const char *before, struct str text)
{
    if (text.n == 0)
        return;
    buf_put_cstr(out, before);
    term_put(&c->out, out, TERM_DIM, text, 0);
}

static void
put_step(struct cli *c, struct json step, struct buf *out)
{
    struct arena *a = c->arena;

    buf_put_cstr(out, "    ");
    term_put_symbol(&c->out, out, symbol_of(json_str_of(a, step, "verdict")));
    buf_put_char(out, ' ');
    term_put(&c->out, out, TERM_PLAIN, json_str_of(a, step, "stage"), 12);
    buf_put_char(out, ' ');
    term_put(&c->out, out, TERM_PLAIN, json_str_of(a, step, "explanation"), 0);
    put_text(c, out, "  by ", json_str_of(a, step, "by"));
    put_text(c, out, "  until ", json_str_of(a, step, "until"));
    buf_put_char(out, '\n');
}

static void
put_providers(struct cli *c, struct json all, struct buf *out)
{
    for (struct json p = json_first(all); !json_is(p, JSON_ABSENT);
         p = json_next(all, p)) {
        struct str detail = json_str_of(c->arena, p, "detail");

        buf_put_cstr(out, "    provider ");
        term_put(&c->out, out, TERM_PLAIN, json_str_of(c->arena, p, "name"), 0);
        if (json_bool(json_get(p, "paused"), false))
            detail = STR("paused");
        put_text(c, out, "  ", json_str_of(c->arena, p, "health"));
        put_text(c, out, "  ", detail);
        buf_put_char(out, '\n');
    }
}

static void
put_channel(struct cli *c, struct json channel, struct buf *out)
{
    struct arena *a = c->arena;
    struct str verdict = json_str_of(a, channel, "verdict");
    struct json steps = json_get(channel, "steps");

    term_put_symbol(&c->out, out, symbol_of(verdict));
    buf_put_char(out, ' ');
    term_put(&c->out, out, TERM_BOLD, json_str_of(a, channel, "channel"), 0);
    buf_put_cstr(out, "  ");
    term_put(&c->out, out, term_symbol_style(symbol_of(verdict)), verdict, 0);
    put_text(c, out, "  ", json_str_of(a, channel, "reason"));
    put_text(c, out, "  until ", json_str_of(a, channel, "due_at"));
    buf_put_cstr(out, "\n  ");
    term_put(&c->out, out, TERM_PLAIN, json_str_of(a, channel, "explanation"),
             0);
    buf_put_char(out, '\n');
    for (struct json s = json_first(steps); !json_is(s, JSON_ABSENT);
         s = json_next(steps, s))
        put_step(c, s, out);
    put_providers(c, json_get(channel, "providers"), out);
}

void
explain_put_steps(struct cli *c, struct json steps, struct buf *out)
{
    for (struct json s = json_first(steps); !json_is(s, JSON_ABSENT);
         s = json_next(steps, s)) {
        buf_put_cstr(out, "step ");
        term_put(&c->out, out, TERM_BOLD, json_str_of(c->arena, s, "step"), 0);
        put_text(c, out, "  ", json_str_of(c->arena, s, "verdict"));
        put_text(c, out, "  until ", json_str_of(c->arena, s, "until"));
        buf_put_char(out, '\n');
    }
}

static int
show(struct cli *c, struct json root)
{
    struct json channels = json_get(root, "channels");
    struct buf out;

    buf_init(&out, c->arena);
    explain_put_steps(c, json_get(root, "workflow"), &out);
    for (struct json v = json_first(channels); !json_is(v, JSON_ABSENT);
         v = json_next(channels, v))
        put_channel(c, v, &out);
    if (!json_bool(json_get(root, "stored"), true))
        cli_note(c, TERM_SKIP,
                 "there is no such user: it is judged as one "
                 "without addresses");
    if (json_count(channels) == 0)
        cli_note(c, TERM_SKIP, "nothing is sent at once");
    return cli_print(c, &out, CLI_OK);
}

int
explain_user(struct cli *c, struct str id)
{
    struct client_call call = {
        .method = "POST",
        .path = STR("/v1/explain"),
        .type = "application/json",
    };
    struct client_answer a;
    struct buf out;
    int code = CLI_FAILED;

    if (!make_body(c, id, &call.body, &code) || !cli_ask(c, &call, &a, &code))
        return code;
    if (!c->is_json)
        return show(c, a.root);
    buf_init(&out, c->arena);
    cli_put_json(a.root, &out);
    return cli_print(c, &out, CLI_OK);
}
