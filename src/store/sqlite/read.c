/* read.c - single things and lists of them. `sending` is nowhere stored: a
 * delivery that is ready, and stands in an intent row with the attempts that
 * it still has, is in flight. */
#include <stdlib.h>

#include "base/list.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/rows.h"

static int
by_delivery(const void *a, const void *b)
{
    const struct claim_ref *x = a, *y = b;

    return (x->delivery > y->delivery) - (x->delivery < y->delivery);
}

void
load_flights(struct reader *r, struct arena *a, struct flights *f)
{
    struct query q = query(&r->conn, SQL_intents);
    struct buf all;

    buf_init(&all, a);
    while (query_row(&q)) {
        struct str refs = take_blob(&q, a);
        struct claim_ref ref;

        while (claim_ref_next(&refs, &ref))
            buf_put(&all, &ref, sizeof(ref));
    }
    f->refs = (struct claim_ref *)(void *)all.p;
    f->n = all.n / sizeof(struct claim_ref);
    f->is_loaded = true;
    if (f->n > 0)
        qsort(f->refs, f->n, sizeof(*f->refs), by_delivery);
}

void
mark_flying(struct reader *r, struct arena *a, struct flights *f,
            struct delivery *d)
{
    struct claim_ref key = {.delivery = d->id};
    const struct claim_ref *found;

    if (d->status != DELIVERY_QUEUED || d->lane == 0)
        return;
    if (!f->is_loaded)
        load_flights(r, a, f);
    if (f->n == 0)
        return;
    found = bsearch(&key, f->refs, f->n, sizeof(*f->refs), by_delivery);
    if (found && found->attempts == d->attempts)
        d->status = DELIVERY_SENDING;
}

static struct attempt *
load_attempts(struct reader *r, struct arena *a, int64_t delivery,
              size_t *ret_n)
{
    struct query q = query(&r->conn, SQL_attempts);
    struct buf all;

    buf_init(&all, a);
    put_int(&q, delivery);
    while (query_row(&q)) {
        struct attempt t = {0};

        t.n = (int)take_int(&q);
        t.at_ms = take_int(&q);
        t.provider = take_text(&q, a);
        t.verdict = take_text(&q, a);
        t.status = (int)take_int(&q);
        t.detail = take_text(&q, a);
        t.duration_ms = take_int(&q);
        t.retry_at_ms = take_int(&q);
        t.cost = take_text(&q, a);
        t.request = take_text(&q, a);
        buf_put(&all, &t, sizeof(t));
    }
    *ret_n = all.n / sizeof(struct attempt);
    return (struct attempt *)(void *)all.p;
}

/* 0: there is none. */
static int64_t
parent_of(struct reader *r, int64_t notification)
{
    struct query q = query(&r->conn, SQL_parent_of);
    int64_t parent = 0;

    put_int(&q, notification);
    if (query_row(&q)) {
        parent = take_int(&q);
        query_end(&q);
    }
    return parent;
}

static void
show_parent(struct reader *r, struct delivery *d)
{
    int64_t parent = parent_of(r, d->notification);

    d->notification = parent != 0 ? parent : d->notification;
}

enum err
read_delivery_get(struct reader *r, struct store_req *req)
{
    struct store_delivery_get *g =
        CONTAINER_OF(req, struct store_delivery_get, req);
    struct query q = query(&r->conn, SQL_delivery_get);
    struct flights f = {0};

    put_int(&q, g->id);
    put_int(&q, g->tenant);
    if (!query_row(&q))
        return ERR_NOT_FOUND;
    take_delivery(&q, req->arena, &g->delivery);
    query_end(&q);
    mark_flying(r, req->arena, &f, &g->delivery);
    g->own_notification = g->delivery.notification;
    show_parent(r, &g->delivery);
    g->attempts = load_attempts(r, req->arena, g->id, &g->n_attempts);
    return ERR_OK;
}

/* ---- notifications ---- */

static bool
is_flying(struct reader *r, const struct claim_ref *ref, struct str user)
{
    struct query q = query(&r->conn, SQL_delivery_flying);
    bool is_so;

    put_int(&q, ref->delivery);
    put_int(&q, ref->attempts);
    put_text(&q, user);
    is_so = query_row(&q);
    query_end(&q);
    return is_so;
}

static bool
has_children(struct reader *r, int64_t notification)
{
    struct query q = query(&r->conn, SQL_children_are);
    bool is_so;

    put_int(&q, notification);
    is_so = query_row(&q);
    query_end(&q);
    return is_so;
}

static void
add_statuses(struct reader *r, enum sql which, int64_t id, struct str user,
             struct store_count counts[static DELIVERY_STATUS_COUNT])
{
    struct query q = query(&r->conn, which);

    put_int(&q, id);
    put_text(&q, user);
    while (query_row(&q)) {
        int64_t s = take_int(&q);

        if (s >= 0 && s < DELIVERY_STATUS_COUNT)
            counts[s].n++;
    }
}

