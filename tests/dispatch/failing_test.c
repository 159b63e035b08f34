/* failing_test.c - providers that fail or ask to wait, and come back. */
#include "dispatch_rig.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/health.h"
#include "dispatch/lane.h"

/* Each call that failed waits for an hour, so that it is nobody's probe. */
static void
fail_for_long(struct rig *r)
{
    r->a.retry.base_ms = r->b.retry.base_ms = 3600 * 1000;
}

/* It would be open to all again, and nobody knows yet whether it works. */
static void
what_never_went_out_closes_no_breaker(void **state)
{
    struct rig *r = *state;

    fail_for_long(r);
    RIG_SAY(&r->script_a, 503);
    rig_send(r, 3, PRIORITY_NORMAL);
    rig_wait_calls(r, 3);
    rig_turn(r, 40);
    rig_advance(r, 1000);
    r->send_user = "refused";
    rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_FAILED);
    r->send_user = NULL;
    rig_send(r, 3, PRIORITY_NORMAL);
    rig_turn(r, 60);
    assert_int_equal(r->n_calls, 3);
    rig_advance(r, 1000);
    rig_wait_calls(r, 4); /* the probe */
    rig_turn(r, 60);
    assert_int_equal(r->n_calls, 4);
}

/* The one that stands in failed once, when it was needed last. Nothing was
 * queued for it since, so nothing could show that it is well again. */
static void
open_the_breaker_of_b(struct rig *r)
{
    rig_use_b(r);
    RIG_SAY(&r->script_b, 401);
    r->send_lane = RIG_LANE_B;
    rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_SENT); /* by a */
    r->send_lane = RIG_LANE_A;
    rig_advance(r, 8000);
    r->n_calls = 0;
}

static void
one_that_failed_long_ago_takes_over_again(void **state)
{
    struct rig *r = *state;
    int64_t id;

    open_the_breaker_of_b(r);
    RIG_SAY(&r->script_b, 200);
    RIG_SAY(&r->script_a, 401);
    id = rig_send(r, 20, PRIORITY_NORMAL);
    for (int64_t i = 0; i < 20; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
    assert_int_equal(rig_calls_of(r, RIG_LANE_A), 1);
    assert_int_equal(rig_calls_of(r, RIG_LANE_B), 20);
}

/* So many, from that one on, wait where they were. */
static void
assert_untouched(struct rig *r, int64_t id, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        struct delivery d = rig_get(r, id + i).delivery;

        assert_int_equal(d.status, DELIVERY_QUEUED);
        assert_int_equal(d.attempts, 0);
        assert_int_equal(d.reason.n, 0);
    }
}

/* Else all that waits would move to and fro. */
static void
one_that_still_fails_is_given_one(void **state)
{
    struct rig *r = *state;
    int64_t id;

    fail_for_long(r);
    open_the_breaker_of_b(r);
    RIG_SAY(&r->script_a, 401);
    id = rig_send(r, 20, PRIORITY_NORMAL);
    rig_wait_calls(r, 2);
    rig_turn(r, 60);
    assert_int_equal(rig_calls_of(r, RIG_LANE_A), 1);
    assert_int_equal(rig_calls_of(r, RIG_LANE_B), 1);
    assert_untouched(r, id + 1, 19);
}

/* All that waits would go to and fro between lane and waiting room. */
static void
one_for_other_devices_takes_nothing_over(void **state)
{
    static struct channel_driver fcm, apns;
    struct rig *r = *state;
    int64_t id;

    fcm = apns = rig_driver;
    fcm.device = DEVICE_FCM;
    apns.device = DEVICE_APNS;
    r->a.driver = &fcm;
    r->b.driver = &apns;
    rig_use_b(r);
    fail_for_long(r);
    RIG_SAY(&r->script_a, 401);
    r->send_device = "fcm/phone";
    id = rig_send(r, 10, PRIORITY_NORMAL);
    rig_wait(r, id, DELIVERY_RETRYING);
    rig_turn(r, 60);
    assert_untouched(r, id + 1, 9);
    assert_int_equal(r->n_calls, 1);
}

/* What it refuses meanwhile would cost each delivery an attempt. */
static void
one_that_asks_to_wait_is_called_by_nobody_meanwhile(void **state)
{
    struct rig *r = *state;
    int64_t id;
    size_t n;

    fail_for_long(r);
    r->a.concurrency = 4;
    r->a.version++;
    dispatch_on_config(r->dispatch);
    r->script_a.delay_ms = 30; /* so that four are under way together */
    RIG_SAY(&r->script_a, 429);
    id = rig_send(r, 20, PRIORITY_NORMAL);
    rig_wait(r, id, DELIVERY_RETRYING);
    rig_turn(r, 100);
    n = r->n_calls;
    assert_in_range(n, 3, 6); /* two began before the third answer */
    assert_untouched(r, id + (int64_t)n, 20 - (int64_t)n);
    rig_advance(r, 29999);
    rig_turn(r, 60);
    assert_int_equal(r->n_calls, n);
    rig_advance(r, 1); /* one goes ahead, in vain */
    rig_wait_calls(r, n + 1);
    rig_turn(r, 100);
    assert_int_equal(r->n_calls, n + 1);
    RIG_SAY(&r->script_a, 200);
    rig_advance(r, 30000);
    for (int64_t i = (int64_t)n + 1; i < 20; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
}

/* It would refuse that as well. */
static void
one_that_is_over_its_rate_takes_over_from_nobody(void **state)
{
    struct rig *r = *state;
    int64_t id;

    fail_for_long(r);
    rig_use_b(r);
    RIG_SAY(&r->script_b, 429);
    r->send_lane = RIG_LANE_B;
    rig_send(r, 3, PRIORITY_NORMAL);
    rig_wait_calls(r, 3);
    rig_turn(r, 40);
    r->send_lane = RIG_LANE_A;
    RIG_SAY(&r->script_a, 401);
    id = rig_send(r, 5, PRIORITY_NORMAL);
    rig_wait(r, id, DELIVERY_RETRYING);
    rig_turn(r, 60);
    assert_int_equal(rig_calls_of(r, RIG_LANE_A), 1);
    assert_int_equal(rig_calls_of(r, RIG_LANE_B), 3);
    assert_untouched(r, id + 1, 4);
}

/* Half a letter would be in what other processes read of this one. */
static void
what_a_probe_says_is_cut_between_letters(void **state)
{
    struct rig *r = *state;
    struct buf clause = {0}, out = {0};
    struct json_writer w = json_writer(&out);

    rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_SENT);
    buf_put_cstr(&clause, "probe: retry, ");
    for (int i = 0; i < 60; i++)
        buf_put_cstr(&clause, "\u00e9");
    buf_put_char(&clause, '\0');
    for (int i = 0; i < 2; i++) { /* and one byte further on */
        lane_tell_probe(lane_find(r->dispatch, RIG_TENANT, RIG_LANE_A),
                        clause.p + i, true);
        health_write(&w, STR_NONE);
    }
    assert_true(str_is_utf8(buf_str(&out)));
    assert_non_null(memmem(out.p, out.n, "obe: retry, \u00e9", 14));
    buf_fini(&clause);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_never_went_out_closes_no_breaker),
        RIG_TEST(one_that_failed_long_ago_takes_over_again),
        RIG_TEST(one_that_still_fails_is_given_one),
        RIG_TEST(one_for_other_devices_takes_nothing_over),
        RIG_TEST(one_that_asks_to_wait_is_called_by_nobody_meanwhile),
        RIG_TEST(one_that_is_over_its_rate_takes_over_from_nobody),
        RIG_TEST(what_a_probe_says_is_cut_between_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
