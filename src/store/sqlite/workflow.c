/* workflow.c - instances of workflows, and the events that they wait for. */
#include "base/id.h"
#include "base/list.h"
#include "store/joins.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/writer.h"

/* ---- in an accept ---- */

bool
instance_is_held(struct writer *w, const struct store_accept *a,
                 const struct store_accept_item *item)
{
    const struct store_turn *turn = item->turn;
    struct query q = query(&w->conn, SQL_turn_held);
    bool is_held;

    put_int(&q, a->tenant);
    put_int(&q, turn->instance);
    put_int(&q, turn->hold);
    put_int(&q, !turn->is_of_cancel &&
                    (!turn->is_over || item->notification.id != 0));
    is_held = query_row(&q);
    query_end(&q);
    return is_held;
}

bool
instance_turn(struct writer *w, const struct store_accept *a,
              struct store_accept_item *item)
{
    const struct store_turn *turn = item->turn;
    struct query q =
        query(&w->conn, turn->is_over ? SQL_turn_end : SQL_turn_move);

    put_int(&q, a->tenant);
    put_int(&q, turn->instance);
    put_int(&q, turn->hold);
    if (turn->is_over) {
        put_int(&q, item->notification.id != 0);
    } else {
        put_text(&q, turn->cursor);
        put_int(&q, turn->due_ms > 0 ? turn->due_ms : a->now_ms);
        put_text(&q, turn->event);
        put_text(&q, turn->user);
        put_int(&q, turn->is_of_cancel);
    }
    if (query_run(&q) == 0)
        return false;
    item->hold = turn->due_ms;
    if (!turn->is_over)
        notices_work(&w->notices);
    return true;
}

void
instance_join(struct writer *w, const struct store_accept *a,
              const struct store_accept_item *item)
{
    const struct store_join *join = joins_instance(item);
    struct query q;

    if (!join || join->window == 0)
        return;
    q = query(&w->conn, SQL_instance_join);
    put_int(&q, a->tenant);
    put_int(&q, item->turn->instance);
    put_int(&q, STORE_NEVER_MS);
    put_text(&q, store_window_event(a->req.arena, join->window));
    query_run(&q);
}

void
instance_merge(struct writer *w, const struct store_accept *a,
               const struct store_accept_item *item)
{
    const struct store_flush *f = item->flush;
    struct query q;

    if (!f || f->instances_of.n == 0)
        return;
    q = query(&w->conn, SQL_instance_merge);
    put_int(&q, a->tenant);
    put_text(&q, f->instances_of);
    put_text(&q, store_window_event(a->req.arena, f->digest));
    query_run(&q);
}

static void
add_instance(struct writer *w, const struct store_accept *a,
             int64_t notification, const struct store_instance *i)
{
    struct query q = query(&w->conn, SQL_instance_add);

    put_int(&q, a->tenant);
    put_int(&q, i->id);
    put_int(&q, i->due_ms > 0 ? i->due_ms : a->now_ms);
    put_text(&q, i->cursor);
    put_int(&q, notification);
    put_text(&q, i->user);
    put_text(&q, i->event);
    query_run(&q);
}

void
step_add(struct writer *w, int64_t tenant, const struct store_step *s)
{
    struct query q = query(&w->conn, SQL_step_add);

    put_int(&q, tenant);
    put_int(&q, s->notification);
    put_int(&q, s->id);
    put_int(&q, s->at_ms);
    put_text(&q, s->user);
    put_text(&q, s->step);
    put_text(&q, s->verdict);
    put_text(&q, s->reason);
    put_text(&q, s->note);
    query_run(&q);
}

void
instance_rows(struct writer *w, const struct store_accept *a,
              const struct store_accept_item *item)
{
    for (size_t i = 0; i < item->n_instances; i++)
        add_instance(w, a, item->notification.id, &item->instances[i]);
    if (item->n_instances > 0)
        notices_work(&w->notices);
    for (size_t i = 0; i < item->n_steps; i++)
        step_add(w, a->tenant, &item->steps[i]);
}

/* ---- on the way ---- */

void
instance_take(struct writer *w, struct store_work_take *t, size_t max)
{
    struct arena *a = t->req.arena;
    struct query q = query(&w->conn, SQL_instance_due);
    size_t bytes = 0;

    put_int(&q, t->now_ms);
    put_int(&q, (int64_t)max);
    while (query_row(&q)) {
        struct store_work_row *row = &t->rows[t->n_rows];

        t->is_cut = t->max_bytes > 0 && bytes >= t->max_bytes;
        if (t->is_cut) {
            query_end(&q);
            return;
        }
        t->n_rows++;

        take_notification(&q, a, &row->notification);
        row->instance.id = take_int(&q);
        row->instance.user = take_text(&q, a);
        row->instance.cursor = take_text(&q, a);
        row->instance.event = take_text(&q, a);
        row->instance.due_ms = take_int(&q);
        bytes += store_work_bytes(row);
    }
}

void
instance_wake(struct writer *w, int64_t tenant, struct str user,
              struct str event, int64_t now_ms)
{
    struct query q;

    if (event.n == 0)
        return;
    q = query(&w->conn, SQL_instance_wake);
    put_int(&q, tenant);
    put_text(&q, user);
    put_text(&q, event);
    put_int(&q, now_ms);
    if (query_run(&q) > 0)
        notices_work(&w->notices);
}

