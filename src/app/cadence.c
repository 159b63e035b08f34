/* cadence.c - see cadence.h.
 *
 *   a schedule appears -> look back for its last run -> wait -> run -> wait ...
 *                                                        |
 *                              missed ones, one by one <-+
 *
 * A workspace is a room, a schedule in it a beat, and what is under way of one
 * a tick, of which a beat has one at a time. A beat that waits is in the heap,
 * by when it is to be looked at next; one that has no next time is nowhere.
 *
 * A run of which nothing is known is begun anew. As long as none of those that
 * were missed is made, it is also decided anew which are: meanwhile others may
 * have become due. */
#include "app/cadence.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/schedule_doc.h"
#include "app/send.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/metrics.h"
#include "store/store.h"

#define HOUR_MS INT64_C(3600000)
/* A key outlives the time in which it is asked for. */
#define DEDUP_MS (CADENCE_HORIZON_MS + 24 * HOUR_MS)
#define LATE_MS 60000 /* and not missed */
#define TICKS_MAX 32
#define STEPS_MAX 200 /* in a turn of the loop */
#define KEYS_MAX 500  /* in one look back */
#define LOOK_MS 5000  /* the wall clock may have been set */
#define AGAIN_MS 500  /* after an error; twice as long after the next one... */
#define AGAIN_MAX_MS 16000 /* ...up to this */

struct beat {
    struct heap_node node; /* by wall clock */
    struct room *room;
    const struct schedule_doc *doc; /* in its room's workspace */
    struct tick *tick;              /* NULL: nothing is under way */
    int n_failures;
    /* What was due up to then was run, is left out, or is nobody's. */
    int64_t looked_ms;
    /* Until looked_ms is known: between these may be a run, and the next look
     * goes so far back. */
    bool is_known;
    int64_t from_ms, before_ms, back_ms;
    /* What is made up, of all that was due until `decided_ms`; or NULL. */
    struct schedule_missed *missed;
    size_t at;
    int64_t decided_ms;
};

struct room {
    const struct workspace *workspace;
    struct beat **beats; /* by key; of those that are enabled */
    size_t n_beats;
    unsigned generation; /* of the configuration that has it */
};

struct tick {
    struct list node;
    struct cadence *cadence;
    struct beat *beat; /* NULL: the schedule was changed meanwhile */
    struct arena *arena;
    const struct workspace *workspace;
    struct str schedule;
    int64_t due_ms;
    struct send send;
    struct send_item item;
    struct json_doc doc;
    /* of a look back */
    struct store_dedup_get get;
    int64_t *dues;
    bool is_cut; /* there are older ones in it */
};

struct cadence {
    const struct app *app;
    struct map *rooms; /* by tenant, decimal */
    unsigned generation;
    struct heap waiting;
    struct list ticks;
    size_t n_ticks;
    struct task bell, idle;
    atomic_bool is_rung; /* the bell is posted */
    bool is_draining, is_over;
    struct loop_timer due;
    void (*drained)(void *arg);
    void *drained_arg;
};

static void go_on(struct cadence *c);

static struct loop *
loop_of(const struct cadence *c)
{
    return c->app->env->loop;
}

static int64_t
wall_ms(const struct cadence *c)
{
    return c->app->env->clock->wall_ms(c->app->env->clock);
}

static void
wait_until(struct cadence *c, struct beat *b, int64_t at_ms)
{
    b->node.key = at_ms;
    heap_insert(&c->waiting, &b->node);
}

static void
count(const char *outcome, size_t n)
{
    metric_add(metrics_series(METRIC_schedule_runs_total, outcome), (int64_t)n);
}

/* ---- ticks ---- */

static struct tick *
tick_new(struct cadence *c, struct beat *b)
{
    struct tick *t = xcalloc(1, sizeof(*t));

    assert(!b->tick);
    t->cadence = c;
    t->beat = b;
    t->arena = arena_new();
    t->workspace = workspace_get(b->room->workspace);
    t->schedule = str_dup(t->arena, b->doc->key);
    b->tick = t;
    list_append(&c->ticks, &t->node);
    c->n_ticks++;
    return t;
}

