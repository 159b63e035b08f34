/* event.c - see event.h. Pure, any thread. */
#include "domain/event.h"

#include <assert.h>

static const struct {
    const char *name, *sentence;
} events[EVENT_COUNT] = {
#define EVENT(id, text, sentence) [EVENT_##id] = {text, sentence},
#include "domain/events.def"
#undef EVENT
};

const char *
event_name(enum event_kind k)
{
    assert(k < EVENT_COUNT);
    return events[k].name;
}

const char *
event_sentence(enum event_kind k)
{
    assert(k < EVENT_COUNT);
    return events[k].sentence;
}

event_set
event_match(struct str pattern)
{
    bool is_all = str_ends(pattern, STR(".*"));
    struct str family = str_sub(pattern, 0, pattern.n - (is_all ? 1 : 0));
    event_set found = 0;

    for (int k = 0; k < EVENT_COUNT; k++) {
        struct str name = str_from(events[k].name);

        if (is_all ? str_starts(name, family) : str_eq(name, pattern))
            found |= EVENT_BIT(k);
    }
    return family.n > 1 ? found : 0;
}

/* ---- what was meant ---- */

/* The families as patterns; a name's own is found by its beginning. */
static const char *const patterns[] = {"delivery.*", "inbox.*", "endpoint.*",
                                       "suppression.*"};
#define N_PATTERNS (sizeof(patterns) / sizeof(*patterns))
#define NEAR 4 /* edits; further away it is a word of its own */

const char *
event_guess(struct str pattern)
{
    const char *best = NULL;
    size_t least = NEAR + 1;

    for (size_t i = 0; i < EVENT_COUNT + N_PATTERNS; i++) {
        const char *name =
            i < EVENT_COUNT ? events[i].name : patterns[i - EVENT_COUNT];
        size_t edits = str_distance(pattern, str_from(name));

        if (edits >= least)
            continue;
        least = edits;
        best = name;
    }
    return best;
}

/* ---- which change is which ---- */

enum event_kind
event_of_status(enum delivery_status s)
{
    switch (s) {
    case DELIVERY_RETRYING:
        return EVENT_DELIVERY_RETRYING;
    case DELIVERY_DELIVERED:
        return EVENT_DELIVERY_DELIVERED;
    case DELIVERY_SENT:
        return EVENT_DELIVERY_SENT;
    case DELIVERY_FAILED:
        return EVENT_DELIVERY_FAILED;
    case DELIVERY_DEAD:
        return EVENT_DELIVERY_DEAD;
    case DELIVERY_SUPPRESSED:
        return EVENT_DELIVERY_SUPPRESSED;
    case DELIVERY_MERGED:
        return EVENT_DELIVERY_MERGED;
    case DELIVERY_CANCELLED:
        return EVENT_DELIVERY_CANCELLED;
    case DELIVERY_EXPIRED:
        return EVENT_DELIVERY_EXPIRED;
    case DELIVERY_QUEUED:
    case DELIVERY_HELD:
    case DELIVERY_SENDING:
    case DELIVERY_STATUS_COUNT:
        break;
    }
    return EVENT_NONE;
}

enum event_kind
event_of_receipt(enum receipt_kind k)
{
    switch (k) {
    case RECEIPT_DELIVERED:
        return EVENT_DELIVERY_DELIVERED;
    case RECEIPT_BOUNCED:
        return EVENT_DELIVERY_BOUNCED;
    case RECEIPT_FAILED:
        return EVENT_DELIVERY_FAILED;
    case RECEIPT_COMPLAINED:
        return EVENT_DELIVERY_COMPLAINED;
    case RECEIPT_UNSUBSCRIBED:
        return EVENT_DELIVERY_UNSUBSCRIBED;
    case RECEIPT_OPENED:
        return EVENT_DELIVERY_OPENED;
    case RECEIPT_CLICKED:
        return EVENT_DELIVERY_CLICKED;
    case RECEIPT_DEFERRED:
    case RECEIPT_ACTION:
    case RECEIPT_RESUBSCRIBED:
    case RECEIPT_KINDS:
        break;
    }
    return EVENT_NONE;
}

bool
event_is_told(event_set tells, enum delivery_status s, struct str channel)
{
    enum event_kind k = event_of_status(s);

    return k != EVENT_NONE && (tells & EVENT_BIT(k)) &&
           !str_is(channel, EVENT_CHANNEL);
}
