#include "cli/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena_test.h"

static const char *const env[] = {"PASSWORD=s3\"cret", "HOST=mail.example.org",
                                  "EMPTY=", NULL};

static bool
expand(const char *text, struct str *ret, struct str *why)
{
    struct json_error fault;
    struct json_doc doc;

    assert_int_equal(json_parse(arena, str_from(text), &doc, &fault), ERR_OK);
    return expand_config(arena, env, json_root(&doc), ret, why);
}

static void
assert_expanded(const char *text, const char *want)
{
    struct str got, why;

    assert_true(expand(text, &got, &why));
    assert_string_equal(str_cstr(arena, got), want);
}

static void
assert_refused(const char *text, const char *want)
{
    struct str got, why;

    assert_false(expand(text, &got, &why));
    assert_non_null(strstr(str_cstr(arena, why), want));
}

static void
variables_stand_for_their_values(void **state)
{
    (void)state;
    assert_expanded("{\"config\":{\"password\":\"${PASSWORD}\"}}",
                    "{\"config\":{\"password\":\"s3\\\"cret\"}}");
    assert_expanded("{\"config\":{\"a\":[\"x${HOST}:1${HOST}\",{\"b\":1.50}]}}",
                    "{\"config\":{\"a\":[\"xmail.example.org:1mail.example.org"
                    "\",{\"b\":1.50}]}}");
}

static void
only_a_config_is_expanded(void **state)
{
    (void)state;
    assert_expanded("{\"name\":\"${HOST}\",\"config\":{}}",
                    "{\"name\":\"${HOST}\",\"config\":{}}");
}

static void
what_is_no_variable_stays(void **state)
{
    (void)state;
    assert_expanded("{\"config\":{\"a\":\"$HOST $${HOST} $ { ${\"}}",
                    "{\"config\":{\"a\":\"$HOST ${HOST} $ { ${\"}}");
}

static void
what_is_not_set_is_named(void **state)
{
    (void)state;
    assert_refused("{\"config\":{\"a\":\"${NOT_THERE}\"}}", "set NOT_THERE");
    assert_refused("{\"config\":{\"a\":\"${EMPTY}\"}}", "set EMPTY");
    assert_refused("{\"config\":{\"a\":\"${1}\"}}", "names no variable");
    assert_refused("{\"config\":{\"a\":\"${}\"}}", "names no variable");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IT(variables_stand_for_their_values),
        IT(only_a_config_is_expanded),
        IT(what_is_no_variable_stays),
        IT(what_is_not_set_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
