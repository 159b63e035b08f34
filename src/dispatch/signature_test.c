#include "dispatch/signature.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
check(enum verdict v, int status, const char *detail, const char *expected)
{
    struct arena *a = arena_new();
    struct str s = signature_of(a, v, status, str_from(detail));

    if (!str_is(s, expected))
        fail_msg("\"%.*s\", not \"%s\"", STR_ARG(s), expected);
    arena_free(a);
}

static void
verdict_and_status_lead(void **state)
{
    (void)state;
    check(VERDICT_RETRY, 503, "Service Unavailable",
          "retry 503 service unavailable");
    check(VERDICT_UNKNOWN, 0, NULL, "unknown");
}

static void
what_varies_is_blotted_out(void **state)
{
    (void)state;
    check(VERDICT_REJECTED, 550, "5.1.1 <ann@example.org>: User unknown",
          "rejected 550 # user unknown");
    check(VERDICT_RETRY, 0, "could not connect to 10.1.2.3:443 after 30 s",
          "retry could not connect to # after");
    check(VERDICT_RETRY, 500,
          "trace dlv_01hzyqk2m3n4p5q6r7s8t9v0wx and "
          "abcdefghijklmnopqrstuvwxyzabcdef",
          "retry 500 trace # and #");
}

static void
two_like_failures_are_equal(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    assert_true(str_eq(signature_of(a, VERDICT_RATE, 429,
                                    STR("Slow down, 17 in queue (id 4)")),
                       signature_of(a, VERDICT_RATE, 429,
                                    STR("slow  down 9 in queue (id 123)"))));
    arena_free(a);
}

static void
only_the_first_words_count(void **state)
{
    (void)state;
    check(VERDICT_RETRY, 0, "a b c d e f g h", "retry a b c d e f");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdict_and_status_lead),
        cmocka_unit_test(what_varies_is_blotted_out),
        cmocka_unit_test(two_like_failures_are_equal),
        cmocka_unit_test(only_the_first_words_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
