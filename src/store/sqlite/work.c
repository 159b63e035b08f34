/* work.c - what is planned later. One process has the file, and after it has
 * died nobody has any of it: see recover.c. */
#include "base/list.h"
#include "store/sqlite/writer.h"

void
work_add(struct writer *w, int64_t tenant, const struct store_accept_item *item)
{
    struct query q = query(&w->conn, SQL_work_add);

    put_int(&q, tenant);
    put_int(&q, item->id);
    put_int(&q, item->due_ms);
    put_text(&q, item->is_held ? STR(STORE_HELD) : STR_NONE);
    query_run(&q);
    notices_work(&w->notices);
}

bool
work_advance(struct writer *w, const struct store_accept *a,
             struct store_accept_item *item)
{
    const struct store_chunk *chunk = item->chunk;
    int64_t id = item->notification.id;
    struct query q =
        query(&w->conn, chunk->is_last ? SQL_work_end : SQL_work_advance);

    put_int(&q, a->tenant);
    put_int(&q, id);
    put_text(&q, chunk->from);
    item->hold = a->now_ms + chunk->lease_ms;
    if (!chunk->is_last) {
        put_text(&q, chunk->to);
        put_int(&q, item->hold);
    }
    if (query_run(&q) == 0)
        return false;
    q = query(&w->conn, SQL_notification_grow);
    put_int(&q, id);
    put_int(&q, chunk->n_recipients);
    query_run(&q);
    return true;
}

void
work_remove(struct writer *w, int64_t tenant, int64_t id)
{
    struct query q = query(&w->conn, SQL_work_remove);

    put_int(&q, tenant);
    put_int(&q, id);
    query_run(&q);
}

#define TAKE_MAX 1000

static int64_t
next_ms(struct writer *w, enum store_work_kind kind, int64_t now_ms)
{
    struct query q = query(&w->conn, SQL_work_next);
    int64_t at_ms = 0;

    put_int(&q, now_ms);
    put_int(&q, kind + 1);
    if (query_row(&q)) {
        at_ms = take_int(&q); /* NULL is 0 */
        query_end(&q);
    }
    return at_ms > now_ms ? at_ms - now_ms : -1;
}

static void
take_plans(struct writer *w, struct store_work_take *t, size_t max)
{
    struct query q = query(&w->conn, SQL_work_due);

    put_int(&q, t->now_ms);
    put_int(&q, (int64_t)max);
    while (query_row(&q)) {
        struct store_work_row *row = &t->rows[t->n_rows++];

        take_notification(&q, t->req.arena, &row->notification);
        row->cursor = take_text(&q, t->req.arena);
    }
}

static int64_t
tenant_of(enum store_work_kind kind, const struct store_work_row *row)
{
    return kind == STORE_WORK_DIGEST ? row->digest.tenant
                                     : row->notification.tenant;
}

static int64_t
id_of(enum store_work_kind kind, const struct store_work_row *row)
{
    switch (kind) {
    case STORE_WORK_PLAN:
        break;
    case STORE_WORK_DIGEST:
        return row->digest.id;
    case STORE_WORK_WORKFLOW:
        return row->instance.id;
    }
    return row->notification.id;
}

enum err
write_work_take(struct writer *w, struct store_req *req)
{
    struct store_work_take *t = CONTAINER_OF(req, struct store_work_take, req);
    size_t max = t->max < TAKE_MAX ? t->max : TAKE_MAX;

    t->rows = ARENA_ARRAY(req->arena, struct store_work_row, max);
    t->n_rows = 0;
    t->is_cut = false;
    t->change_seq = 0;
    if (t->kind == STORE_WORK_PLAN)
        take_plans(w, t, max);
    else if (t->kind == STORE_WORK_DIGEST)
        window_take(w, t, max);
    else
        instance_take(w, t, max);
    for (size_t i = 0; i < t->n_rows; i++) {
        struct store_work_row *row = &t->rows[i];
        struct query q = query(&w->conn, SQL_work_mark);

        row->hold = t->now_ms + t->lease_ms;
        /* One that is woken may be taken twice in a millisecond. */
        if (t->kind == STORE_WORK_WORKFLOW)
            row->hold += w->n_holds++ % 1000;
        put_int(&q, tenant_of(t->kind, row));
        put_int(&q, id_of(t->kind, row));
        put_int(&q, row->hold);
        put_int(&q, t->kind + 1);
        query_run(&q);
    }
    t->next_ms = next_ms(w, t->kind, t->now_ms);
    return ERR_OK;
}

enum err
write_work_release(struct writer *w, struct store_req *req)
{
    struct store_work_release *l =
        CONTAINER_OF(req, struct store_work_release, req);

    for (size_t i = 0; i < l->n_holds; i++) {
        struct query q = query(&w->conn, SQL_work_release);

        put_int(&q, l->holds[i].tenant);
        put_int(&q, l->holds[i].id);
        put_int(&q, l->holds[i].hold);
        put_int(&q, l->holds[i].kind + 1);
        if (query_run(&q) > 0)
            notices_work(&w->notices);
    }
    return ERR_OK;
}
