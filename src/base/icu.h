/* icu.h - what Belfry asks of ICU, the library of what differs by place and
 * language: time zones; numbers, dates and plurals are in icu_format.h.
 *
 * No other files know ICU. It is loaded by the first call that needs it, so a
 * process that asks nothing pays nothing, neither in memory nor at its start.
 * Any thread; what is loaded stays. A machine without it runs on, and each
 * call says ERR_UNAVAILABLE. */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "base/tzif.h"

/* NULL: ICU is there, and loaded. Else why it is not, for an operator. */
const char *icu_fault(void);
/* Of the rules of time zones, "2022e"; empty without ICU. Static. */
struct str icu_zones_version(void);

#define ICU_ZONE_NAME_MAX 64 /* bytes; the longest one has 32 */

/* What holds at from_ms, and each change of the offset after it and before
 * until_ms. Rows are on the heap and the caller's to free. Linear and slow:
 * about a microsecond for each change. ERR_NOT_FOUND: ICU knows no such zone.
 */
enum err icu_zone_changes(struct str name, int64_t from_ms, int64_t until_ms,
                          struct zone_changes *ret) MUST_CHECK;
/* Each name that ICU knows, aliases too; the text lasts for the call. */
enum err icu_zone_each(void (*each)(void *arg, struct str name),
                       void *arg) MUST_CHECK;
