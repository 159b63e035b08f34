#include "app/provider_for.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/endpoint_doc.h"
#include "base/map.h"
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

/* ---- what was told ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *states; /* struct provider_state, by lane */

struct lane_key {
    char text[24];
    struct str s;
};

static struct str
key_of(struct lane_key *k, int64_t lane)
{
    int n = snprintf(k->text, sizeof(k->text), "%lld", (long long)lane);

    return (struct str){k->text, (size_t)n};
}

void
provider_tell(int64_t lane, const struct provider_state *s)
{
    struct provider_state *known;
    struct lane_key k = {0};

    pthread_mutex_lock(&lock);
    if (!states)
        states = map_new();
    known = map_get(states, key_of(&k, lane));
    if (!known) {
        known = xcalloc(1, sizeof(*known));
        map_put(states, key_of(&k, lane), known);
    }
    *known = *s;
    pthread_mutex_unlock(&lock);
}

void
provider_forget(int64_t lane)
{
    struct lane_key k = {0};

    pthread_mutex_lock(&lock);
    if (states)
        free(map_remove(states, key_of(&k, lane)));
    pthread_mutex_unlock(&lock);
}

static struct provider_state
state_of(int64_t lane)
{
    struct provider_state s = {0}, *known = NULL;
    struct lane_key k = {0};

    pthread_mutex_lock(&lock);
    if (states)
        known = map_get(states, key_of(&k, lane));
    if (known)
        s = *known;
    pthread_mutex_unlock(&lock);
    return s;
}

/* ---- shares ---- */

/* Of n that are the same by order, as rows; who does not adapt is worth its
 * weight, and still the measure of how fast the others might be. */
static void
weigh(const struct provider *const *all, size_t n, int64_t now_ms,
      struct share_row *rows)
{
    struct provider_state states_of[PROVIDERS_MAX];
    int64_t fastest_ms = -1;

    for (size_t i = 0; i < n; i++) {
        int64_t ms;

        states_of[i] = state_of(all[i]->num);
        ms = fitness_latency_ms(&states_of[i].fitness, now_ms);
        if (ms >= 0 && (fastest_ms < 0 || ms < fastest_ms))
            fastest_ms = ms;
    }
    for (size_t i = 0; i < n; i++) {
        const struct provider_state *s = &states_of[i];

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
    weigh(all, n, ask->now_ms, rows);
    share_rank(rows, n, ask->delivery);
    for (size_t i = 0; i < n; i++)
        all[i] = with_lane(were, n, rows[i].lane);
}

static size_t
list_all(const struct workspace *w, struct str channel, enum device_kind kind,
         const struct provider *ret[static PROVIDERS_MAX])
{
    const struct provider *p = NULL;
    size_t n = 0;

    while (n < PROVIDERS_MAX && (p = provider_for(w, channel, kind, p)))
        ret[n++] = p;
    return n;
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
    size_t n = list_all(ask->workspace, ask->channel, ask->kind, ret);

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
    size_t n = list_all(ask->workspace, ask->channel, ask->kind, all);

    if (n == 0)
        return NULL;
    rank_equals(ask, all, n_equal(all, n, 0));
    return all[0];
}

/* What was for one endpoint is for no other. */
const struct provider *
provider_to_retry(const struct workspace *w, const struct delivery *d,
                  int64_t now_ms)
{
    const struct endpoint_doc *e;

    if (!str_is(d->channel, EVENT_CHANNEL))
        return provider_pick(&(struct provider_ask){
            .workspace = w,
            .channel = d->channel,
            .kind = device_ref_kind(d->device),
            .delivery = d->id,
            .now_ms = now_ms,
        });
    e = workspace_endpoint(w, d->provider);
    return e && e->lane.is_enabled ? &e->lane : NULL;
}

bool
provider_is_shared(const struct workspace *w, struct str channel,
                   enum device_kind kind)
{
    const struct provider *all[PROVIDERS_MAX];
    size_t n = list_all(w, channel, kind, all);

    return n > 1 && are_weighed(all, n_equal(all, n, 0));
}

int64_t
provider_fitness(const struct workspace *w, const struct provider *p,
                 int64_t now_ms)
{
    const struct provider *all[PROVIDERS_MAX];
    struct share_row rows[PROVIDERS_MAX];
    size_t n = list_all(w, p->channel, DEVICE_NONE, all);

    for (size_t at = 0; at < n;) {
        size_t m = n_equal(all, n, at);

        if (with_lane(&all[at], m, p->num)) {
            weigh(&all[at], m, now_ms, rows);
            for (size_t i = 0; i < m; i++)
                if (rows[i].lane == p->num)
                    return rows[i].fitness;
        }
        at += m;
    }
    return FITNESS_WHOLE;
}
