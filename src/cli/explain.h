/* explain.h - belfry why --user: would somebody get it, and why not. */
#pragma once

#include "cli/cli_private.h"

/* id: of a notification; empty: the flags say what would be sent. */
int explain_user(struct cli *c, struct str id);
