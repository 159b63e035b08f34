/* migrate.h - the schema's versions: which are applied, how to go on, how to
 * go back. A database remembers the SHA-256 of each script that made it. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/migration.h"

struct sqlite_migrate {
    const char *path;
    struct clock *clock;
    struct arena *arena; /* for results */
    /* result */
    struct migration_status *status; /* by number */
    size_t n_status;
    const char *why; /* after an error; until this thread's next call */
};
/* Reads only; the server may run. */
enum err sqlite_migrate_status(struct sqlite_migrate *m) MUST_CHECK;
/* ERR_CONFLICT: something is changed, unknown or missing. */
enum err sqlite_migrate_verify(struct sqlite_migrate *m) MUST_CHECK;
/* These need the file for themselves (ERR_CONFLICT), and end with the status
 * as it is then. down: until `to` is the last one applied; 0: none is. */
enum err sqlite_migrate_up(struct sqlite_migrate *m) MUST_CHECK;
enum err sqlite_migrate_down(struct sqlite_migrate *m, int to) MUST_CHECK;

/* For the driver. The lock on PATH-lock, which ends with close(). ERR_CONFLICT:
 * another process has it. */
enum err sqlite_lock(const char *path, int *ret_fd,
                     const char **ret_why) MUST_CHECK;
struct db;
enum err sqlite_migrate_conn(struct db *c, int64_t now_ms,
                             const char **ret_why) MUST_CHECK;
