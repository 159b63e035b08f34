#include "app/fan.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/app_test.h"
#include "app/send.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "store/memory/memory.h"
#include "store/store.h"

#define NOW INT64_C(1790000000000)
#define USERS 2345 /* three chunks */

/* A fan with a workspace, and a store behind it. */
struct hall {
    struct arena *arena;
    struct vault *vault;
    struct clock_virtual clock;
    struct rng rng;
    struct env env;
    struct app app;
    struct snapshots *snapshots;
    struct fan *fan;
    int64_t tenant;
    int n_answered, n_drained;
    enum err answered;
};

static unsigned uncertain_per_mille;

#define TURN_UNTIL(h, condition)                                               \
    do {                                                                       \
        const int64_t end_ = loop_now_ms((h)->env.loop) + 60000;               \
        while (!(condition) && loop_now_ms((h)->env.loop) < end_)              \
            loop_turn((h)->env.loop, 1);                                       \
        assert_true(condition);                                                \
    } while (0)

static void
on_commit(void *arg, const struct store_notice *notices, size_t n)
{
    struct hall *h = arg;

    for (size_t i = 0; i < n; i++)
        if (notices[i].kind == STORE_NOTICE_WORK && h->fan)
            fan_ring(h->fan);
}

static void
on_started(void *arg, enum err e)
{
    struct hall *h = arg;

    h->answered = e;
    h->n_answered++;
}

/* Answers come to the arena of the question: there is one at a time. */
static struct hall *asking;

static void
on_answer(struct store_req *req, enum err e)
{
    (void)req;
    on_started(asking, e);
}

static struct store_req
question(struct hall *h)
{
    asking = h;
    h->n_answered = 0;
    return (struct store_req){
        .arena = h->arena, .loop = h->env.loop, .on_done = on_answer};
}

static void
put(struct hall *h, int64_t tenant, struct store_object_write *writes, size_t n)
{
    struct store_object_put p;

    do {
        p = (struct store_object_put){.req = question(h),
                                      .tenant = tenant,
                                      .now_ms = NOW,
                                      .writes = writes,
                                      .n_writes = n};
        store_object_put(h->env.store, &p);
        TURN_UNTIL(h, h->n_answered == 1);
    } while (h->answered == ERR_UNCERTAIN);
    assert_int_equal(h->answered, ERR_OK);
}

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
    put(h, h->tenant, w, (size_t)n);
}

static int
setup(void **state)
{
    static const uint8_t secret[VAULT_SECRET_BYTES] = {1};
    struct hall *h = xcalloc(1, sizeof(*h));
    struct store_object_write w = {.kind = OBJECT_WORKSPACE,
                                   .key = STR("default"),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = 7};

    h->arena = arena_new();
    h->vault = vault_from(secret);
    clock_virtual_init(&h->clock, NOW);
    rng_seed(&h->rng, 1);
    h->env = (struct env){
        .loop = loop_new(), .clock = &h->clock.base, .rng = &h->rng};
    h->env.store = memory_store_open(&(struct memory_store_options){
        .loop = h->env.loop,
        .clock = &h->clock.base,
        .seed = 11,
        .uncertain_per_mille = uncertain_per_mille});
    store_listen(h->env.store,
                 &(struct store_listener){.on_commit = on_commit, .arg = h});
    h->snapshots = snapshots_new(
        &(struct snapshots_options){.env = &h->env, .vault = h->vault});
    h->app = (struct app){.env = &h->env,
                          .ids = id_maker_new(0),
                          .vault = h->vault,
                          .snapshots = h->snapshots};
    h->tenant = 7;
    put(h, 0, &w, 1);
    h->n_answered = 0;
    snapshots_start(h->snapshots, on_started, h);
    TURN_UNTIL(h, h->n_answered == 1);
    h->fan = fan_new(&h->app);
    *state = h;
    return 0;
}

static int
uncertain_setup(void **state)
{
    int e;

    uncertain_per_mille = 300;
    e = setup(state);
    uncertain_per_mille = 0;
    return e;
}

static void
on_drained(void *arg)
{
    struct hall *h = arg;

    h->n_drained++;
}

static void
stop_fan(struct hall *h)
{
    if (!h->fan)
        return;
    fan_drain(h->fan, on_drained, h);
    assert_int_equal(h->n_drained, 0);
    TURN_UNTIL(h, h->n_drained == 1);
    fan_free(h->fan);
    h->fan = NULL;
}

