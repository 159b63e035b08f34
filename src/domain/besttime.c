/* besttime.c - see besttime.h. */
#include "domain/besttime.h"

#include <endian.h>
#include <string.h>

#define HOUR_MS (INT64_C(3600) * 1000)
#define FIRST_BYTE 1 /* of what is stored: its form */

/* ---- learning ---- */

/* How far the zone's clock is ahead of UTC's, in hours, rounded. */
static int
hours_ahead(const struct zone *z, int64_t at_ms)
{
    struct civil there = zone_civil(z, at_ms);
    struct civil here = zone_civil(zone_utc(), at_ms);
    int64_t days = civil_days(there.year, there.month, there.day) -
                   civil_days(here.year, here.month, here.day);
    int64_t minutes = days * 24 * 60 + (there.hour - here.hour) * 60 +
                      (there.minute - here.minute);

    return (int)floor_div(minutes + 30, 60);
}

static void
shift_hours(uint32_t weight[static 24], int by)
{
    uint32_t was[24];

    memcpy(was, weight, sizeof(was));
    for (int i = 0; i < 24; i++)
        weight[(i + by + 48) % 24] = was[i];
}

static void
make_local(struct habit *h, const struct zone *own, int64_t now_ms)
{
    if (h->is_local || !own)
        return;
    for (int d = 0; d < HABIT_DAYS; d++)
        shift_hours(h->weight[d], hours_ahead(own, now_ms));
    h->is_local = true;
}

/* What is left of one after so many days, in 2^32ths. */
static uint64_t
left_after(int64_t days)
{
    static const uint64_t a_day = 4196870107; /* 2^32 / 2^(1/30) */
    uint64_t left = UINT64_C(1) << 32;

    if (days >= 32 * HABIT_HALF_LIFE_DAYS)
        return 0;
    for (int64_t i = 0; i < days % HABIT_HALF_LIFE_DAYS; i++)
        left = left * a_day >> 32;
    return left >> (days / HABIT_HALF_LIFE_DAYS);
}

static void
fade(struct habit *h, int64_t hour)
{
    int64_t days = floor_div(hour, 24) - floor_div(h->hour, 24);
    uint64_t left = days > 0 ? left_after(days) : UINT64_C(1) << 32;

    for (int d = 0; d < HABIT_DAYS; d++)
        for (int i = 0; i < 24; i++)
            h->weight[d][i] = (uint32_t)(h->weight[d][i] * left >> 32);
}

static enum habit_days
days_of(struct civil c)
{
    return c.weekday >= 5 ? HABIT_WEEKEND : HABIT_WORKDAYS;
}

int64_t
habit_hour(int64_t at_ms)
{
    return floor_div(at_ms, HOUR_MS);
}

bool
habit_learn(struct habit *h, const struct zone *own, int64_t at_ms)
{
    int64_t hour = habit_hour(at_ms);
    struct civil c = zone_civil(own ? own : zone_utc(), at_ms);
    uint32_t *weight;

    if (hour <= h->hour)
        return false;
    *h = habit_at(h, own, at_ms);
    h->hour = hour;
    weight = &h->weight[days_of(c)][c.hour];
    if (*weight <= UINT32_MAX - HABIT_ONE)
        *weight += HABIT_ONE;
    return true;
}

struct habit
habit_at(const struct habit *h, const struct zone *own, int64_t now_ms)
{
    struct habit now = *h;

    fade(&now, habit_hour(now_ms));
    make_local(&now, own, now_ms);
    return now;
}

/* ---- storing ---- */

void
habit_pack(const struct habit *h, char ret[static HABIT_BYTES])
{
    ret[0] = FIRST_BYTE;
    ret[1] = h->is_local;
    for (int i = 0; i < HABIT_DAYS * 24; i++) {
        uint32_t v = htole32(h->weight[i / 24][i % 24]);

        memcpy(ret + 2 + i * (int)sizeof(v), &v, sizeof(v));
    }
}

bool
habit_unpack(struct str bytes, struct habit *ret)
{
    if (bytes.n != HABIT_BYTES || bytes.p[0] != FIRST_BYTE)
        return false;
    ret->is_local = bytes.p[1] != 0;
    for (int i = 0; i < HABIT_DAYS * 24; i++) {
        uint32_t v;

        memcpy(&v, bytes.p + 2 + i * (int)sizeof(v), sizeof(v));
        ret->weight[i / 24][i % 24] = le32toh(v);
    }
    return true;
}

/* ---- what it says of hours ---- */

struct hours {
    uint64_t read[24]; /* in each, on a day of that kind */
    bool stands_out[24];
};

uint64_t
habit_count(const struct habit *h, enum habit_days days, int hour)
{
    uint64_t n = 0;

    for (int d = 0; d < HABIT_DAYS; d++)
        if (days == HABIT_DAYS || (int)days == d)
            n += h->weight[d][(hour + 24) % 24];
    return n;
}

