/* work.h - what was accepted and is not done in that commit.
 *
 * PLAN: the deliveries to a whole workspace. A row of work says how far it is;
 * each accept that adds a chunk (struct store_accept_item) moves its cursor in
 * the same commit, if it still is where the chunk begins. So each is planned
 * exactly once, whoever dies, or takes the row over.
 *
 * One that is held (store/approval.h) is such a row, too, until it is decided.
 *
 * DIGEST: a window of a digest, to be ended. Whoever takes it shuts it: later
 * members open another. See store/digest.h.
 *
 * WORKFLOW: one recipient's way through a workflow. See store/workflow.h. */
#pragma once

#include "domain/digest.h"
#include "domain/notification.h"
#include "store/req.h"
#include "store/workflow.h"

/* Stored as numbers, which are one more. */
enum store_work_kind {
    STORE_WORK_PLAN,
    STORE_WORK_DIGEST,
    STORE_WORK_WORKFLOW,
};

/* From `from` up to `to`: what lies between is in the accept's item. */
struct store_chunk {
    struct str from, to;
    bool is_last;     /* the work is done with it, and goes */
    int64_t lease_ms; /* else nobody takes it for so long */
    int n_recipients;
};
struct store_work_row {
    struct notification notification; /* PLAN, WORKFLOW */
    struct str cursor;                /* the same; empty: at the beginning */
    struct digest digest;             /* DIGEST */
    struct store_instance instance;   /* WORKFLOW */
    int64_t hold; /* this lease: names who has the row, as each other one's
                   * is another; of the last chunk where there was one */
};
/* Rows that nobody has, those that have waited longest first. */
struct store_work_take {
    struct store_req req;
    enum store_work_kind kind;
    int64_t now_ms; /* wall clock; a shared database has its own */
    int64_t lease_ms;
    size_t max;
    /* WORKFLOW: of what comes with their notifications; one may have more. 0:
     * no end. */
    size_t max_bytes;
    /* result */
    struct store_work_row *rows;
    size_t n_rows;      /* == max: there may be more */
    bool is_cut;        /* there are more, which did not fit */
    int64_t change_seq; /* what was configured when they were written */
    int64_t next_ms; /* from now until another one is free; -1: there is none */
    int64_t at_ms;   /* WORKFLOW: by the clock of a shared database; else 0 */
};
/* What comes with it, in bytes. */
size_t store_work_bytes(const struct store_work_row *row);
/* By one who ends: rows that are still held by these leases are free at once.
 * What somebody else has taken since, what is done or cancelled, stays. */
struct store_work_hold {
    enum store_work_kind kind;
    int64_t tenant, id, hold;
};
struct store_work_release {
    struct store_req req;
    const struct store_work_hold *holds;
    size_t n_holds;
};
