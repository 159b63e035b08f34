/* notice.c - what a transaction will tell once it is committed. */
#include <stdlib.h>

#include "store/sqlite/writer.h"

static struct store_notice *
add(struct writer *w, enum store_notice_kind kind)
{
    if (w->n_notices == w->cap_notices) {
        w->cap_notices = w->cap_notices ? w->cap_notices * 2 : 64;
        w->notices = xrealloc(w->notices, w->cap_notices * sizeof(*w->notices));
    }
    w->notices[w->n_notices] = (struct store_notice){.kind = kind};
    return &w->notices[w->n_notices++];
}

#define LOOK_BACK 64 /* further apart, a lane is told twice */

void
notice_ready(struct writer *w, int64_t tenant, int64_t lane)
{
    int64_t plain = lane < 0 ? -lane : lane;
    struct store_notice *n;
    size_t from = w->n_notices > LOOK_BACK ? w->n_notices - LOOK_BACK : 0;

    for (size_t i = w->n_notices; i > from; i--) {
        n = &w->notices[i - 1];
        if (n->kind == STORE_NOTICE_READY && n->lane == plain &&
            n->tenant == tenant && n->is_critical == (lane < 0))
            return;
    }
    n = add(w, STORE_NOTICE_READY);
    n->tenant = tenant;
    n->lane = plain;
    n->is_critical = lane < 0;
}

void
notice_wait(struct writer *w, int64_t due_ms)
{
    if (w->next_due_ms == 0 || due_ms < w->next_due_ms)
        w->next_due_ms = due_ms;
}

void
notice_inbox(struct writer *w, int64_t tenant, struct str user,
             const struct inbox_event *event)
{
    struct store_notice *n = add(w, STORE_NOTICE_INBOX);

    n->tenant = tenant;
    n->user = user;
    n->epoch = w->epoch;
    n->event = event;
}

void
notice_change(struct writer *w, int64_t tenant, enum object_kind kind,
              int64_t seq)
{
    struct store_notice *n = add(w, STORE_NOTICE_CHANGE);

    n->tenant = tenant;
    n->object_kind = kind;
    n->seq = seq;
}

void
notices_tell(struct writer *w, const struct store_listener *l)
{
    if (w->next_due_ms != 0)
        add(w, STORE_NOTICE_WAIT)->due_ms = w->next_due_ms;
    if (l->on_commit && w->n_notices > 0)
        l->on_commit(l->arg, w->notices, w->n_notices);
    notices_drop(w);
}

void
notices_drop(struct writer *w)
{
    w->n_notices = 0;
    w->next_due_ms = 0;
}
