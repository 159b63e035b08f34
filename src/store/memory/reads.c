/* reads.c - notifications, deliveries and sums in memory. */
#include <stdlib.h>

#include "base/list.h"
#include "store/memory/workflow.h"

static struct delivery
as_read(struct mem *m, struct arena *a, const struct mem_delivery *d)
{
    struct delivery c = mem_copy_delivery(a, &d->d);
    int64_t parent = mem_parent_of(m, c.notification);

    if (d->is_flying)
        c.status = DELIVERY_SENDING;
    c.notification = parent != 0 ? parent : c.notification;
    return c;
}

static struct attempt *
attempts_of(struct mem *m, struct arena *a, int64_t delivery, size_t *ret_n)
{
    struct rows found = {0};

    buf_init(&found.bytes, a);
    ROW_EACH(struct mem_attempt, t, &m->attempts)
    if (t->delivery == delivery)
        *ROW_ADD(&found, struct attempt) = mem_copy_attempt(a, &t->a);
    *ret_n = found.n;
    return (struct attempt *)(void *)found.bytes.p;
}

enum err
mem_delivery_get(struct mem *m, struct store_req *req)
{
    struct store_delivery_get *g =
        CONTAINER_OF(req, struct store_delivery_get, req);
    const struct mem_delivery *d = mem_find(m, g->tenant, g->id);

    if (!d)
        return ERR_NOT_FOUND;
    g->delivery = as_read(m, req->arena, d);
    g->own_notification = d->d.notification;
    g->attempts = attempts_of(m, req->arena, g->id, &g->n_attempts);
    return ERR_OK;
}

/* Or of one that is below it. */
static bool
is_of(struct mem *m, const struct mem_delivery *d, int64_t notification)
{
    return d->d.notification == notification ||
           mem_parent_of(m, d->d.notification) == notification;
}

static void
count_statuses(struct mem *m, int64_t notification, struct str user,
               struct store_count counts[static DELIVERY_STATUS_COUNT])
{
    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++)
        counts[i] = (struct store_count){.status = (enum delivery_status)i};
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    if (is_of(m, d, notification) && !d->is_gone &&
        (user.n == 0 || str_eq(user, d->d.user)))
        counts[d->is_flying ? DELIVERY_SENDING : d->d.status].n++;
}

static int
by_id(const void *a, const void *b)
{
    const struct delivery *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static void
load_steps(struct mem *m, struct store_notification_get *g)
{
    struct rows found = {0};

    buf_init(&found.bytes, g->req.arena);
    ROW_EACH(struct mem_step, s, &m->steps)
    if (s->tenant == g->tenant && s->s.notification == g->id &&
        (g->user.n == 0 || str_eq(g->user, s->s.user) || s->s.id == g->id))
        *ROW_ADD(&found, struct store_step) = s->s;
    g->steps = (struct store_step *)(void *)found.bytes.p;
    g->n_steps = found.n < STORE_STEPS_MAX ? found.n : STORE_STEPS_MAX;
}

static void
load_deliveries(struct mem *m, struct store_notification_get *g)
{
    struct arena *a = g->req.arena;
    struct rows found = {0};

    buf_init(&found.bytes, a);
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    if (is_of(m, d, g->id) && !d->is_gone &&
        (g->user.n == 0 || str_eq(g->user, d->d.user)))
        *ROW_ADD(&found, struct delivery) = as_read(m, a, d);
    g->deliveries = (struct delivery *)(void *)found.bytes.p;
    if (found.n > 0)
        qsort(g->deliveries, found.n, sizeof(*g->deliveries), by_id);
    g->n_deliveries = found.n < g->max_deliveries ? found.n : g->max_deliveries;
    g->attempts = NULL;
    g->n_attempts = NULL;
    g->n_steps = 0;
    if (!g->wants_attempts)
        return;
    load_steps(m, g);
    g->attempts = ARENA_ARRAY(a, struct attempt *, g->n_deliveries);
    g->n_attempts = ARENA_ARRAY(a, size_t, g->n_deliveries);
    for (size_t i = 0; i < g->n_deliveries; i++)
        g->attempts[i] =
            attempts_of(m, a, g->deliveries[i].id, &g->n_attempts[i]);
}

static void
look_for_work(struct mem *m, struct notification *n)
{
    const struct mem_work *w = mem_work_of(m, n->tenant, n->id);

    n->is_planning = w != NULL;
    n->due_ms = w ? w->due_ms : 0;
    n->is_running = mem_instance_is_left(m, n->id);
    n->is_held = mem_is_held(w);
    n->is_expired = mem_is_expired(m, n->id);
}

enum err
mem_notification_get(struct mem *m, struct store_req *req)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);

    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == g->id && n->n.tenant == g->tenant && !n->is_gone) {
        g->notification = mem_copy_notification(req->arena, &n->n);
        look_for_work(m, &g->notification);
        count_statuses(m, g->id, g->user, g->counts);
        load_deliveries(m, g);
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}

