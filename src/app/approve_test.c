#include "app/approve.h"

#include "app/hall_test.h"

static int
with_fan(void **state, int e)
{
    struct hall *h = *state;

    h->fan = fan_new(&h->app);
    return e;
}

static int
setup(void **state)
{
    return with_fan(state, hall_setup(state));
}

static int
uncertain_setup(void **state)
{
    return with_fan(state, hall_uncertain_setup(state));
}

#define APPROVE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, hall_teardown)
#define UNCERTAIN_TEST(f)                                                      \
    cmocka_unit_test_setup_teardown(f, uncertain_setup, hall_teardown)

static int n_decided;
static enum err decided;

static void
on_decided(struct approve *a, enum err e)
{
    (void)a;
    decided = e;
    n_decided++;
}

static const struct approve *
decide(struct hall *h, int64_t id, bool is_approved, const char *by)
{
    struct approve *a = ARENA_NEW(h->arena, struct approve);

    *a = (struct approve){
        .app = &h->app,
        .arena = h->arena,
        .tenant = h->tenant,
        .notification = id,
        .now_ms = h->clock.now_ms,
        .is_approved = is_approved,
        .by = str_from(by),
        .on_done = on_decided,
    };
    n_decided = 0;
    approve_start(a);
    TURN_UNTIL(h, n_decided == 1);
    return a;
}

static void
assert_detail(const struct approve *a, const char *part)
{
    struct arena *arena = arena_new();

    if (!strstr(str_cstr(arena, a->problem.detail), part))
        fail_msg("\"%.*s\" does not say \"%s\"", STR_ARG(a->problem.detail),
                 part);
    arena_free(arena);
}

static void
put_user(struct hall *h, const char *id, const char *body)
{
    struct store_object_write w = {
        .kind = OBJECT_USER,
        .key = str_from(id),
        .body = quoted(h->arena, body),
        .if_version = OBJECT_ANY_VERSION,
        .num = id_make(h->app.ids, NOW, 1),
    };

    hall_put(h, h->tenant, &w, 1);
}

/* Until it is planned, or has ended; leases end meanwhile. */
static struct store_notification_get
settled(struct hall *h, int64_t id)
{
    struct store_notification_get g;

    do {
        for (int i = 0; i < 20; i++)
            loop_turn(h->env.loop, 1);
        h->clock.now_ms += 500;
        arena_reset(h->arena);
        g = hall_look(h, id);
    } while (g.notification.is_planning);
    return g;
}

static void
what_is_held_is_planned_when_it_is_approved(void **state)
{
    struct hall *h = *state;
    struct store_notification_get g;
    int64_t id = hall_send(h, "{'to':['u1','u2'],'title':'t','approval':true}");

    fan_ring(h->fan);
    for (int i = 0; i < 50; i++)
        loop_turn(h->env.loop, 1);
    g = hall_look(h, id);
    assert_true(g.notification.is_held);
    assert_int_equal(g.n_deliveries, 0);
    assert_int_equal(g.notification.due_ms,
                     h->clock.now_ms + SEND_APPROVAL_DEFAULT_MS);
    decide(h, id, true, "");
    assert_int_equal(decided, ERR_OK);
    fan_ring(h->fan);
    g = settled(h, id);
    assert_int_equal(g.n_deliveries, 2);
    assert_int_equal(g.deliveries[0].status, DELIVERY_DELIVERED);
    assert_int_equal(g.notification.n_recipients, 2);
}

static void
it_waits_no_longer_than_it_is_good_for(void **state)
{
    struct hall *h = *state;
    char at[TIME_TEXT_SIZE];
    int64_t now_ms = h->clock.now_ms;
    struct str body = str_fmt(
        h->arena,
        "{'to':'u1','title':'t','expires_at':'%.*s','approval':{'expires_in':"
        "'2h'}}",
        STR_ARG(time_format(at, now_ms + 3600000)));
    int64_t id = hall_send(h, str_cstr(h->arena, body));

    assert_int_equal(hall_look(h, id).notification.due_ms, now_ms + 3600000);
    id = hall_send(h, "{'to':'u1','title':'t','approval':{'expires_in':'1h'}}");
    assert_int_equal(hall_look(h, id).notification.due_ms, now_ms + 3600000);
}

