/* send.c - belfry send: post a notification, show its plan, or wait for what
 * becomes of it. */
#include <stdio.h>
#include <unistd.h>

#include "cli/delivery.h"
#include "cli/explain.h"
#include "cli/input.h"
#include "cli/send_body.h"

#define WAIT_MS 60000
#define POLL_FIRST_MS 20
#define POLL_MOST_MS 500
#define DETAILS_MAX 10 /* deliveries whose last answer is looked up */

static const char *const priorities[] = {"critical", "high", "normal", "low",
                                         NULL};
const struct arg_option send_options[] = {
    {.name = "title", .type = ARG_TEXT, .value = "TEXT", .help = "Title"},
    {.name = "html",
     .type = ARG_TEXT,
     .value = "HTML",
     .help = "Body for channels that show HTML"},
    {.name = "template",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "Stored content to fill in"},
    {.name = "workflow",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "Steps to go through, in place of content"},
    {.name = "data",
     .type = ARG_TEXT,
     .value = "K=V",
     .is_repeatable = true,
     .help = "What fills it: key=text or key:=json"},
    {.name = "attach",
     .type = ARG_TEXT,
     .value = "FILE|URL",
     .is_repeatable = true,
     .help = "A file that goes along with mail, or where one is"},
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
     .help = "Send later: 10m from now, or an RFC 3339 time"},
    {.name = "expires-at",
     .type = ARG_TEXT,
     .value = "TIME",
     .help = "Not worth sending after that time"},
    {.name = "dedup-key",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "Send once for all with this key"},
    {.name = "cancel-key",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "Name to cancel it by"},
    {.name = "idempotency-key",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "Repeat this command without sending twice"},
    {.name = "approval",
     .type = ARG_FLAG,
     .help = "Hold it until somebody approves it"},
    {.name = "approver",
     .type = ARG_TEXT,
     .value = "ROLE,ROLE",
     .help = "The same; who does so has to have one of these roles"},
    {.name = "approval-for",
     .type = ARG_DURATION,
     .value = "TIME",
     .min = 1000,
     .max = INT64_C(30) * 24 * 3600 * 1000,
     .help = "The same; then it has expired (default 7d)"},
    {.name = "approval-note",
     .type = ARG_TEXT,
     .value = "TEXT",
     .help = "The same; for who decides"},
    {.name = "dry-run",
     .type = ARG_FLAG,
     .help = "Show who would get what, and send nothing"},
    {.name = "wait",
     .type = ARG_FLAG,
     .help = "Wait until every delivery has ended, and show them"},
    {.name = "timeout",
     .type = ARG_DURATION,
     .value = "TIME",
     .min = 1,
     .max = 86400000,
     .help = "How long to wait at most (default 60s)"},
    {.type = ARG_END},
};

/* ---- what to post ---- */

static bool
has_content(struct cli *c, struct str text)
{
    static const char *const flags[] = {"title", "html", "template",
                                        "workflow"};
    bool has = text.n > 0;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        has = has || args_has(&c->args, flags[i]);
    return has;
}

/* The text on the command line, or of stdin where that says so. */
static bool
find_text(struct cli *c, struct str *ret, int *ret_code)
{
    *ret = args_rest(&c->args, 1);
    if (str_is(*ret, "-")) {
        if (!input_read(c->arena, stdin, ret) || !str_is_utf8(*ret) ||
            (ret->n > 0 && memchr(ret->p, 0, ret->n))) {
            *ret_code = cli_usage(c, "stdin must hold UTF-8 text, 8 MiB at "
                                     "most");
            return false;
        }
        while (str_ends(*ret, STR("\n")))
            ret->n--;
    }
    if (!has_content(c, *ret))
        *ret_code = cli_usage(c, "say what to send: TEXT, --title, --html, "
                                 "--template or --workflow");
    return has_content(c, *ret);
}

static bool
find_body(struct cli *c, struct send_input *ret, int *ret_code)
{
    struct str to = args_rest(&c->args, 0), input, flags, why = STR_NONE;
    bool is_input = to.n == 0 || str_is(to, "-");
    struct send_words words = {
        .args = &c->args,
        .now_ms = clock_system()->wall_ms(clock_system()),
    };

    if (is_input && to.n == 0 && isatty(STDIN_FILENO)) {
        *ret_code = cli_usage(c, "say whom to send to: belfry send TO TEXT");
        return false;
    }
    if (is_input && c->args.n_rest > 1) {
        *ret_code = cli_usage(c, "with a document on stdin there is no TEXT");
        return false;
    }
    if (!is_input) {
        words.to = to;
        if (!find_text(c, &words.text, ret_code))
            return false;
    }
    *ret = (struct send_input){.path = NOTIFICATIONS};
    if (send_body_of_flags(c->arena, &words, &flags, &why) == ERR_OK) {
        ret->body = flags;
        if (!is_input)
            return true;
        if (!input_read(c->arena, stdin, &input))
            why = STR("stdin cannot be read, or is larger than 8 MiB");
        else if (send_body_of_input(c->arena, input, flags, ret, &why) ==
                 ERR_OK)
            return true;
    }
    *ret_code = cli_usage(c, "%.*s", STR_ARG(why));
    return false;
}

