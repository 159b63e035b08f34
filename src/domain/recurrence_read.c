/* recurrence_read.c - the text of a rule into its parts, and what is wrong
 * with it, at which byte. Pure, any thread. */
#include "domain/recurrence_private.h"

#include <ctype.h>
#include <limits.h>

struct reader {
    struct str text;
    size_t at;
    const struct zone *zone;
    struct recurrence *rule;
    bool has_until, has_week_start;
    enum err err;
    const char *why;
};

struct part_row {
    const char *name;
    int least, most;
    bool takes_negative;
    const char *out_of_range;
};

static const struct part_row part_rows[RECURRENCE_PARTS] = {
    [BY_SECOND] = {"BYSECOND", 0, 59, false, "BYSECOND takes 0 to 59"},
    [BY_MINUTE] = {"BYMINUTE", 0, 59, false, "BYMINUTE takes 0 to 59"},
    [BY_HOUR] = {"BYHOUR", 0, 23, false, "BYHOUR takes 0 to 23"},
    [BY_DAY] = {"BYDAY", 1, 53, true,
                "BYDAY takes MO to SU, with -53 to 53 in front, but not 0"},
    [BY_MONTHDAY] = {"BYMONTHDAY", 1, 31, true,
                     "BYMONTHDAY takes 1 to 31 and -31 to -1"},
    [BY_YEARDAY] = {"BYYEARDAY", 1, 366, true,
                    "BYYEARDAY takes 1 to 366 and -366 to -1"},
    [BY_WEEKNO] = {"BYWEEKNO", 1, 53, true,
                   "BYWEEKNO takes 1 to 53 and -53 to -1"},
    [BY_MONTH] = {"BYMONTH", 1, 12, false, "BYMONTH takes 1 to 12"},
    [BY_SETPOS] = {"BYSETPOS", 1, 366, true,
                   "BYSETPOS takes 1 to 366 and -366 to -1"},
};

/* ---- sets ---- */

void
recurrence_set_add(struct recurrence_set *s, int v)
{
    unsigned bit = (unsigned)(v + RECURRENCE_VALUE_MAX);

    if (recurrence_set_has(s, v))
        return;
    s->bits[bit / 64] |= UINT64_C(1) << bit % 64;
    s->n++;
}

bool
recurrence_set_has(const struct recurrence_set *s, int v)
{
    unsigned bit = (unsigned)(v + RECURRENCE_VALUE_MAX);

    return s->bits[bit / 64] >> bit % 64 & 1;
}

int
recurrence_set_next(const struct recurrence_set *s, int v)
{
    if (v < -RECURRENCE_VALUE_MAX)
        v = -RECURRENCE_VALUE_MAX - 1;
    if (s->n > 0)
        for (v++; v <= RECURRENCE_VALUE_MAX; v++)
            if (recurrence_set_has(s, v))
                return v;
    return INT_MAX;
}

/* ---- words ---- */

static bool
fail(struct reader *r, size_t at, enum err e, const char *why)
{
    if (!r->why) {
        r->at = at;
        r->err = e;
        r->why = why;
    }
    return false;
}

static char
peek(const struct reader *r)
{
    return r->at < r->text.n ? r->text.p[r->at] : '\0';
}

static bool
skip(struct reader *r, char c)
{
    if (peek(r) != c || c == '\0')
        return false;
    r->at++;
    return true;
}

static bool
skip_word(struct reader *r, const char *word)
{
    struct str w = str_from(word);

    if (!str_ieq(str_sub(r->text, r->at, w.n), w))
        return false;
    r->at += w.n;
    return true;
}

/* Up to the next of these, which stays. */
static struct str
take_until(struct reader *r, const char *ends)
{
    size_t from = r->at;

    while (peek(r) != '\0' && !strchr(ends, peek(r)))
        r->at++;
    return str_sub(r->text, from, r->at - from);
}

/* Up to five digits, with a sign where one is taken; false: it is none. */
static bool
read_number(struct reader *r, bool takes_sign, int *ret)
{
    bool is_negative = takes_sign && skip(r, '-');
    size_t from;
    int v = 0;

    if (takes_sign && !is_negative)
        (void)skip(r, '+');
    for (from = r->at; isdigit((unsigned char)peek(r)) && r->at - from < 5;)
        v = v * 10 + (r->text.p[r->at++] - '0');
    *ret = is_negative ? -v : v;
    return r->at > from && !isdigit((unsigned char)peek(r));
}

/* ---- times: 20260105, 20260105T090000, 20260105T090000Z ---- */

static bool
read_fixed(struct reader *r, int n_digits, int *ret)
{
    int v = 0;

    for (; n_digits > 0 && isdigit((unsigned char)peek(r)); n_digits--)
        v = v * 10 + (r->text.p[r->at++] - '0');
    *ret = v;
    return n_digits == 0;
}

