/* ratelimit.h - so many calls in such a time, evenly, with a burst on top.
 *
 * The generic cell rate algorithm: one number, the time at which the calls
 * made so far would be paid for. In any span of per_ms at most limit + burst
 * calls begin. Those with a priority that may pass the limit never wait but are
 * paid for as far as the burst reaches, so that the others make room for them
 * and are still not starved by them.
 *
 * Pure; `now_ms` is monotonic. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ratelimit_rule {
    int64_t per_ms; /* 0: no limit */
    int64_t limit;  /* calls in per_ms */
    int64_t burst;  /* calls at once; less than 1 counts as 1 */
};

struct ratelimit {
    int64_t interval_us; /* 0: no limit */
    int64_t slack_us;    /* how far ahead of now the debt may reach */
    int64_t paid_us;     /* when all calls so far are paid for */
};

/* Also after a change of the rule: the debt stays. */
void ratelimit_set(struct ratelimit *r, const struct ratelimit_rule *rule);
/* The moment from which a call may begin; <= now_ms: it may now. */
int64_t ratelimit_next_ms(const struct ratelimit *r, int64_t now_ms);
/* How many may begin until now_ms + horizon_ms; SIZE_MAX: no limit. */
size_t ratelimit_room(const struct ratelimit *r, int64_t now_ms,
                      int64_t horizon_ms);
/* A call begins. */
void ratelimit_take(struct ratelimit *r, int64_t now_ms);
