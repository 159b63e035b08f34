/* store_device.c - deliveries that go to devices: what each driver must keep of
 * them. */
#include "store_rig.h"

#define DEVICES "{\"phone\":{\"kind\":\"fcm\",\"token\":\"t\",\"version\":1}}"

static void
put_devices(struct rig *r, enum object_kind kind, const char *body)
{
    struct store_object_write w = {.kind = kind,
                                   .key = STR("ann"),
                                   .body = str_from(body),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = 77};
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = &w, .n_writes = 1};

    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
}

/* Its deliveries are id + 1, to the phone, and id + 2, to no device. */
static void
send_push(struct rig *r, int64_t id)
{
    struct store_accept *a =
        make_accept(r, &(struct send){.id = id, .n = 2, .user = "ann"});

    for (int i = 0; i < 2; i++)
        a->items[0].deliveries[i].channel = STR("mobile_push");
    a->items[0].deliveries[0].device = STR("fcm/phone");
    assert_int_equal(ASK(r, accept, a), ERR_OK);
}

static void
claim_push(struct rig *r, const char *want_body)
{
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = LANE,
                            .want = 10,
                            .records_intent = true};

    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(c.n_work, 2);
    assert_true(str_is(c.work[0].delivery.device, "fcm/phone"));
    assert_true(str_is(c.work[0].devices_body, want_body));
    assert_int_equal(c.work[1].delivery.device.n, 0);
}

static void
assert_device(struct rig *r, int64_t id)
{
    struct store_notification_get n = {
        .tenant = T, .id = id, .max_deliveries = 10};
    struct store_delivery_list l = {.tenant = T, .limit = 10};
    struct store_delivery_list flying = {
        .tenant = T,
        .filter = {.has_status = true, .status = DELIVERY_SENDING},
        .limit = 10};
    struct store_delivery_get g;

    get_delivery(r, id + 1, &g);
    assert_true(str_is(g.delivery.device, "fcm/phone"));
    get_delivery(r, id + 2, &g);
    assert_int_equal(g.delivery.device.n, 0);
    assert_int_equal(ASK(r, notification_get, &n), ERR_OK);
    assert_true(str_is(n.deliveries[0].device, "fcm/phone"));
    assert_int_equal(n.deliveries[1].device.n, 0);
    assert_int_equal(ASK(r, delivery_list, &l), ERR_OK);
    assert_int_equal(l.n_deliveries, 2);
    assert_int_equal(l.deliveries[0].device.n, 0);
    assert_true(str_is(l.deliveries[1].device, "fcm/phone"));
    assert_int_equal(ASK(r, delivery_list, &flying), ERR_OK);
    for (size_t i = 0; i < flying.n_deliveries; i++)
        assert_int_equal(flying.deliveries[i].device.n > 0,
                         flying.deliveries[i].id == id + 1);
}

static void
a_delivery_keeps_its_device_wherever_it_goes(void **state)
{
    struct rig *r = *state;
    struct store_act act = {.tenant = T,
                            .delivery = 1001,
                            .kind = STORE_ACT_RETRY,
                            .now_ms = NOW,
                            .lane = LANE,
                            .rank = 1};

    put_devices(r, OBJECT_DEVICES, DEVICES);
    send_push(r, 1000);
    assert_device(r, 1000);
    claim_push(r, DEVICES);
    assert_device(r, 1000);
    assert_true(finish_one(r, 1001, DELIVERY_RETRYING, 1));
    assert_device(r, 1000);
    act.kind = STORE_ACT_CANCEL;
    assert_int_equal(ASK(r, act, &act), ERR_OK);
    assert_device(r, 1000);
}

static void
a_dead_letter_is_retried_with_its_device(void **state)
{
    struct rig *r = *state;
    struct store_act act = {.tenant = T,
                            .delivery = 1001,
                            .kind = STORE_ACT_RETRY,
                            .now_ms = NOW,
                            .lane = LANE,
                            .rank = 1};

    send_push(r, 1000);
    claim_push(r, "");
    assert_true(finish_one(r, 1001, DELIVERY_DEAD, 1));
    assert_device(r, 1000);
    put_devices(r, OBJECT_DEVICES, DEVICES);
    assert_true(finish_one(r, 1002, DELIVERY_QUEUED, 0));
    assert_int_equal(ASK(r, act, &act), ERR_OK);
    claim_push(r, DEVICES);
}

static void
devices_go_with_their_user(void **state)
{
    struct rig *r = *state;
    struct str key = STR("ann");
    struct store_object_get g = {
        .tenant = T, .kind = OBJECT_DEVICES, .keys = &key, .n_keys = 1};
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_USER,
                                    .key = key,
                                    .if_version = OBJECT_ANY_VERSION};

    put_devices(r, OBJECT_USER, "{}");
    put_devices(r, OBJECT_DEVICES, DEVICES);
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    assert_int_equal(ASK(r, object_get, &g), ERR_OK);
    assert_int_equal(g.objects[0].version, 0);
    /* Without preferences, and with them. */
    put_devices(r, OBJECT_USER, "{}");
    put_devices(r, OBJECT_PREFERENCE, "{}");
    put_devices(r, OBJECT_DEVICES, DEVICES);
    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
    assert_int_equal(ASK(r, object_get, &g), ERR_OK);
    assert_int_equal(g.objects[0].version, 0);
}

static const struct digest_rule leading = {.key = {"k", 1},
                                           .mode = DIGEST_FIXED,
                                           .is_leading = true,
                                           .window_ms = 1000,
                                           .max_window_ms = 1000,
                                           .max_items = 10};

/* To two devices, by a window that lets the first go out. */
static void
join_push(struct rig *r, int64_t id)
{
    struct store_accept *a =
        make_accept(r, &(struct send){.id = id, .n = 2, .user = "ann"});
    struct delivery *rows = a->items[0].deliveries;
    struct store_join *j = ARENA_NEW(r->arena, struct store_join);

    rows[0].device = STR("fcm/phone");
    rows[1].device = STR("fcm/tablet");
    *j = (struct store_join){.n_more = 1,
                             .digest = {.id = id + 5,
                                        .tenant = T,
                                        .user = rows[0].user,
                                        .channel = rows[0].channel,
                                        .rule = leading,
                                        .opened_ms = NOW,
                                        .closes_ms = NOW + 1000}};
    a->items[0].joins = j;
    a->items[0].n_joins = 1;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
}

static void
a_window_holds_one_for_all_devices(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g = {.tenant = T, .id = 2002};

    join_push(r, 1000);
    assert_int_equal(status_of(r, 1001), DELIVERY_QUEUED);
    assert_int_equal(status_of(r, 1002), DELIVERY_QUEUED);
    join_push(r, 2000);
    assert_int_equal(status_of(r, 2001), DELIVERY_HELD);
    assert_int_equal(ASK(r, delivery_get, &g), ERR_NOT_FOUND);
    get_delivery(r, 2001, &g);
    assert_int_equal(g.delivery.device.n, 0);
}

const struct CMUnitTest device_tests[] = {
    RIG_TEST(a_delivery_keeps_its_device_wherever_it_goes),
    RIG_TEST(a_dead_letter_is_retried_with_its_device),
    RIG_TEST(devices_go_with_their_user),
    RIG_TEST(a_window_holds_one_for_all_devices),
};
const size_t device_tests_n = sizeof(device_tests) / sizeof(*device_tests);
