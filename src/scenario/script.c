/* script.c - a file into scenarios and their statements; what a statement says
 * is statement.c and expectation.c. */
#include "scenario/script.h"

#include "scenario/reader.h"

#define SCENARIO "scenario:"
#define BEFORE "before each scenario:"

struct steps {
    struct step *all;
    size_t n, cap;
};

struct parser {
    struct arena *arena;
    struct str rest; /* of the file */
    int line;        /* of what comes next */
    struct script *script;
    struct script_error *error;
    struct steps before, own;
    int64_t names_left;
    bool is_before; /* it is that section's steps that come */
};

static bool
fail(struct parser *p, int line, const char *why)
{
    if (p->error->why.n == 0)
        *p->error = (struct script_error){line, str_from(why)};
    return false;
}

/* ---- lines ---- */

static struct str
line_ahead(const struct parser *p)
{
    ptrdiff_t end = str_find(p->rest, '\n');
    struct str s = str_sub(p->rest, 0, end < 0 ? p->rest.n : (size_t)end);

    if (str_ends(s, STR("\r")))
        s.n--;
    return s;
}

static void
next_line(struct parser *p)
{
    ptrdiff_t end = str_find(p->rest, '\n');
    size_t n = end < 0 ? p->rest.n : (size_t)end + 1;

    p->rest = str_sub(p->rest, n, p->rest.n);
    p->line++;
}

static size_t
indent_of(struct str line)
{
    size_t n = 0;

    while (n < line.n && line.p[n] == ' ')
        n++;
    return n;
}

static bool
is_empty(struct str line)
{
    return str_trim(line).n == 0;
}

static bool
is_comment(struct str line)
{
    return str_starts(str_trim(line), STR("#"));
}

/* ---- steps ---- */

static struct step *
add_step(struct parser *p)
{
    struct steps *s = p->is_before ? &p->before : &p->own;

    if (p->before.n + p->own.n == SCRIPT_STEPS_MAX) {
        fail(p, p->line,
             "there are too many statements: at most 2000 a "
             "scenario");
        return NULL;
    }
    if (s->n == s->cap) {
        struct step *all =
            ARENA_ARRAY(p->arena, struct step, s->cap ? 2 * s->cap : 16);

        if (s->n > 0)
            memcpy(all, s->all, s->n * sizeof(*all));
        s->all = all;
        s->cap = s->cap ? 2 * s->cap : 16;
    }
    return &s->all[s->n++];
}

/* Its first line and those below it that are indented deeper. */
static struct str
take_statement(struct parser *p, size_t indent)
{
    struct str all = str_sub(p->rest, indent, p->rest.n), line;
    const char *end = all.p + line_ahead(p).n - indent;

    next_line(p);
    while (p->rest.n > 0) {
        line = line_ahead(p);
        if (!is_empty(line)) {
            if (indent_of(line) <= indent)
                break;
            end = line.p + line.n;
        }
        next_line(p);
    }
    all.n = (size_t)(end - all.p);
    return all;
}

static bool
read_statement(struct parser *p, struct str line)
{
    size_t indent = indent_of(line);
    struct reader r = {.arena = p->arena,
                       .line = p->line,
                       .error = p->error,
                       .names_left = &p->names_left};
    struct step *step = add_step(p);
    ptrdiff_t end;

    if (!step)
        return false;
    r.rest = take_statement(p, indent);
    r.from = r.rest.p;
    end = str_find(r.rest, '\n');
    *step = (struct step){.line = r.line};
    step->text = str_trim(str_sub(r.rest, 0, end < 0 ? r.rest.n : (size_t)end));
    if (str_ends(step->text, STR("\r")))
        step->text.n--;
    return statement_read(&r, step);
}

/* ---- sections ---- */

static void
end_scenario(struct parser *p)
{
    struct script *s = p->script;

    if (s->n_scenarios > 0) {
        struct scenario *last = &s->scenarios[s->n_scenarios - 1];

        last->before = p->before.all;
        last->n_before = p->before.n;
        last->steps = p->own.all;
        last->n_steps = p->own.n;
    }
    p->own = (struct steps){0};
}

