#include "cli/cli_private.h"

const struct arg_option token_options[] = {
    {.name = "ttl",
     .type = ARG_DURATION,
     .value = "TIME",
     .min = 1000,
     .max = 86400000,
     .help = "How long it is good for (default 1h, at most 24h)"},
    {.type = ARG_END},
};

int
run_token(struct cli *c)
{
    struct str user = args_rest(&c->args, 0), ttl = args_text(&c->args, "ttl");
    struct client_call call = {
        .method = "POST",
        .path = path_of(c->arena, "/v1/users/", user, "/token"),
    };
    struct client_answer a;
    struct json_writer w;
    struct buf body, out;
    int code;

    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    if (ttl.n > 0)
        json_str_field(&w, "ttl", ttl);
    json_end_object(&w);
    call.body = buf_str(&body);
    if (!cli_ask(c, &call, &a, &code))
        return code;
    buf_init(&out, c->arena);
    cli_put_made(c, a.root, "token", &out);
    if (c->err.is_tty && !c->is_json)
        cli_note(c, TERM_DOT, "good until %.*s",
                 STR_ARG(json_str_of(c->arena, a.root, "expires_at")));
    return cli_print(c, &out, CLI_OK);
}
