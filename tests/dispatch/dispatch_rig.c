/* dispatch_rig.c - see dispatch_rig.h. It stands in for snapshots and prepare,
 * so that only dispatch, queue and store are under test. */
#include "dispatch_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/prepare.h"
#include "base/id.h"
#include "queue/rank.h"
#include "store/sqlite/sqlite.h"

static struct rig *the_rig;

/* ---- in place of app ---- */

const struct workspace *
snapshots_workspace(struct snapshots *s, int64_t tenant)
{
    (void)s;
    return tenant == RIG_TENANT ? &the_rig->workspace : NULL;
}

size_t
snapshots_tenants(struct snapshots *s, struct arena *a, int64_t **ret)
{
    (void)s;
    *ret = ARENA_ARRAY(a, int64_t, 1);
    **ret = RIG_TENANT;
    return 1;
}

void
snapshots_confirm(struct snapshots *s, struct loop *loop, struct task *t)
{
    (void)s;
    (void)loop;
    assert_null(the_rig->asked);
    the_rig->asked = t;
    the_rig->n_asked++;
}

void
rig_make_certain(struct rig *r)
{
    struct task *t = r->asked;

    assert_non_null(t);
    r->asked = NULL;
    loop_post(r->loop, t);
}

void
workspace_put(const struct workspace *w)
{
    (void)w;
}

void
prepare_message(struct prepare *p)
{
    const struct delivery *d = &p->work->delivery;

    p->reason = STR_NONE;
    p->due_ms = d->created_ms;
    if (str_is(d->user, "expired")) {
        p->status = DELIVERY_EXPIRED;
        p->reason = STR("expired.ttl");
        return;
    }
    p->message = (struct channel_message){
        .delivery_id = str_fmt(p->arena, "%lld", (long long)d->id),
        .title = str_from(priority_name(d->priority)),
        .user = d->user,
        .channel = d->channel,
        .category = STR("news"),
        .address = STR("u1@example.org"),
    };
}

bool
prepare_has_address(struct arena *a, const struct store_work *work)
{
    (void)a;
    (void)work;
    return true;
}

size_t
prepare_suppression_keys(struct arena *a, const struct store_work *work,
                         struct str ret[static SUPPRESSION_KEYS])
{
    (void)a;
    (void)work;
    (void)ret;
    return 0;
}

/* ---- the driver ---- */

static enum verdict
verdict_of(int status)
{
    switch (status) {
    case 200:
        return VERDICT_SENT;
    case 429:
        return VERDICT_RATE;
    case 410:
        return VERDICT_GONE;
    case 401:
        return VERDICT_CREDENTIALS;
    default:
        return VERDICT_RETRY;
    }
}

static void
step(struct channel_call *c)
{
    const struct channel_answer *a = c->answer;
    struct channel_verdict v = {0};

    if (!a && str_is(c->messages[0].user, "refused")) {
        c->is_done = true;
        c->verdicts[0] = (struct channel_verdict){.verdict = VERDICT_REJECTED};
        return;
    }
    if (!a) {
        c->request = (struct channel_request){.method = STR("POST")};
        return;
    }
    v.verdict =
        a->outcome == CHANNEL_UNKNOWN ? VERDICT_UNKNOWN : verdict_of(a->status);
    v.status = a->status;
    v.retry_after_ms = a->status == 429 ? 30000 : 0;
    v.is_of_others = str_is(c->messages[0].user, "others");
    if (a->status == 422)
        v.reason = reason_code(REASON_BATCH_REFUSED);
    c->is_done = true;
    for (size_t i = 0; i < c->n_messages; i++)
        c->verdicts[i] = v;
}

static void
step_null(struct channel_call *c)
{
    c->is_done = true;
    for (size_t i = 0; i < c->n_messages; i++)
        c->verdicts[i].verdict = VERDICT_DELIVERED;
}

static bool
has_target(struct json config)
{
    (void)config;
    return true;
}

static bool
joins(const struct channel_message *first, const struct channel_message *m)
{
    return str_eq(first->user, m->user);
}

static size_t
batch(struct json config)
{
    (void)config;
    return 10;
}

const struct channel_driver rig_driver = {.name = "scripted",
                                          .batch_max = 1,
                                          .calls_world = true,
                                          .has_target = has_target,
                                          .step = step};
