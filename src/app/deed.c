#include "app/deed.h"

#include "app/provider_for.h"
#include "base/clock.h"
#include "base/list.h"
#include "queue/rank.h"
#include "store/store.h"

static void
on_acted(struct store_req *req, enum err e)
{
    struct store_act *a = CONTAINER_OF(req, struct store_act, req);
    struct deed *d = CONTAINER_OF(a, struct deed, act);

    d->on_done(d, e);
}

static struct store_req
request(struct deed *d, void (*on_done)(struct store_req *, enum err))
{
    return (struct store_req){
        .arena = d->arena, .loop = d->app->env->loop, .on_done = on_done};
}

static void
act(struct deed *d, int64_t lane, int64_t rank)
{
    d->act = (struct store_act){
        .req = request(d, on_acted),
        .tenant = d->workspace->tenant,
        .delivery = d->delivery,
        .kind = d->kind,
        .now_ms = d->now_ms,
        .lane = lane,
        .rank = rank,
        .tells = d->workspace->tells,
    };
    d->act.req.audit = d->audit;
    store_act(d->app->env->store, &d->act);
}

static void
on_read(struct store_req *req, enum err e)
{
    struct store_delivery_get *g =
        CONTAINER_OF(req, struct store_delivery_get, req);
    struct deed *d = CONTAINER_OF(g, struct deed, get);
    struct clock *clock = d->app->env->clock;
    const struct delivery *v = &g->delivery;
    const struct provider *p;

    if (e != ERR_OK) {
        d->on_done(d, e);
        return;
    }
    p = provider_to_retry(
        &(struct provider_ask){
            .workspace = d->workspace,
            .standings = d->app->standings,
            .channel = v->channel,
            .kind = device_ref_kind(v->device),
            .delivery = v->id,
            .now_ms = clock->mono_ms(clock),
        },
        v->provider);
    if (!p)
        d->on_done(d, ERR_UNAVAILABLE);
    else
        act(d, p->num, rank_of(v->priority, d->now_ms));
}

void
deed_start(struct deed *d)
{
    if (d->kind != STORE_ACT_RETRY) {
        act(d, 0, 0);
        return;
    }
    d->get = (struct store_delivery_get){
        .req = request(d, on_read),
        .tenant = d->workspace->tenant,
        .id = d->delivery,
    };
    store_delivery_get(d->app->env->store, &d->get);
}

void
deed_flush_digest(const struct app *app, struct store_digest_flush *f)
{
    store_digest_flush(app->env->store, f);
}

void
deed_add_event(const struct app *app, struct store_event_add *e)
{
    store_event_add(app->env->store, e);
}

void
deed_tell_again(const struct app *app, struct store_tell_again *t)
{
    store_tell_again(app->env->store, t);
}

void
deed_note(const struct app *app, struct store_audit_add *a)
{
    store_audit_add(app->env->store, a);
}
