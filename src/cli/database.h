/* database.h - where the settings say that the database is. */
#pragma once

#include "base/config.h"
#include "cli/cli_private.h"

struct database {
    struct config *config;
    bool is_sqlite;
    char *place;    /* the path of the SQLite file, or the URL */
    char *name;     /* the same for people: without a password */
    char *key_file; /* that seals its secrets; NULL: none is named */
};
/* As `belfry serve` would, with this command's --db and --config. Messages
 * as of config_load(); after an error the last one says why. */
enum err database_find(struct cli *c, struct database *ret,
                       struct buf *messages) MUST_CHECK;
