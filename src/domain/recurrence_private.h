/* recurrence_private.h - between the reader of rules and what walks
 * them. */
#pragma once

#include "domain/recurrence.h"

#define RECURRENCE_SECOND_MS INT64_C(1000)
#define RECURRENCE_MINUTE_MS (60 * RECURRENCE_SECOND_MS)
#define RECURRENCE_HOUR_MS (60 * RECURRENCE_MINUTE_MS)
#define RECURRENCE_DAY_MS (24 * RECURRENCE_HOUR_MS)

void recurrence_set_add(struct recurrence_set *s, int v);
bool recurrence_set_has(const struct recurrence_set *s, int v);
/* The smallest value above v; INT_MIN: the first; INT_MAX: none. */
int recurrence_set_next(const struct recurrence_set *s, int v);

/* Parts as they are written; what they leave open stays so. */
enum err recurrence_read(struct str text, const struct zone *z,
                         int64_t start_ms, struct recurrence *ret,
                         const char **ret_why, size_t *ret_at) MUST_CHECK;
