/* migration.h - the schema's versions, as drivers share them. A database
 * remembers the SHA-256 of each script that made it. */
#pragma once

#include "base/str.h"

struct migration {
    int number; /* 1, 2, ... without gaps */
    const char *name;
    const char *up, *down;
    const char *sha256; /* of `up`, hex */
};
extern const struct migration sqlite_migrations[], postgres_migrations[];
extern const int sqlite_migrations_n, postgres_migrations_n;

enum migration_state {
    MIGRATION_PENDING,
    MIGRATION_APPLIED,
    MIGRATION_CHANGED, /* applied, but from another text */
    MIGRATION_UNKNOWN, /* applied by a newer program */
};
struct migration_status {
    int number;
    struct str name;
    enum migration_state state;
    int64_t applied_ms; /* 0: not */
};
