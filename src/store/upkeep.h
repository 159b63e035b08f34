/* upkeep.h - retention and statistics. */
#pragma once

#include "store/req.h"

struct store_purge {
    struct store_req req;
    int64_t now_ms;
    int64_t settled_before_ms; /* done notifications accepted before; 0: keep */
    int64_t dead_before_ms;    /* those that hold a dead letter; 0: keep */
    int64_t audit_before_ms;   /* lines of the audit log; 0: keep */
    int64_t told_before_ms;    /* what endpoints were told; 0: keep */
    /* Workspaces of which no habit is kept (habit.h). */
    const int64_t *unlearned;
    size_t n_unlearned;
    size_t max;
    size_t n_purged; /* result; == max: there may be more */
};
struct store_lane_stat {
    int64_t tenant, lane;
    int64_t n_ready, n_waiting;
    int64_t oldest_ready_ms; /* created; 0: none */
};
struct store_stats {
    struct store_req req;
    /* Which lanes have something ready, and no more: n_ready is 1 or so, and
     * what waits does not count. However much there is, it takes no longer. */
    bool only_lanes;
    struct store_lane_stat *lanes; /* result: lanes that hold something */
    size_t n_lanes;
    int64_t n_dead; /* failed or dead, all tenants */
    int64_t file_bytes, wal_bytes;
    int schema;
};
