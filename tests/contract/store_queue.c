/* store_queue.c - accept, cycle, promote, act, cancel: what each driver must
 * keep. */
#include "store_rig.h"

static void
an_accepted_delivery_is_claimed_with_its_notification(void **state)
{
    struct rig *r = *state;
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = LANE,
                            .want = 10,
                            .records_intent = true};

    send_one(r, &(struct send){.id = 1000, .n = 2, .user = "ann"});
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(c.n_work, 2);
    assert_false(c.has_more);
    assert_int_equal(c.work[0].delivery.id, 1001);
    assert_int_equal(c.work[1].delivery.id, 1002);
    assert_int_equal(c.work[0].delivery.lane, LANE);
    assert_true(str_is(c.work[0].delivery.user, "ann"));
    assert_true(str_is(c.work[0].delivery.channel, "email"));
    assert_int_equal(c.work[0].delivery.recipient, -1);
    assert_ptr_equal(c.work[0].notification, c.work[1].notification);
    assert_int_equal(c.work[0].notification->id, 1000);
    assert_true(str_is(c.work[0].notification->doc, "{\"title\":\"hello\"}"));
    assert_true(str_is(c.work[0].notification->request_id, "req-1"));
}

static void
what_is_claimed_is_not_claimed_again(void **state)
{
    struct rig *r = *state;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 5});
    assert_int_equal(claim_some(r, 3, false, ids), 3);
    assert_int_equal(claim_some(r, 10, true, ids), 2);
    assert_int_equal(ids[0], 1004);
    assert_int_equal(claim_some(r, 10, true, ids), 0);
}

static void
a_smaller_rank_is_claimed_first_though_it_came_later(void **state)
{
    struct rig *r = *state;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .rank = 50, .n = 2});
    assert_int_equal(claim_some(r, 1, false, ids), 1);
    send_one(r, &(struct send){.id = 2000, .rank = 40});
    send_one(r, &(struct send){.id = 900, .rank = 50});
    assert_int_equal(claim_some(r, 10, false, ids), 3);
    assert_int_equal(ids[0], 2001);
    assert_int_equal(ids[1], 901);
    assert_int_equal(ids[2], 1002);
}

static void
critical_ones_go_ahead_and_have_room_of_their_own(void **state)
{
    struct rig *r = *state;
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = LANE,
                            .want = 2,
                            .want_critical = 1};

    send_one(r, &(struct send){.id = 1000, .rank = 1, .n = 5});
    send_one(
        r, &(struct send){.id = 2000, .rank = 99, .n = 2, .is_critical = true});
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(c.n_work, 3);
    assert_true(c.has_more);
    assert_int_equal(c.work[0].delivery.id, 2001);
    assert_int_equal(c.work[1].delivery.id, 2002);
    assert_int_equal(c.work[2].delivery.id, 1001);
    assert_int_equal(c.work[0].delivery.lane, LANE);
    c.want = 0;
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(c.n_work, 0); /* none critical is left */
    assert_true(c.has_more);
}

static void
lanes_do_not_mix(void **state)
{
    struct rig *r = *state;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .lane = LANE + 1});
    assert_int_equal(claim_some(r, 10, false, ids), 0);
}

static void
a_finish_ends_the_delivery_with_its_attempt(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000});
    claim_some(r, 10, true, ids);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
    get_delivery(r, 1001, &g);
    assert_int_equal(g.delivery.status, DELIVERY_SENT);
    assert_int_equal(g.delivery.attempts, 1);
    assert_int_equal(g.delivery.lane, 0);
    assert_true(str_is(g.delivery.reason, "accepted"));
    assert_true(str_is(g.delivery.provider, "smtp"));
    assert_int_equal(g.n_attempts, 1);
    assert_int_equal(g.attempts[0].n, 1);
    assert_int_equal(g.attempts[0].status, 250);
    assert_int_equal(g.attempts[0].duration_ms, 3);
    assert_true(str_is(g.attempts[0].verdict, "sent"));
    assert_true(str_is(g.attempts[0].detail, "ok"));
    assert_int_equal(claim_some(r, 10, true, ids), 0);
}

/* Of one process on its own database no node is told. */
static void
assert_noted(const struct attempt *attempts, size_t n)
{
    assert_int_equal(n, 2);
    assert_true(str_is(attempts[0].request, "POST api.example.com / 312 +"));
    assert_int_equal(attempts[0].cost.n, 0);
    assert_true(str_is(attempts[1].cost, "0.0075 USD"));
    assert_int_equal(attempts[1].request.n, 0);
    assert_int_equal(attempts[0].node, attempts[1].node);
}

