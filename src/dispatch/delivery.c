/* delivery.c - one call: prepare, step the driver, let the executor work, give
 * each message's verdict to settle.c and the result to the queue.
 *
 * A call holds a reference to its workspace, so a change of configuration
 * meanwhile does not touch it. Each request has the provider's timeout, which
 * the executor keeps; a watchdog stands behind it. A call that was cut off is
 * settled at once and stays until the executor has answered. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/device_forget.h"
#include "app/endpoint_doc.h"
#include "app/prepare.h"
#include "app/suppression.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/rng.h"
#include "dispatch/lane.h"

static void step(struct call *c);

/* ---- life ---- */

static struct call *
call_new(struct dispatch *d)
{
    struct list *entry = list_take(&d->idle);
    struct call *c;

    if (entry) {
        d->n_idle--;
        c = CONTAINER_OF(entry, struct call, link);
    } else {
        c = xcalloc(1, sizeof(*c));
        c->arena = arena_new();
        list_init(&c->link);
        list_init(&c->taking.link);
    }
    c->dispatch = d;
    list_append(&d->calls, &c->link);
    return c;
}

void
call_free(struct call *c)
{
    list_remove(&c->link);
    workspace_put(c->workspace);
    arena_free(c->arena);
    free(c);
}

static void
recycle(struct call *c)
{
    struct dispatch *d = c->dispatch;
    struct arena *arena = c->arena;

    workspace_put(c->workspace);
    c->workspace = NULL;
    shelf_put(&c->taking);
    if (!d || d->n_idle >= DISPATCH_IDLE_CALLS) {
        call_free(c);
    } else {
        list_remove(&c->link);
        arena_reset(arena);
        c->n = c->n_max = 0;
        c->n_steps = 0;
        c->lane = NULL;
        c->provider = NULL;
        c->test = NULL;
        c->is_executing = c->is_away = c->is_over = false;
        c->taking.n = 0;
        c->is_taking = c->is_without = false;
        list_append(&d->idle, &c->link);
        d->n_idle++;
    }
    if (d)
        dispatch_call_is_over(d);
}

/* ---- the end of a call ---- */

/* The address is not called again until it changes. The provider's own target
 * is not an address of a user: it stays. */
static void
suppress(struct call *c, size_t i)
{
    const struct dispatch_options *o = &c->dispatch->options;
    const struct channel_message *m = &c->messages[i];
    struct suppression s = {
        .tenant = c->workspace->tenant,
        .channel = m->channel,
        .address = m->address,
        .reason = REASON_CONTACT_GONE,
        .now_ms = dispatch_wall_ms(c->dispatch),
        .tells = c->workspace->tells,
    };

    if (m->address.n == 0)
        return;
    s.num = id_make(o->ids, s.now_ms, 1);
    suppression_add(o->env, &s);
}

static void
forget(struct call *c, size_t i)
{
    const struct channel_message *m = &c->messages[i];

    device_forget(c->dispatch->options.env,
                  &(struct device_gone){
                      .tenant = c->workspace->tenant,
                      .user = m->user,
                      .name = m->device,
                      .address = m->address,
                      .gone_ms = c->verdicts[i].gone_ms,
                      .now_ms = dispatch_wall_ms(c->dispatch),
                  });
}

/* A device is forgotten, an address kept out of the way. */
static void
take_as_gone(struct call *c, size_t i)
{
    if (c->messages[i].device.n == 0) {
        suppress(c, i);
        return;
    }
    if (c->verdicts[i].reason.n == 0)
        c->verdicts[i].reason = reason_code(REASON_TOKEN_EXPIRED);
    forget(c, i);
}

/* w: the configuration of now; NULL: its workspace was deleted. */
static enum unknown_policy
unknown_policy_of(const struct workspace *w, const struct channel_message *m)
{
    const struct category *k = w ? workspace_category(w, m->category) : NULL;

    return k ? k->unknown : UNKNOWN_STAYS;
}

/* Where the provider sends receipts, by which its word will find it. An id
 * that is longer than any provider's, or no text, is none: a row that the
 * database refuses would hold up all that is recorded with it. */