static void
tick_free(struct tick *t)
{
    list_remove(&t->node);
    t->cadence->n_ticks--;
    if (t->beat)
        t->beat->tick = NULL;
    workspace_put(t->workspace);
    arena_free(t->arena);
    free(t);
}

static void
try_again(struct cadence *c, struct beat *b)
{
    int64_t ms = AGAIN_MS;

    if (b->missed && b->at == 0) {
        free(b->missed);
        b->missed = NULL;
    }
    for (int i = 0; i < b->n_failures && ms < AGAIN_MAX_MS; i++)
        ms *= 2;
    b->n_failures++;
    wait_until(c, b, wall_ms(c) + ms);
}

/* ---- one run ---- */

static void
leave_out(const struct beat *b, const struct schedule_missed *m)
{
    if (m->n_left_out == 0)
        return;
    LOG_WARN("schedule.left_out", log_str("workspace", b->room->workspace->key),
             log_str("schedule", b->doc->key),
             log_int("runs", (int64_t)m->n_left_out),
             log_int("more", m->is_more));
    count("left_out", m->n_left_out);
}

static void
end_run(struct cadence *c, struct beat *b, int64_t due_ms)
{
    b->n_failures = 0;
    if (!b->missed) {
        b->looked_ms = due_ms;
    } else if (++b->at == b->missed->n) {
        leave_out(b, b->missed);
        b->looked_ms = b->decided_ms;
        free(b->missed);
        b->missed = NULL;
    }
    wait_until(c, b, wall_ms(c));
}

static void
tell_refused(const struct tick *t)
{
    const struct problem *p = &t->item.problem;
    struct str pointer = p->n_errors > 0 ? p->errors[0].pointer : STR_NONE;
    struct str why = p->n_errors > 0 ? p->errors[0].detail : p->detail;

    LOG_WARN("schedule.refused", log_str("workspace", t->workspace->key),
             log_str("schedule", t->schedule), log_str("pointer", pointer),
             log_str("why", why));
    count("refused", 1);
}

static void
on_sent(struct send *s, enum err e)
{
    struct tick *t = CONTAINER_OF(s, struct tick, send);
    struct cadence *c = t->cadence;
    struct beat *b = t->beat;
    int64_t due_ms = t->due_ms;

    if (e != ERR_OK) {
        LOG_WARN("schedule.failed", log_str("workspace", t->workspace->key),
                 log_str("schedule", t->schedule),
                 log_cstr("err", err_code(e)));
    } else if (problem_is_set(&t->item.problem)) {
        tell_refused(t);
    } else if (t->item.accepted->is_duplicate) {
        count("duplicate", 1);
    } else {
        count("accepted", 1);
        metric_add(metrics_series(METRIC_events_accepted_total, "schedule"), 1);
    }
    tick_free(t);
    if (b && e == ERR_OK)
        end_run(c, b, due_ms);
    else if (b)
        try_again(c, b);
    go_on(c);
}

static void
run(struct cadence *c, struct beat *b, int64_t due_ms)
{
    struct tick *t = tick_new(c, b);
    struct str body = schedule_doc_body(t->arena, b->doc, due_ms);
    struct json_error why;
    enum err e = json_parse(t->arena, body, &t->doc, &why);

    assert(e == ERR_OK); /* made of what was parsed before */
    (void)e;
    t->due_ms = due_ms;
    t->item = (struct send_item){
        .doc = json_root(&t->doc),
        .dedup_key = schedule_doc_dedup_key(t->arena, b->doc->key, due_ms),
        .dedup_window_ms = DEDUP_MS,
        .is_later = true, /* the store knows when; our clock may be fast */
    };
    t->send = (struct send){
        .app = c->app,
        .arena = t->arena,
        .workspace = t->workspace,
        .items = &t->item,
        .n_items = 1,
        .request_id = str_fmt(t->arena, "schedule-%.*s", STR_ARG(b->doc->key)),
        .on_done = on_sent,
    };
    send_start(&t->send);
}

