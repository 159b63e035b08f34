/* cli.c - from argv to a command, and what all commands say alike. */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/access.h"
#include "cli/words.h"

#define TEXT_MAX 1024
#define CONFIRM_BY_NUMBER 1000 /* above it, y is not enough */

/* ---- talking to people ---- */

static struct str __attribute__((format(printf, 2, 0)))
vformat(struct arena *a, const char *fmt, va_list args)
{
    char text[TEXT_MAX];
    int n = vsnprintf(text, sizeof(text), fmt, args);
    size_t len = n < 0 ? 0 : (size_t)n;

    if (len >= sizeof(text))
        len = sizeof(text) - 1;
    return str_dup(a, str_utf8_clip((struct str){text, len}, len));
}

void
cli_note(struct cli *c, enum term_symbol mark, const char *fmt, ...)
{
    struct str text;
    struct buf out;
    va_list args;

    va_start(args, fmt);
    text = vformat(c->arena, fmt, args);
    va_end(args);
    buf_init(&out, c->arena);
    term_put_symbol(&c->err, &out, mark);
    buf_put_char(&out, ' ');
    term_put(&c->err, &out, TERM_PLAIN, text, 0);
    buf_put_char(&out, '\n');
    term_write(&c->err, buf_str(&out));
}

void
cli_complain(struct cli *c, struct str what, struct str why, struct str how)
{
    struct str lines[] = {why, how};
    struct buf out;

    buf_init(&out, c->arena);
    term_put(&c->err, &out, TERM_RED, STR("belfry:"), 0);
    buf_put_char(&out, ' ');
    term_put(&c->err, &out, TERM_PLAIN, what, 0);
    buf_put_char(&out, '\n');
    for (size_t i = 0; i < 2; i++) {
        if (lines[i].n == 0 || (i == 1 && str_eq(why, how)))
            continue;
        buf_put_cstr(&out, "  ");
        term_put(&c->err, &out, TERM_PLAIN, lines[i], 0);
        buf_put_char(&out, '\n');
    }
    term_write(&c->err, buf_str(&out));
}

int
cli_usage(struct cli *c, const char *fmt, ...)
{
    struct str text, how = STR("belfry help lists the commands");
    va_list args;

    va_start(args, fmt);
    text = vformat(c->arena, fmt, args);
    va_end(args);
    if (c->command)
        how = str_fmt(c->arena, "belfry help %s shows how", c->command->name);
    cli_complain(c, text, how, STR_NONE);
    return CLI_USAGE;
}

void
cli_put_json(struct json v, struct buf *out)
{
    term_put_json(out, json_raw(v));
    buf_put_char(out, '\n');
}

void
cli_put_made(struct cli *c, struct json v, const char *name, struct buf *out)
{
    if (c->is_json) {
        cli_put_json(v, out);
        return;
    }
    term_put(&c->out, out, TERM_PLAIN, json_str_of(c->arena, v, name), 0);
    buf_put_char(out, '\n');
}

int
cli_print(struct cli *c, const struct buf *out, int good)
{
    return term_write(&c->out, buf_str(out)) ? good : CLI_FAILED;
}

bool
cli_confirm(struct cli *c, const char *deed, size_t n, int *ret)
{
    char answer[64], number[32];
    bool is_yes;

    if (args_has(&c->args, "yes"))
        return true;
    if (!isatty(STDIN_FILENO) || !c->err.is_tty) {
        *ret = cli_usage(c, "nobody is there to confirm this; say --yes");
        return false;
    }
    snprintf(number, sizeof(number), "%zu", n);
    fprintf(c->err.file,
            n > CONFIRM_BY_NUMBER ? "%s Type %s to go on: " : "%s [y/N] ", deed,
            number);
    fflush(c->err.file);
    if (!fgets(answer, sizeof(answer), stdin))
        answer[0] = '\0';
    answer[strcspn(answer, "\r\n")] = '\0';
    is_yes = n > CONFIRM_BY_NUMBER
                 ? strcmp(answer, number) == 0
                 : strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0;
    if (!is_yes) {
        cli_note(c, TERM_SKIP, "nothing was done");
        *ret = CLI_FAILED;
    }
    return is_yes;
}

/* ---- talking to the server ---- */

bool
cli_connect(struct cli *c, int *ret)
{
    struct access_sources s = {
        .environ = c->environ,
        .url = args_text(&c->args, "url"),
        .key = args_text(&c->args, "key"),
        .key_file = args_text(&c->args, "key-file"),
    };
    struct client_options o = {.workspace = args_text(&c->args, "workspace"),
                               .term = &c->err};
    struct str why = STR_NONE;
    struct access access;

    if (access_find(c->arena, &s, &access, &why) == ERR_OK) {
        o.url = access.url;
        o.key = access.key;
        if (access.warning.n > 0)
            cli_note(c, TERM_WARN, "%.*s", STR_ARG(access.warning));
        c->client = client_new(c->arena, &o, &why);
    }
    if (!c->client)
        *ret = cli_usage(c, "%.*s", STR_ARG(why));
    return c->client != NULL;
}

