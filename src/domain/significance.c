#include "domain/significance.h"

#include <math.h>

#define Z95 1.959963984540054 /* of the normal distribution, two-sided 95 % */

double
significance_rate(struct trial_count c)
{
    return c.n > 0 ? (double)c.k / (double)c.n : 0;
}

struct interval
significance_wilson(struct trial_count c)
{
    double n = (double)c.n, p = significance_rate(c), z2 = Z95 * Z95;
    double middle, half;
    struct interval i = {0, 1};

    if (c.n <= 0)
        return i;
    middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    half = Z95 / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
    i.low = c.k == 0 ? 0 : fmax(0, middle - half);
    i.high = c.k == c.n ? 1 : fmin(1, middle + half);
    return i;
}

struct interval
significance_newcombe(struct trial_count a, struct trial_count b)
{
    const struct interval wa = significance_wilson(a);
    const struct interval wb = significance_wilson(b);
    double pa = significance_rate(a), pb = significance_rate(b);
    struct interval i = {-1, 1};

    if (a.n <= 0 || b.n <= 0)
        return i;
    i.low = pb - pa - hypot(pb - wb.low, wa.high - pa);
    i.high = pb - pa + hypot(wb.high - pb, pa - wa.low);
    return i;
}

/* Half a success and half a failure more: at the edge, where a few users look
 * all alike, the variance would be none. */
static double
variance(struct trial_count a, struct trial_count b)
{
    double n = (double)(a.n + b.n);
    double p = ((double)(a.k + b.k) + 0.5) / (n + 1);

    return p * (1 - p) * (1 / (double)a.n + 1 / (double)b.n);
}

/* The likelihood ratio of normal differences whose mean is itself normal, with
 * the deviation that is expected, to those whose mean is 0. */
double
significance_p(struct trial_count a, struct trial_count b, double expected)
{
    double d = significance_rate(b) - significance_rate(a);
    double t2 = expected * expected, v, log_ratio;

    if (a.n <= 0 || b.n <= 0)
        return 1;
    v = variance(a, b);
    log_ratio = 0.5 * log(v / (v + t2)) + d * d * t2 / (2 * v * (v + t2));
    return log_ratio > 0 ? exp(-log_ratio) : 1;
}

static bool
are_enough(const struct stop_rule *r, const struct trial_count *counts,
           size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (counts[i].n < r->min_per_variant)
            return false;
    return true;
}

struct stop_verdict
significance_decide(const struct stop_rule *r, const struct trial_count *counts,
                    size_t n)
{
    struct stop_verdict v = {.state = STOP_UNDECIDED, .p = 1};
    double alpha = 1 - r->confidence;
    size_t n_worse = 0;

    if (n < 2 || !are_enough(r, counts, n)) {
        v.state = STOP_TOO_FEW;
        return v;
    }
    for (size_t i = 1; i < n; i++) {
        double p = significance_p(counts[0], counts[i], r->expected);
        double rate = significance_rate(counts[i]);

        p = fmin(1, p * (double)(n - 1));
        v.p = fmin(v.p, p);
        if (p > alpha)
            continue;
        n_worse += rate < significance_rate(counts[0]);
        if (rate > significance_rate(counts[v.winner]))
            v.winner = i;
    }
    if (v.winner > 0 || n_worse == n - 1)
        v.state = STOP_DECIDED;
    return v;
}
