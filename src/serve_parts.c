/* serve_parts.c - the parts of a server: made in order, taken apart in the
 * opposite one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limiter.h"
#include "base/list.h"
#include "base/log.h"
#include "dispatch/executor_dev.h"
#include "dispatch/executor_net.h"
#include "dispatch/outcaller.h"
#include "net/http_server.h"
#include "plugin/host.h"
#include "serve_private.h"
#include "store/postgres/postgres.h"
#include "store/sqlite/sqlite.h"

#define SQLITE_URL "sqlite:"
#define POSTGRES_URL "postgres"
#define RECHECK_MS 5000 /* for streams, where others write, too */

static bool
complain(const char *what, const char *why)
{
    fprintf(stderr, "belfry: %s: %s\n", what, why);
    return false;
}

/* ---- what everybody stands on ---- */

static void
setup_log(const struct config *c)
{
    enum log_level level = LOG_LEVEL_INFO;
    enum log_format format = LOG_FORMAT_LOGFMT;

    log_level_parse(c->log_level, &level);
    log_format_parse(c->log_format, &format);
    log_setup(level, format);
}

/* Said before the files in it are missed one by one. */
static bool
has_folder(struct server *s, struct str db_path)
{
    size_t n = db_path.n;
    struct str folder;

    while (n > 0 && db_path.p[n - 1] != '/')
        n--;
    folder = n > 1 ? str_sub(db_path, 0, n - 1) : STR(".");
    if (access(str_cstr(s->arena, folder), W_OK | X_OK) == 0)
        return true;
    fprintf(stderr, "belfry: database: the folder %.*s cannot be written: %s\n",
            STR_ARG(folder), strerror(errno));
    return false;
}

/* sqlite_path: where one may be made; empty: nowhere. */
static bool
open_vault(struct server *s, struct str sqlite_path)
{
    struct str file = s->config->server_secret_key_file;
    bool makes = file.n == 0;
    const char *why = "";
    char what[4200];

    if (makes && sqlite_path.n == 0)
        return complain("secret key file",
                        "on PostgreSQL, set BELFRY_SECRET_KEY_FILE to a file "
                        "of 32 random bytes that all processes share: "
                        "head -c 32 /dev/urandom > FILE; chmod 600 FILE");
    if (makes)
        file = str_fmt(s->arena, "%.*s.key", STR_ARG(sqlite_path));
    if (vault_open(str_cstr(s->arena, file), makes, &s->vault, &why) == ERR_OK)
        return true;
    snprintf(what, sizeof(what), "secret key file %.*s", STR_ARG(file));
    return complain(what, why);
}

static bool
open_sqlite(struct server *s, struct str path)
{
    struct sqlite_store_options o = {.path = str_cstr(s->arena, path),
                                     .clock = s->clock};
    const char *why = "";

    if (!has_folder(s, path) || !open_vault(s, path))
        return false;
    if (sqlite_store_open(&o, &s->store, &why) != ERR_OK)
        return complain("database", why);
    s->ids = id_maker_new(0);
    id_maker_raise(s->ids, sqlite_store_max_id(s->store));
    return true;
}

static bool
open_postgres(struct server *s, struct str url)
{
    const struct config_list *roles = &s->config->server_roles;
    struct postgres_store_options o = {
        .url = str_cstr(s->arena, url),
        .clock = s->clock,
        .may_own = serve_has_role(s, "worker"),
        .keeps_house = serve_has_role(s, "scheduler"),
        .is_dev = s->config->server_dev,
        .lease_ms = s->config->database_lease_ms,
    };
    const char *why = "";
    struct buf names;

    buf_init(&names, s->arena);
    for (size_t i = 0; i < roles->n; i++) {
        buf_put_cstr(&names, i > 0 ? "," : "");
        buf_put_str(&names, roles->items[i]);
    }
    o.roles = str_cstr(s->arena, buf_str(&names));
    if (!open_vault(s, STR_NONE))
        return false;
    if (postgres_store_open(&o, &s->store, &why) != ERR_OK)
        return complain("database", why);
    s->ids = id_maker_new(postgres_store_node(s->store));
    id_maker_raise(s->ids, postgres_store_max_id(s->store));
    return true;
}

