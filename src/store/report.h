/* report.h - what the processes on one database know of each other: how each
 * is, what it counted, whose each lane is. Where one process owns the database
 * a report goes nowhere, there is nobody to list, and no lane has an owner. */
#pragma once

#include "store/req.h"

/* What this process says of itself, in place of what it said before. Nothing
 * is stored for one that the others think dead: it says it again when it is
 * back. */
struct store_report {
    struct store_req req;
    struct str health;  /* as health_write() */
    struct str metrics; /* as metrics_report() */
};

struct store_process {
    int64_t slot, pid;
    struct str host, roles, version;
    int64_t started_ms; /* wall clock of the database */
    int64_t silent_ms;  /* since it was last heard */
    bool is_live, is_self;
    int64_t report_age_ms; /* -1: has not reported */
    struct str health, metrics;
};
struct store_lane_owner {
    int64_t tenant, lane, slot;
};
struct store_reports {
    struct store_req req;
    bool wants_metrics;
    /* result: those that live, by slot, then those that ended lately */
    struct store_process *processes;
    size_t n_processes;
    struct str *past; /* with wants_metrics: metrics of those that ended */
    size_t n_past;
    struct store_lane_owner *owners; /* of lanes that somebody claims from */
    size_t n_owners;
};

/* Above, it is said to be this. */
#define STORE_LANE_COUNT_MAX 100000

struct store_lane_state {
    int64_t n_ready, n_waiting;
    int64_t oldest_ready_ms; /* created; 0: none */
    bool is_owned;
    int64_t slot; /* of its owner */
    struct str host;
    int64_t since_ms;
};
struct store_lanes {
    struct store_req req;
    int64_t tenant;
    const int64_t *lanes; /* of that tenant */
    size_t n_lanes;
    struct store_lane_state *states; /* result: one for each */
};
