/* map.h - a hash map from text to a pointer. Keys are copied. SipHash with a
 * key drawn at start: callers choose the text, so it must resist flooding.
 *
 * Not thread-safe. Values are the caller's. */
#pragma once

#include "base/str.h"

struct map;

struct map *map_new(void);
void map_free(struct map *m); /* NULL is allowed */
size_t map_count(const struct map *m);
void *map_get(const struct map *m, struct str key);        /* NULL: not there */
void *map_put(struct map *m, struct str key, void *value); /* returns the old */
void *map_remove(struct map *m, struct str key);           /* returns it */

/* Walk in no order: start with *at = 0; false at the end. Removing the entry
 * just returned is allowed, adding is not. */
bool map_next(const struct map *m, size_t *at, struct str *ret_key,
              void **ret_value);
