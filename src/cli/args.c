#include "cli/args.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

#define NEAR 2 /* edits that still make a suggestion */

void
args_init(struct args *a, struct arena *arena)
{
    *a = (struct args){.arena = arena};
}

void
args_know(struct args *a, const struct arg_option *table)
{
    assert(a->n_tables < ARGS_TABLES);
    a->tables[a->n_tables++] = table;
}

/* The next option of all tables, from {0, 0} on; NULL at the end. */
static const struct arg_option *
next_option(const struct args *a, int at[2])
{
    while (at[0] < a->n_tables) {
        const struct arg_option *o = &a->tables[at[0]][at[1]++];

        if (o->type != ARG_END)
            return o;
        at[0]++;
        at[1] = 0;
    }
    return NULL;
}

static const struct arg_option *
find_option(const struct args *a, struct str name)
{
    const struct arg_option *o;
    int at[2] = {0};

    while ((o = next_option(a, at)) != NULL)
        if (str_is(name, o->name))
            return o;
    return NULL;
}

static const struct arg_option *
find_letter(const struct args *a, char letter)
{
    const struct arg_option *o;
    int at[2] = {0};

    while ((o = next_option(a, at)) != NULL)
        if (o->letter != 0 && o->letter == letter)
            return o;
    return NULL;
}

static const struct arg_given *
find_given(const struct args *a, const char *name)
{
    assert(find_option(a, str_from(name)) != NULL);
    for (int i = 0; i < a->n_given; i++)
        if (strcmp(a->given[i].option->name, name) == 0)
            return &a->given[i];
    return NULL;
}

static enum err
refuse(struct args *a, struct str why)
{
    a->why = why;
    return ERR_INVALID;
}

static enum err
refuse_unknown(struct args *a, struct str name)
{
    const struct arg_option *o, *best = NULL;
    size_t least = NEAR + 1;
    int at[2] = {0};

    while ((o = next_option(a, at)) != NULL) {
        size_t d = str_distance(name, str_from(o->name));

        if (d < least) {
            least = d;
            best = o;
        }
    }
    if (best)
        return refuse(a, str_fmt(a->arena,
                                 "there is no option --%.*s; did you mean "
                                 "--%s?",
                                 STR_ARG(name), best->name));
    return refuse(
        a, str_fmt(a->arena, "there is no option --%.*s", STR_ARG(name)));
}

static enum err
refuse_choice(struct args *a, const struct arg_given *g)
{
    struct str all = STR_NONE;

    for (const char *const *c = g->option->choices; *c; c++)
        all =
            str_fmt(a->arena, "%.*s%s%s", STR_ARG(all), all.n ? ", " : "", *c);
    return refuse(a, str_fmt(a->arena, "--%s \"%.*s\" is none of %.*s",
                             g->option->name, STR_ARG(g->text), STR_ARG(all)));
}

static enum err
check_choice(struct args *a, const struct arg_given *g)
{
    for (const char *const *c = g->option->choices; c && *c; c++)
        if (str_is(g->text, *c))
            return ERR_OK;
    return g->option->choices ? refuse_choice(a, g) : ERR_OK;
}

static enum err
check_number(struct args *a, struct arg_given *g)
{
    const struct arg_option *o = g->option;
    char least[TIME_TEXT_SIZE], most[TIME_TEXT_SIZE];

    if (o->type == ARG_INT) {
        if (str_to_i64(g->text, &g->number) && g->number >= o->min &&
            g->number <= o->max)
            return ERR_OK;
        return refuse(a, str_fmt(a->arena,
                                 "--%s \"%.*s\" is not a number from %lld to "
                                 "%lld",
                                 o->name, STR_ARG(g->text), (long long)o->min,
                                 (long long)o->max));
    }
    if (str_to_duration_ms(g->text, &g->number) && g->number >= o->min &&
        g->number <= o->max)
        return ERR_OK;
    return refuse(a, str_fmt(a->arena,
                             "--%s \"%.*s\" is not a duration from %.*s to "
                             "%.*s; write 30s, 10m or 2h",
                             o->name, STR_ARG(g->text),
                             STR_ARG(duration_format(least, o->min)),
                             STR_ARG(duration_format(most, o->max))));
}

static enum err
check_value(struct args *a, struct arg_given *g)
{
    if (!str_is_utf8(g->text))
        return refuse(
            a, str_fmt(a->arena, "--%s is not valid UTF-8", g->option->name));
    if (g->option->type == ARG_INT || g->option->type == ARG_DURATION)
        return check_number(a, g);
    return check_choice(a, g);
}

