/* template_files.c - belfry template push, pull and diff. A push makes drafts,
 * so that nothing changes for recipients until they are published. */
#include <sys/stat.h>

#include "cli/canon.h"
#include "cli/diff.h"
#include "cli/template.h"
#include "cli/thing_file.h"

/* ---- which files ---- */

static bool
is_folder(struct cli *c, struct str name)
{
    struct stat st;

    return stat(str_cstr(c->arena, name), &st) == 0 && S_ISDIR(st.st_mode);
}

bool
template_names_files(struct cli *c, struct str name)
{
    return str_ends(name, STR(".json")) || str_find(name, '/') >= 0 ||
           str_is(name, ".") || is_folder(c, name);
}

static int
complain(struct cli *c, struct str why)
{
    cli_complain(c, STR("cannot use a template's file"), why, STR_NONE);
    return CLI_FAILED;
}

/* A folder as belfry export makes it has another one for templates. */
static bool
open_folder(struct cli *c, struct str name, bool makes, struct tree *ret,
            struct str *ret_why)
{
    struct tree outer;

    if (!tree_open(c->arena, name, makes, &outer, ret_why))
        return false;
    if (!tree_folder(&outer, kind_of(KIND_TEMPLATE)->folder, false, ret,
                     ret_why)) {
        tree_close(&outer);
        return false;
    }
    if (ret->fd < 0)
        *ret = outer;
    else
        tree_close(&outer);
    return true;
}

/* Whether it goes on. */
static bool
complain_of(struct template_files *f, struct str why, int *ret)
{
    *ret = complain(f->cli, why);
    f->n_faults++;
    return f->goes_on;
}

static bool
take_file(struct template_files *f, const struct tree *folder, struct str name,
          int *ret)
{
    struct thing t;
    struct str why;

    if (thing_of_file(f->cli, folder, KIND_TEMPLATE, name, &t, &why))
        return f->each(f->arg, &t, ret);
    return complain_of(f, why, ret);
}

static bool
take_folder(struct template_files *f, struct str name, int *ret)
{
    struct tree folder;
    struct str *names, why;
    bool is_good = true;
    size_t n = 0;

    if (!open_folder(f->cli, name, false, &folder, &why) ||
        !tree_list(&folder, &names, &n, &why))
        return complain_of(f, why, ret);
    for (size_t i = 0; is_good && i < n; i++)
        if (str_ends(names[i], STR(".json")))
            is_good = take_file(f, &folder, names[i], ret);
    tree_close(&folder);
    return is_good;
}

bool
template_files(struct template_files *f, struct str name, int *ret)
{
    struct str dir = STR("."), file = name, why;
    struct tree folder;
    bool is_good;

    if (is_folder(f->cli, name))
        return take_folder(f, name, ret);
    if (!str_ends(name, STR(".json")))
        return complain_of(f,
                           str_fmt(f->cli->arena,
                                   "%.*s is neither a folder nor a file whose "
                                   "name ends in .json",
                                   STR_ARG(name)),
                           ret);
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '/') {
            dir = str_sub(name, 0, i > 0 ? i : 1);
            file = str_sub(name, i + 1, SIZE_MAX);
        }
    if (!tree_open(f->cli->arena, dir, false, &folder, &why))
        return complain_of(f, why, ret);
    is_good = take_file(f, &folder, file, ret);
    tree_close(&folder);
    return is_good;
}

/* Each argument behind the first. */
static bool
take_arguments(struct template_files *f, int *ret)
{
    for (int i = 1; i < f->cli->args.n_rest; i++)
        if (!template_files(f, args_rest(&f->cli->args, i), ret))
            return false;
    return true;
}

/* ---- push ---- */

struct pushing {
    struct cli *cli;
    struct things server;
    size_t n_pushed, n_same, n_refused;
};

static bool
publish(struct cli *c, const struct thing *t, struct str etag, int *ret)
{
    struct client_answer a;
    struct client_call call = {
        .method = "POST",
        .path = kind_path(c->arena, kind_of(KIND_TEMPLATE), t->key, "/publish"),
        .if_match = etag,
    };

    return cli_ask(c, &call, &a, ret);
}

