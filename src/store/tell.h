/* tell.h - what endpoints are told. A change that somebody listens to leaves a
 * row in the commit that makes it: verbs that change deliveries and inboxes
 * take the set of events that anybody listens to (`tells`), which is 0 where
 * nobody does, and then there is nothing more to them.
 *
 *   told     what happened, kept for a while: it may be told again
 *   telling  what is still to be handed to the queue; to whom: lane 0 is all
 *            who listen, another one is an endpoint that wants to hear it again
 *
 * Who takes a row of telling has it for a while. It sends what the row asks
 * for with a dedup key of the row's own, and then says that it is done: so each
 * endpoint gets one delivery of it, whoever dies in between. */
#pragma once

#include "domain/event.h"
#include "domain/notification.h"
#include "store/req.h"

struct store_told {
    int64_t id, tenant;
    enum event_kind kind;
    int64_t at_ms;
    int64_t delivery, notification; /* 0: it is about none */
    int64_t item;                   /* of an inbox; 0: none */
    int attempts;
    struct str user, channel, provider; /* may be empty */
    struct str reason;                  /* code of reasons.def, or empty */
    struct str about; /* a link, an action, an endpoint's key: see told.c */
};

struct store_telling {
    int64_t id; /* of this row; another one each time it is told */
    int64_t lane;
    struct store_told told;
    struct str doc; /* of the notification; empty: it is gone, or none */
};
struct store_tell_take {
    struct store_req req;
    const int64_t *done; /* rows that were taken, and go */
    size_t n_done;
    size_t max;       /* take so many... */
    int64_t lease_ms; /* ...and nobody else does for so long */
    int64_t now_ms;   /* wall clock; a shared database has its own */
    /* result, oldest first */
    struct store_telling *rows;
    size_t n_rows;      /* == max: there may be more */
    int64_t change_seq; /* what was configured when they were written */
    int64_t next_ms;    /* from now until another one is free; -1: none is */
};

/* What is kept is told again, to one endpoint. What it is still to be told
 * again is not told twice. */
struct store_tell_again {
    struct store_req req;
    int64_t tenant, lane;
    event_set kinds;
    int64_t from_ms, to_ms;  /* from, and before */
    int64_t after_ms, after; /* 0, or `next_ms` and `next` of the call before */
    size_t max;              /* looked at in this call */
    /* result */
    size_t n_told;
    bool is_over; /* that was all */
    int64_t next_ms, next;
};

/* For drivers: of a delivery whose status it is. */
struct store_told store_told_of(const struct delivery *d, int64_t at_ms);
/* Of an item that is marked, but for its delivery and notification; kind NONE:
 * nobody is told. */
struct store_inbox_mark;
struct store_told store_mark_told(const struct store_inbox_mark *m,
                                  int64_t item);
