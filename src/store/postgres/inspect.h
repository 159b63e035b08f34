/* inspect.h - what a person asks about a PostgreSQL server and the nodes on
 * it. Blocking: for the command line. Reads only. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"

struct postgres_node {
    struct str host, version, roles;
    int64_t slot, pid, silent_ms; /* since its last beat */
};

struct postgres_inspect {
    const char *url;
    struct clock *clock;
    struct arena *arena; /* for results */
    /* result */
    int version; /* 150005 */
    struct str version_text, encoding;
    struct str fsync, full_page_writes, synchronous_commit; /* on, off, ... */
    struct postgres_node *nodes; /* those that live, by slot */
    size_t n_nodes;
    struct postgres_transaction {
        int64_t pid, age_ms; /* pid 0: there is none */
        struct str application, state;
    } oldest;         /* of the others, in this database */
    int64_t ahead_ms; /* the database's clock */
    const char *why;  /* after an error; until this thread's next call */
};
/* ERR_INVALID: that is no URL; ERR_IO. */
enum err postgres_inspect(struct postgres_inspect *p) MUST_CHECK;

#define POSTGRES_VERSION_LEAST 150000
