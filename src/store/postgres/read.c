/* read.c - single things and lists of them. What one answer tells of a
 * delivery comes from one statement; see read.sql. */
#include "base/list.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/rows.h"

#define LIST_MAX 1000       /* of anything in one answer */
#define DELIVERY_COLUMNS 21 /* of pg_take_delivery() */
#define ATTEMPT_COLUMNS 11  /* of take_attempt() */

static size_t
page(size_t limit)
{
    return limit < LIST_MAX ? limit : LIST_MAX;
}

static int64_t
before_or_end(int64_t before)
{
    return before > 0 ? before : INT64_MAX;
}

/* ---- one delivery ---- */

/* False: the row has none. */
static bool
take_attempt(struct pg_rows *r, struct arena *a, struct attempt *ret)
{
    ret->n = (int)pg_int(r);
    if (ret->n == 0)
        return false;
    ret->at_ms = pg_int(r);
    ret->provider = pg_text(r, a);
    ret->verdict = pg_text(r, a);
    ret->status = (int)pg_int(r);
    ret->detail = pg_text(r, a);
    ret->duration_ms = pg_int(r);
    ret->retry_at_ms = pg_int(r);
    ret->node = pg_int(r);
    ret->cost = pg_text(r, a);
    ret->request = pg_text(r, a);
    return true;
}

static void
delivery_got(struct pg_op *op)
{
    struct store_delivery_get *g =
        CONTAINER_OF(op->reqs[0], struct store_delivery_get, req);
    struct arena *a = g->req.arena;
    struct pg_rows r = pg_op_rows(op, 0);
    bool is_first = true;

    g->attempts = ARENA_ARRAY(a, struct attempt, pg_count(&r));
    g->n_attempts = 0;
    g->req.err = ERR_NOT_FOUND;
    while (pg_next(&r)) {
        if (is_first) {
            pg_take_delivery(&r, a, &g->delivery);
            r.column = DELIVERY_COLUMNS + ATTEMPT_COLUMNS;
            g->own_notification = pg_int(&r);
        }
        is_first = false;
        r.column = DELIVERY_COLUMNS;
        if (take_attempt(&r, a, &g->attempts[g->n_attempts]))
            g->n_attempts++;
        g->req.err = ERR_OK;
    }
    pg_op_done(op);
}

static void
delivery_get(struct pg_op *op)
{
    const struct store_delivery_get *g =
        CONTAINER_OF(op->reqs[0], struct store_delivery_get, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, g->tenant);
    pg_put_int(p, g->id);
    pg_op_send(op, PG_delivery_get);
    pg_op_commit(op, delivery_got);
}

const struct pg_verb pg_verb_delivery_get = {.begin = delivery_get};

/* ---- notifications ---- */

static void
take_counts(struct pg_rows *r, struct arena *a,
            struct store_count counts[static DELIVERY_STATUS_COUNT])
{
    size_t n_statuses, n_counts;
    int64_t *statuses = pg_ints(r, a, &n_statuses);
    int64_t *n = pg_ints(r, a, &n_counts);

    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++)
        counts[i] = (struct store_count){.status = (enum delivery_status)i};
    for (size_t i = 0; i < n_statuses && i < n_counts; i++)
        if (statuses[i] >= 0 && statuses[i] < DELIVERY_STATUS_COUNT)
            counts[statuses[i]].n = n[i];
}

/* Rows by delivery and attempt; each delivery's attempts are a piece of one
 * array. */
static void
take_deliveries(struct store_notification_get *g, struct pg_rows r)
{
    struct arena *a = g->req.arena;
    size_t room = pg_count(&r);
    struct attempt *next = ARENA_ARRAY(a, struct attempt, room);
    int64_t last = 0;

    g->deliveries = ARENA_ARRAY(a, struct delivery, room);
    g->attempts = ARENA_ARRAY(a, struct attempt *, room);
    g->n_attempts = ARENA_ARRAY(a, size_t, room);
    g->n_deliveries = 0;
    while (pg_next(&r)) {
        const int at = 2; /* after the counts */
        int64_t id;

        if (last == 0)
            take_counts(&r, a, g->counts);
        r.column = at;
        id = pg_int(&r);
        if (id == 0)
            break; /* the row is there for the counts only */
        r.column = at;
        if (id != last) {
            g->attempts[g->n_deliveries] = next;
            pg_take_delivery(&r, a, &g->deliveries[g->n_deliveries++]);
        }
        last = id;
        r.column = at + DELIVERY_COLUMNS;
        if (take_attempt(&r, a, next)) {
            g->n_attempts[g->n_deliveries - 1]++;
            next++;
        }
    }
    if (!g->wants_attempts) {
        g->attempts = NULL;
        g->n_attempts = NULL;
    }
}

