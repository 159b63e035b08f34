/* migration.h - the schema's versions: which are applied, how to go on, how to
 * go back; one judgement for all drivers. Blocking: for start-up and the
 * command line.
 *
 * A database remembers of each script that made it the SHA-256, and the least
 * version whose programs go on with it. So a program also starts on a schema
 * that is newer than its own, as long as what is newer only adds: releases
 * N-1 and N run together. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"

struct migration {
    int number; /* 1, 2, ... without gaps */
    const char *name;
    const char *up, *down;
    const char *sha256; /* of `up`, hex */
    int works_with;     /* programs that know no more than this go on */
};
struct migration_set {
    const struct migration *all;
    int n;
};
extern const struct migration_set sqlite_migrations, postgres_migrations;

enum migration_state {
    MIGRATION_PENDING,
    MIGRATION_APPLIED,
    MIGRATION_CHANGED, /* applied, but from another text */
    MIGRATION_NEWER,   /* applied by a newer program; this one goes on */
    MIGRATION_UNKNOWN, /* applied by a newer program; this one cannot */
};
struct migration_status {
    int number;
    struct str name;
    enum migration_state state;
    int64_t applied_ms; /* 0: not */
};

struct migrate {
    const struct migrate_driver *driver;
    const char *place; /* the path, or the URL */
    struct clock *clock;
    struct arena *arena;               /* for results */
    const struct migration_set *known; /* NULL: all of the driver's */
    /* Where others are at work meanwhile; 0 is what is in brackets. */
    int64_t wait_ms; /* for another that migrates [30 s] */
    int64_t lock_ms; /* for each lock that a script takes [2 s] */
    int tries;       /* of a script whose locks others hold [5] */
    /* result */
    struct migration_status *status; /* by number */
    size_t n_status;
    const char *why; /* after an error; until this thread's next call */
    void *conn;      /* the driver's, while it is open */
};
extern const struct migrate_driver sqlite_migrate_driver,
    postgres_migrate_driver;

/* Reads only; others may be at work. */
enum err migrate_status(struct migrate *m) MUST_CHECK;
/* ERR_CONFLICT: something is changed, unknown or missing. */
enum err migrate_verify(struct migrate *m) MUST_CHECK;
/* These end with the status as it is then. A script takes effect as a whole or
 * not at all. down: until `to` is the last one applied; 0: none is.
 * ERR_CONFLICT: as above, or others are in the way; ERR_TIMEOUT: for as long
 * as is waited; ERR_INVALID: there is no `to`; ERR_IO. */
enum err migrate_up(struct migrate *m) MUST_CHECK;
enum err migrate_down(struct migrate *m, int to) MUST_CHECK;
int migrate_version(const struct migrate *m); /* the last applied; 0: none */
int migrate_count_pending(const struct migrate *m);

/* ---- for drivers ---- */

struct migrate_driver {
    const struct migration_set *known;
    enum err (*open)(struct migrate *m, bool writes);
    /* Nobody else migrates until close(). NULL: open() sees to it. */
    enum err (*lock)(struct migrate *m);
    enum err (*read)(struct migrate *m);    /* migrate_add() for each row */
    enum err (*prepare)(struct migrate *m); /* the table of these rows */
    enum err (*run)(struct migrate *m, const struct migration *g, bool is_up);
    void (*close)(struct migrate *m); /* also after open() failed */
};
struct migrate_row {
    int number, works_with;
    struct str name, sha256; /* borrowed */
    int64_t applied_ms;
};
void migrate_add(struct migrate *m, const struct migrate_row *row);
/* Up to the last one known, over a connection that is open. */
enum err migrate_open_up(struct migrate *m) MUST_CHECK;