static struct str
etag_of(struct cli *c, struct json root)
{
    return str_fmt(c->arena, "\"%.*s\"",
                   STR_ARG(json_raw(json_get(root, "version"))));
}

/* *ret_root: the template as it is then. */
static bool
put(struct cli *c, const struct thing *t, const struct thing *before,
    struct json *ret_root, int *ret)
{
    struct client_answer a;
    struct client_call call = {
        .method = "PUT",
        .path = kind_path(c->arena, kind_of(KIND_TEMPLATE), t->key, ""),
        .body = json_raw(t->doc),
        .if_match = before ? before->etag : STR("\"0\""),
    };

    if (!cli_ask(c, &call, &a, ret))
        return false;
    *ret_root = a.root;
    return true;
}

/* What the server does not take does not stop the others; but that it cannot
 * be asked, or not with this key, does. */
static bool
leave_out(struct pushing *x, const struct thing *t, int code)
{
    x->n_refused++;
    cli_note(x->cli, TERM_NO, "%.*s: not pushed", STR_ARG(t->key));
    return code == CLI_FAILED;
}

/* What is on the server already is not put again. */
static bool
push_one(void *arg, const struct thing *t, int *ret)
{
    struct pushing *x = arg;
    struct cli *c = x->cli;
    const struct thing *before = things_find(&x->server, t->kind, t->key);
    bool is_there = before && canon_is_same(thing_latest(before), t->doc);
    bool goes_live = args_has(&c->args, "publish") && before &&
                     !(is_there && json_is(before->draft, JSON_ABSENT));
    struct str etag = before ? before->etag : STR_NONE;
    struct json root = {0};

    if (is_there && !goes_live) {
        x->n_same++;
        return true;
    }
    if (!is_there) {
        if (!put(c, t, before, &root, ret))
            return leave_out(x, t, *ret);
        etag = etag_of(c, root);
    }
    if (goes_live && !publish(c, t, etag, ret))
        return leave_out(x, t, *ret);
    x->n_pushed++;
    cli_note(c, TERM_YES, "%.*s: %s", STR_ARG(t->key),
             before && !goes_live ? "a draft; belfry template publish makes "
                                    "it live"
                                  : "live");
    return true;
}

/* The files that cannot be read are among those that failed. */
static int
say_pushed(const struct pushing *x, size_t n_failed, int code)
{
    struct cli *c = x->cli;
    struct json_writer w;
    struct buf out;

    if (n_failed > 0)
        cli_note(c, TERM_NO, "%zu pushed, %zu unchanged, %zu failed",
                 x->n_pushed, x->n_same, n_failed);
    else
        cli_note(c, TERM_YES, "%zu pushed, %zu unchanged", x->n_pushed,
                 x->n_same);
    if (!c->is_json)
        return code;
    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_int_field(&w, "pushed", (int64_t)x->n_pushed);
    json_int_field(&w, "unchanged", (int64_t)x->n_same);
    json_int_field(&w, "failed", (int64_t)n_failed);
    json_end_object(&w);
    buf_put_char(&out, '\n');
    return cli_print(c, &out, code);
}

int
template_push(struct cli *c)
{
    struct pushing x = {.cli = c};
    struct template_files files = {
        .cli = c, .each = push_one, .arg = &x, .goes_on = true};
    int code = CLI_OK;
    size_t n_failed;

    if (!things_of_templates(c, &x.server, &code))
        return code;
    if (take_arguments(&files, &code) && code != CLI_OK)
        code = CLI_FAILED;
    n_failed = x.n_refused + files.n_faults;
    return say_pushed(&x, n_failed, n_failed > 0 ? code : CLI_OK);
}

/* ---- pull ---- */

static bool
pull_one(struct thing_writer *w, const struct tree *folder,
         const struct thing *t)
{
    struct thing latest = *t;

    if (!args_has(&w->cli->args, "live"))
        latest.doc = thing_latest(t);
    return thing_write(w, folder, &latest);
}

