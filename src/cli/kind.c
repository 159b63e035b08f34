#include "cli/kind.h"

#include <string.h>

#include "cli/canon.h"
#include "cli/delivery.h"
#include "cli/tree.h"

#define KEY_MAX 128

static const char *const shown_always[] = {"version", "created_at",
                                           "updated_at", NULL};
static const char *const shown_none[] = {NULL};
static const char *const shown_provider[] = {"paused", "receipt_url", NULL};
static const char *const shown_template[] = {"latest", "published", NULL};
static const char *const shown_schedule[] = {"next", "warnings", NULL};
static const char *const shown_experiment[] = {"decision", NULL};
static const char *const shown_endpoint[] = {
    "secret",      "old_secret_until", "failing_since",
    "disabled_at", "disabled_reason",  NULL};

static const struct kind kinds[] = {
    [KIND_WORKSPACE] = {"workspace", "workspaces", "key", shown_none},
    [KIND_PROVIDER] = {"provider", "providers", "name", shown_provider},
    [KIND_CATEGORY] = {"category", "categories", "key", shown_none},
    [KIND_TOPIC] = {"topic", "topics", "key", shown_none},
    [KIND_FLAG] = {"flag", "flags", "key", shown_none},
    [KIND_TEMPLATE] = {"template", "templates", "key", shown_template},
    [KIND_EXPERIMENT] = {"experiment", "experiments", "key", shown_experiment},
    [KIND_WORKFLOW] = {"workflow", "workflows", "key", shown_none},
    [KIND_SCHEDULE] = {"schedule", "schedules", "key", shown_schedule},
    [KIND_ENDPOINT] = {"endpoint", "endpoints", "key", shown_endpoint},
    [KIND_USER] = {"user", "users", "id", shown_none},
};

const struct kind *
kind_of(enum kind_id id)
{
    return &kinds[id];
}

struct str
kind_path(struct arena *a, const struct kind *k, struct str key,
          const char *rest)
{
    struct buf out;

    buf_init(&out, a);
    buf_printf(&out, "/v1/%s/", k->folder);
    buf_put_url(&out, key);
    buf_put_cstr(&out, rest);
    return buf_str(&out);
}

static bool
is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || (c != '\0' && strchr("_.:@-", c));
}

bool
kind_is_key(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (!is_key_char(key.p[i]))
            return false;
    return key.n > 0 && key.n <= KEY_MAX;
}

static bool
is_one_of(struct str name, const char *const *names)
{
    for (; *names; names++)
        if (str_is(name, *names))
            return true;
    return false;
}

struct str
kind_document(struct arena *a, const struct kind *k, struct json shown)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(shown); !json_is(m, JSON_ABSENT);
         m = json_next(shown, m)) {
        struct str name = json_key(a, m);

        if (str_is(name, k->key_name) || is_one_of(name, shown_always) ||
            is_one_of(name, k->shown))
            continue;
        json_put_key_str(&w, name);
        json_put_raw(&w, json_raw(m));
    }
    json_end_object(&w);
    return buf_str(&out);
}

/* ---- commands ---- */

struct listing {
    struct cli *cli;
    const struct kind_column *columns;
    struct table *table;
    struct buf json;
};

static struct json
member_of(struct json doc, const char *path)
{
    struct str rest = str_from(path), name;

    while (str_split(&rest, '.', &name))
        doc = json_get_str(doc, name);
    return doc;
}

/* "a,b" of an array, the text of a string, else as it is written. */
static struct str
cell_text(struct arena *a, struct json v)
{
    struct buf out;

    if (json_is(v, JSON_ABSENT) || json_is(v, JSON_NULL))
        return STR_NONE;
    if (json_is(v, JSON_STRING))
        return json_str(a, v);
    if (!json_is(v, JSON_ARRAY))
        return json_raw(v);
    buf_init(&out, a);
    for (struct json e = json_first(v); !json_is(e, JSON_ABSENT);
         e = json_next(v, e))
        buf_printf(&out, "%s%.*s", out.n > 0 ? "," : "",
                   STR_ARG(cell_text(a, e)));
    return buf_str(&out);
}

static struct str
cell_of(struct arena *a, const struct kind_column *col, struct json doc)
{
    struct str text = cell_text(a, member_of(doc, col->member));

    return text.n > 0 || !col->otherwise ? text : str_from(col->otherwise);
}

