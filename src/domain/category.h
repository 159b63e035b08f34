/* category.h - a kind of notification, as the workspace has set it up. */
#pragma once

#include "base/str.h"

/* What happens to it in a user's quiet hours. */
enum quiet_policy {
    QUIET_DEFER, /* it goes out when they end */
    QUIET_DROP,
    QUIET_BREAK_THROUGH,
    QUIET_DIGEST, /* what comes in them goes out as one when they end */
    /* To the inbox in place of channels that would disturb; it goes out when
     * they end to those who want nothing there. */
    QUIET_REROUTE,
};

/* What becomes of a call that may have sent it, and nobody knows. */
enum unknown_policy {
    UNKNOWN_STAYS,  /* tried again with the same provider */
    UNKNOWN_HOLD,   /* held until a person decides */
    UNKNOWN_RESEND, /* as if it was surely not sent: another may take over */
};

/* At most so many in any window of that length; domain/throttle.h. */
struct throttle {
    int limit; /* 0: as many as there are */
    int64_t per_ms;
};

struct category {
    struct str key;
    const struct str *channels; /* of a send that names none; may be none */
    size_t n_channels;
    bool is_critical; /* goes out whatever the preferences say */
    enum quiet_policy quiet;
    enum unknown_policy unknown;
    struct throttle throttle;         /* of each user */
    bool tracks_opens, tracks_clicks; /* of its mails */
    int64_t sla_ms; /* from due to the first call; 0: nobody promised it */
};
