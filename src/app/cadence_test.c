#include "app/cadence.h"

#include <stdlib.h>

#include "app/app_test.h"
#include "app/send_request.h"
#include "base/clock.h"
#include "base/list.h"
#include "store/memory/memory.h"
#include "store/store.h"

#define TENANT 7
#define CADENCES 2
#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)
#define LISTED 150

/* Cadences of one or two processes, on one store. */
struct hall {
    struct store gate; /* before the store: fails what it is told to */
    struct store *inner;
    int n_to_fail;
    struct arena *arena;
    struct vault *vault;
    struct clock_virtual clock;
    struct rng rng;
    struct env env;
    struct app app;
    struct snapshots *snapshots;
    struct cadence *cadences[CADENCES];
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

static int64_t
ms_of(const char *text)
{
    int64_t ms;

    assert_true(time_parse(str_from(text), &ms));
    return ms;
}

/* ---- a store that is away at times ---- */

static void
gate_submit(struct store *s, struct store_req *req)
{
    struct hall *h = CONTAINER_OF(s, struct hall, gate);

    if (req->verb == STORE_VERB_accept && h->n_to_fail > 0) {
        h->n_to_fail--;
        store_req_complete(req, ERR_UNAVAILABLE);
        return;
    }
    h->inner->driver->submit(h->inner, req);
}

static const struct store_driver gate_driver = {.name = "gate",
                                                .submit = gate_submit};

/* ---- asking it ---- */

/* Answers come to the arena of the question: there is one at a time. */
static struct hall *asking;

static void
on_started(void *arg, enum err e)
{
    struct hall *h = arg;

    h->answered = e;
    h->n_answered++;
}

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
put(struct hall *h, int64_t tenant, struct store_object_write w, int64_t now_ms)
{
    struct store_object_put p;

    do {
        p = (struct store_object_put){.req = question(h),
                                      .tenant = tenant,
                                      .now_ms = now_ms,
                                      .writes = &w,
                                      .n_writes = 1};
        store_object_put(h->env.store, &p);
        TURN_UNTIL(h, h->n_answered == 1);
    } while (h->answered == ERR_UNCERTAIN);
    assert_int_equal(h->answered, ERR_OK);
    snapshots_changed(h->snapshots, p.seq);
}

static void
settle(struct hall *h)
{
    for (int i = 0; i < 60; i++)
        loop_turn(h->env.loop, 1);
}

/* As if it had been put then. */
static void
put_schedule_at(struct hall *h, const char *key, const char *doc,
                int64_t now_ms)
{
    put(h, TENANT,
        (struct store_object_write){.kind = OBJECT_SCHEDULE,
                                    .key = str_from(key),
                                    .body = quoted(h->arena, doc),
                                    .if_version = OBJECT_ANY_VERSION,
                                    .num = id_make(h->app.ids, now_ms, 1)},
        now_ms);
}

static void
put_schedule(struct hall *h, const char *key, const char *doc)
{
    put_schedule_at(h, key, doc, h->clock.now_ms);
    settle(h);
}

#define HOURLY(more)                                                           \
    "{'cron':'0 * * * *','notification':{'to':'u1','title':'t'" more "}}"
#define MISFIRE(name)                                                          \
    "{'cron':'0 * * * *','misfire':'" name                                     \
    "','notification':{'to':'u1','title':'t'}}"

static struct store_notification_list
list(struct hall *h)
{
    struct store_notification_list l = {
        .req = question(h), .tenant = TENANT, .limit = LISTED};

    store_notification_list(h->env.store, &l);
    TURN_UNTIL(h, h->n_answered == 1);
    return l;
}

static size_t
n_sent(struct hall *h)
{
    return list(h).n_notifications;
}

/* ---- time passes ---- */

static void
ring_all(void *arg, int64_t seq)
{
    struct hall *h = arg;

    (void)seq;
    for (int i = 0; i < CADENCES; i++)
        if (h->cadences[i])
            cadence_ring(h->cadences[i]);
}

static void
go_to(struct hall *h, int64_t now_ms)
{
    h->clock.now_ms = now_ms;
    ring_all(h, 0);
    settle(h);
}

/* Through all of it, a second or so at a time. */
static void
live_until(struct hall *h, int64_t end_ms, int64_t step_ms)
{
    while (h->clock.now_ms < end_ms)
        go_to(h, h->clock.now_ms + step_ms < end_ms ? h->clock.now_ms + step_ms
                                                    : end_ms);
}

static void
on_drained(void *arg)
{
    struct hall *h = arg;

    h->n_drained++;
}

static void
stop(struct hall *h, int i)
{
    if (!h->cadences[i])
        return;
    h->n_drained = 0;
    cadence_drain(h->cadences[i], on_drained, h);
    assert_int_equal(h->n_drained, 0);
    TURN_UNTIL(h, h->n_drained == 1);
    cadence_free(h->cadences[i]);
    h->cadences[i] = NULL;
}

static void
start(struct hall *h, int i)
{
    h->cadences[i] = cadence_new(&h->app);
    cadence_ring(h->cadences[i]);
    settle(h);
}

static int
setup(void **state)
{
    static const uint8_t secret[VAULT_SECRET_BYTES] = {1};
    struct hall *h = xcalloc(1, sizeof(*h));

    h->arena = arena_new();
    h->vault = vault_from(secret);
    clock_virtual_init(&h->clock, ms_of("2026-01-05T08:10:00Z"));
    rng_seed(&h->rng, 1);
    h->env = (struct env){
        .loop = loop_new(), .clock = &h->clock.base, .rng = &h->rng};
    h->inner = memory_store_open(&(struct memory_store_options){
        .loop = h->env.loop,
        .clock = &h->clock.base,
        .seed = 11,
        .uncertain_per_mille = uncertain_per_mille});
    h->gate.driver = &gate_driver;
    h->env.store = &h->gate;
    h->snapshots = snapshots_new(&(struct snapshots_options){
        .env = &h->env, .vault = h->vault, .on_change = ring_all, .arg = h});
    h->app = (struct app){.env = &h->env,
                          .ids = id_maker_new(0),
                          .vault = h->vault,
                          .snapshots = h->snapshots};
    put(h, 0,
        (struct store_object_write){.kind = OBJECT_WORKSPACE,
                                    .key = STR("default"),
                                    .body = STR("{}"),
                                    .if_version = OBJECT_ANY_VERSION,
                                    .num = TENANT},
        h->clock.now_ms);
    h->n_answered = 0;
    snapshots_start(h->snapshots, on_started, h);
    TURN_UNTIL(h, h->n_answered == 1);
    start(h, 0);
    *state = h;
    return 0;
}

static int
uncertain_setup(void **state)
{
    int e;

    uncertain_per_mille = 400;
    e = setup(state);
    uncertain_per_mille = 0;
    return e;
}

static int
teardown(void **state)
{
    struct hall *h = *state;

    for (int i = 0; i < CADENCES; i++)
        stop(h, i);
    store_close(h->inner);
    snapshots_free(h->snapshots);
    id_maker_free(h->app.ids);
    loop_free(h->env.loop);
    vault_free(h->vault);
    arena_free(h->arena);
    free(h);
    return 0;
}
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ---- runs ---- */

static void
a_run_is_accepted_just_before_it_is_due(void **state)
{
    struct hall *h = *state;
    int64_t due_ms = ms_of("2026-01-05T09:00:00Z");
    struct store_notification_list l;

    put_schedule(h, "k", HOURLY(",'metadata':{'a':1}"));
    go_to(h, due_ms - CADENCE_LEAD_MS - 1);
    assert_int_equal(n_sent(h), 0);
    go_to(h, due_ms - CADENCE_LEAD_MS);
    l = list(h);
    assert_int_equal(l.n_notifications, 1);
    assert_true(l.notifications[0].is_planning);
    assert_int_equal(l.notifications[0].due_ms, due_ms);
    assert_text(l.notifications[0].request_id, "schedule-k");
    assert_json(l.notifications[0].doc,
                "{'to':'u1','title':'t','metadata':{'a':1,'schedule':{'key':"
                "'k','due_at':'2026-01-05T09:00:00.000Z'}},'send_at':"
                "'2026-01-05T09:00:00.000Z'}");
    live_until(h, due_ms + HOUR_MS, 10 * MINUTE_MS);
    assert_int_equal(n_sent(h), 2);
}

static void
two_processes_make_one_notification_of_a_run(void **state)
{
    struct hall *h = *state;

    start(h, 1);
    put_schedule(h, "k", HOURLY());
    put_schedule(h, "l", HOURLY());
    live_until(h, ms_of("2026-01-05T11:00:01Z"), 5 * MINUTE_MS);
    assert_int_equal(n_sent(h), 6);
    stop(h, 0);
    live_until(h, ms_of("2026-01-05T12:00:01Z"), 5 * MINUTE_MS);
    start(h, 0);
    settle(h);
    assert_int_equal(n_sent(h), 8);
}

static void
the_sender_s_own_metadata_stays(void **state)
{
    struct hall *h = *state;

    put_schedule(h, "k", HOURLY(",'metadata':{'schedule':'mine'}"));
    go_to(h, ms_of("2026-01-05T09:00:00Z"));
    assert_true(holds(list(h).notifications[0].doc,
                      "\"metadata\":{\"schedule\":\"mine\"}"));
}

static void
clocks_that_change_are_heeded(void **state)
{
    struct hall *h = *state;
    struct store_notification_list l;

    go_to(h, ms_of("2026-03-28T12:00:00Z"));
    put_schedule(h, "k",
                 "{'cron':'30 2 * * *','timezone':'Europe/Berlin',"
                 "'notification':{'to':'u1','title':'t'}}");
    live_until(h, ms_of("2026-03-29T12:00:00Z"), 30 * MINUTE_MS);
    l = list(h);
    assert_int_equal(l.n_notifications, 1);
    assert_true(holds(l.notifications[0].doc,
                      "\"send_at\":\"2026-03-29T01:00:00.000Z\""));
}

static void
what_ends_or_is_off_is_not_run(void **state)
{
    struct hall *h = *state;

    put_schedule(h, "k",
                 "{'rrule':'FREQ=HOURLY;UNTIL=20260105T100000Z',"
                 "'notification':{'to':'u1','title':'t'}}");
    put_schedule(h, "off",
                 "{'cron':'* * * * *','enabled':false,"
                 "'notification':{'to':'u1','title':'t'}}");
    live_until(h, ms_of("2026-01-05T14:00:00Z"), 10 * MINUTE_MS);
    assert_int_equal(n_sent(h), 2);
}

/* ---- changes ---- */

static void
a_change_begins_anew(void **state)
{
    struct hall *h = *state;

    put_schedule(h, "k", HOURLY());
    go_to(h, ms_of("2026-01-05T08:30:00Z"));
    put_schedule(h, "k",
                 "{'cron':'45 * * * *','notification':{'to':'u1',"
                 "'title':'other'}}");
    go_to(h, ms_of("2026-01-05T09:30:00Z"));
    assert_int_equal(n_sent(h), 1); /* 08:45 */
    assert_true(holds(list(h).notifications[0].doc, "other"));
    /* What the one before would have done is not made up. */
    put_schedule(h, "k", HOURLY());
    live_until(h, ms_of("2026-01-05T09:59:00Z"), 10 * MINUTE_MS);
    assert_int_equal(n_sent(h), 1);
    go_to(h, ms_of("2026-01-05T10:00:00Z"));
    assert_int_equal(n_sent(h), 2);
}

static void
a_change_after_a_run_does_not_make_it_twice(void **state)
{
    struct hall *h = *state;

    put_schedule(h, "k", HOURLY());
    go_to(h, ms_of("2026-01-05T08:59:58.500Z"));
    assert_int_equal(n_sent(h), 1);
    put_schedule(h, "k", HOURLY(",'priority':'high'"));
    go_to(h, ms_of("2026-01-05T09:01:00Z"));
    assert_int_equal(n_sent(h), 1);
}

static void
what_is_deleted_is_over(void **state)
{
    struct hall *h = *state;
    struct store_object_delete d;

    put_schedule(h, "k", HOURLY());
    put_schedule(h, "l", HOURLY());
    settle(h);
    d = (struct store_object_delete){.req = question(h),
                                     .tenant = TENANT,
                                     .now_ms = h->clock.now_ms,
                                     .kind = OBJECT_SCHEDULE,
                                     .key = STR("k"),
                                     .if_version = OBJECT_ANY_VERSION};
    store_object_delete(h->env.store, &d);
    TURN_UNTIL(h, h->n_answered == 1);
    snapshots_changed(h->snapshots, d.seq);
    settle(h);
    go_to(h, ms_of("2026-01-05T09:00:00Z"));
    assert_int_equal(n_sent(h), 1);
    assert_text(list(h).notifications[0].request_id, "schedule-l");
}

/* ---- after a downtime ---- */

static size_t
sent_after_downtime(struct hall *h, const char *doc, const char *back)
{
    put_schedule(h, "k", doc);
    live_until(h, ms_of("2026-01-05T09:10:00Z"), 10 * MINUTE_MS);
    assert_int_equal(n_sent(h), 1);
    stop(h, 0);
    h->clock.now_ms = ms_of(back);
    start(h, 0);
    for (int i = 0; i < 20; i++)
        settle(h);
    return n_sent(h) - 1;
}

static void
once_makes_the_last_one(void **state)
{
    struct hall *h = *state;
    struct store_notification_list l;

    assert_int_equal(
        sent_after_downtime(h, MISFIRE("once"), "2026-01-05T13:30:00Z"), 1);
    l = list(h);
    assert_true(holds(l.notifications[0].doc,
                      "\"send_at\":\"2026-01-05T13:00:00.000Z\""));
    assert_true(l.notifications[0].is_planning);
    go_to(h, ms_of("2026-01-05T14:00:00Z"));
    assert_int_equal(n_sent(h), 3);
}

static void
all_makes_each_the_oldest_first(void **state)
{
    struct hall *h = *state;
    struct store_notification_list l;

    assert_int_equal(
        sent_after_downtime(h, MISFIRE("all"), "2026-01-05T13:30:00Z"), 4);
    l = list(h);
    assert_true(holds(l.notifications[3].doc,
                      "\"send_at\":\"2026-01-05T10:00:00.000Z\""));
    assert_true(holds(l.notifications[0].doc,
                      "\"send_at\":\"2026-01-05T13:00:00.000Z\""));
}

static void
all_makes_a_hundred_and_what_is_left_out_stays_so(void **state)
{
    struct hall *h = *state;

    assert_int_equal(
        sent_after_downtime(h, MISFIRE("all"), "2026-01-10T13:30:00Z"), 100);
    go_to(h, ms_of("2026-01-10T14:00:00Z"));
    assert_int_equal(n_sent(h), 102);
    stop(h, 0);
    start(h, 0);
    settle(h);
    assert_int_equal(n_sent(h), 102);
}

static void
skip_makes_none_but_what_is_hardly_late(void **state)
{
    struct hall *h = *state;

    assert_int_equal(
        sent_after_downtime(h, MISFIRE("skip"), "2026-01-05T13:30:00Z"), 0);
    stop(h, 0);
    h->clock.now_ms = ms_of("2026-01-05T14:00:30Z");
    start(h, 0);
    settle(h);
    assert_int_equal(n_sent(h), 2);
}

static void
what_is_older_than_the_horizon_is_nobody_s(void **state)
{
    struct hall *h = *state;

    stop(h, 0);
    put_schedule_at(h, "k",
                    "{'rrule':'FREQ=DAILY;COUNT=1;BYHOUR=9','misfire':'all',"
                    "'notification':{'to':'u1','title':'t'}}",
                    h->clock.now_ms - CADENCE_HORIZON_MS - 48 * HOUR_MS);
    put_schedule_at(h, "l",
                    "{'cron':'0 9 * * *','misfire':'all',"
                    "'notification':{'to':'u1','title':'t'}}",
                    h->clock.now_ms - CADENCE_HORIZON_MS - 48 * HOUR_MS);
    settle(h);
    start(h, 0);
    for (int i = 0; i < 10; i++)
        settle(h);
    assert_int_equal(n_sent(h), 7);
}

/* ---- failures ---- */

static void
a_run_that_failed_is_made_again(void **state)
{
    struct hall *h = *state;

    put_schedule(h, "k", HOURLY());
    h->n_to_fail = 3;
    go_to(h, ms_of("2026-01-05T08:59:58Z"));
    assert_int_equal(n_sent(h), 0);
    live_until(h, ms_of("2026-01-05T09:00:30Z"), 1000);
    assert_int_equal(h->n_to_fail, 0);
    assert_int_equal(n_sent(h), 1);
}

/* As if it had been down: what it did not know to have failed, it decides
 * about again. */
static void
a_store_that_is_away_for_long_leaves_missed_runs(void **state)
{
    struct hall *h = *state;

    put_schedule(h, "k", MISFIRE("once"));
    h->n_to_fail = 1000;
    live_until(h, ms_of("2026-01-05T11:30:00Z"), 10 * MINUTE_MS);
    assert_true(h->n_to_fail < 1000);
    h->n_to_fail = 0;
    go_to(h, ms_of("2026-01-05T11:31:00Z"));
    assert_int_equal(n_sent(h), 1);
    assert_true(holds(list(h).notifications[0].doc,
                      "\"send_at\":\"2026-01-05T11:00:00.000Z\""));
}

static void
lost_answers_neither_miss_nor_double_a_run(void **state)
{
    struct hall *h = *state;

    put_schedule(h, "k", HOURLY());
    start(h, 1);
    live_until(h, ms_of("2026-01-05T14:30:00Z"), 5 * MINUTE_MS);
    assert_int_equal(n_sent(h), 6);
}

static void
what_is_refused_is_over(void **state)
{
    struct hall *h = *state;

    put_schedule(h, "k",
                 "{'cron':'0 * * * *','notification':{'to':'u1',"
                 "'template':'gone'}}");
    live_until(h, ms_of("2026-01-05T10:30:00Z"), 10 * MINUTE_MS);
    assert_int_equal(n_sent(h), 0);
    put_schedule(h, "k", HOURLY());
    go_to(h, ms_of("2026-01-05T11:00:00Z"));
    assert_int_equal(n_sent(h), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_run_is_accepted_just_before_it_is_due),
        T(two_processes_make_one_notification_of_a_run),
        T(the_sender_s_own_metadata_stays),
        T(clocks_that_change_are_heeded),
        T(what_ends_or_is_off_is_not_run),
        T(a_change_begins_anew),
        T(a_change_after_a_run_does_not_make_it_twice),
        T(what_is_deleted_is_over),
        T(once_makes_the_last_one),
        T(all_makes_each_the_oldest_first),
        T(all_makes_a_hundred_and_what_is_left_out_stays_so),
        T(skip_makes_none_but_what_is_hardly_late),
        T(what_is_older_than_the_horizon_is_nobody_s),
        T(a_run_that_failed_is_made_again),
        T(a_store_that_is_away_for_long_leaves_missed_runs),
        T(what_is_refused_is_over),
        cmocka_unit_test_setup_teardown(
            lost_answers_neither_miss_nor_double_a_run, uncertain_setup,
            teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
