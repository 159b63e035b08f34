/* cancel.c - belfry cancel: stop what has not gone out. */
#include "cli/delivery.h"

const struct arg_option cancel_options[] = {
    {.name = "cancel-key",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "All that were sent with this cancel key"},
    {.type = ARG_END},
};

/* What a notification's or a key's cancel did; of a delivery there is nothing
 * to count. */
static bool
did_something(struct json answer)
{
    int64_t stopped, not_stopped, notifications;

    if (json_int(json_get(answer, "notifications"), &notifications) &&
        notifications == 0)
        return false;
    return !json_int(json_get(answer, "stopped"), &stopped) || stopped > 0 ||
           !json_int(json_get(answer, "not_stopped"), &not_stopped) ||
           not_stopped == 0;
}

static void
put_counts(struct buf *out, struct json answer)
{
    int64_t stopped, not_stopped, notifications;

    if (json_int(json_get(answer, "notifications"), &notifications) &&
        notifications == 0) {
        buf_put_cstr(out, ": nothing waits that was sent with this key");
        return;
    }
    buf_put_cstr(out, did_something(answer) ? " cancelled" : ": nothing left");
    if (json_int(json_get(answer, "stopped"), &stopped) &&
        json_int(json_get(answer, "not_stopped"), &not_stopped))
        buf_printf(out, ": %lld stopped, %lld too late", (long long)stopped,
                   (long long)not_stopped);
    if (json_bool(json_get(answer, "more"), false))
        buf_put_cstr(out, "; there are more: say it again");
    if (json_bool(json_get(answer, "continues"), false))
        buf_put_cstr(out, "; the rest is being stopped");
}

static int
show(struct cli *c, const struct client_answer *a, struct str name)
{
    struct buf out;

    buf_init(&out, c->arena);
    if (c->is_json) {
        cli_put_json(a->root, &out);
    } else {
        term_put_symbol(&c->out, &out,
                        did_something(a->root) ? TERM_YES : TERM_SKIP);
        buf_put_char(&out, ' ');
        term_put(&c->out, &out, TERM_PLAIN, name, 0);
        put_counts(&out, a->root);
        buf_put_char(&out, '\n');
    }
    return cli_print(c, &out, CLI_OK);
}

static int
cancel_key(struct cli *c, struct str key)
{
    struct client_call call = {.method = "POST", .path = STR("/v1/cancel")};
    struct client_answer a;
    struct json_writer w;
    struct buf body;
    int code;

    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    json_str_field(&w, "cancel_key", key);
    json_end_object(&w);
    call.body = buf_str(&body);
    return cli_ask(c, &call, &a, &code) ? show(c, &a, key) : code;
}

static int
cancel_id(struct cli *c, struct str id)
{
    struct client_call call = {.method = "POST"};
    struct client_answer a;
    int code;

    if (!id_path(c, id, "/cancel", &call.path, &code))
        return code;
    return cli_ask(c, &call, &a, &code) ? show(c, &a, id) : code;
}

int
run_cancel(struct cli *c)
{
    struct str key = args_text(&c->args, "cancel-key");
    int code = CLI_OK;

    if ((key.n > 0) == (c->args.n_rest > 0))
        return cli_usage(c, "say which: ids, or --cancel-key KEY");
    if (key.n > 0)
        return cancel_key(c, key);
    for (int i = 0; i < c->args.n_rest; i++) {
        int one = cancel_id(c, args_rest(&c->args, i));

        code = code == CLI_OK ? one : code;
    }
    return code;
}
