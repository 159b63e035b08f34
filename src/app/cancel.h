/* cancel.h - to stop what of a notification has not gone out. */
#pragma once

#include "app/app.h"
#include "store/cycle.h"

/* Once it has begun nothing more of it is sent, whatever becomes of the rest;
 * so after a failure the same again ends it. on_done as store_cancel's. */
struct cancel {
    const struct app *app;
    struct arena *arena;
    int64_t tenant, notification;
    int64_t now_ms;
    void (*on_done)(struct cancel *c, enum err e);
    /* result: deliveries that were stopped, and that could not be */
    size_t n_stopped, n_not_stopped;
    struct store_cancel part; /* private */
};

void cancel_start(struct cancel *c);
