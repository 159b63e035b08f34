/* store_nodes.c - several nodes on one PostgreSQL database: who owns a lane,
 * and what becomes of it when its owner leaves, dies, or sleeps too long. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/metrics.h"
#include "node_rig.h"
#include "store/postgres/postgres.h"
#include "store_nodes.h"

#define OTHER_LANE 200

/* ---- owners ---- */

static void
a_lane_has_one_owner_and_two_lanes_may_have_two(void **state)
{
    struct rig *r = *state, *peer = node_peer(r);

    send_one(r, &(struct send){.id = 1000, .n = 4});
    send_one(r, &(struct send){.id = 2000, .n = 4, .lane = OTHER_LANE});
    assert_int_equal(claim_now(r, LANE, 2), 2);
    assert_int_equal(claim_now(peer, LANE, 10), 0);
    assert_int_equal(claim_now(peer, OTHER_LANE, 2), 2);
    assert_int_equal(claim_now(r, OTHER_LANE, 10), 0);
    wait_for_beats(r, 20); /* longer than the lease */
    assert_int_equal(claim_now(peer, LANE, 10), 0);
    assert_int_equal(claim_now(r, OTHER_LANE, 10), 0);
    assert_int_equal(claim_now(r, LANE, 10), 2);
    assert_int_equal(claim_now(peer, OTHER_LANE, 10), 2);
    ASSERT_SQL(r, "0", "SELECT count(*) FROM attempt");
}

static void
a_node_that_leaves_hands_its_lanes_over_at_once(void **state)
{
    struct rig *r = *state, *peer = node_peer(r);
    int64_t ids[10], began_ms;

    send_one(r, &(struct send){.id = 1000, .n = 4});
    assert_int_equal(claim_some(r, 2, true, ids), 2);
    assert_int_equal(claim_now(peer, LANE, 10), 0);
    assert_true(finish_one(r, ids[0], DELIVERY_SENT, 1));
    assert_true(finish_one(r, ids[1], DELIVERY_QUEUED, 0));
    node_leave(r);
    began_ms = mono_now_ms();
    UNTIL(LATE_MS, claim_some(peer, 10, true, ids) > 0);
    assert_true(mono_now_ms() - began_ms < 5000); /* and not 15 s */
    assert_int_equal(ids[0], 1002);
    for (int64_t id = 1002; id <= 1004; id++)
        assert_true(finish_one(peer, id, DELIVERY_SENT, 1));
    ASSERT_SQL(r, "0", "SELECT count(*) FROM attempt");
    ASSERT_SQL(r, "0", "SELECT count(*) FROM intent");
    ASSERT_SQL(r, "4,4", "SELECT count(*), sum(attempts) FROM ended");
}

static void
what_a_leaving_node_had_not_finished_is_marked(void **state)
{
    struct rig *r = *state, *peer = node_peer(r);
    int64_t n_taken = metrics_total(METRIC_leases_expired_total);
    int64_t n_double = metrics_total(METRIC_duplicates_possible_total);

    send_one(r, &(struct send){.id = 1000, .n = 3});
    assert_int_equal(claim_now(r, LANE, 2), 2);
    node_leave(r);
    assert_int_equal(claim_now(peer, LANE, 10), 3);
    assert_int_equal(metrics_total(METRIC_leases_expired_total), n_taken + 2);
    assert_int_equal(metrics_total(METRIC_duplicates_possible_total),
                     n_double + 2);
    assert_string_equal(attempts_of(peer, 1001), "interrupted 1");
    assert_string_equal(attempts_of(peer, 1002), "interrupted 1");
    assert_string_equal(attempts_of(peer, 1003), "");
}

/* ---- what endpoints are told ---- */

static void
tell(struct rig *r, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        struct store_told told = {.tenant = T,
                                  .kind = EVENT_INBOX_ACTION,
                                  .at_ms = NOW,
                                  .item = i + 1};
        struct store_press p = {.tenant = T,
                                .ref = i + 1,
                                .user = STR("ann"),
                                .action = STR("ack"),
                                .told = &told};

        assert_int_equal(ASK(r, press, &p), ERR_OK);
    }
}

