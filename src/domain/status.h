/* status.h - where a delivery stands, and how urgent it is; with the names
 * that the API uses. */
#pragma once

#include "base/str.h"

/* Stored as numbers: append only. */
enum delivery_status {
    DELIVERY_QUEUED = 0,
    DELIVERY_HELD,
    DELIVERY_SENDING,
    DELIVERY_RETRYING,
    DELIVERY_DELIVERED, /* known to have arrived */
    DELIVERY_SENT,      /* the provider took it */
    DELIVERY_FAILED,    /* refused for good */
    DELIVERY_DEAD,      /* attempts or age used up */
    DELIVERY_SUPPRESSED,
    DELIVERY_MERGED,
    DELIVERY_CANCELLED,
    DELIVERY_EXPIRED,
    DELIVERY_STATUS_COUNT
};

const char *delivery_status_name(enum delivery_status s); /* "queued" */
bool delivery_status_parse(struct str s, enum delivery_status *ret);
bool delivery_status_is_terminal(enum delivery_status s);
bool delivery_status_is_success(enum delivery_status s); /* it went out */

/* Stored as numbers: append only. Smaller is more urgent. */
enum priority {
    PRIORITY_CRITICAL = 0,
    PRIORITY_HIGH,
    PRIORITY_NORMAL,
    PRIORITY_LOW,
    PRIORITY_COUNT
};

const char *priority_name(enum priority p);
bool priority_parse(struct str s, enum priority *ret);
