/* pace.h - when to read again what may take long to read: the longer it takes,
 * the rarer, so that it costs no more than a twentieth of the time, but no
 * rarer than was promised. Any clock; milliseconds. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PACE_PARTS 20

struct pace {
    int64_t least_ms, most_ms; /* from one beginning to the next */
    int64_t begun_ms;          /* -1: nothing is under way */
    int64_t due_ms;
};

static inline struct pace
pace_make(int64_t least_ms, int64_t most_ms)
{
    return (struct pace){.least_ms = least_ms,
                         .most_ms = most_ms,
                         .begun_ms = -1,
                         .due_ms = INT64_MIN};
}

static inline bool
pace_is_due(const struct pace *p, int64_t now_ms)
{
    return now_ms >= p->due_ms;
}

static inline void
pace_begin(struct pace *p, int64_t now_ms)
{
    p->begun_ms = now_ms;
    p->due_ms = now_ms + p->least_ms;
}

static inline void
pace_end(struct pace *p, int64_t now_ms)
{
    int64_t ms = (now_ms - p->begun_ms) * PACE_PARTS;

    if (p->begun_ms < 0)
        return;
    ms = ms > p->least_ms ? ms : p->least_ms;
    p->due_ms = p->begun_ms + (ms < p->most_ms ? ms : p->most_ms);
    p->begun_ms = -1;
}

/* Due now, also if one is under way, which may have been too early. */
static inline void
pace_hurry(struct pace *p)
{
    p->begun_ms = -1;
    p->due_ms = INT64_MIN;
}
