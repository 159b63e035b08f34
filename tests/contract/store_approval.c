/* store_approval.c - what somebody has to approve: what each driver must keep.
 * A shared database goes by its own clock, so what is due was due long ago, and
 * what is not is due in another century. */
#include "store_rig.h"

#define LEASE 5000
#define FAR (INT64_C(1) << 42)

static struct store_accept *
make_held(struct rig *r, const struct send *s, int64_t until_ms)
{
    struct store_accept *a = make_accept(r, s);

    a->items[0].n_deliveries = 0;
    a->items[0].notification.n_recipients = 0;
    a->items[0].has_more = a->items[0].is_held = true;
    a->items[0].due_ms = until_ms;
    return a;
}

static void
hold_until(struct rig *r, int64_t id, int64_t until_ms)
{
    struct store_accept *a =
        make_held(r, &(struct send){.id = id, .cancel = "k"}, until_ms);

    assert_int_equal(ASK(r, accept, a), ERR_OK);
}

static struct store_decide
decision(int64_t id, bool is_approved, const char *by)
{
    return (struct store_decide){.tenant = T,
                                 .notification = id,
                                 .now_ms = NOW,
                                 .is_approved = is_approved,
                                 .by = str_from(by),
                                 .note = STR("fine")};
}

static enum err
decide(struct rig *r, struct store_decide *ret, int64_t id, bool is_approved,
       const char *by)
{
    *ret = decision(id, is_approved, by);
    return ASK(r, decide, ret);
}

static struct store_work_take
take_at(struct rig *r, int64_t now_ms)
{
    struct store_work_take t = {.now_ms = now_ms, .lease_ms = LEASE, .max = 10};

    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    return t;
}

static struct store_notification_get
look(struct rig *r, int64_t id)
{
    struct store_notification_get g = {
        .tenant = T, .id = id, .max_deliveries = 10, .wants_attempts = true};

    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    return g;
}

static struct store_notification_list
held(struct rig *r, int64_t before, size_t limit)
{
    struct store_notification_list l = {
        .tenant = T, .only_held = true, .before = before, .limit = limit};

    assert_int_equal(ASK(r, notification_list, &l), ERR_OK);
    return l;
}

/* What whoever took it makes of a row that is over. True: it was stored. */
static bool
expire(struct rig *r, int64_t id)
{
    struct store_accept *a = make_accept(r, &(struct send){.id = id});
    struct store_chunk chunk = {.from = STR(STORE_HELD), .is_last = true};
    struct store_step step =
        approval_step(id, NOW + 5, APPROVAL_EXPIRED, STR_NONE, STR_NONE);

    a->items[0].n_deliveries = 0;
    a->items[0].chunk = &chunk;
    a->items[0].steps = &step;
    a->items[0].n_steps = 1;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    return !a->items[0].is_gone;
}

static void
assert_step(const struct store_step *s, const char *verdict, const char *by)
{
    assert_true(str_is(s->step, APPROVAL_STEP));
    assert_true(str_is(s->verdict, verdict));
    assert_true(str_is(s->user, by));
}

/* ---- */

static void
what_is_held_is_not_taken(void **state)
{
    struct rig *r = *state;
    struct store_notification_get g;

    hold_until(r, 1000, FAR);
    assert_int_equal(take_at(r, NOW + 1000).n_rows, 0);
    g = look(r, 1000);
    assert_true(g.notification.is_held);
    assert_false(g.notification.is_expired);
    assert_int_equal(g.notification.due_ms, FAR);
    assert_int_equal(g.n_steps, 0);
}

static void
what_is_approved_is_taken_as_if_it_had_just_come(void **state)
{
    struct rig *r = *state;
    struct store_decide d;
    struct store_work_take t;
    struct store_notification_get g;

    hold_until(r, 1000, FAR);
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_OK);
    assert_step(&d.was, "approved", "ann");
    assert_int_equal(d.was.at_ms, NOW);
    assert_true(str_is(d.was.note, "fine"));
    g = look(r, 1000);
    assert_false(g.notification.is_held);
    assert_true(g.notification.is_planning);
    assert_false(g.notification.is_cancelled);
    assert_int_equal(g.n_steps, 1);
    assert_step(&g.steps[0], "approved", "ann");
    assert_true(str_is(g.steps[0].note, "fine"));
    t = take_at(r, NOW + 1);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].notification.id, 1000);
    assert_int_equal(t.rows[0].cursor.n, 0);
}

