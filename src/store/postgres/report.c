/* report.c - see store/report.h: the nodes, what they say, whose lanes are. */
#include "base/list.h"
#include "store/postgres/node.h"
#include "store/postgres/pg_store.h"

#define ENDED_MS 3600000 /* those that ended are still listed for so long */

/* ---- report ---- */

static void
reported(struct pg_op *op)
{
    pg_op_done(op);
}

static void
report(struct pg_op *op)
{
    const struct store_report *r =
        CONTAINER_OF(op->reqs[0], struct store_report, req);
    const struct pg_node *n = op->store->node;
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, pg_node_process(n));
    pg_put_int(p, pg_node_incarnation(n));
    pg_put_text(p, r->health);
    pg_put_text(p, r->metrics);
    pg_op_send(op, PG_report_put);
    pg_op_commit(op, reported);
}

const struct pg_verb pg_verb_report = {.begin = report};

/* ---- reports ---- */

static struct store_reports *
reports_of(const struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_reports, req);
}

static void
take_process(struct pg_rows *r, struct arena *a, struct store_process *ret)
{
    ret->slot = pg_int(r);
    ret->pid = pg_int(r);
    ret->host = pg_text(r, a);
    ret->roles = pg_text(r, a);
    ret->version = pg_text(r, a);
    ret->started_ms = pg_int(r);
    ret->silent_ms = pg_int(r);
    ret->is_live = pg_int(r) != 0;
    ret->is_self = pg_int(r) != 0;
    ret->report_age_ms = pg_int(r);
    ret->health = pg_text(r, a);
    ret->metrics = pg_text(r, a);
}

static void
take_owners(struct store_reports *q, struct pg_rows r)
{
    q->owners =
        ARENA_ARRAY(q->req.arena, struct store_lane_owner, pg_count(&r));
    for (q->n_owners = 0; pg_next(&r); q->n_owners++) {
        struct store_lane_owner *one = &q->owners[q->n_owners];

        one->tenant = pg_int(&r);
        one->lane = pg_int(&r);
        one->slot = pg_int(&r);
    }
}

static void
take_past(struct store_reports *q, struct pg_rows r)
{
    q->past = ARENA_ARRAY(q->req.arena, struct str, pg_count(&r));
    while (pg_next(&r))
        q->past[q->n_past++] = pg_text(&r, q->req.arena);
}

static void
reports_read(struct pg_op *op)
{
    struct store_reports *q = reports_of(op);
    struct pg_rows r = pg_op_rows(op, 0);

    q->processes =
        ARENA_ARRAY(q->req.arena, struct store_process, pg_count(&r));
    q->n_processes = q->n_past = 0;
    while (pg_next(&r))
        take_process(&r, q->req.arena, &q->processes[q->n_processes++]);
    take_owners(q, pg_op_rows(op, 1));
    if (q->wants_metrics)
        take_past(q, pg_op_rows(op, 2));
    pg_op_done(op);
}

static void
reports(struct pg_op *op)
{
    const struct store_reports *q = reports_of(op);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, pg_node_incarnation(op->store->node));
    pg_put_bool(p, q->wants_metrics);
    pg_put_int(p, ENDED_MS);
    pg_op_send(op, PG_reports_nodes);
    (void)pg_op_params(op);
    pg_op_send(op, PG_reports_owners);
    if (q->wants_metrics) {
        (void)pg_op_params(op);
        pg_op_send(op, PG_reports_past);
    }
    pg_op_commit(op, reports_read);
}

const struct pg_verb pg_verb_reports = {.begin = reports};

/* ---- lanes ---- */

static void
lanes_read(struct pg_op *op)
{
    struct store_lanes *q = CONTAINER_OF(op->reqs[0], struct store_lanes, req);
    struct pg_rows r = pg_op_rows(op, 0);

    q->states = ARENA_ARRAY(q->req.arena, struct store_lane_state, q->n_lanes);
    while (pg_next(&r)) {
        struct store_lane_state *one = &q->states[pg_int(&r) - 1];

        one->n_ready = pg_int(&r);
        one->n_waiting = pg_int(&r);
        one->oldest_ready_ms = pg_int(&r);
        one->is_owned = pg_int(&r) != 0;
        one->slot = pg_int(&r);
        one->host = pg_text(&r, q->req.arena);
        one->since_ms = pg_int(&r);
    }
    pg_op_done(op);
}

static void
lanes(struct pg_op *op)
{
    const struct store_lanes *q =
        CONTAINER_OF(op->reqs[0], struct store_lanes, req);
    struct pg_array nums = pg_array(op->arena, PG_TYPE_INT8, q->n_lanes);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < q->n_lanes; i++)
        pg_add_int(&nums, q->lanes[i]);
    pg_put_int(p, q->tenant);
    pg_put_array(p, &nums);
    pg_put_int(p, STORE_LANE_COUNT_MAX);
    pg_op_send(op, PG_lanes);
    pg_op_commit(op, lanes_read);
}

const struct pg_verb pg_verb_lanes = {.begin = lanes};
