/* read_more.c - configuration, inboxes, groups and sums. */
#include <assert.h>

#include "base/list.h"
#include "store/migration.h"
#include "store/postgres/pg_store.h"

#define LIST_MAX 1000 /* of anything in one answer */

static size_t
page(size_t limit)
{
    return limit < LIST_MAX ? limit : LIST_MAX;
}

/* ---- objects ---- */

static void
take_content(struct pg_rows *r, struct arena *a, struct object *ret)
{
    ret->num = pg_int(r);
    ret->version = pg_int(r);
    ret->created_ms = pg_int(r);
    ret->updated_ms = pg_int(r);
    ret->body = pg_text(r, a);
}

/* Every send asks for its users, so these questions go many at a time: one
 * array of keys for all of them, and where each answer goes. */
#define TOGETHER_MAX 64
#define KEYS_MAX 4000 /* in all of them; one alone may have more */

struct wanted {
    struct object *object;
    struct arena *arena;
};

static size_t
n_keys(struct store_req *req)
{
    return CONTAINER_OF(req, struct store_object_get, req)->n_keys;
}

static bool
object_get_joins(const struct pg_op *op, struct store_req *req)
{
    size_t n = n_keys(req);

    for (size_t i = 0; i < op->n; i++)
        n += n_keys(op->reqs[i]);
    return n <= KEYS_MAX;
}

static void
objects_got(struct pg_op *op)
{
    const struct wanted *all = op->state;
    struct pg_rows r = pg_op_rows(op, 0);

    while (pg_next(&r)) {
        const struct wanted *w = &all[pg_int(&r)];

        take_content(&r, w->arena, w->object);
    }
    pg_op_done(op);
}

/* Adds its keys; ret_wanted: a row for each of them. */
static void
ask_for(struct store_object_get *g, struct pg_columns *c, size_t at,
        struct wanted *ret_wanted)
{
    g->objects = ARENA_ARRAY(g->req.arena, struct object, g->n_keys);
    for (size_t i = 0; i < g->n_keys; i++) {
        enum object_kind kind = object_kind_asked(g, i);

        g->objects[i] = (struct object){
            .tenant = g->tenant, .kind = kind, .key = g->keys[i]};
        ret_wanted[i] = (struct wanted){&g->objects[i], g->req.arena};
        pg_col_int(c, (int64_t)(at + i));
        pg_col_int(c, kind);
        pg_col_int(c, g->tenant);
        pg_col_text(c, g->keys[i]);
    }
}

static void
object_get(struct pg_op *op)
{
    size_t total = 0, at = 0;
    struct pg_params *p = pg_op_params(op);
    struct pg_columns c;
    struct wanted *all;

    for (size_t i = 0; i < op->n; i++)
        total += n_keys(op->reqs[i]);
    all = ARENA_ARRAY(op->arena, struct wanted, total);
    pg_columns_init(&c, op->arena, "islT", total);
    for (size_t i = 0; i < op->n; i++) {
        ask_for(CONTAINER_OF(op->reqs[i], struct store_object_get, req), &c, at,
                &all[at]);
        at += n_keys(op->reqs[i]);
    }
    op->state = all;
    pg_put_columns(p, &c);
    pg_op_send(op, PG_object_get);
    pg_op_commit(op, objects_got);
}

const struct pg_verb pg_verb_object_get = {
    .begin = object_get, .max = TOGETHER_MAX, .joins = object_get_joins};

static void
objects_listed(struct pg_op *op)
{
    struct store_object_list *l =
        CONTAINER_OF(op->reqs[0], struct store_object_list, req);
    struct arena *a = l->req.arena;
    struct pg_rows r = pg_op_rows(op, 0);
    size_t limit = page(l->limit);

    l->objects = ARENA_ARRAY(a, struct object, limit);
    l->n_objects = 0;
    while (l->n_objects < limit && pg_next(&r)) {
        struct object *o = &l->objects[l->n_objects++];

        o->kind = l->kind;
        o->tenant = pg_int(&r);
        o->key = pg_text(&r, a);
        take_content(&r, a, o);
    }
    l->has_more = pg_next(&r);
    pg_op_done(op);
}

