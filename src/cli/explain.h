/* explain.h - belfry why --user: would somebody get it, and why not. */
#pragma once

#include "cli/cli_private.h"

/* id: of a notification; empty: the flags say what would be sent. */
int explain_user(struct cli *c, struct str id);
/* What the steps of a workflow would do, a line each; nothing for none. */
void explain_put_steps(struct cli *c, struct json steps, struct buf *out);
