/* pace.h - when to read again what may take long to read.
 *
 * A look at the queue begins at the start of its index, where dead rows lie
 * until they are vacuumed: the longer that takes, the rarer it is done, so
 * that it costs the server no more than a twentieth of the time, but no rarer
 * than was promised. (To begin where the last look found its first live row
 * would be cheaper, and wrong: any process may commit a row before that place,
 * and it is the very row that nobody told of which the look is for.) */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PG_PACE_PARTS 20

struct pg_pace {
    int64_t least_ms, most_ms; /* from one beginning to the next */
    int64_t begun_ms;          /* -1: nothing is under way */
    int64_t due_ms;
};

static inline struct pg_pace
pg_pace(int64_t least_ms, int64_t most_ms)
{
    return (struct pg_pace){.least_ms = least_ms,
                            .most_ms = most_ms,
                            .begun_ms = -1,
                            .due_ms = INT64_MIN};
}

static inline bool
pg_pace_is_due(const struct pg_pace *p, int64_t now_ms)
{
    return now_ms >= p->due_ms;
}

static inline void
pg_pace_begin(struct pg_pace *p, int64_t now_ms)
{
    p->begun_ms = now_ms;
    p->due_ms = now_ms + p->least_ms;
}

static inline void
pg_pace_end(struct pg_pace *p, int64_t now_ms)
{
    int64_t ms = (now_ms - p->begun_ms) * PG_PACE_PARTS;

    if (p->begun_ms < 0)
        return;
    ms = ms > p->least_ms ? ms : p->least_ms;
    p->due_ms = p->begun_ms + (ms < p->most_ms ? ms : p->most_ms);
    p->begun_ms = -1;
}

/* Due now, also if one is under way, which may have been too early. */
static inline void
pg_pace_hurry(struct pg_pace *p)
{
    p->begun_ms = -1;
    p->due_ms = INT64_MIN;
}
