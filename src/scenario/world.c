#include "scenario/world.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/api.h"
#include "app/cadence.h"
#include "app/examiner.h"
#include "app/digest.h"
#include "app/fan.h"
#include "app/teller.h"
#include "app/workflow_run.h"
#include "auth/token.h"
#include "auth/vault.h"
#include "base/list.h"
#include "base/rng.h"
#include "dispatch/dispatch.h"
#include "dispatch/outcaller.h"
#include "net/egress.h"
#include "realtime/hub.h"
#include "scenario/place.h"

#define ROOT_KEY "the-key-of-a-scenario-is-no-secret"
#define TENANT 1
#define ANSWER_MAX (64 << 20)
/* What is due so soon belongs to what goes on: a finish waits 3 ms for company,
 * what falls due together is promoted 50 ms apart. */
#define TOGETHER_MS 100
#define TOKEN_MS 3600000

struct world {
    struct world_options options;
    struct arena *arena;
    struct clock_shared {
        struct clock base;
        int64_t now_ms; /* atomic: stores have threads */
    } clock;
    struct clock store_clock; /* the same wall; waits are real there */
    struct rng rng;
    struct loop *loop;
    struct place place;
    struct env env;
    struct config *config;
    struct vault *vault;
    struct egress_policy *egress;
    struct outlet *outlet;
    /* what a restart makes anew */
    struct app app;
    struct hubs *hubs;
    struct hub *hub;
    struct api *api;
    struct http_server *http;
    struct fan *fan;
    struct teller *teller;
    struct digests *digests;
    struct outcaller *outcaller;
    struct workflows *workflows;
    struct cadence *cadence;
    struct examiner *examiner;
    struct dispatch *dispatch;
    bool is_draining, is_started, is_written;
    int n_draining;
    int64_t real_limit_ms;
};

/* ---- time ---- */

static struct world *clock_world; /* whose clock it is: one at a time */

static int64_t
virtual_ms(struct clock *c)
{
    return __atomic_load_n(&((struct clock_shared *)(void *)c)->now_ms,
                           __ATOMIC_SEQ_CST);
}

static int64_t
store_wall_ms(struct clock *c)
{
    (void)c;
    return virtual_ms(&clock_world->clock.base);
}

static int64_t
real_ms(struct clock *c)
{
    (void)c;
    return clock_system()->mono_ms(clock_system());
}

static bool
set_time(struct world *w, int64_t ms, const char **ret_why)
{
    if (ms <= world_now_ms(w))
        return true;
    __atomic_store_n(&w->clock.now_ms, ms, __ATOMIC_SEQ_CST);
    if (place_set_time(&w->place, ms))
        return true;
    *ret_why = "the database does not take the time";
    return false;
}

int64_t
world_now_ms(const struct world *w)
{
    return __atomic_load_n(&w->clock.now_ms, __ATOMIC_SEQ_CST);
}

struct outlet *
world_outlet(struct world *w)
{
    return w->outlet;
}

/* ---- coming to rest ---- */

static bool
is_at_rest(struct world *w)
{
    return (!w->env.store || store_in_flight(w->env.store) == 0) &&
           loop_is_idle(w->loop) && loop_next_ms(w->loop) > world_now_ms(w) &&
           (!w->api || api_in_flight(w->api) == 0);
}

static bool
turn_to_rest(struct world *w, const char **ret_why)
{
    while (!is_at_rest(w)) {
        loop_turn(w->loop, 1);
        if (real_ms(NULL) < w->real_limit_ms)
            continue;
        *ret_why = "what goes on does not come to rest within a minute";
        return false;
    }
    return true;
}

static void
begin_limit(struct world *w)
{
    w->real_limit_ms = real_ms(NULL) + REST_MS;
}

/* All that is due up to then, each at its time. */
static bool
run_until(struct world *w, int64_t to_ms, const char **ret_why)
{
    begin_limit(w);
    while (turn_to_rest(w, ret_why)) {
        int64_t next_ms = loop_next_ms(w->loop);

        if (next_ms > to_ms)
            return true;
        if (!set_time(w, next_ms, ret_why))
            return false;
    }
    return false;
}

bool
world_settle(struct world *w, const char **ret_why)
{
    return run_until(w, world_now_ms(w) + TOGETHER_MS, ret_why);
}

bool
world_advance(struct world *w, int64_t to_ms, const char **ret_why)
{
    return run_until(w, to_ms, ret_why) && set_time(w, to_ms, ret_why) &&
           world_settle(w, ret_why);
}

/* ---- news of commits ---- */

