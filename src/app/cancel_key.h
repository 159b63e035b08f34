/* cancel_key.h - stops what was sent with a cancel key, notification by
 * notification, newest first. */
#pragma once

#include "app/cancel.h"
#include "store/read.h"

#define CANCEL_KEY_MAX 255 /* bytes */
#define CANCEL_AT_ONCE 100 /* notifications */

struct cancel_key {
    const struct app *app;
    struct arena *arena;
    int64_t tenant;
    struct str key;
    int64_t now_ms;
    struct audit *audit; /* of all of them */
    /* Of what was stopped before an error, nothing is told: asked again, it is
     * not open any more. */
    void (*on_done)(struct cancel_key *x, enum err e);
    void *arg;
    /* result */
    size_t n_notifications;          /* that were open */
    size_t n_stopped, n_not_stopped; /* deliveries, as of a cancel */
    bool has_more;                   /* open ones: more than CANCEL_AT_ONCE */
    bool is_left; /* of some the rest is left, as of a cancel */
    /* private */
    int64_t ids[CANCEL_AT_ONCE];
    size_t at;
    int64_t until_ms;
    struct store_cancel_find find;
    struct cancel cancel;
};

void cancel_key_start(struct cancel_key *x);
