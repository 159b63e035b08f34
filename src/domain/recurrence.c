/* recurrence.c - see recurrence.h.
 *
 * A rule is walked period by period: a day, week, month or year on the wall,
 * and each day in it that all parts allow at each time of the day; or an hour
 * or minute of real time. For whole days every part can be asked of one day
 * alone, once the parts that a rule leaves open have been filled in: so what
 * RFC 5545 calls to expand and to limit is the same. A walk ends a hundred
 * years ahead.
 *
 * libical 3.0 was tried for it, and differed from other libraries where a
 * WKST is not Monday, with BYWEEKNO, with BYSETPOS among times of day, with a
 * BYMONTHDAY that counts from the end in FREQ=DAILY; a rule without any day
 * kept it busy for a third of a second. Pure, any thread. */
#include "domain/recurrence_private.h"

#include <assert.h>
#include <limits.h>

#define DAYS_MAX 366 /* in a period */
/* Hours, minutes or days without a run, one after the other. In a hundred
 * years there are 36,525 days, and a day that is not allowed is one. */
#define EMPTY_STEPS_MAX 60000
#define HORIZON_MS (RECURRENCE_YEARS * INT64_C(366) * RECURRENCE_DAY_MS)
#define LAST_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

struct walk {
    const struct recurrence *rule;
    const struct zone *zone;
    int64_t end;    /* points at or after it are never */
    int64_t period; /* on the wall: its first day; then its days */
    int64_t days[DAYS_MAX];
    int n_days;
    int64_t step; /* elapsed: how many intervals after the start */
    int64_t base; /* elapsed: the beginning of its hour or minute */
    int n_empty;  /* elapsed: steps since there was a point */
    int times[RECURRENCE_TIMES_MAX]; /* seconds in the day, hour or minute */
    int n_times;
    int i, n; /* of the period's points */
};

/* ---- the calendar ---- */

static int64_t
round_down(int64_t v, int64_t unit)
{
    return v - ((v % unit) + unit) % unit;
}

static int64_t
day_of_wall(int64_t wall_ms)
{
    return round_down(wall_ms, RECURRENCE_DAY_MS) / RECURRENCE_DAY_MS;
}

static int64_t
day_of_civil(int year, int month, int day)
{
    struct civil c = {.year = year, .month = month, .day = day};

    return day_of_wall(zone_instant(zone_utc(), c));
}

static int64_t
wall_of(const struct zone *z, int64_t utc_ms)
{
    return zone_instant(zone_utc(), zone_civil(z, utc_ms));
}

static int64_t
instant_of(const struct zone *z, int64_t wall_ms)
{
    return zone_instant(z, zone_civil(zone_utc(), wall_ms));
}

static bool
is_elapsed(const struct recurrence *r)
{
    return r->freq <= RECURRENCE_HOURLY;
}

/* A part that is not there allows all. */
static bool
allows(const struct recurrence_set *s, int v)
{
    return s->n == 0 || recurrence_set_has(s, v);
}

/* Counted from the beginning of n, or with a minus from their end. */
static bool
allows_of(const struct recurrence_set *s, int v, int n)
{
    return allows(s, v) || recurrence_set_has(s, v - n - 1);
}

/* What a part may ask of a day. */
struct date {
    int64_t day; /* since 1970 */
    struct civil civil;
    int yearday;
    int n_month, n_year; /* days in its month and year */
};

static struct date
date_of(int64_t day)
{
    struct civil c = zone_civil(zone_utc(), day * RECURRENCE_DAY_MS);
    int64_t new_year = day_of_civil(c.year, 1, 1);

    return (struct date){
        .day = day,
        .civil = c,
        .yearday = (int)(day - new_year) + 1,
        .n_month =
            (int)(day_of_civil(c.year, c.month + 1, 1) - day) + c.day - 1,
        .n_year = (int)(day_of_civil(c.year + 1, 1, 1) - new_year),
    };
}

static int64_t
week_of(const struct recurrence *r, int64_t day)
{
    int weekday = zone_civil(zone_utc(), day * RECURRENCE_DAY_MS).weekday;

    return day - (weekday - r->week_start + 7) % 7;
}

/* A week is of the year that has its fourth day, and so most of it. */
static bool
allows_week(const struct recurrence *r, int64_t day)
{
    struct date fourth = date_of(week_of(r, day) + 3);
    int64_t last = week_of(r, day_of_civil(fourth.civil.year, 12, 28)) + 3;
    int n = (fourth.yearday - 1) / 7 + 1;

    return allows_of(&r->by[BY_WEEKNO], n, n + (int)(last - fourth.day) / 7);
}

