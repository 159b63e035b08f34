/* migrate.h - for the driver: whose file it is, and its schema. The rest is in
 * store/migration.h. */
#pragma once

#include "base/clock.h"
#include "base/err.h"

/* The lock on PATH-lock, which ends with close(). ERR_CONFLICT: another
 * process has it. */
enum err sqlite_lock(const char *path, int *ret_fd,
                     const char **ret_why) MUST_CHECK;
/* Up to the newest known, over a connection of who has the lock. */
struct db;
enum err sqlite_migrate_conn(struct db *c, struct clock *clock,
                             const char **ret_why) MUST_CHECK;
