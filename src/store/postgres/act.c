/* act.c - what people do to deliveries.
 *
 * What is ready may be claimed at any moment by the owner of its lane, who
 * asks nobody. So the lane's row is locked, which keeps the owner from
 * committing anything, and then, in a later statement, what is in no intent is
 * taken away. */
#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "domain/reason.h"
#include "store/postgres/lanes.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/rows.h"
#include "store/postgres/tell.h"

#define ROUNDS_MAX 5 /* it moved before we had it: look again */

static bool
is_claimed_here(const struct pg_op *op, int64_t delivery)
{
    return claims_find(pg_lanes_claims(op->store->lanes), delivery) != NULL;
}

static void
put_ints(struct pg_op *op, struct pg_params *p, const int64_t *ints, size_t n)
{
    struct pg_array all = pg_array(op->arena, PG_TYPE_INT8, n);

    for (size_t i = 0; i < n; i++)
        pg_add_int(&all, ints[i]);
    pg_put_array(p, &all);
}

/* Two statements. */
static void
lock_lanes(struct pg_op *op, int64_t tenant, const int64_t *lanes, size_t n)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, tenant);
    put_ints(op, p, lanes, n);
    pg_op_send(op, PG_act_lane_add);
    p = pg_op_params(op);
    put_ints(op, p, lanes, n);
    pg_op_send(op, PG_act_lane_lock);
}

static void
send_windows(struct pg_op *op, enum pg which, int64_t tenant,
             const int64_t *ids, size_t n)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, tenant);
    put_ints(op, p, ids, n);
    pg_op_send(op, which);
}

/* ---- act ---- */

struct acting {
    struct store_act *a;
    enum { NOWHERE, READY, WAITING, DEAD, ENDED } place;
    int64_t lane, digest;
    enum priority priority;
    bool is_unknown; /* held as that, for a person to decide */
    int n_rounds;
    int at_move; /* which result of the exchange tells if it was done */
    bool is_moved, has_told;
};

static void look(struct pg_op *op);

static bool
is_allowed(const struct acting *s)
{
    if (s->a->kind == STORE_ACT_CANCEL)
        return s->place == WAITING ||
               (s->place == READY && s->a->status != DELIVERY_SENDING);
    if (s->a->kind == STORE_ACT_RETRY && s->place == WAITING)
        return s->is_unknown;
    return s->place == DEAD;
}

static void
acted(struct pg_op *op)
{
    struct acting *s = op->state;
    struct store_act *a = s->a;

    if (!s->is_moved) {
        look(op);
        return;
    }
    a->status = DELIVERY_CANCELLED;
    if (a->kind == STORE_ACT_RETRY) {
        a->status = DELIVERY_QUEUED;
        pg_store_row_ready(op->store, a->tenant,
                           signed_lane(s->priority, a->lane), a->rank,
                           a->delivery);
    }
    if (s->has_told)
        pg_store_told(op->store);
    pg_op_done(op);
}

static void
moved(struct pg_op *op)
{
    struct acting *s = op->state;

    s->is_moved = pg_op_affected(op, s->at_move) > 0;
    if (s->is_moved && s->a->kind != STORE_ACT_RETRY)
        s->has_told = pg_told_cancelled(op, s->a->tells, s->a->tenant, 0,
                                        (struct pg_told_ids){
                                            s->a->delivery,
                                            s->a->delivery,
                                        }) > 0;
    if (s->is_moved)
        pg_audit_write(op);
    pg_op_commit(op, acted);
}

static struct pg_params *
put_act(struct pg_op *op, const struct store_act *a, enum reason reason)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, a->tenant);
    pg_put_int(p, a->delivery);
    pg_put_int(p, a->now_ms);
    pg_put_text(p, reason_code(reason));
    return p;
}

static void
send_cancel(struct pg_op *op, struct acting *s)
{
    struct pg_params *p;

    if (s->place == WAITING) {
        send_windows(op, PG_digest_lock, s->a->tenant, &s->digest, 1);
        s->at_move = 1;
        put_act(op, s->a, REASON_CANCELLED);
        pg_op_send(op, PG_act_stop_waiting);
        send_windows(op, PG_digest_drop, s->a->tenant, &s->digest, 1);
        return;
    }
    lock_lanes(op, s->a->tenant, &s->lane, 1);
    s->at_move = 2;
    p = put_act(op, s->a, REASON_CANCELLED);
    pg_put_int(p, s->lane);
    pg_op_send(op, PG_act_stop_ready);
}

static void
send_move(struct pg_op *op, struct acting *s)
{
    struct store_act *a = s->a;
    struct pg_params *p;

    s->at_move = 0;
    switch (a->kind) {
    case STORE_ACT_CANCEL:
        send_cancel(op, s);
        break;
    case STORE_ACT_DISCARD:
        put_act(op, a, REASON_DISCARDED);
        pg_op_send(op, PG_act_stop_dead);
        break;
    case STORE_ACT_RETRY:
        assert(a->lane > 0);
        p = put_act(op, a, REASON_QUEUED);
        pg_put_int(p, signed_lane(s->priority, a->lane));
        pg_put_int(p, a->rank);
        if (s->place == WAITING)
            pg_put_text(p, reason_code(REASON_UNKNOWN_HELD));
        pg_op_send(op, s->place == WAITING ? PG_act_retry_held : PG_act_retry);
        break;
    }
}

