/* zone.c - see zone.h. A zone is a row of spans: from `at_ms`, inclusive, the
 * clock is `offset_ms` ahead of UTC. The first span reaches back for ever and
 * the last one on for ever.
 *
 * What is found stays for good, once for each name that there is: some 640, of
 * 4 KiB at most. Names that there are not are looked up each time, so what
 * callers send cannot make the map grow. */
#include "domain/zone.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/icu.h"
#include "base/problem.h"
#include "base/tzif.h"
#include "base/map.h"

#define SECOND_MS INT64_C(1000)
#define DAY_S INT64_C(86400)
#define DAY_MS (DAY_S * SECOND_MS)
/* No sum below overflows within these; nobody is there to read them. */
#define INSTANT_MAX_MS (INT64_MAX / 2)
#define YEAR_MAX 100000000

struct zone {
    struct str name; /* its text, below */
    struct zone_change *span;
    size_t n; /* >= 1 */
    char text[ICU_ZONE_NAME_MAX];
};

static struct zone_change utc_span[1];
static const struct zone utc = {.name = {"UTC", 3}, .span = utc_span, .n = 1};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct map *found; /* name: struct zone */

/* ---- the calendar ---- */

/* As if the clock were that of UTC. */
static int64_t
shown_ms(struct civil c)
{
    int64_t month = (int64_t)c.month - 1;
    int64_t year = c.year + floor_div(month, 12);

    month -= floor_div(month, 12) * 12;
    if (year > YEAR_MAX)
        year = YEAR_MAX;
    else if (year < -YEAR_MAX)
        year = -YEAR_MAX;
    return (civil_days(year, (int)month + 1, c.day) * DAY_S +
            (int64_t)c.hour * 3600 + (int64_t)c.minute * 60 + c.second) *
           SECOND_MS;
}

/* ---- the table ---- */

/* The span that holds it. */
static size_t
span_at(const struct zone *z, int64_t utc_ms)
{
    size_t from = 0, to = z->n;

    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;

        if (z->span[middle].at_ms <= utc_ms)
            from = middle;
        else
            to = middle;
    }
    return from;
}

struct civil
zone_civil(const struct zone *z, int64_t utc_ms)
{
    if (utc_ms > INSTANT_MAX_MS)
        utc_ms = INSTANT_MAX_MS;
    else if (utc_ms < -INSTANT_MAX_MS)
        utc_ms = -INSTANT_MAX_MS;
    return civil_from_seconds(
        floor_div(utc_ms + z->span[span_at(z, utc_ms)].offset_ms, SECOND_MS));
}

/* The first span that goes on beyond what is shown: it shows it, or begins
 * beyond it, and then a gap is before it. No offset is as much as a day. */
static size_t
span_beyond(const struct zone *z, int64_t shown)
{
    size_t i = span_at(z, shown - DAY_MS);

    while (i + 1 < z->n && z->span[i + 1].at_ms + z->span[i].offset_ms <= shown)
        i++;
    return i;
}

static bool
is_skipped(const struct zone *z, size_t span, int64_t shown)
{
    return span > 0 && shown - z->span[span].offset_ms < z->span[span].at_ms;
}

int64_t
zone_instant(const struct zone *z, struct civil c)
{
    int64_t shown = shown_ms(c);
    size_t i = span_beyond(z, shown);

    if (is_skipped(z, i, shown))
        i--;
    return shown - z->span[i].offset_ms;
}

int64_t
zone_first_instant(const struct zone *z, struct civil c)
{
    int64_t shown = shown_ms(c);
    size_t i = span_beyond(z, shown);

    if (is_skipped(z, i, shown))
        return z->span[i].at_ms;
    return shown - z->span[i].offset_ms;
}

int64_t
zone_next_change(const struct zone *z, int64_t utc_ms)
{
    size_t next = span_at(z, utc_ms) + 1;

    /* span_at() gives the first one for what is before it, too. */
    return next < z->n ? z->span[next].at_ms : INT64_MAX;
}