/* With those of what is below it. */
static void
count_statuses(struct reader *r, struct arena *a, struct flights *f,
               const struct notification *n, struct str user,
               struct store_count counts[static DELIVERY_STATUS_COUNT])
{
    bool is_parent = has_children(r, n->id);

    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++)
        counts[i] = (struct store_count){.status = (enum delivery_status)i};
    add_statuses(r, SQL_delivery_statuses, n->id, user, counts);
    if (is_parent)
        add_statuses(r, SQL_children_statuses, n->id, user, counts);
    if (counts[DELIVERY_QUEUED].n == 0)
        return;
    if (!f->is_loaded)
        load_flights(r, a, f);
    for (size_t i = 0; i < f->n; i++) {
        int64_t of = f->refs[i].notification;

        if ((of == n->id || (is_parent && parent_of(r, of) == n->id)) &&
            is_flying(r, &f->refs[i], user)) {
            counts[DELIVERY_QUEUED].n--;
            counts[DELIVERY_SENDING].n++;
        }
    }
}

static void
load_steps(struct reader *r, struct store_notification_get *g)
{
    struct query q = query(&r->conn, SQL_step_list);
    struct buf all;

    buf_init(&all, g->req.arena);
    put_int(&q, g->id);
    put_text(&q, g->user);
    put_int(&q, STORE_STEPS_MAX);
    while (query_row(&q)) {
        struct store_step s = {.notification = g->id};

        s.id = take_int(&q);
        s.at_ms = take_int(&q);
        s.user = take_text(&q, g->req.arena);
        s.step = take_text(&q, g->req.arena);
        s.verdict = take_text(&q, g->req.arena);
        s.reason = take_text(&q, g->req.arena);
        s.note = take_text(&q, g->req.arena);
        buf_put(&all, &s, sizeof(s));
    }
    g->steps = (struct store_step *)(void *)all.p;
    g->n_steps = all.n / sizeof(struct store_step);
}

static void
load_deliveries(struct reader *r, struct store_notification_get *g,
                struct flights *f)
{
    struct arena *a = g->req.arena;
    struct query q =
        query(&r->conn, has_children(r, g->id) ? SQL_children_deliveries
                                               : SQL_delivery_of);
    struct buf all;

    buf_init(&all, a);
    put_int(&q, g->id);
    put_text(&q, g->user);
    put_int(&q, (int64_t)g->max_deliveries);
    while (query_row(&q)) {
        struct delivery d = {0};

        take_delivery(&q, a, &d);
        buf_put(&all, &d, sizeof(d));
    }
    g->deliveries = (struct delivery *)(void *)all.p;
    g->n_deliveries = all.n / sizeof(struct delivery);
    for (size_t i = 0; i < g->n_deliveries; i++)
        mark_flying(r, a, f, &g->deliveries[i]);
    g->attempts = NULL;
    g->n_attempts = NULL;
    g->n_steps = 0;
    if (!g->wants_attempts)
        return;
    load_steps(r, g);
    g->attempts = ARENA_ARRAY(a, struct attempt *, g->n_deliveries);
    g->n_attempts = ARENA_ARRAY(a, size_t, g->n_deliveries);
    for (size_t i = 0; i < g->n_deliveries; i++)
        g->attempts[i] =
            load_attempts(r, a, g->deliveries[i].id, &g->n_attempts[i]);
}

static void
look_for_work(struct reader *r, struct notification *n)
{
    struct query q = query(&r->conn, SQL_work_is_left);

    put_int(&q, n->tenant);
    put_int(&q, n->id);
    n->is_planning = query_row(&q);
    if (n->is_planning) {
        n->due_ms = take_int(&q);
        n->is_held = take_int(&q) != 0;
    }
    query_end(&q);
    q = query(&r->conn, SQL_approval_is_expired);
    put_int(&q, n->id);
    put_int(&q, n->tenant);
    n->is_expired = query_row(&q);
    query_end(&q);
    q = query(&r->conn, SQL_instance_is_left);
    put_int(&q, n->id);
    n->is_running = query_row(&q);
    query_end(&q);
}

enum err
read_notification_get(struct reader *r, struct store_req *req)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);
    struct query q = query(&r->conn, SQL_notification_get);
    struct flights f = {0};

    put_int(&q, g->id);
    put_int(&q, g->tenant);
    if (!query_row(&q))
        return ERR_NOT_FOUND;
    take_notification(&q, req->arena, &g->notification);
    query_end(&q);
    look_for_work(r, &g->notification);
    count_statuses(r, req->arena, &f, &g->notification, g->user, g->counts);
    load_deliveries(r, g, &f);
    return ERR_OK;
}

#define LIST_MAX 1000 /* of anything in one answer */

size_t
page_size(size_t limit)
{
    return limit < LIST_MAX ? limit : LIST_MAX;
}

bool
page_row(struct query *q, size_t n, size_t limit, bool *has_more)
{
    if (!query_row(q))
        return false;
    if (n < limit)
        return true;
    *has_more = true;
    query_end(q);
    return false;
}

int64_t
before_or_end(int64_t before)
{
    return before > 0 ? before : INT64_MAX;
}

