/* teller.c - see teller.h.
 *
 *   take rows -> wait for the configuration of then -> accept what they ask
 *   for, a commit for each workspace -> take the next, which says that these
 *   are done
 *
 * What failed, and what an accept that nobody knows of was about, is taken
 * again once the lease is over. */
#include "app/teller.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "app/endpoint_doc.h"
#include "app/send_request.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "queue/rank.h"
#include "store/store.h"

#define TAKE_MAX 100
#define LEASE_MS 15000
#define AGAIN_MS 1000 /* after an error */
/* How long it is known that a row was sent, where that it is done was lost. */
#define DEDUP_MS (INT64_C(24) * 3600 * 1000)

/* Rows of one workspace. */
struct group {
    struct teller *teller;
    struct arena *arena;
    const struct workspace *workspace;
    struct store_accept accept;
    int64_t *rows;
    size_t n_rows;
};

struct teller {
    const struct app *app;
    struct arena *arena, *next_arena; /* of this batch; of the one to be */
    struct store_tell_take take;
    int64_t *done;
    size_t n_done;
    struct group *groups;
    size_t n_groups, n_left;
    struct task bell, fresh;
    atomic_bool is_rung; /* the bell is posted */
    bool is_busy, is_wanted, is_draining;
    struct loop_timer again;
    void (*drained)(void *arg);
    void *drained_arg;
};

static void take(struct teller *t);

static struct loop *
loop_of(const struct teller *t)
{
    return t->app->env->loop;
}

static int64_t
wall_ms(const struct teller *t)
{
    return t->app->env->clock->wall_ms(t->app->env->clock);
}

static void
on_again(struct loop_timer *timer)
{
    take(CONTAINER_OF(timer, struct teller, again));
}

static void
look_later(struct teller *t, int64_t ms)
{
    if (!t->is_draining)
        loop_timer_set(loop_of(t), &t->again, ms < 1 ? 1 : ms, on_again);
}

static void
rest(struct teller *t)
{
    t->is_busy = false;
    if (t->is_draining && t->drained)
        t->drained(t->drained_arg);
    else if (t->is_wanted)
        take(t);
}

/* ---- who is told ---- */

static bool
hears(const struct endpoint_doc *e, const struct store_telling *row)
{
    const struct store_told *told = &row->told;

    if (!e->lane.is_enabled || !(e->events & EVENT_BIT(told->kind)))
        return false;
    if (told->kind == EVENT_ENDPOINT_DISABLED && str_eq(e->key, told->about))
        return false;
    return row->lane == 0 || row->lane == e->lane.num;
}

static size_t
count_listeners(const struct workspace *w, const struct store_telling *row)
{
    size_t n = 0;

    for (size_t i = 0; w && i < w->n_endpoints; i++)
        n += hears(w->endpoints[i], row);
    return n;
}

/* ---- what they get ---- */

