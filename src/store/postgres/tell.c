/* tell.c - see store/tell.h. Any node may take: SKIP LOCKED gives each row to
 * one of them. */
#include "store/postgres/tell.h"

#include "base/list.h"
#include "store/postgres/pg_store.h"

#define MAX 1000 /* rows in one call */

/* ---- what happened ---- */

static int
send(struct pg_op *op, enum pg which)
{
    pg_op_send(op, which);
    return 1;
}

struct pg_columns
pg_told_columns(struct arena *a)
{
    struct pg_columns rows;

    pg_columns_init(&rows, a, "lsllllittttt", 0);
    return rows;
}

void
pg_told_put(struct pg_columns *rows, const struct store_told *t)
{
    pg_col_int(rows, t->tenant);
    pg_col_int(rows, t->kind);
    pg_col_int(rows, t->at_ms);
    pg_col_int(rows, t->delivery);
    pg_col_int(rows, t->notification);
    pg_col_int(rows, t->item);
    pg_col_int(rows, t->attempts);
    pg_col_text(rows, t->user);
    pg_col_text(rows, t->channel);
    pg_col_text(rows, t->provider);
    pg_col_text(rows, t->reason);
    pg_col_text(rows, t->about);
}

int
pg_told_add(struct pg_op *op, struct pg_columns *rows)
{
    if (rows->n_rows == 0)
        return 0;
    pg_put_columns(pg_op_params(op), rows);
    return send(op, PG_told_add);
}

static bool
is_told(const struct store_finish *f)
{
    return event_is_told(f->tells, f->status, STR_NONE) &&
           (f->status != DELIVERY_RETRYING || f->attempt);
}

int
pg_told_finish(struct pg_op *op, struct store_finish *const *finishes,
               const struct claim *was, size_t n, int64_t now_ms)
{
    struct pg_columns rows;
    struct pg_params *p;

    pg_columns_init(&rows, op->arena, "llilsitt", 0);
    for (size_t i = 0; i < n; i++) {
        const struct store_finish *f = finishes[i];

        if (!is_told(f))
            continue;
        pg_col_int(&rows, f->tenant);
        pg_col_int(&rows, f->delivery);
        pg_col_int(&rows, was[i].attempts);
        pg_col_int(&rows, was[i].lane);
        pg_col_int(&rows, event_of_status(f->status));
        pg_col_int(&rows, f->attempt ? f->attempt->n : 0);
        pg_col_text(&rows, f->reason);
        pg_col_text(&rows, f->provider);
    }
    if (rows.n_rows == 0)
        return 0;
    p = pg_op_params(op);
    pg_put_columns(p, &rows);
    pg_put_int(p, now_ms);
    return send(op, PG_told_finish);
}

int
pg_told_cancelled(struct pg_op *op, event_set tells, int64_t tenant,
                  int64_t notification, struct pg_told_ids ids)
{
    struct pg_params *p;

    if (!(tells & EVENT_BIT(EVENT_DELIVERY_CANCELLED)))
        return 0;
    p = pg_op_params(op);
    pg_put_int(p, tenant);
    pg_put_int(p, notification);
    pg_put_int(p, ids.first);
    pg_put_int(p, ids.last);
    pg_put_int2(p, EVENT_DELIVERY_CANCELLED);
    return send(op, PG_told_cancelled);
}

/* Who listens is not known here; it is rare. */
void
pg_told_quarantined(struct pg_op *op, struct pg_columns *rows)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_columns(p, rows);
    pg_put_int2(p, EVENT_DELIVERY_DEAD);
    (void)send(op, PG_told_quarantined);
}

int
pg_told_receipts(struct pg_op *op, const struct store_receipt *r)
{
    struct pg_columns rows;
    struct pg_params *p;

    pg_columns_init(&rows, op->arena, "slttttt", 0);
    for (size_t i = 0; i < r->n_events; i++) {
        struct store_told t = store_receipt_told(r, &r->events[i]);

        if (!store_receipt_is_told(r, &r->events[i]))
            continue;
        pg_col_int(&rows, t.kind);
        pg_col_int(&rows, t.delivery);
        pg_col_text(&rows, t.user);
        pg_col_text(&rows, t.channel);
        pg_col_text(&rows, t.provider);
        pg_col_text(&rows, t.reason);
        pg_col_text(&rows, t.about);
    }
    if (rows.n_rows == 0)
        return 0;
    p = pg_op_params(op);
    pg_put_int(p, r->tenant);
    pg_put_int(p, r->now_ms);
    pg_put_columns(p, &rows);
    return send(op, PG_told_receipt);
}

