/* serve_upkeep.c - what is done now and then: retention, by who has the role
 * scheduler, the gauges of this process, and its report to the others. */
#include <stdio.h>
#include <stdlib.h>

#include "app/cluster.h"
#include "base/clock.h"
#include "base/health.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/metrics.h"
#include "serve_private.h"

#define UPKEEP_EVERY_MS 5000
#define COUNT_AGAIN_MS 1000 /* it may be back soon */
#define COUNT_MAX_MS 600000 /* however many there are to count */
#define PURGE_MAX 500
#define MINUTE_MS 60000

static struct arena *
fresh_arena(struct arena **a)
{
    if (!*a)
        *a = arena_new();
    arena_reset(*a);
    return *a;
}

static void
on_purged(struct store_req *req, enum err e)
{
    struct store_purge *p = CONTAINER_OF(req, struct store_purge, req);
    struct server *s = CONTAINER_OF(p, struct server, purge);

    s->is_purging = false;
    if (e != ERR_OK)
        LOG_WARN("upkeep.purge_failed", log_cstr("err", err_code(e)));
    else if (p->n_purged > 0)
        LOG_INFO("upkeep.purged", log_int("n", (int64_t)p->n_purged));
}

static size_t
list_unlearned(struct server *s, struct arena *a, int64_t **ret)
{
    size_t n_all = snapshots_tenants(s->snapshots, a, ret), n = 0;

    for (size_t i = 0; i < n_all; i++) {
        const struct workspace *w =
            snapshots_workspace(s->snapshots, (*ret)[i]);

        if (w && w->is_unlearned)
            (*ret)[n++] = w->tenant;
        workspace_put(w);
    }
    return n;
}

static void
purge(struct server *s, int64_t now_ms)
{
    const struct config *c = s->config;
    struct arena *a = fresh_arena(&s->purge_arena);
    int64_t *unlearned;
    size_t n_unlearned = list_unlearned(s, a, &unlearned);

    s->is_purging = true;
    s->purge = (struct store_purge){
        .req = {.arena = a, .loop = s->loop, .on_done = on_purged},
        .unlearned = unlearned,
        .n_unlearned = n_unlearned,
        .now_ms = now_ms,
        .settled_before_ms = c->retention_notifications_ms
                                 ? now_ms - c->retention_notifications_ms
                                 : 0,
        .dead_before_ms =
            c->retention_dead_ms ? now_ms - c->retention_dead_ms : 0,
        .told_before_ms =
            c->retention_events_ms ? now_ms - c->retention_events_ms : 0,
        .audit_before_ms =
            c->retention_audit_ms ? now_ms - c->retention_audit_ms : 0,
        .max = PURGE_MAX,
    };
    store_purge(s->store, &s->purge);
}

/* ---- gauges ---- */

struct gauges { /* of a lane */
    struct metric_series *ready, *waiting, *age;
    bool is_there;
};

static struct gauges *
gauges_of(struct server *s, const struct store_lane_stat *l)
{
    const struct workspace *w = snapshots_workspace(s->snapshots, l->tenant);
    const struct provider *p = w ? workspace_lane(w, l->lane) : NULL;
    struct gauges *g;
    char name[300];

    snprintf(name, sizeof(name), "%.*s/%s%.*s",
             STR_ARG(w ? w->key : STR("gone")), p ? provider_prefix(p) : "",
             STR_ARG(p ? p->name : STR("gone")));
    workspace_put(w);
    if (!s->gauges)
        s->gauges = map_new();
    g = map_get(s->gauges, str_from(name));
    if (!g) {
        g = xcalloc(1, sizeof(*g));
        g->ready = metrics_series(METRIC_queue_depth, name, "ready");
        g->waiting = metrics_series(METRIC_queue_depth, name, "waiting");
        g->age = metrics_series(METRIC_queue_oldest_ready_age_seconds, name);
        (void)map_put(s->gauges, str_from(name), g);
    }
    return g;
}

static void
set_gauges(const struct gauges *g, int64_t n_ready, int64_t n_waiting,
           int64_t age_ms)
{
    metric_set(g->ready, n_ready);
    metric_set(g->waiting, n_waiting);
    metric_set(g->age, age_ms);
}

/* A lane that holds nothing is not counted. */
static void
set_lanes(struct server *s, const struct store_stats *st, int64_t now_ms)
{
    struct str name;
    void *value;

    for (size_t i = 0; i < st->n_lanes; i++) {
        const struct store_lane_stat *l = &st->lanes[i];
        struct gauges *g = gauges_of(s, l);

        set_gauges(g, l->n_ready, l->n_waiting,
                   l->oldest_ready_ms ? now_ms - l->oldest_ready_ms : 0);
        g->is_there = true;
    }
    for (size_t at = 0; s->gauges && map_next(s->gauges, &at, &name, &value);) {
        struct gauges *g = value;

        if (!g->is_there)
            set_gauges(g, 0, 0, 0);
        g->is_there = false;
    }
}

