#include "app/workflow_run.h"

#include <stdio.h>

#include "app/hall_test.h"
#include "domain/reason.h"

#define MINUTE_MS INT64_C(60000)

static int
start(int e, void **state)
{
    struct hall *h = *state;

    h->workflows = workflows_new(&h->app);
    return e;
}

static int
setup(void **state)
{
    return start(hall_setup(state), state);
}

static int
uncertain_setup(void **state)
{
    return start(hall_uncertain_setup(state), state);
}
#define WORKFLOW_TEST(f)                                                       \
    cmocka_unit_test_setup_teardown(f, setup, hall_teardown)

static void
put_workflow(struct hall *h, const char *key, const char *doc)
{
    struct store_object_write w = {.kind = OBJECT_WORKFLOW,
                                   .key = str_from(key),
                                   .body = quoted(h->arena, doc),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = id_make(h->app.ids, NOW, 1)};

    hall_put(h, h->tenant, &w, 1);
    for (int i = 0; i < 200; i++)
        loop_turn(h->env.loop, 1); /* until the workspace knows */
}

/* Whatever is due is done. */
static void
settle(struct hall *h)
{
    for (int k = 0; k < 6; k++) {
        workflows_ring(h->workflows);
        for (int i = 0; i < 20; i++)
            loop_turn(h->env.loop, 1);
    }
}

static const struct store_notification_get *
look(struct hall *h, int64_t id)
{
    struct store_notification_get *g;

    arena_reset(h->arena);
    g = ARENA_NEW(h->arena, struct store_notification_get);
    *g = (struct store_notification_get){.req = hall_question(h),
                                         .tenant = h->tenant,
                                         .id = id,
                                         .max_deliveries = 1000,
                                         .wants_attempts = true};
    store_notification_get(h->env.store, g);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
    return g;
}

/* "first:send look:wait ..." */
static const char *
way(struct hall *h, int64_t id)
{
    const struct store_notification_get *g = look(h, id);
    static char text[400];
    size_t n = 0;

    text[0] = '\0';
    for (size_t i = 0; i < g->n_steps; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s:%.*s",
                              i > 0 ? " " : "", STR_ARG(g->steps[i].step),
                              STR_ARG(g->steps[i].verdict));
    return text;
}

static struct store_inbox_list
inbox(struct hall *h, const char *user)
{
    struct store_inbox_list l = {.req = hall_question(h),
                                 .tenant = h->tenant,
                                 .user = str_from(user),
                                 .limit = 100};

    store_inbox_list(h->env.store, &l);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
    return l;
}

static void
mark_read(struct hall *h, const char *user)
{
    struct store_inbox_mark m = {.req = hall_question(h),
                                 .tenant = h->tenant,
                                 .user = str_from(user),
                                 .change = INBOX_READ,
                                 .now_ms = h->clock.now_ms};

    store_inbox_mark(h->env.store, &m);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
}

static const char unread[] =
    "{'steps':[{'id':'first','type':'send','title':'hi'},"
    "{'id':'look','type':'wait','for_event':'read','timeout':'1m',"
    "'then':[{'id':'yes','type':'send','title':'read'}],"
    "'else':[{'id':'no','type':'send','title':'unread'}]}]}";

static void
a_timeout_is_never_early(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", unread);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    assert_true(look(h, id)->notification.is_running);
    settle(h);
    h->clock.now_ms += MINUTE_MS - 1;
    settle(h);
    assert_string_equal(way(h, id), "first:send look:wait");
    assert_true(look(h, id)->notification.is_running);
    h->clock.now_ms++;
    settle(h);
    assert_string_equal(way(h, id),
                        "first:send look:wait look:timeout no:send");
    assert_false(look(h, id)->notification.is_running);
    assert_int_equal(look(h, id)->n_deliveries, 2);
    assert_int_equal(look(h, id)->deliveries[1].notification, id);
    assert_int_equal(inbox(h, "ann").items[0].notification, id);
}

