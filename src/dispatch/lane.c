/* lane.c - one provider's lane: how much it can begin now, and beginning it.
 *
 * A lane whose breaker is open gives what it claims to a healthy provider of
 * the channel; with none it claims nothing until the next probe, so the rows
 * stay in the store as they are. One that nothing is queued for would never see
 * a probe: once its pause is over, another lane may give it a row. A paused one
 * claims nothing, whoever else is there. A lane whose provider is disabled or
 * deleted sends its rows on. Work may be there before the news of its provider
 * is: a lane without one claims nothing until it is certain that there is none.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/prepare.h"
#include "base/clock.h"
#include "base/health.h"
#include "base/log.h"
#include "dispatch/lane.h"

/* Rows are claimed for rated lanes this far ahead: short, as they can neither
 * be cancelled nor taken by others meanwhile. */
#define RATE_HORIZON_MS 250

#define HEALTH_PREFIX "provider/" /* the rest is its queue's name */

/* ---- what it is told to be ---- */

struct lane *
lane_find(struct dispatch *d, int64_t tenant, int64_t num)
{
    LIST_EACH(it, &d->lanes)
    {
        struct lane *l = CONTAINER_OF(it, struct lane, link);

        if (l->num == num && l->tenant == tenant)
            return l;
    }
    return NULL;
}

static void
name_lane(struct lane *l, const struct workspace *w, const struct provider *p)
{
    struct buf b = {0};
    size_t channel_at, name_at;

    buf_put_cstr(&b, HEALTH_PREFIX);
    buf_put_str(&b, w->key);
    buf_put_char(&b, '/');
    buf_put_cstr(&b, provider_prefix(p));
    buf_put_str(&b, p->name);
    buf_put_char(&b, '\0');
    name_at = b.n;
    buf_put_str(&b, p->name);
    buf_put_char(&b, '\0');
    channel_at = b.n;
    buf_put_str(&b, p->channel);
    buf_put_char(&b, '\0');
    free(l->texts);
    l->texts = b.p;
    l->health_name = str_from(b.p);
    l->name = str_from(b.p + name_at);
    l->channel = str_from(b.p + channel_at);
}

static void
name_metrics(struct lane *l, const struct provider *of)
{
    char currency[PROVIDER_CURRENCY_SIZE];

    l->cost = NULL;
    if (of->cost.text.n > 0) {
        snprintf(currency, sizeof(currency), "%.*s",
                 STR_ARG(of->cost.currency));
        l->cost = metrics_series(METRIC_delivery_cost_total, l->channel.p,
                                 l->name.p, currency);
    }
    for (int v = 0; v < VERDICT_COUNT; v++)
        l->attempts[v] =
            metrics_series(METRIC_delivery_attempts_total, l->channel.p,
                           l->name.p, verdict_name((enum verdict)v));
    for (int s = 0; s < DELIVERY_STATUS_COUNT; s++)
        l->outcomes[s] =
            metrics_series(METRIC_deliveries_total, l->channel.p, l->name.p,
                           delivery_status_name((enum delivery_status)s));
    l->duration = metrics_series(METRIC_delivery_attempt_duration_seconds,
                                 l->channel.p, l->name.p);
    for (int p = 0; p < PRIORITY_COUNT; p++)
        l->latency[p] =
            metrics_series(METRIC_delivery_latency_seconds, l->channel.p,
                           priority_name((enum priority)p));
    queue_lane_count(
        l->queue, metrics_series(METRIC_queue_wait_seconds,
                                 l->health_name.p + sizeof(HEALTH_PREFIX) - 1));
}

static void
put_clause(struct buf *b, const char *clause)
{
    if (b->n > 0 && clause[0])
        buf_put_cstr(b, "; ");
    buf_put_cstr(b, clause);
}

/* What its calls say, and what it says when it is asked. */
static void
tell_health(struct lane *l)
{
    static const int shown[] = {
        [BREAKER_CLOSED] = 0, [BREAKER_PROBING] = 1, [BREAKER_OPEN] = 2};
    bool is_closed = l->breaker.state == BREAKER_CLOSED;
    bool is_over = respite_is_on(&l->respite);
    int percent = fitness_percent(&l->fitness, dispatch_mono_ms(l->dispatch));
    struct buf b = {0};

    put_clause(&b, l->is_paused ? "paused" : "");
    put_clause(&b, is_closed ? "" : "calls fail; the breaker is open");
    put_clause(&b, is_over ? "over its rate; it is given time" : "");
    put_clause(&b, l->probe);
    if (l->probe[0] && percent >= 0)
        buf_printf(&b, "; %d %% of recent calls worked", percent);
    health_report(l->health_name,
                  is_closed && !is_over && !l->is_probe_bad ? HEALTH_OK
                                                            : HEALTH_DEGRADED,
                  buf_str(&b), dispatch_wall_ms(l->dispatch));
    buf_fini(&b);
    metric_set(metrics_series(METRIC_breaker_state, l->name.p),
               shown[l->breaker.state]);
}

