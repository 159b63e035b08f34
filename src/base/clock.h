/* clock.h - the time, as a thing that is handed in. Policies take `now`;
 * only this file and loop.c read the world. */
#pragma once

#include <stdint.h>

#include "base/str.h"

struct clock {
    /* Milliseconds since 1970-01-01 UTC; may step. For what people see. */
    int64_t (*wall_ms)(struct clock *c);
    /* Milliseconds since some point; never steps. For waiting. */
    int64_t (*mono_ms)(struct clock *c);
    /* Nobody sets the wall clock: what is due then needs no second look. */
    bool is_steady;
};

struct clock *clock_system(void); /* thread-safe, static */

/* A clock that stands still until moved; for tests and the simulator. */
struct clock_virtual {
    struct clock base;
    int64_t now_ms;
};
void clock_virtual_init(struct clock_virtual *c, int64_t start_ms);

/* RFC 3339 in UTC with milliseconds, "2026-11-21T09:30:00.000Z". */
#define TIME_TEXT_SIZE 32
struct str time_format(char text[static TIME_TEXT_SIZE], int64_t wall_ms);
/* RFC 3339 with any offset, 0 to 9 digits of fraction (cut to ms). Years
 * 1970 to 9999. */
bool time_parse(struct str s, int64_t *ret_wall_ms);
/* RFC 5322, "Sat, 21 Nov 2026 09:30:00 +0000". */
struct str time_format_mail(char text[static TIME_TEXT_SIZE], int64_t wall_ms);
/* RFC 9110 HTTP-date, as in Retry-After: IMF-fixdate, and the two obsolete
 * forms that recipients have to take. */
bool time_parse_http(struct str s, int64_t *ret_wall_ms);
/* "250ms", "30s", "90m": the largest unit that is exact. */
struct str duration_format(char text[static TIME_TEXT_SIZE], int64_t ms);
