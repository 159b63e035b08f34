/* child.h - the process that a plugin runs in: `belfry plugin run`, which the
 * host starts and nobody else has a use for. It answers one question after the
 * other until its parent hangs up. */
#pragma once

#include "belfry/channel.h"

#define CHILD_SOCKET 3 /* to the host */
#define CHILD_FILE 4   /* the shared object, whose hash the host has checked */

/* Loads, seals itself off, answers. Returns when it could not begin. */
int child_main(void);
/* The same for a plugin that is linked already; for tests. */
int child_serve(const struct belfry_plugin *plugin);
