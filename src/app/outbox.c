/* outbox.c - see outbox.h.
 *
 *   take rows -> wait for the configuration of then -> send each -> take ...
 *
 * What is refused goes with the next take. Where nothing is known of the end,
 * the row is taken again once its lease is over, by whoever comes first: the
 * accept deletes it, so it is sent once. */
#include "app/outbox.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "app/send.h"
#include "base/list.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/store.h"

#define TAKE_MAX 200
#define LEASE_MS 30000
#define AGAIN_MS 1000 /* after an error */

struct row {
    struct outbox *outbox;
    struct arena *arena; /* of its own: the rows are sent side by side */
    const struct workspace *workspace;
    struct send send;
    struct send_item item;
    struct json_doc doc;
    int64_t id;
};

struct outbox {
    const struct app *app;
    struct arena *arena, *next_arena; /* of this batch; of the one to be */
    struct store_outbox take;
    struct store_outbox_refusal *refused;
    size_t n_refused;
    struct row *rows;
    size_t n_rows, n_left;
    struct task bell, fresh;
    atomic_bool is_rung; /* the bell is posted */
    bool is_started, is_busy, is_wanted, is_draining;
    struct loop_timer again;
    void (*drained)(void *arg);
    void *drained_arg;
};

static void take(struct outbox *o);

static struct loop *
loop_of(const struct outbox *o)
{
    return o->app->env->loop;
}

static void
rest(struct outbox *o)
{
    o->is_busy = false;
    if (o->is_draining && o->drained)
        o->drained(o->drained_arg);
    else if (o->is_wanted)
        take(o);
}

/* ---- one row ---- */

static const char *
problem_base(const struct outbox *o)
{
    return str_cstr(o->arena, str_fmt(o->arena, "%.*s" PROBLEM_PATH,
                                      STR_ARG(o->app->public_url)));
}

static void
refuse(struct row *r)
{
    struct outbox *o = r->outbox;
    struct problem *p = &r->item.problem;
    struct buf out;

    buf_init(&out, o->arena);
    problem_write(p, problem_base(o), r->send.request_id, &out);
    o->refused[o->n_refused++] = (struct store_outbox_refusal){
        .id = r->id,
        .problem = buf_str(&out),
    };
    metric_add(metrics_series(METRIC_events_rejected_total, err_code(p->err)),
               1);
    LOG_WARN("outbox.refused", log_int("row", r->id),
             log_cstr("err", err_code(p->err)));
}

static void
free_row(struct row *r)
{
    workspace_put(r->workspace);
    arena_free(r->arena);
    r->workspace = NULL;
    r->arena = NULL;
}

static void
end_row(struct row *r)
{
    struct outbox *o = r->outbox;

    free_row(r);
    if (--o->n_left > 0)
        return;
    o->is_wanted |= o->n_rows == TAKE_MAX || o->n_refused > 0;
    rest(o);
}

static void
on_sent(struct send *s, enum err e)
{
    struct row *r = CONTAINER_OF(s, struct row, send);

    if (e != ERR_OK)
        LOG_WARN("outbox.failed", log_int("row", r->id),
                 log_cstr("err", err_code(e)));
    else if (problem_is_set(&r->item.problem))
        refuse(r);
    else if (!r->item.accepted->is_gone && !r->item.accepted->is_duplicate)
        metric_add(metrics_series(METRIC_events_accepted_total, "sql"), 1);
    end_row(r);
}

/* A problem is left in the item when it is not to be sent. */
static void
read_row(struct row *r, struct str text)
{
    struct arena *a = r->arena;
    struct json_error why;

    if (!r->workspace) {
        problem_init(&r->item.problem, a);
        problem_set(&r->item.problem, ERR_NOT_FOUND,
                    "its workspace is not there any more");
    } else if (json_parse(a, text, &r->doc, &why) != ERR_OK) {
        problem_init(&r->item.problem, a);
        problem_set(&r->item.problem, ERR_INVALID, "byte %zu: %s", why.at,
                    why.why);
    } else if (json_bool(json_get(json_root(&r->doc), "dry_run"), false)) {
        problem_init(&r->item.problem, a);
        problem_add(&r->item.problem, ERR_INVALID, STR("/dry_run"),
                    "nobody hears of a dry run here");
    } else {
        r->item.doc = json_root(&r->doc);
    }
}

