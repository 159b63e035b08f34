/* read_more.c - configuration, inboxes, groups and sums. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/list.h"
#include "store/migration.h"
#include "store/sqlite/reader.h"

/* ---- objects ---- */

static void
take_object(struct query *q, struct arena *a, enum object_kind kind,
            struct object *ret)
{
    ret->kind = kind;
    ret->tenant = take_int(q);
    ret->key = take_text(q, a);
    ret->num = take_int(q);
    ret->version = take_int(q);
    ret->created_ms = take_int(q);
    ret->updated_ms = take_int(q);
    ret->body = take_blob(q, a);
}

enum err
read_object_get(struct reader *r, struct store_req *req)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);

    g->objects = ARENA_ARRAY(req->arena, struct object, g->n_keys);
    for (size_t i = 0; i < g->n_keys; i++) {
        struct query q = query(&r->conn, SQL_object_get);
        enum object_kind kind = object_kind_asked(g, i);

        g->objects[i] = (struct object){
            .tenant = g->tenant, .kind = kind, .key = g->keys[i]};
        put_int(&q, kind);
        put_int(&q, g->tenant);
        put_text(&q, g->keys[i]);
        if (query_row(&q)) {
            take_object(&q, req->arena, kind, &g->objects[i]);
            query_end(&q);
        }
    }
    return ERR_OK;
}

enum err
read_object_list(struct reader *r, struct store_req *req)
{
    struct store_object_list *l =
        CONTAINER_OF(req, struct store_object_list, req);
    bool is_all = l->tenant < 0;
    size_t limit = page_size(l->limit);
    struct query q =
        query(&r->conn, is_all ? SQL_object_list_all : SQL_object_list);

    l->objects = ARENA_ARRAY(req->arena, struct object, limit);
    l->n_objects = 0;
    l->has_more = false;
    put_int(&q, l->kind);
    put_int(&q, is_all ? l->after_tenant : l->tenant);
    put_text(&q, l->after);
    put_int(&q, (int64_t)limit + 1);
    while (page_row(&q, l->n_objects, limit, &l->has_more))
        take_object(&q, req->arena, l->kind, &l->objects[l->n_objects++]);
    return ERR_OK;
}

enum err
read_changes(struct reader *r, struct store_req *req)
{
    struct store_changes *c = CONTAINER_OF(req, struct store_changes, req);
    size_t limit = page_size(c->limit);
    struct query q = query(&r->conn, SQL_change_bounds);
    int64_t first_seq = 0;

    c->changes = ARENA_ARRAY(req->arena, struct store_change, limit);
    c->n_changes = 0;
    c->last_seq = 0;
    if (query_row(&q)) {
        first_seq = take_int(&q);
        c->last_seq = take_int(&q);
        query_end(&q);
    }
    if (first_seq > c->after_seq + 1)
        return ERR_NOT_FOUND;
    q = query(&r->conn, SQL_changes);
    put_int(&q, c->after_seq);
    put_int(&q, (int64_t)limit);
    while (query_row(&q)) {
        struct store_change *one = &c->changes[c->n_changes++];

        one->seq = take_int(&q);
        one->tenant = take_int(&q);
        one->kind = (enum object_kind)take_int(&q);
        one->key = take_text(&q, req->arena);
    }
    return ERR_OK;
}

#define CANCEL_MAX 100

enum err
read_cancel_find(struct reader *r, struct store_req *req)
{
    struct store_cancel_find *f =
        CONTAINER_OF(req, struct store_cancel_find, req);
    size_t limit = f->limit < CANCEL_MAX ? f->limit : CANCEL_MAX, n = 0;
    struct query q =
        query(&r->conn, f->key.n > 0 ? SQL_cancel_find : SQL_children_find);
    int64_t id = 0;

    f->notifications = ARENA_ARRAY(req->arena, int64_t, limit);
    f->n_notifications = 0;
    put_int(&q, f->tenant);
    if (f->key.n > 0)
        put_text(&q, f->key);
    else
        put_int(&q, f->parent);
    put_int(&q, f->before > 0 ? f->before : INT64_MAX);
    put_int(&q, (int64_t)limit);
    for (; query_row(&q); n++) {
        id = take_int(&q);
        if (take_int(&q) != 0)
            f->notifications[f->n_notifications++] = id;
    }
    f->next_before = n == limit ? id : 0;
    return ERR_OK;
}

