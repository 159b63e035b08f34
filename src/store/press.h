/* press.h - actions that somebody pressed: a row for each, which says whether
 * its endpoint is being called, and what came of that. Who writes it first
 * calls; so one action is called once at a time, however often and wherever it
 * is pressed. Who dies meanwhile leaves a row that says so, until it is over;
 * then the next press calls again, as the same press.
 *
 * What is pressed belongs to a notification's user, of a workflow to a step's;
 * where the recipient has no id, to the delivery. */
#pragma once

#include "store/tell.h"

/* Stored as numbers. */
enum press_state {
    PRESS_CALLING, /* or nobody knows, when until_ms is over */
    PRESS_DONE,
    PRESS_FAILED, /* may be pressed again */
};

struct press {
    int64_t id; /* the same at each press of this action */
    int64_t at_ms, until_ms;
    int64_t key; /* of the Idempotency-Key that it came with; 0: none */
    int n;       /* which press it is, from 1 */
    enum press_state state;
    int status; /* that the endpoint answered; 0: it did not */
};

struct store_press {
    struct store_req req;
    int64_t tenant;
    int64_t ref; /* notification, or delivery where the user is empty */
    struct str user;
    struct str action;
    /* Of one that was begun: its n as it was told. Else it begins, if it
     * may. */
    bool is_end;
    /* What endpoints are told if it begins. NULL: nothing. */
    const struct store_told *told;
    int64_t now_ms;
    struct press press; /* as it shall be; result: as it is */
    /* result */
    bool is_ours; /* it was written */
};

/* For drivers: from what stands there (NULL: nothing) to p->press as it is from
 * now on. True: that is to be written. */
bool store_press_decide(struct store_press *p, const struct press *was);
/* The same, once it is decided. */
bool store_press_is_told(const struct store_press *p);
