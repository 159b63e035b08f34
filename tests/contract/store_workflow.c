/* store_workflow.c - instances of workflows: what each driver must keep. A
 * shared database goes by its own clock, so what is due was due long ago. */
#include "store_rig.h"

#define LEASE 5000
#define LATER 600000
/* Not due, by whichever clock. */
#define FAR (INT64_C(1) << 42)

/* With instances id + 10, ... of these users in place of deliveries. */
static struct store_accept *
make_workflow(struct rig *r, const struct send *s, size_t n,
              const char *const *users)
{
    struct store_accept *a = make_accept(r, s);
    struct store_instance *all =
        ARENA_ARRAY(r->arena, struct store_instance, n);

    for (size_t i = 0; i < n; i++)
        all[i] = (struct store_instance){.id = s->id + 10 + (int64_t)i,
                                         .user = str_from(users[i]),
                                         .cursor = STR("{}"),
                                         .due_ms = NOW};
    a->items[0].n_deliveries = 0;
    a->items[0].instances = all;
    a->items[0].n_instances = n;
    return a;
}

static void
send_workflow(struct rig *r, int64_t id, size_t n, const char *const *users)
{
    struct store_accept *a =
        make_workflow(r, &(struct send){.id = id, .cancel = "k"}, n, users);

    assert_int_equal(ASK(r, accept, a), ERR_OK);
}

static void
send_to_ann(struct rig *r, int64_t id)
{
    send_workflow(r, id, 1, (const char *[]){"ann"});
}

static struct store_work_take
take_at(struct rig *r, int64_t now_ms)
{
    struct store_work_take t = {.kind = STORE_WORK_WORKFLOW,
                                .now_ms = now_ms,
                                .lease_ms = LEASE,
                                .max = 10};

    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    return t;
}

/* Ten instances of a large notification do not come all at once. */
static void
so_many_are_taken_as_fit(void **state)
{
    static const char *const users[] = {"a", "b", "c", "d", "e"};
    struct rig *r = *state;
    struct store_work_take t = {.kind = STORE_WORK_WORKFLOW,
                                .now_ms = NOW + LATER,
                                .lease_ms = LEASE,
                                .max = 10};
    size_t bytes;

    send_workflow(r, 1000, 5, users);
    t.max_bytes = 1;
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 1); /* whatever it has */
    assert_true(t.is_cut);
    bytes = store_work_bytes(&t.rows[0]);
    assert_true(bytes > 1);
    t.max_bytes = 2 * bytes;
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 2);
    assert_true(t.is_cut);
    t.max_bytes = 0;
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 2);
    assert_false(t.is_cut);
}

static struct store_work_row
take_one(struct rig *r)
{
    struct store_work_take t = take_at(r, NOW + LATER);

    assert_int_equal(t.n_rows, 1);
    return t.rows[0];
}

static struct store_turn
turn_of(const struct store_work_row *w)
{
    return (struct store_turn){.instance = w->instance.id,
                               .hold = w->hold,
                               .user = w->instance.user,
                               .cursor = STR("{\"at\":1}"),
                               .due_ms = NOW};
}

/* Without anything that is sent. True: it was done. */
static bool
move(struct rig *r, const struct store_turn *turn)
{
    struct store_accept *a = make_accept(r, &(struct send){.now_ms = NOW});

    a->items[0].notification.id = 0;
    a->items[0].n_deliveries = 0;
    a->items[0].turn = turn;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    return !a->items[0].is_gone;
}

/* It waits for that until FAR. */
static void
wait_for(struct rig *r, const struct store_work_row *w, const char *event)
{
    struct store_turn t = turn_of(w);

    t.event = str_from(event);
    t.due_ms = FAR;
    assert_true(move(r, &t));
}

/* Sends `id` below `parent`, to ann, and a step with it. */
static bool
send_step(struct rig *r, const struct store_turn *turn, int64_t id,
          int64_t parent, enum delivery_status status)
{
    struct store_step step = {.id = id + 50,
                              .notification = parent,
                              .at_ms = NOW,
                              .user = STR("ann"),
                              .step = STR("first"),
                              .verdict = STR("send")};
    struct store_accept *a =
        make_accept(r, &(struct send){.id = id,
                                      .user = "ann",
                                      .in_app = status == DELIVERY_DELIVERED,
                                      .status = status});

    a->items[0].notification.parent = parent;
    a->items[0].turn = turn;
    a->items[0].steps = &step;
    a->items[0].n_steps = 1;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    return !a->items[0].is_gone;
}

