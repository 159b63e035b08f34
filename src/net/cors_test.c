#include "net/cors.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#define APP "https://app.example"

static struct cors_answer
decide(const char *allowed, const char *method,
       const struct http_header *headers, size_t n)
{
    const struct str origins[] = {str_from(allowed)};
    const struct cors_policy p = {origins, allowed != NULL, STR("ETag")};
    const struct http_request r = {
        .method = str_from(method), .headers = headers, .n_headers = n};
    struct cors_answer a;

    cors_decide(&p, &r, &a);
    return a;
}

static struct str
header_of(const struct cors_answer *a, const char *name)
{
    for (size_t i = 0; i < a->n_headers; i++)
        if (str_is(a->headers[i].name, name))
            return a->headers[i].value;
    return STR_NONE;
}

static void
an_allowed_origin_is_named_and_caches_are_told(void **state)
{
    const struct http_header h[] = {{STR("Origin"), STR(APP)}};
    const struct cors_answer a = decide(APP, "POST", h, 1);

    (void)state;
    assert_false(a.is_preflight);
    assert_true(str_is(header_of(&a, "Access-Control-Allow-Origin"), APP));
    assert_true(str_is(header_of(&a, "Vary"), "Origin"));
    assert_true(str_is(header_of(&a, "Access-Control-Expose-Headers"), "ETag"));
    assert_null(header_of(&a, "Access-Control-Allow-Credentials").p);
}

static void
any_origin_may_be_allowed(void **state)
{
    const struct http_header h[] = {{STR("origin"), STR("null")}};
    const struct cors_answer a = decide("*", "GET", h, 1);

    (void)state;
    assert_true(str_is(header_of(&a, "Access-Control-Allow-Origin"), "*"));
    assert_null(header_of(&a, "Vary").p);
}

static void
another_origin_gets_nothing(void **state)
{
    static const char *const others[] = {"https://app.example.evil",
                                         "http://app.example",
                                         "https://APP.example", "null", ""};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct http_header h[] = {{STR("Origin"), str_from(others[i])}};
        const struct cors_answer a = decide(APP, "GET", h, 1);

        assert_int_equal(a.n_headers, 1);
        assert_true(str_is(header_of(&a, "Vary"), "Origin"));
    }
}

static void
without_a_policy_nothing_is_added(void **state)
{
    const struct http_header h[] = {{STR("Origin"), STR(APP)}};
    const struct cors_answer a = decide(NULL, "GET", h, 1);

    (void)state;
    assert_int_equal(a.n_headers, 0);
}

static void
a_preflight_is_told_what_it_may_send(void **state)
{
    const struct http_header h[] = {
        {STR("Origin"), STR(APP)},
        {STR("Access-Control-Request-Method"), STR("PUT")},
        {STR("Access-Control-Request-Headers"), STR("authorization,x-a")}};
    const struct cors_answer a = decide(APP, "OPTIONS", h, 3);

    (void)state;
    assert_true(a.is_preflight);
    assert_true(str_is(header_of(&a, "Access-Control-Allow-Headers"),
                       "authorization,x-a"));
    assert_true(header_of(&a, "Access-Control-Allow-Methods").n > 0);
    assert_true(header_of(&a, "Access-Control-Max-Age").n > 0);
    assert_null(header_of(&a, "Access-Control-Expose-Headers").p);
}

static void
a_preflight_of_another_origin_is_answered_with_nothing(void **state)
{
    const struct http_header h[] = {
        {STR("Origin"), STR("https://evil.example")},
        {STR("Access-Control-Request-Method"), STR("PUT")}};
    const struct cors_answer a = decide(APP, "OPTIONS", h, 2);

    (void)state;
    assert_true(a.is_preflight);
    assert_int_equal(a.n_headers, 1);
}

static void
options_without_its_headers_is_no_preflight(void **state)
{
    const struct http_header h[] = {{STR("Origin"), STR(APP)}};

    (void)state;
    assert_false(decide(APP, "OPTIONS", h, 1).is_preflight);
    assert_false(decide(APP, "OPTIONS", h, 0).is_preflight);
}

static void
only_header_names_are_echoed(void **state)
{
    const struct http_header h[] = {
        {STR("Origin"), STR(APP)},
        {STR("Access-Control-Request-Method"), STR("PUT")},
        {STR("Access-Control-Request-Headers"), STR("x: <script>")}};
    const struct cors_answer a = decide(APP, "OPTIONS", h, 3);

    (void)state;
    assert_null(header_of(&a, "Access-Control-Allow-Headers").p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allowed_origin_is_named_and_caches_are_told),
        cmocka_unit_test(any_origin_may_be_allowed),
        cmocka_unit_test(another_origin_gets_nothing),
        cmocka_unit_test(without_a_policy_nothing_is_added),
        cmocka_unit_test(a_preflight_is_told_what_it_may_send),
        cmocka_unit_test(
            a_preflight_of_another_origin_is_answered_with_nothing),
        cmocka_unit_test(options_without_its_headers_is_no_preflight),
        cmocka_unit_test(only_header_names_are_echoed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
