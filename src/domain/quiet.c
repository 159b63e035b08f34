/* quiet.c - see quiet.h. Windows are taken one by one, by the day on which they
 * start, from the day before that of now: none is longer than 24 hours of the
 * wall. As zone_first_instant() keeps what the wall says in order, so are their
 * starts, and so are their ends. Pure, any thread. */
#include "domain/quiet.h"

#include <assert.h>

#include "base/icu.h"

#define DAY_MIN (24 * 60)
#define EVERY_DAY 0x7fU
/* Only a change of the clock joins windows that are not whole days: some days
 * and one change come before the next gap. */
#define DAYS_ON 16

static const char *const day_names[] = {"mon", "tue", "wed", "thu",
                                        "fri", "sat", "sun", NULL};
static const struct field day_row[] = {
    {.type = FIELD_ENUM, .values = day_names}};

const struct field quiet_fields[] = {
    {.name = "start",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "When it begins on the wall, HH:MM."},
    {.name = "end",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "When it ends, HH:MM; on the next day unless it is after the "
            "start. The same as the start: 24 hours."},
    {.name = "timezone",
     .type = FIELD_STRING,
     .flags = FIELD_NULLABLE,
     .max = ICU_ZONE_NAME_MAX,
     .doc = "IANA time zone; without it the user's, or UTC."},
    {.name = "days",
     .type = FIELD_ARRAY,
     .of = day_row,
     .min = 1,
     .max = 7,
     .doc = "The days on which it begins; without it, each day."},
    {.type = FIELD_END},
};

/* ---- reading ---- */

bool
quiet_parse_minute(struct str s, int *ret)
{
    uint64_t hour, minute;

    if (s.n != 5 || s.p[2] != ':' || !str_to_u64(str_sub(s, 0, 2), &hour) ||
        !str_to_u64(str_sub(s, 3, 2), &minute) || minute > 59)
        return false;
    *ret = (int)(hour * 60 + minute);
    return true;
}

/* "7:00" is how many write it. */
static bool
lacks_a_digit(struct arena *a, struct str s, struct str *ret)
{
    int ignored;

    *ret = str_fmt(a, "0%.*s", STR_ARG(s));
    return s.n == 4 && quiet_parse_minute(*ret, &ignored);
}

bool
quiet_read_minute(struct str s, int last, struct str pointer, struct problem *p,
                  int *ret)
{
    struct str meant;

    if (quiet_parse_minute(s, ret) && *ret <= last)
        return true;
    if (lacks_a_digit(p->arena, s, &meant))
        problem_add(p, ERR_INVALID, pointer,
                    "must have two digits for the hour: did you mean "
                    "\"%.*s\"?",
                    STR_ARG(meant));
    else
        problem_add(p, ERR_INVALID, pointer,
                    "must be a time of the day from \"00:00\" to \"%02d:%02d\"",
                    last / 60, last % 60);
    return false;
}

/* A whole day is no start: "24:00" is the next day's "00:00". */
static bool
read_minute(struct json doc, struct str at, const char *name, int last,
            struct problem *p, int *ret)
{
    struct json v = json_get(doc, name);
    int minute;

    if (!json_is(v, JSON_STRING))
        return false; /* said by the table */
    if (!quiet_read_minute(json_str(p->arena, v), last,
                           field_pointer(p->arena, at, str_from(name)), p,
                           &minute))
        return false;
    *ret = minute % DAY_MIN;
    return true;
}

static bool
read_days(struct json doc, struct problem *p, unsigned *ret)
{
    struct json list = json_get(doc, "days");
    unsigned days = 0;

    if (json_is(list, JSON_ABSENT))
        days = EVERY_DAY;
    for (struct json d = json_first(list); !json_is(d, JSON_ABSENT);
         d = json_next(list, d)) {
        struct str name = json_str(p->arena, d);

        for (unsigned i = 0; day_names[i]; i++)
            if (str_is(name, day_names[i]))
                days |= 1U << i;
    }
    *ret = days;
    return days != 0;
}

static const struct zone *
read_zone(struct json doc, struct str at, const struct zone *fallback,
          struct problem *p)
{
    struct json v = json_get(doc, "timezone");
    struct str name = json_str(p->arena, v);
    const struct zone *z;

    if (!json_is(v, JSON_STRING))
        return fallback;
    z = zone_find(name);
    if (z)
        return z;
    if (name.n <= ICU_ZONE_NAME_MAX) /* else the table has said it */
        zone_refuse(name, field_pointer(p->arena, at, STR("timezone")), p);
    return fallback;
}

bool
quiet_read(struct json doc, struct str at, const struct zone *fallback,
           struct problem *p, struct quiet_hours *ret)
{
    struct quiet_hours q;
    bool ok;

    assert(fallback);
    field_check(quiet_fields, doc, at, p);
    ok = read_minute(doc, at, "start", DAY_MIN - 1, p, &q.start_min);
    ok = read_minute(doc, at, "end", DAY_MIN, p, &q.end_min) && ok;
    ok = read_days(doc, p, &q.days) && ok;
    q.zone = read_zone(doc, at, fallback, p);
    if (ok)
        *ret = q;
    return ok;
}

/* ---- asking ---- */

/* A minute that may lie beyond the day; so may the day beyond its month. */
static int64_t
bound(const struct quiet_hours *q, struct civil day, int minute)
{
    day.hour = 0;
    day.minute = minute;
    day.second = 0;
    return zone_first_instant(q->zone, day);
}

int64_t
quiet_until(const struct quiet_hours *q, int64_t now_ms)
{
    bool is_overnight = q->end_min <= q->start_min;
    int end_min = q->end_min + (is_overnight ? DAY_MIN : 0);
    struct civil today = zone_civil(q->zone, now_ms), day = today;
    int64_t until_ms = 0;

    if (q->start_min == q->end_min && (q->days & EVERY_DAY) == EVERY_DAY)
        return QUIET_FOR_EVER;
    for (int i = -1; i < DAYS_ON; i++) {
        int64_t end_ms;

        if (!(q->days & 1U << (today.weekday + 7 + i) % 7))
            continue;
        day.day = today.day + i;
        if (bound(q, day, q->start_min) > (until_ms ? until_ms : now_ms))
            break;
        end_ms = bound(q, day, end_min);
        if (end_ms > now_ms)
            until_ms = end_ms;
    }
    return until_ms;
}
