/* condition.h - a question about data, as a workflow's branch asks it. Pure.
 *
 *   {"path": "data.total", "op": "gt", "value": "99.90"}
 *   {"flag": "new_checkout"}
 *   {"all": [...]}, {"any": [...]}, {"not": {...}}
 *
 * A flag is on if it is true in the root "flags". A path names a root ("data",
 * "user", ...) and members below it; a number is the index of an array. What is
 * not there is absent, which equals nothing and is not in any order. Numbers,
 * also those in strings, are compared exactly; other strings byte by byte,
 * which is right for RFC 3339 times in UTC. */
#pragma once

#include "base/field.h"

#define CONDITION_DEPTH_MAX 8
#define CONDITION_NODES_MAX 100

/* Adds each fault to *p, with pointers below `at`. roots: those that paths may
 * begin with; ends with NULL. */
void condition_check(struct json condition, const char *const *roots,
                     struct str at, struct problem *p);
bool condition_is_path(struct str path, const char *const *roots);
/* "\"data\" or \"user\"" */
struct str condition_roots_text(struct arena *a, const char *const *roots);

struct condition_root {
    const char *name; /* "data" */
    struct json value;
};
/* What a path leads to; absent: nothing. */
struct json condition_look_up(struct str path,
                              const struct condition_root *roots, size_t n);
/* Whether all of its paths begin with one of the roots; the same. */
bool condition_is_known(struct arena *a, struct json condition,
                        const struct condition_root *roots, size_t n);
/* Of one that condition_check() found well. */
bool condition_holds(struct arena *a, struct json condition,
                     const struct condition_root *roots, size_t n);
