/* db.h - a connection with its statements, all prepared when it opens.
 *
 * Errors stick: after the first one `rc` says which, each statement that
 * follows does nothing, and a verb asks once, at its end. A connection belongs
 * to one thread. */
#pragma once

#include <sqlite3.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/statements.h"

struct db {
    sqlite3 *db;
    sqlite3_stmt *stmts[SQL_COUNT];
    int rc; /* extended; SQLITE_OK: all is well */
};

/* ERR_IO with *ret_why filled. Does not migrate or prepare. */
enum err db_open(struct db *c, const char *path, bool is_reader,
                 const char **ret_why) MUST_CHECK;
enum err db_prepare(struct db *c, bool is_reader,
                    const char **ret_why) MUST_CHECK;
void db_close(struct db *c); /* a zeroed one is allowed */
enum err db_exec(struct db *c, const char *sql,
                 const char **ret_why) MUST_CHECK;
/* What stuck, as a caller may see it; a broken disk ends the process. */
enum err db_err(const struct db *c);
/* Logs and counts it. */
void db_tell_failure(const struct db *c, const char *what);
/* Text for a person, until this thread's next call. */
const char *db_why(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* One use of a statement: put the parameters in order, then run it or walk
 * its rows, taking the columns in order. */
struct query {
    struct db *c;
    sqlite3_stmt *s;
    int at; /* next parameter or column */
};

struct query query(struct db *c, enum sql which);
void put_int(struct query *q, int64_t v);
void put_int_or_null(struct query *q, int64_t v); /* 0 is NULL */
void put_text(struct query *q, struct str v);     /* borrowed until the end */
void put_blob(struct query *q, struct str v);     /* the same */

bool query_row(struct query *q);    /* false at the end, and ends it */
void query_end(struct query *q);    /* after the last row that is wanted */
int64_t query_run(struct query *q); /* rows changed */

int64_t take_int(struct query *q);
struct str take_text(struct query *q, struct arena *a); /* STR_NONE: empty */
struct str take_blob(struct query *q, struct arena *a);
bool take_null(struct query *q); /* is it? moves on if so */
