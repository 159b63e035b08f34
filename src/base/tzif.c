/* tzif.c - see tzif.h. A file has a block with 32-bit times, which is skipped,
 * one with 64-bit times, and a line in the format of the variable TZ (POSIX,
 * with RFC 9636's wider hours) for all that comes after its last time. */
#include "base/tzif.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/civil.h"

#define HEADER 44
#define COUNT_MAX 100000 /* of anything: far beyond any file */
#define OFFSET_MAX_S 86399
#define SECOND_MS INT64_C(1000)
#define DAY_S INT64_C(86400)

/* ---- reading bytes ---- */

struct reading {
    struct str in; /* what is left */
    bool is_bad;
    int64_t from_s, until_s;
    struct zone_changes out;
    size_t cap;
    int32_t offset_s; /* before the first time that counts */
};

static struct str
take(struct reading *r, size_t n)
{
    struct str s = str_sub(r->in, 0, n);

    r->is_bad |= s.n < n;
    r->in = str_sub(r->in, s.n, r->in.n);
    return s;
}

static int64_t
number(struct str s, size_t at, size_t n)
{
    uint64_t v = (unsigned char)s.p[at] & 0x80 && n > 1 ? ~UINT64_C(0) : 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | (unsigned char)s.p[at + i];
    return (int64_t)v;
}

struct counts {
    size_t is_ut, is_standard, leaps, times, types, chars;
};

static bool
take_header(struct reading *r, struct counts *ret)
{
    struct str h = take(r, HEADER);
    size_t n[6];

    if (r->is_bad || !str_starts(h, STR("TZif")) || h.p[4] < '2')
        return false;
    for (size_t i = 0; i < 6; i++) {
        int64_t v = number(h, 20 + 4 * i, 4);

        if (v < 0 || v > COUNT_MAX)
            return false;
        n[i] = (size_t)v;
    }
    *ret = (struct counts){n[0], n[1], n[2], n[3], n[4], n[5]};
    return true;
}

/* ---- writing changes ---- */

static void
put(struct reading *r, int64_t at_s, int64_t offset_s)
{
    struct zone_changes *c = &r->out;
    struct zone_change *last = c->n > 0 ? &c->row[c->n - 1] : NULL;

    if (at_s <= r->from_s) {
        r->offset_s = (int32_t)offset_s;
        return;
    }
    if (at_s >= r->until_s ||
        (last ? last->offset_ms : r->offset_s * SECOND_MS) ==
            offset_s * SECOND_MS)
        return;
    if (c->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        c->row = xrealloc(c->row, r->cap * sizeof(*c->row));
    }
    assert(c->row); /* as there is room */
    c->row[c->n++] = (struct zone_change){
        .at_ms = at_s * SECOND_MS, .offset_ms = (int32_t)(offset_s * 1000)};
}

/* ---- the line at the end ---- */

struct rule {
    char kind; /* 'J', '0' (a day from 0), 'M' */
    int month, week, day;
    int64_t time_s;
};

struct tail {
    int64_t standard_s, summer_s; /* ahead of UTC */
    bool has_summer;
    struct rule start, end;
};

static bool
skip(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_sub(*s, 1, s->n);
    return true;
}

static bool
take_number(struct str *s, int max, int *ret)
{
    size_t n = 0;

    *ret = 0;
    for (; n < s->n && n < 4 && s->p[n] >= '0' && s->p[n] <= '9'; n++)
        *ret = *ret * 10 + (s->p[n] - '0');
    *s = str_sub(*s, n, s->n);
    return n > 0 && *ret <= max;
}

static bool
take_name(struct str *s)
{
    size_t n = 0;

    if (skip(s, '<')) {
        while (n < s->n && s->p[n] != '>')
            n++;
        *s = str_sub(*s, n, s->n);
        return skip(s, '>');
    }
    while (n < s->n && ((s->p[n] >= 'A' && s->p[n] <= 'Z') ||
                        (s->p[n] >= 'a' && s->p[n] <= 'z')))
        n++;
    *s = str_sub(*s, n, s->n);
    return n >= 3;
}