struct news {
    struct task task;
    struct world *world;
    enum store_notice_kind kind;
    int64_t tenant, lane, due_ms;
    bool is_critical;
};

static void
tell_dispatch(struct task *t)
{
    struct news *n = CONTAINER_OF(t, struct news, task);
    struct dispatch *d = n->world->dispatch;

    if (!d)
        ; /* it looks at everything when it starts */
    else if (n->kind == STORE_NOTICE_READY)
        dispatch_on_ready(d, n->tenant, n->lane, n->is_critical);
    else if (n->kind == STORE_NOTICE_WAIT)
        dispatch_on_wait(d, n->due_ms);
    else
        dispatch_on_config(d);
    free(n);
}

static void
post_news(struct world *w, const struct store_notice *from)
{
    struct news *n = xcalloc(1, sizeof(*n));

    *n = (struct news){.task = {.run = tell_dispatch},
                       .world = w,
                       .kind = from->kind,
                       .tenant = from->tenant,
                       .lane = from->lane,
                       .due_ms = from->due_ms,
                       .is_critical = from->is_critical};
    loop_post(w->loop, &n->task);
}

static void
on_config(void *arg, int64_t seq)
{
    struct world *w = arg;

    (void)seq;
    if (w->is_draining)
        return;
    if (w->cadence) /* else it looks when it starts */
        cadence_ring(w->cadence);
    if (w->examiner)
        examiner_ring(w->examiner);
    post_news(w, &(struct store_notice){.kind = STORE_NOTICE_CHANGE});
}

static void
ring_planner(struct world *w)
{
    struct fan *fan = __atomic_load_n(&w->fan, __ATOMIC_ACQUIRE);
    struct digests *digests = __atomic_load_n(&w->digests, __ATOMIC_ACQUIRE);
    struct workflows *workflows =
        __atomic_load_n(&w->workflows, __ATOMIC_ACQUIRE);

    if (fan) /* else it looks when it starts */
        fan_ring(fan);
    if (digests)
        digests_ring(digests);
    if (workflows)
        workflows_ring(workflows);
}

static void
ring_teller(struct world *w)
{
    struct teller *teller = __atomic_load_n(&w->teller, __ATOMIC_ACQUIRE);

    if (teller) /* else it looks when it starts */
        teller_ring(teller);
}

/* In the store's thread. */
static void
on_commit(void *arg, const struct store_notice *notices, size_t n)
{
    struct world *w = arg;
    for (size_t i = 0; i < n; i++) {
        const struct store_notice *it = &notices[i];

        if (it->kind == STORE_NOTICE_READY || it->kind == STORE_NOTICE_WAIT)
            post_news(w, it);
        else if (it->kind == STORE_NOTICE_CHANGE &&
                 it->object_kind != OBJECT_USER)
            snapshots_changed(w->app.snapshots, it->seq);
        else if (it->kind == STORE_NOTICE_WORK)
            ring_planner(w);
        else if (it->kind == STORE_NOTICE_TELL)
            ring_teller(w);
    }
    hubs_on_commit(w->hubs, notices, n);
}

/* ---- the first documents ---- */

struct first {
    struct store_object_put put;
    bool is_done;
    enum err err;
};

static void
on_put(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct first *f = CONTAINER_OF(p, struct first, put);

    f->is_done = true;
    f->err = e;
}

static bool
put_documents(struct world *w, int64_t tenant,
              struct store_object_write *writes, size_t n, const char **ret_why)
{
    struct first f = {
        .put = {.req = {.arena = w->arena, .loop = w->loop, .on_done = on_put},
                .tenant = tenant,
                .now_ms = world_now_ms(w),
                .writes = writes,
                .n_writes = n}};

    store_object_put(w->env.store, &f.put);
    begin_limit(w);
    while (!f.is_done)
        loop_turn(w->loop, 1);
    if (f.err != ERR_OK)
        *ret_why = err_title(f.err);
    return f.err == ERR_OK;
}

