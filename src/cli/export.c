/* export.c - belfry export: what is configured on a server, as files. One way
 * to write each, so that what a repository shows is what has changed. */
#include "cli/thing_file.h"

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
    struct thing_writer writer;
    size_t n_removed, n_left, n_drafts;
    size_t n_failed; /* of them; each is named */
    struct str why;
};

/* ---- what is left of what was ---- */

static bool
drop(struct exporting *x, struct str name)
{
    if (thing_was_written(&x->writer, name) || !tree_has(&x->folder, name))
        return true;
    if (!args_has(&x->cli->args, "delete")) {
        x->n_left++;
        cli_note(x->cli, TERM_WARN, "%.*s/%.*s is of nothing on the server",
                 STR_ARG(x->folder.name), STR_ARG(name));
        return true;
    }
    x->n_removed++;
    return tree_remove(&x->folder, name, &x->why);
}

static bool
drop_stale(struct exporting *x, enum kind_id kind)
{
    const struct buf *stale = &x->writer.stale;
    struct str *names, name;
    size_t n;

    if (!tree_list(&x->folder, &names, &n, &x->why))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!str_ends(names[i], STR(".json")) ||
            thing_was_written(&x->writer, names[i]))
            continue;
        if (kind == KIND_TEMPLATE)
            thing_note_texts(&x->writer, &x->folder, names[i]);
        if (!drop(x, names[i]))
            return false;
    }
    for (size_t i = 0; i < stale->n / sizeof(name); i++) {
        memcpy(&name, stale->p + i * sizeof(name), sizeof(name));
        if (!drop(x, name))
            return false;
    }
    return true;
}

/* ---- a kind, and all of them ---- */

/* One that cannot be written does not keep the others from it. */
static void
write_one(struct exporting *x, const struct tree *folder, const struct thing *t)
{
    x->n_drafts += !json_is(t->draft, JSON_ABSENT);
    if (thing_write(&x->writer, folder, t))
        return;
    x->n_failed++;
    cli_note(x->cli, TERM_NO, "%.*s", STR_ARG(x->writer.why));
}

static bool
has_some(const struct exporting *x, enum kind_id kind)
{
    for (size_t i = 0; i < x->things.n; i++)
        if (x->things.all[i].kind == kind)
            return true;
    return false;
}

/* Where one failed nobody can tell whose the files are that are left. */
static bool
write_kind(struct exporting *x, enum kind_id kind)
{
    size_t n_failed = x->n_failed;
    bool is_good;

    if (!tree_folder(&x->tree, kind_of(kind)->folder, has_some(x, kind),
                     &x->folder, &x->why))
        return false;
    if (x->folder.fd < 0)
        return true;
    thing_writer_next_folder(&x->writer);
    for (size_t i = 0; i < x->things.n; i++)
        if (x->things.all[i].kind == kind)
            write_one(x, &x->folder, &x->things.all[i]);
    is_good = x->n_failed > n_failed || drop_stale(x, kind);
    tree_close(&x->folder);
    return is_good;
}

static void
write_workspace(struct exporting *x)
{
    for (size_t i = 0; i < x->things.n; i++)
        if (x->things.all[i].kind == KIND_WORKSPACE) {
            write_one(x, &x->tree, &x->things.all[i]);
            return;
        }
    cli_note(x->cli, TERM_SKIP,
             "the workspace itself is left out: only the root key may look at "
             "it");
}

static bool
write_all(struct exporting *x)
{
    write_workspace(x);
    for (int k = KIND_WORKSPACE + 1; k < KIND_COUNT; k++)
        if (!write_kind(x, (enum kind_id)k))
            return false;
    if (x->n_failed > 0)
        x->why =
            str_fmt(x->cli->arena, "%zu could not be written", x->n_failed);
    return x->n_failed == 0;
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
             x->writer.n_written, x->writer.n_same, x->n_removed);
    if (!c->is_json)
        return CLI_OK;
    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_int_field(&w, "written", (int64_t)x->writer.n_written);
    json_int_field(&w, "unchanged", (int64_t)x->writer.n_same);
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
    struct exporting x = {.cli = c, .tree = {.fd = -1}, .folder = {.fd = -1}};
    bool kinds[KIND_COUNT], is_good;
    int code = CLI_FAILED;

    for (int k = 0; k < KIND_COUNT; k++)
        kinds[k] = true;
    kinds[KIND_WORKSPACE] = may_see_workspace(c);
    if (!things_of_server(c, kinds, &x.things, &code))
        return code;
    thing_writer_init(&x.writer, c);
    is_good =
        tree_open(c->arena, args_rest(&c->args, 0), true, &x.tree, &x.why) &&
        write_all(&x);
    tree_close(&x.folder);
    tree_close(&x.tree);
    thing_writer_fini(&x.writer);
    if (is_good)
        return say_summary(&x);
    cli_complain(c, STR("the export is not whole"), x.why, STR_NONE);
    return CLI_FAILED;
}
