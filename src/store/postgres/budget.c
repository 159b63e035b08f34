/* budget.c - see store/budget.h. Requests go together, so that many at once for
 * one user cost a commit and not one each. A statement changes a row once: a
 * key that several of them name is in one statement after the other, and all
 * keys are in the first one, sorted, which locks them. */
#include <stdlib.h>

#include "base/list.h"
#include "store/postgres/pg_store.h"

#define REQS_MAX 48 /* as many statements, at most, in one exchange */

struct entry {
    int64_t tenant;
    struct store_budget *budget;
    size_t at;    /* as they came */
    size_t round; /* the statement it is in */
};
struct taking {
    struct entry *entries; /* by tenant and key, then as they came */
    size_t n, n_rounds;
};

static struct store_budget_take *
take_of(struct store_req *req)
{
    return CONTAINER_OF(req, struct store_budget_take, req);
}

static int
by_key(const struct entry *x, const struct entry *y)
{
    int order = (x->tenant > y->tenant) - (x->tenant < y->tenant);

    return order ? order : str_cmp(x->budget->key, y->budget->key);
}

static int
by_key_and_time(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = by_key(x, y);

    return order ? order : (x->at > y->at) - (x->at < y->at);
}

static int
by_key_and_round(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = by_key(x, y);

    return order ? order : (x->round > y->round) - (x->round < y->round);
}

static bool
joins(const struct pg_op *op, struct store_req *req)
{
    size_t n = take_of(req)->n_budgets;

    for (size_t i = 0; i < op->n; i++)
        n += take_of(op->reqs[i])->n_budgets;
    return n <= STORE_BUDGETS_MAX;
}

/* ---- take ---- */

static void
list_entries(struct pg_op *op, struct taking *s)
{
    for (size_t i = 0; i < op->n; i++)
        s->n += take_of(op->reqs[i])->n_budgets;
    s->entries = ARENA_ARRAY(op->arena, struct entry, s->n);
    s->n = 0;
    for (size_t i = 0; i < op->n; i++) {
        struct store_budget_take *t = take_of(op->reqs[i]);

        for (size_t k = 0; k < t->n_budgets; k++, s->n++) {
            t->budgets[k].granted = 0;
            t->budgets[k].at_ms = 0;
            s->entries[s->n] = (struct entry){
                .tenant = t->tenant, .budget = &t->budgets[k], .at = s->n};
        }
    }
    if (s->n > 0)
        qsort(s->entries, s->n, sizeof(*s->entries), by_key_and_time);
    for (size_t i = 0; i < s->n; i++) {
        struct entry *e = &s->entries[i];

        if (i > 0 && by_key(e - 1, e) == 0)
            e->round = e[-1].round + 1;
        if (e->round >= s->n_rounds)
            s->n_rounds = e->round + 1;
    }
}

static void
take_rows(const struct taking *s, size_t round, struct pg_rows r)
{
    while (pg_next(&r)) {
        struct store_budget named;
        struct entry key = {.budget = &named, .round = round};
        struct entry *e;

        key.tenant = pg_int(&r);
        named.key = pg_borrow(&r);
        e = bsearch(&key, s->entries, s->n, sizeof(key), by_key_and_round);
        if (!e)
            continue;
        e->budget->granted = (int)pg_int(&r);
        e->budget->at_ms = pg_int(&r);
    }
}

static void
taken(struct pg_op *op)
{
    const struct taking *s = op->state;

    for (size_t i = 0; i < s->n_rounds; i++)
        take_rows(s, i, pg_op_rows(op, (int)i));
    pg_op_done(op);
}

/* A column of arrays: "{1,2}". */
static struct str
list_of(struct arena *a, const int64_t *ids, int n)
{
    struct buf out;

    buf_init(&out, a);
    for (int i = 0; i < n; i++)
        buf_put_str(
            &out, str_fmt(a, "%c%lld", i == 0 ? '{' : ',', (long long)ids[i]));
    buf_put_cstr(&out, n == 0 ? "{}" : "}");
    return buf_str(&out);
}

