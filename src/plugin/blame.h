/* blame.h - which messages a child died of, so that one that does it again and
 * again is put aside. By the ids of deliveries; of those it knows the last few,
 * for a while. Pure. */
#pragma once

#include "base/id.h"

#define BLAME_ROWS 64
#define BLAME_WINDOW_MS (3600 * INT64_C(1000))
#define BLAME_LIMIT 3 /* crashes within the window, and it is given up */

struct blame {
    struct blame_row {
        char key[ID_TEXT_MAX]; /* empty: a free row */
        int64_t first_ms;      /* monotonic */
        int n;
    } rows[BLAME_ROWS];
};

/* One more crash in the hands of that one; how many that makes. The key is
 * shorter than ID_TEXT_MAX; an empty one is nobody's. */
int blame_add(struct blame *b, struct str key, int64_t now_ms);
/* It went through. */
void blame_clear(struct blame *b, struct str key);
