/* event.h - what Belfry tells endpoints of: names, and which change of a
 * delivery is which. Pure. */
#pragma once

#include "domain/receipt.h"
#include "domain/status.h"

/* Deliveries on this channel bring events to endpoints; nothing is told of
 * them, or there would be no end of it. */
#define EVENT_CHANNEL "endpoint"

/* In place of a template's version: that of notifications which bring events.
 * They are found by their ids, and are in no list. */
#define EVENT_TEMPLATE (-1)

/* Stored as numbers: append only. */
enum event_kind {
#define EVENT(name, text, sentence) EVENT_##name,
#include "domain/events.def"
#undef EVENT
    EVENT_COUNT,
    EVENT_NONE = EVENT_COUNT,
};

/* A set of kinds; 0: nobody listens. */
typedef uint32_t event_set;
#define EVENT_BIT(kind) ((event_set)1 << (kind))
_Static_assert(EVENT_COUNT <= 32, "they fit into a set");

const char *event_name(enum event_kind k); /* "delivery.sent" */
const char *event_sentence(enum event_kind k);
/* Of a name, or of a pattern such as "inbox.*"; 0: there is none such. */
event_set event_match(struct str pattern);
/* The name, or the pattern, that somebody may have meant; NULL: none is near.
 */
const char *event_guess(struct str pattern);

/* NONE: nobody is told of it. */
enum event_kind event_of_status(enum delivery_status s);
enum event_kind event_of_receipt(enum receipt_kind k);
/* Whether it is told, by those who listen, that a delivery is s now. */
bool event_is_told(event_set tells, enum delivery_status s, struct str channel);
