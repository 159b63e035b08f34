#include "dispatch/settle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define NOW INT64_C(1800000000000)

static const struct retry_policy thrice = {
    .strategy = RETRY_FIXED, .base_ms = 1000, .attempts = 3};
static const struct retry_policy twice = {
    .strategy = RETRY_FIXED, .base_ms = 5000, .attempts = 2};

/* Two providers, the first one called. */
struct fixture {
    struct rng rng;
    struct delivery delivery;
    struct settle_peer peers[2];
    struct channel_verdict verdict;
    struct settle settle;
};

static int
set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    rng_seed(&f->rng, 1);
    f->delivery = (struct delivery){
        .id = 7, .tenant = 3, .lane = 11, .created_ms = NOW - 60 * 1000};
    f->peers[0] = (struct settle_peer){11, STR("mail"), &thrice, true, false};
    f->peers[1] = (struct settle_peer){12, STR("backup"), &twice, true, false};
    f->settle = (struct settle){
        .arena = arena_new(),
        .rng = &f->rng,
        .now_ms = NOW,
        .started_ms = NOW - 80,
        .duration_ms = 80,
        .delivery = &f->delivery,
        .called = f->peers[0],
        .peers = f->peers,
        .n_peers = 1,
        .verdict = &f->verdict,
    };
    *state = f;
    return 0;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    arena_free(f->settle.arena);
    free(f);
    return 0;
}

static const struct store_finish *
settled(struct fixture *f, enum verdict v)
{
    f->verdict.verdict = v;
    settle_call(&f->settle);
    return &f->settle.finish;
}

/* The delivery is claimed again where the last finish left it. */
static void
go_on(struct fixture *f)
{
    const struct store_finish *last = &f->settle.finish;

    f->delivery.attempts++;
    f->delivery.lane = last->lane;
    f->delivery.reason = last->reason;
    if (last->tally.n > 0)
        f->delivery.tally = last->tally;
    f->settle.called = last->lane == 11 ? f->peers[0] : f->peers[1];
}

static struct store_finish
left_lane(struct fixture *f, int64_t lane, bool is_out)
{
    struct leave l = {
        .arena = f->settle.arena,
        .delivery = &f->delivery,
        .lane = lane,
        .peers = f->settle.peers,
        .n_peers = f->settle.n_peers,
        .now_ms = NOW,
        .is_out = is_out,
        .until_ms = NOW + 700,
    };

    settle_leave(&l);
    return l.finish;
}

static struct store_finish
left(struct fixture *f, bool is_out)
{
    return left_lane(f, 11, is_out);
}

static void
success_ends_it_and_is_in_the_ledger(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *done;

    f->verdict.status = 202;
    done = settled(f, VERDICT_SENT);
    assert_int_equal(done->status, DELIVERY_SENT);
    assert_int_equal(done->delivery, 7);
    assert_int_equal(done->tenant, 3);
    assert_true(str_is(done->provider, "mail"));
    assert_true(str_is(done->reason, "accepted"));
    assert_int_equal(done->error.n, 0);
    assert_int_equal(done->attempt->n, 1);
    assert_int_equal(done->attempt->status, 202);
    assert_int_equal(done->attempt->at_ms, NOW - 80);
    assert_int_equal(done->attempt->duration_ms, 80);
    assert_int_equal(done->attempt->retry_at_ms, 0);
    assert_int_equal(settled(f, VERDICT_DELIVERED)->status, DELIVERY_DELIVERED);
}

static void
what_is_refused_for_good_fails_with_its_reason(void **state)
{
    struct fixture *f = *state;

    f->settle.n_peers = 2;
    f->verdict.status = 410;
    assert_int_equal(settled(f, VERDICT_GONE)->status, DELIVERY_FAILED);
    assert_true(str_is(f->settle.finish.reason, "contact.gone"));
    assert_true(str_is(f->settle.finish.error, "gone 410"));
    f->verdict.reason = STR("egress.refused");
    assert_int_equal(settled(f, VERDICT_REJECTED)->status, DELIVERY_FAILED);
    assert_true(str_is(f->settle.finish.reason, "egress.refused"));
}

