/* outbox.c - see store/outbox.h. Any node may take: SKIP LOCKED gives each row
 * to one of them. */
#include "base/list.h"
#include "store/postgres/digest.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/rows.h"
#include "store/postgres/workflow.h"

static struct store_outbox *
outbox_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_outbox, req);
}

static void
taken(struct pg_op *op)
{
    struct store_outbox *o = outbox_of(op);
    int at = o->n_refused > 0 ? 1 : 0;
    struct pg_rows r = pg_op_rows(op, at);

    o->rows = ARENA_ARRAY(o->req.arena, struct store_outbox_row, o->max);
    for (o->n_rows = 0; o->n_rows < o->max && pg_next(&r); o->n_rows++) {
        struct store_outbox_row *row = &o->rows[o->n_rows];

        row->id = pg_int(&r);
        row->tenant = pg_int(&r);
        row->doc = pg_text(&r, o->req.arena);
    }
    r = pg_op_rows(op, at + 1);
    o->change_seq = pg_next(&r) ? pg_int(&r) : 0;
    pg_op_done(op);
}

static void
send_refused(struct pg_op *op, const struct store_outbox *o)
{
    struct pg_columns refused;

    pg_columns_init(&refused, op->arena, "lT", o->n_refused);
    for (size_t i = 0; i < o->n_refused; i++) {
        pg_col_int(&refused, o->refused[i].id);
        pg_col_text(&refused, o->refused[i].problem);
    }
    pg_put_columns(pg_op_params(op), &refused);
    pg_op_send(op, PG_outbox_refuse);
}

static void
begin(struct pg_op *op)
{
    const struct store_outbox *o = outbox_of(op);
    struct pg_params *p;

    if (o->n_refused > 0)
        send_refused(op, o);
    p = pg_op_params(op);
    pg_put_int(p, (int64_t)o->max);
    pg_put_int(p, o->lease_ms);
    pg_op_send(op, PG_outbox_take);
    (void)pg_op_params(op);
    pg_op_send(op, PG_outbox_seq);
    pg_op_commit(op, taken);
}

const struct pg_verb pg_verb_outbox = {.begin = begin};

/* ---- work, which is taken the same way ---- */

static struct store_work_take *
work_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_work_take, req);
}

static void
take_row(struct pg_rows *r, const struct store_work_take *t,
         struct store_work_row *row)
{
    struct arena *a = t->req.arena;

    switch (t->kind) {
    case STORE_WORK_PLAN:
        pg_take_notification(r, a, &row->notification);
        row->cursor = pg_text(r, a);
        break;
    case STORE_WORK_DIGEST:
        pg_take_digest(r, a, &row->digest);
        break;
    case STORE_WORK_WORKFLOW:
        pg_take_notification(r, a, &row->notification);
        pg_take_instance(r, a, &row->instance);
        break;
    }
}

static void
read_next(struct pg_rows *r, struct store_work_take *t)
{
    t->next_ms = -1;
    t->at_ms = 0;
    if (!pg_next(r))
        return;
    if (t->kind == STORE_WORK_WORKFLOW)
        t->at_ms = pg_int(r);
    if (!pg_is_null(r))
        t->next_ms = pg_int(r);
}

static void
work_taken(struct pg_op *op)
{
    struct store_work_take *t = work_of(op);
    struct pg_rows r = pg_op_rows(op, 0);
    int64_t n_due = 0;

    t->rows = ARENA_ARRAY(t->req.arena, struct store_work_row, t->max);
    for (t->n_rows = 0; t->n_rows < t->max && pg_next(&r); t->n_rows++) {
        struct store_work_row *row = &t->rows[t->n_rows];

        take_row(&r, t, row);
        row->hold = pg_int(&r);
        if (t->kind == STORE_WORK_WORKFLOW)
            n_due = pg_int(&r);
    }
    t->is_cut = (int64_t)t->n_rows < n_due;
    r = pg_op_rows(op, 1);
    t->change_seq = pg_next(&r) ? pg_int(&r) : 0;
    r = pg_op_rows(op, 2);
    read_next(&r, t);
    pg_op_done(op);
}

static void
take_work(struct pg_op *op)
{
    static const struct {
        enum pg take, next;
    } of[] = {
        [STORE_WORK_PLAN] = {PG_work_take, PG_work_next},
        [STORE_WORK_DIGEST] = {PG_digest_take, PG_digest_next},
        [STORE_WORK_WORKFLOW] = {PG_instance_take, PG_instance_next},
    };
    const struct store_work_take *t = work_of(op);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, (int64_t)t->max);
    pg_put_int(p, t->lease_ms);
    if (t->kind == STORE_WORK_WORKFLOW)
        pg_put_int(p, (int64_t)t->max_bytes);
    pg_op_send(op, of[t->kind].take);
    (void)pg_op_params(op);
    pg_op_send(op, PG_outbox_seq);
    (void)pg_op_params(op);
    pg_op_send(op, of[t->kind].next);
    pg_op_commit(op, work_taken);
}

const struct pg_verb pg_verb_work_take = {.begin = take_work};

static void
work_released(struct pg_op *op)
{
    if (pg_op_affected(op, 0) > 0)
        pg_store_work_ready(op->store);
    pg_op_done(op);
}

static void
release_work(struct pg_op *op)
{
    const struct store_work_release *l =
        CONTAINER_OF(op->reqs[0], struct store_work_release, req);
    struct pg_columns holds;

    pg_columns_init(&holds, op->arena, "llls", l->n_holds);
    for (size_t i = 0; i < l->n_holds; i++) {
        pg_col_int(&holds, l->holds[i].tenant);
        pg_col_int(&holds, l->holds[i].id);
        pg_col_int(&holds, l->holds[i].hold);
        pg_col_int(&holds, l->holds[i].kind + 1);
    }
    pg_put_columns(pg_op_params(op), &holds);
    pg_op_send(op, PG_work_release);
    pg_op_commit(op, work_released);
}

const struct pg_verb pg_verb_work_release = {.begin = release_work};
