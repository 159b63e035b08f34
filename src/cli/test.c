/* test.c - belfry test: scenarios, without a server, a network or a pause. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/cli_private.h"
#include "scenario/run.h"

const struct arg_option test_options[] = {
    {.name = "db",
     .type = ARG_TEXT,
     .value = "URL",
     .help = "memory (the default), sqlite, sqlite:PATH of a new file, or "
             "postgres://... of a server where databases may be made"},
    {.name = "only",
     .type = ARG_TEXT,
     .value = "TEXT",
     .help = "Only scenarios whose name holds this"},
    {.name = "seed",
     .type = ARG_INT,
     .value = "N",
     .min = 0,
     .max = INT64_MAX,
     .help = "What chance is drawn from (default 1)"},
    {.name = "quiet", .type = ARG_FLAG, .help = "Show failures alone"},
    {.name = "log", .type = ARG_FLAG, .help = "Show the log on stderr, too"},
    {.type = ARG_END},
};

struct testing {
    struct cli *cli;
    struct run_options options;
    struct str only;
    struct str file; /* that is named above the lines, already */
    size_t n_passed, n_failed, n_broken;
};

/* ---- reading ---- */

static bool
read_file(struct arena *a, const char *path, struct str *ret)
{
    FILE *f = fopen(path, "re");
    struct buf b;
    size_t n = 1;

    if (!f)
        return false;
    buf_init(&b, a);
    while (n > 0 && b.n <= SCRIPT_MAX) {
        buf_reserve(&b, 64 * 1024);
        n = fread(b.p + b.n, 1, b.cap - b.n, f);
        b.n += n;
    }
    n = ferror(f) ? 1 : 0;
    fclose(f);
    *ret = buf_str(&b);
    return n == 0;
}

static void
complain_of_file(struct testing *t, struct str file, int line, struct str why)
{
    struct cli *c = t->cli;
    struct json_writer w;
    struct buf out;

    t->n_broken++;
    if (!c->is_json) {
        cli_complain(c,
                     line > 0 ? str_fmt(c->arena, "%.*s:%d: %.*s",
                                        STR_ARG(file), line, STR_ARG(why))
                              : str_fmt(c->arena, "%.*s: %.*s", STR_ARG(file),
                                        STR_ARG(why)),
                     STR_NONE, STR_NONE);
        return;
    }
    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "file", file);
    json_int_field(&w, "line", line);
    json_bool_field(&w, "passed", false);
    json_str_field(&w, "error", why);
    json_end_object(&w);
    buf_put_char(&out, '\n');
    term_write(&c->out, buf_str(&out));
}

/* ---- showing ---- */

static void
put_lines(struct cli *c, struct buf *out, const char *label, struct str text)
{
    struct str line, rest = text;

    for (bool is_first = true; str_split(&rest, '\n', &line);
         is_first = false) {
        if (line.n == 0)
            continue;
        buf_printf(out, "      %-10s", is_first ? label : "");
        term_put(&c->out, out, TERM_PLAIN, line, 0);
        buf_put_char(out, '\n');
    }
}

static void
put_failure(struct testing *t, struct str file, const struct run_result *x,
            struct buf *out)
{
    struct cli *c = t->cli;

    if (x->step) {
        struct str place =
            str_fmt(c->arena, "%.*s:%d", STR_ARG(file), x->step->line);

        buf_put_cstr(out, "      ");
        term_put(&c->out, out, TERM_BOLD, place, 0);
        buf_put_cstr(out, ": ");
        term_put(&c->out, out, TERM_PLAIN, x->step->text, 0);
        buf_put_char(out, '\n');
    }
    put_lines(c, out, "expected", x->expected);
    put_lines(c, out, x->expected.n > 0 ? "got" : "", x->got);
    put_lines(c, out, "because", x->story);
}

static void
show(struct testing *t, struct str file, const struct scenario *s,
     const struct run_result *x)
{
    struct cli *c = t->cli;
    struct buf out;

    if (x->is_passed && args_has(&c->args, "quiet"))
        return;
    buf_init(&out, c->arena);
    if (!str_eq(t->file, file)) {
        term_put(&c->out, &out, TERM_BOLD, file, 0);
        buf_put_char(&out, '\n');
        t->file = file;
    }
    buf_put_cstr(&out, "  ");
    term_put_symbol(&c->out, &out, x->is_passed ? TERM_YES : TERM_NO);
    buf_put_char(&out, ' ');
    term_put(&c->out, &out, TERM_PLAIN, s->name, 0);
    buf_put_char(&out, '\n');
    if (!x->is_passed)
        put_failure(t, file, x, &out);
    term_write(&c->out, buf_str(&out));
}

