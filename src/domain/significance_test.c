#include "domain/significance.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/rng.h"

static const struct stop_rule rule = {
    .min_per_variant = 100, .confidence = 0.95, .expected = 0.05};

static void
assert_near(double got, double want)
{
    assert_true(fabs(got - want) < 0.00006);
}

/* 81 of 263 and 15 of 148, as in Newcombe's papers of 1998. */
static void
a_rate_has_the_interval_of_wilson(void **state)
{
    struct interval i = significance_wilson((struct trial_count){263, 81});

    (void)state;
    assert_near(i.low, 0.2553);
    assert_near(i.high, 0.3662);
    i = significance_wilson((struct trial_count){148, 15});
    assert_near(i.low, 0.0624);
    assert_near(i.high, 0.1605);
    i = significance_wilson((struct trial_count){20, 0});
    assert_near(i.low, 0);
    assert_near(i.high, 0.1611);
    i = significance_wilson((struct trial_count){29, 29});
    assert_near(i.low, 0.8830);
    assert_near(i.high, 1);
    i = significance_wilson((struct trial_count){0, 0});
    assert_near(i.low, 0);
    assert_near(i.high, 1);
}

/* Some of those in table II there. */
static void
a_difference_has_the_interval_of_newcombe(void **state)
{
    struct interval i = significance_newcombe((struct trial_count){80, 48},
                                              (struct trial_count){70, 56});

    (void)state;
    assert_near(i.low, 0.0524);
    assert_near(i.high, 0.3339);
    i = significance_newcombe((struct trial_count){10, 3},
                              (struct trial_count){10, 9});
    assert_near(i.low, 0.1705);
    assert_near(i.high, 0.8090);
    i = significance_newcombe((struct trial_count){29, 0},
                              (struct trial_count){56, 5});
    assert_near(i.low, -0.0381);
    assert_near(i.high, 0.1926);
    i = significance_newcombe((struct trial_count){10, 0},
                              (struct trial_count){10, 10});
    assert_near(i.low, 0.6075);
    assert_near(i.high, 1);
    i = significance_newcombe((struct trial_count){0, 0},
                              (struct trial_count){10, 10});
    assert_near(i.low, -1);
    assert_near(i.high, 1);
}

/* ---- the same, computed in another way ---- */

/* How many deviations a rate is from what was seen, squared. */
static double
score(struct trial_count c, double rate)
{
    double d = (double)c.k / (double)c.n - rate;

    return d * d * (double)c.n / (rate * (1 - rate));
}

/* The rate between `in`, which fits what was seen, and `out`, which does not,
 * that is 95 % away from it. */
static double
edge(struct trial_count c, double in, double out)
{
    const double z = 1.959963984540054;

    for (int i = 0; i < 200; i++) {
        double middle = (in + out) / 2;

        if (score(c, middle) < z * z)
            in = middle;
        else
            out = middle;
    }
    return in;
}

static struct interval
interval_of(struct trial_count c)
{
    double p = (double)c.k / (double)c.n;

    return (struct interval){c.k == 0 ? 0 : edge(c, p, 0),
                             c.k == c.n ? 1 : edge(c, p, 1)};
}

static struct interval
interval_of_difference(struct trial_count a, struct trial_count b)
{
    struct interval x = interval_of(a), y = interval_of(b);
    double p = (double)a.k / (double)a.n, q = (double)b.k / (double)b.n;

    return (struct interval){
        q - p - sqrt((q - y.low) * (q - y.low) + (x.high - p) * (x.high - p)),
        q - p + sqrt((y.high - q) * (y.high - q) + (p - x.low) * (p - x.low))};
}

static double
normal(double x, double variance)
{
    return exp(-x * x / (2 * variance)) /
           sqrt(2 * 3.14159265358979323846 * variance);
}

/* 1 / the mixture, as its integral over all differences, by Simpson's rule. */
static double
p_of(struct trial_count a, struct trial_count b, double expected)
{
    double n = (double)(a.n + b.n), r = ((double)(a.k + b.k) + 0.5) / (n + 1);
    double v = r * (1 - r) * (1 / (double)a.n + 1 / (double)b.n);
    double d = (double)b.k / (double)b.n - (double)a.k / (double)a.n;
    double low = -12 * expected, step = 24 * expected / 200000, sum = 0;

    for (int i = 0; i <= 200000; i++) {
        double x = low + i * step;
        double weight = i == 0 || i == 200000 ? 1 : i % 2 == 1 ? 4 : 2;

        sum += weight * normal(d - x, v) * normal(x, expected * expected);
    }
    return fmin(1, normal(d, v) / (sum * step / 3));
}

static struct trial_count
any_count(struct rng *r)
{
    int64_t n = 1 + (int64_t)rng_below(r, 5000);
    int64_t most = rng_below(r, 4) == 0 ? 3 : n;

    return (struct trial_count){
        n, (int64_t)rng_below(r, (uint32_t)(most < n ? most : n) + 1)};
}

static void
another_computation_comes_to_the_same(void **state)
{
    struct rng r;

    (void)state;
    rng_seed(&r, 42);
    for (int i = 0; i < 300; i++) {
        struct trial_count a = any_count(&r), b = any_count(&r);
        double expected = 0.01 + (double)rng_below(&r, 200) / 1000;
        struct interval got = significance_wilson(a), want = interval_of(a);
        double p = significance_p(a, b, expected);

        assert_true(fabs(got.low - want.low) < 1e-9);
        assert_true(fabs(got.high - want.high) < 1e-9);
        got = significance_newcombe(a, b);
        want = interval_of_difference(a, b);
        assert_true(fabs(got.low - want.low) < 1e-9);
        assert_true(fabs(got.high - want.high) < 1e-9);
        if (i < 40 && p > 1e-12)
            assert_true(fabs(p / p_of(a, b, expected) - 1) < 1e-6);
    }
}

