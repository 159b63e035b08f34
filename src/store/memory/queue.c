/* queue.c - accept, cycle, promote, act, cancel and purge in memory. */
#include <assert.h>

#include "base/list.h"
#include "domain/reason.h"
#include "store/joins.h"
#include "store/memory/attachment.h"
#include "store/memory/audit.h"
#include "store/memory/habit.h"
#include "store/memory/press.h"
#include "store/memory/receipt.h"
#include "store/memory/tell.h"
#include "store/memory/trial.h"
#include "store/memory/workflow.h"

static int64_t
lane_of(const struct delivery *d, int64_t lane)
{
    return d->priority == PRIORITY_CRITICAL ? -lane : lane;
}

/* ---- accept ---- */

static bool
is_taken(struct mem *m, const struct store_accept_item *item)
{
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == item->notification.id && !n->is_gone &&
        joins_adds_notification(item))
        return true;
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    for (size_t i = 0; i < item->n_deliveries && !item->flush; i++)
        if (d->d.id == item->deliveries[i].id && !d->is_gone)
            return true;
    return false;
}

static void
add_delivery(struct mem *m, int64_t tenant, const struct delivery *d)
{
    struct mem_delivery *row = ROW_ADD(&m->deliveries, struct mem_delivery);
    bool waits =
        d->due_ms > 0 && d->lane > 0 && !delivery_status_is_terminal(d->status);

    row->d = mem_copy_delivery(m->arena, d);
    row->d.tenant = tenant;
    row->d.lane = 0;
    if (waits) {
        row->wait_lane = lane_of(d, d->lane);
        mem_tell_wait(m, d->due_ms);
    } else if (d->status == DELIVERY_QUEUED) {
        assert(d->lane > 0);
        row->ready_lane = lane_of(d, d->lane);
        row->d.lane = d->lane;
        mem_tell_ready(m, tenant, row->ready_lane);
    }
}

static bool
is_duplicate(struct mem *m, const struct store_accept *a,
             struct store_accept_item *item)
{
    struct mem_dedup *row = NULL;

    if (item->dedup_key.n == 0)
        return false;
    ROW_EACH(struct mem_dedup, d, &m->dedups)
    if (d->tenant == a->tenant && str_eq(d->key, item->dedup_key))
        row = d;
    if (row && row->until_ms > a->now_ms) {
        item->id = row->id;
        item->created_ms = row->created_ms;
        return true;
    }
    if (!row)
        row = ROW_ADD(&m->dedups, struct mem_dedup);
    *row = (struct mem_dedup){a->tenant, str_dup(m->arena, item->dedup_key),
                              item->dedup_until_ms, item->notification.id,
                              item->notification.created_ms};
    return false;
}

static bool
advance(struct mem *m, const struct store_accept *a,
        struct store_accept_item *item)
{
    const struct store_chunk *chunk = item->chunk;
    struct mem_work *w = mem_work_of(m, a->tenant, item->notification.id);

    if (!w || !str_eq(w->cursor, chunk->from))
        return false;
    w->cursor = str_dup(m->arena, chunk->to);
    w->taken_until_ms = item->hold = a->now_ms + chunk->lease_ms;
    w->is_gone = chunk->is_last;
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == item->notification.id)
        n->n.n_recipients += chunk->n_recipients;
    return true;
}

static void
add_notification(struct mem *m, const struct store_accept *a,
                 const struct store_accept_item *item)
{
    struct mem_notification *n =
        ROW_ADD(&m->notifications, struct mem_notification);

    n->n = mem_copy_notification(m->arena, &item->notification);
    n->n.tenant = a->tenant;
    n->cancel_key = str_dup(m->arena, item->cancel_key);
    if (!item->has_more)
        return;
    mem_work_add(m, &(struct mem_work){
                        .tenant = a->tenant,
                        .id = n->n.id,
                        .due_ms = item->due_ms,
                        .cursor = item->is_held ? STR(STORE_HELD) : STR_NONE,
                    });
}

static void
add_item(struct mem *m, const struct store_accept *a,
         struct store_accept_item *item)
{
    size_t at = 0;

