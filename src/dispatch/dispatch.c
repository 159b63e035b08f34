/* dispatch.c - wires lanes to the queue and to the news; the drain. */
#include "dispatch/dispatch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/prepare.h"
#include "base/clock.h"
#include "base/health.h"
#include "base/log.h"
#include "dispatch/lane.h"
#include "dispatch/outcaller.h"

int64_t
dispatch_wall_ms(const struct dispatch *d)
{
    return d->options.env->clock->wall_ms(d->options.env->clock);
}

int64_t
dispatch_mono_ms(const struct dispatch *d)
{
    return d->options.env->clock->mono_ms(d->options.env->clock);
}

size_t
dispatch_peers(struct dispatch *d, struct provider_ask ask,
               struct settle_peer peers[static PROVIDERS_MAX])
{
    const struct provider *all[PROVIDERS_MAX];
    size_t n;

    ask.standings = d->options.standings;
    ask.now_ms = dispatch_mono_ms(d);
    n = provider_rank(&ask, all);
    for (size_t i = 0; i < n; i++) {
        const struct provider *p = all[i];
        const struct lane *l = lane_find(d, ask.workspace->tenant, p->num);

        peers[i] = (struct settle_peer){
            .lane = p->num, .name = p->name, .retry = &p->retry};
        peers[i].is_on_trial = l && !lane_is_open_to_all(l);
        peers[i].is_healthy =
            !p->is_paused && (!peers[i].is_on_trial || lane_may_be_tried(l));
    }
    return n;
}

size_t
dispatch_peers_of(struct dispatch *d, const struct workspace *w,
                  const struct store_work *work, struct arena *a,
                  struct settle_peer peers[static PROVIDERS_MAX])
{
    const struct delivery *v = &work->delivery;
    struct provider_ask ask = {.workspace = w,
                               .channel = v->channel,
                               .kind = device_ref_kind(v->device),
                               .delivery = v->id};

    ask.needs_target = ask.kind == DEVICE_NONE &&
                       provider_targets_differ(w, v->channel) &&
                       !prepare_has_address(a, work);
    return dispatch_peers(d, ask, peers);
}

static void
on_unknown_lane(void *arg, int64_t tenant, int64_t lane)
{
    (void)lane_open(arg, tenant, lane);
}

struct dispatch *
dispatch_new(const struct dispatch_options *o)
{
    struct dispatch *d = xcalloc(1, sizeof(*d));

    d->options = *o;
    list_init(&d->lanes);
    list_init(&d->calls);
    list_init(&d->idle);
    d->outcaller = outcaller_new(o->executor);
    d->shelf = shelf_new(o->env, d->outcaller);
    d->queue = queue_new(&(struct queue_options){
        .env = o->env, .on_unknown_lane = on_unknown_lane, .arg = d});
    return d;
}

/* ---- probes ---- */

/* Who answers no to a probe works; who cannot be reached, or knows us not,
 * does not. */
static bool
is_bad(const struct channel_verdict *v)
{
    switch (v->verdict) {
    case VERDICT_DELIVERED:
    case VERDICT_SENT:
    case VERDICT_RATE:
        return false;
    case VERDICT_REJECTED:
        return v->status == 0;
    case VERDICT_RETRY:
    case VERDICT_UNKNOWN:
    case VERDICT_GONE:
    case VERDICT_CREDENTIALS:
    case VERDICT_INTERRUPTED:
    case VERDICT_COUNT:
        break;
    }
    return true;
}

static void
on_probed(void *arg, const struct probed *p)
{
    struct dispatch *d = arg;
    struct lane *l = lane_find(d, p->tenant, p->lane);
    const struct channel_verdict *v = p->verdict;
    bool bad = is_bad(v);
    char name[METRICS_VALUE_MAX + 1];
    struct buf b = {0};

    if (bad)
        buf_printf(&b, "probe: %s", verdict_name(v->verdict));
    else
        buf_printf(&b, "probe: ok in %lld ms", (long long)p->duration_ms);
    if (bad && v->detail.n > 0)
        buf_printf(&b, ", %.*s", STR_ARG(v->detail));
    buf_put_char(&b, '\0');
    if (bad)
        LOG_WARN("probe.failed", log_str("provider", p->health_name),
                 log_cstr("verdict", verdict_name(v->verdict)));
    snprintf(name, sizeof(name), "%.*s", STR_ARG(p->name));
    metric_add(metrics_series(METRIC_provider_probes_total, name,
                              verdict_name(v->verdict)),
               1);
    if (l)
        lane_tell_probe(l, b.p, bad);
    else
        health_report(p->health_name, bad ? HEALTH_DEGRADED : HEALTH_OK,
                      str_from(b.p), dispatch_wall_ms(d));
    buf_fini(&b);
}

static void
on_left(void *arg, int64_t tenant, int64_t lane, struct str health_name)
{
    struct lane *l = lane_find(arg, tenant, lane);

    if (l)
        lane_tell_probe(l, "", false);
    if (!l || l->is_deleted)
        health_forget(health_name);
}

static void
on_prober_idle(void *arg)
{
    dispatch_call_is_over(arg);
}

