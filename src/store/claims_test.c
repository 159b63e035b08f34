#include "store/claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <time.h>

#include "base/arena.h"

static void
add(struct claims *c, int64_t lane, int64_t delivery)
{
    struct claim claim = {.delivery = delivery, .tenant = 7, .lane = lane};
    struct claim_ref ref = {.delivery = delivery};

    claims_add(c, &claim, &ref);
}

/* Each of `all` once, and nothing else. */
static void
check_lane(const struct claims *c, int64_t lane, const int64_t *all, size_t n)
{
    struct arena *a = arena_new();
    size_t n_found;
    const struct claim *found = claims_of_lane(c, lane, a, &n_found);

    assert_int_equal(n_found, n);
    assert_int_equal(claims_count_of_lane(c, lane), n);
    for (size_t i = 0; i < n; i++) {
        size_t n_times = 0;

        for (size_t k = 0; k < n_found; k++)
            n_times += found[k].delivery == all[i];
        assert_int_equal(n_times, 1);
    }
    arena_free(a);
}

static void
a_lane_has_its_claims_critical_ones_too(void **state)
{
    struct claims *c = claims_new();
    struct claim gone;

    (void)state;
    add(c, 5, 1);
    add(c, -5, 2);
    add(c, 6, 3);
    add(c, 5, 4);
    claims_commit(c);
    check_lane(c, 5, (int64_t[]){1, 2, 4}, 3);
    check_lane(c, 6, (int64_t[]){3}, 1);
    check_lane(c, 7, NULL, 0);
    assert_true(claims_remove(c, 1, &gone));
    check_lane(c, 5, (int64_t[]){2, 4}, 2);
    assert_true(claims_remove(c, 4, &gone));
    assert_true(claims_remove(c, 2, &gone));
    check_lane(c, 5, NULL, 0);
    claims_commit(c);
    claims_drop_lane(c, 6);
    check_lane(c, 6, NULL, 0);
    assert_null(claims_find(c, 3));
    claims_free(c);
}

static void
what_is_rolled_back_is_in_its_lane_as_before(void **state)
{
    enum { N = 1000, LANES = 7 };
    struct claims *c = claims_new();
    struct claim gone;

    (void)state;
    for (int64_t i = 1; i <= N; i++)
        add(c, 1 + i % LANES, i);
    claims_commit(c);
    for (int64_t i = 1; i <= N; i += 3)
        assert_true(claims_remove(c, i, &gone));
    for (int64_t i = N + 1; i <= 2 * N; i++)
        add(c, 1 + i % LANES, i);
    claims_rollback(c);
    for (int64_t lane = 1; lane <= LANES; lane++) {
        int64_t all[N];
        size_t n = 0;

        for (int64_t i = 1; i <= N; i++)
            if (1 + i % LANES == lane)
                all[n++] = i;
        check_lane(c, lane, all, n);
    }
    claims_free(c);
}

/* Each claim asks for what its lane holds; by a walk over all of them this
 * takes minutes. */
static void
a_lane_costs_no_more_for_what_others_hold(void **state)
{
    enum { N = 200000, ROUNDS = 100000 };
    struct claims *c = claims_new();
    struct arena *a = arena_new();
    clock_t begin;

    (void)state;
    for (int64_t i = 1; i <= N; i++)
        add(c, 1 + i % 1000, i);
    claims_commit(c);
    begin = clock();
    for (int i = 0; i < ROUNDS; i++) {
        size_t n;

        (void)claims_of_lane(c, 1001, a, &n);
        assert_int_equal(n, 0);
    }
    assert_true(clock() - begin < 5 * CLOCKS_PER_SEC);
    arena_free(a);
    claims_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_has_its_claims_critical_ones_too),
        cmocka_unit_test(what_is_rolled_back_is_in_its_lane_as_before),
        cmocka_unit_test(a_lane_costs_no_more_for_what_others_hold),
    };

    return cmocka_run_group_tests_name("store/claims", tests, NULL, NULL);
}
