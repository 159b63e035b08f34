/* template_lint.c - belfry template lint: what a server says of files before
 * they are pushed, or of a template that it has. Errors are what it would
 * refuse. */
#include "cli/template.h"

struct lint_run {
    struct cli *cli;
    struct json_writer json;
    struct buf out;
    size_t n_errors, n_warnings;
};

static void
put_finding(struct lint_run *x, bool is_error, struct str name,
            struct json finding)
{
    struct cli *c = x->cli;
    struct arena *a = c->arena;
    const char *const names[] = {"code", "pointer", "detail", "help"};

    if (c->is_json) {
        json_begin_object(&x->json);
        json_str_field(&x->json, "template", name);
        json_str_field(&x->json, "severity",
                       is_error ? STR("error") : STR("warning"));
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (json_is(json_get(finding, names[i]), JSON_STRING))
                json_str_field(&x->json, names[i],
                               json_str_of(a, finding, names[i]));
        json_end_object(&x->json);
        return;
    }
    term_put_symbol(&c->out, &x->out, is_error ? TERM_NO : TERM_WARN);
    buf_put_char(&x->out, ' ');
    term_put(&c->out, &x->out, TERM_BOLD, name, 0);
    term_put(&c->out, &x->out, TERM_PLAIN,
             str_fmt(a, " %.*s: %.*s",
                     STR_ARG(json_str_of(a, finding, "pointer")),
                     STR_ARG(json_str_of(a, finding, "detail"))),
             0);
    buf_put_char(&x->out, '\n');
    if (is_error)
        return;
    term_put(&c->out, &x->out, TERM_DIM,
             str_fmt(a, "    %.*s: %.*s",
                     STR_ARG(json_str_of(a, finding, "code")),
                     STR_ARG(json_str_of(a, finding, "help"))),
             0);
    buf_put_char(&x->out, '\n');
}

/* A problem without fields at fault is one of its own. */
static void
put_errors(struct lint_run *x, struct str name, struct json problem)
{
    struct json errors = json_get(problem, "errors");

    for (struct json e = json_first(errors); !json_is(e, JSON_ABSENT);
         e = json_next(errors, e), x->n_errors++)
        put_finding(x, true, name, e);
    if (json_count(errors) == 0) {
        put_finding(x, true, name, problem);
        x->n_errors++;
    }
}

/* body: empty for the server's own. */
static bool
lint_one(struct lint_run *x, struct str key, struct str name, struct str body,
         int *ret)
{
    struct client_answer a;
    struct client_call call = {
        .method = "POST",
        .path = kind_path(x->cli->arena, kind_of(KIND_TEMPLATE), key, "/lint"),
        .body = body,
    };
    struct json warnings;

    client_call(x->cli->client, x->cli->arena, &call, &a);
    if (a.outcome == CLIENT_ANSWERED && a.status == 422) {
        put_errors(x, name, a.root);
        return true;
    }
    if (a.outcome != CLIENT_ANSWERED || a.status != 200) {
        *ret = cli_refused(x->cli, &a);
        return false;
    }
    warnings = json_get(a.root, "warnings");
    for (struct json w = json_first(warnings); !json_is(w, JSON_ABSENT);
         w = json_next(warnings, w), x->n_warnings++)
        put_finding(x, false, name, w);
    return true;
}

static bool
lint_file(void *arg, const struct thing *t, int *ret)
{
    return lint_one(arg, t->key, t->file, json_raw(t->doc), ret);
}

static int
say_summary(struct lint_run *x)
{
    struct cli *c = x->cli;
    bool is_good = x->n_errors == 0 &&
                   (x->n_warnings == 0 || !args_has(&c->args, "strict"));

    if (cli_print(c, &x->out, CLI_OK) != CLI_OK)
        return CLI_FAILED;
    cli_note(c,
             x->n_errors > 0     ? TERM_NO
             : x->n_warnings > 0 ? TERM_WARN
                                 : TERM_YES,
             "%zu error%s, %zu warning%s", x->n_errors,
             x->n_errors == 1 ? "" : "s", x->n_warnings,
             x->n_warnings == 1 ? "" : "s");
    return is_good ? CLI_OK : CLI_FAILED;
}

int
template_warn(struct cli *c)
{
    struct lint_run x = {.cli = c};
    struct template_files files = {.cli = c, .each = lint_file, .arg = &x};
    int code = CLI_OK;

    buf_init(&x.out, c->arena);
    x.json = json_writer(&x.out);
    if (c->is_json)
        json_begin_array(&x.json);
    for (int i = 1; i < c->args.n_rest; i++) {
        struct str name = args_rest(&c->args, i);

        if (template_names_files(c, name)
                ? !template_files(&files, name, &code)
                : !lint_one(&x, name, name, STR_NONE, &code))
            return code;
    }
    if (c->is_json) {
        json_end_array(&x.json);
        buf_put_char(&x.out, '\n');
    }
    return say_summary(&x);
}
