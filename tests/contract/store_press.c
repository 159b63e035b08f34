/* store_press.c - pressed actions: what each driver must keep. */
#include "store_rig.h"

#define LONG_MS 15000

/* As by a request that knows nothing of others. */
static struct store_press
press(struct rig *r, const char *action, int64_t at_ms, int64_t key)
{
    struct store_press p = {.tenant = T,
                            .ref = 1000,
                            .user = STR("ann"),
                            .action = str_from(action),
                            .now_ms = at_ms,
                            .press = {.id = at_ms,
                                      .at_ms = at_ms,
                                      .until_ms = at_ms + LONG_MS,
                                      .key = key}};

    assert_int_equal(ASK(r, press, &p), ERR_OK);
    return p;
}

static bool
end(struct rig *r, const struct store_press *begun, enum press_state state,
    int status)
{
    struct store_press p = *begun;

    p.is_end = true;
    p.press.state = state;
    p.press.status = status;
    assert_int_equal(ASK(r, press, &p), ERR_OK);
    return p.is_ours;
}

static void
the_first_press_begins_and_others_are_told_of_it(void **state)
{
    struct rig *r = *state;
    struct store_press first = press(r, "ack", NOW, 0), p;

    assert_true(first.is_ours);
    assert_int_equal(first.press.n, 1);
    assert_int_equal(first.press.id, NOW);
    p = press(r, "ack", NOW + 10, 0);
    assert_false(p.is_ours);
    assert_int_equal(p.press.state, PRESS_CALLING);
    assert_int_equal(p.press.id, NOW);
    assert_int_equal(p.press.at_ms, NOW);
    assert_int_equal(p.press.until_ms, NOW + LONG_MS);
    assert_true(press(r, "other", NOW + 10, 0).is_ours);
    assert_true(end(r, &first, PRESS_DONE, 204));
    p = press(r, "ack", NOW + 10 * LONG_MS, 0);
    assert_false(p.is_ours);
    assert_int_equal(p.press.state, PRESS_DONE);
    assert_int_equal(p.press.status, 204);
    assert_int_equal(p.press.n, 1);
}

static void
each_press_is_of_one_user_and_one_thing(void **state)
{
    struct rig *r = *state;
    struct store_press p = press(r, "ack", NOW, 0), other = p;

    assert_true(p.is_ours);
    other.user = STR("bob");
    assert_int_equal(ASK(r, press, &other), ERR_OK);
    assert_true(other.is_ours);
    other.user = p.user;
    other.ref = 2000;
    assert_int_equal(ASK(r, press, &other), ERR_OK);
    assert_true(other.is_ours);
}

static void
a_failed_one_may_be_pressed_again_as_the_same(void **state)
{
    struct rig *r = *state;
    struct store_press first = press(r, "ack", NOW, 5), p;

    assert_true(end(r, &first, PRESS_FAILED, 503));
    /* the same request, once more */
    p = press(r, "ack", NOW + 10, 5);
    assert_false(p.is_ours);
    assert_int_equal(p.press.state, PRESS_FAILED);
    assert_int_equal(p.press.status, 503);
    /* a person, once more */
    p = press(r, "ack", NOW + 20, 0);
    assert_true(p.is_ours);
    assert_int_equal(p.press.id, first.press.id);
    assert_int_equal(p.press.n, 2);
    assert_int_equal(p.press.state, PRESS_CALLING);
    assert_false(press(r, "ack", NOW + 30, 6).is_ours);
    assert_true(end(r, &p, PRESS_DONE, 200));
}

static void
endpoints_are_told_when_one_begins(void **state)
{
    struct rig *r = *state;
    struct store_told told = {.tenant = T,
                              .kind = EVENT_INBOX_ACTION,
                              .at_ms = NOW,
                              .delivery = 1001,
                              .notification = 1000,
                              .item = 1001,
                              .user = STR("ann"),
                              .channel = STR("in_app"),
                              .about = STR("ack")};
    struct store_press p = {.tenant = T,
                            .ref = 1000,
                            .user = STR("ann"),
                            .action = STR("ack"),
                            .now_ms = NOW,
                            .told = &told,
                            .press = {.id = 1, .until_ms = NOW + LONG_MS}};
    struct store_tell_take t = {.max = 10, .lease_ms = 1000, .now_ms = NOW};
    struct store_press again = p;

    rig_listen(r);
    assert_int_equal(ASK(r, press, &p), ERR_OK);
    assert_int_equal(ASK(r, press, &again), ERR_OK);
    assert_false(again.is_ours);
    assert_true(end(r, &p, PRESS_DONE, 200));
    assert_int_equal(ASK(r, tell_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].told.kind, EVENT_INBOX_ACTION);
    assert_int_equal(t.rows[0].told.item, 1001);
    assert_int_equal(t.rows[0].told.delivery, 1001);
    assert_int_equal(t.rows[0].told.notification, 1000);
    assert_true(str_is(t.rows[0].told.user, "ann"));
    assert_true(str_is(t.rows[0].told.channel, "in_app"));
    assert_true(str_is(t.rows[0].told.about, "ack"));
    assert_int_equal(r->heard[r->n_heard - 1].notice.kind, STORE_NOTICE_TELL);
}

static void
what_was_cut_off_may_be_pressed_again_when_its_time_is_over(void **state)
{
    struct rig *r = *state;
    struct store_press first = press(r, "ack", NOW, 0), p;

    assert_false(press(r, "ack", NOW + LONG_MS - 1, 0).is_ours);
    p = press(r, "ack", NOW + LONG_MS, 0);
    assert_true(p.is_ours);
    assert_int_equal(p.press.n, 2);
    assert_int_equal(p.press.id, first.press.id);
    /* who was thought dead comes too late */
    assert_false(end(r, &first, PRESS_FAILED, 500));
    assert_true(end(r, &p, PRESS_DONE, 200));
    assert_false(end(r, &p, PRESS_FAILED, 500));
    assert_int_equal(press(r, "ack", NOW + 9 * LONG_MS, 0).press.status, 200);
}

