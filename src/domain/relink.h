/* relink.h - other targets for the links of a mail's HTML. What it is not sure
 * of stays as it was written. Pure. */
#pragma once

#include "base/str.h"

#define RELINK_URL_MAX 1500 /* longer ones stay */

struct relink {
    struct arena *arena;
    /* Another target for that one, which is http or https; STR_NONE: it stays.
     * NULL: all stay. */
    struct str (*other)(void *arg, struct str url);
    void *arg;
    struct str tail; /* HTML for the end of the body; may be empty */
};

struct str relink_html(const struct relink *r, struct str html);
