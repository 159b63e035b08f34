/* migrate.h - the schema's versions on a PostgreSQL server; the text of each
 * is in src/store/migrations/postgres. Blocking: for start-up and the command
 * line. An advisory lock keeps two from migrating at once. */
#pragma once

#include <libpq-fe.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/migration.h"

/* Up to the newest known. ERR_CONFLICT: the database is newer than this
 * program, or a script differs from the one that was applied. */
enum err pg_migrate_up(PGconn *c, struct clock *clock,
                       const char **ret_why) MUST_CHECK;
/* Text for a person, until this thread's next call. */
const char *pg_why(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