static struct store_notification_get
look(struct rig *r, int64_t id)
{
    struct store_notification_get g = {
        .tenant = T, .id = id, .max_deliveries = 10, .wants_attempts = true};

    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    return g;
}

static void
each_recipient_is_a_row_that_one_takes(void **state)
{
    struct rig *r = *state;
    struct store_work_take t;

    send_workflow(r, 1000, 2, (const char *[]){"ann", "bob"});
    assert_true(look(r, 1000).notification.is_running);
    assert_false(look(r, 1000).notification.is_planning);
    t = take_at(r, NOW + LATER);
    assert_int_equal(t.n_rows, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct store_work_row *w = &t.rows[i];

        assert_int_equal(w->notification.id, 1000);
        assert_true(str_is(w->notification.doc, "{\"title\":\"hello\"}"));
        assert_true(
            str_is(w->instance.user, w->instance.id == 1010 ? "ann" : "bob"));
        assert_true(str_is(w->instance.cursor, "{}"));
        assert_int_equal(w->instance.event.n, 0);
        assert_int_equal(w->instance.due_ms, NOW);
    }
    assert_int_not_equal(t.rows[0].hold, 0);
    assert_int_equal(take_at(r, NOW + LATER).n_rows, 0);
}

/* Its instances would be taken before the first one's, for ever. */
static void
what_is_sent_twice_begins_once(void **state)
{
    struct rig *r = *state;
    struct store_work_take t = {.kind = STORE_WORK_WORKFLOW,
                                .now_ms = NOW + LATER,
                                .lease_ms = LEASE,
                                .max = 1};

    for (int i = 0; i < 3; i++) {
        struct send s = {
            .id = 1000 + i * 100, .idem = "once", .fingerprint = i == 2};
        struct store_accept *a =
            make_workflow(r, &s, 1, (const char *[]){"ann"});
        struct store_instance first = a->items[0].instances[0];

        first.due_ms = NOW - i;
        a->items[0].instances = &first;
        assert_int_equal(ASK(r, accept, a),
                         i == 2 ? ERR_IDEM_MISMATCH : ERR_OK);
        assert_int_equal(a->idem.is_replay, i == 1);
    }
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].instance.id, 1010);
}

static void
a_turn_is_done_once_by_who_has_it(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;
    struct store_turn turn, last;

    send_to_ann(r, 1000);
    w = take_one(r);
    turn = turn_of(&w);
    assert_true(move(r, &turn));
    assert_false(move(r, &turn));
    w = take_one(r);
    assert_true(str_is(w.instance.cursor, "{\"at\":1}"));
    last = turn_of(&w);
    last.is_over = true;
    last.hold--;
    assert_false(move(r, &last));
    last.hold++;
    assert_true(move(r, &last));
    assert_false(look(r, 1000).notification.is_running);
    assert_int_equal(take_at(r, NOW + LATER).n_rows, 0);
}

static void
what_a_step_sends_is_of_the_notification(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;
    struct store_turn turn;
    struct store_notification_get g;
    struct store_notification_list l = {.tenant = T, .limit = 10};
    struct store_delivery_list d = {
        .tenant = T, .filter = {.notification = 1000}, .limit = 10};
    struct store_delivery_get one;

    send_to_ann(r, 1000);
    w = take_one(r);
    turn = turn_of(&w);
    assert_true(send_step(r, &turn, 2000, 1000, DELIVERY_DELIVERED));
    assert_false(send_step(r, &turn, 3000, 1000, DELIVERY_DELIVERED));
    w = take_one(r);
    turn = turn_of(&w);
    assert_true(send_step(r, &turn, 4000, 1000, DELIVERY_QUEUED));
    g = look(r, 1000);
    assert_int_equal(g.n_deliveries, 2);
    assert_int_equal(g.deliveries[0].id, 2001);
    assert_int_equal(g.deliveries[1].id, 4001);
    assert_int_equal(g.deliveries[1].notification, 1000);
    assert_int_equal(g.counts[DELIVERY_DELIVERED].n, 1);
    assert_int_equal(g.counts[DELIVERY_QUEUED].n, 1);
    assert_int_equal(g.n_steps, 2);
    assert_int_equal(g.steps[1].id, 4050);
    assert_true(str_is(g.steps[1].step, "first"));
    assert_true(str_is(g.steps[1].user, "ann"));
    assert_int_equal(ASK(r, notification_list, &l), ERR_OK);
    assert_int_equal(l.n_notifications, 1);
    assert_true(l.notifications[0].is_running);
    assert_int_equal(l.counts[0][DELIVERY_QUEUED].n, 1);
    assert_int_equal(ASK(r, delivery_list, &d), ERR_OK);
    assert_int_equal(d.n_deliveries, 2);
    assert_int_equal(d.deliveries[0].id, 4001);
    assert_int_equal(d.deliveries[0].notification, 1000);
    get_delivery(r, 4001, &one);
    assert_int_equal(one.delivery.notification, 1000);
    assert_int_equal(look(r, 4000).notification.parent, 1000);
}