/* Asked at once, again and again, and nothing is said to be done. */
static void
what_is_to_be_told_is_taken_by_one_node(void **state)
{
    enum { MANY = 60, ROUNDS = 6 };
    struct rig *r = *state, *peer = node_peer(r);
    struct store_tell_take t[2 * ROUNDS];
    bool is_taken[MANY + 1] = {false};
    size_t n = 0;

    rig_listen(peer);
    tell(r, MANY);
    for (int i = 0; i < 2 * ROUNDS; i++) {
        t[i] =
            (struct store_tell_take){.max = MANY / ROUNDS, .lease_ms = 60000};
        begin_on(r, i % 2 ? r : peer, STORE_VERB_tell_take, &t[i].req);
    }
    wait_for_all(r);
    for (int i = 0; i < 2 * ROUNDS; i++) {
        assert_int_equal(t[i].req.err, ERR_OK);
        for (size_t k = 0; k < t[i].n_rows; k++, n++) {
            int64_t item = t[i].rows[k].told.item;

            assert_in_range(item, 1, MANY);
            assert_false(is_taken[item]);
            is_taken[item] = true;
        }
    }
    assert_int_equal(n, MANY);
    UNTIL(LATE_MS, heard_since(peer, 0, STORE_NOTICE_TELL));
}

/* ---- reports ---- */

static const struct store_process *
process_at(const struct store_reports *all, bool is_self)
{
    for (size_t i = 0; i < all->n_processes; i++)
        if (all->processes[i].is_self == is_self)
            return &all->processes[i];
    fail_msg("no process %s", is_self ? "that is it" : "beside it");
    return NULL;
}

static void
each_node_reads_what_the_others_say(void **state)
{
    struct rig *r = *state, *peer = node_peer(r);
    struct store_report one = {.health = STR("[1]"), .metrics = STR("a 1\n")};
    struct store_report two = {.health = STR("[2]"), .metrics = STR("a 2\n")};
    struct store_reports all = {.wants_metrics = true};

    send_one(r, &(struct send){.id = 1000, .n = 4});
    assert_int_equal(claim_now(peer, LANE, 2), 2);
    assert_int_equal(ASK(r, report, &one), ERR_OK);
    assert_int_equal(ASK(peer, report, &one), ERR_OK);
    assert_int_equal(ASK(peer, report, &two), ERR_OK);
    assert_int_equal(ASK(r, reports, &all), ERR_OK);
    assert_int_equal(all.n_processes, 2);
    assert_true(str_is(process_at(&all, true)->metrics, "a 1\n"));
    assert_true(str_is(process_at(&all, false)->metrics, "a 2\n"));
    assert_true(str_is(process_at(&all, false)->health, "[2]"));
    assert_true(process_at(&all, false)->report_age_ms >= 0);
    assert_int_equal(all.n_past, 0);
    assert_int_equal(all.n_owners, 1);
    assert_int_equal(all.owners[0].lane, LANE);
    assert_int_equal(all.owners[0].slot, process_at(&all, false)->slot);
    all = (struct store_reports){0};
    assert_int_equal(ASK(peer, reports, &all), ERR_OK);
    assert_true(str_is(process_at(&all, false)->health, "[1]"));
    assert_int_equal(process_at(&all, false)->metrics.n, 0);
}

static void
a_report_of_one_that_left_is_of_the_past(void **state)
{
    struct rig *r = *state, *peer = node_peer(r);
    struct store_report one = {.health = STR("[]"), .metrics = STR("a 1\n")};
    struct store_reports all = {.wants_metrics = true};

    assert_int_equal(ASK(r, report, &one), ERR_OK);
    node_leave(r);
    assert_int_equal(ASK(peer, reports, &all), ERR_OK);
    assert_int_equal(all.n_processes, 2);
    assert_true(all.processes[0].is_live && all.processes[0].is_self);
    assert_int_equal(all.processes[0].report_age_ms, -1);
    assert_false(all.processes[1].is_live);
    assert_int_equal(all.processes[1].health.n, 0);
    assert_int_equal(all.n_past, 1);
    assert_true(str_is(all.past[0], "a 1\n"));
}

