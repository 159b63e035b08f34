/* inbox.c - a user's items as they arrive and are marked. Each change takes
 * the user's next rev and leaves one event; the last events are kept. */
#include <stdlib.h>

#include "base/list.h"
#include "store/sqlite/writer.h"

struct user {
    int64_t tenant;
    struct str name;
    int64_t rev;
    struct inbox_counts counts;
};

static void
add_event(struct writer *w, const struct user *u, const struct inbox_event *e)
{
    struct query q = query(&w->conn, SQL_inbox_event_add);
    const int64_t *ids = e->kind == INBOX_EVENT_ITEM ? &e->item.id : e->ids;
    size_t n_ids = e->kind == INBOX_EVENT_ITEM ? 1 : e->n_ids;

    put_int(&q, u->tenant);
    put_text(&q, u->name);
    put_int(&q, u->rev);
    put_int(&q, e->kind);
    put_int(&q, e->change);
    put_int(&q, e->before_rev);
    put_int(&q, e->at_ms);
    put_blob(&q, (struct str){(const char *)ids, n_ids * sizeof(int64_t)});
    query_run(&q);
    if (u->rev > INBOX_REPLAY_MAX) {
        q = query(&w->conn, SQL_inbox_event_trim);
        put_int(&q, u->tenant);
        put_text(&q, u->name);
        put_int(&q, u->rev - INBOX_REPLAY_MAX);
        query_run(&q);
    }
    notice_inbox(w, u->tenant, u->name, e);
}

static void
next_rev(struct writer *w, struct user *u)
{
    struct query q = query(&w->conn, SQL_inbox_user_add);

    put_int(&q, u->tenant);
    put_text(&q, u->name);
    put_int(&q, u->counts.unseen);
    put_int(&q, u->counts.unread);
    if (!query_row(&q))
        return;
    u->rev = take_int(&q);
    u->counts.unseen = take_int(&q);
    u->counts.unread = take_int(&q);
    query_end(&q);
}

static void
put_item(struct writer *w, const struct inbox_item *i)
{
    struct query q = query(&w->conn, SQL_inbox_item_add);

    put_int(&q, i->tenant);
    put_text(&q, i->user);
    put_int(&q, i->id);
    put_int(&q, i->rev);
    put_int(&q, i->notification);
    put_int(&q, i->delivery);
    put_int(&q, i->created_ms);
    put_int(&q, i->seen_ms);
    put_int(&q, i->read_ms);
    put_int(&q, i->archived_ms);
    put_text(&q, i->category);
    put_text(&q, i->content);
    query_run(&q);
}

void
inbox_add(struct writer *w, struct inbox_item *item)
{
    struct user u = {.tenant = item->tenant, .name = item->user};
    struct inbox_event *e = ARENA_NEW(w->arena, struct inbox_event);

    if (item->archived_ms == 0) {
        u.counts.unseen = item->seen_ms == 0;
        u.counts.unread = item->read_ms == 0;
    }
    next_rev(w, &u);
    item->rev = u.rev;
    put_item(w, item);
    e->rev = u.rev;
    e->kind = INBOX_EVENT_ITEM;
    e->item = *item;
    e->at_ms = item->created_ms;
    e->counts = u.counts;
    add_event(w, &u, e);
}

/* ---- marks ---- */

struct mark {
    int64_t id;
    int64_t seen_ms, read_ms, archived_ms;
};

static bool
find_user(struct writer *w, struct user *u)
{
    struct query q = query(&w->conn, SQL_inbox_user_get);

    put_int(&q, u->tenant);
    put_text(&q, u->name);
    if (!query_row(&q))
        return false;
    u->rev = take_int(&q);
    u->counts.unseen = take_int(&q);
    u->counts.unread = take_int(&q);
    query_end(&q);
    return true;
}

/* What the item counts for, times `sign`. */
static void
count(struct inbox_counts *c, const struct mark *m, int sign)
{
    if (m->archived_ms != 0)
        return;
    c->unseen += sign * (m->seen_ms == 0);
    c->unread += sign * (m->read_ms == 0);
}

/* False: it is so already. Who reads has seen. */
static bool
apply(struct mark *m, enum inbox_change change, int64_t now_ms)
{
    struct mark was = *m;

    switch (change) {
    case INBOX_READ:
        if (m->read_ms == 0)
            m->read_ms = now_ms;
        if (m->seen_ms == 0)
            m->seen_ms = now_ms;
        break;
    case INBOX_SEEN:
        if (m->seen_ms == 0)
            m->seen_ms = now_ms;
        break;
    case INBOX_UNREAD:
        m->read_ms = 0;
        break;
    case INBOX_ARCHIVE:
        if (m->archived_ms == 0)
            m->archived_ms = now_ms;
        break;
    case INBOX_UNARCHIVE:
        m->archived_ms = 0;
        break;
    }
    return memcmp(&was, m, sizeof(was)) != 0;
}

