/* person.c - see store/person.h. */
#include "store/person.h"

#include "base/list.h"
#include "store/postgres/pg_store.h"

#define LIMIT_MAX 1000

static struct store_person *
person_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_person, req);
}

static size_t
limit_of(size_t limit)
{
    return limit < LIMIT_MAX ? limit : LIMIT_MAX;
}

static void
take_events(struct store_person *x, struct pg_rows r)
{
    size_t limit = limit_of(x->limit);

    x->events = ARENA_ARRAY(x->req.arena, struct store_person_event, limit);
    x->n_events = 0;
    while (x->n_events < limit && pg_next(&r)) {
        struct store_person_event *e = &x->events[x->n_events++];

        e->name = pg_text(&r, x->req.arena);
        e->at_ms = pg_int(&r);
        e->id = pg_int(&r);
        e->data = pg_text(&r, x->req.arena);
    }
    x->has_more = pg_next(&r);
}

static void
take_trials(struct store_person *x, struct pg_rows r)
{
    x->trials =
        ARENA_ARRAY(x->req.arena, struct store_person_trial, x->n_rounds);
    x->n_trials = 0;
    while (x->n_trials < x->n_rounds && pg_next(&r)) {
        struct store_person_trial *t = &x->trials[x->n_trials++];

        t->round = pg_int(&r);
        t->at_ms = pg_int(&r);
        t->delivered_ms = pg_int(&r);
        t->read_ms = pg_int(&r);
        t->goal_ms = pg_int(&r);
        t->variant = pg_text(&r, x->req.arena);
    }
}

static void
was_read(struct pg_op *op)
{
    struct store_person *x = person_of(op);

    take_events(x, pg_op_rows(op, 0));
    take_trials(x, pg_op_rows(op, 1));
    pg_op_done(op);
}

static void
begin(struct pg_op *op)
{
    const struct store_person *x = person_of(op);
    struct pg_array rounds = pg_array(op->arena, PG_TYPE_INT8, x->n_rounds);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, x->tenant);
    pg_put_text(p, x->user);
    pg_put_text(p, x->after.name);
    pg_put_int(p, x->after.at_ms);
    pg_put_int(p, x->after.id);
    pg_put_int(p, (int64_t)limit_of(x->limit) + 1);
    pg_op_send(op, PG_person_events);
    for (size_t i = 0; i < x->n_rounds; i++)
        pg_add_int(&rounds, x->rounds[i]);
    p = pg_op_params(op);
    pg_put_int(p, x->tenant);
    pg_put_text(p, x->user);
    pg_put_array(p, &rounds);
    pg_op_send(op, PG_person_trials);
    pg_op_commit(op, was_read);
}

const struct pg_verb pg_verb_person = {.begin = begin};

/* ---- what they pressed ---- */

static struct store_presses *
presses_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_presses, req);
}

static void
take_press(struct pg_rows *r, struct arena *a, struct store_person_press *ret)
{
    struct press *p = &ret->press;

    ret->ref = pg_int(r);
    ret->notification = pg_int(r);
    ret->action = pg_text(r, a);
    p->id = pg_int(r);
    p->at_ms = pg_int(r);
    p->until_ms = pg_int(r);
    p->key = pg_int(r);
    p->n = (int)pg_int(r);
    p->state = (enum press_state)pg_int(r);
    p->status = (int)pg_int(r);
}

static void
presses_read(struct pg_op *op)
{
    struct store_presses *x = presses_of(op);
    size_t limit = limit_of(x->limit);
    struct pg_rows r = pg_op_rows(op, 0);

    x->presses = ARENA_ARRAY(x->req.arena, struct store_person_press, limit);
    x->n_presses = 0;
    while (x->n_presses < limit && pg_next(&r))
        take_press(&r, x->req.arena, &x->presses[x->n_presses++]);
    x->has_more = pg_next(&r);
    pg_op_done(op);
}

static void
begin_presses(struct pg_op *op)
{
    const struct store_presses *x = presses_of(op);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, x->tenant);
    pg_put_text(p, x->user);
    pg_put_int(p, x->after_ref);
    pg_put_text(p, x->after_action);
    pg_put_int(p, (int64_t)limit_of(x->limit) + 1);
    pg_op_send(op, PG_person_presses);
    pg_op_commit(op, presses_read);
}

const struct pg_verb pg_verb_presses = {.begin = begin_presses};
