/* dispatch_test.c - deliveries on their way out, over a real store. */
#include "dispatch_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/metrics.h"

static void
a_failed_call_is_made_again_when_due_and_not_before(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t id;

    RIG_SAY(&r->script_a, 503, 200);
    id = rig_send(r, 1, PRIORITY_NORMAL);
    g = rig_wait(r, id, DELIVERY_RETRYING);
    assert_in_range(g.delivery.due_ms, RIG_START_MS + 1000,
                    RIG_START_MS + 1050);
    assert_true(str_is(g.delivery.reason, "provider.unavailable"));
    rig_advance(r, 999);
    rig_turn(r, 80);
    assert_int_equal(r->n_calls, 1);
    rig_advance(r, 100);
    g = rig_wait(r, id, DELIVERY_SENT);
    assert_int_equal(g.delivery.attempts, 2);
    assert_int_equal(g.n_attempts, 2);
    assert_true(str_is(g.attempts[0].verdict, "retry"));
    assert_int_equal(g.attempts[0].status, 503);
    assert_in_range(g.attempts[0].retry_at_ms, RIG_START_MS + 1000,
                    RIG_START_MS + 1050);
    assert_true(str_is(g.attempts[1].verdict, "sent"));
    assert_true(str_is(g.delivery.provider, "mail"));
    assert_int_equal(r->calls[0].attempt, 1);
    assert_int_equal(r->calls[1].attempt, 2);
}

static void
throttling_waits_for_the_providers_time_and_counts(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t id;

    RIG_SAY(&r->script_a, 429, 200);
    rig_use_b(r);
    id = rig_send(r, 1, PRIORITY_NORMAL);
    g = rig_wait(r, id, DELIVERY_RETRYING);
    assert_true(g.delivery.due_ms >= RIG_START_MS + 30000);
    rig_advance(r, 29000);
    rig_turn(r, 80);
    assert_int_equal(r->n_calls, 1);
    rig_advance(r, 5000);
    g = rig_wait(r, id, DELIVERY_SENT);
    assert_int_equal(g.delivery.attempts, 2);
    assert_int_equal(rig_calls_of(r, RIG_LANE_B), 0);
}

static void
used_up_it_is_dead(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t id;

    RIG_SAY(&r->script_a, 500);
    id = rig_send(r, 1, PRIORITY_NORMAL);
    for (size_t i = 1; i < 4; i++) {
        rig_wait_calls(r, i);
        rig_wait(r, id, DELIVERY_RETRYING);
        rig_advance(r, 1100);
    }
    g = rig_wait(r, id, DELIVERY_DEAD);
    assert_int_equal(g.delivery.attempts, 4);
    assert_true(str_is(g.delivery.reason, "attempts.exhausted"));
    assert_true(str_is(g.delivery.error, "retry 500"));
}

static void
what_cannot_be_sent_any_more_ends_without_a_call(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;

    r->send_user = "expired";
    g = rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_EXPIRED);
    assert_true(str_is(g.delivery.reason, "expired.ttl"));
    assert_int_equal(g.delivery.attempts, 0);
    assert_int_equal(r->n_calls, 0);
}

static void
an_address_that_is_gone_is_remembered(void **state)
{
    struct rig *r = *state;
    struct str key = STR("email:u1@example.org");
    struct store_object_get get = {.tenant = RIG_TENANT,
                                   .kind = OBJECT_SUPPRESSION,
                                   .keys = &key,
                                   .n_keys = 1};
    struct store_delivery_get g;

    RIG_SAY(&r->script_a, 410);
    rig_use_b(r);
    g = rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_FAILED);
    assert_true(str_is(g.delivery.reason, "contact.gone"));
    assert_int_equal(rig_calls_of(r, RIG_LANE_B), 0);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(rig_ask(r, STORE_VERB_object_get, &get.req), ERR_OK);
        if (get.objects[0].version > 0)
            break;
        rig_turn(r, 5);
    }
    assert_true(get.objects[0].version > 0);
}

