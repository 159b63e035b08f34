/* store_budget.c - what may still go out: what each driver must keep. A shared
 * database goes by its own clock, so this goes by the real one. */
#include <stdio.h>
#include <time.h>

#include "store_rig.h"

#define HOUR 3600000

static int64_t
now_ms(void)
{
    struct clock *c = clock_system();

    return c->wall_ms(c);
}

static void
rest_ms(long ms)
{
    nanosleep(
        &(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000},
        NULL);
}

/* Each time for others than before. */
static struct store_budget
budget(struct rig *r, const char *key, int limit, int64_t per_ms, int want)
{
    static int64_t last_id;
    int64_t *ids = ARENA_ARRAY(r->arena, int64_t, (size_t)want);

    for (int i = 0; i < want; i++)
        ids[i] = ++last_id;
    return (struct store_budget){.key = str_from(key),
                                 .throttle = {.limit = limit, .per_ms = per_ms},
                                 .ids = ids,
                                 .want = want};
}

static int
take_of(struct rig *r, int64_t tenant, struct store_budget *b)
{
    struct store_budget_take t = {
        .tenant = tenant, .now_ms = now_ms(), .budgets = b, .n_budgets = 1};

    assert_int_equal(ASK(r, budget_take, &t), ERR_OK);
    assert_true((b->granted > 0) == (b->at_ms > 0));
    return b->granted;
}

static int
take(struct rig *r, const char *key, int limit, int64_t per_ms, int want)
{
    struct store_budget b = budget(r, key, limit, per_ms, want);

    return take_of(r, T, &b);
}

static int
look_at(struct rig *r, const char *key, int limit, int64_t per_ms, int want)
{
    struct store_budget b = budget(r, key, limit, per_ms, want);
    struct store_budget_look l = {
        .tenant = T, .now_ms = now_ms(), .budgets = &b, .n_budgets = 1};

    assert_int_equal(ASK(r, budget_look, &l), ERR_OK);
    assert_int_equal(b.at_ms, 0);
    return b.granted;
}

static void
no_more_is_granted_than_the_limit(void **state)
{
    struct rig *r = *state;
    struct store_budget other = budget(r, "a", 3, HOUR, 9);

    assert_int_equal(take(r, "a", 3, HOUR, 1), 1);
    assert_int_equal(take(r, "a", 3, HOUR, 1), 1);
    assert_int_equal(take(r, "a", 3, HOUR, 5), 1);
    assert_int_equal(take(r, "a", 3, HOUR, 1), 0);
    assert_int_equal(take(r, "b", 3, HOUR, 9), 3);
    assert_int_equal(take_of(r, T + 1, &other), 3);
    assert_int_equal(take(r, "a", 5, HOUR, 9), 2); /* the limit was raised */
    assert_int_equal(take(r, "a", 2, HOUR, 9), 0);
    assert_int_equal(take(r, "c", 1000, HOUR, 1000), 1000);
    assert_int_equal(take(r, "c", 1000, HOUR, 1), 0);
}

static void
the_window_slides(void **state)
{
    struct rig *r = *state;

    assert_int_equal(take(r, "a", 2, 400, 1), 1);
    rest_ms(250);
    assert_int_equal(take(r, "a", 2, 400, 5), 1);
    assert_int_equal(take(r, "a", 2, 400, 1), 0);
    rest_ms(200); /* the first is out, and the second is not */
    assert_int_equal(look_at(r, "a", 2, 400, 5), 1);
    assert_int_equal(take(r, "a", 2, 400, 5), 1);
}

static void
a_look_reserves_nothing(void **state)
{
    struct rig *r = *state;

    assert_int_equal(look_at(r, "a", 3, HOUR, 2), 2);
    assert_int_equal(look_at(r, "a", 3, HOUR, 9), 3);
    assert_int_equal(take(r, "a", 3, HOUR, 2), 2);
    assert_int_equal(look_at(r, "a", 3, HOUR, 9), 1);
    assert_int_equal(look_at(r, "a", 3, HOUR, 9), 1);
    assert_int_equal(look_at(r, "a", 1, HOUR, 9), 0);
    assert_int_equal(take(r, "a", 3, HOUR, 9), 1);
}

static void
give_back(struct rig *r, const struct store_budget *b, size_t n)
{
    struct store_budget_give_back g = {
        .tenant = T, .budgets = b, .n_budgets = n};

    assert_int_equal(ASK(r, budget_give_back, &g), ERR_OK);
}

static void
what_is_given_back_is_free_again(void **state)
{
    struct rig *r = *state;
    struct store_budget b[3] = {budget(r, "b", 4, HOUR, 3),
                                budget(r, "a", 2, HOUR, 1),
                                budget(r, "never taken", 2, HOUR, 1)};

    assert_int_equal(take_of(r, T, &b[0]), 3);
    assert_int_equal(take_of(r, T, &b[1]), 1);
    for (int i = 0; i < 3; i++) {
        b[i].back = ARENA_ARRAY(r->arena, int64_t, 2);
        b[i].back[b[i].n_back++] = b[i].ids[0];
    }
    b[0].back[b[0].n_back++] = b[0].ids[2];
    give_back(r, b, 3);
    give_back(r, b, 3); /* once more changes nothing */
    assert_int_equal(look_at(r, "b", 4, HOUR, 9), 3);
    assert_int_equal(look_at(r, "a", 2, HOUR, 9), 2);
    assert_int_equal(take(r, "b", 4, HOUR, 9), 3);
    assert_int_equal(take(r, "a", 2, HOUR, 9), 2);
}

