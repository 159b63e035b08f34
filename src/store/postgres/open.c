/* open.c - from a URL to a store that runs, and back. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "store/postgres/connect.h"
#include "store/postgres/inspect.h"
#include "store/postgres/keeper.h"
#include "store/postgres/lanes.h"
#include "store/postgres/migrate.h"
#include "store/postgres/node.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/plans.h"

#define MAX_QUEUED 16384
#define LEASE_MS 15000
#define IDLE_MAX_MS 10000 /* within a transaction */

static struct pg_store *
store_of(struct store *s)
{
    return CONTAINER_OF(s, struct pg_store, base);
}

/* ---- requests ---- */

/* In turn, but not to one that has lost its connection while another has not.
 */
static struct pg_session *
next_reader(struct pg_store *s)
{
    struct pg_session *r = NULL;

    for (int i = 0; i < PG_READERS; i++) {
        r = &s->read[s->next_reader++ % PG_READERS];
        if (r->down_since_ms == 0)
            break;
    }
    return r;
}

static struct pg_session *
session_for(struct pg_store *s, enum store_verb v)
{
    if (v == STORE_VERB_accept)
        return &s->accept;
    if (v == STORE_VERB_cycle)
        return &s->cycle;
    if (store_verb_writes(v))
        return &s->write;
    return next_reader(s);
}

static void
receive(struct task *t)
{
    struct store_req *req = CONTAINER_OF(t, struct store_req, task);
    struct pg_store *s = store_of(req->store);

    pg_session_submit(session_for(s, req->verb), req);
}

static void
submit(struct store *base, struct store_req *req)
{
    struct pg_store *s = store_of(base);
    enum err e = ERR_OK;

    store_req_take(req);
    req->expires_ms = req->deadline_ms
                          ? req->deadline_ms
                          : s->clock->mono_ms(s->clock) + STORE_DEADLINE_MS;
    /* Counted first: the end waits for those that are, and others see it. */
    if (atomic_fetch_add(&s->n_queued, 1) >= s->max_queued)
        e = ERR_FULL;
    if (atomic_load(&s->is_stopped))
        e = ERR_SHUTDOWN;
    if (e != ERR_OK) {
        atomic_fetch_sub(&s->n_queued, 1);
        store_req_complete(req, e);
        return;
    }
    req->task.run = receive;
    loop_post(s->loop, &req->task);
}

static void
take_listener(struct task *t)
{
    struct pg_store *s = CONTAINER_OF(t, struct pg_store, listen_task);

    s->listener = s->next_listener;
}

/* The thread has run since the store was opened, and hears of other nodes. */
static void
listen_to(struct store *base, const struct store_listener *l)
{
    struct pg_store *s = store_of(base);

    assert(!s->next_listener.on_commit);
    s->next_listener = *l;
    s->listen_task.run = take_listener;
    loop_post(s->loop, &s->listen_task);
}

void
pg_store_row_ready(struct pg_store *s, int64_t tenant, int64_t signed_lane,
                   int64_t rank, int64_t id)
{
    int64_t lane = signed_lane < 0 ? -signed_lane : signed_lane;

    notices_ready(&s->notices, tenant, signed_lane);
    pg_lanes_row(s->lanes, signed_lane, rank, id);
    if (!pg_lanes_is_mine(s->lanes, lane))
        pg_node_ring_ready(s->node, tenant, signed_lane, rank, id);
}

void
pg_store_work_ready(struct pg_store *s)
{
    notices_work(&s->notices);
    pg_node_ring_work(s->node);
}

void
pg_store_told(struct pg_store *s)
{
    notices_tell_endpoints(&s->notices);
    pg_node_ring_told(s->node);
}

/* What is told here, the other nodes hear of. Lanes: see above. */
static void
ring_notices(struct pg_store *s)
{
    for (size_t i = 0; i < s->notices.n; i++) {
        const struct store_notice *n = &s->notices.all[i];

        if (n->kind == STORE_NOTICE_INBOX)
            pg_node_ring_inbox(s->node, n->tenant, n->user, n->event->rev);
        else if (n->kind == STORE_NOTICE_CHANGE)
            pg_node_ring_change(s->node, n->seq);
    }
    if (s->notices.next_due_ms > 0)
        pg_node_ring_wait(s->node, s->notices.next_due_ms);
}

