/* cron.h - expressions of cron, and when they are due in a time zone.
 *
 * Five fields: minute, hour, day of month, month, day of week.
 * docs/schedules.md has the syntax, and what happens when clocks change:
 *
 * - A time that clocks skip is due at the first instant after the gap, once.
 * - A time that they show twice is due once, at the first.
 * - An hour field that begins with * goes by elapsed time: due in both of the
 *   repeated hours. With every hour due, nothing is made up after a gap, as no
 *   real hour is missing.
 *
 * A value without pointers: copied freely, any thread. */
#pragma once

#include "domain/zone.h"

struct cron {
    uint64_t minutes; /* one bit for each value */
    uint32_t hours;
    uint32_t days; /* 1..31 */
    uint16_t months;
    uint8_t weekdays;        /* 0 Sunday .. 6 Saturday */
    uint8_t last_weekdays;   /* "5L": of these the last in the month */
    uint8_t nth_weekdays[6]; /* "5#2": [2] has bit 5 */
    bool has_last_day;       /* "L" */
    bool any_day;            /* the field begins with * ... */
    bool any_weekday;        /* ... so that both fields have to match */
    bool any_hour;           /* elapsed time */
};

/* ERR_INVALID with *ret_why, static, and *ret_at, the byte at fault; also for
 * a day that no month has, such as 30 February. */
enum err cron_parse(struct str text, struct cron *ret, const char **ret_why,
                    size_t *ret_at) MUST_CHECK;

/* The first instant after after_ms at which it is due; INT64_MAX: none before
 * the year 10000. From 1970 on. */
int64_t cron_next(const struct cron *c, const struct zone *z, int64_t after_ms);