/* Each channel that calls somebody has a provider of its name. */
static bool
write_first(struct world *w, const char **ret_why)
{
    static const char *const providers[][2] = {
        {"email", "{\"channel\":\"email\",\"driver\":\"smtp\",\"order\":500,"
                  "\"config\":{\"host\":\"mail.example\",\"port\":25,"
                  "\"from\":\"belfry@example.com\",\"tls\":\"none\"}}"},
        {"webhook", "{\"channel\":\"webhook\",\"driver\":\"webhook\",\"order\":"
                    "500,\"config\":{\"url\":\"https://hook.example/\"}}"},
        {"log_file", "{\"channel\":\"log_file\",\"driver\":\"log_file\","
                     "\"order\":500,\"config\":{\"path\":\"test.log\"}}"},
    };
    enum { N = sizeof(providers) / sizeof(providers[0]) };
    struct store_object_write writes[N] = {
        {.kind = OBJECT_WORKSPACE,
         .key = STR("default"),
         .body = STR("{\"name\":\"Default\"}"),
         .num = TENANT}};

    if (!put_documents(w, 0, writes, 1, ret_why))
        return false;
    for (size_t i = 0; i < N; i++)
        writes[i] = (struct store_object_write){
            .kind = OBJECT_PROVIDER,
            .key = str_from(providers[i][0]),
            .body = str_from(providers[i][1]),
            .num = id_make(w->app.ids, world_now_ms(w), 1)};
    return put_documents(w, TENANT, writes, N, ret_why);
}

/* ---- starting ---- */

static void
on_started(void *arg, enum err e)
{
    if (e == ERR_OK)
        *(bool *)arg = true;
}

static bool
start_snapshots(struct world *w, const char **ret_why)
{
    w->is_started = false;
    snapshots_start(w->app.snapshots, on_started, &w->is_started);
    begin_limit(w);
    if (!turn_to_rest(w, ret_why))
        return false;
    if (!w->is_started)
        *ret_why = "the configuration could not be read";
    return w->is_started;
}

static void
start_errand(void *arg, struct outcall *o)
{
    struct world *w = arg;

    w->outcaller->start(w->outcaller, o);
}

static bool
open_door(struct world *w, const char **ret_why)
{
    struct http_server_options o = {.limits = {5000, 60000, 60000, 0}};
    struct http_handler handler;

    w->hub = hub_new(&(struct hub_options){.app = &w->app, .hubs = w->hubs});
    w->api = api_new(&(struct api_options){
        .app = &w->app,
        .config = w->config,
        .hub = w->hub,
        .egress = w->egress,
        .start_errand = start_errand,
        .start_errand_arg = w,
        .is_draining = &w->is_draining,
        .started_ms = world_now_ms(w),
    });
    handler = api_handler(w->api);
    return http_server_new(w->loop, &o, &handler, &w->http, ret_why) == ERR_OK;
}

static void
start_outlets(struct world *w)
{
    w->outcaller = outcaller_new(outlet_executor(w->outlet));
    w->dispatch = dispatch_new(&(struct dispatch_options){
        .env = &w->env,
        .snapshots = w->app.snapshots,
        .standings = w->app.standings,
        .executor = outlet_executor(w->outlet),
        .vault = w->vault,
        .ids = w->app.ids,
        .public_url = w->app.public_url,
    });
    dispatch_start(w->dispatch);
    __atomic_store_n(&w->fan, fan_new(&w->app), __ATOMIC_RELEASE);
    fan_ring(w->fan);
    __atomic_store_n(&w->digests, digests_new(&w->app), __ATOMIC_RELEASE);
    digests_ring(w->digests);
    __atomic_store_n(&w->workflows, workflows_new(&w->app, w->outcaller),
                     __ATOMIC_RELEASE);
    workflows_ring(w->workflows);
    __atomic_store_n(&w->teller, teller_new(&w->app), __ATOMIC_RELEASE);
    teller_ring(w->teller);
    w->cadence = cadence_new(&w->app);
    cadence_ring(w->cadence);
    w->examiner = examiner_new(&w->app);
    examiner_ring(w->examiner);
}

/* A memory store is there until the end: it is listened to once. */
static bool
open_store(struct world *w, const char **ret_why)
{
    struct store_listener l = {on_commit, w};

    w->hubs = hubs_new(&(struct hubs_limits){0}, &w->clock.base);
    if (!w->place.store && !place_open(&w->place, ret_why))
        return false;
    if (!w->app.ids) {
        w->app.ids = id_maker_new(w->place.node);
        id_maker_raise(w->app.ids, w->place.max_id);
    }
    w->app.standings = standings_new();
    w->app.snapshots = snapshots_new(&(struct snapshots_options){
        .env = &w->env, .vault = w->vault, .on_change = on_config, .arg = w});
    if (w->env.store != w->place.store)
        store_listen(w->place.store, &l);
    w->env.store = w->place.store;
    return true;
}

static bool
start(struct world *w, const char **ret_why)
{
    w->is_draining = false;
    if (!open_store(w, ret_why))
        return false;
    if (!w->is_written && !write_first(w, ret_why))
        return false;
    w->is_written = true;
    if (!start_snapshots(w, ret_why) || !open_door(w, ret_why))
        return false;
    start_outlets(w);
    return world_settle(w, ret_why);
}