static const struct store_taken *
taken_of(struct call *c, size_t i, enum delivery_status status)
{
    struct str message = c->verdicts[i].provider_message_id;
    struct store_taken *t;

    if (!channel_driver_takes_receipts(c->provider->driver) ||
        !delivery_status_is_success(status))
        return NULL;
    t = ARENA_NEW(c->arena, struct store_taken);
    t->lane = c->lane->num;
    t->address = c->messages[i].address;
    if (message.n <= STORE_MESSAGE_MAX && str_is_text(message))
        t->message = message;
    return t;
}

/* What its row does not tell. A call that worked has nothing to explain, and
 * nearly all of them do: what it cost is all that is written down. */
static void
note_call(struct call *c, struct attempt *t, enum delivery_status status)
{
    const struct provider *p = c->provider;

    if (!delivery_status_is_success(status)) {
        t->request =
            channel_request_line(&c->step, p->driver->config, &c->asked);
        return;
    }
    t->cost = p->cost.text;
    if (t->cost.n > 0 && c->lane->cost) /* it may be configured anew */
        metric_add(c->lane->cost, p->cost.billionths);
}

static void
settle_item(struct call *c, size_t i, const struct workspace *w)
{
    struct dispatch *d = c->dispatch;
    struct lane *l = c->lane;
    const struct delivery *v = &c->items[i]->work->delivery;
    struct settle_peer peers[PROVIDERS_MAX];
    int64_t mono_ms = dispatch_mono_ms(d);
    struct settle s = {
        .arena = c->arena,
        .rng = d->options.env->rng,
        .now_ms = dispatch_wall_ms(d),
        .started_ms = c->started_ms,
        .duration_ms = mono_ms - c->started_mono_ms,
        .delivery = v,
        .called = {.lane = l->num,
                   .name = c->provider->name,
                   .retry = &c->provider->retry,
                   .is_healthy = l->breaker.state == BREAKER_CLOSED},
        .peers = peers,
        /* Another provider would lack them, too. */
        .n_peers =
            w && !c->is_without
                ? dispatch_peers_of(d, w, c->items[i]->work, c->arena, peers)
                : 0,
        .verdict = &c->verdicts[i],
        .unknown = unknown_policy_of(w, &c->messages[i]),
    };

    if (c->verdicts[i].verdict == VERDICT_GONE)
        take_as_gone(c, i);
    settle_call(&s);
    if (s.finish.lane != l->num)
        lane_expect(d, l->tenant, s.finish.lane);
    note_call(c, &s.attempt, s.finish.status);
    lane_count(l, &(struct ended_call){
                      .verdict = c->verdicts[i].verdict,
                      .status = s.finish.status,
                      .priority = s.delivery->priority,
                      .duration_ms = s.duration_ms,
                      .latency_ms = s.now_ms - c->dues_ms[i],
                  });
    LOG_DEBUG("delivery.attempt", log_str("id", c->messages[i].delivery_id),
              log_str("provider", c->provider->name),
              log_cstr("verdict", verdict_name(c->verdicts[i].verdict)),
              log_int("attempt", s.attempt.n));
    s.finish.tells = c->workspace->tells;
    s.finish.is_trial = c->trials[i];
    s.finish.taken = taken_of(c, i, s.finish.status);
    queue_finish(l->queue, c->items[i], &s.finish);
}

static int
weight_of(const struct channel_verdict *v)
{
    switch (lane_health_of(v)) {
    case HEALTH_GOOD:
        return 3;
    case HEALTH_BAD:
    case HEALTH_BROKEN:
        return 2;
    case HEALTH_NOTHING:
        break;
    }
    return v->verdict == VERDICT_RATE ? 1 : 0;
}

/* The message whose verdict says what the call says of the provider: it is one
 * call, and an answer that is good for one message shows that it works. */
static size_t
telling(const struct call *c)
{
    size_t found = 0;

    for (size_t i = 1; i < c->n; i++)
        if (weight_of(&c->verdicts[i]) > weight_of(&c->verdicts[found]))
            found = i;
    return found;
}