static void
take_place(struct pg_op *op, struct acting *s)
{
    struct pg_rows r = pg_op_rows(op, 0);
    bool is_so;

    s->place = NOWHERE;
    if (!pg_next(&r))
        return;
    s->place = (unsigned)pg_int(&r);
    s->a->status = (enum delivery_status)pg_int(&r);
    s->lane = pg_int(&r);
    s->priority = (enum priority)pg_int(&r);
    is_so = pg_int(&r) != 0;
    s->digest = pg_int(&r);
    s->is_unknown = is_so && s->place == WAITING;
    if (s->place == READY && (is_so || is_claimed_here(op, s->a->delivery)))
        s->a->status = DELIVERY_SENDING;
}

static void
looked(struct pg_op *op)
{
    struct acting *s = op->state;

    take_place(op, s);
    if (s->place == NOWHERE)
        s->a->req.err = ERR_NOT_FOUND;
    else if (!is_allowed(s) || s->n_rounds++ == ROUNDS_MAX)
        s->a->req.err = ERR_CONFLICT;
    if (s->a->req.err != ERR_OK) {
        pg_op_done(op);
        return;
    }
    pg_op_begin(op);
    send_move(op, s);
    pg_op_await(op, moved);
}

static void
look(struct pg_op *op)
{
    const struct acting *s = op->state;
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, s->a->tenant);
    pg_put_int(p, s->a->delivery);
    pg_put_text(p, reason_code(REASON_UNKNOWN_HELD));
    pg_op_send(op, PG_act_find);
    pg_op_await(op, looked);
}

static void
begin_act(struct pg_op *op)
{
    struct acting *s = ARENA_NEW(op->arena, struct acting);

    op->state = s;
    s->a = CONTAINER_OF(op->reqs[0], struct store_act, req);
    look(op);
}

const struct pg_verb pg_verb_act = {.begin = begin_act};

/* ---- cancel ---- */

struct cancelling {
    struct store_cancel *c;
    size_t n_instances;  /* that were stopped */
    int64_t first, last; /* deliveries of this part */
    bool is_last_part;
    int64_t *lanes; /* locked, or about to be */
    size_t n_lanes;
    int64_t *windows; /* locked */
    size_t n_windows;
    struct pg_array flying; /* in flight though no intent says so */
    int n_rounds;
    bool has_told;
};

static void
cancelled(struct pg_op *op)
{
    const struct cancelling *s = op->state;

    if (s->c->leaves_rest)
        pg_store_work_ready(op->store);
    if (s->has_told)
        pg_store_told(op->store);
    s->c->next = s->is_last_part ? 0 : s->last;
    s->c->n_stopped += s->n_instances;
    pg_op_done(op);
}

static int
by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static void
commit_part(struct pg_op *op)
{
    struct cancelling *s = op->state;
    const struct store_cancel *c = s->c;
    struct pg_params *p;

    if (!c->is_cut)
        s->has_told =
            pg_told_cancelled(op, c->tells, c->tenant, c->notification,
                              (struct pg_told_ids){s->first, s->last}) > 0;
    if (c->leaves_rest) {
        p = pg_op_params(op);
        pg_put_int(p, c->tenant);
        pg_put_int(p, c->notification);
        pg_put_text(p, STR(STORE_CANCEL_EVENT));
        pg_op_send(op, PG_cancel_leave);
    }
    pg_audit_write(op);
    pg_op_commit(op, cancelled);
}

/* Keeps them sorted, each once. */
static void
add_lanes(struct pg_op *op, struct cancelling *s, const int64_t *more, size_t n)
{
    int64_t *all = ARENA_ARRAY(op->arena, int64_t, s->n_lanes + n);
    size_t n_all = 0;

    for (size_t i = 0; i < s->n_lanes; i++)
        all[i] = s->lanes[i];
    for (size_t i = 0; i < n; i++)
        all[s->n_lanes + i] = more[i];
    qsort(all, s->n_lanes + n, sizeof(*all), by_value);
    for (size_t i = 0; i < s->n_lanes + n; i++)
        if (n_all == 0 || all[n_all - 1] != all[i])
            all[n_all++] = all[i];
    s->lanes = all;
    s->n_lanes = n_all;
}

static struct pg_params *
put_range(struct pg_op *op, const struct cancelling *s)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, s->c->tenant);
    pg_put_int(p, s->c->notification);
    pg_put_int(p, s->first);
    pg_put_int(p, s->last);
    return p;
}

