/* throttle.c - see throttle.h. */
#include "domain/throttle.h"

#include <string.h>

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
throttle_keep(struct throttle_place *all, size_t n, int64_t per_ms,
              int64_t now_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (all[i].at_ms > now_ms - per_ms)
            all[kept++] = all[i];
    return kept;
}

/* The first one of that id, or of a greater one. */
static size_t
find(const struct throttle_place *all, size_t n, int64_t id)
{
    size_t i = 0;

    while (i < n && all[i].id < id)
        i++;
    return i;
}

static size_t
count(const struct throttle_place *all, size_t n)
{
    size_t parts = 0;

    for (size_t i = 1; i < n; i++)
        parts += all[i].id != 0 && all[i].id == all[i - 1].id;
    return n - parts;
}

int
throttle_room(const struct throttle *t, const struct throttle_place *all,
              size_t n, int want)
{
    size_t used = count(all, n);
    int room = used < (size_t)t->limit ? t->limit - (int)used : 0;

    return want < room ? want : room;
}

int
throttle_grant(const struct throttle *t, const struct throttle_place *all,
               size_t n, const int64_t *ids, int want)
{
    size_t i = find(all, n, ids[0]);

    if (want == 1 && i < n && all[i].id == ids[0])
        return 1;
    return throttle_room(t, all, n, want);
}

size_t
throttle_add(struct throttle_place *all, size_t n, struct throttle_place one)
{
    size_t i = find(all, n, one.id);

    memmove(&all[i + 1], &all[i], (n - i) * sizeof(*all));
    all[i] = one;
    return n + 1;
}

static size_t
forget(struct throttle_place *all, size_t n, int64_t at_ms, int64_t id)
{
    for (size_t i = find(all, n, id); i < n && all[i].id == id; i++) {
        if (all[i].at_ms != at_ms)
            continue;
        memmove(&all[i], &all[i + 1], (n - i - 1) * sizeof(*all));
        return n - 1;
    }
    return n;
}

size_t
throttle_give_back(struct throttle_place *all, size_t n, int64_t at_ms,
                   const int64_t *ids, int n_ids)
{
    for (int i = 0; i < n_ids; i++)
        n = forget(all, n, at_ms, ids[i]);
    return n;
}

int64_t
throttle_over_ms(int64_t per_ms, int64_t now_ms)
{
    return (now_ms / per_ms + 2) * per_ms;
}