/* As many weekdays into n days, or before their end: 2MO, -1FR. */
static bool
has_numbered(const struct recurrence_set *s, int weekday, int at, int n)
{
    return recurrence_set_has(s, ((at - 1) / 7 + 1) * 8 + weekday) ||
           recurrence_set_has(s, -(((n - at) / 7 + 1) * 8 + weekday));
}

static bool
allows_weekday(const struct recurrence *r, const struct date *d)
{
    const struct recurrence_set *s = &r->by[BY_DAY];
    int weekday = (d->civil.weekday + 1) % 7 + 1;

    if (allows(s, weekday))
        return true;
    if (r->freq == RECURRENCE_YEARLY && r->by[BY_MONTH].n == 0)
        return has_numbered(s, weekday, d->yearday, d->n_year);
    return has_numbered(s, weekday, d->civil.day, d->n_month);
}

static bool
allows_day(const struct recurrence *r, int64_t day)
{
    const struct recurrence_set *by = r->by;
    struct date d = date_of(day);

    return allows(&by[BY_MONTH], d.civil.month) &&
           allows_of(&by[BY_MONTHDAY], d.civil.day, d.n_month) &&
           allows_of(&by[BY_YEARDAY], d.yearday, d.n_year) &&
           allows_weekday(r, &d) &&
           (by[BY_WEEKNO].n == 0 || allows_week(r, day));
}

/* The first day of the week, month or year that it is in, and how many of them
 * lie between the start's and it. */
static int64_t
period_of(const struct recurrence *r, int64_t day, int64_t *ret_n)
{
    int64_t first = day_of_wall(r->start_wall_ms), period = day,
            n = day - first;
    struct civil c = zone_civil(zone_utc(), day * RECURRENCE_DAY_MS);
    struct civil s = zone_civil(zone_utc(), r->start_wall_ms);

    switch (r->freq) {
    case RECURRENCE_WEEKLY:
        period = week_of(r, day);
        n = (period - week_of(r, first)) / 7;
        break;
    case RECURRENCE_MONTHLY:
        period = day - (c.day - 1);
        n = (c.year - s.year) * 12 + c.month - s.month;
        break;
    case RECURRENCE_YEARLY:
        period = day_of_civil(c.year, 1, 1);
        n = c.year - s.year;
        break;
    case RECURRENCE_NONE:
    case RECURRENCE_MINUTELY:
    case RECURRENCE_HOURLY:
    case RECURRENCE_DAILY:
        break;
    }
    *ret_n = n;
    return period;
}

static int64_t
period_after(const struct recurrence *r, int64_t period, int n)
{
    struct civil c = zone_civil(zone_utc(), period * RECURRENCE_DAY_MS);

    switch (r->freq) {
    case RECURRENCE_WEEKLY:
        return period + INT64_C(7) * n;
    case RECURRENCE_MONTHLY:
        return day_of_civil(c.year, c.month + n, 1);
    case RECURRENCE_YEARLY:
        return day_of_civil(c.year + n, 1, 1);
    case RECURRENCE_NONE:
    case RECURRENCE_MINUTELY:
    case RECURRENCE_HOURLY:
    case RECURRENCE_DAILY:
        break;
    }
    return period + n;
}

/* ---- points on the wall ---- */

/* All days of the next period that has any; false: there is none. */
static bool
next_wall_period(struct walk *w)
{
    const struct recurrence *r = w->rule;

    w->n_days = 0;
    while (w->n_days == 0) {
        int64_t day = w->period, end = period_after(r, day, 1);

        if (day * RECURRENCE_DAY_MS >= w->end)
            return false;
        for (; day < end; day++)
            if (allows_day(r, day))
                w->days[w->n_days++] = day;
        w->period = period_after(r, w->period, r->interval);
    }
    w->n = w->n_days * w->n_times;
    return true;
}

static void
start_wall(struct walk *w, int64_t from_ms)
{
    const struct recurrence *r = w->rule;
    int64_t first = day_of_wall(r->start_wall_ms), from = day_of_wall(from_ms);
    int64_t n, period = period_of(r, from < first ? first : from, &n);
    int late = (int)(n % r->interval);

    w->period = late > 0 ? period_after(r, period, r->interval - late) : period;
}

/* ---- instants ---- */

static int64_t
unit_of(const struct recurrence *r)
{
    return r->freq == RECURRENCE_HOURLY ? RECURRENCE_HOUR_MS
                                        : RECURRENCE_MINUTE_MS;
}