static int
no_such(struct cli *c, struct str key)
{
    cli_complain(c, STR("there is no such template"), key,
                 STR("belfry template ls lists them"));
    return CLI_FAILED;
}

static int
pull_into(struct thing_writer *w, const struct things *server, struct str name,
          const struct thing *one)
{
    struct tree folder;
    bool is_good = true;

    if (!open_folder(w->cli, name, true, &folder, &w->why))
        return complain(w->cli, w->why);
    if (one)
        is_good = pull_one(w, &folder, one);
    for (size_t i = 0; !one && is_good && i < server->n; i++)
        is_good = pull_one(w, &folder, &server->all[i]);
    tree_close(&folder);
    return is_good ? CLI_OK : complain(w->cli, w->why);
}

int
template_pull(struct cli *c)
{
    struct things server;
    struct thing_writer w;
    int code = CLI_OK;

    if (!things_of_templates(c, &server, &code))
        return code;
    thing_writer_init(&w, c);
    for (int i = 1; code == CLI_OK && i < c->args.n_rest; i++) {
        struct str name = args_rest(&c->args, i);
        const struct thing *t = things_find(&server, KIND_TEMPLATE, name);

        if (template_names_files(c, name))
            code = pull_into(&w, &server, name, NULL);
        else
            code = t ? pull_into(&w, &server, STR("."), t) : no_such(c, name);
    }
    thing_writer_fini(&w);
    if (code == CLI_OK)
        cli_note(c, TERM_YES, "%zu written, %zu unchanged", w.n_written,
                 w.n_same);
    return code;
}

/* ---- diff ---- */

struct diffing {
    struct cli *cli;
    struct things server;
    struct buf out;
    struct json_writer json;
    size_t n_different;
};

static void
put_diff(struct diffing *x, struct str key, struct json before,
         struct json after, const char *what)
{
    struct cli *c = x->cli;
    struct diff d = diff_of(c->arena, before, after);

    if (d.n == 0)
        return;
    x->n_different++;
    if (c->is_json) {
        json_begin_object(&x->json);
        json_str_field(&x->json, "key", key);
        json_put_key(&x->json, "diff");
        diff_put_json(&d, &x->json);
        json_end_object(&x->json);
        return;
    }
    buf_put_cstr(&x->out, "~ ");
    term_put(&c->out, &x->out, TERM_BOLD, key, 0);
    buf_printf(&x->out, "  (%s)\n", what);
    diff_put(&c->out, c->arena, &d, &x->out);
}

static bool
diff_file(void *arg, const struct thing *t, int *ret)
{
    struct diffing *x = arg;
    const struct thing *before = things_find(&x->server, t->kind, t->key);

    (void)ret;
    put_diff(x, t->key, before ? thing_latest(before) : (struct json){0},
             t->doc,
             before ? "from the server's latest to the file"
                    : "the server has none");
    return true;
}

static bool
diff_draft(struct diffing *x, struct str key, int *ret)
{
    const struct thing *t = things_find(&x->server, KIND_TEMPLATE, key);

    if (!t) {
        *ret = no_such(x->cli, key);
        return false;
    }
    put_diff(x, key, t->doc, thing_latest(t), "from what is live to the draft");
    return true;
}

int
template_diff(struct cli *c)
{
    struct diffing x = {.cli = c};
    struct template_files files = {.cli = c, .each = diff_file, .arg = &x};
    int code = CLI_OK;

    if (!things_of_templates(c, &x.server, &code))
        return code;
    buf_init(&x.out, c->arena);
    x.json = json_writer(&x.out);
    if (c->is_json)
        json_begin_array(&x.json);
    for (int i = 1; i < c->args.n_rest; i++) {
        struct str name = args_rest(&c->args, i);

        if (template_names_files(c, name) ? !template_files(&files, name, &code)
                                          : !diff_draft(&x, name, &code))
            return code;
    }
    if (c->is_json) {
        json_end_array(&x.json);
        buf_put_char(&x.out, '\n');
    }
    if (x.n_different == 0)
        cli_note(c, TERM_YES, "no differences");
    return cli_print(c, &x.out, CLI_OK);
}
