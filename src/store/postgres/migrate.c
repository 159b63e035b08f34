/* migrate.c - see store/migration.h. Each script runs in a transaction of its
 * own, together with the row that remembers it. The other nodes are at work
 * meanwhile, so no lock is waited for long: whoever comes later queues behind
 * one that waits. */
#include "store/postgres/migrate.h"

#include <stdio.h>
#include <string.h>

#include "store/migration.h"
#include "store/postgres/connect.h"

#define LOCK_KEY "7310858714312114034" /* "belfry" and then some */
#define WAIT_MS 30000
#define WAIT_STEP_MS 200
#define LOCK_MS 2000
#define TRIES 5
#define PAUSE_MS 500 /* times the tries so far */

/* One or more statements; no rows: NULL. */
static enum err
ask(struct migrate *m, const char *sql, PGresult **ret)
{
    PGconn *c = m->conn;
    PGresult *r = PQexec(c, sql);
    ExecStatusType s = PQresultStatus(r);

    if (s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK) {
        if (ret)
            *ret = r;
        else
            PQclear(r);
        return ERR_OK;
    }
    m->why = pg_why("%s", PQerrorMessage(c));
    PQclear(r);
    return ERR_IO;
}

static void
pause_for(struct migrate *m, int64_t ms)
{
    char sql[64];

    snprintf(sql, sizeof(sql), "SELECT pg_sleep(%lld / 1000.0)", (long long)ms);
    PQclear(PQexec(m->conn, sql));
}

/* The first field of the first row, in the arena; STR_NONE: there is none. */
static struct str
ask_text(struct migrate *m, const char *sql)
{
    PGresult *r = PQexec(m->conn, sql);
    struct str text = STR_NONE;

    if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) > 0)
        text = str_dup(m->arena, str_from(PQgetvalue(r, 0, 0)));
    PQclear(r);
    return text;
}

/* ---- alone ---- */

#define WHO                                                                    \
    "'pid ' || a.pid || ', ' || coalesce(nullif(a.application_name, ''), "     \
    "'without a name') || coalesce(' from ' || host(a.client_addr), '')"

static const char holder[] =
    "SELECT " WHO " FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND "
    "l.database = (SELECT oid FROM pg_database WHERE datname = "
    "current_database()) AND (l.classid::int8 << 32 | l.objid::int8) "
    "= " LOCK_KEY;

/* Asked for again and again: one that waits in the server holds a snapshot,
 * and so holds up whoever builds an index concurrently. */
static enum err
lock(struct migrate *m)
{
    int64_t wait_ms = m->wait_ms ? m->wait_ms : WAIT_MS, waited_ms = 0;
    PGresult *r;

    for (;;) {
        bool has_it;
        enum err e = ask(m, "SELECT pg_try_advisory_lock(" LOCK_KEY ")", &r);

        if (e != ERR_OK)
            return e;
        has_it = PQgetvalue(r, 0, 0)[0] == 't';
        PQclear(r);
        if (has_it)
            return ERR_OK;
        if (waited_ms >= wait_ms)
            break;
        pause_for(m, WAIT_STEP_MS);
        waited_ms += WAIT_STEP_MS;
    }
    m->why = pg_why("another process migrates this database, for more than "
                    "%lld s: %.*s",
                    (long long)(wait_ms / 1000), STR_ARG(ask_text(m, holder)));
    return ERR_TIMEOUT;
}

/* ---- what is there ---- */

static struct str
field(const PGresult *r, int row, int column)
{
    return str_from(PQgetvalue(r, row, column));
}

static int64_t
number(const PGresult *r, int row, int column)
{
    int64_t v = 0;

    (void)str_to_i64(field(r, row, column), &v);
    return v;
}

static enum err
read_rows(struct migrate *m)
{
    PGresult *r = NULL;
    enum err e = ask(m, "SELECT to_regclass('migration') IS NOT NULL", &r);
    bool is_there = e == ERR_OK && PQgetvalue(r, 0, 0)[0] == 't';

    PQclear(r);
    if (!is_there)
        return e;
    r = NULL;
    e = ask(m,
            "SELECT number, name, sha256, works_with, applied_ms FROM "
            "migration ORDER BY number",
            &r);
    for (int i = 0; e == ERR_OK && i < PQntuples(r); i++)
        migrate_add(m, &(struct migrate_row){.number = (int)number(r, i, 0),
                                             .name = field(r, i, 1),
                                             .sha256 = field(r, i, 2),
                                             .works_with = (int)number(r, i, 3),
                                             .applied_ms = number(r, i, 4)});
    PQclear(r);
    return e;
}

/* Before it is full of what only serve would refuse. */
static enum err
check_encoding(struct migrate *m)
{
    PGresult *r = NULL;
    enum err e = ask(m, "SHOW server_encoding", &r);

    if (e == ERR_OK && strcmp(PQgetvalue(r, 0, 0), "UTF8") != 0) {
        m->why = "the database's encoding must be UTF8";
        e = ERR_INVALID;
    }
    PQclear(r);
    return e;
}

static enum err
prepare(struct migrate *m)
{
    enum err e = check_encoding(m);

    if (e != ERR_OK)
        return e;
    return ask(m,
               "CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY "
               "KEY, name text NOT NULL, sha256 text NOT NULL, works_with "
               "integer NOT NULL, applied_ms bigint NOT NULL)",
               NULL);
}

/* ---- scripts ---- */

