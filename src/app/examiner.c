/* examiner.c - see examiner.h.
 *
 *   list what is open -> for each, in turn: count -> read its document -> write
 *   what was decided, if it is still that document -> ... -> wait */
#include "app/examiner.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "store/store.h"

struct open {
    int64_t tenant;
    struct str key;
};

struct examiner {
    const struct app *app;
    struct task bell, idle;
    atomic_bool is_rung; /* the bell is posted */
    struct loop_timer timer;
    struct arena *arena; /* of a round */
    struct open *open;
    size_t n_open, turn;
    /* the one whose turn it is */
    struct arena *own;
    const struct workspace *workspace;
    const struct experiment_doc *experiment;
    struct stop_verdict verdict;
    struct store_trial_count count;
    struct store_object_get get;
    struct store_object_write write;
    struct store_object_put put;
    bool is_busy, is_draining, is_over;
    void (*drained)(void *arg);
    void *drained_arg;
};

/* ---- what counts say ---- */

struct store_trial_count
examiner_count(const struct workspace *w, const struct experiment_doc *x,
               int64_t now_ms)
{
    return (struct store_trial_count){
        .tenant = w->tenant,
        .round = x->round,
        .now_ms = now_ms,
        .goal = x->goal,
        .within_ms = x->within_ms,
    };
}

void
examiner_read(const struct app *app, struct store_trial_count *c)
{
    store_trial_count(app->env->store, c);
}

struct store_trial_row
examiner_row(const struct store_trial_count *c, struct str variant)
{
    for (size_t i = 0; i < c->n_rows; i++)
        if (str_eq(c->rows[i].variant, variant))
            return c->rows[i];
    return (struct store_trial_row){.variant = variant};
}

struct stop_verdict
examiner_decide(struct arena *a, const struct experiment_doc *x,
                const struct store_trial_count *c)
{
    struct trial_count *counts =
        ARENA_ARRAY(a, struct trial_count, x->n_variants);

    for (size_t i = 0; i < x->n_variants; i++)
        counts[i] = examiner_row(c, x->variants[i].key).goal;
    return significance_decide(&x->stop, counts, x->n_variants);
}

/* ---- one of them ---- */

static void go_on(struct examiner *e);

static struct store_req
request(struct examiner *e, void (*on_done)(struct store_req *, enum err))
{
    return (struct store_req){
        .arena = e->own, .loop = e->app->env->loop, .on_done = on_done};
}

static int64_t
wall_ms(const struct examiner *e)
{
    return e->app->env->clock->wall_ms(e->app->env->clock);
}

static void
leave(struct examiner *e, enum err err)
{
    if (err != ERR_OK && err != ERR_PRECONDITION)
        LOG_WARN("examiner.failed", log_str("experiment", e->experiment->key),
                 log_cstr("err", err_code(err)));
    workspace_put(e->workspace);
    e->workspace = NULL;
    e->is_busy = false;
    e->turn++;
    go_on(e);
}

static void
on_put(struct store_req *req, enum err err)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct examiner *e = CONTAINER_OF(p, struct examiner, put);

    if (err == ERR_OK)
        LOG_INFO(
            "experiment.decided", log_str("workspace", e->workspace->key),
            log_str("experiment", e->experiment->key),
            log_str("winner", e->experiment->variants[e->verdict.winner].key));
    leave(e, err);
}

static const struct audit *
audit_of(const struct examiner *e)
{
    struct audit *a = ARENA_NEW(e->own, struct audit);

    *a = (struct audit){
        .tenant = e->workspace->tenant,
        .id = id_make(e->app->ids, wall_ms(e), AUDIT_LINES_MAX),
        .now_ms = wall_ms(e),
        .actor = STR("server"),
        .action = STR("decide"),
    };
    return a;
}

static void
decide(struct examiner *e, const struct object *o, struct json doc)
{
    struct str winner = e->experiment->variants[e->verdict.winner].key;

    e->write = (struct store_object_write){
        .kind = OBJECT_EXPERIMENT,
        .key = o->key,
        .body = experiment_doc_decide(e->own, doc, winner, e->verdict.p,
                                      wall_ms(e)),
        .if_version = o->version,
    };
    e->put = (struct store_object_put){
        .req = request(e, on_put),
        .tenant = e->workspace->tenant,
        .now_ms = wall_ms(e),
        .writes = &e->write,
        .n_writes = 1,
        .is_atomic = true,
    };
    e->put.req.audit = audit_of(e);
    store_object_put(e->app->env->store, &e->put);
}

/* Not if people have changed it since: it may ask something else now. */
static void
on_document(struct store_req *req, enum err err)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct examiner *e = CONTAINER_OF(g, struct examiner, get);
    const struct object *o = &g->objects[0];
    struct json_doc doc;
    struct json_error why;

    if (err == ERR_OK && o->version == e->experiment->version &&
        json_parse(e->own, o->body, &doc, &why) == ERR_OK)
        decide(e, o, json_root(&doc));
    else
        leave(e, err);
}

