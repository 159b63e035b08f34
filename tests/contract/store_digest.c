/* store_digest.c - windows that collect deliveries: what each driver must keep.
 * A shared database goes by its own clock, so what is due was due long ago. */
#include "domain/reason.h"
#include "store_rig.h"

#define LEASE 5000
#define WINDOW 600000

/* The delivery id + 1 joins a window of ann's, or opens id + 5. */
static struct store_accept *
make_member(struct rig *r, const struct send *s, const struct digest_rule *rule)
{
    struct store_accept *a = make_accept(r, s);
    struct store_join *join = ARENA_NEW(r->arena, struct store_join);
    struct delivery *d = &a->items[0].deliveries[0];

    join->digest = (struct digest){
        .id = s->id + 5,
        .tenant = a->tenant,
        .user = d->user,
        .channel = d->channel,
        .rule = *rule,
        .opened_ms = a->now_ms,
        .closes_ms = a->now_ms + rule->window_ms,
    };
    a->items[0].joins = join;
    a->items[0].n_joins = 1;
    return a;
}

static const struct digest_rule fixed = {
    .key = {"k", 1}, .window_ms = WINDOW, .max_items = 100};

static int64_t
join_as(struct rig *r, const struct send *s, const struct digest_rule *rule)
{
    struct store_accept *a = make_member(r, s, rule);

    assert_int_equal(ASK(r, accept, a), ERR_OK);
    return a->items[0].joins[0].window;
}

static int64_t
join(struct rig *r, int64_t id, const struct digest_rule *rule)
{
    return join_as(r, &(struct send){.id = id, .user = "ann"}, rule);
}

/* All deliveries of one send: they join id + 5000, or what is open. */
static int64_t
join_all(struct rig *r, const struct send *s, const struct digest_rule *rule)
{
    struct store_accept *a = make_member(r, s, rule);
    struct store_accept_item *item = &a->items[0];
    struct store_join one = item->joins[0];

    item->n_joins = item->n_deliveries;
    item->joins = ARENA_ARRAY(r->arena, struct store_join, item->n_joins);
    for (size_t i = 0; i < item->n_joins; i++) {
        item->joins[i] = one;
        item->joins[i].delivery = i;
        item->joins[i].digest.id = s->id + 5000 + (int64_t)i;
    }
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    for (size_t i = 0; i < item->n_joins; i++)
        assert_int_equal(item->joins[i].window, item->joins[0].window);
    return item->joins[0].window;
}

static struct store_work_take
take_at(struct rig *r, int64_t now_ms)
{
    struct store_work_take t = {.kind = STORE_WORK_DIGEST,
                                .now_ms = now_ms,
                                .lease_ms = LEASE,
                                .max = 10};

    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    return t;
}

/* The one window that is due. */
static struct store_work_row
take_one(struct rig *r)
{
    struct store_work_take t = take_at(r, NOW + 2 * WINDOW);

    assert_int_equal(t.n_rows, 1);
    return t.rows[0];
}

static struct store_digest_members
members_of(struct rig *r, int64_t digest, size_t max, size_t max_bytes)
{
    struct store_digest_members m = {
        .tenant = T, .digest = digest, .max = max, .max_bytes = max_bytes};

    assert_int_equal(ASK(r, digest_members, &m), ERR_OK);
    return m;
}

static struct store_digest_list
list_of(struct rig *r, const char *user, int64_t before, size_t limit)
{
    struct store_digest_list l = {
        .tenant = T, .user = str_from(user), .before = before, .limit = limit};

    assert_int_equal(ASK(r, digest_list, &l), ERR_OK);
    return l;
}

static struct store_digest_list
list(struct rig *r, int64_t before, size_t limit)
{
    return list_of(r, "", before, limit);
}

/* True: it was ended. The delivery that goes out is id + 1. */
static bool
end_with(struct rig *r, struct store_accept *a, const struct store_work_row *w,
         struct store_flush f)
{
    f.digest = w->digest.id;
    f.hold = w->hold;
    a->items[0].flush = &f;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    return !a->items[0].is_gone;
}