/* ---- stopping ---- */

static void
on_drained(void *arg)
{
    ((struct world *)arg)->n_draining--;
}

static void
drain(struct world *w)
{
    const char *why;

    w->is_draining = true;
    w->n_draining = 7;
    dispatch_drain(w->dispatch, 0, on_drained, w);
    fan_drain(w->fan, on_drained, w);
    digests_drain(w->digests, on_drained, w);
    workflows_drain(w->workflows, on_drained, w);
    teller_drain(w->teller, on_drained, w);
    cadence_drain(w->cadence, on_drained, w);
    examiner_drain(w->examiner, on_drained, w);
    begin_limit(w);
    for (int i = 0; i < 100 && w->n_draining > 0; i++)
        if (!run_until(w, world_now_ms(w) + TOGETHER_MS, &why))
            break;
}

static void
hear_last_answers(struct loop *l)
{
    for (int i = 0; i < 3; i++)
        loop_turn(l, 0);
}

/* What a store has posted is heard while those who asked are still there. */
static void
free_parts(struct world *w)
{
    hear_last_answers(w->loop);
    hub_free(w->hub);
    http_server_free(w->http);
    api_free(w->api);
    dispatch_free(w->dispatch);
    fan_free(w->fan);
    digests_free(w->digests);
    workflows_free(w->workflows);
    teller_free(w->teller);
    outcaller_free(w->outcaller);
    cadence_free(w->cadence);
    examiner_free(w->examiner);
    hear_last_answers(w->loop);
    hubs_free(w->hubs);
    if (w->app.snapshots)
        snapshots_free(w->app.snapshots);
    standings_free(w->app.standings);
    w->hub = NULL;
    w->http = NULL;
    w->api = NULL;
    w->dispatch = NULL;
    w->fan = NULL;
    w->digests = NULL;
    w->workflows = NULL;
    w->teller = NULL;
    w->outcaller = NULL;
    w->cadence = NULL;
    w->examiner = NULL;
    w->hubs = NULL;
    w->app.snapshots = NULL;
    w->app.standings = NULL;
}

/* As serve_close() does: the store stops first and is freed last. */
static void
stop(struct world *w, bool is_end)
{
    bool closes = is_end || place_outlives_close(&w->place);

    if (w->dispatch)
        drain(w);
    if (closes)
        store_stop(w->place.store);
    free_parts(w);
    if (!closes) /* nobody could tell which ids are taken */
        return;
    id_maker_free(w->app.ids);
    w->app.ids = NULL;
    store_close(w->place.store);
    w->place.store = w->env.store = NULL;
}

bool
world_is_up(const struct world *w)
{
    return w->http != NULL;
}

void
world_stop(struct world *w)
{
    stop(w, false);
}

bool
world_start(struct world *w, const char **ret_why)
{
    return start(w, ret_why);
}

bool
world_crash(struct world *w, const char **ret_why)
{
    if (!place_keep(&w->place, ret_why))
        return false;
    world_stop(w);
    return place_restore(&w->place, ret_why) && start(w, ret_why);
}

/* ---- life ---- */

static void
fill(struct world *w)
{
    static const uint8_t secret[VAULT_SECRET_BYTES] = {1};
    static struct str anywhere[] = {{"0.0.0.0/0", 9}, {"::/0", 4}};
    const char *why = "";

    w->clock.base = (struct clock){virtual_ms, virtual_ms, .is_steady = true};
    w->store_clock = (struct clock){store_wall_ms, real_ms, .is_steady = true};
    assert(!clock_world);
    clock_world = w;
    rng_seed(&w->rng, w->options.seed);
    w->loop = loop_new();
    loop_use_clock(w->loop, &w->clock.base);
    w->vault = vault_from(secret);
    w->config = ARENA_NEW(w->arena, struct config);
    w->config->server_bootstrap_key = STR(ROOT_KEY);
    w->config->http_max_body = 1 << 20;
    w->config->http_max_send = 15 << 20;
    w->config->http_max_batch = 8 << 20;
    /* Nothing leaves the process, so that any target will do. */
    w->egress = egress_policy_new(anywhere, 2, &why);
    w->env =
        (struct env){.loop = w->loop, .clock = &w->clock.base, .rng = &w->rng};
    w->app = (struct app){
        .env = &w->env, .vault = w->vault, .public_url = STR(WORLD_URL)};
    w->outlet = outlet_new(&w->env, w->arena);
}

