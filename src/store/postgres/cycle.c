/* cycle.c - what became of claimed work, and more of it.
 *
 *   [acquire lanes] -> fence, finish, claim -> load what is claimed
 *
 * The middle is one transaction. Its fence makes all of it fail unless this
 * node still owns every lane that it touches, so a late writer changes
 * nothing. What is claimed is recorded in it as an intent, before anybody can
 * begin it. */
#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "store/postgres/acquire.h"
#include "store/postgres/node.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/receipt.h"
#include "store/postgres/rows.h"
#include "store/postgres/tell.h"

#define REQS_MAX 24     /* each sends a claim of its own */
#define CLAIM_MAX 10000 /* rows in one cycle, whatever is wanted */

enum kind { ENDED, DEAD, WAITING, BACK, N_KINDS };

struct claiming {
    struct store_cycle *cycle;
    struct pg_lane *lane;
    int64_t want, extra;
    int64_t batch; /* 0: records no intent */
    int64_t lease;
    bool sweeps; /* from the very start */
    int answer;  /* which result is its own */
};

struct cycle {
    int64_t now_ms;
    struct pg_wanted *lanes; /* all that are touched, each once, sorted */
    size_t n_lanes;
    struct store_finish **finishes; /* those that were claimed */
    struct claim *was;              /* for each of them */
    size_t n_finishes;
    struct claiming *claimings;
    size_t n_claimings;
    bool has_preferences; /* some tenant of what was claimed */
    bool has_devices;     /* some of what was claimed goes to them */
    bool has_told;        /* endpoints, of finishes */
    int answers[N_KINDS]; /* which results are theirs; -1: none was sent */
    int n_sent;
    bool is_committed;
};

static struct store_cycle *
cycle_of(struct store_req *req)
{
    return CONTAINER_OF(req, struct store_cycle, req);
}

static void
send(struct pg_op *op, enum pg which)
{
    struct cycle *s = op->state;

    pg_op_send(op, which);
    s->n_sent++;
}

/* ---- lanes ---- */

static int
by_lane(const void *a, const void *b)
{
    const struct pg_wanted *x = a, *y = b;

    return (x->lane->lane > y->lane->lane) - (x->lane->lane < y->lane->lane);
}

static struct pg_lane *
touch(struct pg_op *op, int64_t tenant, int64_t lane)
{
    struct cycle *s = op->state;
    struct pg_lane *found =
        pg_lanes_get(op->store->lanes, lane < 0 ? -lane : lane);

    for (size_t i = 0; i < s->n_lanes; i++)
        if (s->lanes[i].lane == found)
            return found;
    s->lanes[s->n_lanes++] = (struct pg_wanted){found, tenant};
    return found;
}

static void
send_fence(struct pg_op *op)
{
    struct cycle *s = op->state;
    struct pg_columns lanes;
    struct pg_params *p;

    pg_columns_init(&lanes, op->arena, "ll", s->n_lanes);
    for (size_t i = 0; i < s->n_lanes; i++) {
        if (s->lanes[i].lane->state != PG_LANE_MINE)
            continue; /* it is not claimed from either */
        pg_col_int(&lanes, s->lanes[i].lane->lane);
        pg_col_int(&lanes, s->lanes[i].lane->token);
    }
    p = pg_op_params(op);
    pg_put_columns(p, &lanes);
    pg_put_int(p, pg_node_incarnation(op->store->node));
    send(op, PG_fence);
}

/* ---- finishes ---- */

static enum kind
kind_of(const struct store_finish *f)
{
    if (f->status == DELIVERY_QUEUED)
        return BACK;
    if (f->status == DELIVERY_RETRYING || f->status == DELIVERY_HELD)
        return WAITING;
    assert(delivery_status_is_terminal(f->status));
    return f->status == DELIVERY_FAILED || f->status == DELIVERY_DEAD ? DEAD
                                                                      : ENDED;
}

