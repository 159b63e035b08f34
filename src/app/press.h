/* press.h - somebody pressed an action of what they got: in the inbox, or in a
 * chat whose provider tells of it.
 *
 *   begin   in the books, and to endpoints: one press of an action at a time
 *   tell    the log of the delivery and the user's events, unless a provider's
 *           word did that already
 *   read    its item is read
 *   call    its endpoint, signed, if it has one
 *   end     in the books, what came of it
 *
 * Who dies in between leaves a press of which nobody knows what came, and which
 * says so until its time is over; then it may be pressed again, under the same
 * webhook-id. What is done is not done again, what failed may be. */
#pragma once

#include "app/app.h"
#include "app/outcall.h"
#include "app/receive.h"
#include "store/inbox.h"
#include "store/press.h"

#define PRESS_TIMEOUT_MS 10000
#define PRESS_GRACE_MS 5000 /* beyond it somebody else may press */

struct pressing {
    const struct app *app;
    struct arena *arena;
    const struct workspace *workspace; /* the caller's reference */
    /* Makes a call. */
    void (*start_call)(void *arg, struct outcall *o);
    void *start_call_arg;
    struct str user, channel; /* the user may be empty */
    int64_t notification, delivery;
    int64_t own_notification; /* a step's own, below the one that it shows */
    int64_t item;             /* 0: there is none */
    struct json action;       /* as it was sent */
    struct str key; /* who asks with the same is told the same; or empty */
    bool is_told;
    /* It is in the books, or it is not ours. NULL: nobody asks. */
    void (*on_begun)(struct pressing *p);
    /* In a later turn. ERR_CONFLICT: it is being called; ERR_OK: `press` says
     * what came of it, now or then. */
    void (*on_done)(struct pressing *p, enum err e);
    void *arg;
    /* result */
    struct store_press store;
    /* private */
    struct str url;
    struct provider inbox;
    struct channel_event event;
    struct channel_receipt receipt;
    struct receive receive;
    struct store_inbox_mark mark;
    struct store_told told;
    struct outcall call;
};

void press_start(struct pressing *p);

/* The action of that id among those of an item's content; absent: none. */
struct json press_find(struct arena *a, struct json actions, struct str id);
/* Where its button leads without us: its url, or an endpoint that is no URL of
 * ours to call; empty: nowhere. */
struct str press_link(struct arena *a, struct json action);
/* Why a failed one failed: a code for who pressed; NULL: the endpoint's answer.
 */
const char *press_reason(const struct press *p);