/* What errors.def says can be done about it. */
static struct str
help_for(struct str code)
{
    for (int e = ERR_OK + 1; e < ERR_COUNT; e++)
        if (str_is(code, err_code((enum err)e)))
            return str_from(err_help((enum err)e));
    return STR_NONE;
}

static struct str
how_to_go_on(struct cli *c, const struct client_answer *a, struct str code)
{
    if (a->status == 401 && !client_has_key(c->client))
        return STR("set BELFRY_KEY, or give --key-file FILE; belfry serve "
                   "--dev saves a key by itself");
    if (a->status == 401)
        return STR("check BELFRY_KEY or --key-file; belfry doctor tells more");
    if (a->retry_after_s > 0)
        return str_fmt(c->arena, "try again in %lld s",
                       (long long)a->retry_after_s);
    return help_for(code);
}

struct str
cli_why_refused(struct arena *a, struct json root)
{
    struct json errors = json_get(root, "errors");
    struct json first = json_first(errors);
    struct str pointer = json_str_of(a, first, "pointer");
    uint32_t n = json_count(errors);

    if (n < 2)
        return json_str_of(a, root, "detail");
    return str_fmt(a, "%.*s: %.*s (and %u more)", STR_ARG(pointer),
                   STR_ARG(json_str_of(a, first, "detail")), n - 1);
}

static int
complain_of_problem(struct cli *c, const struct client_answer *a)
{
    struct str code = json_str_of(c->arena, a->root, "code");
    struct str title = json_str_of(c->arena, a->root, "title");
    struct buf out;

    if (c->is_json) {
        buf_init(&out, c->arena);
        cli_put_json(a->root, &out);
        term_write(&c->err, buf_str(&out));
    } else {
        cli_complain(
            c, str_fmt(c->arena, "%.*s (%d)", STR_ARG(title), a->status),
            cli_why_refused(c->arena, a->root), how_to_go_on(c, a, code));
    }
    return a->status == 401 || a->status == 403 ? CLI_AUTH : CLI_FAILED;
}

int
cli_refused(struct cli *c, const struct client_answer *a)
{
    struct str url = client_url(c->client);

    switch (a->outcome) {
    case CLIENT_STOPPED:
        return CLI_OK;
    case CLIENT_NO_SERVER:
        cli_complain(
            c, str_fmt(c->arena, "cannot reach %.*s", STR_ARG(url)), a->detail,
            STR("start it with belfry serve --dev, or name it with --url or "
                "BELFRY_URL"));
        return CLI_UNREACHABLE;
    case CLIENT_LOST:
        cli_complain(
            c,
            str_fmt(c->arena, "no whole answer came from %.*s", STR_ARG(url)),
            a->detail,
            STR("the request may have been carried out; look "
                "before you repeat it"));
        return CLI_UNREACHABLE;
    case CLIENT_ANSWERED:
        break;
    }
    if (json_is(json_get(a->root, "title"), JSON_STRING))
        return complain_of_problem(c, a);
    cli_complain(
        c,
        str_fmt(c->arena, "%.*s answered %d without JSON", STR_ARG(url),
                a->status),
        STR("this is no Belfry, or something stands between"),
        STR("check --url or BELFRY_URL, and what proxies are on the way"));
    return a->status == 401 || a->status == 403 ? CLI_AUTH : CLI_FAILED;
}

bool
cli_ask(struct cli *c, const struct client_call *call,
        struct client_answer *ret_answer, int *ret)
{
    client_call(c->client, c->arena, call, ret_answer);
    if (ret_answer->outcome == CLIENT_ANSWERED &&
        ret_answer->status / 100 == 2 &&
        (ret_answer->status == 204 || !json_is(ret_answer->root, JSON_ABSENT)))
        return true;
    *ret = cli_refused(c, ret_answer);
    return false;
}

bool
cli_get(struct cli *c, struct str path, struct client_answer *ret_answer,
        int *ret)
{
    return cli_ask(c, &(struct client_call){.method = "GET", .path = path},
                   ret_answer, ret);
}

void
query_put(struct buf *path, const char *name, struct str value)
{
    if (value.n == 0)
        return;
    buf_put_char(path, str_find(buf_str(path), '?') < 0 ? '?' : '&');
    buf_put_cstr(path, name);
    buf_put_char(path, '=');
    buf_put_url(path, value);
}