static int
teardown(void **state)
{
    struct hall *h = *state;

    stop_fan(h);
    store_close(h->env.store);
    snapshots_free(h->snapshots);
    id_maker_free(h->app.ids);
    loop_free(h->env.loop);
    vault_free(h->vault);
    arena_free(h->arena);
    free(h);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

struct sending {
    struct send send;
    struct send_item item;
    int n_done;
};

static void
on_sent(struct send *s, enum err e)
{
    struct sending *x = CONTAINER_OF(s, struct sending, send);

    asking->answered = e;
    x->n_done++;
}

static int64_t
send_to(struct hall *h, const char *body)
{
    struct sending *x = ARENA_NEW(h->arena, struct sending);
    struct json_doc *doc = ARENA_NEW(h->arena, struct json_doc);
    struct json_error why;

    assert_int_equal(json_parse(h->arena, quoted(h->arena, body), doc, &why),
                     ERR_OK);
    asking = h;
    x->item.doc = json_root(doc);
    x->send =
        (struct send){.app = &h->app,
                      .arena = h->arena,
                      .workspace = snapshots_workspace(h->snapshots, h->tenant),
                      .items = &x->item,
                      .n_items = 1,
                      .on_done = on_sent};
    assert_non_null(x->send.workspace);
    send_start(&x->send);
    TURN_UNTIL(h, x->n_done == 1);
    workspace_put(x->send.workspace);
    assert_false(problem_is_set(&x->item.problem));
    return x->item.accepted->notification.id;
}

static struct store_notification_get
look(struct hall *h, int64_t id)
{
    struct store_notification_get g = {.req = question(h),
                                       .tenant = h->tenant,
                                       .id = id,
                                       .max_deliveries = 100000};

    store_notification_get(h->env.store, &g);
    TURN_UNTIL(h, h->n_answered == 1);
    return g;
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
        g = look(h, id);
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
    id = send_to(h, body);
    g = look(h, id);
    assert_true(g.notification.is_planning);
    assert_int_equal(g.notification.due_ms, h->clock.now_ms + 60000);
    h->clock.now_ms += 59999;
    fan_ring(h->fan);
    for (int i = 0; i < 50; i++)
        loop_turn(h->env.loop, 1);
    g = look(h, id);
    assert_int_equal(g.n_deliveries, 0);
    h->clock.now_ms += 1;
    fan_ring(h->fan);
    g = planned(h, id);
    assert_int_equal(g.n_deliveries, 2);
    assert_int_equal(g.deliveries[0].status, DELIVERY_DELIVERED);
    assert_int_equal(g.notification.n_recipients, 2);
}

static void
all_users_get_it_in_chunks(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id;

    put_users(h, 0, USERS);
    id = send_to(h, "{'to':{'all':true},'title':'t'}");
    g = look(h, id);
    assert_true(g.notification.is_planning);
    g = planned(h, id);
    assert_each_once(&g, USERS);
}

static void
those_that_are_named_come_once_and_excluded_ones_never(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id;

    put_users(h, 0, 10);
    id = send_to(h, "{'to':{'all':true,'exclude':['u3','u4'],'users':['u5',"
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

    g = planned(h, send_to(h, "{'to':{'all':true},'title':'t'}"));
    assert_int_equal(g.n_deliveries, 0);
}

static void
lost_answers_neither_miss_nor_double_anybody(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id;

    put_users(h, 0, USERS);
    do
        id = send_to(h, "{'to':{'all':true},'title':'t'}");
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
    id = send_to(h, "{'to':{'all':true},'title':'t'}");
    while (look(h, id).n_deliveries == 0)
        loop_turn(h->env.loop, 1);
    stop_fan(h);
    assert_true(look(h, id).notification.is_planning);
    t = (struct store_work_take){.req = question(h),
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
        T(what_is_sent_later_is_planned_when_it_is_due),
        T(all_users_get_it_in_chunks),
        T(those_that_are_named_come_once_and_excluded_ones_never),
        T(nobody_to_send_to_is_done_at_once),
        T(what_is_left_is_free_when_it_stops),
        cmocka_unit_test_setup_teardown(
            lost_answers_neither_miss_nor_double_anybody, uncertain_setup,
            teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