static void
what_else_is_known_of_a_call_is_told_with_it(void **state)
{
    struct rig *r = *state;
    struct attempt t = {.n = 1,
                        .verdict = STR("retry"),
                        .request = STR("POST api.example.com / 312 +")};
    struct store_finish f = {.tenant = T,
                             .delivery = 1001,
                             .status = DELIVERY_QUEUED,
                             .lane = LANE,
                             .attempt = &t};
    struct store_cycle c = {.now_ms = NOW, .finishes = &f, .n_finishes = 1};
    struct store_notification_get n = {
        .tenant = T, .id = 1000, .max_deliveries = 10, .wants_attempts = true};
    struct store_delivery_get g;
    int64_t id;

    send_one(r, &(struct send){.id = 1000});
    assert_int_equal(claim_some(r, 1, true, &id), 1);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(claim_some(r, 1, true, &id), 1);
    t = (struct attempt){
        .n = 2, .verdict = STR("sent"), .cost = STR("0.0075 USD")};
    f.status = DELIVERY_SENT;
    f.lane = 0;
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_true(f.is_done);
    get_delivery(r, 1001, &g);
    assert_noted(g.attempts, g.n_attempts);
    assert_int_equal(ASK(r, notification_get, &n), ERR_OK);
    assert_int_equal(n.n_deliveries, 1);
    assert_noted(n.attempts[0], n.n_attempts[0]);
}

static void
a_tally_stays_until_another_is_told_or_a_person_retries(void **state)
{
    struct rig *r = *state;
    struct attempt t = {.n = 3, .verdict = STR("retry")};
    struct store_finish f = {.tenant = T,
                             .delivery = 1001,
                             .status = DELIVERY_QUEUED,
                             .lane = LANE,
                             .tally = STR("100:3"),
                             .attempt = &t};
    struct store_cycle c = {.now_ms = NOW, .finishes = &f, .n_finishes = 1};
    struct store_act act = {.tenant = T,
                            .delivery = 1001,
                            .kind = STORE_ACT_RETRY,
                            .now_ms = NOW,
                            .lane = LANE,
                            .rank = 1};
    struct store_delivery_get g;
    int64_t id;

    send_one(r, &(struct send){.id = 1000});
    assert_int_equal(claim_some(r, 1, true, &id), 1);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    get_delivery(r, 1001, &g);
    assert_true(str_is(g.delivery.tally, "100:3"));
    assert_int_equal(claim_some(r, 1, true, &id), 1);
    assert_true(finish_one(r, 1001, DELIVERY_DEAD, 4));
    get_delivery(r, 1001, &g);
    assert_true(str_is(g.delivery.tally, "100:3"));
    assert_int_equal(ASK(r, act, &act), ERR_OK);
    get_delivery(r, 1001, &g);
    assert_true(str_is(g.delivery.tally, "0:4"));
}

static void
a_finish_of_what_is_not_claimed_changes_nothing(void **state)
{
    struct rig *r = *state;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000});
    assert_false(finish_one(r, 1001, DELIVERY_SENT, 1));
    assert_int_equal(status_of(r, 1001), DELIVERY_QUEUED);
    assert_int_equal(claim_some(r, 10, true, ids), 1);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
    assert_false(finish_one(r, 1001, DELIVERY_FAILED, 2));
    assert_int_equal(status_of(r, 1001), DELIVERY_SENT);
}

static void
a_finish_in_another_tenants_name_changes_nothing(void **state)
{
    struct rig *r = *state;
    int64_t ids[10];
    struct store_finish f = {
        .tenant = T + 1, .delivery = 1001, .status = DELIVERY_SENT};
    struct store_cycle c = {.now_ms = NOW, .finishes = &f, .n_finishes = 1};

    send_one(r, &(struct send){.id = 1000});
    claim_some(r, 10, true, ids);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_false(f.is_done);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
}

static void
what_is_given_back_can_be_claimed_again(void **state)
{
    struct rig *r = *state;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 3});
    assert_int_equal(claim_some(r, 3, true, ids), 3);
    assert_true(finish_one(r, 1001, DELIVERY_QUEUED, 0));
    assert_int_equal(status_of(r, 1001), DELIVERY_QUEUED);
    assert_int_equal(status_of(r, 1002), DELIVERY_SENDING);
    assert_int_equal(claim_some(r, 3, true, ids), 1);
    assert_int_equal(ids[0], 1001);
}

