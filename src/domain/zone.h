/* zone.h - IANA time zones: from an instant to what a clock on the wall shows,
 * and back. The rules come from the system's tzdata, else from ICU, once for
 * each zone; what is asked after that is a search in a table.
 * What is sure of that, and what is not, is in docs/time.md.
 *
 * Instants are milliseconds since 1970 in UTC, without leap seconds. Before
 * ZONE_FIRST_YEAR the offset is that of its first instant; rules end with
 * ZONE_LAST_YEAR, and after it the offset stays as it is then. */
#pragma once

#include "base/civil.h"
#include "base/err.h"
#include "base/str.h"

#define ZONE_FIRST_YEAR 1970
#define ZONE_LAST_YEAR 2100

struct problem;
struct zone;

/* Any IANA name or alias, exactly as written; no offsets ("GMT+3"), and none of
 * the abbreviations that only ICU knows ("PST"). NULL: there is no such zone,
 * or neither tzdata nor ICU, which icu_fault() tells. Immutable, never freed;
 * any thread. The first call with a name reads a file, or loads ICU, which may
 * take milliseconds. */
const struct zone *zone_find(struct str name);
const struct zone *zone_utc(void); /* needs neither */
/* What somebody may have meant by a name that is none; NULL: no idea. Slow: it
 * is for a message to them. */
const struct zone *zone_nearest(struct str name);
/* Says so of a name that is none, with what may have been meant. */
void zone_refuse(struct str name, struct str pointer, struct problem *p);
struct str zone_name(const struct zone *z); /* as it was found; static */

/* Milliseconds are dropped, also before 1970: what it shows has begun. */
struct civil zone_civil(const struct zone *z, int64_t utc_ms);
/* Days and the like may lie outside their ranges: the 32nd is the 1st, and
 * hour 24 is the next day's 0. Such sums are made on the calendar, before the
 * zone is asked.
 *
 * What no clock shows, as the hour is skipped, is as long after the last
 * instant before the gap as it was meant to be (RFC 5545 3.3.5: the offset
 * before the gap): 02:30 of a night that skips 02:00 to 03:00 is 03:30. Of
 * what clocks show twice, the first. */
int64_t zone_instant(const struct zone *z, struct civil c);
/* The first instant at which clocks show this or later. It differs only where
 * the hour is skipped: then it is the end of the gap, 03:00. For bounds, as
 * what is later on the wall is never earlier here. */
int64_t zone_first_instant(const struct zone *z, struct civil c);
/* The next instant after utc_ms at which the offset changes; INT64_MAX: none */
int64_t zone_next_change(const struct zone *z, int64_t utc_ms);
