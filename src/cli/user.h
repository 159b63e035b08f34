/* user.h - the parts of belfry user. */
#pragma once

#include "cli/cli_private.h"

/* A file of users, "-" for stdin. */
int user_import(struct cli *c, struct str name);
/* To stdout, a JSON a line; what to exit with. */
int user_export(struct cli *c, struct str id);
