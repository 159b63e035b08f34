/* receipt.h - what a provider tells later of a delivery that it took, and what
 * that comes to. Pure.
 *
 *   sent --- delivered ---> delivered
 *     |                         |
 *     '--- bounced, failed -----'---> failed
 *
 * Nothing goes backwards, and nothing else moves: so the order in which
 * receipts arrive does not matter, and neither does one that arrives twice. */
#pragma once

#include "domain/reason.h"
#include "domain/status.h"

enum receipt_kind {
    RECEIPT_DELIVERED,
    RECEIPT_DEFERRED,     /* the provider goes on trying */
    RECEIPT_BOUNCED,      /* for good: the address is dead */
    RECEIPT_FAILED,       /* for good; the address may be right */
    RECEIPT_COMPLAINED,   /* reported as spam */
    RECEIPT_UNSUBSCRIBED, /* asked to be left alone */
    RECEIPT_OPENED,
    RECEIPT_CLICKED,
    RECEIPT_ACTION,       /* pressed a button */
    RECEIPT_RESUBSCRIBED, /* asked to be written to again */
    RECEIPT_KINDS,
};

struct receipt_rule {
    const char *name; /* "bounced": in logs, traces and metrics */
    bool moves;
    enum delivery_status to; /* where it does; with that reason */
    enum reason reason;
    enum reason suppresses; /* its address, for that; NONE: it does not */
    enum reason lifts;      /* such a suppression of it; NONE: it does not */
    bool is_event;          /* of its user, by its name: workflows may wait */
};

const struct receipt_rule *receipt_rule(enum receipt_kind k);
/* Whether a delivery that is s goes where the rule says. */
bool receipt_moves(enum receipt_kind k, enum delivery_status s);