static void
settle_all(struct call *c)
{
    struct lane *l = c->lane;
    const struct workspace *w = NULL;
    const struct channel_verdict not_made = {.verdict = VERDICT_INTERRUPTED};
    int64_t mono_ms = dispatch_mono_ms(c->dispatch);
    bool is_retried = false;
    size_t i;

    i = telling(c);
    /* A call that was not made says nothing of the provider. */
    lane_report(l, &(struct call_news){
                       .ticket = c->ticket,
                       .verdict = c->is_without ? &not_made : &c->verdicts[i],
                       .delivery = c->items[i]->work->delivery.id,
                       .duration_ms = mono_ms - c->started_mono_ms,
                   });
    for (i = 0; i < c->n; i++)
        is_retried |= verdict_policy(c->verdicts[i].verdict)->is_retried;
    /* Who may take over, and whether anybody may, is judged by the
     * configuration of now. */
    if (is_retried)
        w = snapshots_workspace(c->dispatch->options.snapshots, l->tenant);
    for (i = 0; i < c->n; i++)
        settle_item(c, i, w);
    if (c->workspace->n_endpoints > 0) /* a call to one has one message */
        lane_note_endpoint(l, c->workspace, c->verdicts[0].verdict);
    workspace_put(w);
    l->n_calls--;
}

static void
answer_test(struct call *c)
{
    struct provider_test *t = c->test;
    const struct channel_verdict *v = &c->verdicts[0];

    t->verdict = v->verdict;
    t->status = v->status;
    t->detail = str_dup(t->arena, v->detail);
    t->is_kept = c->execution.is_kept;
    t->duration_ms = dispatch_mono_ms(c->dispatch) - c->started_mono_ms;
    loop_post(t->loop, &t->task);
    c->test = NULL;
}

static void
end(struct call *c)
{
    struct lane *l = c->lane;

    c->is_over = true;
    loop_timer_clear(c->dispatch->options.env->loop, &c->watchdog);
    if (c->test) {
        answer_test(c);
    } else {
        lane_keep_memo(l, c->memo_given, &c->step.memo, c->provider->version);
        settle_all(c);
    }
    c->lane = NULL;
    if (!c->is_executing)
        recycle(c);
    if (l) {
        queue_lane_wake(l->queue);
        lane_run(l);
    }
}

static void
end_all_as(struct call *c, enum verdict v, const char *why)
{
    for (size_t i = 0; i < c->n; i++)
        c->verdicts[i] =
            (struct channel_verdict){.verdict = v, .detail = str_from(why)};
    end(c);
}

void
call_forget_step(struct call *c)
{
    const struct channel_remote *r =
        c->is_away ? c->provider->driver->remote : NULL;

    if (r)
        r->cancel(r, &c->away);
    c->is_away = false;
}

/* Before a plugin has asked for anything, nothing was sent. */
static void
cut_step(struct call *c, enum verdict v, const char *why)
{
    call_forget_step(c);
    if (!c->step.answer || c->away.is_preparing)
        v = VERDICT_RETRY;
    end_all_as(c, v, why);
}

void
call_cut(struct call *c, enum verdict v, const char *why)
{
    struct executor *e = c->dispatch->options.executor;

    if (c->is_over)
        return;
    if (c->is_taking) {
        c->is_taking = false;
        c->is_without = true;
        end_all_as(c, VERDICT_RETRY, why); /* surely not sent */
    } else if (c->is_away) {
        cut_step(c, v, why);
    } else if (c->is_executing) {
        e->cancel(e, &c->execution);
        end_all_as(c, v, why);
    }
}

/* ---- steps ---- */

static void
on_watchdog(struct loop_timer *t)
{
    struct call *c = CONTAINER_OF(t, struct call, watchdog);

    LOG_ERROR("delivery.no_answer", log_str("provider", c->provider->name));
    call_cut(c, VERDICT_UNKNOWN, "the call never ended");
}

static void
on_executed(struct execution *x, const struct channel_answer *a)
{
    struct call *c = CONTAINER_OF(x, struct call, execution);

    c->is_executing = false;
    if (c->is_over) {
        recycle(c);
        return;
    }
    loop_timer_clear(c->dispatch->options.env->loop, &c->watchdog);
    c->step.answer = a;
    step(c);
}

static void
execute(struct call *c)
{
    struct dispatch *d = c->dispatch;
    struct executor *e = d->options.executor;

    c->execution = (struct execution){
        .arena = c->arena,
        .provider = c->provider,
        .request = &c->step.request,
        .messages = c->messages,
        .n_messages = c->n,
        .timeout_ms = c->provider->timeout_ms,
        .on_done = on_executed,
    };
    c->asked = c->step.request;
    c->is_executing = true;
    loop_timer_set(d->options.env->loop, &c->watchdog,
                   c->provider->timeout_ms + CALL_WATCHDOG_MS, on_watchdog);
    e->start(e, &c->execution);
}

