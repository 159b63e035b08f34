/* store_receipt.c - what providers tell later: what each driver must keep. */
#include "store_rig.h"

#define OTHER_LANE (LANE + 1)

/* The only delivery of notification id, which the provider takes. */
static void
take(struct rig *r, int64_t id, const char *message)
{
    struct store_taken taken = {.lane = LANE,
                                .message = str_from(message),
                                .address = STR("ann@example.com")};
    struct attempt t = {.n = 1,
                        .at_ms = NOW,
                        .provider = STR("smtp"),
                        .verdict = STR("sent"),
                        .status = 202,
                        .detail = STR("taken")};
    struct store_finish f = {.tenant = T,
                             .delivery = id + 1,
                             .status = DELIVERY_SENT,
                             .reason = STR("accepted"),
                             .provider = STR("smtp"),
                             .attempt = &t,
                             .taken = &taken};
    struct store_cycle c = {.now_ms = NOW, .finishes = &f, .n_finishes = 1};
    int64_t claimed[4];

    send_one(r, &(struct send){.id = id, .user = "ann"});
    assert_int_equal(claim_some(r, 4, true, claimed), 1);
    assert_int_equal(claimed[0], id + 1);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_true(f.is_done);
}

static struct store_receipt_event
of_message(const char *message, enum receipt_kind kind, int n)
{
    return (struct store_receipt_event){.message = str_from(message),
                                        .kind = kind,
                                        .n = STORE_RECEIPT_N + n,
                                        .at_ms = NOW + n,
                                        .detail = STR("its words")};
}

static void
tell_all(struct rig *r, struct store_receipt_event *events, size_t n,
         bool is_look)
{
    struct store_receipt x = {.tenant = T,
                              .lane = LANE,
                              .provider = STR("smtp"),
                              .is_look = is_look,
                              .now_ms = NOW + 100,
                              .events = events,
                              .n_events = n};

    assert_int_equal(ASK(r, receipt, &x), ERR_OK);
}

static struct store_receipt_event
tell(struct rig *r, const char *message, enum receipt_kind kind, int n)
{
    struct store_receipt_event e = of_message(message, kind, n);

    tell_all(r, &e, 1, false);
    return e;
}

/* How many of a status a notification has; all of them in *ret_all. */
static int64_t
count_of(struct rig *r, int64_t id, enum delivery_status s, int64_t *ret_all)
{
    struct store_notification_get g = {.tenant = T, .id = id};
    int64_t found = 0;

    *ret_all = 0;
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++) {
        *ret_all += g.counts[i].n;
        if (g.counts[i].status == s)
            found += g.counts[i].n;
    }
    return found;
}

static void
a_receipt_finds_its_delivery_and_moves_it(void **state)
{
    struct rig *r = *state;
    struct store_receipt_event e;
    struct store_delivery_get g;

    take(r, 1000, "m1");
    e = tell(r, "m1", RECEIPT_DELIVERED, 1);
    assert_int_equal(e.found.id, 1001);
    assert_int_equal(e.found.status, DELIVERY_SENT);
    assert_true(str_is(e.found.user, "ann"));
    assert_true(str_is(e.found.channel, "email"));
    assert_true(str_is(e.address, "ann@example.com"));
    assert_true(e.is_moved);
    assert_false(e.is_known);
    get_delivery(r, 1001, &g);
    assert_int_equal(g.delivery.status, DELIVERY_DELIVERED);
    assert_true(str_is(g.delivery.reason, "delivered"));
    assert_int_equal(g.delivery.updated_ms, NOW + 100);
    assert_int_equal(g.delivery.attempts, 1);
    assert_int_equal(g.n_attempts, 2);
    assert_int_equal(g.attempts[0].n, 1);
    assert_int_equal(g.attempts[1].n, STORE_RECEIPT_N + 1);
    assert_int_equal(g.attempts[1].at_ms, NOW + 1);
    assert_true(str_is(g.attempts[1].verdict, "delivered"));
    assert_true(str_is(g.attempts[1].provider, "smtp"));
    assert_true(str_is(g.attempts[1].detail, "its words"));
}

