/* habit.c - see store/habit.h. */
#include "store/habit.h"

#include "base/list.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/writer.h"

/* As it was; empty, where there is none. */
static struct habit
load(struct db *c, enum sql which, struct arena *a, int64_t tenant,
     struct str user)
{
    struct query q = query(c, which);
    struct habit h = {0};

    put_int(&q, tenant);
    put_text(&q, user);
    if (query_row(&q)) {
        h.hour = take_int(&q);
        (void)habit_unpack(take_blob(&q, a), &h);
        query_end(&q);
    }
    return h;
}

static void
save(struct writer *w, int64_t tenant, struct str user, const struct habit *h)
{
    struct query q = query(&w->conn, SQL_habit_put);
    char weights[HABIT_BYTES];

    habit_pack(h, weights);
    put_int(&q, tenant);
    put_text(&q, user);
    put_int(&q, h->hour);
    put_blob(&q, (struct str){weights, sizeof(weights)});
    query_run(&q);
}

static bool
find_user(struct writer *w, int64_t tenant, struct str user, struct str *ret)
{
    struct query q = query(&w->conn, SQL_object_body);

    put_int(&q, OBJECT_USER);
    put_int(&q, tenant);
    put_text(&q, user);
    if (!query_row(&q))
        return false;
    *ret = take_blob(&q, w->arena);
    query_end(&q);
    return ret->n > 0; /* a deleted one has no body */
}

void
habit_read_at(struct writer *w, int64_t tenant, struct str user, int64_t at_ms)
{
    struct habit h = load(&w->conn, SQL_habit_get, w->arena, tenant, user);
    struct str body;

    if (find_user(w, tenant, user, &body) &&
        habit_add(w->arena, &h, body, at_ms))
        save(w, tenant, user, &h);
}

void
habit_forget(struct writer *w, int64_t tenant, struct str user)
{
    struct query q = query(&w->conn, SQL_habit_forget);

    put_int(&q, tenant);
    put_text(&q, user);
    query_run(&q);
}

void
habit_sweep(struct writer *w, const struct store_purge *p, size_t max)
{
    for (size_t i = 0; i < p->n_unlearned; i++) {
        struct query q = query(&w->conn, SQL_habit_sweep);

        put_int(&q, p->unlearned[i]);
        put_int(&q, (int64_t)max);
        query_run(&q);
    }
}

enum err
write_habit_add(struct writer *w, struct store_req *req)
{
    const struct store_habit_add *h =
        CONTAINER_OF(req, struct store_habit_add, req);

    habit_read_at(w, h->tenant, h->user, h->at_ms);
    return ERR_OK;
}

enum err
read_habits(struct reader *r, struct store_req *req)
{
    struct store_habits *h = CONTAINER_OF(req, struct store_habits, req);

    h->habits = ARENA_ARRAY(req->arena, struct habit, h->n_users);
    for (size_t i = 0; i < h->n_users; i++)
        h->habits[i] =
            load(&r->conn, SQL_habit_read, req->arena, h->tenant, h->users[i]);
    return ERR_OK;
}