static void
one_in_flight_is_counted_where_it_belongs(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;
    struct store_turn turn;
    struct store_notification_get g;
    int64_t id;

    send_to_ann(r, 1000);
    w = take_one(r);
    turn = turn_of(&w);
    assert_true(send_step(r, &turn, 2000, 1000, DELIVERY_QUEUED));
    assert_int_equal(claim_some(r, 10, true, &id), 1);
    assert_int_equal(id, 2001);
    g = look(r, 1000);
    assert_int_equal(g.counts[DELIVERY_SENDING].n, 1);
    assert_int_equal(g.counts[DELIVERY_QUEUED].n, 0);
}

static struct store_event_add
post_as(struct rig *r, int64_t id, const char *user, const char *name,
        int64_t at_ms)
{
    struct store_event_add e = {.tenant = T,
                                .id = id,
                                .at_ms = at_ms,
                                .user = str_from(user),
                                .name = str_from(name),
                                .data = STR("{}")};

    assert_int_equal(ASK(r, event_add, &e), ERR_OK);
    return e;
}

static struct store_event_add
post(struct rig *r, const char *user, const char *name, int64_t at_ms)
{
    return post_as(r, at_ms, user, name, at_ms);
}

static struct store_event_look
happened(struct rig *r, const char *name, int64_t since_ms, int64_t delivery)
{
    struct store_event_look l = {.tenant = T,
                                 .user = STR("ann"),
                                 .name = str_from(name),
                                 .after_ms = since_ms - 1,
                                 .after_id = INT64_MAX,
                                 .deliveries = &delivery,
                                 .n_deliveries = 1};

    assert_int_equal(ASK(r, event_look, &l), ERR_OK);
    return l;
}

static void
an_event_makes_those_due_that_wait_for_it(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;

    send_to_ann(r, 1000);
    w = take_one(r);
    wait_for(r, &w, "paid");
    assert_int_equal(take_at(r, NOW + LATER).n_rows, 0);
    post(r, "bob", "paid", NOW);
    post(r, "ann", "left", NOW);
    assert_int_equal(take_at(r, NOW + LATER).n_rows, 0);
    post(r, "ann", "paid", NOW + 1);
    w = take_one(r);
    assert_true(str_is(w.instance.event, "paid"));
    assert_int_equal(happened(r, "gone", NOW, 1).posted_ms, 0);
}

static void
events_have_an_order(void **state)
{
    struct rig *r = *state;
    struct store_event_look l = happened(r, "paid", NOW, 1), next;

    assert_int_equal(l.posted_ms, 0);
    for (int64_t i = 1; i <= 3; i++)
        post_as(r, i, "ann", "paid",
                NOW + i / 2); /* two have a time in common */
    l = happened(r, "paid", NOW, 1);
    for (int64_t i = 1; i <= 3; i++) {
        assert_int_equal(l.posted_id, i);
        next = (struct store_event_look){.tenant = T,
                                         .user = STR("ann"),
                                         .name = STR("paid"),
                                         .after_ms = l.posted_ms,
                                         .after_id = l.posted_id};
        assert_int_equal(ASK(r, event_look, &next), ERR_OK);
        l = next;
    }
    assert_int_equal(l.posted_ms, 0);
}

