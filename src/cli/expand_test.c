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

static struct json
parse(const char *text)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error fault;

    assert_int_equal(
        json_parse(arena, str_dup(arena, str_from(text)), doc, &fault), ERR_OK);
    return json_root(doc);
}

static const char server[] =
    "{\"config\":{\"host\":\"mail.example.org\",\"password\":\"***\"}}";
static const char written[] =
    "{\"config\":{\"host\":\"${HOST}\",\"password\":\"${PASSWORD}\","
    "\"token\":\"${PASSWORD}\"}}";

static void
no_secret_is_shown_and_what_is_there_is_the_same(void **state)
{
    struct str got, why;

    (void)state;
    assert_true(expand(written, &got, &why));
    assert_string_equal(
        str_cstr(arena, expand_hide(arena, parse(str_cstr(arena, got)),
                                    parse(written), parse(server), false)),
        "{\"config\":{\"host\":\"mail.example.org\",\"password\":\"***\","
        "\"token\":\"${PASSWORD}\"}}");
    assert_string_equal(
        str_cstr(arena, expand_hide(arena, parse(str_cstr(arena, got)),
                                    parse(written), parse(server), true)),
        "{\"config\":{\"host\":\"mail.example.org\",\"password\":"
        "\"*** (set again)\",\"token\":\"${PASSWORD}\"}}");
}

static void
variables_of_a_file_outlive_an_export(void **state)
{
    (void)state;
    assert_string_equal(
        str_cstr(arena, expand_keep(arena, env, parse(server), parse(written))),
        "{\"config\":{\"host\":\"${HOST}\",\"password\":\"${PASSWORD}\"}}");
    assert_string_equal(
        str_cstr(arena,
                 expand_keep(arena, env, parse(server),
                             parse("{\"config\":{\"host\":\"${PASSWORD}\","
                                   "\"password\":\"${NOT_THERE}\"}}"))),
        "{\"config\":{\"host\":\"mail.example.org\",\"password\":"
        "\"${NOT_THERE}\"}}");
    assert_string_equal(
        str_cstr(arena,
                 expand_keep(arena, env, parse(server),
                             parse("{\"config\":{\"password\":\"clear\"}}"))),
        server);
}

static void
words_of_the_server_name_no_variable(void **state)
{
    static const char there[] = "{\"config\":{\"a\":\"x${HOST}$${HOST}\","
                                "\"b\":[\"${PASSWORD}\",\"${\"]}}";
    struct str kept, got, why;

    (void)state;
    kept = expand_keep(arena, env, parse(there), parse("{}"));
    assert_string_equal(str_cstr(arena, kept),
                        "{\"config\":{\"a\":\"x$${HOST}$$${HOST}\","
                        "\"b\":[\"$${PASSWORD}\",\"$${\"]}}");
    assert_true(expand(str_cstr(arena, kept), &got, &why));
    assert_string_equal(str_cstr(arena, got), there);
    assert_string_equal(
        str_cstr(arena, expand_keep(arena, env, parse(there), parse(there))),
        "{\"config\":{\"a\":\"x$${HOST}$$${HOST}\","
        "\"b\":[\"$${PASSWORD}\",\"${\"]}}");
    assert_string_equal(
        str_cstr(arena, expand_keep(arena, env, parse(there),
                                    parse(str_cstr(arena, kept)))),
        str_cstr(arena, kept));
}

static void
a_variable_is_not_the_same_as_its_name(void **state)
{
    (void)state;
    assert_string_equal(
        str_cstr(arena,
                 expand_hide(arena, parse("{\"config\":{\"a\":\"value\"}}"),
                             parse("{\"config\":{\"a\":\"${HOST}\"}}"),
                             parse("{\"config\":{\"a\":\"${HOST}\"}}"), false)),
        "{\"config\":{\"a\":\"${HOST} (of the environment)\"}}");
}

static void
a_mask_is_found_wherever_it_is(void **state)
{
    (void)state;
    assert_true(expand_has_mask(arena, parse(server)));
    assert_true(expand_has_mask(
        arena, parse("{\"config\":{\"a\":[{\"b\":\"***\"}]}}")));
    assert_false(expand_has_mask(arena, parse("{\"x\":\"***\"}")));
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
        IT(no_secret_is_shown_and_what_is_there_is_the_same),
        IT(variables_of_a_file_outlive_an_export),
        IT(words_of_the_server_name_no_variable),
        IT(a_variable_is_not_the_same_as_its_name),
        IT(a_mask_is_found_wherever_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