int
pg_told_marks(struct pg_op *op, const struct store_inbox_mark *m,
              const int64_t *items, size_t n)
{
    struct store_told t = store_mark_told(m, 0);
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, n);
    struct pg_params *p;

    if (t.kind == EVENT_NONE || n == 0)
        return 0;
    for (size_t i = 0; i < n; i++)
        pg_add_int(&ids, items[i]);
    p = pg_op_params(op);
    pg_put_int(p, m->tenant);
    pg_put_text(p, m->user);
    pg_put_int2(p, (int)t.kind);
    pg_put_int(p, m->now_ms);
    pg_put_array(p, &ids);
    return send(op, PG_told_mark);
}

/* ---- to whom it is still to be told ---- */

static struct store_tell_take *
take_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_tell_take, req);
}

static void
read_row(struct pg_rows *r, struct arena *a, struct store_telling *ret)
{
    struct store_told *t = &ret->told;

    ret->id = pg_int(r);
    ret->lane = pg_int(r);
    t->id = pg_int(r);
    t->tenant = pg_int(r);
    t->kind = (enum event_kind)pg_int(r);
    t->at_ms = pg_int(r);
    t->delivery = pg_int(r);
    t->notification = pg_int(r);
    t->item = pg_int(r);
    t->attempts = (int)pg_int(r);
    t->user = pg_text(r, a);
    t->channel = pg_text(r, a);
    t->provider = pg_text(r, a);
    t->reason = pg_text(r, a);
    t->about = pg_text(r, a);
    ret->doc = pg_text(r, a);
}

static void
taken(struct pg_op *op)
{
    struct store_tell_take *t = take_of(op);
    int at = t->n_done > 0 ? 1 : 0;
    struct pg_rows r = pg_op_rows(op, at);

    t->rows = ARENA_ARRAY(t->req.arena, struct store_telling, t->max);
    for (t->n_rows = 0; t->n_rows < t->max && pg_next(&r); t->n_rows++)
        read_row(&r, t->req.arena, &t->rows[t->n_rows]);
    r = pg_op_rows(op, at + 1);
    t->change_seq = pg_next(&r) ? pg_int(&r) : 0;
    r = pg_op_rows(op, at + 2);
    t->next_ms = pg_next(&r) && !pg_is_null(&r) ? pg_int(&r) : -1;
    pg_op_done(op);
}

static void
begin_take(struct pg_op *op)
{
    struct store_tell_take *t = take_of(op);
    struct pg_array done = pg_array(op->arena, PG_TYPE_INT8, t->n_done);
    struct pg_params *p;

    t->max = t->max < MAX ? t->max : MAX;
    for (size_t i = 0; i < t->n_done; i++)
        pg_add_int(&done, t->done[i]);
    if (t->n_done > 0) {
        pg_put_array(pg_op_params(op), &done);
        pg_op_send(op, PG_telling_done);
    }
    p = pg_op_params(op);
    pg_put_int(p, (int64_t)t->max);
    pg_put_int(p, t->lease_ms);
    pg_op_send(op, PG_telling_take);
    (void)pg_op_params(op);
    pg_op_send(op, PG_outbox_seq);
    (void)pg_op_params(op);
    pg_op_send(op, PG_telling_next);
    pg_op_commit(op, taken);
}

const struct pg_verb pg_verb_tell_take = {.begin = begin_take};

/* ---- again ---- */

static struct store_tell_again *
again_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_tell_again, req);
}

static void
told_again(struct pg_op *op)
{
    struct store_tell_again *t = again_of(op);
    struct pg_rows r = pg_op_rows(op, 0);

    t->n_told = 0;
    t->is_over = true;
    if (pg_next(&r)) {
        t->n_told = (size_t)pg_int(&r);
        t->is_over = (size_t)pg_int(&r) < t->max;
        t->next_ms = pg_int(&r);
        t->next = pg_int(&r);
    }
    if (t->n_told > 0)
        pg_store_told(op->store);
    pg_op_done(op);
}

static void
begin_again(struct pg_op *op)
{
    struct store_tell_again *t = again_of(op);
    struct pg_params *p = pg_op_params(op);

    t->max = t->max < MAX ? t->max : MAX;
    pg_put_int(p, t->tenant);
    pg_put_int(p, t->lane);
    pg_put_int(p, t->to_ms);
    pg_put_int(p, t->after_ms > 0 ? t->after_ms : t->from_ms - 1);
    pg_put_int(p, t->after_ms > 0 ? t->after : INT64_MAX);
    pg_put_int(p, (int64_t)t->max);
    pg_put_int(p, (int64_t)t->kinds);
    pg_op_send(op, PG_told_again);
    pg_op_commit(op, told_again);
}

const struct pg_verb pg_verb_tell_again = {.begin = begin_again};
