/* migrate.h - for the driver: its schema, over a connection that is there. The
 * rest is in store/migration.h. */
#pragma once

#include <libpq-fe.h>

#include "base/clock.h"
#include "base/err.h"

/* As migrate_up(). *ret_why is for a person, until this thread's next call. */
enum err pg_migrate_up(PGconn *c, struct clock *clock,
                       const char **ret_why) MUST_CHECK;