/* Of those lanes; of other notifications, too. */
static void
list_flying(struct pg_op *op, struct cancelling *s)
{
    const struct claims *claims = pg_lanes_claims(op->store->lanes);

    s->flying = pg_array(op->arena, PG_TYPE_INT8, 0);
    for (size_t i = 0; i < s->n_lanes; i++) {
        size_t n;
        const struct claim *all =
            claims_of_lane(claims, s->lanes[i], op->arena, &n);

        for (size_t k = 0; k < n; k++)
            if (all[k].delivery >= s->first && all[k].delivery <= s->last)
                pg_add_int(&s->flying, all[k].delivery);
    }
}

static void count(struct pg_op *op);

static void
send_stops(struct pg_op *op, struct cancelling *s)
{
    struct pg_params *p;

    lock_lanes(op, s->c->tenant, s->lanes, s->n_lanes);
    p = put_range(op, s);
    pg_put_int(p, s->c->now_ms);
    pg_put_text(p, reason_code(REASON_CANCELLED));
    pg_op_send(op, PG_cancel_waiting);
    p = put_range(op, s);
    pg_put_int(p, s->c->now_ms);
    pg_put_text(p, reason_code(REASON_CANCELLED));
    put_ints(op, p, s->lanes, s->n_lanes);
    pg_put_array(p, &s->flying);
    pg_op_send(op, PG_cancel_ready);
    p = put_range(op, s);
    pg_put_array(p, &s->flying);
    pg_op_send(op, PG_cancel_left);
    send_windows(op, PG_digest_drop, s->c->tenant, s->windows, s->n_windows);
    pg_op_await(op, count);
}

/* One may have gone to a lane that was not locked, or to wait, just before:
 * then once more. */
static void
count(struct pg_op *op)
{
    struct cancelling *s = op->state;
    struct pg_rows r = pg_op_rows(op, 4);
    int64_t n_all, n_waiting, *lanes;
    size_t n_lanes;

    s->c->n_stopped += (size_t)pg_op_affected(op, 2);
    s->c->n_stopped += (size_t)pg_op_affected(op, 3);
    (void)pg_next(&r);
    n_all = pg_int(&r);
    n_waiting = pg_int(&r);
    lanes = pg_ints(&r, op->arena, &n_lanes);
    if ((n_waiting > 0 || n_lanes > 0) && ++s->n_rounds < ROUNDS_MAX) {
        add_lanes(op, s, lanes, n_lanes);
        list_flying(op, s);
        send_stops(op, s);
        return;
    }
    s->c->n_not_stopped = (size_t)n_all - s->c->n_stopped;
    commit_part(op);
}

static void
locked(struct pg_op *op)
{
    struct cancelling *s = op->state;
    struct pg_rows r = pg_op_rows(op, 0);

    s->windows = ARENA_ARRAY(op->arena, int64_t, pg_count(&r));
    while (pg_next(&r))
        s->windows[s->n_windows++] = pg_int(&r);
    send_stops(op, s);
}

static void
found(struct pg_op *op)
{
    struct cancelling *s = op->state;
    struct pg_rows r = pg_op_rows(op, 3);
    int64_t *lanes;
    size_t n_lanes;

    if (!pg_next(&r)) {
        s->c->req.err = ERR_NOT_FOUND;
        pg_op_abort(op);
        return;
    }
    s->n_instances = (size_t)pg_op_affected(op, 1);
    s->c->is_cut = s->n_instances > 0;
    if (s->c->is_cut) {
        s->is_last_part = true;
        commit_part(op);
        return;
    }
    s->first = pg_int(&r);
    s->last = pg_int(&r);
    s->is_last_part = pg_int(&r) != 0;
    lanes = pg_ints(&r, op->arena, &n_lanes);
    add_lanes(op, s, lanes, n_lanes);
    list_flying(op, s);
    (void)put_range(op, s);
    pg_op_send(op, PG_digest_lock_of);
    pg_op_await(op, locked);
}

static struct pg_params *
put_notification(struct pg_op *op, const struct store_cancel *c)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, c->tenant);
    pg_put_int(p, c->notification);
    return p;
}

static void
begin_cancel(struct pg_op *op)
{
    struct store_cancel *c =
        CONTAINER_OF(op->reqs[0], struct store_cancel, req);
    struct cancelling *s = ARENA_NEW(op->arena, struct cancelling);
    struct pg_params *p;

    assert(c->max > 0);
    op->state = s;
    s->c = c;
    c->n_stopped = c->n_not_stopped = 0;
    c->is_cut = false;
    pg_op_begin(op);
    /* The work first: a chunk that is under way has it, too. */
    (void)put_notification(op, c);
    pg_op_send(op, PG_work_cancel);
    p = put_notification(op, c);
    pg_put_int(p, (int64_t)c->max);
    pg_put_text(p, STR(STORE_CANCEL_EVENT));
    pg_op_send(op, PG_instance_cancel);
    (void)put_notification(op, c);
    pg_op_send(op, PG_cancel_mark);
    p = put_notification(op, c);
    pg_put_int(p, c->after);
    pg_put_int(p, (int64_t)c->max);
    pg_op_send(op, PG_cancel_part);
    pg_op_await(op, found);
}

const struct pg_verb pg_verb_cancel = {.begin = begin_cancel};