static void
an_open_breaker_calls_nobody_until_a_probe_succeeds(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t id;

    RIG_SAY(&r->script_a, 503, 503, 503, 503, 200);
    id = rig_send(r, 8, PRIORITY_NORMAL);
    rig_wait_calls(r, 3);
    rig_turn(r, 60);
    assert_int_equal(r->n_calls, 3);
    g = rig_get(r, id + 7);
    assert_int_equal(g.delivery.status, DELIVERY_QUEUED);
    assert_int_equal(g.delivery.attempts, 0);
    rig_advance(r, 1000);
    rig_wait_calls(r, 4); /* one probe, which fails */
    rig_turn(r, 60);
    assert_int_equal(r->n_calls, 4);
    rig_advance(r, 2000);
    for (int64_t i = 0; i < 8; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
    g = rig_get(r, id + 7);
    assert_int_equal(g.delivery.attempts, 1);
    assert_int_equal(r->n_calls, 12);
}

/* One whose browser "subscribed" at a server of his own, or whose webhook is
 * down, stops nobody else. */
static void
what_servers_of_others_say_opens_no_breaker(void **state)
{
    struct rig *r = *state;
    int64_t id;

    RIG_SAY(&r->script_a, 401, 503, 503, 503, 503, -1, 200);
    r->send_user = "others";
    id = rig_send(r, 6, PRIORITY_NORMAL);
    rig_wait_calls(r, 6);
    for (int64_t i = 0; i < 6; i++)
        rig_wait(r, id + i, DELIVERY_RETRYING);
    r->send_user = NULL;
    rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_SENT);
    assert_int_equal(r->n_calls, 7);
}

static void
what_was_not_sent_goes_out_by_the_next_provider(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;

    RIG_SAY(&r->script_a, 503);
    rig_use_b(r);
    g = rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_SENT);
    assert_int_equal(g.delivery.attempts, 2);
    assert_true(str_is(g.delivery.provider, "backup"));
    assert_true(str_is(g.attempts[0].provider, "mail"));
    assert_true(str_is(g.attempts[1].provider, "backup"));
    assert_true(str_is(g.delivery.tally, "101:1"));
}