enum err
read_notification_list(struct reader *r, struct store_req *req)
{
    struct store_notification_list *l =
        CONTAINER_OF(req, struct store_notification_list, req);
    size_t limit = page_size(l->limit);
    struct query q = query(&r->conn, l->only_held ? SQL_approval_list
                                                  : SQL_notification_list);
    struct flights f = {0};

    l->notifications = ARENA_ARRAY(req->arena, struct notification, limit);
    l->counts = arena_array(req->arena, limit, sizeof(*l->counts));
    l->n_notifications = 0;
    l->has_more = false;
    put_int(&q, l->tenant);
    put_int(&q, before_or_end(l->before));
    put_int(&q, (int64_t)limit + 1);
    while (page_row(&q, l->n_notifications, limit, &l->has_more))
        take_notification(&q, req->arena,
                          &l->notifications[l->n_notifications++]);
    for (size_t i = 0; i < l->n_notifications; i++) {
        look_for_work(r, &l->notifications[i]);
        count_statuses(r, req->arena, &f, &l->notifications[i], STR_NONE,
                       l->counts[i]);
    }
    return ERR_OK;
}

/* ---- lists of deliveries ---- */

#define LOOKED_AT_MAX 50000 /* rows behind one page of a list */

static bool
matches(const struct delivery *d, const struct store_delivery_filter *f)
{
    return (!f->has_status || d->status == f->status) &&
           (f->channel.n == 0 || str_eq(d->channel, f->channel)) &&
           (f->provider.n == 0 || str_eq(d->provider, f->provider)) &&
           (f->user.n == 0 || str_eq(d->user, f->user)) &&
           (f->error.n == 0 || str_eq(d->error, f->error)) &&
           (f->notification == 0 || d->notification == f->notification) &&
           d->created_ms >= f->since_ms;
}

static struct query
list_query(struct reader *r, const struct store_delivery_list *l)
{
    const struct store_delivery_filter *f = &l->filter;
    enum sql which = SQL_delivery_list;
    struct query q;

    if (f->notification != 0 && has_children(r, f->notification))
        which = SQL_children_list;
    else if (f->notification != 0)
        which = SQL_delivery_list_of;
    else if (f->has_status &&
             (f->status == DELIVERY_FAILED || f->status == DELIVERY_DEAD))
        which = SQL_delivery_list_dead;
    q = query(&r->conn, which);
    put_int(&q, l->tenant);
    put_int(&q, before_or_end(l->before));
    if (f->notification != 0)
        put_int(&q, f->notification);
    return q;
}

/* Takes it if it matches; false: the page is full without it. */
static bool
offer(struct store_delivery_list *l, const struct delivery *d, size_t limit)
{
    if (!matches(d, &l->filter))
        return true;
    if (l->n_deliveries == limit) {
        l->has_more = true;
        return false;
    }
    l->deliveries[l->n_deliveries++] = *d;
    return true;
}

/* Those in flight are few and known, so they are not looked for. */
static void
list_flying(struct reader *r, struct store_delivery_list *l, struct flights *f,
            size_t limit)
{
    struct arena *a = l->req.arena;

    load_flights(r, a, f);
    for (size_t i = f->n; i > 0; i--) {
        struct query q = query(&r->conn, SQL_delivery_get);
        struct delivery d = {0};

        if (f->refs[i - 1].delivery >= before_or_end(l->before))
            continue;
        put_int(&q, f->refs[i - 1].delivery);
        put_int(&q, l->tenant);
        if (!query_row(&q))
            continue;
        take_delivery(&q, a, &d);
        query_end(&q);
        mark_flying(r, a, f, &d);
        show_parent(r, &d);
        if (!offer(l, &d, limit))
            return;
    }
}

enum err
read_delivery_list(struct reader *r, struct store_req *req)
{
    struct store_delivery_list *l =
        CONTAINER_OF(req, struct store_delivery_list, req);
    struct flights f = {0};
    size_t limit = page_size(l->limit), n = 0;
    struct arena *row = arena_new(); /* of those that do not match */
    struct query q;

    l->deliveries = ARENA_ARRAY(req->arena, struct delivery, limit);
    l->n_deliveries = 0;
    l->has_more = false;
    l->next_before = 0;
    if (l->filter.has_status && l->filter.status == DELIVERY_SENDING) {
        list_flying(r, l, &f, limit);
        goto out;
    }
    q = list_query(r, l);
    while (query_row(&q)) {
        struct delivery d = {0};
        size_t had = l->n_deliveries;

        arena_reset(row);
        take_delivery(&q, row, &d);
        mark_flying(r, req->arena, &f, &d);
        if (!offer(l, &d, limit)) {
            query_end(&q);
            break;
        }
        if (l->n_deliveries > had) {
            q.at = 0;
            take_delivery(&q, req->arena, &l->deliveries[had]);
            l->deliveries[had].status = d.status;
            show_parent(r, &l->deliveries[had]);
        }
        if (++n == LOOKED_AT_MAX) {
            l->has_more = true;
            l->next_before = d.id;
            query_end(&q);
            break;
        }
    }
out:
    if (l->has_more && l->next_before == 0 && l->n_deliveries > 0)
        l->next_before = l->deliveries[l->n_deliveries - 1].id;
    arena_free(row);
    return ERR_OK;
}