/* A date alone is all of that day: its last second. */
static bool
read_time(struct reader *r, bool takes_date, int64_t *ret_ms)
{
    struct civil c = {.hour = 23, .minute = 59, .second = 59}, again;
    const struct zone *z = r->zone;
    size_t from = r->at;
    bool is_time = false, ok;

    ok = read_fixed(r, 4, &c.year) && read_fixed(r, 2, &c.month) &&
         read_fixed(r, 2, &c.day);
    if (ok && (is_time = skip(r, 'T'))) {
        ok = read_fixed(r, 2, &c.hour) && read_fixed(r, 2, &c.minute) &&
             read_fixed(r, 2, &c.second);
        if (skip(r, 'Z'))
            z = zone_utc();
    }
    if (!ok || !(is_time || takes_date))
        return fail(r, from, ERR_INVALID,
                    takes_date
                        ? "expected 20261231, 20261231T235959 or "
                          "20261231T235959Z"
                        : "expected 20261231T090000 or 20261231T090000Z");
    *ret_ms = zone_instant(zone_utc(), c);
    again = zone_civil(zone_utc(), *ret_ms);
    if (c.year < 1970 || again.month != c.month || again.day != c.day ||
        again.hour != c.hour || again.minute != c.minute ||
        again.second != c.second)
        return fail(r, from, ERR_INVALID, "there is no such day or time");
    *ret_ms = zone_instant(z, c);
    return true;
}

/* ---- parts ---- */

static bool
read_weekday(struct reader *r, int *ret)
{
    static const char *const names[] = {"SU", "MO", "TU", "WE",
                                        "TH", "FR", "SA"};

    for (int i = 0; i < 7; i++)
        if (skip_word(r, names[i])) {
            *ret = i + 1;
            return true;
        }
    return false;
}

static bool
read_freq(struct reader *r)
{
    static const char *const names[] = {"",       "MINUTELY", "HOURLY", "DAILY",
                                        "WEEKLY", "MONTHLY",  "YEARLY", NULL};
    size_t from = r->at;
    struct str word = take_until(r, ";");

    if (str_ieq(word, STR("SECONDLY")))
        return fail(r, from, ERR_NOT_SUPPORTED,
                    "SECONDLY is not supported: MINUTELY is the finest");
    for (int i = 1; names[i]; i++)
        if (str_ieq(word, str_from(names[i]))) {
            r->rule->freq = (enum recurrence_freq)i;
            return true;
        }
    return fail(r, from, ERR_INVALID,
                "FREQ is MINUTELY, HOURLY, DAILY, WEEKLY, MONTHLY or YEARLY");
}

static bool
read_bounded(struct reader *r, int most, const char *why, int *ret)
{
    size_t from = r->at;

    if (!read_number(r, false, ret) || *ret < 1 || *ret > most)
        return fail(r, from, ERR_INVALID, why);
    return true;
}

static bool
read_by(struct reader *r, enum recurrence_part part)
{
    const struct part_row *row = &part_rows[part];

    do {
        size_t from = r->at;
        int v = 0, weekday = 0;
        bool is_bare = part == BY_DAY && isalpha((unsigned char)peek(r));
        int size;

        if (!is_bare && !read_number(r, row->takes_negative, &v))
            return fail(r, from, ERR_INVALID, row->out_of_range);
        size = v < 0 ? -v : v;
        if (!is_bare && (size < row->least || size > row->most))
            return fail(r, from, ERR_INVALID, row->out_of_range);
        if (part == BY_DAY) {
            if (!read_weekday(r, &weekday))
                return fail(r, r->at, ERR_INVALID,
                            "a weekday is MO, TU, WE, TH, FR, SA or SU");
            v = v < 0 ? v * 8 - weekday : v * 8 + weekday;
        }
        recurrence_set_add(&r->rule->by[part], v);
    } while (skip(r, ','));
    return true;
}