static void
reading_takes_it_on_at_once(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", unread);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    settle(h);
    h->clock.now_ms += 10;
    mark_read(h, "ann");
    settle(h);
    assert_string_equal(way(h, id), "first:send look:wait look:event yes:send");
    assert_int_equal(inbox(h, "ann").n_items, 2);
}

/* Between the send and the wait, say. */
static void
what_was_read_before_the_wait_counts(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w",
                 "{'steps':[{'id':'a','type':'send','title':'hi'},"
                 "{'id':'d','type':'delay','for':'1h'},"
                 "{'id':'look','type':'wait','for_event':'read','timeout':"
                 "'1m','else':[{'id':'no','type':'send','title':'no'}]}]}");
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    settle(h);
    mark_read(h, "ann");
    h->clock.now_ms += 60 * MINUTE_MS;
    settle(h);
    assert_string_equal(way(h, id),
                        "a:send d:wait d:pass look:wait look:event");
}

static void
a_recipient_s_data_wins_in_conditions_and_words(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w",
                 "{'steps':[{'id':'b','type':'branch','if':{'path':'data.n',"
                 "'op':'eq','value':2},'then':[{'id':'two','type':'send',"
                 "'title':'two'}]}]}");
    id = hall_send(h, "{'to':{'recipients':[{'id':'ann','data':{'n':2}},"
                      "{'email':'x@example.com'}]},'data':{'n':1,'m':3},"
                      "'workflow':'w'}");
    settle(h);
    assert_int_equal(look(h, id)->n_deliveries, 1);
    assert_int_equal(look(h, id)->n_steps, 3);
}

static void
a_workflow_that_is_gone_goes_on(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", unread);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    put_workflow(h, "w", "{'steps':[{'type':'send','title':'new'}]}");
    settle(h);
    assert_string_equal(way(h, id), "first:send look:wait");
}

static const char throttled[] =
    "{'steps':[{'id':'t','type':'throttle','limit':2,'per':'1h',"
    "'key':'{{order}}'},{'id':'a','type':'send','title':'a'}]}";

static void
more_than_a_throttle_allows_end_there(void **state)
{
    struct hall *h = *state;
    int64_t ids[4];

    put_workflow(h, "w", throttled);
    for (int i = 0; i < 3; i++) {
        ids[i] = hall_send(h, "{'to':'ann','workflow':'w'}");
        settle(h);
    }
    ids[3] = hall_send(h, "{'to':'bob','workflow':'w'}");
    settle(h);
    assert_string_equal(way(h, ids[1]), "t:pass a:send");
    assert_string_equal(way(h, ids[2]), "t:over");
    assert_true(
        reason_is(look(h, ids[2])->steps[0].reason, REASON_THROTTLED_STEP));
    assert_false(look(h, ids[2])->notification.is_running);
    assert_string_equal(way(h, ids[3]), "t:pass a:send");
    h->clock.now_ms += 60 * MINUTE_MS;
    ids[3] = hall_send(h, "{'to':'ann','workflow':'w'}");
    settle(h);
    assert_string_equal(way(h, ids[3]), "t:pass a:send");
}

static void
a_throttle_counts_what_its_key_gives(void **state)
{
    struct hall *h = *state;
    int64_t id = 0;

    put_workflow(h, "w", throttled);
    for (int i = 0; i < 3; i++) {
        (void)hall_send(h, "{'to':'ann','workflow':'w','data':{'order':1}}");
        settle(h);
    }
    id = hall_send(h, "{'to':'ann','workflow':'w','data':{'order':2}}");
    settle(h);
    assert_string_equal(way(h, id), "t:pass a:send");
    assert_int_equal(inbox(h, "ann").n_items, 3);
}