static void
what_is_approved_may_be_due_later(void **state)
{
    struct rig *r = *state;
    struct store_decide d = decision(1000, true, "ann");
    struct store_notification_get g;

    hold_until(r, 1000, FAR);
    d.due_ms = FAR + 1000;
    assert_int_equal(ASK(r, decide, &d), ERR_OK);
    assert_int_equal(take_at(r, NOW + 1).n_rows, 0);
    g = look(r, 1000);
    assert_false(g.notification.is_held);
    assert_true(g.notification.is_planning);
    assert_int_equal(g.notification.due_ms, FAR + 1000);
}

static void
what_is_rejected_is_cancelled(void **state)
{
    struct rig *r = *state;
    struct store_decide d;
    struct store_notification_get g;

    hold_until(r, 1000, FAR);
    assert_int_equal(decide(r, &d, 1000, false, "ann"), ERR_OK);
    assert_step(&d.was, "rejected", "ann");
    g = look(r, 1000);
    assert_true(g.notification.is_cancelled);
    assert_false(g.notification.is_planning);
    assert_false(g.notification.is_held);
    assert_int_equal(g.n_steps, 1);
    assert_step(&g.steps[0], "rejected", "ann");
    assert_true(str_is(g.steps[0].reason, "approval.rejected"));
    assert_int_equal(take_at(r, FAR + 1).n_rows, 0);
}

static void
a_decision_stands(void **state)
{
    struct rig *r = *state;
    struct store_decide d;

    hold_until(r, 1000, FAR);
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_OK);
    d = decision(1000, true, "ann");
    d.now_ms = NOW + 7;
    d.note = STR("once more");
    assert_int_equal(ASK(r, decide, &d), ERR_OK);
    assert_step(&d.was, "approved", "ann");
    assert_int_equal(d.was.at_ms, NOW);
    assert_true(str_is(d.was.note, "fine"));
    assert_int_equal(decide(r, &d, 1000, false, "bob"), ERR_CONFLICT);
    assert_step(&d.was, "approved", "ann");
    assert_int_equal(decide(r, &d, 1000, true, "bob"), ERR_CONFLICT);
    assert_step(&d.was, "approved", "ann");
    assert_int_equal(look(r, 1000).n_steps, 1);
    assert_int_equal(take_at(r, NOW + 1).n_rows, 1);
    /* Also once it is planned. */
    assert_int_equal(decide(r, &d, 1000, false, "ann"), ERR_CONFLICT);
    assert_false(look(r, 1000).notification.is_cancelled);
}

static void
only_what_is_held_can_be_decided(void **state)
{
    struct rig *r = *state;
    struct store_accept *later = make_held(r, &(struct send){.id = 2000}, FAR);
    struct store_decide d;

    send_one(r, &(struct send){.id = 1000});
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_CONFLICT);
    assert_int_equal(d.was.verdict.n, 0);
    later->items[0].is_held = false;
    assert_int_equal(ASK(r, accept, later), ERR_OK);
    assert_int_equal(decide(r, &d, 2000, true, "ann"), ERR_CONFLICT);
    assert_int_equal(decide(r, &d, 2000, false, "ann"), ERR_CONFLICT);
    assert_false(look(r, 2000).notification.is_cancelled);
    assert_int_equal(decide(r, &d, 3000, true, "ann"), ERR_NOT_FOUND);
    hold_until(r, 4000, FAR);
    d = decision(4000, true, "ann");
    d.tenant = T + 1;
    assert_int_equal(ASK(r, decide, &d), ERR_NOT_FOUND);
    assert_true(look(r, 4000).notification.is_held);
}