static bool
merge(struct rig *r, int64_t id, const struct store_work_row *w,
      int64_t n_members)
{
    return end_with(
        r, make_accept(r, &(struct send){.id = id, .user = "ann"}), w,
        (struct store_flush){.n_members = n_members,
                             .status = DELIVERY_MERGED,
                             .reason = reason_code(REASON_DIGEST_MERGED),
                             .merged_into = id + 1});
}

static struct delivery
delivery(struct rig *r, int64_t id)
{
    struct store_delivery_get g;

    get_delivery(r, id, &g);
    return g.delivery;
}

/* As one, or as itself; who comes too late to end it joins nothing. */
static void
what_ends_a_window_may_join_another(void **state)
{
    struct rig *r = *state;
    struct digest_rule later = fixed;
    struct send s = {.id = 3000, .user = "ann"};
    struct store_flush f = {.n_members = 2,
                            .status = DELIVERY_MERGED,
                            .reason = reason_code(REASON_DIGEST_MERGED),
                            .merged_into = 3001};
    struct store_work_row w, lost;
    struct store_accept *a;

    later.key = STR("later");
    join(r, 1000, &fixed);
    join(r, 2000, &fixed);
    lost = w = take_one(r);
    lost.hold++;
    assert_false(end_with(r, make_member(r, &s, &later), &lost, f));
    assert_int_equal(list(r, 0, 10).n_digests, 0);
    s.id = 4000;
    f.merged_into = 4001;
    assert_true(end_with(r, make_member(r, &s, &later), &w, f));
    assert_int_equal(delivery(r, 1001).merged_into, 4001);
    assert_int_equal(delivery(r, 4001).status, DELIVERY_HELD);
    assert_int_equal(delivery(r, 4001).digest, 4005);
    assert_int_equal(list(r, 0, 10).digests[0].n_members, 1);
    w = take_one(r);
    a = make_member(r, &s, &fixed);
    a->items[0].joins[0].digest.id = 5005;
    f = (struct store_flush){.n_members = 1, .status = DELIVERY_QUEUED};
    assert_true(end_with(r, a, &w, f));
    assert_int_equal(delivery(r, 4001).digest, 5005);
    assert_int_equal(members_of(r, 5005, 10, 1000000).n_members, 1);
}

static void
members_wait_in_one_window_and_in_no_lane(void **state)
{
    struct rig *r = *state;
    struct delivery d;
    struct store_digest_list l;
    int64_t ids[10];

    assert_int_equal(join(r, 1000, &fixed), 1005);
    assert_int_equal(join(r, 2000, &fixed), 1005);
    d = delivery(r, 2001);
    assert_int_equal(d.status, DELIVERY_HELD);
    assert_true(str_is(d.reason, "digest.waiting"));
    assert_int_equal(d.digest, 1005);
    assert_int_equal(claim_some(r, 10, true, ids), 0);
    l = list(r, 0, 10);
    assert_int_equal(l.n_digests, 1);
    assert_false(l.has_more);
    assert_int_equal(l.digests[0].id, 1005);
    assert_int_equal(l.digests[0].n_members, 2);
    assert_int_equal(l.digests[0].opened_ms, NOW);
    assert_int_equal(l.digests[0].closes_ms, NOW + WINDOW);
    assert_true(str_is(l.digests[0].user, "ann"));
    assert_true(str_is(l.digests[0].rule.key, "k"));
    assert_int_equal(l.digests[0].rule.max_items, 100);
}