    item->is_gone = store_accept_is_left(item) ||
                    (item->chunk && !advance(m, a, item)) ||
                    (item->turn && !mem_instance_is_held(m, a, item)) ||
                    (item->flush && !mem_window_end(m, a, item->flush)) ||
                    (item->turn && !mem_instance_turn(m, a, item));
    if (item->is_gone)
        return;
    item->id = item->notification.id;
    item->created_ms = item->notification.created_ms;
    if (joins_adds_notification(item))
        add_notification(m, a, item);
    mem_attachments_add(m, a->tenant, item);
    for (size_t i = 0; i < item->n_joins; i++)
        mem_window_join(m, &item->joins[i]);
    mem_instance_join(m, a, item);
    mem_instance_merge(m, a, item);
    for (size_t i = 0; i < item->n_deliveries; i++) {
        struct delivery d = joins_delivery(item, i, &at);

        if (d.id == 0)
            continue;
        add_delivery(m, a->tenant, &d);
        d.tenant = a->tenant;
        mem_told_delivery(m, item->tells, &d, a->now_ms);
    }
    mem_instance_rows(m, a, item);
    mem_trial_rows(m, a, item);
    at = 0;
    for (size_t i = 0; i < item->n_items; i++) {
        if (!joins_shows(item, i, &at))
            continue;
        item->items[i].tenant = a->tenant;
        mem_inbox_add(m, &item->items[i]);
    }
}

enum err
mem_accept(struct mem *m, struct store_req *req)
{
    struct store_accept *a = CONTAINER_OF(req, struct store_accept, req);
    enum err e = mem_idem_find(m, a->tenant, a->now_ms, req, &a->idem);

    if (e != ERR_OK || a->idem.is_replay)
        return e;
    for (size_t i = 0; i < a->n_items; i++)
        if (is_taken(m, &a->items[i]))
            return ERR_CONFLICT;
    for (size_t i = 0; i < a->n_items; i++) {
        a->items[i].is_duplicate = is_duplicate(m, a, &a->items[i]);
        if (!a->items[i].is_duplicate)
            add_item(m, a, &a->items[i]);
    }
    mem_idem_save(m, a->tenant, req, &a->idem);
    return ERR_OK;
}

/* ---- cycle ---- */

static void
finish(struct mem *m, struct store_finish *f, int64_t now_ms)
{
    struct mem_delivery *d = mem_find(m, f->tenant, f->delivery);
    bool is_back = f->status == DELIVERY_QUEUED;
    bool is_waiting = f->status == DELIVERY_RETRYING;

    assert(is_back || is_waiting || f->status == DELIVERY_HELD ||
           delivery_status_is_terminal(f->status));
    assert(!(is_back || is_waiting) || f->lane > 0);
    f->is_done = d && d->is_claimed;
    if (!f->is_done)
        return;
    d->is_claimed = d->is_flying = false;
    d->d.status = f->status;
    d->d.updated_ms = now_ms;
    d->d.reason = str_dup(m->arena, f->reason);
    if (f->provider.n > 0)
        d->d.provider = str_dup(m->arena, f->provider);
    if (f->attempt || f->error.n > 0)
        d->d.error = str_dup(m->arena, f->error);
    if (f->tally.n > 0)
        d->d.tally = str_dup(m->arena, f->tally);
    d->d.due_ms = is_waiting ? f->due_ms : 0;
    d->d.lane = is_back ? f->lane : 0;
    d->wait_lane = is_waiting ? lane_of(&d->d, f->lane) : 0;
    d->ready_lane = is_back ? lane_of(&d->d, f->lane) : 0;
    if (f->attempt) {
        struct mem_attempt *t = ROW_ADD(&m->attempts, struct mem_attempt);

        d->d.attempts = f->attempt->n;
        t->delivery = f->delivery;
        t->a = mem_copy_attempt(m->arena, f->attempt);
    }
    if (f->is_trial && delivery_status_is_success(f->status))
        mem_trial_delivered(m, f->delivery, now_ms);
    if (f->taken)
        mem_taken_add(m, f);
    if (!is_waiting || f->attempt)
        mem_told_delivery(m, f->tells, &d->d, now_ms);
    if (is_back)
        mem_tell_ready(m, f->tenant, d->ready_lane);
    if (is_waiting)
        mem_tell_wait(m, f->due_ms);
}

static struct mem_delivery *
most_urgent(struct mem *m, int64_t lane)
{
    struct mem_delivery *best = NULL;

    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    {
        if (d->is_gone || d->is_claimed || d->ready_lane != lane)
            continue;
        if (!best || d->d.rank < best->d.rank ||
            (d->d.rank == best->d.rank && d->d.id < best->d.id))
            best = d;
    }
    return best;
}

static const struct notification *
notification_of(struct mem *m, struct store_cycle *c, int64_t id)
{
    for (size_t i = 0; i + 1 < c->n_work; i++)
        if (c->work[i].delivery.notification == id)
            return c->work[i].notification;
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == id && !n->is_gone) {
        struct notification *copy =
            ARENA_NEW(c->req.arena, struct notification);

        *copy = mem_copy_notification(c->req.arena, &n->n);
        return copy;
    }
    return ARENA_NEW(c->req.arena, struct notification);
}

