/* export.c - belfry export: what is configured on a server, as files. One way
 * to write each, so that what a repository shows is what has changed. */
#include "cli/canon.h"
#include "cli/expand.h"
#include "cli/input.h"
#include "cli/texts.h"
#include "cli/thing.h"

const struct arg_option export_options[] = {
    {.name = "delete",
     .type = ARG_FLAG,
     .help = "Remove files of what is not on the server"},
    {.type = ARG_END},
};

struct exporting {
    struct cli *cli;
    struct things things;
    struct tree tree, folder;
    struct buf written; /* of struct str: names of files, of the folder */
    struct buf stale;   /* the same: they may be of nothing now */
    size_t n_written, n_same, n_removed, n_left, n_drafts;
    struct str why;
};

/* ---- one file ---- */

static bool
write_file(struct exporting *x, const struct tree *folder, struct str name,
           struct str text)
{
    bool same;

    buf_put(&x->written, &name, sizeof(name));
    if (!tree_write(folder, name, text, &same, &x->why))
        return false;
    x->n_same += same;
    x->n_written += !same;
    return true;
}

static bool
holds(const struct buf *names, struct str name)
{
    for (size_t i = 0; i < names->n / sizeof(name); i++) {
        struct str one;

        memcpy(&one, names->p + i * sizeof(one), sizeof(one));
        if (str_eq(one, name))
            return true;
    }
    return false;
}

/* The file that is there; absent: none, or none that can be read. */
static struct json
file_before(struct exporting *x, const struct tree *folder, struct str name)
{
    struct arena *a = x->cli->arena;
    struct str text, why;
    struct json doc;

    return tree_has(folder, name) && tree_read(folder, name, &text, &why) &&
                   input_parse(a, text, &doc, &why)
               ? doc
               : (struct json){0};
}

static bool
write_texts(struct exporting *x, const struct thing *t, struct str *ret)
{
    struct texts_file *files;
    size_t n;

    *ret = texts_put_out(x->cli->arena, t->key, t->doc, &files, &n);
    for (size_t i = 0; i < n; i++)
        if (!write_file(x, &x->folder, files[i].name, files[i].text))
            return false;
    return true;
}

static bool
write_thing(struct exporting *x, const struct thing *t)
{
    struct arena *a = x->cli->arena;
    bool is_workspace = t->kind == KIND_WORKSPACE;
    const struct tree *folder = is_workspace ? &x->tree : &x->folder;
    struct str name =
        is_workspace ? STR(WORKSPACE_FILE) : tree_name_of(a, t->key, ".json");
    struct json before = file_before(x, folder, name), doc;
    struct str text = json_raw(t->doc);
    struct buf out;

    texts_names(a, before, &x->stale);
    if (t->kind == KIND_TEMPLATE && !write_texts(x, t, &text))
        return false;
    if (t->kind == KIND_PROVIDER)
        text = expand_keep(a, x->cli->environ, t->doc, before);
    if (!input_parse(a, text, &doc, &x->why))
        return false;
    buf_init(&out, a);
    canon_put(doc, &out);
    x->n_drafts += !json_is(t->draft, JSON_ABSENT);
    return write_file(x, folder, name, buf_str(&out));
}

/* ---- what is left of what was ---- */

static bool
drop(struct exporting *x, struct str name)
{
    if (holds(&x->written, name) || !tree_has(&x->folder, name))
        return true;
    if (!args_has(&x->cli->args, "delete")) {
        x->n_left++;
        cli_note(x->cli, TERM_WARN, "%.*s/%.*s is of nothing on the server",
                 STR_ARG(x->folder.name), STR_ARG(name));
        return true;
    }
    buf_put(&x->written, &name, sizeof(name)); /* not twice */
    x->n_removed++;
    return tree_remove(&x->folder, name, &x->why);
}

static bool
drop_stale(struct exporting *x)
{
    struct str *names, name;
    size_t n;

    if (!tree_list(&x->folder, &names, &n, &x->why))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!str_ends(names[i], STR(".json")) || holds(&x->written, names[i]))
            continue;
        texts_names(x->cli->arena, file_before(x, &x->folder, names[i]),
                    &x->stale);
        if (!drop(x, names[i]))
            return false;
    }
    for (size_t i = 0; i < x->stale.n / sizeof(name); i++) {
        memcpy(&name, x->stale.p + i * sizeof(name), sizeof(name));
        if (!drop(x, name))
            return false;
    }
    return true;
}

