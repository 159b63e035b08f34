/* accept.c - notifications, their deliveries and inbox items: whatever waits
 * goes in together, in one commit.
 *
 *   [outbox] -> [turns] -> [keys] -> [windows] -> [inboxes] -> rows
 *
 * Requests with an Idempotency-Key or a dedup key first learn who was before
 * them; those that a digest collects, or that end one, first learn which window
 * holds them, whose row stays locked; those with inbox items first take the
 * users' next revs, whose rows stay locked until the commit. What comes from
 * the outbox first deletes its rows there; what moves an instance of a workflow
 * first locks its row. The others are one exchange. All transactions lock in
 * this order: outbox, users that instances wait for, instances, idempotency
 * keys, dedup keys, windows, inboxes, users in experiments, each sorted. */
#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "store/joins.h"
#include "store/postgres/attachment.h"
#include "store/postgres/digest.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/rows.h"
#include "store/postgres/tell.h"
#include "store/postgres/trial.h"
#include "store/postgres/workflow.h"

#define REQS_MAX 256
#define ITEMS_MAX 1000 /* in one commit, unless one request has more */
#define HEAVY_BYTES ((size_t)1024 * 1024) /* of attachments, of one request */

/* One notification of the group. */
struct entry {
    struct store_accept *request;
    struct store_accept_item *item;
    struct entry *first; /* with the same dedup key, in this group */
};

/* One user's part of the group. */
struct inbox {
    int64_t tenant;
    struct str user;
    int64_t n, rev; /* items; of the last one */
    struct inbox_counts counts;
};

struct accept {
    struct entry *entries;
    size_t n_entries;
    struct pg_idem_one *idems;
    size_t n_idems;
    struct entry **keyed; /* each dedup key once, sorted */
    size_t n_keyed;
    struct entry **rows; /* those from the outbox, sorted */
    size_t n_rows;
    struct inbox_item **items; /* by user, then as they came */
    size_t n_items;
    struct inbox *inboxes;
    size_t n_inboxes;
    struct pg_windows *windows;
    struct pg_turns *turns;
    struct pg_trials *trials;
    struct pg_columns told, notifications, cancel_keys, works, ready, waiting,
        dead, ended, devices, attachments;
    bool has_begun;
};

static struct store_accept *
accept_of(struct store_req *req)
{
    return CONTAINER_OF(req, struct store_accept, req);
}

static const struct store_chunk *
chunk_of(const struct store_accept *a)
{
    return a->n_items > 0 ? a->items[0].chunk : NULL;
}

/* What carries files of megabytes goes alone: a group of them would be more
 * than one exchange can have, and would fail as one. */
static bool
is_heavy(const struct store_accept *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_items; i++)
        for (size_t k = 0; k < a->items[i].n_attachments; k++)
            n += a->items[i].attachments[k].content.n;
    return n > HEAVY_BYTES;
}

/* A chunk goes alone, too. Two with the same Idempotency-Key do not go
 * together: the second one asks when the first is known. */
static bool
joins(const struct pg_op *op, struct store_req *req)
{
    const struct store_accept *a = accept_of(req);
    size_t n_items = a->n_items;

    if (chunk_of(a) || chunk_of(accept_of(op->reqs[0])) || is_heavy(a) ||
        is_heavy(accept_of(op->reqs[0])))
        return false;
    for (size_t i = 0; i < op->n; i++) {
        const struct store_accept *b = accept_of(op->reqs[i]);

        n_items += b->n_items;
        if (a->idem.key.n > 0 && a->tenant == b->tenant &&
            str_eq(a->idem.key, b->idem.key))
            return false;
    }
    return n_items <= ITEMS_MAX;
}

static bool
is_live(const struct store_accept *a)
{
    return a->req.err == ERR_OK && !a->idem.is_replay;
}

/* It is to be stored. */
static bool
is_new(const struct entry *e)
{
    return is_live(e->request) && !e->item->is_gone && !e->item->is_duplicate &&
           !store_accept_is_left(e->item);
}

