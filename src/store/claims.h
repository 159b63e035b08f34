/* claims.h - who has what: the deliveries that were handed out, in memory,
 * because only the process that owns the file, or the lane, claims from it.
 *
 * Also, for each lane, a low-water mark: every ready row up to it is claimed,
 * so that a claim does not walk over what is in flight. Lower is always safe.
 *
 * Changes are tentative until claims_commit(); claims_rollback() undoes all of
 * the transaction. Owned by the driver's thread. */
#pragma once

#include "base/buf.h"

#define CLAIM_REF_BYTES 24 /* as in table intent */

struct claim_ref {
    int64_t delivery; /* 0: gone back unused */
    int64_t notification;
    int64_t attempts;
};
/* What was claimed together and has one intent row. */
struct claim_batch {
    int64_t id;
    int64_t lane;
    int64_t at_ms;
    size_t n_open;   /* not finished */
    bool is_touched; /* refs changed, the row does not know yet */
    struct claim_ref *refs;
    size_t n_refs;
    struct claim_batch *next; /* private */
};
struct claim {
    int64_t delivery;
    int64_t tenant;
    int64_t attempts; /* before the flight */
    int64_t lane;     /* negative: critical */
    int64_t rank;
    int64_t lease; /* under which it was claimed; 0: there is none */
    struct claim_batch *batch; /* NULL: nothing on disk */
    size_t ref;                /* in batch->refs */
    size_t at;                 /* private: in its lane's list */
};
struct lane_mark {
    int64_t rank, id;
};

struct claims;

struct claims *claims_new(void);
void claims_free(struct claims *c);
const struct claim *claims_find(const struct claims *c, int64_t delivery);
/* max_refs: how many may be added to it. */
struct claim_batch *claims_batch_new(struct claims *c, int64_t lane,
                                     int64_t at_ms, size_t max_refs);
void claims_add(struct claims *c, const struct claim *claim,
                const struct claim_ref *ref);
/* Copies it out; false: it was not claimed. */
bool claims_remove(struct claims *c, int64_t delivery, struct claim *ret);
/* A removed one leaves its batch's refs: it is as if never taken. */
void claims_unref(struct claims *c, const struct claim *removed);
/* Forgets all of a lane, critical ones too, whatever is on disk. Between
 * transactions. */
void claims_drop_lane(struct claims *c, int64_t lane);
/* Copies of what is claimed from a lane, critical ones too. Other lanes' claims
 * cost it nothing. */
struct claim *claims_of_lane(const struct claims *c, int64_t lane,
                             struct arena *a, size_t *ret_n);
size_t claims_count_of_lane(const struct claims *c, int64_t lane);
/* The row that the batch needs now; empty: none, delete it. */
struct str claims_refs(const struct claim_batch *b, struct arena *a);

struct lane_mark claims_mark(const struct claims *c, int64_t lane);
void claims_mark_raise(struct claims *c, int64_t lane, struct lane_mark to);
/* A row is ready there. */
void claims_mark_lower(struct claims *c, int64_t lane, int64_t rank,
                       int64_t id);

void claims_commit(struct claims *c);
void claims_rollback(struct claims *c);

/* For recovery and readers: the next of a row's refs. */
bool claim_ref_next(struct str *refs, struct claim_ref *ret);
