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
    row->n = throttle_keep(row->places, row->n, b->throttle.per_ms, now_ms);
    return row->n;
}

static void
reserve(struct mem *m, int64_t tenant, const struct store_budget *b)
{
    struct mem_budget *row = find(m, tenant, b->key);
    struct throttle_place *places;

    if (!row) {
        row = ROW_ADD(&m->budgets, struct mem_budget);
        row->tenant = tenant;
        row->key = str_dup(m->arena, b->key);
    }
    places = ARENA_ARRAY(m->arena, struct throttle_place,
                         row->n + (size_t)b->granted);
    for (size_t i = 0; i < row->n; i++)
        places[i] = row->places[i];
    for (int i = 0; i < b->granted; i++)
        row->n = throttle_add(places, row->n,
                              (struct throttle_place){b->at_ms, b->ids[i]});
    row->places = places;
    row->until_ms = throttle_over_ms(b->throttle.per_ms, b->at_ms);
}

static void
take_one(struct mem *m, const struct store_budget_take *t,
         struct store_budget *b)
{
    struct mem_budget *row = find(m, t->tenant, b->key);
    size_t n = kept(row, b, t->now_ms);

    b->granted = throttle_grant(&b->throttle, row ? row->places : NULL, n,
                                b->ids, b->want);
    b->at_ms = b->granted > 0 ? t->now_ms : 0;
    if (b->granted > 0)
        reserve(m, t->tenant, b);
}

enum err
mem_budget_take(struct mem *m, struct store_req *req)
{
    struct store_budget_take *t =
        CONTAINER_OF(req, struct store_budget_take, req);

    for (size_t i = 0; i < t->n_budgets; i++)
        take_one(m, t, &t->budgets[i]);
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
            row->n = throttle_give_back(row->places, row->n, b->at_ms, b->back,
                                        b->n_back);
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

        size_t n = kept(row, b, l->now_ms);

        b->granted =
            throttle_room(&b->throttle, row ? row->places : NULL, n, b->want);
        b->at_ms = 0;
    }
    return ERR_OK;
}
