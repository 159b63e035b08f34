/* clock.c - see clock.h. Calendar sums are done here in integers, on the
 * proleptic Gregorian calendar and without leap seconds, as POSIX counts:
 * gmtime() and timegm() know about time zones and errno, and are slower. */
#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/civil.h"

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)
/* 9999-12-31T23:59:59.999Z */
#define TIME_MAX_MS INT64_C(253402300799999)

static const char *const month_names[] = {"Jan", "Feb", "Mar", "Apr",
                                          "May", "Jun", "Jul", "Aug",
                                          "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[] = {"Mon", "Tue", "Wed", "Thu",
                                        "Fri", "Sat", "Sun"};

static int64_t
read_clock(clockid_t id)
{
    struct timespec t;
    int failed = clock_gettime(id, &t);

    assert(!failed);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t
system_wall_ms(struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_REALTIME);
}

static int64_t
system_mono_ms(struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_BOOTTIME); /* goes on while the machine sleeps */
}

struct clock *
clock_system(void)
{
    static struct clock c = {system_wall_ms, system_mono_ms};

    return &c;
}

static int64_t
virtual_ms(struct clock *c)
{
    return ((struct clock_virtual *)(void *)c)->now_ms;
}

void
clock_virtual_init(struct clock_virtual *c, int64_t start_ms)
{
    c->base = (struct clock){virtual_ms, virtual_ms};
    c->now_ms = start_ms;
}

/* To what can be written. */
static int64_t
clipped(int64_t ms)
{
    return ms < 0 ? 0 : ms > TIME_MAX_MS ? TIME_MAX_MS : ms;
}

static int
month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && civil_is_leap(year) ? 29 : days[month - 1];
}

/* False where a part is out of range; second 60 only ends a UTC day. */
static bool
civil_to_ms(const struct civil *c, int fraction_ms, int64_t offset_ms,
            int64_t *ret_ms)
{
    int64_t ms;

    if (c->year < 1 || c->month < 1 || c->month > 12 || c->day < 1 ||
        c->day > month_days(c->year, c->month) || c->hour > 23 ||
        c->minute > 59 || c->second > 60)
        return false;
    ms = civil_days(c->year, c->month, c->day) * DAY_MS + c->hour * HOUR_MS +
         c->minute * MINUTE_MS + c->second * SECOND_MS + fraction_ms -
         offset_ms;
    if (c->second == 60 && (ms - fraction_ms) % DAY_MS != 0)
        return false;
    if (ms < 0 || ms > TIME_MAX_MS)
        return false;
    *ret_ms = ms;
    return true;
}

struct str
time_format(char text[static TIME_TEXT_SIZE], int64_t wall_ms)
{
    int64_t ms = clipped(wall_ms);
    struct civil c = civil_from_seconds(ms / SECOND_MS);
    int n = snprintf(text, TIME_TEXT_SIZE,
                     "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", c.year, c.month,
                     c.day, c.hour, c.minute, c.second, (int)(ms % SECOND_MS));

    assert(n > 0 && n < TIME_TEXT_SIZE);
    return (struct str){text, (size_t)n};
}

struct str
time_format_mail(char text[static TIME_TEXT_SIZE], int64_t wall_ms)
{
    struct civil c = civil_from_seconds(clipped(wall_ms) / SECOND_MS);
    int n =
        snprintf(text, TIME_TEXT_SIZE, "%s, %02d %s %04d %02d:%02d:%02d +0000",
                 day_names[c.weekday], c.day, month_names[c.month - 1], c.year,
                 c.hour, c.minute, c.second);

    assert(n > 0 && n < TIME_TEXT_SIZE);
    return (struct str){text, (size_t)n};
}

/* Exactly n digits off the front of *s. */
static bool
take_digits(struct str *s, size_t n, int *ret)
{
    int v = 0;

    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        v = v * 10 + (s->p[i] - '0');
    }
    *s = (struct str){s->p + n, s->n - n};
    *ret = v;
    return true;
}

/* One byte out of `set` off the front of *s. */
static bool
take_char(struct str *s, const char *set)
{
    if (s->n == 0 || s->p[0] == '\0' || !strchr(set, s->p[0]))
        return false;
    *s = (struct str){s->p + 1, s->n - 1};
    return true;
}

static bool
take_word(struct str *s, const char *word)
{
    size_t n = strlen(word);

    if (s->n < n || memcmp(s->p, word, n) != 0)
        return false;
    *s = (struct str){s->p + n, s->n - n};
    return true;
}

