/* zone_walk_test.c - zones and quiet hours minute by minute, beside what the C
 * library makes of the rules in /usr/share/zoneinfo (or TZDIR), which it reads
 * with code and from files that ICU does not share. What is expected is derived
 * from one row, the minute that the wall shows at each minute of UTC, as simply
 * as can be.
 *
 * Some zones and one year here; `./dev zones` sets BELFRY_ZONES=all for all
 * names and 2020 to 2030. Where the two have rules of different releases, a
 * zone that differs is named and not counted, but most must agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/icu.h"
#include "domain/quiet.h"
#include "domain/zone.h"

#define MINUTE_MS INT64_C(60000)
#define DAY_MIN 1440
#define STEP 15      /* minutes; no zone changes twice within */
#define LEAD DAY_MIN /* before it, what was shown is not known */
#define TAIL (9 * DAY_MIN)

static const char *const sample[] = {
    "Europe/Berlin",     "America/New_York", "Australia/Lord_Howe",
    "Africa/Casablanca", "Pacific/Chatham",  "Australia/Sydney",
    "America/Santiago",  "Asia/Kolkata",     "America/Havana",
    "Atlantic/Azores",   "Asia/Kathmandu",   "Pacific/Apia",
    "America/St_Johns",  "Asia/Beirut",      "Etc/GMT+12"};

struct walk {
    const char *name;
    const struct zone *zone;
    int64_t from; /* minutes since 1970 in UTC */
    int64_t n;
    int64_t *shown; /* minutes since 1970, as if the wall were UTC */
    int64_t *until; /* of quiet hours: minutes in UTC, or 0 */
    int64_t n_compared;
    bool differs;
};

static struct {
    bool is_all;
    bool is_same_release;
    char release[32]; /* of the C library's rules */
    int n_agree, n_differ, n_absent;
    int n_same; /* of those that agree: as one before */
    int64_t n_compared;
    uint64_t seen[1000]; /* hashes of those */
    size_t n_seen;
} sum;

static const char *
zoneinfo(void)
{
    const char *dir = getenv("TZDIR");

    return dir && dir[0] ? dir : "/usr/share/zoneinfo";
}

/* ---- what is expected ---- */

static int64_t
shown_by_libc(int64_t utc_minute)
{
    time_t t = (time_t)(utc_minute * 60);
    struct tm tm;

    assert_non_null(localtime_r(&t, &tm));
    assert_int_equal(tm.tm_sec, 0);
    tm.tm_isdst = 0;
    return timegm(&tm) / 60;
}

/* The library is asked each quarter of an hour; between two that are as far
 * apart on the wall as in time nothing has changed. */
static void
read_walls(struct walk *w)
{
    char tz[128];

    snprintf(tz, sizeof(tz), ":%s", w->name);
    setenv("TZ", tz, 1);
    tzset();
    w->shown[0] = shown_by_libc(w->from);
    for (int64_t i = STEP; i < w->n; i += STEP) {
        bool is_even;

        w->shown[i] = shown_by_libc(w->from + i);
        is_even = w->shown[i] - w->shown[i - STEP] == STEP;
        for (int64_t j = i - STEP + 1; j < i; j++)
            w->shown[j] =
                is_even ? w->shown[j - 1] + 1 : shown_by_libc(w->from + j);
    }
}

static void
next_minute(struct civil *c)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int last = days[c->month - 1] + (c->month == 2 && c->year % 4 == 0);

    if (++c->minute < 60)
        return;
    c->minute = 0;
    if (++c->hour < 24)
        return;
    c->hour = 0;
    c->weekday = (c->weekday + 1) % 7;
    if (++c->day <= last)
        return;
    c->day = 1;
    if (++c->month <= 12)
        return;
    c->month = 1;
    c->year++;
}

static struct civil
civil_of(int64_t shown)
{
    time_t t = (time_t)(shown * 60);
    struct tm tm;

    gmtime_r(&t, &tm);
    return (struct civil){tm.tm_year + 1900,   tm.tm_mon + 1, tm.tm_mday,
                          tm.tm_hour,          tm.tm_min,     tm.tm_sec,
                          (tm.tm_wday + 6) % 7};
}

/* 20240331030000 */
static int64_t
digits_of(struct civil c)
{
    return (((c.year * INT64_C(100) + c.month) * 100 + c.day) * 100 + c.hour) *
               10000 +
           c.minute * 100 + c.second;
}

static bool
is_near_change(const struct walk *w, int64_t i)
{
    int64_t before = i > 2 * DAY_MIN ? i - 2 * DAY_MIN : 0;
    int64_t after = i + 2 * DAY_MIN < w->n ? i + 2 * DAY_MIN : w->n - 1;

    return w->shown[after] - w->shown[before] != after - before;
}

/* ---- aliases ---- */

static uint64_t
add_to(uint64_t hash, int64_t v)
{
    return ((hash ^ (uint64_t)v) * UINT64_C(0x9e3779b97f4a7c15)) ^ hash >> 29;
}

/* Of what the library shows, and of the whole table of the zone. All that a
 * zone is asked depends on its table alone, so where both are those of a zone
 * before, there is nothing new to compare. */