static void
in_flight_reads_as_sending(void **state)
{
    struct rig *r = *state;
    int64_t ids[10];
    struct store_notification_get g = {
        .tenant = T, .id = 1000, .max_deliveries = 10};

    send_one(r, &(struct send){.id = 1000, .n = 3});
    claim_some(r, 2, true, ids);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    assert_int_equal(g.n_deliveries, 3);
    assert_int_equal(g.deliveries[0].status, DELIVERY_SENT);
    assert_int_equal(g.deliveries[1].status, DELIVERY_SENDING);
    assert_int_equal(g.deliveries[2].status, DELIVERY_QUEUED);
    assert_int_equal(g.counts[DELIVERY_SENT].n, 1);
    assert_int_equal(g.counts[DELIVERY_SENDING].n, 1);
    assert_int_equal(g.counts[DELIVERY_QUEUED].n, 1);
}

static void
a_retry_is_queued_again_though_its_batch_is_still_out(void **state)
{
    struct rig *r = *state;
    struct store_promote p = {.now_ms = NOW + 500, .max = 10};
    struct store_notification_get g = {
        .tenant = T, .id = 1000, .max_deliveries = 10};
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 2});
    assert_int_equal(claim_some(r, 2, true, ids), 2);
    assert_true(finish_one(r, 1001, DELIVERY_RETRYING, 1));
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    assert_int_equal(g.deliveries[0].status, DELIVERY_QUEUED);
    assert_int_equal(g.deliveries[1].status, DELIVERY_SENDING);
    assert_int_equal(g.counts[DELIVERY_QUEUED].n, 1);
    assert_int_equal(g.counts[DELIVERY_SENDING].n, 1);
}

static void
a_retry_waits_until_it_is_due_and_never_less(void **state)
{
    struct rig *r = *state;
    struct store_promote p = {.now_ms = NOW + 499, .max = 10};
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000});
    claim_some(r, 1, true, ids);
    assert_true(finish_one(r, 1001, DELIVERY_RETRYING, 1));
    assert_int_equal(status_of(r, 1001), DELIVERY_RETRYING);
    assert_int_equal(claim_some(r, 1, true, ids), 0);
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(p.n_promoted, 0);
    assert_int_equal(p.first_due_ms, 0);
    assert_int_equal(p.next_due_ms, NOW + 500);
    p.now_ms = NOW + 500;
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(p.n_promoted, 1);
    assert_int_equal(p.next_due_ms, 0);
    assert_int_equal(claim_some(r, 1, true, ids), 1);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 2));
    assert_int_equal(status_of(r, 1001), DELIVERY_SENT);
}

static void
what_is_held_from_the_start_waits_and_is_then_like_the_others(void **state)
{
    struct rig *r = *state;
    struct store_promote p = {.now_ms = NOW + 499, .max = 10};
    int64_t ids[10];

    send_one(r, &(struct send){
                    .id = 1000, .status = DELIVERY_HELD, .due_ms = NOW + 500});
    assert_int_equal(status_of(r, 1001), DELIVERY_HELD);
    assert_int_equal(claim_some(r, 1, true, ids), 0);
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(p.next_due_ms, NOW + 500);
    assert_int_equal(status_of(r, 1001), DELIVERY_HELD);
    p.now_ms = NOW + 500;
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(p.n_promoted, 1);
    assert_int_equal(status_of(r, 1001), DELIVERY_QUEUED);
    assert_int_equal(claim_some(r, 1, true, ids), 1);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
}

static void
promote_takes_the_earliest_first(void **state)
{
    struct rig *r = *state;
    struct store_promote p = {.now_ms = NOW + 60, .max = 2};

    for (int i = 0; i < 4; i++)
        send_one(r, &(struct send){.id = 1000 + 10 * i,
                                   .status = DELIVERY_RETRYING,
                                   .due_ms = NOW + 40 - 10 * i});
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(p.n_promoted, 2);
    assert_int_equal(p.first_due_ms, NOW + 10);
    assert_int_equal(p.next_due_ms, NOW + 30);
    assert_int_equal(status_of(r, 1001), DELIVERY_RETRYING);
    assert_int_equal(status_of(r, 1011), DELIVERY_RETRYING);
    assert_int_equal(status_of(r, 1021), DELIVERY_QUEUED);
    assert_int_equal(status_of(r, 1031), DELIVERY_QUEUED);
}

/* ---- duplicates ---- */