static struct str
body_of_user(struct mem *m, struct store_cycle *c, const struct delivery *d,
             enum object_kind kind)
{
    if (d->user.n == 0)
        return STR_NONE;
    ROW_EACH(struct mem_object, o, &m->objects)
    if (o->o.kind == kind && o->o.tenant == d->tenant &&
        str_eq(o->o.key, d->user) && !o->is_gone)
        return str_dup(c->req.arena, o->o.body);
    return STR_NONE;
}

static bool
suppresses(const struct mem *m, int64_t tenant, struct str channel)
{
    ROW_EACH(struct mem_object, o, &m->objects)
    if (o->o.kind == OBJECT_SUPPRESSION && o->o.tenant == tenant &&
        str_starts(o->o.key, channel) && o->o.key.p[channel.n] == ':')
        return true;
    return false;
}

static void
claim(struct mem *m, struct store_cycle *c, int64_t lane, size_t limit)
{
    struct mem_delivery *d;

    while ((d = most_urgent(m, lane)) != NULL) {
        struct store_work *w;

        if (c->n_work == limit) {
            c->has_more = true;
            return;
        }
        d->is_claimed = true;
        d->is_flying = c->records_intent;
        w = &c->work[c->n_work++];
        w->delivery = mem_copy_delivery(c->req.arena, &d->d);
        w->notification = notification_of(m, c, d->d.notification);
        w->user_body = body_of_user(m, c, &d->d, OBJECT_USER);
        w->preference_body = body_of_user(m, c, &d->d, OBJECT_PREFERENCE);
        if (d->d.device.n > 0)
            w->devices_body = body_of_user(m, c, &d->d, OBJECT_DEVICES);
        c->has_suppressions |= suppresses(m, d->d.tenant, d->d.channel);
    }
}

enum err
mem_cycle(struct mem *m, struct store_req *req)
{
    struct store_cycle *c = CONTAINER_OF(req, struct store_cycle, req);
    size_t both = c->want + c->want_critical, n, room;

    c->n_work = 0;
    c->has_more = c->has_suppressions = false;
    for (size_t i = 0; i < c->n_finishes; i++)
        finish(m, &c->finishes[i], c->now_ms);
    if (both == 0)
        return ERR_OK;
    c->work = ARENA_ARRAY(req->arena, struct store_work, both);
    claim(m, c, -c->lane, both);
    n = c->n_work;
    room = n > c->want_critical ? c->want - (n - c->want_critical) : c->want;
    claim(m, c, c->lane, n + room);
    return ERR_OK;
}

void
mem_unclaim(struct mem *m, struct store_cycle *c)
{
    for (size_t i = 0; i < c->n_work; i++) {
        const struct delivery *w = &c->work[i].delivery;
        struct mem_delivery *d = mem_find(m, w->tenant, w->id);

        d->is_claimed = d->is_flying = false;
    }
}

/* ---- promote ---- */

static struct mem_delivery *
earliest(struct mem *m)
{
    struct mem_delivery *best = NULL;

    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    if (!d->is_gone && d->wait_lane != 0 &&
        (!best || d->d.due_ms < best->d.due_ms ||
         (d->d.due_ms == best->d.due_ms && d->d.id < best->d.id)))
        best = d;
    return best;
}

enum err
mem_promote(struct mem *m, struct store_req *req)
{
    struct store_promote *p = CONTAINER_OF(req, struct store_promote, req);
    struct mem_delivery *d = earliest(m);

    p->n_promoted = 0;
    p->first_due_ms = 0;
    while (d && d->d.due_ms <= p->now_ms && p->n_promoted < p->max) {
        d->ready_lane = d->wait_lane;
        if (p->first_due_ms == 0)
            p->first_due_ms = d->d.due_ms;
        d->d.lane = d->wait_lane < 0 ? -d->wait_lane : d->wait_lane;
        d->wait_lane = 0;
        d->d.status = DELIVERY_QUEUED;
        d->d.due_ms = 0;
        d->d.updated_ms = p->now_ms;
        p->n_promoted++;
        mem_tell_ready(m, d->d.tenant, d->ready_lane);
        d = earliest(m);
    }
    p->next_due_ms = d ? d->d.due_ms : 0;
    return ERR_OK;
}

/* ---- act, cancel ---- */

