/* approval.c - what a person approves. */
#include "base/list.h"
#include "store/approval.h"
#include "store/sqlite/writer.h"

/* Whether there is such a notification; and what was decided about it. */
static bool
find(struct writer *w, struct store_decide *d)
{
    struct query q = query(&w->conn, SQL_approval_find);
    struct arena *a = d->req.arena;

    d->was = (struct store_step){0};
    put_int(&q, d->notification);
    put_int(&q, d->tenant);
    if (!query_row(&q))
        return false;
    d->was.notification = take_int(&q);
    d->was.id = take_int(&q);
    d->was.at_ms = take_int(&q);
    d->was.user = take_text(&q, a);
    d->was.step = take_text(&q, a);
    d->was.verdict = take_text(&q, a);
    d->was.reason = take_text(&q, a);
    d->was.note = take_text(&q, a);
    query_end(&q);
    return true;
}

static bool
let_go(struct writer *w, const struct store_decide *d)
{
    struct query q = query(&w->conn, d->is_approved ? SQL_approval_release
                                                    : SQL_approval_remove);

    put_int(&q, d->tenant);
    put_int(&q, d->notification);
    put_int(&q, d->now_ms);
    if (d->is_approved)
        put_int(&q, d->due_ms);
    return query_run(&q) > 0;
}

enum err
write_decide(struct writer *w, struct store_req *req)
{
    struct store_decide *d = CONTAINER_OF(req, struct store_decide, req);
    struct query q;

    d->is_news = false;
    if (!find(w, d))
        return ERR_NOT_FOUND;
    if (d->was.verdict.n > 0)
        return approval_is_again(d) ? ERR_OK : ERR_CONFLICT;
    if (!let_go(w, d))
        return ERR_CONFLICT;
    d->is_news = true;
    d->was = approval_step_of(d);
    step_add(w, d->tenant, &d->was);
    if (d->is_approved) {
        notices_work(&w->notices);
        return ERR_OK;
    }
    q = query(&w->conn, SQL_notification_cancel);
    put_int(&q, d->notification);
    put_int(&q, d->tenant);
    query_run(&q);
    return ERR_OK;
}