static bool
take_name(struct str *s, const char *const *names, int n, int *ret)
{
    for (int i = 0; i < n; i++) {
        if (take_word(s, names[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool
take_hms(struct str *s, struct civil *c)
{
    return take_digits(s, 2, &c->hour) && take_char(s, ":") &&
           take_digits(s, 2, &c->minute) && take_char(s, ":") &&
           take_digits(s, 2, &c->second);
}

static bool
take_fraction(struct str *s, int *ret_ms)
{
    int digit, n = 0, scale = 100;

    *ret_ms = 0;
    if (!take_char(s, "."))
        return true;
    while (take_digits(s, 1, &digit)) {
        if (++n > 9)
            return false;
        *ret_ms += digit * scale;
        scale /= 10;
    }
    return n > 0;
}

static bool
take_offset(struct str *s, int64_t *ret_ms)
{
    bool is_west = s->n > 0 && s->p[0] == '-';
    int hours, minutes;

    *ret_ms = 0;
    if (take_char(s, "Zz"))
        return true;
    if (!take_char(s, "+-") || !take_digits(s, 2, &hours) ||
        !take_char(s, ":") || !take_digits(s, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *ret_ms = (hours * HOUR_MS + minutes * MINUTE_MS) * (is_west ? -1 : 1);
    return true;
}

bool
time_parse(struct str s, int64_t *ret_wall_ms)
{
    struct civil c = {0};
    int64_t offset_ms;
    int fraction_ms;

    return take_digits(&s, 4, &c.year) && take_char(&s, "-") &&
           take_digits(&s, 2, &c.month) && take_char(&s, "-") &&
           take_digits(&s, 2, &c.day) && take_char(&s, "Tt") &&
           take_hms(&s, &c) && take_fraction(&s, &fraction_ms) &&
           take_offset(&s, &offset_ms) && s.n == 0 &&
           civil_to_ms(&c, fraction_ms, offset_ms, ret_wall_ms);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool
take_fixdate(struct str s, struct civil *c)
{
    return take_name(&s, day_names, 7, &c->weekday) && take_word(&s, ", ") &&
           take_digits(&s, 2, &c->day) && take_char(&s, " ") &&
           take_name(&s, month_names, 12, &c->month) && take_char(&s, " ") &&
           take_digits(&s, 4, &c->year) && take_char(&s, " ") &&
           take_hms(&s, c) && take_word(&s, " GMT") && s.n == 0;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT"; the years of these are 1970 to 2069. */
static bool
take_rfc850(struct str s, struct civil *c)
{
    ptrdiff_t comma = str_find(s, ',');

    if (!take_name(&s, day_names, 7, &c->weekday) || comma < 6)
        return false;
    s = str_sub(s, (size_t)comma - 3, s.n); /* three letters are taken */
    if (!take_word(&s, ", ") || !take_digits(&s, 2, &c->day) ||
        !take_char(&s, "-") || !take_name(&s, month_names, 12, &c->month) ||
        !take_char(&s, "-") || !take_digits(&s, 2, &c->year) ||
        !take_char(&s, " ") || !take_hms(&s, c) || !take_word(&s, " GMT"))
        return false;
    c->year += c->year < 70 ? 2000 : 1900;
    return s.n == 0;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool
take_asctime(struct str s, struct civil *c)
{
    return take_name(&s, day_names, 7, &c->weekday) && take_char(&s, " ") &&
           take_name(&s, month_names, 12, &c->month) && take_char(&s, " ") &&
           take_digits(&s, take_char(&s, " ") ? 1 : 2, &c->day) &&
           take_char(&s, " ") && take_hms(&s, c) && take_char(&s, " ") &&
           take_digits(&s, 4, &c->year) && s.n == 0;
}

bool
time_parse_http(struct str s, int64_t *ret_wall_ms)
{
    struct civil c = {0};

    if (!take_fixdate(s, &c) && !take_rfc850(s, &c) && !take_asctime(s, &c))
        return false;
    c.month++;
    return civil_to_ms(&c, 0, 0, ret_wall_ms);
}

struct str
duration_format(char text[static TIME_TEXT_SIZE], int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{DAY_MS, "d"},
                 {HOUR_MS, "h"},
                 {MINUTE_MS, "m"},
                 {SECOND_MS, "s"},
                 {1, "ms"}};
    size_t i = 0;
    int n;

    if (ms == 0)
        i = 3; /* "0s" */
    while (ms % units[i].ms != 0)
        i++;
    n = snprintf(text, TIME_TEXT_SIZE, "%" PRId64 "%s", ms / units[i].ms,
                 units[i].name);
    assert(n > 0 && n < TIME_TEXT_SIZE);
    return (struct str){text, (size_t)n};
}
