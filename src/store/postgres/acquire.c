/* acquire.c - see acquire.h; the protocol is in src/queue/README.md.
 *
 *   look   lock the lanes' rows and read who has them
 *   take   those that are nobody's, a dead node's or our own; rescue what their
 *          last owner had in flight: it gets an attempt that says so, and is
 *          ready again
 *   end    what crashed its owners again and again is a dead letter; commit
 *
 * A lane of ours about which a commit left doubt is taken anew as well. That
 * waits for the lock of the old transaction, so nothing of it comes after. What
 * it may have claimed never began: there is nothing to rescue, only intents to
 * forget. */
#include "store/postgres/acquire.h"

#include <assert.h>

#include "base/log.h"
#include "domain/reason.h"
#include "domain/status.h"
#include "domain/verdict.h"
#include "store/postgres/node.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/tell.h"

struct lanes {
    struct pg_wanted *all;
    size_t n;
};

struct acquiring {
    struct lanes wanted;          /* that we ask for */
    struct lanes fresh, doubtful; /* of these, what can be had */
    int64_t now_ms;
    int64_t n_rescued, n_ready; /* of them, what is tried again */
    pg_step *next;
};

static void
put_lanes(struct pg_op *op, struct pg_params *p, const struct lanes *l)
{
    struct pg_array numbers = pg_array(op->arena, PG_TYPE_INT8, l->n);

    for (size_t i = 0; i < l->n; i++)
        pg_add_int(&numbers, l->all[i].lane->lane);
    pg_put_array(p, &numbers);
}

/* The batches that we hold of them: what stands for no other is orphaned. */
static void
put_held(struct pg_op *op, struct pg_params *p, const struct lanes *l)
{
    struct pg_array held = pg_array(op->arena, PG_TYPE_INT8, 0);
    struct claims *claims = pg_lanes_claims(op->store->lanes);

    for (size_t i = 0; i < l->n; i++) {
        size_t n;
        const struct claim *all =
            claims_of_lane(claims, l->all[i].lane->lane, op->arena, &n);

        for (size_t k = 0; k < n; k++)
            if (all[k].batch)
                pg_add_int(&held, all[k].batch->id);
    }
    pg_put_array(p, &held);
}

/* ---- the end ---- */

static void
count_rescued(const struct acquiring *q)
{
    if (q->n_rescued == 0)
        return;
    metric_add(metrics_series(METRIC_leases_expired_total), q->n_rescued);
    metric_add(metrics_series(METRIC_duplicates_possible_total,
                              verdict_name(VERDICT_INTERRUPTED)),
               q->n_ready);
}

/* Committed: now it is so. */
static void
conclude(struct pg_op *op)
{
    struct acquiring *q = op->inner;
    bool is_lost = false;

    count_rescued(q);
    for (size_t i = 0; i < q->wanted.n; i++) {
        struct pg_lane *lane = q->wanted.all[i].lane;
        bool was_mine = lane->state == PG_LANE_MINE;

        lane->is_doubtful = false;
        if (lane->next_token > 0) {
            lane->state = PG_LANE_MINE;
            lane->token = lane->next_token;
            if (!was_mine)
                LOG_INFO("lane.acquired", log_int("lane", lane->lane));
            continue;
        }
        is_lost |= was_mine;
        lane->state = PG_LANE_TAKEN;
    }
    if (is_lost) /* only the dead lose what they have */
        pg_node_lost(op->store->node);
    q->next(op);
}

static void
send_quarantine(struct pg_op *op, struct pg_columns *rows, int64_t now_ms)
{
    struct pg_params *p = pg_op_params(op);

    LOG_ERROR("queue.quarantined", log_int("n", (int64_t)rows->n_rows));
    pg_put_columns(p, rows);
    pg_put_int(p, now_ms);
    pg_put_int2(p, DELIVERY_DEAD);
    pg_put_text(p, reason_code(REASON_CRASH_LOOP));
    pg_op_send(op, PG_quarantine);
    pg_told_quarantined(op, rows);
}

static void
taken(struct pg_op *op)
{
    struct acquiring *q = op->inner;
    struct pg_rows r = pg_op_rows(op, 0);
    struct pg_columns bad;

    while (pg_next(&r)) {
        struct pg_lane *lane = pg_lanes_get(op->store->lanes, pg_int(&r));

        lane->next_token = pg_int(&r);
    }
    pg_columns_init(&bad, op->arena, "ll", 0);
    for (r = pg_op_rows(op, 1); pg_next(&r);) {
        int64_t tenant = pg_int(&r), id = pg_int(&r);

        q->n_rescued++;
        if (pg_int(&r) == 0)
            continue;
        pg_col_int(&bad, tenant);
        pg_col_int(&bad, id);
    }
    q->n_ready = q->n_rescued - (int64_t)bad.n_rows;
    if (bad.n_rows > 0)
        send_quarantine(op, &bad, q->now_ms);
    pg_op_commit(op, conclude);
}