void
lane_tell_probe(struct lane *l, const char *clause, bool is_bad)
{
    struct str clipped = str_utf8_clip(str_from(clause), sizeof(l->probe) - 1);

    snprintf(l->probe, sizeof(l->probe), "%.*s", STR_ARG(clipped));
    l->is_probe_bad = is_bad;
    if (l->texts)
        tell_health(l);
}

/* Another configuration: what failed with the old one says nothing of it. */
static void
adopt(struct lane *l, const struct workspace *w, const struct provider *p)
{
    struct ratelimit_rule rule = {p->rate.per_ms, p->rate.limit, p->rate.burst};

    l->version = p->version;
    l->concurrency = p->concurrency < 1 ? 1 : p->concurrency;
    l->bypass = p->rate.bypass;
    buf_reset(&l->memo);
    ratelimit_set(&l->rate, &rule);
    breaker_reset(&l->breaker);
    l->respite = (struct respite){0};
    l->course.failing_since_ms = 0;
    l->fitness = (struct fitness){0};
    standings_forget(l->dispatch->options.standings, l->num);
    name_lane(l, w, p);
    name_metrics(l, p);
    queue_lane_tune(l->queue, 2 * (size_t)l->concurrency,
                    p->driver->calls_world);
    l->probe[0] = 0;
    l->is_probe_bad = false;
    tell_health(l);
}

void
lane_configure(struct lane *l)
{
    const struct workspace *w =
        snapshots_workspace(l->dispatch->options.snapshots, l->tenant);
    const struct provider *p = w ? workspace_lane(w, l->num) : NULL;

    l->is_certain |= p != NULL;
    l->is_known = w && l->is_certain;
    l->is_deleted = l->is_known && !p;
    l->is_out = !p || !p->is_enabled;
    l->is_paused = !l->is_out && p->is_paused;
    if (p && p->version != l->version)
        adopt(l, w, p);
    if (l->is_deleted && l->texts)
        health_forget(l->health_name);
    workspace_put(w);
    if (w && !l->is_certain)
        dispatch_make_certain(l->dispatch);
    queue_lane_wake(l->queue);
}

/* ---- how much it can begin ---- */

static void
on_timer(struct loop_timer *t)
{
    struct lane *l = CONTAINER_OF(t, struct lane, timer);

    queue_lane_wake(l->queue);
    lane_run(l);
}

static void
look_again_at(struct lane *l, int64_t mono_ms)
{
    int64_t ms = mono_ms - dispatch_mono_ms(l->dispatch);

    loop_timer_set(l->dispatch->options.env->loop, &l->timer, ms < 0 ? 0 : ms,
                   on_timer);
}

bool
lane_may_be_tried(const struct lane *l)
{
    int64_t now_ms = dispatch_mono_ms(l->dispatch);

    return breaker_allows(&l->breaker, now_ms) &&
           now_ms >= respite_until_ms(&l->respite) &&
           now_ms >= l->expects_until_ms && l->n_calls == 0 &&
           queue_lane_is_empty(l->queue);
}

void
lane_expect(struct dispatch *d, int64_t tenant, int64_t num)
{
    struct lane *l = lane_find(d, tenant, num);

    if (l)
        l->expects_until_ms = dispatch_mono_ms(d) + l->breaker.limits->pause_ms;
}

/* How many rows of this lane others may be given: those that serve the devices
 * that its own provider serves. */
static size_t
room_elsewhere(struct lane *l)
{
    struct settle_peer peers[PROVIDERS_MAX];
    const struct workspace *w =
        snapshots_workspace(l->dispatch->options.snapshots, l->tenant);
    const struct provider *own = w ? workspace_lane(w, l->num) : NULL;
    struct provider_ask ask = {.workspace = w, .channel = l->channel};
    size_t room = 0;

    if (own)
        ask.kind = own->driver->device;
    if (w)
        room =
            settle_room(peers, dispatch_peers(l->dispatch, ask, peers), l->num);
    workspace_put(w);
    return room;
}

