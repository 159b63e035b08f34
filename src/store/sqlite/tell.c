/* tell.c - see store/tell.h. */
#include "store/tell.h"

#include "base/list.h"
#include "store/sqlite/tell.h"

#define MAX 1000 /* rows in one call */

/* ---- what happened ---- */

/* False: that is to be told already. */
static bool
add_telling(struct writer *w, int64_t told, int64_t lane)
{
    struct query q = query(&w->conn, SQL_telling_add);

    put_int(&q, told);
    put_int(&q, lane);
    return query_run(&q) > 0;
}

void
told_add(struct writer *w, const struct store_told *t)
{
    struct query q = query(&w->conn, SQL_told_add);
    int64_t id = 0;

    put_int(&q, t->tenant);
    put_int(&q, t->kind);
    put_int(&q, t->at_ms);
    put_int(&q, t->delivery);
    put_int(&q, t->notification);
    put_int(&q, t->item);
    put_int(&q, t->attempts);
    put_text(&q, t->user);
    put_text(&q, t->channel);
    put_text(&q, t->provider);
    put_text(&q, t->reason);
    put_text(&q, t->about);
    if (query_row(&q)) {
        id = take_int(&q);
        query_end(&q);
    }
    (void)add_telling(w, id, 0);
    notices_tell_endpoints(&w->notices);
}

void
told_delivery(struct writer *w, event_set tells, int64_t id,
              enum delivery_status status, int64_t now_ms)
{
    struct delivery d = {.id = id, .status = status};
    struct store_told told;
    struct query q;

    if (!event_is_told(tells, status, STR_NONE))
        return;
    q = query(&w->conn, SQL_told_delivery);
    put_int(&q, id);
    if (!query_row(&q))
        return;
    d.tenant = take_int(&q);
    d.notification = take_int(&q);
    d.attempts = (int)take_int(&q);
    d.user = take_text(&q, w->arena);
    d.channel = take_text(&q, w->arena);
    d.provider = take_text(&q, w->arena);
    d.reason = take_text(&q, w->arena);
    query_end(&q);
    told = store_told_of(&d, now_ms);
    if (event_is_told(tells, status, d.channel))
        told_add(w, &told);
}

void
told_receipt(struct writer *w, const struct store_receipt *r,
             const struct store_receipt_event *e)
{
    struct store_told told;
    struct query q;

    if (!store_receipt_is_told(r, e))
        return;
    told = store_receipt_told(r, e);
    q = query(&w->conn, SQL_told_delivery);
    put_int(&q, e->found.id);
    if (query_row(&q)) {
        told.tenant = take_int(&q);
        told.notification = take_int(&q);
        told.attempts = (int)take_int(&q);
        query_end(&q);
    }
    told_add(w, &told);
}

void
told_mark(struct writer *w, const struct store_inbox_mark *m, int64_t item)
{
    struct store_told told = store_mark_told(m, item);
    struct query q;

    if (told.kind == EVENT_NONE)
        return;
    q = query(&w->conn, SQL_told_item);
    put_int(&q, m->tenant);
    put_text(&q, m->user);
    put_int(&q, item);
    if (query_row(&q)) {
        told.notification = take_int(&q);
        told.delivery = take_int(&q);
        query_end(&q);
    }
    told_add(w, &told);
}

/* ---- to whom it is still to be told ---- */

static void
take_row(struct query *q, struct arena *a, struct store_telling *ret)
{
    struct store_told *t = &ret->told;

    ret->id = take_int(q);
    ret->lane = take_int(q);
    t->id = take_int(q);
    t->tenant = take_int(q);
    t->kind = (enum event_kind)take_int(q);
    t->at_ms = take_int(q);
    t->delivery = take_int(q);
    t->notification = take_int(q);
    t->item = take_int(q);
    t->attempts = (int)take_int(q);
    t->user = take_text(q, a);
    t->channel = take_text(q, a);
    t->provider = take_text(q, a);
    t->reason = take_text(q, a);
    t->about = take_text(q, a);
    ret->doc = take_blob(q, a);
}

static void
run_with(struct writer *w, enum sql which, int64_t id, int64_t value)
{
    struct query q = query(&w->conn, which);

    put_int(&q, id);
    if (which == SQL_telling_mark)
        put_int(&q, value);
    query_run(&q);
}

static int64_t
next_ms(struct writer *w, int64_t now_ms)
{
    struct query q = query(&w->conn, SQL_telling_next);
    int64_t at_ms = 0;
    bool is_none = true;

    if (query_row(&q)) {
        is_none = take_null(&q);
        at_ms = is_none ? 0 : take_int(&q);
        query_end(&q);
    }
    if (is_none)
        return -1;
    return at_ms > now_ms ? at_ms - now_ms : 0;
}

enum err
write_tell_take(struct writer *w, struct store_req *req)
{
    struct store_tell_take *t = CONTAINER_OF(req, struct store_tell_take, req);
    size_t max = t->max < MAX ? t->max : MAX;
    struct query q;

    for (size_t i = 0; i < t->n_done; i++)
        run_with(w, SQL_telling_remove, t->done[i], 0);
    t->rows = ARENA_ARRAY(req->arena, struct store_telling, max);
    t->n_rows = 0;
    t->change_seq = 0;
    q = query(&w->conn, SQL_telling_take);
    put_int(&q, t->now_ms);
    put_int(&q, (int64_t)max);
    while (query_row(&q))
        take_row(&q, req->arena, &t->rows[t->n_rows++]);
    for (size_t i = 0; i < t->n_rows; i++)
        run_with(w, SQL_telling_mark, t->rows[i].id, t->now_ms + t->lease_ms);
    t->next_ms = next_ms(w, t->now_ms);
    return ERR_OK;
}

/* ---- again ---- */

struct scanned {
    int64_t id, at_ms;
    enum event_kind kind;
};

enum err
write_tell_again(struct writer *w, struct store_req *req)
{
    struct store_tell_again *t =
        CONTAINER_OF(req, struct store_tell_again, req);
    size_t max = t->max < MAX ? t->max : MAX, n = 0;
    struct scanned *all = ARENA_ARRAY(w->arena, struct scanned, max);
    struct query q = query(&w->conn, SQL_told_scan);

    t->n_told = 0;
    put_int(&q, t->tenant);
    put_int(&q, t->to_ms);
    put_int(&q, t->after_ms > 0 ? t->after_ms : t->from_ms - 1);
    put_int(&q, t->after_ms > 0 ? t->after : INT64_MAX);
    put_int(&q, (int64_t)max);
    while (query_row(&q)) {
        all[n].id = take_int(&q);
        all[n].at_ms = take_int(&q);
        all[n++].kind = (enum event_kind)take_int(&q);
    }
    for (size_t i = 0; i < n; i++) {
        if (t->kinds & EVENT_BIT(all[i].kind))
            t->n_told += add_telling(w, all[i].id, t->lane);
    }
    t->is_over = n < max;
    t->next = n > 0 ? all[n - 1].id : 0;
    t->next_ms = n > 0 ? all[n - 1].at_ms : 0;
    if (t->n_told > 0)
        notices_tell_endpoints(&w->notices);
    return ERR_OK;
}

void
told_sweep(struct writer *w, int64_t before_ms, size_t max)
{
    struct query q;

    if (before_ms <= 0)
        return;
    q = query(&w->conn, SQL_told_sweep);
    put_int(&q, before_ms);
    put_int(&q, (int64_t)max);
    query_run(&q);
}