static void
go_on(struct call *c)
{
    if (c->step.is_done)
        end(c);
    else
        execute(c);
}

static void
on_stepped(struct channel_away *a)
{
    struct call *c = CONTAINER_OF(a, struct call, away);

    c->is_away = false;
    loop_timer_clear(c->dispatch->options.env->loop, &c->watchdog);
    go_on(c);
}

/* It is a plugin's to take. */
static void
step_away(struct call *c)
{
    const struct channel_remote *r = c->provider->driver->remote;
    struct loop *loop = c->dispatch->options.env->loop;

    c->away.loop = loop;
    c->away.call = &c->step;
    c->away.on_done = on_stepped;
    c->is_away = true;
    loop_timer_set(loop, &c->watchdog,
                   c->provider->timeout_ms + CALL_WATCHDOG_MS, on_watchdog);
    r->start(r, &c->away);
}

static void
step(struct call *c)
{
    if (c->n_steps++ == CALL_STEPS_MAX) {
        end_all_as(c, VERDICT_UNKNOWN, "the driver asked for too many calls");
        return;
    }
    c->step.is_done = false;
    c->step.now_ms = dispatch_wall_ms(c->dispatch);
    c->step.request = (struct channel_request){0};
    if (c->provider->driver->remote) {
        step_away(c);
        return;
    }
    c->provider->driver->step(&c->step);
    go_on(c);
}

static void
make_room(struct call *c, size_t n)
{
    c->n_max = n < 1 ? 1 : n > CALL_BATCH_MAX ? CALL_BATCH_MAX : n;
    c->items = ARENA_ARRAY(c->arena, struct queue_item *, c->n_max);
    c->messages = ARENA_ARRAY(c->arena, struct channel_message, c->n_max);
    c->verdicts = ARENA_ARRAY(c->arena, struct channel_verdict, c->n_max);
    c->dues_ms = ARENA_ARRAY(c->arena, int64_t, c->n_max);
    c->trials = ARENA_ARRAY(c->arena, bool, c->n_max);
}

static void
on_taken(struct taking *t)
{
    struct call *c = CONTAINER_OF(t, struct call, taking);

    c->is_taking = false;
    if (t->rows) {
        c->messages[0].attachments = t->rows;
        c->messages[0].n_attachments = t->n;
        step(c);
        return;
    }
    c->is_without = true;
    c->verdicts[0] = (struct channel_verdict){
        .verdict = t->verdict, .reason = t->reason, .detail = t->detail};
    end(c);
}

/* What it carries along comes first. */
static void
take_attachments(struct call *c)
{
    c->taking.tenant = c->workspace->tenant;
    c->taking.timeout_ms = c->provider->timeout_ms;
    c->taking.on_done = on_taken;
    c->is_taking = true;
    shelf_take(c->dispatch->shelf, &c->taking);
}

static void
begin(struct call *c)
{
    c->started_ms = dispatch_wall_ms(c->dispatch);
    c->started_mono_ms = dispatch_mono_ms(c->dispatch);
    c->away = (struct channel_away){0};
    c->step = (struct channel_call){
        .arena = c->arena,
        .provider = c->provider->name,
        .config = c->provider->config,
        .messages = c->messages,
        .n_messages = c->n,
        .verdicts = c->verdicts,
        .secret = rng_secret,
    };
    if (c->lane)
        c->step.memo = lane_memo(c->lane, c->arena, c->provider->version);
    c->memo_given = c->step.memo.text;
    c->asked = (struct channel_request){0};
    if (c->taking.n > 0)
        take_attachments(c);
    else
        step(c);
}

/* ---- a call for deliveries ---- */

/* The first call of a delivery; not that of a person's retry, nor of what a
 * crash cut off. A series is looked up each time: few categories have an sla.
 */