size_t
instance_cancel(struct writer *w, const struct store_cancel *c)
{
    struct query q = query(&w->conn, SQL_instance_cancel);

    put_int(&q, c->tenant);
    put_int(&q, c->notification);
    put_int(&q, (int64_t)c->max);
    put_text(&q, STR(STORE_CANCEL_EVENT));
    return (size_t)query_run(&q);
}

void
cancel_leave(struct writer *w, const struct store_cancel *c)
{
    struct query q;

    if (!c->leaves_rest)
        return;
    q = query(&w->conn, SQL_cancel_leave);
    put_int(&q, c->tenant);
    put_int(&q, c->notification);
    put_int(&q, c->now_ms);
    put_text(&q, STR(STORE_CANCEL_EVENT));
    if (query_run(&q) > 0)
        notices_work(&w->notices);
}

void
workflow_sweep(struct writer *w, int64_t before_ms, size_t max)
{
    static const enum sql sweeps[] = {SQL_step_sweep, SQL_event_sweep};

    for (size_t i = 0; i < sizeof(sweeps) / sizeof(*sweeps); i++) {
        struct query q = query(&w->conn, sweeps[i]);

        put_int(&q, before_ms);
        put_int(&q, (int64_t)max);
        query_run(&q);
    }
}

/* ---- events ---- */

enum err
write_event_add(struct writer *w, struct store_req *req)
{
    struct store_event_add *e = CONTAINER_OF(req, struct store_event_add, req);
    enum err err = idem_find(w, e->tenant, e->at_ms, req, &e->idem);
    struct query q;

    if (err != ERR_OK || e->idem.is_replay)
        return err;
    q = query(&w->conn, SQL_event_add);
    put_int(&q, e->tenant);
    put_text(&q, e->user);
    put_text(&q, e->name);
    put_int(&q, e->at_ms);
    put_int(&q, e->id);
    put_text(&q, e->data);
    query_run(&q);
    instance_wake(w, e->tenant, e->user, e->name, e->at_ms);
    trial_goal(w, e);
    idem_save(w, e->tenant, req, &e->idem);
    return ERR_OK;
}

static void
add_mark(int64_t *first_ms, int64_t at_ms)
{
    if (at_ms != 0 && (*first_ms == 0 || at_ms < *first_ms))
        *first_ms = at_ms;
}

enum err
read_event_look(struct reader *r, struct store_req *req)
{
    struct store_event_look *l =
        CONTAINER_OF(req, struct store_event_look, req);
    struct query q = query(&r->conn, SQL_event_find);

    put_int(&q, l->tenant);
    put_text(&q, l->user);
    put_text(&q, l->name);
    put_int(&q, l->after_ms);
    put_int(&q, l->after_id);
    l->posted_ms = l->posted_id = 0;
    if (query_row(&q)) {
        l->posted_ms = take_int(&q);
        l->posted_id = take_int(&q);
    }
    query_end(&q);
    l->seen_ms = l->read_ms = l->archived_ms = 0;
    for (size_t i = 0; i < l->n_deliveries; i++) {
        q = query(&r->conn, SQL_event_item);
        put_int(&q, l->tenant);
        put_text(&q, l->user);
        put_int(&q, l->deliveries[i]);
        put_int(&q, STORE_ITEM_LATE_MS << ID_TIME_SHIFT);
        if (!query_row(&q))
            continue;
        add_mark(&l->seen_ms, take_int(&q));
        add_mark(&l->read_ms, take_int(&q));
        add_mark(&l->archived_ms, take_int(&q));
        query_end(&q);
    }
    return ERR_OK;
}

/* ---- who waits ---- */

static void
list_waiting(struct reader *r, struct store_instance_list *l)
{
    struct query q = query(&r->conn, SQL_instance_list);

    put_int(&q, l->tenant);
    put_text(&q, l->user);
    put_text(&q, l->event);
    put_int(&q, (int64_t)l->max);
    l->all = ARENA_ARRAY(l->req.arena, struct store_waiting, l->max);
    l->n = 0;
    while (query_row(&q)) {
        struct store_waiting *one = &l->all[l->n++];

        *one = (struct store_waiting){.id = take_int(&q)};
        one->notification = take_int(&q);
        one->hold = take_int(&q);
        one->is_cancelled = take_int(&q) != 0;
        one->cursor = take_text(&q, l->req.arena);
    }
}

static struct str
doc_of(struct reader *r, struct arena *a, int64_t notification)
{
    struct query q = query(&r->conn, SQL_instance_doc);
    struct str doc = STR_NONE;

    put_int(&q, notification);
    if (!query_row(&q))
        return doc;
    doc = take_text(&q, a);
    query_end(&q);
    return doc;
}

enum err
read_instance_list(struct reader *r, struct store_req *req)
{
    struct store_instance_list *l =
        CONTAINER_OF(req, struct store_instance_list, req);
    size_t bytes = 0;

    list_waiting(r, l);
    for (l->n_docs = 0; l->n_docs < l->n && l->n_docs < l->max_docs &&
                        (l->n_docs == 0 || bytes < l->max_bytes);
         l->n_docs++) {
        struct store_waiting *one = &l->all[l->n_docs];

        one->doc = doc_of(r, req->arena, one->notification);
        bytes += one->doc.n;
    }
    return ERR_OK;
}
