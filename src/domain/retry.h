/* retry.h - when a failed attempt is made again, and when no more.
 *
 * Pure: randomness is handed in, ages and counts are the caller's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

enum retry_strategy {
    RETRY_EXPONENTIAL = 0,
    RETRY_LINEAR,
    RETRY_FIXED,
};

struct retry_policy {
    enum retry_strategy strategy;
    int64_t base_ms;
    int64_t max_ms;     /* of one delay; 0: only RETRY_DELAY_MAX_MS */
    int attempts;       /* calls in all, the first one counts */
    int64_t max_age_ms; /* since it was first due; 0: none */
};

#define RETRY_DELAY_MAX_MS (INT64_C(30) * 24 * 3600 * 1000)
#define RETRY_AFTER_MIN_MS 1000
#define RETRY_AFTER_MAX_MS (24 * 3600 * 1000)

/* What holds where a provider says nothing: 8 attempts, 1 s to 1 h. */
extern const struct retry_policy retry_policy_default;

/* The pause after attempt number `attempt` (1 = the first one), >= 1.
 *
 * exponential: even between base / 2 and base * 2^(attempt - 1): full jitter
 *   spreads a herd best, the floor keeps a retry from being immediate;
 * linear: base * attempt, 10 % more or less;
 * fixed: base, up to 5 % more; never sooner than what was configured.
 *
 * Each is at most max_ms. What the provider asked for (retry_after_ms, 0: it
 * did not) is clamped to 1 s .. 24 h, gets 0 to 10 % on top, and is then a
 * floor that max_ms does not lower: never sooner than asked. */
int64_t retry_delay_ms(const struct retry_policy *policy, int attempt,
                       int64_t retry_after_ms, struct rng *rng);

/* No further attempt after so many, or at that age. */
bool retry_is_exhausted(const struct retry_policy *policy, int attempts_made,
                        int64_t age_ms);