static void
ensure_begun(struct pg_op *op)
{
    struct accept *s = op->state;

    if (!s->has_begun)
        pg_op_begin(op);
    s->has_begun = true;
}

/* ---- inboxes ---- */

static int
by_user(const void *a, const void *b)
{
    const struct inbox_item *x = *(struct inbox_item *const *)a;
    const struct inbox_item *y = *(struct inbox_item *const *)b;
    int order = (x->tenant > y->tenant) - (x->tenant < y->tenant);

    if (order == 0)
        order = str_cmp(x->user, y->user);
    return order ? order : (x->id > y->id) - (x->id < y->id);
}

static void
list_items(struct pg_op *op)
{
    struct accept *s = op->state;
    size_t n = 0;

    for (size_t i = 0; i < s->n_entries; i++)
        n += s->entries[i].item->n_items;
    s->items = ARENA_ARRAY(op->arena, struct inbox_item *, n);
    s->n_items = 0;
    for (size_t i = 0; i < s->n_entries; i++) {
        const struct entry *e = &s->entries[i];
        size_t at = 0;

        for (size_t k = 0; k < e->item->n_items && is_new(e); k++) {
            if (!joins_shows(e->item, k, &at))
                continue;
            e->item->items[k].tenant = e->request->tenant;
            s->items[s->n_items++] = &e->item->items[k];
        }
    }
    qsort(s->items, s->n_items, sizeof(*s->items), by_user);
}

static struct inbox_counts
counts_of(const struct inbox_item *i)
{
    if (i->archived_ms != 0)
        return (struct inbox_counts){0};
    return (struct inbox_counts){.unseen = i->seen_ms == 0,
                                 .unread = i->read_ms == 0};
}

static void
take_revs(struct pg_op *op, pg_step *next)
{
    struct accept *s = op->state;
    struct pg_columns users;

    s->inboxes = ARENA_ARRAY(op->arena, struct inbox, s->n_items);
    s->n_inboxes = 0;
    for (size_t i = 0; i < s->n_items; i++) {
        const struct inbox_item *item = s->items[i];
        struct inbox_counts more = counts_of(item);
        struct inbox *u;

        if (i == 0 || item->tenant != s->items[i - 1]->tenant ||
            !str_eq(item->user, s->items[i - 1]->user))
            s->inboxes[s->n_inboxes++] =
                (struct inbox){.tenant = item->tenant, .user = item->user};
        u = &s->inboxes[s->n_inboxes - 1];
        u->n++;
        u->counts.unseen += more.unseen;
        u->counts.unread += more.unread;
    }
    pg_columns_init(&users, op->arena, "lTlll", s->n_inboxes);
    for (size_t i = 0; i < s->n_inboxes; i++) {
        pg_col_int(&users, s->inboxes[i].tenant);
        pg_col_text(&users, s->inboxes[i].user);
        pg_col_int(&users, s->inboxes[i].n);
        pg_col_int(&users, s->inboxes[i].counts.unseen);
        pg_col_int(&users, s->inboxes[i].counts.unread);
    }
    pg_put_columns(pg_op_params(op), &users);
    pg_op_send(op, PG_inbox_user_add);
    pg_op_await(op, next);
}

static void
read_revs(struct pg_op *op)
{
    struct accept *s = op->state;
    struct pg_rows r = pg_op_rows(op, 0);

    for (size_t i = 0; i < s->n_inboxes && pg_next(&r); i++) {
        s->inboxes[i].rev = pg_int(&r);
        s->inboxes[i].counts.unseen = pg_int(&r);
        s->inboxes[i].counts.unread = pg_int(&r);
    }
}

static void
add_item_row(struct pg_columns *items, const struct inbox_item *i)
{
    pg_col_int(items, i->tenant);
    pg_col_int(items, i->id);
    pg_col_int(items, i->rev);
    pg_col_int(items, i->notification);
    pg_col_int(items, i->delivery);
    pg_col_int(items, i->created_ms);
    pg_col_int(items, i->seen_ms);
    pg_col_int(items, i->read_ms);
    pg_col_int(items, i->archived_ms);
    pg_col_text(items, i->user);
    pg_col_text(items, i->category);
    pg_col_text(items, i->content);
}

