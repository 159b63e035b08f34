/* inspect.c - see inspect.h. */
#include "store/postgres/inspect.h"

#include "store/postgres/connect.h"

static PGresult *
ask(struct postgres_inspect *p, PGconn *c, const char *sql)
{
    PGresult *r;

    if (p->why)
        return NULL;
    r = PQexec(c, sql);
    if (PQresultStatus(r) == PGRES_TUPLES_OK)
        return r;
    p->why = pg_why("%s", PQerrorMessage(c));
    PQclear(r);
    return NULL;
}

static struct str
text(const struct postgres_inspect *p, const PGresult *r, int row, int column)
{
    return str_dup(p->arena, str_from(PQgetvalue(r, row, column)));
}

static int64_t
number(const PGresult *r, int row, int column)
{
    int64_t v = 0;

    (void)str_to_i64(str_from(PQgetvalue(r, row, column)), &v);
    return v;
}

static void
find_settings(struct postgres_inspect *p, PGconn *c)
{
    PGresult *r = ask(p, c,
                      "SELECT split_part(current_setting('server_version'), "
                      "' ', 1), current_setting('server_encoding'), "
                      "current_setting('fsync'), "
                      "current_setting('full_page_writes'), "
                      "current_setting('synchronous_commit')");

    p->version = PQserverVersion(c);
    if (!r)
        return;
    p->version_text = text(p, r, 0, 0);
    p->encoding = text(p, r, 0, 1);
    p->fsync = text(p, r, 0, 2);
    p->full_page_writes = text(p, r, 0, 3);
    p->synchronous_commit = text(p, r, 0, 4);
    PQclear(r);
}

/* Before the first migration there is no such table. */
static bool
has_nodes(struct postgres_inspect *p, PGconn *c)
{
    PGresult *r = ask(p, c, "SELECT to_regclass('node') IS NOT NULL");
    bool has = r && PQgetvalue(r, 0, 0)[0] == 't';

    PQclear(r);
    return has;
}

static void
find_nodes(struct postgres_inspect *p, PGconn *c)
{
    PGresult *r = NULL;

    if (has_nodes(p, c))
        r = ask(p, c,
                "SELECT slot, pid, host, version, roles, (extract(epoch FROM "
                "clock_timestamp() - beat) * 1000)::int8 FROM node WHERE "
                "is_live ORDER BY slot");
    p->n_nodes = r ? (size_t)PQntuples(r) : 0;
    p->nodes = ARENA_ARRAY(p->arena, struct postgres_node, p->n_nodes);
    for (int i = 0; i < (int)p->n_nodes; i++)
        p->nodes[i] = (struct postgres_node){.slot = number(r, i, 0),
                                             .pid = number(r, i, 1),
                                             .host = text(p, r, i, 2),
                                             .version = text(p, r, i, 3),
                                             .roles = text(p, r, i, 4),
                                             .silent_ms = number(r, i, 5)};
    PQclear(r);
}

/* One that has an id or a snapshot is what keeps vacuum from its work. */
static void
find_oldest(struct postgres_inspect *p, PGconn *c)
{
    PGresult *r =
        ask(p, c,
            "SELECT pid, (extract(epoch FROM clock_timestamp() - xact_start) * "
            "1000)::int8, coalesce(application_name, ''), coalesce(state, '') "
            "FROM pg_stat_activity WHERE datname = current_database() AND "
            "pid <> pg_backend_pid() AND xact_start IS NOT NULL AND "
            "backend_type = 'client backend' ORDER BY xact_start LIMIT 1");

    if (r && PQntuples(r) > 0)
        p->oldest =
            (struct postgres_transaction){.pid = number(r, 0, 0),
                                          .age_ms = number(r, 0, 1),
                                          .application = text(p, r, 0, 2),
                                          .state = text(p, r, 0, 3)};
    PQclear(r);
}

/* Against the middle of the way there and back. */
static void
compare_clocks(struct postgres_inspect *p, PGconn *c)
{
    int64_t before = p->clock->wall_ms(p->clock), after;
    PGresult *r = ask(p, c,
                      "SELECT (extract(epoch FROM clock_timestamp()) * "
                      "1000)::int8");

    after = p->clock->wall_ms(p->clock);
    if (r)
        p->ahead_ms = number(r, 0, 0) - (before + (after - before) / 2);
    PQclear(r);
}

enum err
postgres_inspect(struct postgres_inspect *p)
{
    PGconn *c = NULL;
    enum err e;

    p->why = NULL;
    e = pg_connect(p->url, "belfry doctor", &c, &p->why);
    if (e != ERR_OK)
        return e;
    PQclear(PQexec(c, "SET statement_timeout = '5s'; SET lock_timeout = '2s'"));
    find_settings(p, c);
    find_nodes(p, c);
    find_oldest(p, c);
    compare_clocks(p, c);
    PQfinish(c);
    return p->why ? ERR_IO : ERR_OK;
}
