/* template.c - belfry template: look at templates, write them, try them, make
 * them live. */
#include "cli/template.h"

#include "cli/send_body.h"
#include "cli/words.h"

const struct arg_option template_options[] = {
    {.name = "publish", .type = ARG_FLAG, .help = "push: make it live at once"},
    {.name = "strict",
     .type = ARG_FLAG,
     .help = "lint: fail for warnings, too"},
    {.name = "live",
     .type = ARG_FLAG,
     .help = "pull, preview: what sends use, not the draft"},
    {.name = "data",
     .type = ARG_TEXT,
     .value = "K=V",
     .is_repeatable = true,
     .help = "preview: what fills it: key=text or key:=json"},
    {.name = "channel",
     .type = ARG_TEXT,
     .value = "NAME",
     .help = "preview: as on this channel"},
    {.name = "locale",
     .type = ARG_TEXT,
     .value = "TAG",
     .help = "preview: as for a reader of this language"},
    {.name = "timezone",
     .type = ARG_TEXT,
     .value = "ZONE",
     .help = "preview: as for a reader in this zone"},
    {.type = ARG_END},
};

static int
run_ls_templates(struct cli *c)
{
    static const struct kind_column columns[] = {
        {"KEY", "key"},       {"LIVE", "published"}, {"LATEST", "latest"},
        {"LAYOUT", "layout"}, {"NAME", "name"},      {NULL, NULL}};

    return kind_run_ls(c, kind_of(KIND_TEMPLATE), columns, INT64_MAX);
}

static int
run_get_template(struct cli *c)
{
    return kind_run_get(c, kind_of(KIND_TEMPLATE), args_rest(&c->args, 1));
}

static int
run_delete_templates(struct cli *c)
{
    return kind_run_delete(c, kind_of(KIND_TEMPLATE));
}

/* ---- publish and rollback ---- */

static int
change_live(struct cli *c, const char *route)
{
    struct str key = args_rest(&c->args, 1);
    struct client_answer a;
    struct client_call call = {
        .method = "POST",
        .path = kind_path(c->arena, kind_of(KIND_TEMPLATE), key, route),
    };
    int64_t live = 0, latest = 0;
    struct buf out;
    int code;

    if (!cli_ask(c, &call, &a, &code))
        return code;
    json_int(json_get(a.root, "published"), &live);
    json_int(json_get(a.root, "latest"), &latest);
    cli_note(c, TERM_YES, "%.*s: sends use version %lld of %lld", STR_ARG(key),
             (long long)live, (long long)latest);
    if (!c->is_json)
        return CLI_OK;
    buf_init(&out, c->arena);
    cli_put_json(a.root, &out);
    return cli_print(c, &out, CLI_OK);
}

static int
run_publish(struct cli *c)
{
    return change_live(c, "/publish");
}

static int
run_rollback(struct cli *c)
{
    return change_live(c, "/rollback");
}

/* ---- preview ---- */

static bool
write_request(struct cli *c, struct str *ret, int *ret_code)
{
    static const char *const names[] = {"channel", "locale", "timezone"};
    struct json_writer w;
    struct str why;
    struct buf out;

    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (args_has(&c->args, names[i]))
            json_str_field(&w, names[i], args_text(&c->args, names[i]));
    if (args_has(&c->args, "live"))
        json_str_field(&w, "version", STR("published"));
    if (args_has(&c->args, "data") &&
        data_write(c->arena, &c->args, &w, &why) != ERR_OK) {
        *ret_code = cli_usage(c, "%.*s", STR_ARG(why));
        return false;
    }
    json_end_object(&w);
    *ret = buf_str(&out);
    return true;
}

/* Lines stay lines; each is cleaned. */
static void
put_text(struct cli *c, const char *head, struct str text, struct buf *out)
{
    struct str line;

    if (text.n == 0)
        return;
    term_put(&c->out, out, TERM_BOLD, str_from(head), 0);
    buf_put_char(out, '\n');
    while (str_split(&text, '\n', &line)) {
        if (str_ends(line, STR("\r")))
            line.n--;
        buf_put_cstr(out, "  ");
        term_put(&c->out, out, TERM_PLAIN, line, 0);
        buf_put_char(out, '\n');
    }
}

static void
put_preview(struct cli *c, struct json root, struct buf *out)
{
    static const char *const names[] = {"title", "body", "html"};
    struct json actions = json_get(root, "actions");

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        put_text(c, names[i], json_str_of(c->arena, root, names[i]), out);
    if (json_count(actions) > 0)
        put_text(c, "actions", json_raw(actions), out);
}

static int
run_preview(struct cli *c)
{
    const struct kind *k = kind_of(KIND_TEMPLATE);
    struct str key = args_rest(&c->args, 1);
    struct client_answer a, of;
    struct client_call call = {
        .method = "POST",
        .path = kind_path(c->arena, k, key, "/preview"),
    };
    int64_t live = 0, latest = 0;
    struct buf out;
    int code;

    if (!write_request(c, &call.body, &code) || !cli_ask(c, &call, &a, &code) ||
        !cli_get(c, kind_path(c->arena, k, key, ""), &of, &code))
        return code;
    json_int(json_get(of.root, "published"), &live);
    json_int(json_get(of.root, "latest"), &latest);
    if (live != latest && !args_has(&c->args, "live"))
        cli_note(c, TERM_WARN,
                 "version %lld, a draft; sends use %lld, which --live shows",
                 (long long)latest, (long long)live);
    buf_init(&out, c->arena);
    if (c->is_json) {
        cli_put_json(a.root, &out);
    } else {
        put_preview(c, a.root, &out);
    }
    return cli_print(c, &out, CLI_OK);
}

const struct word template_words[] = {
    {"ls", "", 0, 0, run_ls_templates},
    {"get", "KEY", 1, 1, run_get_template},
    {"push", "FILE|DIR...", 1, 1000, template_push},
    {"pull", "KEY|DIR...", 1, 1000, template_pull},
    {"diff", "KEY|FILE|DIR...", 1, 1000, template_diff},
    {"lint", "KEY|FILE|DIR...", 1, 1000, template_warn},
    {"publish", "KEY", 1, 1, run_publish},
    {"rollback", "KEY", 1, 1, run_rollback},
    {"preview", "KEY", 1, 1, run_preview},
    {"delete", "KEY...", 1, 1000, run_delete_templates},
    {0},
};

int
run_template(struct cli *c)
{
    return words_run(c);
}
