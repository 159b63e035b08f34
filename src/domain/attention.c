/* attention.c - see attention.h. */
#include "domain/attention.h"

#include "base/arena.h"

/* Of all that is beyond it; of one alone it has a colon and an id, too. */
#define WINDOW DIGEST_KEY_RESERVED "attention"

bool
attention_applies(const struct attention *a, const struct category *k,
                  enum priority priority)
{
    return a->budget.limit > 0 && !(k && k->is_critical) &&
           priority != PRIORITY_CRITICAL;
}

/* No category's: those have two slashes. */
struct str
attention_key(struct arena *a, struct str user)
{
    return str_fmt(a, "attention/%.*s", STR_ARG(user));
}

bool
attention_is_window(struct str key)
{
    return str_is(key, WINDOW) || str_starts(key, STR(WINDOW ":"));
}

/* Where each goes out by itself it has a window of its own. */
static struct str
window_key(const struct attention *a, struct arena *arena, int64_t id)
{
    return a->overflow == ATTENTION_DEFER
               ? str_fmt(arena, WINDOW ":%lld", (long long)id)
               : STR(WINDOW);
}

static bool
disturbs(const struct plan_decision *d)
{
    return d->verdict != PLAN_SKIP && !plan_only_waits(d) &&
           !d->channel->is_in_app;
}

bool
attention_counts(const struct plan_decision *d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (disturbs(&d[i]))
            return true;
    return false;
}

static const struct digest_rule *
window(const struct attention *a, struct arena *arena, struct str key)
{
    struct digest_rule *r = ARENA_NEW(arena, struct digest_rule);

    *r = (struct digest_rule){
        .key = key,
        .mode = DIGEST_FIXED,
        .window_ms = a->budget.per_ms,
        .max_window_ms = a->budget.per_ms,
        .max_items = DIGEST_ITEMS_DEFAULT,
    };
    return r;
}

static void
skip(struct plan_decision *d)
{
    d->verdict = PLAN_SKIP;
    d->reason = REASON_CAP_DAILY;
    d->due_ms = 0;
    d->digest = NULL;
}

static void
collect(struct plan_decision *d, const struct digest_rule *r, int64_t now_ms)
{
    int64_t closes_ms = now_ms + r->window_ms;

    d->digest = r;
    d->closes_ms = closes_ms > d->due_ms ? closes_ms : d->due_ms;
}

static void
refuse_one(const struct attention *a, const struct digest_rule *r,
           int64_t now_ms, struct plan_decision *d)
{
    if (a->overflow == ATTENTION_DROP || a->overflow == ATTENTION_DOWNGRADE)
        skip(d);
    else
        collect(d, r, now_ms);
}

void
attention_refuse(const struct attention *a, struct arena *arena, int64_t now_ms,
                 int64_t id, struct plan_decision *d, size_t n)
{
    const struct digest_rule *r = window(a, arena, window_key(a, arena, id));

    for (size_t i = 0; i < n; i++)
        if (disturbs(&d[i]))
            refuse_one(a, r, now_ms, &d[i]);
    if (a->overflow == ATTENTION_DOWNGRADE && d[n - 1].is_spare_fit)
        d[n - 1].verdict = PLAN_SEND;
}