enum err
read_dedup_get(struct reader *r, struct store_req *req)
{
    struct store_dedup_get *g = CONTAINER_OF(req, struct store_dedup_get, req);

    g->ids = ARENA_ARRAY(req->arena, int64_t, g->n_keys);
    for (size_t i = 0; i < g->n_keys; i++) {
        struct query q = query(&r->conn, SQL_dedup_read);

        put_int(&q, g->tenant);
        put_text(&q, g->keys[i]);
        put_int(&q, g->now_ms);
        if (query_row(&q)) {
            g->ids[i] = take_int(&q);
            query_end(&q);
        }
    }
    return ERR_OK;
}

/* ---- inboxes ---- */

static void
take_item(struct query *q, struct arena *a, struct inbox_item *ret)
{
    ret->id = take_int(q);
    ret->tenant = take_int(q);
    ret->notification = take_int(q);
    ret->delivery = take_int(q);
    ret->user = take_text(q, a);
    ret->rev = take_int(q);
    ret->created_ms = take_int(q);
    ret->seen_ms = take_int(q);
    ret->read_ms = take_int(q);
    ret->archived_ms = take_int(q);
    ret->category = take_text(q, a);
    ret->content = take_text(q, a);
}

static void
load_user(struct reader *r, int64_t tenant, struct str user, int64_t *ret_rev,
          struct inbox_counts *ret_counts)
{
    struct query q = query(&r->conn, SQL_inbox_user_read);

    *ret_rev = 0;
    *ret_counts = (struct inbox_counts){0};
    put_int(&q, tenant);
    put_text(&q, user);
    if (!query_row(&q))
        return;
    *ret_rev = take_int(&q);
    ret_counts->unseen = take_int(&q);
    ret_counts->unread = take_int(&q);
    query_end(&q);
}

enum err
read_inbox_list(struct reader *r, struct store_req *req)
{
    struct store_inbox_list *l =
        CONTAINER_OF(req, struct store_inbox_list, req);
    size_t limit = page_size(l->limit);
    struct query q = query(&r->conn, SQL_inbox_list);

    l->items = ARENA_ARRAY(req->arena, struct inbox_item, limit);
    l->n_items = 0;
    l->has_more = false;
    l->epoch = r->epoch;
    load_user(r, l->tenant, l->user, &l->rev, &l->counts);
    if (limit == 0)
        return ERR_OK;
    put_int(&q, l->tenant);
    put_text(&q, l->user);
    put_int(&q, l->before > 0 ? l->before : INT64_MAX);
    put_int(&q, l->is_archived);
    put_int(&q, l->only_unread);
    put_int(&q, (int64_t)limit + 1);
    while (page_row(&q, l->n_items, limit, &l->has_more))
        take_item(&q, req->arena, &l->items[l->n_items++]);
    return ERR_OK;
}

enum err
read_inbox_get(struct reader *r, struct store_req *req)
{
    struct store_inbox_get *g = CONTAINER_OF(req, struct store_inbox_get, req);
    struct query q =
        query(&r->conn, g->id ? SQL_inbox_item_read : SQL_inbox_item_find);

    put_int(&q, g->tenant);
    put_text(&q, g->user);
    put_int(&q, g->id ? g->id : g->notification);
    if (!g->id)
        put_int(&q, g->delivery);
    if (!query_row(&q))
        return ERR_NOT_FOUND;
    g->item = ARENA_NEW(req->arena, struct inbox_item);
    take_item(&q, req->arena, g->item);
    query_end(&q);
    return ERR_OK;
}

static void
fill_event(struct reader *r, struct store_inbox_replay *p,
           struct inbox_event *e, struct str ids)
{
    struct query q;

    e->counts = p->counts;
    e->n_ids = ids.n / sizeof(int64_t);
    if (e->kind == INBOX_EVENT_STATE) {
        e->ids = arena_copy(p->req.arena, ids.p, ids.n);
    } else if (e->kind == INBOX_EVENT_ITEM && e->n_ids == 1) {
        memcpy(&e->item.id, ids.p, sizeof(int64_t));
        q = query(&r->conn, SQL_inbox_item_read);
        put_int(&q, p->tenant);
        put_text(&q, p->user);
        put_int(&q, e->item.id);
        if (query_row(&q)) {
            take_item(&q, p->req.arena, &e->item);
            query_end(&q);
        }
        e->n_ids = 0;
    }
}