bool
lane_is_open_to_all(const struct lane *l)
{
    return l->breaker.state == BREAKER_CLOSED && !respite_is_on(&l->respite);
}

/* The provider is given time, or one call shows whether it needs more. */
static bool
is_given_time(const struct lane *l, int64_t now_ms)
{
    return respite_is_on(&l->respite) &&
           (l->n_calls > 0 || respite_until_ms(&l->respite) > now_ms);
}

static size_t
appetite(void *arg, size_t *ret_critical)
{
    struct lane *l = arg;
    int64_t now_ms = dispatch_mono_ms(l->dispatch);
    size_t room;

    *ret_critical = 0;
    if (!l->is_known || l->dispatch->is_draining)
        return 0;
    if (l->is_out)
        return SIZE_MAX;
    if (l->is_paused)
        return 0;
    if (!breaker_allows(&l->breaker, now_ms)) {
        look_again_at(l, breaker_until_ms(&l->breaker));
        room = room_elsewhere(l);
        *ret_critical = room > 1 ? QUEUE_CLAIM_CRITICAL : 0;
        return room;
    }
    if (is_given_time(l, now_ms)) {
        if (respite_until_ms(&l->respite) > now_ms)
            look_again_at(l, respite_until_ms(&l->respite));
        return 0;
    }
    if (!lane_is_open_to_all(l))
        return 1;
    room = ratelimit_room(&l->rate, now_ms, RATE_HORIZON_MS);
    if (room > 0 || (l->bypass & (1u << PRIORITY_CRITICAL)))
        *ret_critical = (size_t)l->concurrency;
    if (room == 0)
        look_again_at(l, ratelimit_next_ms(&l->rate, now_ms));
    return room;
}

/* ---- beginning ---- */

/* How long what cannot go elsewhere waits for the breaker. A probe that is
 * under way ends long before it would be given up. */
static int64_t
patience_ms(const struct lane *l)
{
    const struct breaker *b = &l->breaker;
    int64_t ms = breaker_until_ms(b) - dispatch_mono_ms(l->dispatch);

    if (b->state == BREAKER_PROBING && ms > b->limits->pause_ms)
        return b->limits->pause_ms;
    return ms;
}

void
lane_leave(struct lane *l, const struct workspace *w, struct queue_item *item,
           bool is_out)
{
    const struct delivery *d = &item->work->delivery;
    struct dispatch *dispatch = l->dispatch;
    struct settle_peer peers[PROVIDERS_MAX];
    struct arena *arena = arena_new();
    struct leave leave = {
        .arena = arena,
        .delivery = d,
        .lane = l->num,
        .peers = peers,
        .n_peers =
            w ? dispatch_peers_of(dispatch, w, item->work, arena, peers) : 0,
        .now_ms = dispatch_wall_ms(dispatch),
        .is_out = is_out,
    };

    leave.until_ms = leave.now_ms + patience_ms(l);
    settle_leave(&leave);
    leave.finish.tells = w ? w->tells : 0;
    if (str_is(d->channel, EVENT_CHANNEL) &&
        leave.finish.status == DELIVERY_SUPPRESSED)
        leave.finish.reason = reason_code(REASON_ENDPOINT_DISABLED);
    if (leave.finish.status == DELIVERY_QUEUED)
        lane_expect(dispatch, l->tenant, leave.finish.lane);
    if (delivery_status_is_terminal(leave.finish.status) && l->texts)
        metric_add(l->outcomes[leave.finish.status], 1);
    queue_finish(l->queue, item, &leave.finish);
    arena_free(arena);
}

/* What is claimed goes elsewhere, as far as there is room, or back. */
static void
send_on(struct lane *l)
{
    const struct workspace *w =
        snapshots_workspace(l->dispatch->options.snapshots, l->tenant);
    struct queue_item *item;
    size_t room = 0;

    if (w && l->is_known)
        room = l->is_out ? SIZE_MAX : room_elsewhere(l);
    for (; room > 0 && (item = queue_take(l->queue, QUEUE_ALL_PRIORITIES));
         room--)
        lane_leave(l, w, item,
                   l->is_out ||
                       !str_eq(l->channel, item->work->delivery.channel));
    if (queue_lane_waiting(l->queue) > 0)
        queue_lane_give_back(l->queue);
    workspace_put(w);
}