/* [+-]hh[:mm[:ss]] */
static bool
take_time(struct str *s, int max_hours, int64_t *ret)
{
    bool is_negative = skip(s, '-');
    int h, m = 0, sec = 0;

    if (!is_negative)
        (void)skip(s, '+');
    if (!take_number(s, max_hours, &h) ||
        (skip(s, ':') && !take_number(s, 59, &m)) ||
        (skip(s, ':') && !take_number(s, 59, &sec)))
        return false;
    *ret = (int64_t)h * 3600 + m * 60 + sec;
    if (is_negative)
        *ret = -*ret;
    return true;
}

static bool
take_rule(struct str *s, struct rule *ret)
{
    bool ok;

    *ret = (struct rule){.kind = '0', .time_s = 2 * 3600};
    if (!skip(s, ','))
        return false;
    if (skip(s, 'M')) {
        ret->kind = 'M';
        ok = take_number(s, 12, &ret->month) && ret->month > 0 &&
             skip(s, '.') && take_number(s, 5, &ret->week) && ret->week > 0 &&
             skip(s, '.') && take_number(s, 6, &ret->day);
    } else {
        if (skip(s, 'J'))
            ret->kind = 'J';
        ok = take_number(s, 365, &ret->day);
    }
    return ok && (!skip(s, '/') || take_time(s, 167, &ret->time_s));
}

/* Signs are those of POSIX: what is behind UTC is positive. */
static bool
parse_tail(struct str s, struct tail *ret)
{
    int64_t behind_s;

    *ret = (struct tail){0};
    if (!take_name(&s) || !take_time(&s, 24, &behind_s))
        return false;
    ret->standard_s = -behind_s;
    if (s.n == 0)
        return true;
    ret->has_summer = true;
    ret->summer_s = ret->standard_s + 3600;
    if (!take_name(&s))
        return false;
    if (s.n > 0 && s.p[0] != ',') {
        if (!take_time(&s, 24, &behind_s))
            return false;
        ret->summer_s = -behind_s;
    }
    return take_rule(&s, &ret->start) && take_rule(&s, &ret->end) && s.n == 0;
}

/* On the wall, seconds since 1970. */
static int64_t
shown_in(const struct rule *r, int64_t year)
{
    int64_t day = civil_days(year, 1, 1);

    if (r->kind == 'J') { /* 1 .. 365; 29 February is never counted */
        day += r->day - 1 + (civil_is_leap(year) && r->day > 59);
    } else if (r->kind == '0') {
        day += r->day;
    } else {
        int64_t next = r->month == 12 ? civil_days(year + 1, 1, 1)
                                      : civil_days(year, r->month + 1, 1);
        int64_t weekday; /* of the first, 0 Sunday; 1970 began on a Thursday */

        day = civil_days(year, r->month, 1);
        weekday = ((day + 4) % 7 + 7) % 7;
        day += (r->day - weekday + 7) % 7 + 7 * (r->week - 1);
        if (day >= next)
            day -= 7; /* week 5 is the last one */
    }
    return day * DAY_S + r->time_s;
}

static void
put_years(struct reading *r, const struct tail *t, int64_t after_s)
{
    int64_t year =
        civil_from_seconds(after_s > r->from_s ? after_s : r->from_s).year - 1;

    for (; civil_days(year, 1, 1) * DAY_S < r->until_s; year++) {
        int64_t start = shown_in(&t->start, year) - t->standard_s;
        int64_t end = shown_in(&t->end, year) - t->summer_s;

        for (int i = 0; i < 2; i++) {
            bool is_start = (start < end) == (i == 0);
            int64_t at = is_start ? start : end;

            if (at > after_s)
                put(r, at, is_start ? t->summer_s : t->standard_s);
        }
    }
}

static bool
is_offset(int64_t s)
{
    return s >= -OFFSET_MAX_S && s <= OFFSET_MAX_S;
}