static void
on_counted(struct store_req *req, enum err err)
{
    struct store_trial_count *c =
        CONTAINER_OF(req, struct store_trial_count, req);
    struct examiner *e = CONTAINER_OF(c, struct examiner, count);

    if (err == ERR_OK)
        e->verdict = examiner_decide(e->own, e->experiment, c);
    if (err != ERR_OK || e->verdict.state != STOP_DECIDED) {
        leave(e, err);
        return;
    }
    e->get = (struct store_object_get){
        .req = request(e, on_document),
        .tenant = e->workspace->tenant,
        .kind = OBJECT_EXPERIMENT,
        .keys = &e->experiment->key,
        .n_keys = 1,
    };
    store_object_get(e->app->env->store, &e->get);
}

static bool
is_open(const struct experiment_doc *x)
{
    return x->status == EXPERIMENT_RUNNING && x->has_stop && !x->decided;
}

/* False: there is nothing to ask of it any more. */
static bool
examine(struct examiner *e, const struct open *o)
{
    arena_reset(e->own);
    e->workspace = snapshots_workspace(e->app->snapshots, o->tenant);
    e->experiment =
        e->workspace ? workspace_experiment(e->workspace, o->key) : NULL;
    if (!e->experiment || !is_open(e->experiment)) {
        workspace_put(e->workspace);
        e->workspace = NULL;
        return false;
    }
    e->is_busy = true;
    e->count = examiner_count(e->workspace, e->experiment, wall_ms(e));
    e->count.req = request(e, on_counted);
    store_trial_count(e->app->env->store, &e->count);
    return true;
}

/* ---- all of them ---- */

static void
list_tenant(struct examiner *e, int64_t tenant, struct buf *open)
{
    const struct workspace *w = snapshots_workspace(e->app->snapshots, tenant);

    for (size_t i = 0; w && i < w->n_experiments; i++) {
        const struct experiment_doc *x = w->experiments[i];
        const struct open o = {tenant, str_dup(e->arena, x->key)};

        if (is_open(x))
            buf_put(open, &o, sizeof(o));
    }
    workspace_put(w);
}

static void
on_time(struct loop_timer *t)
{
    struct examiner *e = CONTAINER_OF(t, struct examiner, timer);
    struct buf open;
    int64_t *tenants;
    size_t n;

    arena_reset(e->arena);
    buf_init(&open, e->arena);
    n = snapshots_tenants(e->app->snapshots, e->arena, &tenants);
    for (size_t i = 0; i < n; i++)
        list_tenant(e, tenants[i], &open);
    e->open = (struct open *)(void *)open.p;
    e->n_open = open.n / sizeof(*e->open);
    e->turn = 0;
    go_on(e);
}

static void
go_on(struct examiner *e)
{
    if (e->is_busy)
        return;
    if (e->is_draining) {
        if (!e->is_over)
            loop_post(e->app->env->loop, &e->idle);
        e->is_over = true;
        return;
    }
    while (e->turn < e->n_open && !examine(e, &e->open[e->turn]))
        e->turn++;
    if (!e->is_busy && e->n_open > 0)
        loop_timer_set(e->app->env->loop, &e->timer, EXAMINER_EVERY_MS,
                       on_time);
}

/* ---- life ---- */

/* One who is under way, or waits, sees what is new the next time. */
static void
on_bell(struct task *t)
{
    struct examiner *e = CONTAINER_OF(t, struct examiner, bell);

    atomic_store(&e->is_rung, false);
    if (!e->is_busy && !e->is_draining && !loop_timer_is_set(&e->timer))
        loop_timer_set(e->app->env->loop, &e->timer, EXAMINER_EVERY_MS,
                       on_time);
}

static void
on_idle(struct task *t)
{
    struct examiner *e = CONTAINER_OF(t, struct examiner, idle);

    e->drained(e->drained_arg);
}

void
examiner_ring(struct examiner *e)
{
    if (!atomic_exchange(&e->is_rung, true))
        loop_post(e->app->env->loop, &e->bell);
}

struct examiner *
examiner_new(const struct app *app)
{
    struct examiner *e = xcalloc(1, sizeof(*e));

    e->app = app;
    e->arena = arena_new();
    e->own = arena_new();
    e->bell.run = on_bell;
    e->idle.run = on_idle;
    return e;
}

void
examiner_drain(struct examiner *e, void (*done)(void *arg), void *arg)
{
    assert(!e->is_draining);
    e->is_draining = true;
    e->drained = done;
    e->drained_arg = arg;
    loop_timer_clear(e->app->env->loop, &e->timer);
    go_on(e);
}

void
examiner_free(struct examiner *e)
{
    if (!e)
        return;
    loop_timer_clear(e->app->env->loop, &e->timer);
    workspace_put(e->workspace);
    arena_free(e->arena);
    arena_free(e->own);
    free(e);
}
