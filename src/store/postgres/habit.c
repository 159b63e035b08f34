/* habit.c - see store/habit.h. What a mark of an inbox finds there it read
 * after it had locked the inbox, so two marks do not miss each other. */
#include "store/habit.h"

#include "base/list.h"
#include "store/postgres/pg_store.h"

static struct pg_params *
put_user(struct pg_op *op, int64_t tenant, struct str user)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, tenant);
    pg_put_text(p, user);
    return p;
}

static void
take(struct pg_rows *r, struct habit *ret)
{
    ret->hour = pg_int(r);
    (void)habit_unpack(pg_borrow(r), ret);
}

void
pg_habit_look(struct pg_op *op, int64_t tenant, struct str user, int64_t at_ms)
{
    struct pg_params *p = put_user(op, tenant, user);

    pg_put_int(p, habit_hour(at_ms));
    pg_op_send(op, PG_habit_lookup);
}

void
pg_habit_learn(struct pg_op *op, int i, int64_t tenant, struct str user,
               int64_t at_ms)
{
    struct pg_rows r = pg_op_rows(op, i);
    char *weights = arena_alloc(op->arena, HABIT_BYTES);
    struct habit h = {0};
    struct pg_params *p;
    struct str body;

    if (!pg_next(&r))
        return; /* nobody who is stored, or the hour is counted */
    body = pg_borrow(&r);
    take(&r, &h);
    if (!habit_add(op->arena, &h, body, at_ms))
        return;
    habit_pack(&h, weights);
    p = put_user(op, tenant, user);
    pg_put_int(p, h.hour);
    pg_put_text(p, (struct str){weights, HABIT_BYTES});
    pg_op_send(op, PG_habit_put);
}

void
pg_habit_forget(struct pg_op *op, int64_t tenant, struct str user)
{
    put_user(op, tenant, user);
    pg_op_send(op, PG_habit_forget);
}

/* ---- what is heard of otherwise ---- */

static void
added(struct pg_op *op)
{
    pg_op_done(op);
}

static void
add(struct pg_op *op)
{
    const struct store_habit_add *h =
        CONTAINER_OF(op->reqs[0], struct store_habit_add, req);

    pg_habit_learn(op, 0, h->tenant, h->user, h->at_ms);
    pg_op_commit(op, added);
}

static void
begin_add(struct pg_op *op)
{
    const struct store_habit_add *h =
        CONTAINER_OF(op->reqs[0], struct store_habit_add, req);

    pg_op_begin(op);
    pg_habit_look(op, h->tenant, h->user, h->at_ms);
    pg_op_await(op, add);
}

const struct pg_verb pg_verb_habit_add = {.begin = begin_add};

/* ---- reading ---- */

static void
habits_read(struct pg_op *op)
{
    struct store_habits *h =
        CONTAINER_OF(op->reqs[0], struct store_habits, req);
    struct pg_rows r = pg_op_rows(op, 0);

    h->habits = ARENA_ARRAY(h->req.arena, struct habit, h->n_users);
    while (pg_next(&r)) {
        size_t i = (size_t)pg_int(&r) - 1;

        take(&r, &h->habits[i]);
    }
    pg_op_done(op);
}

static void
habits(struct pg_op *op)
{
    const struct store_habits *h =
        CONTAINER_OF(op->reqs[0], struct store_habits, req);
    struct pg_array users = pg_array(op->arena, PG_TYPE_TEXT, h->n_users);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < h->n_users; i++)
        pg_add_text(&users, h->users[i]);
    pg_put_int(p, h->tenant);
    pg_put_array(p, &users);
    pg_op_send(op, PG_habits);
    pg_op_commit(op, habits_read);
}

const struct pg_verb pg_verb_habits = {.begin = habits};