static void
what_nobody_decided_ends(void **state)
{
    struct rig *r = *state;
    struct store_work_take t;
    struct store_decide d;
    struct store_notification_get g;

    hold_until(r, 1000, NOW + 100);
    t = take_at(r, NOW + 100 + 1);
    assert_int_equal(t.n_rows, 1);
    assert_true(str_is(t.rows[0].cursor, STORE_HELD));
    assert_true(expire(r, 1000));
    assert_false(expire(r, 1000));
    g = look(r, 1000);
    assert_true(g.notification.is_expired);
    assert_false(g.notification.is_held);
    assert_false(g.notification.is_planning);
    assert_int_equal(g.n_steps, 1);
    assert_step(&g.steps[0], "expired", "");
    assert_true(str_is(g.steps[0].reason, "expired.ttl"));
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_CONFLICT);
    assert_step(&d.was, "expired", "");
    assert_int_equal(take_at(r, FAR + 1).n_rows, 0);
}

/* Its time is over, though nobody has noted that yet. */
static void
what_is_due_cannot_be_decided(void **state)
{
    struct rig *r = *state;
    struct store_decide d;

    hold_until(r, 1000, NOW);
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_CONFLICT);
    assert_int_equal(d.was.verdict.n, 0);
    assert_int_equal(decide(r, &d, 1000, false, "ann"), ERR_CONFLICT);
    assert_true(look(r, 1000).notification.is_held);
    assert_true(expire(r, 1000));
}

static void
what_was_decided_cannot_expire(void **state)
{
    struct rig *r = *state;
    struct store_decide d;

    hold_until(r, 1000, FAR);
    hold_until(r, 2000, FAR);
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_OK);
    assert_int_equal(decide(r, &d, 2000, false, "ann"), ERR_OK);
    assert_false(expire(r, 1000));
    assert_false(expire(r, 2000));
    assert_step(&look(r, 1000).steps[0], "approved", "ann");
    assert_step(&look(r, 2000).steps[0], "rejected", "ann");
}

static void
what_is_held_can_be_cancelled(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW, .max = 10};
    struct store_cancel_find f = {.tenant = T, .key = STR("k"), .limit = 10};
    struct store_decide d;

    hold_until(r, 1000, FAR);
    assert_int_equal(ASK(r, cancel_find, &f), ERR_OK);
    assert_int_equal(f.n_notifications, 1);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_false(look(r, 1000).notification.is_held);
    assert_true(look(r, 1000).notification.is_cancelled);
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_CONFLICT);
    assert_int_equal(d.was.verdict.n, 0);
    assert_int_equal(take_at(r, FAR + 1).n_rows, 0);
}

static void
those_that_are_held_are_listed(void **state)
{
    struct rig *r = *state;
    struct store_notification_list l = {.tenant = T, .limit = 10};
    struct store_decide d;

    hold_until(r, 1000, FAR);
    hold_until(r, 2000, FAR);
    send_one(r, &(struct send){.id = 3000});
    hold_until(r, 4000, FAR);
    hold_until(r, 5000, NOW);
    assert_true(expire(r, 5000));
    assert_int_equal(decide(r, &d, 2000, true, "ann"), ERR_OK);
    l = held(r, 0, 1);
    assert_int_equal(l.n_notifications, 1);
    assert_int_equal(l.notifications[0].id, 4000);
    assert_true(l.notifications[0].is_held);
    assert_int_equal(l.notifications[0].due_ms, FAR);
    assert_int_equal(l.counts[0][DELIVERY_QUEUED].n, 0);
    assert_true(l.has_more);
    l = held(r, 4000, 1);
    assert_int_equal(l.n_notifications, 1);
    assert_int_equal(l.notifications[0].id, 1000);
    assert_false(l.has_more);
    l = (struct store_notification_list){.tenant = T, .limit = 10};
    assert_int_equal(ASK(r, notification_list, &l), ERR_OK);
    assert_int_equal(l.n_notifications, 5);
    assert_true(l.notifications[0].is_expired);
    assert_true(l.notifications[1].is_held);
    assert_false(l.notifications[2].is_held);
    assert_false(l.notifications[3].is_held);
}