/* Whose clock is wrong, or only another, says when nothing happens. */
static void
an_event_is_at_the_time_that_takers_are_told(void **state)
{
    struct rig *r = *state;
    bool is_shared = r->store->driver->is_shared;
    int64_t from_ms = NOW, to_ms = NOW;

    if (is_shared)
        from_ms = take_at(r, 0).at_ms;
    post(r, "ann", "paid", NOW);
    if (is_shared)
        to_ms = take_at(r, 0).at_ms;
    else
        assert_int_equal(take_at(r, NOW).at_ms, 0);
    assert_in_range(happened(r, "paid", NOW, 1).posted_ms, from_ms, to_ms);
    assert_int_equal(happened(r, "paid", to_ms + 1, 1).posted_ms, 0);
}

/* Who had the row had looked before. */
static void
an_event_breaks_a_lease(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;
    struct store_turn turn;

    send_to_ann(r, 1000);
    w = take_one(r);
    turn = turn_of(&w);
    turn.event = STR("paid");
    assert_true(move(r, &turn));
    w = take_one(r);
    post(r, "ann", "paid", NOW + LATER);
    turn = turn_of(&w);
    turn.due_ms = FAR;
    assert_false(move(r, &turn));
    take_one(r);
    assert_false(move(r, &turn));
}

static void
reading_an_item_is_an_event(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;
    struct store_turn turn;
    int64_t item = 2001;
    struct store_inbox_mark mark = {.tenant = T,
                                    .user = STR("ann"),
                                    .ids = &item,
                                    .n_ids = 1,
                                    .now_ms = NOW + 5};

    send_to_ann(r, 1000);
    w = take_one(r);
    turn = turn_of(&w);
    assert_true(send_step(r, &turn, 2000, 1000, DELIVERY_DELIVERED));
    w = take_one(r);
    wait_for(r, &w, "read");
    mark.change = INBOX_SEEN;
    assert_int_equal(ASK(r, inbox_mark, &mark), ERR_OK);
    assert_int_equal(take_at(r, NOW + LATER).n_rows, 0);
    mark.change = INBOX_READ;
    assert_int_equal(ASK(r, inbox_mark, &mark), ERR_OK);
    take_one(r);
    assert_int_equal(happened(r, "read", NOW, 2001).read_ms, NOW + 5);
    assert_int_equal(happened(r, "read", NOW, 2001).archived_ms, 0);
    assert_int_equal(happened(r, "read", NOW, 2002).read_ms, 0);
}

/* Whether it would go on, or end with that. */
static void
refuse_to_send(struct rig *r, const struct store_work_row *w)
{
    struct store_turn turn = turn_of(w);

    assert_false(move(r, &turn));
    assert_false(send_step(r, &turn, 2000, 1000, DELIVERY_QUEUED));
    turn.is_over = true;
    assert_false(send_step(r, &turn, 2000, 1000, DELIVERY_QUEUED));
}

static bool
end(struct rig *r, const struct store_work_row *w)
{
    struct store_turn turn = turn_of(w);

    turn.is_over = true;
    return move(r, &turn);
}

static void
cancel_stops_instances_part_by_part(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW, .max = 2};
    struct store_work_take t;
    size_t n_ended = 0;

    send_workflow(r, 1000, 4, (const char *[]){"ann", "bob", "cid", "dan"});
    t = take_at(r, NOW + LATER);
    assert_int_equal(t.n_rows, 4);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_int_equal(c.n_stopped, 2);
    assert_true(c.is_cut);
    for (size_t i = 0; i < 4; i++)
        refuse_to_send(r, &t.rows[i]);
    for (size_t i = 0; i < 4 && n_ended == 0; i++)
        n_ended += end(r, &t.rows[i]);
    assert_int_equal(n_ended, 1);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_int_equal(c.n_stopped, 1);
    assert_true(c.is_cut);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_int_equal(c.n_stopped, 0);
    assert_false(c.is_cut);
    assert_int_equal(c.next, 0);
    assert_false(look(r, 1000).notification.is_running);
    assert_true(look(r, 1000).notification.is_cancelled);
}

