/* retry.c - see retry.h. Everything is clamped before it is multiplied, so
 * that no policy and no count overflows. Pure, any thread. */
#include "domain/retry.h"

#include <assert.h>

const struct retry_policy retry_policy_default = {
    .strategy = RETRY_EXPONENTIAL,
    .base_ms = 1000,
    .max_ms = 3600 * 1000,
    .attempts = 8,
    .max_age_ms = 0,
};

static int64_t
clamp(int64_t v, int64_t lowest, int64_t highest)
{
    if (v < lowest)
        return lowest;
    return v > highest ? highest : v;
}

/* Even in lowest .. highest. */
static int64_t
between(struct rng *rng, int64_t lowest, int64_t highest)
{
    assert(lowest <= highest);
    return lowest + (int64_t)rng_below(rng, (uint64_t)(highest - lowest) + 1);
}

/* base * 2^(attempt - 1), at most cap. */
static int64_t
doubled(int64_t base_ms, int attempt, int64_t cap_ms)
{
    int64_t v = base_ms;

    for (int i = 1; i < attempt && v < cap_ms; i++)
        v *= 2;
    return clamp(v, 1, cap_ms);
}

static int64_t
own_delay_ms(const struct retry_policy *policy, int attempt, struct rng *rng)
{
    int64_t cap = policy->max_ms > 0
                      ? clamp(policy->max_ms, 1, RETRY_DELAY_MAX_MS)
                      : RETRY_DELAY_MAX_MS;
    int64_t base = clamp(policy->base_ms, 1, cap);
    int64_t v = base;

    switch (policy->strategy) {
    case RETRY_EXPONENTIAL:
        return between(rng, (base + 1) / 2, doubled(base, attempt, cap));
    case RETRY_LINEAR:
        v = attempt > cap / base ? cap : base * attempt;
        v = between(rng, v - v / 10, v + v / 10);
        break;
    case RETRY_FIXED:
        v = between(rng, base, base + base / 20);
        break;
    }
    return clamp(v, 1, cap);
}

int64_t
retry_delay_ms(const struct retry_policy *policy, int attempt,
               int64_t retry_after_ms, struct rng *rng)
{
    int64_t delay, asked;

    assert(attempt >= 1);
    delay = own_delay_ms(policy, attempt, rng);
    if (retry_after_ms <= 0)
        return delay;
    asked = clamp(retry_after_ms, RETRY_AFTER_MIN_MS, RETRY_AFTER_MAX_MS);
    asked = between(rng, asked, asked + asked / 10);
    return delay > asked ? delay : asked;
}

bool
retry_is_exhausted(const struct retry_policy *policy, int attempts_made,
                   int64_t age_ms)
{
    return attempts_made >= policy->attempts ||
           (policy->max_age_ms > 0 && age_ms >= policy->max_age_ms);
}
