/* respite.c - see respite.h. */
#include "dispatch/respite.h"

static int64_t
time_for(struct respite *r, int64_t asked_ms)
{
    if (asked_ms > 0)
        return asked_ms > RESPITE_MAX_MS ? RESPITE_MAX_MS : asked_ms;
    r->pause_ms = r->pause_ms > 0 ? 2 * r->pause_ms : RESPITE_MIN_MS;
    if (r->pause_ms > RESPITE_OWN_MAX_MS)
        r->pause_ms = RESPITE_OWN_MAX_MS;
    return r->pause_ms;
}

bool
respite_refused(struct respite *r, int64_t message, int64_t asked_ms,
                int64_t now_ms)
{
    bool is_again = r->refused > 0 && r->message == message;

    r->message = message;
    if (!respite_is_on(r) && !is_again)
        r->refused++;
    /* One that was under way when it began: it is no news. */
    if (!respite_is_on(r) || now_ms < r->until_ms)
        return false;
    r->until_ms = now_ms + time_for(r, asked_ms);
    return true;
}

bool
respite_answered(struct respite *r, int64_t now_ms)
{
    bool was_on = respite_is_on(r);

    if (was_on && now_ms < r->until_ms) /* the same */
        return false;
    *r = (struct respite){0};
    return was_on;
}

int64_t
respite_until_ms(const struct respite *r)
{
    return r->until_ms;
}

bool
respite_is_on(const struct respite *r)
{
    return r->refused >= RESPITE_MESSAGES;
}