/* ---- the last run before us ---- */

static void
know(struct beat *b, int64_t looked_ms)
{
    b->is_known = true;
    b->looked_ms = looked_ms;
}

/* There is none after `at_ms`, which is excluded. */
static void
look_farther(struct beat *b, int64_t at_ms)
{
    if (at_ms <= b->from_ms)
        know(b, b->from_ms);
    else
        b->before_ms = at_ms + 1;
    b->back_ms *= 24;
}

static void
on_looked(struct store_req *req, enum err e)
{
    struct store_dedup_get *g = CONTAINER_OF(req, struct store_dedup_get, req);
    struct tick *t = CONTAINER_OF(g, struct tick, get);
    struct cadence *c = t->cadence;
    struct beat *b = t->beat;
    int64_t last = INT64_MIN, oldest = INT64_MAX;

    for (size_t i = 0; e == ERR_OK && i < g->n_keys; i++) {
        if (g->ids[i] != 0 && t->dues[i] > last)
            last = t->dues[i];
        if (t->dues[i] < oldest)
            oldest = t->dues[i];
    }
    if (e != ERR_OK)
        LOG_WARN("schedule.look_failed", log_str("schedule", t->schedule),
                 log_cstr("err", err_code(e)));
    if (!b) {
        tick_free(t);
    } else if (e != ERR_OK) {
        tick_free(t);
        try_again(c, b);
    } else {
        b->n_failures = 0;
        if (last != INT64_MIN)
            know(b, last);
        else if (t->is_cut)
            b->before_ms = oldest;
        else
            look_farther(b, t->due_ms);
        tick_free(t);
        wait_until(c, b, wall_ms(c));
    }
    go_on(c);
}

/* Asks which of the newest that were due after from_ms were run. */
static void
ask(struct cadence *c, struct beat *b, int64_t from_ms)
{
    struct tick *t = tick_new(c, b);
    struct str *keys = ARENA_ARRAY(t->arena, struct str, KEYS_MAX);
    size_t n = 0;

    t->dues = ARENA_ARRAY(t->arena, int64_t, KEYS_MAX);
    for (int64_t due = from_ms;
         (due = schedule_next(&b->doc->when, due)) < b->before_ms;)
        t->dues[n++ % KEYS_MAX] = due;
    t->is_cut = n > KEYS_MAX;
    n = n < KEYS_MAX ? n : KEYS_MAX;
    for (size_t i = 0; i < n; i++)
        keys[i] = schedule_doc_dedup_key(t->arena, b->doc->key, t->dues[i]);
    t->due_ms = from_ms;
    t->get = (struct store_dedup_get){
        .req = {.arena = t->arena, .loop = loop_of(c), .on_done = on_looked},
        .tenant = b->room->workspace->tenant,
        .now_ms = wall_ms(c),
        .keys = keys,
        .n_keys = n,
    };
    store_dedup_get(c->app->env->store, &t->get);
}

/* Of a schedule that we see for the first time. False: it has asked. Most were
 * run lately, so the first looks are short. */
static bool
knows_last_run(struct cadence *c, struct beat *b, int64_t now_ms)
{
    if (b->is_known)
        return true;
    if (b->back_ms == 0) {
        b->from_ms = b->doc->updated_ms < now_ms ? b->doc->updated_ms : now_ms;
        if (b->from_ms < now_ms - CADENCE_HORIZON_MS)
            b->from_ms = now_ms - CADENCE_HORIZON_MS;
        b->before_ms = now_ms + 1;
        b->back_ms = HOUR_MS;
    }
    while (!b->is_known) {
        int64_t from = b->before_ms - b->back_ms;

        from = from > b->from_ms ? from : b->from_ms;
        if (schedule_next(&b->doc->when, from) < b->before_ms) {
            ask(c, b, from);
            return false;
        }
        look_farther(b, from);
    }
    return true;
}