static void
each_scope_has_a_window_of_its_own(void **state)
{
    struct rig *r = *state;
    struct digest_rule other = fixed;
    struct store_digest_list l;

    other.key = STR("");
    assert_int_equal(join(r, 1000, &fixed), 1005);
    assert_int_equal(join(r, 2000, &other), 2005);
    assert_int_equal(
        join_as(r, &(struct send){.id = 3000, .user = "bob"}, &fixed), 3005);
    assert_int_equal(
        join_as(r, &(struct send){.id = 4000, .user = "ann", .tenant = T + 1},
                &fixed),
        4005);
    assert_int_equal(join(r, 5000, &other), 2005);
    l = list(r, 0, 2);
    assert_int_equal(l.n_digests, 2);
    assert_true(l.has_more);
    assert_int_equal(l.digests[0].id, 3005);
    l = list(r, l.digests[1].id, 2);
    assert_int_equal(l.n_digests, 1);
    assert_int_equal(l.digests[0].id, 1005);
    l = list_of(r, "ann", 0, 1);
    assert_int_equal(l.n_digests, 1);
    assert_true(l.has_more);
    assert_int_equal(l.digests[0].id, 2005);
    l = list_of(r, "ann", 2005, 1);
    assert_int_equal(l.n_digests, 1);
    assert_false(l.has_more);
    assert_int_equal(l.digests[0].id, 1005);
    assert_int_equal(list_of(r, "carl", 0, 10).n_digests, 0);
}

static void
many_at_once_join_one(void **state)
{
    enum { N = 50 };
    struct rig *r = *state;
    struct store_accept *all[N];
    int64_t window;

    for (int64_t i = 0; i < N; i++) {
        all[i] = make_member(
            r, &(struct send){.id = 1000 * (i + 1), .user = "ann"}, &fixed);
        begin(r, STORE_VERB_accept, &all[i]->req);
    }
    wait_for_all(r);
    window = all[0]->items[0].joins[0].window;
    assert_true(window > 0);
    for (int64_t i = 0; i < N; i++) {
        assert_int_equal(all[i]->req.err, ERR_OK);
        assert_int_equal(all[i]->items[0].joins[0].window, window);
    }
    assert_int_equal(list(r, 0, 10).n_digests, 1);
    assert_int_equal(list(r, 0, 10).digests[0].n_members, N);
    assert_int_equal(take_one(r).digest.n_members, N);
}

static void
the_first_of_a_leading_one_goes_out(void **state)
{
    struct rig *r = *state;
    struct digest_rule leading = fixed;
    struct store_inbox_list l = {.tenant = T, .user = STR("ann"), .limit = 10};
    struct send s = {
        .user = "ann", .in_app = true, .status = DELIVERY_DELIVERED};

    leading.is_leading = true;
    s.id = 1000;
    assert_int_equal(join_as(r, &s, &leading), 0);
    assert_int_equal(delivery(r, 1001).status, DELIVERY_DELIVERED);
    s.id = 2000;
    assert_int_equal(join_as(r, &s, &leading), 1005);
    assert_int_equal(delivery(r, 2001).status, DELIVERY_HELD);
    assert_int_equal(ASK(r, inbox_list, &l), ERR_OK);
    assert_int_equal(l.n_items, 1);
    assert_int_equal(l.items[0].delivery, 1001);
    assert_int_equal(l.counts.unread, 1);
    assert_int_equal(list(r, 0, 10).digests[0].n_members, 1);
    assert_int_equal(take_one(r).digest.n_members, 1);
}

static void
a_sliding_one_moves_its_end_up_to_a_maximum(void **state)
{
    struct rig *r = *state;
    struct digest_rule sliding = fixed;
    struct send s = {.user = "ann"};

    sliding.mode = DIGEST_SLIDING;
    sliding.max_window_ms = WINDOW + 3000;
    join(r, 1000, &sliding);
    s.id = 2000;
    s.now_ms = NOW + 2000;
    join_as(r, &s, &sliding);
    assert_int_equal(list(r, 0, 10).digests[0].closes_ms, NOW + WINDOW + 2000);
    s.id = 3000;
    s.now_ms = NOW + 5000;
    join_as(r, &s, &sliding);
    assert_int_equal(list(r, 0, 10).digests[0].closes_ms, NOW + WINDOW + 3000);
    assert_int_equal(list(r, 0, 10).digests[0].opened_ms, NOW);
    if (!r->store->driver->is_shared)
        assert_int_equal(take_at(r, NOW + WINDOW + 2999).n_rows, 0);
    assert_int_equal(take_at(r, NOW + WINDOW + 3000).n_rows, 1);
}