static void
object_list(struct pg_op *op)
{
    const struct store_object_list *l =
        CONTAINER_OF(op->reqs[0], struct store_object_list, req);
    bool is_all = l->tenant < 0;
    struct pg_params *p = pg_op_params(op);

    pg_put_int4(p, (int)l->kind);
    pg_put_int(p, is_all ? l->after_tenant : l->tenant);
    pg_put_text(p, l->after);
    pg_put_int(p, (int64_t)page(l->limit) + 1);
    pg_op_send(op, is_all ? PG_object_list_all : PG_object_list);
    pg_op_commit(op, objects_listed);
}

const struct pg_verb pg_verb_object_list = {.begin = object_list};

static void
changes_told(struct pg_op *op)
{
    struct store_changes *c =
        CONTAINER_OF(op->reqs[0], struct store_changes, req);
    struct arena *a = c->req.arena;
    struct pg_rows r = pg_op_rows(op, 0);
    size_t limit = page(c->limit);

    c->changes = ARENA_ARRAY(a, struct store_change, limit);
    c->n_changes = 0;
    c->last_seq = 0;
    while (pg_next(&r)) {
        int64_t first_seq = pg_int(&r);
        struct store_change *one = &c->changes[c->n_changes];

        c->last_seq = pg_int(&r);
        if (first_seq > c->after_seq + 1) {
            c->req.err = ERR_NOT_FOUND;
            break;
        }
        if (pg_is_null(&r) || c->n_changes == limit)
            break;
        one->seq = pg_int(&r);
        one->tenant = pg_int(&r);
        one->kind = (enum object_kind)pg_int(&r);
        one->key = pg_text(&r, a);
        c->n_changes++;
    }
    pg_op_done(op);
}

static void
changes(struct pg_op *op)
{
    const struct store_changes *c =
        CONTAINER_OF(op->reqs[0], struct store_changes, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, c->after_seq);
    pg_put_int(p, (int64_t)page(c->limit));
    pg_op_send(op, PG_changes);
    pg_op_commit(op, changes_told);
}

const struct pg_verb pg_verb_changes = {.begin = changes};

/* ---- cancel keys ---- */

#define CANCEL_MAX 100

static int64_t
looked_at(const struct store_cancel_find *f)
{
    return (int64_t)(f->limit < CANCEL_MAX ? f->limit : CANCEL_MAX);
}

static void
cancels_found(struct pg_op *op)
{
    struct store_cancel_find *f =
        CONTAINER_OF(op->reqs[0], struct store_cancel_find, req);
    struct pg_rows r = pg_op_rows(op, 0);
    int64_t n = 0, id = 0;

    f->notifications = ARENA_ARRAY(f->req.arena, int64_t, CANCEL_MAX);
    f->n_notifications = 0;
    for (; pg_next(&r); n++) {
        id = pg_int(&r);
        if (pg_int(&r) != 0)
            f->notifications[f->n_notifications++] = id;
    }
    f->next_before = n == looked_at(f) ? id : 0;
    pg_op_done(op);
}

static void
cancel_find(struct pg_op *op)
{
    const struct store_cancel_find *f =
        CONTAINER_OF(op->reqs[0], struct store_cancel_find, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, f->tenant);
    if (f->key.n > 0)
        pg_put_text(p, f->key);
    else
        pg_put_int(p, f->parent);
    pg_put_int(p, f->before > 0 ? f->before : INT64_MAX);
    pg_put_int(p, looked_at(f));
    pg_op_send(op, f->key.n > 0 ? PG_cancel_find : PG_children_find);
    pg_op_commit(op, cancels_found);
}

const struct pg_verb pg_verb_cancel_find = {.begin = cancel_find};