static void
send_trims(struct pg_op *op)
{
    struct accept *s = op->state;
    struct pg_columns trims;

    pg_columns_init(&trims, op->arena, "lTl", s->n_inboxes);
    for (size_t i = 0; i < s->n_inboxes; i++) {
        const struct inbox *u = &s->inboxes[i];

        if (u->rev <= INBOX_REPLAY_MAX)
            continue;
        pg_col_int(&trims, u->tenant);
        pg_col_text(&trims, u->user);
        pg_col_int(&trims, u->rev - INBOX_REPLAY_MAX);
    }
    if (trims.n_rows == 0)
        return;
    pg_put_columns(pg_op_params(op), &trims);
    pg_op_send(op, PG_inbox_event_trim);
}

static void
send_items(struct pg_op *op)
{
    struct accept *s = op->state;
    struct pg_columns items, events;
    size_t at = 0;

    if (s->n_items == 0)
        return;
    pg_columns_init(&items, op->arena, "lllllllllTtT", s->n_items);
    pg_columns_init(&events, op->arena, "llllT", s->n_items);
    for (size_t u = 0; u < s->n_inboxes; u++)
        for (int64_t k = s->inboxes[u].n - 1; k >= 0; k--) {
            struct inbox_item *i = s->items[at++];

            i->rev = s->inboxes[u].rev - k;
            add_item_row(&items, i);
            pg_col_int(&events, i->tenant);
            pg_col_int(&events, i->id);
            pg_col_int(&events, i->rev);
            pg_col_int(&events, i->created_ms);
            pg_col_text(&events, i->user);
        }
    pg_put_columns(pg_op_params(op), &items);
    pg_op_send(op, PG_inbox_item_add);
    pg_put_columns(pg_op_params(op), &events);
    pg_op_send(op, PG_inbox_item_event);
    send_trims(op);
}

/* Each item with the counts as they were after it. */
static void
tell_items(struct pg_op *op)
{
    const struct accept *s = op->state;
    struct inbox_event *events =
        ARENA_ARRAY(op->arena, struct inbox_event, s->n_items);
    size_t at = s->n_items;

    for (size_t u = s->n_inboxes; u-- > 0;) {
        struct inbox_counts counts = s->inboxes[u].counts;

        for (int64_t k = 0; k < s->inboxes[u].n; k++) {
            const struct inbox_item *i = s->items[--at];
            struct inbox_counts own = counts_of(i);

            events[at] = (struct inbox_event){.rev = i->rev,
                                              .kind = INBOX_EVENT_ITEM,
                                              .item = *i,
                                              .at_ms = i->created_ms,
                                              .counts = counts};
            counts.unseen -= own.unseen;
            counts.unread -= own.unread;
        }
    }
    for (size_t i = 0; i < s->n_items; i++)
        notices_inbox(&op->store->notices, s->items[i]->tenant,
                      s->items[i]->user, op->store->epoch, &events[i]);
}

/* ---- rows ---- */

struct range {
    int64_t first, last; /* 0: there is none */
};

static struct range
range_of(const struct store_accept_item *item)
{
    struct range r = {0};

    for (size_t i = 0; i < item->n_deliveries; i++) {
        int64_t id = item->deliveries[i].id;

        r.first = r.first == 0 || id < r.first ? id : r.first;
        r.last = id > r.last ? id : r.last;
    }
    return r;
}

static void
add_notification(struct pg_columns *c, const struct entry *e)
{
    const struct notification *n = &e->item->notification;
    struct range range = range_of(e->item);

    pg_col_int(c, e->request->tenant);
    pg_col_int(c, n->id);
    pg_col_int(c, n->created_ms);
    pg_col_int(c, range.first);
    pg_col_int(c, range.last);
    pg_col_int(c, n->template_version);
    pg_col_int(c, n->n_recipients);
    pg_col_int(c, n->priority);
    pg_col_int(c, n->is_cancelled);
    pg_col_text(c, n->template_key);
    pg_col_text(c, n->note);
    pg_col_text(c, n->request_id);
    pg_col_text(c, n->traceparent);
    pg_col_text(c, n->doc);
    pg_col_int(c, n->parent);
}