static void
start_row(struct row *r, const struct store_outbox_row *from)
{
    struct outbox *o = r->outbox;

    r->arena = arena_new();
    r->id = from->id;
    r->workspace = snapshots_workspace(o->app->snapshots, from->tenant);
    r->item.outbox = from->id;
    r->send = (struct send){
        .app = o->app,
        .arena = r->arena,
        .workspace = r->workspace,
        .items = &r->item,
        .n_items = 1,
        .request_id = str_fmt(r->arena, "outbox-%lld", (long long)from->id),
        .on_done = on_sent,
    };
    read_row(r, from->doc);
    if (!problem_is_set(&r->item.problem)) {
        send_start(&r->send);
        return;
    }
    refuse(r);
    end_row(r);
}

/* ---- a batch ---- */

/* What was configured before these were written is known here now. */
static void
on_fresh(struct task *t)
{
    struct outbox *o = CONTAINER_OF(t, struct outbox, fresh);
    size_t n = o->n_rows;

    /* The batch may end, and with it o->rows, in the last one's turn. */
    for (size_t i = 0; i < n; i++) {
        o->rows[i].outbox = o;
        start_row(&o->rows[i], &o->take.rows[i]);
    }
}

static void
on_again(struct loop_timer *t)
{
    take(CONTAINER_OF(t, struct outbox, again));
}

static void
on_taken(struct store_req *req, enum err e)
{
    struct store_outbox *t = CONTAINER_OF(req, struct store_outbox, req);
    struct outbox *o = CONTAINER_OF(t, struct outbox, take);
    struct arena *old = o->arena;

    if (e != ERR_OK) { /* what was refused is kept for the next time */
        LOG_WARN("outbox.take_failed", log_cstr("err", err_code(e)));
        o->is_wanted = false;
        if (!o->is_draining)
            loop_timer_set(loop_of(o), &o->again, AGAIN_MS, on_again);
        rest(o);
        return;
    }
    o->arena = o->next_arena;
    o->next_arena = old;
    o->n_refused = 0;
    o->n_rows = o->n_left = t->n_rows;
    if (t->n_rows == 0) {
        rest(o);
        return;
    }
    o->refused = ARENA_ARRAY(o->arena, struct store_outbox_refusal, t->n_rows);
    o->rows = ARENA_ARRAY(o->arena, struct row, t->n_rows);
    o->fresh.run = on_fresh;
    snapshots_wait(o->app->snapshots, t->change_seq, loop_of(o), &o->fresh);
}

static void
take(struct outbox *o)
{
    if (o->is_busy || o->is_draining || !o->is_started) {
        o->is_wanted = true;
        return;
    }
    loop_timer_clear(loop_of(o), &o->again);
    o->is_busy = true;
    o->is_wanted = false;
    arena_reset(o->next_arena);
    o->take = (struct store_outbox){
        .req = {.arena = o->next_arena,
                .loop = loop_of(o),
                .on_done = on_taken},
        .refused = o->refused,
        .n_refused = o->n_refused,
        .max = TAKE_MAX,
        .lease_ms = LEASE_MS,
    };
    store_outbox(o->app->env->store, &o->take);
}

/* ---- life ---- */

static void
on_bell(struct task *t)
{
    struct outbox *o = CONTAINER_OF(t, struct outbox, bell);

    atomic_store(&o->is_rung, false);
    take(o);
}

void
outbox_ring(struct outbox *o)
{
    if (!atomic_exchange(&o->is_rung, true))
        loop_post(loop_of(o), &o->bell);
}

struct outbox *
outbox_new(const struct app *app)
{
    struct outbox *o = xcalloc(1, sizeof(*o));

    o->app = app;
    o->arena = arena_new();
    o->next_arena = arena_new();
    o->bell.run = on_bell;
    return o;
}

void
outbox_start(struct outbox *o)
{
    o->is_started = true;
    if (o->is_wanted)
        take(o);
}

static void
on_idle(struct task *t)
{
    struct outbox *o = CONTAINER_OF(t, struct outbox, fresh);

    o->drained(o->drained_arg);
}

void
outbox_drain(struct outbox *o, void (*done)(void *arg), void *arg)
{
    assert(!o->is_draining);
    o->is_draining = true;
    o->drained = done;
    o->drained_arg = arg;
    loop_timer_clear(loop_of(o), &o->again);
    if (o->is_busy)
        return;
    o->fresh.run = on_idle;
    loop_post(loop_of(o), &o->fresh);
}

void
outbox_free(struct outbox *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->n_rows && o->rows; i++)
        free_row(&o->rows[i]);
    loop_timer_clear(loop_of(o), &o->again);
    arena_free(o->arena);
    arena_free(o->next_arena);
    free(o);
}