enum err
read_inbox_replay(struct reader *r, struct store_req *req)
{
    struct store_inbox_replay *p =
        CONTAINER_OF(req, struct store_inbox_replay, req);
    struct query q;
    size_t room;

    p->events = NULL;
    p->n_events = 0;
    p->now_epoch = r->epoch;
    load_user(r, p->tenant, p->user, &p->now_rev, &p->counts);
    p->has_gap = p->epoch != p->now_epoch || p->after_rev < 0 ||
                 p->after_rev > p->now_rev ||
                 p->now_rev - p->after_rev > INBOX_REPLAY_MAX;
    if (p->has_gap || p->after_rev == p->now_rev)
        return ERR_OK;
    room = (size_t)(p->now_rev - p->after_rev);
    p->events = ARENA_ARRAY(req->arena, struct inbox_event, room);
    q = query(&r->conn, SQL_inbox_events);
    put_int(&q, p->tenant);
    put_text(&q, p->user);
    put_int(&q, p->after_rev);
    while (p->n_events < room && query_row(&q)) {
        struct inbox_event *e = &p->events[p->n_events++];

        e->rev = take_int(&q);
        e->kind = (int)take_int(&q);
        e->change = (enum inbox_change)take_int(&q);
        e->before_rev = take_int(&q);
        e->at_ms = take_int(&q);
        fill_event(r, p, e, take_blob(&q, req->arena));
    }
    query_end(&q);
    return ERR_OK;
}

enum err
read_inbox_revs(struct reader *r, struct store_req *req)
{
    struct store_inbox_revs *v =
        CONTAINER_OF(req, struct store_inbox_revs, req);
    struct inbox_counts counts;

    v->epoch = r->epoch;
    for (size_t i = 0; i < v->n_places; i++) {
        struct inbox_place *p = &v->places[i];

        load_user(r, p->tenant, p->user, &p->rev, &counts);
    }
    return ERR_OK;
}

/* ---- groups, sums ---- */

#define GROUPED_MAX                                                            \
    100000 /* the newest dead letters; older are not counted                   \
            */

enum err
read_delivery_groups(struct reader *r, struct store_req *req)
{
    struct store_delivery_groups *g =
        CONTAINER_OF(req, struct store_delivery_groups, req);
    size_t limit = page_size(g->limit);
    struct query q = query(&r->conn, SQL_delivery_groups);

    g->groups = ARENA_ARRAY(req->arena, struct store_group, limit);
    g->n_groups = 0;
    put_int(&q, g->tenant);
    put_int(&q, GROUPED_MAX);
    put_int(&q, (int64_t)limit);
    while (query_row(&q)) {
        struct store_group *one = &g->groups[g->n_groups++];

        one->channel = take_text(&q, req->arena);
        one->provider = take_text(&q, req->arena);
        one->error = take_text(&q, req->arena);
        one->status = (enum delivery_status)take_int(&q);
        one->n = take_int(&q);
        one->sample = take_int(&q);
        one->first_ms = take_int(&q);
        one->last_ms = take_int(&q);
    }
    return ERR_OK;
}

/* Its row; the lanes that hold something are few. */
static struct store_lane_stat *
lane_stat(struct buf *all, int64_t lane)
{
    size_t n = all->n / sizeof(struct store_lane_stat);
    struct store_lane_stat *rows, fresh = {.lane = lane};

    rows = (struct store_lane_stat *)(void *)all->p;
    for (size_t i = 0; i < n; i++)
        if (rows[i].lane == lane)
            return &rows[i];
    buf_put(all, &fresh, sizeof(fresh));
    return (struct store_lane_stat *)(void *)all->p + n;
}

static void
birth(struct reader *r, int64_t delivery, struct store_lane_stat *s)
{
    struct query q = query(&r->conn, SQL_delivery_birth);
    int64_t created_ms;

    put_int(&q, delivery);
    if (!query_row(&q))
        return;
    s->tenant = take_int(&q);
    created_ms = take_int(&q);
    if (s->oldest_ready_ms == 0 || created_ms < s->oldest_ready_ms)
        s->oldest_ready_ms = created_ms;
    query_end(&q);
}