static void
a_bounce_makes_a_dead_letter_with_its_whole_log(void **state)
{
    struct rig *r = *state;
    struct store_act act = {
        .tenant = T, .delivery = 1001, .now_ms = NOW, .lane = LANE, .rank = 5};
    struct store_delivery_groups groups = {.tenant = T, .limit = 10};
    struct store_delivery_get g;
    int64_t all;

    take(r, 1000, "m1");
    (void)tell(r, "m1", RECEIPT_DELIVERED, 1);
    assert_true(tell(r, "m1", RECEIPT_BOUNCED, 2).is_moved);
    get_delivery(r, 1001, &g);
    assert_int_equal(g.delivery.status, DELIVERY_FAILED);
    assert_true(str_is(g.delivery.reason, "bounced.hard"));
    assert_int_equal(g.n_attempts, 3);
    assert_int_equal(g.attempts[0].status, 202);
    assert_true(str_is(g.attempts[0].detail, "taken"));
    assert_int_equal(count_of(r, 1000, DELIVERY_FAILED, &all), 1);
    assert_int_equal(all, 1);
    assert_int_equal(ASK(r, delivery_groups, &groups), ERR_OK);
    assert_int_equal(groups.n_groups, 1);
    assert_true(str_is(groups.groups[0].error, "bounced.hard"));
    assert_int_equal(ASK(r, act, &act), ERR_OK);
    assert_int_equal(status_of(r, 1001), DELIVERY_QUEUED);
}

static void
what_was_told_is_known(void **state)
{
    struct rig *r = *state;
    struct store_receipt_event twice[2];
    struct store_delivery_get g;

    take(r, 1000, "m1");
    (void)tell(r, "m1", RECEIPT_OPENED, 1);
    assert_true(tell(r, "m1", RECEIPT_OPENED, 1).is_known);
    twice[0] = twice[1] = of_message("m1", RECEIPT_CLICKED, 2);
    tell_all(r, twice, 2, false);
    assert_false(twice[0].is_known);
    assert_true(twice[1].is_known);
    get_delivery(r, 1001, &g);
    assert_int_equal(g.n_attempts, 3);
    assert_int_equal(g.delivery.status, DELIVERY_SENT);
}

static void
the_order_does_not_matter(void **state)
{
    struct rig *r = *state;
    struct store_receipt_event both[2];

    take(r, 1000, "m1");
    assert_true(tell(r, "m1", RECEIPT_BOUNCED, 1).is_moved);
    assert_false(tell(r, "m1", RECEIPT_DELIVERED, 2).is_moved);
    assert_int_equal(status_of(r, 1001), DELIVERY_FAILED);
    take(r, 2000, "m2");
    both[0] = of_message("m2", RECEIPT_DELIVERED, 1);
    both[1] = of_message("m2", RECEIPT_FAILED, 2);
    tell_all(r, both, 2, false);
    assert_true(both[0].is_moved);
    assert_true(both[1].is_moved);
    assert_int_equal(both[1].found.status, DELIVERY_DELIVERED);
    assert_int_equal(status_of(r, 2001), DELIVERY_FAILED);
}

static void
a_look_changes_nothing(void **state)
{
    struct rig *r = *state;
    struct store_receipt_event e = of_message("m1", RECEIPT_DELIVERED, 1);
    struct store_delivery_get g;

    take(r, 1000, "m1");
    tell_all(r, &e, 1, true);
    assert_true(e.is_moved);
    get_delivery(r, 1001, &g);
    assert_int_equal(g.delivery.status, DELIVERY_SENT);
    assert_int_equal(g.n_attempts, 1);
    tell_all(r, &e, 1, false);
    assert_false(e.is_known);
    assert_int_equal(status_of(r, 1001), DELIVERY_DELIVERED);
}

