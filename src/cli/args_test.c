#include "cli/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const char *const colors[] = {"red", "green", NULL};
static const struct arg_option common[] = {
    {.name = "help", .type = ARG_FLAG, .letter = 'h'},
    {.name = "url", .type = ARG_TEXT, .value = "URL"},
    {.type = ARG_END},
};
static const struct arg_option options[] = {
    {.name = "title", .type = ARG_TEXT, .value = "TEXT"},
    {.name = "data", .type = ARG_TEXT, .value = "K=V", .is_repeatable = true},
    {.name = "color", .type = ARG_TEXT, .value = "NAME", .choices = colors},
    {.name = "limit", .type = ARG_INT, .value = "N", .min = 1, .max = 100},
    {.name = "timeout",
     .type = ARG_DURATION,
     .value = "TIME",
     .min = 1000,
     .max = 60000},
    {.type = ARG_END},
};

struct fixture {
    struct arena *arena;
    struct args args;
    enum err err;
    int n_taken;
};

static int
set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->arena = arena_new();
    args_init(&f->args, f->arena);
    args_know(&f->args, common);
    args_know(&f->args, options);
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    arena_free(f->arena);
    free(f);
    return 0;
}

/* The words of a line without quotes. */
static void
parse_some(struct fixture *f, const char *line, bool stops)
{
    struct str rest = str_from(line), word;
    char *words[32];
    int n = 0;

    while (*line && str_split(&rest, ' ', &word))
        words[n++] = str_cstr(f->arena, word);
    f->err = args_parse(&f->args, n, words, stops, &f->n_taken);
}

static void
parse(struct fixture *f, const char *line)
{
    parse_some(f, line, false);
    assert_int_equal(f->err, ERR_OK);
}

static void
assert_refused(struct fixture *f, const char *line, const char *why)
{
    args_init(&f->args, f->arena);
    args_know(&f->args, common);
    args_know(&f->args, options);
    parse_some(f, line, false);
    assert_int_equal(f->err, ERR_INVALID);
    assert_string_equal(str_cstr(f->arena, f->args.why), why);
}

static void
assert_text(struct str s, const char *want)
{
    assert_int_equal(s.n, strlen(want));
    assert_memory_equal(s.p ? s.p : "", want, s.n);
}

static void
options_and_arguments_may_be_mixed(void **state)
{
    struct fixture *f = *state;

    parse(f, "u1 --title Hi text --limit=7 --timeout 2s --color green");
    assert_int_equal(f->args.n_rest, 2);
    assert_text(args_rest(&f->args, 0), "u1");
    assert_text(args_rest(&f->args, 1), "text");
    assert_null(args_rest(&f->args, 2).p);
    assert_text(args_text(&f->args, "title"), "Hi");
    assert_text(args_text(&f->args, "color"), "green");
    assert_int_equal(args_number(&f->args, "limit", 50), 7);
    assert_int_equal(args_number(&f->args, "timeout", 0), 2000);
    assert_false(args_has(&f->args, "help"));
    assert_null(args_text(&f->args, "url").p);
}

static void
what_is_not_given_has_the_callers_default(void **state)
{
    struct fixture *f = *state;

    parse(f, "");
    assert_int_equal(args_number(&f->args, "limit", 50), 50);
    assert_int_equal(f->args.n_rest, 0);
}

static void
two_dashes_end_the_options(void **state)
{
    struct fixture *f = *state;

    parse(f, "--title=a -- --title -h --");
    assert_int_equal(f->args.n_rest, 3);
    assert_text(args_rest(&f->args, 0), "--title");
    assert_text(args_rest(&f->args, 2), "--");
    assert_false(args_has(&f->args, "help"));
}

static void
a_dash_alone_is_an_argument(void **state)
{
    struct fixture *f = *state;

    parse(f, "- --title -");
    assert_text(args_rest(&f->args, 0), "-");
    assert_text(args_text(&f->args, "title"), "-");
}

static void
a_value_may_be_empty_or_hold_an_equals_sign(void **state)
{
    struct fixture *f = *state;

    parse(f, "--title= --data a=b=c");
    assert_true(args_has(&f->args, "title"));
    assert_int_equal(args_text(&f->args, "title").n, 0);
    assert_text(args_text(&f->args, "data"), "a=b=c");
}

static void
a_repeatable_option_keeps_its_order(void **state)
{
    struct fixture *f = *state;
    struct str text;
    int at = 0;

    parse(f, "--data a=1 --title t --data b=2");
    assert_true(args_next(&f->args, "data", &at, &text));
    assert_text(text, "a=1");
    assert_true(args_next(&f->args, "data", &at, &text));
    assert_text(text, "b=2");
    assert_false(args_next(&f->args, "data", &at, &text));
}

static void
a_letter_is_short_for_a_flag(void **state)
{
    struct fixture *f = *state;

    parse(f, "-h -h");
    assert_true(args_has(&f->args, "help"));
}

static void
parsing_can_stop_at_the_first_argument_and_go_on(void **state)
{
    struct fixture *f = *state;

    parse_some(f, "--url http://x send u1", true);
    assert_int_equal(f->err, ERR_OK);
    assert_int_equal(f->n_taken, 2);
    assert_int_equal(f->args.n_rest, 0);
    parse(f, "u1 --title t");
    assert_text(args_text(&f->args, "url"), "http://x");
    assert_text(args_text(&f->args, "title"), "t");
    assert_text(args_rest(&f->args, 0), "u1");
}

static void
what_is_wrong_is_said_with_its_cure(void **state)
{
    struct fixture *f = *state;

    assert_refused(f, "--titel x",
                   "there is no option --titel; did you mean --title?");
    assert_refused(f, "--frobnicate", "there is no option --frobnicate");
    assert_refused(f, "-x", "there is no option -x");
    assert_refused(f, "-hx", "there is no option -hx");
    assert_refused(f, "--title", "--title lacks its value; write --title=TEXT");
    assert_refused(f, "--title --limit 3",
                   "--title lacks its value; write --title=TEXT");
    assert_refused(f, "--help=1", "--help takes no value");
    assert_refused(f, "--title a --title b",
                   "--title is given twice; keep one");
    assert_refused(f, "--color blue", "--color \"blue\" is none of red, green");
    assert_refused(f, "--limit 0",
                   "--limit \"0\" is not a number from 1 to 100");
    assert_refused(f, "--limit 101",
                   "--limit \"101\" is not a number from 1 to 100");
    assert_refused(f, "--limit ten",
                   "--limit \"ten\" is not a number from 1 to 100");
    assert_refused(f, "--timeout 2h",
                   "--timeout \"2h\" is not a duration from 1s to 1m; write "
                   "30s, 10m or 2h");
    assert_refused(f, "--title \xff", "--title is not valid UTF-8");
    assert_refused(f, "\xff", "an argument is not valid UTF-8");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IT(options_and_arguments_may_be_mixed),
        IT(what_is_not_given_has_the_callers_default),
        IT(two_dashes_end_the_options),
        IT(a_dash_alone_is_an_argument),
        IT(a_value_may_be_empty_or_hold_an_equals_sign),
        IT(a_repeatable_option_keeps_its_order),
        IT(a_letter_is_short_for_a_flag),
        IT(parsing_can_stop_at_the_first_argument_and_go_on),
        IT(what_is_wrong_is_said_with_its_cure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
