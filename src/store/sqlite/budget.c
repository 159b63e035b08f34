/* budget.c - see store/budget.h. The times of a key are one value, and what
 * they are for is another, which are read, counted by domain/throttle.h and
 * written; the writer is alone. */
#include <endian.h>

#include "base/list.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/writer.h"

#define INT_BYTES sizeof(int64_t)

struct places {
    struct throttle_place *all;
    size_t n;
};

/* 0 beyond its end: a version that knew no ids left times without. */
static int64_t
unpack(struct str bytes, size_t i)
{
    uint64_t v;

    if ((i + 1) * INT_BYTES > bytes.n)
        return 0;
    memcpy(&v, bytes.p + i * INT_BYTES, INT_BYTES);
    return (int64_t)le64toh(v);
}

static struct str
pack(struct arena *a, const struct places *p, bool are_ids)
{
    uint64_t *bytes = ARENA_ARRAY(a, uint64_t, p->n);

    for (size_t i = 0; i < p->n; i++)
        bytes[i] =
            htole64((uint64_t)(are_ids ? p->all[i].id : p->all[i].at_ms));
    return (struct str){(const char *)bytes, p->n * INT_BYTES};
}

/* With room for as many more as the limit allows. */
static struct places
load(struct db *c, enum sql which, struct arena *a, int64_t tenant,
     const struct store_budget *b)
{
    struct query q = query(c, which);
    struct str times = STR_NONE, ids = STR_NONE;
    struct places p;

    put_int(&q, tenant);
    put_text(&q, b->key);
    if (query_row(&q)) {
        times = take_blob(&q, a);
        ids = take_blob(&q, a);
        query_end(&q);
    }
    p.n = times.n / INT_BYTES;
    p.all =
        ARENA_ARRAY(a, struct throttle_place, p.n + (size_t)b->throttle.limit);
    for (size_t i = 0; i < p.n; i++)
        p.all[i] = (struct throttle_place){unpack(times, i), unpack(ids, i)};
    return p;
}

static void
take_one(struct writer *w, const struct store_budget_take *t,
         struct store_budget *b)
{
    struct places p = load(&w->conn, SQL_budget_get, w->arena, t->tenant, b);
    struct query q;

    p.n = throttle_keep(p.all, p.n, b->throttle.per_ms, t->now_ms);
    b->granted = throttle_grant(&b->throttle, p.all, p.n, b->ids, b->want);
    b->at_ms = b->granted > 0 ? t->now_ms : 0;
    if (b->granted == 0)
        return;
    for (int i = 0; i < b->granted; i++)
        p.n = throttle_add(p.all, p.n,
                           (struct throttle_place){t->now_ms, b->ids[i]});
    q = query(&w->conn, SQL_budget_put);
    put_int(&q, t->tenant);
    put_text(&q, b->key);
    put_int(&q, throttle_over_ms(b->throttle.per_ms, t->now_ms));
    put_blob(&q, pack(w->arena, &p, false));
    put_blob(&q, pack(w->arena, &p, true));
    query_run(&q);
}

enum err
write_budget_take(struct writer *w, struct store_req *req)
{
    struct store_budget_take *t =
        CONTAINER_OF(req, struct store_budget_take, req);

    for (size_t i = 0; i < t->n_budgets; i++)
        take_one(w, t, &t->budgets[i]);
    return ERR_OK;
}

enum err
write_budget_give_back(struct writer *w, struct store_req *req)
{
    const struct store_budget_give_back *g =
        CONTAINER_OF(req, struct store_budget_give_back, req);

    for (size_t i = 0; i < g->n_budgets; i++) {
        const struct store_budget *b = &g->budgets[i];
        struct places p =
            load(&w->conn, SQL_budget_get, w->arena, g->tenant, b);
        struct query q;

        p.n = throttle_give_back(p.all, p.n, b->at_ms, b->back, b->n_back);
        q = query(&w->conn, SQL_budget_set);
        put_int(&q, g->tenant);
        put_text(&q, b->key);
        put_blob(&q, pack(w->arena, &p, false));
        put_blob(&q, pack(w->arena, &p, true));
        query_run(&q);
    }
    return ERR_OK;
}

enum err
read_budget_look(struct reader *r, struct store_req *req)
{
    struct store_budget_look *l =
        CONTAINER_OF(req, struct store_budget_look, req);

    for (size_t i = 0; i < l->n_budgets; i++) {
        struct store_budget *b = &l->budgets[i];
        struct places p =
            load(&r->conn, SQL_budget_look, req->arena, l->tenant, b);

        p.n = throttle_keep(p.all, p.n, b->throttle.per_ms, l->now_ms);
        b->granted = throttle_room(&b->throttle, p.all, p.n, b->want);
        b->at_ms = 0;
    }
    return ERR_OK;
}
