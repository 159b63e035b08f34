/* key.c - belfry key: make, list and revoke API keys. */
#include "cli/delivery.h"
#include "cli/words.h"

const struct arg_option key_options[] = {
    {.name = "scope",
     .type = ARG_TEXT,
     .value = "A,B",
     .help = "create: send, read, write, admin, metrics"},
    {.name = "name",
     .type = ARG_TEXT,
     .value = "TEXT",
     .help = "create: what it is for"},
    {.name = "expires-in",
     .type = ARG_TEXT,
     .value = "TIME",
     .help = "create: 30d, or an RFC 3339 time (default never)"},
    {.type = ARG_END},
};

static bool
write_request(struct cli *c, struct buf *out, int *ret)
{
    struct str scopes = args_text(&c->args, "scope"), part, at = STR_NONE;
    struct str expires = args_text(&c->args, "expires-in");
    struct json_writer w = json_writer(out);

    if (scopes.n == 0)
        *ret = cli_usage(c, "say what the key may do: --scope send");
    else if (expires.n > 0 && !time_of(c->arena, expires, false, &at))
        *ret = cli_usage(c,
                         "--expires-in \"%.*s\" is neither a duration such "
                         "as 30d nor an RFC 3339 time",
                         STR_ARG(expires));
    if (scopes.n == 0 || (expires.n > 0 && at.n == 0))
        return false;
    json_begin_object(&w);
    if (args_has(&c->args, "name"))
        json_str_field(&w, "name", args_text(&c->args, "name"));
    json_put_key(&w, "scopes");
    json_begin_array(&w);
    while (str_split(&scopes, ',', &part))
        json_put_str(&w, str_trim(part));
    json_end_array(&w);
    if (at.n > 0)
        json_str_field(&w, "expires_at", at);
    json_end_object(&w);
    return true;
}

static int
create_key(struct cli *c)
{
    struct client_call call = {.method = "POST", .path = STR("/v1/keys")};
    struct client_answer a;
    struct buf body, out;
    int code = CLI_FAILED;

    buf_init(&body, c->arena);
    if (!write_request(c, &body, &code))
        return code;
    call.body = buf_str(&body);
    if (!cli_ask(c, &call, &a, &code))
        return code;
    buf_init(&out, c->arena);
    cli_put_made(c, a.root, "key", &out);
    if (!c->is_json)
        cli_note(c, TERM_WARN,
                 "keep it now, nobody can show it again; its id is %.*s",
                 STR_ARG(json_str_of(c->arena, a.root, "id")));
    return cli_print(c, &out, CLI_OK);
}

struct listing {
    struct cli *cli;
    struct table *table;
    struct buf json;
};

static bool
put_key(void *arg, struct json doc)
{
    struct listing *l = arg;
    struct cli *c = l->cli;
    struct json scopes = json_get(doc, "scopes");
    int64_t expires = json_time_of(c->arena, doc, "expires_at");
    struct buf list;

    cli_put_json(doc, &l->json);
    buf_init(&list, c->arena);
    for (struct json v = json_first(scopes); !json_is(v, JSON_ABSENT);
         v = json_next(scopes, v))
        buf_printf(&list, "%s%.*s", list.n ? "," : "",
                   STR_ARG(json_str(c->arena, v)));
    table_cell(l->table, TERM_PLAIN, json_str_of(c->arena, doc, "id"));
    table_cell(l->table, TERM_PLAIN, buf_str(&list));
    table_cell(l->table, TERM_DIM,
               time_text(c->arena, json_time_of(c->arena, doc, "created_at")));
    table_cell(l->table, TERM_PLAIN,
               expires ? time_text(c->arena, expires) : STR("never"));
    table_cell(l->table, TERM_PLAIN, json_str_of(c->arena, doc, "name"));
    return true;
}

static int
list_keys(struct cli *c)
{
    static const char *const heads[] = {"ID",      "SCOPES", "MADE",
                                        "EXPIRES", "NAME",   NULL};
    struct listing l = {.cli = c, .table = table_new(c->arena, &c->out, heads)};
    struct delivery_pages p = {.cli = c,
                               .path = STR("/v1/keys"),
                               .limit = INT64_MAX,
                               .each = put_key,
                               .arg = &l};
    struct buf out;
    int code = CLI_FAILED;

    buf_init(&l.json, c->arena);
    if (!delivery_pages(&p, &code))
        return code;
    if (c->is_json)
        return cli_print(c, &l.json, CLI_OK);
    buf_init(&out, c->arena);
    table_write(l.table, &out);
    return cli_print(c, &out, CLI_OK);
}

/* A whole key will do, too: its id is in it. */
static struct str
key_id(struct str text)
{
    struct str id;

    if (!str_starts(text, STR("bf_")))
        return text;
    text = str_sub(text, 3, SIZE_MAX);
    str_split(&text, '_', &id);
    return id;
}

static int
revoke_keys(struct cli *c)
{
    int code = CLI_OK;

    for (int i = 1; i < c->args.n_rest; i++) {
        struct str id = key_id(args_rest(&c->args, i));
        struct client_answer a;
        struct client_call call = {
            .method = "DELETE",
            .path = path_of(c->arena, "/v1/keys/", id, ""),
        };

        if (!cli_ask(c, &call, &a, &code))
            return code;
        cli_note(c, TERM_YES, "%.*s is revoked", STR_ARG(id));
    }
    return code;
}

const struct word key_words[] = {
    {"create", "", 0, 0, create_key},
    {"ls", "", 0, 0, list_keys},
    {"revoke", "ID...", 1, 99, revoke_keys},
    {0},
};

int
run_key(struct cli *c)
{
    return words_run(c);
}