static void
add_texts(struct pg_columns *c, const struct delivery *d)
{
    pg_col_text(c, d->user);
    pg_col_text(c, d->channel);
    pg_col_text(c, d->provider);
    pg_col_text(c, d->reason);
    pg_col_text(c, d->error);
}

static void
add_ready(struct pg_columns *c, int64_t tenant, const struct delivery *d)
{
    assert(d->lane > 0);
    pg_col_int(c, tenant);
    pg_col_int(c, d->id);
    pg_col_int(c, d->notification);
    pg_col_int(c, signed_lane(d->priority, d->lane));
    pg_col_int(c, d->rank);
    pg_col_int(c, d->created_ms);
    pg_col_int(c, d->updated_ms);
    pg_col_int(c, d->recipient);
    pg_col_int(c, d->attempts);
    pg_col_int(c, d->priority);
    add_texts(c, d);
}

static void
add_waiting(struct pg_columns *c, int64_t tenant, const struct delivery *d)
{
    pg_col_int(c, tenant);
    pg_col_int(c, d->id);
    pg_col_int(c, d->notification);
    pg_col_int(c, d->lane > 0 ? d->due_ms : 0);
    pg_col_int(c, signed_lane(d->priority, d->lane));
    pg_col_int(c, d->rank);
    pg_col_int(c, d->created_ms);
    pg_col_int(c, d->updated_ms);
    pg_col_int(c, d->recipient);
    pg_col_int(c, d->attempts);
    pg_col_int(c, d->priority);
    pg_col_int(c, d->status);
    add_texts(c, d);
    pg_col_int(c, d->digest);
}

static void
add_settled(struct pg_columns *c, int64_t tenant, const struct delivery *d)
{
    pg_col_int(c, tenant);
    pg_col_int(c, d->id);
    pg_col_int(c, d->notification);
    pg_col_int(c, d->created_ms);
    pg_col_int(c, d->updated_ms);
    pg_col_int(c, d->recipient);
    pg_col_int(c, d->attempts);
    pg_col_int(c, d->priority);
    pg_col_int(c, d->status);
    add_texts(c, d);
}

/* Queued: to its lane. Due later, or held: to the waiting room. */
static bool
waits(const struct delivery *d)
{
    return d->status != DELIVERY_QUEUED || (d->due_ms > 0 && d->lane > 0);
}

static void
add_delivery(struct accept *s, int64_t tenant, const struct delivery *d)
{
    if (d->status == DELIVERY_FAILED || d->status == DELIVERY_DEAD)
        add_settled(&s->dead, tenant, d);
    else if (delivery_status_is_terminal(d->status))
        add_settled(&s->ended, tenant, d);
    else if (waits(d))
        add_waiting(&s->waiting, tenant, d);
    else
        add_ready(&s->ready, tenant, d);
    if (d->device.n > 0) {
        pg_col_int(&s->devices, d->id);
        pg_col_int(&s->devices, tenant);
        pg_col_text(&s->devices, d->device);
    }
}

static void
add_told(struct accept *s, const struct entry *e, struct delivery d)
{
    struct store_told told;

    if (!event_is_told(e->item->tells, d.status, d.channel))
        return;
    d.tenant = e->request->tenant;
    told = store_told_of(&d, e->request->now_ms);
    pg_told_put(&s->told, &told);
}

static void
send_columns(struct pg_op *op, struct pg_columns *c, enum pg which)
{
    if (c->n_rows == 0)
        return;
    pg_put_columns(pg_op_params(op), c);
    pg_op_send(op, which);
}

/* A notification that is there has more deliveries by it: a chunk of it, or the
 * end of a window that one member was alone in, which goes to several devices.
 */