static bool
open_store(struct server *s)
{
    struct str url = s->config->database_url;
    bool is_open;

    if (str_starts(url, STR(SQLITE_URL)))
        is_open =
            open_sqlite(s, str_sub(url, sizeof(SQLITE_URL) - 1, SIZE_MAX));
    else if (str_starts(url, STR(POSTGRES_URL)))
        is_open = open_postgres(s, url);
    else
        return complain("database", "give it as sqlite:PATH or postgres://...");
    s->env.store = s->store;
    return is_open;
}

static bool
make_egress(struct server *s)
{
    const struct config_list *allow = &s->config->egress_allow;
    const char *why = "";

    s->egress = egress_policy_new(allow->items, allow->n, &why);
    return s->egress || complain("BELFRY_EGRESS_ALLOW", why);
}

/* Before the store is: what is refused here has changed nothing. */
static bool
open_plugins(struct server *s)
{
    const struct plugins_options o = {
        .arena = s->arena,
        .clock = s->clock,
        .folder = s->config->plugins_folder,
        .allow = s->config->plugins_allow,
        .timeout_ms = s->config->plugins_timeout_ms,
    };
    const char *why = "";

    if (plugins_open(&o, &s->plugins, &why) != ERR_OK)
        return complain("plugins", why);
    plugins_start(s->plugins);
    return true;
}

/* The key of development stays the same from start to start, as scripts and
 * open pages hold it: it is derived from the secret beside the database. */
static void
enter_dev_mode(struct server *s)
{
    uint8_t mac[32];
    struct buf key;

    s->dev_sink = dev_sink_new();
    if (s->config->server_bootstrap_key.n > 0)
        return;
    vault_sign(s->vault, "dev-key", STR("root"), mac);
    buf_init(&key, s->arena);
    buf_put_cstr(&key, "bf_dev_");
    buf_put_hex(&key, (struct str){(char *)mac, 20});
    s->config->server_bootstrap_key = buf_str(&key);
}

static void on_config(void *arg, int64_t seq);

bool
serve_open(struct server *s)
{
    struct snapshots_options o;

    setup_log(s->config);
    s->loop = loop_new();
    s->env = (struct env){.loop = s->loop, .clock = s->clock, .rng = &s->rng};
    if (!make_egress(s) || !open_plugins(s) || !open_store(s))
        return false;
    if (s->config->server_dev)
        enter_dev_mode(s);
    o = (struct snapshots_options){
        .env = &s->env, .vault = s->vault, .on_change = on_config, .arg = s};
    s->snapshots = snapshots_new(&o);
    s->hubs = hubs_new(
        &(struct hubs_limits){
            .max_connections = s->config->realtime_max_connections,
            .connect_rate = s->config->realtime_connect_rate,
            .per_user = s->config->realtime_per_user,
            .per_address = s->config->realtime_per_address,
        },
        s->clock);
    if (s->config->http_rate_per_key > 0)
        s->key_limiter = limiter_new(s->config->http_rate_per_key);
    if (s->config->http_rate_per_address > 0)
        s->address_limiter = limiter_new(s->config->http_rate_per_address);
    s->app = (struct app){.env = &s->env,
                          .snapshots = s->snapshots,
                          .standings = standings_new(),
                          .ids = s->ids,
                          .vault = s->vault};
    s->outbox = outbox_new(&s->app);
    serve_listen_to_store(s);
    return true;
}

/* ---- news of commits ---- */

struct news {
    struct task task;
    struct server *server;
    enum store_notice_kind kind;
    int64_t tenant, lane, due_ms;
    bool is_critical;
};

static void
tell_waiting_room(struct task *t)
{
    struct news *n = CONTAINER_OF(t, struct news, task);

    queue_on_wait(n->server->waiting_room, n->due_ms);
    free(n);
}

static void
tell_dispatch(struct task *t)
{
    struct news *n = CONTAINER_OF(t, struct news, task);
    struct dispatch *d = n->server->outlet.dispatch;

    if (n->kind == STORE_NOTICE_READY)
        dispatch_on_ready(d, n->tenant, n->lane, n->is_critical);
    else if (n->kind == STORE_NOTICE_WAIT)
        dispatch_on_wait(d, n->due_ms);
    else
        dispatch_on_config(d);
    free(n);
}