static void
take_steps(struct store_notification_get *g, struct pg_rows r)
{
    struct arena *a = g->req.arena;

    g->steps = ARENA_ARRAY(a, struct store_step, pg_count(&r));
    for (g->n_steps = 0; pg_next(&r); g->n_steps++) {
        struct store_step *s = &g->steps[g->n_steps];

        s->notification = g->id;
        s->id = pg_int(&r);
        s->at_ms = pg_int(&r);
        s->user = pg_text(&r, a);
        s->step = pg_text(&r, a);
        s->verdict = pg_text(&r, a);
        s->reason = pg_text(&r, a);
        s->note = pg_text(&r, a);
    }
}

static void
take_work(struct pg_rows *r, struct notification *n)
{
    n->is_planning = !pg_is_null(r);
    n->due_ms = pg_int(r);
    n->is_running = pg_int(r) != 0;
    n->is_held = pg_int(r) != 0;
    n->is_expired = pg_int(r) != 0;
}

static bool
has_any(const struct store_count counts[static DELIVERY_STATUS_COUNT])
{
    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++)
        if (counts[i].n > 0)
            return true;
    return false;
}

static void
notification_got(struct pg_op *op)
{
    struct store_notification_get *g =
        CONTAINER_OF(op->reqs[0], struct store_notification_get, req);
    struct pg_rows r = pg_op_rows(op, 0);

    if (pg_next(&r)) {
        pg_take_notification(&r, g->req.arena, &g->notification);
        take_work(&r, &g->notification);
        /* What has others below it has no deliveries of its own. */
        take_deliveries(g, pg_op_rows(op, 1));
        if (!has_any(g->counts))
            take_deliveries(g, pg_op_rows(op, 2));
        take_steps(g, pg_op_rows(op, 3));
    } else {
        g->req.err = ERR_NOT_FOUND;
    }
    pg_op_done(op);
}

static void
notification_get(struct pg_op *op)
{
    const struct store_notification_get *g =
        CONTAINER_OF(op->reqs[0], struct store_notification_get, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, g->tenant);
    pg_put_int(p, g->id);
    pg_op_send(op, PG_notification_get);
    for (size_t i = 0; i < 2; i++) {
        p = pg_op_params(op);
        pg_put_int(p, g->tenant);
        pg_put_int(p, g->id);
        pg_put_text(p, g->user);
        pg_put_int(p, (int64_t)g->max_deliveries);
        pg_put_bool(p, g->wants_attempts);
        pg_op_send(op, i == 0 ? PG_delivery_of : PG_children_of);
    }
    p = pg_op_params(op);
    pg_put_int(p, g->tenant);
    pg_put_int(p, g->id);
    pg_put_text(p, g->user);
    pg_put_int(p, g->wants_attempts ? STORE_STEPS_MAX : 0);
    pg_op_send(op, PG_step_list);
    pg_op_commit(op, notification_got);
}

const struct pg_verb pg_verb_notification_get = {.begin = notification_get};

static void
notifications_listed(struct pg_op *op)
{
    struct store_notification_list *l =
        CONTAINER_OF(op->reqs[0], struct store_notification_list, req);
    struct arena *a = l->req.arena;
    struct pg_rows r = pg_op_rows(op, 0);
    size_t limit = page(l->limit);

    l->notifications = ARENA_ARRAY(a, struct notification, limit);
    l->counts = arena_array(a, limit, sizeof(*l->counts));
    l->n_notifications = 0;
    while (l->n_notifications < limit && pg_next(&r)) {
        size_t i = l->n_notifications++;

        pg_take_notification(&r, a, &l->notifications[i]);
        take_work(&r, &l->notifications[i]);
        take_counts(&r, a, l->counts[i]);
    }
    l->has_more = pg_next(&r);
    pg_op_done(op);
}

static void
notification_list(struct pg_op *op)
{
    const struct store_notification_list *l =
        CONTAINER_OF(op->reqs[0], struct store_notification_list, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, l->tenant);
    pg_put_int(p, before_or_end(l->before));
    pg_put_int(p, (int64_t)page(l->limit) + 1);
    pg_op_send(op, l->only_held ? PG_approval_list : PG_notification_list);
    pg_op_commit(op, notifications_listed);
}