static void
a_dedup_key_counts_once_within_its_window(void **state)
{
    struct rig *r = *state;
    struct store_accept *a;
    struct store_notification_get g = {.tenant = T, .id = 2000};

    send_one(r, &(struct send){.id = 1000, .dedup = "k"});
    a = make_accept(r, &(struct send){.id = 2000, .dedup = "k"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_true(a->items[0].is_duplicate);
    assert_int_equal(a->items[0].id, 1000);
    assert_int_equal(a->items[0].created_ms, NOW);
    assert_int_equal(ASK(r, notification_get, &g), ERR_NOT_FOUND);
    /* another tenant's key is another key */
    a = make_accept(r,
                    &(struct send){.id = 3000, .tenant = T + 1, .dedup = "k"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->items[0].is_duplicate);
    /* the window is over */
    a = make_accept(r, &(struct send){.id = 4000,
                                      .dedup = "k",
                                      .now_ms = NOW + 1000,
                                      .dedup_until_ms = NOW + 2000});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->items[0].is_duplicate);
}

static void
it_is_told_which_dedup_keys_are_taken(void **state)
{
    struct rig *r = *state;
    const struct str keys[] = {STR("free"), STR("k"), STR("other"), STR("k")};
    struct store_dedup_get g = {
        .tenant = T, .now_ms = NOW + 999, .keys = keys, .n_keys = 4};

    send_one(r, &(struct send){.id = 1000, .dedup = "k"});
    send_one(r, &(struct send){.id = 2000, .tenant = T + 1, .dedup = "other"});
    assert_int_equal(ASK(r, dedup_get, &g), ERR_OK);
    assert_int_equal(g.ids[0], 0);
    assert_int_equal(g.ids[1], 1000);
    assert_int_equal(g.ids[2], 0);
    assert_int_equal(g.ids[3], 1000);
    g.now_ms = NOW + 1000;
    assert_int_equal(ASK(r, dedup_get, &g), ERR_OK);
    assert_int_equal(g.ids[1], 0);
    g.n_keys = 0;
    assert_int_equal(ASK(r, dedup_get, &g), ERR_OK);
}

static void
two_of_one_request_with_one_dedup_key_are_one(void **state)
{
    struct rig *r = *state;
    struct store_accept *a =
        make_accept(r, &(struct send){.id = 1000, .dedup = "k"});
    struct store_accept *b =
        make_accept(r, &(struct send){.id = 2000, .dedup = "k"});
    struct store_accept_item both[2] = {a->items[0], b->items[0]};

    a->items = both;
    a->n_items = 2;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(both[0].is_duplicate);
    assert_true(both[1].is_duplicate);
    assert_int_equal(both[1].id, 1000);
}

static void
an_idempotency_key_gives_the_first_answer(void **state)
{
    struct rig *r = *state;
    struct store_accept *a;
    struct store_notification_get g = {.tenant = T, .id = 2000};

    a = make_accept(r, &(struct send){.id = 1000, .idem = "i"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->idem.is_replay);
    assert_int_equal(a->idem.status, 202);
    assert_true(str_is(a->idem.body, "1000"));
    a = make_accept(r, &(struct send){.id = 2000, .idem = "i"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_true(a->idem.is_replay);
    assert_int_equal(a->idem.status, 202);
    assert_true(str_is(a->idem.body, "1000"));
    assert_int_equal(ASK(r, notification_get, &g), ERR_NOT_FOUND);
    a = make_accept(r,
                    &(struct send){.id = 2000, .idem = "i", .fingerprint = 9});
    assert_int_equal(ASK(r, accept, a), ERR_IDEM_MISMATCH);
    a = make_accept(r,
                    &(struct send){.id = 3000, .tenant = T + 1, .idem = "i"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->idem.is_replay);
    a = make_accept(r, &(struct send){.id = 4000,
                                      .idem = "i",
                                      .fingerprint = 9,
                                      .now_ms = NOW + 1000});
    assert_int_equal(ASK(r, accept, a), ERR_OK); /* forgotten */
    assert_false(a->idem.is_replay);
}

static void
an_id_that_is_taken_is_a_conflict_and_nothing_is_stored(void **state)
{
    struct rig *r = *state;
    struct store_accept *a;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000});
    a = make_accept(r, &(struct send){.id = 997, .n = 2, .dedup = "l"});
    a->items[0].deliveries[0].id = 996;
    a->items[0].deliveries[1].id = 1001; /* taken */
    assert_int_equal(ASK(r, accept, a), ERR_CONFLICT);
    assert_int_equal(claim_some(r, 10, false, ids), 1);
    a = make_accept(r, &(struct send){.id = 990, .dedup = "l"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->items[0].is_duplicate);
}

/* ---- act, cancel ---- */

static enum err
act(struct rig *r, int64_t id, enum store_act_kind kind,
    enum delivery_status *ret)
{
    struct store_act a = {.tenant = T,
                          .delivery = id,
                          .kind = kind,
                          .now_ms = NOW + 5,
                          .lane = LANE,
                          .rank = 1};
    enum err e = ASK(r, act, &a);

    *ret = a.status;
    return e;
}

static void
each_act_is_allowed_only_where_it_makes_sense(void **state)
{
    struct rig *r = *state;
    enum { NO = DELIVERY_STATUS_COUNT };
    static const struct {
        enum delivery_status from;
        int to[3]; /* by RETRY, CANCEL, DISCARD */
    } table[] = {
        {DELIVERY_QUEUED, {NO, DELIVERY_CANCELLED, NO}},
        {DELIVERY_HELD, {NO, DELIVERY_CANCELLED, NO}},
        {DELIVERY_RETRYING, {NO, DELIVERY_CANCELLED, NO}},
        {DELIVERY_DELIVERED, {NO, NO, NO}},
        {DELIVERY_SENT, {NO, NO, NO}},
        {DELIVERY_FAILED, {DELIVERY_QUEUED, NO, DELIVERY_CANCELLED}},
        {DELIVERY_DEAD, {DELIVERY_QUEUED, NO, DELIVERY_CANCELLED}},
        {DELIVERY_SUPPRESSED, {NO, NO, NO}},
        {DELIVERY_MERGED, {NO, NO, NO}},
        {DELIVERY_CANCELLED, {NO, NO, NO}},
        {DELIVERY_EXPIRED, {NO, NO, NO}},
    };
    int64_t id = 1000;

    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
        for (int kind = 0; kind < 3; kind++, id += 10) {
            enum delivery_status from = table[i].from, now;
            int to = table[i].to[kind];
            enum err e;

            send_one(r, &(struct send){
                            .id = id,
                            .status = from,
                            .due_ms = from == DELIVERY_RETRYING ? NOW : 0});
            e = act(r, id + 1, (enum store_act_kind)kind, &now);
            assert_int_equal(e, to == NO ? ERR_CONFLICT : ERR_OK);
            assert_int_equal(now, to == NO ? (int)from : to);
            assert_int_equal(status_of(r, id + 1), now);
        }
}

static void
what_is_in_flight_cannot_be_acted_on(void **state)
{
    struct rig *r = *state;
    enum delivery_status now;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000});
    claim_some(r, 1, false, ids);
    for (int kind = 0; kind < 3; kind++) {
        assert_int_equal(act(r, 1001, (enum store_act_kind)kind, &now),
                         ERR_CONFLICT);
        assert_int_equal(now, DELIVERY_SENDING);
    }
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
}

static void
a_retried_one_is_claimed_again_and_a_cancelled_one_is_not(void **state)
{
    struct rig *r = *state;
    enum delivery_status now;
    struct store_promote p = {.now_ms = NOW + 1000, .max = 10};
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .status = DELIVERY_DEAD});
    send_one(r, &(struct send){.id = 2000,
                               .status = DELIVERY_RETRYING,
                               .due_ms = NOW + 100});
    send_one(r, &(struct send){.id = 3000});
    assert_int_equal(act(r, 1001, STORE_ACT_RETRY, &now), ERR_OK);
    assert_int_equal(act(r, 2001, STORE_ACT_CANCEL, &now), ERR_OK);
    assert_int_equal(act(r, 3001, STORE_ACT_CANCEL, &now), ERR_OK);
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(p.n_promoted, 0);
    assert_int_equal(claim_some(r, 10, false, ids), 1);
    assert_int_equal(ids[0], 1001);
    send_one(r, &(struct send){.id = 4000, .status = DELIVERY_FAILED});
    assert_int_equal(act(r, 4001, STORE_ACT_RETRY, &now), ERR_OK);
    assert_int_equal(claim_some(r, 10, false, ids), 1);
    assert_true(finish_one(r, 4001, DELIVERY_FAILED, 1));
    send_one(r, &(struct send){.id = 5000}); /* of a later rank */
    assert_int_equal(claim_some(r, 10, false, ids), 1);
    assert_int_equal(act(r, 4001, STORE_ACT_RETRY, &now), ERR_OK);
    assert_int_equal(claim_some(r, 10, false, ids), 1);
    assert_int_equal(ids[0], 4001);
    assert_int_equal(act(r, 9999, STORE_ACT_CANCEL, &now), ERR_NOT_FOUND);
}

/* As one of LANE whose call came to nothing that is known. */
static void
hold(struct rig *r, int64_t delivery, const char *reason)
{
    struct attempt t = {.n = 1, .verdict = STR("unknown")};
    struct store_finish f = {.tenant = T,
                             .delivery = delivery,
                             .status = DELIVERY_HELD,
                             .reason = str_from(reason),
                             .provider = STR("smtp"),
                             .attempt = &t};
    struct store_cycle c = {.now_ms = NOW, .finishes = &f, .n_finishes = 1};

    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_true(f.is_done);
}

static void
what_is_held_as_unknown_waits_for_a_person(void **state)
{
    struct rig *r = *state;
    struct store_promote p = {.now_ms = NOW + 1000000, .max = 10};
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW + 1, .max = 10};
    struct store_delivery_get g;
    enum delivery_status now;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 4});
    assert_int_equal(claim_some(r, 10, true, ids), 4);
    for (int64_t id = 1001; id <= 1003; id++)
        hold(r, id, "unknown.held");
    hold(r, 1004, "digest.waiting"); /* nobody's to retry */
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(p.n_promoted, 0);
    assert_int_equal(p.next_due_ms, 0);
    assert_int_equal(claim_some(r, 10, true, ids), 0);
    get_delivery(r, 1001, &g);
    assert_int_equal(g.delivery.status, DELIVERY_HELD);
    assert_true(str_is(g.delivery.reason, "unknown.held"));
    assert_int_equal(g.delivery.attempts, 1);
    assert_int_equal(g.delivery.due_ms, 0);
    assert_int_equal(g.n_attempts, 1);
    assert_int_equal(act(r, 1001, STORE_ACT_DISCARD, &now), ERR_CONFLICT);
    assert_int_equal(now, DELIVERY_HELD);
    assert_int_equal(act(r, 1004, STORE_ACT_RETRY, &now), ERR_CONFLICT);
    assert_int_equal(now, DELIVERY_HELD);
    assert_int_equal(act(r, 1001, STORE_ACT_RETRY, &now), ERR_OK);
    assert_int_equal(now, DELIVERY_QUEUED);
    assert_int_equal(act(r, 1001, STORE_ACT_RETRY, &now), ERR_CONFLICT);
    assert_int_equal(act(r, 1002, STORE_ACT_CANCEL, &now), ERR_OK);
    assert_int_equal(status_of(r, 1002), DELIVERY_CANCELLED);
    assert_int_equal(claim_some(r, 10, true, ids), 1);
    assert_int_equal(ids[0], 1001);
    get_delivery(r, 1001, &g);
    assert_true(str_is(g.delivery.tally, "0:1"));
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 2));
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_int_equal(c.n_stopped, 2);
    assert_int_equal(status_of(r, 1003), DELIVERY_CANCELLED);
}

