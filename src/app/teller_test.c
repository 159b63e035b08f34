#include "app/teller.h"

#include "app/endpoint_doc.h"
#include "app/hall_test.h"
#include "store/store.h"

#define LEASE_MS 15000 /* of a row that somebody took */

static void
turn(struct hall *h)
{
    for (int i = 0; i < 20; i++)
        loop_turn(h->env.loop, 1);
}

/* ---- who listens ---- */

static bool
is_known(struct hall *h, struct str key, int64_t version)
{
    const struct workspace *w = snapshots_workspace(h->snapshots, h->tenant);
    const struct endpoint_doc *e = workspace_endpoint(w, key);
    bool is_so = e && e->lane.version == version;

    workspace_put(w);
    return is_so;
}

static void
listen(struct hall *h, const char *key, int64_t lane, const char *request)
{
    struct str name = str_from(key);
    bool makes;
    struct store_object_write w = {
        .kind = OBJECT_ENDPOINT,
        .key = name,
        .body = endpoint_doc_store(
            h->arena, h->vault, endpoint_doc_purpose(h->arena, h->tenant, name),
            desk_json(&(struct desk){.arena = h->arena}, request),
            (struct json){0}, &makes),
        .if_version = OBJECT_ANY_VERSION,
        .num = lane,
    };

    hall_put(h, h->tenant, &w, 1);
    TURN_UNTIL(h, is_known(h, name, w.object.version));
}

#define ALL "{'url':'https://e.com/','events':['suppression.*']}"
#define REMOVALS "{'url':'https://e.com/','events':['suppression.removed']}"
#define OUT                                                                    \
    "{'url':'https://e.com/','events':['suppression.*'],'enabled':false}"

/* ---- what happens ---- */

/* Told once, however often it takes. */
static void
happen(struct hall *h, enum event_kind kind, const char *address)
{
    struct store_told told = {.tenant = h->tenant,
                              .kind = kind,
                              .at_ms = NOW,
                              .channel = STR("email"),
                              .about = str_from(address)};
    struct store_object_write w = {.kind = OBJECT_TOPIC,
                                   .key = str_from(address),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .told = &told,
                                   .is_told_if_made = true};

    hall_put(h, h->tenant, &w, 1);
}

static void
on_drained(void *arg)
{
    ++*(int *)arg;
}

/* Until nothing is to be told any more, or it is given up. */
static void
tell_all(struct hall *h)
{
    struct teller *t = teller_new(&h->app);
    int n_drained = 0;

    for (int i = 0; i < 20; i++) {
        teller_ring(t);
        turn(h);
        h->clock.now_ms += LEASE_MS + 1;
    }
    teller_drain(t, on_drained, &n_drained);
    assert_int_equal(n_drained, 0);
    TURN_UNTIL(h, n_drained == 1);
    teller_free(t);
}

/* ---- what came of it ---- */

static struct store_delivery_list
sent_to(struct hall *h, const char *key)
{
    struct store_delivery_list l;

    l = (struct store_delivery_list){
        .req = hall_question(h),
        .tenant = h->tenant,
        .filter = {.channel = STR(EVENT_CHANNEL), .provider = str_from(key)},
        .limit = 100};
    store_delivery_list(h->env.store, &l);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
    return l;
}

static bool
is_all_told(struct hall *h)
{
    struct store_tell_take t;

    do {
        t = (struct store_tell_take){.req = hall_question(h),
                                     .max = 1,
                                     .lease_ms = 1,
                                     .now_ms = h->clock.now_ms};
        store_tell_take(h->env.store, &t);
        TURN_UNTIL(h, h->n_answered == 1);
    } while (h->answered == ERR_UNCERTAIN);
    return t.n_rows == 0 && t.next_ms == -1;
}

static void
each_who_listens_gets_one_delivery(void **state)
{
    struct hall *h = *state;
    struct store_delivery_list l;
    struct store_notification_get g;

    listen(h, "all", 901, ALL);
    listen(h, "removals", 902, REMOVALS);
    listen(h, "out", 903, OUT);
    happen(h, EVENT_SUPPRESSION_ADDED, "a@b.c");
    tell_all(h);
    assert_true(is_all_told(h));
    assert_int_equal(sent_to(h, "removals").n_deliveries, 0);
    assert_int_equal(sent_to(h, "out").n_deliveries, 0);
    l = sent_to(h, "all");
    assert_int_equal(l.n_deliveries, 1);
    assert_int_equal(l.deliveries[0].status, DELIVERY_QUEUED);
    g = hall_look(h, l.deliveries[0].notification);
    assert_true(holds(g.notification.doc,
                      "\"event\":{\"type\":\"suppression.added\","));
    assert_true(holds(g.notification.doc, "\"data\":{\"channel\":\"email\","
                                          "\"address\":\"a@b.c\"}}"));
}

static void
what_nobody_listens_to_any_more_goes(void **state)
{
    struct hall *h = *state;

    happen(h, EVENT_SUPPRESSION_ADDED, "a@b.c");
    assert_false(is_all_told(h));
    tell_all(h);
    assert_true(is_all_told(h));
    assert_int_equal(sent_to(h, "all").n_deliveries, 0);
}

static void
what_is_told_again_is_told_to_one(void **state)
{
    struct hall *h = *state;
    struct store_tell_again again;

    listen(h, "all", 901, ALL);
    listen(h, "too", 902, ALL);
    happen(h, EVENT_SUPPRESSION_ADDED, "a@b.c");
    tell_all(h);
    again =
        (struct store_tell_again){.req = hall_question(h),
                                  .tenant = h->tenant,
                                  .lane = 901,
                                  .kinds = EVENT_BIT(EVENT_SUPPRESSION_ADDED),
                                  .from_ms = NOW,
                                  .to_ms = NOW + 1,
                                  .max = 10};
    store_tell_again(h->env.store, &again);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(again.n_told, 1);
    tell_all(h);
    assert_int_equal(sent_to(h, "all").n_deliveries, 2);
    assert_int_equal(sent_to(h, "too").n_deliveries, 1);
}

/* Whatever becomes of the commits. */
static void
nothing_is_told_twice_or_never(void **state)
{
    enum { MANY = 40, AT_ONCE = 4 };
    struct hall *h = *state;

    listen(h, "all", 901, ALL);
    for (int i = 0; i < MANY; i++) {
        happen(h, EVENT_SUPPRESSION_ADDED,
               str_cstr(h->arena, str_fmt(h->arena, "a%d@b.c", i)));
        if (i % AT_ONCE == 0)
            tell_all(h);
    }
    tell_all(h);
    assert_true(is_all_told(h));
    assert_int_equal(sent_to(h, "all").n_deliveries, MANY);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        HALL_TEST(each_who_listens_gets_one_delivery),
        HALL_TEST(what_nobody_listens_to_any_more_goes),
        HALL_TEST(what_is_told_again_is_told_to_one),
        cmocka_unit_test_setup_teardown(nothing_is_told_twice_or_never,
                                        hall_uncertain_setup, hall_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
