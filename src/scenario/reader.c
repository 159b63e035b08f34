#include "scenario/reader.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/civil.h"

#define SHOWN_MAX 40 /* bytes of what came instead */

bool
reader_fail(struct reader *r, const char *fmt, ...)
{
    char text[500];
    va_list args;
    int n;

    if (r->error->why.n > 0)
        return false;
    va_start(args, fmt);
    n = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(text))
        n = (int)sizeof(text) - 1;
    r->error->line = r->line;
    for (const char *p = r->from; p < r->rest.p; p++)
        r->error->line += *p == '\n';
    r->error->why = str_dup(
        r->arena, str_utf8_clip((struct str){text, (size_t)n}, (size_t)n));
    return false;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_blanks(struct reader *r, bool over_lines)
{
    while (r->rest.n > 0 && is_blank(r->rest.p[0]) &&
           (over_lines || r->rest.p[0] != '\n'))
        r->rest = str_sub(r->rest, 1, r->rest.n);
}

static bool
ends_word(char c)
{
    return is_blank(c) || c == ',' || c == '"';
}

/* Without taking it. A comma is a word of its own. */
static struct str
word_ahead(struct reader *r)
{
    size_t n = 0;

    skip_blanks(r, false);
    if (r->rest.n > 0 && r->rest.p[0] == ',')
        return str_sub(r->rest, 0, 1);
    while (n < r->rest.n && !ends_word(r->rest.p[n]))
        n++;
    return str_sub(r->rest, 0, n);
}

struct str
reader_next(struct reader *r)
{
    struct str s = r->rest;
    ptrdiff_t end;

    skip_blanks(r, true);
    s = r->rest;
    end = str_find(s, '\n');
    if (end >= 0)
        s.n = (size_t)end;
    if (s.n == 0)
        return STR("the end of the line");
    if (s.n > SHOWN_MAX)
        return str_fmt(r->arena, "%.*s...",
                       STR_ARG(str_utf8_clip(s, SHOWN_MAX)));
    return s;
}

bool
reader_is_done(struct reader *r)
{
    skip_blanks(r, true);
    return r->rest.n == 0;
}

bool
reader_take(struct reader *r, const char *word)
{
    struct str s = word_ahead(r);

    if (!str_is(s, word))
        return false;
    r->rest = str_sub(r->rest, s.n, r->rest.n);
    return true;
}

static bool
comes(struct reader *r, const char *set)
{
    skip_blanks(r, true);
    return r->rest.n > 0 && r->rest.p[0] != '\0' && strchr(set, r->rest.p[0]);
}

bool
reader_has_text(struct reader *r)
{
    return comes(r, "\"");
}

bool
reader_has_json(struct reader *r)
{
    return comes(r, "{[");
}

bool
reader_has_digit(struct reader *r)
{
    return comes(r, "0123456789");
}

static bool
expected(struct reader *r, const char *what)
{
    struct str next = reader_next(r);

    return reader_fail(r, "expected %s, not: %.*s", what, STR_ARG(next));
}

bool
reader_word(struct reader *r, const char *what, struct str *ret)
{
    struct str s = word_ahead(r);

    if (s.n == 0 || s.p[0] == ',' || s.p[0] == '{' || s.p[0] == '[')
        return expected(r, what);
    r->rest = str_sub(r->rest, s.n, r->rest.n);
    *ret = s;
    return true;
}

bool
reader_want(struct reader *r, const char *word)
{
    char what[64];

    if (reader_take(r, word))
        return true;
    snprintf(what, sizeof(what), "\"%s\"", word);
    return expected(r, what);
}

/* Up to and with the quote that ends it; 0: none does in this line. */
static size_t
quoted_length(struct str s)
{
    for (size_t i = 1; i < s.n && s.p[i] != '\n'; i++) {
        if (s.p[i] == '\\')
            i++;
        else if (s.p[i] == '"')
            return i + 1;
    }
    return 0;
}

bool
reader_text(struct reader *r, const char *what, struct str *ret)
{
    struct json_doc *doc = ARENA_NEW(r->arena, struct json_doc);
    struct json_error why;
    size_t n;

    if (!reader_has_text(r))
        return expected(r, what);
    n = quoted_length(r->rest);
    if (n == 0)
        return reader_fail(r, "the quote does not end in this line");
    if (json_parse(r->arena, str_sub(r->rest, 0, n), doc, &why) != ERR_OK)
        return reader_fail(r, "the text in quotes is not well formed: %s",
                           why.why);
    r->rest = str_sub(r->rest, n, r->rest.n);
    *ret = json_str(r->arena, json_root(doc));
    if (!ret->p)
        *ret = STR("");
    return true;
}