static void
count_sla(const struct workspace *w, const struct prepare *p)
{
    const struct delivery *v = &p->work->delivery;
    const struct category *k = workspace_category(w, p->message.category);
    int64_t late_ms = p->now_ms - p->due_ms;
    char name[METRICS_VALUE_MAX + 1];

    if (!k || k->sla_ms == 0 || v->attempts > 0 || v->tally.n > 0)
        return;
    snprintf(name, sizeof(name), "%.*s", STR_ARG(k->key));
    metric_observe_ms(metrics_series(METRIC_sla_first_call_seconds, name),
                      late_ms > 0 ? late_ms : 0);
    metric_add(metrics_series(METRIC_sla_missed_total, name),
               late_ms > k->sla_ms);
}

/* A request with others was refused because of one of them. One that will not
 * be called for again would pay for another with its end, and one that may have
 * been sent is known again, if at all, by its own id. */
static bool
goes_alone(const struct call *c, const struct queue_item *item)
{
    const struct delivery *v = &item->work->delivery;

    if (reason_is(v->reason, REASON_BATCH_REFUSED))
        return true;
    return c->provider->driver->batch &&
           (reason_is(v->reason, REASON_INTERRUPTED) ||
            tally_is_pinned(v->tally) ||
            v->attempts + 1 >= c->provider->retry.attempts);
}

static bool
joins(const struct call *c, const struct channel_message *m)
{
    const struct channel_driver *d = c->provider->driver;

    return !d->joins || d->joins(&c->messages[0], m);
}

enum fit {
    FIT_IN,
    FIT_ALONE, /* not beside the others of the call */
    FIT_ENDED, /* it ended without one */
};

static enum fit
add_item(struct call *c, struct queue_item *item)
{
    const struct dispatch *d = c->dispatch;
    struct prepare p = {
        .arena = c->arena,
        .workspace = c->workspace,
        .provider = c->provider,
        .work = item->work,
        .suppression = item->suppression_body,
        .vault = d->options.vault,
        .public_url = d->options.public_url,
        .now_ms = dispatch_wall_ms(d),
    };

    if (c->n > 0 && goes_alone(c, item))
        return FIT_ALONE;
    prepare_message(&p);
    if (p.reason.n > 0) {
        struct store_finish f = {.status = p.status,
                                 .reason = p.reason,
                                 .provider = c->provider->name,
                                 .error = p.detail,
                                 .tells = c->workspace->tells};

        metric_add(c->lane->outcomes[p.status], 1);
        queue_finish(c->lane->queue, item, &f);
        return FIT_ENDED;
    }
    if (c->n > 0 && (p.n_attachments > 0 || !joins(c, &p.message)))
        return FIT_ALONE;
    count_sla(c->workspace, &p);
    if (p.n_attachments > 0) {
        c->taking.wanted = p.attachments;
        c->taking.n = p.n_attachments;
        c->taking.notification = p.attached_to;
    }
    p.message.attempt = item->work->delivery.attempts + 1;
    c->messages[c->n] = p.message;
    c->dues_ms[c->n] = p.due_ms;
    c->trials[c->n] = p.is_trial;
    c->items[c->n++] = item;
    return FIT_IN;
}

/* The provider was changed between the claim and now. */
static bool
is_callable(const struct call *c, const struct queue_item *item)
{
    const struct delivery *v = &item->work->delivery;

    return c->provider && c->provider->is_enabled &&
           str_eq(c->provider->channel, v->channel) &&
           channel_driver_serves(c->provider->driver,
                                 device_ref_kind(v->device));
}

static size_t
room_for(const struct call *c, const struct queue_item *first)
{
    const struct channel_driver *d = c->provider->driver;

    if (c->dispatch->options.executor->is_stand_in || goes_alone(c, first))
        return 1;
    return d->batch ? d->batch(c->provider->config) : d->batch_max;
}

static size_t
bytes_of(const struct channel_message *m)
{
    return m->title.n + m->body.n + m->html.n + m->actions.n + m->data.n;
}

static void
fill_batch(struct call *c)
{
    struct lane *l = c->lane;
    int64_t now_ms = dispatch_mono_ms(c->dispatch);
    size_t n_bytes = bytes_of(&c->messages[0]);
    enum fit fit;

    while (c->n < c->n_max && n_bytes < CALL_BATCH_BYTES &&
           ratelimit_next_ms(&l->rate, now_ms) <= now_ms) {
        struct queue_item *item = queue_take(l->queue, QUEUE_ALL_PRIORITIES);

        if (!item)
            break;
        if (!is_callable(c, item)) {
            lane_leave(l, c->workspace, item, true);
            continue;
        }
        fit = add_item(c, item);
        if (fit == FIT_ALONE) { /* it comes first the next time */
            queue_put_back(l->queue, item);
            break;
        }
        if (fit == FIT_ENDED)
            continue;
        ratelimit_take(&l->rate, now_ms);
        n_bytes += bytes_of(&c->messages[c->n - 1]);
    }
}