static bool
has_own_steps(const struct parser *p)
{
    return p->own.n > 0 || p->script->n_scenarios == 0 || p->is_before;
}

static bool
begin_scenario(struct parser *p, struct str line)
{
    struct script *s = p->script;
    struct str name = str_trim(str_sub(line, sizeof(SCENARIO) - 1, line.n));

    if (!has_own_steps(p))
        return fail(p, s->scenarios[s->n_scenarios - 1].line,
                    "this scenario has no statements");
    end_scenario(p);
    p->is_before = false;
    if (name.n == 0)
        return fail(p, p->line, "expected a name after \"scenario:\"");
    if (s->n_scenarios == SCRIPT_SCENARIOS_MAX)
        return fail(p, p->line,
                    "there are too many scenarios: at most 1000 "
                    "a file");
    s->scenarios[s->n_scenarios++] =
        (struct scenario){.line = p->line, .name = name};
    next_line(p);
    return true;
}

static bool
begin_before(struct parser *p)
{
    if (p->script->n_scenarios > 0 || p->before.n > 0)
        return fail(p, p->line,
                    "\"before each scenario:\" stands once, before "
                    "the first scenario");
    p->is_before = true;
    next_line(p);
    return true;
}

static bool
read_header(struct parser *p, struct str line)
{
    if (str_starts(line, STR(SCENARIO)))
        return begin_scenario(p, line);
    if (str_eq(str_trim(line), STR(BEFORE)))
        return begin_before(p);
    return fail(p, p->line,
                "expected \"scenario: NAME\" at the start of a "
                "line, or a statement, which is indented");
}

static bool
read_line(struct parser *p)
{
    struct str line = line_ahead(p);

    if (is_empty(line) || is_comment(line)) {
        next_line(p);
        return true;
    }
    if (line.p[indent_of(line)] == '\t')
        return fail(p, p->line, "lines are indented by blanks, not by tabs");
    if (indent_of(line) == 0)
        return read_header(p, line);
    if (p->script->n_scenarios == 0 && !p->is_before)
        return fail(p, p->line,
                    "expected \"scenario: NAME\" before the first "
                    "statement");
    return read_statement(p, line);
}

static bool
read_all(struct parser *p)
{
    while (p->rest.n > 0)
        if (!read_line(p))
            return false;
    if (p->script->n_scenarios == 0)
        return fail(p, 1, "there is no scenario in this file");
    if (!has_own_steps(p))
        return fail(p, p->script->scenarios[p->script->n_scenarios - 1].line,
                    "this scenario has no statements");
    end_scenario(p);
    return true;
}

static int
line_of_bad_utf8(struct str text)
{
    size_t at = 0, n;
    int line = 1;

    while (at < text.n && (n = str_utf8_char(str_sub(text, at, 4))) > 0) {
        line += text.p[at] == '\n';
        at += n;
    }
    return line;
}

enum err
script_parse(struct arena *a, struct str file, struct str text,
             struct script *ret, struct script_error *ret_why)
{
    struct parser p = {.arena = a,
                       .rest = text,
                       .line = 1,
                       .names_left = SCRIPT_NAMES_MAX,
                       .script = ret,
                       .error = ret_why};
    bool is_good;

    *ret_why = (struct script_error){0};
    *ret = (struct script){.file = file};
    if (text.n > SCRIPT_MAX) {
        fail(&p, 1, "the file is too large: at most 1 MiB");
        return ERR_INVALID;
    }
    if (!str_is_text(text)) {
        fail(&p, line_of_bad_utf8(text), "this is not text in UTF-8");
        return ERR_INVALID;
    }
    ret->scenarios = ARENA_ARRAY(a, struct scenario, SCRIPT_SCENARIOS_MAX);
    is_good = read_all(&p);
    return is_good ? ERR_OK : ERR_INVALID;
}