const struct channel_driver rig_batch = {.name = "batch",
                                         .batch_max = 10,
                                         .batch = batch,
                                         .joins = joins,
                                         .calls_world = true,
                                         .has_target = has_target,
                                         .step = step};
const struct channel_driver rig_null = {.name = "none",
                                        .batch_max = 1,
                                        .calls_world = false,
                                        .has_target = has_target,
                                        .step = step_null};

/* ---- the world ---- */

struct world_call {
    struct execution *x;
    struct list link; /* in rig->hanging */
    struct loop_timer timer;
    struct channel_answer answer;
};

static void
on_answer(struct loop_timer *t)
{
    struct world_call *w = CONTAINER_OF(t, struct world_call, timer);

    w->x->on_done(w->x, &w->answer);
}

static void
note_call(struct rig *r, const struct execution *x)
{
    struct rig_call *c = &r->calls[r->n_calls++];

    assert_true(r->n_calls < sizeof(r->calls) / sizeof(r->calls[0]));
    c->lane = x->provider->num;
    c->n_messages = x->n_messages;
    for (size_t i = 1; i < x->n_messages; i++)
        assert_true(str_eq(x->messages[i].user, x->messages[0].user));
    c->attempt = x->messages[0].attempt;
    snprintf(c->delivery, sizeof(c->delivery), "%.*s",
             STR_ARG(x->messages[0].delivery_id));
    snprintf(c->title, sizeof(c->title), "%.*s", STR_ARG(x->messages[0].title));
}

static void
world_start(struct executor *e, struct execution *x)
{
    struct rig *r = CONTAINER_OF(e, struct rig, executor);
    struct script *s =
        x->provider->num == RIG_LANE_A ? &r->script_a : &r->script_b;
    struct world_call *w = ARENA_NEW(x->arena, struct world_call);
    int status;

    assert_int_equal(x->timeout_ms, x->provider->timeout_ms);
    note_call(r, x);
    x->private_state = w;
    w->x = x;
    list_init(&w->link);
    status = s->statuses[s->at];
    if (s->at + 1 < s->n)
        s->at++;
    if (status == 0) {
        list_append(&r->hanging, &w->link);
        return;
    }
    w->answer.outcome = status < 0 ? CHANNEL_UNKNOWN : CHANNEL_ANSWERED;
    w->answer.status = status < 0 ? 0 : status;
    loop_timer_set(r->loop, &w->timer, s->delay_ms, on_answer);
}

static void
world_cancel(struct executor *e, struct execution *x)
{
    struct rig *r = CONTAINER_OF(e, struct rig, executor);
    struct world_call *w = x->private_state;

    list_remove(&w->link);
    w->answer.outcome = CHANNEL_UNKNOWN;
    loop_timer_set(r->loop, &w->timer, 0, on_answer);
}

/* ---- the store, with a front ---- */

struct lie {
    struct store_req *req;
    void (*on_done)(struct store_req *req, enum err e);
};
static struct lie the_lie;

static void
tell_lie(struct store_req *req, enum err e)
{
    struct store_cycle *c = CONTAINER_OF(req, struct store_cycle, req);

    assert_int_equal(e, ERR_OK);
    req->on_done = the_lie.on_done;
    /* What was claimed would be nobody's here: then the next one is a lie. */
    the_rig->lies_once = c->n_work > 0;
    the_rig->n_lies += c->n_work == 0;
    req->on_done(req, c->n_work > 0 ? ERR_OK : ERR_UNCERTAIN);
}

static void
front_submit(struct store *s, struct store_req *req)
{
    struct rig *r = CONTAINER_OF(s, struct rig, front);

    if (req->verb == STORE_VERB_cycle) {
        struct store_cycle *c = CONTAINER_OF(req, struct store_cycle, req);

        r->n_cycles++;
        if (r->lies_once && c->n_finishes > 0) {
            r->lies_once = false;
            the_lie = (struct lie){req, req->on_done};
            req->on_done = tell_lie;
        }
    }
    store_submit(r->real, req->verb, req);
}

static const struct store_driver front_driver = {.name = "front",
                                                 .submit = front_submit};

struct news {
    struct task task;
    struct store_notice notice;
};

