#include <stdio.h>

#include "app/hall_test.h"
#include "base/map.h"

#define USERS 2345 /* three chunks */

static int
setup(void **state)
{
    int e = hall_setup(state);
    struct hall *h = *state;

    h->fan = fan_new(&h->app);
    return e;
}

static int
uncertain_setup(void **state)
{
    int e = hall_uncertain_setup(state);
    struct hall *h = *state;

    h->fan = fan_new(&h->app);
    return e;
}
#define FAN_TEST(f) cmocka_unit_test_setup_teardown(f, setup, hall_teardown)

static void
put_users(struct hall *h, int from, int n)
{
    struct store_object_write *w =
        ARENA_ARRAY(h->arena, struct store_object_write, (size_t)n);

    for (int i = 0; i < n; i++)
        w[i] = (struct store_object_write){
            .kind = OBJECT_USER,
            .key = str_fmt(h->arena, "u%d", from + i),
            .body = STR("{}"),
            .if_version = OBJECT_ANY_VERSION,
            .num = id_make(h->app.ids, NOW, 1)};
    hall_put(h, h->tenant, w, (size_t)n);
}

static struct store_notification_get
planned(struct hall *h, int64_t id)
{
    struct store_notification_get g;

    do {
        for (int i = 0; i < 20; i++)
            loop_turn(h->env.loop, 1);
        h->clock.now_ms += 500; /* leases end */
        arena_reset(h->arena);
        g = hall_look(h, id);
    } while (g.notification.is_planning);
    return g;
}

static void
assert_each_once(const struct store_notification_get *g, size_t n)
{
    struct map *seen = map_new();
    static char once;

    assert_int_equal(g->n_deliveries, n);
    for (size_t i = 0; i < n; i++) {
        assert_null(map_put(seen, g->deliveries[i].user, &once));
        assert_int_equal(g->deliveries[i].status, DELIVERY_DELIVERED);
    }
    assert_int_equal(g->notification.n_recipients, n);
    map_free(seen);
}

static void
what_is_sent_later_is_planned_when_it_is_due(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    char at[TIME_TEXT_SIZE], body[200];
    int64_t id;

    snprintf(body, sizeof(body),
             "{'to':['u1','u2'],'title':'t','send_at':'%.*s'}",
             STR_ARG(time_format(at, h->clock.now_ms + 60000)));
    id = hall_send(h, body);
    g = hall_look(h, id);
    assert_true(g.notification.is_planning);
    assert_int_equal(g.notification.due_ms, h->clock.now_ms + 60000);
    h->clock.now_ms += 59999;
    fan_ring(h->fan);
    for (int i = 0; i < 50; i++)
        loop_turn(h->env.loop, 1);
    g = hall_look(h, id);
    assert_int_equal(g.n_deliveries, 0);
    h->clock.now_ms += 1;
    fan_ring(h->fan);
    g = planned(h, id);
    assert_int_equal(g.n_deliveries, 2);
    assert_int_equal(g.deliveries[0].status, DELIVERY_DELIVERED);
    assert_int_equal(g.notification.n_recipients, 2);
}

static void
a_bell_that_rings_during_a_look_is_heard(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    char at[TIME_TEXT_SIZE], body[200];
    int64_t id;

    snprintf(body, sizeof(body), "{'to':'u1','title':'t','send_at':'%.*s'}",
             STR_ARG(time_format(at, h->clock.now_ms + 5000)));
    id = hall_send(h, body);
    for (int i = 0; i < 50; i++)
        loop_turn(h->env.loop, 1);
    fan_ring(h->fan);
    for (int i = 0; i < 50 && store_in_flight(h->env.store) == 0; i++)
        loop_turn(h->env.loop, 1);
    assert_int_equal(store_in_flight(h->env.store), 1); /* as of now... */
    h->clock.now_ms += 5001;
    fan_ring(h->fan); /* ...and nothing rings again */
    for (int i = 0; i < 50; i++)
        loop_turn(h->env.loop, 1);
    g = hall_look(h, id);
    assert_int_equal(g.n_deliveries, 1);
}

static void
all_users_get_it_in_chunks(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id;

    put_users(h, 0, USERS);
    id = hall_send(h, "{'to':{'all':true},'title':'t'}");
    g = hall_look(h, id);
    assert_true(g.notification.is_planning);
    g = planned(h, id);
    assert_each_once(&g, USERS);
}