static int64_t
lane_to(const struct store_finish *f, const struct claim *was)
{
    assert(f->lane > 0 || f->status == DELIVERY_HELD);
    return was->lane < 0 ? -f->lane : f->lane;
}

static void
add_call(struct pg_columns *c, const struct attempt *t)
{
    pg_col_int(c, t ? t->at_ms : 0);
    pg_col_int(c, t && t->duration_ms < INT32_MAX ? t->duration_ms : 0);
    pg_col_int(c, t ? t->status : 0);
}

/* As if it were reckoned now: the statement makes it the database's time. */
static int64_t
due_ms(const struct store_finish *f, int64_t now_ms)
{
    return f->due_ms > 0 && f->reckoned_ms > 0
               ? f->due_ms - f->reckoned_ms + now_ms
               : f->due_ms;
}

static void
add_finish(struct pg_columns *c, enum kind kind, const struct store_finish *f,
           const struct claim *was, int64_t now_ms)
{
    pg_col_int(c, f->tenant);
    pg_col_int(c, f->delivery);
    pg_col_int(c, was->attempts);
    pg_col_int(c, was->lane);
    pg_col_int(c, f->status);
    pg_col_int(c, f->attempt ? f->attempt->n : 0);
    if (kind == ENDED)
        add_call(c, f->attempt);
    pg_col_text(c, f->reason);
    pg_col_text(c, f->provider);
    pg_col_text(c, f->error);
    if (kind == ENDED) {
        pg_col_text(c, f->attempt ? f->attempt->verdict : STR_NONE);
        pg_col_text(c, f->attempt ? f->attempt->detail : STR_NONE);
        return;
    }
    pg_col_text(c, f->tally);
    if (kind == WAITING)
        pg_col_int(c, due_ms(f, now_ms));
    if (kind != DEAD)
        pg_col_int(c, lane_to(f, was));
}

static void
send_finishes(struct pg_op *op, enum kind kind)
{
    static const struct {
        enum pg which;
        const char *types;
    } kinds[N_KINDS] = {
        [ENDED] = {PG_finish_ended, "llilsiliittttt"},
        [DEAD] = {PG_finish_dead, "llilsitttt"},
        [WAITING] = {PG_finish_waiting, "llilsittttll"},
        [BACK] = {PG_finish_back, "llilsittttl"},
    };
    struct cycle *s = op->state;
    struct pg_columns rows;
    struct pg_params *p;

    s->answers[kind] = -1;
    pg_columns_init(&rows, op->arena, kinds[kind].types,
                    kind == ENDED ? s->n_finishes : 0);
    for (size_t i = 0; i < s->n_finishes; i++)
        if (kind_of(s->finishes[i]) == kind)
            add_finish(&rows, kind, s->finishes[i], &s->was[i], s->now_ms);
    if (rows.n_rows == 0)
        return;
    p = pg_op_params(op);
    pg_put_columns(p, &rows);
    pg_put_int(p, s->now_ms);
    s->answers[kind] = s->n_sent;
    send(op, kinds[kind].which);
}

/* An ended one's last attempt is in its own row. */
static void
send_attempts(struct pg_op *op)
{
    struct cycle *s = op->state;
    struct pg_columns rows;

    pg_columns_init(&rows, op->arena, "llilllittt", 0);
    for (size_t i = 0; i < s->n_finishes; i++) {
        const struct store_finish *f = s->finishes[i];
        const struct attempt *t = f->attempt;

        if (!t || kind_of(f) == ENDED)
            continue;
        pg_col_int(&rows, f->tenant);
        pg_col_int(&rows, f->delivery);
        pg_col_int(&rows, t->n);
        pg_col_int(&rows, t->at_ms);
        pg_col_int(&rows, t->duration_ms);
        pg_col_int(&rows, t->retry_at_ms);
        pg_col_int(&rows, t->status);
        pg_col_text(&rows, t->provider);
        pg_col_text(&rows, t->verdict);
        pg_col_text(&rows, t->detail);
    }
    if (rows.n_rows == 0)
        return;
    pg_put_columns(pg_op_params(op), &rows);
    send(op, PG_attempt_add);
}

