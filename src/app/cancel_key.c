/* cancel_key.c - see cancel_key.h. Those that are open are found first, so
 * that one which stays open, as it is in flight, is met once. */
#include "app/cancel_key.h"

#include "base/clock.h"
#include "base/list.h"
#include "store/store.h"

#define PAGE 100

static struct store_req
request(struct cancel_key *x, void (*on_done)(struct store_req *, enum err))
{
    return (struct store_req){
        .arena = x->arena, .loop = x->app->env->loop, .on_done = on_done};
}

static void cancel_next(struct cancel_key *x);

static void
on_cancelled(struct cancel *c, enum err e)
{
    struct cancel_key *x = CONTAINER_OF(c, struct cancel_key, cancel);

    if (e != ERR_OK && e != ERR_NOT_FOUND) { /* it was removed meanwhile */
        x->on_done(x, e);
        return;
    }
    if (e == ERR_OK) {
        x->n_stopped += c->n_stopped;
        x->n_not_stopped += c->n_not_stopped;
        x->is_left |= c->is_left;
    }
    x->at++;
    cancel_next(x);
}

static void
cancel_next(struct cancel_key *x)
{
    if (x->at == x->n_notifications) {
        x->on_done(x, ERR_OK);
        return;
    }
    x->cancel = (struct cancel){
        .app = x->app,
        .arena = x->arena,
        .tenant = x->tenant,
        .notification = x->ids[x->at],
        .now_ms = x->now_ms,
        .audit = x->audit,
        .until_ms = x->until_ms,
        .on_done = on_cancelled,
    };
    x->audit = NULL; /* the first one tells of the key */
    cancel_start(&x->cancel);
}

static void find_next(struct cancel_key *x, int64_t before);

static void
on_found(struct store_req *req, enum err e)
{
    struct store_cancel_find *f =
        CONTAINER_OF(req, struct store_cancel_find, req);
    struct cancel_key *x = CONTAINER_OF(f, struct cancel_key, find);

    if (e != ERR_OK) {
        x->on_done(x, e);
        return;
    }
    for (size_t i = 0; i < f->n_notifications && !x->has_more; i++) {
        x->has_more = x->n_notifications == CANCEL_AT_ONCE;
        if (!x->has_more)
            x->ids[x->n_notifications++] = f->notifications[i];
    }
    if (f->next_before > 0 && !x->has_more)
        find_next(x, f->next_before);
    else
        cancel_next(x);
}

static void
find_next(struct cancel_key *x, int64_t before)
{
    x->find = (struct store_cancel_find){
        .req = request(x, on_found),
        .tenant = x->tenant,
        .key = x->key,
        .before = before,
        .limit = PAGE,
    };
    store_cancel_find(x->app->env->store, &x->find);
}

void
cancel_key_start(struct cancel_key *x)
{
    struct clock *clock = x->app->env->clock;

    x->n_notifications = x->n_stopped = x->n_not_stopped = x->at = 0;
    if (x->audit) {
        x->audit->kind = STR("cancel_key");
        x->audit->key = x->key;
        x->audit->action = STR("cancel");
    }
    x->has_more = x->is_left = false;
    x->until_ms = clock->mono_ms(clock) + CANCEL_PATIENCE_MS;
    find_next(x, 0);
}
