/* accept.c - notifications, their deliveries and inbox items, in one commit. */
#include <assert.h>

#include "base/list.h"
#include "store/joins.h"
#include "store/sqlite/tell.h"
#include "store/sqlite/writer.h"

static void
add_notification(struct writer *w, int64_t tenant, const struct notification *n)
{
    struct query q = query(&w->conn, SQL_notification_add);

    put_int(&q, n->id);
    put_int(&q, tenant);
    put_int(&q, n->created_ms);
    put_int(&q, n->priority);
    put_int(&q, n->is_cancelled);
    put_int(&q, n->template_version);
    put_int(&q, n->n_recipients);
    put_text(&q, n->template_key);
    put_text(&q, n->note);
    put_text(&q, n->request_id);
    put_text(&q, n->traceparent);
    put_blob(&q, n->doc);
    put_int_or_null(&q, n->parent);
    query_run(&q);
}

static void
add_cancel_key(struct writer *w, int64_t tenant, struct str key, int64_t id)
{
    struct query q;

    if (key.n == 0)
        return;
    q = query(&w->conn, SQL_cancel_key_add);
    put_int(&q, tenant);
    put_text(&q, key);
    put_int(&q, id);
    query_run(&q);
}

static void
add_wait(struct writer *w, int64_t tenant, const struct delivery *d,
         int64_t lane)
{
    struct query q = query(&w->conn, SQL_wait_add);

    put_int(&q, d->due_ms);
    put_int(&q, WAIT_DELIVERY);
    put_int(&q, d->id);
    put_int(&q, tenant);
    put_int(&q, lane);
    put_int(&q, d->rank);
    query_run(&q);
    notices_wait(&w->notices, d->due_ms);
}

/* Queued: to its lane. Due later: to the waiting room. Else only a record. */
static void
add_delivery(struct writer *w, int64_t tenant, const struct delivery *d)
{
    struct query q = query(&w->conn, SQL_delivery_add);
    int64_t lane = signed_lane(d->priority, d->lane);
    bool waits =
        d->due_ms > 0 && d->lane > 0 && !delivery_status_is_terminal(d->status);
    bool is_ready = d->status == DELIVERY_QUEUED && !waits;

    assert(!is_ready || d->lane > 0);
    put_int(&q, d->id);
    put_int(&q, tenant);
    put_int(&q, d->notification);
    put_int(&q, d->status);
    put_int_or_null(&q, is_ready ? lane : 0);
    put_int(&q, d->rank);
    put_int(&q, d->attempts);
    put_int(&q, d->priority);
    put_int(&q, d->recipient);
    put_int(&q, d->created_ms);
    put_int(&q, d->updated_ms);
    put_int(&q, d->due_ms);
    put_text(&q, d->user);
    put_text(&q, d->channel);
    put_text(&q, d->provider);
    put_text(&q, d->reason);
    put_text(&q, d->error);
    put_int_or_null(&q, d->digest);
    put_text(&q, d->device);
    query_run(&q);
    if (waits)
        add_wait(w, tenant, d, lane);
    if (is_ready) {
        claims_mark_lower(w->claims, lane, d->rank, d->id);
        notices_ready(&w->notices, tenant, lane);
    }
}

static void
tell(struct writer *w, const struct store_accept *a, struct delivery d)
{
    struct store_told told;

    d.tenant = a->tenant;
    told = store_told_of(&d, a->now_ms);
    told_add(w, &told);
}

/* True: an earlier one with that key counts. */
static bool
is_duplicate(struct writer *w, const struct store_accept *a,
             struct store_accept_item *item)
{
    struct query q;

    if (item->dedup_key.n == 0)
        return false;
    q = query(&w->conn, SQL_dedup_put);
    put_int(&q, a->tenant);
    put_text(&q, item->dedup_key);
    put_int(&q, item->dedup_until_ms);
    put_int(&q, item->notification.id);
    put_int(&q, item->notification.created_ms);
    put_int(&q, a->now_ms);
    if (query_run(&q) > 0 || w->conn.rc != SQLITE_OK)
        return false;
    q = query(&w->conn, SQL_dedup_get);
    put_int(&q, a->tenant);
    put_text(&q, item->dedup_key);
    if (query_row(&q)) {
        item->id = take_int(&q);
        item->created_ms = take_int(&q);
        query_end(&q);
    }
    return true;
}

static void
add_rows(struct writer *w, const struct store_accept *a,
         struct store_accept_item *item)
{
    size_t at = 0;

    for (size_t i = 0; i < item->n_joins; i++)
        window_join(w, &item->joins[i]);
    instance_join(w, a, item);
    instance_merge(w, a, item);
    for (size_t i = 0; i < item->n_deliveries; i++) {
        struct delivery d = joins_delivery(item, i, &at);

        if (d.id != 0)
            add_delivery(w, a->tenant, &d);
        if (d.id != 0 && event_is_told(item->tells, d.status, d.channel))
            tell(w, a, d);
    }
    at = 0;
    for (size_t i = 0; i < item->n_items; i++) {
        if (!joins_shows(item, i, &at))
            continue;
        item->items[i].tenant = a->tenant;
        inbox_add(w, &item->items[i]);
    }
}

static bool
is_gone(struct writer *w, const struct store_accept *a,
        struct store_accept_item *item)
{
    return store_accept_is_left(item) ||
           (item->chunk && !work_advance(w, a, item)) ||
           (item->turn && item->flush && !instance_is_held(w, a, item)) ||
           (item->flush && !window_end(w, a, item->flush)) ||
           (item->turn && !instance_turn(w, a, item));
}

enum err
write_accept(struct writer *w, struct store_req *req)
{
    struct store_accept *a = CONTAINER_OF(req, struct store_accept, req);
    enum err e = idem_find(w, a->tenant, a->now_ms, req, &a->idem);

    if (e != ERR_OK || a->idem.is_replay)
        return e;
    for (size_t i = 0; i < a->n_items; i++) {
        struct store_accept_item *item = &a->items[i];

        item->is_duplicate = is_duplicate(w, a, item);
        if (item->is_duplicate)
            continue;
        item->is_gone = is_gone(w, a, item);
        if (item->is_gone)
            continue;
        item->id = item->notification.id;
        item->created_ms = item->notification.created_ms;
        if (joins_adds_notification(item))
            add_notification(w, a->tenant, &item->notification);
        attachments_add(w, a->tenant, item);
        add_cancel_key(w, a->tenant, item->cancel_key, item->id);
        if (item->has_more)
            work_add(w, a->tenant, item);
        add_rows(w, a, item);
        instance_rows(w, a, item);
        trial_rows(w, a, item);
    }
    idem_save(w, a->tenant, req, &a->idem);
    return ERR_OK;
}
