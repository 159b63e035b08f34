#include "app/cancel.h"

#include "base/list.h"
#include "store/store.h"

/* While a part is written, the lane that it is in stands still. */
#define PART 10000
#define BELOW 100 /* notifications looked at in one read */

static void stop_part(struct cancel *c, int64_t notification, int64_t after);
static void find_below(struct cancel *c, int64_t before);

static void
next_below(struct cancel *c)
{
    if (c->n_ids > 0)
        stop_part(c, c->ids[--c->n_ids], 0);
    else if (c->below.next_before > 0)
        find_below(c, c->below.next_before);
    else
        c->on_done(c, ERR_OK);
}

static void
on_below(struct store_req *req, enum err e)
{
    struct store_cancel_find *f =
        CONTAINER_OF(req, struct store_cancel_find, req);
    struct cancel *c = CONTAINER_OF(f, struct cancel, below);

    if (e != ERR_OK) {
        c->on_done(c, e);
        return;
    }
    c->ids = f->notifications;
    c->n_ids = f->n_notifications;
    next_below(c);
}

static void
find_below(struct cancel *c, int64_t before)
{
    c->below = (struct store_cancel_find){
        .req = {.arena = c->arena,
                .loop = c->app->env->loop,
                .on_done = on_below},
        .tenant = c->tenant,
        .parent = c->notification,
        .before = before,
        .limit = BELOW,
    };
    store_cancel_find(c->app->env->store, &c->below);
}

static void
on_part(struct store_req *req, enum err e)
{
    struct store_cancel *part = CONTAINER_OF(req, struct store_cancel, req);
    struct cancel *c = CONTAINER_OF(part, struct cancel, part);
    bool is_below = part->notification != c->notification;

    if (e == ERR_OK) {
        c->n_stopped += part->n_stopped;
        c->n_not_stopped += part->n_not_stopped;
    }
    if (e == ERR_OK && part->is_cut)
        stop_part(c, part->notification, part->after);
    else if (e == ERR_OK && part->next != 0)
        stop_part(c, part->notification, part->next);
    else if (is_below && (e == ERR_OK || e == ERR_NOT_FOUND))
        next_below(c); /* it may have been removed meanwhile */
    else if (e == ERR_OK)
        find_below(c, 0); /* nothing comes to it any more */
    else
        c->on_done(c, e);
}

static void
stop_part(struct cancel *c, int64_t notification, int64_t after)
{
    c->part = (struct store_cancel){
        .req = {.arena = c->arena,
                .loop = c->app->env->loop,
                .on_done = on_part},
        .tenant = c->tenant,
        .notification = notification,
        .now_ms = c->now_ms,
        .after = after,
        .max = PART,
    };
    c->part.req.audit = c->audit;
    c->audit = NULL; /* the first part tells of all */
    store_cancel(c->app->env->store, &c->part);
}

void
cancel_start(struct cancel *c)
{
    c->n_stopped = c->n_not_stopped = 0;
    stop_part(c, c->notification, 0);
}
