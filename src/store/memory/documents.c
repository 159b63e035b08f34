/* documents.c - objects and inboxes in memory. */
#include "base/list.h"
#include "store/memory/habit.h"
#include "store/memory/tell.h"
#include "store/memory/trial.h"
#include "store/memory/workflow.h"

/* ---- objects ---- */

static struct mem_object *
find_object(struct mem *m, enum object_kind kind, int64_t tenant,
            struct str key)
{
    ROW_EACH(struct mem_object, o, &m->objects)
    if (o->o.kind == kind && o->o.tenant == tenant && str_eq(o->o.key, key))
        return o;
    return NULL;
}

static int64_t
add_change(struct mem *m, const struct object *o)
{
    struct store_change *c = ROW_ADD(&m->changes, struct store_change);

    *c = (struct store_change){(int64_t)m->changes.n, o->tenant, o->kind,
                               o->key};
    mem_tell(m, (struct store_notice){.kind = STORE_NOTICE_CHANGE,
                                      .tenant = o->tenant,
                                      .object_kind = o->kind,
                                      .seq = c->seq});
    return c->seq;
}

static struct object
copy_object(struct arena *a, const struct object *o)
{
    struct object c = *o;

    c.key = str_dup(a, o->key);
    c.body = str_dup(a, o->body);
    return c;
}

static bool
passes(struct mem_object *o, const struct store_object_write *w)
{
    int64_t now = o && !o->is_gone ? o->o.version : 0;

    return w->if_version == OBJECT_ANY_VERSION || w->if_version == now;
}

static void
put_one(struct mem *m, struct store_object_put *p, struct store_object_write *w)
{
    struct mem_object *o = find_object(m, w->kind, p->tenant, w->key);

    w->object =
        (struct object){.tenant = p->tenant, .kind = w->kind, .key = w->key};
    w->is_created = false;
    w->err = passes(o, w) ? ERR_OK : ERR_PRECONDITION;
    if (w->err != ERR_OK) {
        if (o && !o->is_gone)
            w->object = copy_object(p->req.arena, &o->o);
        return;
    }
    w->is_created = !o || o->is_gone;
    if (!o) {
        o = ROW_ADD(&m->objects, struct mem_object);
        o->o = copy_object(m->arena, &w->object);
    }
    if (w->is_created) {
        o->o.num = w->num;
        o->o.created_ms = p->now_ms;
    }
    o->is_gone = false;
    o->o.version++;
    o->o.updated_ms = p->now_ms;
    o->o.body = str_dup(m->arena, w->body);
    w->object = copy_object(p->req.arena, &o->o);
    p->seq = add_change(m, &o->o);
    if (w->kind == OBJECT_USER)
        mem_set_roles(m, p->tenant, w->key, w->roles, w->n_roles);
}

bool
mem_object_make(struct mem *m, const struct store_subscribe *s)
{
    struct mem_object *o = find_object(m, OBJECT_TOPIC, s->tenant, s->topic);

    if (o && !o->is_gone)
        return false;
    if (!o) {
        o = ROW_ADD(&m->objects, struct mem_object);
        o->o = (struct object){.tenant = s->tenant,
                               .kind = OBJECT_TOPIC,
                               .key = str_dup(m->arena, s->topic)};
    }
    o->is_gone = false;
    o->o.num = s->num;
    o->o.version++;
    o->o.created_ms = o->o.updated_ms = s->now_ms;
    o->o.body = STR("{}");
    add_change(m, &o->o);
    return true;
}

/* Rows as they were, to go back to. */
static struct rows
saved(struct mem *m, const struct rows *r)
{
    struct rows copy = {.n = r->n};

    buf_init(&copy.bytes, m->told);
    buf_put_str(&copy.bytes, buf_str(&r->bytes));
    return copy;
}

static void
go_back(struct rows *r, const struct rows *copy)
{
    buf_reset(&r->bytes);
    buf_put_str(&r->bytes, buf_str(&copy->bytes));
    r->n = copy->n;
}

