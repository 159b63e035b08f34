#include "cli/thing.h"

#include <stdlib.h>

#include "cli/canon.h"
#include "cli/delivery.h"
#include "cli/expand.h"
#include "cli/input.h"
#include "cli/texts.h"

#define COMPLAINTS_MAX 20

static int
by_kind_and_key(const void *a, const void *b)
{
    const struct thing *x = a, *y = b;

    return x->kind != y->kind ? (x->kind > y->kind ? 1 : -1)
                              : str_cmp(x->key, y->key);
}

static void
take_all(struct arena *a, struct buf *list, struct things *t)
{
    t->n = list->n / sizeof(struct thing);
    t->all = ARENA_ARRAY(a, struct thing, t->n);
    if (list->n > 0)
        memcpy(t->all, list->p, list->n);
    qsort(t->all, t->n, sizeof(*t->all), by_kind_and_key);
}

const struct thing *
things_find(const struct things *t, enum kind_id kind, struct str key)
{
    const struct thing wanted = {.kind = kind, .key = key};

    return t->n > 0 ? bsearch(&wanted, t->all, t->n, sizeof(*t->all),
                              by_kind_and_key)
                    : NULL;
}

struct str
thing_name(struct arena *a, const struct thing *t)
{
    if (t->kind == KIND_WORKSPACE)
        return STR("workspace");
    return str_fmt(a, "%s/%.*s", kind_of(t->kind)->folder, STR_ARG(t->key));
}

struct str
workspace_key(const struct cli *c)
{
    struct str key = args_text(&c->args, "workspace");

    return key.n > 0 ? key : STR("default");
}

static struct json
parse(struct arena *a, struct str text)
{
    struct str why;
    struct json doc;

    return input_parse(a, text, &doc, &why) ? doc : (struct json){0};
}

/* ---- of a server ---- */

/* A server that answers otherwise is none of ours, or what is in between
 * changes its answers. */
static bool
is_thing(struct cli *c, const struct kind *k, struct str key, struct json doc)
{
    if (kind_is_key(key) && json_is(doc, JSON_OBJECT))
        return true;
    cli_complain(
        c,
        str_fmt(c->arena, "the server's list of %s cannot be used", k->folder),
        kind_is_key(key)
            ? str_fmt(c->arena, "%s %.*s is no document", k->noun, STR_ARG(key))
            : str_fmt(c->arena, "\"%.*s\" is no %s of a %s",
                      STR_ARG(term_clean(c->arena, key)), k->key_name, k->noun),
        STR("belfry doctor looks at the server and the way to it"));
    return false;
}

struct asking {
    struct cli *cli;
    enum kind_id kind;
    struct buf list; /* of struct thing */
    int code;
    bool is_broken;
};

static struct json
document_of(struct asking *x, struct json shown)
{
    struct arena *a = x->cli->arena;

    return parse(a, kind_document(a, kind_of(x->kind), shown));
}

/* The server's list has each template as it was written last. */
static bool
take_published(struct asking *x, struct thing *t)
{
    struct arena *a = x->cli->arena;
    struct client_answer answer;

    if (!cli_get(
            x->cli,
            kind_path(a, kind_of(KIND_TEMPLATE), t->key, "?version=published"),
            &answer, &x->code))
        return false;
    t->draft = t->doc;
    t->doc = document_of(x, answer.root);
    return true;
}

static bool
take_shown(void *arg, struct json shown)
{
    struct asking *x = arg;
    struct arena *a = x->cli->arena;
    const struct kind *k = kind_of(x->kind);
    int64_t latest = 0, published = 0;
    struct thing t = {
        .kind = x->kind,
        .key = json_str_of(a, shown, k->key_name),
        .doc = document_of(x, shown),
        .etag = str_fmt(a, "\"%.*s\"",
                        STR_ARG(json_raw(json_get(shown, "version")))),
    };

    /* Names of files come of it. */
    x->is_broken = !is_thing(x->cli, k, t.key, t.doc);
    json_int(json_get(shown, "latest"), &latest);
    json_int(json_get(shown, "published"), &published);
    if (!x->is_broken && latest != published)
        x->is_broken = !take_published(x, &t);
    if (!x->is_broken)
        buf_put(&x->list, &t, sizeof(t));
    return !x->is_broken;
}

static bool
ask_kind(struct asking *x)
{
    struct arena *a = x->cli->arena;
    struct delivery_pages p = {
        .cli = x->cli,
        .path = str_fmt(a, "/v1/%s", kind_of(x->kind)->folder),
        .limit = INT64_MAX,
        .each = take_shown,
        .arg = x,
    };
    struct client_answer answer;

    if (x->kind != KIND_WORKSPACE)
        return delivery_pages(&p, &x->code) && !x->is_broken;
    return cli_get(
               x->cli,
               kind_path(a, kind_of(KIND_WORKSPACE), workspace_key(x->cli), ""),
               &answer, &x->code) &&
           take_shown(x, answer.root);
}

bool
things_of_server(struct cli *c, const bool kinds[KIND_COUNT],
                 struct things *ret_things, int *ret)
{
    struct asking x = {.cli = c, .code = CLI_FAILED};

    *ret_things = (struct things){0};
    buf_init(&x.list, c->arena);
    for (int k = 0; k < KIND_COUNT; k++) {
        x.kind = (enum kind_id)k;
        if (kinds[k] && !ask_kind(&x)) {
            *ret = x.code;
            return false;
        }
        ret_things->has[k] = kinds[k];
    }
    take_all(c->arena, &x.list, ret_things);
    return true;
}

bool
things_of_templates(struct cli *c, struct things *ret_things, int *ret)
{
    const bool kinds[KIND_COUNT] = {[KIND_TEMPLATE] = true};

    return things_of_server(c, kinds, ret_things, ret);
}

