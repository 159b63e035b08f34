/* accept.h - accept: a notification and all that its plan made commit at once,
 * or it is a duplicate. ERR_IDEM_MISMATCH: the Idempotency-Key came with
 * another fingerprint. */
#pragma once

#include "domain/event.h"
#include "domain/notification.h"
#include "store/attachment.h"
#include "store/digest.h"
#include "store/req.h"
#include "store/trial.h"
#include "store/work.h"
#include "store/workflow.h"

struct store_accept_item {
    struct notification notification;
    struct delivery *deliveries;
    size_t n_deliveries;
    struct inbox_item *items; /* of its in_app deliveries */
    size_t n_items;
    struct str cancel_key;  /* empty: none; as in store_cancel_find */
    struct str dedup_key;   /* empty: none; counts within the tenant */
    int64_t dedup_until_ms; /* wall clock */
    /* Deliveries that windows collect, in the order of the deliveries. */
    struct store_join *joins;
    size_t n_joins;
    int64_t outbox; /* its row, which goes in this commit; 0: none */
    bool has_more;  /* deliveries, which are planned later: a row of work... */
    int64_t due_ms; /* ...that nobody takes before; wall clock; 0: at once */
    bool is_held;   /* somebody has to approve it before that */
    /* Not NULL: it adds to the notification of that id, which is there. Alone
     * in its request, but for those that are `with` it; it has no
     * Idempotency-Key and no dedup key. */
    const struct store_chunk *chunk;
    const struct store_flush *flush; /* not NULL: it ends that window */
    const struct store_turn *turn;   /* not NULL: it moves that instance on */
    const struct store_instance *instances; /* of workflows, that begin */
    size_t n_instances;
    const struct store_step *steps;
    size_t n_steps;
    const struct store_trial *trials; /* of some of the deliveries */
    size_t n_trials;
    const struct store_attachment *attachments; /* with the notification */
    size_t n_attachments;
    event_set tells; /* that anybody listens to, of its deliveries */
    /* Not NULL: an item before it in this request, by which it stands or falls:
     * where that one is a duplicate or gone, this one is gone. */
    const struct store_accept_item *with;
    /* result */
    /* Somebody else did it, that row, chunk, window or turn: nothing was. */
    bool is_gone;
    /* Of a chunk that is not the last, and of a turn that is due later: as in
     * store_work_row. */
    int64_t hold;
    bool is_duplicate;
    int64_t id;         /* the first one's, if a duplicate */
    int64_t created_ms; /* the first one's, if a duplicate */
};
/* As it goes with one that is not stored. */
static inline bool
store_accept_is_left(const struct store_accept_item *i)
{
    return i->with && (i->with->is_gone || i->with->is_duplicate);
}
struct store_accept {
    struct store_req req;
    int64_t tenant;
    int64_t now_ms;
    struct store_idem idem;
    struct store_accept_item *items;
    size_t n_items;
};
/* Which of these dedup keys an accept would find taken. */
struct store_dedup_get {
    struct store_req req;
    int64_t tenant;
    int64_t now_ms;
    const struct str *keys;
    size_t n_keys;
    int64_t *ids; /* result: a row for each, the notification; 0: free */
};
