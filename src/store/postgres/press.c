/* press.c - see store/press.h. The first press is a row that is written at
 * once; whoever else comes waits at it, and then decides by what stands there.
 */
#include "store/press.h"

#include "base/list.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/tell.h"

static struct store_press *
press_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_press, req);
}

static struct pg_params *
put_key(struct pg_op *op, const struct store_press *p)
{
    struct pg_params *params = pg_op_params(op);

    pg_put_int(params, p->ref);
    pg_put_text(params, p->user);
    pg_put_text(params, p->action);
    pg_put_int(params, p->tenant);
    return params;
}

static void
done(struct pg_op *op)
{
    if (store_press_is_told(press_of(op)))
        pg_store_told(op->store);
    pg_op_done(op);
}

static void
tell(struct pg_op *op, const struct store_told *told)
{
    struct pg_columns rows = pg_told_columns(op->arena);

    pg_told_put(&rows, told);
    (void)pg_told_add(op, &rows);
}

static void
set(struct pg_op *op, const struct store_press *p)
{
    struct pg_params *params = put_key(op, p);

    pg_put_int(params, p->press.at_ms);
    pg_put_int(params, p->press.until_ms);
    pg_put_int(params, p->press.key);
    pg_put_int4(params, p->press.n);
    pg_put_int4(params, (int)p->press.state);
    pg_put_int4(params, p->press.status);
    pg_op_send(op, PG_press_set);
}

static bool
take(struct pg_rows *r, struct press *ret)
{
    if (!pg_next(r))
        return false;
    ret->id = pg_int(r);
    ret->at_ms = pg_int(r);
    ret->until_ms = pg_int(r);
    ret->key = pg_int(r);
    ret->n = (int)pg_int(r);
    ret->state = (enum press_state)pg_int(r);
    ret->status = (int)pg_int(r);
    return true;
}

static void
found(struct pg_op *op)
{
    struct store_press *p = press_of(op);
    struct pg_rows r = pg_op_rows(op, p->is_end ? 0 : 1);
    bool is_new = !p->is_end && pg_op_affected(op, 0) == 1;
    struct press was = {0};
    bool is_there = take(&r, &was) && !is_new;

    p->is_ours = store_press_decide(p, is_there ? &was : NULL);
    if (p->is_ours && !is_new)
        set(op, p);
    if (store_press_is_told(p))
        tell(op, p->told);
    pg_op_commit(op, done);
}

static void
add(struct pg_op *op, const struct store_press *p)
{
    struct pg_params *params = put_key(op, p);

    pg_put_int(params, p->press.id);
    pg_put_int(params, p->press.at_ms);
    pg_put_int(params, p->press.until_ms);
    pg_put_int(params, p->press.key);
    pg_put_int4(params, (int)p->press.state);
    pg_put_int4(params, p->press.status);
    pg_op_send(op, PG_press_add);
}

static void
begin(struct pg_op *op)
{
    const struct store_press *p = press_of(op);

    pg_op_begin(op);
    if (!p->is_end)
        add(op, p);
    put_key(op, p);
    pg_op_send(op, PG_press_get);
    pg_op_await(op, found);
}

const struct pg_verb pg_verb_press = {.begin = begin};