/* ---- to take ---- */

static void
send_take(struct pg_op *op)
{
    const struct acquiring *q = op->inner;
    struct lanes both = {ARENA_ARRAY(op->arena, struct pg_wanted, q->wanted.n),
                         0};
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < q->fresh.n; i++)
        both.all[both.n++] = q->fresh.all[i];
    for (size_t i = 0; i < q->doubtful.n; i++)
        both.all[both.n++] = q->doubtful.all[i];
    put_lanes(op, p, &both);
    pg_put_int(p, pg_node_incarnation(op->store->node));
    pg_op_send(op, PG_lane_take);
}

static void
send_rescue(struct pg_op *op)
{
    const struct acquiring *q = op->inner;
    struct pg_params *p = pg_op_params(op);

    put_lanes(op, p, &q->fresh);
    pg_put_int(p, pg_node_incarnation(op->store->node));
    put_held(op, p, &q->fresh);
    pg_put_int(p, q->now_ms);
    pg_put_text(p, reason_code(REASON_INTERRUPTED));
    pg_put_text(p, str_from(verdict_name(VERDICT_INTERRUPTED)));
    pg_put_text(p, str_from(reason_sentence(REASON_INTERRUPTED)));
    pg_put_int2(p, STORE_CRASHES_MAX);
    pg_op_send(op, PG_lane_rescue);
}

static void
send_forget(struct pg_op *op)
{
    const struct acquiring *q = op->inner;
    struct pg_params *p = pg_op_params(op);

    put_lanes(op, p, &q->doubtful);
    pg_put_int(p, pg_node_incarnation(op->store->node));
    put_held(op, p, &q->doubtful);
    pg_op_send(op, PG_intent_forget);
}

/* Ours without being known to be: an acquire whose answer was lost. */
static void
looked(struct pg_op *op)
{
    struct acquiring *q = op->inner;
    int64_t self = pg_node_incarnation(op->store->node);
    struct pg_rows r = pg_op_rows(op, 1);

    for (size_t i = 0; i < q->wanted.n && pg_next(&r);) {
        int64_t number = pg_int(&r), owner = pg_int(&r);
        bool is_live = pg_int(&r) != 0;
        struct pg_wanted *w = &q->wanted.all[i];

        assert(number == w->lane->lane); /* both are sorted */
        i++;
        if (w->lane->state == PG_LANE_MINE) {
            if (owner == self)
                q->doubtful.all[q->doubtful.n++] = *w;
        } else if (owner == self || !is_live) {
            q->fresh.all[q->fresh.n++] = *w;
        }
    }
    if (q->fresh.n + q->doubtful.n == 0) {
        pg_op_commit(op, conclude);
        return;
    }
    send_take(op);
    send_rescue(op);
    send_forget(op);
    pg_op_await(op, taken);
}

/* ---- to look ---- */

static bool
is_to_be_asked(const struct pg_op *op, const struct pg_lane *lane)
{
    if (lane->state == PG_LANE_MINE)
        return lane->is_doubtful;
    return lane->state == PG_LANE_UNKNOWN && pg_node_may_own(op->store->node);
}

static void
send_look(struct pg_op *op)
{
    const struct acquiring *q = op->inner;
    struct pg_array tenants = pg_array(op->arena, PG_TYPE_INT8, q->wanted.n);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < q->wanted.n; i++)
        pg_add_int(&tenants, q->wanted.all[i].tenant);
    put_lanes(op, p, &q->wanted);
    pg_put_array(p, &tenants);
    pg_op_send(op, PG_lane_add);
    p = pg_op_params(op);
    put_lanes(op, p, &q->wanted);
    pg_op_send(op, PG_lane_look);
}

void
pg_acquire(struct pg_op *op, const struct pg_wanted *wanted, size_t n,
           int64_t now_ms, pg_step *next)
{
    struct acquiring *q = ARENA_NEW(op->arena, struct acquiring);

    *q = (struct acquiring){.now_ms = now_ms, .next = next};
    op->inner = q;
    q->wanted.all = ARENA_ARRAY(op->arena, struct pg_wanted, n);
    q->fresh.all = ARENA_ARRAY(op->arena, struct pg_wanted, n);
    q->doubtful.all = ARENA_ARRAY(op->arena, struct pg_wanted, n);
    for (size_t i = 0; i < n; i++) {
        if (!is_to_be_asked(op, wanted[i].lane))
            continue;
        wanted[i].lane->next_token = 0;
        q->wanted.all[q->wanted.n++] = wanted[i];
    }
    if (q->wanted.n == 0) {
        next(op);
        return;
    }
    pg_op_begin(op);
    send_look(op);
    pg_op_await(op, looked);
}