static void
send_told(struct pg_op *op)
{
    struct cycle *s = op->state;
    int n = pg_told_finish(op, s->finishes, s->was, s->n_finishes, s->now_ms);

    s->n_sent += n;
    s->has_told = n > 0;
}

/* What else is known of calls, whatever came of them. */
static void
send_notes(struct pg_op *op)
{
    struct cycle *s = op->state;
    struct pg_columns rows;
    struct pg_params *p;

    pg_columns_init(&rows, op->arena, "llitt", 0);
    for (size_t i = 0; i < s->n_finishes; i++) {
        const struct store_finish *f = s->finishes[i];
        const struct attempt *t = f->attempt;

        if (!t || (t->cost.n == 0 && t->request.n == 0))
            continue;
        pg_col_int(&rows, f->tenant);
        pg_col_int(&rows, f->delivery);
        pg_col_int(&rows, t->n);
        pg_col_text(&rows, t->cost);
        pg_col_text(&rows, t->request);
    }
    if (rows.n_rows == 0)
        return;
    p = pg_op_params(op);
    pg_put_columns(p, &rows);
    pg_put_int(p, pg_node_slot(op->store->node) + 1);
    send(op, PG_attempt_note_add);
}

/* A call that was made was: whoever has the row now. */
static void
send_trials(struct pg_op *op)
{
    struct cycle *s = op->state;
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, 0);
    struct pg_params *p;

    for (size_t i = 0; i < s->n_finishes; i++)
        if (s->finishes[i]->is_trial &&
            delivery_status_is_success(s->finishes[i]->status))
            pg_add_int(&ids, s->finishes[i]->delivery);
    if (ids.n == 0)
        return;
    p = pg_op_params(op);
    pg_put_array(p, &ids);
    pg_put_int(p, s->now_ms);
    send(op, PG_trial_delivered);
}

/* ---- intents ---- */

static void
send_intent(struct pg_op *op, const struct claim_batch *b)
{
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, b->n_refs);
    struct pg_array attempts = pg_array(op->arena, PG_TYPE_INT4, b->n_refs);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < b->n_refs; i++) {
        if (b->refs[i].delivery == 0)
            continue;
        pg_add_int(&ids, b->refs[i].delivery);
        pg_add_int(&attempts, b->refs[i].attempts);
    }
    pg_put_int(p, b->lane);
    pg_put_int(p, b->id);
    pg_put_array(p, &ids);
    pg_put_array(p, &attempts);
    send(op, PG_intent_put);
}

/* Such a row could be ready again with the attempts that it had: it must not
 * look as if it were in flight then. */
static bool
made_no_call(const struct store_finish *f)
{
    return !f->attempt;
}

static void
send_intents(struct pg_op *op)
{
    struct cycle *s = op->state;
    struct claims *claims = pg_lanes_claims(op->store->lanes);
    struct pg_columns spent;

    pg_columns_init(&spent, op->arena, "ll", 0);
    for (size_t i = 0; i < s->n_finishes; i++) {
        struct claim *was = &s->was[i];

        (void)claims_remove(claims, s->finishes[i]->delivery, was);
        if (!was->batch)
            continue;
        if (made_no_call(s->finishes[i]))
            claims_unref(claims, was);
        if (was->batch->n_open == 0) {
            pg_col_int(&spent, was->batch->lane);
            pg_col_int(&spent, was->batch->id);
        }
    }
    for (size_t i = 0; i < s->n_finishes; i++) {
        struct claim_batch *b = s->was[i].batch;

        if (!b || !b->is_touched || b->n_open == 0)
            continue;
        b->is_touched = false;
        send_intent(op, b);
    }
    if (spent.n_rows == 0)
        return;
    pg_put_columns(pg_op_params(op), &spent);
    send(op, PG_intent_remove);
}