/* ---- what came of it ---- */

static int
show_plan(struct cli *c, struct json root)
{
    static const char *const heads[] = {"USER",  "CHANNEL", "VERDICT", "REASON",
                                        "TITLE", "BODY",    NULL};
    static const char *const keys[] = {"user", "channel", "verdict", "reason"};
    struct table *t = table_new(c->arena, &c->out, heads);
    struct json plan = json_get(root, "plan");
    struct buf out;

    for (struct json v = json_first(plan); !json_is(v, JSON_ABSENT);
         v = json_next(plan, v)) {
        struct json rendered = json_get(v, "rendered");
        bool is_sent = str_is(json_str_of(c->arena, v, "verdict"), "send");

        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
            table_cell(
                t, i == 2 ? (is_sent ? TERM_GREEN : TERM_YELLOW) : TERM_PLAIN,
                json_str_of(c->arena, v, keys[i]));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, rendered, "title"));
        table_cell(t, TERM_PLAIN, json_str_of(c->arena, rendered, "body"));
    }
    buf_init(&out, c->arena);
    explain_put_steps(c, json_get(root, "steps"), &out);
    table_write(t, &out);
    if (json_bool(json_get(root, "has_more"), false))
        cli_note(c, TERM_SKIP, "these are the first; there are more");
    cli_note(c, TERM_SKIP, "a dry run: nothing was sent");
    return cli_print(c, &out, CLI_OK);
}

/* One line for each item of the batch. */
static int
show_batch(struct cli *c, struct json root)
{
    struct json results = json_get(root, "results");
    int code = CLI_OK, n = 0;
    struct buf out;

    buf_init(&out, c->arena);
    for (struct json v = json_first(results); !json_is(v, JSON_ABSENT);
         v = json_next(results, v)) {
        struct json problem = json_get(v, "problem");
        bool is_good = json_is(problem, JSON_ABSENT);

        n++;
        code = is_good ? code : CLI_FAILED;
        if (c->is_json) {
            cli_put_json(v, &out);
        } else {
            term_put_symbol(&c->out, &out, is_good ? TERM_YES : TERM_NO);
            buf_printf(&out, " %d  ", n);
            term_put(&c->out, &out, TERM_PLAIN,
                     is_good ? json_str_of(c->arena, v, "id")
                             : json_str_of(c->arena, problem, "detail"),
                     0);
            buf_put_char(&out, '\n');
        }
    }
    return cli_print(c, &out, code);
}

static int
show_accepted(struct cli *c, const struct client_answer *a)
{
    bool is_duplicate = json_bool(json_get(a->root, "duplicate"), false);
    struct buf out;

    buf_init(&out, c->arena);
    term_put_symbol(&c->out, &out, is_duplicate ? TERM_SKIP : TERM_YES);
    buf_put_char(&out, ' ');
    term_put(&c->out, &out, TERM_BOLD, json_str_of(c->arena, a->root, "id"), 0);
    buf_put_char(&out, ' ');
    term_put(&c->out, &out, TERM_PLAIN,
             json_str_of(c->arena, a->root, "status"), 0);
    buf_printf(&out, "%s  %.*s\n",
               is_duplicate ? " (a duplicate: nothing new is sent)" : "",
               STR_ARG(span_text(c->arena, a->duration_ms)));
    return cli_print(c, &out, CLI_OK);
}

/* ---- waiting ---- */

struct waiting {
    struct cli *cli;
    struct str id;
    struct client_answer last; /* of GET /v1/notifications/{id} */
    bool is_settled;
    bool went_wrong;
};

static int64_t
count_in(struct json counts, const char *status)
{
    int64_t n;

    return json_int(json_get(counts, status), &n) ? n : 0;
}

static void
judge(struct waiting *w)
{
    struct json counts = json_get(w->last.root, "counts");
    struct str status = json_str_of(w->cli->arena, w->last.root, "status");

    w->is_settled = str_is(status, "done") || str_is(status, "cancelled");
    w->went_wrong = count_in(counts, "failed") + count_in(counts, "dead") +
                        count_in(counts, "expired") >
                    0;
}

