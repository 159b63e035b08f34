/* breaker.c - see breaker.h. */
#include "dispatch/breaker.h"

#include <assert.h>

/* Five different messages in a row are no accident. A second is short enough
 * that a provider's restart goes unnoticed, and half a minute keeps the wait
 * after a long outage bearable. */
const struct breaker_limits breaker_limits_default = {
    .failures = 5,
    .pause_ms = 1000,
    .pause_max_ms = 30 * 1000,
};

void
breaker_init(struct breaker *b, const struct breaker_limits *limits)
{
    assert(limits->failures >= 1);
    assert(limits->pause_ms > 0 && limits->pause_ms <= limits->pause_max_ms);
    *b = (struct breaker){.limits = limits, .pause_ms = limits->pause_ms};
}

static void
enter(struct breaker *b, enum breaker_state state)
{
    b->state = state;
    b->round++;
    b->failures = 0;
    b->failed_message = 0;
}

void
breaker_reset(struct breaker *b)
{
    enter(b, BREAKER_CLOSED);
    b->pause_ms = b->limits->pause_ms;
}

static void
open_for(struct breaker *b, int64_t pause_ms, int64_t now_ms)
{
    int64_t longest = b->limits->pause_max_ms;

    enter(b, BREAKER_OPEN);
    b->until_ms = now_ms + pause_ms;
    b->pause_ms = pause_ms > longest / 2 ? longest : pause_ms * 2;
}

bool
breaker_allows(const struct breaker *b, int64_t now_ms)
{
    return b->state == BREAKER_CLOSED || now_ms >= b->until_ms;
}

uint32_t
breaker_begin(struct breaker *b, int64_t now_ms)
{
    assert(breaker_allows(b, now_ms));
    if (b->state == BREAKER_CLOSED)
        return b->round;
    /* Should this probe never end, the next may go after a pause. */
    enter(b, BREAKER_PROBING);
    b->until_ms = now_ms + b->limits->pause_max_ms;
    return b->round;
}

static void
count_failure(struct breaker *b, int64_t message, int64_t now_ms)
{
    if (b->failures > 0 && b->failed_message == message)
        return;
    b->failed_message = message;
    b->failures++;
    if (b->failures >= b->limits->failures)
        open_for(b, b->pause_ms, now_ms);
}

static void
end_probe(struct breaker *b, enum verdict_health health, int64_t now_ms)
{
    switch (health) {
    case HEALTH_GOOD:
        breaker_reset(b);
        break;
    case HEALTH_BAD:
    case HEALTH_BROKEN:
        open_for(b, b->pause_ms, now_ms);
        break;
    case HEALTH_NOTHING:
        /* It learned nothing: another probe, but not at once. */
        b->until_ms = now_ms + b->limits->pause_ms;
        break;
    }
}

bool
breaker_end(struct breaker *b, uint32_t ticket, enum verdict_health health,
            int64_t message, int64_t now_ms)
{
    enum breaker_state before = b->state;

    if (ticket != b->round || before == BREAKER_OPEN)
        return false;
    if (before == BREAKER_PROBING)
        end_probe(b, health, now_ms);
    else if (health == HEALTH_BROKEN)
        open_for(b, b->limits->pause_max_ms, now_ms);
    else if (health == HEALTH_BAD)
        count_failure(b, message, now_ms);
    else if (health == HEALTH_GOOD)
        b->failures = 0;
    return b->state != before;
}

int64_t
breaker_until_ms(const struct breaker *b)
{
    return b->state == BREAKER_CLOSED ? 0 : b->until_ms;
}