static void
post_news(struct server *s, const struct store_notice *n)
{
    struct news *news;
    bool is_for_outlet =
        __atomic_load_n(&s->outlet.thread, __ATOMIC_ACQUIRE) != NULL;
    bool is_for_waiting_room =
        __atomic_load_n(&s->waiting_room, __ATOMIC_ACQUIRE) != NULL &&
        n->kind == STORE_NOTICE_WAIT;

    /* Each looks at everything when it starts. */
    if (!is_for_outlet && !is_for_waiting_room)
        return;
    news = xcalloc(1, sizeof(*news));
    *news = (struct news){
        .task = {.run = is_for_outlet ? tell_dispatch : tell_waiting_room},
        .server = s,
        .kind = n->kind,
        .tenant = n->tenant,
        .lane = n->lane,
        .due_ms = n->due_ms,
        .is_critical = n->is_critical,
    };
    loop_post(is_for_outlet ? s->outlet.loop : s->loop, &news->task);
}

/* Another configuration is current: lanes take theirs from it. The last one may
 * be read when they are gone already. */
static void
on_config(void *arg, int64_t seq)
{
    struct server *s = arg;
    struct cadence *cadence =
        __atomic_load_n(&s->planner.cadence, __ATOMIC_ACQUIRE);
    struct examiner *examiner =
        __atomic_load_n(&s->planner.examiner, __ATOMIC_ACQUIRE);

    (void)seq;
    if (__atomic_load_n(&s->is_draining, __ATOMIC_RELAXED))
        return;
    if (cadence) /* else it looks when it starts */
        cadence_ring(cadence);
    if (examiner)
        examiner_ring(examiner);
    post_news(arg, &(struct store_notice){.kind = STORE_NOTICE_CHANGE});
}

static void
ring_planner(struct server *s)
{
    struct fan *fan = __atomic_load_n(&s->planner.fan, __ATOMIC_ACQUIRE);
    struct digests *digests =
        __atomic_load_n(&s->planner.digests, __ATOMIC_ACQUIRE);
    struct workflows *workflows =
        __atomic_load_n(&s->planner.workflows, __ATOMIC_ACQUIRE);

    if (fan) /* else it looks when it starts */
        fan_ring(fan);
    if (digests)
        digests_ring(digests);
    if (workflows)
        workflows_ring(workflows);
}

static void
ring_teller(struct server *s)
{
    struct teller *teller =
        __atomic_load_n(&s->planner.teller, __ATOMIC_ACQUIRE);

    if (teller) /* else it looks when it starts */
        teller_ring(teller);
}

/* In the store's thread: hand on and return. */
static void
on_commit(void *arg, const struct store_notice *notices, size_t n)
{
    struct server *s = arg;
    int64_t seq = 0;

    for (size_t i = 0; i < n; i++) {
        const struct store_notice *notice = &notices[i];

        if (notice->kind == STORE_NOTICE_READY ||
            notice->kind == STORE_NOTICE_WAIT)
            post_news(s, notice);
        else if (notice->kind == STORE_NOTICE_CHANGE && notice->seq > seq &&
                 notice->object_kind != OBJECT_USER)
            seq = notice->seq;
        else if (notice->kind == STORE_NOTICE_OUTBOX)
            outbox_ring(s->outbox);
        else if (notice->kind == STORE_NOTICE_WORK)
            ring_planner(s);
        else if (notice->kind == STORE_NOTICE_TELL)
            ring_teller(s);
    }
    hubs_on_commit(s->hubs, notices, n);
    if (seq > 0)
        snapshots_changed(s->snapshots, seq);
}

void
serve_listen_to_store(struct server *s)
{
    struct store_listener l = {.on_commit = on_commit, .arg = s};

    store_listen(s->store, &l);
}

/* ---- where links lead ---- */

static bool
has_public_url(const struct server *s)
{
    return s->config->origins[CONFIG_server_public_url].from !=
           CONFIG_FROM_DEFAULT;
}

/* A process that does not listen sends mails with links, too. Without the
 * setting they would lead to whoever reads them. */
void
serve_name_public_url(struct server *s)
{
    struct str listen = s->config->server_listen;

    s->public_url = s->config->server_public_url;
    if (has_public_url(s))
        return;
    if (str_starts(listen, STR("0.0.0.0:")) ||
        str_starts(listen, STR("[::]:")) ||
        (serve_has_role(s, "worker") && !serve_has_role(s, "api")))
        LOG_WARN("public_url.unset",
                 log_cstr("hint", "set BELFRY_PUBLIC_URL to how clients reach "
                                  "this server: links in mails begin with it"));
}