/* ---- what is next ---- */

static void
decide(struct beat *b, int64_t now_ms)
{
    struct schedule_missed *m = xcalloc(1, sizeof(*m));

    schedule_missed(&b->doc->when, b->looked_ms, now_ms, LATE_MS, m);
    if (m->n > 0) {
        b->missed = m;
        b->at = 0;
        b->decided_ms = now_ms;
        return;
    }
    leave_out(b, m);
    b->looked_ms = now_ms;
    free(m);
}

/* It waits for nothing, and nothing of it is under way. */
static void
advance(struct cadence *c, struct beat *b)
{
    int64_t now_ms = wall_ms(c), next;

    if (!knows_last_run(c, b, now_ms))
        return;
    if (!b->missed && schedule_next(&b->doc->when, b->looked_ms) <= now_ms)
        decide(b, now_ms);
    next = b->missed ? b->missed->due_ms[b->at]
                     : schedule_next(&b->doc->when, b->looked_ms);
    if (next <= now_ms + CADENCE_LEAD_MS)
        run(c, b, next);
    else if (next != INT64_MAX)
        wait_until(c, b, next - CADENCE_LEAD_MS);
}

static void
on_due(struct loop_timer *t)
{
    go_on(CONTAINER_OF(t, struct cadence, due));
}

static void
go_on(struct cadence *c)
{
    int64_t now_ms = wall_ms(c), ms;
    struct heap_node *n;

    if (c->is_draining && c->n_ticks == 0 && !c->is_over) {
        c->is_over = true;
        loop_post(loop_of(c), &c->idle);
    }
    if (c->is_draining)
        return;
    for (int i = 0; i < STEPS_MAX && c->n_ticks < TICKS_MAX; i++) {
        n = heap_min(&c->waiting);
        if (!n || n->key > now_ms)
            break;
        heap_remove(&c->waiting, n);
        advance(c, CONTAINER_OF(n, struct beat, node));
    }
    n = heap_min(&c->waiting);
    if (!n || c->n_ticks == TICKS_MAX) { /* the end of one goes on */
        loop_timer_clear(loop_of(c), &c->due);
        return;
    }
    ms = n->key > now_ms ? n->key - now_ms : 0;
    if (ms > LOOK_MS && !c->app->env->clock->is_steady)
        ms = LOOK_MS;
    loop_timer_set(loop_of(c), &c->due, ms, on_due);
}

/* ---- configuration ---- */

static struct beat *
beat_new(struct cadence *c, struct room *r, const struct schedule_doc *doc)
{
    struct beat *b = xcalloc(1, sizeof(*b));

    b->room = r;
    b->doc = doc;
    wait_until(c, b, wall_ms(c));
    return b;
}

static void
beat_free(struct cadence *c, struct beat *b)
{
    if (heap_has(&b->node))
        heap_remove(&c->waiting, &b->node);
    if (b->tick)
        b->tick->beat = NULL;
    free(b->missed);
    free(b);
}

/* Both are in the order of their keys. What was changed begins anew. */
static void
furnish(struct cadence *c, struct room *r, const struct workspace *w)
{
    struct beat **beats = xcalloc(w->n_schedules + 1, sizeof(struct beat *));
    size_t n = 0, at = 0;

    for (size_t i = 0; i < w->n_schedules; i++) {
        const struct schedule_doc *doc = w->schedules[i];
        struct beat *b;

        while (at < r->n_beats && str_cmp(r->beats[at]->doc->key, doc->key) < 0)
            beat_free(c, r->beats[at++]);
        b = at < r->n_beats && str_eq(r->beats[at]->doc->key, doc->key)
                ? r->beats[at++]
                : NULL;
        if (b && (b->doc->version != doc->version || !doc->is_enabled)) {
            beat_free(c, b);
            b = NULL;
        }
        if (b)
            b->doc = doc;
        else if (doc->is_enabled)
            b = beat_new(c, r, doc);
        if (b)
            beats[n++] = b;
    }
    while (at < r->n_beats)
        beat_free(c, r->beats[at++]);
    free(r->beats);
    workspace_put(r->workspace);
    r->beats = beats;
    r->n_beats = n;
    r->workspace = w;
}