static void
tell_news(struct task *t)
{
    struct news *n = CONTAINER_OF(t, struct news, task);
    struct rig *r = the_rig;

    if (!r->dispatch)
        ;
    else if (n->notice.kind == STORE_NOTICE_READY)
        dispatch_on_ready(r->dispatch, n->notice.tenant, n->notice.lane,
                          n->notice.is_critical);
    else if (n->notice.kind == STORE_NOTICE_WAIT)
        dispatch_on_wait(r->dispatch, n->notice.due_ms);
    free(n);
}

static void
on_commit(void *arg, const struct store_notice *notices, size_t count)
{
    struct rig *r = arg;

    for (size_t i = 0; i < count; i++) {
        struct news *n = calloc(1, sizeof(*n));

        n->task.run = tell_news;
        n->notice.kind = notices[i].kind;
        n->notice.tenant = notices[i].tenant;
        n->notice.lane = notices[i].lane;
        n->notice.is_critical = notices[i].is_critical;
        n->notice.due_ms = notices[i].due_ms;
        loop_post(r->loop, &n->task);
    }
}

static void
open_store(struct rig *r)
{
    const char *why = NULL;
    struct sqlite_store_options o = {.path = r->path, .clock = clock_system()};

    snprintf(r->dir, sizeof(r->dir), "/tmp/belfry-dispatch-XXXXXX");
    assert_non_null(mkdtemp(r->dir));
    snprintf(r->path, sizeof(r->path), "%s/db", r->dir);
    assert_int_equal(sqlite_store_open(&o, &r->real, &why), ERR_OK);
    store_listen(r->real, &(struct store_listener){on_commit, r});
    r->front.driver = &front_driver;
}

/* ---- asking ---- */

static enum err asked_err;
static bool is_asked;

static void
on_asked(struct store_req *req, enum err e)
{
    (void)req;
    asked_err = e;
    is_asked = true;
}

enum err
rig_ask(struct rig *r, enum store_verb verb, struct store_req *req)
{
    is_asked = false;
    req->arena = r->arena;
    req->loop = r->loop;
    req->on_done = on_asked;
    store_submit(r->real, verb, req);
    while (!is_asked)
        loop_turn(r->loop, 100);
    return asked_err;
}

int64_t
rig_send(struct rig *r, size_t n, enum priority p)
{
    struct store_accept_item item = {
        .notification = {.id = ++r->last_id,
                         .tenant = RIG_TENANT,
                         .created_ms = r->clock.now_ms,
                         .priority = p,
                         .doc = STR("{}")}};
    struct store_accept a = {.tenant = RIG_TENANT,
                             .now_ms = r->clock.now_ms,
                             .items = &item,
                             .n_items = 1};

    item.n_deliveries = n;
    item.deliveries = ARENA_ARRAY(r->arena, struct delivery, n);
    for (size_t i = 0; i < n; i++)
        item.deliveries[i] =
            (struct delivery){.id = ++r->last_id,
                              .tenant = RIG_TENANT,
                              .notification = item.notification.id,
                              .channel = STR("email"),
                              .priority = p,
                              .recipient = -1,
                              .created_ms = r->clock.now_ms,
                              .user = str_from(r->send_user),
                              .device = str_from(r->send_device),
                              .lane = r->send_lane,
                              .rank = rank_of(p, r->clock.now_ms)};
    assert_int_equal(rig_ask(r, STORE_VERB_accept, &a.req), ERR_OK);
    return item.deliveries[0].id;
}

struct store_delivery_get
rig_get(struct rig *r, int64_t delivery)
{
    struct store_delivery_get g = {.tenant = RIG_TENANT, .id = delivery};

    assert_int_equal(rig_ask(r, STORE_VERB_delivery_get, &g.req), ERR_OK);
    return g;
}

static int64_t
real_ms(void)
{
    return clock_system()->mono_ms(clock_system());
}

void
rig_turn(struct rig *r, int ms)
{
    for (int64_t end = real_ms() + ms; real_ms() < end;)
        loop_turn(r->loop, 1);
}

struct store_delivery_get
rig_wait(struct rig *r, int64_t delivery, enum delivery_status s)
{
    int64_t end = real_ms() + 5000;
    struct store_delivery_get g = rig_get(r, delivery);

    while (g.delivery.status != s && real_ms() < end) {
        rig_turn(r, 2);
        g = rig_get(r, delivery);
    }
    assert_string_equal(delivery_status_name(g.delivery.status),
                        delivery_status_name(s));
    return g;
}