/* The next row that may begin now; NULL: none. */
static struct queue_item *
next_row(struct lane *l)
{
    int64_t now_ms = dispatch_mono_ms(l->dispatch), next_ms;
    unsigned priorities = QUEUE_ALL_PRIORITIES;

    next_ms = ratelimit_next_ms(&l->rate, now_ms);
    if (next_ms > now_ms) {
        priorities = l->bypass;
        look_again_at(l, next_ms);
    }
    return queue_take(l->queue, priorities);
}

static void
begin_calls(struct lane *l)
{
    while (l->n_calls < l->concurrency && queue_lane_waiting(l->queue) > 0) {
        int64_t now_ms = dispatch_mono_ms(l->dispatch);
        struct queue_item *item;

        if (!breaker_allows(&l->breaker, now_ms)) {
            send_on(l);
            return;
        }
        if (is_given_time(l, now_ms)) {
            queue_lane_give_back(l->queue);
            return;
        }
        item = next_row(l);
        if (!item)
            return;
        call_run(l, item);
    }
}

void
lane_run(struct lane *l)
{
    if (l->is_running || l->dispatch->is_draining ||
        queue_lane_waiting(l->queue) == 0)
        return;
    l->is_running = true;
    if (l->is_paused)
        queue_lane_give_back(l->queue);
    else if (l->is_out || !l->is_known)
        send_on(l);
    else
        begin_calls(l);
    l->is_running = false;
}

static void
on_work(void *arg)
{
    lane_run(arg);
}

static size_t
suppression_keys_of(void *arg, struct arena *a, const struct store_work *work,
                    struct str ret[static QUEUE_SUPPRESSIONS])
{
    static_assert(SUPPRESSION_KEYS <= QUEUE_SUPPRESSIONS, "all have a place");
    (void)arg;
    return prepare_suppression_keys(a, work, ret);
}

static const struct queue_lane_ops lane_ops = {appetite, on_work,
                                               suppression_keys_of};

/* ---- what calls came to ---- */

/* Who is healthy is what the others of the channel go by. */
static void
tell_others(struct lane *l)
{
    LIST_EACH(it, &l->dispatch->lanes)
    {
        struct lane *other = CONTAINER_OF(it, struct lane, link);

        if (other->tenant == l->tenant && str_eq(other->channel, l->channel))
            queue_lane_wake(other->queue);
    }
}

static void
log_breaker(const struct lane *l)
{
    const struct dispatch *d = l->dispatch;
    bool is_closed = l->breaker.state == BREAKER_CLOSED;

    if (is_closed)
        LOG_INFO("breaker.closed", log_str("provider", l->health_name));
    else
        LOG_WARN("breaker.open", log_str("provider", l->health_name),
                 log_int("for_ms",
                         breaker_until_ms(&l->breaker) - dispatch_mono_ms(d)));
}

/* What was refused here never reached the provider, and what it refuses because
 * of one among several shows that it works. A user's own server that fails must
 * not stop what goes to the others. */
enum verdict_health
lane_health_of(const struct channel_verdict *v)
{
    enum verdict_health h = verdict_policy(v->verdict)->health;

    if (v->verdict == VERDICT_REJECTED && v->status == 0)
        return HEALTH_NOTHING;
    if (reason_is(v->reason, REASON_BATCH_REFUSED))
        return HEALTH_GOOD;
    return v->is_of_others && h != HEALTH_GOOD ? HEALTH_NOTHING : h;
}

static bool
is_over_rate(const struct channel_verdict *v)
{
    return v->verdict == VERDICT_RATE && !v->is_of_others;
}

/* One that is over its rate has too large a share, too. */
static enum fitness_call
fitness_call_of(const struct channel_verdict *v)
{
    switch (lane_health_of(v)) {
    case HEALTH_GOOD:
        return FITNESS_GOOD;
    case HEALTH_BAD:
    case HEALTH_BROKEN:
        return FITNESS_BAD;
    case HEALTH_NOTHING:
        break;
    }
    return is_over_rate(v) ? FITNESS_BAD : FITNESS_NOTHING;
}

static void
tell_fitness(const struct lane *l)
{
    const struct breaker *b = &l->breaker;
    struct standing s = {.fitness = l->fitness};

    if (b->state != BREAKER_CLOSED)
        s.open_until_ms = breaker_until_ms(b) + b->limits->pause_max_ms;
    standings_tell(l->dispatch->options.standings, l->num, &s);
}

