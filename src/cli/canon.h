/* canon.h - JSON as it is kept in files: one way to write each value, so that
 * a repository of them shows nothing but what has changed. Members by key,
 * two blanks a level, short rows of plain values on one line. */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* With a newline at the end. */
void canon_put(struct json v, struct buf *out);
/* The same value, however its members are ordered and its text is escaped. */
bool canon_is_same(struct json a, struct json b);

/* The members of an object, by key. */
struct canon_member {
    struct str key;
    struct json value;
};
struct canon_member *canon_members(struct arena *a, struct json object,
                                   size_t *ret_n);