static void
what_is_taken_is_shut_and_later_members_open_another(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;

    join(r, 1000, &fixed);
    w = take_one(r);
    assert_int_equal(w.digest.id, 1005);
    assert_int_equal(w.digest.tenant, T);
    assert_true(str_is(w.digest.user, "ann"));
    assert_true(str_is(w.digest.channel, "email"));
    assert_int_equal(list(r, 0, 10).n_digests, 0);
    assert_int_equal(join(r, 2000, &fixed), 2005);
    assert_int_equal(members_of(r, 1005, 10, 1000000).n_members, 1);
    assert_int_equal(list(r, 0, 10).n_digests, 1);
}

/* Whoever should end it may be late. */
static void
who_comes_after_its_end_opens_another(void **state)
{
    struct rig *r = *state;
    struct digest_rule rules[] = {fixed, fixed, fixed};
    struct send s = {.user = "ann"};

    rules[1].mode = DIGEST_SLIDING;
    rules[1].max_window_ms = 9 * WINDOW;
    rules[2].is_leading = true;
    for (int i = 0; i < 3; i++) {
        int64_t id = 10000 * (i + 1);

        rules[i].key = str_fmt(r->arena, "k%d", i);
        s.id = id;
        s.now_ms = NOW;
        join_as(r, &s, &rules[i]);
        s.id = id + 1000;
        s.now_ms = NOW + WINDOW - 1;
        assert_int_equal(join_as(r, &s, &rules[i]), id + 5);
        s.id = id + 2000;
        s.now_ms = NOW + (i == 1 ? 2 : 1) * WINDOW;
        assert_int_equal(join_as(r, &s, &rules[i]), i == 2 ? 0 : id + 2005);
        s.id = id + 3000;
        assert_int_equal(join_as(r, &s, &rules[i]), id + 2005);
        assert_int_equal(members_of(r, id + 5, 10, 1000).n_members,
                         i == 2 ? 1 : 2);
    }
    assert_int_equal(list(r, 0, 10).n_digests, 3);
    assert_int_equal(take_at(r, NOW + 9 * WINDOW).n_rows, 6);
}

/* Its end is one commit. */
static void
a_full_one_ends_at_once_and_another_opens(void **state)
{
    enum { PART = DIGEST_MEMBERS_MAX / 4 };
    struct rig *r = *state;
    struct clock *clock = clock_system();
    int64_t now_ms = clock->wall_ms(clock);
    struct send s = {.user = "ann", .n = PART, .now_ms = now_ms};
    struct store_work_take t;

    for (int i = 0; i < 4; i++) {
        s.id = 10000 * (i + 1);
        assert_int_equal(join_all(r, &s, &fixed), 15000);
    }
    assert_int_equal(take_at(r, now_ms + 1).n_rows, 0);
    s.n = 1;
    s.id = 50000;
    assert_int_equal(join_all(r, &s, &fixed), 55000);
    t = take_at(r, now_ms + 1);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].digest.id, 15000);
    assert_int_equal(t.rows[0].digest.n_members, DIGEST_MEMBERS_MAX);
    assert_int_equal(t.rows[0].digest.closes_ms, now_ms);
    assert_int_equal(list(r, 0, 10).n_digests, 1);
    assert_int_equal(list(r, 0, 10).digests[0].n_members, 1);
    assert_true(merge(r, 60000, &t.rows[0], DIGEST_MEMBERS_MAX));
}