/* Whatever its roles are: those that wait are few, and it is the same work. */
void
serve_start_outbox(struct server *s)
{
    s->app.public_url = s->public_url;
    outbox_start(s->outbox);
}

/* ---- the outlet ---- */

static void
start_dispatch(struct task *t)
{
    dispatch_start(CONTAINER_OF(t, struct outlet, start)->dispatch);
}

void
serve_start_outlet(struct server *s)
{
    struct outlet *o = &s->outlet;

    o->server = s;
    o->loop = loop_new();
    rng_seed_system(&o->rng);
    o->env = (struct env){.loop = o->loop,
                          .clock = s->clock,
                          .rng = &o->rng,
                          .fetch = fetch_new(o->loop, s->egress),
                          .store = s->store};
    o->network = executor_net_new(&o->env);
    if (s->dev_sink)
        o->sink = executor_dev_new(&o->env, s->dev_sink, o->network);
    o->dispatch = dispatch_new(&(struct dispatch_options){
        .env = &o->env,
        .snapshots = s->snapshots,
        .standings = s->app.standings,
        .executor = o->sink ? o->sink : o->network,
        .vault = s->vault,
        .ids = s->ids,
        .public_url = s->public_url,
        /* The sink would answer in their place. */
        .probe_every_ms = s->dev_sink ? 0 : s->config->health_probe_every_ms,
    });
    __atomic_store_n(&o->thread, loop_thread_start(o->loop, "dispatch"),
                     __ATOMIC_RELEASE); /* the store's thread looks at it */
    o->start.run = start_dispatch;
    loop_post(o->loop, &o->start);
}

/* ---- the waiting room, without an outlet ---- */

static void
leave_lane(void *arg, int64_t tenant, int64_t lane)
{
    (void)arg, (void)tenant, (void)lane; /* it is for those who call */
}

void
serve_start_waiting_room(struct server *s)
{
    struct queue *q = queue_new(&(struct queue_options){
        .env = &s->env, .on_unknown_lane = leave_lane, .arg = s});

    __atomic_store_n(&s->waiting_room, q, __ATOMIC_RELEASE);
    queue_start(s->waiting_room);
}

/* ---- the planner ---- */

/* A thread of its own: to plan a million recipients takes a while, and others
 * have signals and snapshots to see to. */
void
serve_start_planner(struct server *s)
{
    struct planner *p = &s->planner;

    p->server = s;
    p->loop = loop_new();
    rng_seed_system(&p->rng);
    p->env = (struct env){.loop = p->loop,
                          .clock = s->clock,
                          .rng = &p->rng,
                          .fetch = fetch_new(p->loop, s->egress),
                          .store = s->store};
    p->network = executor_net_new(&p->env);
    if (s->dev_sink)
        p->sink = executor_dev_new(&p->env, s->dev_sink, p->network);
    p->outcaller = outcaller_new(p->sink ? p->sink : p->network);
    p->app = (struct app){.env = &p->env,
                          .snapshots = s->snapshots,
                          .standings = s->app.standings,
                          .ids = s->ids,
                          .vault = s->vault,
                          .public_url = s->public_url};
    __atomic_store_n(&p->fan, fan_new(&p->app), __ATOMIC_RELEASE);
    __atomic_store_n(&p->digests, digests_new(&p->app), __ATOMIC_RELEASE);
    __atomic_store_n(&p->workflows, workflows_new(&p->app, p->outcaller),
                     __ATOMIC_RELEASE);
    __atomic_store_n(&p->teller, teller_new(&p->app), __ATOMIC_RELEASE);
    if (serve_has_role(s, "scheduler"))
        __atomic_store_n(&p->cadence, cadence_new(&p->app), __ATOMIC_RELEASE);
    if (serve_has_role(s, "scheduler"))
        __atomic_store_n(&p->examiner, examiner_new(&p->app), __ATOMIC_RELEASE);
    p->thread = loop_thread_start(p->loop, "planner");
    fan_ring(p->fan);
    digests_ring(p->digests);
    workflows_ring(p->workflows);
    teller_ring(p->teller);
    if (p->cadence)
        cadence_ring(p->cadence);
    if (p->examiner)
        examiner_ring(p->examiner);
}