static void
put_story(struct json_writer *w, struct str story)
{
    struct str line;

    json_put_key(w, "because");
    json_begin_array(w);
    while (str_split(&story, '\n', &line))
        if (line.n > 0)
            json_put_str(w, line);
    json_end_array(w);
}

static void
show_json(struct testing *t, struct str file, const struct scenario *s,
          const struct run_result *x)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, t->cli->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "file", file);
    json_int_field(&w, "line", s->line);
    json_str_field(&w, "scenario", s->name);
    json_bool_field(&w, "passed", x->is_passed);
    json_int_field(&w, "expectations", (int64_t)x->n_expectations);
    if (!x->is_passed) {
        if (x->step) {
            json_int_field(&w, "failed_line", x->step->line);
            json_str_field(&w, "statement", x->step->text);
        }
        json_str_field(&w, "expected", x->expected);
        json_str_field(&w, "got", x->got);
        put_story(&w, x->story);
    }
    json_end_object(&w);
    buf_put_char(&out, '\n');
    term_write(&t->cli->out, buf_str(&out));
}

/* ---- running ---- */

static bool
is_wanted(const struct testing *t, const struct scenario *s)
{
    return t->only.n == 0 ||
           (s->name.n >= t->only.n &&
            memmem(s->name.p, s->name.n, t->only.p, t->only.n) != NULL);
}

static void
run_scenario(struct testing *t, struct str file, const struct scenario *s)
{
    struct arena *a = arena_new();
    struct run_result x;

    scenario_run(a, s, &t->options, &x);
    t->n_passed += x.is_passed;
    t->n_failed += !x.is_passed;
    if (t->cli->is_json)
        show_json(t, file, s, &x);
    else
        show(t, file, s, &x);
    arena_free(a);
}

static void
run_file(struct testing *t, struct str file)
{
    struct arena *a = arena_new();
    struct script_error why;
    struct script script;
    struct str text;

    if (!read_file(a, str_cstr(a, file), &text))
        complain_of_file(t, file, 0, str_from(strerror(errno)));
    else if (script_parse(a, file, text, &script, &why) != ERR_OK)
        complain_of_file(t, file, why.line, why.why);
    else
        for (size_t i = 0; i < script.n_scenarios; i++)
            if (is_wanted(t, &script.scenarios[i]))
                run_scenario(t, file, &script.scenarios[i]);
    arena_free(a);
}

static bool
is_database(struct str url)
{
    return str_is(url, "memory") || str_is(url, "sqlite") ||
           str_starts(url, STR("sqlite:")) ||
           str_starts(url, STR("postgres://")) ||
           str_starts(url, STR("postgresql://"));
}

int
run_test(struct cli *c)
{
    struct testing t = {
        .cli = c,
        .options = {.db = args_has(&c->args, "db") ? args_text(&c->args, "db")
                                                   : STR("memory"),
                    .seed = (uint64_t)args_number(&c->args, "seed", 1)},
        .only = args_text(&c->args, "only"),
    };

    if (!is_database(t.options.db))
        return cli_usage(c, "--db is memory, sqlite, sqlite:PATH or "
                            "postgres://...");
    log_setup(args_has(&c->args, "log") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR,
              LOG_FORMAT_LOGFMT);
    for (int i = 0; i < c->args.n_rest; i++)
        run_file(&t, args_rest(&c->args, i));
    if (t.n_passed + t.n_failed + t.n_broken == 0) {
        cli_note(c, TERM_WARN, "no scenario has \"%.*s\" in its name",
                 STR_ARG(t.only));
        return CLI_FAILED;
    }
    cli_note(c, t.n_failed + t.n_broken == 0 ? TERM_YES : TERM_NO,
             "%zu passed, %zu failed", t.n_passed, t.n_failed + t.n_broken);
    return t.n_failed + t.n_broken == 0 ? CLI_OK : CLI_FAILED;
}
