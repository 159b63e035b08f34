#include "store/postgres/trial.h"

#include <stdlib.h>

#include "base/list.h"
#include "store/postgres/pg_store.h"

struct one {
    int64_t tenant, at_ms;
    const struct store_trial *trial;
};
struct pg_trials {
    struct arena *arena;
    struct buf all; /* struct one */
};

struct pg_trials *
pg_trials_new(struct arena *a)
{
    struct pg_trials *t = ARENA_NEW(a, struct pg_trials);

    t->arena = a;
    buf_init(&t->all, a);
    return t;
}

void
pg_trials_add(struct pg_trials *t, const struct store_accept *request,
              const struct store_accept_item *item)
{
    for (size_t i = 0; i < item->n_trials; i++) {
        const struct one o = {request->tenant, request->now_ms,
                              &item->trials[i]};

        buf_put(&t->all, &o, sizeof(o));
    }
}

static int
compare(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int
by_user(const struct one *x, const struct one *y)
{
    int order = compare(x->tenant, y->tenant);

    if (order == 0)
        order = compare(x->trial->round, y->trial->round);
    return order ? order : str_cmp(x->trial->user, y->trial->user);
}

static int
by_delivery(const void *a, const void *b)
{
    const struct one *x = a, *y = b;
    int order = by_user(x, y);

    return order ? order : compare(x->trial->delivery, y->trial->delivery);
}

/* The first of a user says the variant; any of it that arrived counts. */
static void
add_user(struct pg_columns *c, const struct one *all, size_t n)
{
    const struct store_trial *t = all->trial;
    bool is_delivered = false;

    for (size_t i = 0; i < n; i++)
        is_delivered |= all[i].trial->is_delivered &&
                        str_eq(all[i].trial->variant, t->variant);
    pg_col_int(c, all->tenant);
    pg_col_int(c, t->round);
    pg_col_int(c, all->at_ms);
    pg_col_int(c, is_delivered ? all->at_ms : 0);
    pg_col_text(c, t->user);
    pg_col_text(c, t->variant);
}

static void
add_delivery(struct pg_columns *c, const struct one *o)
{
    pg_col_int(c, o->tenant);
    pg_col_int(c, o->trial->round);
    pg_col_int(c, o->trial->delivery);
    pg_col_text(c, o->trial->user);
    pg_col_text(c, o->trial->variant);
}

void
pg_trials_store(struct pg_trials *t, struct pg_op *op)
{
    struct one *all = (struct one *)(void *)t->all.p;
    size_t n = t->all.n / sizeof(*all);
    struct pg_columns users, deliveries;

    if (n == 0)
        return;
    qsort(all, n, sizeof(*all), by_delivery);
    pg_columns_init(&users, t->arena, "llllTT", n);
    pg_columns_init(&deliveries, t->arena, "lllTT", n);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && by_user(&all[i], &all[k]) == 0; k++)
            add_delivery(&deliveries, &all[k]);
        add_user(&users, &all[i], k - i);
    }
    pg_put_columns(pg_op_params(op), &deliveries);
    pg_op_send(op, PG_trial_delivery_add);
    pg_put_columns(pg_op_params(op), &users);
    pg_op_send(op, PG_trial_add);
}

/* ---- what came of it ---- */

void
pg_trial_read(struct pg_op *op, const struct store_inbox_mark *m,
              const int64_t *items, size_t n)
{
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, n);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < n; i++)
        pg_add_int(&ids, items[i]);
    pg_put_int(p, m->tenant);
    pg_put_text(p, m->user);
    pg_put_array(p, &ids);
    pg_put_int(p, m->now_ms);
    pg_op_send(op, PG_trial_read);
}

void
pg_trial_goal(struct pg_op *op, const struct store_event_add *e)
{
    struct pg_array rounds = pg_array(op->arena, PG_TYPE_INT8, e->n_rounds);
    struct pg_params *p;

    if (e->n_rounds == 0)
        return;
    for (size_t i = 0; i < e->n_rounds; i++)
        pg_add_int(&rounds, e->rounds[i]);
    p = pg_op_params(op);
    pg_put_int(p, e->tenant);
    pg_put_array(p, &rounds);
    pg_put_text(p, e->user);
    pg_put_int(p, e->at_ms);
    pg_op_send(op, PG_trial_goal);
}

/* ---- counts ---- */

static struct store_trial_count *
count_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_trial_count, req);
}

static void
counted(struct pg_op *op)
{
    struct store_trial_count *t = count_of(op);
    struct pg_rows r = pg_op_rows(op, 0);

    t->rows =
        ARENA_ARRAY(t->req.arena, struct store_trial_row, pg_count(&r) + 1);
    t->n_rows = 0;
    while (pg_next(&r)) {
        struct store_trial_row *row = &t->rows[t->n_rows++];

        row->variant = pg_text(&r, t->req.arena);
        row->assigned = pg_int(&r);
        row->delivered = pg_int(&r);
        row->goal.n = pg_int(&r);
        row->goal.k = pg_int(&r);
    }
    pg_op_done(op);
}

static void
count(struct pg_op *op)
{
    const struct store_trial_count *t = count_of(op);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, t->tenant);
    pg_put_int(p, t->round);
    pg_put_int4(p, (int)t->goal);
    pg_put_int(p, t->now_ms - t->within_ms);
    pg_put_int(p, t->within_ms);
    pg_op_send(op, PG_trial_count);
    pg_op_commit(op, counted);
}

const struct pg_verb pg_verb_trial_count = {.begin = count};