void
pg_store_tell(struct pg_store *s)
{
    ring_notices(s);
    notices_tell(&s->notices, &s->listener);
}

/* ---- the way out ---- */

static void
store_free(struct pg_store *s)
{
    pg_keeper_free(s->keeper);
    pg_node_free(s->node);
    pg_session_close(&s->accept);
    pg_session_close(&s->cycle);
    pg_session_close(&s->write);
    for (int i = 0; i < PG_READERS; i++)
        pg_session_close(&s->read[i]);
    pg_lanes_free(s->lanes);
    notices_fini(&s->notices);
    if (s->loop)
        loop_free(s->loop);
    free(s->url);
    free(s);
}

static void
on_left(struct pg_store *s)
{
    loop_stop(s->loop);
}

#define LOOK_MS 5

/* Every request has its deadline, so this comes to an end. */
static void
on_look(struct loop_timer *t)
{
    struct pg_store *s = CONTAINER_OF(t, struct pg_store, end_timer);

    if (atomic_load(&s->n_queued) > 0)
        loop_timer_set(s->loop, &s->end_timer, LOOK_MS, on_look);
    else
        pg_node_leave(s, on_left);
}

static void
finish(struct task *t)
{
    struct pg_store *s = CONTAINER_OF(t, struct pg_store, end_task);

    on_look(&s->end_timer);
}

static void
stop_store(struct store *base)
{
    struct pg_store *s = store_of(base);

    if (atomic_exchange(&s->is_stopped, true))
        return;
    s->end_task.run = finish;
    loop_post(s->loop, &s->end_task);
    loop_thread_join(s->thread);
}

static void
close_store(struct store *base)
{
    stop_store(base);
    store_free(store_of(base));
}

static bool
holds(const struct store *base, int64_t lease)
{
    return pg_node_holds(((const struct pg_store *)(const void *)base)->node,
                         lease);
}

static const struct store_driver driver = {
    .name = "postgres",
    .is_shared = true,
    .submit = submit,
    .listen = listen_to,
    .holds = holds,
    .stop = stop_store,
    .close = close_store,
};

/* ---- the way in ---- */

/* One number from the server; -1: it could not be asked. */
static int64_t
ask_number(PGconn *c, const char *sql, const char **ret_why)
{
    PGresult *r = PQexec(c, sql);
    int64_t v = -1;

    if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1 ||
        !str_to_i64(str_from(PQgetvalue(r, 0, 0)), &v))
        *ret_why = pg_why("%s", PQerrorMessage(c));
    PQclear(r);
    return v;
}

static bool
is_setting(PGconn *c, const char *name, const char *value)
{
    char sql[100];
    PGresult *r;
    bool is_so;

    snprintf(sql, sizeof(sql), "SHOW %s", name);
    r = PQexec(c, sql);
    is_so = PQntuples(r) == 1 && strcmp(PQgetvalue(r, 0, 0), value) == 0;
    PQclear(r);
    return is_so;
}

/* An answer of 2xx says that it is on disk. */
static enum err
check_server(PGconn *c, const char **ret_why)
{
    if (PQserverVersion(c) < POSTGRES_VERSION_LEAST) {
        *ret_why = pg_why("the server is PostgreSQL %d; 15 or newer is needed",
                          PQserverVersion(c) / 10000);
        return ERR_INVALID;
    }
    if (!is_setting(c, "server_encoding", "UTF8")) {
        *ret_why = "the database's encoding must be UTF8";
        return ERR_INVALID;
    }
    if (is_setting(c, "fsync", "off") ||
        is_setting(c, "full_page_writes", "off")) {
        *ret_why = "the server runs with fsync or full_page_writes off: what "
                   "it accepts may be lost. Set both to on";
        return ERR_INVALID;
    }
    if (is_setting(c, "synchronous_commit", "off"))
        LOG_WARN("store.synchronous_commit_off",
                 log_cstr("hint", "off is overridden with on for what must "
                                  "not be lost"));
    return ERR_OK;
}