/* The first step at or after that instant, but a further one. */
static void
step_to(struct walk *w, int64_t instant)
{
    int64_t size = w->rule->interval * unit_of(w->rule);
    int64_t step = (instant - w->rule->start_ms + size - 1) / size;

    w->step = step > w->step ? step : w->step + 1;
}

static bool
next_elapsed_period(struct walk *w)
{
    const struct recurrence *r = w->rule;
    const struct recurrence_set *by = r->by;
    int64_t size = r->interval * unit_of(r);

    while (w->n_empty++ < EMPTY_STEPS_MAX) {
        int64_t at = r->start_ms + w->step * size;
        struct civil c = zone_civil(w->zone, at);
        int64_t second_ms = c.second * RECURRENCE_SECOND_MS;
        int64_t minute_ms = c.minute * RECURRENCE_MINUTE_MS;

        if (at >= w->end)
            return false;
        if (!allows_day(r, day_of_civil(c.year, c.month, c.day))) {
            step_to(w, zone_instant(w->zone, (struct civil){.year = c.year,
                                                            .month = c.month,
                                                            .day = c.day + 1}));
        } else if (!allows(&by[BY_HOUR], c.hour)) {
            step_to(w, at - minute_ms - second_ms + RECURRENCE_HOUR_MS);
        } else if (r->freq == RECURRENCE_MINUTELY &&
                   !allows(&by[BY_MINUTE], c.minute)) {
            w->step++;
        } else {
            w->base = at - second_ms;
            if (r->freq == RECURRENCE_HOURLY)
                w->base -= minute_ms;
            w->n = w->n_times;
            w->step++;
            return true;
        }
    }
    return false;
}

static void
start_elapsed(struct walk *w, int64_t from_ms)
{
    int64_t size = w->rule->interval * unit_of(w->rule);
    int64_t elapsed = from_ms - unit_of(w->rule) - w->rule->start_ms;

    w->step = elapsed > 0 ? elapsed / size : 0;
}

/* ---- walking ---- */

static void
expand_times(struct walk *w)
{
    const struct recurrence_set *by = w->rule->by;
    const bool has_hours = !is_elapsed(w->rule),
               has_minutes = w->rule->freq != RECURRENCE_MINUTELY;

    for (int h = 0; h < (has_hours ? 24 : 1); h++) {
        if (has_hours && !recurrence_set_has(&by[BY_HOUR], h))
            continue;
        for (int m = 0; m < (has_minutes ? 60 : 1); m++) {
            if (has_minutes && !recurrence_set_has(&by[BY_MINUTE], m))
                continue;
            for (int s = recurrence_set_next(&by[BY_SECOND], -1); s != INT_MAX;
                 s = recurrence_set_next(&by[BY_SECOND], s)) {
                assert(w->n_times < RECURRENCE_TIMES_MAX);
                w->times[w->n_times++] = h * 3600 + m * 60 + s;
            }
        }
    }
}

/* Points a little before from_ms may come first. */
static void
walk_start(struct walk *w, const struct recurrence *r, const struct zone *z,
           int64_t from_ms)
{
    w->rule = r;
    w->zone = z;
    w->n_times = w->i = w->n = w->n_empty = 0;
    w->end = (from_ms < r->start_ms ? r->start_ms : from_ms) + HORIZON_MS;
    if (w->end > LAST_MS)
        w->end = LAST_MS;
    expand_times(w);
    if (is_elapsed(r))
        start_elapsed(w, from_ms);
    else
        start_wall(w, from_ms);
}

static bool
is_chosen(const struct recurrence *r, int i, int n)
{
    const struct recurrence_set *s = &r->by[BY_SETPOS];

    return s->n == 0 || (i < 366 && recurrence_set_has(s, i + 1)) ||
           (i - n >= -366 && recurrence_set_has(s, i - n));
}

static bool
walk_next(struct walk *w, int64_t *ret_point)
{
    const struct recurrence *r = w->rule;
    const int64_t start = is_elapsed(r) ? r->start_ms : r->start_wall_ms;
    int64_t point;

    for (;;) {
        for (; w->i < w->n; w->i++) {
            if (!is_chosen(r, w->i, w->n))
                continue;
            point = is_elapsed(r)
                        ? w->base
                        : w->days[w->i / w->n_times] * RECURRENCE_DAY_MS;
            point += w->times[w->i % w->n_times] * RECURRENCE_SECOND_MS;
            if (point < start)
                continue;
            w->i++;
            w->n_empty = 0;
            if (point > r->last_point)
                return false;
            *ret_point = point;
            return true;
        }
        w->i = w->n = 0;
        if (is_elapsed(r) ? !next_elapsed_period(w) : !next_wall_period(w))
            return false;
    }
}

