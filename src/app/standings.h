/* standings.h - what this process saw of each provider lately: dispatch tells
 * it of the lanes that it has, who picks a provider asks.
 *
 * It is one process' own view and gone with it: of a provider that nobody told
 * of, nothing bad is known. One per process, made by main. Any thread; the lock
 * is held for a look-up. */
#pragma once

#include "domain/fitness.h"

struct standings;

struct standing {
    struct fitness fitness;
    /* Its breaker is open, and so long that is believed: who has the lane tells
     * it again when it probes. 0: it is closed. */
    int64_t open_until_ms;
};

struct standings *standings_new(void);
void standings_free(struct standings *s); /* NULL is allowed */
/* From here on NULL stands for one that nobody told anything. */
void standings_tell(struct standings *s, int64_t lane,
                    const struct standing *of);
void standings_forget(struct standings *s, int64_t lane);
struct standing standings_of(struct standings *s, int64_t lane);
