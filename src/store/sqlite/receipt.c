/* receipt.c - see store/receipt.h. */
#include "store/receipt.h"

#include "base/list.h"
#include "store/sqlite/tell.h"
#include "store/sqlite/writer.h"

void
taken_add(struct writer *w, const struct store_finish *f)
{
    struct query q = query(&w->conn, SQL_taken_add);

    put_int(&q, f->delivery);
    put_text(&q, f->taken->message);
    put_int(&q, f->tenant);
    put_int(&q, f->taken->lane);
    put_text(&q, f->taken->address);
    query_run(&q);
}

/* ---- which delivery it is about ---- */

static int64_t
taken_as(struct writer *w, const struct store_receipt *r, struct str message)
{
    struct query q = query(&w->conn, SQL_taken_find);
    int64_t id = 0;

    put_int(&q, r->tenant);
    put_int(&q, r->lane);
    put_text(&q, message);
    if (query_row(&q)) {
        id = take_int(&q);
        query_end(&q);
    }
    return id;
}

static struct str
address_of(struct writer *w, const struct store_receipt *r, int64_t delivery)
{
    struct query q = query(&w->conn, SQL_taken_address);
    struct str address = STR_NONE;

    put_int(&q, delivery);
    put_int(&q, r->tenant);
    put_int(&q, r->lane);
    if (query_row(&q)) {
        address = take_text(&q, r->req.arena);
        query_end(&q);
    }
    return address;
}

static void
look_for_known(struct writer *w, struct store_receipt_event *e)
{
    struct query q = query(&w->conn, SQL_receipt_known);

    put_int(&q, e->found.id);
    put_int(&q, e->n);
    put_int(&q, STORE_RECEIPT_N);
    if (!query_row(&q))
        return;
    e->n_kept = (size_t)take_int(&q);
    e->is_known = take_int(&q) > 0;
    query_end(&q);
}

static void
find(struct writer *w, const struct store_receipt *r,
     struct store_receipt_event *e)
{
    int64_t id = e->delivery;
    struct query q;

    e->found = (struct delivery){0};
    e->address = STR_NONE;
    e->is_known = false;
    e->n_kept = 0;
    if (id == 0 && e->message.n > 0)
        id = taken_as(w, r, e->message);
    q = query(&w->conn, SQL_receipt_find);
    put_int(&q, id);
    put_int(&q, r->tenant);
    if (!query_row(&q))
        return;
    e->found.id = id;
    e->found.status = (enum delivery_status)take_int(&q);
    e->found.user = take_text(&q, r->req.arena);
    e->found.channel = take_text(&q, r->req.arena);
    e->found.provider = take_text(&q, r->req.arena);
    query_end(&q);
    if (claims_find(w->claims, id))
        e->found.status = DELIVERY_SENDING;
    e->address = address_of(w, r, id);
    look_for_known(w, e);
}

/* ---- what it comes to ---- */

static void
move(struct writer *w, const struct store_receipt *r,
     const struct store_receipt_event *e)
{
    const struct receipt_rule *rule = receipt_rule(e->kind);
    struct query q = query(&w->conn, SQL_receipt_move);

    put_int(&q, e->found.id);
    put_int(&q, r->tenant);
    put_int(&q, rule->to);
    put_int(&q, r->now_ms);
    put_text(&q, reason_code(rule->reason));
    put_text(&q, store_receipt_error(e));
    query_run(&q);
}

enum err
write_receipt(struct writer *w, struct store_req *req)
{
    struct store_receipt *r = CONTAINER_OF(req, struct store_receipt, req);

    for (size_t i = 0; i < r->n_events; i++)
        find(w, r, &r->events[i]);
    store_receipt_judge(r);
    for (size_t i = 0; i < r->n_events && !r->is_look; i++) {
        const struct store_receipt_event *e = &r->events[i];
        struct attempt row = store_receipt_row(r, e);

        if (store_receipt_is_kept(e))
            attempt_add(w, e->found.id, &row);
        if (e->is_moved)
            move(w, r, e);
        told_receipt(w, r, e);
    }
    return ERR_OK;
}