static void
behind_an_open_breaker_the_next_provider_takes_over(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t id;

    RIG_SAY(&r->script_a, 401);
    rig_use_b(r);
    id = rig_send(r, 20, PRIORITY_NORMAL);
    for (int64_t i = 0; i < 20; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
    assert_int_equal(rig_calls_of(r, RIG_LANE_A), 1);
    assert_int_equal(rig_calls_of(r, RIG_LANE_B), 20);
    g = rig_get(r, id + 19);
    assert_int_equal(g.delivery.attempts, 1);
}

static void
what_may_have_been_sent_is_not_given_to_another(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t id;

    RIG_SAY(&r->script_a, -1, 503, 200);
    rig_use_b(r);
    id = rig_send(r, 1, PRIORITY_NORMAL);
    for (size_t i = 1; i < 3; i++) {
        rig_wait_calls(r, i);
        rig_wait(r, id, DELIVERY_RETRYING);
        rig_advance(r, 1100);
    }
    g = rig_wait(r, id, DELIVERY_SENT);
    assert_int_equal(g.delivery.attempts, 3);
    assert_true(str_is(g.attempts[0].verdict, "unknown"));
    assert_int_equal(rig_calls_of(r, RIG_LANE_B), 0);
}

/* Until the test ends it. */
static struct map *
rig_set_category(struct rig *r, struct category *k)
{
    struct map *m = map_new();

    map_put(m, STR("news"), k);
    r->workspace.categories = m;
    return m;
}

static void
what_may_have_been_sent_is_held_until_a_person_decides(void **state)
{
    struct rig *r = *state;
    struct category news = {.key = STR("news"), .unknown = UNKNOWN_HOLD};
    struct map *m = rig_set_category(r, &news);
    struct store_act retry = {.tenant = RIG_TENANT,
                              .kind = STORE_ACT_RETRY,
                              .now_ms = RIG_START_MS,
                              .lane = RIG_LANE_A,
                              .rank = 1};
    struct store_act cancel = {
        .tenant = RIG_TENANT, .kind = STORE_ACT_CANCEL, .now_ms = RIG_START_MS};
    struct store_delivery_get g;

    RIG_SAY(&r->script_a, -1, -1, 200);
    rig_use_b(r);
    retry.delivery = rig_send(r, 2, PRIORITY_NORMAL);
    cancel.delivery = retry.delivery + 1;
    rig_wait(r, retry.delivery, DELIVERY_HELD);
    g = rig_wait(r, cancel.delivery, DELIVERY_HELD);
    assert_true(str_is(g.delivery.reason, "unknown.held"));
    assert_true(str_is(g.attempts[0].verdict, "unknown"));
    rig_advance(r, 3600 * 1000);
    rig_turn(r, 80);
    assert_int_equal(r->n_calls, 2);
    assert_int_equal(rig_ask(r, STORE_VERB_act, &cancel.req), ERR_OK);
    assert_int_equal(rig_ask(r, STORE_VERB_act, &retry.req), ERR_OK);
    g = rig_wait(r, retry.delivery, DELIVERY_SENT);
    assert_int_equal(g.delivery.attempts, 2);
    rig_wait(r, cancel.delivery, DELIVERY_CANCELLED);
    assert_int_equal(r->n_calls, 3);
    r->workspace.categories = NULL;
    map_free(m);
}

static void
what_may_have_been_sent_goes_to_another_that_is_said_to(void **state)
{
    struct rig *r = *state;
    struct category news = {.key = STR("news"), .unknown = UNKNOWN_RESEND};
    struct map *m = rig_set_category(r, &news);
    struct store_delivery_get g;

    RIG_SAY(&r->script_a, -1);
    rig_use_b(r);
    g = rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_SENT);
    assert_int_equal(g.delivery.attempts, 2);
    assert_true(str_is(g.attempts[0].verdict, "unknown"));
    assert_true(str_is(g.attempts[1].provider, "backup"));
    assert_int_equal(rig_calls_of(r, RIG_LANE_A), 1);
    r->workspace.categories = NULL;
    map_free(m);
}

static void
the_first_call_is_held_against_the_sla_and_no_later_one(void **state)
{
    struct rig *r = *state;
    struct category news = {.key = STR("news"), .sla_ms = 5000};
    struct map *m = rig_set_category(r, &news);
    int64_t missed = metrics_total(METRIC_sla_missed_total);
    int64_t late, soon;

    RIG_SAY(&r->script_b, 503, 200);
    r->send_lane = RIG_LANE_B; /* whom nobody can call yet */
    late = rig_send(r, 1, PRIORITY_NORMAL);
    rig_turn(r, 80);
    assert_int_equal(r->n_calls, 0);
    r->clock.now_ms += 5001;
    r->workspace.providers = &r->providers[1];
    dispatch_on_config(r->dispatch);
    rig_wait(r, late, DELIVERY_RETRYING);
    assert_int_equal(metrics_total(METRIC_sla_missed_total), missed + 1);
    rig_advance(r, 5100);
    rig_wait(r, late, DELIVERY_SENT);
    soon = rig_send(r, 1, PRIORITY_NORMAL);
    rig_wait(r, soon, DELIVERY_SENT);
    news.sla_ms = 0;
    assert_int_equal(metrics_total(METRIC_sla_missed_total), missed + 1);
    r->workspace.categories = NULL;
    map_free(m);
}