/* ---- claims ---- */

static void
put_mark(struct pg_params *p, struct lane_mark m)
{
    pg_put_int(p, m.rank);
    pg_put_int(p, m.id);
}

/* After a mark was lowered, some of what we hold lies behind it. */
static struct pg_array
held_behind(struct pg_op *op, const struct pg_lane *lane)
{
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, 0);
    size_t n;
    const struct claim *all = claims_of_lane(pg_lanes_claims(op->store->lanes),
                                             lane->lane, op->arena, &n);

    for (size_t i = 0; i < n; i++) {
        struct lane_mark m = lane->marks[all[i].lane < 0];

        if (all[i].rank > m.rank ||
            (all[i].rank == m.rank && all[i].delivery > m.id))
            pg_add_int(&ids, all[i].delivery);
    }
    return ids;
}

static void
send_claim(struct pg_op *op, struct claiming *k)
{
    struct cycle *s = op->state;
    struct pg_lane *lane = k->lane;
    int64_t now_ms = loop_now_ms(op->store->loop);
    struct pg_params *p = pg_op_params(op);
    struct pg_array held;

    k->sweeps = pace_is_due(&lane->sweep, now_ms);
    if (k->sweeps) {
        pace_begin(&lane->sweep, now_ms);
        pg_lane_sweep(lane);
    }
    held = held_behind(op, lane);
    pg_put_int(p, lane->lane);
    put_mark(p, pg_lane_begin(lane, true));
    put_mark(p, pg_lane_begin(lane, false));
    pg_put_int(p, k->want);
    pg_put_int(p, k->extra);
    pg_put_array(p, &held);
    pg_put_int(p, k->batch);
    pg_put_int(p, s->now_ms);
    pg_put_int(p, k->cycle->tenant);
    pg_put_int2(p, OBJECT_PREFERENCE);
    pg_put_int2(p, OBJECT_SUPPRESSION);
    k->answer = s->n_sent;
    send(op, PG_claim);
}

static void
note_claim(struct pg_op *op, struct claiming *k, struct claim_batch *batch,
           const struct store_work *w)
{
    const struct delivery *d = &w->delivery;
    struct claim claim = {.delivery = d->id,
                          .tenant = d->tenant,
                          .attempts = d->attempts,
                          .lane = signed_lane(d->priority, k->lane->lane),
                          .rank = d->rank,
                          .lease = k->lease,
                          .batch = batch};
    struct claim_ref ref = {d->id, d->notification, d->attempts};

    claims_add(pg_lanes_claims(op->store->lanes), &claim, &ref);
}

/* A commit that nobody knew of was done after all, and handed a row over from
 * another lane of ours; whoever finished it is to be told first. */
static bool
is_in_doubt(struct pg_op *op, const struct store_work *w)
{
    return claims_find(pg_lanes_claims(op->store->lanes), w->delivery.id);
}

static void
leave_in_doubt(struct claiming *k)
{
    k->lane->is_doubtful = true; /* an intent may stand for nothing else */
    pg_lane_sweep(k->lane);
    k->cycle->has_more = true;
}