static void
stop(struct mem *m, struct mem_delivery *d, int64_t now_ms, enum reason reason)
{
    if (d->d.digest != 0)
        mem_window_leave(m, d);
    d->d.status = DELIVERY_CANCELLED;
    d->d.reason = reason_code(reason);
    d->d.updated_ms = now_ms;
    d->d.due_ms = d->d.lane = d->ready_lane = d->wait_lane = 0;
}

static bool
can_stop(const struct mem_delivery *d)
{
    return !d->is_claimed && !delivery_status_is_terminal(d->d.status);
}

static bool
is_allowed(enum store_act_kind kind, const struct mem_delivery *d)
{
    if (kind == STORE_ACT_CANCEL)
        return can_stop(d);
    if (kind == STORE_ACT_RETRY && d->d.status == DELIVERY_HELD)
        return str_eq(d->d.reason, reason_code(REASON_UNKNOWN_HELD));
    return d->d.status == DELIVERY_FAILED || d->d.status == DELIVERY_DEAD;
}

enum err
mem_act(struct mem *m, struct store_req *req)
{
    struct store_act *a = CONTAINER_OF(req, struct store_act, req);
    struct mem_delivery *d = mem_find(m, a->tenant, a->delivery);

    if (!d)
        return ERR_NOT_FOUND;
    a->status = d->is_claimed ? DELIVERY_SENDING : d->d.status;
    if (!is_allowed(a->kind, d))
        return ERR_CONFLICT;
    if (a->kind == STORE_ACT_RETRY) {
        d->d.status = DELIVERY_QUEUED;
        d->d.reason = reason_code(REASON_QUEUED);
        d->d.tally = str_fmt(m->arena, "0:%d", d->d.attempts);
        d->d.updated_ms = a->now_ms;
        d->d.lane = a->lane;
        d->d.rank = a->rank;
        d->ready_lane = lane_of(&d->d, a->lane);
        mem_tell_ready(m, a->tenant, d->ready_lane);
    } else {
        stop(m, d, a->now_ms,
             a->kind == STORE_ACT_CANCEL ? REASON_CANCELLED : REASON_DISCARDED);
        mem_told_delivery(m, a->tells, &d->d, a->now_ms);
    }
    a->status = d->d.status;
    return ERR_OK;
}

/* The rows are in the order of their ids. */
static void
cancel_part(struct mem *m, struct store_cancel *c)
{
    size_t n = 0;

    c->n_not_stopped = 0;
    c->next = 0;
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    {
        if (d->d.notification != c->notification || d->is_gone ||
            d->d.id <= c->after)
            continue;
        if (can_stop(d)) {
            stop(m, d, c->now_ms, REASON_CANCELLED);
            mem_told_delivery(m, c->tells, &d->d, c->now_ms);
            c->n_stopped++;
        } else {
            c->n_not_stopped++;
        }
        if (++n == c->max) {
            c->next = d->d.id;
            return;
        }
    }
}

enum err
mem_cancel(struct mem *m, struct store_req *req)
{
    struct store_cancel *c = CONTAINER_OF(req, struct store_cancel, req);
    bool is_found = false;

    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == c->notification && n->n.tenant == c->tenant && !n->is_gone)
        n->n.is_cancelled = is_found = true;
    if (!is_found)
        return ERR_NOT_FOUND;
    if (mem_work_of(m, c->tenant, c->notification))
        mem_work_of(m, c->tenant, c->notification)->is_gone = true;
    c->n_stopped = mem_instance_cancel(m, c);
    mem_cancel_leave(m, c);
    c->is_cut = c->n_stopped > 0;
    if (!c->is_cut)
        cancel_part(m, c);
    return ERR_OK;
}

/* ---- purge ---- */

static bool
is_due(struct mem *m, const struct store_purge *p,
       const struct mem_notification *n)
{
    int64_t before = p->settled_before_ms;

    if (n->is_gone || mem_work_of(m, n->n.tenant, n->n.id) ||
        mem_instance_is_left(m, n->n.id))
        return false;
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    {
        if (d->d.notification != n->n.id || d->is_gone)
            continue;
        if (!delivery_status_is_terminal(d->d.status))
            return false;
        if (d->d.status == DELIVERY_FAILED || d->d.status == DELIVERY_DEAD)
            before = p->dead_before_ms;
    }
    return before > 0 && n->n.created_ms < before;
}

enum err
mem_outbox(struct mem *m, struct store_req *req)
{
    struct store_outbox *o = CONTAINER_OF(req, struct store_outbox, req);

    (void)m;
    o->n_rows = 0;
    o->change_seq = 0;
    return ERR_OK;
}

