/* recurrence.h - rules of RFC 5545 (RRULE), and when they are due in a zone.
 *
 * A rule counts from a start, its DTSTART, which also gives what the rule
 * leaves open: the time of day, the weekday, the day. The start is due only
 * where it fits the rule.
 *
 * DAILY and coarser are times on the wall. What clocks skip is due as long
 * after the gap as it was meant to be after its beginning, what they show twice
 * at the first (RFC 5545 3.3.5). HOURLY and MINUTELY go by elapsed time: an
 * INTERVAL is that many real hours or minutes. docs/schedules.md has more.
 *
 * A value without pointers: copied freely, any thread. */
#pragma once

#include "domain/zone.h"

#define RECURRENCE_COUNT_MAX 10000
#define RECURRENCE_INTERVAL_MAX 9999
#define RECURRENCE_TIMES_MAX 1440 /* in a day, or an hour of HOURLY */
/* How far ahead a search goes: beyond that it is never. */
#define RECURRENCE_YEARS 100

enum recurrence_freq {
    RECURRENCE_NONE = 0,
    RECURRENCE_MINUTELY,
    RECURRENCE_HOURLY,
    RECURRENCE_DAILY,
    RECURRENCE_WEEKLY,
    RECURRENCE_MONTHLY,
    RECURRENCE_YEARLY,
};

enum recurrence_part {
    BY_SECOND,
    BY_MINUTE,
    BY_HOUR,
    BY_DAY, /* as (weekday 1 Sunday .. 7) + 8 n, or the negative of it */
    BY_MONTHDAY,
    BY_YEARDAY,
    BY_WEEKNO,
    BY_MONTH,
    BY_SETPOS,
    RECURRENCE_PARTS,
};

/* Private to recurrence*.c from here on. */
#define RECURRENCE_VALUE_MAX 447

struct recurrence_set {
    int n;
    uint64_t bits[14]; /* -447..447 */
};

struct recurrence {
    enum recurrence_freq freq;
    int interval;
    int week_start; /* 0 Monday */
    int count;      /* 0: none */
    struct recurrence_set by[RECURRENCE_PARTS];
    int64_t start_ms;      /* DTSTART; no milliseconds */
    int64_t start_wall_ms; /* what clocks show then, as if it were UTC */
    int64_t until_ms;      /* the last instant, INT64_MAX: none */
    int64_t last_point;    /* of COUNT: on the wall, or the instant by freq */
};

/* start_ms is the DTSTART, unless the text has one of its own in a line above:
 * "DTSTART:20260105T090000", in this zone, or UTC with a Z.
 *
 * ERR_INVALID, or ERR_NOT_SUPPORTED, with *ret_why, static, and *ret_at, the
 * byte at fault; also for a rule that is due at no time at all. */
enum err recurrence_parse(struct str text, const struct zone *z,
                          int64_t start_ms, struct recurrence *ret,
                          const char **ret_why, size_t *ret_at) MUST_CHECK;

/* The first instant after after_ms at which it is due; INT64_MAX: none. */
int64_t recurrence_next(const struct recurrence *r, const struct zone *z,
                        int64_t after_ms);