static void
who_decides_has_one_of_the_roles(void **state)
{
    static const struct {
        const char *by;
        enum err err;
        const char *detail;
    } rows[] = {
        {"", ERR_FORBIDDEN, "roles editor, chief has to decide"},
        {"stranger", ERR_FORBIDDEN, "stranger is no user with one of"},
        {"reader", ERR_FORBIDDEN, "reader is no user with one of"},
        {"nothing", ERR_FORBIDDEN, "nothing is no user with one of"},
        {"chief", ERR_OK, ""},
    };
    struct hall *h = *state;
    int64_t id;

    put_user(h, "reader", "{'roles':['reader','edit']}");
    put_user(h, "nothing", "{}");
    put_user(h, "chief", "{'roles':['reader','chief']}");
    id = hall_send(h, "{'to':'u1','title':'t','approval':"
                      "{'roles':['editor','chief']}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct approve *a = decide(h, id, false, rows[i].by);

        assert_int_equal(decided, rows[i].err);
        assert_int_equal(a->problem.err, rows[i].err);
        assert_detail(a, rows[i].detail);
        assert_int_equal(hall_look(h, id).notification.is_held,
                         rows[i].err != ERR_OK);
    }
    /* What is decided is told to whoever asks. */
    assert_detail(decide(h, id, true, "stranger"), "it was rejected by chief");
    assert_int_equal(decided, ERR_CONFLICT);
}

static void
why_it_cannot_be_decided_is_told(void **state)
{
    struct hall *h = *state;
    int64_t sent = hall_send(h, "{'to':'u1','title':'t'}");
    int64_t held = hall_send(h, "{'to':'u1','title':'t','approval':true}");

    assert_detail(decide(h, sent, true, ""), "does not wait for an approval");
    assert_int_equal(decided, ERR_CONFLICT);
    decide(h, held + 1, true, "");
    assert_int_equal(decided, ERR_NOT_FOUND);
    h->clock.now_ms += SEND_APPROVAL_DEFAULT_MS;
    assert_detail(decide(h, held, true, ""), "the time to decide is over");
    fan_ring(h->fan);
    assert_true(settled(h, held).notification.is_expired);
    assert_detail(decide(h, held, true, ""), "nobody decided in time");
    assert_int_equal(decided, ERR_CONFLICT);
}

/* As often as it takes, until an answer comes. */
static enum err
decide_surely(struct hall *h, int64_t id, bool is_approved, const char *by)
{
    do
        decide(h, id, is_approved, by);
    while (decided == ERR_UNCERTAIN);
    return decided;
}

static int64_t
hold_surely(struct hall *h)
{
    int64_t id;

    do
        id = hall_send(h, "{'to':['u1','u2'],'title':'t','approval':true}");
    while (h->answered != ERR_OK);
    return id;
}

static void
a_decision_whose_answer_was_lost_can_be_repeated(void **state)
{
    struct hall *h = *state;

    for (int i = 0; i < 20; i++) {
        int64_t id = hold_surely(h);
        struct store_notification_get g;

        assert_int_equal(decide_surely(h, id, i % 2, "ann"), ERR_OK);
        assert_int_equal(decide_surely(h, id, !(i % 2), "ann"), ERR_CONFLICT);
        fan_ring(h->fan);
        g = settled(h, id);
        assert_int_equal(g.n_deliveries, i % 2 ? 2 : 0);
        assert_int_equal(g.notification.is_cancelled, !(i % 2));
    }
}

static void
what_expires_does_so_once_whatever_answers_are_lost(void **state)
{
    struct hall *h = *state;

    for (int i = 0; i < 20; i++) {
        int64_t id = hold_surely(h);
        struct store_notification_get g = {0};

        h->clock.now_ms += SEND_APPROVAL_DEFAULT_MS;
        fan_ring(h->fan);
        assert_true(settled(h, id).notification.is_expired);
        g = (struct store_notification_get){.req = hall_question(h),
                                            .tenant = h->tenant,
                                            .id = id,
                                            .max_deliveries = 10,
                                            .wants_attempts = true};
        store_notification_get(h->env.store, &g);
        TURN_UNTIL(h, h->n_answered == 1);
        assert_int_equal(g.n_steps, 1);
        assert_int_equal(g.n_deliveries, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        APPROVE_TEST(what_is_held_is_planned_when_it_is_approved),
        APPROVE_TEST(it_waits_no_longer_than_it_is_good_for),
        APPROVE_TEST(who_decides_has_one_of_the_roles),
        APPROVE_TEST(why_it_cannot_be_decided_is_told),
        UNCERTAIN_TEST(a_decision_whose_answer_was_lost_can_be_repeated),
        UNCERTAIN_TEST(what_expires_does_so_once_whatever_answers_are_lost),
    };

    return cmocka_run_group_tests_name("app/approve", tests, NULL, NULL);
}