enum err
mem_notification_list(struct mem *m, struct store_req *req)
{
    struct store_notification_list *l =
        CONTAINER_OF(req, struct store_notification_list, req);
    int64_t before = l->before > 0 ? l->before : INT64_MAX;

    l->notifications = ARENA_ARRAY(req->arena, struct notification, l->limit);
    l->counts = arena_array(req->arena, l->limit, sizeof(*l->counts));
    l->n_notifications = 0;
    l->has_more = false;
    for (;;) {
        const struct notification *best = NULL;

        ROW_EACH(struct mem_notification, n, &m->notifications)
        if (n->n.tenant == l->tenant && n->n.parent == 0 && !n->is_gone &&
            n->n.template_version >= 0 && n->n.id < before &&
            (!best || n->n.id > best->id) &&
            (!l->only_held || mem_is_held(mem_work_of(m, l->tenant, n->n.id))))
            best = &n->n;
        l->has_more = best && l->n_notifications == l->limit;
        if (!best || l->has_more)
            return ERR_OK;
        count_statuses(m, best->id, STR_NONE, l->counts[l->n_notifications]);
        l->notifications[l->n_notifications] =
            mem_copy_notification(req->arena, best);
        look_for_work(m, &l->notifications[l->n_notifications++]);
        before = best->id;
    }
}

static bool
matches(struct mem *m, const struct mem_delivery *row,
        const struct store_delivery_filter *f)
{
    const struct delivery *d = &row->d;
    enum delivery_status s = row->is_flying ? DELIVERY_SENDING : d->status;

    return (!f->has_status || s == f->status) &&
           (f->channel.n == 0 || str_eq(d->channel, f->channel)) &&
           (f->provider.n == 0 || str_eq(d->provider, f->provider)) &&
           (f->user.n == 0 || str_eq(d->user, f->user)) &&
           (f->error.n == 0 || str_eq(d->error, f->error)) &&
           (f->notification == 0 || is_of(m, row, f->notification)) &&
           d->created_ms >= f->since_ms;
}

enum err
mem_delivery_list(struct mem *m, struct store_req *req)
{
    struct store_delivery_list *l =
        CONTAINER_OF(req, struct store_delivery_list, req);
    int64_t before = l->before > 0 ? l->before : INT64_MAX;

    l->deliveries = ARENA_ARRAY(req->arena, struct delivery, l->limit);
    l->n_deliveries = 0;
    l->next_before = 0;
    for (;;) {
        const struct mem_delivery *best = NULL;

        ROW_EACH(struct mem_delivery, d, &m->deliveries)
        if (d->d.tenant == l->tenant && !d->is_gone && d->d.id < before &&
            matches(m, d, &l->filter) && (!best || d->d.id > best->d.id))
            best = d;
        l->has_more = best && l->n_deliveries == l->limit;
        if (l->has_more)
            l->next_before = before;
        if (!best || l->has_more)
            return ERR_OK;
        l->deliveries[l->n_deliveries++] = as_read(m, req->arena, best);
        before = best->d.id;
    }
}

static struct store_group *
group_of(struct rows *groups, const struct delivery *d)
{
    struct store_group *fresh;

    ROW_EACH(struct store_group, g, groups)
    if (g->status == d->status && str_eq(g->channel, d->channel) &&
        str_eq(g->provider, d->provider) && str_eq(g->error, d->error))
        return g;
    fresh = ROW_ADD(groups, struct store_group);
    fresh->status = d->status;
    fresh->channel = d->channel;
    fresh->provider = d->provider;
    fresh->error = d->error;
    fresh->first_ms = INT64_MAX;
    return fresh;
}

static int
by_size(const void *a, const void *b)
{
    const struct store_group *x = a, *y = b;

    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return (x->sample < y->sample) - (x->sample > y->sample);
}

static bool
is_dead(const struct mem_delivery *d)
{
    return !d->is_gone &&
           (d->d.status == DELIVERY_FAILED || d->d.status == DELIVERY_DEAD);
}

enum err
mem_delivery_groups(struct mem *m, struct store_req *req)
{
    struct store_delivery_groups *g =
        CONTAINER_OF(req, struct store_delivery_groups, req);
    struct rows groups = {0};

    buf_init(&groups.bytes, req->arena);
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    {
        struct delivery copy;
        struct store_group *one;

        if (d->d.tenant != g->tenant || !is_dead(d))
            continue;
        copy = mem_copy_delivery(req->arena, &d->d);
        one = group_of(&groups, &copy);
        one->n++;
        one->sample = copy.id > one->sample ? copy.id : one->sample;
        if (copy.updated_ms < one->first_ms)
            one->first_ms = copy.updated_ms;
        if (copy.updated_ms > one->last_ms)
            one->last_ms = copy.updated_ms;
    }
    g->groups = (struct store_group *)(void *)groups.bytes.p;
    if (groups.n > 0)
        qsort(g->groups, groups.n, sizeof(*g->groups), by_size);
    g->n_groups = groups.n < g->limit ? groups.n : g->limit;
    return ERR_OK;
}

