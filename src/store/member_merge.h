/* member_merge.h - for drivers: sets that were read in order, a piece of each,
 * become one list of users. */
#pragma once

#include "store/member.h"

struct member_run {
    struct str *users; /* in order, from m->after on */
    size_t n;          /* at most member_run_max() */
    bool has_more;     /* in this set */
};

/* How much of each set is read. Of many sets only a piece: all of them
 * together are a few pages. */
size_t member_run_max(const struct store_members *m, size_t limit);
/* Fills the result of m, with at most `limit` users. */
void member_merge(struct store_members *m, const struct member_run *runs,
                  size_t limit);