static uint64_t
hash_of(const struct walk *w)
{
    uint64_t hash = 1;

    for (int64_t i = 0; i < w->n; i++)
        hash = add_to(hash, w->shown[i]);
    for (int64_t at = 0; at < INT64_MAX; at = zone_next_change(w->zone, at))
        hash = add_to(add_to(hash, at), digits_of(zone_civil(w->zone, at)));
    return hash;
}

static bool
is_seen(uint64_t hash)
{
    for (size_t i = 0; i < sum.n_seen; i++)
        if (sum.seen[i] == hash)
            return true;
    return false;
}

/* ---- zones ---- */

static void
differ(struct walk *w, const char *what, int64_t i, int64_t got, int64_t meant)
{
    if (!w->differs && (sum.is_same_release || sum.is_all)) {
        struct civil c = civil_of(w->from + i);

        print_message("# %s differs from %04d-%02d-%02dT%02d:%02dZ on: %s is "
                      "%lld, not %lld\n",
                      w->name, c.year, c.month, c.day, c.hour, c.minute, what,
                      (long long)got, (long long)meant);
    }
    w->differs = true;
}

static void
expect(struct walk *w, const char *what, int64_t i, int64_t got, int64_t meant)
{
    w->n_compared++;
    if (got != meant)
        differ(w, what, i, got, meant);
}

/* What the clock leaves out before minute i. */
static void
compare_gap(struct walk *w, int64_t i)
{
    for (int64_t m = w->shown[i - 1] + 1; m < w->shown[i]; m++) {
        struct civil c = civil_of(m);

        expect(w, "a skipped minute", i, zone_instant(w->zone, c) / MINUTE_MS,
               w->from + i - 1 + m - w->shown[i - 1]);
        expect(w, "a skipped bound", i,
               zone_first_instant(w->zone, c) / MINUTE_MS, w->from + i);
    }
}

static int64_t
first_shown(const struct walk *w, int64_t i)
{
    int64_t first = i;

    for (int64_t j = i; j >= 0 && j > i - 2 * DAY_MIN; j--)
        if (w->shown[j] == w->shown[i])
            first = j;
    return first;
}

static void
compare_zone(struct walk *w)
{
    int64_t change = zone_next_change(w->zone, w->from * MINUTE_MS);
    int64_t most = w->shown[0];
    struct civil c = civil_of(most);

    for (int64_t i = 1; i < w->n && !w->differs; i++) {
        int64_t first = i, at = w->from + i;
        struct civil got = zone_civil(w->zone, at * MINUTE_MS);

        if (w->shown[i] == w->shown[i - 1] + 1) {
            next_minute(&c);
        } else {
            expect(w, "a change", i, change / MINUTE_MS, at);
            change = zone_next_change(w->zone, change);
            c = civil_of(w->shown[i]);
            compare_gap(w, i);
        }
        expect(w, "the wall", i, digits_of(got), digits_of(c));
        expect(w, "the weekday", i, got.weekday, c.weekday);
        if (w->shown[i] <= most)
            first = first_shown(w, i);
        else
            most = w->shown[i];
        if (i < LEAD)
            continue;
        expect(w, "an instant", i, zone_instant(w->zone, c) / MINUTE_MS,
               w->from + first);
        if (first != i || is_near_change(w, i))
            expect(w, "a bound", i, zone_first_instant(w->zone, c) / MINUTE_MS,
                   w->from + first);
    }
    if (!w->differs && change < (w->from + w->n) * MINUTE_MS)
        differ(w, "no change", w->n - 1, change / MINUTE_MS, 0);
}

/* ---- quiet hours ---- */

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Whether a window holds that minute of the wall. */
static bool
is_in_window(const struct quiet_hours *q, int64_t shown)
{
    int64_t today = floor_div(shown, DAY_MIN);
    int end = q->end_min + (q->end_min <= q->start_min ? DAY_MIN : 0);

    for (int64_t day = today - 1; day <= today; day++) {
        int64_t minute = shown - day * DAY_MIN;

        if ((q->days & 1U << ((day + 3) % 7)) && minute >= q->start_min &&
            minute < end)
            return true;
    }
    return false;
}

/* "From when clocks show its start or later" is, said in another way, where
 * the latest that they have shown so far is within. */
static void
expect_quiet(struct walk *w, const struct quiet_hours *q)
{
    int64_t most = w->shown[0], end = 0;

    for (int64_t i = 0; i < w->n; i++) {
        if (w->shown[i] > most)
            most = w->shown[i];
        w->until[i] = is_in_window(q, most);
    }
    for (int64_t i = w->n - 1; i >= 0; i--) {
        if (!w->until[i])
            end = w->from + i;
        else
            w->until[i] = end;
    }
}

/* Each minute where the clock changes, and where that is far off each minute
 * of the hour in turn; BELFRY_ZONES_STEP=1 for each minute. */
