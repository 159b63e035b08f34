/* digest.h - windows that collect deliveries. An accept joins the open window
 * of its scope (tenant, user, channel, key) or opens it, in its own commit;
 * that there is one is a constraint, not a look-up. The window is a row of
 * work, due when it closes. Whoever takes that shuts the window, reads the
 * members, and ends it by an accept that holds only if the lease is still his
 * and all members are still there: so there is one end, whoever dies. */
#pragma once

#include "domain/digest.h"
#include "domain/event.h"
#include "domain/notification.h"
#include "store/req.h"

#define STORE_JOIN_INSTANCE SIZE_MAX

/* A delivery of an item that is collected, or the instance of its turn. As it
 * is given it would go out at once; it does where it opens a window that is
 * leading. */
struct store_join {
    size_t delivery; /* its index in the item; STORE_JOIN_INSTANCE */
    /* So many after it go to other devices of the same user: where a window
     * holds it, they are not made. */
    size_t n_more;
    struct digest digest; /* what it opens, where none is open */
    /* result: the window that holds it; 0: none does */
    int64_t window;
};

/* The end of a window that was taken: an accept of an item without keys. */
struct store_flush {
    int64_t digest, hold;
    int64_t n_members; /* as many wait in it, or nothing is done */
    /* Its members are instances of this user: they end, but that of the item's
     * turn, if it has one; who was cancelled is not missed. Else empty. */
    struct str instances_of;
    const int64_t *expired; /* those of them that come too late */
    size_t n_expired;
    /* What becomes of the others. MERGED: the item is the digest, with its
     * notification. QUEUED: there is one, and it is the item's delivery, as it
     * is from now on, which may be any status. Else they end without an item,
     * of which nothing is stored. */
    enum delivery_status status;
    struct str reason;
    int64_t merged_into;
    event_set tells; /* that anybody listens to, of those that end */
};

struct store_member {
    struct delivery delivery;
    struct notification notification;
};
struct store_digest_members {
    struct store_req req;
    int64_t tenant, digest;
    int64_t after;    /* id; 0: from the oldest */
    size_t max;       /* of the oldest of them... */
    size_t max_bytes; /* ...of their notifications; one may have more */
    /* result; ERR_NOT_FOUND: it has ended */
    int64_t n_members; /* in all */
    struct store_member *members;
    size_t n_listed;
    struct store_member newest;
};
/* Those that are open. */
struct store_digest_list {
    struct store_req req;
    int64_t tenant;
    struct str user; /* whose; empty: everybody's */
    int64_t before;  /* id; 0: from the newest */
    size_t limit;
    struct digest *digests; /* result, newest first */
    size_t n_digests;
    bool has_more;
};
/* An open one closes now. */
struct store_digest_flush {
    struct store_req req;
    int64_t tenant, id;
    int64_t now_ms;
    struct digest digest; /* result; ERR_NOT_FOUND: none is open */
};
