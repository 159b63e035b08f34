/* settle.h - from what a call came to, to where its delivery goes next. Pure:
 * all policy of retry, failover and giving up is in this one function.
 *
 * Rules, in order:
 * - what crashes its plugin again and again is dead;
 * - what the verdict's table row does not retry, ends with its status;
 * - a provider's policy counts its own calls; when none that may still try is
 *   left, the delivery is dead;
 * - what may have been sent (UNKNOWN, INTERRUPTED) stays with its provider,
 *   unless the category has UNKNOWN held for a person, or open to others;
 * - what surely was not, goes at once to a healthy provider that had fewer
 *   calls, so each is tried once before anybody waits;
 * - else it waits as the policy, or the provider, says; RATE stays. */
#pragma once

#include "channel/channel.h"
#include "dispatch/tally.h"
#include "domain/category.h"
#include "domain/notification.h"
#include "domain/retry.h"
#include "queue/queue.h"

/* A provider that could take the delivery. */
struct settle_peer {
    int64_t lane;
    struct str name;
    const struct retry_policy *retry;
    bool is_healthy;  /* its breaker is closed, or it is... */
    bool is_on_trial; /* ...asked by nobody, and may take one more to show */
};

struct settle {
    struct arena *arena;
    struct rng *rng;
    int64_t now_ms;     /* wall clock */
    int64_t started_ms; /* wall clock, when the call began */
    int64_t duration_ms;
    const struct delivery *delivery; /* as it was claimed */
    struct settle_peer called;
    /* All enabled ones of the channel, by order; `called` may be missing. */
    const struct settle_peer *peers;
    size_t n_peers;
    const struct channel_verdict *verdict;
    enum unknown_policy unknown; /* of its category */
    /* result; texts in the arena or borrowed from the above */
    struct attempt attempt;
    struct store_finish finish;
};

void settle_call(struct settle *s);

/* A delivery that leaves its lane, or waits, without a call. */
struct leave {
    struct arena *arena;
    const struct delivery *delivery;
    int64_t lane;                    /* that it leaves */
    const struct settle_peer *peers; /* as above */
    size_t n_peers;
    int64_t now_ms;
    /* The lane's provider is gone, disabled or of another channel now; else
     * its breaker is open and may change its mind at until_ms (wall clock). */
    bool is_out;
    int64_t until_ms;
    struct store_finish finish; /* result */
};

/* To the first healthy provider, by order, whose policy lets it try; what was
 * handed over and not called for goes no way back. With none, an open breaker
 * is waited for, without burning an attempt, and so it is with what may have
 * been sent already. Out of its lane, a delivery goes to any enabled provider,
 * and ends where there is none. */
void settle_leave(struct leave *l);
/* How many the healthy ones besides the lane's own may be given; SIZE_MAX: all.
 */
size_t settle_room(const struct settle_peer *peers, size_t n, int64_t lane);