/* Who has asked is answered, and whoever takes that row goes on with it. */
static void
what_is_left_of_a_cancel_is_a_row_of_work(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {.tenant = T,
                             .notification = 1000,
                             .now_ms = NOW,
                             .max = 1,
                             .leaves_rest = true};
    struct store_turn turn;
    struct store_work_row w;

    send_workflow(r, 1000, 2, (const char *[]){"ann", "bob"});
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ASK(r, cancel, &c), ERR_OK);
        assert_int_equal(c.n_stopped, 1); /* not what goes on with it */
        assert_true(c.is_cut);
    }
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_int_equal(c.n_stopped, 0);
    assert_false(c.is_cut);
    c.tenant = T + 1;
    assert_int_equal(ASK(r, cancel, &c), ERR_NOT_FOUND);
    w = take_one(r);
    assert_true(str_is(w.instance.event, STORE_CANCEL_EVENT));
    assert_int_equal(w.notification.id, 1000);
    assert_true(w.notification.is_cancelled);
    turn = turn_of(&w);
    turn.user = STR_NONE;
    turn.event = STR(STORE_CANCEL_EVENT);
    assert_false(move(r, &turn)); /* as of nothing else that is cancelled */
    turn.is_of_cancel = true;
    assert_true(move(r, &turn));
    w = take_one(r);
    assert_true(str_is(w.instance.cursor, "{\"at\":1}"));
    assert_false(move(r, &turn)); /* somebody else has it */
    turn.hold = w.hold;
    turn.is_over = true;
    assert_true(move(r, &turn));
    assert_int_equal(take_at(r, NOW + LATER).n_rows, 0);
}

/* No delivery comes after the last one. */
static void
a_cancel_may_be_of_what_is_below_alone(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {.tenant = T,
                             .notification = 1000,
                             .now_ms = NOW,
                             .after = STORE_CANCEL_ALL,
                             .max = 10};

    assert_int_equal(ASK(r, accept, make_accept(r, &(struct send){.id = 1000})),
                     ERR_OK);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_int_equal(c.n_stopped + c.n_not_stopped, 0);
    assert_int_equal(c.next, 0);
}

static struct store_cancel_find
find(struct rig *r, const char *key, int64_t parent)
{
    struct store_cancel_find f = {
        .tenant = T, .key = str_from(key), .parent = parent, .limit = 10};

    assert_int_equal(ASK(r, cancel_find, &f), ERR_OK);
    return f;
}

static void
what_is_open_below_one_is_found(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;
    struct store_turn turn;
    int64_t id;

    send_to_ann(r, 1000);
    assert_int_equal(find(r, "k", 0).n_notifications, 1);
    w = take_one(r);
    turn = turn_of(&w);
    assert_true(send_step(r, &turn, 2000, 1000, DELIVERY_DELIVERED));
    w = take_one(r);
    turn = turn_of(&w);
    turn.is_over = true;
    assert_true(send_step(r, &turn, 3000, 1000, DELIVERY_QUEUED));
    assert_int_equal(find(r, NULL, 1000).n_notifications, 1);
    assert_int_equal(find(r, NULL, 1000).notifications[0], 3000);
    assert_int_equal(find(r, "k", 0).n_notifications, 1);
    assert_int_equal(find(r, "k", 0).notifications[0], 1000);
    assert_int_equal(claim_some(r, 10, false, &id), 1);
    assert_int_equal(id, 3001);
    assert_true(finish_one(r, 3001, DELIVERY_SENT, 1));
    assert_int_equal(find(r, NULL, 1000).n_notifications, 0);
    assert_int_equal(find(r, "k", 0).n_notifications, 0);
}

static void
what_runs_is_not_purged(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {
        .now_ms = NOW + 1000, .settled_before_ms = NOW + 1, .max = 10};
    struct store_turn turn;
    struct store_work_row w;

    if (r->store->driver->is_shared) /* events are of now */
        p.now_ms = p.settled_before_ms = take_at(r, 0).at_ms + LATER;
    send_to_ann(r, 1000);
    post(r, "ann", "paid", NOW);
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(p.n_purged, 0);
    assert_int_equal(happened(r, "paid", NOW, 1).posted_ms, 0);
    w = take_one(r);
    turn = turn_of(&w);
    turn.is_over = true;
    assert_true(move(r, &turn));
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(p.n_purged, 1);
}

/* As its turn says: who is asked may be another than whose it is. */
static void
an_instance_waits_for_what_another_user_does(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;
    struct store_turn turn;

    send_to_ann(r, 1000);
    w = take_one(r);
    turn = turn_of(&w);
    turn.user = STR("bob");
    turn.event = STR("acked");
    turn.due_ms = FAR;
    assert_true(move(r, &turn));
    post(r, "ann", "acked", NOW);
    assert_int_equal(take_at(r, NOW + LATER).n_rows, 0);
    post(r, "bob", "acked", NOW);
    w = take_one(r);
    assert_true(str_is(w.instance.user, "bob"));
    turn = turn_of(&w);
    turn.user = STR("ann");
    assert_true(move(r, &turn));
    assert_true(str_is(take_one(r).instance.user, "ann"));
}