static void
a_throttled_category_goes_to_those_who_have_room(void **state)
{
    struct hall *h = *state;
    struct store_object_write w = {
        .kind = OBJECT_CATEGORY,
        .key = STR("news"),
        .body = quoted(h->arena, "{'throttle':{'limit':2,'per':'1h'}}"),
        .if_version = OBJECT_ANY_VERSION,
        .num = id_make(h->app.ids, NOW, 1)};
    int n[3] = {0};

    put_users(h, 0, USERS);
    hall_put(h, h->tenant, &w, 1);
    for (int i = 0; i < 50; i++)
        loop_turn(h->env.loop, 1); /* until the workspace knows */
    hall_send(h, "{'to':['u7','u8'],'title':'t','category':'news'}");
    for (int i = 0; i < 3; i++) {
        int64_t id = hall_send(h, "{'to':{'all':true},'title':'t',"
                                  "'category':'news'}");
        struct store_notification_get g = planned(h, id);

        assert_int_equal(g.n_deliveries, USERS);
        for (size_t k = 0; k < g.n_deliveries; k++) {
            if (g.deliveries[k].status == DELIVERY_DELIVERED)
                n[i]++;
            else
                assert_text(g.deliveries[k].reason, "throttle.per_user");
        }
    }
    assert_int_equal(n[0], USERS);
    assert_int_equal(n[1], USERS - 2);
    assert_int_equal(n[2], 0);
}

static void
those_that_are_named_come_once_and_excluded_ones_never(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id;

    put_users(h, 0, 10);
    id =
        hall_send(h, "{'to':{'all':true,'exclude':['u3','u4'],'users':['u5',"
                     "'nobody','u4'],'recipients':[{'id':'u6'}]},'title':'t'}");
    g = planned(h, id);
    assert_each_once(&g, 9);
    for (size_t i = 0; i < g.n_deliveries; i++)
        assert_false(str_is(g.deliveries[i].user, "u3") ||
                     str_is(g.deliveries[i].user, "u4"));
}

static void
nobody_to_send_to_is_done_at_once(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;

    g = planned(h, hall_send(h, "{'to':{'all':true},'title':'t'}"));
    assert_int_equal(g.n_deliveries, 0);
}

static void
join(struct hall *h, const char *topic, int from, int to)
{
    struct str *users = ARENA_ARRAY(h->arena, struct str, USERS);
    struct store_subscribe s;
    size_t n = 0;

    for (int i = from; i < to; i++)
        users[n++] = str_fmt(h->arena, "u%d", i);
    do {
        s = (struct store_subscribe){.req = hall_question(h),
                                     .tenant = h->tenant,
                                     .now_ms = NOW,
                                     .topic = str_from(topic),
                                     .num = id_make(h->app.ids, NOW, 1),
                                     .add = users,
                                     .n_add = n};
        store_subscribe(h->env.store, &s);
        TURN_UNTIL(h, h->n_answered == 1);
    } while (h->answered == ERR_UNCERTAIN);
    assert_int_equal(h->answered, ERR_OK);
}

static bool
note_says(const struct store_notification_get *g, const char *text)
{
    char note[500];

    snprintf(note, sizeof(note), "%.*s", STR_ARG(g->notification.note));
    return strstr(note, text) != NULL;
}

static void
a_small_audience_is_planned_at_once(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;

    join(h, "news", 0, 60);
    join(h, "news.sport", 50, 98);
    g = hall_look(
        h, hall_send(h, "{'to':{'topics':['news.sport'],'users':['x','u7'],"
                        "'recipients':[{'email':'a@b.c'}],"
                        "'exclude':['u9']},'title':'t'}"));
    assert_false(g.notification.is_planning);
    assert_int_equal(g.n_deliveries, 99); /* 98, x and a@b.c, less u9 */
    assert_true(note_says(&g, "\"recipients\":99,"));
    g = hall_look(h,
                  hall_send(h, "{'to':{'topics':['news.x','no'],'roles':['r']},"
                               "'title':'t'}"));
    assert_false(g.notification.is_planning);
    assert_each_once(&g, 60);
    assert_true(note_says(&g, "\"empty\":[{\"role\":\"r\"},"
                              "{\"topic\":\"news.x\"},{\"topic\":\"no\"}]"));
}

