/* receipt.c - see receipt.h. Pure, any thread. */
#include "domain/receipt.h"

#include <assert.h>

static const struct receipt_rule rules[RECEIPT_KINDS] = {
    [RECEIPT_DELIVERED] = {.name = "delivered",
                           .moves = true,
                           .to = DELIVERY_DELIVERED,
                           .reason = REASON_DELIVERED},
    [RECEIPT_DEFERRED] = {.name = "deferred"},
    [RECEIPT_BOUNCED] = {.name = "bounced",
                         .moves = true,
                         .to = DELIVERY_FAILED,
                         .reason = REASON_BOUNCED_HARD,
                         .suppresses = REASON_SUPPRESS_BOUNCE},
    [RECEIPT_FAILED] = {.name = "failed",
                        .moves = true,
                        .to = DELIVERY_FAILED,
                        .reason = REASON_PROVIDER_UNDELIVERED},
    [RECEIPT_COMPLAINED] = {.name = "complained",
                            .suppresses = REASON_SUPPRESS_COMPLAINT},
    [RECEIPT_UNSUBSCRIBED] = {.name = "unsubscribed",
                              .suppresses = REASON_SUPPRESS_UNSUBSCRIBE},
    [RECEIPT_OPENED] = {.name = "opened", .is_event = true},
    [RECEIPT_CLICKED] = {.name = "clicked", .is_event = true},
    [RECEIPT_ACTION] = {.name = "action", .is_event = true},
    [RECEIPT_RESUBSCRIBED] = {.name = "resubscribed",
                              .lifts = REASON_SUPPRESS_UNSUBSCRIBE},
};

const struct receipt_rule *
receipt_rule(enum receipt_kind k)
{
    assert(k < RECEIPT_KINDS);
    return &rules[k];
}

bool
receipt_moves(enum receipt_kind k, enum delivery_status s)
{
    const struct receipt_rule *r = receipt_rule(k);

    if (!r->moves)
        return false;
    return s == DELIVERY_SENT ||
           (s == DELIVERY_DELIVERED && r->to == DELIVERY_FAILED);
}