/* ---- dedup keys ---- */

static void
dedups_got(struct pg_op *op)
{
    struct store_dedup_get *g =
        CONTAINER_OF(op->reqs[0], struct store_dedup_get, req);
    struct pg_rows r = pg_op_rows(op, 0);

    g->ids = ARENA_ARRAY(g->req.arena, int64_t, g->n_keys);
    while (pg_next(&r)) {
        int64_t *id = &g->ids[pg_int(&r)];

        *id = pg_int(&r);
    }
    pg_op_done(op);
}

static void
dedup_get(struct pg_op *op)
{
    const struct store_dedup_get *g =
        CONTAINER_OF(op->reqs[0], struct store_dedup_get, req);
    struct pg_params *p = pg_op_params(op);
    struct pg_columns c;

    pg_columns_init(&c, op->arena, "ilT", g->n_keys);
    for (size_t i = 0; i < g->n_keys; i++) {
        pg_col_int(&c, (int64_t)i);
        pg_col_int(&c, g->tenant);
        pg_col_text(&c, g->keys[i]);
    }
    pg_put_columns(p, &c);
    pg_put_int(p, g->now_ms);
    pg_op_send(op, PG_dedup_get);
    pg_op_commit(op, dedups_got);
}

const struct pg_verb pg_verb_dedup_get = {.begin = dedup_get};

/* ---- inboxes ---- */

static void
take_item(struct pg_rows *r, struct arena *a, struct inbox_item *ret)
{
    ret->id = pg_int(r);
    ret->tenant = pg_int(r);
    ret->notification = pg_int(r);
    ret->delivery = pg_int(r);
    ret->user = pg_text(r, a);
    ret->rev = pg_int(r);
    ret->created_ms = pg_int(r);
    ret->seen_ms = pg_int(r);
    ret->read_ms = pg_int(r);
    ret->archived_ms = pg_int(r);
    ret->category = pg_text(r, a);
    ret->content = pg_text(r, a);
}

static void
inbox_listed(struct pg_op *op)
{
    struct store_inbox_list *l =
        CONTAINER_OF(op->reqs[0], struct store_inbox_list, req);
    struct arena *a = l->req.arena;
    struct pg_rows r = pg_op_rows(op, 0);
    size_t limit = page(l->limit);

    l->items = ARENA_ARRAY(a, struct inbox_item, limit);
    l->n_items = 0;
    l->has_more = false;
    l->counts = (struct inbox_counts){0};
    l->epoch = op->store->epoch;
    l->rev = 0;
    while (pg_next(&r)) { /* none: an unknown user */
        l->rev = pg_int(&r);
        l->counts.unseen = pg_int(&r);
        l->counts.unread = pg_int(&r);
        if (pg_is_null(&r))
            break; /* the row is there for the counts only */
        if (l->n_items == limit) {
            l->has_more = true;
            break;
        }
        take_item(&r, a, &l->items[l->n_items++]);
    }
    pg_op_done(op);
}

static void
inbox_list(struct pg_op *op)
{
    const struct store_inbox_list *l =
        CONTAINER_OF(op->reqs[0], struct store_inbox_list, req);
    size_t limit = page(l->limit);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, l->tenant);
    pg_put_text(p, l->user);
    pg_put_int(p, l->before > 0 ? l->before : INT64_MAX);
    pg_put_bool(p, l->is_archived);
    pg_put_bool(p, l->only_unread);
    pg_put_int(p, limit > 0 ? (int64_t)limit + 1 : 0);
    pg_op_send(op, PG_inbox_list);
    pg_op_commit(op, inbox_listed);
}

const struct pg_verb pg_verb_inbox_list = {.begin = inbox_list};

static void
inbox_got(struct pg_op *op)
{
    struct store_inbox_get *g =
        CONTAINER_OF(op->reqs[0], struct store_inbox_get, req);
    struct pg_rows r = pg_op_rows(op, 0);

    if (pg_next(&r)) {
        g->item = ARENA_NEW(g->req.arena, struct inbox_item);
        take_item(&r, g->req.arena, g->item);
    } else {
        g->req.err = ERR_NOT_FOUND;
    }
    pg_op_done(op);
}