const struct pg_verb pg_verb_notification_list = {.begin = notification_list};

/* ---- lists of deliveries ---- */

enum { IN_READY = 1, IN_WAITING = 2, IN_DEAD = 4, IN_ENDED = 8 };

static int
where_to_look(const struct store_delivery_filter *f)
{
    if (!f->has_status)
        return IN_READY | IN_WAITING | IN_DEAD | IN_ENDED;
    switch (f->status) {
    case DELIVERY_QUEUED: /* until a time, too */
    case DELIVERY_HELD:
    case DELIVERY_SENDING:
    case DELIVERY_RETRYING:
        return IN_READY | IN_WAITING;
    case DELIVERY_FAILED:
    case DELIVERY_DEAD:
        return IN_DEAD;
    case DELIVERY_DELIVERED:
    case DELIVERY_SENT:
    case DELIVERY_SUPPRESSED:
    case DELIVERY_MERGED:
    case DELIVERY_CANCELLED:
    case DELIVERY_EXPIRED:
    case DELIVERY_STATUS_COUNT:
        break;
    }
    return IN_ENDED;
}

/* False: the page ends here. */
static bool
take_listed(struct pg_rows *r, struct store_delivery_list *l, size_t limit)
{
    int64_t id = pg_int(r);
    bool is_match, is_last_looked_at;

    r->column = DELIVERY_COLUMNS;
    is_match = pg_int(r) != 0;
    is_last_looked_at = pg_int(r) != 0;
    if (is_match && l->n_deliveries == limit) {
        l->has_more = true;
        return false;
    }
    if (is_match) {
        r->column = 0;
        pg_take_delivery(r, l->req.arena, &l->deliveries[l->n_deliveries++]);
    }
    if (is_last_looked_at) {
        l->has_more = true;
        l->next_before = id;
    }
    return !is_last_looked_at;
}

static void
deliveries_listed(struct pg_op *op)
{
    struct store_delivery_list *l =
        CONTAINER_OF(op->reqs[0], struct store_delivery_list, req);
    struct pg_rows r = pg_op_rows(op, 0);
    size_t limit = page(l->limit);

    l->deliveries = ARENA_ARRAY(l->req.arena, struct delivery, limit);
    l->n_deliveries = 0;
    l->has_more = false;
    l->next_before = 0;
    while (pg_next(&r) && take_listed(&r, l, limit))
        ;
    if (l->has_more && l->next_before == 0 && l->n_deliveries > 0)
        l->next_before = l->deliveries[l->n_deliveries - 1].id;
    pg_op_done(op);
}

static void
send_list(struct pg_op *op, enum pg which)
{
    const struct store_delivery_list *l =
        CONTAINER_OF(op->reqs[0], struct store_delivery_list, req);
    const struct store_delivery_filter *f = &l->filter;
    bool only_flying = f->has_status && f->status == DELIVERY_SENDING;
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, l->tenant);
    pg_put_int(p, before_or_end(l->before));
    pg_put_int(p, f->notification);
    pg_put_text(p, f->channel);
    pg_put_text(p, f->provider);
    pg_put_text(p, f->user);
    pg_put_text(p, f->error);
    pg_put_int(p, f->since_ms);
    pg_put_int(p, (int64_t)page(l->limit) + 1);
    if (!only_flying) {
        pg_put_int4(p, where_to_look(f));
        pg_put_int4(p, f->has_status ? (int)f->status : -1);
    }
    pg_op_send(op, only_flying ? PG_delivery_list_flying : which);
    pg_op_commit(op, deliveries_listed);
}

static void
looked_below(struct pg_op *op)
{
    struct pg_rows r = pg_op_rows(op, 0);

    send_list(op, pg_next(&r) ? PG_children_list : PG_delivery_list);
}

static void
delivery_list(struct pg_op *op)
{
    const struct store_delivery_list *l =
        CONTAINER_OF(op->reqs[0], struct store_delivery_list, req);

    if (l->filter.notification == 0) {
        send_list(op, PG_delivery_list);
        return;
    }
    pg_put_int(pg_op_params(op), l->filter.notification);
    pg_op_send(op, PG_children_are);
    pg_op_await(op, looked_below);
}

const struct pg_verb pg_verb_delivery_list = {.begin = delivery_list};