static enum err
put_atomic(struct mem *m, struct store_object_put *p)
{
    struct rows objects = saved(m, &m->objects);
    struct rows members = saved(m, &m->members);
    struct rows changes = saved(m, &m->changes);
    struct rows notices = saved(m, &m->notices);

    for (size_t i = 0; i < p->n_writes; i++) {
        put_one(m, p, &p->writes[i]);
        if (p->writes[i].err == ERR_OK)
            continue;
        go_back(&m->objects, &objects);
        go_back(&m->members, &members);
        go_back(&m->changes, &changes);
        go_back(&m->notices, &notices);
        p->seq = 0;
        return p->writes[i].err;
    }
    return ERR_OK;
}

enum err
mem_object_put(struct mem *m, struct store_req *req)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    enum err e = mem_idem_find(m, p->tenant, p->now_ms, req, &p->idem);

    p->seq = 0;
    if (e != ERR_OK || p->idem.is_replay)
        return e;
    if (p->is_atomic)
        e = put_atomic(m, p);
    else
        for (size_t i = 0; i < p->n_writes; i++)
            put_one(m, p, &p->writes[i]);
    for (size_t i = 0; i < p->n_writes && e == ERR_OK; i++)
        if (object_write_is_told(&p->writes[i]))
            mem_told_add(m, p->writes[i].told);
    if (e == ERR_OK)
        mem_idem_save(m, p->tenant, req, &p->idem);
    return e;
}

static void
bury(struct mem *m, struct store_object_delete *d, struct mem_object *o)
{
    o->is_gone = true;
    o->o.version++;
    o->o.updated_ms = d->now_ms;
    d->seq = add_change(m, &o->o);
}

/* What goes with a user. */
static void
bury_with(struct mem *m, struct store_object_delete *d, enum object_kind kind)
{
    struct mem_object *o = find_object(m, kind, d->tenant, d->key);

    if (o && !o->is_gone)
        bury(m, d, o);
}

static enum err
delete_all(struct mem *m, struct store_object_delete *d)
{
    enum err e = ERR_NOT_FOUND;

    for (size_t i = 0; i < d->n_keys; i++) {
        struct mem_object *o = find_object(m, d->kind, d->tenant, d->keys[i]);

        d->versions[i] = o && !o->is_gone ? o->o.version : 0;
        if (d->versions[i] == 0)
            continue;
        bury(m, d, o);
        if (d->told)
            mem_told_add(m, &d->told[i]);
        e = ERR_OK;
    }
    return e;
}

enum err
mem_object_delete(struct mem *m, struct store_req *req)
{
    struct store_object_delete *d =
        CONTAINER_OF(req, struct store_object_delete, req);
    struct mem_object *o = find_object(m, d->kind, d->tenant, d->key);

    d->seq = 0;
    if (d->n_keys > 0)
        return delete_all(m, d);
    if (!o || o->is_gone)
        return ERR_NOT_FOUND;
    if (d->if_version != OBJECT_ANY_VERSION && d->if_version != o->o.version)
        return ERR_PRECONDITION;
    d->version = o->o.version;
    bury(m, d, o);
    if (d->told)
        mem_told_add(m, d->told);
    if (d->kind == OBJECT_USER) {
        mem_forget_user(m, d->tenant, d->key);
        mem_habit_forget(m, d->tenant, d->key);
        bury_with(m, d, OBJECT_PREFERENCE);
        bury_with(m, d, OBJECT_DEVICES);
    } else if (d->kind == OBJECT_TOPIC) {
        mem_clear_topic(m, d->tenant, d->key);
    }
    return ERR_OK;
}

enum err
mem_object_get(struct mem *m, struct store_req *req)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);

    g->objects = ARENA_ARRAY(req->arena, struct object, g->n_keys);
    for (size_t i = 0; i < g->n_keys; i++) {
        enum object_kind kind = object_kind_asked(g, i);
        const struct mem_object *o =
            find_object(m, kind, g->tenant, g->keys[i]);

        g->objects[i] = (struct object){
            .tenant = g->tenant, .kind = kind, .key = g->keys[i]};
        if (o && !o->is_gone)
            g->objects[i] = copy_object(req->arena, &o->o);
    }
    return ERR_OK;
}