static void
inbox_get(struct pg_op *op)
{
    const struct store_inbox_get *g =
        CONTAINER_OF(op->reqs[0], struct store_inbox_get, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, g->tenant);
    pg_put_text(p, g->user);
    pg_put_int(p, g->id ? g->id : g->notification);
    if (!g->id)
        pg_put_int(p, g->delivery);
    pg_op_send(op, g->id ? PG_inbox_item_read : PG_inbox_item_find);
    pg_op_commit(op, inbox_got);
}

const struct pg_verb pg_verb_inbox_get = {.begin = inbox_get};

/* ---- how far many inboxes are ---- */

static struct store_inbox_revs *
revs_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_inbox_revs, req);
}

static void
revs_read(struct pg_op *op)
{
    struct store_inbox_revs *q = revs_of(op);
    struct pg_rows r = pg_op_rows(op, 0);

    while (pg_next(&r)) {
        size_t k = (size_t)pg_int(&r);

        if (k < q->n_places)
            q->places[k].rev = pg_int(&r);
    }
    pg_op_done(op);
}

static void
inbox_revs(struct pg_op *op)
{
    struct store_inbox_revs *q = revs_of(op);
    struct pg_columns places;

    assert(q->n_places <= INBOX_REVS_MAX);
    q->epoch = op->store->epoch;
    pg_columns_init(&places, op->arena, "ilT", q->n_places);
    for (size_t i = 0; i < q->n_places; i++) {
        q->places[i].rev = 0;
        pg_col_int(&places, (int64_t)i);
        pg_col_int(&places, q->places[i].tenant);
        pg_col_text(&places, q->places[i].user);
    }
    pg_put_columns(pg_op_params(op), &places);
    pg_op_send(op, PG_inbox_revs);
    pg_op_commit(op, revs_read);
}

const struct pg_verb pg_verb_inbox_revs = {.begin = inbox_revs};

static void
take_event(struct pg_rows *r, struct arena *a, struct inbox_event *e)
{
    int64_t *ids;
    size_t n;

    e->rev = pg_int(r);
    e->kind = (int)pg_int(r);
    e->change = (enum inbox_change)pg_int(r);
    e->before_rev = pg_int(r);
    e->at_ms = pg_int(r);
    ids = pg_ints(r, a, &n);
    if (e->kind == INBOX_EVENT_STATE) {
        e->ids = ids;
        e->n_ids = n;
    } else if (e->kind == INBOX_EVENT_ITEM && n == 1) {
        e->item.id = ids[0];
        if (!pg_is_null(r))
            take_item(r, a, &e->item);
    }
}

/* Whether events after that rev could be told at all. */
static bool
is_known_rev(const struct pg_op *op, const struct store_inbox_replay *p)
{
    return p->epoch == op->store->epoch && p->after_rev >= 0;
}

static void
inbox_replayed(struct pg_op *op)
{
    struct store_inbox_replay *p =
        CONTAINER_OF(op->reqs[0], struct store_inbox_replay, req);
    struct arena *a = p->req.arena;
    struct pg_rows r = pg_op_rows(op, 0);
    bool is_known = is_known_rev(op, p);
    size_t room = pg_count(&r);

    p->events = ARENA_ARRAY(a, struct inbox_event, room);
    p->n_events = 0;
    p->now_epoch = op->store->epoch;
    p->now_rev = 0;
    p->counts = (struct inbox_counts){0};
    while (pg_next(&r)) { /* none: an unknown user */
        p->now_rev = pg_int(&r);
        p->counts.unseen = pg_int(&r);
        p->counts.unread = pg_int(&r);
        if (pg_is_null(&r))
            break;
        p->events[p->n_events].counts = p->counts;
        take_event(&r, a, &p->events[p->n_events++]);
    }
    p->has_gap = !is_known || p->after_rev > p->now_rev ||
                 p->now_rev - p->after_rev > INBOX_REPLAY_MAX;
    pg_op_done(op);
}

