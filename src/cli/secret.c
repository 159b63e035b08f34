/* secret.c - belfry secret: what calls of actions and of endpoints are signed
 * with. */
#include "cli/words.h"

#define ACTIONS "/v1/inbox/actions/secret"

const struct arg_option secret_options[] = {{.type = ARG_END}};

static int
ask_for(struct cli *c, struct str path)
{
    const struct client_call call = {
        .method = "POST", .path = path, .body = STR("{}")};
    struct client_answer a;
    struct str until;
    struct buf out;
    int code = CLI_FAILED;

    if (!cli_ask(c, &call, &a, &code))
        return code;
    buf_init(&out, c->arena);
    cli_put_made(c, a.root, "secret", &out);
    until = json_str_of(c->arena, a.root, "old_secret_until");
    if (until.n > 0 && !c->is_json)
        cli_note(c, TERM_DOT, "the one before it signs, too, until %.*s",
                 STR_ARG(until));
    return cli_print(c, &out, CLI_OK);
}

static int
show(struct cli *c)
{
    return ask_for(c, STR(ACTIONS));
}

static int
rotate(struct cli *c)
{
    if (c->args.n_rest < 2)
        return ask_for(c, STR(ACTIONS "/rotate"));
    return ask_for(c, path_of(c->arena, "/v1/endpoints/",
                              args_rest(&c->args, 1), "/rotate"));
}

const struct word secret_words[] = {
    {"show", "", 0, 0, show},
    {"rotate", "[ENDPOINT]", 0, 1, rotate},
    {0},
};

int
run_secret(struct cli *c)
{
    return words_run(c);
}