static struct mem_work *
longest_waiting(struct mem *m, enum store_work_kind kind, int64_t now_ms)
{
    struct mem_work *best = NULL;

    ROW_EACH(struct mem_work, w, &m->works)
    if (!w->is_gone && w->kind == kind && w->taken_until_ms <= now_ms &&
        (!best || w->taken_until_ms < best->taken_until_ms))
        best = w;
    return best;
}

static int64_t
next_free_ms(struct mem *m, enum store_work_kind kind, int64_t now_ms)
{
    int64_t best_ms = -1;

    ROW_EACH(struct mem_work, w, &m->works)
    {
        int64_t ms = w->taken_until_ms - now_ms;

        if (!w->is_gone && w->kind == kind && ms > 0 &&
            (best_ms < 0 || ms < best_ms))
            best_ms = ms;
    }
    return best_ms;
}

enum err
mem_work_take(struct mem *m, struct store_req *req)
{
    struct store_work_take *t = CONTAINER_OF(req, struct store_work_take, req);
    struct mem_work *w;
    size_t bytes = 0;

    t->rows = ARENA_ARRAY(req->arena, struct store_work_row, t->max);
    t->change_seq = 0;
    t->is_cut = false;
    for (t->n_rows = 0; t->n_rows < t->max; t->n_rows++) {
        struct store_work_row *row = &t->rows[t->n_rows];

        w = longest_waiting(m, t->kind, t->now_ms);
        if (!w)
            break;
        t->is_cut = t->max_bytes > 0 && bytes >= t->max_bytes;
        if (t->is_cut)
            break;
        w->taken_until_ms = row->hold = t->now_ms + t->lease_ms;
        if (t->kind == STORE_WORK_DIGEST) {
            mem_window_shut(m, req->arena, w, &row->digest);
            continue;
        }
        if (t->kind == STORE_WORK_WORKFLOW) {
            /* One that is woken may be taken twice in a millisecond. */
            row->hold = w->taken_until_ms += m->n_holds++ % 1000;
            mem_instance_take(m, req->arena, w, row);
            bytes += store_work_bytes(row);
            continue;
        }
        row->cursor = str_dup(req->arena, w->cursor);
        ROW_EACH(struct mem_notification, n, &m->notifications)
        if (n->n.id == w->id)
            row->notification = mem_copy_notification(req->arena, &n->n);
    }
    t->next_ms = next_free_ms(m, t->kind, t->now_ms);
    return ERR_OK;
}

enum err
mem_work_release(struct mem *m, struct store_req *req)
{
    struct store_work_release *l =
        CONTAINER_OF(req, struct store_work_release, req);

    for (size_t i = 0; i < l->n_holds; i++) {
        const struct store_work_hold *h = &l->holds[i];
        struct mem_work *w = mem_work_find(m, h->kind, h->tenant, h->id);

        if (!w || w->taken_until_ms != h->hold)
            continue;
        w->taken_until_ms = w->due_ms;
        mem_tell(m, (struct store_notice){.kind = STORE_NOTICE_WORK});
    }
    return ERR_OK;
}

enum err
mem_report(struct mem *m, struct store_req *req)
{
    (void)m, (void)req;
    return ERR_OK;
}

enum err
mem_purge(struct mem *m, struct store_req *req)
{
    struct store_purge *p = CONTAINER_OF(req, struct store_purge, req);

    p->n_purged = 0;
    mem_audit_sweep(m, p->audit_before_ms);
    mem_told_sweep(m, p->told_before_ms);
    mem_habit_sweep(m, p);
    mem_press_sweep(m, p->settled_before_ms);
    ROW_EACH(struct mem_notification, n, &m->notifications)
    {
        if (p->n_purged == p->max || !is_due(m, p, n))
            continue;
        n->is_gone = true;
        mem_attachments_drop(m, n->n.id);
        p->n_purged++;
        ROW_EACH(struct mem_delivery, d, &m->deliveries)
        if (d->d.notification == n->n.id)
            d->is_gone = true;
    }
    ROW_EACH(struct mem_user_event, e, &m->user_events)
    if (e->at_ms < p->settled_before_ms)
        e->user = STR_NONE;
    ROW_EACH(struct mem_idem, i, &m->idems)
    if (i->until_ms <= p->now_ms)
        i->until_ms = 0;
    ROW_EACH(struct mem_dedup, d, &m->dedups)
    if (d->until_ms <= p->now_ms)
        d->until_ms = 0;
    ROW_EACH(struct mem_budget, b, &m->budgets)
    if (b->until_ms <= p->now_ms)
        b->n = 0;
    return ERR_OK;
}
