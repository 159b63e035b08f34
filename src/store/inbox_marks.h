/* inbox_marks.h - what a mark does to items and to the user's counts, for the
 * drivers that keep them in tables. Pure. */
#pragma once

#include "store/inbox.h"

struct inbox_marks { /* of one item */
    int64_t id;
    int64_t seen_ms, read_ms, archived_ms;
};

/* Where a mark of all ends, when the user's rev is the one given. */
int64_t inbox_marks_end(const struct store_inbox_mark *r, int64_t rev);
/* Those that change come to the front, in their order; returns how many. */
size_t inbox_marks_change(const struct store_inbox_mark *r,
                          struct inbox_marks *all, size_t n,
                          struct inbox_counts *counts);
/* What is told of it: r has its results, and n_changed of `changed`. `end` is
 * of a mark of all. */
void inbox_marks_event(const struct store_inbox_mark *r,
                       const struct inbox_marks *changed, int64_t end,
                       struct arena *a, struct inbox_event *ret);