static enum err
remember(struct migrate *m, const struct migration *g, bool is_up)
{
    char number[16], works_with[16], now_ms[32];
    const char *values[] = {number, g->name, g->sha256, works_with, now_ms};
    PGresult *r;
    ExecStatusType status;

    snprintf(number, sizeof(number), "%d", g->number);
    snprintf(works_with, sizeof(works_with), "%d", g->works_with);
    snprintf(now_ms, sizeof(now_ms), "%lld",
             (long long)m->clock->wall_ms(m->clock));
    r = PQexecParams(m->conn,
                     is_up ? "INSERT INTO migration (number, name, sha256, "
                             "works_with, applied_ms) VALUES ($1, $2, $3, $4, "
                             "$5)"
                           : "DELETE FROM migration WHERE number = $1",
                     is_up ? 5 : 1, NULL, values, NULL, NULL, 0);
    status = PQresultStatus(r);
    PQclear(r);
    if (status == PGRES_COMMAND_OK)
        return ERR_OK;
    m->why = pg_why("%s", PQerrorMessage(m->conn));
    return ERR_IO;
}

/* ERR_TIMEOUT: somebody holds what it needs; nothing was done. */
static enum err
try_script(struct migrate *m, const struct migration *g, bool is_up)
{
    PGresult *r;
    char begin[80];
    const char *state;
    enum err e;

    snprintf(begin, sizeof(begin), "BEGIN; SET LOCAL lock_timeout = '%lldms'",
             (long long)(m->lock_ms ? m->lock_ms : LOCK_MS));
    e = ask(m, begin, NULL);
    if (e != ERR_OK)
        return e;
    r = PQexec(m->conn, is_up ? g->up : g->down);
    if (PQresultStatus(r) != PGRES_COMMAND_OK &&
        PQresultStatus(r) != PGRES_TUPLES_OK &&
        PQresultStatus(r) != PGRES_EMPTY_QUERY) {
        state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        e = state && (strcmp(state, "55P03") == 0 || /* lock_not_available */
                      strcmp(state, "40P01") == 0)   /* deadlock_detected */
                ? ERR_TIMEOUT
                : ERR_IO;
        m->why = pg_why("%s", PQerrorMessage(m->conn));
    }
    PQclear(r);
    if (e == ERR_OK)
        e = remember(m, g, is_up);
    if (e == ERR_OK)
        e = ask(m, "COMMIT", NULL);
    if (e != ERR_OK)
        PQclear(PQexec(m->conn, "ROLLBACK"));
    return e;
}

static const char in_the_way[] =
    "SELECT " WHO " || ', for ' || extract(epoch FROM clock_timestamp() - "
    "a.xact_start)::int8 || ' s, holds ' || string_agg(DISTINCT c.relname, "
    "', ' ORDER BY c.relname) FROM pg_stat_activity a JOIN pg_locks l USING "
    "(pid) JOIN pg_class c ON c.oid = l.relation WHERE a.datname = "
    "current_database() AND a.pid <> pg_backend_pid() AND l.granted AND "
    "l.database = (SELECT oid FROM pg_database WHERE datname = "
    "current_database()) AND c.relkind IN ('r', 'p') AND c.relnamespace <> "
    "'pg_catalog'::regnamespace GROUP BY a.pid, a.application_name, "
    "a.client_addr, a.xact_start ORDER BY a.xact_start LIMIT 1";

static enum err
run_script(struct migrate *m, const struct migration *g, bool is_up)
{
    int tries = m->tries ? m->tries : TRIES;
    enum err e = ERR_TIMEOUT;
    struct str who = STR_NONE;

    for (int i = 0; e == ERR_TIMEOUT && i < tries; i++) {
        if (i > 0)
            pause_for(m, (int64_t)i * PAUSE_MS);
        e = try_script(m, g, is_up);
    }
    if (e == ERR_OK)
        return ERR_OK;
    m->why = str_cstr(m->arena, str_from(m->why));
    if (e == ERR_TIMEOUT)
        who = ask_text(m, in_the_way);
    m->why =
        pg_why("migration %d (%s) failed%s: %s%s%.*s", g->number, g->name,
               is_up ? "" : " on the way down", m->why,
               who.n > 0 ? "; the oldest transaction: " : "", STR_ARG(who));
    return e;
}

/* ---- the driver ---- */

/* A process that is killed must not leave its lock to a server that has not
 * noticed; where the system has no way to, it stays for a while. */
static enum err
set_up(struct migrate *m)
{
    PQclear(PQexec(m->conn, "SET client_connection_check_interval = '1s'"));
    return ask(m,
               "SET client_min_messages = warning; SET statement_timeout = 0; "
               "SET lock_timeout = '10s'",
               NULL);
}

static enum err
open_conn(struct migrate *m, bool writes)
{
    PGconn *c = NULL;
    enum err e = pg_connect(m->place, "belfry migrate", &c, &m->why);

    (void)writes;
    m->conn = c;
    return e == ERR_OK ? set_up(m) : e;
}

static void
close_conn(struct migrate *m)
{
    PQfinish(m->conn);
    m->conn = NULL;
}

const struct migrate_driver postgres_migrate_driver = {
    .known = &postgres_migrations,
    .open = open_conn,
    .lock = lock,
    .read = read_rows,
    .prepare = prepare,
    .run = run_script,
    .close = close_conn,
};

enum err
pg_migrate_up(PGconn *c, struct clock *clock, const char **ret_why)
{
    struct migrate m = {.driver = &postgres_migrate_driver,
                        .clock = clock,
                        .arena = arena_new(),
                        .conn = c};
    enum err e = set_up(&m);

    if (e == ERR_OK)
        e = migrate_open_up(&m);
    if (e == ERR_OK) /* it may have been locked */
        e = ask(&m, "SELECT pg_advisory_unlock_all()", NULL);
    if (e != ERR_OK)
        *ret_why = pg_why("%s", str_cstr(m.arena, str_from(m.why)));
    arena_free(m.arena);
    return e;
}
