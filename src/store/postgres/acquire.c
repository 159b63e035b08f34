/* acquire.c - see acquire.h; the protocol is in src/queue/README.md.
 *
 * A lane that we do not own is asked for; with it comes what its last owner
 * had in flight: each gets an attempt that says so, and is ready again. A lane
 * of ours about which a commit left doubt gets another token: that waits for
 * the lock of the old transaction, so nothing of it can come after. */
#include "store/postgres/acquire.h"

#include "base/log.h"
#include "domain/reason.h"
#include "domain/status.h"
#include "domain/verdict.h"
#include "store/postgres/node.h"
#include "store/postgres/pg_store.h"

#define CRASHES_MAX 3 /* then a delivery is not tried any more */

struct lanes {
    struct pg_wanted *all;
    size_t n;
};

struct acquiring {
    struct lanes fresh, doubtful;
    int64_t now_ms;
    pg_step *next;
};

static struct pg_array
lane_numbers(struct pg_op *op, const struct lanes *l)
{
    struct pg_array a = pg_array(op->arena, PG_TYPE_INT8, l->n);

    for (size_t i = 0; i < l->n; i++)
        pg_add_int(&a, l->all[i].lane->lane);
    return a;
}

/* The batches that we hold of them: what stands for no other is orphaned. */
static struct pg_array
held_batches(struct pg_op *op, const struct lanes *l)
{
    struct pg_array a = pg_array(op->arena, PG_TYPE_INT8, 0);
    struct claims *claims = pg_lanes_claims(op->store->lanes);

    for (size_t i = 0; i < l->n; i++) {
        size_t n;
        const struct claim *all =
            claims_of_lane(claims, l->all[i].lane->lane, op->arena, &n);

        for (size_t k = 0; k < n; k++)
            if (all[k].batch)
                pg_add_int(&a, all[k].batch->id);
    }
    return a;
}

static void
put_lanes(struct pg_op *op, struct pg_params *p, const struct lanes *l)
{
    struct pg_array numbers = lane_numbers(op, l);

    pg_put_array(p, &numbers);
}

static void
put_held(struct pg_op *op, struct pg_params *p, const struct lanes *l)
{
    struct pg_array held = held_batches(op, l);

    pg_put_array(p, &held);
}

static void
send_acquire(struct pg_op *op, const struct lanes *l)
{
    struct pg_array tenants = pg_array(op->arena, PG_TYPE_INT8, l->n);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < l->n; i++)
        pg_add_int(&tenants, l->all[i].tenant);
    put_lanes(op, p, l);
    pg_put_array(p, &tenants);
    pg_put_int(p, pg_node_incarnation(op->store->node));
    pg_op_send(op, PG_lane_acquire);
}

static void
send_rescue(struct pg_op *op, const struct lanes *l, int64_t now_ms)
{
    struct pg_params *p = pg_op_params(op);

    put_lanes(op, p, l);
    pg_put_int(p, pg_node_incarnation(op->store->node));
    put_held(op, p, l);
    pg_put_int(p, now_ms);
    pg_put_text(p, reason_code(REASON_INTERRUPTED));
    pg_put_text(p, str_from(verdict_name(VERDICT_INTERRUPTED)));
    pg_put_text(p, str_from(reason_sentence(REASON_INTERRUPTED)));
    pg_put_int2(p, CRASHES_MAX);
    pg_op_send(op, PG_lane_rescue);
}

static void
send_reacquire(struct pg_op *op, const struct lanes *l)
{
    struct pg_params *p = pg_op_params(op);

    put_lanes(op, p, l);
    pg_put_int(p, pg_node_incarnation(op->store->node));
    pg_op_send(op, PG_lane_reacquire);
    p = pg_op_params(op);
    put_lanes(op, p, l);
    pg_put_int(p, pg_node_incarnation(op->store->node));
    put_held(op, p, l);
    pg_op_send(op, PG_intent_forget);
}

static void
take_tokens(struct pg_op *op, const struct lanes *l, int answer)
{
    struct pg_rows r;

    if (l->n == 0)
        return;
    for (size_t i = 0; i < l->n; i++)
        l->all[i].lane->token = 0;
    for (r = pg_op_rows(op, answer); pg_next(&r);) {
        struct pg_lane *lane = pg_lanes_get(op->store->lanes, pg_int(&r));

        lane->token = pg_int(&r);
    }
}

/* Committed: now it is so. */
static void
conclude(struct pg_op *op)
{
    struct acquiring *q = op->inner;

    for (size_t i = 0; i < q->fresh.n; i++) {
        struct pg_lane *lane = q->fresh.all[i].lane;

        lane->state = lane->token > 0 ? PG_LANE_MINE : PG_LANE_TAKEN;
        if (lane->state == PG_LANE_MINE)
            LOG_INFO("lane.acquired", log_int("lane", lane->lane));
    }
    for (size_t i = 0; i < q->doubtful.n; i++) {
        struct pg_lane *lane = q->doubtful.all[i].lane;

        lane->is_doubtful = false;
        if (lane->token == 0)
            pg_lanes_lose(op->store->lanes, lane);
    }
    q->next(op);
}

/* What crashed its owner again and again is not tried any more. */
static void
asked(struct pg_op *op)
{
    struct acquiring *q = op->inner;
    struct pg_columns bad;
    struct pg_params *p;

    take_tokens(op, &q->fresh, 0);
    take_tokens(op, &q->doubtful, q->fresh.n > 0 ? 2 : 0);
    pg_columns_init(&bad, op->arena, "ll", 0);
    if (q->fresh.n > 0) {
        struct pg_rows r = pg_op_rows(op, 1);

        while (pg_next(&r)) {
            pg_col_int(&bad, pg_int(&r));
            pg_col_int(&bad, pg_int(&r));
        }
    }
    if (bad.n_rows > 0) {
        LOG_ERROR("queue.quarantined", log_int("n", (int64_t)bad.n_rows));
        p = pg_op_params(op);
        pg_put_columns(p, &bad);
        pg_put_int(p, q->now_ms);
        pg_put_int2(p, DELIVERY_DEAD);
        pg_put_text(p, reason_code(REASON_CRASH_LOOP));
        pg_op_send(op, PG_quarantine);
    }
    pg_op_commit(op, conclude);
}

static void
add(struct lanes *l, const struct pg_wanted *w)
{
    l->all[l->n++] = *w;
}

void
pg_acquire(struct pg_op *op, const struct pg_wanted *wanted, size_t n,
           int64_t now_ms, pg_step *next)
{
    struct acquiring *q = ARENA_NEW(op->arena, struct acquiring);

    *q = (struct acquiring){.now_ms = now_ms, .next = next};
    q->fresh.all = ARENA_ARRAY(op->arena, struct pg_wanted, n);
    q->doubtful.all = ARENA_ARRAY(op->arena, struct pg_wanted, n);
    for (size_t i = 0; i < n; i++) {
        if (wanted[i].lane->state == PG_LANE_MINE &&
            wanted[i].lane->is_doubtful)
            add(&q->doubtful, &wanted[i]);
        else if (wanted[i].lane->state == PG_LANE_UNKNOWN &&
                 pg_node_may_own(op->store->node))
            add(&q->fresh, &wanted[i]);
    }
    if (q->fresh.n + q->doubtful.n == 0) {
        next(op);
        return;
    }
    op->inner = q;
    pg_op_begin(op);
    if (q->fresh.n > 0) {
        send_acquire(op, &q->fresh);
        send_rescue(op, &q->fresh, now_ms);
    }
    if (q->doubtful.n > 0)
        send_reacquire(op, &q->doubtful);
    pg_op_await(op, asked);
}