static void
members_are_read_oldest_first_up_to_a_limit(void **state)
{
    struct rig *r = *state;
    struct store_digest_members m;

    for (int64_t id = 1000; id <= 4000; id += 1000)
        join(r, id, &fixed);
    m = members_of(r, 1005, 3, 1000000);
    assert_int_equal(m.n_members, 4);
    assert_int_equal(m.n_listed, 3);
    assert_int_equal(m.members[0].delivery.id, 1001);
    assert_int_equal(m.members[0].notification.id, 1000);
    assert_true(str_is(m.members[2].notification.doc, "{\"title\":\"hello\"}"));
    assert_int_equal(m.newest.delivery.id, 4001);
    assert_int_equal(m.newest.notification.id, 4000);
    m = members_of(r, 1005, 3, 1);
    assert_int_equal(m.n_listed, 1);
    m.after = 2001;
    m.max_bytes = 1000000;
    assert_int_equal(ASK(r, digest_members, &m), ERR_OK);
    assert_int_equal(m.n_members, 4);
    assert_int_equal(m.n_listed, 2);
    assert_int_equal(m.members[0].delivery.id, 3001);
    assert_int_equal(m.newest.delivery.id, 4001);
    m.tenant++;
    assert_int_equal(ASK(r, digest_members, &m), ERR_NOT_FOUND);
}

static void
members_merge_once(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;
    struct delivery d;
    int64_t ids[10];

    join(r, 1000, &fixed);
    join(r, 2000, &fixed);
    w = take_one(r);
    assert_false(merge(r, 3000, &w, 1)); /* somebody joined since */
    w.hold++;
    assert_false(merge(r, 3000, &w, 2)); /* somebody else has it */
    w.hold--;
    assert_int_equal(status_of(r, 1001), DELIVERY_HELD);
    assert_true(merge(r, 3000, &w, 2));
    assert_false(merge(r, 4000, &w, 2));
    d = delivery(r, 1001);
    assert_int_equal(d.status, DELIVERY_MERGED);
    assert_true(str_is(d.reason, "digest.merged_into"));
    assert_int_equal(d.merged_into, 3001);
    assert_int_equal(d.digest, 0);
    assert_int_equal(delivery(r, 2001).merged_into, 3001);
    assert_int_equal(claim_some(r, 10, true, ids), 1);
    assert_int_equal(ids[0], 3001);
    assert_int_equal(take_at(r, NOW + 9 * WINDOW).n_rows, 0);
}