static bool
adds_to_another(const struct store_accept_item *item)
{
    return item->chunk || (item->flush && !joins_adds_notification(item) &&
                           item->n_deliveries > 1);
}

static void
send_growth(struct pg_op *op, const struct entry *e)
{
    struct range range = range_of(e->item);
    struct pg_params *p;

    if (range.last == 0)
        return;
    p = pg_op_params(op);
    pg_put_int(p, e->request->tenant);
    pg_put_int(p, e->item->notification.id);
    pg_put_int4(p, e->item->chunk ? e->item->chunk->n_recipients : 0);
    pg_put_int(p, range.first);
    pg_put_int(p, range.last);
    pg_op_send(op, PG_notification_grow);
}

static void
send_rows(struct pg_op *op)
{
    struct accept *s = op->state;

    s->trials = pg_trials_new(op->arena);
    pg_columns_init(&s->notifications, op->arena, "llllllisbttttTl",
                    s->n_entries);
    pg_columns_init(&s->cancel_keys, op->arena, "llT", 0);
    pg_columns_init(&s->works, op->arena, "lllT", 0);
    pg_columns_init(&s->ready, op->arena, "llllllliistTttt", s->n_entries);
    pg_columns_init(&s->waiting, op->arena, "lllllllliisstTtttl", 0);
    pg_columns_init(&s->dead, op->arena, "llllliisstTttt", 0);
    pg_columns_init(&s->ended, op->arena, "llllliisstTttt", s->n_items);
    pg_columns_init(&s->devices, op->arena, "llT", 0);
    pg_columns_init(&s->attachments, op->arena, "lilT", 0);
    s->told = pg_told_columns(op->arena);
    for (size_t i = 0; i < s->n_entries; i++) {
        const struct entry *e = &s->entries[i];

        if (!is_new(e))
            continue;
        if (adds_to_another(e->item))
            send_growth(op, e);
        if (joins_adds_notification(e->item))
            add_notification(&s->notifications, e);
        if (e->item->cancel_key.n > 0) {
            pg_col_int(&s->cancel_keys, e->request->tenant);
            pg_col_int(&s->cancel_keys, e->item->notification.id);
            pg_col_text(&s->cancel_keys, e->item->cancel_key);
        }
        if (e->item->has_more) {
            pg_col_int(&s->works, e->request->tenant);
            pg_col_int(&s->works, e->item->notification.id);
            pg_col_int(&s->works, e->item->due_ms);
            pg_col_text(&s->works,
                        e->item->is_held ? STR(STORE_HELD) : STR_NONE);
        }
        pg_trials_add(s->trials, e->request, e->item);
        pg_attachments_add(&s->attachments, e->request->tenant, e->item);
        for (size_t k = 0, at = 0; k < e->item->n_deliveries; k++) {
            struct delivery d = joins_delivery(e->item, k, &at);

            if (d.id == 0)
                continue;
            add_delivery(s, e->request->tenant, &d);
            add_told(s, e, d);
        }
    }
    pg_windows_store(s->windows, op, s->entries[0].request->now_ms);
    pg_turns_store(s->turns, op);
    send_columns(op, &s->notifications, PG_notification_add);
    send_columns(op, &s->cancel_keys, PG_cancel_key_add);
    send_columns(op, &s->works, PG_work_add);
    send_columns(op, &s->ready, PG_ready_add);
    send_columns(op, &s->waiting, PG_waiting_add);
    send_columns(op, &s->dead, PG_dead_add);
    send_columns(op, &s->ended, PG_ended_add);
    send_columns(op, &s->devices, PG_delivery_device_add);
    send_columns(op, &s->attachments, PG_attachment_add);
    send_items(op);
    (void)pg_told_add(op, &s->told);
    pg_trials_store(s->trials, op);
}