static void
take_claim(struct pg_op *op, struct claiming *k)
{
    struct cycle *s = op->state;
    struct store_cycle *c = k->cycle;
    struct pg_rows r = pg_op_rows(op, k->answer);
    struct claim_batch *batch = NULL;
    size_t room = (size_t)(k->want + k->extra);
    int64_t n[2] = {0, 0}, most;
    bool is_doubtful = false;

    c->work = ARENA_ARRAY(c->req.arena, struct store_work, room);
    c->lease = k->lease;
    if (k->batch > 0) {
        batch = claims_batch_new(pg_lanes_claims(op->store->lanes),
                                 k->lane->lane, c->now_ms, room);
        batch->id = k->batch;
    }
    while (c->n_work < room && pg_next(&r)) {
        struct store_work *w = &c->work[c->n_work++];
        bool is_critical;

        pg_take_delivery(&r, c->req.arena, &w->delivery);
        s->has_preferences |= pg_int(&r) != 0;
        c->has_suppressions |= pg_int(&r) != 0;
        is_critical = w->delivery.priority == PRIORITY_CRITICAL;
        n[is_critical]++;
        if (is_in_doubt(op, w)) {
            is_doubtful = true;
            c->n_work--;
            continue;
        }
        pg_lane_raise(k->lane, is_critical,
                      (struct lane_mark){w->delivery.rank, w->delivery.id});
        note_claim(op, k, batch, w);
    }
    most = n[1] > k->extra ? k->want - (n[1] - k->extra) : k->want;
    c->has_more = n[0] == most || n[1] == k->want + k->extra;
    if (is_doubtful)
        leave_in_doubt(k);
}

/* ---- what the claimed ones need ---- */

static int
by_notification(const void *a, const void *b)
{
    const struct delivery *x = &(*(struct store_work *const *)a)->delivery;
    const struct delivery *y = &(*(struct store_work *const *)b)->delivery;

    return (x->notification > y->notification) -
           (x->notification < y->notification);
}

static int
by_user(const void *a, const void *b)
{
    const struct delivery *x = &(*(struct store_work *const *)a)->delivery;
    const struct delivery *y = &(*(struct store_work *const *)b)->delivery;
    int order = (x->tenant > y->tenant) - (x->tenant < y->tenant);

    return order ? order : str_cmp(x->user, y->user);
}

typedef int compare(const void *a, const void *b);

static struct store_work **
sort_work(struct pg_op *op, const struct store_cycle *c, compare *by)
{
    struct store_work **all =
        ARENA_ARRAY(op->arena, struct store_work *, c->n_work);

    for (size_t i = 0; i < c->n_work; i++)
        all[i] = &c->work[i];
    qsort(all, c->n_work, sizeof(*all), by);
    return all;
}