static void
of_many_at_once_one_begins(void **state)
{
    enum { MANY = 20 };
    struct rig *r = *state;
    struct store_press all[MANY];
    int n = 0;

    for (int i = 0; i < MANY; i++) {
        all[i] = (struct store_press){
            .tenant = T,
            .ref = 1000,
            .user = STR("ann"),
            .action = STR("ack"),
            .now_ms = NOW,
            .press = {.id = i + 1, .at_ms = NOW, .until_ms = NOW + LONG_MS}};
        begin(r, STORE_VERB_press, &all[i].req);
    }
    wait_for_all(r);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(all[i].req.err, ERR_OK);
        n += all[i].is_ours;
        assert_int_equal(all[i].press.id, all[0].press.id);
    }
    assert_int_equal(n, 1);
}

static void
old_ones_are_forgotten(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {
        .now_ms = NOW + 10, .settled_before_ms = NOW + 10, .max = 100};

    assert_true(press(r, "old", NOW + 9, 0).is_ours);
    assert_true(press(r, "new", NOW + 10, 0).is_ours);
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_true(press(r, "old", NOW + 11, 0).is_ours);
    assert_false(press(r, "new", NOW + 11, 0).is_ours);
}

/* ---- the item that it is an action of ---- */

static struct inbox_item *
get(struct rig *r, const char *user, int64_t id, int64_t notification)
{
    struct store_inbox_get g = {.tenant = T,
                                .user = str_from(user),
                                .id = id,
                                .notification = notification};
    enum err e = ASK(r, inbox_get, &g);

    assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
    return e == ERR_OK ? g.item : NULL;
}

static void
an_item_is_found_by_its_id_or_by_what_it_came_with(void **state)
{
    struct rig *r = *state;
    struct store_inbox_get other = {.tenant = T + 1, .user = STR("ann")};
    struct inbox_item *i;

    send_one(r, &(struct send){.id = 1000, .in_app = true, .user = "ann"});
    send_one(r, &(struct send){.id = 2000, .in_app = true, .user = "ann"});
    i = get(r, "ann", 0, 2000);
    assert_non_null(i);
    assert_int_equal(i->notification, 2000);
    assert_true(i->content.n > 0);
    other.id = i->id;
    i = get(r, "ann", i->id, 0);
    assert_non_null(i);
    assert_int_equal(i->notification, 2000);
    assert_null(get(r, "bob", i->id, 0));
    assert_null(get(r, "bob", 0, 2000));
    assert_null(get(r, "ann", i->id + 1, 0));
    assert_null(get(r, "ann", 0, 1500));
    assert_int_equal(ASK(r, inbox_get, &other), ERR_NOT_FOUND);
}

/* As two steps of a workflow leave them. */
static void
of_several_items_of_a_notification_one_is_that_of_a_delivery(void **state)
{
    struct rig *r = *state;
    struct store_inbox_get g = {
        .tenant = T, .user = STR("ann"), .notification = 1000};
    struct store_accept *a;

    send_one(r, &(struct send){.id = 1000, .in_app = true, .user = "ann"});
    a = make_accept(r,
                    &(struct send){.id = 2000, .in_app = true, .user = "ann"});
    a->items[0].notification.parent = 1000;
    a->items[0].items[0].notification = 1000;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_int_equal(ASK(r, inbox_get, &g), ERR_OK);
    assert_int_equal(g.item->delivery, 1001);
    g.delivery = 2001;
    assert_int_equal(ASK(r, inbox_get, &g), ERR_OK);
    assert_int_equal(g.item->delivery, 2001);
    g.delivery = 2002;
    assert_int_equal(ASK(r, inbox_get, &g), ERR_NOT_FOUND);
}

/* Whose words are a delivery's, where a workflow sent it. */
static void
a_delivery_of_a_step_tells_of_both_notifications(void **state)
{
    struct rig *r = *state;
    struct store_accept *a;
    struct store_delivery_get g;

    send_one(r, &(struct send){.id = 1000});
    a = make_accept(r, &(struct send){.id = 2000});
    a->items[0].notification.parent = 1000;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    get_delivery(r, 1001, &g);
    assert_int_equal(g.delivery.notification, 1000);
    assert_int_equal(g.own_notification, 1000);
    get_delivery(r, 2001, &g);
    assert_int_equal(g.delivery.notification, 1000);
    assert_int_equal(g.own_notification, 2000);
}

const struct CMUnitTest press_tests[] = {
    RIG_TEST(the_first_press_begins_and_others_are_told_of_it),
    RIG_TEST(each_press_is_of_one_user_and_one_thing),
    RIG_TEST(a_failed_one_may_be_pressed_again_as_the_same),
    RIG_TEST(endpoints_are_told_when_one_begins),
    RIG_TEST(what_was_cut_off_may_be_pressed_again_when_its_time_is_over),
    RIG_TEST(of_many_at_once_one_begins),
    RIG_TEST(old_ones_are_forgotten),
    RIG_TEST(an_item_is_found_by_its_id_or_by_what_it_came_with),
    RIG_TEST(of_several_items_of_a_notification_one_is_that_of_a_delivery),
    RIG_TEST(a_delivery_of_a_step_tells_of_both_notifications),
};
const size_t press_tests_n = sizeof(press_tests) / sizeof(*press_tests);
