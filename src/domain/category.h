/* category.h - a kind of notification, as the workspace has set it up. */
#pragma once

#include "base/str.h"

/* What happens to it in a user's quiet hours. */
enum quiet_policy {
    QUIET_DEFER, /* it goes out when they end */
    QUIET_DROP,
    QUIET_BREAK_THROUGH,
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
    struct throttle throttle; /* of each user */
};