static enum err
remember_epoch(struct pg_store *s, PGconn *c, const char **ret_why)
{
    char sql[200];
    PGresult *r;
    ExecStatusType status;

    snprintf(sql, sizeof(sql),
             "INSERT INTO meta (name, value) VALUES ('inbox_epoch', %lld) ON "
             "CONFLICT DO NOTHING",
             (long long)s->clock->wall_ms(s->clock));
    r = PQexec(c, sql);
    status = PQresultStatus(r);
    PQclear(r);
    if (status != PGRES_COMMAND_OK) {
        *ret_why = pg_why("%s", PQerrorMessage(c));
        return ERR_IO;
    }
    s->epoch = ask_number(
        c, "SELECT value FROM meta WHERE name = 'inbox_epoch'", ret_why);
    return s->epoch < 0 ? ERR_IO : ERR_OK;
}

static int64_t
lease_of(const struct postgres_store_options *o)
{
    return o->lease_ms ? o->lease_ms : LEASE_MS;
}

static enum err
introduce(struct pg_store *s, const struct postgres_store_options *o,
          const char **ret_why)
{
    struct pg_node_options node = {.lease_ms = lease_of(o),
                                   .may_own = o->may_own,
                                   .is_dev = o->is_dev,
                                   .roles = o->roles ? o->roles : ""};
    PGconn *c = NULL;
    enum err e = pg_connect(s->url, "belfry start", &c, ret_why);

    if (e == ERR_OK)
        e = check_server(c, ret_why);
    if (e == ERR_OK)
        e = pg_migrate_up(c, s->clock, ret_why);
    if (e == ERR_OK)
        e = remember_epoch(s, c, ret_why);
    if (e == ERR_OK)
        e = pg_node_register(s, &node, c, ret_why);
    PQfinish(c);
    return e;
}

/* on, unless the server asks for more than that, such as a standby's word. */
#define WRITER                                                                 \
    "SELECT set_config('synchronous_commit', 'on', false) WHERE "              \
    "current_setting('synchronous_commit') IN ('off', 'local'); "              \
    "SET statement_timeout = '8s'; SET lock_timeout = '2s'; "                  \
    "SET idle_in_transaction_session_timeout = '10s'; " PG_PLANS               \
        PG_PLANS_WRITER

static const char writer_setup[] = WRITER;
static const char reader_setup[] = "SET statement_timeout = '5s'; " PG_PLANS
                                   "SET default_transaction_read_only = on";

/* Of one that is cut off within a cycle, the server keeps the lane's lock no
 * longer than the others wait before they want it. */
static void
open_cycle(struct pg_store *s, int64_t lease_ms)
{
    char setup[1000];

    snprintf(setup, sizeof(setup),
             WRITER "SET idle_in_transaction_session_timeout = %lld",
             (long long)(lease_ms < IDLE_MAX_MS ? lease_ms : IDLE_MAX_MS));
    pg_session_open(&s->cycle, s, "cycle", setup);
}

static void
start_thread(struct pg_store *s, int64_t lease_ms)
{
    pg_session_open(&s->accept, s, "accept", writer_setup);
    open_cycle(s, lease_ms);
    pg_session_open(&s->write, s, "write", writer_setup);
    for (int i = 0; i < PG_READERS; i++)
        pg_session_open(&s->read[i], s, "read", reader_setup);
    pg_node_start(s);
    if (s->keeps_house)
        s->keeper = pg_keeper_start(s);
    s->thread = loop_thread_start(s->loop, "store-pg");
}

enum err
postgres_store_open(const struct postgres_store_options *o, struct store **ret,
                    const char **ret_why)
{
    struct pg_store *s = xcalloc(1, sizeof(*s));
    enum err e;

    s->base.driver = &driver;
    s->clock = o->clock;
    s->url = xstrdup(o->url);
    s->max_queued = o->max_queued ? o->max_queued : MAX_QUEUED;
    s->keeps_house = o->keeps_house;
    s->lanes = pg_lanes_new();
    e = introduce(s, o, ret_why);
    if (e != ERR_OK) {
        store_free(s);
        return e;
    }
    s->loop = loop_new();
    start_thread(s, lease_of(o));
    *ret = &s->base;
    return ERR_OK;
}

static const struct pg_node *
node_of(const struct store *s)
{
    return ((const struct pg_store *)(const void *)s)->node;
}

int
postgres_store_node(const struct store *s)
{
    return pg_node_slot(node_of(s));
}

int64_t
postgres_store_max_id(const struct store *s)
{
    int64_t ms = pg_node_id_limit_ms(node_of(s));

    return ms > ID_EPOCH_MS ? (ms - ID_EPOCH_MS) << ID_TIME_SHIFT : 0;
}
