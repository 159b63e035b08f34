/* cancel.h - to stop what of a notification has not gone out. */
#pragma once

#include "app/app.h"
#include "store/cycle.h"
#include "store/read.h"

/* Once it has begun nothing more of it is sent, whatever becomes of the rest;
 * so after a failure the same again ends it. With what is below it: that of the
 * steps of a workflow. on_done as store_cancel's. */
struct cancel {
    const struct app *app;
    struct arena *arena;
    int64_t tenant, notification;
    int64_t now_ms;
    const struct audit *audit; /* NULL: it is told of otherwise */
    void (*on_done)(struct cancel *c, enum err e);
    /* result: deliveries, and instances of a workflow, that were stopped, and
     * deliveries that could not be */
    size_t n_stopped, n_not_stopped;
    /* private */
    struct store_cancel part;
    struct store_cancel_find below;
    int64_t *ids; /* of a page of those below; their part comes next */
    size_t n_ids;
};

void cancel_start(struct cancel *c);
