/* cycle.c - what became of claimed work, and more of it. */
#include <assert.h>

#include "base/list.h"
#include "store/sqlite/tell.h"
#include "store/sqlite/writer.h"

/* ---- finish ---- */

/* What else is known of it, if anything is. */
static void
attempt_note(struct writer *w, int64_t delivery, const struct attempt *t)
{
    struct query q;

    if (t->cost.n == 0 && t->request.n == 0)
        return;
    q = query(&w->conn, SQL_attempt_note);
    put_int(&q, delivery);
    put_int(&q, t->n);
    put_text(&q, t->cost);
    put_text(&q, t->request);
    query_run(&q);
}

void
attempt_add(struct writer *w, int64_t delivery, const struct attempt *t)
{
    struct query q = query(&w->conn, SQL_attempt_add);

    put_int(&q, delivery);
    put_int(&q, t->n);
    put_int(&q, t->at_ms);
    put_text(&q, t->provider);
    put_text(&q, t->verdict);
    put_int(&q, t->status);
    put_text(&q, t->detail);
    put_int(&q, t->duration_ms);
    put_int(&q, t->retry_at_ms);
    query_run(&q);
    attempt_note(w, delivery, t);
}

static void
add_wait(struct writer *w, const struct store_finish *f,
         const struct claim *was, int64_t lane)
{
    struct query q = query(&w->conn, SQL_wait_add);

    put_int(&q, f->due_ms);
    put_int(&q, WAIT_DELIVERY);
    put_int(&q, f->delivery);
    put_int(&q, f->tenant);
    put_int(&q, lane);
    put_int(&q, was->rank);
    query_run(&q);
    notices_wait(&w->notices, f->due_ms);
}

static int64_t
update_delivery(struct writer *w, const struct store_finish *f, int64_t now_ms,
                int64_t ready_lane)
{
    struct query q = query(&w->conn, SQL_delivery_finish);

    put_int(&q, f->delivery);
    put_int(&q, f->tenant);
    put_int(&q, f->status);
    put_int_or_null(&q, ready_lane);
    put_int(&q, f->status == DELIVERY_RETRYING ? f->due_ms : 0);
    put_int(&q, now_ms);
    put_text(&q, f->reason);
    put_text(&q, f->provider);
    put_int(&q, f->attempt ? f->attempt->n : 0);
    put_text(&q, f->error);
    put_text(&q, f->tally);
    return query_run(&q);
}

static void
drop_intent(struct writer *w, int64_t batch)
{
    struct query q = query(&w->conn, SQL_intent_remove);

    put_int(&q, batch);
    query_run(&q);
}

/* Where the row is on disk now, it no longer tells of its flight: given back,
 * or waiting, without a call having been made. */
static bool
went_back(const struct store_finish *f)
{
    return !f->attempt && !delivery_status_is_terminal(f->status);
}

static void
finish(struct writer *w, struct store_finish *f, int64_t now_ms,
       struct claim *was)
{
    bool is_back = f->status == DELIVERY_QUEUED;
    bool is_waiting = f->status == DELIVERY_RETRYING;
    int64_t lane;

    assert(is_back || is_waiting || f->status == DELIVERY_HELD ||
           delivery_status_is_terminal(f->status));
    assert(!(is_back || is_waiting) || f->lane > 0);
    assert(!is_waiting || f->due_ms > 0);
    lane = was->lane < 0 ? -f->lane : f->lane;
    f->is_done = update_delivery(w, f, now_ms, is_back ? lane : 0) > 0;
    if (!f->is_done)
        return;
    claims_remove(w->claims, f->delivery, was);
    if (f->attempt)
        attempt_add(w, f->delivery, f->attempt);
    if (f->is_trial && delivery_status_is_success(f->status))
        trial_delivered(w, f->delivery, now_ms);
    if (f->taken)
        taken_add(w, f);
    if (!is_waiting || f->attempt)
        told_delivery(w, f->tells, f->delivery, f->status, now_ms);
    if (is_waiting)
        add_wait(w, f, was, lane);
    if (is_back) {
        claims_mark_lower(w->claims, lane, was->rank, f->delivery);
        notices_ready(&w->notices, f->tenant, lane);
    }
    if (!was->batch)
        return;
    if (went_back(f))
        claims_unref(w->claims, was);
    if (was->batch->n_open == 0)
        drop_intent(w, was->batch->id);
}

