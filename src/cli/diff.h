/* diff.h - where two JSON documents differ, for people and programs. */
#pragma once

#include "base/json.h"
#include "cli/term.h"

struct diff_entry {
    struct str pointer;        /* RFC 6901 */
    struct json before, after; /* absent: it is not there */
};

struct diff {
    struct diff_entry *entries;
    size_t n;
};

struct diff diff_of(struct arena *a, struct json before, struct json after);
/* A line for each entry, or several where a long text has changed. */
void diff_put(const struct term *t, struct arena *a, const struct diff *d,
              struct buf *out);
/* [{"pointer","before","after"}], what is absent left out. */
void diff_put_json(const struct diff *d, struct json_writer *w);
