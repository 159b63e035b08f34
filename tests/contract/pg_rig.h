/* pg_rig.h - the server of the tests on PostgreSQL, and a database of its own
 * for each rig. BELFRY_TEST_POSTGRES is the URL of one where databases may be
 * made; without it there is nothing to test. */
#pragma once

#include "store_rig.h"

const char *pg_server(void); /* NULL: there is none */
/* The server's URL with the rig's database. Until the next call. */
const char *pg_url(const struct rig *r);
void pg_make_database(const struct rig *r);    /* unless it is there */
void pg_drop_database(struct rig *r);          /* a kind's drop() */
void pg_run(const char *url, const char *sql); /* must succeed */
/* What a query of the rig's database answers: all values in a row, with
 * commas; NULL is ~. Stays until the program ends. */
const char *pg_ask(const struct rig *r, const char *sql, ...)
    __attribute__((format(printf, 2, 3)));
int64_t pg_number(const char *answer);
#define ASSERT_SQL(r, want, ...)                                               \
    assert_string_equal(pg_ask(r, __VA_ARGS__), want)