static void
start_prober(struct dispatch *d)
{
    const struct dispatch_options *o = &d->options;

    if (o->probe_every_ms == 0)
        return;
    d->prober =
        prober_new(&(struct prober_options){.env = o->env,
                                            .snapshots = o->snapshots,
                                            .executor = o->executor,
                                            .every_ms = o->probe_every_ms,
                                            .on_probed = on_probed,
                                            .on_left = on_left,
                                            .on_idle = on_prober_idle,
                                            .arg = d});
}

void
dispatch_start(struct dispatch *d)
{
    queue_start(d->queue);
    start_prober(d);
}

void
dispatch_on_ready(struct dispatch *d, int64_t tenant, int64_t lane,
                  bool is_critical)
{
    queue_on_ready(d->queue, tenant, lane, is_critical);
}

void
dispatch_on_wait(struct dispatch *d, int64_t due_ms)
{
    queue_on_wait(d->queue, due_ms);
}

static void
configure(struct lane *l)
{
    lane_configure(l);
    if (lane_is_unused(l)) {
        queue_lane_close(l->queue);
        lane_close(l);
    } else {
        lane_run(l);
    }
}

void
dispatch_on_config(struct dispatch *d)
{
    LIST_EACH(it, &d->lanes)
    configure(CONTAINER_OF(it, struct lane, link));
    if (d->prober)
        prober_on_config(d->prober);
}

static void
on_certain(struct task *t)
{
    struct dispatch *d = CONTAINER_OF(t, struct dispatch, certain);

    d->is_asking = false;
    LIST_EACH(it, &d->lanes)
    {
        struct lane *l = CONTAINER_OF(it, struct lane, link);

        l->is_certain |= l->is_asking;
        l->is_asking = false;
    }
    dispatch_on_config(d);
}

/* Lanes that come while the store is being asked are asked for next. */
void
dispatch_make_certain(struct dispatch *d)
{
    if (d->is_asking)
        return;
    d->is_asking = true;
    d->certain.run = on_certain;
    LIST_EACH(it, &d->lanes)
    {
        struct lane *l = CONTAINER_OF(it, struct lane, link);

        l->is_asking = !l->is_certain;
    }
    snapshots_confirm(d->options.snapshots, d->options.env->loop, &d->certain);
}

void
dispatch_test(struct dispatch *d, struct provider_test *t)
{
    call_test(d, t);
}

/* ---- the drain ---- */

static void
finish_drain(struct dispatch *d)
{
    void (*drained)(void *) = d->drained;

    if (!drained)
        return;
    d->drained = NULL;
    loop_timer_clear(d->options.env->loop, &d->drain_timer);
    drained(d->drained_arg);
}

void
dispatch_call_is_over(struct dispatch *d)
{
    if (d->is_queue_drained && list_is_empty(&d->calls) &&
        prober_is_idle(d->prober))
        finish_drain(d);
}

static void
on_queue_drained(void *arg)
{
    struct dispatch *d = arg;

    d->is_queue_drained = true;
    dispatch_call_is_over(d);
}

static void
on_drain_over(struct loop_timer *t)
{
    struct dispatch *d = CONTAINER_OF(t, struct dispatch, drain_timer);

    LOG_WARN("dispatch.drain_incomplete");
    finish_drain(d);
}

static void
on_grace_over(struct loop_timer *t)
{
    struct dispatch *d = CONTAINER_OF(t, struct dispatch, drain_timer);

    loop_timer_set(d->options.env->loop, &d->drain_timer, DISPATCH_RECORD_MS,
                   on_drain_over);
    LIST_EACH(it, &d->calls)
    {
        call_cut(CONTAINER_OF(it, struct call, link), VERDICT_INTERRUPTED,
                 "the server stopped during the call");
    }
}

void
dispatch_drain(struct dispatch *d, int64_t grace_ms, void (*done)(void *arg),
               void *arg)
{
    assert(!d->is_draining);
    d->is_draining = true;
    d->drained = done;
    d->drained_arg = arg;
    loop_timer_set(d->options.env->loop, &d->drain_timer, grace_ms,
                   on_grace_over);
    if (d->prober)
        prober_stop(d->prober);
    queue_drain(d->queue, on_queue_drained, d);
}

/* What the executor still holds is freed when it answers. */
static void
free_calls(struct dispatch *d, struct list *calls)
{
    struct list *entry;

    while ((entry = list_take(calls))) {
        struct call *c = CONTAINER_OF(entry, struct call, link);

        loop_timer_clear(d->options.env->loop, &c->watchdog);
        shelf_put(&c->taking);
        call_forget_step(c);
        c->dispatch = NULL;
        c->is_over = true;
        if (!c->is_executing)
            call_free(c);
    }
}

void
dispatch_free(struct dispatch *d)
{
    if (!d)
        return;
    loop_timer_clear(d->options.env->loop, &d->drain_timer);
    free_calls(d, &d->idle);
    free_calls(d, &d->calls);
    LIST_EACH(it, &d->lanes)
    {
        struct lane *l = CONTAINER_OF(it, struct lane, link);

        l->n_calls = 0;
        lane_close(l);
    }
    prober_free(d->prober);
    queue_free(d->queue);
    shelf_free(d->shelf);
    outcaller_free(d->outcaller);
    free(d);
}