/* ---- tests of providers ---- */

static void
run_test(struct task *t)
{
    struct provider_test *test = CONTAINER_OF(t, struct provider_test, task);
    struct outlet *o = test->private_state;

    dispatch_test(o->dispatch, test);
}

static void
start_test(void *arg, struct provider_test *t)
{
    struct server *s = arg;

    t->task.run = run_test;
    t->private_state = &s->outlet;
    loop_post(s->outlet.loop, &t->task);
}

/* ---- the fronts ---- */

/* Fronts seldom call anybody, and what that takes is made by the first. */
static void
start_errand(void *arg, struct outcall *o)
{
    struct front *f = arg;
    struct server *s = f->server;

    if (!f->outcaller) {
        f->env.fetch = fetch_new(f->loop, s->egress);
        f->network = executor_net_new(&f->env);
        if (s->dev_sink)
            f->sink = executor_dev_new(&f->env, s->dev_sink, f->network);
        f->outcaller = outcaller_new(f->sink ? f->sink : f->network);
    }
    f->outcaller->start(f->outcaller, o);
}

static bool
listen_front(struct server *s, struct front *f, int i)
{
    struct http_server_options o = {
        .limits = {.header_timeout_ms = s->config->http_header_timeout_ms,
                   .body_timeout_ms = 60000,
                   .idle_timeout_ms = s->config->http_idle_timeout_ms},
        .base_path = s->config->server_base_path,
        .trusted_proxies = s->config->server_trusted_proxies.items,
        .n_trusted_proxies = s->config->server_trusted_proxies.n,
        .tls_cert_file = s->config->tls_cert_file,
        .tls_key_file = s->config->tls_key_file,
        .joins = i > 0,
    };
    struct http_handler h = api_handler(f->api);
    struct str listen = s->config->server_listen;
    const char *why = "";
    ptrdiff_t colon = (ptrdiff_t)listen.n - 1;

    if (http_server_new(f->loop, &o, &h, &f->http, &why) != ERR_OK)
        return complain("HTTP server", why);
    if (http_server_listen(f->http, i == 0 ? listen : str_from(s->address),
                           &why) != ERR_OK)
        return complain(
            str_cstr(s->arena, listen),
            str_cstr(s->arena, str_fmt(s->arena,
                                       "%s (--listen HOST:PORT chooses "
                                       "another)",
                                       why)));
    if (i > 0)
        return true;
    while (colon > 0 && listen.p[colon] != ':')
        colon--;
    snprintf(s->address, sizeof(s->address), "%.*s:%d", (int)colon, listen.p,
             http_server_port(f->http));
    /* With port 0 only now it is known how clients reach it. */
    if (str_ends(listen, STR(":0")) && !has_public_url(s))
        s->public_url = str_fmt(
            s->arena, "http%s://%s%.*s", s->config->tls_cert_file.n ? "s" : "",
            s->address, STR_ARG(s->config->server_base_path));
    return true;
}

static bool
open_front(struct server *s, int i)
{
    struct front *f = &s->fronts[i];

    f->server = s;
    f->loop = loop_new();
    rng_seed_system(&f->rng);
    f->env = (struct env){
        .loop = f->loop, .clock = s->clock, .rng = &f->rng, .store = s->store};
    f->app = (struct app){.env = &f->env,
                          .snapshots = s->snapshots,
                          .standings = s->app.standings,
                          .ids = s->ids,
                          .vault = s->vault,
                          .public_url = s->public_url};
    f->hub = hub_new(&(struct hub_options){
        .app = &f->app,
        .hubs = s->hubs,
        .recheck_ms = s->store->driver->is_shared ? RECHECK_MS : 0,
    });
    f->api = api_new(&(struct api_options){
        .app = &f->app,
        .config = s->config,
        .hub = f->hub,
        .dev_sink = s->dev_sink,
        .egress = s->egress,
        .key_limiter = s->key_limiter,
        .address_limiter = s->address_limiter,
        .start_test = serve_has_role(s, "worker") ? start_test : NULL,
        .start_test_arg = s,
        .start_errand = start_errand,
        .start_errand_arg = f,
        .is_draining = &s->is_draining,
        .started_ms = s->clock->wall_ms(s->clock) -
                      (s->clock->mono_ms(s->clock) - s->started_ms),
    });
    s->n_fronts = i + 1;
    if (!listen_front(s, f, i))
        return false;
    f->app.public_url = s->public_url;
    return true;
}

