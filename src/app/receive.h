/* receive.h - what a provider told of its own accord: which deliveries it is
 * about, and what comes of it.
 *
 *   look       which deliveries they are about, and what is news. What comes
 *              before its delivery is settled is waited for, a moment and once
 *   suppress   addresses that bounced, complained, want to be left alone
 *   lift       what those asked for who want to be written to again
 *   tell       the users' events that workflows wait for
 *   keep       the log, and the deliveries' status, in one commit
 *
 * Only then the provider is told that it was heard. Until the commit nothing is
 * known of an event, so what a crash cuts off is done once more when the
 * provider tells it again; after it the same event is known, and left out. */
#pragma once

#include "app/app.h"
#include "app/suppression.h"
#include "store/object.h"
#include "store/receipt.h"
#include "store/workflow.h"

#define RECEIVE_WAIT_MS 1000 /* for a delivery that is being settled */

struct receive {
    const struct app *app;
    struct arena *arena;
    const struct workspace *workspace;     /* the caller's reference */
    const struct provider *provider;       /* of it */
    const struct channel_receipt *receipt; /* taken, with events */
    /* In a later turn. Any error: it is to be told again. */
    void (*on_done)(struct receive *r, enum err e);
    void *arg;
    /* private */
    struct store_receipt store;
    struct store_object_put put;
    struct suppression_lift lift;
    struct store_event_add event;
    struct loop_timer again;
    size_t at;
    bool has_waited;
};

void receive_start(struct receive *r);

/* Where a provider's webhooks go: a path with a key that tells the workspace,
 * and that nobody can guess. */
struct str receive_path(const struct vault *v, struct arena *a, int64_t tenant,
                        struct str provider);
/* The tenant of such a key; false: it is not ours, or another provider's. */
bool receive_read_key(const struct vault *v, struct arena *a, struct str key,
                      struct str provider, int64_t *ret_tenant);
