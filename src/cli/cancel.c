/* cancel.c - belfry cancel: stop what has not gone out. */
#include "cli/cli_private.h"

const struct arg_option cancel_options[] = {
    {.name = "cancel-key",
     .type = ARG_TEXT,
     .value = "KEY",
     .help = "All that were sent with this cancel key"},
    {.type = ARG_END},
};

static int
show(struct cli *c, const struct client_answer *a, struct str name)
{
    int64_t stopped = 0, not_stopped = 0;
    struct buf out;

    buf_init(&out, c->arena);
    if (c->is_json) {
        buf_put_str(&out, json_raw(a->root));
    } else {
        bool is_counted = json_int(json_get(a->root, "stopped"), &stopped);

        if (!json_int(json_get(a->root, "not_stopped"), &not_stopped))
            not_stopped = 0;
        term_put_symbol(&c->out, &out,
                        is_counted && stopped == 0 && not_stopped > 0
                            ? TERM_SKIP
                            : TERM_YES);
        buf_put_char(&out, ' ');
        term_put(&c->out, &out, TERM_PLAIN, name, 0);
        if (is_counted)
            buf_printf(&out, " cancelled: %lld stopped, %lld too late%s",
                       (long long)stopped, (long long)not_stopped,
                       json_bool(json_get(a->root, "more"), false)
                           ? "; there are more: say it again"
                           : "");
        else
            buf_put_cstr(&out, " cancelled");
    }
    buf_put_char(&out, '\n');
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
    bool is_delivery = str_starts(id, STR("dlv_"));
    struct client_call call = {.method = "POST"};
    struct client_answer a;
    int code;

    if (!is_delivery && !str_starts(id, STR("ntf_")))
        return cli_usage(c,
                         "\"%.*s\" is no id: a notification's begins with "
                         "ntf_, a delivery's with dlv_",
                         STR_ARG(id));
    call.path = path_of(c->arena,
                        is_delivery ? "/v1/deliveries/" : "/v1/notifications/",
                        id, "/cancel");
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