static struct store_lane_stat *
lane_stat(struct rows *lanes, const struct mem_delivery *d, int64_t lane)
{
    struct store_lane_stat *fresh;

    lane = lane < 0 ? -lane : lane;
    ROW_EACH(struct store_lane_stat, l, lanes)
    if (l->lane == lane)
        return l;
    fresh = ROW_ADD(lanes, struct store_lane_stat);
    fresh->lane = lane;
    fresh->tenant = d->d.tenant;
    return fresh;
}

static bool
is_open(struct mem *m, const struct notification *n)
{
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    if (is_of(m, d, n->id) && d->d.tenant == n->tenant && !d->is_gone &&
        !delivery_status_is_terminal(d->d.status))
        return true;
    return mem_work_of(m, n->tenant, n->id) != NULL ||
           mem_instance_is_left(m, n->id);
}

static bool
is_meant(const struct mem_notification *n, const struct store_cancel_find *f)
{
    if (f->key.n == 0)
        return n->n.parent == f->parent;
    return str_eq(n->cancel_key, f->key);
}

enum err
mem_cancel_find(struct mem *m, struct store_req *req)
{
    struct store_cancel_find *f =
        CONTAINER_OF(req, struct store_cancel_find, req);
    int64_t before = f->before > 0 ? f->before : INT64_MAX;

    f->notifications = ARENA_ARRAY(req->arena, int64_t, f->limit);
    f->n_notifications = 0;
    f->next_before = 0;
    for (size_t i = 0; i < f->limit; i++) {
        const struct mem_notification *best = NULL;

        ROW_EACH(struct mem_notification, n, &m->notifications)
        if (n->n.tenant == f->tenant && !n->is_gone && n->n.id < before &&
            is_meant(n, f) && (!best || n->n.id > best->n.id))
            best = n;
        if (!best)
            return ERR_OK;
        before = best->n.id;
        if (is_open(m, &best->n))
            f->notifications[f->n_notifications++] = before;
    }
    f->next_before = before;
    return ERR_OK;
}

enum err
mem_dedup_get(struct mem *m, struct store_req *req)
{
    struct store_dedup_get *g = CONTAINER_OF(req, struct store_dedup_get, req);

    g->ids = ARENA_ARRAY(req->arena, int64_t, g->n_keys);
    ROW_EACH(struct mem_dedup, d, &m->dedups)
    for (size_t i = 0; i < g->n_keys; i++)
        if (d->tenant == g->tenant && d->until_ms > g->now_ms &&
            str_eq(d->key, g->keys[i]))
            g->ids[i] = d->id;
    return ERR_OK;
}

enum err
mem_stats(struct mem *m, struct store_req *req)
{
    struct store_stats *s = CONTAINER_OF(req, struct store_stats, req);
    struct rows lanes = {0};

    buf_init(&lanes.bytes, req->arena);
    s->n_dead = s->file_bytes = s->wal_bytes = 0;
    s->schema = 0;
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    {
        struct store_lane_stat *l;

        s->n_dead += is_dead(d);
        if (d->is_gone || (d->ready_lane == 0 && d->wait_lane == 0))
            continue;
        l = lane_stat(&lanes, d, d->ready_lane ? d->ready_lane : d->wait_lane);
        l->n_waiting += d->ready_lane == 0;
        if (d->ready_lane == 0)
            continue;
        l->n_ready++;
        if (l->oldest_ready_ms == 0 || d->d.created_ms < l->oldest_ready_ms)
            l->oldest_ready_ms = d->d.created_ms;
    }
    s->lanes = (struct store_lane_stat *)(void *)lanes.bytes.p;
    s->n_lanes = lanes.n;
    return ERR_OK;
}

enum err
mem_reports(struct mem *m, struct store_req *req)
{
    struct store_reports *q = CONTAINER_OF(req, struct store_reports, req);

    (void)m;
    q->n_processes = q->n_past = q->n_owners = 0;
    return ERR_OK;
}

enum err
mem_lanes(struct mem *m, struct store_req *req)
{
    struct store_lanes *q = CONTAINER_OF(req, struct store_lanes, req);

    q->states = ARENA_ARRAY(req->arena, struct store_lane_state, q->n_lanes);
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    {
        int64_t lane = d->ready_lane ? d->ready_lane : d->wait_lane;

        lane = lane < 0 ? -lane : lane;
        for (size_t i = 0; i < q->n_lanes; i++) {
            struct store_lane_state *s = &q->states[i];

            if (d->is_gone || lane == 0 || q->lanes[i] != lane ||
                d->d.tenant != q->tenant)
                continue;
            s->n_waiting += d->ready_lane == 0;
            s->n_ready += d->ready_lane != 0;
            if (d->ready_lane != 0 && (s->oldest_ready_ms == 0 ||
                                       d->d.created_ms < s->oldest_ready_ms))
                s->oldest_ready_ms = d->d.created_ms;
        }
    }
    return ERR_OK;
}