/* A probe is given up after half a minute, but it ends long before. */
static void
what_waits_for_a_probe_waits_no_longer_than_a_pause(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int n_left = 0;
    int64_t id;

    RIG_SAY(&r->script_a, -1, -1, -1, 0);
    r->a.concurrency = 4;
    rig_use_b(r);
    id = rig_send(r, 3, PRIORITY_NORMAL);
    rig_wait_calls(r, 3); /* the breaker opens */
    for (int64_t i = 0; i < 3; i++)
        rig_wait(r, id + i, DELIVERY_RETRYING);
    rig_advance(r, 1100);
    rig_wait_calls(r, 4);
    rig_turn(r, 60);
    assert_int_equal(r->n_calls, 4);
    for (int64_t i = 0; i < 3; i++) {
        g = rig_get(r, id + i);
        if (!str_is(g.delivery.reason, "circuit.open"))
            continue; /* the probe */
        n_left++;
        assert_int_equal(g.delivery.status, DELIVERY_RETRYING);
        assert_true(g.delivery.due_ms <= r->clock.now_ms + 1000);
    }
    assert_int_equal(n_left, 2);
}

static void
a_disabled_providers_deliveries_go_to_the_next_or_end(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t id;

    rig_use_b(r);
    r->a.is_enabled = false;
    dispatch_on_config(r->dispatch);
    g = rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_SENT);
    assert_true(str_is(g.delivery.provider, "backup"));
    r->b.is_enabled = false;
    dispatch_on_config(r->dispatch);
    g = rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_SUPPRESSED);
    assert_true(str_is(g.delivery.reason, "provider.none"));
    r->workspace.n_providers = 0; /* deleted altogether */
    dispatch_on_config(r->dispatch);
    id = rig_send(r, 1, PRIORITY_NORMAL);
    rig_turn(r, 80);
    rig_make_certain(r);
    rig_wait(r, id, DELIVERY_SUPPRESSED);
}

static void
a_paused_providers_deliveries_wait_until_it_is_resumed(void **state)
{
    struct rig *r = *state;
    int64_t id;

    rig_use_b(r);
    r->a.is_paused = true;
    r->a.version++;
    dispatch_on_config(r->dispatch);
    id = rig_send(r, 3, PRIORITY_CRITICAL);
    rig_turn(r, 80);
    for (int i = 0; i < 3; i++)
        assert_int_equal(rig_get(r, id + i).delivery.status, DELIVERY_QUEUED);
    r->a.is_paused = false;
    r->a.version++;
    dispatch_on_config(r->dispatch);
    for (int i = 0; i < 3; i++)
        assert_string_equal(
            rig_wait(r, id + i, DELIVERY_SENT).delivery.provider.p, "mail");
}

/* What a rate kept in the store is asked for once more, though the lane was
 * idle when its provider went away. */
static void
a_deleted_providers_backlog_goes_to_the_next_or_ends(void **state)
{
    struct rig *r = *state;
    int64_t id;

    r->a.rate = (struct provider_rate){.per_ms = 60000, .limit = 1, .burst = 1};
    r->a.version++;
    dispatch_on_config(r->dispatch);
    id = rig_send(r, 20, PRIORITY_NORMAL);
    rig_wait_calls(r, 1);
    rig_turn(r, 50);
    assert_int_equal(rig_get(r, id + 19).delivery.status, DELIVERY_QUEUED);
    r->workspace.n_providers = 0;
    dispatch_on_config(r->dispatch);
    for (int64_t i = 1; i < 20; i++)
        assert_string_equal(
            rig_wait(r, id + i, DELIVERY_SUPPRESSED).delivery.reason.p,
            "provider.none");
    dispatch_on_config(r->dispatch); /* now it is closed */
    id = rig_send(r, 1, PRIORITY_NORMAL);
    rig_turn(r, 80);
    rig_make_certain(r);
    rig_wait(r, id, DELIVERY_SUPPRESSED);
}