/* Its window of the key "w/s/", until long after. */
static struct store_join
join_of(int64_t id, bool is_leading)
{
    return (struct store_join){.delivery = STORE_JOIN_INSTANCE,
                               .digest = {.id = id,
                                          .tenant = T,
                                          .user = STR("ann"),
                                          .channel = STR(DIGEST_OF_INSTANCES),
                                          .rule = {.key = STR("w/s/"),
                                                   .window_ms = LATER,
                                                   .max_window_ms = LATER,
                                                   .is_leading = is_leading,
                                                   .max_items = 10},
                                          .opened_ms = NOW,
                                          .closes_ms = NOW + LATER}};
}

/* Sends to ann, and her instance joins; the window. */
static int64_t
collect(struct rig *r, int64_t id, bool is_leading)
{
    struct store_join join = join_of(id + 20, is_leading);
    struct store_accept *a;
    struct store_work_row w;
    struct store_turn turn;

    send_to_ann(r, id);
    w = take_one(r);
    turn = turn_of(&w);
    a = make_accept(r, &(struct send){.now_ms = NOW});
    a->items[0].notification.id = 0;
    a->items[0].n_deliveries = 0;
    a->items[0].turn = &turn;
    a->items[0].joins = &join;
    a->items[0].n_joins = 1;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->items[0].is_gone);
    return join.window;
}

static struct store_work_row
take_window(struct rig *r)
{
    struct store_work_take t = {.kind = STORE_WORK_DIGEST,
                                .now_ms = NOW + LATER,
                                .lease_ms = LEASE,
                                .max = 10};

    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 1);
    return t.rows[0];
}

static struct store_instance_list
waiting(struct rig *r, int64_t window, size_t max_docs, size_t max_bytes)
{
    struct store_instance_list l = {.tenant = T,
                                    .user = STR("ann"),
                                    .max = 100,
                                    .max_docs = max_docs,
                                    .max_bytes = max_bytes};

    l.event = store_window_event(r->arena, window);
    assert_int_equal(ASK(r, instance_list, &l), ERR_OK);
    return l;
}

/* True: it ended, and that one goes on. */
static bool
end_window(struct rig *r, const struct store_work_row *d,
           const struct store_waiting *first)
{
    struct store_flush flush = {.digest = d->digest.id,
                                .hold = d->hold,
                                .n_members = d->digest.n_members,
                                .instances_of = STR("ann"),
                                .status = DELIVERY_MERGED};
    struct store_turn turn = {.user = STR("ann"), .cursor = STR("{\"at\":2}")};
    struct store_accept *a = make_accept(r, &(struct send){.now_ms = NOW});

    a->items[0].notification.id = 0;
    a->items[0].n_deliveries = 0;
    a->items[0].flush = &flush;
    if (first) {
        turn.instance = first->id;
        turn.hold = first->hold;
        a->items[0].turn = &turn;
    }
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    return !a->items[0].is_gone;
}

static void
a_window_takes_one_instance_on_and_ends_the_others(void **state)
{
    struct rig *r = *state;
    int64_t window = collect(r, 1000, false);
    struct store_instance_list l;
    struct store_work_row d, w;

    assert_int_equal(window, 1020);
    assert_int_equal(collect(r, 2000, false), window);
    assert_int_equal(collect(r, 3000, false), window);
    assert_int_equal(take_at(r, NOW + LATER).n_rows, 0);
    d = take_window(r);
    assert_true(str_is(d.digest.channel, DIGEST_OF_INSTANCES));
    assert_true(str_is(d.digest.rule.key, "w/s/"));
    assert_int_equal(d.digest.n_members, 3);
    l = waiting(r, window, 2, 1 << 20);
    assert_int_equal(l.n, 3);
    assert_int_equal(l.n_docs, 2);
    assert_int_equal(l.all[0].id, 1010);
    assert_int_equal(l.all[2].notification, 3000);
    assert_true(str_is(l.all[1].doc, "{\"title\":\"hello\"}"));
    assert_true(str_is(l.all[1].cursor, "{\"at\":1}"));
    assert_false(l.all[1].is_cancelled);
    assert_int_equal(waiting(r, window, 3, 1).n_docs, 1);
    l = waiting(r, window, 1, 1);
    assert_true(end_window(r, &d, &l.all[0]));
    assert_false(end_window(r, &d, &l.all[0]));
    w = take_one(r);
    assert_int_equal(w.instance.id, 1010);
    assert_int_equal(w.instance.event.n, 0);
    assert_true(str_is(w.instance.cursor, "{\"at\":2}"));
    assert_false(look(r, 2000).notification.is_running);
    assert_int_equal(waiting(r, window, 1, 1).n, 0);
}

