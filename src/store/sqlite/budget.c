/* budget.c - see store/budget.h. The times of a key are one value, which is
 * read, counted by domain/throttle.h and written; the writer is alone. */
#include <endian.h>

#include "base/list.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/writer.h"

#define TIME_BYTES sizeof(int64_t)

struct times {
    int64_t *all;
    size_t n;
};

/* With room for `more` beyond those there are. */
static struct times
unpack(struct arena *a, struct str bytes, size_t more)
{
    struct times t = {.n = bytes.n / TIME_BYTES};

    t.all = ARENA_ARRAY(a, int64_t, t.n + more);
    for (size_t i = 0; i < t.n; i++) {
        uint64_t v;

        memcpy(&v, bytes.p + i * TIME_BYTES, TIME_BYTES);
        t.all[i] = (int64_t)le64toh(v);
    }
    return t;
}

static struct str
pack(struct arena *a, const struct times *t)
{
    uint64_t *bytes = ARENA_ARRAY(a, uint64_t, t->n);

    for (size_t i = 0; i < t->n; i++)
        bytes[i] = htole64((uint64_t)t->all[i]);
    return (struct str){(const char *)bytes, t->n * TIME_BYTES};
}

static struct times
load(struct db *c, enum sql which, struct arena *a, int64_t tenant,
     const struct store_budget *b)
{
    struct query q = query(c, which);
    struct str bytes = STR_NONE;

    put_int(&q, tenant);
    put_text(&q, b->key);
    if (query_row(&q)) {
        bytes = take_blob(&q, a);
        query_end(&q);
    }
    return unpack(a, bytes, (size_t)b->throttle.limit);
}

static void
take_one(struct writer *w, const struct store_budget_take *t,
         struct store_budget *b)
{
    struct times times = load(&w->conn, SQL_budget_get, w->arena, t->tenant, b);
    struct query q;

    times.n = throttle_keep(times.all, times.n, b->throttle.per_ms, t->now_ms);
    b->granted = throttle_room(&b->throttle, times.n, b->want);
    b->at_ms = b->granted > 0 ? t->now_ms : 0;
    if (b->granted == 0)
        return;
    for (int i = 0; i < b->granted; i++)
        times.all[times.n++] = t->now_ms;
    q = query(&w->conn, SQL_budget_put);
    put_int(&q, t->tenant);
    put_text(&q, b->key);
    put_int(&q, throttle_over_ms(b->throttle.per_ms, t->now_ms));
    put_blob(&q, pack(w->arena, &times));
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
        struct times times =
            load(&w->conn, SQL_budget_get, w->arena, g->tenant, b);
        struct query q;

        times.n = throttle_give_back(times.all, times.n, b->at_ms, b->give);
        q = query(&w->conn, SQL_budget_set);
        put_int(&q, g->tenant);
        put_text(&q, b->key);
        put_blob(&q, pack(w->arena, &times));
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
        struct times times =
            load(&r->conn, SQL_budget_look, req->arena, l->tenant, b);

        times.n =
            throttle_keep(times.all, times.n, b->throttle.per_ms, l->now_ms);
        b->granted = throttle_room(&b->throttle, times.n, b->want);
        b->at_ms = 0;
    }
    return ERR_OK;
}
