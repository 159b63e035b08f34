/* rank.c - see rank.h. Pure, any thread. */
#include "queue/rank.h"

#include <assert.h>

/* critical and high share one start: what sets critical apart is that it is
 * claimed for itself and overtakes in memory (queue.h), however old the others
 * are. 5 s lets a burst of high ones through before normal ones notice; 300 s
 * lets a campaign yield to all else and still end. */
static const int64_t delays_ms[PRIORITY_COUNT] = {
    [PRIORITY_CRITICAL] = 0,
    [PRIORITY_HIGH] = 0,
    [PRIORITY_NORMAL] = 5000,
    [PRIORITY_LOW] = RANK_DELAY_MAX_MS,
};

int64_t
rank_of(enum priority p, int64_t now_ms)
{
    assert(p < PRIORITY_COUNT);
    assert(now_ms >= 0 && now_ms < INT64_MAX / 1000 - RANK_DELAY_MAX_MS);
    return (now_ms + delays_ms[p]) * 1000;
}