static void
send_round(struct pg_op *op, const struct taking *s, size_t round)
{
    struct pg_columns c;

    pg_columns_init(&c, op->arena, "lTliiT", s->n);
    for (size_t i = 0; i < s->n; i++) {
        const struct entry *e = &s->entries[i];

        if (e->round != round)
            continue;
        pg_col_int(&c, e->tenant);
        pg_col_text(&c, e->budget->key);
        pg_col_int(&c, e->budget->throttle.per_ms);
        pg_col_int(&c, e->budget->throttle.limit);
        pg_col_int(&c, e->budget->want);
        pg_col_text(&c, list_of(op->arena, e->budget->ids, e->budget->want));
    }
    pg_put_columns(pg_op_params(op), &c);
    pg_op_send(op, PG_budget_take);
}

static void
begin_take(struct pg_op *op)
{
    struct taking *s = ARENA_NEW(op->arena, struct taking);

    op->state = s;
    list_entries(op, s);
    for (size_t i = 0; i < s->n_rounds; i++)
        send_round(op, s, i);
    pg_op_commit(op, taken);
}

const struct pg_verb pg_verb_budget_take = {
    .begin = begin_take, .max = REQS_MAX, .joins = joins};

/* ---- give back ---- */

static void
given(struct pg_op *op)
{
    pg_op_done(op);
}

static int
by_budget_key(const void *a, const void *b)
{
    const struct store_budget *const *x = a, *const *y = b;

    return str_cmp((*x)->key, (*y)->key);
}

static void
begin_give_back(struct pg_op *op)
{
    const struct store_budget_give_back *g =
        CONTAINER_OF(op->reqs[0], struct store_budget_give_back, req);
    const struct store_budget **all =
        ARENA_ARRAY(op->arena, const struct store_budget *, g->n_budgets);
    struct pg_columns c;

    for (size_t i = 0; i < g->n_budgets; i++)
        all[i] = &g->budgets[i];
    if (g->n_budgets > 0)
        qsort(all, g->n_budgets, sizeof(struct store_budget *), by_budget_key);
    pg_columns_init(&c, op->arena, "lTlT", g->n_budgets);
    for (size_t i = 0; i < g->n_budgets; i++) {
        pg_col_int(&c, g->tenant);
        pg_col_text(&c, all[i]->key);
        pg_col_int(&c, all[i]->at_ms);
        pg_col_text(&c, list_of(op->arena, all[i]->back, all[i]->n_back));
    }
    pg_put_columns(pg_op_params(op), &c);
    pg_op_send(op, PG_budget_give_back);
    pg_op_commit(op, given);
}

const struct pg_verb pg_verb_budget_give_back = {.begin = begin_give_back};

/* ---- look ---- */

static void
looked(struct pg_op *op)
{
    struct store_budget_look *l =
        CONTAINER_OF(op->reqs[0], struct store_budget_look, req);
    struct pg_rows r = pg_op_rows(op, 0);

    for (size_t i = 0; i < l->n_budgets; i++) {
        struct store_budget *b = &l->budgets[i];

        b->granted = throttle_room(&b->throttle, NULL, 0, b->want);
        b->at_ms = 0;
    }
    while (pg_next(&r)) {
        struct store_budget *b = &l->budgets[pg_int(&r) - 1];
        int left = b->throttle.limit - (int)pg_int(&r);

        b->granted = left < 0 ? 0 : left < b->want ? left : b->want;
    }
    pg_op_done(op);
}

static void
begin_look(struct pg_op *op)
{
    const struct store_budget_look *l =
        CONTAINER_OF(op->reqs[0], struct store_budget_look, req);
    struct pg_columns c;
    struct pg_params *p;

    pg_columns_init(&c, op->arena, "Tl", l->n_budgets);
    for (size_t i = 0; i < l->n_budgets; i++) {
        pg_col_text(&c, l->budgets[i].key);
        pg_col_int(&c, l->budgets[i].throttle.per_ms);
    }
    p = pg_op_params(op);
    pg_put_int(p, l->tenant);
    pg_put_columns(p, &c);
    pg_op_send(op, PG_budget_look);
    pg_op_commit(op, looked);
}

const struct pg_verb pg_verb_budget_look = {.begin = begin_look};
