#include "cli/term.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena_test.h"

static void
assert_text(struct str s, const char *want)
{
    assert_string_equal(str_cstr(arena, s), want);
}

static const struct term plain = {0};
static const struct term rich = {
    .is_tty = true, .has_color = true, .is_utf8 = true, .width = 40};

static void
colour_needs_a_terminal_that_wants_it(void **state)
{
    const char *const good[] = {"TERM=xterm", "LANG=C.UTF-8", NULL};
    const char *const dumb[] = {"TERM=dumb", NULL};
    const char *const none[] = {"TERM=xterm", "NO_COLOR=1", NULL};
    const char *const empty[] = {"TERM=xterm", "NO_COLOR=", NULL};
    struct term t = {0};

    (void)state;
    term_judge(&t, true, good);
    assert_true(t.has_color && t.is_tty && t.is_utf8);
    term_judge(&t, false, good);
    assert_false(t.has_color || t.is_tty);
    assert_true(t.is_utf8);
    term_judge(&t, true, dumb);
    assert_false(t.has_color || t.is_tty);
    term_judge(&t, true, none);
    assert_true(t.is_tty);
    assert_false(t.has_color);
    term_judge(&t, true, empty);
    assert_true(t.has_color);
}

static void
the_first_locale_variable_that_is_set_decides(void **state)
{
    const char *const all[] = {"LANG=en_US.UTF-8", "LC_ALL=C", NULL};
    const char *const ctype[] = {"LANG=C", "LC_CTYPE=de_DE.utf8", NULL};
    const char *const empty[] = {"LC_ALL=", "LANG=C.UTF-8", NULL};
    const char *const none[] = {NULL};
    struct term t = {0};

    (void)state;
    term_judge(&t, true, all);
    assert_false(t.is_utf8);
    term_judge(&t, true, ctype);
    assert_true(t.is_utf8);
    term_judge(&t, true, empty);
    assert_true(t.is_utf8);
    term_judge(&t, true, none);
    assert_false(t.is_utf8);
    assert_string_equal(term_symbol(&t, TERM_YES), "+");
    assert_string_equal(term_symbol(&rich, TERM_YES), "✓");
}

static void
width_counts_columns_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(term_width(STR("abc")), 3);
    assert_int_equal(term_width(STR("äöü")), 3);
    assert_int_equal(term_width(STR("e\xcc\x81")), 1); /* combining accent */
    assert_int_equal(term_width(STR("日本")), 4);
    assert_int_equal(term_width(STR("🔔")), 2);
    assert_int_equal(term_width(STR("\xff\xfe")), 2);
    assert_int_equal(term_width(STR_NONE), 0);
}

static void
no_control_character_reaches_the_terminal(void **state)
{
    (void)state;
    assert_text(term_clean(arena, STR("a\033[31mb")), "a?[31mb");
    assert_text(term_clean(arena, STR("a\nb\tc\r")), "a b c ");
    assert_text(term_clean(arena, STR("a\xc2\x9b"
                                      "31m")),
                "a?31m"); /* CSI of the second set */
    assert_text(term_clean(arena, STR("a\xe2\x80\xae"
                                      "b")),
                "a?b"); /* right-to-left override */
    assert_text(term_clean(arena, STR("a\x7f\xff")), "a??");
    assert_text(term_clean(arena, STR("Grüße 日本")), "Grüße 日本");
}

static void
a_clipped_text_ends_on_a_character(void **state)
{
    (void)state;
    assert_text(term_clip(arena, &rich, STR("abcdef"), 6), "abcdef");
    assert_text(term_clip(arena, &rich, STR("abcdef"), 5), "abcd…");
    assert_text(term_clip(arena, &plain, STR("abcdef"), 5), "abc..");
    assert_text(term_clip(arena, &rich, STR("日本語"), 4), "日…");
    assert_text(term_clip(arena, &rich, STR("äöü"), 2), "ä…");
}

static void
json_is_shown_as_the_same_values(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, arena);
    term_put_json(&out, STR("{\"a\":\r\n\"\xc2\x9b"
                            "2J\x7f\xe2\x80\xae\xc3\xa4\\u001b\"}"));
    assert_text(buf_str(&out),
                "{\"a\":  \"\\u009b2J\\u007f\\u202e\xc3\xa4\\u001b\"}");
}

static void
text_is_padded_and_coloured(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, arena);
    term_put(&plain, &out, TERM_RED, STR("ä"), 3);
    buf_put_char(&out, '|');
    assert_text(buf_str(&out), "ä  |");
    buf_reset(&out);
    term_put(&rich, &out, TERM_RED, STR("a"), 3);
    assert_text(buf_str(&out), "\033[31ma\033[0m  ");
}

static void
columns_are_as_wide_as_their_widest_cell(void **state)
{
    static const char *const heads[] = {"ID", "STATUS", "WHY", NULL};
    struct table *t = table_new(arena, &plain, heads);
    struct buf out;

    (void)state;
    table_cell(t, TERM_PLAIN, STR("dlv_1"));
    table_cell(t, TERM_GREEN, STR("sent"));
    table_cell(t, TERM_PLAIN, STR_NONE);
    table_cell(t, TERM_PLAIN, STR("ä"));
    table_cell(t, TERM_PLAIN, STR("dead"));
    table_cell(t, TERM_PLAIN, STR("550\nno such user"));
    buf_init(&out, arena);
    table_write(t, &out);
    assert_text(buf_str(&out), "ID     STATUS  WHY\n"
                               "dlv_1  sent\n"
                               "ä      dead    550 no such user\n");
}

static void
only_a_terminal_clips_the_last_column(void **state)
{
    static const char *const heads[] = {"ID", "WHY", NULL};
    const char *why = "a line that is a good deal longer than it may be";
    const struct term *const terms[] = {
        &plain, &(struct term){.is_tty = true, .width = 30}};
    const char *const wants[] = {
        "ID   WHY\n123  a line that is a good deal longer than it may be\n",
        "ID   WHY\n123  a line that is a good d..\n"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct table *t = table_new(arena, terms[i], heads);
        struct buf out;

        table_cell(t, TERM_PLAIN, STR("123"));
        table_cell(t, TERM_PLAIN, str_from(why));
        buf_init(&out, arena);
        table_write(t, &out);
        assert_text(buf_str(&out), wants[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IT(colour_needs_a_terminal_that_wants_it),
        IT(the_first_locale_variable_that_is_set_decides),
        IT(width_counts_columns_not_bytes),
        IT(no_control_character_reaches_the_terminal),
        IT(a_clipped_text_ends_on_a_character),
        IT(json_is_shown_as_the_same_values),
        IT(text_is_padded_and_coloured),
        IT(columns_are_as_wide_as_their_widest_cell),
        IT(only_a_terminal_clips_the_last_column),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