static void
compare_quiet(struct walk *w, int start_min, int end_min, unsigned days)
{
    const char *chosen = getenv("BELFRY_ZONES_STEP");
    const struct quiet_hours q = {start_min, end_min, days, w->zone};
    int step = chosen && chosen[0] == '1' ? 1 : 61;
    char what[64];

    expect_quiet(w, &q);
    snprintf(what, sizeof(what), "quiet %d to %d on %x", start_min, end_min,
             days);
    for (int64_t i = LEAD; i < w->n - TAIL && !w->differs; i++)
        if (i % step == 0 || is_near_change(w, i))
            expect(w, what, i,
                   quiet_until(&q, (w->from + i) * MINUTE_MS) / MINUTE_MS,
                   w->until[i]);
}

static const struct {
    int start_min, end_min;
    unsigned days;
} windows[] = {
    {22 * 60, 7 * 60, 0x7f},      /* nights */
    {150, 170, 0x7f},             /* all of it skipped in much of the world */
    {0, 0, 0x60},                 /* weekends, whole days */
    {90, 89, 0x7f},               /* a minute off, that a gap may swallow */
    {23 * 60 + 45, 15, 0x55},     /* about midnight */
    {45, 2 * 60 + 30, 0x7f},      /* ends in what is skipped or doubled */
    {12 * 60, 12 * 60, 0x1f},     /* noon to noon */
    {9 * 60, 17 * 60 + 30, 0x1f}, /* no work on the telephone */
};

/* ---- all of it ---- */

static int64_t
minute_of_year(int year)
{
    return zone_instant(zone_utc(), (struct civil){year, 1, 1, 0, 0, 0, 0}) /
           MINUTE_MS;
}

static void
walk_zone(void *arg, struct str name)
{
    struct walk *w = arg;
    char text[ICU_ZONE_NAME_MAX + 1], path[4096];
    uint64_t hash;

    snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
    snprintf(path, sizeof(path), "%s/%s", zoneinfo(), text);
    w->name = text;
    w->zone = zone_find(name);
    if (!w->zone || access(path, R_OK)) {
        sum.n_absent++;
        return;
    }
    w->differs = false;
    w->n_compared = 0;
    read_walls(w);
    hash = hash_of(w);
    if (is_seen(hash)) {
        sum.n_agree++;
        sum.n_same++;
        return;
    }
    compare_zone(w);
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
        if (!sum.is_all || i == 0 || i == name.n % 8)
            compare_quiet(w, windows[i].start_min, windows[i].end_min,
                          windows[i].days);
    sum.n_compared += w->n_compared;
    sum.n_agree += !w->differs;
    sum.n_differ += w->differs;
    if (!w->differs && sum.n_seen < sizeof(sum.seen) / sizeof(sum.seen[0]))
        sum.seen[sum.n_seen++] = hash;
    if (sum.is_all)
        print_message("# %s: %s, %lld compared\n", text,
                      w->differs ? "DIFFERS" : "agrees",
                      (long long)w->n_compared);
}

/* "# version 2025b" begins the text of all rules. */
static bool
read_release(void)
{
    char path[4096];
    FILE *f;
    bool ok;

    snprintf(path, sizeof(path), "%s/tzdata.zi", zoneinfo());
    f = fopen(path, "r");
    if (!f)
        return false;
    ok = fscanf(f, "# version %31s", sum.release) == 1;
    fclose(f);
    return ok;
}

static void
every_minute_is_what_the_c_library_makes_of_it(void **state)
{
    const char *chosen = getenv("BELFRY_ZONES");
    struct walk w = {0};

    (void)state;
    if (!read_release()) {
        print_message("# there is no %s/tzdata.zi (package tzdata)\n",
                      zoneinfo());
        skip();
    }
    sum.is_all = chosen && str_is(str_from(chosen), "all");
    sum.is_same_release = str_is(icu_zones_version(), sum.release);
    w.from = minute_of_year(sum.is_all ? 2020 : 2024);
    w.n = (minute_of_year(sum.is_all ? 2031 : 2025) - w.from) / STEP * STEP + 1;
    w.shown = xcalloc((size_t)w.n, sizeof(*w.shown));
    w.until = xcalloc((size_t)w.n, sizeof(*w.until));
    if (sum.is_all)
        assert_int_equal(icu_zone_each(walk_zone, &w), ERR_OK);
    else
        for (size_t i = 0; i < sizeof(sample) / sizeof(sample[0]); i++)
            walk_zone(&w, str_from(sample[i]));
    free(w.shown);
    free(w.until);
    print_message(
        "# ICU has the rules of %.*s, %s those of %s: %d zones agree "
        "(%d by another name), %d differ, %d have no file; %lld compared\n",
        STR_ARG(icu_zones_version()), zoneinfo(), sum.release, sum.n_agree,
        sum.n_same, sum.n_differ, sum.n_absent, (long long)sum.n_compared);
    if (sum.is_same_release)
        assert_int_equal(sum.n_differ, 0);
    assert_true(sum.n_differ <= sum.n_agree / 4);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_minute_is_what_the_c_library_makes_of_it),
    };

    return cmocka_run_group_tests_name("domain/zone_walk", tests, NULL, NULL);
}
