/* cancel.h - to stop what of a notification has not gone out.
 *
 * Once it has begun nothing more of it is sent, whatever becomes of the rest;
 * so after a failure the same again ends it. What is below it, that of the
 * steps of a workflow, may be very much: after a while the rest is left to a
 * row of work (store/cycle.h), with which workflow_cancel.c goes on. */
#pragma once

#include "app/app.h"
#include "store/cycle.h"
#include "store/read.h"

#define CANCEL_PATIENCE_MS 2000 /* of who has asked for it */
#define CANCEL_AT_A_TIME 8      /* of those below */

struct cancel_below {
    struct cancel *of;
    struct store_cancel part;
};
struct cancel {
    const struct app *app;
    struct arena *arena;
    int64_t tenant, notification;
    int64_t now_ms;
    const struct audit *audit; /* NULL: it is told of otherwise */
    int64_t until_ms; /* by the monotonic clock: no more is begun then */
    /* Who goes on with it, where: 0 at first. What is left then is his. */
    bool goes_on;
    int64_t after, before;
    /* As store_cancel's. */
    void (*on_done)(struct cancel *c, enum err e);
    /* result: deliveries, and instances of a workflow, that were stopped, and
     * deliveries that could not be; whether some are left */
    size_t n_stopped, n_not_stopped;
    bool is_left;
    /* private */
    struct store_cancel part;
    struct store_cancel_find find;
    struct cancel_below below[CANCEL_AT_A_TIME];
    size_t n_busy; /* of these */
    size_t n_ids;  /* of a page, that nobody has begun with */
    enum err err;  /* the first of these */
};

void cancel_start(struct cancel *c);
