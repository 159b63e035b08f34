/* ratelimit.c - see ratelimit.h. Microseconds inside, so that a thousand calls
 * a second and more have an interval. */
#include "dispatch/ratelimit.h"

#include <assert.h>

#define US_PER_MS 1000
/* A year: longer rules are as good as this one, and nothing overflows. */
#define PER_MAX_MS (INT64_C(366) * 24 * 3600 * 1000)
#define BURST_MAX 1000000

void
ratelimit_set(struct ratelimit *r, const struct ratelimit_rule *rule)
{
    int64_t burst = rule->burst < 1 ? 1 : rule->burst;
    int64_t per_us, reach;

    if (rule->per_ms <= 0 || rule->limit <= 0) {
        *r = (struct ratelimit){.paid_us = r->paid_us};
        return;
    }
    per_us =
        (rule->per_ms > PER_MAX_MS ? PER_MAX_MS : rule->per_ms) * US_PER_MS;
    /* Rounded up: never more often than allowed. */
    r->interval_us = (per_us - 1) / rule->limit + 1;
    reach = (burst > BURST_MAX ? BURST_MAX : burst) - 1;
    if (reach > INT64_MAX / 8 / r->interval_us)
        reach = INT64_MAX / 8 / r->interval_us;
    r->slack_us = reach * r->interval_us;
}

int64_t
ratelimit_next_ms(const struct ratelimit *r, int64_t now_ms)
{
    int64_t from_us = r->paid_us - r->slack_us;

    if (r->interval_us == 0 || from_us <= now_ms * US_PER_MS)
        return now_ms;
    return (from_us + US_PER_MS - 1) / US_PER_MS;
}

size_t
ratelimit_room(const struct ratelimit *r, int64_t now_ms, int64_t horizon_ms)
{
    int64_t now_us = now_ms * US_PER_MS, paid_us, until_us;

    if (r->interval_us == 0)
        return SIZE_MAX;
    paid_us = r->paid_us > now_us ? r->paid_us : now_us;
    until_us = now_us + horizon_ms * US_PER_MS + r->slack_us;
    if (paid_us > until_us)
        return 0;
    return (size_t)((until_us - paid_us) / r->interval_us) + 1;
}

void
ratelimit_take(struct ratelimit *r, int64_t now_ms)
{
    int64_t now_us = now_ms * US_PER_MS, most_us;

    if (r->interval_us == 0)
        return;
    if (r->paid_us < now_us)
        r->paid_us = now_us;
    r->paid_us += r->interval_us;
    most_us = now_us + r->slack_us + r->interval_us;
    if (r->paid_us > most_us)
        r->paid_us = most_us;
}