static void
what_is_held_stays_so_after_a_restart(void **state)
{
    struct rig *r = *state;
    int64_t ids[10];

    if (!r->kind->is_durable)
        return; /* nothing outlives it */
    send_one(r, &(struct send){.id = 1000});
    assert_int_equal(claim_some(r, 10, true, ids), 1);
    hold(r, 1001, "unknown.held");
    rig_reopen(r);
    assert_int_equal(claim_some(r, 10, true, ids), 0);
    assert_int_equal(status_of(r, 1001), DELIVERY_HELD);
}

static void
cancel_stops_what_has_not_gone_out(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW + 1, .max = 10};
    struct store_notification_get g = {
        .tenant = T, .id = 1000, .max_deliveries = 10};
    struct store_promote p = {.now_ms = NOW + 9999, .max = 10};
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 4});
    assert_int_equal(claim_some(r, 3, true, ids), 3);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
    assert_true(finish_one(r, 1002, DELIVERY_RETRYING, 1));
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_int_equal(c.n_stopped, 2);
    assert_int_equal(c.n_not_stopped, 2);
    assert_int_equal(c.next, 0);
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    assert_true(g.notification.is_cancelled);
    assert_int_equal(g.deliveries[0].status, DELIVERY_SENT);
    assert_int_equal(g.deliveries[1].status, DELIVERY_CANCELLED);
    assert_true(str_is(g.deliveries[1].reason, "cancelled"));
    assert_int_equal(g.deliveries[2].status, DELIVERY_SENDING);
    assert_int_equal(g.deliveries[3].status, DELIVERY_CANCELLED);
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(p.n_promoted, 0);
    assert_true(finish_one(r, 1003, DELIVERY_SENT, 1));
    c.tenant = T + 1;
    assert_int_equal(ASK(r, cancel, &c), ERR_NOT_FOUND);
}