static void
inbox_replay(struct pg_op *op)
{
    const struct store_inbox_replay *r =
        CONTAINER_OF(op->reqs[0], struct store_inbox_replay, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, r->tenant);
    pg_put_text(p, r->user);
    pg_put_int(p, is_known_rev(op, r) ? r->after_rev : INT64_MAX);
    pg_put_int(p, INBOX_REPLAY_MAX);
    pg_op_send(op, PG_inbox_replay);
    pg_op_commit(op, inbox_replayed);
}

const struct pg_verb pg_verb_inbox_replay = {.begin = inbox_replay};

/* ---- groups, sums ---- */

#define GROUPED_MAX 100000 /* the newest dead letters; older do not count */

static void
deliveries_grouped(struct pg_op *op)
{
    struct store_delivery_groups *g =
        CONTAINER_OF(op->reqs[0], struct store_delivery_groups, req);
    struct arena *a = g->req.arena;
    struct pg_rows r = pg_op_rows(op, 0);

    g->groups = ARENA_ARRAY(a, struct store_group, pg_count(&r));
    g->n_groups = 0;
    while (pg_next(&r)) {
        struct store_group *one = &g->groups[g->n_groups++];

        one->channel = pg_text(&r, a);
        one->provider = pg_text(&r, a);
        one->error = pg_text(&r, a);
        one->status = (enum delivery_status)pg_int(&r);
        one->n = pg_int(&r);
        one->sample = pg_int(&r);
        one->first_ms = pg_int(&r);
        one->last_ms = pg_int(&r);
    }
    pg_op_done(op);
}

static void
delivery_groups(struct pg_op *op)
{
    const struct store_delivery_groups *g =
        CONTAINER_OF(op->reqs[0], struct store_delivery_groups, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, g->tenant);
    pg_put_int(p, GROUPED_MAX);
    pg_put_int(p, (int64_t)page(g->limit));
    pg_op_send(op, PG_delivery_groups);
    pg_op_commit(op, deliveries_grouped);
}

const struct pg_verb pg_verb_delivery_groups = {.begin = delivery_groups};

static void
stats_told(struct pg_op *op)
{
    struct store_stats *s = CONTAINER_OF(op->reqs[0], struct store_stats, req);
    struct pg_rows r = pg_op_rows(op, 0);

    s->lanes = ARENA_ARRAY(s->req.arena, struct store_lane_stat, pg_count(&r));
    s->n_lanes = 0;
    while (pg_next(&r)) {
        struct store_lane_stat *one = &s->lanes[s->n_lanes++];

        one->tenant = pg_int(&r);
        one->lane = pg_int(&r);
        one->n_ready = pg_int(&r);
        one->n_waiting = pg_int(&r);
        one->oldest_ready_ms = pg_int(&r);
    }
    if (!s->only_lanes) {
        r = pg_op_rows(op, 1);
        s->n_dead = pg_next(&r) ? pg_int(&r) : 0;
        s->file_bytes = pg_int(&r);
        s->wal_bytes = 0; /* the server's, of all its databases */
        s->schema = postgres_migrations.n;
    }
    pg_op_done(op);
}

static void
stats(struct pg_op *op)
{
    const struct store_stats *s =
        CONTAINER_OF(op->reqs[0], struct store_stats, req);

    (void)pg_op_params(op);
    pg_op_send(op, s->only_lanes ? PG_stats_lanes : PG_stats_counts);
    if (!s->only_lanes) {
        (void)pg_op_params(op);
        pg_op_send(op, PG_stats_sizes);
    }
    pg_op_commit(op, stats_told);
}

const struct pg_verb pg_verb_stats = {.begin = stats};