/* Until it has ended or the time is up. False: *ret says why not. */
static bool
wait_until_settled(struct waiting *w, int *ret)
{
    struct cli *c = w->cli;
    int64_t left = args_number(&c->args, "timeout", WAIT_MS);
    int64_t pause = POLL_FIRST_MS;
    struct clock *clock = clock_system();
    int64_t end = clock->mono_ms(clock) + left;

    for (;;) {
        if (!cli_get(c, path_of(c->arena, NOTIFICATIONS "/", w->id, ""),
                     &w->last, ret))
            return false;
        judge(w);
        left = end - clock->mono_ms(clock);
        if (w->is_settled || left <= 0)
            return true;
        client_pause(c->client, pause < left ? pause : left);
        pause = pause * 2 < POLL_MOST_MS ? pause * 2 : POLL_MOST_MS;
    }
}

static void
put_outcome(struct cli *c, const struct delivery_view *d, struct str detail,
            struct buf *out)
{
    int64_t now = clock_system()->wall_ms(clock_system());
    struct str remark = delivery_remark(c->arena, d, now);
    struct str took = d->attempts > 0
                          ? span_text(c->arena, d->updated_ms - d->created_ms)
                          : STR_NONE;

    buf_put_cstr(out, "  ");
    term_put(&c->out, out, TERM_PLAIN, d->user, 12);
    buf_put_char(out, ' ');
    term_put(&c->out, out, TERM_PLAIN, d->channel, 10);
    buf_put_char(out, ' ');
    term_put_symbol(&c->out, out, delivery_symbol(d));
    buf_put_char(out, ' ');
    term_put(&c->out, out, term_symbol_style(delivery_symbol(d)), d->status,
             11);
    buf_put_char(out, ' ');
    term_put(&c->out, out, TERM_PLAIN, took, 8);
    buf_put_char(out, ' ');
    term_put(&c->out, out, TERM_PLAIN, d->provider, 0);
    if (remark.n > 0)
        buf_printf(out, "  %.*s", STR_ARG(term_clean(c->arena, remark)));
    if (detail.n > 0)
        buf_printf(out, ": %.*s", STR_ARG(term_clean(c->arena, detail)));
    while (str_ends(buf_str(out), STR(" ")))
        out->n--;
    buf_put_char(out, '\n');
}

static void
put_outcomes(struct waiting *w, struct buf *out)
{
    struct cli *c = w->cli;
    struct json all = json_get(w->last.root, "deliveries"), v;
    int n_details = 0;

    for (v = json_first(all); !json_is(v, JSON_ABSENT); v = json_next(all, v)) {
        struct str detail = STR_NONE;
        struct delivery_view d;

        delivery_read(c->arena, v, &d);
        if (delivery_went_wrong(&d) && n_details++ < DETAILS_MAX)
            detail = delivery_last_answer(c, d.id);
        put_outcome(c, &d, detail, out);
    }
}

static int
wait_and_show(struct cli *c, struct str id)
{
    struct waiting w = {.cli = c, .id = id};
    struct buf out;
    int code = CLI_FAILED;

    if (!wait_until_settled(&w, &code))
        return code;
    buf_init(&out, c->arena);
    if (c->is_json) {
        cli_put_json(w.last.root, &out);
    } else {
        put_outcomes(&w, &out);
    }
    code = cli_print(c, &out, w.went_wrong ? CLI_FAILED : CLI_OK);
    if (!w.is_settled) {
        cli_complain(
            c, STR("not all of it has ended within --timeout"), STR_NONE,
            str_fmt(c->arena, "look again: belfry get %.*s", STR_ARG(id)));
        return CLI_FAILED;
    }
    if (w.went_wrong)
        cli_note(c, TERM_NO, "why: belfry why %.*s", STR_ARG(id));
    return code;
}

int
run_send(struct cli *c)
{
    struct send_input input;
    struct client_call call;
    struct client_answer a;
    struct buf out;
    int code = CLI_FAILED;

    if (!find_body(c, &input, &code))
        return code;
    call = (struct client_call){
        .method = "POST",
        .path = str_from(input.path),
        .body = input.body,
        .type = input.type,
        .idempotency_key = args_text(&c->args, "idempotency-key"),
    };
    if (!cli_ask(c, &call, &a, &code))
        return code;
    if (input.is_batch)
        return show_batch(c, a.root);
    if (json_is(json_get(a.root, "plan"), JSON_ARRAY) && !c->is_json)
        return show_plan(c, a.root);
    if (args_has(&c->args, "wait") && !args_has(&c->args, "dry-run")) {
        code = c->is_json ? CLI_OK : show_accepted(c, &a);
        return code == CLI_OK
                   ? wait_and_show(c, json_str_of(c->arena, a.root, "id"))
                   : code;
    }
    if (!c->is_json)
        return show_accepted(c, &a);
    buf_init(&out, c->arena);
    cli_put_json(a.root, &out);
    return cli_print(c, &out, CLI_OK);
}