bool
serve_open_fronts(struct server *s)
{
    int64_t n = s->config->http_threads;
    long n_cpus = sysconf(_SC_NPROCESSORS_ONLN);

    if (n == 0)
        n = n_cpus > 8 ? 8 : n_cpus < 1 ? 1 : n_cpus;
    if (n > FRONTS_MAX)
        n = FRONTS_MAX;
    for (int i = 0; i < n; i++)
        if (!open_front(s, i))
            return false;
    return true;
}

void
serve_run_fronts(struct server *s)
{
    for (int i = 0; i < s->n_fronts; i++) {
        char name[24];

        snprintf(name, sizeof(name), "front-%d", i);
        s->fronts[i].thread = loop_thread_start(s->fronts[i].loop, name);
    }
}

struct reload {
    struct task task;
    struct front *front;
};

static void
run_reload(struct task *t)
{
    struct reload *r = CONTAINER_OF(t, struct reload, task);
    const char *why;

    if (http_server_reload_tls(r->front->http, &why) != ERR_OK)
        LOG_ERROR("tls.reload_failed", log_cstr("why", why));
    free(r);
}

/* Each in its own thread, which may just be using the old one. */
void
serve_reload_fronts(struct server *s)
{
    if (s->config->tls_cert_file.n == 0)
        return;
    for (int i = 0; i < s->n_fronts; i++) {
        struct reload *r = xcalloc(1, sizeof(*r));

        r->task.run = run_reload;
        r->front = &s->fronts[i];
        loop_post(s->fronts[i].loop, &r->task);
    }
}

/* ---- the end ---- */

static void
on_limit(struct loop_timer *t)
{
    struct server *s = CONTAINER_OF(t, struct server, limit);

    LOG_WARN("server.drain_limit", log_int("parts_left", s->n_left));
    loop_stop(s->loop);
}

static void
part_done(struct server *s)
{
    if (__atomic_sub_fetch(&s->n_left, 1, __ATOMIC_ACQ_REL) == 0)
        loop_stop(s->loop);
}

static void
on_http_drained(void *arg)
{
    part_done(((struct front *)arg)->server);
}

static void
on_streams_drained(void *arg)
{
    struct front *f = arg;

    http_server_drain(f->http, on_http_drained, f);
}

static void
drain_front(struct task *t)
{
    struct front *f = CONTAINER_OF(t, struct front, drain);

    hub_drain(f->hub, on_streams_drained, f);
}

static void
on_planner_drained(void *arg)
{
    part_done(((struct planner *)arg)->server);
}

static void
on_dispatch_drained(void *arg)
{
    part_done(((struct outlet *)arg)->server);
}

static void
drain_outlet(struct task *t)
{
    struct outlet *o = CONTAINER_OF(t, struct outlet, drain);

    dispatch_drain(o->dispatch, DRAIN_GRACE_MS, on_dispatch_drained, o);
}

static void
drain_planner(struct task *t)
{
    struct planner *p = CONTAINER_OF(t, struct planner, drain);

    fan_drain(p->fan, on_planner_drained, p);
    digests_drain(p->digests, on_planner_drained, p);
    workflows_drain(p->workflows, on_planner_drained, p);
    teller_drain(p->teller, on_planner_drained, p);
    if (p->cadence)
        cadence_drain(p->cadence, on_planner_drained, p);
    if (p->examiner)
        examiner_drain(p->examiner, on_planner_drained, p);
}

static void
on_own_part_drained(void *arg)
{
    part_done(arg);
}

