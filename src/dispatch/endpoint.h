/* endpoint.h - how the lane of an endpoint fares. Private to dispatch/. */
#pragma once

#include <stdint.h>

#include "app/workspace.h"

struct lane;

/* Since when nothing gets through (0: it does), and which version of its
 * document is being written over, since when. */
struct endpoint_course {
    int64_t failing_since_ms, noted_version, noted_ms;
};

/* One call in that lane came to that; of a provider's it says nothing. */
void lane_note_endpoint(struct lane *l, const struct workspace *w,
                        enum verdict v);
