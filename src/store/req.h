/* req.h - what every request to the store begins with. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/loop.h"

struct audit;
struct buf;

enum store_verb {
#define V(name, access) STORE_VERB_##name,
#include "store/verbs.def"
#undef V
    STORE_VERB_COUNT
};

struct store_req {
    struct arena *arena; /* the store's until on_done; of no other request */
    void (*on_done)(struct store_req *req, enum err e);
    struct loop *loop;   /* where on_done runs */
    int64_t deadline_ms; /* monotonic; 0: 10 s from now */
    /* Who asks for a change that is told of: store/audit.h. NULL: it is not. */
    const struct audit *audit;
    /* private to the store */
    struct store *store;
    struct task task;
    struct mail mail;
    enum store_verb verb;
    enum err err;
    int64_t expires_ms;
    bool is_taken;
};

#define STORE_DEADLINE_MS 10000 /* from the call, when none is given */

/* For drivers with threads of their own, as the first thing: the arena is
 * theirs until the answer. */
void store_req_take(struct store_req *req);
/* For drivers: tells the caller, on its loop. Any thread. */
void store_req_complete(struct store_req *req, enum err e);

/* A request that creates may be repeated under an Idempotency-Key. The answer
 * is made inside the transaction, so it commits with what it tells of. */
struct store_idem {
    struct str key;          /* 1 to 255 bytes; empty: none asked for */
    uint8_t fingerprint[32]; /* of method, path and body */
    int64_t until_ms;        /* wall clock; forgotten after */
    /* Pure; runs in the store's thread, once the verb's results are known.
     * Allocates in req->arena only. */
    void (*answer)(struct store_req *req, struct buf *ret_body,
                   int *ret_status);
    /* result */
    bool is_replay; /* nothing was done; status and body are the first ones */
    int status;
    struct str body;
};
