/* respite.h - gives a provider the time that it asked for.
 *
 * Whom it refuses as being over its rate waits as long as it says
 * (domain/retry.h). That alone would have all others run into the same, each at
 * the cost of an attempt. So once it refused RESPITE_MESSAGES different ones
 * with no good answer between (a single one may be about its addressee: a chat,
 * a device), nobody calls it until the time of the last one is over, or
 * RESPITE_MAX_MS. Then one call goes ahead, and what that comes to lets the
 * others follow, or begins it anew. Where it names no time, that is a second,
 * and twice as long each time that it begins anew, up to RESPITE_OWN_MAX_MS.
 *
 * Pure: no clock; `now_ms` is monotonic. All zero: nobody waits. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RESPITE_MESSAGES 3
#define RESPITE_MIN_MS 1000
#define RESPITE_OWN_MAX_MS (5 * 1000)
#define RESPITE_MAX_MS (5 * 60 * 1000)

struct respite {
    /* private */
    int refused;     /* different messages in a row, RESPITE_MESSAGES at most */
    int64_t message; /* the last one of them */
    int64_t until_ms;
    int64_t pause_ms; /* the last one where it named no time */
};

/* It refused that message as being over its rate; asked_ms: until when it wants
 * to be left alone, 0: it did not say. True if it begins. */
bool respite_refused(struct respite *r, int64_t message, int64_t asked_ms,
                     int64_t now_ms);
/* It gave a good answer. True if it ends. */
bool respite_answered(struct respite *r, int64_t now_ms);
/* Nobody calls before; 0: nobody waits. */
int64_t respite_until_ms(const struct respite *r);
/* Then one call at a time, until it ends. */
bool respite_is_on(const struct respite *r);