/* Among those of another one, which have nothing to do with it. */
static void
cancel_stops_it_part_by_part(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW + 1, .max = 2};
    size_t n_stopped = 0, n_not_stopped = 0, n_calls = 0;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 9});
    send_one(r, &(struct send){.id = 1010, .n = 1});
    assert_int_equal(claim_some(r, 4, true, ids), 4);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
    assert_true(finish_one(r, 1003, DELIVERY_RETRYING, 1));
    do {
        assert_int_equal(ASK(r, cancel, &c), ERR_OK);
        n_stopped += c.n_stopped;
        n_not_stopped += c.n_not_stopped;
        assert_true(c.next == 0 || c.next > c.after);
        assert_in_range(c.n_stopped, 0, 4); /* two of each place */
        c.after = c.next;
        n_calls++;
    } while (c.next != 0);
    assert_int_equal(n_stopped, 6);
    assert_int_equal(n_not_stopped, 3);
    assert_in_range(n_calls, 3, 5);
    assert_int_equal(status_of(r, 1003), DELIVERY_CANCELLED);
    assert_int_equal(status_of(r, 1009), DELIVERY_CANCELLED);
    assert_int_equal(status_of(r, 1011), DELIVERY_QUEUED);
    c.after = 0;
    do { /* once more there is nothing to stop */
        assert_int_equal(ASK(r, cancel, &c), ERR_OK);
        assert_int_equal(c.n_stopped, 0);
        c.after = c.next;
    } while (c.next != 0);
}

