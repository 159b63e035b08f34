/* throttle.c - see throttle.h. */
#include "domain/throttle.h"

bool
throttle_applies(const struct category *k, enum priority priority)
{
    return k && k->throttle.limit > 0 && !k->is_critical &&
           priority != PRIORITY_CRITICAL;
}

/* Neither a kind nor a key has a slash in it. */
struct str
throttle_key(struct arena *a, struct str category, struct str user)
{
    return str_fmt(a, "category/%.*s/%.*s", STR_ARG(category), STR_ARG(user));
}

bool
throttle_counts(const struct plan_decision *d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (d[i].verdict != PLAN_SKIP && !plan_only_waits(&d[i]))
            return true;
    return false;
}

void
throttle_refuse(struct plan_decision *d, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (d[i].verdict == PLAN_SKIP || plan_only_waits(&d[i]))
            continue;
        d[i].verdict = PLAN_SKIP;
        d[i].reason = REASON_THROTTLED;
        d[i].due_ms = 0;
        d[i].digest = NULL;
    }
}

size_t
throttle_keep(int64_t *times, size_t n, int64_t per_ms, int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (times[i] > now_ms - per_ms)
            times[kept++] = times[i];
    return kept;
}

int
throttle_room(const struct throttle *t, size_t n, int want)
{
    int room = n < (size_t)t->limit ? t->limit - (int)n : 0;

    return want < room ? want : room;
}

size_t
throttle_give_back(int64_t *times, size_t n, int64_t at_ms, int give)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (times[i] == at_ms && give > 0)
            give--;
        else
            times[kept++] = times[i];
    }
    return kept;
}

int64_t
throttle_over_ms(int64_t per_ms, int64_t now_ms)
{
    return (now_ms / per_ms + 2) * per_ms;
}
