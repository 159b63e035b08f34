/* away_test.c - deliveries of a driver whose steps are taken elsewhere, as
 * those of a plugin are: here by whoever runs the test. */
#include "dispatch_rig.h"

static struct channel_away *held; /* the step that is away; NULL: none */
static int n_cancelled;

static void
start(const struct channel_remote *r, struct channel_away *a)
{
    (void)r;
    assert_null(held);
    held = a;
}

static void
cancel(const struct channel_remote *r, struct channel_away *a)
{
    (void)r;
    assert_ptr_equal(held, a);
    held = NULL;
    n_cancelled++;
}

static const struct channel_remote remote = {
    .takes_receipts = true, .start = start, .cancel = cancel};
static struct channel_driver driver;

/* Turns until a step is away. */
static void
hold(struct rig *r)
{
    for (int i = 0; i < 500 && !held; i++)
        rig_turn(r, 5);
    assert_non_null(held);
}

static void
come_back(void)
{
    struct channel_away *a = held;

    held = NULL;
    a->on_done(a);
}

/* As the driver of the other tests would take it. */
static void
take_step(struct rig *r)
{
    hold(r);
    rig_driver.step(held->call);
    come_back();
}

static int64_t
begin(struct rig *r, size_t n)
{
    driver = rig_driver;
    driver.step = NULL;
    driver.remote = &remote;
    r->a.driver = &driver;
    held = NULL;
    n_cancelled = 0;
    return rig_send(r, n, PRIORITY_NORMAL);
}

static void
a_step_that_is_away_is_as_any_other(void **state)
{
    struct rig *r = *state;
    int64_t id = begin(r, 1);

    hold(r);
    assert_null(held->call->answer);
    assert_int_equal(r->n_calls, 0);
    take_step(r);
    hold(r);
    assert_int_equal(r->n_calls, 1);
    assert_int_equal(held->call->answer->status, 200);
    take_step(r);
    rig_wait(r, id, DELIVERY_SENT);
    assert_int_equal(rig_get(r, id).n_attempts, 1);
    assert_int_equal(n_cancelled, 0);
}

static void
cut_off_before_it_asked_nothing_was_sent(void **state)
{
    struct rig *r = *state;
    int64_t id = begin(r, 1);
    struct store_delivery_get g;

    hold(r);
    rig_drain(r, 20);
    g = rig_get(r, id);
    assert_int_equal(n_cancelled, 1);
    assert_int_equal(g.delivery.status, DELIVERY_RETRYING);
    assert_true(str_is(g.attempts[0].verdict, "retry"));
}

static void
cut_off_with_an_answer_it_may_have_been(void **state)
{
    struct rig *r = *state;
    int64_t id = begin(r, 1);
    struct store_delivery_get g;

    take_step(r);
    hold(r);
    rig_drain(r, 20);
    g = rig_get(r, id);
    assert_int_equal(n_cancelled, 1);
    assert_int_equal(g.delivery.status, DELIVERY_QUEUED);
    assert_true(str_is(g.attempts[0].verdict, "interrupted"));
}

static void
cut_off_with_the_answer_of_what_sends_nothing_it_was_not(void **state)
{
    struct rig *r = *state;
    int64_t id = begin(r, 1);

    hold(r);
    held->is_preparing = true;
    take_step(r);
    hold(r);
    rig_drain(r, 20);
    assert_true(str_is(rig_get(r, id).attempts[0].verdict, "retry"));
}

static void
what_is_given_up_is_a_dead_letter_whatever_the_policy_says(void **state)
{
    struct rig *r = *state;
    int64_t id = begin(r, 1);
    struct store_delivery_get g;

    hold(r);
    held->call->is_done = true;
    held->call->verdicts[0] = (struct channel_verdict){
        .verdict = VERDICT_RETRY,
        .reason = STR("plugin.crash_loop"),
        .is_last = true,
    };
    come_back();
    g = rig_wait(r, id, DELIVERY_DEAD);
    assert_true(str_is(g.delivery.reason, "plugin.crash_loop"));
    assert_int_equal(g.n_attempts, 1);
    assert_int_equal(r->n_calls, 0);
}

/* Whether the provider's word of that message would find a delivery. */
static bool
is_found(struct rig *r, struct str message)
{
    struct store_receipt_event e = {.message = message,
                                    .kind = RECEIPT_DELIVERED,
                                    .n = STORE_RECEIPT_N,
                                    .at_ms = r->clock.now_ms};
    struct store_receipt x = {.tenant = RIG_TENANT,
                              .lane = RIG_LANE_A,
                              .provider = STR("mail"),
                              .is_look = true,
                              .now_ms = r->clock.now_ms,
                              .events = &e,
                              .n_events = 1};

    assert_int_equal(rig_ask(r, STORE_VERB_receipt, &x.req), ERR_OK);
    return e.found.id != 0;
}

/* PostgreSQL would refuse a NUL, and with it all that is recorded then. */
static void
an_id_that_is_no_text_is_not_kept(void **state)
{
    const struct str ids[] = {STR("m1"), STR("m\0002"), STR("m\xff")};
    struct rig *r = *state;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        int64_t id = begin(r, 1);

        hold(r);
        held->call->is_done = true;
        held->call->verdicts[0] = (struct channel_verdict){
            .verdict = VERDICT_SENT, .provider_message_id = ids[i]};
        come_back();
        rig_wait(r, id, DELIVERY_SENT);
        assert_int_equal(is_found(r, ids[i]), i == 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_step_that_is_away_is_as_any_other),
        RIG_TEST(cut_off_before_it_asked_nothing_was_sent),
        RIG_TEST(cut_off_with_an_answer_it_may_have_been),
        RIG_TEST(cut_off_with_the_answer_of_what_sends_nothing_it_was_not),
        RIG_TEST(what_is_given_up_is_a_dead_letter_whatever_the_policy_says),
        RIG_TEST(an_id_that_is_no_text_is_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