static bool
put_row(void *arg, struct json doc)
{
    struct listing *l = arg;
    struct cli *c = l->cli;

    if (c->is_json) {
        buf_reset(&l->json);
        cli_put_json(doc, &l->json);
        return cli_print(c, &l->json, CLI_OK) == CLI_OK;
    }
    for (const struct kind_column *col = l->columns; col->head; col++)
        table_cell(l->table, TERM_PLAIN, cell_of(c->arena, col, doc));
    return true;
}

static struct table *
new_table(struct cli *c, const struct kind_column *columns)
{
    const char **heads;
    size_t n = 0;

    while (columns[n].head)
        n++;
    heads = ARENA_ARRAY(c->arena, const char *, n + 1);
    for (size_t i = 0; i < n; i++)
        heads[i] = columns[i].head;
    return table_new(c->arena, &c->out, heads);
}

int
kind_list(struct cli *c, struct str path, const struct kind_column *columns,
          int64_t limit)
{
    struct listing l = {
        .cli = c, .columns = columns, .table = new_table(c, columns)};
    struct delivery_pages p = {
        .cli = c,
        .path = path,
        .limit = limit,
        .each = put_row,
        .arg = &l,
    };
    struct buf out;
    int code = CLI_FAILED;

    buf_init(&l.json, c->arena);
    if (!delivery_pages(&p, &code))
        return code;
    if (c->is_json)
        return CLI_OK;
    buf_init(&out, c->arena);
    table_write(l.table, &out);
    if (p.has_more)
        cli_note(c, TERM_DOT, "there are more; --limit takes them in");
    return cli_print(c, &out, CLI_OK);
}

int
kind_run_ls(struct cli *c, const struct kind *k,
            const struct kind_column *columns, int64_t limit)
{
    return kind_list(c, str_fmt(c->arena, "/v1/%s", k->folder), columns, limit);
}

int
kind_show(struct cli *c, struct json doc)
{
    struct buf out;

    buf_init(&out, c->arena);
    if (c->is_json)
        cli_put_json(doc, &out);
    else
        canon_put(doc, &out);
    return cli_print(c, &out, CLI_OK);
}

int
kind_run_get(struct cli *c, const struct kind *k, struct str key)
{
    struct client_answer a;
    int code;

    return cli_get(c, kind_path(c->arena, k, key, ""), &a, &code)
               ? kind_show(c, a.root)
               : code;
}

/* What the document says, or else the file's name as belfry export gives it. */
static struct str
key_of_file(struct cli *c, const struct kind *k, struct json doc,
            struct str file)
{
    struct str key = json_str_of(c->arena, doc, k->key_name), part;

    if (key.n > 0 || !str_ends(file, STR(".json")))
        return key;
    while (str_split(&file, '/', &part))
        key = part;
    key.n -= strlen(".json");
    return tree_key_of(c->arena, key, &key) ? key : STR_NONE;
}

int
kind_run_put(struct cli *c, const struct kind *k, struct json doc)
{
    struct str key = key_of_file(c, k, doc, args_rest(&c->args, 1));
    struct client_answer a;
    struct client_call call = {.method = "PUT", .body = json_raw(doc)};
    struct buf out;
    int code;

    if (key.n == 0)
        return cli_usage(c, "the file must say which %s: \"%s\"", k->noun,
                         k->key_name);
    call.path = kind_path(c->arena, k, key, "");
    if (!cli_ask(c, &call, &a, &code))
        return code;
    cli_note(c, TERM_YES, "%s %.*s is %s", k->noun, STR_ARG(key),
             a.status == 201 ? "created" : "replaced");
    buf_init(&out, c->arena);
    if (!c->is_json)
        return CLI_OK;
    cli_put_json(a.root, &out);
    return cli_print(c, &out, CLI_OK);
}

int
kind_run_delete(struct cli *c, const struct kind *k)
{
    int code = CLI_OK;

    for (int i = 1; i < c->args.n_rest; i++) {
        struct str key = args_rest(&c->args, i);
        struct client_answer a;
        struct client_call call = {.method = "DELETE",
                                   .path = kind_path(c->arena, k, key, "")};

        if (!cli_ask(c, &call, &a, &code))
            return code;
        cli_note(c, TERM_YES, "%s %.*s is deleted", k->noun, STR_ARG(key));
    }
    return code;
}
