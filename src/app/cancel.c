#include "app/cancel.h"

#include "base/clock.h"
#include "base/list.h"
#include "store/store.h"

/* While a part is written, the lane that it is in stands still. */
#define PART 10000
#define PAGE 100 /* notifications looked at in one read */

static void stop_part(struct cancel *c, int64_t after);
static void find_below(struct cancel *c);

static bool
is_late(const struct cancel *c)
{
    struct clock *clock = c->app->env->clock;

    return clock->mono_ms(clock) >= c->until_ms;
}

static void
count(struct cancel *c, const struct store_cancel *part)
{
    c->n_stopped += part->n_stopped;
    c->n_not_stopped += part->n_not_stopped;
}

static void
write_part(struct cancel *c, struct store_cancel *part, int64_t notification,
           int64_t after, void (*on_done)(struct store_req *, enum err))
{
    *part = (struct store_cancel){
        .req = {.arena = c->arena,
                .loop = c->app->env->loop,
                .on_done = on_done},
        .tenant = c->tenant,
        .notification = notification,
        .now_ms = c->now_ms,
        .after = after,
        .max = PART,
        .tells = snapshots_tells(c->app->snapshots, c->tenant),
    };
}

/* ---- what is left ---- */

static void
on_left(struct store_req *req, enum err e)
{
    struct store_cancel *part = CONTAINER_OF(req, struct store_cancel, req);
    struct cancel *c = CONTAINER_OF(part, struct cancel, part);

    if (e == ERR_OK)
        count(c, part);
    c->is_left = e == ERR_OK;
    c->on_done(c, e);
}

/* Behind `after` there may be more of its own. */
static void
leave(struct cancel *c, int64_t after)
{
    c->after = after;
    if (c->goes_on) {
        c->is_left = true;
        c->on_done(c, ERR_OK);
        return;
    }
    write_part(c, &c->part, c->notification, after, on_left);
    c->part.leaves_rest = true;
    store_cancel(c->app->env->store, &c->part);
}

/* ---- below it ---- */

static void
end_page(struct cancel *c)
{
    if (c->err != ERR_OK || c->find.next_before == 0) {
        c->on_done(c, c->err);
        return;
    }
    c->before = c->find.next_before;
    if (is_late(c))
        leave(c, STORE_CANCEL_ALL);
    else
        find_below(c);
}

static void stop_below(struct cancel_below *b, int64_t notification,
                       int64_t after);

static void
next_below(struct cancel_below *b)
{
    struct cancel *c = b->of;

    if (c->n_ids > 0 && c->err == ERR_OK)
        stop_below(b, c->find.notifications[--c->n_ids], 0);
    else if (--c->n_busy == 0)
        end_page(c);
}

/* One may have been removed meanwhile. */
static void
on_below(struct store_req *req, enum err e)
{
    struct store_cancel *part = CONTAINER_OF(req, struct store_cancel, req);
    struct cancel_below *b = CONTAINER_OF(part, struct cancel_below, part);

    if (e == ERR_OK)
        count(b->of, part);
    else if (e != ERR_NOT_FOUND && b->of->err == ERR_OK)
        b->of->err = e;
    if (e == ERR_OK && (part->is_cut || part->next != 0))
        stop_below(b, part->notification,
                   part->is_cut ? part->after : part->next);
    else
        next_below(b);
}

static void
stop_below(struct cancel_below *b, int64_t notification, int64_t after)
{
    write_part(b->of, &b->part, notification, after, on_below);
    store_cancel(b->of->app->env->store, &b->part);
}

static void
on_found(struct store_req *req, enum err e)
{
    struct store_cancel_find *f =
        CONTAINER_OF(req, struct store_cancel_find, req);
    struct cancel *c = CONTAINER_OF(f, struct cancel, find);

    if (e != ERR_OK) {
        c->on_done(c, e);
        return;
    }
    c->n_ids = f->n_notifications;
    c->n_busy = CANCEL_AT_A_TIME;
    for (size_t i = 0; i < CANCEL_AT_A_TIME; i++) {
        c->below[i].of = c;
        next_below(&c->below[i]);
    }
}

static void
find_below(struct cancel *c)
{
    c->find = (struct store_cancel_find){
        .req = {.arena = c->arena,
                .loop = c->app->env->loop,
                .on_done = on_found},
        .tenant = c->tenant,
        .parent = c->notification,
        .before = c->before,
        .limit = PAGE,
    };
    store_cancel_find(c->app->env->store, &c->find);
}

/* ---- its own ---- */

static void
on_part(struct store_req *req, enum err e)
{
    struct store_cancel *part = CONTAINER_OF(req, struct store_cancel, req);
    struct cancel *c = CONTAINER_OF(part, struct cancel, part);
    int64_t after = part->is_cut ? part->after : part->next;

    if (e != ERR_OK) {
        c->on_done(c, e);
        return;
    }
    count(c, part);
    if (!part->is_cut && part->next == 0)
        find_below(c); /* nothing comes to it any more */
    else if (is_late(c))
        leave(c, after);
    else
        stop_part(c, after);
}

static void
stop_part(struct cancel *c, int64_t after)
{
    write_part(c, &c->part, c->notification, after, on_part);
    c->part.req.audit = c->audit;
    c->audit = NULL; /* the first part tells of all */
    store_cancel(c->app->env->store, &c->part);
}

void
cancel_start(struct cancel *c)
{
    struct clock *clock = c->app->env->clock;

    c->n_stopped = c->n_not_stopped = 0;
    c->is_left = false;
    c->err = ERR_OK;
    if (c->until_ms == 0)
        c->until_ms = clock->mono_ms(clock) + CANCEL_PATIENCE_MS;
    stop_part(c, c->after);
}
