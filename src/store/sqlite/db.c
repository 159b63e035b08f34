/* db.c - see db.h. */
#include "store/sqlite/db.h"

#include <assert.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "base/metrics.h"

#define BUSY_MS 5000 /* a person's sqlite3 shell may hold the file shortly */

const char *
db_why(const char *fmt, ...)
{
    static _Thread_local char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return text;
}

/* FULL: a commit that was answered survives the loss of power. The page size
 * counts only for a file that is made now. Memory for the cache is taken as
 * it fills, and any load fills it: more than this bought no speed with a
 * million users and as many deliveries, as what it misses the kernel has. */
static const char writer_setup[] = "PRAGMA page_size = 8192;"
                                   "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;"
                                   "PRAGMA wal_autocheckpoint = 0;"
                                   "PRAGMA journal_size_limit = 67108864;"
                                   "PRAGMA cache_size = -24576;"
                                   "PRAGMA mmap_size = 0;"
                                   "PRAGMA temp_store = MEMORY;";
static const char reader_setup[] = "PRAGMA query_only = 1;"
                                   "PRAGMA cache_size = -8192;"
                                   "PRAGMA mmap_size = 0;"
                                   "PRAGMA temp_store = MEMORY;";

/* SQLite counts its memory under a lock of the whole process; nobody asks. */
static void
setup_library(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum err
db_open(struct db *c, const char *path, bool is_reader, const char **ret_why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc;

    flags |= is_reader ? SQLITE_OPEN_READONLY
                       : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    pthread_once(&once, setup_library);
    *c = (struct db){0};
    rc = sqlite3_open_v2(path, &c->db, flags, NULL);
    if (rc != SQLITE_OK) {
        *ret_why = db_why("cannot open %s: %s", path,
                          c->db ? sqlite3_errmsg(c->db) : "no memory");
        db_close(c);
        return ERR_IO;
    }
    sqlite3_busy_timeout(c->db, BUSY_MS);
    if (db_exec(c, is_reader ? reader_setup : writer_setup, ret_why) !=
        ERR_OK) {
        *ret_why = db_why("cannot use %s: %s", path, sqlite3_errmsg(c->db));
        db_close(c);
        return ERR_IO;
    }
    return ERR_OK;
}

enum err
db_prepare(struct db *c, bool is_reader, const char **ret_why)
{
    for (int i = 0; i < SQL_COUNT; i++) {
        if ((strcmp(sql_texts[i].who, "reader") == 0) != is_reader)
            continue;
        if (sqlite3_prepare_v3(c->db, sql_texts[i].text, -1,
                               SQLITE_PREPARE_PERSISTENT, &c->stmts[i],
                               NULL) != SQLITE_OK) {
            *ret_why = db_why("cannot prepare %s: %s", sql_texts[i].name,
                              sqlite3_errmsg(c->db));
            return ERR_IO;
        }
    }
    return ERR_OK;
}

void
db_close(struct db *c)
{
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(c->stmts[i]);
    sqlite3_close(c->db);
    *c = (struct db){0};
}

enum err
db_exec(struct db *c, const char *sql, const char **ret_why)
{
    if (sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return ERR_OK;
    *ret_why = db_why("%s", sqlite3_errmsg(c->db));
    return ERR_IO;
}

enum err
db_err(const struct db *c)
{
    switch (c->rc) {
    case SQLITE_OK:
        return ERR_OK;
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
        /* The kernel may have dropped what it could not write, and says so
         * only once: nothing that is in memory can be trusted any more. */
        fatal("store: the disk refused to keep data: %s",
              sqlite3_errmsg(c->db));
    default:
        break;
    }
    switch (c->rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        fatal("store: the database is damaged: %s", sqlite3_errmsg(c->db));
    case SQLITE_NOMEM:
        fatal("store: no memory");
    case SQLITE_CONSTRAINT:
        return ERR_CONFLICT;
    case SQLITE_TOOBIG:
        return ERR_TOO_LARGE;
    case SQLITE_INTERRUPT:
        return ERR_TIMEOUT;
    default:
        return ERR_IO;
    }
}

void
db_tell_failure(const struct db *c, const char *what)
{
    char class[12];

    snprintf(class, sizeof(class), "%d", c->rc & 0xff);
    metric_add(metrics_series(METRIC_db_errors_total, class), 1);
    LOG_ERROR("store.failed", log_cstr("what", what), log_int("code", c->rc),
              log_cstr("why", sqlite3_errstr(c->rc)));
}

static void
stick(struct db *c, int rc)
{
    if (c->rc == SQLITE_OK)
        c->rc = rc;
}

struct query
query(struct db *c, enum sql which)
{
    assert(c->stmts[which]);
    return (struct query){.c = c, .s = c->stmts[which], .at = 1};
}

void
put_int(struct query *q, int64_t v)
{
    int rc = sqlite3_bind_int64(q->s, q->at++, v);

    assert(rc == SQLITE_OK);
    (void)rc;
}

void
put_int_or_null(struct query *q, int64_t v)
{
    if (v != 0) {
        put_int(q, v);
        return;
    }
    sqlite3_bind_null(q->s, q->at++);
}

void
put_text(struct query *q, struct str v)
{
    int rc = sqlite3_bind_text64(q->s, q->at++, v.n ? v.p : "", v.n,
                                 SQLITE_STATIC, SQLITE_UTF8);

    if (rc != SQLITE_OK)
        stick(q->c, rc);
}

void
put_blob(struct query *q, struct str v)
{
    int rc =
        sqlite3_bind_blob64(q->s, q->at++, v.n ? v.p : "", v.n, SQLITE_STATIC);

    if (rc != SQLITE_OK)
        stick(q->c, rc);
}

bool
query_row(struct query *q)
{
    int rc;

    if (q->c->rc != SQLITE_OK) {
        query_end(q);
        return false;
    }
    rc = sqlite3_step(q->s);
    q->at = 0;
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        stick(q->c, rc);
    query_end(q);
    return false;
}

void
query_end(struct query *q)
{
    sqlite3_reset(q->s);
}

int64_t
query_run(struct query *q)
{
    if (q->c->rc != SQLITE_OK)
        return 0;
    while (query_row(q))
        ;
    return q->c->rc == SQLITE_OK ? sqlite3_changes64(q->c->db) : 0;
}

int64_t
take_int(struct query *q)
{
    return sqlite3_column_int64(q->s, q->at++);
}

struct str
take_text(struct query *q, struct arena *a)
{
    const unsigned char *p = sqlite3_column_text(q->s, q->at);
    int n = sqlite3_column_bytes(q->s, q->at);

    q->at++;
    if (n == 0)
        return STR_NONE;
    return str_dup(a, (struct str){(const char *)p, (size_t)n});
}

struct str
take_blob(struct query *q, struct arena *a)
{
    const void *p = sqlite3_column_blob(q->s, q->at);
    int n = sqlite3_column_bytes(q->s, q->at);

    q->at++;
    if (n == 0)
        return STR_NONE;
    return str_dup(a, (struct str){p, (size_t)n});
}

bool
take_null(struct query *q)
{
    if (sqlite3_column_type(q->s, q->at) != SQLITE_NULL)
        return false;
    q->at++;
    return true;
}
