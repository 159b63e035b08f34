/* store_work.c - what is planned later, chunk by chunk: what each driver must
 * keep. */
#include "store_rig.h"

#define LEASE 5000

static void
send_to_come(struct rig *r, int64_t id)
{
    struct store_accept *a = make_accept(r, &(struct send){.id = id});

    a->items[0].n_deliveries = 0;
    a->items[0].notification.n_recipients = 0;
    a->items[0].has_more = true;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
}

static struct store_work_take
take_at(struct rig *r, int64_t now_ms, size_t max)
{
    struct store_work_take t = {
        .now_ms = now_ms, .lease_ms = LEASE, .max = max};

    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    return t;
}

/* The deliveries are id + 1, ... of notification 1000. True: it was stored. */
static bool
plan(struct rig *r, const struct send *s, struct store_chunk chunk)
{
    struct store_accept *a = make_accept(r, s);

    chunk.lease_ms = LEASE;
    chunk.n_recipients = (int)a->items[0].n_deliveries;
    a->items[0].notification.id = 1000;
    for (size_t i = 0; i < a->items[0].n_deliveries; i++)
        a->items[0].deliveries[i].notification = 1000;
    for (size_t i = 0; i < a->items[0].n_items; i++)
        a->items[0].items[i].notification = 1000;
    a->items[0].chunk = &chunk;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    return !a->items[0].is_gone;
}

static struct store_notification_get
look(struct rig *r)
{
    struct store_notification_get g = {
        .tenant = T, .id = 1000, .max_deliveries = 10};

    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    return g;
}

static void
work_is_taken_by_one_with_its_notification(void **state)
{
    struct rig *r = *state;
    struct store_work_take t;

    send_to_come(r, 1000);
    send_to_come(r, 2000);
    t = take_at(r, NOW, 1);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].notification.id, 1000);
    assert_int_equal(t.rows[0].notification.tenant, T);
    assert_true(str_is(t.rows[0].notification.doc, "{\"title\":\"hello\"}"));
    assert_int_equal(t.rows[0].cursor.n, 0);
    t = take_at(r, NOW, 10);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].notification.id, 2000);
    assert_int_equal(take_at(r, NOW, 10).n_rows, 0);
}

static void
a_chunk_is_stored_once_and_from_where_the_work_is(void **state)
{
    struct rig *r = *state;
    struct store_chunk first = {.to = STR("m")};
    struct store_chunk last = {.from = STR("m"), .is_last = true};
    struct store_notification_get g;
    int64_t ids[10];

    send_to_come(r, 1000);
    assert_true(look(r).notification.is_planning);
    assert_true(plan(r, &(struct send){.id = 1010, .n = 2}, first));
    assert_false(plan(r, &(struct send){.id = 1020, .n = 2}, first));
    g = look(r);
    assert_true(g.notification.is_planning);
    assert_int_equal(g.notification.n_recipients, 2);
    assert_int_equal(g.n_deliveries, 2);
    assert_int_equal(g.deliveries[1].id, 1012);
    assert_int_equal(claim_some(r, 10, true, ids), 2);
    assert_true(plan(r, &(struct send){.id = 1030}, last));
    assert_false(plan(r, &(struct send){.id = 1040}, last));
    g = look(r);
    assert_false(g.notification.is_planning);
    assert_int_equal(g.notification.n_recipients, 3);
    assert_int_equal(g.n_deliveries, 3);
    assert_int_equal(g.counts[DELIVERY_SENDING].n, 2);
    assert_int_equal(g.counts[DELIVERY_QUEUED].n, 1);
    assert_int_equal(take_at(r, NOW + 9 * LEASE, 10).n_rows, 0);
}

static void
a_chunk_brings_inbox_items_and_may_be_empty(void **state)
{
    struct rig *r = *state;
    struct store_inbox_list l = {.tenant = T, .user = STR("ann"), .limit = 10};
    struct store_accept *a = make_accept(r, &(struct send){.id = 1020});
    struct store_chunk none = {.from = STR("m"), .is_last = true};

    send_to_come(r, 1000);
    assert_true(plan(r,
                     &(struct send){.id = 1010,
                                    .user = "ann",
                                    .in_app = true,
                                    .status = DELIVERY_DELIVERED},
                     (struct store_chunk){.to = STR("m")}));
    assert_int_equal(ASK(r, inbox_list, &l), ERR_OK);
    assert_int_equal(l.n_items, 1);
    assert_int_equal(l.items[0].notification, 1000);
    assert_int_equal(l.counts.unread, 1);
    a->items[0].notification.id = 1000;
    a->items[0].n_deliveries = 0;
    a->items[0].chunk = &none;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->items[0].is_gone);
    assert_int_equal(look(r).n_deliveries, 1);
    assert_false(look(r).notification.is_planning);
}

