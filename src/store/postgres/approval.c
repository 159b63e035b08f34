/* approval.c - what a person approves: decide, whoever else does; and tell of
 * it, if it was this one. */
#include "base/list.h"
#include "store/approval.h"
#include "store/postgres/pg_store.h"

static void
take_step(struct pg_rows *r, struct store_decide *d)
{
    struct arena *a = d->req.arena;

    d->was.notification = d->notification;
    d->was.id = pg_int(r);
    d->was.at_ms = pg_int(r);
    d->was.user = pg_text(r, a);
    d->was.step = pg_text(r, a);
    d->was.verdict = pg_text(r, a);
    d->was.reason = pg_text(r, a);
    d->was.note = pg_text(r, a);
}

static void
committed(struct pg_op *op)
{
    const struct store_decide *d =
        CONTAINER_OF(op->reqs[0], struct store_decide, req);

    if (d->is_news && d->is_approved)
        pg_store_work_ready(op->store);
    pg_op_done(op);
}

static void
decided(struct pg_op *op)
{
    struct store_decide *d =
        CONTAINER_OF(op->reqs[0], struct store_decide, req);
    struct pg_rows r = pg_op_rows(op, 1);

    d->was = (struct store_step){0};
    d->is_news = pg_op_affected(op, 0) > 0;
    if (!pg_next(&r))
        d->req.err = ERR_NOT_FOUND;
    else
        take_step(&r, d);
    if (d->req.err == ERR_OK && !d->is_news && !approval_is_again(d))
        d->req.err = ERR_CONFLICT;
    if (!d->is_news) {
        pg_op_abort(op);
        return;
    }
    pg_audit_write(op);
    pg_op_commit(op, committed);
}

static void
put_step(struct pg_params *p, const struct store_step *s)
{
    pg_put_int(p, s->at_ms);
    pg_put_text(p, s->user);
    pg_put_text(p, s->step);
    pg_put_text(p, s->verdict);
    pg_put_text(p, s->reason);
    pg_put_text(p, s->note);
}

static void
begin(struct pg_op *op)
{
    const struct store_decide *d =
        CONTAINER_OF(op->reqs[0], struct store_decide, req);
    struct store_step step = approval_step_of(d);
    struct pg_params *p;

    pg_op_begin(op);
    p = pg_op_params(op);
    pg_put_int(p, d->tenant);
    pg_put_int(p, d->notification);
    put_step(p, &step);
    if (d->is_approved)
        pg_put_int(p, d->due_ms);
    pg_op_send(op, d->is_approved ? PG_approval_approve : PG_approval_reject);
    p = pg_op_params(op);
    pg_put_int(p, d->tenant);
    pg_put_int(p, d->notification);
    pg_op_send(op, PG_approval_find);
    pg_op_await(op, decided);
}

const struct pg_verb pg_verb_decide = {.begin = begin};
