/* schedule.h - when something recurs: an expression of cron or a rule of RFC
 * 5545, a time zone, and what becomes of runs that nobody made in time.
 *
 * A value without pointers to what it was read from: copied freely, any
 * thread. docs/schedules.md has it for users. */
#pragma once

#include "base/field.h"
#include "domain/cron.h"
#include "domain/recurrence.h"

#define SCHEDULE_TEXT_MAX 1024
#define SCHEDULE_UPCOMING 5 /* as many are shown */
/* "all" makes up this many at once, the oldest; the rest is left out. */
#define SCHEDULE_MISSED_MAX 100
#define SCHEDULE_COUNTED_MAX 1000 /* of what is left out */

enum schedule_misfire {
    MISFIRE_ONCE = 0, /* the last one of them */
    MISFIRE_ALL,
    MISFIRE_SKIP,
};

struct schedule {
    const struct zone *zone;
    enum schedule_misfire misfire;
    bool is_cron;
    union {
        struct cron cron;
        struct recurrence rule;
    };
};

struct schedule_missed {
    int64_t due_ms[SCHEDULE_MISSED_MAX]; /* to make now, the oldest first */
    size_t n;
    size_t n_left_out; /* due as well, and not to be made... */
    bool is_more;      /* ...and more than that, which nobody counted */
};

/* Rows of a table. */
#define SCHEDULE_FIELDS                                                        \
    {.name = "cron",                                                           \
     .type = FIELD_STRING,                                                     \
     .min = 1,                                                                 \
     .max = SCHEDULE_TEXT_MAX,                                                 \
     .doc = "Minute, hour, day of month, month, day of week; or @daily and "   \
            "the like. In place of rrule."},                                   \
        {.name = "rrule",                                                      \
         .type = FIELD_STRING,                                                 \
         .min = 1,                                                             \
         .max = SCHEDULE_TEXT_MAX,                                             \
         .doc = "A rule of RFC 5545, FREQ=...; in place of cron."},            \
        {.name = "timezone",                                                   \
         .type = FIELD_STRING,                                                 \
         .max = 64,                                                            \
         .doc = "IANA time zone; default UTC."},                               \
    {                                                                          \
        .name = "misfire", .type = FIELD_ENUM, .values = schedule_misfires,    \
        .doc = "What becomes of runs missed while Belfry was down: once (the " \
               "last one, the default), all, skip."                            \
    }
extern const char *const schedule_misfires[]; /* ends with NULL */
extern const struct field schedule_fields[];  /* these alone */

/* What field_check() has let pass; further faults go to *p, with pointers below
 * `at`. Start_ms is when the schedule was made: a rule without a DTSTART counts
 * from the midnight before it, in its zone. */
enum err schedule_read(struct json doc, struct str at, int64_t start_ms,
                       struct problem *p, struct schedule *ret) MUST_CHECK;

/* The first instant after after_ms; INT64_MAX: none. */
int64_t schedule_next(const struct schedule *s, int64_t after_ms);
/* The next n, in order; fewer where it ends. */
size_t schedule_upcoming(const struct schedule *s, int64_t after_ms, size_t n,
                         int64_t *ret_ms);
/* What was due after last_ms, which is how far the schedule has been looked at,
 * and up to now_ms: what of it to make now. Nothing is missed that is at most
 * late_ms late, so "skip" makes that, too. */
void schedule_missed(const struct schedule *s, int64_t last_ms, int64_t now_ms,
                     int64_t late_ms, struct schedule_missed *ret);
