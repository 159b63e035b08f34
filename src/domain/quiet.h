/* quiet.h - the hours in which somebody is not to be disturbed.
 *
 *   {"start": "22:00", "end": "07:00", "timezone": "Europe/Berlin",
 *    "days": ["mon", "tue", "wed", "thu", "fri"]}
 *
 * `days` are those on which a window starts; without it, each day. An end that
 * is not after the start is on the next day, so a window that ends when it
 * starts ("00:00" to "00:00") is 24 hours of the wall. "24:00" is an end, too.
 *
 * A window is quiet from the first instant at which clocks show its start or
 * later, to the first at which they show its end or later. What that makes of
 * skipped and doubled hours is in docs/time.md. */
#pragma once

#include "base/field.h"
#include "domain/zone.h"

#define QUIET_FOR_EVER INT64_MAX

struct quiet_hours {
    int start_min, end_min;  /* of the day, 0 .. 1439 */
    unsigned days;           /* bit 0: Monday .. bit 6: Sunday */
    const struct zone *zone; /* for ever there */
};

extern const struct field quiet_fields[];

/* True: *ret is filled. Each fault is added to *p, with pointers below `at`.
 * Without a zone, and where there is no such one, `fallback` holds; the latter
 * is a fault, too. So who takes a new document refuses it by what is in *p,
 * and who plans with a stored one goes by the result alone. */
bool quiet_read(struct json doc, struct str at, const struct zone *fallback,
                struct problem *p, struct quiet_hours *ret);

/* "07:30": of the day; the hour may be any of two digits. */
bool quiet_parse_minute(struct str s, int *ret);
/* The same up to `last`; false: it is refused. */
bool quiet_read_minute(struct str s, int last, struct str pointer,
                       struct problem *p, int *ret);

/* 0: now is not quiet. Else the end of the window, and of those that follow it
 * without a gap; QUIET_FOR_EVER where each day is quiet for all of it. */
int64_t quiet_until(const struct quiet_hours *q, int64_t now_ms);
