/* significance.h - what counts of users say of the variants of an experiment.
 * Pure.
 *
 * A rate comes with the interval of Wilson ("Probable inference, the law of
 * succession, and statistical inference", JASA 22, 1927), a difference of two
 * with that of Newcombe, which is made of these ("Interval estimation for the
 * difference between independent proportions", Statistics in Medicine 17,
 * 1998: the hybrid score interval, method 10). Both hold, with 95 %, for who
 * looks once.
 *
 * Who looks again and again until there is a difference finds one sooner or
 * later, where there is none. So the p-value is one that holds at all times
 * together: 1 / that of the mixture sequential probability ratio test (Johari,
 * Koomen, Pekelis and Walsh, "Peeking at A/B tests", KDD 2017; "Always valid
 * inference", Operations Research 70(3), 2022; after Robbins, 1970). However
 * often one looks, and whenever one stops, it is below a with a chance of at
 * most a where both rates are the same. The variance is that of the joint rate,
 * as under that hypothesis. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trial_count {
    int64_t n; /* users */
    int64_t k; /* of these, who did it */
};
struct interval {
    double low, high;
};

double significance_rate(struct trial_count c); /* 0 of nobody */
struct interval significance_wilson(struct trial_count c);
/* Of b's rate less a's. */
struct interval significance_newcombe(struct trial_count a,
                                      struct trial_count b);
/* expected: the difference that is looked for, as a rate, > 0: it makes the
 * test quick there, and is no less right elsewhere. 1 where one has nobody. */
double significance_p(struct trial_count a, struct trial_count b,
                      double expected);

struct stop_rule {
    int64_t min_per_variant; /* nothing is decided on fewer */
    double confidence;       /* 0.95 */
    double expected;
};
enum stop_state { STOP_TOO_FEW, STOP_UNDECIDED, STOP_DECIDED };
struct stop_verdict {
    enum stop_state state;
    size_t winner; /* DECIDED */
    double p;      /* the smallest of the comparisons, times their number */
};

/* The first is what the others are compared with, each by a test of its own
 * (Bonferroni). The winner is, of those that are better than it, the one with
 * the largest rate; or it itself, where all others are worse. */
struct stop_verdict significance_decide(const struct stop_rule *r,
                                        const struct trial_count *counts,
                                        size_t n);