static void
a_lane_tells_its_owner(void **state)
{
    static const int64_t asked[] = {LANE, OTHER_LANE};
    struct rig *r = *state, *peer = node_peer(r);
    struct store_lanes l = {.tenant = T, .lanes = asked, .n_lanes = 2};

    send_one(r, &(struct send){.id = 1000, .n = 4});
    assert_int_equal(claim_now(r, LANE, 2), 2);
    assert_int_equal(ASK(peer, lanes, &l), ERR_OK);
    assert_true(l.states[0].is_owned);
    assert_int_equal(l.states[0].slot, postgres_store_node(r->store));
    assert_true(l.states[0].host.n > 0 && l.states[0].since_ms > 0);
    assert_false(l.states[1].is_owned);
    l.tenant = T + 1;
    assert_int_equal(ASK(peer, lanes, &l), ERR_OK);
    assert_false(l.states[0].is_owned);
    assert_int_equal(l.states[0].n_ready, 0);
}

/* ---- death ---- */

static void
what_a_killed_node_had_in_flight_is_claimed_by_another(void **state)
{
    struct rig *r = *state;
    struct child *c = child_new(r);
    size_t n_heard;

    send_one(r, &(struct send){.id = 1000, .n = 5});
    assert_int_equal(child_claim(c, LANE, 3), 3);
    rig_listen(r);
    assert_int_equal(claim_now(r, LANE, 10), 0);
    child_kill(c);
    n_heard = r->n_heard;
    UNTIL(LEASE_MS + SOON_MS, heard_since(r, n_heard, STORE_NOTICE_READY));
    assert_int_equal(heard_since(r, n_heard, STORE_NOTICE_READY)->notice.lane,
                     LANE);
    assert_int_equal(claim_now(r, LANE, 10), 5);
    for (int64_t id = 1001; id <= 1005; id++) {
        struct store_delivery_get g;

        assert_string_equal(attempts_of(r, id),
                            id <= 1003 ? "interrupted 1" : "");
        get_delivery(r, id, &g);
        assert_int_equal(g.delivery.attempts, id <= 1003);
        assert_int_equal(g.delivery.status, DELIVERY_SENDING);
        assert_true(finish_one(r, id, DELIVERY_SENT, id <= 1003 ? 2 : 1));
    }
    assert_string_equal(attempts_of(r, 1001), "interrupted 1 sent 2");
    ASSERT_SQL(r, "0", "SELECT count(*) FROM intent");
}

static void
a_node_that_slept_too_long_changes_nothing(void **state)
{
    struct rig *r = *state;
    struct child *c = child_new(r);
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 3});
    assert_int_equal(child_claim(c, LANE, 2), 2);
    assert_true(child_holds(c));
    child_freeze(c);
    UNTIL(LEASE_MS + SOON_MS, claim_some(r, 10, true, ids) > 0);
    for (int64_t id = 1001; id <= 1002; id++)
        assert_true(finish_one(r, id, DELIVERY_DEAD, 2));
    child_thaw(c);
    assert_false(child_holds(c));
    assert_int_equal(child_finish(c), 0);
    send_one(r, &(struct send){.id = 2000, .n = 1, .lane = OTHER_LANE});
    UNTIL(SOON_MS, child_claim(c, OTHER_LANE, 1) == 1); /* it is back */
    assert_false(child_holds(c));
    assert_int_equal(child_claim(c, LANE, 10), 0);
    for (int64_t id = 1001; id <= 1002; id++) {
        assert_int_equal(status_of(r, id), DELIVERY_DEAD);
        assert_string_equal(attempts_of(r, id), "interrupted 1 sent 2");
    }
    assert_true(finish_one(r, 1003, DELIVERY_SENT, 1));
}

static void
a_node_that_slept_finds_its_lane_with_what_it_had_in_flight(void **state)
{
    struct rig *r = *state;
    struct child *c = child_new(r);

    send_one(r, &(struct send){.id = 1000, .n = 1});
    assert_int_equal(child_claim(c, LANE, 1), 1);
    child_freeze(c);
    UNTIL(LEASE_MS + SOON_MS,
          str_is(str_from(pg_ask(r, "SELECT count(*) FROM node WHERE is_live")),
                 "1"));
    child_thaw(c);
    UNTIL(SOON_MS, child_claim(c, LANE, 1) == 1); /* nobody else took it */
    assert_false(child_holds(c));
    assert_string_equal(attempts_of(r, 1001), "interrupted 1");
}