static int64_t
file_bytes(const char *path, const char *tail)
{
    char name[4096];
    struct stat st;
    int n = snprintf(name, sizeof(name), "%s%s", path, tail);

    if (n < 0 || (size_t)n >= sizeof(name) || stat(name, &st) != 0)
        return 0;
    return st.st_size;
}

static void
list_lanes(struct reader *r, struct buf *lanes)
{
    int64_t last = INT64_MIN;
    struct query q;

    for (;;) {
        struct store_lane_stat *one;

        q = query(&r->conn, SQL_lane_next);
        put_int(&q, last);
        if (!query_row(&q))
            return;
        last = take_int(&q);
        one = lane_stat(lanes, last < 0 ? -last : last);
        one->tenant = take_int(&q);
        one->n_ready++;
        query_end(&q);
    }
}

enum err
read_stats(struct reader *r, struct store_req *req)
{
    struct store_stats *s = CONTAINER_OF(req, struct store_stats, req);
    struct query q;
    struct buf lanes;

    buf_init(&lanes, req->arena);
    if (s->only_lanes) {
        list_lanes(r, &lanes);
        s->lanes = (struct store_lane_stat *)(void *)lanes.p;
        s->n_lanes = lanes.n / sizeof(struct store_lane_stat);
        return ERR_OK;
    }
    q = query(&r->conn, SQL_lane_ready);
    while (query_row(&q)) {
        int64_t lane = take_int(&q);
        int64_t n = take_int(&q);
        struct store_lane_stat *one =
            lane_stat(&lanes, lane < 0 ? -lane : lane);

        one->n_ready += n;
        birth(r, take_int(&q), one);
    }
    q = query(&r->conn, SQL_lane_waiting);
    while (query_row(&q)) {
        int64_t tenant = take_int(&q);
        struct store_lane_stat *one = lane_stat(&lanes, take_int(&q));

        one->tenant = tenant;
        one->n_waiting += take_int(&q);
    }
    s->lanes = (struct store_lane_stat *)(void *)lanes.p;
    s->n_lanes = lanes.n / sizeof(struct store_lane_stat);
    s->n_dead = 0;
    q = query(&r->conn, SQL_dead_count);
    if (query_row(&q)) {
        s->n_dead = take_int(&q);
        query_end(&q);
    }
    s->file_bytes = file_bytes(r->path, "");
    s->wal_bytes = file_bytes(r->path, "-wal");
    s->schema = sqlite_migrations.n;
    return ERR_OK;
}

enum err
read_reports(struct reader *r, struct store_req *req)
{
    struct store_reports *q = CONTAINER_OF(req, struct store_reports, req);

    (void)r;
    q->n_processes = q->n_past = q->n_owners = 0;
    return ERR_OK;
}

/* Of one sign; the oldest of those that are claimed first. */
static void
count_lane(struct reader *r, int64_t lane, struct store_lane_stat *s)
{
    struct query q = query(&r->conn, SQL_lane_count);
    int64_t n, first;

    put_int(&q, lane);
    put_int(&q, STORE_LANE_COUNT_MAX);
    if (!query_row(&q))
        return;
    n = take_int(&q);
    first = take_int(&q);
    query_end(&q);
    s->n_ready += n;
    if (n > 0)
        birth(r, first, s);
}

enum err
read_lanes(struct reader *r, struct store_req *req)
{
    struct store_lanes *l = CONTAINER_OF(req, struct store_lanes, req);
    struct query q;

    l->states = ARENA_ARRAY(req->arena, struct store_lane_state, l->n_lanes);
    for (size_t i = 0; i < l->n_lanes; i++) {
        struct store_lane_stat s = {0};

        count_lane(r, l->lanes[i], &s);
        count_lane(r, -l->lanes[i], &s);
        if (s.n_ready > 0 && s.tenant != l->tenant)
            continue;
        l->states[i].n_ready = s.n_ready;
        l->states[i].oldest_ready_ms = s.oldest_ready_ms;
    }
    q = query(&r->conn, SQL_lane_waiting);
    while (query_row(&q)) {
        int64_t tenant = take_int(&q), lane = take_int(&q), n = take_int(&q);

        for (size_t i = 0; tenant == l->tenant && i < l->n_lanes; i++)
            if (l->lanes[i] == lane)
                l->states[i].n_waiting = n;
    }
    return ERR_OK;
}