/* What has a place gets another, also where there is none left, and counts once
 * for as long as one of them is in the window; one of several does not. */
static void
what_goes_out_in_parts_counts_once(void **state)
{
    struct rig *r = *state;
    struct store_budget first = budget(r, "a", 2, 1000, 1), again = first;
    struct store_budget other = budget(r, "a", 2, 1000, 1);
    struct store_budget two = budget(r, "b", 2, HOUR, 2), one = two;

    assert_int_equal(take_of(r, T, &first), 1);
    assert_int_equal(take_of(r, T, &again), 1);
    assert_int_equal(look_at(r, "a", 2, 1000, 9), 1);
    assert_int_equal(take_of(r, T, &other), 1);
    assert_int_equal(take(r, "a", 2, 1000, 1), 0);
    first.back = ARENA_ARRAY(r->arena, int64_t, 1);
    first.back[first.n_back++] = first.ids[0];
    give_back(r, &first, 1);
    assert_int_equal(look_at(r, "a", 2, 1000, 9),
                     0); /* the other part is left */
    again.back = first.back;
    again.n_back = 1;
    give_back(r, &again, 1);
    assert_int_equal(look_at(r, "a", 2, 1000, 9), 1);
    rest_ms(1050);
    assert_int_equal(take(r, "a", 2, 1000, 2), 2);
    assert_int_equal(take_of(r, T, &again), 0); /* its place is lost */
    assert_int_equal(take_of(r, T, &two), 2);
    one.want = 1;
    assert_int_equal(take_of(r, T, &one), 1);
    assert_int_equal(take_of(r, T, &two), 0);
}

/* Also where two name the same keys the other way round. */
static void
many_at_once_share_what_there_is(void **state)
{
    struct rig *r = *state;
    struct store_budget b[100][2];
    struct store_budget_take t[100];
    int n_a = 0, n_b = 0;

    for (int i = 0; i < 100; i++) {
        b[i][i % 2] = budget(r, "a", 5, HOUR, 1);
        b[i][1 - i % 2] = budget(r, "b", 7, HOUR, 1);
        t[i] = (struct store_budget_take){
            .tenant = T, .now_ms = now_ms(), .budgets = b[i], .n_budgets = 2};
        begin(r, STORE_VERB_budget_take, &t[i].req);
    }
    wait_for_all(r);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(t[i].req.err, ERR_OK);
        n_a += b[i][i % 2].granted;
        n_b += b[i][1 - i % 2].granted;
    }
    assert_int_equal(n_a, 5);
    assert_int_equal(n_b, 7);
}

static void
a_request_has_as_many_as_it_may(void **state)
{
    struct rig *r = *state;
    struct store_budget *b =
        ARENA_ARRAY(r->arena, struct store_budget, STORE_BUDGETS_MAX);
    struct store_budget_take t = {.tenant = T,
                                  .now_ms = now_ms(),
                                  .budgets = b,
                                  .n_budgets = STORE_BUDGETS_MAX};
    size_t n = r->kind->is_durable ? STORE_BUDGETS_MAX : 500;

    t.n_budgets = n;
    for (size_t i = 0; i < n; i++) {
        b[i] = budget(r, "", 2, HOUR, 1);
        b[i].key = str_fmt(r->arena, "k%zu", n - i);
    }
    for (int k = 0; k < 3; k++) {
        assert_int_equal(ASK(r, budget_take, &t), ERR_OK);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(b[i].granted, k < 2 ? 1 : 0);
            b[i].ids = budget(r, "", 2, HOUR, 1).ids;
        }
    }
}

static void
what_is_over_is_purged(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {.max = 10};

    assert_int_equal(take(r, "short", 1, 40, 1), 1);
    assert_int_equal(take(r, "long", 1, HOUR, 1), 1);
    rest_ms(100);
    p.now_ms = now_ms();
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(take(r, "long", 1, HOUR, 1), 0);
    assert_int_equal(take(r, "short", 1, 40, 1), 1);
}

static void
what_was_taken_is_so_after_a_restart(void **state)
{
    struct rig *r = *state;

    if (!r->kind->is_durable)
        return; /* nothing outlives it */
    assert_int_equal(take(r, "a", 2, HOUR, 1), 1);
    rig_reopen(r);
    assert_int_equal(take(r, "a", 2, HOUR, 2), 1);
}

const struct CMUnitTest budget_tests[] = {
    RIG_TEST(no_more_is_granted_than_the_limit),
    RIG_TEST(the_window_slides),
    RIG_TEST(a_look_reserves_nothing),
    RIG_TEST(what_is_given_back_is_free_again),
    RIG_TEST(what_goes_out_in_parts_counts_once),
    RIG_TEST(many_at_once_share_what_there_is),
    RIG_TEST(a_request_has_as_many_as_it_may),
    RIG_TEST(what_is_over_is_purged),
    RIG_TEST(what_was_taken_is_so_after_a_restart),
};
const size_t budget_tests_n = sizeof(budget_tests) / sizeof(*budget_tests);