static void
one_that_hangs_delays_no_other(void **state)
{
    struct rig *r = *state;
    int64_t id;

    RIG_SAY(&r->script_a, 0);
    rig_send(r, 3, PRIORITY_NORMAL);
    rig_wait_calls(r, 1);
    rig_use_b(r);
    r->send_lane = RIG_LANE_B;
    id = rig_send(r, 5, PRIORITY_NORMAL);
    for (int64_t i = 0; i < 5; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
    assert_int_equal(rig_calls_of(r, RIG_LANE_A), 1);
}

static void
a_drain_gives_back_and_marks_what_it_cut_off(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t id;

    RIG_SAY(&r->script_a, 0);
    id = rig_send(r, 4, PRIORITY_NORMAL);
    rig_wait_calls(r, 1);
    rig_drain(r, 20);
    g = rig_get(r, id);
    assert_int_equal(g.delivery.status, DELIVERY_QUEUED);
    assert_int_equal(g.delivery.attempts, 1);
    assert_true(str_is(g.delivery.reason, "interrupted"));
    assert_true(str_is(g.attempts[0].verdict, "interrupted"));
    for (int64_t i = 1; i < 4; i++) {
        g = rig_get(r, id + i);
        assert_int_equal(g.delivery.status, DELIVERY_QUEUED);
        assert_int_equal(g.delivery.attempts, 0);
    }
}

static void
a_drain_waits_for_calls_within_the_grace(void **state)
{
    struct rig *r = *state;
    int64_t id;

    r->script_a.delay_ms = 50;
    id = rig_send(r, 2, PRIORITY_NORMAL);
    rig_wait_calls(r, 1);
    rig_drain(r, 5000);
    assert_int_equal(rig_get(r, id).delivery.status, DELIVERY_SENT);
    assert_int_equal(rig_get(r, id + 1).delivery.status, DELIVERY_QUEUED);
    assert_int_equal(r->n_calls, 1);
}

static void
an_uncertain_commit_records_one_attempt_and_no_second_call(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t id;

    r->lies_once = true;
    id = rig_send(r, 1, PRIORITY_NORMAL);
    g = rig_wait(r, id, DELIVERY_SENT);
    rig_turn(r, 100);
    assert_int_equal(r->n_lies, 1);
    g = rig_get(r, id);
    assert_int_equal(g.delivery.attempts, 1);
    assert_int_equal(g.n_attempts, 1);
    assert_int_equal(r->n_calls, 1);
}

/* Where several processes run, work may come before the news of its provider.
 */
static void
a_lane_without_a_provider_waits_until_that_is_certain(void **state)
{
    struct rig *r = *state;
    int64_t id;

    r->send_lane = RIG_LANE_B;
    id = rig_send(r, 3, PRIORITY_NORMAL);
    rig_turn(r, 80);
    assert_int_equal(r->n_asked, 1);
    assert_int_equal(rig_get(r, id).delivery.status, DELIVERY_QUEUED);
    dispatch_on_config(r->dispatch); /* news of something else */
    rig_turn(r, 80);
    assert_int_equal(rig_get(r, id).delivery.status, DELIVERY_QUEUED);
    r->workspace.n_providers = 2;
    rig_make_certain(r);
    for (int64_t i = 0; i < 3; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
    assert_int_equal(rig_calls_of(r, RIG_LANE_B), 3);
    assert_int_equal(r->n_asked, 1);
}

static void
a_lane_that_comes_while_the_store_is_asked_is_asked_for_next(void **state)
{
    struct rig *r = *state;
    int64_t early, late;

    r->workspace.n_providers = 0;
    r->send_lane = RIG_LANE_B;
    early = rig_send(r, 1, PRIORITY_NORMAL);
    rig_turn(r, 80);
    r->send_lane = RIG_LANE_A;
    late = rig_send(r, 1, PRIORITY_NORMAL);
    rig_turn(r, 80);
    assert_int_equal(r->n_asked, 1);
    rig_make_certain(r);
    rig_wait(r, early, DELIVERY_SUPPRESSED);
    rig_turn(r, 80);
    assert_int_equal(rig_get(r, late).delivery.status, DELIVERY_QUEUED);
    assert_int_equal(r->n_asked, 2);
    rig_make_certain(r);
    rig_wait(r, late, DELIVERY_SUPPRESSED);
}

static void
a_critical_one_overtakes_a_backlog(void **state)
{
    struct rig *r = *state;
    size_t at = 0;
    int64_t id;

    r->script_a.delay_ms = 10;
    rig_send(r, 100, PRIORITY_NORMAL);
    r->clock.now_ms += 60000; /* so that the old ones have the lower rank */
    rig_wait_calls(r, 5);
    id = rig_send(r, 1, PRIORITY_CRITICAL);
    rig_wait(r, id, DELIVERY_SENT);
    for (size_t i = 0; i < r->n_calls; i++) {
        if (strcmp(r->calls[i].title, "critical") == 0)
            at = i;
    }
    assert_in_range(at, 5, 20);
}

static void
a_rate_holds_and_lets_pass_who_may(void **state)
{
    struct rig *r = *state;

    r->a.rate = (struct provider_rate){.per_ms = 60000,
                                       .limit = 1,
                                       .burst = 1,
                                       .bypass = 1u << PRIORITY_CRITICAL};
    r->a.version++;
    dispatch_on_config(r->dispatch);
    rig_send(r, 3, PRIORITY_NORMAL);
    rig_wait_calls(r, 1);
    rig_wait(r, rig_send(r, 1, PRIORITY_CRITICAL), DELIVERY_SENT);
    rig_turn(r, 50);
    assert_int_equal(r->n_calls, 2);
    rig_advance(r, 59000);
    rig_turn(r, 50);
    assert_int_equal(r->n_calls, 2);
    rig_advance(r, 61000);
    rig_wait_calls(r, 3);
    rig_turn(r, 50);
    assert_int_equal(r->n_calls, 3);
}

static void
a_driver_that_takes_many_gets_many_at_once(void **state)
{
    struct rig *r = *state;
    size_t n = 0;
    int64_t id;

    r->a.driver = &rig_batch;
    r->a.concurrency = 20;
    r->a.version++;
    dispatch_on_config(r->dispatch);
    id = rig_send(r, 40, PRIORITY_NORMAL);
    for (int64_t i = 0; i < 40; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
    for (size_t i = 0; i < r->n_calls; i++) {
        assert_true(r->calls[i].n_messages <= 10);
        n += r->calls[i].n_messages;
    }
    assert_int_equal(n, 40);
    assert_true(r->n_calls <= 8);
}

static int64_t
send_many(struct rig *r, size_t n)
{
    r->a.driver = &rig_batch;
    r->a.version++;
    dispatch_on_config(r->dispatch);
    return rig_send(r, n, PRIORITY_NORMAL);
}

static void
a_call_that_fails_for_many_is_one_failure(void **state)
{
    struct rig *r = *state;
    size_t n_failed;
    int64_t id;

    RIG_SAY(&r->script_a, 503, 503, 200);
    id = send_many(r, 40);
    rig_wait_calls(r, 3);
    n_failed = r->calls[0].n_messages + r->calls[1].n_messages;
    assert_true(n_failed > 3); /* the breaker would have opened */
    for (size_t i = n_failed; i < 40; i++)
        rig_wait(r, id + (int64_t)i, DELIVERY_SENT);
    rig_advance(r, 61000);
    for (int64_t i = 0; i < 40; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
}

static void
what_was_refused_with_others_goes_by_itself(void **state)
{
    struct rig *r = *state;
    size_t n_refused;
    int64_t id;

    RIG_SAY(&r->script_a, 422, 200);
    id = send_many(r, 20);
    rig_wait_calls(r, 2);
    n_refused = r->calls[0].n_messages;
    assert_true(n_refused > 1);
    for (size_t i = n_refused; i < 20; i++)
        rig_wait(r, id + (int64_t)i, DELIVERY_SENT);
    for (size_t i = 0; i < n_refused; i++) {
        struct store_delivery_get g =
            rig_wait(r, id + (int64_t)i, DELIVERY_RETRYING);

        assert_true(reason_is(g.delivery.reason, REASON_BATCH_REFUSED));
    }
    rig_send(r, 5, PRIORITY_NORMAL); /* others go together all the same */
    rig_advance(r, 61000);
    for (size_t i = 0; i < n_refused; i++)
        rig_wait(r, id + (int64_t)i, DELIVERY_SENT);
    for (size_t i = 0; i < r->n_calls; i++)
        assert_true(r->calls[i].attempt == 1 || r->calls[i].n_messages == 1);
}

/* It reads them, and finds fault with one. */
static void
requests_that_are_refused_open_no_breaker(void **state)
{
    struct rig *r = *state;

    RIG_SAY(&r->script_a, 422, 422, 422, 422, 200);
    r->a.concurrency = 5;
    send_many(r, 60);
    for (int i = 0; r->n_calls < 5 && i < 500; i++)
        rig_turn(r, 5);
    assert_true(r->n_calls >= 5);
}

/* With one call in all, whose fault it is would be the end of the others. */
static void
what_will_not_be_called_for_again_goes_by_itself(void **state)
{
    struct rig *r = *state;
    int64_t id;

    r->a.retry.attempts = 1;
    id = send_many(r, 20);
    for (int64_t i = 0; i < 20; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
    assert_int_equal(r->n_calls, 20);
}

static void
what_may_have_been_sent_goes_by_itself(void **state)
{
    struct rig *r = *state;
    int64_t id;

    RIG_SAY(&r->script_a, -1, 200);
    id = send_many(r, 20);
    rig_wait(r, id, DELIVERY_RETRYING);
    assert_true(r->calls[0].n_messages > 1);
    rig_turn(r, 40);
    rig_advance(r, 61000);
    for (int64_t i = 0; i < 20; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
    for (size_t i = 0; i < r->n_calls; i++)
        assert_true(r->calls[i].attempt == 1 || r->calls[i].n_messages == 1);
}

/* note_call() of the rig sees that nobody else is with them. */
static void
what_does_not_join_the_others_waits_for_the_next_call(void **state)
{
    struct rig *r = *state;
    int64_t ids[4];

    r->a.is_paused = true;
    send_many(r, 1);
    for (int i = 0; i < 4; i++) {
        r->send_user = i % 2 ? "one" : "other";
        ids[i] = rig_send(r, 5, PRIORITY_NORMAL);
    }
    r->a.is_paused = false;
    r->a.version++;
    dispatch_on_config(r->dispatch);
    for (int i = 0; i < 20; i++)
        rig_wait(r, ids[i / 5] + i % 5, DELIVERY_SENT);
    assert_in_range(r->n_calls, 5, 15); /* of 21 */
}

/* Who answers in a provider's place tells nothing of each. */
static void
a_stand_in_gets_one_at_a_time(void **state)
{
    struct rig *r = *state;
    int64_t id;

    r->executor.is_stand_in = true;
    id = send_many(r, 20);
    for (int64_t i = 0; i < 20; i++)
        rig_wait(r, id + i, DELIVERY_SENT);
    assert_int_equal(r->n_calls, 20);
}

static void
a_driver_that_calls_nobody_goes_by_hundreds(void **state)
{
    struct rig *r = *state;
    int64_t last;

    r->a.driver = &rig_null;
    r->a.version++;
    dispatch_on_config(r->dispatch);
    last = rig_send(r, 5000, PRIORITY_NORMAL) + 4999;
    rig_wait(r, last, DELIVERY_DELIVERED);
    assert_true(r->n_cycles < 40);
}

static void
on_tested(struct provider_test *t)
{
    *(bool *)t->arg = true;
}

static struct provider_test
tested(struct rig *r, const char *provider)
{
    bool is_done = false;
    struct provider_test t = {.arena = r->arena,
                              .tenant = RIG_TENANT,
                              .provider = str_from(provider),
                              .title = STR("hello"),
                              .loop = r->loop,
                              .on_done = on_tested,
                              .arg = &is_done};

    dispatch_test(r->dispatch, &t);
    assert_false(is_done);
    for (int i = 0; i < 500 && !is_done; i++)
        loop_turn(r->loop, 5);
    assert_true(is_done);
    return t;
}

static void
a_test_goes_out_at_once_and_leaves_nothing_behind(void **state)
{
    struct rig *r = *state;
    struct provider_test t;

    RIG_SAY(&r->script_a, 200, 401);
    t = tested(r, "mail");
    assert_int_equal(t.err, ERR_OK);
    assert_int_equal(t.verdict, VERDICT_SENT);
    assert_int_equal(t.status, 200);
    t = tested(r, "mail");
    assert_int_equal(t.verdict, VERDICT_CREDENTIALS);
    assert_int_equal(tested(r, "nobody").err, ERR_NOT_FOUND);
    /* and its failure closes the lane to nobody */
    RIG_SAY(&r->script_a, 200);
    rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_SENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_failed_call_is_made_again_when_due_and_not_before),
        RIG_TEST(throttling_waits_for_the_providers_time_and_counts),
        RIG_TEST(used_up_it_is_dead),
        RIG_TEST(what_cannot_be_sent_any_more_ends_without_a_call),
        RIG_TEST(an_address_that_is_gone_is_remembered),
        RIG_TEST(an_open_breaker_calls_nobody_until_a_probe_succeeds),
        RIG_TEST(what_servers_of_others_say_opens_no_breaker),
        RIG_TEST(what_was_not_sent_goes_out_by_the_next_provider),
        RIG_TEST(behind_an_open_breaker_the_next_provider_takes_over),
        RIG_TEST(what_waits_for_a_probe_waits_no_longer_than_a_pause),
        RIG_TEST(what_may_have_been_sent_is_not_given_to_another),
        RIG_TEST(what_may_have_been_sent_is_held_until_a_person_decides),
        RIG_TEST(what_may_have_been_sent_goes_to_another_that_is_said_to),
        RIG_TEST(the_first_call_is_held_against_the_sla_and_no_later_one),
        RIG_TEST(a_disabled_providers_deliveries_go_to_the_next_or_end),
        RIG_TEST(a_paused_providers_deliveries_wait_until_it_is_resumed),
        RIG_TEST(a_deleted_providers_backlog_goes_to_the_next_or_ends),
        RIG_TEST(one_that_hangs_delays_no_other),
        RIG_TEST(a_drain_gives_back_and_marks_what_it_cut_off),
        RIG_TEST(a_drain_waits_for_calls_within_the_grace),
        RIG_TEST(an_uncertain_commit_records_one_attempt_and_no_second_call),
        RIG_TEST(a_lane_without_a_provider_waits_until_that_is_certain),
        RIG_TEST(a_lane_that_comes_while_the_store_is_asked_is_asked_for_next),
        RIG_TEST(a_critical_one_overtakes_a_backlog),
        RIG_TEST(a_rate_holds_and_lets_pass_who_may),
        RIG_TEST(a_driver_that_takes_many_gets_many_at_once),
        RIG_TEST(a_call_that_fails_for_many_is_one_failure),
        RIG_TEST(what_was_refused_with_others_goes_by_itself),
        RIG_TEST(requests_that_are_refused_open_no_breaker),
        RIG_TEST(what_will_not_be_called_for_again_goes_by_itself),
        RIG_TEST(what_may_have_been_sent_goes_by_itself),
        RIG_TEST(what_does_not_join_the_others_waits_for_the_next_call),
        RIG_TEST(a_stand_in_gets_one_at_a_time),
        RIG_TEST(a_driver_that_calls_nobody_goes_by_hundreds),
        RIG_TEST(a_test_goes_out_at_once_and_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