static void
a_failure_waits_as_the_policy_says(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r = settled(f, VERDICT_RETRY);

    assert_int_equal(r->status, DELIVERY_RETRYING);
    assert_int_equal(r->lane, 11);
    assert_in_range(r->due_ms, NOW + 1000, NOW + 1050);
    assert_int_equal(r->attempt->retry_at_ms, r->due_ms);
    assert_int_equal(r->tally.n, 0);
}

static void
throttling_waits_for_the_providers_time(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r;

    f->settle.n_peers = 2;
    f->verdict.retry_after_ms = 30000;
    r = settled(f, VERDICT_RATE);
    assert_int_equal(r->status, DELIVERY_RETRYING);
    assert_int_equal(r->lane, 11);
    assert_in_range(r->due_ms, NOW + 30000, NOW + 33000);
    assert_true(str_is(r->reason, "provider.throttled"));
    assert_int_equal(r->attempt->n, 1);
}

static void
the_last_call_of_the_only_provider_makes_it_dead(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r;

    for (int i = 1; i < 3; i++) {
        assert_int_equal(settled(f, VERDICT_RETRY)->status, DELIVERY_RETRYING);
        go_on(f);
    }
    r = settled(f, VERDICT_RETRY);
    assert_int_equal(r->status, DELIVERY_DEAD);
    assert_true(str_is(r->reason, "attempts.exhausted"));
    assert_true(str_is(r->error, "retry"));
    assert_int_equal(r->attempt->n, 3);
    assert_int_equal(r->attempt->retry_at_ms, 0);
}

static void
age_ends_it_too(void **state)
{
    struct fixture *f = *state;
    struct retry_policy short_lived = thrice;

    short_lived.max_age_ms = 60 * 1000;
    f->settle.called.retry = f->peers[0].retry = &short_lived;
    assert_int_equal(settled(f, VERDICT_RETRY)->status, DELIVERY_DEAD);
    assert_true(str_is(f->settle.finish.reason, "age.exhausted"));
}

static void
what_was_not_sent_goes_to_the_next_at_once(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r;

    f->settle.n_peers = 2;
    r = settled(f, VERDICT_RETRY);
    assert_int_equal(r->status, DELIVERY_QUEUED);
    assert_int_equal(r->lane, 12);
    assert_true(str_is(r->reason, "failover.to"));
    assert_true(str_is(r->provider, "mail"));
    assert_true(str_is(r->tally, "11:1"));
    assert_true(r->attempt != NULL);
    assert_int_equal(settled(f, VERDICT_CREDENTIALS)->lane, 12);
}

static void
when_each_was_tried_it_waits_and_begins_anew(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r;

    f->settle.n_peers = 2;
    (void)settled(f, VERDICT_RETRY);
    go_on(f);
    r = settled(f, VERDICT_RETRY);
    assert_int_equal(r->status, DELIVERY_RETRYING);
    assert_int_equal(r->lane, 11);
    assert_in_range(r->due_ms, NOW + 1000, NOW + 1050);
    assert_true(str_is(r->tally, "11:1,12:1"));
}

static void
it_is_dead_only_when_no_provider_may_still_try(void **state)
{
    struct fixture *f = *state;
    int calls[2] = {0, 0};

    f->settle.n_peers = 2;
    for (int i = 0; i < 20; i++) {
        calls[f->settle.called.lane == 11 ? 0 : 1]++;
        if (settled(f, VERDICT_RETRY)->status == DELIVERY_DEAD)
            break;
        go_on(f);
    }
    assert_int_equal(f->settle.finish.status, DELIVERY_DEAD);
    assert_int_equal(calls[0], 3);
    assert_int_equal(calls[1], 2);
    assert_int_equal(f->settle.attempt.n, 5);
}

