/* act.c - the waiting room's door, and what people do to deliveries. */
#include <assert.h>

#include "base/list.h"
#include "domain/reason.h"
#include "store/sqlite/tell.h"
#include "store/sqlite/writer.h"

/* ---- promote ---- */

struct waiting {
    int64_t due_ms, kind, ref, tenant, lane, rank;
};

static void
remove_wait(struct writer *w, int64_t due_ms, int64_t ref)
{
    struct query q = query(&w->conn, SQL_wait_remove);

    put_int(&q, due_ms);
    put_int(&q, WAIT_DELIVERY);
    put_int(&q, ref);
    query_run(&q);
}

static void
promote_one(struct writer *w, const struct waiting *p, int64_t now_ms)
{
    struct query q = query(&w->conn, SQL_delivery_promote);

    assert(p->kind == WAIT_DELIVERY);
    remove_wait(w, p->due_ms, p->ref);
    put_int(&q, p->ref);
    put_int(&q, DELIVERY_QUEUED);
    put_int(&q, p->lane);
    put_int(&q, now_ms);
    query_run(&q);
    claims_mark_lower(w->claims, p->lane, p->rank, p->ref);
    notices_ready(&w->notices, p->tenant, p->lane);
}

#define PROMOTE_MAX 10000 /* rows in one call */

enum err
write_promote(struct writer *w, struct store_req *req)
{
    struct store_promote *p = CONTAINER_OF(req, struct store_promote, req);
    size_t max = p->max < PROMOTE_MAX ? p->max : PROMOTE_MAX;
    struct waiting *due = ARENA_ARRAY(w->arena, struct waiting, max);
    struct query q = query(&w->conn, SQL_wait_due);

    p->n_promoted = 0;
    p->next_due_ms = 0;
    put_int(&q, p->now_ms);
    put_int(&q, (int64_t)max);
    while (query_row(&q)) {
        struct waiting *d = &due[p->n_promoted++];

        d->due_ms = take_int(&q);
        d->kind = take_int(&q);
        d->ref = take_int(&q);
        d->tenant = take_int(&q);
        d->lane = take_int(&q);
        d->rank = take_int(&q);
    }
    for (size_t i = 0; i < p->n_promoted; i++)
        promote_one(w, &due[i], p->now_ms);
    p->first_due_ms = p->n_promoted > 0 ? due[0].due_ms : 0;
    q = query(&w->conn, SQL_wait_next);
    if (query_row(&q)) {
        p->next_due_ms = take_int(&q);
        query_end(&q);
    }
    return ERR_OK;
}

/* ---- act, cancel ---- */

struct state {
    int64_t id;
    enum delivery_status status;
    int64_t lane, rank, due_ms;
    enum priority priority;
    bool is_unknown; /* the reason that it is where it is */
    int64_t digest;
};

static void
set_delivery(struct writer *w, const struct state *s, int64_t now_ms,
             enum reason reason)
{
    struct query q = query(&w->conn, SQL_delivery_set);

    put_int(&q, s->id);
    put_int(&q, s->status);
    put_int_or_null(&q, s->lane);
    put_int(&q, s->rank);
    put_int(&q, now_ms);
    put_text(&q, reason_code(reason));
    query_run(&q);
}

static void
stop(struct writer *w, int64_t tenant, struct state *s, int64_t now_ms,
     enum reason reason)
{
    if (s->due_ms > 0)
        remove_wait(w, s->due_ms, s->id);
    if (s->digest != 0)
        window_leave(w, tenant, s->digest);
    s->status = DELIVERY_CANCELLED;
    s->lane = 0;
    set_delivery(w, s, now_ms, reason);
}

static bool
find(struct writer *w, const struct store_act *a, struct state *ret)
{
    struct query q = query(&w->conn, SQL_delivery_state);

    put_int(&q, a->delivery);
    put_int(&q, a->tenant);
    put_text(&q, reason_code(REASON_UNKNOWN_HELD));
    if (!query_row(&q))
        return false;
    ret->id = a->delivery;
    ret->status = (enum delivery_status)take_int(&q);
    ret->lane = take_int(&q);
    ret->rank = take_int(&q);
    ret->priority = (enum priority)take_int(&q);
    ret->due_ms = take_int(&q);
    ret->is_unknown = take_int(&q) != 0;
    ret->digest = take_int(&q);
    query_end(&q);
    if (claims_find(w->claims, a->delivery))
        ret->status = DELIVERY_SENDING;
    return true;
}