struct str
path_of(struct arena *a, const char *before, struct str segment,
        const char *after)
{
    struct buf out;

    buf_init(&out, a);
    buf_put_cstr(&out, before);
    buf_put_url(&out, segment);
    buf_put_cstr(&out, after);
    return buf_str(&out);
}

bool
time_of(struct arena *a, struct str text, bool is_past, struct str *ret)
{
    int64_t now = clock_system()->wall_ms(clock_system()), ms;
    char out[TIME_TEXT_SIZE];

    if (time_parse(text, &ms)) {
        *ret = str_dup(a, time_format(out, ms));
        return true;
    }
    if (!str_to_duration_ms(text, &ms) || ms > now)
        return false;
    *ret = str_dup(a, time_format(out, is_past ? now - ms : now + ms));
    return true;
}

/* ---- dispatch ---- */

static int
show_help(struct cli *c)
{
    struct buf out;

    buf_init(&out, c->arena);
    if (c->command)
        help_command(c, c->command, &out);
    else
        help_overview(c, &out);
    return cli_print(c, &out, CLI_OK);
}

static int
refuse_command(struct cli *c, struct str name)
{
    const char *near = command_suggest(name);

    if (near)
        return cli_usage(c, "there is no command %.*s; did you mean %s?",
                         STR_ARG(name), near);
    return cli_usage(c, "there is no command %.*s", STR_ARG(name));
}

static bool
knows_word(const struct command *command, struct str word)
{
    return !command->words || word_find(command->words, word);
}

static int
check_arguments(struct cli *c)
{
    const struct command *x = c->command;

    if (c->args.n_rest < x->min_args)
        return cli_usage(c, "say more: belfry %s%.*s", x->name,
                         STR_ARG(words_usage(c->arena, x)));
    if (c->args.n_rest > x->max_args)
        return cli_usage(c, "\"%.*s\" is one argument too many",
                         STR_ARG(args_rest(&c->args, x->max_args)));
    if (!knows_word(x, args_rest(&c->args, 0)))
        return cli_usage(c, "\"%.*s\" is none of: belfry %s%.*s",
                         STR_ARG(args_rest(&c->args, 0)), x->name,
                         STR_ARG(words_usage(c->arena, x)));
    return CLI_OK;
}

/* A server's command has its own reader of flags; ours gives only help. */
static int
run_serve(struct cli *c, int argc, char **argv, cli_serve_fn *serve)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return show_help(c);
    return serve(argc, argv, c->environ);
}

static int
run_command(struct cli *c, int argc, char **argv)
{
    int n, code = CLI_OK;

    if (c->command->options)
        args_know(&c->args, c->command->options);
    if (args_parse(&c->args, argc - 1, argv + 1, false, &n) != ERR_OK)
        return cli_usage(c, "%.*s", STR_ARG(c->args.why));
    c->is_json = args_has(&c->args, "json");
    if (args_has(&c->args, "no-color"))
        c->out.has_color = c->err.has_color = false;
    if (args_has(&c->args, "help"))
        return show_help(c);
    code = check_arguments(c);
    if (code == CLI_OK && c->command->needs_server && !cli_connect(c, &code))
        return code;
    return code == CLI_OK ? c->command->run(c) : code;
}

static int
dispatch(struct cli *c, int argc, char **argv, cli_serve_fn *serve)
{
    int n;

    args_know(&c->args, global_options);
    if (args_parse(&c->args, argc - 1, argv + 1, true, &n) != ERR_OK)
        return cli_usage(c, "%.*s", STR_ARG(c->args.why));
    argc -= n + 1;
    argv += n + 1;
    c->is_json = args_has(&c->args, "json");
    if (args_has(&c->args, "version"))
        return run_version(c);
    if (argc == 0 && args_has(&c->args, "help"))
        return show_help(c);
    if (argc == 0)
        return cli_usage(c, "say what to do: belfry COMMAND");
    c->command = command_find(str_from(argv[0]));
    if (!c->command)
        return refuse_command(c, str_from(argv[0]));
    if (!c->command->run)
        return run_serve(c, argc, argv, serve);
    return run_command(c, argc, argv);
}

int
cli_main(int argc, char **argv, const char *const *env, cli_serve_fn *serve)
{
    struct cli c = {.arena = arena_new(), .environ = env};
    int code;

    term_open(&c.out, stdout, env);
    term_open(&c.err, stderr, env);
    args_init(&c.args, c.arena);
    code = argc > 0 ? dispatch(&c, argc, argv, serve) : CLI_USAGE;
    client_free(c.client);
    arena_free(c.arena);
    return code;
}
