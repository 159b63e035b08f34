#include "cli/diff.h"

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
assert_shown(const char *before, const char *after, const char *want)
{
    struct diff d = diff_of(arena, parse(before), parse(after));
    const struct term plain = {0};
    struct buf out;

    buf_init(&out, arena);
    diff_put(&plain, arena, &d, &out);
    assert_string_equal(str_cstr(arena, buf_str(&out)), want);
}

static void
what_is_the_same_is_not_told(void **state)
{
    (void)state;
    assert_shown("{\"a\":1,\"b\":[{}]}", "{\"b\":[{}],\"a\":1}", "");
}

static void
members_come_go_and_change(void **state)
{
    (void)state;
    assert_shown("{\"a\":{\"x\":1,\"y\":2},\"c\":3}",
                 "{\"a\":{\"x\":5,\"y\":2},\"b/~\":null}",
                 "    ~ /a/x  1 -> 5\n    + /b~1~0  null\n    - /c  3\n");
}

static void
rows_of_objects_are_compared_one_by_one_others_as_a_whole(void **state)
{
    (void)state;
    assert_shown("{\"a\":[{\"x\":1},{\"x\":2}]}",
                 "{\"a\":[{\"x\":1},{\"x\":3},{\"x\":4}]}",
                 "    ~ /a/1/x  2 -> 3\n    + /a/2  {\"x\":4}\n");
    assert_shown("{\"a\":[1,2]}", "{\"a\":[2]}", "    ~ /a  [1,2] -> [2]\n");
}

static void
of_long_texts_the_lines_between_are_shown(void **state)
{
    (void)state;
    assert_shown("{\"t\":\"one\\ntwo\\nthree\"}",
                 "{\"t\":\"one\\n2\\n2b\\nthree\"}",
                 "    ~ /t  from line 2 on\n        - two\n        + 2\n"
                 "        + 2b\n");
}

static void
no_value_reaches_the_terminal_as_it_is(void **state)
{
    (void)state;
    assert_shown("{\"t\":\"a\\nb\"}", "{\"t\":\"a\\n\\u001b[31m\"}",
                 "    ~ /t  from line 2 on\n        - b\n        + ?[31m\n");
}

static void
programs_get_pointers_and_values(void **state)
{
    struct diff d =
        diff_of(arena, parse("{\"a\":1,\"b\":2}"), parse("{\"a\":[],\"c\":0}"));
    struct json_writer w;
    struct buf out;

    (void)state;
    buf_init(&out, arena);
    w = json_writer(&out);
    diff_put_json(&d, &w);
    assert_string_equal(str_cstr(arena, buf_str(&out)),
                        "[{\"pointer\":\"/a\",\"before\":1,\"after\":[]},"
                        "{\"pointer\":\"/b\",\"before\":2},"
                        "{\"pointer\":\"/c\",\"after\":0}]");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IT(what_is_the_same_is_not_told),
        IT(members_come_go_and_change),
        IT(rows_of_objects_are_compared_one_by_one_others_as_a_whole),
        IT(of_long_texts_the_lines_between_are_shown),
        IT(no_value_reaches_the_terminal_as_it_is),
        IT(programs_get_pointers_and_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