static void
who_opens_a_leading_window_goes_on_at_once(void **state)
{
    struct rig *r = *state;
    struct store_instance_list l;
    struct store_work_row d;

    assert_int_equal(collect(r, 1000, true), 0);
    assert_int_equal(take_one(r).instance.id, 1010);
    assert_int_equal(collect(r, 2000, true), 1020);
    d = take_window(r);
    assert_int_equal(d.digest.n_members, 1);
    l = waiting(r, 1020, 1, 1);
    assert_int_equal(l.n, 1);
    assert_true(end_window(r, &d, &l.all[0]));
    assert_int_equal(take_one(r).instance.id, 2010);
}

/* Neither the window nor the others are lost with the one that was to go on. */
static void
a_window_whose_first_is_gone_does_not_end(void **state)
{
    struct rig *r = *state;
    int64_t window = collect(r, 1000, false);
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW, .max = 10};
    struct store_instance_list l;
    struct store_work_row d;

    (void)collect(r, 2000, false);
    d = take_window(r);
    l = waiting(r, window, 2, 1 << 20);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    assert_false(end_window(r, &d, &l.all[0]));
    l = waiting(r, window, 2, 1 << 20);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.all[0].id, 2010);
    assert_true(end_window(r, &d, &l.all[0]));
    assert_int_equal(take_one(r).instance.id, 2010);
}

static void
a_window_without_anybody_left_ends(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW, .max = 10};
    struct store_work_row d;

    (void)collect(r, 1000, false);
    assert_int_equal(ASK(r, cancel, &c), ERR_OK);
    d = take_window(r);
    assert_int_equal(waiting(r, d.digest.id, 1, 1).n, 0);
    assert_true(end_window(r, &d, NULL));
    assert_false(end_window(r, &d, NULL));
}

static void
instances_survive(void **state)
{
    struct rig *r = *state;
    struct store_work_row w;

    if (!r->kind->is_durable)
        return;
    send_to_ann(r, 1000);
    w = take_one(r);
    wait_for(r, &w, "paid");
    rig_reopen(r);
    assert_int_equal(take_at(r, NOW + LATER).n_rows, 0);
    post(r, "ann", "paid", NOW);
    w = take_one(r);
    assert_true(str_is(w.instance.cursor, "{\"at\":1}"));
}

const struct CMUnitTest workflow_tests[] = {
    RIG_TEST(each_recipient_is_a_row_that_one_takes),
    RIG_TEST(what_is_sent_twice_begins_once),
    RIG_TEST(a_turn_is_done_once_by_who_has_it),
    RIG_TEST(what_a_step_sends_is_of_the_notification),
    RIG_TEST(one_in_flight_is_counted_where_it_belongs),
    RIG_TEST(an_event_makes_those_due_that_wait_for_it),
    RIG_TEST(events_have_an_order),
    RIG_TEST(an_event_is_at_the_time_that_takers_are_told),
    RIG_TEST(an_event_breaks_a_lease),
    RIG_TEST(an_instance_waits_for_what_another_user_does),
    RIG_TEST(a_window_takes_one_instance_on_and_ends_the_others),
    RIG_TEST(who_opens_a_leading_window_goes_on_at_once),
    RIG_TEST(a_window_whose_first_is_gone_does_not_end),
    RIG_TEST(a_window_without_anybody_left_ends),
    RIG_TEST(reading_an_item_is_an_event),
    RIG_TEST(so_many_are_taken_as_fit),
    RIG_TEST(cancel_stops_instances_part_by_part),
    RIG_TEST(what_is_left_of_a_cancel_is_a_row_of_work),
    RIG_TEST(a_cancel_may_be_of_what_is_below_alone),
    RIG_TEST(what_is_open_below_one_is_found),
    RIG_TEST(what_runs_is_not_purged),
    RIG_TEST(instances_survive),
};
const size_t workflow_tests_n =
    sizeof(workflow_tests) / sizeof(*workflow_tests);
