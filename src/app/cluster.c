/* cluster.c - see cluster.h. */
#include "app/cluster.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/metrics_sum.h"
#include "store/store.h"

#define PATIENCE_MS 1000     /* then it is answered without the others */
#define REPORT_LATE_MS 20000 /* they report every 5 s */

/* What the others and those before them had counted when they were asked last:
 * while they cannot be, the sums stand still and do not fall. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct buf last_counted;
static char last_slot[24];

bool
cluster_is_shared(const struct app *app)
{
    return app->env->store->driver->is_shared;
}

void
cluster_report(const struct app *app, struct store_report *r)
{
    struct buf health, metrics;
    struct json_writer w;

    buf_init(&health, r->req.arena);
    buf_init(&metrics, r->req.arena);
    w = json_writer(&health);
    (void)health_write(&w, STR_NONE);
    metrics_report(&metrics);
    r->health = buf_str(&health);
    r->metrics = buf_str(&metrics);
    store_report(app->env->store, r);
}

/* ---- ask ---- */

static struct str
slot_text(struct arena *a, int64_t slot)
{
    return str_fmt(a, "%lld", (long long)slot);
}

static struct store_req
request(struct cluster *c, void (*on_done)(struct store_req *, enum err))
{
    struct clock *clock = c->app->env->clock;

    return (struct store_req){.arena = c->arena,
                              .loop = c->app->env->loop,
                              .on_done = on_done,
                              .deadline_ms =
                                  clock->mono_ms(clock) + PATIENCE_MS};
}

static void
on_reports(struct store_req *req, enum err e)
{
    struct store_reports *r = CONTAINER_OF(req, struct store_reports, req);
    struct cluster *c = CONTAINER_OF(r, struct cluster, reports);

    for (size_t i = 0; e == ERR_OK && i < r->n_processes; i++)
        if (r->processes[i].is_self && r->processes[i].is_live)
            c->self = &r->processes[i];
    if (c->self) { /* else it was just given up, and others speak for it */
        c->processes = r->processes;
        c->n_processes = r->n_processes;
        c->owners = r->owners;
        c->n_owners = r->n_owners;
        c->past = r->past;
        c->n_past = r->n_past;
    }
    c->on_done(c);
}

static void
ask_others(struct cluster *c)
{
    c->reports = (struct store_reports){.req = request(c, on_reports),
                                        .wants_metrics = c->wants_metrics};
    store_reports(c->app->env->store, &c->reports);
}

static void
on_reported(struct store_req *req, enum err e)
{
    struct store_report *r = CONTAINER_OF(req, struct store_report, req);
    struct cluster *c = CONTAINER_OF(r, struct cluster, report);

    if (e == ERR_OK)
        ask_others(c);
    else
        c->on_done(c);
}

/* Where sums are asked for, it first says what it counted itself: who asks one
 * process after the other never sees them fall. */
void
cluster_ask(struct cluster *c)
{
    if (!c->wants_metrics || !cluster_is_shared(c->app)) {
        ask_others(c);
        return;
    }
    c->report = (struct store_report){.req = request(c, on_reported)};
    cluster_report(c->app, &c->report);
}

static bool
is_other(const struct store_process *p)
{
    return p->is_live && !p->is_self;
}

/* ---- whose word counts ----
 *
 * A lane may have moved from one process to another, and a breaker of one that
 * does not have it any more stays as it was: who has it tells of it. Where
 * nobody has it, each may. */

/* Of a component, or of a provider's name in whatever workspace; slot -1: of
 * any process. */
static struct str
owner_key(struct cluster *c, struct str name, int64_t slot)
{
    return str_fmt(c->arena, "%.*s\n%lld", STR_ARG(name), (long long)slot);
}

static void
add_owner(struct cluster *c, struct str name, int64_t slot)
{
    (void)map_put(c->owners_of, owner_key(c, name, slot), c);
    (void)map_put(c->owners_of, owner_key(c, name, -1), c);
}

static void
find_owners(struct cluster *c)
{
    const struct workspace *w = NULL;

    c->owners_of = map_new();
    for (size_t i = 0; i < c->n_owners; i++) {
        const struct store_lane_owner *o = &c->owners[i];
        const struct provider *p;

        if (!w || w->tenant != o->tenant) {
            workspace_put(w);
            w = snapshots_workspace(c->app->snapshots, o->tenant);
        }
        p = w ? workspace_lane(w, o->lane) : NULL;
        if (!p)
            continue;
        add_owner(c, p->name, o->slot);
        add_owner(c,
                  str_fmt(c->arena, "provider/%.*s/%.*s", STR_ARG(w->key),
                          STR_ARG(p->name)),
                  o->slot);
    }
    workspace_put(w);
}

static bool
has_another_owner(struct cluster *c, struct str name, struct str node)
{
    int64_t slot;

    return str_to_i64(node, &slot) &&
           map_get(c->owners_of, owner_key(c, name, -1)) &&
           !map_get(c->owners_of, owner_key(c, name, slot));
}

