/* approve.c - belfry approve, belfry reject: decide about what waits for it. */
#include "cli/delivery.h"

const struct arg_option approve_options[] = {
    {.name = "by",
     .type = ARG_TEXT,
     .value = "USER",
     .help = "Who decides; where roles are asked for, a user who has one"},
    {.name = "note",
     .type = ARG_TEXT,
     .value = "TEXT",
     .help = "Why; kept with the decision"},
    {.type = ARG_END},
};

static int
show(struct cli *c, const struct client_answer *a, struct str id)
{
    struct str by = json_str_of(c->arena, a->root, "by");
    struct buf out;

    buf_init(&out, c->arena);
    if (c->is_json) {
        cli_put_json(a->root, &out);
    } else {
        term_put_symbol(&c->out, &out, TERM_YES);
        buf_put_char(&out, ' ');
        term_put(&c->out, &out, TERM_PLAIN, id, 0);
        buf_put_char(&out, ' ');
        term_put(&c->out, &out, TERM_PLAIN,
                 json_str_of(c->arena, a->root, "decision"), 0);
        if (by.n > 0) {
            buf_put_cstr(&out, " by ");
            term_put(&c->out, &out, TERM_PLAIN, by, 0);
        }
        buf_put_cstr(&out, ": now ");
        term_put(&c->out, &out, TERM_PLAIN,
                 json_str_of(c->arena, a->root, "status"), 0);
        buf_put_char(&out, '\n');
    }
    return cli_print(c, &out, CLI_OK);
}

static struct str
body_of(struct cli *c)
{
    static const char *const names[] = {"by", "note"};
    struct json_writer w;
    struct buf body;

    buf_init(&body, c->arena);
    w = json_writer(&body);
    json_begin_object(&w);
    for (size_t i = 0; i < 2; i++) {
        struct str text = args_text(&c->args, names[i]);

        if (text.n > 0)
            json_str_field(&w, names[i], text);
    }
    json_end_object(&w);
    return buf_str(&body);
}

static int
decide(struct cli *c, struct str id, const char *verb)
{
    struct client_call call = {.method = "POST", .body = body_of(c)};
    struct client_answer a;
    int code;

    if (id_of(id) != ID_OF_NOTIFICATION)
        return cli_usage(c,
                         "\"%.*s\" is no id of a notification, which begins "
                         "with ntf_",
                         STR_ARG(id));
    call.path = path_of(c->arena, NOTIFICATIONS "/", id, verb);
    return cli_ask(c, &call, &a, &code) ? show(c, &a, id) : code;
}

static int
decide_all(struct cli *c, const char *verb)
{
    int code = CLI_OK;

    for (int i = 0; i < c->args.n_rest; i++) {
        int one = decide(c, args_rest(&c->args, i), verb);

        code = code == CLI_OK ? one : code;
    }
    return code;
}

int
run_approve(struct cli *c)
{
    return decide_all(c, "/approve");
}

int
run_reject(struct cli *c)
{
    return decide_all(c, "/reject");
}
