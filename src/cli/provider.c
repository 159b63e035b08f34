/* provider.c - belfry provider: who carries a channel's messages. */
#include "cli/expand.h"
#include "cli/input.h"
#include "cli/kind.h"
#include "cli/words.h"

const struct arg_option provider_options[] = {
    {.name = "to",
     .type = ARG_TEXT,
     .value = "ADDRESS",
     .help = "test: where to (default: the provider's own target)"},
    {.name = "title",
     .type = ARG_TEXT,
     .value = "TEXT",
     .help = "test: the message's title"},
    {.name = "body",
     .type = ARG_TEXT,
     .value = "TEXT",
     .help = "test: the message's text"},
    {.type = ARG_END},
};

/* Endpoints are among them, too, and are no providers here. */
static void
tell_unwell(struct cli *c, struct json component)
{
    const struct str kind = STR("provider/");
    struct str name = json_str_of(c->arena, component, "name");
    struct str status = json_str_of(c->arena, component, "status");
    struct str rest, workspace;

    if (!str_starts(name, kind) || str_is(status, "ok"))
        return;
    rest = name = str_sub(name, kind.n, name.n);
    if (str_split(&rest, '/', &workspace) &&
        !str_starts(rest, STR("endpoint:")))
        cli_note(c, TERM_WARN, "%.*s is %.*s: %.*s", STR_ARG(name),
                 STR_ARG(status),
                 STR_ARG(json_str_of(c->arena, component, "detail")));
}

static int
tell_health(struct cli *c)
{
    struct client_answer a;
    struct json all;
    int code;

    if (!cli_get(c, STR("/v1/health"), &a, &code))
        return code;
    all = json_get(a.root, "components");
    for (struct json p = json_first(all); !json_is(p, JSON_ABSENT);
         p = json_next(all, p))
        tell_unwell(c, p);
    return CLI_OK;
}

/* What is not said is what holds then. */
static int
run_ls_providers(struct cli *c)
{
    static const struct kind_column columns[] = {
        {"NAME", "name", NULL},        {"CHANNEL", "channel", NULL},
        {"DRIVER", "driver", NULL},    {"ORDER", "order", "1"},
        {"WEIGHT", "weight", ""},      {"ENABLED", "enabled", "true"},
        {"PAUSED", "paused", "false"}, {NULL, NULL, NULL}};
    int code = kind_run_ls(c, kind_of(KIND_PROVIDER), columns, INT64_MAX);

    return code == CLI_OK && !c->is_json ? tell_health(c) : code;
}

/* As a file that `put` takes for just that: what the server says names no
 * variable. */
static int
run_get_provider(struct cli *c)
{
    struct str name = args_rest(&c->args, 1), why;
    struct client_answer a;
    struct json doc;
    int code;

    if (!cli_get(c, kind_path(c->arena, kind_of(KIND_PROVIDER), name, ""), &a,
                 &code))
        return code;
    if (input_parse(c->arena, expand_escape(c->arena, a.root), &doc, &why))
        return kind_show(c, doc);
    cli_complain(c, STR("the server's answer cannot be used"), why, STR_NONE);
    return CLI_FAILED;
}

static int
run_put_provider(struct cli *c)
{
    struct str name = args_rest(&c->args, 1), text, why;
    struct json doc;
    int code;

    if (!input_object(c, name, &doc, &code))
        return code;
    if (expand_config(c->arena, c->environ, doc, &text, &why) &&
        input_parse(c->arena, text, &doc, &why))
        return kind_run_put(c, kind_of(KIND_PROVIDER), doc);
    cli_complain(c, str_fmt(c->arena, "cannot use %.*s", STR_ARG(name)), why,
                 STR_NONE);
    return CLI_FAILED;
}

static int
run_delete_providers(struct cli *c)
{
    return kind_run_delete(c, kind_of(KIND_PROVIDER));
}

/* ---- pause and resume ---- */

static int
set_paused(struct cli *c, const char *route, const char *done)
{
    int code = CLI_OK;

    for (int i = 1; i < c->args.n_rest; i++) {
        struct str name = args_rest(&c->args, i);
        struct client_answer a;
        struct client_call call = {
            .method = "POST",
            .path = kind_path(c->arena, kind_of(KIND_PROVIDER), name, route)};

        if (!cli_ask(c, &call, &a, &code))
            return code;
        cli_note(c, TERM_YES, "%.*s %s", STR_ARG(name), done);
    }
    return code;
}

static int
run_pause(struct cli *c)
{
    return set_paused(c, "/pause", "is paused; what is queued waits");
}

static int
run_resume(struct cli *c)
{
    return set_paused(c, "/resume", "goes on");
}

/* ---- test ---- */

static struct str
test_body(struct cli *c)
{
    static const char *const names[] = {"to", "title", "body"};
    struct json_writer w;
    struct buf out;

    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (args_has(&c->args, names[i]))
            json_str_field(&w, names[i], args_text(&c->args, names[i]));
    json_end_object(&w);
    return buf_str(&out);
}

/* By --dev. */
static bool
is_kept(struct cli *c, struct json answer)
{
    return str_is(json_str_of(c->arena, answer, "reason"), "sandbox.not_sent");
}

static int
run_test_provider(struct cli *c)
{
    struct str name = args_rest(&c->args, 1), verdict, detail;
    struct client_call call = {
        .method = "POST",
        .path = kind_path(c->arena, kind_of(KIND_PROVIDER), name, "/test"),
        .body = test_body(c),
    };
    struct client_answer a;
    struct buf out;
    bool is_good;
    int code;

    if (!cli_ask(c, &call, &a, &code))
        return code;
    verdict = json_str_of(c->arena, a.root, "verdict");
    detail =
        is_kept(c, a.root)
            ? STR("the development sink took it, and nobody else was asked")
            : json_str_of(c->arena, a.root, "detail");
    is_good = str_is(verdict, "delivered") || str_is(verdict, "sent");
    buf_init(&out, c->arena);
    if (c->is_json) {
        cli_put_json(a.root, &out);
        return cli_print(c, &out, is_good ? CLI_OK : CLI_FAILED);
    }
    cli_note(c, is_good ? TERM_YES : TERM_NO, "%.*s: %.*s%s%.*s", STR_ARG(name),
             STR_ARG(verdict), detail.n > 0 ? ": " : "", STR_ARG(detail));
    return is_good ? CLI_OK : CLI_FAILED;
}

const struct word provider_words[] = {
    {"ls", "", 0, 0, run_ls_providers},
    {"get", "NAME", 1, 1, run_get_provider},
    {"put", "FILE", 1, 1, run_put_provider},
    {"delete", "NAME...", 1, 1000, run_delete_providers},
    {"test", "NAME", 1, 1, run_test_provider},
    {"pause", "NAME...", 1, 1000, run_pause},
    {"resume", "NAME...", 1, 1000, run_resume},
    {0},
};

int
run_provider(struct cli *c)
{
    return words_run(c);
}