static struct trial_count
counted(struct rng *r, struct trial_count c, double rate)
{
    c.n++;
    c.k += (double)rng_below(r, 1000000) < rate * 1e6;
    return c;
}

struct stopped {
    int n_decided, n_right;
    int64_t users;
};

struct world {
    struct stop_rule rule;
    double rates[2];
    int n_b; /* users of b for each of a */
    int n_runs, n_rounds;
};

/* Looks after each round, until it is decided or there are no more. */
static struct stopped
run_all(const struct world *w)
{
    struct stopped s = {0};

    for (int run = 0; run < w->n_runs; run++) {
        struct trial_count c[2] = {{0, 0}, {0, 0}};
        struct stop_verdict v = {0};
        struct rng r;

        rng_seed(&r, (uint64_t)run + 1);
        for (int i = 0; i < w->n_rounds && v.state != STOP_DECIDED; i++) {
            c[0] = counted(&r, c[0], w->rates[0]);
            for (int k = 0; k < w->n_b; k++)
                c[1] = counted(&r, c[1], w->rates[1]);
            v = significance_decide(&w->rule, c, 2);
        }
        if (v.state != STOP_DECIDED)
            continue;
        s.n_decided++;
        s.n_right += v.winner == (w->rates[1] > w->rates[0]);
        s.users += c[0].n;
    }
    return s;
}

/* One test at 95 % that is looked at so often decides in most of these. */
static void
who_looks_all_the_time_is_seldom_misled(void **state)
{
    static const double rates[] = {0.5, 0.2, 0.05, 0.01, 0.95};
    static const struct stop_rule rules[] = {
        {100, 0.95, 0.05}, {10, 0.95, 0.01}, {10, 0.95, 0.5}};

    (void)state;
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++)
        for (size_t k = 0; k < sizeof(rules) / sizeof(*rules); k++)
            for (int n_b = 1; n_b <= 4; n_b += 3) {
                struct stopped s = run_all(&(struct world){
                    rules[k], {rates[i], rates[i]}, n_b, 400, 1500});

                if (s.n_decided > 400 / 20)
                    fail_msg("rate %.2f, rule %zu, 1 to %d: %d of 400",
                             rates[i], k, n_b, s.n_decided);
            }
}

static void
a_difference_that_is_there_is_found(void **state)
{
    const struct world up = {rule, {0.2, 0.3}, 1, 200, 4000};
    const struct world down = {rule, {0.3, 0.2}, 1, 200, 4000};
    struct stopped s = run_all(&up);

    (void)state;
    assert_int_equal(s.n_decided, 200);
    assert_int_equal(s.n_right, 200);
    assert_true(s.users / s.n_decided < 600);
    s = run_all(&down);
    assert_int_equal(s.n_decided, 200);
    assert_int_equal(s.n_right, 200);
}

static void
few_users_decide_nothing(void **state)
{
    const struct trial_count few[] = {{99, 0}, {500, 500}};
    const struct trial_count enough[] = {{100, 0}, {500, 500}};

    (void)state;
    assert_int_equal(significance_decide(&rule, few, 2).state, STOP_TOO_FEW);
    assert_int_equal(significance_decide(&rule, enough, 2).state, STOP_DECIDED);
    assert_int_equal(significance_decide(&rule, enough, 1).state, STOP_TOO_FEW);
    assert_true(significance_p(few[0], (struct trial_count){0, 0}, 0.05) == 1);
}

static void
the_best_one_wins_or_the_first_over_all(void **state)
{
    const struct trial_count better[] = {
        {2000, 400}, {2000, 700}, {2000, 800}, {2000, 400}};
    const struct trial_count worse[] = {{2000, 800}, {2000, 400}, {2000, 500}};
    const struct trial_count one_worse[] = {
        {2000, 800}, {2000, 400}, {2000, 801}};
    struct stop_verdict v = significance_decide(&rule, better, 4);

    (void)state;
    assert_int_equal(v.state, STOP_DECIDED);
    assert_int_equal(v.winner, 2);
    v = significance_decide(&rule, worse, 3);
    assert_int_equal(v.state, STOP_DECIDED);
    assert_int_equal(v.winner, 0);
    assert_int_equal(significance_decide(&rule, one_worse, 3).state,
                     STOP_UNDECIDED);
}

/* Each comparison has a part of the risk only. */
static void
more_variants_ask_for_more(void **state)
{
    struct trial_count c[] = {{1000, 200}, {1000, 252}, {1000, 200},
                              {1000, 200}, {1000, 200}, {1000, 200}};
    struct stop_verdict two = significance_decide(&rule, c, 2);
    struct stop_verdict six = significance_decide(&rule, c, 6);

    (void)state;
    assert_true(fabs(six.p - fmin(1, 5 * two.p)) < 1e-9);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_has_the_interval_of_wilson),
        cmocka_unit_test(a_difference_has_the_interval_of_newcombe),
        cmocka_unit_test(another_computation_comes_to_the_same),
        cmocka_unit_test(who_looks_all_the_time_is_seldom_misled),
        cmocka_unit_test(a_difference_that_is_there_is_found),
        cmocka_unit_test(few_users_decide_nothing),
        cmocka_unit_test(the_best_one_wins_or_the_first_over_all),
        cmocka_unit_test(more_variants_ask_for_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
