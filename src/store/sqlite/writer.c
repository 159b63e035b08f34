/* writer.c - group commit: whatever waits goes into one transaction and one
 * fsync. When the database fails one of them, the rest must not suffer: the
 * transaction is taken back and each is tried alone. */
#include "store/sqlite/writer.h"

#include "base/fault.h"
#include "base/list.h"
#include "base/log.h"
#include "store/sqlite/sqlite_store.h"

#define PAGE_BYTES 8192
#define STUCK_FACTOR 8 /* log this much over its size: wait for readers */

static write_verb *const write_verbs[STORE_VERB_COUNT] = {
    [STORE_VERB_accept] = write_accept,
    [STORE_VERB_cycle] = write_cycle,
    [STORE_VERB_promote] = write_promote,
    [STORE_VERB_act] = write_act,
    [STORE_VERB_cancel] = write_cancel,
    [STORE_VERB_object_put] = write_object_put,
    [STORE_VERB_object_delete] = write_object_delete,
    [STORE_VERB_subscribe] = write_subscribe,
    [STORE_VERB_inbox_mark] = write_inbox_mark,
    [STORE_VERB_purge] = write_purge,
    [STORE_VERB_outbox] = write_outbox,
    [STORE_VERB_report] = write_report,
    [STORE_VERB_work_take] = write_work_take,
    [STORE_VERB_work_release] = write_work_release,
    [STORE_VERB_budget_take] = write_budget_take,
    [STORE_VERB_budget_give_back] = write_budget_give_back,
    [STORE_VERB_digest_flush] = write_digest_flush,
    [STORE_VERB_event_add] = write_event_add,
    [STORE_VERB_decide] = write_decide,
    [STORE_VERB_habit_add] = write_habit_add,
    [STORE_VERB_audit_add] = write_audit_add,
    [STORE_VERB_receipt] = write_receipt,
    [STORE_VERB_press] = write_press,
    [STORE_VERB_tell_take] = write_tell_take,
    [STORE_VERB_tell_again] = write_tell_again,
};

static void
run(struct writer *w, enum sql which)
{
    struct query q = query(&w->conn, which);

    query_run(&q);
}

/* Says what went wrong, and leaves the connection as if nothing had been. */
static enum err
take_back(struct writer *w, const char *what)
{
    enum err e = db_err(&w->conn);

    if (e != ERR_CONFLICT) /* the caller's doing, not the disk's */
        db_tell_failure(&w->conn, what);
    w->conn.rc = SQLITE_OK;
    if (!sqlite3_get_autocommit(w->conn.db))
        run(w, SQL_rollback);
    claims_rollback(w->claims);
    notices_drop(&w->notices);
    w->conn.rc = SQLITE_OK;
    return e;
}

/* The commit itself failed. With no room the last frame was never whole; after
 * any other error it may be in the log, to be found after a crash. */
static enum err
commit_failed(struct writer *w)
{
    bool had_no_room = (w->conn.rc & 0xff) == SQLITE_FULL;

    take_back(w, "commit");
    return had_no_room ? ERR_IO : ERR_UNCERTAIN;
}

/* Of requests of several kinds it is "group". */
static struct metric_series *
commit_series(struct writer *w, struct store_req **reqs, size_t n)
{
    int verb = reqs[0]->verb;

    for (size_t i = 1; i < n && verb < STORE_VERB_COUNT; i++)
        if (reqs[i]->verb != reqs[0]->verb)
            verb = STORE_VERB_COUNT;
    if (!w->commits[verb])
        w->commits[verb] = metrics_series(
            METRIC_commit_duration_seconds,
            verb == STORE_VERB_COUNT ? "group" : store_verb_name(verb));
    return w->commits[verb];
}

/* ERR_OK: each request's own err tells, and all that is OK is on disk. Else
 * nothing is; *ret_guilty is who failed, n: the commit. */
static enum err
transact(struct sqlite_store *s, struct store_req **reqs, size_t n,
         size_t *ret_guilty)
{
    struct writer *w = &s->writer;
    int64_t from_ms;

    *ret_guilty = n;
    run(w, SQL_begin);
    if (w->conn.rc != SQLITE_OK)
        return take_back(w, "begin");
    for (size_t i = 0; i < n; i++) {
        reqs[i]->err = write_verbs[reqs[i]->verb](w, reqs[i]);
        if (reqs[i]->err == ERR_OK)
            audit_write(w, reqs[i]);
        if (w->conn.rc != SQLITE_OK) {
            *ret_guilty = i;
            return take_back(w, store_verb_name(reqs[i]->verb));
        }
    }
    FAULT("store.before_commit");
    from_ms = s->clock->mono_ms(s->clock);
    run(w, SQL_commit);
    if (w->conn.rc != SQLITE_OK)
        return commit_failed(w);
    metric_observe_ms(commit_series(w, reqs, n),
                      s->clock->mono_ms(s->clock) - from_ms);
    FAULT("store.after_commit");
    claims_commit(w->claims);
    return ERR_OK;
}

