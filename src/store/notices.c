/* notices.c - see notices.h. */
#include "store/notices.h"

#include <stdlib.h>

#include "base/arena.h"

static struct store_notice *
add(struct notices *n, enum store_notice_kind kind)
{
    if (n->n == n->cap) {
        n->cap = n->cap ? n->cap * 2 : 64;
        n->all = xrealloc(n->all, n->cap * sizeof(*n->all));
    }
    n->all[n->n] = (struct store_notice){.kind = kind};
    return &n->all[n->n++];
}

#define LOOK_BACK 64 /* further apart, a lane is told twice */

void
notices_ready(struct notices *n, int64_t tenant, int64_t signed_lane)
{
    int64_t lane = signed_lane < 0 ? -signed_lane : signed_lane;
    size_t from = n->n > LOOK_BACK ? n->n - LOOK_BACK : 0;
    struct store_notice *one;

    for (size_t i = n->n; i > from; i--) {
        one = &n->all[i - 1];
        if (one->kind == STORE_NOTICE_READY && one->lane == lane &&
            one->tenant == tenant && one->is_critical == (signed_lane < 0))
            return;
    }
    one = add(n, STORE_NOTICE_READY);
    one->tenant = tenant;
    one->lane = lane;
    one->is_critical = signed_lane < 0;
}

void
notices_wait(struct notices *n, int64_t due_ms)
{
    if (n->next_due_ms == 0 || due_ms < n->next_due_ms)
        n->next_due_ms = due_ms;
}

void
notices_inbox(struct notices *n, int64_t tenant, struct str user, int64_t epoch,
              const struct inbox_event *event)
{
    struct store_notice *one = add(n, STORE_NOTICE_INBOX);

    one->tenant = tenant;
    one->user = user;
    one->epoch = epoch;
    one->event = event;
}

void
notices_inbox_bell(struct notices *n, int64_t tenant, struct str user,
                   int64_t epoch, int64_t rev)
{
    notices_inbox(n, tenant, user, epoch, NULL);
    n->all[n->n - 1].seq = rev;
}

void
notices_change(struct notices *n, int64_t tenant, enum object_kind kind,
               int64_t seq)
{
    struct store_notice *one = add(n, STORE_NOTICE_CHANGE);

    one->tenant = tenant;
    one->object_kind = kind;
    one->seq = seq;
}

void
notices_outbox(struct notices *n)
{
    (void)add(n, STORE_NOTICE_OUTBOX);
}

void
notices_work(struct notices *n)
{
    (void)add(n, STORE_NOTICE_WORK);
}

void
notices_tell_endpoints(struct notices *n)
{
    if (n->n == 0 || n->all[n->n - 1].kind != STORE_NOTICE_TELL)
        (void)add(n, STORE_NOTICE_TELL);
}

void
notices_tell(struct notices *n, const struct store_listener *l)
{
    if (n->next_due_ms != 0)
        add(n, STORE_NOTICE_WAIT)->due_ms = n->next_due_ms;
    if (l->on_commit && n->n > 0)
        l->on_commit(l->arg, n->all, n->n);
    notices_drop(n);
}

void
notices_drop(struct notices *n)
{
    n->n = 0;
    n->next_due_ms = 0;
}

void
notices_fini(struct notices *n)
{
    free(n->all);
}