/* The first of those that are equal to `key`; n: there is none. */
static size_t
lower_bound(struct store_work **all, size_t n, struct store_work *key,
            compare *by)
{
    size_t from = 0, to = n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (by(&all[middle], &key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from < n && by(&all[from], &key) == 0 ? from : n;
}

static void
take_notifications(struct pg_op *op, struct store_cycle *c)
{
    struct store_work **all = sort_work(op, c, by_notification);
    struct pg_rows r = pg_op_rows(op, 0);
    struct store_work key = {0};

    for (size_t i = 0; i < c->n_work; i++)
        c->work[i].notification = NULL;
    while (pg_next(&r)) {
        struct notification *n;
        size_t i;

        key.delivery.notification = pg_int(&r);
        i = lower_bound(all, c->n_work, &key, by_notification);
        if (i == c->n_work)
            continue;
        n = ARENA_NEW(c->req.arena, struct notification);
        r.column = 0;
        pg_take_notification(&r, c->req.arena, n);
        for (; i < c->n_work && all[i]->delivery.notification == n->id; i++)
            all[i]->notification = n;
    }
    for (size_t i = 0; i < c->n_work; i++)
        if (!c->work[i].notification) /* purged: as if empty */
            c->work[i].notification =
                ARENA_NEW(c->req.arena, struct notification);
}

static struct str *
body_of(struct store_work *w, enum object_kind kind)
{
    if (kind == OBJECT_DEVICES)
        return &w->devices_body;
    return kind == OBJECT_USER ? &w->user_body : &w->preference_body;
}

/* The nth result: of each user one document of a kind. */
static void
take_documents(struct pg_op *op, struct store_cycle *c, int nth,
               enum object_kind kind)
{
    struct store_work **all = sort_work(op, c, by_user);
    struct pg_rows r = pg_op_rows(op, nth);
    struct store_work key = {0}, *k = &key;

    while (pg_next(&r)) {
        struct str body;
        size_t i;

        key.delivery.tenant = pg_int(&r);
        key.delivery.user = pg_borrow(&r);
        i = lower_bound(all, c->n_work, &key, by_user);
        if (i == c->n_work)
            continue;
        body = pg_text(&r, c->req.arena);
        for (; i < c->n_work && by_user(&all[i], &k) == 0; i++)
            *body_of(all[i], kind) = body;
    }
}

static void
loaded(struct pg_op *op)
{
    struct cycle *s = op->state;

    for (size_t i = 0; i < s->n_claimings; i++) {
        take_notifications(op, s->claimings[i].cycle);
        take_documents(op, s->claimings[i].cycle, 1, OBJECT_USER);
        if (s->has_preferences)
            take_documents(op, s->claimings[i].cycle, 2, OBJECT_PREFERENCE);
        if (s->has_devices)
            take_documents(op, s->claimings[i].cycle,
                           s->has_preferences ? 3 : 2, OBJECT_DEVICES);
    }
    pg_op_done(op);
}

static bool
goes_to_device(const struct store_work *w)
{
    return w->delivery.device.n > 0;
}

/* Of each user once; of devices those that something goes to. */
static void
add_users(struct pg_columns *users, struct store_work **sorted, size_t n,
          enum object_kind kind)
{
    const struct store_work *last = NULL;

    for (size_t k = 0; k < n; k++) {
        struct store_work *w = sorted[k];

        if (w->delivery.user.n == 0 ||
            (kind == OBJECT_DEVICES && !goes_to_device(w)) ||
            (last && by_user(&last, &w) == 0))
            continue;
        last = w;
        pg_col_int(users, w->delivery.tenant);
        pg_col_text(users, w->delivery.user);
    }
}

static void
send_users(struct pg_op *op, enum object_kind kind)
{
    struct cycle *s = op->state;
    struct pg_params *p = pg_op_params(op);
    struct pg_columns users;

    pg_columns_init(&users, op->arena, "lT", 0);
    for (size_t i = 0; i < s->n_claimings; i++) {
        const struct store_cycle *c = s->claimings[i].cycle;

        add_users(&users, sort_work(op, c, by_user), c->n_work, kind);
    }
    pg_put_int2(p, kind);
    pg_put_columns(p, &users);
    pg_op_send(op, PG_users_of);
}

static void
send_load(struct pg_op *op)
{
    struct cycle *s = op->state;
    struct pg_columns ids;

    pg_columns_init(&ids, op->arena, "ll", 0);
    for (size_t i = 0; i < s->n_claimings; i++) {
        const struct store_cycle *c = s->claimings[i].cycle;
        struct store_work **all = sort_work(op, c, by_notification);

        for (size_t k = 0; k < c->n_work; k++)
            if (k == 0 || by_notification(&all[k - 1], &all[k]) != 0) {
                pg_col_int(&ids, all[k]->delivery.tenant);
                pg_col_int(&ids, all[k]->delivery.notification);
            }
        for (size_t k = 0; k < c->n_work; k++)
            s->has_devices |= goes_to_device(&c->work[k]);
    }
    pg_put_columns(pg_op_params(op), &ids);
    pg_op_send(op, PG_notifications_of);
    send_users(op, OBJECT_USER);
    if (s->has_preferences)
        send_users(op, OBJECT_PREFERENCE);
    if (s->has_devices)
        send_users(op, OBJECT_DEVICES);
    pg_op_await(op, loaded);
}

/* ---- the transaction ---- */

static int
by_delivery(const void *a, const void *b)
{
    const struct store_finish *x = *(struct store_finish *const *)a;
    const struct store_finish *y = *(struct store_finish *const *)b;

    return (x->delivery > y->delivery) - (x->delivery < y->delivery);
}

/* Each finish answers with the ids of the rows that were still there. */
static void
take_finishes(struct pg_op *op)
{
    struct cycle *s = op->state;
    size_t n = s->n_finishes;
    struct store_finish **sorted =
        ARENA_ARRAY(op->arena, struct store_finish *, n);

    memcpy(sorted, s->finishes, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_delivery);
    for (int kind = 0; kind < N_KINDS; kind++) {
        struct pg_rows r;

        if (s->answers[kind] < 0)
            continue;
        for (r = pg_op_rows(op, s->answers[kind]); pg_next(&r);) {
            struct store_finish key = {.delivery = pg_int(&r)}, *k = &key;
            struct store_finish **found =
                bsearch(&k, sorted, n, sizeof(*sorted), by_delivery);

            if (found)
                (*found)->is_done = true;
        }
    }
}

static void
tell_finishes(struct pg_op *op)
{
    const struct cycle *s = op->state;

    for (size_t i = 0; i < s->n_finishes; i++) {
        const struct store_finish *f = s->finishes[i];

        if (!f->is_done)
            continue;
        if (kind_of(f) == BACK)
            pg_store_row_ready(op->store, f->tenant, lane_to(f, &s->was[i]),
                               s->was[i].rank, f->delivery);
        else if (f->status == DELIVERY_RETRYING)
            notices_wait(&op->store->notices, due_ms(f, s->now_ms));
    }
}

static void
committed(struct pg_op *op)
{
    struct cycle *s = op->state;
    struct claims *claims = pg_lanes_claims(op->store->lanes);
    size_t n_work = 0;

    s->is_committed = true;
    claims_commit(claims);
    take_finishes(op);
    for (size_t i = 0; i < s->n_claimings; i++) {
        take_claim(op, &s->claimings[i]);
        if (s->claimings[i].sweeps)
            pace_end(&s->claimings[i].lane->sweep,
                     loop_now_ms(op->store->loop));
        n_work += s->claimings[i].cycle->n_work;
    }
    claims_commit(claims);
    tell_finishes(op);
    if (s->has_told)
        pg_store_told(op->store);
    pg_store_tell(op->store); /* not what comes next must be waited for */
    if (n_work > 0)
        send_load(op);
    else
        pg_op_done(op);
}

static void
with_lanes(struct pg_op *op)
{
    struct cycle *s = op->state;
    size_t n = 0;

    for (size_t i = 0; i < s->n_claimings; i++)
        if (s->claimings[i].lane->state == PG_LANE_MINE &&
            s->claimings[i].lane->leaving_ms == 0 &&
            pg_node_may_own(op->store->node))
            s->claimings[n++] = s->claimings[i];
    s->n_claimings = n;
    n = 0;
    for (size_t i = 0; i < s->n_finishes; i++)
        if (claims_find(pg_lanes_claims(op->store->lanes),
                        s->finishes[i]->delivery)) /* its lane is not lost */
        {
            s->was[n] = s->was[i];
            s->finishes[n++] = s->finishes[i];
        }
    s->n_finishes = n;
    if (s->n_claimings + s->n_finishes == 0) {
        pg_op_done(op);
        return;
    }
    for (size_t i = 0; i < s->n_claimings; i++)
        s->claimings[i].lease = pg_node_lease(op->store->node);
    send_fence(op);
    send_told(op);
    for (int kind = 0; kind < N_KINDS; kind++)
        send_finishes(op, (enum kind)kind);
    send_attempts(op);
    send_intents(op);
    for (size_t i = 0; i < s->n_claimings; i++)
        send_claim(op, &s->claimings[i]);
    s->n_sent += pg_taken_add(op, s->finishes, s->n_finishes);
    send_notes(op);
    send_trials(op);
    pg_op_commit(op, committed);
}

static void
list_request(struct pg_op *op, struct store_cycle *c)
{
    struct cycle *s = op->state;

    c->work = NULL;
    c->n_work = 0;
    c->has_more = c->has_suppressions = false;
    for (size_t i = 0; i < c->n_finishes; i++) {
        struct store_finish *f = &c->finishes[i];
        const struct claim *was =
            claims_find(pg_lanes_claims(op->store->lanes), f->delivery);

        f->is_done = false;
        if (!was || was->tenant != f->tenant ||
            (f->lease != 0 && f->lease != was->lease))
            continue; /* not ours, or not any more, or ours once more */
        (void)touch(op, f->tenant, was->lane);
        s->was[s->n_finishes] = *was;
        s->finishes[s->n_finishes++] = f;
    }
    if (c->want + c->want_critical > 0)
        s->claimings[s->n_claimings++] = (struct claiming){
            .cycle = c,
            .lane = touch(op, c->tenant, c->lane),
            .want = (int64_t)(c->want < CLAIM_MAX ? c->want : CLAIM_MAX),
            .extra = (int64_t)(c->want_critical < CLAIM_MAX ? c->want_critical
                                                            : CLAIM_MAX),
            .batch = c->records_intent ? ++op->store->last_batch : 0,
        };
}

static void
begin(struct pg_op *op)
{
    struct cycle *s = op->state = ARENA_NEW(op->arena, struct cycle);
    size_t n_finishes = 0;

    for (size_t i = 0; i < op->n; i++)
        n_finishes += cycle_of(op->reqs[i])->n_finishes;
    s->now_ms = cycle_of(op->reqs[0])->now_ms;
    s->finishes = ARENA_ARRAY(op->arena, struct store_finish *, n_finishes);
    s->was = ARENA_ARRAY(op->arena, struct claim, n_finishes);
    s->claimings = ARENA_ARRAY(op->arena, struct claiming, op->n);
    s->lanes = ARENA_ARRAY(op->arena, struct pg_wanted, n_finishes + op->n);
    for (size_t i = 0; i < op->n; i++)
        list_request(op, cycle_of(op->reqs[i]));
    qsort(s->lanes, s->n_lanes, sizeof(*s->lanes), by_lane);
    pg_acquire(op, s->lanes, s->n_lanes, s->now_ms, with_lanes);
}

/* ---- failure ---- */

#define FENCED "22012" /* division by zero; see lanes.sql */

/* What was claimed is nobody's: the intents of it are told from ours when the
 * lane is acquired anew. Whoever asked may ask again. */
static void
forget_claims(struct pg_op *op)
{
    struct cycle *s = op->state;
    struct claims *claims = pg_lanes_claims(op->store->lanes);

    for (size_t i = 0; i < s->n_claimings; i++) {
        struct store_cycle *c = s->claimings[i].cycle;

        for (size_t k = 0; k < c->n_work; k++) {
            const struct delivery *d = &c->work[k].delivery;
            struct claim was;

            if (claims_remove(claims, d->id, &was))
                pg_lanes_row(op->store->lanes, was.lane, was.rank, d->id);
        }
        c->has_more |= c->n_work > 0;
        c->n_work = 0;
    }
    claims_commit(claims);
}

static void
doubt(struct cycle *s)
{
    for (size_t i = 0; i < s->n_lanes; i++)
        if (s->lanes[i].lane->state == PG_LANE_MINE) {
            s->lanes[i].lane->is_doubtful = true;
            pg_lane_sweep(s->lanes[i].lane);
        }
}

static enum err
fail(struct pg_op *op, enum err e, const char *sqlstate)
{
    struct cycle *s = op->state;
    bool is_fenced = strcmp(sqlstate, FENCED) == 0;

    claims_rollback(pg_lanes_claims(op->store->lanes));
    if (s->is_committed)
        forget_claims(op);
    if (s->is_committed || e == ERR_UNCERTAIN)
        doubt(s);
    if (s->is_committed)
        return ERR_OK; /* the finishes are done, and say so */
    if (!is_fenced || op->n > 1)
        return e;
    pg_node_lost(op->store->node);
    return ERR_OK; /* nothing of it is done, and that is the answer */
}

const struct pg_verb pg_verb_cycle = {
    .begin = begin, .fail = fail, .max = REQS_MAX};