static bool
read_tail(struct reading *r, int64_t after_s)
{
    struct tail t;

    if (r->in.n < 2 || r->in.p[0] != '\n' || r->in.p[r->in.n - 1] != '\n')
        return false;
    if (r->in.n == 2)
        return true; /* nothing is known of later */
    if (!parse_tail(str_sub(r->in, 1, r->in.n - 2), &t) ||
        !is_offset(t.standard_s) || !is_offset(t.summer_s))
        return false;
    if (t.has_summer)
        put_years(r, &t, after_s);
    else
        put(r, after_s + 1, t.standard_s);
    return true;
}

/* ---- a file ---- */

static bool
read_times(struct reading *r, const struct counts *n, int64_t *ret_last)
{
    struct str times = take(r, n->times * 8), index = take(r, n->times);
    struct str types = take(r, n->types * 6);

    (void)take(r, n->chars + n->leaps * 12 + n->is_standard + n->is_ut);
    if (r->is_bad || n->types == 0)
        return false;
    for (size_t i = 0; i < n->types; i++)
        if (!is_offset(number(types, i * 6, 4)))
            return false;
    r->offset_s = (int32_t)number(types, 0, 4);
    for (size_t i = 0; i < n->times; i++) {
        size_t type = (unsigned char)index.p[i];

        if (type >= n->types)
            return false;
        *ret_last = number(times, i * 8, 8);
        put(r, *ret_last, number(types, type * 6, 4));
    }
    return true;
}

static bool
read_file(struct reading *r)
{
    struct counts n;
    int64_t last_s = INT64_MIN;

    if (!take_header(r, &n))
        return false;
    (void)take(r, n.times * 5 + n.types * 6 + n.chars + n.leaps * 8 +
                      n.is_standard + n.is_ut);
    return take_header(r, &n) && read_times(r, &n, &last_s) &&
           read_tail(r, last_s > -(INT64_C(1) << 50) ? last_s
                                                     : -(INT64_C(1) << 50));
}

/* Before it the offset of from_ms holds: that is the first row. */
static void
put_first(struct reading *r)
{
    struct zone_changes *c = &r->out;

    c->row = xrealloc(c->row, (c->n + 1) * sizeof(*c->row));
    memmove(c->row + 1, c->row, c->n * sizeof(*c->row));
    c->row[0] = (struct zone_change){.at_ms = r->from_s * SECOND_MS,
                                     .offset_ms = r->offset_s * 1000};
    c->n++;
}

enum err
tzif_read(struct str bytes, int64_t from_ms, int64_t until_ms,
          struct zone_changes *ret)
{
    struct reading r = {.in = bytes,
                        .from_s = from_ms / SECOND_MS,
                        .until_s = until_ms / SECOND_MS};

    if (!read_file(&r)) {
        free(r.out.row);
        return ERR_INVALID;
    }
    put_first(&r);
    *ret = r.out;
    return ERR_OK;
}

/* The folder has other things, too: tables with a dot in their names, and below
 * right/ clocks that count leap seconds. */
static bool
is_zone_name(struct str name)
{
    if (name.n == 0 || name.p[0] < 'A' || name.p[0] > 'Z')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              (c >= '0' && c <= '9') || strchr("_+-/", c)) ||
            c == '\0')
            return false;
    }
    return !str_is(name, "Factory");
}

enum err
tzif_zone_changes(struct str name, int64_t from_ms, int64_t until_ms,
                  struct zone_changes *ret)
{
    char path[192], *bytes;
    enum err e = ERR_NOT_FOUND;
    ssize_t n;
    int fd;

    if (!is_zone_name(name) || name.n > 100)
        return ERR_NOT_FOUND;
    snprintf(path, sizeof(path), TZIF_FOLDER "/%.*s", STR_ARG(name));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ERR_NOT_FOUND;
    bytes = xmalloc(TZIF_SIZE_MAX);
    n = read(fd, bytes, TZIF_SIZE_MAX);
    if (n > 0 && n < TZIF_SIZE_MAX)
        e = tzif_read((struct str){bytes, (size_t)n}, from_ms, until_ms, ret);
    close(fd);
    free(bytes);
    return e == ERR_OK ? ERR_OK : ERR_NOT_FOUND;
}