/* True if the provider is given time now, or needs none any more. */
static bool
note_rate(struct lane *l, const struct call_news *n, int64_t now_ms)
{
    const struct channel_verdict *v = n->verdict;

    if (lane_health_of(v) == HEALTH_GOOD)
        return respite_answered(&l->respite, now_ms);
    if (!is_over_rate(v) ||
        !respite_refused(&l->respite, n->delivery, v->retry_after_ms, now_ms))
        return false;
    LOG_INFO("provider.over_rate", log_str("provider", l->health_name),
             log_int("for_ms", respite_until_ms(&l->respite) - now_ms));
    return true;
}

void
lane_report(struct lane *l, const struct call_news *n)
{
    int64_t now_ms = dispatch_mono_ms(l->dispatch);
    bool is_news = breaker_end(&l->breaker, n->ticket,
                               lane_health_of(n->verdict), n->delivery, now_ms);

    if (is_news)
        log_breaker(l);
    is_news |= note_rate(l, n, now_ms);
    fitness_note(&l->fitness, fitness_call_of(n->verdict), n->duration_ms,
                 now_ms);
    tell_fitness(l);
    if (!is_news)
        return;
    tell_health(l);
    tell_others(l);
}

/* Whether it may have gone out, and goes out again. */
static bool
may_double(const struct ended_call *e)
{
    return (e->verdict == VERDICT_UNKNOWN ||
            e->verdict == VERDICT_INTERRUPTED) &&
           (e->status == DELIVERY_QUEUED || e->status == DELIVERY_RETRYING);
}

void
lane_count(struct lane *l, const struct ended_call *e)
{
    metric_add(l->attempts[e->verdict], 1);
    metric_observe_ms(l->duration, e->duration_ms);
    if (may_double(e))
        metric_add(metrics_series(METRIC_duplicates_possible_total,
                                  verdict_name(e->verdict)),
                   1);
    if (!delivery_status_is_terminal(e->status))
        return;
    metric_add(l->outcomes[e->status], 1);
    metric_observe_ms(l->latency[e->priority], e->latency_ms);
}

/* ---- the driver's memo ---- */

struct channel_memo
lane_memo(const struct lane *l, struct arena *a, int64_t version)
{
    if (version != l->version || l->memo.n == 0 ||
        l->memo_expires_ms <= dispatch_wall_ms(l->dispatch))
        return (struct channel_memo){0};
    return (struct channel_memo){str_dup(a, buf_str(&l->memo)),
                                 l->memo_expires_ms};
}

/* Only what a call changed: another may have kept a newer one meanwhile. */
void
lane_keep_memo(struct lane *l, struct str given,
               const struct channel_memo *memo, int64_t version)
{
    if (memo->text.p == given.p || version != l->version ||
        memo->text.n > CHANNEL_MEMO_MAX)
        return;
    if (memo->text.n == 0 && !str_eq(buf_str(&l->memo), given))
        return;
    buf_reset(&l->memo);
    buf_put_str(&l->memo, memo->text);
    l->memo_expires_ms = memo->expires_ms;
}

/* ---- life ---- */

struct lane *
lane_open(struct dispatch *d, int64_t tenant, int64_t num)
{
    struct lane *l = xcalloc(1, sizeof(*l));

    l->dispatch = d;
    l->tenant = tenant;
    l->num = num;
    l->concurrency = 1;
    l->version = -1;
    breaker_init(&l->breaker, d->options.breaker ? d->options.breaker
                                                 : &breaker_limits_default);
    l->queue = queue_lane_open(d->queue, &(struct queue_lane_options){
                                             .tenant = tenant,
                                             .lane = num,
                                             .ops = &lane_ops,
                                             .arg = l,
                                         });
    list_append(&d->lanes, &l->link);
    lane_configure(l);
    return l;
}

bool
lane_is_unused(const struct lane *l)
{
    return l->is_deleted && l->n_calls == 0 && queue_lane_is_empty(l->queue);
}

/* Its row of the queue is closed by the caller, or goes with the queue. */
void
lane_close(struct lane *l)
{
    assert(l->n_calls == 0);
    loop_timer_clear(l->dispatch->options.env->loop, &l->timer);
    standings_forget(l->dispatch->options.standings, l->num);
    list_remove(&l->link);
    buf_fini(&l->memo);
    free(l->texts);
    free(l);
}
