/* workflow_wait_test.c - what instances hear while they wait, and how many are
 * taken on, or cancelled, at once. */
#include "app/cancel.h"
#include "app/workflow_hall_test.h"

#define MINUTE_MS INT64_C(60000)

static int
setup(void **state)
{
    int e = hall_setup(state);
    struct hall *h = *state;

    h->workflows = workflows_new(&h->app, NULL);
    h->digests = digests_new(&h->app);
    return e;
}

static void
post(struct hall *h, const char *name, int64_t id, int64_t at_ms)
{
    struct store_event_add e = {.req = hall_question(h),
                                .tenant = h->tenant,
                                .id = id,
                                .at_ms = at_ms,
                                .user = STR("ann"),
                                .name = str_from(name),
                                .data = STR("{}")};

    store_event_add(h->env.store, &e);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
}

static const char two_waits[] =
    "{'steps':[{'id':'a','type':'wait','for_event':'a','timeout':'1m'},"
    "{'id':'b','type':'wait','for_event':'b','timeout':'1m'},"
    "{'id':'c','type':'wait','for_event':'b','timeout':'1m'}]}";

/* The planner is some milliseconds behind all the time. */
static void
no_event_falls_between_two_waits(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", two_waits);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    post(h, "a", 1, NOW); /* it is accepted, and has not begun */
    post(h, "b", 2, NOW); /* in the same millisecond, behind it */
    h->clock.now_ms += 7;
    settle(h);
    assert_string_equal(way(h, id), "a:wait a:event b:wait b:event c:wait");
    post(h, "b", 3, NOW + 7);
    settle(h);
    assert_string_equal(way(h, id),
                        "a:wait a:event b:wait b:event c:wait c:event");
}

static void
no_event_ends_two_waits(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", two_waits);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    settle(h);
    post(h, "b", 9, NOW + 1); /* before what `a` waits for */
    post(h, "a", 8, NOW + 2);
    post(h, "b", 7, NOW + 2); /* the same time, but a lower id */
    h->clock.now_ms += 10;
    settle(h);
    assert_string_equal(way(h, id), "a:wait a:event b:wait");
    post(h, "b", 10, NOW + 10);
    settle(h);
    assert_string_equal(way(h, id), "a:wait a:event b:wait b:event c:wait");
}

/* A turn that ends late does not make the next wait deaf. */
static void
what_comes_after_a_timeout_is_for_the_next_wait(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", two_waits);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    settle(h);
    h->clock.now_ms += MINUTE_MS + 500;
    post(h, "b", 1, NOW + MINUTE_MS + 1);
    settle(h);
    assert_string_equal(way(h, id), "a:wait a:timeout b:wait b:event c:wait");
}

static void
on_cancelled(struct cancel *c, enum err e)
{
    (void)c;
    assert_int_equal(e, ERR_OK);
}

/* Who asks has patience for one part, and none for what is below. */
static void
a_large_cancel_goes_on_when_its_asker_is_answered(void **state)
{
    struct hall *h = *state;
    struct cancel c = {.app = &h->app,
                       .arena = arena_new(),
                       .tenant = h->tenant,
                       .now_ms = NOW,
                       .until_ms = 1,
                       .on_done = on_cancelled};

    put_workflow(h, "w",
                 "{'steps':[{'id':'a','type':'send','title':'a'},"
                 "{'id':'d','type':'delay','for':'1h'}]}");
    c.notification = hall_send(h, "{'to':['ann','bob','cid'],'workflow':'w',"
                                  "'digest':{'key':'k','window':'1h'}}");
    settle(h);
    assert_int_equal(look(h, c.notification)->counts[DELIVERY_HELD].n, 3);
    cancel_start(&c);
    TURN_UNTIL(h, c.is_left);
    assert_int_equal(c.n_stopped, 3); /* instances */
    assert_true(look(h, c.notification)->notification.is_cancelled);
    assert_int_equal(look(h, c.notification)->counts[DELIVERY_HELD].n, 3);
    hall_stop(h); /* another process goes on with it */
    h->workflows = workflows_new(&h->app, NULL);
    h->digests = digests_new(&h->app);
    settle(h);
    assert_int_equal(look(h, c.notification)->counts[DELIVERY_CANCELLED].n, 3);
    assert_false(look(h, c.notification)->notification.is_running);
    arena_free(c.arena);
}

/* Each of 20 has half a MiB with it: eight are in hand at a time. */
static void
what_is_large_is_taken_a_few_at_a_time(void **state)
{
    struct hall *h = *state;
    struct buf body;
    int64_t id;

    put_workflow(h, "w", "{'steps':[{'id':'a','type':'send','title':'a'}]}");
    buf_init(&body, h->arena);
    buf_put_cstr(&body, "{'workflow':'w','to':[");
    for (int i = 0; i < 20; i++)
        buf_printf(&body, "%s'u%d'", i > 0 ? "," : "", i);
    buf_put_cstr(&body, "],'data':{'x':'");
    for (int i = 0; i < 512 * 1024; i++)
        buf_put_char(&body, 'x');
    buf_put_cstr(&body, "'}}");
    buf_put_char(&body, '\0');
    id = hall_send(h, body.p);
    settle(h);
    settle(h);
    assert_int_equal(look(h, id)->counts[DELIVERY_DELIVERED].n, 20);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, hall_teardown)
        T(no_event_falls_between_two_waits),
        T(no_event_ends_two_waits),
        T(what_comes_after_a_timeout_is_for_the_next_wait),
        T(a_large_cancel_goes_on_when_its_asker_is_answered),
        T(what_is_large_is_taken_a_few_at_a_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
