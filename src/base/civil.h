/* civil.h - the proleptic Gregorian calendar: days and what they are called. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* What a clock on the wall shows. */
struct civil {
    int year, month, day;     /* month 1..12, day 1..31 */
    int hour, minute, second; /* no leap seconds */
    int weekday;              /* 0 Monday .. 6 Sunday; an input ignores it */
};

/* Towards minus infinity. */
static inline int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01; a day may lie outside its month. Years within a
 * hundred million of ours. */
int64_t civil_days(int64_t year, int month, int64_t day);
/* As a clock of UTC shows it. */
struct civil civil_from_seconds(int64_t s);
bool civil_is_leap(int64_t year);
