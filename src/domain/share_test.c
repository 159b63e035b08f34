#include "domain/share.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/rng.h"

#define DELIVERIES 60000
#define LANES 4

static struct share_row
row(int64_t lane, int weight)
{
    return (struct share_row){
        .lane = lane, .weight = weight, .fitness = FITNESS_WHOLE};
}

/* How often each of n lanes, numbered from 0, comes at that place. Ids rise by
 * one, as real ones do. */
static void
count(const struct share_row *rows, size_t n, size_t place, int counts[LANES])
{
    for (size_t i = 0; i < LANES; i++)
        counts[i] = 0;
    for (int64_t id = 1; id <= DELIVERIES; id++) {
        struct share_row mine[LANES];

        for (size_t i = 0; i < n; i++)
            mine[i] = rows[i];
        share_rank(mine, n, id);
        counts[mine[place].lane]++;
    }
}

/* Five standard deviations of a binomial: a false alarm in a million runs, and
 * there is no chance in it. */
static void
assert_share(int n, double share)
{
    double mean = DELIVERIES * share, room = 5 * sqrt(mean * (1 - share));

    assert_true(n > mean - room && n < mean + room);
}

static void
each_is_first_by_its_weight(void **state)
{
    const struct share_row rows[] = {row(0, 1), row(1, 2), row(2, 7)};
    int n[LANES];

    (void)state;
    count(rows, 3, 0, n);
    assert_share(n[0], 0.1);
    assert_share(n[1], 0.2);
    assert_share(n[2], 0.7);
}

/* Those that the heaviest was first of go on by the weights of the others. */
static void
the_next_is_drawn_by_weight_as_well(void **state)
{
    const struct share_row rows[] = {row(0, 1), row(1, 3), row(2, 1)};
    int n[LANES];

    (void)state;
    count(rows, 3, 1, n);
    assert_share(n[1], 0.2 * 0.75 * 2);
    assert_share(n[0], 0.6 / 2 + 0.2 * 0.25);
}

static void
without_weight_one_comes_after_all_others(void **state)
{
    const struct share_row rows[] = {row(0, 0), row(1, 1), row(2, 0)};
    int n[LANES];

    (void)state;
    count(rows, 3, 0, n);
    assert_int_equal(n[1], DELIVERIES);
    count(rows, 3, 1, n);
    assert_share(n[0], 0.5);
    assert_share(n[2], 0.5);
}

static void
the_same_delivery_ranks_them_the_same_way(void **state)
{
    const struct share_row rows[] = {row(3, 5), row(1, 2), row(2, 2)};

    (void)state;
    for (int64_t id = 1; id < 1000; id++) {
        struct share_row a[] = {rows[0], rows[1], rows[2]};
        struct share_row b[] = {rows[2], rows[0], rows[1]};

        share_rank(a, 3, id);
        share_rank(b, 3, id);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(a[i].lane, b[i].lane);
    }
}

static void
less_fitness_moves_only_what_that_one_loses(void **state)
{
    const struct share_row before[] = {row(0, 2), row(1, 2)};
    int n_moved = 0;

    (void)state;
    for (int64_t id = 1; id <= DELIVERIES; id++) {
        struct share_row was[] = {before[0], before[1]};
        struct share_row is[] = {before[0], before[1]};

        is[0].fitness = FITNESS_WHOLE / 3;
        share_rank(was, 2, id);
        share_rank(is, 2, id);
        if (was[0].lane == is[0].lane)
            continue;
        assert_int_equal(is[0].lane, 1);
        n_moved++;
    }
    assert_share(n_moved, 0.5 - 0.25);
}

/* ---- with what calls come to, at a hundred a second ---- */

struct world {
    struct rng rng;
    struct fitness f[2];
    int64_t now_ms, id;
    int fails[2]; /* in a hundred */
    int64_t took_ms[2];
};

/* So many seconds; the share of lane 0, in a hundred. */
static int
live(struct world *w, int seconds)
{
    int n[2] = {0, 0};

    for (int i = 0; i < seconds * 100; i++, w->now_ms += 10) {
        struct share_row rows[] = {row(0, 1), row(1, 1)};
        int64_t fastest_ms = -1;
        int64_t at;

        for (size_t k = 0; k < 2; k++) {
            int64_t ms = fitness_latency_ms(&w->f[k], w->now_ms);

            if (ms >= 0 && (fastest_ms < 0 || ms < fastest_ms))
                fastest_ms = ms;
        }
        for (size_t k = 0; k < 2; k++)
            rows[k].fitness = fitness_of(&w->f[k], fastest_ms, w->now_ms);
        share_rank(rows, 2, w->id++);
        at = rows[0].lane;
        n[at]++;
        fitness_note(&w->f[at],
                     (int)rng_below(&w->rng, 100) < w->fails[at] ? FITNESS_BAD
                                                                 : FITNESS_GOOD,
                     w->took_ms[at], w->now_ms);
    }
    return 100 * n[0] / (n[0] + n[1]);
}

static struct world
healthy(void)
{
    struct world w = {.now_ms = 7, .id = 1000, .took_ms = {20, 20}};

    rng_seed(&w.rng, 11);
    return w;
}

static void
one_that_fails_loses_its_share_and_gets_it_back(void **state)
{
    struct world w = healthy();

    (void)state;
    assert_in_range(live(&w, 60), 48, 52);
    w.fails[0] = 100;
    (void)live(&w, 30);
    assert_in_range(live(&w, 60), 1, 5); /* never nothing: that is the probe */
    w.fails[0] = 0;
    (void)live(&w, 120);
    assert_in_range(live(&w, 60), 45, 52);
}

static void
one_that_is_slow_loses_its_share_and_gets_it_back(void **state)
{
    struct world w = healthy();

    (void)state;
    assert_in_range(live(&w, 60), 48, 52);
    w.took_ms[0] = 1400; /* ten times what is allowed: a tenth of the weight */
    (void)live(&w, 120);
    assert_in_range(live(&w, 60), 7, 12);
    w.took_ms[0] = 20;
    (void)live(&w, 240);
    assert_in_range(live(&w, 60), 45, 52);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_first_by_its_weight),
        cmocka_unit_test(the_next_is_drawn_by_weight_as_well),
        cmocka_unit_test(without_weight_one_comes_after_all_others),
        cmocka_unit_test(the_same_delivery_ranks_them_the_same_way),
        cmocka_unit_test(less_fitness_moves_only_what_that_one_loses),
        cmocka_unit_test(one_that_fails_loses_its_share_and_gets_it_back),
        cmocka_unit_test(one_that_is_slow_loses_its_share_and_gets_it_back),
    };

    return cmocka_run_group_tests_name("domain/share", tests, NULL, NULL);
}