/* ---- notices ---- */

static size_t
heard_of(struct rig *r, enum store_notice_kind kind, size_t *ret_at)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_heard; i++)
        if (r->heard[i].notice.kind == kind) {
            *ret_at = i;
            n++;
        }
    return n;
}

static void
a_commit_tells_of_work_once_a_lane(void **state)
{
    struct rig *r = *state;
    size_t at = 0;

    rig_listen(r);
    send_one(r, &(struct send){.id = 1000, .n = 5});
    assert_int_equal(heard_of(r, STORE_NOTICE_READY, &at), 1);
    assert_int_equal(r->heard[at].notice.tenant, T);
    assert_int_equal(r->heard[at].notice.lane, LANE);
    assert_false(r->heard[at].notice.is_critical);
    r->n_heard = 0;
    send_one(r, &(struct send){.id = 2000, .is_critical = true});
    assert_int_equal(heard_of(r, STORE_NOTICE_READY, &at), 1);
    assert_int_equal(r->heard[at].notice.lane, LANE);
    assert_true(r->heard[at].notice.is_critical);
    r->n_heard = 0;
    send_one(r, &(struct send){.id = 3000,
                               .status = DELIVERY_RETRYING,
                               .due_ms = NOW + 77,
                               .n = 3});
    assert_int_equal(heard_of(r, STORE_NOTICE_READY, &at), 0);
    assert_int_equal(heard_of(r, STORE_NOTICE_WAIT, &at), 1);
    assert_int_equal(r->heard[at].notice.due_ms, NOW + 77);
}

static void
a_request_that_is_late_is_not_begun(void **state)
{
    struct rig *r = *state;
    struct store_accept *a = make_accept(r, &(struct send){.id = 1000});
    struct store_notification_get g = {.tenant = T, .id = 1000};

    a->req.deadline_ms = r->clock.now_ms;
    assert_int_equal(ASK(r, accept, a), ERR_TIMEOUT);
    assert_int_equal(ASK(r, notification_get, &g), ERR_NOT_FOUND);
    g.req.deadline_ms = r->clock.now_ms - 1;
    assert_int_equal(ASK(r, notification_get, &g), ERR_TIMEOUT);
}