struct world *
world_open(const struct world_options *o, const char **ret_why)
{
    struct world *w = xcalloc(1, sizeof(*w));
    struct place_options place = {.url = o->db, .seed = o->seed};

    w->options = *o;
    w->arena = arena_new();
    w->clock.now_ms = o->start_ms;
    fill(w);
    place.loop = w->loop;
    place.clock = str_is(o->db, "memory") ? &w->clock.base : &w->store_clock;
    if (place_make(&w->place, w->arena, &place, ret_why) && start(w, ret_why))
        return w;
    world_close(w);
    return NULL;
}

void
world_close(struct world *w)
{
    if (!w)
        return;
    stop(w, true);
    place_remove(&w->place);
    outlet_free(w->outlet);
    egress_policy_free(w->egress);
    vault_free(w->vault);
    loop_free(w->loop);
    clock_world = NULL;
    arena_free(w->arena);
    free(w);
}

/* ---- requests ---- */

static void
put_head(struct world *w, struct buf *out, const struct world_request *r)
{
    struct token_claims c = {.user = r->as_user,
                             .workspace = STR("default"),
                             .expires_ms = world_now_ms(w) + TOKEN_MS};

    buf_put_str(out, r->method);
    buf_put_char(out, ' ');
    buf_put_str(out, r->path);
    buf_put_cstr(out, " HTTP/1.1\r\nHost: belfry.example\r\n"
                      "Connection: close\r\nAuthorization: Bearer ");
    buf_put_str(out, r->as_user.n > 0 ? token_make(w->vault, out->arena, &c)
                                      : STR(ROOT_KEY));
    if (r->header[0].n > 0)
        buf_printf(out, "\r\n%.*s: %.*s", STR_ARG(r->header[0]),
                   STR_ARG(r->header[1]));
    if (r->body.p)
        buf_printf(out,
                   "\r\nContent-Type: application/%s"
                   "\r\nContent-Length: %zu",
                   r->is_form ? "x-www-form-urlencoded" : "json", r->body.n);
    buf_put_cstr(out, "\r\n\r\n");
    buf_put_str(out, r->body);
}

static void
send_some(int fd, struct str *out)
{
    ssize_t n =
        out->n > 0 ? send(fd, out->p, out->n, MSG_NOSIGNAL | MSG_DONTWAIT) : 0;

    if (n > 0)
        *out = str_sub(*out, (size_t)n, out->n);
}

/* False: it is over. */
static bool
receive_some(int fd, struct buf *in)
{
    ssize_t n;

    buf_reserve(in, 64 * 1024);
    n = recv(fd, in->p + in->n, in->cap - in->n, MSG_DONTWAIT);
    if (n > 0)
        in->n += (size_t)n;
    return n > 0 ? in->n < ANSWER_MAX
                 : n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* What came does not wake the loop: it is the other end that it looks at. */
static bool
has_come(int fd)
{
    char c;

    return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static struct str
exchange(struct world *w, struct arena *a, struct str out)
{
    struct buf in;
    int fds[2];

    buf_init(&in, a);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
                   fds) != 0)
        return STR_NONE;
    http_server_adopt(w->http, fds[0]);
    begin_limit(w);
    while (real_ms(NULL) < w->real_limit_ms) {
        send_some(fds[1], &out);
        loop_turn(w->loop, has_come(fds[1]) ? 0 : 1);
        if (!receive_some(fds[1], &in))
            break;
    }
    close(fds[1]);
    return buf_str(&in);
}

/* The server frames by length; what it sends is trusted to be whole. */
static void
understand(struct arena *a, struct str text, struct world_answer *ret)
{
    const char *end = text.n ? memmem(text.p, text.n, "\r\n\r\n", 4) : NULL;
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    int64_t status;

    *ret = (struct world_answer){0};
    if (!end || !str_starts(text, STR("HTTP/1.1 ")) ||
        !str_to_i64(str_sub(text, 9, 3), &status))
        return;
    ret->status = (int)status;
    ret->body = str_sub(text, (size_t)(end - text.p) + 4, text.n);
    if (ret->body.n > 0 && json_parse(a, ret->body, doc, &why) == ERR_OK)
        ret->json = json_root(doc);
}

bool
world_ask(struct world *w, struct arena *a, const struct world_request *r,
          struct world_answer *ret, const char **ret_why)
{
    struct buf out;

    buf_init(&out, a);
    put_head(w, &out, r);
    understand(a, exchange(w, a, buf_str(&out)), ret);
    if (ret->status == 0) {
        *ret_why = "no answer came";
        return false;
    }
    return world_settle(w, ret_why);
}
