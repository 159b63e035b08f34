#include "dispatch/respite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define NOW INT64_C(100000)

static struct respite
begun(int64_t asked_ms)
{
    struct respite r = {0};

    assert_false(respite_refused(&r, 1, asked_ms, NOW));
    assert_false(respite_refused(&r, 2, asked_ms, NOW));
    assert_true(respite_refused(&r, 3, asked_ms, NOW));
    return r;
}

static void
several_that_are_refused_in_a_row_give_it_its_time(void **state)
{
    struct respite r = {0};

    (void)state;
    assert_false(respite_is_on(&r));
    assert_int_equal(respite_until_ms(&r), 0);
    r = begun(30000);
    assert_true(respite_is_on(&r));
    assert_int_equal(respite_until_ms(&r), NOW + 30000);
}

static void
one_message_alone_may_be_about_its_addressee(void **state)
{
    struct respite r = {0};

    (void)state;
    for (int i = 0; i < 10; i++)
        assert_false(respite_refused(&r, 7, 30000, NOW + i));
    assert_false(respite_is_on(&r));
    assert_false(respite_refused(&r, 8, 30000, NOW));
    assert_false(respite_answered(&r, NOW)); /* counts from one again */
    assert_false(respite_refused(&r, 9, 30000, NOW));
    assert_false(respite_refused(&r, 10, 30000, NOW));
    assert_false(respite_is_on(&r));
}

static void
what_was_under_way_when_it_began_changes_nothing(void **state)
{
    struct respite r = begun(30000);

    (void)state;
    assert_false(respite_refused(&r, 4, 60000, NOW + 10));
    assert_false(respite_answered(&r, NOW + 20));
    assert_true(respite_is_on(&r));
    assert_int_equal(respite_until_ms(&r), NOW + 30000);
}

static void
the_call_that_goes_ahead_decides(void **state)
{
    struct respite r = begun(30000);

    (void)state;
    assert_true(respite_refused(&r, 3, 5000, NOW + 30000));
    assert_int_equal(respite_until_ms(&r), NOW + 35000);
    assert_true(respite_answered(&r, NOW + 35000));
    assert_false(respite_is_on(&r));
    assert_int_equal(respite_until_ms(&r), 0);
}

static void
without_a_time_it_grows(void **state)
{
    struct respite r = begun(0);
    int64_t now_ms = NOW, want_ms = RESPITE_MIN_MS;

    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(respite_until_ms(&r), now_ms + want_ms);
        now_ms = respite_until_ms(&r);
        assert_true(respite_refused(&r, 9, 0, now_ms));
        want_ms =
            want_ms * 2 > RESPITE_OWN_MAX_MS ? RESPITE_OWN_MAX_MS : want_ms * 2;
    }
    assert_true(respite_answered(&r, respite_until_ms(&r)));
    r = begun(0);
    assert_int_equal(respite_until_ms(&r), NOW + RESPITE_MIN_MS);
}

static void
a_quota_of_a_day_is_looked_at_sooner(void **state)
{
    struct respite r = begun(INT64_C(24) * 3600 * 1000);

    (void)state;
    assert_int_equal(respite_until_ms(&r), NOW + RESPITE_MAX_MS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(several_that_are_refused_in_a_row_give_it_its_time),
        cmocka_unit_test(one_message_alone_may_be_about_its_addressee),
        cmocka_unit_test(what_was_under_way_when_it_began_changes_nothing),
        cmocka_unit_test(the_call_that_goes_ahead_decides),
        cmocka_unit_test(without_a_time_it_grows),
        cmocka_unit_test(a_quota_of_a_day_is_looked_at_sooner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
