/* serve_upkeep.c - what is done now and then: retention, by who has the role
 * scheduler, and the gauges of this process. */
#include <stdio.h>

#include "base/clock.h"
#include "base/health.h"
#include "base/list.h"
#include "base/log.h"
#include "base/metrics.h"
#include "serve_private.h"

#define UPKEEP_EVERY_MS 5000
#define COUNT_AGAIN_MS 1000 /* it may be back soon */
#define PURGE_MAX 500
#define NODE_NAME_MAX 32

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

static void
purge(struct server *s, int64_t now_ms)
{
    const struct config *c = s->config;

    s->is_purging = true;
    s->purge = (struct store_purge){
        .req = {.arena = s->arena, .loop = s->loop, .on_done = on_purged},
        .now_ms = now_ms,
        .settled_before_ms = c->retention_notifications_ms
                                 ? now_ms - c->retention_notifications_ms
                                 : 0,
        .dead_before_ms =
            c->retention_dead_ms ? now_ms - c->retention_dead_ms : 0,
        .max = PURGE_MAX,
    };
    store_purge(s->store, &s->purge);
}

static void
set_lane(struct server *s, const struct store_lane_stat *l, int64_t now_ms)
{
    const struct workspace *w = snapshots_workspace(s->snapshots, l->tenant);
    const struct provider *p = w ? workspace_lane(w, l->lane) : NULL;
    char name[300];

    snprintf(name, sizeof(name), "%.*s/%.*s", STR_ARG(w ? w->key : STR("gone")),
             STR_ARG(p ? p->name : STR("gone")));
    metric_set(metrics_series(METRIC_queue_depth, name, "ready"), l->n_ready);
    metric_set(metrics_series(METRIC_queue_depth, name, "waiting"),
               l->n_waiting);
    metric_set(metrics_series(METRIC_queue_oldest_ready_age_seconds, name),
               l->oldest_ready_ms ? now_ms - l->oldest_ready_ms : 0);
    workspace_put(w);
}

static void
name_node(int64_t slot, char name[static NODE_NAME_MAX])
{
    snprintf(name, NODE_NAME_MAX, "node/%lld", (long long)slot);
}

static void
tell_of_node(struct server *s, const struct store_node_stat *n, int64_t now_ms)
{
    bool is_silent = n->silent_ms > s->config->database_lease_ms / 2;
    char name[NODE_NAME_MAX], detail[160];

    name_node(n->slot, name);
    snprintf(detail, sizeof(detail), "%.*s on %.*s, pid %lld%s",
             STR_ARG(n->roles), STR_ARG(n->host), (long long)n->pid,
             is_silent ? ", is silent" : "");
    health_report(str_from(name), is_silent ? HEALTH_DEGRADED : HEALTH_OK,
                  str_from(detail), now_ms);
}

/* Those who left, or were given up, are nobody's fault any more. */
static void
set_nodes(struct server *s, const struct store_stats *st, int64_t now_ms)
{
    bool is_there[NODES_MAX] = {false};
    char name[NODE_NAME_MAX];

    for (size_t i = 0; i < st->n_nodes; i++) {
        tell_of_node(s, &st->nodes[i], now_ms);
        is_there[st->nodes[i].slot % NODES_MAX] = true;
    }
    for (int slot = 0; slot < NODES_MAX; slot++) {
        if (s->nodes[slot] && !is_there[slot]) {
            name_node(slot, name);
            health_forget(str_from(name));
        }
        s->nodes[slot] = is_there[slot];
    }
}

static void on_upkeep(struct loop_timer *t);

static void
on_counted(struct store_req *req, enum err e)
{
    struct store_stats *st = CONTAINER_OF(req, struct store_stats, req);
    struct server *s = CONTAINER_OF(st, struct server, stats);
    int64_t now_ms = s->clock->wall_ms(s->clock);

    s->is_counting = false;
    if (e == ERR_TIMEOUT)
        health_report(STR("store"), HEALTH_DEGRADED,
                      STR("counting what is queued takes too long"), now_ms);
    else
        health_report(
            STR("store"), e == ERR_OK ? HEALTH_OK : HEALTH_DOWN,
            str_from(e == ERR_OK ? s->store->driver->name : err_title(e)),
            now_ms);
    s->is_store_away = e != ERR_OK && e != ERR_TIMEOUT;
    if (s->is_store_away && !s->is_draining)
        loop_timer_set(s->loop, &s->upkeep, COUNT_AGAIN_MS, on_upkeep);
    if (e != ERR_OK)
        return;
    metric_set(metrics_series(METRIC_sqlite_wal_bytes), st->wal_bytes);
    for (size_t i = 0; i < st->n_lanes; i++)
        set_lane(s, &st->lanes[i], now_ms);
    set_nodes(s, st, now_ms);
}

static void
count(struct server *s)
{
    if (!s->upkeep_arena)
        s->upkeep_arena = arena_new();
    arena_reset(s->upkeep_arena);
    s->is_counting = true;
    s->stats = (struct store_stats){
        .req = {.arena = s->upkeep_arena,
                .loop = s->loop,
                .on_done = on_counted},
    };
    store_stats(s->store, &s->stats);
}

static void
on_upkeep(struct loop_timer *t)
{
    struct server *s = CONTAINER_OF(t, struct server, upkeep);

    if (!s->is_purging && !s->is_store_away && serve_has_role(s, "scheduler"))
        purge(s, s->clock->wall_ms(s->clock));
    if (!s->is_counting)
        count(s);
    loop_timer_set(s->loop, &s->upkeep, UPKEEP_EVERY_MS, on_upkeep);
}

void
serve_start_upkeep(struct server *s)
{
    loop_timer_set(s->loop, &s->upkeep, UPKEEP_EVERY_MS, on_upkeep);
}