/* ---- finding ---- */

const struct zone *
zone_utc(void)
{
    return &utc;
}

struct str
zone_name(const struct zone *z)
{
    return z->name;
}

/* ICU has names of three letters that IANA has not, as Java once had: BST is
 * Dhaka there, and who writes it means London. */
static bool
is_ambiguous(struct str name)
{
    static const char *const good[] = {"CET", "EET", "EST", "GMT", "HST",
                                       "MET", "MST", "PRC", "ROC", "ROK",
                                       "UCT", "UTC", "WET"};

    if (name.n != 3)
        return false;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (str_is(name, good[i]))
            return false;
    return true;
}

static struct zone *
build(struct str name)
{
    int64_t from_ms = civil_days(ZONE_FIRST_YEAR, 1, 1) * DAY_MS;
    int64_t until_ms = civil_days(ZONE_LAST_YEAR + 1, 1, 1) * DAY_MS;
    struct zone_changes changes;
    struct zone *z;

    if (tzif_zone_changes(name, from_ms, until_ms, &changes) &&
        icu_zone_changes(name, from_ms, until_ms, &changes))
        return NULL;
    for (size_t i = 0; i < changes.n; i++)
        assert(llabs(changes.row[i].offset_ms) < DAY_MS);
    z = xcalloc(1, sizeof(*z));
    memcpy(z->text, name.p, name.n);
    z->name = (struct str){z->text, name.n};
    z->span = changes.row;
    z->n = changes.n;
    return z;
}

static struct zone *
look_up(struct str name)
{
    struct zone *z;

    pthread_mutex_lock(&lock);
    z = found ? map_get(found, name) : NULL;
    pthread_mutex_unlock(&lock);
    return z;
}

/* Two threads may build one zone at once; that of the first stays. */
static const struct zone *
keep(struct zone *z)
{
    struct zone *first;

    pthread_mutex_lock(&lock);
    if (!found)
        found = map_new();
    first = map_get(found, z->name);
    if (!first)
        map_put(found, z->name, z);
    pthread_mutex_unlock(&lock);
    if (!first)
        return z;
    free(z->span);
    free(z);
    return first;
}

const struct zone *
zone_find(struct str name)
{
    struct zone *z;

    if (str_eq(name, utc.name))
        return &utc;
    if (name.n > ICU_ZONE_NAME_MAX || is_ambiguous(name))
        return NULL;
    z = look_up(name);
    if (z)
        return z;
    z = build(name);
    return z ? keep(z) : NULL;
}

/* ---- a guess ---- */

struct guess {
    struct str meant;
    size_t distance;
    char text[ICU_ZONE_NAME_MAX];
    size_t n;
};

static void
weigh(void *arg, struct str name)
{
    struct guess *g = arg;
    size_t d = str_distance(g->meant, name);

    if (d >= g->distance || name.n > sizeof(g->text) || is_ambiguous(name))
        return;
    g->distance = d;
    memcpy(g->text, name.p, name.n);
    g->n = name.n;
}

const struct zone *
zone_nearest(struct str name)
{
    struct guess g = {.meant = name, .distance = 4};

    if (icu_zone_each(weigh, &g) || g.n == 0)
        return NULL;
    return zone_find((struct str){g.text, g.n});
}

void
zone_refuse(struct str name, struct str pointer, struct problem *p)
{
    const struct zone *meant = NULL;

    if (icu_fault()) {
        problem_add(
            p, ERR_UNAVAILABLE, pointer,
            "this server knows no time zone but UTC: install tzdata there");
        return;
    }
    if (p->n_errors < PROBLEM_ERRORS_MAX)
        meant = zone_nearest(name);
    if (meant)
        problem_add(p, ERR_INVALID, pointer,
                    "there is no such time zone; did you mean \"%.*s\"?",
                    STR_ARG(zone_name(meant)));
    else
        problem_add(p, ERR_INVALID, pointer,
                    "there is no such time zone; use an IANA name such as "
                    "\"Europe/Berlin\"");
}
