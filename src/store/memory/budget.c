/* budget.c - see store/budget.h. */
#include "base/list.h"
#include "store/memory/data.h"

static struct mem_budget *
find(struct mem *m, int64_t tenant, struct str key)
{
    ROW_EACH(struct mem_budget, b, &m->budgets)
    if (b->tenant == tenant && str_eq(b->key, key))
        return b;
    return NULL;
}

static size_t
kept(struct mem_budget *row, const struct store_budget *b, int64_t now_ms)
{
    if (!row)
        return 0;
    row->n = throttle_keep(row->times, row->n, b->throttle.per_ms, now_ms);
    return row->n;
}

static void
reserve(struct mem *m, int64_t tenant, const struct store_budget *b)
{
    struct mem_budget *row = find(m, tenant, b->key);
    int64_t *times;

    if (!row) {
        row = ROW_ADD(&m->budgets, struct mem_budget);
        row->tenant = tenant;
        row->key = str_dup(m->arena, b->key);
    }
    times = ARENA_ARRAY(m->arena, int64_t, row->n + (size_t)b->granted);
    for (size_t i = 0; i < row->n; i++)
        times[i] = row->times[i];
    for (int i = 0; i < b->granted; i++)
        times[row->n++] = b->at_ms;
    row->times = times;
    row->until_ms = throttle_over_ms(b->throttle.per_ms, b->at_ms);
}

enum err
mem_budget_take(struct mem *m, struct store_req *req)
{
    struct store_budget_take *t =
        CONTAINER_OF(req, struct store_budget_take, req);

    for (size_t i = 0; i < t->n_budgets; i++) {
        struct store_budget *b = &t->budgets[i];
        struct mem_budget *row = find(m, t->tenant, b->key);

        b->granted =
            throttle_room(&b->throttle, kept(row, b, t->now_ms), b->want);
        b->at_ms = b->granted > 0 ? t->now_ms : 0;
        if (b->granted > 0)
            reserve(m, t->tenant, b);
    }
    return ERR_OK;
}

enum err
mem_budget_give_back(struct mem *m, struct store_req *req)
{
    const struct store_budget_give_back *g =
        CONTAINER_OF(req, struct store_budget_give_back, req);

    for (size_t i = 0; i < g->n_budgets; i++) {
        const struct store_budget *b = &g->budgets[i];
        struct mem_budget *row = find(m, g->tenant, b->key);

        if (row)
            row->n = throttle_give_back(row->times, row->n, b->at_ms, b->give);
    }
    return ERR_OK;
}

enum err
mem_budget_look(struct mem *m, struct store_req *req)
{
    struct store_budget_look *l =
        CONTAINER_OF(req, struct store_budget_look, req);

    for (size_t i = 0; i < l->n_budgets; i++) {
        struct store_budget *b = &l->budgets[i];
        struct mem_budget *row = find(m, l->tenant, b->key);

        b->granted =
            throttle_room(&b->throttle, kept(row, b, l->now_ms), b->want);
        b->at_ms = 0;
    }
    return ERR_OK;
}
