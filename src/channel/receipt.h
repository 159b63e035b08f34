/* receipt.h - what a provider tells of its own accord: receipts of deliveries,
 * complaints, pressed buttons. */
#pragma once

#include "channel/call.h"
#include "domain/receipt.h"

/* What a provider's webhook tells of a delivery that it took. */
enum channel_event_kind {
    CHANNEL_EVENT_DELIVERED = RECEIPT_DELIVERED,
    CHANNEL_EVENT_DEFERRED = RECEIPT_DEFERRED, /* it goes on trying */
    CHANNEL_EVENT_BOUNCED = RECEIPT_BOUNCED, /* for good: the address is dead */
    CHANNEL_EVENT_FAILED = RECEIPT_FAILED,   /* for good; it may be right */
    CHANNEL_EVENT_COMPLAINED = RECEIPT_COMPLAINED,     /* reported as spam */
    CHANNEL_EVENT_UNSUBSCRIBED = RECEIPT_UNSUBSCRIBED, /* wants no more */
    CHANNEL_EVENT_OPENED = RECEIPT_OPENED,
    CHANNEL_EVENT_CLICKED = RECEIPT_CLICKED, /* url */
    CHANNEL_EVENT_ACTION = RECEIPT_ACTION,   /* pressed the button `action` */
    CHANNEL_EVENT_RESUBSCRIBED = RECEIPT_RESUBSCRIBED, /* wants them again */
};

struct channel_event {
    enum channel_event_kind kind;
    struct str id; /* the provider's own of this event; empty: none */
    /* Which delivery: what was sent as the first, else what was answered. */
    struct str delivery_id, provider_message_id;
    struct str address; /* whom it names; may be empty */
    struct str detail;  /* why, in the provider's words; may be empty */
    struct str url;     /* CLICKED */
    struct str action;  /* ACTION: the action's id */
    int64_t at_ms;      /* by the provider's clock; 0: it names none */
};

#define CHANNEL_EVENTS_MAX 1000 /* in one webhook; more is malformed */

enum channel_receipt_outcome {
    CHANNEL_RECEIPT_TAKEN,     /* events, maybe none */
    CHANNEL_RECEIPT_UNSIGNED,  /* no signature, a wrong one, or too old */
    CHANNEL_RECEIPT_MALFORMED, /* signed, but not what the provider sends */
    CHANNEL_RECEIPT_LOST,      /* nobody could read it now: a plugin ended */
};

/* One webhook of a provider, as it came in. Everything is borrowed for the
 * call; what comes out is in the arena, or borrowed from what came in. */
struct channel_receipt {
    struct arena *arena;
    struct json config; /* of the provider, secrets open */
    struct str method;  /* GET for a handshake, else POST */
    struct str url;     /* as the provider called it, by public_url */
    struct str query;   /* without the question mark; may be empty */
    const struct channel_header *headers;
    size_t n_headers;
    struct str body; /* raw */
    int64_t now_ms;  /* wall clock */
    /* out */
    enum channel_receipt_outcome outcome;
    struct channel_event *events;
    size_t n_events;
    struct str reply, reply_type; /* of the 200; empty: nothing */
    /* A call that the provider wants in answer (to confirm a subscription, to
     * end the waiting of a button); method empty: none. */
    struct channel_request request;
};
