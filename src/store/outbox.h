/* outbox.h - what applications wrote into the database themselves, within
 * their own transactions, to be sent: belfry_send() on PostgreSQL. A row is
 * taken for a while; the accept that it becomes deletes it in the same commit
 * (struct store_accept_item), so it is sent exactly once. Other databases have
 * none. */
#pragma once

#include "store/req.h"

struct store_outbox_row {
    int64_t id, tenant;
    struct str doc; /* JSON */
};
struct store_outbox_refusal {
    int64_t id;
    struct str problem; /* JSON, as a request would be told */
};
struct store_outbox {
    struct store_req req;
    /* These are put aside, with why. */
    const struct store_outbox_refusal *refused;
    size_t n_refused;
    size_t max;       /* take so many... */
    int64_t lease_ms; /* ...and nobody else does for so long */
    /* result, oldest first */
    struct store_outbox_row *rows;
    size_t n_rows;      /* == max: there may be more */
    int64_t change_seq; /* what was configured when they were written */
};