/* By whomever it was decided: it is about all who get it. */
static void
a_decision_is_shown_with_each_user(void **state)
{
    struct rig *r = *state;
    struct store_notification_get g = {.tenant = T,
                                       .id = 1000,
                                       .user = STR("bob"),
                                       .max_deliveries = 10,
                                       .wants_attempts = true};
    struct store_decide d;

    hold_until(r, 1000, FAR);
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_OK);
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    assert_int_equal(g.n_steps, 1);
}

static void
purge_keeps_what_is_held(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {
        .now_ms = NOW + 1000, .settled_before_ms = NOW + 1, .max = 10};
    struct store_decide d;

    hold_until(r, 1000, FAR);
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(p.n_purged, 0);
    assert_int_equal(decide(r, &d, 1000, false, "ann"), ERR_OK);
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(p.n_purged, 1);
    assert_int_equal(decide(r, &d, 1000, false, "ann"), ERR_NOT_FOUND);
}

static void
an_approval_is_told_as_work(void **state)
{
    struct rig *r = *state;
    struct store_decide d;
    size_t n = 0, before;

    hold_until(r, 1000, FAR);
    rig_listen(r);
    before = r->n_heard;
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_OK);
    for (size_t i = before; i < r->n_heard; i++)
        n += r->heard[i].notice.kind == STORE_NOTICE_WORK;
    assert_true(n > 0);
}

static void
decisions_survive(void **state)
{
    struct rig *r = *state;
    struct store_decide d;

    if (!r->kind->is_durable)
        return;
    hold_until(r, 1000, FAR);
    hold_until(r, 2000, FAR);
    assert_int_equal(decide(r, &d, 1000, true, "ann"), ERR_OK);
    rig_reopen(r);
    assert_int_equal(decide(r, &d, 1000, false, "ann"), ERR_CONFLICT);
    assert_step(&d.was, "approved", "ann");
    assert_true(look(r, 2000).notification.is_held);
    assert_int_equal(take_at(r, NOW + 1).n_rows, 1);
    assert_int_equal(decide(r, &d, 2000, false, "ann"), ERR_OK);
}

/* All at once: one of them counts, and each hears which. */
static void
one_of_many_decisions_counts(void **state)
{
    enum { N = 8 };
    struct rig *r = *state;
    struct store_decide d[N];
    size_t n_ok = 0;

    hold_until(r, 1000, FAR);
    for (int i = 0; i < N; i++) {
        d[i] = decision(1000, i % 2, i < N / 2 ? "ann" : "bob");
        begin(r, STORE_VERB_decide, &d[i].req);
    }
    wait_for_all(r);
    for (int i = 0; i < N; i++) {
        assert_true(str_eq(d[i].was.verdict, d[0].was.verdict));
        assert_true(str_eq(d[i].was.user, d[0].was.user));
        n_ok += d[i].req.err == ERR_OK;
    }
    assert_int_equal(n_ok, 2); /* each is asked twice */
    assert_int_equal(look(r, 1000).n_steps, 1);
    assert_int_equal(look(r, 1000).notification.is_cancelled,
                     str_is(d[0].was.verdict, "rejected"));
}

const struct CMUnitTest approval_tests[] = {
    RIG_TEST(what_is_held_is_not_taken),
    RIG_TEST(what_is_approved_is_taken_as_if_it_had_just_come),
    RIG_TEST(what_is_approved_may_be_due_later),
    RIG_TEST(what_is_rejected_is_cancelled),
    RIG_TEST(a_decision_stands),
    RIG_TEST(only_what_is_held_can_be_decided),
    RIG_TEST(what_nobody_decided_ends),
    RIG_TEST(what_is_due_cannot_be_decided),
    RIG_TEST(what_was_decided_cannot_expire),
    RIG_TEST(what_is_held_can_be_cancelled),
    RIG_TEST(those_that_are_held_are_listed),
    RIG_TEST(a_decision_is_shown_with_each_user),
    RIG_TEST(purge_keeps_what_is_held),
    RIG_TEST(an_approval_is_told_as_work),
    RIG_TEST(decisions_survive),
    RIG_TEST(one_of_many_decisions_counts),
};
const size_t approval_tests_n =
    sizeof(approval_tests) / sizeof(*approval_tests);
