/* trial.c - who takes part in experiments, and what came of it. */
#include "base/id.h"
#include "base/list.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/writer.h"

static void
put_user(struct query *q, int64_t tenant, const struct store_trial *t)
{
    put_int(q, tenant);
    put_int(q, t->round);
    put_text(q, t->user);
    put_text(q, t->variant);
}

void
trial_rows(struct writer *w, const struct store_accept *a,
           const struct store_accept_item *item)
{
    for (size_t i = 0; i < item->n_trials; i++) {
        const struct store_trial *t = &item->trials[i];
        struct query q = query(&w->conn, SQL_trial_add);

        put_user(&q, a->tenant, t);
        put_int(&q, a->now_ms);
        put_int(&q, t->is_delivered ? a->now_ms : 0);
        query_run(&q);
        q = query(&w->conn, SQL_trial_delivery_add);
        put_user(&q, a->tenant, t);
        put_int(&q, t->delivery);
        query_run(&q);
    }
}

void
trial_delivered(struct writer *w, int64_t delivery, int64_t now_ms)
{
    struct query q = query(&w->conn, SQL_trial_delivered);

    put_int(&q, delivery);
    put_int(&q, now_ms);
    query_run(&q);
}

void
trial_read(struct writer *w, const struct store_inbox_mark *m, int64_t item)
{
    struct query q = query(&w->conn, SQL_trial_read);

    put_int(&q, m->tenant);
    put_text(&q, m->user);
    put_int(&q, item);
    put_int(&q, m->now_ms);
    query_run(&q);
}

void
trial_goal(struct writer *w, const struct store_event_add *e)
{
    for (size_t i = 0; i < e->n_rounds; i++) {
        struct query q = query(&w->conn, SQL_trial_goal);

        put_int(&q, e->tenant);
        put_int(&q, e->rounds[i]);
        put_text(&q, e->user);
        put_int(&q, e->at_ms);
        query_run(&q);
    }
}

/* Deliveries go with those of their age, trials when they are very old. */
void
trial_sweep(struct writer *w, const struct store_purge *p, size_t max)
{
    struct query q = query(&w->conn, SQL_trial_sweep);

    put_int(&q, p->now_ms - STORE_TRIALS_KEPT_MS);
    put_int(&q, (int64_t)max);
    query_run(&q);
    if (p->settled_before_ms <= 0)
        return;
    q = query(&w->conn, SQL_trial_delivery_sweep);
    put_int(&q, id_after(p->settled_before_ms));
    put_int(&q, (int64_t)max);
    query_run(&q);
}

enum err
read_trial_count(struct reader *r, struct store_req *req)
{
    struct store_trial_count *t =
        CONTAINER_OF(req, struct store_trial_count, req);
    struct query q = query(&r->conn, SQL_trial_count);
    struct buf rows;

    buf_init(&rows, req->arena);
    put_int(&q, t->tenant);
    put_int(&q, t->round);
    put_int(&q, t->goal);
    put_int(&q, t->now_ms - t->within_ms);
    put_int(&q, t->within_ms);
    while (query_row(&q)) {
        struct store_trial_row row = {.variant = take_text(&q, req->arena)};

        row.assigned = take_int(&q);
        row.delivered = take_int(&q);
        row.goal.n = take_int(&q);
        row.goal.k = take_int(&q);
        buf_put(&rows, &row, sizeof(row));
    }
    t->rows = (struct store_trial_row *)(void *)rows.p;
    t->n_rows = rows.n / sizeof(struct store_trial_row);
    return ERR_OK;
}
