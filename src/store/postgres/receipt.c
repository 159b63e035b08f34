/* receipt.c - see store/receipt.h.
 *
 * What an event is about is looked up first and judged here. Each write says
 * what it moves from, so one that was moved meanwhile stays where it is, or is
 * moved on from there. */
#include "store/postgres/receipt.h"

#include "base/list.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/tell.h"
#include "store/receipt.h"

int
pg_taken_add(struct pg_op *op, struct store_finish *const *finishes, size_t n)
{
    struct pg_columns rows;

    pg_columns_init(&rows, op->arena, "lllTT", 0);
    for (size_t i = 0; i < n; i++) {
        const struct store_finish *f = finishes[i];

        if (!f->taken)
            continue;
        pg_col_int(&rows, f->tenant);
        pg_col_int(&rows, f->delivery);
        pg_col_int(&rows, f->taken->lane);
        pg_col_text(&rows, f->taken->message);
        pg_col_text(&rows, f->taken->address);
    }
    if (rows.n_rows == 0)
        return 0;
    pg_put_columns(pg_op_params(op), &rows);
    pg_op_send(op, PG_taken_add);
    return 1;
}

static struct store_receipt *
receipt_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_receipt, req);
}

/* ---- which deliveries they are about ---- */

static void
take_found(struct pg_op *op, struct store_receipt *r)
{
    struct pg_rows rows = pg_op_rows(op, 0);
    struct arena *a = r->req.arena;

    for (size_t i = 0; i < r->n_events; i++) {
        struct store_receipt_event *e = &r->events[i];

        e->found = (struct delivery){0};
        e->address = STR_NONE;
        e->is_known = false;
        e->n_kept = 0;
    }
    while (pg_next(&rows)) {
        struct store_receipt_event *e = &r->events[pg_int(&rows)];

        e->found.id = pg_int(&rows);
        e->found.status = (enum delivery_status)pg_int(&rows);
        e->found.user = pg_text(&rows, a);
        e->found.channel = pg_text(&rows, a);
        e->found.provider = pg_text(&rows, a);
        e->address = pg_text(&rows, a);
        e->n_kept = (size_t)pg_int(&rows);
        e->is_known = pg_int(&rows) != 0;
    }
}

/* ---- what they come to ---- */

static void
send_kept(struct pg_op *op, const struct store_receipt *r)
{
    struct pg_columns rows;
    struct pg_params *p;

    pg_columns_init(&rows, op->arena, "lilTT", r->n_events);
    for (size_t i = 0; i < r->n_events; i++) {
        struct attempt row = store_receipt_row(r, &r->events[i]);

        if (!store_receipt_is_kept(&r->events[i]))
            continue;
        pg_col_int(&rows, r->events[i].found.id);
        pg_col_int(&rows, row.n);
        pg_col_int(&rows, row.at_ms);
        pg_col_text(&rows, row.verdict);
        pg_col_text(&rows, row.detail);
    }
    if (rows.n_rows == 0)
        return;
    p = pg_op_params(op);
    pg_put_text(p, r->provider);
    pg_put_columns(p, &rows);
    pg_op_send(op, PG_receipt_keep);
}

/* A later one moves it on. */
static bool
is_last_move(const struct store_receipt *r, size_t at)
{
    for (size_t i = at + 1; i < r->n_events; i++)
        if (r->events[i].is_moved &&
            r->events[i].found.id == r->events[at].found.id)
            return false;
    return r->events[at].is_moved;
}

static void
send_moves(struct pg_op *op, const struct store_receipt *r,
           enum delivery_status to)
{
    bool is_failed = to == DELIVERY_FAILED;
    struct pg_columns rows;
    struct pg_params *p;

    pg_columns_init(&rows, op->arena, is_failed ? "lTT" : "lT", r->n_events);
    for (size_t i = 0; i < r->n_events; i++) {
        const struct store_receipt_event *e = &r->events[i];
        const struct receipt_rule *rule = receipt_rule(e->kind);

        if (rule->to != to || !is_last_move(r, i))
            continue;
        pg_col_int(&rows, e->found.id);
        pg_col_text(&rows, reason_code(rule->reason));
        if (is_failed)
            pg_col_text(&rows, store_receipt_error(e));
    }
    if (rows.n_rows == 0)
        return;
    p = pg_op_params(op);
    pg_put_int(p, r->tenant);
    pg_put_int(p, r->now_ms);
    pg_put_columns(p, &rows);
    pg_op_send(op, is_failed ? PG_receipt_failed : PG_receipt_delivered);
}

static void
done(struct pg_op *op)
{
    pg_op_done(op);
}

static void
done_and_told(struct pg_op *op)
{
    pg_store_told(op->store);
    pg_op_done(op);
}

static void
found(struct pg_op *op)
{
    struct store_receipt *r = receipt_of(op);

    take_found(op, r);
    store_receipt_judge(r);
    if (r->is_look) {
        pg_op_abort(op); /* it has changed nothing */
        return;
    }
    send_kept(op, r);
    send_moves(op, r, DELIVERY_DELIVERED);
    send_moves(op, r, DELIVERY_FAILED);
    pg_op_commit(op, pg_told_receipts(op, r) > 0 ? done_and_told : done);
}

static void
begin(struct pg_op *op)
{
    const struct store_receipt *r = receipt_of(op);
    struct pg_columns rows;
    struct pg_params *p;

    pg_op_begin(op);
    pg_columns_init(&rows, op->arena, "iliT", r->n_events);
    for (size_t i = 0; i < r->n_events; i++) {
        pg_col_int(&rows, (int64_t)i);
        pg_col_int(&rows, r->events[i].delivery);
        pg_col_int(&rows, r->events[i].n);
        pg_col_text(&rows, r->events[i].message);
    }
    p = pg_op_params(op);
    pg_put_int(p, r->tenant);
    pg_put_int(p, r->lane);
    pg_put_columns(p, &rows);
    pg_put_int4(p, STORE_RECEIPT_N);
    pg_op_send(op, PG_receipt_find);
    pg_op_await(op, found);
}

const struct pg_verb pg_verb_receipt = {.begin = begin};
