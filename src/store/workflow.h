/* workflow.h - the instances of workflows, one a recipient: rows of work that
 * say where each is, and what it waits for. Whoever took one moves it on in the
 * accept that brings what it sends, if the lease is still his: so each step is
 * taken once, whoever dies. Of a notification that is cancelled an instance can
 * only end, without anything sent.
 *
 * An event makes the instances due that wait for it, in the commit that brings
 * it, and breaks their leases: who has such a row looks once more. Nobody is
 * told what happened; who takes a row looks. So a row is to say what it waits
 * for before its taker looks whether that has happened.
 *
 * A window of a digest (store/digest.h) may collect instances, too: who joins
 * one waits for the window's own event, which nobody posts, until its flush
 * takes one of them on and ends the others. */
#pragma once

#include "domain/digest.h"
#include "store/inbox.h"
#include "store/req.h"

struct store_instance {
    int64_t id;
    struct str user;   /* as in its turn; empty: a recipient without an id */
    struct str cursor; /* how far it is */
    struct str event;  /* what it waits for; empty: only until it is due */
    int64_t due_ms;    /* wall clock; 0: at once */
};
#define STORE_NEVER_MS (INT64_C(1) << 42) /* due then: only by an event */

/* What becomes of one that was taken. Its item may have no notification (id 0),
 * and then nothing else but steps. */
struct store_turn {
    int64_t instance, hold;
    struct str user; /* whose event it waits for, from now on; else its own */
    bool is_over;    /* it goes */
    /* It is what goes on with a cancel: of what is cancelled, too. */
    bool is_of_cancel;
    struct str cursor, event;
    int64_t due_ms; /* as above */
};
/* What was decided on the way, for traces; before it began, too: see
 * store/approval.h. */
struct store_step {
    int64_t id; /* in the order of time */
    int64_t notification;
    int64_t at_ms;
    struct str user, step, verdict, reason;
    struct str note; /* a person's */
};

/* Something that happened to a user outside of Belfry; when, a shared database
 * knows best. */
struct store_event_add {
    struct store_req req;
    int64_t tenant;
    struct store_idem idem;
    int64_t id, at_ms;
    struct str user, name, data;
    /* Rounds of experiments that it is the goal of, in ascending order. */
    const int64_t *rounds;
    size_t n_rounds;
};
/* What a delivery may be older than its item, which a window held up. */
#define STORE_ITEM_LATE_MS (DIGEST_WINDOW_MAX_MS + INT64_C(3600000))

/* What happened to one who waits: the first event of that name that came after
 * that moment (one of the same time has a higher id); and what was done with
 * the items of deliveries. */
struct store_event_look {
    struct store_req req;
    int64_t tenant;
    struct str user, name;
    int64_t after_ms, after_id;
    const int64_t *deliveries;
    size_t n_deliveries;
    /* result */
    /* The first of each; 0: not. */
    int64_t posted_ms, posted_id, seen_ms, read_ms, archived_ms;
};

/* What the instances in a window wait for. */
struct str store_window_event(struct arena *a, int64_t window);

/* Those that wait for an event, oldest first, where it is a window's: with the
 * documents of the notifications of the first. */
struct store_waiting {
    int64_t id, notification;
    int64_t hold; /* as nobody has it; as in store_work_row */
    bool is_cancelled;
    struct str cursor;
    struct str doc; /* of the notification; only of the first */
};
struct store_instance_list {
    struct store_req req;
    int64_t tenant;
    struct str user, event;
    size_t max;       /* in all */
    size_t max_docs;  /* of so many of the oldest... */
    size_t max_bytes; /* ...of this length; one may have more */
    /* result */
    struct store_waiting *all;
    size_t n, n_docs;
};

/* The event that a change of an inbox is; empty: none. */
struct str inbox_change_event(enum inbox_change change);
