/* suppression.c - belfry suppression: which addresses are not written to. */
#include "cli/kind.h"
#include "cli/words.h"

#define LIST "/v1/suppressions"

const struct arg_option suppression_options[] = {
    {.name = "channel",
     .type = ARG_TEXT,
     .value = "NAME",
     .help = "On this channel alone, such as email (default: on all)"},
    {.name = "reason",
     .type = ARG_TEXT,
     .value = "REASON",
     .help = "ls: only for this one; add: why (default suppress.manual)"},
    {.name = "note",
     .type = ARG_TEXT,
     .value = "TEXT",
     .help = "add: for people"},
    {.name = "limit",
     .type = ARG_INT,
     .value = "N",
     .min = 1,
     .max = INT64_MAX / 2,
     .help = "ls: at most so many (default 100)"},
    {.type = ARG_END},
};

static int
list_suppressions(struct cli *c)
{
    static const struct kind_column columns[] = {
        {"ADDRESS", "address"},  {"CHANNEL", "channel"}, {"REASON", "reason"},
        {"SINCE", "created_at"}, {"NOTE", "note"},       {NULL, NULL}};
    struct buf path;

    buf_init(&path, c->arena);
    buf_put_cstr(&path, LIST);
    query_put(&path, "channel", args_text(&c->args, "channel"));
    query_put(&path, "reason", args_text(&c->args, "reason"));
    if (c->args.n_rest > 1)
        query_put(&path, "address", args_rest(&c->args, 1));
    return kind_list(c, buf_str(&path), columns,
                     args_number(&c->args, "limit", 100));
}

static struct str
body_of(struct cli *c)
{
    static const char *const names[] = {"channel", "reason", "note", NULL};
    struct json_writer w;
    struct buf out;

    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    for (size_t i = 0; names[i]; i++)
        if (args_has(&c->args, names[i]))
            json_str_field(&w, names[i], args_text(&c->args, names[i]));
    json_end_object(&w);
    return buf_str(&out);
}

static int
add_suppressions(struct cli *c)
{
    struct buf out;
    int code = CLI_OK;

    buf_init(&out, c->arena);
    for (int i = 1; i < c->args.n_rest; i++) {
        struct str address = args_rest(&c->args, i);
        struct client_answer a;
        struct client_call call = {
            .method = "PUT",
            .path = path_of(c->arena, LIST "/", address, ""),
            .body = body_of(c),
        };

        if (!cli_ask(c, &call, &a, &code))
            return code;
        cli_note(c, TERM_YES, "%.*s is not written to any more",
                 STR_ARG(address));
        if (c->is_json)
            cli_put_json(a.root, &out);
    }
    return cli_print(c, &out, CLI_OK);
}

/* Of one channel, others may be left. */
static void
tell_removed(struct cli *c, struct str address)
{
    struct str channel = args_text(&c->args, "channel");

    if (channel.n > 0)
        cli_note(c, TERM_YES, "%.*s is written to again on %.*s",
                 STR_ARG(address), STR_ARG(channel));
    else
        cli_note(c, TERM_YES, "%.*s is written to again", STR_ARG(address));
}

static int
remove_suppressions(struct cli *c)
{
    struct buf query;
    int code = CLI_OK;

    buf_init(&query, c->arena);
    query_put(&query, "channel", args_text(&c->args, "channel"));
    for (int i = 1; i < c->args.n_rest; i++) {
        struct str address = args_rest(&c->args, i);
        struct client_answer a;
        struct client_call call = {
            .method = "DELETE",
            .path = path_of(c->arena, LIST "/", address,
                            str_cstr(c->arena, buf_str(&query))),
        };

        if (!cli_ask(c, &call, &a, &code))
            return code;
        tell_removed(c, address);
    }
    return code;
}

const struct word suppression_words[] = {
    {"ls", "[ADDRESS]", 0, 1, list_suppressions},
    {"add", "ADDRESS...", 1, 1000, add_suppressions},
    {"rm", "ADDRESS...", 1, 1000, remove_suppressions},
    {0},
};

int
run_suppression(struct cli *c)
{
    return words_run(c);
}