/* Of a flush that comes too late, nothing. */
static void
endpoints_are_told_how_members_end(void **state)
{
    struct rig *r = *state;
    const int64_t late = 1001;
    struct store_flush f = {.n_members = 3,
                            .status = DELIVERY_MERGED,
                            .reason = reason_code(REASON_DIGEST_MERGED),
                            .merged_into = 4001,
                            .expired = &late,
                            .n_expired = 1,
                            .tells = EVENT_BIT(EVENT_DELIVERY_MERGED) |
                                     EVENT_BIT(EVENT_DELIVERY_EXPIRED)};
    struct store_tell_take t = {.max = 10, .lease_ms = 1, .now_ms = NOW};
    struct store_work_row w, lost;
    struct send s = {.id = 4000, .user = "ann"};

    for (int64_t id = 1000; id <= 3000; id += 1000)
        join(r, id, &fixed);
    lost = w = take_one(r);
    lost.hold++;
    assert_false(end_with(r, make_accept(r, &s), &lost, f));
    assert_true(end_with(r, make_accept(r, &s), &w, f));
    assert_int_equal(ASK(r, tell_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 3);
    assert_int_equal(t.rows[0].told.delivery, 1001);
    assert_int_equal(t.rows[0].told.kind, EVENT_DELIVERY_EXPIRED);
    for (size_t i = 1; i < 3; i++) {
        const struct store_told *told = &t.rows[i].told;

        assert_int_equal(told->delivery, 1000 * (int64_t)(i + 1) + 1);
        assert_int_equal(told->kind, EVENT_DELIVERY_MERGED);
        assert_true(str_is(told->reason, "digest.merged_into"));
        assert_true(str_is(told->user, "ann"));
    }
}

static void
one_alone_goes_out_as_itself(void **state)
{
    struct rig *r = *state;
    struct store_accept *a =
        make_accept(r, &(struct send){.id = 1000, .user = "ann"});
    struct store_notification_get g = {
        .tenant = T, .id = 1000, .max_deliveries = 10};
    struct store_work_row w;
    int64_t ids[10];

    join(r, 1000, &fixed);
    w = take_one(r);
    assert_true(end_with(
        r, a, &w,
        (struct store_flush){.n_members = 1, .status = DELIVERY_QUEUED}));
    assert_int_equal(claim_some(r, 10, true, ids), 1);
    assert_int_equal(ids[0], 1001);
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    assert_int_equal(g.n_deliveries, 1);
    assert_int_equal(g.deliveries[0].digest, 0);
}

static void
members_may_end_without_a_digest(void **state)
{
    struct rig *r = *state;
    struct store_accept *a =
        make_accept(r, &(struct send){.id = 3000, .user = "ann"});
    int64_t late = 1001;
    struct store_work_row w;
    struct store_notification_get g = {.tenant = T, .id = 3000};

    join(r, 1000, &fixed);
    join(r, 2000, &fixed);
    w = take_one(r);
    a->items[0].n_deliveries = 0;
    assert_true(end_with(
        r, a, &w,
        (struct store_flush){.n_members = 2,
                             .expired = &late,
                             .n_expired = 1,
                             .status = DELIVERY_SUPPRESSED,
                             .reason = reason_code(REASON_PREF_MUTED)}));
    assert_int_equal(delivery(r, 1001).status, DELIVERY_EXPIRED);
    assert_true(str_is(delivery(r, 1001).reason, "expired.ttl"));
    assert_int_equal(delivery(r, 2001).status, DELIVERY_SUPPRESSED);
    assert_int_equal(delivery(r, 2001).merged_into, 0);
    assert_int_equal(ASK(r, notification_get, &g), ERR_NOT_FOUND);
}

static void
who_is_cancelled_leaves_and_the_last_one_ends_it(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW + 1, .max = 10};
    struct store_act act = {.tenant = T,
                            .delivery = 2001,
                            .kind = STORE_ACT_CANCEL,
                            .now_ms = NOW + 2};

    join(r, 1000, &fixed);
    join(r, 2000, &fixed);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_int_equal(c.n_stopped, 1);
    assert_int_equal(status_of(r, 1001), DELIVERY_CANCELLED);
    assert_int_equal(list(r, 0, 10).digests[0].n_members, 1);
    assert_int_equal(members_of(r, 1005, 10, 1000).n_listed, 1);
    assert_int_equal(ASK(r, act, &act), ERR_OK);
    assert_int_equal(status_of(r, 2001), DELIVERY_CANCELLED);
    assert_int_equal(list(r, 0, 10).n_digests, 0);
    assert_int_equal(take_at(r, NOW + 9 * WINDOW).n_rows, 0);
    assert_int_equal(join(r, 3000, &fixed), 3005);
}

static void
who_leaves_while_it_ends_is_not_in_it(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW + 1, .max = 10};
    struct store_work_row w;

    join(r, 1000, &fixed);
    join(r, 2000, &fixed);
    w = take_one(r);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_false(merge(r, 3000, &w, 2));
    assert_int_equal(members_of(r, 1005, 10, 1000).n_members, 1);
    assert_true(merge(r, 4000, &w, 1));
    assert_int_equal(status_of(r, 1001), DELIVERY_CANCELLED);
    assert_int_equal(status_of(r, 2001), DELIVERY_MERGED);
}

