/* cron.c - see cron.h.
 *
 * Between two changes of its offset a zone's wall clock is UTC moved by a
 * constant, so a search asks for the next match on the wall, stretch by
 * stretch, and looks into the gap between two of them. What a match is depends
 * on the calendar alone, which repeats: a parser that finds one in 28 years
 * knows that a search ends. Pure, any thread. */
#include "domain/cron.h"

#include <ctype.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (1440 * MINUTE_MS)
#define LAST_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* ---- parsing ---- */

struct cron_field {
    int least, most;
    const char *names; /* of three letters, the first one is `least` */
    const char *out_of_range;
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, N_FIELDS };

static const struct cron_field fields[N_FIELDS] = {
    [MINUTE] = {0, 59, "", "a minute must be from 0 to 59"},
    [HOUR] = {0, 23, "", "an hour must be from 0 to 23"},
    [DAY] = {1, 31, "", "a day of the month must be from 1 to 31, or L"},
    [MONTH] = {1, 12, "janfebmaraprmayjunjulaugsepoctnovdec",
               "a month must be from 1 to 12, or jan to dec"},
    [WEEKDAY] = {0, 7, "sunmontuewedthufrisat",
                 "a day of the week must be from 0 to 7, or sun to sat"},
};

struct parser {
    struct str text;
    size_t at;
    const char *why; /* NULL: no fault so far */
    int field;
    uint64_t values; /* of the field so far */
    struct cron *cron;
};