static void
a_large_audience_is_planned_in_chunks(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;

    join(h, "a", 0, 1000);
    join(h, "b", 500, 1300);
    g = hall_look(h,
                  hall_send(h, "{'to':{'topics':['b','a.x'],'users':['x','u7'],"
                               "'exclude':['u9','u600']},'title':'t'}"));
    assert_true(g.notification.is_planning);
    assert_int_equal(g.n_deliveries, 0);
    g = planned(h, g.notification.id);
    assert_each_once(&g, 1299);
}

static void
an_audience_of_nobody_is_done(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;

    join(h, "news", 1, 2);
    g = hall_look(h, hall_send(h, "{'to':{'topics':['no']},'title':'t'}"));
    assert_false(g.notification.is_planning);
    assert_int_equal(g.n_deliveries, 0);
    assert_true(note_says(&g, "\"recipients\":0,"));
    g = hall_look(h, hall_send(h, "{'to':{'topics':['news'],'exclude':['u1']},"
                                  "'title':'t'}"));
    assert_false(g.notification.is_planning);
    assert_int_equal(g.n_deliveries, 0);
}

static int64_t
send_later(struct hall *h, const char *to)
{
    char at[TIME_TEXT_SIZE], body[300];

    snprintf(body, sizeof(body), "{'to':%s,'title':'t','send_at':'%.*s'}", to,
             STR_ARG(time_format(at, h->clock.now_ms + 60000)));
    return hall_send(h, body);
}

static void
membership_is_that_of_the_time_when_it_is_due(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id;

    join(h, "news", 0, 2);
    id = send_later(h, "{'topics':['news'],'users':['x']}");
    join(h, "news", 2, 5);
    h->clock.now_ms += 60000;
    fan_ring(h->fan);
    g = planned(h, id);
    assert_each_once(&g, 6);
}

static void
what_is_later_for_nobody_reaches_nobody(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id;

    put_users(h, 0, 10);
    id = send_later(h, "{'users':['u1'],'exclude':['u1']}");
    h->clock.now_ms += 60000;
    fan_ring(h->fan);
    g = planned(h, id);
    assert_int_equal(g.n_deliveries, 0);
}

static void
lost_answers_neither_miss_nor_double_a_member(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id;

    join(h, "a", 0, 1000);
    join(h, "b", 500, 1300);
    do
        id = hall_send(h, "{'to':{'topics':['a','b']},'title':'t'}");
    while (h->answered != ERR_OK);
    g = planned(h, id);
    assert_each_once(&g, 1300);
}

static void
lost_answers_neither_miss_nor_double_anybody(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id;

    put_users(h, 0, USERS);
    do
        id = hall_send(h, "{'to':{'all':true},'title':'t'}");
    while (h->answered != ERR_OK);
    g = planned(h, id);
    assert_each_once(&g, USERS);
}

static void
what_is_left_is_free_when_it_stops(void **state)
{
    struct hall *h = *state;
    struct store_work_take t;
    int64_t id;

    put_users(h, 0, USERS);
    id = hall_send(h, "{'to':{'all':true},'title':'t'}");
    while (hall_look(h, id).n_deliveries == 0)
        loop_turn(h->env.loop, 1);
    hall_stop(h);
    assert_true(hall_look(h, id).notification.is_planning);
    t = (struct store_work_take){.req = hall_question(h),
                                 .now_ms = h->clock.now_ms,
                                 .lease_ms = 1,
                                 .max = 10};
    store_work_take(h->env.store, &t);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(t.n_rows, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FAN_TEST(what_is_sent_later_is_planned_when_it_is_due),
        FAN_TEST(a_bell_that_rings_during_a_look_is_heard),
        FAN_TEST(all_users_get_it_in_chunks),
        FAN_TEST(a_throttled_category_goes_to_those_who_have_room),
        FAN_TEST(those_that_are_named_come_once_and_excluded_ones_never),
        FAN_TEST(nobody_to_send_to_is_done_at_once),
        FAN_TEST(what_is_left_is_free_when_it_stops),
        FAN_TEST(a_small_audience_is_planned_at_once),
        FAN_TEST(a_large_audience_is_planned_in_chunks),
        FAN_TEST(an_audience_of_nobody_is_done),
        FAN_TEST(membership_is_that_of_the_time_when_it_is_due),
        FAN_TEST(what_is_later_for_nobody_reaches_nobody),
        cmocka_unit_test_setup_teardown(
            lost_answers_neither_miss_nor_double_a_member, uncertain_setup,
            hall_teardown),
        cmocka_unit_test_setup_teardown(
            lost_answers_neither_miss_nor_double_anybody, uncertain_setup,
            hall_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