void
rig_wait_calls(struct rig *r, size_t n)
{
    for (int64_t end = real_ms() + 5000; r->n_calls < n && real_ms() < end;)
        loop_turn(r->loop, 2);
    assert_int_equal(r->n_calls, n);
}

void
rig_advance(struct rig *r, int64_t ms)
{
    r->clock.now_ms += ms;
    dispatch_on_wait(r->dispatch, r->clock.now_ms);
    dispatch_on_config(r->dispatch);
}

size_t
rig_calls_of(const struct rig *r, int64_t lane)
{
    size_t n = 0;

    for (size_t i = 0; i < r->n_calls; i++)
        n += r->calls[i].lane == lane ? 1 : 0;
    return n;
}

void
rig_say(struct script *s, size_t n, const int *statuses)
{
    assert_true(n <= sizeof(s->statuses) / sizeof(s->statuses[0]));
    memcpy(s->statuses, statuses, n * sizeof(*statuses));
    s->n = n;
    s->at = 0;
}

/* ---- life ---- */

static const struct breaker_limits limits = {
    .failures = 3, .pause_ms = 1000, .pause_max_ms = 8000};

static struct provider
provider(int64_t num, const char *name, int order)
{
    return (struct provider){
        .tenant = RIG_TENANT,
        .num = num,
        .version = 1,
        .name = str_from(name),
        .channel = STR("email"),
        .driver = &rig_driver,
        .order = order,
        .concurrency = 1,
        .timeout_ms = 10000,
        .is_enabled = true,
        .retry = {.strategy = RETRY_FIXED, .base_ms = 1000, .attempts = 4},
    };
}

void
rig_use_b(struct rig *r)
{
    r->workspace.n_providers = 2;
    dispatch_on_config(r->dispatch);
}

int
rig_setup(void **state)
{
    static const uint8_t secret[VAULT_SECRET_BYTES];
    struct rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    *state = the_rig = r;
    r->loop = loop_new();
    r->arena = arena_new();
    clock_virtual_init(&r->clock, RIG_START_MS);
    rng_seed(&r->rng, 1);
    r->send_lane = RIG_LANE_A;
    r->vault = vault_from(secret);
    r->ids = id_maker_new(0);
    list_init(&r->hanging);
    open_store(r);
    r->env = (struct env){.loop = r->loop,
                          .clock = &r->clock.base,
                          .rng = &r->rng,
                          .store = &r->front};
    r->a = provider(RIG_LANE_A, "mail", 1);
    r->b = provider(RIG_LANE_B, "backup", 2);
    r->providers[0] = &r->a;
    r->providers[1] = &r->b;
    r->workspace = (struct workspace){.tenant = RIG_TENANT,
                                      .key = STR("default"),
                                      .providers = r->providers,
                                      .n_providers = 1};
    r->executor = (struct executor){world_start, world_cancel};
    RIG_SAY(&r->script_a, 200);
    RIG_SAY(&r->script_b, 200);
    r->dispatch = dispatch_new(&(struct dispatch_options){
        .env = &r->env,
        .executor = &r->executor,
        .vault = r->vault,
        .ids = r->ids,
        .breaker = &limits,
    });
    dispatch_start(r->dispatch);
    return 0;
}

static void
on_drained(void *arg)
{
    ((struct rig *)arg)->is_drained = true;
}

void
rig_drain(struct rig *r, int64_t grace_ms)
{
    r->is_drain_begun = true;
    dispatch_drain(r->dispatch, grace_ms, on_drained, r);
    for (int64_t end = real_ms() + 10000; !r->is_drained && real_ms() < end;)
        loop_turn(r->loop, 5);
    assert_true(r->is_drained);
}

int
rig_teardown(void **state)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-lock"};
    struct rig *r = *state;

    if (!r->is_drain_begun)
        rig_drain(r, 0);
    dispatch_free(r->dispatch);
    r->dispatch = NULL;
    store_close(r->real);
    rig_turn(r, 2);
    for (size_t i = 0; i < 4; i++) {
        char name[128];

        snprintf(name, sizeof(name), "%s%s", r->path, tails[i]);
        unlink(name);
    }
    rmdir(r->dir);
    id_maker_free(r->ids);
    vault_free(r->vault);
    arena_free(r->arena);
    loop_free(r->loop);
    free(r);
    return 0;
}