static enum err
take_option(struct args *a, const struct arg_option *o, struct str value)
{
    struct arg_given *g = &a->given[a->n_given];

    if (!o->is_repeatable && find_given(a, o->name))
        return o->type == ARG_FLAG
                   ? ERR_OK
                   : refuse(a,
                            str_fmt(a->arena, "--%s is given twice; keep one",
                                    o->name));
    *g = (struct arg_given){.option = o, .text = value};
    a->n_given++;
    return o->type == ARG_FLAG ? ERR_OK : check_value(a, g);
}

static bool
is_option(struct str word)
{
    return word.n > 1 && word.p[0] == '-';
}

/* The option that a word names, and its value where that is in the word. */
static enum err
read_name(struct args *a, struct str word, const struct arg_option **ret,
          struct str *ret_value)
{
    struct str name;

    *ret_value = STR_NONE;
    if (word.p[1] != '-') {
        *ret = word.n == 2 ? find_letter(a, word.p[1]) : NULL;
        if (*ret)
            return ERR_OK;
        return refuse(
            a, str_fmt(a->arena, "there is no option %.*s", STR_ARG(word)));
    }
    *ret_value = str_sub(word, 2, SIZE_MAX);
    str_split(ret_value, '=', &name);
    *ret = find_option(a, name);
    if (!*ret)
        return refuse_unknown(a, name);
    if ((*ret)->type == ARG_FLAG && ret_value->p)
        return refuse(a,
                      str_fmt(a->arena, "--%s takes no value", (*ret)->name));
    return ERR_OK;
}

static enum err
parse_option(struct args *a, int n, char *const *words, int *at)
{
    const struct arg_option *o;
    struct str value;
    enum err e = read_name(a, str_from(words[*at]), &o, &value);

    if (e != ERR_OK)
        return e;
    ++*at;
    if (o->type != ARG_FLAG && !value.p) {
        if (*at == n || strncmp(words[*at], "--", 2) == 0)
            return refuse(a, str_fmt(a->arena,
                                     "--%s lacks its value; write --%s=%s",
                                     o->name, o->name, o->value));
        value = str_from(words[(*at)++]);
    }
    return take_option(a, o, value);
}

static void
make_room(struct args *a, int n)
{
    struct arg_given *given =
        ARENA_ARRAY(a->arena, struct arg_given, (size_t)(a->n_given + n));
    struct str *rest =
        ARENA_ARRAY(a->arena, struct str, (size_t)(a->n_rest + n));

    if (a->n_given > 0)
        memcpy(given, a->given, (size_t)a->n_given * sizeof(*given));
    if (a->n_rest > 0)
        memcpy(rest, a->rest, (size_t)a->n_rest * sizeof(*rest));
    a->given = given;
    a->rest = rest;
}

enum err
args_parse(struct args *a, int n, char *const *words, bool stops, int *ret_n)
{
    bool is_over = false;
    enum err e = ERR_OK;
    int at = 0;

    make_room(a, n);
    while (at < n && e == ERR_OK) {
        struct str word = str_from(words[at]);

        if (!is_over && str_is(word, "--")) {
            is_over = true;
            at++;
        } else if (!is_over && is_option(word)) {
            e = parse_option(a, n, words, &at);
        } else if (stops) {
            break;
        } else if (!str_is_utf8(word)) {
            e = refuse(a, STR("an argument is not valid UTF-8"));
        } else {
            a->rest[a->n_rest++] = word;
            at++;
        }
    }
    *ret_n = at;
    return e;
}

bool
args_knows(const struct args *a, const char *name)
{
    return find_option(a, str_from(name)) != NULL;
}

bool
args_has(const struct args *a, const char *name)
{
    return find_given(a, name) != NULL;
}

struct str
args_text(const struct args *a, const char *name)
{
    const struct arg_given *g = find_given(a, name);

    return g ? g->text : STR_NONE;
}

int64_t
args_number(const struct args *a, const char *name, int64_t otherwise)
{
    const struct arg_given *g = find_given(a, name);

    return g ? g->number : otherwise;
}

bool
args_next(const struct args *a, const char *name, int *at, struct str *ret)
{
    assert(find_option(a, str_from(name)) != NULL);
    while (*at < a->n_given) {
        const struct arg_given *g = &a->given[(*at)++];

        if (strcmp(g->option->name, name) == 0) {
            *ret = g->text;
            return true;
        }
    }
    return false;
}

struct str
args_rest(const struct args *a, int i)
{
    return i < a->n_rest ? a->rest[i] : STR_NONE;
}