/* ---- of a folder ---- */

struct reading {
    struct cli *cli;
    const struct tree *tree;
    struct buf list; /* of struct thing */
    size_t n_faults;
};

static bool
fault(struct reading *x, struct str why)
{
    if (x->n_faults++ < COMPLAINTS_MAX)
        cli_note(x->cli, TERM_NO, "%.*s", STR_ARG(why));
    return false;
}

/* The document's own word on its key, if it has one, is the name's. */
static bool
names_itself(struct arena *a, const struct thing *t, struct json doc,
             struct str *ret_why)
{
    const char *name = kind_of(t->kind)->key_name;
    struct json own = json_get(doc, name);

    if (json_is(own, JSON_ABSENT) || str_eq(json_str(a, own), t->key))
        return true;
    *ret_why = str_fmt(a,
                       "\"%s\" must be \"%.*s\", as the file's name has it, "
                       "or left out",
                       name, STR_ARG(t->key));
    return false;
}

static bool
take_in(struct cli *c, const struct tree *folder, struct thing *t,
        struct str text, struct str *ret_why)
{
    struct arena *a = c->arena;
    struct json doc;

    if (!input_parse(a, text, &doc, ret_why) ||
        !names_itself(a, t, doc, ret_why))
        return false;
    if (t->kind == KIND_TEMPLATE && !texts_take_in(folder, doc, &text, ret_why))
        return false;
    t->written = doc;
    if (t->kind == KIND_PROVIDER &&
        !expand_config(a, c->environ, doc, &text, ret_why))
        return false;
    return input_parse(a, text, &doc, ret_why) &&
           input_parse(a, kind_document(a, kind_of(t->kind), doc), &t->doc,
                       ret_why);
}

bool
thing_of_file(struct cli *c, const struct tree *folder, enum kind_id kind,
              struct str file, struct thing *ret, struct str *ret_why)
{
    struct arena *a = c->arena;
    struct str text, why = STR("is named as no key is");

    *ret = (struct thing){
        .kind = kind,
        .file = str_fmt(a, "%.*s/%.*s", STR_ARG(folder->name), STR_ARG(file)),
    };
    if (kind == KIND_WORKSPACE)
        ret->key = workspace_key(c);
    else if (!tree_key_of(a, str_sub(file, 0, file.n - strlen(".json")),
                          &ret->key) ||
             !kind_is_key(ret->key))
        goto refuse;
    if (!tree_read(folder, file, &text, ret_why))
        return false;
    if (take_in(c, folder, ret, text, &why))
        return true;
refuse:
    *ret_why = str_fmt(a, "%.*s: %.*s", STR_ARG(ret->file), STR_ARG(why));
    return false;
}

static void
read_file(struct reading *x, const struct tree *folder, enum kind_id kind,
          struct str file)
{
    struct thing t;
    struct str why;

    if (thing_of_file(x->cli, folder, kind, file, &t, &why))
        buf_put(&x->list, &t, sizeof(t));
    else
        fault(x, why);
}

static bool
read_folder(struct reading *x, enum kind_id kind)
{
    struct tree folder;
    struct str *names, why;
    size_t n;
    bool is_there;

    if (!tree_folder(x->tree, kind_of(kind)->folder, false, &folder, &why))
        return fault(x, why);
    is_there = folder.fd >= 0;
    if (is_there && !tree_list(&folder, &names, &n, &why))
        fault(x, why);
    else if (is_there)
        for (size_t i = 0; i < n; i++)
            if (str_ends(names[i], STR(".json")))
                read_file(x, &folder, kind, names[i]);
    tree_close(&folder);
    return is_there;
}

/* The folder that this name was most likely meant to be; NULL: none. */
static const char *
misspelt(struct str name)
{
    for (int k = KIND_WORKSPACE + 1; k < KIND_COUNT; k++) {
        const char *folder = kind_of((enum kind_id)k)->folder;
        size_t d = str_distance(name, str_from(folder));

        if (d > 0 && d <= 2)
            return folder;
    }
    return NULL;
}

static void
warn_of_others(struct reading *x)
{
    struct str *names, why;
    size_t n;

    if (!tree_list(x->tree, &names, &n, &why)) {
        fault(x, why);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (misspelt(names[i]))
            cli_note(x->cli, TERM_WARN,
                     "%.*s/%.*s is left alone; perhaps it is meant to be %s",
                     STR_ARG(x->tree->name), STR_ARG(names[i]),
                     misspelt(names[i]));
}

bool
things_of_folder(struct cli *c, const struct tree *t, struct things *ret_things,
                 int *ret)
{
    struct reading x = {.cli = c, .tree = t};

    *ret_things = (struct things){0};
    buf_init(&x.list, c->arena);
    ret_things->has[KIND_WORKSPACE] = tree_has(t, STR(WORKSPACE_FILE));
    if (ret_things->has[KIND_WORKSPACE])
        read_file(&x, t, KIND_WORKSPACE, STR(WORKSPACE_FILE));
    for (int k = KIND_WORKSPACE + 1; k < KIND_COUNT; k++)
        ret_things->has[k] = read_folder(&x, (enum kind_id)k);
    warn_of_others(&x);
    take_all(c->arena, &x.list, ret_things);
    if (x.n_faults == 0)
        return true;
    cli_complain(c,
                 str_fmt(c->arena, "%zu file%s of %.*s cannot be used",
                         x.n_faults, x.n_faults == 1 ? "" : "s",
                         STR_ARG(t->name)),
                 STR_NONE, STR_NONE);
    *ret = CLI_FAILED;
    return false;
}