static void
put_intent(struct writer *w, const struct claim_batch *b)
{
    struct query q = query(&w->conn, SQL_intent_put);

    put_int(&q, b->id);
    put_int(&q, b->lane);
    put_int(&q, b->at_ms);
    put_blob(&q, claims_refs(b, w->arena));
    query_run(&q);
}

static void
finish_all(struct writer *w, struct store_cycle *c)
{
    struct claim_batch **changed =
        ARENA_ARRAY(w->arena, struct claim_batch *, c->n_finishes);
    size_t n_changed = 0;

    for (size_t i = 0; i < c->n_finishes; i++) {
        struct store_finish *f = &c->finishes[i];
        const struct claim *found = claims_find(w->claims, f->delivery);
        struct claim was;

        f->is_done = false;
        if (!found)
            continue;
        was = *found;
        finish(w, f, c->now_ms, &was);
        if (f->is_done && was.batch && was.batch->is_touched)
            changed[n_changed++] = was.batch;
    }
    for (size_t i = 0; i < n_changed; i++) {
        if (!changed[i]->is_touched || changed[i]->n_open == 0)
            continue;
        changed[i]->is_touched = false;
        put_intent(w, changed[i]);
    }
}

/* ---- claim ---- */

struct claiming {
    struct writer *w;
    struct store_cycle *c;
    struct claim_batch *batch;  /* NULL: no intent */
    struct notification **seen; /* hash of those already loaded */
    size_t seen_mask;
};