int64_t
recurrence_next(const struct recurrence *r, const struct zone *z,
                int64_t after_ms)
{
    int64_t best = INT64_MAX, best_wall = INT64_MAX, point;
    struct walk w;

    if (after_ms < r->start_ms)
        after_ms = r->start_ms - 1;
    if (after_ms >= LAST_MS || after_ms >= r->until_ms)
        return INT64_MAX;
    if (is_elapsed(r)) {
        walk_start(&w, r, z, after_ms);
        while (walk_next(&w, &best) && best <= after_ms)
            ;
        best = best > after_ms ? best : INT64_MAX;
    } else {
        /* What a gap of up to a day has moved may lie before on the wall, and
         * may be moved past what comes after it there. */
        walk_start(&w, r, z, wall_of(z, after_ms) - 2 * RECURRENCE_DAY_MS);
        while (walk_next(&w, &point) && point < best_wall) {
            int64_t instant = instant_of(z, point);

            if (instant > after_ms && instant < best) {
                best = instant;
                best_wall = wall_of(z, instant);
            }
        }
    }
    return best > r->until_ms ? INT64_MAX : best;
}

/* ---- what a rule leaves open ---- */

static void
add_if_none(struct recurrence_set *s, int v)
{
    if (s->n == 0)
        recurrence_set_add(s, v);
}

static void
complete(struct recurrence *r, const struct zone *z)
{
    struct recurrence_set *by = r->by;
    struct civil c;

    r->start_ms = round_down(r->start_ms, RECURRENCE_SECOND_MS);
    r->start_wall_ms = wall_of(z, r->start_ms);
    c = zone_civil(zone_utc(), r->start_wall_ms);
    add_if_none(&by[BY_SECOND], c.second);
    if (r->freq >= RECURRENCE_HOURLY)
        add_if_none(&by[BY_MINUTE], c.minute);
    if (r->freq >= RECURRENCE_DAILY)
        add_if_none(&by[BY_HOUR], c.hour);
    if (r->freq == RECURRENCE_WEEKLY || by[BY_WEEKNO].n > 0)
        if (by[BY_MONTHDAY].n == 0)
            add_if_none(&by[BY_DAY], (c.weekday + 1) % 7 + 1);
    if (r->freq < RECURRENCE_MONTHLY ||
        by[BY_DAY].n + by[BY_MONTHDAY].n + by[BY_YEARDAY].n + by[BY_WEEKNO].n >
            0)
        return;
    recurrence_set_add(&by[BY_MONTHDAY], c.day);
    if (r->freq == RECURRENCE_YEARLY)
        add_if_none(&by[BY_MONTH], c.month);
}

static void
find_last_of_count(struct recurrence *r, const struct zone *z)
{
    int64_t point = INT64_MAX;
    struct walk w;

    walk_start(&w, r, z, r->start_ms - RECURRENCE_DAY_MS);
    for (int i = 0; i < r->count; i++) {
        if (!walk_next(&w, &point)) {
            point = INT64_MAX;
            break;
        }
    }
    r->last_point = point;
}

static int
times_of(const struct recurrence *r)
{
    int n = r->by[BY_SECOND].n;

    if (r->freq >= RECURRENCE_HOURLY)
        n *= r->by[BY_MINUTE].n;
    if (r->freq >= RECURRENCE_DAILY)
        n *= r->by[BY_HOUR].n;
    return n;
}

enum err
recurrence_parse(struct str text, const struct zone *z, int64_t start_ms,
                 struct recurrence *ret, const char **ret_why, size_t *ret_at)
{
    struct recurrence rule;
    enum err e = recurrence_read(text, z, start_ms, &rule, ret_why, ret_at);

    if (e != ERR_OK)
        return e;
    complete(&rule, z);
    *ret_at = 0;
    if (times_of(&rule) > RECURRENCE_TIMES_MAX) {
        *ret_why = "more than 1440 times a day, or an hour, are not supported";
        return ERR_NOT_SUPPORTED;
    }
    if (rule.count > 0)
        find_last_of_count(&rule, z);
    if (recurrence_next(&rule, z, rule.start_ms - 1) == INT64_MAX) {
        *ret_why = rule.until_ms == INT64_MAX
                       ? "it would never run in a hundred years"
                       : "it would end before it runs";
        return ERR_INVALID;
    }
    *ret = rule;
    return ERR_OK;
}
