/* workflow.c - instances of workflows in memory, and the events they wait for.
 */
#include <stdlib.h>

#include "base/list.h"
#include "store/joins.h"
#include "store/memory/workflow.h"
#include "store/memory/trial.h"

/* ---- in an accept ---- */

static bool
is_cancelled(struct mem *m, int64_t notification)
{
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == notification)
        return n->n.is_cancelled;
    return false;
}

static struct mem_work *
find(struct mem *m, const struct store_accept *a,
     const struct store_accept_item *item)
{
    return mem_work_find(m, STORE_WORK_WORKFLOW, a->tenant,
                         item->turn->instance);
}

bool
mem_instance_is_held(struct mem *m, const struct store_accept *a,
                     const struct store_accept_item *item)
{
    bool is_end = item->turn->is_of_cancel ||
                  (item->turn->is_over && item->notification.id == 0);
    const struct mem_work *w = find(m, a, item);

    return w && w->taken_until_ms == item->turn->hold &&
           (is_end || !is_cancelled(m, w->notification));
}

bool
mem_instance_turn(struct mem *m, const struct store_accept *a,
                  struct store_accept_item *item)
{
    const struct store_turn *turn = item->turn;
    struct mem_work *w = find(m, a, item);

    if (!mem_instance_is_held(m, a, item))
        return false;
    w->is_gone = turn->is_over;
    w->cursor = str_dup(m->arena, turn->cursor);
    w->user = str_dup(m->arena, turn->user);
    w->event = str_dup(m->arena, turn->event);
    w->due_ms = w->taken_until_ms = turn->due_ms > 0 ? turn->due_ms : a->now_ms;
    item->hold = turn->due_ms;
    mem_tell(m, (struct store_notice){.kind = STORE_NOTICE_WORK});
    return true;
}

struct store_step
mem_copy_step(struct arena *a, const struct store_step *s)
{
    struct store_step c = *s;

    c.user = str_dup(a, s->user);
    c.step = str_dup(a, s->step);
    c.verdict = str_dup(a, s->verdict);
    c.reason = str_dup(a, s->reason);
    c.note = str_dup(a, s->note);
    return c;
}

void
mem_add_step(struct mem *m, int64_t tenant, const struct store_step *s)
{
    *ROW_ADD(&m->steps, struct mem_step) =
        (struct mem_step){.tenant = tenant, .s = mem_copy_step(m->arena, s)};
}

void
mem_instance_join(struct mem *m, const struct store_accept *a,
                  const struct store_accept_item *item)
{
    const struct store_join *join = joins_instance(item);
    struct mem_work *w;

    if (!join || join->window == 0)
        return;
    w = find(m, a, item);
    w->event = store_window_event(m->arena, join->window);
    w->due_ms = w->taken_until_ms = STORE_NEVER_MS;
}

void
mem_instance_merge(struct mem *m, const struct store_accept *a,
                   const struct store_accept_item *item)
{
    const struct store_flush *f = item->flush;
    struct str event;

    if (!f || f->instances_of.n == 0)
        return;
    event = store_window_event(m->arena, f->digest);
    ROW_EACH(struct mem_work, w, &m->works)
    if (w->kind == STORE_WORK_WORKFLOW && w->tenant == a->tenant &&
        str_eq(w->user, f->instances_of) && str_eq(w->event, event))
        w->is_gone = true;
}

void
mem_instance_rows(struct mem *m, const struct store_accept *a,
                  const struct store_accept_item *item)
{
    for (size_t i = 0; i < item->n_instances; i++) {
        const struct store_instance *one = &item->instances[i];

        mem_work_add(m, &(struct mem_work){
                            .kind = STORE_WORK_WORKFLOW,
                            .tenant = a->tenant,
                            .id = one->id,
                            .due_ms = one->due_ms > 0 ? one->due_ms : a->now_ms,
                            .cursor = str_dup(m->arena, one->cursor),
                            .notification = item->notification.id,
                            .user = str_dup(m->arena, one->user),
                            .event = str_dup(m->arena, one->event),
                        });
    }
    for (size_t i = 0; i < item->n_steps; i++)
        mem_add_step(m, a->tenant, &item->steps[i]);
}

/* ---- on the way ---- */

void
mem_instance_take(struct mem *m, struct arena *a, const struct mem_work *w,
                  struct store_work_row *row)
{
    row->instance = (struct store_instance){
        .id = w->id,
        .user = str_dup(a, w->user),
        .cursor = str_dup(a, w->cursor),
        .event = str_dup(a, w->event),
        .due_ms = w->due_ms,
    };
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == w->notification && !n->is_gone)
        row->notification = mem_copy_notification(a, &n->n);
}

void
mem_instance_wake(struct mem *m, int64_t tenant, struct str user,
                  struct str event, int64_t now_ms)
{
    bool is_any = false;

    ROW_EACH(struct mem_work, w, &m->works)
    if (w->kind == STORE_WORK_WORKFLOW && !w->is_gone && event.n > 0 &&
        w->tenant == tenant && str_eq(w->user, user) &&
        str_eq(w->event, event)) {
        w->due_ms = w->taken_until_ms = now_ms;
        is_any = true;
    }
    if (is_any)
        mem_tell(m, (struct store_notice){.kind = STORE_NOTICE_WORK});
}

size_t
mem_instance_cancel(struct mem *m, const struct store_cancel *c)
{
    size_t n = 0;

    ROW_EACH(struct mem_work, w, &m->works)
    if (w->kind == STORE_WORK_WORKFLOW && !w->is_gone &&
        w->notification == c->notification && n < c->max &&
        !str_is(w->event, STORE_CANCEL_EVENT)) {
        w->is_gone = true;
        n++;
    }
    return n;
}

