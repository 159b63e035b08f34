/* doctor_private.h - what the parts of belfry doctor share. */
#pragma once

#include "cli/database.h"

struct doctor {
    struct cli *cli;
    struct buf text;
    struct json_writer json;
    struct buf json_text;
    int n_problems, n_warnings;
    bool is_reachable;
};

/* `fix` is empty where nothing is to be done. */
void doctor_report(struct doctor *d, enum term_symbol mark, const char *name,
                   struct str detail, struct str fix);

/* doctor_database.c */
void doctor_check_database(struct doctor *d, const struct database *db);
void doctor_check_secret(struct doctor *d, const struct database *db);
