/* open.c - from a path to a store that runs, and back. */
#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "store/sqlite/migrate.h"
#include "store/sqlite/sqlite_store.h"

#define MAX_QUEUED 16384
#define CHECKPOINT_BYTES (INT64_C(32) << 20)
#define IDLE_MS 5000

static struct sqlite_store *
store_of(struct store *s)
{
    return CONTAINER_OF(s, struct sqlite_store, base);
}

static void
submit(struct store *base, struct store_req *req)
{
    struct sqlite_store *s = store_of(base);
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
    mailbox_send(store_verb_writes(req->verb) ? &s->write_box : &s->read_box,
                 &req->mail);
}

static void
listen_to(struct store *base, const struct store_listener *l)
{
    struct sqlite_store *s = store_of(base);

    assert(!s->listener.on_commit);
    s->listener = *l;
}

/* ---- the way out; also from half-way in ---- */

static void
store_free(struct sqlite_store *s)
{
    db_close(&s->reader.conn);
    db_close(&s->writer.conn);
    claims_free(s->writer.claims);
    arena_free(s->writer.arena);
    buf_fini(&s->writer.idem_sweep.key);
    buf_fini(&s->writer.dedup_sweep.key);
    buf_fini(&s->writer.budget_sweep.key);
    notices_fini(&s->writer.notices);
    mailbox_fini(&s->write_box);
    mailbox_fini(&s->read_box);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    free(s->path);
    free(s);
}

static void
stop_store(struct store *base)
{
    struct sqlite_store *s = store_of(base);

    if (atomic_exchange(&s->is_stopped, true))
        return;
    mailbox_close(&s->read_box);
    mailbox_close(&s->write_box);
    pthread_join(s->read_thread, NULL);
    pthread_join(s->write_thread, NULL);
}

/* Readers first: the last one to leave empties the log, and only one
 * connection may ever do that. */
static void
close_store(struct store *base)
{
    struct sqlite_store *s = store_of(base);

    stop_store(base);
    db_close(&s->reader.conn);
    sqlite3_wal_checkpoint_v2(s->writer.conn.db, NULL,
                              SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    store_free(s);
}

static const struct store_driver driver = {
    .name = "sqlite",
    .submit = submit,
    .listen = listen_to,
    .stop = stop_store,
    .close = close_store,
};

/* ---- the way in ---- */

static int64_t
number(struct writer *w, enum sql which, const char *name)
{
    struct query q = query(&w->conn, which);
    int64_t v = 0;

    if (name)
        put_text(&q, str_from(name));
    if (query_row(&q)) {
        v = take_int(&q);
        query_end(&q);
    }
    return v;
}

static void
remember_epoch(struct writer *w, int64_t now_ms)
{
    struct query q = query(&w->conn, SQL_meta_put);

    put_text(&q, STR("inbox_epoch"));
    put_int(&q, now_ms);
    query_run(&q);
    w->epoch = number(w, SQL_meta_get, "inbox_epoch");
}

static enum err
open_writer(struct sqlite_store *s, int64_t max_pages, const char **ret_why)
{
    struct writer *w = &s->writer;
    int64_t now_ms = s->clock->wall_ms(s->clock);
    enum err e = db_open(&w->conn, s->path, false, ret_why);
    char limit[64];

    if (e == ERR_OK)
        e = sqlite_migrate_conn(&w->conn, s->clock, ret_why);
    if (e == ERR_OK)
        e = db_prepare(&w->conn, false, ret_why);
    if (e != ERR_OK)
        return e;
    w->claims = claims_new();
    w->arena = arena_new();
    w->idem_sweep.tenant = w->dedup_sweep.tenant = INT64_MIN;
    w->budget_sweep.tenant = INT64_MIN;
    remember_epoch(w, now_ms);
    s->max_id = number(w, SQL_max_id, NULL);
    e = db_err(&w->conn);
    if (e == ERR_OK)
        e = recover_flights(w, now_ms);
    if (e != ERR_OK) {
        *ret_why = db_why("cannot recover %s: %s", s->path,
                          sqlite3_errmsg(w->conn.db));
        return e;
    }
    if (max_pages <= 0)
        return ERR_OK;
    snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %lld",
             (long long)max_pages);
    return db_exec(&w->conn, limit, ret_why);
}

static enum err
open_reader(struct sqlite_store *s, const char **ret_why)
{
    struct reader *r = &s->reader;
    enum err e = db_open(&r->conn, s->path, true, ret_why);

    r->path = s->path;
    r->epoch = s->writer.epoch;
    if (e == ERR_OK)
        e = db_prepare(&r->conn, true, ret_why);
    return e;
}

static pthread_t
start(void *(*run)(void *), struct sqlite_store *s, const char *name)
{
    pthread_t t;
    int rc = pthread_create(&t, NULL, run, s);

    if (rc != 0)
        fatal("store: cannot start a thread: %s", strerror(rc));
    pthread_setname_np(t, name);
    return t;
}

/* Signals are for the threads that have a loop. */
static void
start_threads(struct sqlite_store *s)
{
    sigset_t all, old;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    s->write_thread = start(writer_run, s, "store-writer");
    s->read_thread = start(reader_run, s, "store-reader");
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static struct sqlite_store *
store_new(const struct sqlite_store_options *o)
{
    struct sqlite_store *s = xcalloc(1, sizeof(*s));

    s->base.driver = &driver;
    s->clock = o->clock;
    s->path = xstrdup(o->path);
    s->lock_fd = -1;
    s->max_queued = o->max_queued ? o->max_queued : MAX_QUEUED;
    s->checkpoint_bytes =
        o->checkpoint_bytes ? o->checkpoint_bytes : CHECKPOINT_BYTES;
    s->idle_ms = IDLE_MS;
    if (o->idle_ms < 0)
        s->idle_ms = -1;
    else if (o->idle_ms > 0)
        s->idle_ms = o->idle_ms < INT32_MAX ? (int)o->idle_ms : INT32_MAX;
    mailbox_init(&s->write_box, NULL, NULL);
    mailbox_init(&s->read_box, NULL, NULL);
    return s;
}

enum err
sqlite_store_open(const struct sqlite_store_options *o, struct store **ret,
                  const char **ret_why)
{
    struct sqlite_store *s = store_new(o);
    enum err e;

    e = sqlite_lock(s->path, &s->lock_fd, ret_why);
    if (e == ERR_OK)
        e = open_writer(s, o->max_pages, ret_why);
    if (e == ERR_OK)
        e = open_reader(s, ret_why);
    if (e != ERR_OK) {
        store_free(s);
        return e;
    }
    start_threads(s);
    *ret = &s->base;
    return ERR_OK;
}

int64_t
sqlite_store_max_id(const struct store *s)
{
    const struct sqlite_store *me =
        (const struct sqlite_store *)(const void *)s;

    return me->max_id;
}