static void
tell_deliveries(struct pg_op *op, const struct entry *e)
{
    for (size_t i = 0, at = 0; i < e->item->n_deliveries; i++) {
        struct delivery d = joins_delivery(e->item, i, &at);

        if (d.id == 0 || delivery_status_is_terminal(d.status))
            continue;
        if (!waits(&d))
            pg_store_row_ready(op->store, e->request->tenant,
                               signed_lane(d.priority, d.lane), d.rank, d.id);
        else if (d.due_ms > 0 && d.lane > 0)
            notices_wait(&op->store->notices, d.due_ms);
    }
}

static void
stored(struct pg_op *op)
{
    struct accept *s = op->state;

    for (size_t i = 0; i < s->n_entries; i++)
        if (is_new(&s->entries[i]))
            tell_deliveries(op, &s->entries[i]);
    tell_items(op);
    if (s->works.n_rows > 0 || pg_windows_has_work(s->windows) ||
        pg_turns_has_work(s->turns))
        pg_store_work_ready(op->store);
    if (s->told.n_rows > 0 || pg_windows_have_told(s->windows))
        pg_store_told(op->store);
    pg_op_done(op);
}

static void
store_rows(struct pg_op *op)
{
    struct accept *s = op->state;

    send_rows(op);
    pg_idem_save(op, s->idems, s->n_idems);
    pg_op_commit(op, stored);
}

static void
with_revs(struct pg_op *op)
{
    read_revs(op);
    store_rows(op);
}

/* ---- keys ---- */

static void
name_ids(struct accept *s)
{
    for (size_t i = 0; i < s->n_entries; i++) {
        struct entry *e = &s->entries[i];
        const struct entry *first = e->first;

        if (first) {
            e->item->is_duplicate = true;
            e->item->id = first->item->id;
            e->item->created_ms = first->item->created_ms;
        } else if (!e->item->is_duplicate) {
            e->item->id = e->item->notification.id;
            e->item->created_ms = e->item->notification.created_ms;
        }
    }
}

static void
add_items(struct pg_op *op)
{
    struct accept *s = op->state;

    list_items(op);
    if (s->n_items == 0) {
        store_rows(op);
        return;
    }
    ensure_begun(op);
    take_revs(op, with_revs);
}

/* ---- windows ---- */

static void
with_windows(struct pg_op *op)
{
    struct accept *s = op->state;

    if (pg_windows_read(s->windows, op)) {
        add_items(op);
        return;
    }
    pg_windows_send(s->windows, op);
    pg_op_await(op, with_windows);
}

static void
go_on(struct pg_op *op)
{
    struct accept *s = op->state;
    size_t n_joins = 0;

    name_ids(s);
    for (size_t i = 0; i < s->n_entries; i++)
        n_joins += s->entries[i].item->n_joins;
    s->windows = pg_windows_new(op->arena, n_joins, s->n_entries);
    for (size_t i = 0; i < s->n_entries; i++)
        if (is_new(&s->entries[i]))
            pg_windows_add(s->windows, s->entries[i].request->tenant,
                           s->entries[i].item);
    if (pg_windows_is_empty(s->windows)) {
        add_items(op);
        return;
    }
    ensure_begun(op);
    pg_windows_send(s->windows, op);
    pg_op_await(op, with_windows);
}

static void
with_dedups(struct pg_op *op)
{
    struct accept *s = op->state;
    struct pg_rows r = pg_op_rows(op, 1);

    while (pg_next(&r)) {
        struct entry *e = s->keyed[pg_int(&r)];

        e->item->id = pg_int(&r);
        e->item->created_ms = pg_int(&r);
        e->item->is_duplicate = e->item->id != e->item->notification.id;
    }
    go_on(op);
}

static int
by_key(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a;
    const struct entry *y = *(struct entry *const *)b;
    int order = (x->request->tenant > y->request->tenant) -
                (x->request->tenant < y->request->tenant);

    return order ? order : str_cmp(x->item->dedup_key, y->item->dedup_key);
}