static bool
can_stop(enum delivery_status s)
{
    return !delivery_status_is_terminal(s) && s != DELIVERY_SENDING;
}

static bool
is_allowed(enum store_act_kind kind, const struct state *s)
{
    if (kind == STORE_ACT_CANCEL)
        return can_stop(s->status);
    if (kind == STORE_ACT_RETRY && s->status == DELIVERY_HELD)
        return s->is_unknown;
    return s->status == DELIVERY_FAILED || s->status == DELIVERY_DEAD;
}

enum err
write_act(struct writer *w, struct store_req *req)
{
    struct store_act *a = CONTAINER_OF(req, struct store_act, req);
    struct state s = {0};

    if (!find(w, a, &s))
        return ERR_NOT_FOUND;
    a->status = s.status;
    if (!is_allowed(a->kind, &s))
        return ERR_CONFLICT;
    if (a->kind == STORE_ACT_RETRY) {
        assert(a->lane > 0);
        s.status = DELIVERY_QUEUED;
        s.lane = signed_lane(s.priority, a->lane);
        s.rank = a->rank;
        set_delivery(w, &s, a->now_ms, REASON_QUEUED);
        claims_mark_lower(w->claims, s.lane, s.rank, s.id);
        notices_ready(&w->notices, a->tenant, s.lane);
    } else {
        stop(w, a->tenant, &s, a->now_ms,
             a->kind == STORE_ACT_CANCEL ? REASON_CANCELLED : REASON_DISCARDED);
        told_delivery(w, a->tells, s.id, s.status, a->now_ms);
    }
    a->status = s.status;
    return ERR_OK;
}

/* Those that can be stopped, as an array that grows: their number is not
 * known before. */
static struct state *
stoppable(struct writer *w, struct store_cancel *c, size_t *ret_n)
{
    struct query q = query(&w->conn, SQL_delivery_of_notification);
    struct buf found;
    size_t n_rows = 0;
    int64_t last = 0;

    buf_init(&found, w->arena);
    put_int(&q, c->notification);
    put_int(&q, c->after);
    put_int(&q, (int64_t)c->max);
    while (query_row(&q)) {
        struct state s = {0};

        s.id = take_int(&q);
        s.status = (enum delivery_status)take_int(&q);
        s.rank = take_int(&q);
        s.due_ms = take_int(&q);
        s.digest = take_int(&q);
        n_rows++;
        last = s.id;
        if (!can_stop(s.status) || claims_find(w->claims, s.id))
            c->n_not_stopped++;
        else
            buf_put(&found, &s, sizeof(s));
    }
    c->next = n_rows == c->max ? last : 0;
    *ret_n = found.n / sizeof(struct state);
    return (struct state *)(void *)found.p;
}

enum err
write_cancel(struct writer *w, struct store_req *req)
{
    struct store_cancel *c = CONTAINER_OF(req, struct store_cancel, req);
    struct query q = query(&w->conn, SQL_notification_cancel);
    struct state *found;
    size_t n;

    assert(c->max > 0);
    c->n_stopped = c->n_not_stopped = 0;
    put_int(&q, c->notification);
    put_int(&q, c->tenant);
    if (query_run(&q) == 0)
        return ERR_NOT_FOUND;
    work_remove(w, c->tenant, c->notification);
    c->n_stopped = instance_cancel(w, c);
    cancel_leave(w, c);
    c->is_cut = c->n_stopped > 0;
    if (c->is_cut)
        return ERR_OK;
    found = stoppable(w, c, &n);
    for (size_t i = 0; i < n; i++) {
        stop(w, c->tenant, &found[i], c->now_ms, REASON_CANCELLED);
        told_delivery(w, c->tells, found[i].id, found[i].status, c->now_ms);
    }
    c->n_stopped += n;
    return ERR_OK;
}