static struct json
parse(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    if (text.n == 0 || json_parse(a, text, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

static void
add_delivery(struct group *g, const struct endpoint_doc *e,
             struct store_accept_item *item)
{
    int64_t now_ms = g->accept.now_ms;

    item->deliveries[item->n_deliveries++] = (struct delivery){
        .id = id_make(g->teller->app->ids, now_ms, 1),
        .tenant = g->workspace->tenant,
        .notification = item->notification.id,
        .channel = STR(EVENT_CHANNEL),
        .provider = e->key,
        .status = DELIVERY_QUEUED,
        .priority = PRIORITY_NORMAL,
        .recipient = -1,
        .created_ms = now_ms,
        .updated_ms = now_ms,
        .lane = e->lane.num,
        .rank = rank_of(PRIORITY_NORMAL, now_ms),
    };
}

static void
add_item(struct group *g, const struct store_telling *row, size_t n)
{
    const struct workspace *w = g->workspace;
    const struct app *app = g->teller->app;
    struct arena *a = g->arena;
    struct store_accept_item *item = &g->accept.items[g->accept.n_items++];
    struct str id = told_id(a, app, w->shard, &row->told);
    struct str body =
        told_body(a, app, w->shard, &row->told, parse(a, row->doc));

    item->notification = (struct notification){
        .id = id_make(app->ids, g->accept.now_ms, 1),
        .tenant = w->tenant,
        .created_ms = g->accept.now_ms,
        .priority = PRIORITY_NORMAL,
        .doc = told_doc(a, id, body),
        .template_version = EVENT_TEMPLATE,
        .note = STR("{}"),
        .request_id = id,
        .n_recipients = (int)n,
    };
    item->dedup_key =
        str_fmt(a, SEND_DEDUP_RESERVED "told:%lld", (long long)row->id);
    item->dedup_until_ms = g->accept.now_ms + DEDUP_MS;
    item->deliveries = ARENA_ARRAY(a, struct delivery, n);
    for (size_t i = 0; i < w->n_endpoints; i++)
        if (hears(w->endpoints[i], row))
            add_delivery(g, w->endpoints[i], item);
    g->rows[g->n_rows++] = row->id;
}

/* ---- a batch ---- */

static void
end_group(struct group *g)
{
    struct teller *t = g->teller;

    workspace_put(g->workspace);
    arena_free(g->arena);
    g->workspace = NULL;
    g->arena = NULL;
    if (--t->n_left > 0)
        return;
    t->is_wanted = true; /* to say so, and what failed is free later */
    rest(t);
}

static void
on_accepted(struct store_req *req, enum err e)
{
    struct store_accept *accept = CONTAINER_OF(req, struct store_accept, req);
    struct group *g = CONTAINER_OF(accept, struct group, accept);
    struct teller *t = g->teller;

    if (e != ERR_OK)
        LOG_WARN("endpoints.not_told", log_int("n", (int64_t)g->n_rows),
                 log_cstr("err", err_code(e)));
    for (size_t i = 0; e == ERR_OK && i < g->n_rows; i++)
        t->done[t->n_done++] = g->rows[i];
    end_group(g);
}

static struct group *
group_of(struct teller *t, int64_t tenant)
{
    struct group *g;

    for (size_t i = 0; i < t->n_groups; i++)
        if (t->groups[i].accept.tenant == tenant)
            return &t->groups[i];
    g = &t->groups[t->n_groups++];
    *g = (struct group){
        .teller = t,
        .arena = arena_new(),
        .workspace = snapshots_workspace(t->app->snapshots, tenant),
        .accept = {.tenant = tenant, .now_ms = wall_ms(t)},
    };
    g->accept.items =
        ARENA_ARRAY(g->arena, struct store_accept_item, t->take.n_rows);
    g->rows = ARENA_ARRAY(g->arena, int64_t, t->take.n_rows);
    return g;
}

static void
start_group(struct group *g)
{
    g->accept.req = (struct store_req){
        .arena = g->arena, .loop = loop_of(g->teller), .on_done = on_accepted};
    store_accept(g->teller->app->env->store, &g->accept);
}

/* What was configured before these were written is known here now. */
static void
on_fresh(struct task *task)
{
    struct teller *t = CONTAINER_OF(task, struct teller, fresh);
    size_t n;

    for (size_t i = 0; i < t->take.n_rows; i++) {
        const struct store_telling *row = &t->take.rows[i];
        struct group *g = group_of(t, row->told.tenant);
        size_t n_listeners = count_listeners(g->workspace, row);

        if (n_listeners > 0)
            add_item(g, row, n_listeners);
        else
            t->done[t->n_done++] = row->id;
    }
    n = t->n_left = t->n_groups;
    /* The last one may end the batch in its turn. */
    for (size_t i = 0; i < n; i++) {
        if (t->groups[i].n_rows > 0)
            start_group(&t->groups[i]);
        else
            end_group(&t->groups[i]);
    }
}

static void
begin_batch(struct teller *t)
{
    t->done = ARENA_ARRAY(t->arena, int64_t, t->take.n_rows);
    t->groups = ARENA_ARRAY(t->arena, struct group, t->take.n_rows);
    t->fresh.run = on_fresh;
    snapshots_wait(t->app->snapshots, t->take.change_seq, loop_of(t),
                   &t->fresh);
}

static void
on_taken(struct store_req *req, enum err e)
{
    struct store_tell_take *take =
        CONTAINER_OF(req, struct store_tell_take, req);
    struct teller *t = CONTAINER_OF(take, struct teller, take);
    struct arena *old = t->arena;

    if (e != ERR_OK) { /* what is done is told the next time */
        LOG_WARN("endpoints.take_failed", log_cstr("err", err_code(e)));
        t->is_wanted = false;
        look_later(t, AGAIN_MS);
        rest(t);
        return;
    }
    t->arena = t->next_arena;
    t->next_arena = old;
    t->n_done = t->n_groups = 0;
    if (take->n_rows > 0) {
        begin_batch(t);
        return;
    }
    if (take->next_ms >= 0)
        look_later(t, take->next_ms);
    rest(t);
}

static void
take(struct teller *t)
{
    if (t->is_busy || t->is_draining) {
        t->is_wanted = true;
        return;
    }
    loop_timer_clear(loop_of(t), &t->again);
    t->is_busy = true;
    t->is_wanted = false;
    arena_reset(t->next_arena);
    t->take = (struct store_tell_take){
        .req = {.arena = t->next_arena,
                .loop = loop_of(t),
                .on_done = on_taken},
        .done = t->done,
        .n_done = t->n_done,
        .max = TAKE_MAX,
        .lease_ms = LEASE_MS,
        .now_ms = wall_ms(t),
    };
    store_tell_take(t->app->env->store, &t->take);
}

/* ---- life ---- */

static void
on_bell(struct task *task)
{
    struct teller *t = CONTAINER_OF(task, struct teller, bell);

    atomic_store(&t->is_rung, false);
    take(t);
}

void
teller_ring(struct teller *t)
{
    if (!atomic_exchange(&t->is_rung, true))
        loop_post(loop_of(t), &t->bell);
}

struct teller *
teller_new(const struct app *app)
{
    struct teller *t = xcalloc(1, sizeof(*t));

    t->app = app;
    t->arena = arena_new();
    t->next_arena = arena_new();
    t->bell.run = on_bell;
    return t;
}

static void
on_idle(struct task *task)
{
    struct teller *t = CONTAINER_OF(task, struct teller, fresh);

    t->drained(t->drained_arg);
}

void
teller_drain(struct teller *t, void (*done)(void *arg), void *arg)
{
    assert(!t->is_draining);
    t->is_draining = true;
    t->drained = done;
    t->drained_arg = arg;
    loop_timer_clear(loop_of(t), &t->again);
    if (t->is_busy)
        return;
    t->fresh.run = on_idle;
    loop_post(loop_of(t), &t->fresh);
}

void
teller_free(struct teller *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_groups; i++) {
        workspace_put(t->groups[i].workspace);
        arena_free(t->groups[i].arena);
    }
    loop_timer_clear(loop_of(t), &t->again);
    arena_free(t->arena);
    arena_free(t->next_arena);
    free(t);
}
