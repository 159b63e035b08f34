#include "app/provider_for.h"

#include "app/endpoint_doc.h"
#include "domain/share.h"

const struct provider *
provider_for(const struct workspace *w, struct str channel,
             enum device_kind kind, const struct provider *after)
{
    const struct provider *p = after;

    while ((p = workspace_next(w, channel, p)) != NULL)
        if (channel_driver_serves(p->driver, kind))
            return p;
    return NULL;
}

/* ---- shares ---- */

/* Of n that are the same by order, as rows; who does not adapt is worth its
 * weight, and still the measure of how fast the others might be. */
static void
weigh(const struct provider_ask *ask, const struct provider *const *all,
      size_t n, struct share_row *rows)
{
    struct standing standings[PROVIDERS_MAX];
    int64_t now_ms = ask->now_ms, fastest_ms = -1;

    for (size_t i = 0; i < n; i++) {
        int64_t ms;

        standings[i] = standings_of(ask->standings, all[i]->num);
        ms = fitness_latency_ms(&standings[i].fitness, now_ms);
        if (ms >= 0 && (fastest_ms < 0 || ms < fastest_ms))
            fastest_ms = ms;
    }
    for (size_t i = 0; i < n; i++) {
        const struct standing *s = &standings[i];

        rows[i] = (struct share_row){
            .lane = all[i]->num,
            .weight = all[i]->weight,
            .fitness = !all[i]->is_adaptive ? FITNESS_WHOLE
                       : s->open_until_ms > now_ms
                           ? FITNESS_LEAST
                           : fitness_of(&s->fitness, fastest_ms, now_ms)};
    }
}

static const struct provider *
with_lane(const struct provider *const *all, size_t n, int64_t lane)
{
    for (size_t i = 0; i < n; i++)
        if (all[i]->num == lane)
            return all[i];
    return NULL;
}

/* Whoever has not asked for it keeps to the order of names. */
static bool
are_weighed(const struct provider *const *all, size_t n)
{
    for (size_t i = 0; n > 1 && i < n; i++)
        if (all[i]->says_weight)
            return true;
    return false;
}

/* Those of one order, as the delivery tries them. */
static void
rank_equals(const struct provider_ask *ask, const struct provider **all,
            size_t n)
{
    const struct provider *were[PROVIDERS_MAX];
    struct share_row rows[PROVIDERS_MAX];

    if (!are_weighed(all, n))
        return;
    memcpy(were, all, n * sizeof(*all));
    weigh(ask, all, n, rows);
    share_rank(rows, n, ask->delivery);
    for (size_t i = 0; i < n; i++)
        all[i] = with_lane(were, n, rows[i].lane);
}

static bool
has_target(const struct provider *p)
{
    return channel_has_target(channel_find(p->channel), p->driver, p->config);
}

static size_t
list_all(const struct provider_ask *ask,
         const struct provider *ret[static PROVIDERS_MAX])
{
    const struct provider *p = NULL;
    size_t n = 0;

    while (n < PROVIDERS_MAX &&
           (p = provider_for(ask->workspace, ask->channel, ask->kind, p)))
        if (!ask->needs_target || has_target(p))
            ret[n++] = p;
    return n;
}

bool
provider_targets_differ(const struct workspace *w, struct str channel)
{
    const struct provider *first = workspace_next(w, channel, NULL), *p = first;

    while (p && (p = workspace_next(w, channel, p)))
        if (has_target(p) != has_target(first))
            return true;
    return false;
}

/* How many from there on are the same by order. */
static size_t
n_equal(const struct provider *const *all, size_t n, size_t from)
{
    size_t to = from;

    while (to < n && all[to]->order == all[from]->order)
        to++;
    return to - from;
}

size_t
provider_rank(const struct provider_ask *ask,
              const struct provider *ret[static PROVIDERS_MAX])
{
    size_t n = list_all(ask, ret);

    for (size_t at = 0; at < n;) {
        size_t m = n_equal(ret, n, at);

        rank_equals(ask, &ret[at], m);
        at += m;
    }
    return n;
}

const struct provider *
provider_pick(const struct provider_ask *ask)
{
    const struct provider *all[PROVIDERS_MAX];
    size_t n = list_all(ask, all);

    if (n == 0)
        return NULL;
    rank_equals(ask, all, n_equal(all, n, 0));
    return all[0];
}

/* What was for one endpoint is for no other. */
const struct provider *
provider_to_retry(const struct provider_ask *ask, struct str was)
{
    const struct endpoint_doc *e;

    if (!str_is(ask->channel, EVENT_CHANNEL))
        return provider_pick(ask);
    e = workspace_endpoint(ask->workspace, was);
    return e && e->lane.is_enabled ? &e->lane : NULL;
}

bool
provider_is_shared(const struct workspace *w, struct str channel,
                   enum device_kind kind)
{
    const struct provider_ask ask = {
        .workspace = w, .channel = channel, .kind = kind};
    const struct provider *all[PROVIDERS_MAX];
    size_t n = list_all(&ask, all);

    return n > 1 && are_weighed(all, n_equal(all, n, 0));
}

int64_t
provider_fitness(const struct provider_ask *ask, const struct provider *p)
{
    const struct provider_ask whole = {.workspace = ask->workspace,
                                       .channel = p->channel};
    const struct provider *all[PROVIDERS_MAX];
    struct share_row rows[PROVIDERS_MAX];
    size_t n = list_all(&whole, all);

    for (size_t at = 0; at < n;) {
        size_t m = n_equal(all, n, at);

        if (with_lane(&all[at], m, p->num)) {
            weigh(ask, &all[at], m, rows);
            for (size_t i = 0; i < m; i++)
                if (rows[i].lane == p->num)
                    return rows[i].fitness;
        }
        at += m;
    }
    return FITNESS_WHOLE;
}
