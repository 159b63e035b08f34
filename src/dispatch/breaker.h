/* breaker.h - leaves a provider alone for a while after it failed too often.
 *
 * Closed, it counts failures in a row; failures of one and the same message
 * count once, so that a message nobody can deliver does not close the way for
 * the others. Open, nothing passes until the pause is over; then one probe
 * does, and what it comes to closes the breaker or opens it for twice as long.
 * Calls that began before the last change of state have no say any more.
 *
 * Pure: no lock, no memory of its own, no clock. `now_ms` is monotonic. */
#pragma once

#include "domain/verdict.h"

struct breaker_limits {
    int failures;         /* in a row, of different messages, >= 1 */
    int64_t pause_ms;     /* the first one, > 0 */
    int64_t pause_max_ms; /* where doubling ends */
};

extern const struct breaker_limits breaker_limits_default;

enum breaker_state {
    BREAKER_CLOSED,
    BREAKER_OPEN,
    BREAKER_PROBING,
};

struct breaker {
    const struct breaker_limits *limits; /* borrowed */
    enum breaker_state state;
    /* private */
    uint32_t round; /* one more at each change of state */
    int failures;
    int64_t failed_message; /* the last one counted */
    int64_t pause_ms;       /* the next one */
    int64_t until_ms;       /* when a (further) probe may go */
};

void breaker_init(struct breaker *b, const struct breaker_limits *limits);
/* Closed, as if new, for a provider that was configured anew. */
void breaker_reset(struct breaker *b);
bool breaker_allows(const struct breaker *b, int64_t now_ms);
/* A call begins, which breaker_allows() granted; the ticket comes back with
 * its outcome. */
uint32_t breaker_begin(struct breaker *b, int64_t now_ms);
/* What the call said of the provider. True if the state is another one now. */
bool breaker_end(struct breaker *b, uint32_t ticket, enum verdict_health health,
                 int64_t message, int64_t now_ms);
/* When breaker_allows() may change its mind; 0: it allows. */
int64_t breaker_until_ms(const struct breaker *b);
