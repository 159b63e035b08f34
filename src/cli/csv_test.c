#include "cli/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/arena_test.h"

/* Each row in brackets, its line before it, bars between fields; what is bad
 * as "!". */
static const char *
read_all(const char *text, size_t n)
{
    FILE *f = n > 0 ? fmemopen((void *)(uintptr_t)text, n, "r")
                    : fopen("/dev/null", "r");
    enum csv_got got;
    struct csv c;
    struct buf out;

    assert_non_null(f);
    buf_init(&out, arena);
    csv_init(&c, f);
    while ((got = csv_next(&c)) != CSV_END) {
        buf_printf(&out, "%d[", (int)c.row_line);
        if (got == CSV_BAD)
            buf_put_char(&out, '!');
        for (size_t i = 0; got == CSV_ROW && i < csv_count(&c); i++)
            buf_printf(&out, "%s%.*s", i > 0 ? "|" : "",
                       STR_ARG(csv_field(&c, i)));
        buf_put_char(&out, ']');
    }
    csv_fini(&c);
    fclose(f);
    return str_cstr(arena, buf_str(&out));
}

#define ASSERT_ROWS(text, want)                                                \
    assert_string_equal(read_all(text, sizeof(text) - 1), want)

static void
fields_are_what_is_between_commas(void **state)
{
    (void)state;
    ASSERT_ROWS("", "");
    ASSERT_ROWS("a,b\n1,2\n", "1[a|b]2[1|2]");
    ASSERT_ROWS("a,b\n1,2", "1[a|b]2[1|2]");
    ASSERT_ROWS("a,,\n,\n", "1[a||]2[|]");
    ASSERT_ROWS(" a , b ", "1[ a | b ]");
}

static void
lines_end_as_in_dos_too_and_empty_ones_are_none(void **state)
{
    (void)state;
    ASSERT_ROWS("\r\na,b\r\n\r\n1,2\r\n\n", "2[a|b]4[1|2]");
    ASSERT_ROWS("a\rb\nc\n", "1[!]2[c]");
    ASSERT_ROWS("a\r", "1[!]");
}

static void
quotes_hold_commas_quotes_and_newlines(void **state)
{
    (void)state;
    ASSERT_ROWS("\"a,b\",\"say \"\"x\"\"\"\nc\n", "1[a,b|say \"x\"]2[c]");
    ASSERT_ROWS("\"one\ntwo\r\n\",x\nnext\n", "1[one\ntwo\r\n|x]4[next]");
    ASSERT_ROWS("\"\"\n\"\",\"\"\n", "1[]2[|]");
}

static void
a_bad_row_does_not_take_the_next_one_along(void **state)
{
    (void)state;
    ASSERT_ROWS("a\"b,c\nd\n", "1[!]2[d]");
    ASSERT_ROWS("\"a\"b,c\nd\n", "1[!]2[d]");
    ASSERT_ROWS("x\n\"a\n", "1[x]2[!]");
}

static void
a_byte_order_mark_is_no_text(void **state)
{
    (void)state;
    ASSERT_ROWS("\xef\xbb\xbfid,b\n", "1[id|b]");
    ASSERT_ROWS("\xef\xbb\xbf", "");
    ASSERT_ROWS("a\xef\xbb\xbf\n", "1[a\xef\xbb\xbf]");
}

static void
what_only_begins_like_a_mark_is_text(void **state)
{
    (void)state;
    ASSERT_ROWS("\xef\xbc\xa1,b\n", "1[\xef\xbc\xa1|b]");
    ASSERT_ROWS("\xef\xbb\xbe\n", "1[\xef\xbb\xbe]");
    ASSERT_ROWS("\xef\nb\n", "1[\xef]2[b]");
    ASSERT_ROWS("\xef\r\nb\n", "1[\xef]2[b]");
    ASSERT_ROWS("\xef\xbb\nb\n", "1[\xef\xbb]2[b]");
    ASSERT_ROWS("\xef", "1[\xef]");
    ASSERT_ROWS("\xef\xbb", "1[\xef\xbb]");
}

static void
a_row_has_at_most_a_thousand_fields(void **state)
{
    char text[CSV_FIELDS_MAX + 1];

    (void)state;
    memset(text, ',', sizeof(text));
    text[CSV_FIELDS_MAX - 1] = '\n';
    assert_null(strchr(read_all(text, CSV_FIELDS_MAX), '!'));
    text[CSV_FIELDS_MAX - 1] = ',';
    text[CSV_FIELDS_MAX] = '\n';
    assert_string_equal(read_all(text, sizeof(text)), "1[!]");
}

static void
what_is_too_long_is_bad_and_takes_no_more_memory(void **state)
{
    size_t n = CSV_ROW_MAX * 4;
    char *text = arena_alloc(arena, n);

    (void)state;
    memset(text, 'x', n);
    memcpy(text + n - 3, "\ny\n", 3);
    assert_string_equal(read_all(text, n), "1[!]2[y]");
    memset(text, ',', n - 3);
    assert_string_equal(read_all(text, n), "1[!]2[y]");
}

static void
lines_are_taken_as_they_are(void **state)
{
    char text[] = "\xef\xbb\xbf{\"a\":1}\r\n\n{\"b\":\"x,y\"}";
    FILE *f = fmemopen(text, sizeof(text) - 1, "r");
    struct csv c;

    (void)state;
    csv_init(&c, f);
    assert_int_equal(csv_line(&c), CSV_ROW);
    assert_true(str_is(csv_field(&c, 0), "{\"a\":1}"));
    assert_int_equal(csv_line(&c), CSV_ROW);
    assert_int_equal(c.row_line, 3);
    assert_true(str_is(csv_field(&c, 0), "{\"b\":\"x,y\"}"));
    assert_int_equal(csv_line(&c), CSV_END);
    csv_fini(&c);
    fclose(f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IT(fields_are_what_is_between_commas),
        IT(lines_end_as_in_dos_too_and_empty_ones_are_none),
        IT(quotes_hold_commas_quotes_and_newlines),
        IT(a_bad_row_does_not_take_the_next_one_along),
        IT(a_byte_order_mark_is_no_text),
        IT(what_only_begins_like_a_mark_is_text),
        IT(a_row_has_at_most_a_thousand_fields),
        IT(what_is_too_long_is_bad_and_takes_no_more_memory),
        IT(lines_are_taken_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