static void
send_dedups(struct pg_op *op)
{
    struct accept *s = op->state;
    struct pg_columns claims, reads;
    struct pg_params *p;

    qsort(s->keyed, s->n_keyed, sizeof(struct entry *), by_key);
    pg_columns_init(&claims, op->arena, "lTlll", s->n_keyed);
    pg_columns_init(&reads, op->arena, "ilT", s->n_keyed);
    for (size_t i = 0; i < s->n_keyed; i++) {
        const struct entry *e = s->keyed[i];

        pg_col_int(&claims, e->request->tenant);
        pg_col_text(&claims, e->item->dedup_key);
        pg_col_int(&claims, e->item->dedup_until_ms);
        pg_col_int(&claims, e->item->notification.id);
        pg_col_int(&claims, e->item->notification.created_ms);
        pg_col_int(&reads, (int64_t)i);
        pg_col_int(&reads, e->request->tenant);
        pg_col_text(&reads, e->item->dedup_key);
    }
    p = pg_op_params(op);
    pg_put_columns(p, &claims);
    pg_put_int(p, s->entries[0].request->now_ms);
    pg_op_send(op, PG_dedup_claim);
    pg_put_columns(pg_op_params(op), &reads);
    pg_op_send(op, PG_dedup_read);
}

/* Each key once: a later one with it is a duplicate of the first. */
static void
list_keyed(struct pg_op *op)
{
    struct accept *s = op->state;
    struct map *seen = map_new();

    s->keyed = ARENA_ARRAY(op->arena, struct entry *, s->n_entries);
    for (size_t i = 0; i < s->n_entries; i++) {
        struct entry *e = &s->entries[i];
        struct str key;

        e->item->is_duplicate = false;
        if (e->item->dedup_key.n == 0 || e->item->is_gone ||
            !is_live(e->request))
            continue;
        key = str_fmt(op->arena, "%lld %.*s", (long long)e->request->tenant,
                      STR_ARG(e->item->dedup_key));
        e->first = map_get(seen, key);
        if (e->first)
            continue;
        (void)map_put(seen, key, e);
        s->keyed[s->n_keyed++] = e;
    }
    map_free(seen);
}

static void
look_for_duplicates(struct pg_op *op)
{
    struct accept *s = op->state;

    list_keyed(op);
    if (s->n_keyed == 0) {
        go_on(op);
        return;
    }
    ensure_begun(op);
    send_dedups(op);
    pg_op_await(op, with_dedups);
}

/* What is a replay takes no dedup key, so that is known first. */
static void
with_idems(struct pg_op *op)
{
    struct accept *s = op->state;

    pg_idem_read(op, 0, s->idems, s->n_idems);
    look_for_duplicates(op);
}

static void
list_entries(struct pg_op *op)
{
    struct accept *s = op->state;
    size_t n = 0;

    for (size_t i = 0; i < op->n; i++)
        n += accept_of(op->reqs[i])->n_items;
    s->entries = ARENA_ARRAY(op->arena, struct entry, n);
    s->idems = ARENA_ARRAY(op->arena, struct pg_idem_one, op->n);
    for (size_t i = 0; i < op->n; i++) {
        struct store_accept *a = accept_of(op->reqs[i]);

        a->idem.is_replay = false;
        if (a->idem.key.n > 0)
            s->idems[s->n_idems++] = (struct pg_idem_one){op->reqs[i], &a->idem,
                                                          a->tenant, a->now_ms};
        for (size_t k = 0; k < a->n_items; k++)
            s->entries[s->n_entries++] = (struct entry){a, &a->items[k], NULL};
    }
}

static void
claim_keys(struct pg_op *op)
{
    struct accept *s = op->state;

    if (s->n_idems == 0) {
        look_for_duplicates(op);
        return;
    }
    ensure_begun(op);
    pg_idem_claim(op, s->idems, s->n_idems);
    pg_op_await(op, with_idems);
}

/* ---- turns ---- */

static void
with_turns(struct pg_op *op)
{
    struct accept *s = op->state;

    pg_turns_read(s->turns, op);
    claim_keys(op);
}

