/* catchup.c - what was committed and not told here, read from the store.
 *
 * News of a user may leave a gap, or may be but a bell. Then the inbox is read
 * from the rev up to which all was told, and what was missing is told in its
 * place. One read a user is under way; whatever is heard meanwhile and is not
 * in it leads to one more. READS_MAX bounds the reads of a hub: when another
 * process tells thousands of users, the store still has time for others. */
#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "realtime/hub_private.h"
#include "realtime/user_key.h"

#define READS_MAX 32
#define TRIES_MAX 5

struct catchup {
    struct list link;      /* of hub->catchups */
    struct hub *hub;       /* NULL: it went */
    struct hub_user *user; /* NULL: they left */
    struct arena *arena;   /* the store's while it is asked */
    bool is_asking;
    int n_failures;
    int64_t heard_rev; /* what it is to reach */
    struct loop_timer retry;
    struct store_inbox_replay replay;
};

static void start_some(struct hub *h);

static void
catchup_free(struct catchup *c)
{
    if (c->hub)
        c->hub->n_catchups--;
    list_remove(&c->link);
    arena_free(c->arena);
    free(c);
}

static struct str
name_of(const struct hub_user *u)
{
    return user_key_name((struct str){u->key, u->n_key});
}

const char *
catchup_fault(const struct store_inbox_replay *r)
{
    if (r->has_gap)
        return r->now_epoch != r->epoch ? "epoch" : "gap";
    for (size_t i = 0; i < r->n_events; i++) {
        const struct inbox_event *e = &r->events[i];

        if (e->rev != r->after_rev + 1 + (int64_t)i)
            return "gap";
        if (e->kind == INBOX_EVENT_ITEM && e->item.notification == 0)
            return "retention"; /* the item itself is not there any more */
    }
    return (int64_t)r->n_events == r->now_rev - r->after_rev ? NULL : "gap";
}

/* ---- one read ---- */

/* What it read was told meanwhile, by events or to one who was opened. */
static bool
is_outrun(const struct hub_user *u, const struct store_inbox_replay *r)
{
    return r->now_epoch == u->epoch && r->now_rev <= u->rev &&
           r->now_rev >= r->after_rev;
}

static void
tell_missed(struct hub *h, struct hub_user *u,
            const struct store_inbox_replay *r)
{
    const char *why = catchup_fault(r);

    if (is_outrun(u, r))
        return;
    if (why) {
        fanout_put_reset(h, u, why,
                         (struct inbox_cursor){r->now_epoch, r->now_rev},
                         r->counts);
        return;
    }
    for (size_t i = 0; i < r->n_events; i++)
        if (r->events[i].rev == u->rev + 1)
            fanout_put_event(h, u, &r->events[i]);
    /* Else hub_settle() went back behind them, and wants another read. */
}

/* The store does not answer: they are to read themselves, later. */
static void
give_up(struct hub *h, struct hub_user *u, int64_t heard_rev)
{
    if (heard_rev < u->heard_rev)
        heard_rev = u->heard_rev;
    u->heard_rev = 0;
    if (heard_rev > u->rev && heard_rev != REV_UNKNOWN)
        fanout_put_reset(h, u, "gap",
                         (struct inbox_cursor){u->epoch, heard_rev}, u->counts);
}

static void ask(struct catchup *c);

static void
on_retry(struct loop_timer *t)
{
    ask(CONTAINER_OF(t, struct catchup, retry));
}

static void
on_read(struct store_req *req, enum err e)
{
    struct store_inbox_replay *r =
        CONTAINER_OF(req, struct store_inbox_replay, req);
    struct catchup *c = CONTAINER_OF(r, struct catchup, replay);
    struct hub *h = c->hub;
    struct hub_user *u = c->user;

    c->is_asking = false;
    if (u && e != ERR_OK && e != ERR_SHUTDOWN && ++c->n_failures < TRIES_MAX) {
        loop_timer_set(h->loop, &c->retry, h->o.retry_ms << (c->n_failures - 1),
                       on_retry);
        return;
    }
    if (u) {
        u->catchup = NULL;
        if (e == ERR_OK)
            tell_missed(h, u, r);
        else if (e != ERR_SHUTDOWN)
            give_up(h, u, c->heard_rev);
    }
    catchup_free(c);
    if (u && e != ERR_SHUTDOWN)
        catchup_check(h, u);
    if (h)
        start_some(h);
}

static void
ask(struct catchup *c)
{
    struct hub_user *u = c->user;

    if (c->heard_rev < u->heard_rev)
        c->heard_rev = u->heard_rev;
    u->heard_rev = 0;
    arena_reset(c->arena);
    c->replay = (struct store_inbox_replay){
        .req = {.arena = c->arena, .loop = c->hub->loop, .on_done = on_read},
        .tenant = u->tenant,
        .user = str_dup(c->arena, name_of(u)),
        .epoch = u->epoch,
        .after_rev = u->rev,
    };
    c->is_asking = true;
    inbox_replay(c->hub->o.app, &c->replay);
}

static void
start(struct hub *h, struct hub_user *u)
{
    struct catchup *c = xcalloc(1, sizeof(*c));

    c->hub = h;
    c->user = u;
    c->arena = arena_new();
    u->catchup = c;
    list_append(&h->catchups, &c->link);
    h->n_catchups++;
    ask(c);
}

/* ---- whose turn it is ---- */

static bool
is_behind(const struct hub_user *u)
{
    return u->epoch != 0 && u->heard_rev > u->rev;
}

static void
start_some(struct hub *h)
{
    struct list *first;

    while (!h->is_draining && h->n_catchups < READS_MAX &&
           (first = list_take(&h->late_users))) {
        struct hub_user *u = CONTAINER_OF(first, struct hub_user, late);

        if (is_behind(u))
            start(h, u);
    }
}

void
catchup_check(struct hub *h, struct hub_user *u)
{
    if (u->catchup || !is_behind(u) || !list_is_empty(&u->late))
        return;
    list_append(&h->late_users, &u->late);
    start_some(h);
}

void
catchup_hear(struct hub *h, struct hub_user *u, struct inbox_cursor at)
{
    if (u->epoch != 0 && at.epoch != u->epoch)
        at.rev = REV_UNKNOWN;
    if (u->heard_rev < at.rev)
        u->heard_rev = at.rev;
    catchup_check(h, u);
}

void
catchup_forget(struct hub_user *u)
{
    struct catchup *c = u->catchup;
    struct hub *h;

    list_remove(&u->late);
    if (!c)
        return;
    c->user = NULL;
    if (c->is_asking)
        return;
    h = c->hub;
    loop_timer_clear(h->loop, &c->retry);
    catchup_free(c);
    start_some(h);
}

void
catchup_fini(struct hub *h)
{
    struct list *it;

    while ((it = list_take(&h->catchups)))
        CONTAINER_OF(it, struct catchup, link)->hub = NULL;
}