static int
by_id(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* The named items, each once. False: one is not the user's. */
static bool
load_named(struct writer *w, const struct store_inbox_mark *r,
           struct mark *marks, size_t *ret_n)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_ids; i++)
        marks[i].id = r->ids[i];
    qsort(marks, r->n_ids, sizeof(*marks), by_id);
    for (size_t i = 0; i < r->n_ids; i++) {
        struct query q = query(&w->conn, SQL_inbox_item_state);

        if (n > 0 && marks[n - 1].id == marks[i].id)
            continue;
        marks[n].id = marks[i].id;
        put_int(&q, r->tenant);
        put_text(&q, r->user);
        put_int(&q, marks[n].id);
        if (!query_row(&q))
            return false;
        marks[n].seen_ms = take_int(&q);
        marks[n].read_ms = take_int(&q);
        marks[n].archived_ms = take_int(&q);
        query_end(&q);
        n++;
    }
    *ret_n = n;
    return true;
}

/* Those that last changed at or before the rev, in the part of the inbox that
 * the change is about. */
static struct mark *
load_all(struct writer *w, const struct store_inbox_mark *r, int64_t up_to_rev,
         size_t *ret_n)
{
    struct query q = query(&w->conn, SQL_inbox_item_scan);
    struct buf found;

    buf_init(&found, w->arena);
    put_int(&q, r->tenant);
    put_text(&q, r->user);
    put_int(&q, up_to_rev);
    while (query_row(&q)) {
        struct mark m = {0};

        m.id = take_int(&q);
        m.seen_ms = take_int(&q);
        m.read_ms = take_int(&q);
        m.archived_ms = take_int(&q);
        if ((m.archived_ms != 0) == (r->change == INBOX_UNARCHIVE))
            buf_put(&found, &m, sizeof(m));
    }
    *ret_n = found.n / sizeof(struct mark);
    return (struct mark *)(void *)found.p;
}

static void
save_mark(struct writer *w, const struct user *u, const struct mark *m)
{
    struct query q = query(&w->conn, SQL_inbox_item_set);

    put_int(&q, u->tenant);
    put_text(&q, u->name);
    put_int(&q, m->id);
    put_int(&q, u->rev);
    put_int(&q, m->seen_ms);
    put_int(&q, m->read_ms);
    put_int(&q, m->archived_ms);
    query_run(&q);
}

static void
save_user(struct writer *w, const struct user *u)
{
    struct query q = query(&w->conn, SQL_inbox_user_set);

    put_int(&q, u->tenant);
    put_text(&q, u->name);
    put_int(&q, u->rev);
    put_int(&q, u->counts.unseen);
    put_int(&q, u->counts.unread);
    query_run(&q);
}

static void
tell(struct writer *w, const struct store_inbox_mark *r, const struct user *u,
     struct inbox_event *e)
{
    e->rev = u->rev;
    e->change = r->change;
    e->at_ms = r->now_ms;
    e->counts = u->counts;
    add_event(w, u, e);
}

enum err
write_inbox_mark(struct writer *w, struct store_req *req)
{
    struct store_inbox_mark *r =
        CONTAINER_OF(req, struct store_inbox_mark, req);
    struct user u = {.tenant = r->tenant, .name = r->user};
    bool is_all = r->n_ids == 0;
    int64_t up_to;
    struct mark *marks;
    size_t n = 0;
    int64_t *ids;
    struct inbox_event *e = ARENA_NEW(w->arena, struct inbox_event);

    r->n_changed = 0;
    if (!find_user(w, &u) && !is_all)
        return ERR_NOT_FOUND;
    up_to = r->before_rev > 0 && r->before_rev < u.rev ? r->before_rev : u.rev;
    marks = is_all ? load_all(w, r, up_to, &n)
                   : ARENA_ARRAY(w->arena, struct mark, r->n_ids);
    if (!is_all && !load_named(w, r, marks, &n))
        return ERR_NOT_FOUND;
    ids = ARENA_ARRAY(w->arena, int64_t, n);
    u.rev++;
    for (size_t i = 0; i < n; i++) {
        struct mark m = marks[i];

        if (!apply(&m, r->change, r->now_ms))
            continue;
        count(&u.counts, &marks[i], -1);
        count(&u.counts, &m, 1);
        save_mark(w, &u, &m);
        ids[r->n_changed++] = m.id;
    }
    if (r->n_changed == 0) {
        u.rev--;
    } else {
        save_user(w, &u);
        e->kind = is_all ? INBOX_EVENT_ALL : INBOX_EVENT_STATE;
        e->before_rev = is_all ? up_to : 0;
        e->ids = is_all ? NULL : ids;
        e->n_ids = is_all ? 0 : r->n_changed;
        tell(w, r, &u, e);
    }
    r->rev = u.rev;
    r->counts = u.counts;
    return ERR_OK;
}