static void
take_turns(struct pg_op *op)
{
    struct accept *s = op->state;

    for (size_t i = 0; i < s->n_entries; i++)
        pg_turns_add(s->turns, s->entries[i].request, s->entries[i].item);
    if (!pg_turns_have_locks(s->turns)) {
        claim_keys(op);
        return;
    }
    ensure_begun(op);
    pg_turns_send(s->turns, op);
    pg_op_await(op, with_turns);
}

/* ---- the outbox ---- */

static int
by_row(const void *a, const void *b)
{
    const struct entry *x = *(struct entry *const *)a;
    const struct entry *y = *(struct entry *const *)b;

    return (x->item->outbox > y->item->outbox) -
           (x->item->outbox < y->item->outbox);
}

static void
with_outbox(struct pg_op *op)
{
    struct accept *s = op->state;
    struct pg_rows r = pg_op_rows(op, 0);

    while (pg_next(&r)) {
        struct entry key_entry, *key = &key_entry, **found;
        struct store_accept_item item = {.outbox = pg_int(&r)};

        key_entry = (struct entry){.item = &item};
        found = bsearch(&key, s->rows, s->n_rows, sizeof(*s->rows), by_row);
        if (found)
            (*found)->item->is_gone = false;
    }
    take_turns(op);
}

/* ---- chunks ---- */

static void
advanced(struct pg_op *op)
{
    struct accept *s = op->state;
    struct store_accept_item *item = s->entries[0].item;
    struct pg_rows r = pg_op_rows(op, 0);

    item->is_gone = pg_op_affected(op, 0) == 0;
    item->hold = !item->chunk->is_last && pg_next(&r) ? pg_int(&r) : 0;
    for (size_t i = 0; i < s->n_entries; i++)
        pg_turns_add(s->turns, s->entries[i].request, s->entries[i].item);
    if (item->is_gone)
        pg_op_abort(op);
    else
        look_for_duplicates(op);
}

static void
advance(struct pg_op *op, const struct store_chunk *chunk)
{
    const struct store_accept *a = accept_of(op->reqs[0]);
    struct pg_params *p;

    ensure_begun(op);
    p = pg_op_params(op);
    pg_put_int(p, a->tenant);
    pg_put_int(p, a->items[0].notification.id);
    pg_put_text(p, chunk->from);
    if (!chunk->is_last) {
        pg_put_text(p, chunk->to);
        pg_put_int(p, chunk->lease_ms);
    }
    pg_op_send(op, chunk->is_last ? PG_work_end : PG_work_advance);
    pg_op_await(op, advanced);
}

/* ---- begin ---- */

/* Of two for one row, which nobody asks for, one would be gone. */
static void
list_rows(struct pg_op *op)
{
    struct accept *s = op->state;

    s->rows = ARENA_ARRAY(op->arena, struct entry *, s->n_entries);
    for (size_t i = 0; i < s->n_entries; i++) {
        s->entries[i].item->is_gone = s->entries[i].item->outbox > 0;
        if (s->entries[i].item->is_gone)
            s->rows[s->n_rows++] = &s->entries[i];
    }
    qsort(s->rows, s->n_rows, sizeof(*s->rows), by_row);
}

static void
begin(struct pg_op *op)
{
    struct accept *s = op->state = ARENA_NEW(op->arena, struct accept);
    struct pg_columns rows;

    list_entries(op);
    list_rows(op);
    s->turns = pg_turns_new(op->arena, s->n_entries);
    if (chunk_of(accept_of(op->reqs[0]))) {
        advance(op, chunk_of(accept_of(op->reqs[0])));
        return;
    }
    if (s->n_rows == 0) {
        take_turns(op);
        return;
    }
    ensure_begun(op);
    pg_columns_init(&rows, op->arena, "l", s->n_rows);
    for (size_t i = 0; i < s->n_rows; i++)
        pg_col_int(&rows, s->rows[i]->item->outbox);
    pg_put_columns(pg_op_params(op), &rows);
    pg_op_send(op, PG_outbox_delete);
    pg_op_await(op, with_outbox);
}

const struct pg_verb pg_verb_accept = {
    .begin = begin, .max = REQS_MAX, .joins = joins};
