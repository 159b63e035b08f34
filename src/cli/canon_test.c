#include "cli/canon.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena_test.h"

static struct json
parse(const char *text)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error why;

    assert_int_equal(
        json_parse(arena, str_dup(arena, str_from(text)), doc, &why), ERR_OK);
    return json_root(doc);
}

static void
assert_canon(const char *text, const char *want)
{
    struct buf out;

    buf_init(&out, arena);
    canon_put(parse(text), &out);
    assert_string_equal(str_cstr(arena, buf_str(&out)), want);
    /* And it is written so again. */
    buf_reset(&out);
    canon_put(parse(want), &out);
    assert_string_equal(str_cstr(arena, buf_str(&out)), want);
}

static void
members_are_in_the_order_of_their_keys(void **state)
{
    (void)state;
    assert_canon("{\"b\":{\"y\":1,\"x\":[]},\"a\":null,\"B\":{}}",
                 "{\n  \"B\": {},\n  \"a\": null,\n  \"b\": {\n    \"x\": [],\n"
                 "    \"y\": 1\n  }\n}\n");
}

static void
short_rows_of_plain_values_take_one_line(void **state)
{
    (void)state;
    assert_canon("[\"a\",1,true]", "[\"a\", 1, true]\n");
    assert_canon("[1,[2],{}]", "[\n  1,\n  [2],\n  {}\n]\n");
    assert_canon("[\"0123456789012345678901234567890123456789\","
                 "\"0123456789012345678901234567890123456789\"]",
                 "[\n  \"0123456789012345678901234567890123456789\",\n"
                 "  \"0123456789012345678901234567890123456789\"\n]\n");
}

static void
text_has_one_way_to_be_escaped_and_numbers_stay_as_they_are(void **state)
{
    (void)state;
    assert_canon("[\"\\u00e4\\/\\u000a\",1.50,1e3]",
                 "[\"\xc3\xa4/\\n\", 1.50, 1e3]\n");
}

static void
what_drives_a_terminal_is_escaped(void **state)
{
    (void)state;
    assert_canon("[\"a\xc2\x9b\x7f\xc2\x80\",\"\xe2\x80\xae\xe2\x80\x8f\"]",
                 "[\"a\\u009b\\u007f\\u0080\", \"\\u202e\\u200f\"]\n");
    assert_canon("{\"\xe2\x81\xa6\":\"\\u001b[31m\"}",
                 "{\n  \"\\u2066\": \"\\u001b[31m\"\n}\n");
    assert_canon("[\"\xc2\xa0\xf0\x9f\x98\x80\"]",
                 "[\"\xc2\xa0\xf0\x9f\x98\x80\"]\n");
}

static void
values_are_the_same_however_they_are_written(void **state)
{
    (void)state;
    assert_true(canon_is_same(parse("{\"a\":[1,\"x\"],\"b\":{}}"),
                              parse("{ \"b\":{}, \"a\":[1, \"\\u0078\"] }")));
    assert_false(canon_is_same(parse("{\"a\":1}"), parse("{\"b\":1}")));
    assert_false(canon_is_same(parse("{\"a\":1}"), parse("{\"a\":\"1\"}")));
    assert_false(canon_is_same(parse("[1,2]"), parse("[2,1]")));
    assert_false(canon_is_same(parse("[1]"), parse("[1,1]")));
    assert_false(canon_is_same(parse("{}"), parse("[]")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IT(members_are_in_the_order_of_their_keys),
        IT(short_rows_of_plain_values_take_one_line),
        IT(text_has_one_way_to_be_escaped_and_numbers_stay_as_they_are),
        IT(what_drives_a_terminal_is_escaped),
        IT(values_are_the_same_however_they_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
