/* approval.c - what a person approves, in memory. */
#include "base/list.h"
#include "store/memory/workflow.h"

static struct mem_notification *
find(struct mem *m, const struct store_decide *d)
{
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == d->notification && n->n.tenant == d->tenant && !n->is_gone)
        return n;
    return NULL;
}

static const struct store_step *
step_of(struct mem *m, int64_t notification)
{
    ROW_EACH(struct mem_step, s, &m->steps)
    if (s->s.notification == notification && s->s.id == notification)
        return &s->s;
    return NULL;
}

bool
mem_is_held(const struct mem_work *w)
{
    return w && str_is(w->cursor, STORE_HELD);
}

bool
mem_is_expired(struct mem *m, int64_t notification)
{
    const struct store_step *s = step_of(m, notification);

    return s && str_is(s->verdict, approval_name(APPROVAL_EXPIRED));
}

enum err
mem_decide(struct mem *m, struct store_req *req)
{
    struct store_decide *d = CONTAINER_OF(req, struct store_decide, req);
    struct mem_notification *n = find(m, d);
    struct mem_work *w = mem_work_of(m, d->tenant, d->notification);
    const struct store_step *was = step_of(m, d->notification);

    d->is_news = false;
    d->was = (struct store_step){0};
    if (!n)
        return ERR_NOT_FOUND;
    if (was) {
        d->was = mem_copy_step(req->arena, was);
        return approval_is_again(d) ? ERR_OK : ERR_CONFLICT;
    }
    if (!mem_is_held(w) || w->due_ms <= d->now_ms)
        return ERR_CONFLICT;
    d->is_news = true;
    d->was = approval_step_of(d);
    mem_add_step(m, d->tenant, &d->was);
    n->n.is_cancelled = w->is_gone = !d->is_approved;
    w->cursor = STR_NONE;
    w->due_ms = w->taken_until_ms = d->due_ms;
    if (d->is_approved)
        mem_tell(m, (struct store_notice){.kind = STORE_NOTICE_WORK});
    return ERR_OK;
}
