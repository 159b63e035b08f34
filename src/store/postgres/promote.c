/* promote.c - the waiting room's door. Any node may open it: SKIP LOCKED
 * gives each row to one of them. */
#include "base/list.h"
#include "store/postgres/pg_store.h"

#define PROMOTE_MAX 2000 /* rows in one commit */

static struct store_promote *
promote_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_promote, req);
}

static void
moved(struct pg_op *op)
{
    struct store_promote *p = promote_of(op);
    struct pg_rows r = pg_op_rows(op, 0);

    p->n_promoted = 0;
    p->first_due_ms = 0;
    while (pg_next(&r)) {
        int64_t tenant = pg_int(&r), lane = pg_int(&r), rank = pg_int(&r);

        pg_store_row_ready(op->store, tenant, lane, rank, pg_int(&r));
        p->first_due_ms = pg_int(&r);
        p->n_promoted++;
    }
    if (p->n_promoted == PROMOTE_MAX)
        p->n_promoted = p->max; /* there may be more */
    r = pg_op_rows(op, 1);
    p->next_due_ms = pg_next(&r) ? pg_int(&r) : 0;
    pg_op_done(op);
}

static void
begin(struct pg_op *op)
{
    struct store_promote *s = promote_of(op);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, s->now_ms);
    pg_put_int(p, (int64_t)(s->max < PROMOTE_MAX ? s->max : PROMOTE_MAX));
    pg_op_send(op, PG_promote);
    (void)pg_op_params(op);
    pg_op_send(op, PG_waiting_next);
    pg_op_commit(op, moved);
}

const struct pg_verb pg_verb_promote = {.begin = begin};
