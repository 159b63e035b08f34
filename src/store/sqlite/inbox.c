/* inbox.c - a user's items as they arrive and are marked. Each change takes
 * the user's next rev and leaves one event; the last events are kept. */
#include <stdlib.h>

#include "base/list.h"
#include "store/inbox_marks.h"
#include "store/sqlite/tell.h"
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
    notices_inbox(&w->notices, u->tenant, u->name, w->epoch, e);
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

static int
by_id(const void *a, const void *b)
{
    const struct inbox_marks *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

/* The named items, each once. False: one is not the user's. */
static bool
load_named(struct writer *w, const struct store_inbox_mark *r,
           struct inbox_marks *marks, size_t *ret_n)
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
static struct inbox_marks *
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
        struct inbox_marks m = {0};

        m.id = take_int(&q);
        m.seen_ms = take_int(&q);
        m.read_ms = take_int(&q);
        m.archived_ms = take_int(&q);
        if ((m.archived_ms != 0) == (r->change == INBOX_UNARCHIVE))
            buf_put(&found, &m, sizeof(m));
    }
    *ret_n = found.n / sizeof(struct inbox_marks);
    return (struct inbox_marks *)(void *)found.p;
}

static void
save_mark(struct writer *w, const struct user *u, const struct inbox_marks *m)
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

enum err
write_inbox_mark(struct writer *w, struct store_req *req)
{
    struct store_inbox_mark *r =
        CONTAINER_OF(req, struct store_inbox_mark, req);
    struct user u = {.tenant = r->tenant, .name = r->user};
    bool is_all = r->n_ids == 0;
    int64_t end;
    struct inbox_marks *marks;
    size_t n = 0;

    r->n_changed = 0;
    if (!find_user(w, &u) && !is_all)
        return ERR_NOT_FOUND;
    end = inbox_marks_end(r, u.rev);
    marks = is_all ? load_all(w, r, end, &n)
                   : ARENA_ARRAY(w->arena, struct inbox_marks, r->n_ids);
    if (!is_all && !load_named(w, r, marks, &n))
        return ERR_NOT_FOUND;
    r->n_changed = inbox_marks_change(r, marks, n, &u.counts);
    u.rev += r->n_changed > 0;
    r->rev = u.rev;
    r->counts = u.counts;
    if (r->n_changed > 0) {
        struct inbox_event *e = ARENA_NEW(w->arena, struct inbox_event);

        for (size_t i = 0; i < r->n_changed; i++) {
            save_mark(w, &u, &marks[i]);
            told_mark(w, r, marks[i].id);
            if (r->change == INBOX_READ)
                trial_read(w, r, marks[i].id);
        }
        save_user(w, &u);
        inbox_marks_event(r, marks, end, w->arena, e);
        add_event(w, &u, e);
        instance_wake(w, r->tenant, r->user, inbox_change_event(r->change),
                      r->now_ms);
        if (r->change == INBOX_READ && !r->is_unlearned)
            habit_read_at(w, r->tenant, r->user, r->now_ms);
    }
    return ERR_OK;
}