static void
what_kills_its_owner_three_times_is_a_dead_letter(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t n_taken = metrics_total(METRIC_leases_expired_total);
    int64_t n_double = metrics_total(METRIC_duplicates_possible_total);
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 3});
    for (int i = 0; i < 3; i++) {
        struct child *c = child_new(r);

        UNTIL(LEASE_MS + SOON_MS, child_claim(c, LANE, 1) == 1);
        if (i == 0) /* in a batch of its own */
            assert_int_equal(child_claim(c, LANE, 1), 1);
        child_kill(c);
    }
    UNTIL(LEASE_MS + SOON_MS, claim_some(r, 10, true, ids) == 2);
    assert_int_equal(ids[0], 1002);
    assert_int_equal(ids[1], 1003);
    get_delivery(r, 1001, &g);
    assert_int_equal(g.delivery.status, DELIVERY_DEAD);
    assert_true(str_is(g.delivery.reason, "crash.loop"));
    assert_int_equal(g.delivery.attempts, 3);
    assert_string_equal(attempts_of(r, 1001),
                        "interrupted 1 interrupted 2 interrupted 3");
    assert_string_equal(attempts_of(r, 1002), "interrupted 1");
    assert_string_equal(attempts_of(r, 1003), "");
    /* Of 1001 only; and it is not tried again. */
    assert_int_equal(metrics_total(METRIC_leases_expired_total), n_taken + 1);
    assert_int_equal(metrics_total(METRIC_duplicates_possible_total), n_double);
}

/* ---- who they are ---- */

static void
ids_of_two_nodes_and_of_one_reopened_never_meet(void **state)
{
    struct rig *r = *state, *peer = node_peer(r);
    int64_t last[1024] = {0};

    assert_int_not_equal(postgres_store_node(r->store),
                         postgres_store_node(peer->store));
    /* so that there are few slots to choose from */
    pg_run(pg_url(r), "INSERT INTO node SELECT g, -g, 'infinity', 'infinity', "
                      "true, 0, 1, '', '', '' FROM generate_series(3, 1023) "
                      "AS g");
    for (int i = 0; i < 5; i++) {
        int slot;

        wait_for_beats(r, 1);
        slot = postgres_store_node(r->store);
        last[slot] = id_after(clock_system()->wall_ms(clock_system()));
        rig_reopen(r);
        slot = postgres_store_node(r->store);
        assert_int_not_equal(slot, postgres_store_node(peer->store));
        assert_true(postgres_store_max_id(r->store) >= last[slot]);
    }
    assert_int_equal(last[3], 0);
}

static void
there_is_no_slot_beyond_the_last(void **state)
{
    struct rig *r = *state;
    struct postgres_store_options o = {.clock = clock_system()};
    struct store *s = NULL;
    const char *why = "";

    pg_run(pg_url(r), "INSERT INTO node SELECT g, -g, 'infinity', 'infinity', "
                      "true, 0, 1, '', '', '' FROM generate_series(1, 1023) "
                      "AS g");
    o.url = pg_url(r);
    assert_int_equal(postgres_store_open(&o, &s, &why), ERR_FULL);
    assert_null(s);
    assert_non_null(strstr(why, "1024"));
}

/* How many of the lanes 100, 200, 300, 400 give a row to it. */
static int
claim_from_four(struct rig *r, bool was_given[4])
{
    int n = 0;

    for (int i = 0; i < 4; i++) {
        was_given[i] |= claim_now(r, 100 * (i + 1), 1) == 1;
        n += was_given[i];
    }
    return n;
}