static uint64_t
count_all(const struct habit *h, enum habit_days days)
{
    uint64_t n = 0;

    for (int i = 0; i < 24; i++)
        n += habit_count(h, days, i);
    return n;
}

uint64_t
habit_reads(const struct habit *h)
{
    return count_all(h, HABIT_DAYS);
}

/* An hour counts for those beside it, too. One stands out that is twice as good
 * as the mean, as if each had been read in once before: there is none to who
 * reads at all hours, or did so by chance. */
static void
smooth(const struct habit *h, enum habit_days days, struct hours *ret)
{
    static const uint64_t n_days[] = {5, 2, 7};
    uint64_t sum = 0;

    for (int i = 0; i < 24; i++) {
        ret->read[i] =
            HABIT_ONE + habit_count(h, days, i) / 2 +
            (habit_count(h, days, i - 1) + habit_count(h, days, i + 1)) / 4;
        sum += ret->read[i];
    }
    for (int i = 0; i < 24; i++) {
        ret->stands_out[i] = 12 * ret->read[i] >= sum;
        ret->read[i] = (ret->read[i] - HABIT_ONE) * 70 / n_days[days];
    }
}

/* False: too little is known. What is known of all days has to do where that is
 * so of the ones asked for. */
static bool
rate(const struct habit *h, enum habit_days days, struct hours *ret)
{
    const uint64_t least = (uint64_t)HABIT_LEAST * HABIT_ONE;

    if (habit_reads(h) < least)
        return false;
    smooth(h, count_all(h, days) < least ? HABIT_DAYS : days, ret);
    return true;
}

int
habit_best_hour(const struct habit *h, enum habit_days days)
{
    struct hours hours;
    int best = -1;

    if (!rate(h, days, &hours))
        return -1;
    for (int i = 0; i < 24; i++)
        if (hours.stands_out[i] &&
            (best < 0 || hours.read[i] > hours.read[best]))
            best = i;
    return best;
}

/* ---- picking ---- */

/* FNV-1a, finished: the same on each machine, and for ever. */
static int64_t
spread_of(struct str user)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < user.n; i++)
        hash = (hash ^ (unsigned char)user.p[i]) * UINT64_C(1099511628211);
    hash ^= hash >> 32;
    return (int64_t)(hash % BESTTIME_SPREAD_MS);
}

/* An hour of the clock, as far as it is within the time asked for. */
struct span {
    int64_t start_ms, end_ms; /* end_ms: not any more */
};

/* When in it; false: it is quiet all the time. */
static bool
time_in(const struct besttime_query *q, const struct span *s, int64_t *ret_ms)
{
    int64_t at_ms = s->start_ms, quiet_ms;

    if (at_ms > q->from_ms && at_ms + spread_of(q->user) < s->end_ms)
        at_ms += spread_of(q->user);
    quiet_ms = q->quiet ? quiet_until(q->quiet, at_ms) : 0;
    if (quiet_ms >= s->end_ms && at_ms > s->start_ms) {
        at_ms = s->start_ms; /* quiet hours begin in this one */
        quiet_ms = quiet_until(q->quiet, at_ms);
    }
    if (quiet_ms > 0)
        at_ms = quiet_ms;
    if (at_ms >= s->end_ms)
        return false;
    *ret_ms = at_ms;
    return true;
}

static int64_t
hour_after(const struct zone *z, struct civil c)
{
    c.hour++;
    c.minute = c.second = 0;
    return zone_first_instant(z, c);
}

/* Where an hour comes twice, the second time goes on from the first. */
static struct span
span_from(const struct besttime_query *q, const struct zone *z, int64_t at_ms)
{
    struct civil c = zone_civil(z, at_ms);
    struct span s = {at_ms, hour_after(z, c)};

    while (s.end_ms <= at_ms) { /* it is past its second beginning */
        c.hour++;
        s.end_ms = hour_after(z, c);
    }
    if (s.end_ms > q->until_ms)
        s.end_ms = q->until_ms + 1;
    return s;
}

bool
besttime_pick(const struct besttime_query *q, int64_t *ret_ms)
{
    const struct zone *z = q->own ? q->own : zone_utc();
    struct hours hours[HABIT_DAYS];
    uint64_t most = 0;
    struct habit now;

    if (!q->habit)
        return false;
    now = habit_at(q->habit, q->own, q->from_ms);
    if (!rate(&now, HABIT_WORKDAYS, &hours[HABIT_WORKDAYS]) ||
        !rate(&now, HABIT_WEEKEND, &hours[HABIT_WEEKEND]))
        return false;
    for (int64_t at_ms = q->from_ms; at_ms <= q->until_ms;) {
        struct span s = span_from(q, z, at_ms);
        struct civil c = zone_civil(z, at_ms);
        const struct hours *h = &hours[days_of(c)];

        if (h->stands_out[c.hour] && h->read[c.hour] > most &&
            time_in(q, &s, ret_ms))
            most = h->read[c.hour];
        at_ms = s.end_ms;
    }
    return most > 0;
}
