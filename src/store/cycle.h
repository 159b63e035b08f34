/* cycle.h - the queue's verbs. cycle: tell what became of claimed work and
 * claim more, in one commit. promote: move what is due from the waiting room to
 * its lane. act, cancel: what people do to deliveries. */
#pragma once

#include "domain/event.h"
#include "domain/notification.h"
#include "store/receipt.h"
#include "store/req.h"

/* A process that died so often with a delivery in flight leaves it as a dead
 * letter (crash.loop). */
#define STORE_CRASHES_MAX 3

struct store_finish {
    int64_t tenant;
    int64_t delivery;
    /* A terminal status; RETRYING with due_ms and lane; QUEUED with lane: given
     * back, or handed to another provider's; or HELD, until a person decides.
     * Each may come with an attempt. Anything else is a bug. */
    enum delivery_status status;
    int64_t due_ms;
    /* When that was reckoned, by the same clock, which may be set before it is
     * written; 0: just now. */
    int64_t reckoned_ms;
    int64_t lane;
    struct str reason;
    struct str provider;
    struct str error;
    struct str tally;              /* empty: the delivery's stays as it is */
    const struct attempt *attempt; /* NULL: none was made */
    /* That of the cycle which claimed it: what was claimed again since, under
     * another one, is not this one's to finish. 0: of whichever. */
    int64_t lease;
    bool is_trial;   /* it may be of somebody in an experiment */
    event_set tells; /* that anybody listens to */
    const struct store_taken *taken; /* NULL: no receipt will come */
    /* result: false if it was not claimed any more (fenced); nothing done */
    bool is_done;
};
struct store_work {
    struct delivery delivery;
    const struct notification *notification; /* shared by its deliveries */
    struct str user_body;       /* the user's document; empty: never stored */
    struct str preference_body; /* the same of the user's preferences */
    struct str devices_body; /* the same of its devices, where it goes to one */
};
struct store_cycle {
    struct store_req req;
    int64_t now_ms;
    struct store_finish *finishes;
    size_t n_finishes;
    int64_t tenant;       /* whose lane it is... */
    int64_t lane;         /* ...claim from it... */
    size_t want;          /* ...at most so many; 0: none */
    size_t want_critical; /* beyond `want`, critical ones only */
    /* Record durably that these go into flight. Off only where an attempt
     * made twice cannot be noticed (driver null). */
    bool records_intent;
    /* result, most urgent first. After any error, ERR_UNCERTAIN too, the
     * caller has none: whatever the claim took can be claimed again. */
    struct store_work *work;
    size_t n_work;
    bool has_more; /* there may be more */
    /* The tenant suppresses addresses on the channel of this work, or did:
     * whether it is one of these, who knows addresses asks. */
    bool has_suppressions;
    int64_t lease; /* for store_holds() */
};

/* ---- promote: move what is due from the waiting room to its lane ---- */
struct store_promote {
    struct store_req req;
    int64_t now_ms;
    size_t max;
    /* result */
    size_t n_promoted;
    int64_t first_due_ms; /* the earliest of these; 0: there was none */
    int64_t next_due_ms;  /* of what still waits; 0: nothing does */
};

/* ---- act: an operator's deed on one delivery ---- */
enum store_act_kind {
    STORE_ACT_RETRY,   /* failed, dead or held as unknown: queued in `lane` */
    STORE_ACT_CANCEL,  /* not terminal and not in flight: cancelled */
    STORE_ACT_DISCARD, /* failed or dead: cancelled, kept out of the groups */
};
struct store_act {
    struct store_req req;
    int64_t tenant;
    int64_t delivery;
    enum store_act_kind kind;
    int64_t now_ms;
    int64_t lane, rank; /* RETRY */
    event_set tells;    /* as of a finish */
    /* result; ERR_NOT_FOUND, ERR_CONFLICT with `status` as it is */
    enum delivery_status status;
};

/* ---- cancel: what of a notification has not gone out ----
 * Already after the first call nothing more of it is planned, and what is
 * claimed of it is not sent. Its rows end in parts, a call for each. */
#define STORE_CANCEL_ALL (INT64_MAX - 1) /* no delivery comes after it */
#define STORE_CANCEL_EVENT "cancel/"     /* no event's name has a slash */
struct store_cancel {
    struct store_req req;
    int64_t tenant;
    int64_t notification;
    int64_t now_ms;
    int64_t after;   /* 0, or `next` of the call before; STORE_CANCEL_ALL */
    size_t max;      /* rows of this part, or some more; at least 1 */
    event_set tells; /* as of a finish */
    /* A row of work is to go on with the rest, and with what is below: as an
     * instance that nobody has, and that waits for STORE_CANCEL_EVENT. There is
     * one of a notification at most. */
    bool leaves_rest;
    /* result; ERR_NOT_FOUND */
    size_t n_stopped;     /* of this part; instances of workflows, too */
    size_t n_not_stopped; /* sent, settled or in flight */
    int64_t next;         /* 0: that was all */
    bool is_cut;          /* instances may be left: the same again */
};
