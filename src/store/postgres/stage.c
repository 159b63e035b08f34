#include "store/postgres/stage.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rng.h"
#include "store/postgres/connect.h"

/* Percent-encoded: -csearch_path=public,stage,pg_catalog. Read from the URL by
 * libpq, so each connection of a store has it. */
#define SEARCH_PATH "options=-csearch_path%3Dpublic%2Cstage%2Cpg_catalog"

#define DAY_MS INT64_C(86400000)
#define DAYS_AHEAD 3

struct postgres_stage {
    char *server; /* the URL that was given */
    char *url;    /* of the database that was made */
    char name[40];
    PGconn *clock;   /* to the database that was made */
    int64_t days_ms; /* since then there are partitions, for DAYS_AHEAD */
};

static bool
run(PGconn *c, const char *sql, const char **ret_why)
{
    PGresult *r = PQexec(c, sql);
    ExecStatusType status = PQresultStatus(r);
    bool is_good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (!is_good && ret_why)
        *ret_why = pg_why("%s", PQerrorMessage(c));
    PQclear(r);
    return is_good;
}

/* Of the URL without its database and options. NULL: it has no database. */
static char *
url_of(const char *server, const char *name)
{
    const char *host = strstr(server, "://");
    const char *slash = host ? strchr(host + 3, '/') : NULL;
    const char *query = strchr(server, '?');
    size_t n = slash ? (size_t)(slash - server) : strlen(server);
    size_t size = strlen(server) + strlen(name) + sizeof(SEARCH_PATH) + 4;
    char *url = xmalloc(size);

    if (query && (!slash || query < slash))
        n = (size_t)(query - server);
    snprintf(url, size, "%.*s/%s?%s%s%s", (int)n, server, name, SEARCH_PATH,
             query ? "&" : "", query ? query + 1 : "");
    return url;
}

static void
name_it(struct postgres_stage *s)
{
    uint8_t random[8];

    rng_secret(random, sizeof(random));
    snprintf(s->name, sizeof(s->name),
             "belfry_test_%02x%02x%02x%02x%02x%02x%02x%02x", random[0],
             random[1], random[2], random[3], random[4], random[5], random[6],
             random[7]);
}

static enum err
make_database(struct postgres_stage *s, const char **ret_why)
{
    char sql[100];
    PGconn *c = NULL;
    enum err e = pg_connect(s->server, "belfry test", &c, ret_why);

    if (e != ERR_OK)
        return e;
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0",
             s->name);
    e = run(c, sql, ret_why) ? ERR_OK : ERR_IO;
    PQfinish(c);
    return e;
}

static void
drop_database(struct postgres_stage *s)
{
    const char *why;
    char sql[100];
    PGconn *c = NULL;

    if (pg_connect(s->server, "belfry test", &c, &why) != ERR_OK)
        return;
    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)",
             s->name);
    run(c, sql, NULL);
    PQfinish(c);
}

static enum err
make_clock(struct postgres_stage *s, int64_t wall_ms, const char **ret_why)
{
    static const char sql[] =
        "SET synchronous_commit = off; CREATE SCHEMA stage; "
        "CREATE TABLE stage.now (at timestamptz NOT NULL); "
        "INSERT INTO stage.now VALUES ('epoch'); "
        "CREATE FUNCTION stage.clock_timestamp() RETURNS timestamptz "
        "LANGUAGE sql VOLATILE AS 'SELECT at FROM stage.now'; "
        "CREATE FUNCTION stage.statement_timestamp() RETURNS timestamptz "
        "LANGUAGE sql VOLATILE AS 'SELECT at FROM stage.now'";
    enum err e = pg_connect(s->url, "belfry test", &s->clock, ret_why);

    if (e != ERR_OK)
        return e;
    if (!run(s->clock, sql, ret_why))
        return ERR_IO;
    if (postgres_stage_set_time(s, wall_ms))
        return ERR_OK;
    *ret_why = pg_why("%s", PQerrorMessage(s->clock));
    return ERR_IO;
}

enum err
postgres_stage_make(const char *url, int64_t wall_ms,
                    struct postgres_stage **ret, const char **ret_why)
{
    struct postgres_stage *s = xcalloc(1, sizeof(*s));
    enum err e;

    s->server = xstrdup(url);
    s->days_ms = wall_ms;
    name_it(s);
    s->url = url_of(url, s->name);
    e = make_database(s, ret_why);
    if (e == ERR_OK)
        e = make_clock(s, wall_ms, ret_why);
    if (e != ERR_OK) {
        postgres_stage_remove(s);
        return e;
    }
    *ret = s;
    return ERR_OK;
}

const char *
postgres_stage_url(const struct postgres_stage *s)
{
    return s->url;
}

/* Whoever sees to the partitions looks now and then, in real time; here days
 * go by faster. */
static bool
make_days(struct postgres_stage *s, int64_t wall_ms)
{
    char sql[60];

    if (wall_ms - s->days_ms < DAY_MS)
        return true;
    s->days_ms = wall_ms;
    snprintf(sql, sizeof(sql), "SELECT belfry_make_days(%d)", DAYS_AHEAD);
    return run(s->clock, sql, NULL);
}

bool
postgres_stage_set_time(struct postgres_stage *s, int64_t wall_ms)
{
    char sql[120];

    snprintf(sql, sizeof(sql),
             "UPDATE stage.now SET at = timestamptz 'epoch' + %lld * interval "
             "'1 ms'",
             (long long)wall_ms);
    return run(s->clock, sql, NULL) && make_days(s, wall_ms);
}

void
postgres_stage_remove(struct postgres_stage *s)
{
    if (!s)
        return;
    PQfinish(s->clock);
    drop_database(s);
    free(s->server);
    free(s->url);
    free(s);
}