static void
a_node_that_joins_gets_its_share_of_the_lanes(void **state)
{
    struct rig *r = *state, *peer;
    bool is_given[4] = {false};
    int64_t id;

    for (int i = 0; i < 4; i++)
        send_one(r, &(struct send){
                        .id = 1000 * (i + 1), .n = 2, .lane = 100 * (i + 1)});
    for (int i = 0; i < 4; i++) {
        assert_int_equal(claim_lane(r, 100 * (i + 1), 1, &id), 1);
        if (i > 0) /* one of them is busy, and stays */
            assert_true(finish_one(r, id, DELIVERY_SENT, 1));
    }
    peer = node_peer(r);
    UNTIL(2 * LATE_MS, claim_from_four(peer, is_given) == 2);
    assert_false(is_given[0]);
    ASSERT_SQL(r, "2", "SELECT count(DISTINCT owner) FROM lane");
    ASSERT_SQL(r, "0", "SELECT count(*) FROM attempt WHERE verdict <> 'sent'");
}

static enum err
open_as(struct rig *r, bool is_dev, struct store **ret)
{
    struct postgres_store_options o = {.url = pg_url(r),
                                       .clock = clock_system(),
                                       .roles = "worker",
                                       .is_dev = is_dev,
                                       .lease_ms = LEASE_MS};
    const char *why = "";
    enum err e = postgres_store_open(&o, ret, &why);

    assert_true(e == ERR_OK || strstr(why, "--dev"));
    return e;
}

static void
one_that_catches_messages_and_one_that_sends_them_do_not_meet(void **state)
{
    struct rig *r = *state;
    struct store *s = NULL, *other = NULL;

    assert_int_equal(open_as(r, true, &s), ERR_CONFLICT);
    node_leave(r);
    assert_int_equal(open_as(r, true, &s), ERR_OK);
    assert_int_equal(open_as(r, false, &other), ERR_CONFLICT);
    assert_int_equal(open_as(r, true, &other), ERR_OK);
    store_close(other);
    store_close(s);
}

static const struct CMUnitTest owner_tests[] = {
    NODE_TEST(what_is_to_be_told_is_taken_by_one_node),
    NODE_TEST(each_node_reads_what_the_others_say),
    NODE_TEST(a_report_of_one_that_left_is_of_the_past),
    NODE_TEST(a_lane_tells_its_owner),
    NODE_TEST(a_lane_has_one_owner_and_two_lanes_may_have_two),
    NODE_TEST(a_node_that_joins_gets_its_share_of_the_lanes),
    NODE_TEST_WITH(a_node_that_leaves_hands_its_lanes_over_at_once,
                   node_setup_slow),
    NODE_TEST_WITH(what_a_leaving_node_had_not_finished_is_marked,
                   node_setup_deaf),
    NODE_TEST(what_a_killed_node_had_in_flight_is_claimed_by_another),
    NODE_TEST(a_node_that_slept_too_long_changes_nothing),
    NODE_TEST(a_node_that_slept_finds_its_lane_with_what_it_had_in_flight),
    NODE_TEST(what_kills_its_owner_three_times_is_a_dead_letter),
    NODE_TEST(ids_of_two_nodes_and_of_one_reopened_never_meet),
    NODE_TEST(there_is_no_slot_beyond_the_last),
    NODE_TEST(one_that_catches_messages_and_one_that_sends_them_do_not_meet),
};

int
main(int argc, char **argv)
{
    const size_t n_own = sizeof(owner_tests) / sizeof(*owner_tests);
    size_t n = n_own + lost_tests_n + busy_tests_n;
    struct CMUnitTest *all;
    int64_t fd, lease_ms;
    int n_failed;

    if (argc == 4 && str_to_i64(str_from(argv[2]), &fd) &&
        str_to_i64(str_from(argv[3]), &lease_ms))
        return be_child(argv[1], (int)fd, lease_ms);
    if (!pg_server()) {
        printf("1..0 # SKIP BELFRY_TEST_POSTGRES is not set\n");
        return 0;
    }
    all = calloc(n, sizeof(*all));
    assert_non_null(all);
    memcpy(all, owner_tests, sizeof(owner_tests));
    memcpy(all + n_own, lost_tests, lost_tests_n * sizeof(*all));
    memcpy(all + n_own + lost_tests_n, busy_tests, busy_tests_n * sizeof(*all));
    n_failed = _cmocka_run_group_tests("store/nodes", all, n, NULL, NULL);
    free(all);
    return n_failed;
}