bool
reader_number(struct reader *r, const char *what, int64_t max, int64_t *ret)
{
    struct reader before = *r;
    struct str s = STR_NONE;

    if (!reader_word(r, what, &s))
        return false;
    if (str_to_i64(s, ret) && *ret >= 0 && *ret <= max)
        return true;
    *r = before;
    return expected(r, what);
}

bool
reader_duration(struct reader *r, int64_t *ret)
{
    static const char what[] = "a duration such as 90s, 10m, 24h or 7d";
    struct reader before = *r;
    struct str s = STR_NONE;

    if (!reader_word(r, what, &s))
        return false;
    if (str_to_duration_ms(s, ret) && *ret > 0)
        return true;
    *r = before;
    return expected(r, what);
}

/* The line of a fault within a JSON text. */
static bool
refuse_json(struct reader *r, size_t at, const char *why)
{
    r->rest = str_sub(r->rest, at, r->rest.n);
    return reader_fail(r, "the JSON is not well formed: %s", why);
}

bool
reader_value(struct reader *r, struct json *ret)
{
    struct json_doc *doc = ARENA_NEW(r->arena, struct json_doc);
    struct json_error why = {0};

    skip_blanks(r, true);
    if (r->rest.n == 0)
        return expected(r, "JSON");
    if (json_parse(r->arena, r->rest, doc, &why) != ERR_OK)
        return refuse_json(r, why.at, why.why);
    r->rest = str_sub(r->rest, r->rest.n, 0);
    *ret = json_root(doc);
    return true;
}

bool
reader_object(struct reader *r, struct json *ret)
{
    skip_blanks(r, true);
    if (r->rest.n == 0 || r->rest.p[0] != '{')
        return expected(r, "a JSON object");
    return reader_value(r, ret);
}

struct json
reader_json_of(struct reader *r, struct str text)
{
    struct json_doc *doc = ARENA_NEW(r->arena, struct json_doc);
    struct json_error why;
    struct json none = {0};

    return json_parse(r->arena, text, doc, &why) == ERR_OK ? json_root(doc)
                                                           : none;
}

bool
reader_end(struct reader *r)
{
    return reader_is_done(r) || expected(r, "the end of the statement");
}

/* ---- times ---- */

static bool
digits(struct str s, size_t at, size_t n, int *ret)
{
    int v = 0;

    for (size_t i = at; i < at + n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        v = 10 * v + (s.p[i] - '0');
    }
    *ret = v;
    return true;
}

static bool
is_date(struct str s, struct civil *c)
{
    return s.n == 10 && s.p[4] == '-' && s.p[7] == '-' &&
           digits(s, 0, 4, &c->year) && digits(s, 5, 2, &c->month) &&
           digits(s, 8, 2, &c->day);
}

static bool
is_time(struct str s, struct moment *m)
{
    struct civil *c = &m->civil;

    m->has_seconds = s.n == 8;
    c->second = 0;
    return (s.n == 5 || s.n == 8) && s.p[2] == ':' &&
           digits(s, 0, 2, &c->hour) && digits(s, 3, 2, &c->minute) &&
           (s.n == 5 || (s.p[5] == ':' && digits(s, 6, 2, &c->second))) &&
           c->hour < 24 && c->minute < 60 && c->second < 60;
}

/* The calendar's own sums say whether that day is there. */
static bool
is_there(const struct civil *c)
{
    struct civil same;

    if (c->year < 2024 || c->year > ZONE_LAST_YEAR || c->month < 1 ||
        c->month > 12 || c->day < 1 || c->day > 31)
        return false;
    same = civil_from_seconds(civil_days(c->year, c->month, c->day) * 86400);
    return same.month == c->month && same.day == c->day;
}

/* A word with a slash, or UTC: nothing else follows a time. */
static bool
read_zone(struct reader *r, struct moment *ret)
{
    struct str s = word_ahead(r);
    const struct zone *near;

    if (str_find(s, '/') < 0 && !str_is(s, "UTC"))
        return true;
    ret->zone = zone_find(s);
    if (ret->zone) {
        r->rest = str_sub(r->rest, s.n, r->rest.n);
        return true;
    }
    near = zone_nearest(s);
    if (near)
        return reader_fail(r, "there is no time zone %.*s; is it %.*s?",
                           STR_ARG(s), STR_ARG(zone_name(near)));
    return reader_fail(r, "there is no time zone %.*s", STR_ARG(s));
}

bool
reader_moment(struct reader *r, struct moment *ret)
{
    static const char what[] = "a time such as 09:30 or 2026-03-01 09:30";
    struct reader before = *r;
    struct str s = STR_NONE;

    *ret = (struct moment){0};
    if (!reader_word(r, what, &s))
        return false;
    if (is_date(s, &ret->civil)) {
        ret->has_date = true;
        if (!is_there(&ret->civil)) {
            *r = before;
            return reader_fail(r,
                               "there is no day %.*s; days are from "
                               "2024-01-01 to %d-12-31",
                               STR_ARG(s), ZONE_LAST_YEAR);
        }
        before = *r;
        if (!reader_word(r, "a time such as 09:30", &s))
            return false;
    }
    if (is_time(s, ret))
        return read_zone(r, ret);
    *r = before;
    return expected(r, what);
}