static void
room_free(struct cadence *c, struct room *r)
{
    for (size_t i = 0; i < r->n_beats; i++)
        beat_free(c, r->beats[i]);
    free(r->beats);
    workspace_put(r->workspace);
    free(r);
}

static struct str
tenant_text(char text[static 24], int64_t tenant)
{
    int n = snprintf(text, 24, "%lld", (long long)tenant);

    return (struct str){text, (size_t)n};
}

static void
visit(struct cadence *c, const struct workspace *w)
{
    char text[24];
    struct str name = tenant_text(text, w->tenant);
    struct room *r = map_get(c->rooms, name);

    if (w->n_schedules == 0) { /* a room that there was goes */
        workspace_put(w);
        return;
    }
    if (!r) {
        r = xcalloc(1, sizeof(*r));
        map_put(c->rooms, name, r);
    }
    r->generation = c->generation;
    if (r->workspace == w)
        workspace_put(w);
    else
        furnish(c, r, w);
}

static void
refresh(struct cadence *c)
{
    struct arena *a = arena_new();
    int64_t *tenants;
    size_t n = snapshots_tenants(c->app->snapshots, a, &tenants), at = 0;
    struct str name;
    void *value;

    c->generation++;
    for (size_t i = 0; i < n; i++) {
        const struct workspace *w =
            snapshots_workspace(c->app->snapshots, tenants[i]);

        if (w)
            visit(c, w);
    }
    while (map_next(c->rooms, &at, &name, &value)) {
        struct room *r = value;

        if (r->generation == c->generation)
            continue;
        map_remove(c->rooms, name);
        room_free(c, r);
    }
    arena_free(a);
}

/* ---- life ---- */

static void
on_bell(struct task *t)
{
    struct cadence *c = CONTAINER_OF(t, struct cadence, bell);

    atomic_store(&c->is_rung, false);
    if (!c->is_draining)
        refresh(c);
    go_on(c);
}

void
cadence_ring(struct cadence *c)
{
    if (!atomic_exchange(&c->is_rung, true))
        loop_post(loop_of(c), &c->bell);
}

static void
on_idle(struct task *t)
{
    struct cadence *c = CONTAINER_OF(t, struct cadence, idle);

    c->drained(c->drained_arg);
}

struct cadence *
cadence_new(const struct app *app)
{
    struct cadence *c = xcalloc(1, sizeof(*c));

    c->app = app;
    c->rooms = map_new();
    heap_init(&c->waiting);
    list_init(&c->ticks);
    c->bell.run = on_bell;
    c->idle.run = on_idle;
    return c;
}

void
cadence_drain(struct cadence *c, void (*done)(void *arg), void *arg)
{
    assert(!c->is_draining);
    c->is_draining = true;
    c->drained = done;
    c->drained_arg = arg;
    loop_timer_clear(loop_of(c), &c->due);
    go_on(c);
}

void
cadence_free(struct cadence *c)
{
    struct str name;
    size_t at = 0;
    void *value;

    if (!c)
        return;
    loop_timer_clear(loop_of(c), &c->due);
    while (map_next(c->rooms, &at, &name, &value))
        room_free(c, value);
    map_free(c->rooms);
    LIST_EACH(it, &c->ticks)
    tick_free(CONTAINER_OF(it, struct tick, node));
    heap_fini(&c->waiting);
    free(c);
}