void
call_run(struct lane *l, struct queue_item *first)
{
    struct dispatch *d = l->dispatch;
    struct call *c = call_new(d);
    int64_t now_ms = dispatch_mono_ms(d);

    c->workspace = snapshots_workspace(d->options.snapshots, l->tenant);
    c->provider = c->workspace ? workspace_lane(c->workspace, l->num) : NULL;
    c->lane = l;
    if (c->provider && c->provider->version != l->version) {
        /* Its news is on the way. It may want what this claim lacks. */
        queue_give_back(l->queue, first);
        recycle(c);
        lane_configure(l);
        return;
    }
    if (!is_callable(c, first)) {
        lane_leave(l, c->workspace, first, true);
        recycle(c);
        return;
    }
    make_room(c, room_for(c, first));
    if (add_item(c, first) != FIT_IN) {
        recycle(c);
        return;
    }
    ratelimit_take(&l->rate, now_ms);
    if (lane_is_open_to_all(l) && c->taking.n == 0)
        fill_batch(c);
    c->ticket = breaker_begin(&l->breaker, now_ms);
    l->n_calls++;
    begin(c);
}

/* ---- a test ---- */

static void
tell_test(struct task *task)
{
    struct provider_test *t = CONTAINER_OF(task, struct provider_test, task);

    t->on_done(t);
}

static void
start_test(struct task *task)
{
    struct call *c = CONTAINER_OF(task, struct call, start);
    struct provider_test *t = c->test;

    if (t->address.n == 0 &&
        !c->provider->driver->has_target(c->provider->config)) {
        c->started_mono_ms = dispatch_mono_ms(c->dispatch);
        end_all_as(c, VERDICT_REJECTED, "an address to send to is needed");
        return;
    }
    begin(c);
}

/* An id of now that no delivery has: tests leave nothing in the store. */
static struct str
test_id(struct call *c, const char *prefix)
{
    char *text = arena_alloc(c->arena, ID_TEXT_MAX);
    int64_t id = (dispatch_wall_ms(c->dispatch) - ID_EPOCH_MS) << 22;

    return id_format(text, vault_id_key(c->dispatch->options.vault), prefix,
                     c->workspace->shard, id < 0 ? 0 : id);
}

static void
fill_test(struct call *c, const struct provider_test *t)
{
    make_room(c, 1);
    c->n = 1;
    c->messages[0] = (struct channel_message){
        .delivery_id = test_id(c, t->is_endpoint ? "evt" : "dlv"),
        .notification_id = test_id(c, "ntf"),
        .channel = c->provider->channel,
        .priority = str_from(priority_name(PRIORITY_NORMAL)),
        .title = str_dup(c->arena, t->title),
        .body = str_dup(c->arena, t->body),
        .address = str_dup(c->arena, t->address),
        .created_ms = dispatch_wall_ms(c->dispatch),
        .attempt = 1,
    };
}

static const struct provider *
find_tested(const struct workspace *w, const struct provider_test *t)
{
    const struct endpoint_doc *e;

    if (!w)
        return NULL;
    if (!t->is_endpoint)
        return workspace_provider(w, t->provider);
    e = workspace_endpoint(w, t->provider);
    return e ? &e->lane : NULL;
}

void
call_test(struct dispatch *d, struct provider_test *t)
{
    struct call *c = call_new(d);

    t->task.run = tell_test;
    t->err = ERR_OK;
    c->workspace = snapshots_workspace(d->options.snapshots, t->tenant);
    c->provider = find_tested(c->workspace, t);
    if (!c->provider || d->is_draining) {
        t->err = d->is_draining ? ERR_SHUTDOWN : ERR_NOT_FOUND;
        loop_post(t->loop, &t->task);
        recycle(c);
        return;
    }
    c->test = t;
    fill_test(c, t);
    c->start.run = start_test;
    loop_defer(d->options.env->loop, &c->start);
}