/* By hand, as parts may come in any order: each of them once. */
static bool
read_part(struct reader *r)
{
    size_t from = r->at;
    struct str name = take_until(r, "=;");
    bool is_first = true;
    int weekday;

    if (!skip(r, '='))
        return fail(r, from, ERR_INVALID, "expected NAME=VALUE");
    for (int i = 0; i < RECURRENCE_PARTS; i++) {
        if (!str_ieq(name, str_from(part_rows[i].name)))
            continue;
        if (r->rule->by[i].n > 0)
            return fail(r, from, ERR_INVALID, "this part is there twice");
        return read_by(r, (enum recurrence_part)i);
    }
    if (str_ieq(name, STR("FREQ"))) {
        is_first = r->rule->freq == RECURRENCE_NONE;
        (void)read_freq(r);
    } else if (str_ieq(name, STR("INTERVAL"))) {
        is_first = r->rule->interval == 0;
        (void)read_bounded(r, RECURRENCE_INTERVAL_MAX,
                           "INTERVAL takes 1 to 9999", &r->rule->interval);
    } else if (str_ieq(name, STR("COUNT"))) {
        is_first = r->rule->count == 0;
        (void)read_bounded(r, RECURRENCE_COUNT_MAX, "COUNT takes 1 to 10000",
                           &r->rule->count);
    } else if (str_ieq(name, STR("UNTIL"))) {
        is_first = !r->has_until;
        r->has_until = true;
        (void)read_time(r, true, &r->rule->until_ms);
    } else if (str_ieq(name, STR("WKST"))) {
        is_first = !r->has_week_start;
        r->has_week_start = true;
        if (read_weekday(r, &weekday))
            r->rule->week_start = (weekday + 5) % 7;
        else
            (void)fail(r, r->at, ERR_INVALID,
                       "a weekday is MO, TU, WE, TH, FR, SA or SU");
    } else {
        return fail(r, from, ERR_INVALID, "unknown part");
    }
    if (!is_first) {
        r->why = NULL;
        return fail(r, from, ERR_INVALID, "this part is there twice");
    }
    return !r->why;
}

/* ---- what goes together ---- */

static bool
has_numbered_weekday(const struct recurrence *rule)
{
    const struct recurrence_set *s = &rule->by[BY_DAY];
    int n_plain = 0;

    for (int v = 1; v <= 7; v++)
        n_plain += recurrence_set_has(s, v);
    return s->n > n_plain;
}

static const char *
clash(const struct reader *r)
{
    const struct recurrence *rule = r->rule;
    const struct recurrence_set *by = rule->by;
    bool is_numbered = has_numbered_weekday(rule);
    int n_others = 0;

    for (int i = 0; i < BY_SETPOS; i++)
        n_others += by[i].n;
    if (rule->freq == RECURRENCE_NONE)
        return "FREQ is missing";
    if (rule->count > 0 && r->has_until)
        return "COUNT and UNTIL do not go together";
    if (by[BY_WEEKNO].n > 0 && rule->freq != RECURRENCE_YEARLY)
        return "BYWEEKNO goes with FREQ=YEARLY only";
    if (by[BY_YEARDAY].n > 0 &&
        (rule->freq == RECURRENCE_DAILY || rule->freq == RECURRENCE_WEEKLY ||
         rule->freq == RECURRENCE_MONTHLY))
        return "BYYEARDAY does not go with FREQ=DAILY, WEEKLY or MONTHLY";
    if (by[BY_MONTHDAY].n > 0 && rule->freq == RECURRENCE_WEEKLY)
        return "BYMONTHDAY does not go with FREQ=WEEKLY";
    if (is_numbered && rule->freq < RECURRENCE_MONTHLY)
        return "a number before a weekday goes with FREQ=MONTHLY or YEARLY";
    if (is_numbered && by[BY_WEEKNO].n > 0)
        return "a number before a weekday does not go with BYWEEKNO";
    if (by[BY_SETPOS].n > 0 && n_others == 0)
        return "BYSETPOS needs another BY part to choose from";
    return NULL;
}

/* "DTSTART:20260105T090000\nRRULE:FREQ=..." as other programs write it. */
static bool
read_head(struct reader *r)
{
    if (skip_word(r, "DTSTART")) {
        if (peek(r) == ';')
            return fail(r, r->at, ERR_NOT_SUPPORTED,
                        "DTSTART takes no parameters: the time zone is the "
                        "schedule's own");
        if (!skip(r, ':'))
            return fail(r, r->at, ERR_INVALID, "expected :");
        if (!read_time(r, false, &r->rule->start_ms))
            return false;
        (void)skip(r, '\r');
        if (!skip(r, '\n'))
            return fail(r, r->at, ERR_INVALID,
                        "expected the rule in a line of its own");
    }
    (void)skip_word(r, "RRULE:");
    return true;
}

enum err
recurrence_read(struct str text, const struct zone *z, int64_t start_ms,
                struct recurrence *ret, const char **ret_why, size_t *ret_at)
{
    struct recurrence rule = {
        .start_ms = start_ms, .until_ms = INT64_MAX, .last_point = INT64_MAX};
    struct reader r = {.text = text, .zone = z, .rule = &rule};
    const char *why;
    bool ok;

    if (read_head(&r)) {
        do {
            ok = read_part(&r);
        } while (ok && skip(&r, ';') && r.at < text.n);
        if (ok && r.at < text.n)
            (void)fail(&r, r.at, ERR_INVALID, "unexpected character");
        if (ok && !r.why && (why = clash(&r)) != NULL)
            (void)fail(&r, 0, ERR_INVALID, why);
    }
    if (r.why) {
        *ret_why = r.why;
        *ret_at = r.at;
        return r.err;
    }
    if (rule.interval == 0)
        rule.interval = 1;
    *ret = rule;
    return ERR_OK;
}