void
serve_drain(struct server *s)
{
    if (s->is_draining) {
        loop_stop(s->loop); /* asked twice: now */
        return;
    }
    __atomic_store_n(&s->is_draining, true, __ATOMIC_RELAXED);
    loop_timer_clear(s->loop, &s->upkeep);
    s->n_left = 2 /* with the outbox */ + (s->outlet.thread != NULL) +
                (s->waiting_room != NULL) +
                /* its fan, digests, workflows and teller */
                4 * (s->planner.thread != NULL) + (s->planner.cadence != NULL) +
                (s->planner.examiner != NULL);
    for (int i = 0; i < s->n_fronts; i++)
        s->n_left += s->fronts[i].thread != NULL;
    loop_timer_set(s->loop, &s->limit, DRAIN_LIMIT_MS, on_limit);
    for (int i = 0; i < s->n_fronts; i++) {
        s->fronts[i].drain.run = drain_front;
        if (s->fronts[i].thread)
            loop_post(s->fronts[i].loop, &s->fronts[i].drain);
    }
    s->outlet.drain.run = drain_outlet;
    if (s->outlet.thread)
        loop_post(s->outlet.loop, &s->outlet.drain);
    s->planner.drain.run = drain_planner;
    if (s->planner.thread)
        loop_post(s->planner.loop, &s->planner.drain);
    if (s->waiting_room)
        queue_drain(s->waiting_room, on_own_part_drained, s);
    outbox_drain(s->outbox, on_own_part_drained, s);
    part_done(s); /* this one's own */
}

static void
stop_threads(struct server *s)
{
    for (int i = 0; i < s->n_fronts; i++) {
        if (!s->fronts[i].thread)
            continue;
        loop_stop(s->fronts[i].loop);
        loop_thread_join(s->fronts[i].thread);
    }
    if (s->outlet.thread) {
        loop_stop(s->outlet.loop);
        loop_thread_join(s->outlet.thread);
    }
    if (s->planner.thread) {
        loop_stop(s->planner.loop);
        loop_thread_join(s->planner.thread);
    }
}

/* Those who asked hear the store's last answers. Who asks it once more then is
 * told that it has ended, and that is heard as well. */
static void
hear_last_answers(struct loop *l)
{
    for (int i = 0; l && i < 3; i++)
        loop_turn(l, 0);
}

/* The store is stopped first, as it completes what is in flight by posting to
 * loops that are still there, and freed last, as their parts may ask again. */
void
serve_close(struct server *s)
{
    stop_threads(s);
    plugins_stop(s->plugins);
    serve_report_last(s);
    store_stop(s->store);
    for (int i = 0; i < s->n_fronts; i++) {
        struct front *f = &s->fronts[i];

        hear_last_answers(f->loop);
        hub_free(f->hub);
        http_server_free(f->http);
        api_free(f->api);
        outcaller_free(f->outcaller);
        executor_dev_free(f->sink);
        executor_net_free(f->network);
        fetch_free(f->env.fetch);
        hear_last_answers(f->loop); /* of what those calls were for */
        loop_free(f->loop);
    }
    if (s->outlet.loop) {
        hear_last_answers(s->outlet.loop);
        dispatch_free(s->outlet.dispatch);
        executor_dev_free(s->outlet.sink);
        executor_net_free(s->outlet.network);
        fetch_free(s->outlet.env.fetch);
        loop_free(s->outlet.loop);
    }
    if (s->planner.loop) {
        hear_last_answers(s->planner.loop);
        fan_free(s->planner.fan);
        cadence_free(s->planner.cadence);
        examiner_free(s->planner.examiner);
        digests_free(s->planner.digests);
        workflows_free(s->planner.workflows);
        teller_free(s->planner.teller);
        outcaller_free(s->planner.outcaller);
        executor_dev_free(s->planner.sink);
        executor_net_free(s->planner.network);
        fetch_free(s->planner.env.fetch);
        loop_free(s->planner.loop);
    }
    hear_last_answers(s->loop);
    queue_free(s->waiting_room);
    outbox_free(s->outbox);
    hubs_free(s->hubs);
    snapshots_free(s->snapshots);
    standings_free(s->app.standings);
    limiter_free(s->key_limiter);
    limiter_free(s->address_limiter);
    dev_sink_free(s->dev_sink);
    egress_policy_free(s->egress);
    plugins_free(s->plugins);
    id_maker_free(s->ids);
    vault_free(s->vault);
    arena_free(s->purge_arena);
    arena_free(s->upkeep_arena);
    arena_free(s->report_arena);
    serve_free_gauges(s);
    store_close(s->store);
    if (s->loop)
        loop_free(s->loop);
}