/* ---- users, paths ---- */

/* "u1..u150", into its parts. Numbers are written as wide as the first. */
static bool
is_range(struct str word, struct range *ret)
{
    const char *dots = memmem(word.p, word.n, "..", 2);
    struct str from = {word.p, dots ? (size_t)(dots - word.p) : 0}, to;
    size_t n = from.n;

    if (!dots)
        return false;
    to = str_sub(word, from.n + 2, word.n);
    while (n > 0 && from.p[n - 1] >= '0' && from.p[n - 1] <= '9')
        n--;
    ret->prefix = str_sub(from, 0, n);
    ret->width = from.n - n;
    return str_starts(to, ret->prefix) &&
           str_to_i64(str_sub(from, n, from.n), &ret->first) &&
           str_to_i64(str_sub(to, n, to.n), &ret->last) &&
           ret->first <= ret->last;
}

bool
reader_range(struct reader *r, struct range *ret)
{
    struct reader before = *r;
    struct str word = STR_NONE;

    if (!reader_word(r, "a user's id", &word))
        return false;
    *ret = (struct range){.prefix = word, .first = 1, .last = 1};
    if (word.n < 2 || !memmem(word.p, word.n, "..", 2))
        return true;
    if (is_range(word, ret) && ret->last - ret->first < RANGE_MAX) {
        *r->names_left -= ret->last - ret->first + 1;
        return *r->names_left >= 0 ||
               reader_fail(r,
                           "the ranges of this file name too many users: "
                           "at most %d",
                           SCRIPT_NAMES_MAX);
    }
    *r = before;
    return reader_fail(r,
                       "expected a range such as u1..u150, of at most %d "
                       "users, not: %.*s",
                       RANGE_MAX, STR_ARG(word));
}

struct str
range_name(struct reader *r, const struct range *range, int64_t i)
{
    if (range->width == 0)
        return range->prefix;
    return str_fmt(r->arena, "%.*s%0*lld", STR_ARG(range->prefix),
                   (int)range->width, (long long)i);
}

bool
reader_users(struct reader *r, struct buf *ret)
{
    size_t n = 0;
    struct range range;

    do {
        if (!reader_range(r, &range))
            return false;
        for (int64_t i = range.first; i <= range.last; i++) {
            buf_put_cstr(ret, n++ > 0 ? "," : "");
            buf_put_json_str(ret, range_name(r, &range, i));
        }
    } while (reader_take(r, ",") || reader_take(r, "and"));
    return true;
}

struct str
reader_path(struct reader *r, const char *before, struct str key,
            const char *rest)
{
    struct buf b;

    buf_init(&b, r->arena);
    buf_put_cstr(&b, before);
    buf_put_url(&b, key);
    buf_put_cstr(&b, rest);
    return buf_str(&b);
}

bool
reader_method(struct reader *r, struct str *ret)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH",
                                          "DELETE"};

    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
        if (reader_take(r, methods[i])) {
            *ret = str_from(methods[i]);
            return true;
        }
    return false;
}

static bool
is_token(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z') || c == '-';
}

/* It goes into a request line as it is. */
static bool
is_path(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127)
            return false;
    return s.n > 0 && s.p[0] == '/';
}

/* with Idempotency-Key "abc" */
static bool
read_header(struct reader *r, struct step *s)
{
    if (!reader_word(r, "a header's name", &s->header[0]) ||
        !reader_text(r, "its value in quotes", &s->header[1]))
        return false;
    for (size_t i = 0; i < s->header[0].n; i++)
        if (!is_token(s->header[0].p[i]))
            return reader_fail(r, "a header's name is made of letters, digits "
                                  "and hyphens");
    for (size_t i = 0; i < s->header[1].n; i++)
        if (s->header[1].p[i] < ' ' || s->header[1].p[i] > '~')
            return reader_fail(r, "a header's value is one line of ASCII");
    return true;
}

bool
reader_request(struct reader *r, struct step *s, bool takes_answer)
{
    static const char what[] = "a path such as /v1/users/anna";
    struct reader before = *r;

    if (!reader_word(r, what, &s->path))
        return false;
    if (!is_path(s->path)) {
        *r = before;
        return expected(r, what);
    }
    if (reader_take(r, "as") && !reader_word(r, "a user's id", &s->as_user))
        return false;
    if (reader_take(r, "with") && !read_header(r, s))
        return false;
    if (takes_answer) {
        s->checks = ARENA_NEW(r->arena, struct check);
        s->n_checks = 1;
        return reader_value(r, &s->checks[0].json);
    }
    return reader_is_done(r) || reader_value(r, &s->body);
}