static int
order(int64_t tenant, struct str key, const struct object *o)
{
    if (tenant != o->tenant)
        return tenant < o->tenant ? -1 : 1;
    return str_cmp(key, o->key);
}

/* The first one after (tenant, key). */
static const struct mem_object *
next_object(struct mem *m, const struct store_object_list *l, int64_t tenant,
            struct str key)
{
    const struct mem_object *best = NULL;

    ROW_EACH(struct mem_object, o, &m->objects)
    {
        if (o->is_gone || o->o.kind != l->kind ||
            (l->tenant >= 0 && o->o.tenant != l->tenant) ||
            order(tenant, key, &o->o) >= 0)
            continue;
        if (!best || order(best->o.tenant, best->o.key, &o->o) > 0)
            best = o;
    }
    return best;
}

enum err
mem_object_list(struct mem *m, struct store_req *req)
{
    struct store_object_list *l =
        CONTAINER_OF(req, struct store_object_list, req);
    int64_t tenant = l->tenant < 0 ? l->after_tenant : l->tenant;
    struct str key = l->after;
    const struct mem_object *o;

    l->objects = ARENA_ARRAY(req->arena, struct object, l->limit);
    l->n_objects = 0;
    l->has_more = false;
    while ((o = next_object(m, l, tenant, key)) != NULL) {
        if (l->n_objects == l->limit) {
            l->has_more = true;
            break;
        }
        l->objects[l->n_objects++] = copy_object(req->arena, &o->o);
        tenant = o->o.tenant;
        key = o->o.key;
    }
    return ERR_OK;
}

enum err
mem_changes(struct mem *m, struct store_req *req)
{
    struct store_changes *c = CONTAINER_OF(req, struct store_changes, req);

    c->changes = ARENA_ARRAY(req->arena, struct store_change, c->limit);
    c->n_changes = 0;
    c->last_seq = (int64_t)m->changes.n;
    ROW_EACH(struct store_change, o, &m->changes)
    if (o->seq > c->after_seq && c->n_changes < c->limit) {
        c->changes[c->n_changes] = *o;
        c->changes[c->n_changes++].key = str_dup(req->arena, o->key);
    }
    return ERR_OK;
}

/* ---- inboxes ---- */

static struct mem_user *
find_user(struct mem *m, int64_t tenant, struct str name)
{
    ROW_EACH(struct mem_user, u, &m->users)
    if (u->tenant == tenant && str_eq(u->name, name))
        return u;
    return NULL;
}

static void
add_event(struct mem *m, const struct mem_user *u, const struct inbox_event *e)
{
    struct mem_event *row = ROW_ADD(&m->events, struct mem_event);
    struct inbox_event *told = ARENA_NEW(m->told, struct inbox_event);

    row->tenant = u->tenant;
    row->user = u->name;
    row->e = *e;
    row->e.ids = arena_copy(m->arena, e->ids, e->n_ids * sizeof(*e->ids));
    *told = *e;
    mem_tell(m, (struct store_notice){.kind = STORE_NOTICE_INBOX,
                                      .tenant = u->tenant,
                                      .user = u->name,
                                      .epoch = m->epoch,
                                      .event = told});
}

/* What the item counts for, times `sign`. */
static void
count(struct inbox_counts *c, const struct inbox_item *i, int sign)
{
    if (i->archived_ms != 0)
        return;
    c->unseen += sign * (i->seen_ms == 0);
    c->unread += sign * (i->read_ms == 0);
}

void
mem_inbox_add(struct mem *m, struct inbox_item *item)
{
    struct mem_user *u = find_user(m, item->tenant, item->user);
    struct inbox_item *row;

    if (!u) {
        u = ROW_ADD(&m->users, struct mem_user);
        u->tenant = item->tenant;
        u->name = str_dup(m->arena, item->user);
    }
    item->rev = ++u->rev;
    count(&u->counts, item, 1);
    row = ROW_ADD(&m->items, struct inbox_item);
    *row = mem_copy_item(m->arena, item);
    add_event(m, u,
              &(struct inbox_event){.rev = u->rev,
                                    .kind = INBOX_EVENT_ITEM,
                                    .item = *row,
                                    .at_ms = item->created_ms,
                                    .counts = u->counts});
}

