/* store_memory.c - the contract on the memory driver, and its unkindness. */
#include "store/memory/memory.h"

#include "store_rig.h"

static struct store *
open_unkind(struct rig *r, unsigned uncertain_per_mille)
{
    struct memory_store_options o = {.loop = r->loop,
                                     .clock = &r->clock.base,
                                     .seed = 7,
                                     .uncertain_per_mille =
                                         uncertain_per_mille};

    return memory_store_open(&o);
}

static struct store *
open_memory(struct rig *r)
{
    return open_unkind(r, 0);
}

const struct kind the_kind = {"memory", false, open_memory, NULL};

enum { MANY = 200 };

static size_t n_answered;
static int64_t order[MANY];

static void
note_order(struct store_req *req, enum err e)
{
    const struct store_accept *a = (const struct store_accept *)(void *)req;

    assert_int_equal(e, ERR_OK);
    order[n_answered++] = a->items[0].id;
    arena_free(req->arena);
}

static void
answers_come_in_another_order_than_the_requests(void **state)
{
    struct rig *r = *state;
    bool is_same_order = true;

    n_answered = 0;
    for (int i = 0; i < MANY; i++) {
        struct store_accept *a =
            make_accept(r, &(struct send){.id = 1000 + 10 * i});

        a->req.arena = arena_new();
        a->req.loop = r->loop;
        a->req.on_done = note_order;
        store_accept(r->store, a);
    }
    assert_int_equal(n_answered, 0);
    while (n_answered < MANY)
        loop_turn(r->loop, 10);
    for (int i = 1; i < MANY; i++)
        is_same_order &= order[i] > order[i - 1];
    assert_false(is_same_order);
}

static void
an_uncertain_write_is_done_or_not(void **state)
{
    struct rig *r = *state;
    size_t n_done = 0, n_not = 0;

    store_close(r->store);
    r->store = open_unkind(r, 1000);
    for (int i = 0; i < MANY; i++) {
        struct store_notification_get g = {.tenant = T, .id = 1000 + 10 * i};
        enum err e;

        assert_int_equal(
            ASK(r, accept, make_accept(r, &(struct send){.id = g.id})),
            ERR_UNCERTAIN);
        e = ASK(r, notification_get, &g);
        n_done += e == ERR_OK;
        n_not += e == ERR_NOT_FOUND;
    }
    assert_int_equal(n_done + n_not, MANY);
    assert_true(n_done > MANY / 4);
    assert_true(n_not > MANY / 4);
}

static void
an_uncertain_claim_can_be_claimed_again(void **state)
{
    struct rig *r = *state;
    struct store_cycle c = {
        .now_ms = NOW, .tenant = T, .lane = LANE, .want = 10};
    struct store_stats s = {0};

    store_close(r->store);
    r->store = open_unkind(r, 1000);
    do { /* until one got in */
        ASK(r, accept, make_accept(r, &(struct send){.id = 1000}));
        assert_int_equal(ASK(r, stats, &s), ERR_OK);
    } while (s.n_lanes == 0);
    for (int i = 0, n_seen = 0; n_seen < 2; i++) {
        assert_true(i < 100);
        c.n_work = 0;
        assert_int_equal(ASK(r, cycle, &c), ERR_UNCERTAIN);
        n_seen += c.n_work == 1;
    }
}

static const struct CMUnitTest own_tests[] = {
    RIG_TEST(answers_come_in_another_order_than_the_requests),
    RIG_TEST(an_uncertain_write_is_done_or_not),
    RIG_TEST(an_uncertain_claim_can_be_claimed_again),
};

int
main(void)
{
    return run_contract("store/memory", own_tests,
                        sizeof(own_tests) / sizeof(*own_tests));
}