static const struct notification *
load_notification(struct claiming *k, int64_t id)
{
    size_t i = ((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) >> 32;
    struct query q;

    for (i &= k->seen_mask; k->seen[i]; i = (i + 1) & k->seen_mask)
        if (k->seen[i]->id == id)
            return k->seen[i];
    k->seen[i] = ARENA_NEW(k->c->req.arena, struct notification);
    k->seen[i]->id = id;
    q = query(&k->w->conn, SQL_notification_claim);
    put_int(&q, id);
    if (query_row(&q)) {
        take_notification(&q, k->c->req.arena, k->seen[i]);
        query_end(&q);
    }
    return k->seen[i];
}

static struct str
load_of_user(struct claiming *k, const struct delivery *d,
             enum object_kind kind)
{
    struct str body = STR_NONE;
    struct query q;

    if (d->user.n == 0)
        return body;
    q = query(&k->w->conn, SQL_object_body);
    put_int(&q, kind);
    put_int(&q, d->tenant);
    put_text(&q, d->user);
    if (query_row(&q)) {
        body = take_blob(&q, k->c->req.arena);
        query_end(&q);
    }
    return body;
}

static void
take_work(struct claiming *k, struct query *q, int64_t lane)
{
    struct store_work *work = &k->c->work[k->c->n_work++];
    struct claim claim = {.lane = lane, .batch = k->batch};
    struct claim_ref ref;

    take_delivery(q, k->c->req.arena, &work->delivery);
    claim.delivery = work->delivery.id;
    claim.tenant = work->delivery.tenant;
    claim.rank = work->delivery.rank;
    ref = (struct claim_ref){work->delivery.id, work->delivery.notification,
                             work->delivery.attempts};
    claims_add(k->w->claims, &claim, &ref);
}

/* Rows of one statement; *mark follows what is claimed. False: one was left,
 * so the scan is over. */
static bool
claim_rows(struct claiming *k, struct query *q, int64_t lane, size_t limit,
           struct lane_mark *mark)
{
    while (query_row(q)) {
        int64_t id = sqlite3_column_int64(q->s, 0);
        int64_t rank = sqlite3_column_int64(q->s, 5);
        bool is_claimed = claims_find(k->w->claims, id) != NULL;

        if (!is_claimed && k->c->n_work == limit) {
            k->c->has_more = true;
            query_end(q);
            return false;
        }
        if (!is_claimed)
            take_work(k, q, lane);
        *mark = (struct lane_mark){rank, id};
    }
    return true;
}

/* From one lane until there are `limit` in all. */
static void
claim_lane(struct claiming *k, int64_t lane, size_t limit)
{
    struct lane_mark mark = claims_mark(k->w->claims, lane);
    struct query q = query(&k->w->conn, SQL_ready_scan_rest);
    bool goes_on;

    put_int(&q, lane);
    put_int(&q, mark.rank);
    put_int(&q, mark.id);
    goes_on = claim_rows(k, &q, lane, limit, &mark);
    if (goes_on) {
        q = query(&k->w->conn, SQL_ready_scan);
        put_int(&q, lane);
        put_int(&q, mark.rank);
        claim_rows(k, &q, lane, limit, &mark);
    }
    claims_mark_raise(k->w->claims, lane, mark);
}

/* What a tenant has none of is not looked for row by row. Deleted ones count.
 */
static bool
has_any(struct claiming *k, enum object_kind kind, struct str from,
        struct str to)
{
    struct query q = query(&k->w->conn, SQL_object_any);
    bool is_there;

    put_int(&q, kind);
    put_int(&q, k->c->tenant);
    put_text(&q, from);
    put_text(&q, to);
    is_there = query_row(&q);
    if (is_there)
        query_end(&q);
    return is_there;
}

/* Their keys begin with the channel and a colon. A lane has one channel, but
 * for rows from before its provider had another. */
static bool
has_suppressions(struct claiming *k)
{
    struct str first = k->c->work[0].delivery.channel, last = first;

    for (size_t i = 1; i < k->c->n_work; i++) {
        struct str channel = k->c->work[i].delivery.channel;

        if (str_cmp(channel, first) < 0)
            first = channel;
        if (str_cmp(channel, last) > 0)
            last = channel;
    }
    return has_any(k, OBJECT_SUPPRESSION,
                   str_fmt(k->w->arena, "%.*s:", STR_ARG(first)),
                   str_fmt(k->w->arena, "%.*s;", STR_ARG(last)));
}

static void
load(struct claiming *k)
{
    struct store_cycle *c = k->c;
    bool has_preferences;

    if (c->n_work == 0)
        return;
    has_preferences = has_any(k, OBJECT_PREFERENCE, STR_NONE, STR("~"));
    c->has_suppressions = has_suppressions(k);
    for (k->seen_mask = 16; k->seen_mask < 2 * c->n_work; k->seen_mask *= 2)
        ;
    k->seen = ARENA_ARRAY(k->w->arena, struct notification *, k->seen_mask);
    k->seen_mask--;
    for (size_t i = 0; i < c->n_work; i++) {
        const struct delivery *d = &c->work[i].delivery;

        c->work[i].notification = load_notification(k, d->notification);
        c->work[i].user_body = load_of_user(k, d, OBJECT_USER);
        if (has_preferences)
            c->work[i].preference_body = load_of_user(k, d, OBJECT_PREFERENCE);
        if (d->device.n > 0)
            c->work[i].devices_body = load_of_user(k, d, OBJECT_DEVICES);
    }
}

#define CLAIM_MAX 10000 /* rows in one cycle, whatever is wanted */

static void
claim(struct writer *w, struct store_cycle *c)
{
    struct claiming k = {.w = w, .c = c};
    size_t want = c->want < CLAIM_MAX ? c->want : CLAIM_MAX;
    size_t extra = c->want_critical < CLAIM_MAX ? c->want_critical : CLAIM_MAX;
    size_t n_critical, room;

    c->work = ARENA_ARRAY(c->req.arena, struct store_work, want + extra);
    if (c->records_intent)
        k.batch = claims_batch_new(w->claims, c->lane, c->now_ms, want + extra);
    claim_lane(&k, -c->lane, want + extra);
    n_critical = c->n_work;
    room = n_critical > extra ? want - (n_critical - extra) : want;
    claim_lane(&k, c->lane, n_critical + room);
    load(&k);
    if (k.batch && k.batch->n_refs > 0) {
        k.batch->id = ++w->last_batch;
        put_intent(w, k.batch);
    }
}

enum err
write_cycle(struct writer *w, struct store_req *req)
{
    struct store_cycle *c = CONTAINER_OF(req, struct store_cycle, req);

    c->work = NULL;
    c->n_work = 0;
    c->has_more = c->has_suppressions = false;
    finish_all(w, c);
    if (c->want + c->want_critical > 0) {
        assert(c->lane > 0);
        claim(w, c);
    }
    return ERR_OK;
}