static bool
is_component_silent(void *arg, struct str name, struct str node)
{
    return str_starts(name, STR("provider/")) &&
           has_another_owner(arg, name, node);
}

#define PROVIDER_LABEL "provider=\""

static bool
is_series_silent(void *arg, enum metric m, struct str labels, struct str node)
{
    const size_t before = sizeof(PROVIDER_LABEL) - 1;

    return m == METRIC_breaker_state &&
           str_starts(labels, STR(PROVIDER_LABEL)) &&
           has_another_owner(
               arg, str_sub(labels, before, labels.n - before - 1), node);
}

/* ---- health ---- */

static void
write_process(struct cluster *c, const struct store_process *p,
              int64_t lease_ms, struct json_writer *w)
{
    struct clock *clock = c->app->env->clock;
    bool is_silent = p->silent_ms > lease_ms / 2;
    bool is_late = p->report_age_ms > REPORT_LATE_MS;
    struct str detail =
        str_fmt(c->arena, "%.*s on %.*s, pid %lld%s", STR_ARG(p->roles),
                STR_ARG(p->host), (long long)p->pid,
                is_silent ? ", is silent"
                : is_late ? ", does not report"
                          : "");

    json_begin_object(w);
    json_str_field(w, "name",
                   str_fmt(c->arena, "node/%lld", (long long)p->slot));
    json_str_field(w, "status",
                   str_from(health_name(is_silent || is_late ? HEALTH_DEGRADED
                                                             : HEALTH_OK)));
    json_str_field(w, "detail", detail);
    json_time_field(w, "at", clock->wall_ms(clock));
    json_end_object(w);
}

static struct str
processes_as_components(struct cluster *c, int64_t lease_ms)
{
    struct buf out;
    struct json_writer w;

    buf_init(&out, c->arena);
    w = json_writer(&out);
    json_begin_array(&w);
    for (size_t i = 0; i < c->n_processes; i++)
        if (c->processes[i].is_live)
            write_process(c, &c->processes[i], lease_ms, &w);
    json_end_array(&w);
    return buf_str(&out);
}

enum health
cluster_write_health(struct cluster *c, struct str only, int64_t lease_ms,
                     struct json_writer *w)
{
    struct health_part *others =
        ARENA_ARRAY(c->arena, struct health_part, c->n_processes + 1);
    struct health_parts parts = {
        .others = others, .is_silent = is_component_silent, .arg = c};
    enum health worst;

    if (!c->self)
        return health_write(w, only);
    parts.own = slot_text(c->arena, c->self->slot);
    others[parts.n++].components = processes_as_components(c, lease_ms);
    for (size_t i = 0; i < c->n_processes; i++)
        if (is_other(&c->processes[i]))
            others[parts.n++] =
                (struct health_part){slot_text(c->arena, c->processes[i].slot),
                                     c->processes[i].health};
    find_owners(c);
    worst = health_write_all(w, only, &parts);
    map_free(c->owners_of);
    return worst;
}

/* ---- metrics ---- */

static void
add_others(struct cluster *c, struct metrics_sum *s)
{
    for (size_t i = 0; i < c->n_processes; i++) {
        const struct store_process *p = &c->processes[i];

        if (is_other(p))
            metrics_sum_add(s, p->metrics, slot_text(c->arena, p->slot),
                            p->report_age_ms);
    }
    for (size_t i = 0; i < c->n_past; i++)
        metrics_sum_add_past(s, c->past[i]);
    pthread_mutex_lock(&lock);
    buf_reset(&last_counted);
    metrics_sum_write_past(s, &last_counted);
    snprintf(last_slot, sizeof(last_slot), "%lld", (long long)c->self->slot);
    pthread_mutex_unlock(&lock);
}

static void
add_last_known(struct metrics_sum *s)
{
    pthread_mutex_lock(&lock);
    metrics_sum_add_past(s, buf_str(&last_counted));
    pthread_mutex_unlock(&lock);
}

void
cluster_write_metrics(struct cluster *c, struct buf *out)
{
    struct metrics_sum *s = metrics_sum_new();
    struct str node = STR_NONE;

    find_owners(c);
    metrics_sum_skip(s, is_series_silent, c);
    if (c->self)
        add_others(c, s);
    else
        add_last_known(s);
    pthread_mutex_lock(&lock);
    if (last_slot[0])
        node = str_dup(c->arena, str_from(last_slot));
    pthread_mutex_unlock(&lock);
    /* As the others have it by now, or what was counted since would be missing
     * where one of them is asked next. */
    if (c->self && c->report.metrics.n > 0)
        metrics_sum_add(s, c->report.metrics, node, 0);
    else
        metrics_sum_add_own(s, node);
    metrics_sum_write(s, out);
    metrics_sum_free(s);
    map_free(c->owners_of);
}