static void
tell(struct sqlite_store *s, struct store_req **reqs, size_t n)
{
    notices_tell(&s->writer.notices, &s->listener);
    for (size_t i = 0; i < n; i++)
        store_req_complete(reqs[i], reqs[i]->err);
    arena_reset(s->writer.arena);
}

static void
commit_alone(struct sqlite_store *s, struct store_req *req)
{
    size_t guilty;
    enum err e = transact(s, &req, 1, &guilty);

    if (e != ERR_OK)
        req->err = e;
    tell(s, &req, 1);
}

static void
commit_together(struct sqlite_store *s, struct store_req **reqs, size_t n)
{
    size_t guilty;
    enum err e = transact(s, reqs, n, &guilty);

    if (e == ERR_OK) {
        tell(s, reqs, n);
        return;
    }
    if (guilty < n && n > 1) {
        for (size_t i = 0; i < n; i++)
            commit_alone(s, reqs[i]);
        return;
    }
    for (size_t i = 0; i < n; i++)
        reqs[i]->err = e;
    tell(s, reqs, n);
}

/* ---- the log ---- */

static int
on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct sqlite_store *s = arg;

    (void)db;
    (void)name;
    s->wal_pages = pages;
    return SQLITE_OK;
}

static void
checkpoint(struct sqlite_store *s, int mode)
{
    struct db *c = &s->writer.conn;
    int left = 0, done = 0;

    c->rc = sqlite3_wal_checkpoint_v2(c->db, NULL, mode, &left, &done);
    if (c->rc == SQLITE_OK)
        s->wal_pages = mode == SQLITE_CHECKPOINT_TRUNCATE ? 0 : left - done;
    else if ((c->rc & 0xff) != SQLITE_BUSY)
        LOG_ERROR("store.checkpoint_failed", log_int("code", c->rc),
                  log_cstr("why", sqlite3_errmsg(c->db)));
    if ((c->rc & 0xff) != SQLITE_BUSY)
        (void)db_err(c); /* ends the process where it must */
    c->rc = SQLITE_OK;
}

static void
checkpoint_if_long(struct sqlite_store *s)
{
    int64_t bytes = (int64_t)s->wal_pages * PAGE_BYTES;

    if (bytes > STUCK_FACTOR * s->checkpoint_bytes)
        checkpoint(s, SQLITE_CHECKPOINT_RESTART);
    else if (bytes > s->checkpoint_bytes)
        checkpoint(s, SQLITE_CHECKPOINT_PASSIVE);
}

static void
rest(struct sqlite_store *s)
{
    if (s->wal_pages > 0)
        checkpoint(s, SQLITE_CHECKPOINT_TRUNCATE);
    sqlite3_db_release_memory(s->writer.conn.db);
}

/* ---- the thread ---- */

struct store_req **
take_requests(struct sqlite_store *s, struct mail *first, struct arena *a,
              size_t *ret_n)
{
    int64_t now_ms = s->clock->mono_ms(s->clock);
    struct store_req **reqs;
    size_t n = 0, kept = 0;

    for (struct mail *m = first; m; m = m->next)
        n++;
    atomic_fetch_sub(&s->n_queued, n);
    reqs = ARENA_ARRAY(a, struct store_req *, n);
    while (first) {
        struct store_req *req = CONTAINER_OF(first, struct store_req, mail);

        first = first->next;
        if (req->expires_ms <= now_ms)
            store_req_complete(req, ERR_TIMEOUT);
        else
            reqs[kept++] = req;
    }
    *ret_n = kept;
    return reqs;
}

void *
writer_run(void *arg)
{
    struct sqlite_store *s = arg;
    bool is_resting = false;

    sqlite3_wal_hook(s->writer.conn.db, on_wal, s);
    for (;;) {
        struct mail *first =
            mailbox_wait(&s->write_box, is_resting ? -1 : s->idle_ms);
        struct arena *a;
        struct store_req **reqs;
        size_t n;

        if (!first && mailbox_is_closed(&s->write_box))
            break;
        is_resting = !first;
        if (is_resting) {
            rest(s);
            continue;
        }
        a = arena_new();
        reqs = take_requests(s, first, a, &n);
        if (n > 0)
            commit_together(s, reqs, n);
        arena_free(a);
        checkpoint_if_long(s);
    }
    return NULL;
}