/* ---- a kind, and all of them ---- */

static bool
write_kind(struct exporting *x, enum kind_id kind)
{
    bool is_good = true, has_some = false;

    for (size_t i = 0; i < x->things.n; i++)
        has_some = has_some || x->things.all[i].kind == kind;
    if (!tree_folder(&x->tree, kind_of(kind)->folder, has_some, &x->folder,
                     &x->why))
        return false;
    if (x->folder.fd < 0)
        return true;
    buf_reset(&x->written);
    buf_reset(&x->stale);
    for (size_t i = 0; is_good && i < x->things.n; i++)
        if (x->things.all[i].kind == kind)
            is_good = write_thing(x, &x->things.all[i]);
    is_good = is_good && drop_stale(x);
    tree_close(&x->folder);
    return is_good;
}

static bool
write_workspace(struct exporting *x)
{
    for (size_t i = 0; i < x->things.n; i++)
        if (x->things.all[i].kind == KIND_WORKSPACE)
            return write_thing(x, &x->things.all[i]);
    cli_note(x->cli, TERM_SKIP,
             "the workspace itself is left out: only the root key may look at "
             "it");
    return true;
}

static bool
write_all(struct exporting *x)
{
    if (!write_workspace(x))
        return false;
    for (int k = KIND_WORKSPACE + 1; k < KIND_COUNT; k++)
        if (!write_kind(x, (enum kind_id)k))
            return false;
    return true;
}

/* A key of one workspace may look at all in it, but not at the workspace. */
static bool
may_see_workspace(struct cli *c)
{
    struct client_answer a;
    struct client_call call = {
        .method = "GET",
        .path =
            kind_path(c->arena, kind_of(KIND_WORKSPACE), workspace_key(c), ""),
    };

    client_call(c->client, c->arena, &call, &a);
    return a.outcome != CLIENT_ANSWERED || a.status != 403;
}

static int
say_summary(struct exporting *x)
{
    struct cli *c = x->cli;
    struct json_writer w;
    struct buf out;

    if (x->n_drafts > 0)
        cli_note(c, TERM_WARN,
                 "%zu template%s a draft; what sends use was exported",
                 x->n_drafts, x->n_drafts == 1 ? " has" : "s have");
    if (x->n_left > 0)
        cli_note(c, TERM_WARN, "--delete removes the files of nothing");
    cli_note(c, TERM_YES, "%zu written, %zu unchanged, %zu removed",
             x->n_written, x->n_same, x->n_removed);
    if (!c->is_json)
        return CLI_OK;
    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_int_field(&w, "written", (int64_t)x->n_written);
    json_int_field(&w, "unchanged", (int64_t)x->n_same);
    json_int_field(&w, "removed", (int64_t)x->n_removed);
    json_int_field(&w, "without_object", (int64_t)x->n_left);
    json_int_field(&w, "drafts", (int64_t)x->n_drafts);
    json_end_object(&w);
    buf_put_char(&out, '\n');
    return cli_print(c, &out, CLI_OK);
}

int
run_export(struct cli *c)
{
    struct exporting x = {.cli = c};
    bool kinds[KIND_COUNT], is_good;
    int code = CLI_FAILED;

    for (int k = 0; k < KIND_COUNT; k++)
        kinds[k] = true;
    kinds[KIND_WORKSPACE] = may_see_workspace(c);
    if (!things_of_server(c, kinds, &x.things, &code))
        return code;
    buf_init(&x.written, c->arena);
    buf_init(&x.stale, c->arena);
    is_good =
        tree_open(c->arena, args_rest(&c->args, 0), true, &x.tree, &x.why) &&
        write_all(&x);
    tree_close(&x.folder);
    tree_close(&x.tree);
    if (is_good)
        return say_summary(&x);
    cli_complain(c, STR("the export is not whole"), x.why, STR_NONE);
    return CLI_FAILED;
}
