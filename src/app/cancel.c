#include "app/cancel.h"

#include "base/list.h"
#include "store/store.h"

/* While a part is written, the lane that it is in stands still. */
#define PART 10000

static void next_part(struct cancel *c, int64_t after);

static void
on_part(struct store_req *req, enum err e)
{
    struct store_cancel *part = CONTAINER_OF(req, struct store_cancel, req);
    struct cancel *c = CONTAINER_OF(part, struct cancel, part);

    if (e == ERR_OK) {
        c->n_stopped += part->n_stopped;
        c->n_not_stopped += part->n_not_stopped;
    }
    if (e == ERR_OK && part->next != 0)
        next_part(c, part->next);
    else
        c->on_done(c, e);
}

static void
next_part(struct cancel *c, int64_t after)
{
    c->part = (struct store_cancel){
        .req = {.arena = c->arena,
                .loop = c->app->env->loop,
                .on_done = on_part},
        .tenant = c->tenant,
        .notification = c->notification,
        .now_ms = c->now_ms,
        .after = after,
        .max = PART,
    };
    store_cancel(c->app->env->store, &c->part);
}

void
cancel_start(struct cancel *c)
{
    c->n_stopped = c->n_not_stopped = 0;
    next_part(c, 0);
}