static bool
apply(struct inbox_item *i, enum inbox_change change, int64_t now_ms)
{
    const struct inbox_item was = *i;

    switch (change) {
    case INBOX_READ:
        i->read_ms = i->read_ms ? i->read_ms : now_ms;
        i->seen_ms = i->seen_ms ? i->seen_ms : now_ms;
        break;
    case INBOX_SEEN:
        i->seen_ms = i->seen_ms ? i->seen_ms : now_ms;
        break;
    case INBOX_UNREAD:
        i->read_ms = 0;
        break;
    case INBOX_ARCHIVE:
        i->archived_ms = i->archived_ms ? i->archived_ms : now_ms;
        break;
    case INBOX_UNARCHIVE:
        i->archived_ms = 0;
        break;
    }
    return was.seen_ms != i->seen_ms || was.read_ms != i->read_ms ||
           was.archived_ms != i->archived_ms;
}

static bool
is_asked(const struct store_inbox_get *g, const struct inbox_item *i)
{
    if (i->tenant != g->tenant || !str_eq(i->user, g->user))
        return false;
    if (g->id)
        return i->id == g->id;
    return i->notification == g->notification &&
           (g->delivery == 0 || i->delivery == g->delivery);
}

static bool
is_meant(const struct store_inbox_mark *r, const struct inbox_item *i,
         int64_t up_to)
{
    if (i->tenant != r->tenant || !str_eq(i->user, r->user))
        return false;
    if (r->n_ids == 0)
        return i->rev <= up_to &&
               (i->archived_ms != 0) == (r->change == INBOX_UNARCHIVE);
    for (size_t k = 0; k < r->n_ids; k++)
        if (r->ids[k] == i->id)
            return true;
    return false;
}

static bool
are_all_theirs(struct mem *m, const struct store_inbox_mark *r)
{
    for (size_t k = 0; k < r->n_ids; k++) {
        bool is_found = false;

        ROW_EACH(struct inbox_item, i, &m->items)
        is_found |= i->id == r->ids[k] && i->tenant == r->tenant &&
                    str_eq(i->user, r->user);
        if (!is_found)
            return false;
    }
    return true;
}

enum err
mem_inbox_mark(struct mem *m, struct store_req *req)
{
    struct store_inbox_mark *r =
        CONTAINER_OF(req, struct store_inbox_mark, req);
    struct mem_user nobody = {0}, *u = find_user(m, r->tenant, r->user);
    int64_t *ids = ARENA_ARRAY(m->told, int64_t, m->items.n), up_to;
    bool is_all = r->n_ids == 0;

    r->n_changed = 0;
    if (!are_all_theirs(m, r))
        return ERR_NOT_FOUND;
    u = u ? u : &nobody;
    up_to =
        r->before_rev > 0 && r->before_rev < u->rev ? r->before_rev : u->rev;
    ROW_EACH(struct inbox_item, i, &m->items)
    {
        struct inbox_item was = *i;

        if (!is_meant(r, i, up_to) || !apply(i, r->change, r->now_ms))
            continue;
        count(&u->counts, &was, -1);
        count(&u->counts, i, 1);
        i->rev = u->rev + 1;
        ids[r->n_changed++] = i->id;
        if (r->change == INBOX_READ)
            mem_trial_read(m, i->delivery, r->now_ms);
        mem_told_mark(m, r, i);
    }
    if (r->n_changed > 0) {
        u->rev++;
        add_event(m, u,
                  &(struct inbox_event){.rev = u->rev,
                                        .kind = is_all ? INBOX_EVENT_ALL
                                                       : INBOX_EVENT_STATE,
                                        .change = r->change,
                                        .ids = is_all ? NULL : ids,
                                        .n_ids = is_all ? 0 : r->n_changed,
                                        .before_rev = is_all ? up_to : 0,
                                        .at_ms = r->now_ms,
                                        .counts = u->counts});
    }
    if (r->n_changed > 0)
        mem_instance_wake(m, r->tenant, r->user, inbox_change_event(r->change),
                          r->now_ms);
    if (r->n_changed > 0 && r->change == INBOX_READ && !r->is_unlearned)
        mem_habit_learn(m, r->tenant, r->user, r->now_ms);
    r->rev = u->rev;
    r->counts = u->counts;
    return ERR_OK;
}