static void
an_unhealthy_one_is_not_given_more(void **state)
{
    struct fixture *f = *state;

    f->settle.n_peers = 2;
    f->peers[1].is_healthy = false;
    assert_int_equal(settled(f, VERDICT_RETRY)->status, DELIVERY_RETRYING);
    assert_int_equal(f->settle.finish.lane, 11);
    /* ...unless nobody else may try */
    f->delivery.attempts = 2;
    assert_int_equal(settled(f, VERDICT_RETRY)->lane, 12);
}

static void
one_on_trial_is_given_one(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(settle_room(f->peers, 1, 11), 0);
    assert_true(settle_room(f->peers, 2, 11) == SIZE_MAX);
    f->peers[1].is_on_trial = true;
    assert_int_equal(settle_room(f->peers, 2, 11), 1);
    f->peers[1].is_healthy = false;
    assert_int_equal(settle_room(f->peers, 2, 11), 0);
}

static void
what_was_refused_because_of_another_stays_with_its_provider(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r;

    f->settle.n_peers = 2;
    f->verdict.reason = reason_code(REASON_BATCH_REFUSED);
    r = settled(f, VERDICT_RETRY);
    assert_int_equal(r->status, DELIVERY_RETRYING);
    assert_int_equal(r->lane, 11);
    assert_true(reason_is(r->reason, REASON_BATCH_REFUSED));
    /* and may go elsewhere later on */
    go_on(f);
    f->verdict.reason = STR_NONE;
    assert_int_equal(settled(f, VERDICT_RETRY)->lane, 12);
}

static void
what_may_have_been_sent_stays_with_its_provider(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r;

    f->settle.n_peers = 2;
    r = settled(f, VERDICT_UNKNOWN);
    assert_int_equal(r->status, DELIVERY_RETRYING);
    assert_int_equal(r->lane, 11);
    assert_true(str_is(r->tally, "!11:1"));
    go_on(f);
    r = settled(f, VERDICT_RETRY);
    assert_int_equal(r->status, DELIVERY_RETRYING);
    assert_int_equal(r->lane, 11);
    go_on(f);
    assert_int_equal(left(f, false).status, DELIVERY_RETRYING);
    r = settled(f, VERDICT_RETRY);
    assert_int_equal(r->status, DELIVERY_DEAD);
}

static void
what_may_have_been_sent_is_held_where_the_category_says_so(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r;

    f->settle.n_peers = 2;
    f->settle.unknown = UNKNOWN_HOLD;
    r = settled(f, VERDICT_UNKNOWN);
    assert_int_equal(r->status, DELIVERY_HELD);
    assert_true(str_is(r->reason, "unknown.held"));
    assert_true(str_is(r->error, "unknown"));
    assert_int_equal(r->due_ms, 0);
    assert_int_equal(r->attempt->retry_at_ms, 0);
    /* Of what is known it says nothing. */
    assert_int_equal(settled(f, VERDICT_RETRY)->lane, 12);
    assert_int_equal(settled(f, VERDICT_SENT)->status, DELIVERY_SENT);
    assert_int_equal(settled(f, VERDICT_INTERRUPTED)->status, DELIVERY_QUEUED);
}

static void
what_may_have_been_sent_goes_to_others_where_the_category_says_so(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r;

    f->settle.n_peers = 2;
    f->settle.unknown = UNKNOWN_RESEND;
    r = settled(f, VERDICT_UNKNOWN);
    assert_int_equal(r->status, DELIVERY_QUEUED);
    assert_int_equal(r->lane, 12);
    assert_true(str_is(r->tally, "11:1")); /* and no call pins it */
    go_on(f);
    r = settled(f, VERDICT_UNKNOWN);
    assert_int_equal(r->status, DELIVERY_RETRYING);
    go_on(f);
    assert_int_equal(left(f, false).status, DELIVERY_QUEUED);
    /* What a crash cut off before stays where it is all the same. */
    f->delivery = (struct delivery){.id = 7,
                                    .tenant = 3,
                                    .lane = 11,
                                    .attempts = 1,
                                    .created_ms = NOW - 1000,
                                    .reason = STR("interrupted")};
    f->settle.called = f->peers[0];
    assert_int_equal(settled(f, VERDICT_UNKNOWN)->lane, 11);
    assert_int_equal(f->settle.finish.status, DELIVERY_RETRYING);
}

