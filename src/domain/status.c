/* status.c - see status.h. Pure, any thread. */
#include "domain/status.h"

#include <assert.h>

static const struct {
    const char *name;
    bool is_terminal;
} statuses[DELIVERY_STATUS_COUNT] = {
    [DELIVERY_QUEUED] = {"queued", false},
    [DELIVERY_HELD] = {"held", false},
    [DELIVERY_SENDING] = {"sending", false},
    [DELIVERY_RETRYING] = {"retrying", false},
    [DELIVERY_DELIVERED] = {"delivered", true},
    [DELIVERY_SENT] = {"sent", true},
    [DELIVERY_FAILED] = {"failed", true},
    [DELIVERY_DEAD] = {"dead", true},
    [DELIVERY_SUPPRESSED] = {"suppressed", true},
    [DELIVERY_MERGED] = {"merged", true},
    [DELIVERY_CANCELLED] = {"cancelled", true},
    [DELIVERY_EXPIRED] = {"expired", true},
};

static const char *const priorities[PRIORITY_COUNT] = {
    [PRIORITY_CRITICAL] = "critical",
    [PRIORITY_HIGH] = "high",
    [PRIORITY_NORMAL] = "normal",
    [PRIORITY_LOW] = "low",
};

const char *
delivery_status_name(enum delivery_status s)
{
    assert(s < DELIVERY_STATUS_COUNT);
    return statuses[s].name;
}

bool
delivery_status_parse(struct str s, enum delivery_status *ret)
{
    for (int i = 0; i < DELIVERY_STATUS_COUNT; i++) {
        if (str_is(s, statuses[i].name)) {
            *ret = (enum delivery_status)i;
            return true;
        }
    }
    return false;
}

bool
delivery_status_is_terminal(enum delivery_status s)
{
    assert(s < DELIVERY_STATUS_COUNT);
    return statuses[s].is_terminal;
}

bool
delivery_status_is_success(enum delivery_status s)
{
    return s == DELIVERY_DELIVERED || s == DELIVERY_SENT;
}

const char *
priority_name(enum priority p)
{
    assert(p < PRIORITY_COUNT);
    return priorities[p];
}

bool
priority_parse(struct str s, enum priority *ret)
{
    for (int i = 0; i < PRIORITY_COUNT; i++) {
        if (str_is(s, priorities[i])) {
            *ret = (enum priority)i;
            return true;
        }
    }
    return false;
}
