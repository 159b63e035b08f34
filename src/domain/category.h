/* category.h - a kind of notification, as the workspace has set it up. */
#pragma once

#include "base/str.h"

/* What happens to it in a user's quiet hours. */
enum quiet_policy {
    QUIET_DEFER, /* it goes out when they end */
    QUIET_DROP,
    QUIET_BREAK_THROUGH,
};

struct category {
    struct str key;
    const struct str *channels; /* of a send that names none; may be none */
    size_t n_channels;
    bool is_critical; /* goes out whatever the preferences say */
    enum quiet_policy quiet;
};