static void
set_rate(struct server *s)
{
    int64_t now_ms = s->clock->mono_ms(s->clock);
    int64_t total = metrics_total(METRIC_deliveries_total);

    /* The first one is where the minute begins, or as near as can be. */
    while (s->n_minute > 1 && (s->minute[1].at_ms <= now_ms - MINUTE_MS ||
                               s->n_minute == MINUTE_SAMPLES)) {
        s->n_minute--;
        memmove(s->minute, s->minute + 1,
                (size_t)s->n_minute * sizeof(s->minute[0]));
    }
    metric_set(metrics_series(METRIC_deliveries_per_minute),
               s->n_minute > 0 ? total - s->minute[0].n_ended : 0);
    s->minute[s->n_minute].at_ms = now_ms;
    s->minute[s->n_minute++].n_ended = total;
}

void
serve_free_gauges(struct server *s)
{
    struct str name;
    void *value;

    for (size_t at = 0; s->gauges && map_next(s->gauges, &at, &name, &value);)
        free(value);
    map_free(s->gauges);
}

/* ---- how the store is, and what is in it ---- */

static void on_upkeep(struct loop_timer *t);

static void
tell_of_store(struct server *s, enum err e)
{
    int64_t now_ms = s->clock->wall_ms(s->clock);

    if (e == ERR_TIMEOUT)
        health_report(STR("store"), HEALTH_DEGRADED, STR("it answers too late"),
                      now_ms);
    else
        health_report(
            STR("store"), e == ERR_OK ? HEALTH_OK : HEALTH_DOWN,
            str_from(e == ERR_OK ? s->store->driver->name : err_title(e)),
            now_ms);
    s->is_store_away = e != ERR_OK && e != ERR_TIMEOUT;
    if (s->is_store_away && !s->is_draining)
        loop_timer_set(s->loop, &s->upkeep, COUNT_AGAIN_MS, on_upkeep);
}

static void
on_counted(struct store_req *req, enum err e)
{
    struct store_stats *st = CONTAINER_OF(req, struct store_stats, req);
    struct server *s = CONTAINER_OF(st, struct server, stats);

    s->is_counting = false;
    pace_end(&s->count_pace, s->clock->mono_ms(s->clock));
    tell_of_store(s, e);
    if (e != ERR_OK)
        return;
    metric_set(metrics_series(METRIC_sqlite_wal_bytes), st->wal_bytes);
    set_lanes(s, st, s->clock->wall_ms(s->clock));
}

/* A million rows are not counted by each process that shares them; the others
 * hear what was counted from its report. */
static bool
may_count(const struct server *s)
{
    return !s->store->driver->is_shared || serve_has_role(s, "scheduler");
}

static void
count(struct server *s)
{
    s->is_counting = true;
    pace_begin(&s->count_pace, s->clock->mono_ms(s->clock));
    s->stats = (struct store_stats){
        .req = {.arena = fresh_arena(&s->upkeep_arena),
                .loop = s->loop,
                .on_done = on_counted},
    };
    store_stats(s->store, &s->stats);
}

static void
on_reported(struct store_req *req, enum err e)
{
    struct store_report *r = CONTAINER_OF(req, struct store_report, req);
    struct server *s = CONTAINER_OF(r, struct server, report);

    s->is_reporting = false;
    if (!s->is_counting)
        tell_of_store(s, e);
}

static void
report(struct server *s)
{
    s->is_reporting = true;
    s->report = (struct store_report){
        .req = {.arena = fresh_arena(&s->report_arena),
                .loop = s->loop,
                .on_done = on_reported},
    };
    cluster_report(&s->app, &s->report);
}

static void
on_last_report(struct store_req *req, enum err e)
{
    (void)req, (void)e;
}

/* What was counted since the one before. */
void
serve_report_last(struct server *s)
{
    if (!s->store || !s->store->driver->is_shared || s->is_reporting ||
        !s->has_begun)
        return;
    s->report = (struct store_report){
        .req = {.arena = fresh_arena(&s->report_arena),
                .loop = s->loop,
                .on_done = on_last_report},
    };
    cluster_report(&s->app, &s->report);
}

static void
on_upkeep(struct loop_timer *t)
{
    struct server *s = CONTAINER_OF(t, struct server, upkeep);

    if (!s->is_purging && !s->is_store_away && serve_has_role(s, "scheduler"))
        purge(s, s->clock->wall_ms(s->clock));
    set_rate(s);
    if (!s->is_counting && may_count(s) &&
        (s->is_store_away ||
         pace_is_due(&s->count_pace, s->clock->mono_ms(s->clock))))
        count(s);
    if (!s->is_reporting && s->store->driver->is_shared)
        report(s);
    loop_timer_set(s->loop, &s->upkeep, UPKEEP_EVERY_MS, on_upkeep);
}

void
serve_start_upkeep(struct server *s)
{
    s->has_begun = true;
    s->count_pace = pace_make(0, COUNT_MAX_MS); /* with each upkeep, or rarer */
    set_rate(s);
    if (s->store->driver->is_shared)
        report(s);
    loop_timer_set(s->loop, &s->upkeep, UPKEEP_EVERY_MS, on_upkeep);
}