void
mem_cancel_leave(struct mem *m, const struct store_cancel *c)
{
    if (!c->leaves_rest ||
        mem_work_find(m, STORE_WORK_WORKFLOW, c->tenant, c->notification))
        return;
    mem_work_add(m, &(struct mem_work){.kind = STORE_WORK_WORKFLOW,
                                       .tenant = c->tenant,
                                       .id = c->notification,
                                       .due_ms = c->now_ms,
                                       .notification = c->notification,
                                       .event = STR(STORE_CANCEL_EVENT)});
}

bool
mem_instance_is_left(struct mem *m, int64_t notification)
{
    ROW_EACH(struct mem_work, w, &m->works)
    if (w->kind == STORE_WORK_WORKFLOW && !w->is_gone &&
        w->notification == notification)
        return true;
    return false;
}

int64_t
mem_parent_of(struct mem *m, int64_t notification)
{
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == notification)
        return n->n.parent;
    return 0;
}

/* ---- events ---- */

enum err
mem_event_add(struct mem *m, struct store_req *req)
{
    struct store_event_add *e = CONTAINER_OF(req, struct store_event_add, req);
    enum err err = mem_idem_find(m, e->tenant, e->at_ms, req, &e->idem);
    struct mem_user_event *row;

    if (err != ERR_OK || e->idem.is_replay)
        return err;
    row = ROW_ADD(&m->user_events, struct mem_user_event);
    *row = (struct mem_user_event){.tenant = e->tenant,
                                   .at_ms = e->at_ms,
                                   .id = e->id,
                                   .user = str_dup(m->arena, e->user),
                                   .name = str_dup(m->arena, e->name),
                                   .data = str_dup(m->arena, e->data)};
    mem_instance_wake(m, e->tenant, e->user, e->name, e->at_ms);
    mem_trial_goal(m, e);
    mem_idem_save(m, e->tenant, req, &e->idem);
    return ERR_OK;
}

static void
add_mark(int64_t *first_ms, int64_t at_ms)
{
    if (at_ms != 0 && (*first_ms == 0 || at_ms < *first_ms))
        *first_ms = at_ms;
}

static bool
is_after(const struct mem_user_event *e, int64_t ms, int64_t id)
{
    return e->at_ms > ms || (e->at_ms == ms && e->id > id);
}

static void
look_for_event(struct mem *m, struct store_event_look *l)
{
    l->posted_ms = l->posted_id = 0;
    ROW_EACH(struct mem_user_event, e, &m->user_events)
    if (e->tenant == l->tenant && e->user.n > 0 && str_eq(e->user, l->user) &&
        str_eq(e->name, l->name) && is_after(e, l->after_ms, l->after_id) &&
        (l->posted_ms == 0 || !is_after(e, l->posted_ms, l->posted_id))) {
        l->posted_ms = e->at_ms;
        l->posted_id = e->id;
    }
}

enum err
mem_event_look(struct mem *m, struct store_req *req)
{
    struct store_event_look *l =
        CONTAINER_OF(req, struct store_event_look, req);

    look_for_event(m, l);
    l->seen_ms = l->read_ms = l->archived_ms = 0;
    for (size_t k = 0; k < l->n_deliveries; k++)
        ROW_EACH(struct inbox_item, i, &m->items)
    if (i->tenant == l->tenant && i->delivery == l->deliveries[k] &&
        str_eq(i->user, l->user)) {
        add_mark(&l->seen_ms, i->seen_ms);
        add_mark(&l->read_ms, i->read_ms);
        add_mark(&l->archived_ms, i->archived_ms);
    }
    return ERR_OK;
}

/* ---- who waits ---- */

static int
by_id(const void *a, const void *b)
{
    const struct store_waiting *x = a, *y = b;

    return (x->id > y->id) - (x->id < y->id);
}

static void
list_waiting(struct mem *m, struct store_instance_list *l)
{
    l->all = ARENA_ARRAY(l->req.arena, struct store_waiting, m->works.n);
    l->n = 0;
    ROW_EACH(struct mem_work, w, &m->works)
    if (w->kind == STORE_WORK_WORKFLOW && !w->is_gone &&
        w->tenant == l->tenant && str_eq(w->user, l->user) &&
        str_eq(w->event, l->event))
        l->all[l->n++] = (struct store_waiting){
            .id = w->id,
            .notification = w->notification,
            .hold = w->taken_until_ms,
            .cursor = str_dup(l->req.arena, w->cursor),
            .is_cancelled = is_cancelled(m, w->notification)};
    if (l->n > 0)
        qsort(l->all, l->n, sizeof(*l->all), by_id);
    if (l->n > l->max)
        l->n = l->max;
}

static struct str
doc_of(struct mem *m, struct arena *a, int64_t notification)
{
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == notification)
        return str_dup(a, n->n.doc);
    return STR_NONE;
}

enum err
mem_instance_list(struct mem *m, struct store_req *req)
{
    struct store_instance_list *l =
        CONTAINER_OF(req, struct store_instance_list, req);
    size_t bytes = 0;

    list_waiting(m, l);
    for (l->n_docs = 0; l->n_docs < l->n && l->n_docs < l->max_docs &&
                        (l->n_docs == 0 || bytes < l->max_bytes);
         l->n_docs++) {
        struct store_waiting *one = &l->all[l->n_docs];

        one->doc = doc_of(m, req->arena, one->notification);
        bytes += one->doc.n;
    }
    return ERR_OK;
}
