/* str.c - see str.h. No function reads past n, and none asks that p is set
 * when n is 0. */
#include "base/str.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"

struct str
str_from(const char *cstr)
{
    return cstr ? (struct str){cstr, strlen(cstr)} : STR_NONE;
}

bool
str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_is(struct str a, const char *cstr)
{
    return str_eq(a, str_from(cstr));
}

static char
char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool
str_ieq(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (char_lower(a.p[i]) != char_lower(b.p[i]))
            return false;
    return true;
}

bool
str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq((struct str){s.p, prefix.n}, prefix);
}

bool
str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n &&
           str_eq(str_sub(s, s.n - suffix.n, suffix.n), suffix);
}

int
str_cmp(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static bool
char_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct str
str_trim(struct str s)
{
    while (s.n > 0 && char_is_blank(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && char_is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str
str_sub(struct str s, size_t from, size_t n)
{
    if (!s.p)
        return STR_NONE;
    if (from > s.n)
        from = s.n;
    if (n > s.n - from)
        n = s.n - from;
    return (struct str){s.p + from, n};
}

ptrdiff_t
str_find(struct str s, char c)
{
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

#define DISTANCE_MAX 64

static bool
is_same_letter(struct str a, size_t i, struct str b, size_t j)
{
    return str_ieq(str_sub(a, i, 1), str_sub(b, j, 1));
}

/* Optimal string alignment, on the last three rows of the matrix. */
size_t
str_distance(struct str a, struct str b)
{
    size_t rows[3][DISTANCE_MAX + 1];

    a = str_sub(a, 0, DISTANCE_MAX);
    b = str_sub(b, 0, DISTANCE_MAX);
    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t *row = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = last[j - 1] + !is_same_letter(a, i - 1, b, j - 1);

            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && is_same_letter(a, i - 1, b, j - 2) &&
                is_same_letter(a, i - 2, b, j - 1) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a.n % 3][b.n];
}

bool
str_split(struct str *rest, char sep, struct str *ret_part)
{
    ptrdiff_t at = str_find(*rest, sep);

    if (!rest->p)
        return false;
    if (at < 0) {
        *ret_part = *rest;
        *rest = STR_NONE;
        return true;
    }
    *ret_part = str_sub(*rest, 0, (size_t)at);
    *rest = str_sub(*rest, (size_t)at + 1, SIZE_MAX);
    return true;
}

char *
str_cstr(struct arena *a, struct str s)
{
    char *copy = arena_alloc(a, s.n + 1);

    if (s.n > 0)
        memcpy(copy, s.p, s.n);
    return copy;
}

struct str
str_dup(struct arena *a, struct str s)
{
    return (struct str){str_cstr(a, s), s.n};
}

struct str
str_fmt(struct arena *a, const char *fmt, ...)
{
    char small[256];
    va_list ap, again;
    struct str ret;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(small, sizeof(small), fmt, ap);
    va_end(ap);
    assert(n >= 0);
    ret = (struct str){small, (size_t)n};
    if (ret.n < sizeof(small)) {
        ret = str_dup(a, ret);
    } else {
        char *text = arena_alloc(a, ret.n + 1);

        vsnprintf(text, ret.n + 1, fmt, again);
        ret.p = text;
    }
    va_end(again);
    return ret;
}

struct str
str_lower(struct arena *a, struct str s)
{
    char *copy = str_cstr(a, s);

    for (size_t i = 0; i < s.n; i++)
        copy[i] = char_lower(copy[i]);
    return (struct str){copy, s.n};
}

int
str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool
str_to_u64(struct str s, uint64_t *ret)
{
    uint64_t value = 0;

    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned)(unsigned char)s.p[i] - '0';

        if (digit > 9 || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *ret = value;
    return true;
}

bool
str_to_i64(struct str s, int64_t *ret)
{
    bool is_negative = s.n > 0 && s.p[0] == '-';
    uint64_t value;

    if (!str_to_u64(is_negative ? str_sub(s, 1, s.n) : s, &value))
        return false;
    if (value > (uint64_t)INT64_MAX + is_negative)
        return false;
    /* Two's complement by hand: -INT64_MIN does not fit. */
    *ret = (int64_t)(is_negative ? 0 - value : value);
    return true;
}

bool
str_to_duration_ms(struct str s, int64_t *ret_ms)
{
    static const struct {
        struct str unit;
        int64_t ms;
    } units[] = {
        /* "ms" before "s": both end alike. */
        {{"ms", 2}, 1},          {{"s", 1}, 1000},         {{"m", 1}, 60000},
        {{"h", 1}, 3600 * 1000}, {{"d", 1}, 86400 * 1000},
    };
    int64_t count, ms;

    if (str_eq(s, STR("0"))) {
        *ret_ms = 0;
        return true;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (!str_ends(s, units[i].unit))
            continue;
        s.n -= units[i].unit.n;
        if (!str_to_i64(s, &count) || s.p[0] == '-' ||
            __builtin_mul_overflow(count, units[i].ms, &ms))
            return false;
        *ret_ms = ms;
        return true;
    }
    return false;
}

/* RFC 3629 section 4: the second byte's range is what keeps out overlongs,
 * surrogates and what lies above U+10FFFF. */
size_t
str_utf8_char(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    unsigned char low = 0x80, high = 0xBF;
    size_t n;

    if (s.n == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (p[0] == 0xE0)
        low = 0xA0;
    else if (p[0] == 0xED)
        high = 0x9F;
    else if (p[0] == 0xF0)
        low = 0x90;
    else if (p[0] == 0xF4)
        high = 0x8F;
    if (s.n < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

bool
str_is_utf8(struct str s)
{
    while (s.n > 0) {
        uint64_t word;
        size_t n;

        if (s.n >= sizeof(word)) {
            memcpy(&word, s.p, sizeof(word));
            if (!(word & UINT64_C(0x8080808080808080))) {
                s = str_sub(s, sizeof(word), s.n);
                continue;
            }
        }
        n = str_utf8_char(s);
        if (n == 0)
            return false;
        s = str_sub(s, n, s.n);
    }
    return true;
}

bool
str_is_text(struct str s)
{
    return str_is_utf8(s) && (s.n == 0 || !memchr(s.p, 0, s.n));
}

struct str
str_utf8_clip(struct str s, size_t n)
{
    if (s.n <= n)
        return s;
    while (n > 0 && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return (struct str){s.p, n};
}