static void
a_call_that_a_crash_interrupted_counts_and_stays(void **state)
{
    struct fixture *f = *state;

    f->settle.n_peers = 2;
    f->delivery.attempts = 1;
    f->delivery.reason = STR("interrupted");
    assert_int_equal(settled(f, VERDICT_RETRY)->lane, 11);
    assert_true(str_is(f->settle.finish.tally, "!11:2"));
    assert_int_equal(f->settle.attempt.n, 2);
}

static void
a_call_cut_off_by_the_end_of_the_process_is_ready_again(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r = settled(f, VERDICT_INTERRUPTED);

    assert_int_equal(r->status, DELIVERY_QUEUED);
    assert_int_equal(r->lane, 11);
    assert_true(str_is(r->reason, "interrupted"));
    f->delivery.attempts = 2;
    assert_int_equal(settled(f, VERDICT_INTERRUPTED)->status, DELIVERY_DEAD);
}

static void
throttled_to_the_end_the_next_provider_has_its_turn(void **state)
{
    struct fixture *f = *state;
    const struct store_finish *r;

    f->settle.n_peers = 2;
    f->delivery.attempts = 2;
    r = settled(f, VERDICT_RATE);
    assert_int_equal(r->status, DELIVERY_QUEUED);
    assert_int_equal(r->lane, 12);
    assert_true(str_is(r->tally, "11:3"));
}

static void
a_retried_dead_letter_has_its_whole_budget_again(void **state)
{
    struct fixture *f = *state;

    f->delivery.attempts = 3;
    f->delivery.tally = STR("0:3");
    assert_int_equal(settled(f, VERDICT_RETRY)->status, DELIVERY_RETRYING);
    assert_int_equal(f->settle.attempt.n, 4);
}

static void
behind_an_open_breaker_the_first_healthy_one_that_may_try_takes_over(
    void **state)
{
    struct fixture *f = *state;
    struct store_finish r;

    f->settle.n_peers = 2;
    f->delivery.attempts = 1;
    r = left(f, false);
    assert_int_equal(r.status, DELIVERY_QUEUED);
    assert_int_equal(r.lane, 12);
    assert_true(str_is(r.reason, "failover.to"));
    assert_true(str_is(r.tally, "11:1"));
    assert_null(r.attempt);
    f->delivery.attempts = 3;
    f->delivery.tally = STR("12:2");
    assert_int_equal(left(f, false).status, DELIVERY_RETRYING);
}

static void
what_was_deferred_is_still_known_as_that_when_it_is_handed_over(void **state)
{
    struct fixture *f = *state;
    struct store_finish r;

    f->settle.n_peers = 2;
    f->delivery.reason = STR("quiet.deferred_until");
    r = left(f, false);
    assert_int_equal(r.status, DELIVERY_QUEUED);
    assert_int_equal(r.lane, 12);
    assert_true(str_is(r.reason, "quiet.deferred_until"));
    f->delivery.reason = STR("besttime.deferred_until");
    r = left(f, false);
    assert_true(str_is(r.reason, "besttime.deferred_until"));
}

