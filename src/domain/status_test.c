#include "domain/status.h"
#include "domain/reason.h"
#include "domain/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
the_names_are_those_of_the_api(void **state)
{
    static const char *const want[] = {
        "queued", "held", "sending",    "retrying", "delivered", "sent",
        "failed", "dead", "suppressed", "merged",   "cancelled", "expired"};
    static const char *const urgency[] = {"critical", "high", "normal", "low"};

    (void)state;
    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++) {
        enum delivery_status s = DELIVERY_STATUS_COUNT;

        assert_string_equal(delivery_status_name((enum delivery_status)i),
                            want[i]);
        assert_true(delivery_status_parse(str_from(want[i]), &s));
        assert_int_equal(s, i);
    }
    for (int i = 0; i < PRIORITY_COUNT; i++) {
        enum priority p = PRIORITY_COUNT;

        assert_string_equal(priority_name((enum priority)i), urgency[i]);
        assert_true(priority_parse(str_from(urgency[i]), &p));
        assert_int_equal(p, i);
    }
}

static void
what_is_no_name_parses_to_nothing(void **state)
{
    static const char *const bad[] = {"", "Queued", "queue", "queuedx", "done"};
    enum delivery_status s = DELIVERY_SENT;
    enum priority p = PRIORITY_LOW;
    enum verdict v = VERDICT_GONE;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(delivery_status_parse(str_from(bad[i]), &s));
        assert_false(priority_parse(str_from(bad[i]), &p));
        assert_false(verdict_parse(str_from(bad[i]), &v));
        assert_int_equal(reason_find(str_from(bad[i])), REASON_NONE);
    }
    assert_int_equal(s, DELIVERY_SENT);
    assert_int_equal(p, PRIORITY_LOW);
    assert_int_equal(v, VERDICT_GONE);
}

static void
only_the_first_four_are_not_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++)
        assert_int_equal(delivery_status_is_terminal((enum delivery_status)i),
                         i > DELIVERY_RETRYING);
}

static void
every_reason_has_a_code_of_its_own_and_a_sentence(void **state)
{
    (void)state;
    assert_int_equal(reason_code(REASON_NONE).n, 0);
    assert_int_equal(reason_find(STR_NONE), REASON_NONE);
    for (int r = 1; r < REASON_COUNT; r++) {
        const char *sentence = reason_sentence((enum reason)r);
        struct str code = reason_code((enum reason)r);

        assert_int_equal(reason_find(code), r); /* so it is unique */
        assert_true(code.n > 0 && code.n <= 32);
        for (size_t i = 0; i < code.n; i++)
            assert_true((code.p[i] >= 'a' && code.p[i] <= 'z') ||
                        (code.p[i] >= '0' && code.p[i] <= '9') ||
                        code.p[i] == '.' || code.p[i] == '_');
        assert_int_equal(sentence[strlen(sentence) - 1], '.');
    }
}

static void
a_verdict_is_retried_exactly_when_its_status_is_not_the_end(void **state)
{
    (void)state;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        const struct verdict_policy *p = verdict_policy((enum verdict)i);
        enum verdict back = VERDICT_COUNT;

        assert_int_equal(p->is_retried,
                         !delivery_status_is_terminal(p->status));
        assert_true(p->reason != REASON_NONE);
        assert_true(p->is_retried || !p->fails_over);
        assert_true(verdict_parse(str_from(p->name), &back));
        assert_int_equal(back, i);
    }
}

static void
what_may_have_been_sent_never_goes_to_another_provider(void **state)
{
    (void)state;
    assert_false(verdict_policy(VERDICT_UNKNOWN)->fails_over);
    assert_false(verdict_policy(VERDICT_INTERRUPTED)->fails_over);
    assert_true(verdict_policy(VERDICT_RETRY)->fails_over);
}

static void
a_refusal_or_a_throttle_does_not_open_the_breaker(void **state)
{
    (void)state;
    assert_int_equal(verdict_policy(VERDICT_REJECTED)->health, HEALTH_GOOD);
    assert_int_equal(verdict_policy(VERDICT_GONE)->health, HEALTH_GOOD);
    assert_int_equal(verdict_policy(VERDICT_RATE)->health, HEALTH_NOTHING);
    assert_int_equal(verdict_policy(VERDICT_RETRY)->health, HEALTH_BAD);
    assert_int_equal(verdict_policy(VERDICT_UNKNOWN)->health, HEALTH_BAD);
    assert_int_equal(verdict_policy(VERDICT_CREDENTIALS)->health,
                     HEALTH_BROKEN);
    assert_int_equal(verdict_policy(VERDICT_INTERRUPTED)->health,
                     HEALTH_NOTHING);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_names_are_those_of_the_api),
        cmocka_unit_test(what_is_no_name_parses_to_nothing),
        cmocka_unit_test(only_the_first_four_are_not_the_end),
        cmocka_unit_test(every_reason_has_a_code_of_its_own_and_a_sentence),
        cmocka_unit_test(
            a_verdict_is_retried_exactly_when_its_status_is_not_the_end),
        cmocka_unit_test(
            what_may_have_been_sent_never_goes_to_another_provider),
        cmocka_unit_test(a_refusal_or_a_throttle_does_not_open_the_breaker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
