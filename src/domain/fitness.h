/* fitness.h - how well a provider does lately, as a factor of its weight.
 *
 * Calls are counted in sums that decay exponentially by time (an EWMA for
 * samples that come at any moment, as of a system's load average), with a half
 * life of FITNESS_HALF_MS, and hold FITNESS_CALLS at most: with many calls a
 * second it is the last of them that count. Two things do:
 *
 * - its success rate, squared: of what fails, another has to do the work anew.
 *   FITNESS_DOUBT successes are taken for granted, so that one failure among
 *   few calls says little, and silence forgives.
 * - its latency, that of calls which worked, as compared with the fastest of
 *   those that it shares with (as balancers by "peak EWMA" do): one that takes
 *   longer than twice that and FITNESS_SLACK_MS loses share in proportion.
 *
 * It never goes below FITNESS_LEAST: the calls that are left show when the
 * provider is well again. Pure: `now_ms` is monotonic. */
#pragma once

#include <stdint.h>

#define FITNESS_WHOLE INT64_C(1000000)
#define FITNESS_LEAST (FITNESS_WHOLE / 50)
#define FITNESS_HALF_MS 30000
#define FITNESS_CALLS 100.0
#define FITNESS_DOUBT 4.0
#define FITNESS_SLACK_MS 100
#define FITNESS_SAMPLES 3.0 /* before its latency says anything */

struct fitness {
    /* private; as of at_ms */
    double good, bad; /* calls */
    double spent_ms;  /* on the good ones */
    int64_t at_ms;
};

enum fitness_call {
    FITNESS_GOOD,
    FITNESS_BAD,
    FITNESS_NOTHING, /* says nothing of the provider */
};

void fitness_note(struct fitness *f, enum fitness_call what,
                  int64_t duration_ms, int64_t now_ms);
/* The square of its success rate, of FITNESS_WHOLE. */
int64_t fitness_success(const struct fitness *f, int64_t now_ms);
/* How many of its recent calls worked, of 100; -1: there were none. */
int fitness_percent(const struct fitness *f, int64_t now_ms);
/* -1: not known. */
int64_t fitness_latency_ms(const struct fitness *f, int64_t now_ms);
/* What its weight is worth, of FITNESS_WHOLE; fastest_ms: the least latency of
 * those that share, itself among them; -1: none is known. */
int64_t fitness_of(const struct fitness *f, int64_t fastest_ms, int64_t now_ms);
