/* app.h - what the use cases need of the process; one per thread, filled by
 * main, never changed. */
#pragma once

#include "app/snapshot.h"
#include "app/standings.h"
#include "base/env.h"
#include "base/id.h"

struct app {
    const struct env *env;
    struct snapshots *snapshots;
    struct standings *standings; /* NULL: this process sees none */
    struct id_maker *ids;
    const struct vault *vault;
    struct str public_url; /* without a slash at the end */
};