static void
what_others_sent_stays_as_it_is(void **state)
{
    struct rig *r = *state;
    struct store_receipt_event e = of_message("m1", RECEIPT_BOUNCED, 1);
    struct store_receipt x = {.tenant = T,
                              .lane = OTHER_LANE,
                              .provider = STR("other"),
                              .now_ms = NOW,
                              .events = &e,
                              .n_events = 1};

    take(r, 1000, "m1");
    assert_int_equal(ASK(r, receipt, &x), ERR_OK);
    assert_int_equal(e.found.id, 0);
    x.tenant = T + 1;
    x.lane = LANE;
    assert_int_equal(ASK(r, receipt, &x), ERR_OK);
    assert_int_equal(e.found.id, 0);
    e.delivery = 1001;
    assert_int_equal(ASK(r, receipt, &x), ERR_OK);
    assert_int_equal(e.found.id, 0);
    x.tenant = T; /* by its id, but what another provider sent */
    assert_int_equal(ASK(r, receipt, &x), ERR_OK);
    assert_int_equal(e.found.id, 1001);
    assert_false(e.is_moved);
    assert_int_equal(status_of(r, 1001), DELIVERY_SENT);
    /* What names nothing is not about what the provider gave no id. */
    take(r, 2000, "");
    e = of_message("", RECEIPT_BOUNCED, 1);
    tell_all(r, &e, 1, false);
    assert_int_equal(e.found.id, 0);
    assert_int_equal(status_of(r, 2001), DELIVERY_SENT);
}

static void
what_has_not_ended_is_only_noted(void **state)
{
    struct rig *r = *state;
    struct store_receipt_event e = {.delivery = 1001,
                                    .kind = RECEIPT_DELIVERED,
                                    .n = STORE_RECEIPT_N,
                                    .at_ms = NOW};
    int64_t claimed[4];

    send_one(r, &(struct send){.id = 1000, .user = "ann"});
    assert_int_equal(claim_some(r, 4, true, claimed), 1);
    tell_all(r, &e, 1, false);
    assert_int_equal(e.found.id, 1001);
    assert_false(delivery_status_is_terminal(e.found.status));
    assert_false(e.is_moved);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
}

static void
a_log_does_not_grow_without_end(void **state)
{
    struct rig *r = *state;
    struct store_receipt_event e[STORE_RECEIPTS_MAX + 5];
    struct store_delivery_get g;

    take(r, 1000, "m1");
    for (int i = 0; i < STORE_RECEIPTS_MAX + 5; i++)
        e[i] = of_message("m1", RECEIPT_OPENED, i);
    tell_all(r, e, STORE_RECEIPTS_MAX + 5, false);
    get_delivery(r, 1001, &g);
    assert_int_equal(g.n_attempts, STORE_RECEIPTS_MAX + 1);
    assert_true(tell(r, "m1", RECEIPT_FAILED, 500).is_moved);
    get_delivery(r, 1001, &g);
    assert_int_equal(g.n_attempts, STORE_RECEIPTS_MAX + 1);
    assert_int_equal(g.delivery.status, DELIVERY_FAILED);
}

static void
a_message_is_kept_as_long_as_its_delivery(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {
        .now_ms = NOW + 5000, .settled_before_ms = NOW + 1, .max = 10};

    take(r, 1000, "m1");
    rig_reopen(r);
    assert_int_equal(tell(r, "m1", RECEIPT_OPENED, 1).found.id,
                     r->kind->is_durable ? 1001 : 0);
    take(r, 3000, "m3");
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(tell(r, "m3", RECEIPT_OPENED, 2).found.id, 0);
}

const struct CMUnitTest receipt_tests[] = {
    RIG_TEST(a_receipt_finds_its_delivery_and_moves_it),
    RIG_TEST(a_bounce_makes_a_dead_letter_with_its_whole_log),
    RIG_TEST(what_was_told_is_known),
    RIG_TEST(the_order_does_not_matter),
    RIG_TEST(a_look_changes_nothing),
    RIG_TEST(what_others_sent_stays_as_it_is),
    RIG_TEST(what_has_not_ended_is_only_noted),
    RIG_TEST(a_log_does_not_grow_without_end),
    RIG_TEST(a_message_is_kept_as_long_as_its_delivery),
};
const size_t receipt_tests_n = sizeof(receipt_tests) / sizeof(*receipt_tests);
