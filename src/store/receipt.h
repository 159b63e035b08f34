/* receipt.h - what providers tell later of what they took. A provider whose
 * driver reads receipts leaves a row with each delivery that it takes (struct
 * store_taken of a finish), by which its word finds the delivery; others leave
 * none, and cost nothing.
 *
 * What is told becomes a row of the delivery's log, beside its attempts: with
 * a number from STORE_RECEIPT_N on, which is made of the provider's own id of
 * the event. So the same one told again is the same row, and is known. */
#pragma once

#include "domain/notification.h"
#include "domain/receipt.h"
#include "store/req.h"
#include "store/tell.h"

#define STORE_RECEIPT_N (1 << 30)
#define STORE_RECEIPTS_MAX 100    /* kept of a delivery; others only move it */
#define STORE_MESSAGE_MAX 512     /* bytes of a provider's id of a message */
#define STORE_RECEIPT_EVENTS 1000 /* in one request */

struct store_taken {
    int64_t lane;
    struct str message; /* the provider's id; may be empty */
    struct str address; /* it went to; empty: the provider's target */
};

struct store_receipt_event {
    int64_t delivery;   /* 0: the one that was taken as... */
    struct str message; /* ...this, last */
    enum receipt_kind kind;
    int n; /* from STORE_RECEIPT_N on */
    int64_t at_ms;
    struct str detail;
    /* result */
    struct delivery found; /* id 0: unknown; its status is that before it */
    struct str address;    /* as it was taken; empty: not known */
    bool is_known;         /* it was told before */
    bool is_moved;         /* the delivery's status is another now */
    size_t n_kept;         /* of the delivery, so far */
};

/* `found` has no more than id, status, user, channel and provider. */
struct store_receipt {
    struct store_req req;
    int64_t tenant, lane;
    struct str provider;
    bool is_look;    /* says what would be; nothing is written */
    event_set tells; /* that anybody listens to */
    int64_t now_ms;
    struct store_receipt_event *events;
    size_t n_events;
};

/* For the drivers: from what stands in the database (found, is_known, n_kept
 * of each) to what becomes of it, in the order of the events. */
void store_receipt_judge(struct store_receipt *r);
/* Whether endpoints are told of it: once, of what counts, if any listens; and
 * what, but for the notification and the attempts. */
bool store_receipt_is_told(const struct store_receipt *r,
                           const struct store_receipt_event *e);
struct store_told store_receipt_told(const struct store_receipt *r,
                                     const struct store_receipt_event *e);
/* Whether it gets a row of the log. */
bool store_receipt_is_kept(const struct store_receipt_event *e);
struct attempt store_receipt_row(const struct store_receipt *r,
                                 const struct store_receipt_event *e);
/* Of one that moves to failed: what groups dead letters. */
struct str store_receipt_error(const struct store_receipt_event *e);