static void
cancel_ends_the_work(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW + 1, .max = 10};
    struct store_notification_get g;

    send_to_come(r, 1000);
    assert_true(plan(r, &(struct send){.id = 1010, .n = 2},
                     (struct store_chunk){.to = STR("m")}));
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_int_equal(c.n_stopped, 2);
    assert_false(plan(r, &(struct send){.id = 1020},
                      (struct store_chunk){.from = STR("m"), .to = STR("n")}));
    g = look(r);
    assert_true(g.notification.is_cancelled);
    assert_false(g.notification.is_planning);
    assert_int_equal(g.n_deliveries, 2);
    assert_int_equal(take_at(r, NOW + 9 * LEASE, 10).n_rows, 0);
}

static struct store_cancel_find
find(struct rig *r, const char *key, int64_t before, size_t limit)
{
    struct store_cancel_find f = {
        .tenant = T, .key = str_from(key), .before = before, .limit = limit};

    assert_int_equal(ASK(r, cancel_find, &f), ERR_OK);
    return f;
}

static void
a_cancel_key_finds_what_may_be_stopped(void **state)
{
    struct rig *r = *state;
    struct store_accept *a = make_accept(r, &(struct send){.id = 1000});
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW, .max = 10};
    struct store_cancel_find f;

    a->items[0].n_deliveries = 0; /* planned later */
    a->items[0].has_more = true;
    a->items[0].cancel_key = STR("k");
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    send_one(r, &(struct send){.id = 2000, .cancel = "k"});
    send_one(r, &(struct send){
                    .id = 3000, .cancel = "k", .status = DELIVERY_SUPPRESSED});
    send_one(r, &(struct send){.id = 4000,
                               .cancel = "k",
                               .status = DELIVERY_HELD,
                               .due_ms = NOW + 1000});
    send_one(r, &(struct send){.id = 5000, .cancel = "other"});
    send_one(r, &(struct send){.id = 6000, .tenant = T + 1, .cancel = "k"});
    send_one(r, &(struct send){.id = 7000});
    f = find(r, "k", 0, 100);
    assert_int_equal(f.n_notifications, 3);
    assert_int_equal(f.notifications[0], 4000);
    assert_int_equal(f.notifications[1], 2000);
    assert_int_equal(f.notifications[2], 1000);
    assert_int_equal(f.next_before, 0);
    /* Two are looked at, of which one is open. */
    f = find(r, "k", 0, 2);
    assert_int_equal(f.n_notifications, 1);
    f = find(r, "k", f.next_before, 2);
    assert_int_equal(f.n_notifications, 2);
    assert_int_equal(f.notifications[0], 2000);
    assert_int_equal(find(r, "k", f.next_before, 2).n_notifications, 0);
    assert_int_equal(find(r, "none", 0, 100).n_notifications, 0);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    f = find(r, "k", 0, 100);
    assert_int_equal(f.n_notifications, 2);
    assert_int_equal(f.notifications[1], 2000);
}

static void
a_cancel_key_goes_with_its_notification(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {
        .now_ms = NOW + 1000, .settled_before_ms = NOW + 1, .max = 10};

    send_one(r, &(struct send){
                    .id = 1000, .cancel = "k", .status = DELIVERY_SUPPRESSED});
    send_one(r, &(struct send){.id = 2000, .cancel = "k"});
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(p.n_purged, 1);
    /* What was looked at is all that is left. */
    assert_int_equal(find(r, "k", 0, 1).next_before, 2000);
    assert_int_equal(find(r, "k", 2000, 1).next_before, 0);
}

static void
release(struct rig *r, const struct store_work_hold *holds, size_t n)
{
    struct store_work_release l = {.holds = holds, .n_holds = n};

    assert_int_equal(ASK(r, work_release, &l), ERR_OK);
}

static struct store_work_hold
hold_of(const struct store_work_row *row)
{
    return (struct store_work_hold){.tenant = row->notification.tenant,
                                    .id = row->notification.id,
                                    .hold = row->hold};
}

static void
what_is_released_is_free_at_once(void **state)
{
    struct rig *r = *state;
    struct store_work_hold holds[2];
    struct store_work_take t;

    send_to_come(r, 1000);
    send_to_come(r, 2000);
    t = take_at(r, NOW, 10);
    assert_int_equal(t.n_rows, 2);
    for (size_t i = 0; i < 2; i++)
        holds[i] = hold_of(&t.rows[i]);
    release(r, holds, 2);
    t = take_at(r, NOW + 1, 10);
    assert_int_equal(t.n_rows, 2);
    assert_int_equal(take_at(r, NOW + 1, 10).n_rows, 0);
    /* Those before are nobody's any more, and each is for its own row. */
    release(r, holds, 2);
    holds[0] = hold_of(&t.rows[0]);
    holds[0].tenant++;
    release(r, holds, 1);
    assert_int_equal(take_at(r, NOW + 1, 10).n_rows, 0);
    holds[0].tenant--;
    release(r, holds, 1);
    t = take_at(r, NOW + 2, 10);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].notification.id, holds[0].id);
}