static void
a_lease_that_is_over_or_given_back_is_anothers(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;
    struct store_work_hold hold;
    struct store_work_release l = {.holds = &hold, .n_holds = 1};
    struct store_work_take t;

    join(r, 1000, &fixed);
    w = take_one(r);
    assert_int_equal(take_at(r, NOW + 2 * WINDOW).n_rows, 0);
    hold = (struct store_work_hold){
        .kind = STORE_WORK_DIGEST, .tenant = T, .id = 1005, .hold = w.hold};
    assert_int_equal(ASK(r, work_release, &l), ERR_OK);
    t = take_at(r, NOW + 2 * WINDOW + 1);
    assert_int_equal(t.n_rows, 1);
    assert_false(merge(r, 3000, &w, 1));
    assert_true(merge(r, 3000, &t.rows[0], 1));
}

static void
a_person_closes_it_now(void **state)
{
    struct rig *r = *state;
    struct clock *clock = clock_system();
    int64_t now_ms = clock->wall_ms(clock);
    struct store_digest_flush f = {.tenant = T, .id = 1005, .now_ms = now_ms};
    struct send s = {.id = 1000, .user = "ann", .now_ms = now_ms};

    join_as(r, &s, &fixed);
    assert_int_equal(take_at(r, now_ms).n_rows, 0);
    assert_in_range(take_at(r, now_ms).next_ms, WINDOW - 60000, WINDOW);
    assert_int_equal(ASK(r, digest_flush, &f), ERR_OK);
    assert_int_equal(f.digest.n_members, 1);
    assert_int_equal(f.digest.closes_ms, now_ms);
    assert_int_equal(take_at(r, now_ms + 1).n_rows, 1);
    assert_int_equal(ASK(r, digest_flush, &f), ERR_NOT_FOUND);
    f.tenant++;
    assert_int_equal(ASK(r, digest_flush, &f), ERR_NOT_FOUND);
}

static void
plans_are_not_digests(void **state)
{
    struct rig *r = *state;
    struct store_work_take t = {
        .now_ms = NOW + 2 * WINDOW, .lease_ms = LEASE, .max = 10};

    join(r, 1000, &fixed);
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 0);
    assert_int_equal(t.next_ms, -1);
}

static void
a_window_survives(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;

    if (!r->kind->is_durable)
        return;
    join(r, 1000, &fixed);
    rig_reopen(r);
    assert_int_equal(join(r, 2000, &fixed), 1005);
    w = take_one(r);
    assert_int_equal(w.digest.n_members, 2);
    rig_reopen(r);
    assert_int_equal(list(r, 0, 10).n_digests, 0);
    if (r->store->driver->is_shared)
        return; /* its lease is not over */
    w = take_one(r);
    assert_true(merge(r, 3000, &w, 2));
}

const struct CMUnitTest digest_tests[] = {
    RIG_TEST(members_wait_in_one_window_and_in_no_lane),
    RIG_TEST(what_ends_a_window_may_join_another),
    RIG_TEST(each_scope_has_a_window_of_its_own),
    RIG_TEST(many_at_once_join_one),
    RIG_TEST(the_first_of_a_leading_one_goes_out),
    RIG_TEST(a_sliding_one_moves_its_end_up_to_a_maximum),
    RIG_TEST(what_is_taken_is_shut_and_later_members_open_another),
    RIG_TEST(who_comes_after_its_end_opens_another),
    RIG_TEST(a_full_one_ends_at_once_and_another_opens),
    RIG_TEST(members_are_read_oldest_first_up_to_a_limit),
    RIG_TEST(members_merge_once),
    RIG_TEST(endpoints_are_told_how_members_end),
    RIG_TEST(one_alone_goes_out_as_itself),
    RIG_TEST(members_may_end_without_a_digest),
    RIG_TEST(who_is_cancelled_leaves_and_the_last_one_ends_it),
    RIG_TEST(who_leaves_while_it_ends_is_not_in_it),
    RIG_TEST(a_lease_that_is_over_or_given_back_is_anothers),
    RIG_TEST(a_person_closes_it_now),
    RIG_TEST(plans_are_not_digests),
    RIG_TEST(a_window_survives),
};
const size_t digest_tests_n = sizeof(digest_tests) / sizeof(*digest_tests);