static char
peek(const struct parser *p)
{
    return p->at < p->text.n ? p->text.p[p->at] : '\0';
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool
skip(struct parser *p, char c)
{
    if (tolower((unsigned char)peek(p)) != c || c == '\0')
        return false;
    p->at++;
    return true;
}

static bool
fail(struct parser *p, size_t at, const char *why)
{
    p->at = at;
    p->why = why;
    return false;
}

/* At most four digits: no field and no step has more. */
static bool
read_digits(struct parser *p, int *ret)
{
    size_t from = p->at;
    int v = 0;

    while (isdigit((unsigned char)peek(p)) && p->at - from < 4)
        v = v * 10 + (p->text.p[p->at++] - '0');
    if (p->at == from || isdigit((unsigned char)peek(p)))
        return false;
    *ret = v;
    return true;
}

static bool
read_name(struct parser *p, int *ret)
{
    const struct cron_field *f = &fields[p->field];
    struct str word = str_sub(p->text, p->at, 3);

    if (word.n < 3)
        return false;
    for (size_t i = 0; f->names[i]; i += 3) {
        if (!str_ieq(word, (struct str){f->names + i, 3}))
            continue;
        *ret = f->least + (int)(i / 3);
        p->at += 3;
        return true;
    }
    return false;
}

static bool
read_value(struct parser *p, int *ret)
{
    const struct cron_field *f = &fields[p->field];
    size_t from = p->at;

    if (isdigit((unsigned char)peek(p))) {
        if (read_digits(p, ret) && *ret >= f->least && *ret <= f->most)
            return true;
        return fail(p, from, f->out_of_range);
    }
    if (read_name(p, ret))
        return true;
    if (p->field == WEEKDAY && tolower((unsigned char)peek(p)) == 'l')
        return fail(p, from,
                    "L goes after a weekday here: 5L is the last "
                    "Friday");
    if (isalpha((unsigned char)peek(p)) && f->names[0])
        return fail(p, from, "unknown name");
    return fail(p, from, "expected a number, a range or *");
}

/* What follows a weekday in place of a range: "5L" and "5#2". */
static bool
read_weekday_of_month(struct parser *p, int value, bool *ret_is)
{
    size_t from = p->at;
    int n;

    *ret_is = p->field == WEEKDAY;
    if (p->field != WEEKDAY) {
        return true;
    } else if (skip(p, 'l')) {
        p->cron->last_weekdays |= (uint8_t)(1u << value % 7);
    } else if (skip(p, '#')) {
        if (!read_digits(p, &n) || n < 1 || n > 5)
            return fail(p, from + 1, "after # comes 1 to 5");
        p->cron->nth_weekdays[n] |= (uint8_t)(1u << value % 7);
    } else {
        *ret_is = false;
    }
    return true;
}

static bool
read_step(struct parser *p, int *ret)
{
    size_t from = p->at;

    if (!skip(p, '/'))
        return true;
    if (!read_digits(p, ret) || *ret < 1)
        return fail(p, from + 1, "a step must be a number from 1 to 9999");
    return true;
}

static bool
read_range(struct parser *p, int *least, int *most, bool *ret_is_done)
{
    const struct cron_field *f = &fields[p->field];
    size_t from = p->at;

    if (skip(p, '*') || skip(p, '?')) {
        *least = f->least;
        *most = f->most;
        return true;
    }
    if (p->field == DAY && skip(p, 'l')) {
        p->cron->has_last_day = true;
        *ret_is_done = true;
        return true;
    }
    if (!read_value(p, least) ||
        !read_weekday_of_month(p, *least, ret_is_done) || *ret_is_done)
        return !p->why;
    *most = peek(p) == '/' ? f->most : *least; /* 5/15 is 5-59/15 */
    if (skip(p, '-') && !read_value(p, most))
        return false;
    /* fri-sun: Sunday is also the last one. */
    if (p->field == WEEKDAY && *most == 0 && *least > 0)
        *most = 7;
    if (*most < *least)
        return fail(p, from, "a range must not run backwards");
    return true;
}

static bool
read_element(struct parser *p)
{
    int least = 0, most = 0, step = 1;
    bool is_done = false;

    if (!read_range(p, &least, &most, &is_done))
        return false;
    if (is_done)
        return true;
    if (!read_step(p, &step))
        return false;
    for (int v = least; v <= most; v += step)
        p->values |= UINT64_C(1) << v;
    return true;
}

static bool
read_field(struct parser *p, bool *ret_begins_with_star)
{
    while (is_blank(peek(p)))
        p->at++;
    if (p->at == p->text.n)
        return fail(p, p->at,
                    "five fields are needed: minute, hour, day of month, "
                    "month, day of week");
    p->values = 0;
    *ret_begins_with_star = peek(p) == '*' || peek(p) == '?';
    do {
        if (!read_element(p))
            return false;
    } while (skip(p, ','));
    if (p->at < p->text.n && !is_blank(peek(p)))
        return fail(p, p->at, "unexpected character");
    return true;
}

static bool
read_fields(struct parser *p)
{
    bool is_star[N_FIELDS] = {0};
    uint64_t values[N_FIELDS] = {0};

    for (p->field = 0; p->field < N_FIELDS; p->field++) {
        if (!read_field(p, &is_star[p->field]))
            return false;
        values[p->field] = p->values;
    }
    while (is_blank(peek(p)))
        p->at++;
    if (p->at < p->text.n)
        return fail(p, p->at,
                    "more than five fields; there is none for seconds");
    p->cron->minutes = values[MINUTE];
    p->cron->hours = (uint32_t)values[HOUR];
    p->cron->days = (uint32_t)values[DAY];
    p->cron->months = (uint16_t)values[MONTH];
    p->cron->weekdays =
        (uint8_t)((values[WEEKDAY] & 0x7f) | (values[WEEKDAY] >> 7 & 1));
    p->cron->any_hour = is_star[HOUR];
    p->cron->any_day = is_star[DAY];
    p->cron->any_weekday = is_star[WEEKDAY];
    return true;
}

static const char *
macro_fields(struct str name)
{
    static const struct {
        const char *name, *fields;
    } macros[] = {
        {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
        {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
        {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
    };

    for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++)
        if (str_ieq(name, str_from(macros[i].name)))
            return macros[i].fields;
    return NULL;
}

/* ---- the calendar ---- */

static int
days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && is_leap);
}

struct day {
    int year, month, day;
    int n_days;  /* of this month */
    int weekday; /* 0 Sunday */
};

static struct day
day_of(int64_t wall_ms)
{
    struct civil c = zone_civil(zone_utc(), wall_ms);

    return (struct day){.year = c.year,
                        .month = c.month,
                        .day = c.day,
                        .n_days = days_in_month(c.year, c.month),
                        .weekday = (c.weekday + 1) % 7};
}

static void
next_month(struct day *d)
{
    d->weekday = (d->weekday + d->n_days - d->day + 1) % 7;
    d->day = 1;
    if (++d->month > 12) {
        d->month = 1;
        d->year++;
    }
    d->n_days = days_in_month(d->year, d->month);
}

static bool
is_day_due(const struct cron *c, const struct day *d)
{
    unsigned weekday = 1u << d->weekday;
    bool by_day =
        (c->days >> d->day & 1) || (c->has_last_day && d->day == d->n_days);
    bool by_weekday =
        (c->weekdays & weekday) ||
        ((c->last_weekdays & weekday) && d->day > d->n_days - 7) ||
        (c->nth_weekdays[(d->day + 6) / 7] & weekday);

    return c->any_day || c->any_weekday ? by_day && by_weekday
                                        : by_day || by_weekday;
}

/* From day *d on, before `end`; false: there is none. */
static bool
find_day(const struct cron *c, struct day *d, int64_t *wall_ms, int64_t end)
{
    while (*wall_ms < end) {
        if (!(c->months >> d->month & 1)) {
            *wall_ms += (d->n_days - d->day + 1) * DAY_MS;
            next_month(d);
        } else if (is_day_due(c, d)) {
            return true;
        } else {
            *wall_ms += DAY_MS;
            if (d->day == d->n_days) {
                next_month(d);
            } else {
                d->day++;
                d->weekday = (d->weekday + 1) % 7;
            }
        }
    }
    return false;
}

/* The first minute of a day that is due, at or after `minute`; -1: none. */
static int
find_minute(const struct cron *c, int minute)
{
    for (int hour = minute / 60; hour < 24; hour++) {
        if (!(c->hours >> hour & 1))
            continue;
        for (int m = hour == minute / 60 ? minute % 60 : 0; m < 60; m++)
            if (c->minutes >> m & 1)
                return hour * 60 + m;
    }
    return -1;
}

/* Also for what is before 1970. */
static int64_t
round_down(int64_t ms, int64_t unit_ms)
{
    return ms - ((ms % unit_ms) + unit_ms) % unit_ms;
}

/* On a wall clock, at or after `from` and before `end`; INT64_MAX: none. */
static int64_t
next_match(const struct cron *c, int64_t from, int64_t end)
{
    int64_t first_ms = round_down(from + MINUTE_MS - 1, MINUTE_MS);
    int64_t first_day_ms = round_down(first_ms, DAY_MS), day_ms = first_day_ms;
    int minute = (int)((first_ms - first_day_ms) / MINUTE_MS);
    struct day d = day_of(day_ms);

    while (find_day(c, &d, &day_ms, end)) {
        int due = find_minute(c, day_ms == first_day_ms ? minute : 0);
        int64_t wall_ms = day_ms + due * MINUTE_MS;

        if (due >= 0)
            return wall_ms < end ? wall_ms : INT64_MAX;
        day_ms += DAY_MS;
        d = day_of(day_ms);
    }
    return INT64_MAX;
}

/* Years repeat by their first weekday and their length: 28 of them have all. */
static bool
is_ever_due(const struct cron *c)
{
    const int64_t year_2000 = INT64_C(946684800000);

    return next_match(c, year_2000, year_2000 + INT64_C(28) * 366 * DAY_MS) !=
           INT64_MAX;
}

enum err
cron_parse(struct str text, struct cron *ret, const char **ret_why,
           size_t *ret_at)
{
    struct cron cron = {0};
    struct str trimmed = str_trim(text);
    struct parser p = {.text = text, .cron = &cron};

    if (trimmed.n > 0 && trimmed.p[0] == '@') {
        p.text = str_from(macro_fields(trimmed));
        if (p.text.n == 0) {
            *ret_why = "unknown name; there are @hourly, @daily, @weekly, "
                       "@monthly and @yearly";
            *ret_at = (size_t)(trimmed.p - text.p);
            return ERR_INVALID;
        }
    }
    if (read_fields(&p) && !is_ever_due(&cron))
        fail(&p, 0, "no month has such a day: it would never run");
    if (p.why) {
        *ret_why = p.why;
        *ret_at = p.at;
        return ERR_INVALID;
    }
    *ret = cron;
    return ERR_OK;
}

/* ---- in a zone ---- */

static int64_t
offset_ms(const struct zone *z, int64_t utc_ms)
{
    int64_t wall_ms =
        zone_instant(zone_utc(), zone_civil(z, utc_ms)); /* no milliseconds */

    return wall_ms - round_down(utc_ms, 1000);
}

/* In a stretch of one offset, from wall time `from` on and before `end`. What
 * clocks show for the second time is no match, but with elapsed time. */
static int64_t
next_in_stretch(const struct cron *c, const struct zone *z, int64_t offset,
                int64_t from, int64_t end)
{
    for (;;) {
        int64_t wall_ms = next_match(c, from, end);

        if (wall_ms == INT64_MAX || c->any_hour ||
            zone_instant(z, zone_civil(zone_utc(), wall_ms)) >=
                wall_ms - offset)
            return wall_ms;
        from = wall_ms + MINUTE_MS;
    }
}

int64_t
cron_next(const struct cron *c, const struct zone *z, int64_t after_ms)
{
    const bool makes_up = !c->any_hour || c->hours != 0xffffff;
    int64_t at = after_ms < -1 ? -1 : after_ms; /* in the stretch */
    int64_t first = at < LAST_MS ? at + 1 : LAST_MS;

    while (at < LAST_MS) {
        int64_t offset = offset_ms(z, at), end = zone_next_change(z, at);
        int64_t wall_end, gap_end, due;

        if (end > LAST_MS)
            end = LAST_MS + 1;
        wall_end = end + offset;
        due = next_in_stretch(c, z, offset, first + offset, wall_end);
        if (due != INT64_MAX)
            return due - offset;
        gap_end = end <= LAST_MS ? end + offset_ms(z, end) : wall_end;
        if (makes_up && next_match(c, wall_end, gap_end) != INT64_MAX)
            return end;
        at = first = end;
    }
    return INT64_MAX;
}
