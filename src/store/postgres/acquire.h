/* acquire.h - to own lanes, and what their owners before us left in flight. */
#pragma once

#include "store/postgres/lanes.h"
#include "store/postgres/op.h"

struct pg_wanted {
    struct pg_lane *lane;
    int64_t tenant;
};

/* Sorted by lane. Those that are not ours without doubt are asked for; then
 * `next` runs, whatever came of it: lane->state says. Begins and commits a
 * transaction of its own, or none if there is nothing to ask. */
void pg_acquire(struct pg_op *op, const struct pg_wanted *wanted, size_t n,
                int64_t now_ms, pg_step *next);
