/* migrate.c - see migrate.h. Each script runs in a transaction of its own,
 * together with the row that remembers it. */
#include "store/postgres/migrate.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LOCK_KEY "7310858714312114034" /* "belfry" and then some */

const char *
pg_why(const char *fmt, ...)
{
    static _Thread_local char text[600];
    va_list args;
    size_t n;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (n = strlen(text); n > 0 && text[n - 1] == '\n'; n--)
        text[n - 1] = '\0';
    return text;
}

/* One or more statements without a result that anybody reads. */
static enum err
run(PGconn *c, const char *sql, const char **ret_why)
{
    PGresult *r = PQexec(c, sql);
    ExecStatusType s = PQresultStatus(r);

    PQclear(r);
    if (s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK)
        return ERR_OK;
    *ret_why = pg_why("%s", PQerrorMessage(c));
    return ERR_IO;
}

/* How many are applied. They must be the first of those known, unchanged. */
static enum err
find_version(PGconn *c, int *ret, const char **ret_why)
{
    PGresult *r = PQexec(c, "SELECT number, sha256 FROM migration "
                            "ORDER BY number");
    int n = PQntuples(r);
    enum err e = ERR_OK;

    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        *ret_why = pg_why("%s", PQerrorMessage(c));
        e = ERR_IO;
    } else if (n > postgres_migrations_n) {
        *ret_why = pg_why("the database has schema %d, this program knows up "
                          "to %d: use the newer program",
                          n, postgres_migrations_n);
        e = ERR_CONFLICT;
    }
    for (int i = 0; e == ERR_OK && i < n; i++)
        if (strcmp(PQgetvalue(r, i, 1), postgres_migrations[i].sha256) != 0) {
            *ret_why =
                pg_why("migration %d was applied from another text", i + 1);
            e = ERR_CONFLICT;
        }
    PQclear(r);
    *ret = n;
    return e;
}

static enum err
apply(PGconn *c, const struct migration *m, int64_t now_ms,
      const char **ret_why)
{
    char remember[512];
    enum err e = run(c, "BEGIN; SET LOCAL lock_timeout = '2s'", ret_why);

    snprintf(remember, sizeof(remember),
             "INSERT INTO migration (number, name, sha256, applied_ms) VALUES "
             "(%d, '%s', '%s', %lld); COMMIT",
             m->number, m->name, m->sha256, (long long)now_ms);
    if (e == ERR_OK)
        e = run(c, m->up, ret_why);
    if (e == ERR_OK)
        e = run(c, remember, ret_why);
    if (e == ERR_OK)
        return ERR_OK;
    *ret_why = pg_why("migration %d (%s) failed: %s", m->number, m->name,
                      PQerrorMessage(c));
    PQclear(PQexec(c, "ROLLBACK"));
    return e;
}

static enum err
go_up(PGconn *c, struct clock *clock, const char **ret_why)
{
    int n = 0;
    enum err e = run(c,
                     "SET client_min_messages = warning;"
                     "CREATE TABLE IF NOT EXISTS migration (number integer "
                     "PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL, "
                     "applied_ms bigint NOT NULL)",
                     ret_why);

    if (e == ERR_OK)
        e = find_version(c, &n, ret_why);
    for (int i = n; e == ERR_OK && i < postgres_migrations_n; i++)
        e = apply(c, &postgres_migrations[i], clock->wall_ms(clock), ret_why);
    return e;
}

enum err
pg_migrate_up(PGconn *c, struct clock *clock, const char **ret_why)
{
    const char *why;
    enum err e = run(c, "SELECT pg_advisory_lock(" LOCK_KEY ")", ret_why);

    if (e != ERR_OK)
        return e;
    e = go_up(c, clock, ret_why);
    (void)run(c, "SELECT pg_advisory_unlock(" LOCK_KEY ")", &why);
    return e;
}