static void
who_has_no_id_is_not_throttled(void **state)
{
    struct hall *h = *state;
    int64_t id = 0;

    put_workflow(h, "w", throttled);
    for (int i = 0; i < 3; i++) {
        id = hall_send(h, "{'to':{'recipients':[{'email':'a@example.com'}]},"
                          "'workflow':'w'}");
        settle(h);
    }
    assert_string_equal(way(h, id), "t:pass a:send");
}

static void
cancel(struct hall *h, int64_t id)
{
    struct store_cancel c = {.req = hall_question(h),
                             .tenant = h->tenant,
                             .notification = id,
                             .now_ms = h->clock.now_ms,
                             .max = 100};

    store_cancel(h->env.store, &c);
    TURN_UNTIL(h, h->n_answered == 1);
}

/* Cancelled at any moment of its turn: it has passed, or the next one does. */
static void
a_turn_that_is_lost_gives_back_what_it_took(void **state)
{
    struct hall *h = *state;

    put_workflow(h, "w",
                 "{'steps':[{'id':'t','type':'throttle','limit':1,'per':'1h'},"
                 "{'id':'a','type':'send','title':'a'}]}");
    for (int n_turns = 0; n_turns < 40; n_turns++) {
        const char *body =
            str_cstr(h->arena,
                     str_fmt(h->arena, "{'to':'u%d','workflow':'w'}", n_turns));
        char text[64];
        int64_t id;

        snprintf(text, sizeof(text), "%s", body);
        id = hall_send(h, text);
        workflows_ring(h->workflows);
        for (int i = 0; i < n_turns; i++)
            loop_turn(h->env.loop, 1);
        cancel(h, id);
        settle(h);
        if (look(h, id)->n_steps > 0)
            continue;
        id = hall_send(h, text);
        settle(h);
        assert_string_equal(way(h, id), "t:pass a:send");
    }
}

/* Three writes of ten are uncertain: done, or not. */
static void
each_step_is_taken_once_whatever_the_store_says(void **state)
{
    struct hall *h = *state;
    const int64_t end_ms = loop_now_ms(h->env.loop) + 200000;
    int64_t id;

    put_workflow(h, "w",
                 "{'steps':[{'id':'a','type':'send','title':'a'},"
                 "{'id':'b','type':'send','title':'b'},"
                 "{'id':'d','type':'delay','for':'1s'},"
                 "{'id':'c','type':'send','title':'c'}]}");
    do
        id = hall_send(h, "{'to':['ann','bob','cid','dan'],'workflow':'w'}");
    while (h->answered != ERR_OK);
    while (look(h, id)->notification.is_running) {
        assert_true(loop_now_ms(h->env.loop) < end_ms);
        settle(h);
        h->clock.now_ms += 500; /* leases end */
    }
    assert_int_equal(look(h, id)->n_deliveries, 12);
    assert_int_equal(look(h, id)->counts[DELIVERY_DELIVERED].n, 12);
}

static void
a_drained_runner_gives_back_what_it_has(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", unread);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    workflows_ring(h->workflows);
    hall_stop(h);
    h->workflows = workflows_new(&h->app);
    settle(h);
    assert_string_equal(way(h, id), "first:send look:wait");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        WORKFLOW_TEST(a_timeout_is_never_early),
        WORKFLOW_TEST(reading_takes_it_on_at_once),
        WORKFLOW_TEST(what_was_read_before_the_wait_counts),
        WORKFLOW_TEST(a_recipient_s_data_wins_in_conditions_and_words),
        WORKFLOW_TEST(a_workflow_that_is_gone_goes_on),
        WORKFLOW_TEST(more_than_a_throttle_allows_end_there),
        WORKFLOW_TEST(a_throttle_counts_what_its_key_gives),
        WORKFLOW_TEST(who_has_no_id_is_not_throttled),
        WORKFLOW_TEST(a_turn_that_is_lost_gives_back_what_it_took),
        cmocka_unit_test_setup_teardown(
            each_step_is_taken_once_whatever_the_store_says, uncertain_setup,
            hall_teardown),
        WORKFLOW_TEST(a_drained_runner_gives_back_what_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