static void
purge_forgets_what_is_done_and_keeps_the_rest(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {
        .now_ms = NOW + 5000, .settled_before_ms = NOW + 1, .max = 10};
    struct store_notification_get g = {.tenant = T};
    static const struct {
        enum delivery_status status;
        bool is_kept;
    } rows[] = {{DELIVERY_SENT, false},
                {DELIVERY_QUEUED, true},
                {DELIVERY_DEAD, true},
                {DELIVERY_CANCELLED, false},
                {DELIVERY_RETRYING, true}};

    for (int i = 0; i < 5; i++)
        send_one(r, &(struct send){.id = 1000 + 10 * i,
                                   .status = rows[i].status,
                                   .due_ms = rows[i].status == DELIVERY_RETRYING
                                                 ? NOW
                                                 : 0});
    send_one(r, &(struct send){
                    .id = 2000, .status = DELIVERY_SENT, .now_ms = NOW + 1});
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(p.n_purged, 2);
    for (int i = 0; i < 5; i++) {
        g.id = 1000 + 10 * i;
        assert_int_equal(ASK(r, notification_get, &g),
                         rows[i].is_kept ? ERR_OK : ERR_NOT_FOUND);
    }
    g.id = 2000;
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    p.dead_before_ms = NOW + 1;
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(p.n_purged, 1);
    g.id = 1020;
    assert_int_equal(ASK(r, notification_get, &g), ERR_NOT_FOUND);
}

static void
purge_forgets_keys_whose_window_has_passed(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {.now_ms = NOW + 1000, .max = 10};
    struct store_accept *a;

    send_one(r, &(struct send){.id = 1000, .dedup = "old", .idem = "old"});
    send_one(r, &(struct send){
                    .id = 2000, .dedup = "new", .dedup_until_ms = NOW + 5000});
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    a = make_accept(
        r, &(struct send){
               .id = 3000, .dedup = "old", .idem = "old", .fingerprint = 1});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->items[0].is_duplicate);
    a = make_accept(r, &(struct send){.id = 4000, .dedup = "new"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_true(a->items[0].is_duplicate);
}

const struct CMUnitTest queue_tests[] = {
    RIG_TEST(an_accepted_delivery_is_claimed_with_its_notification),
    RIG_TEST(what_is_claimed_is_not_claimed_again),
    RIG_TEST(a_smaller_rank_is_claimed_first_though_it_came_later),
    RIG_TEST(critical_ones_go_ahead_and_have_room_of_their_own),
    RIG_TEST(lanes_do_not_mix),
    RIG_TEST(a_finish_ends_the_delivery_with_its_attempt),
    RIG_TEST(what_else_is_known_of_a_call_is_told_with_it),
    RIG_TEST(a_tally_stays_until_another_is_told_or_a_person_retries),
    RIG_TEST(a_finish_of_what_is_not_claimed_changes_nothing),
    RIG_TEST(a_finish_in_another_tenants_name_changes_nothing),
    RIG_TEST(what_is_given_back_can_be_claimed_again),
    RIG_TEST(in_flight_reads_as_sending),
    RIG_TEST(a_retry_is_queued_again_though_its_batch_is_still_out),
    RIG_TEST(a_retry_waits_until_it_is_due_and_never_less),
    RIG_TEST(what_is_held_from_the_start_waits_and_is_then_like_the_others),
    RIG_TEST(promote_takes_the_earliest_first),
    RIG_TEST(a_dedup_key_counts_once_within_its_window),
    RIG_TEST(it_is_told_which_dedup_keys_are_taken),
    RIG_TEST(two_of_one_request_with_one_dedup_key_are_one),
    RIG_TEST(an_idempotency_key_gives_the_first_answer),
    RIG_TEST(an_id_that_is_taken_is_a_conflict_and_nothing_is_stored),
    RIG_TEST(each_act_is_allowed_only_where_it_makes_sense),
    RIG_TEST(what_is_in_flight_cannot_be_acted_on),
    RIG_TEST(a_retried_one_is_claimed_again_and_a_cancelled_one_is_not),
    RIG_TEST(what_is_held_as_unknown_waits_for_a_person),
    RIG_TEST(what_is_held_stays_so_after_a_restart),
    RIG_TEST(cancel_stops_what_has_not_gone_out),
    RIG_TEST(cancel_stops_it_part_by_part),
    RIG_TEST(a_commit_tells_of_work_once_a_lane),
    RIG_TEST(a_request_that_is_late_is_not_begun),
    RIG_TEST(purge_forgets_what_is_done_and_keeps_the_rest),
    RIG_TEST(purge_forgets_keys_whose_window_has_passed),
};
const size_t queue_tests_n = sizeof(queue_tests) / sizeof(*queue_tests);