/* Both look healthy, as other processes have their lanes. */
static void
what_was_handed_over_is_not_handed_back(void **state)
{
    struct fixture *f = *state;
    struct store_finish r;

    f->settle.n_peers = 2;
    f->delivery.reason = left(f, false).reason;
    r = left_lane(f, 12, false);
    assert_int_equal(r.status, DELIVERY_RETRYING);
    assert_int_equal(r.lane, 12);
    assert_int_equal(r.due_ms, NOW + 700);
    f->delivery.reason = r.reason; /* after the pause it may go anywhere */
    assert_int_equal(left_lane(f, 12, false).lane, 11);
    f->delivery.reason = reason_code(REASON_FAILOVER);
    assert_int_equal(left(f, false).lane, 12);
    assert_int_equal(left_lane(f, 12, true).lane, 11);
}

static void
without_an_heir_it_waits_and_burns_no_attempt(void **state)
{
    struct fixture *f = *state;
    struct store_finish r;

    f->settle.n_peers = 2;
    f->peers[1].is_healthy = false;
    r = left(f, false);
    assert_int_equal(r.status, DELIVERY_RETRYING);
    assert_int_equal(r.lane, 11);
    assert_int_equal(r.due_ms, NOW + 700);
    assert_true(str_is(r.reason, "circuit.open"));
    assert_null(r.attempt);
}

static void
what_a_crash_interrupted_stays_pinned_while_it_waits(void **state)
{
    struct fixture *f = *state;
    struct store_finish r;

    f->settle.n_peers = 2;
    f->delivery.attempts = 1;
    f->delivery.reason = STR("interrupted");
    r = left(f, false);
    assert_int_equal(r.status, DELIVERY_RETRYING);
    assert_true(str_is(r.tally, "!11:1"));
}

static void
out_of_its_lane_it_goes_on_or_ends(void **state)
{
    struct fixture *f = *state;

    f->settle.peers = &f->peers[1];
    f->settle.n_peers = 1;
    assert_int_equal(left(f, true).lane, 12);
    f->peers[1].is_healthy = false;
    assert_int_equal(left(f, true).lane, 12);
    f->settle.n_peers = 0;
    assert_int_equal(left(f, true).status, DELIVERY_SUPPRESSED);
    assert_true(str_is(left(f, true).reason, "provider.none"));
    f->settle.n_peers = 1;
    f->delivery.attempts = 2;
    f->delivery.tally = STR("12:2");
    assert_int_equal(left(f, true).status, DELIVERY_DEAD);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(success_ends_it_and_is_in_the_ledger),
        T(what_is_refused_for_good_fails_with_its_reason),
        T(a_failure_waits_as_the_policy_says),
        T(throttling_waits_for_the_providers_time),
        T(the_last_call_of_the_only_provider_makes_it_dead),
        T(age_ends_it_too),
        T(what_was_not_sent_goes_to_the_next_at_once),
        T(when_each_was_tried_it_waits_and_begins_anew),
        T(it_is_dead_only_when_no_provider_may_still_try),
        T(an_unhealthy_one_is_not_given_more),
        T(one_on_trial_is_given_one),
        T(what_was_refused_because_of_another_stays_with_its_provider),
        T(what_may_have_been_sent_stays_with_its_provider),
        T(what_may_have_been_sent_is_held_where_the_category_says_so),
        T(what_may_have_been_sent_goes_to_others_where_the_category_says_so),
        T(a_call_that_a_crash_interrupted_counts_and_stays),
        T(a_call_cut_off_by_the_end_of_the_process_is_ready_again),
        T(throttled_to_the_end_the_next_provider_has_its_turn),
        T(a_retried_dead_letter_has_its_whole_budget_again),
        T(behind_an_open_breaker_the_first_healthy_one_that_may_try_takes_over),
        T(what_was_deferred_is_still_known_as_that_when_it_is_handed_over),
        T(what_was_handed_over_is_not_handed_back),
        T(without_an_heir_it_waits_and_burns_no_attempt),
        T(what_a_crash_interrupted_stays_pinned_while_it_waits),
        T(out_of_its_lane_it_goes_on_or_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
