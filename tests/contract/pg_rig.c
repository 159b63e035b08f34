/* pg_rig.c - see pg_rig.h. */
#include "pg_rig.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

const char *
pg_server(void)
{
    return getenv("BELFRY_TEST_POSTGRES");
}

/* The folder of a rig has a name of its own; so has its database. */
static const char *
database(const struct rig *r)
{
    static char name[64];
    size_t n = 0;

    for (const char *p = r->path; *p && n + 1 < sizeof(name); p++)
        name[n++] = *p == '/' || *p == '-' ? '_' : *p;
    name[n] = '\0';
    return name + 1;
}

const char *
pg_url(const struct rig *r)
{
    static char url[400];
    const char *slash = strrchr(pg_server(), '/');

    assert_non_null(slash);
    snprintf(url, sizeof(url), "%.*s/%s", (int)(slash - pg_server()),
             pg_server(), database(r));
    return url;
}

static PGresult *
query(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);

    if (PQresultStatus(r) != PGRES_COMMAND_OK &&
        PQresultStatus(r) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    return r;
}

static PGconn *
connect_to(const char *url)
{
    PGconn *c = PQconnectdb(url);

    if (PQstatus(c) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(c));
    PQclear(PQexec(c, "SET client_min_messages = error"));
    return c;
}

void
pg_run(const char *url, const char *sql)
{
    PGconn *c = connect_to(url);

    PQclear(query(c, sql));
    PQfinish(c);
}

/* Not in the rig's arena: a store's thread may be at work there. */
static struct arena *answers;

const char *
pg_ask(const struct rig *r, const char *sql, ...)
{
    PGconn *c = connect_to(pg_url(r));
    PGresult *rows;
    struct buf text;
    char asked[1000];
    va_list args;

    va_start(args, sql);
    vsnprintf(asked, sizeof(asked), sql, args);
    va_end(args);
    rows = query(c, asked);
    if (!answers)
        answers = arena_new();
    buf_init(&text, answers);
    for (int i = 0; i < PQntuples(rows); i++)
        for (int k = 0; k < PQnfields(rows); k++)
            buf_printf(&text, "%s%s", i + k > 0 ? "," : "",
                       PQgetisnull(rows, i, k) ? "~" : PQgetvalue(rows, i, k));
    PQclear(rows);
    PQfinish(c);
    return str_cstr(answers, buf_str(&text));
}

int64_t
pg_number(const char *answer)
{
    int64_t v = 0;

    assert_true(str_to_i64(str_from(answer), &v));
    return v;
}

void
pg_make_database(const struct rig *r)
{
    char sql[200];
    PGconn *c = PQconnectdb(pg_url(r));
    bool is_there = PQstatus(c) == CONNECTION_OK;

    PQfinish(c);
    if (is_there)
        return;
    snprintf(sql, sizeof(sql), "CREATE DATABASE \"%s\"", database(r));
    pg_run(pg_server(), sql);
}

void
pg_drop_database(struct rig *r)
{
    char sql[200];

    snprintf(sql, sizeof(sql), "DROP DATABASE \"%s\" WITH (FORCE)",
             database(r));
    pg_run(pg_server(), sql);
}