enum err
mem_inbox_list(struct mem *m, struct store_req *req)
{
    struct store_inbox_list *l =
        CONTAINER_OF(req, struct store_inbox_list, req);
    const struct mem_user *u = find_user(m, l->tenant, l->user);
    int64_t before = l->before > 0 ? l->before : INT64_MAX;

    l->items = ARENA_ARRAY(req->arena, struct inbox_item, l->limit);
    l->n_items = 0;
    l->has_more = false;
    l->epoch = m->epoch;
    l->rev = u ? u->rev : 0;
    l->counts = u ? u->counts : (struct inbox_counts){0};
    while (l->limit > 0) {
        const struct inbox_item *best = NULL;

        ROW_EACH(struct inbox_item, i, &m->items)
        if (i->tenant == l->tenant && str_eq(i->user, l->user) &&
            i->id < before && (i->archived_ms != 0) == l->is_archived &&
            (!l->only_unread || i->read_ms == 0) && (!best || i->id > best->id))
            best = i;
        l->has_more = best && l->n_items == l->limit;
        if (!best || l->has_more)
            break;
        l->items[l->n_items++] = mem_copy_item(req->arena, best);
        before = best->id;
    }
    return ERR_OK;
}

enum err
mem_inbox_get(struct mem *m, struct store_req *req)
{
    struct store_inbox_get *g = CONTAINER_OF(req, struct store_inbox_get, req);
    const struct inbox_item *found = NULL;

    ROW_EACH(struct inbox_item, i, &m->items)
    if (is_asked(g, i) && (!found || i->id < found->id))
        found = i;
    if (!found)
        return ERR_NOT_FOUND;
    g->item = ARENA_NEW(req->arena, struct inbox_item);
    *g->item = mem_copy_item(req->arena, found);
    return ERR_OK;
}

static struct inbox_event
event_now(struct mem *m, struct store_inbox_replay *p,
          const struct inbox_event *e)
{
    struct inbox_event now = *e;

    now.counts = p->counts;
    now.ids = arena_copy(p->req.arena, e->ids, e->n_ids * sizeof(*e->ids));
    if (e->kind == INBOX_EVENT_ITEM)
        ROW_EACH(struct inbox_item, i, &m->items)
    if (i->id == e->item.id && i->tenant == p->tenant)
        now.item = mem_copy_item(p->req.arena, i);
    return now;
}

enum err
mem_inbox_replay(struct mem *m, struct store_req *req)
{
    struct store_inbox_replay *p =
        CONTAINER_OF(req, struct store_inbox_replay, req);
    const struct mem_user *u = find_user(m, p->tenant, p->user);

    p->n_events = 0;
    p->now_epoch = m->epoch;
    p->now_rev = u ? u->rev : 0;
    p->counts = u ? u->counts : (struct inbox_counts){0};
    p->has_gap = p->epoch != p->now_epoch || p->after_rev < 0 ||
                 p->after_rev > p->now_rev ||
                 p->now_rev - p->after_rev > INBOX_REPLAY_MAX;
    if (p->has_gap)
        return ERR_OK;
    p->events = ARENA_ARRAY(req->arena, struct inbox_event,
                            (size_t)(p->now_rev - p->after_rev));
    ROW_EACH(struct mem_event, e, &m->events)
    if (e->tenant == p->tenant && str_eq(e->user, p->user) &&
        e->e.rev > p->after_rev)
        p->events[p->n_events++] = event_now(m, p, &e->e);
    return ERR_OK;
}

enum err
mem_inbox_revs(struct mem *m, struct store_req *req)
{
    struct store_inbox_revs *r =
        CONTAINER_OF(req, struct store_inbox_revs, req);

    r->epoch = m->epoch;
    for (size_t i = 0; i < r->n_places; i++) {
        struct inbox_place *p = &r->places[i];
        const struct mem_user *u = find_user(m, p->tenant, p->user);

        p->rev = u ? u->rev : 0;
    }
    return ERR_OK;
}