static void
the_hold_is_that_of_the_last_chunk(void **state)
{
    struct rig *r = *state;
    struct store_chunk first = {.to = STR("m"), .lease_ms = LEASE};
    struct store_chunk last = {.from = STR("m"), .is_last = true};
    struct store_accept *a = make_accept(r, &(struct send){.id = 1010});
    struct store_work_hold old, hold;
    struct store_work_take t;

    send_to_come(r, 1000);
    t = take_at(r, NOW - 1, 1);
    old = hold = hold_of(&t.rows[0]);
    a->items[0].notification.id = 1000;
    a->items[0].deliveries[0].notification = 1000;
    a->items[0].chunk = &first;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    hold.hold = a->items[0].hold;
    assert_int_not_equal(hold.hold, old.hold);
    release(r, &old, 1);
    assert_int_equal(take_at(r, NOW, 1).n_rows, 0);
    release(r, &hold, 1);
    t = take_at(r, NOW, 1);
    assert_int_equal(t.n_rows, 1);
    assert_true(str_is(t.rows[0].cursor, "m"));
    /* What is done is not there to be released. */
    assert_true(plan(r, &(struct send){.id = 1020}, last));
    hold = hold_of(&t.rows[0]);
    release(r, &hold, 1);
    assert_int_equal(take_at(r, NOW + 9 * LEASE, 1).n_rows, 0);
}

/* A shared database goes by its own clock, so this goes by the real one. */
static void
what_is_due_later_is_taken_then(void **state)
{
    struct rig *r = *state;
    struct clock *clock = clock_system();
    int64_t now_ms = clock->wall_ms(clock), due_ms = now_ms + 3600000;
    struct store_accept *a = make_accept(r, &(struct send){.id = 1000});
    struct store_work_take t;
    struct store_notification_get g;

    a->items[0].n_deliveries = 0;
    a->items[0].has_more = true;
    a->items[0].due_ms = due_ms;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    g = look(r);
    assert_true(g.notification.is_planning);
    assert_int_equal(g.notification.due_ms, due_ms);
    t = take_at(r, now_ms, 10);
    assert_int_equal(t.n_rows, 0);
    assert_in_range(t.next_ms, 3600000 - 60000, 3600000);
    send_to_come(r, 2000); /* goes first, though it came later */
    t = take_at(r, now_ms, 10);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].notification.id, 2000);
    assert_in_range(t.next_ms, 1, LEASE); /* that one's lease */
    assert_int_equal(take_at(r, now_ms, 10).n_rows, 0);
}

static void
purge_keeps_what_is_still_planned(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {
        .now_ms = NOW + 1000, .settled_before_ms = NOW + 1, .max = 10};

    send_to_come(r, 1000);
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(p.n_purged, 0);
    assert_true(plan(r,
                     &(struct send){.id = 1010,
                                    .user = "ann",
                                    .status = DELIVERY_SUPPRESSED},
                     (struct store_chunk){.is_last = true}));
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(p.n_purged, 1);
}

static void
work_is_told_of(void **state)
{
    struct rig *r = *state;
    size_t n = 0;

    rig_listen(r);
    send_to_come(r, 1000);
    for (size_t i = 0; i < r->n_heard; i++)
        n += r->heard[i].notice.kind == STORE_NOTICE_WORK;
    assert_true(n > 0); /* again and again, where it is looked for */
}

const struct CMUnitTest work_tests[] = {
    RIG_TEST(work_is_taken_by_one_with_its_notification),
    RIG_TEST(a_chunk_is_stored_once_and_from_where_the_work_is),
    RIG_TEST(a_chunk_brings_inbox_items_and_may_be_empty),
    RIG_TEST(cancel_ends_the_work),
    RIG_TEST(a_cancel_key_finds_what_may_be_stopped),
    RIG_TEST(a_cancel_key_goes_with_its_notification),
    RIG_TEST(what_is_released_is_free_at_once),
    RIG_TEST(the_hold_is_that_of_the_last_chunk),
    RIG_TEST(what_is_due_later_is_taken_then),
    RIG_TEST(purge_keeps_what_is_still_planned),
    RIG_TEST(work_is_told_of),
};
const size_t work_tests_n = sizeof(work_tests) / sizeof(*work_tests);
