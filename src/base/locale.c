#include "base/locale.h"

/* Registered before there was a grammar, and outside of it. */
static const char *const irregular[] = {
    "en-GB-oed", "i-ami", "i-bnn",     "i-default", "i-enochian", "i-hak",
    "i-klingon", "i-lux", "i-mingo",   "i-navajo",  "i-pwn",      "i-tao",
    "i-tay",     "i-tsu", "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE",
};

static bool
is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_all(struct str s, bool (*is)(char c))
{
    for (size_t i = 0; i < s.n; i++)
        if (!is(s.p[i]))
            return false;
    return s.n > 0;
}

/* Subtags, one after the other; an empty one is none, and so is their end. */
struct reader {
    struct str tag, rest, subtag;
    size_t at; /* of the subtag */
};

static void
next(struct reader *r)
{
    r->subtag = STR_NONE;
    if (r->rest.p) {
        r->at = (size_t)(r->rest.p - r->tag.p);
        (void)str_split(&r->rest, '-', &r->subtag);
    }
}

static bool
is_alphas(const struct reader *r, size_t min, size_t max)
{
    return r->subtag.n >= min && r->subtag.n <= max &&
           is_all(r->subtag, is_alpha);
}

static bool
is_variant(const struct reader *r)
{
    size_t n = r->subtag.n;

    return (n >= 5 && n <= 8) || (n == 4 && is_digit(r->subtag.p[0]));
}

/* Whether the subtag stands between `from` and itself already. */
static bool
is_repeated(const struct reader *r, size_t from)
{
    struct str before = str_sub(r->tag, from, r->at - from), subtag;

    while (str_split(&before, '-', &subtag))
        if (str_ieq(subtag, r->subtag))
            return true;
    return false;
}

static bool
skip_language(struct reader *r)
{
    bool is_short = r->subtag.n <= 3;

    if (!is_alphas(r, 2, 8))
        return false;
    next(r);
    for (int i = 0; is_short && i < 3 && is_alphas(r, 3, 3); i++)
        next(r);
    if (is_alphas(r, 4, 4))
        next(r);
    if (is_alphas(r, 2, 2) || (r->subtag.n == 3 && is_all(r->subtag, is_digit)))
        next(r);
    return true;
}

static bool
skip_variants(struct reader *r)
{
    size_t from = r->at;

    for (; is_variant(r); next(r))
        if (is_repeated(r, from))
            return false;
    return true;
}

/* "-u-nu-latn": singletons once each, and something behind each. */
static bool
skip_extensions(struct reader *r)
{
    size_t from = r->at;

    while (r->subtag.n == 1 && r->subtag.p[0] != 'x' && r->subtag.p[0] != 'X') {
        if (is_repeated(r, from))
            return false;
        next(r);
        if (r->subtag.n < 2)
            return false;
        while (r->subtag.n >= 2)
            next(r);
    }
    return true;
}

static bool
skip_private(struct reader *r)
{
    if (r->subtag.n != 1)
        return true;
    next(r);
    if (r->subtag.n == 0)
        return false;
    while (r->subtag.n > 0)
        next(r);
    return true;
}

/* One to eight letters or digits between hyphens: all tags are such. */
static bool
is_of_subtags(struct str s)
{
    struct str subtag;

    if (s.n == 0 || s.n > LOCALE_MAX || s.p[s.n - 1] == '-')
        return false;
    while (str_split(&s, '-', &subtag)) {
        if (subtag.n == 0 || subtag.n > 8)
            return false;
        for (size_t i = 0; i < subtag.n; i++)
            if (!is_alpha(subtag.p[i]) && !is_digit(subtag.p[i]))
                return false;
    }
    return true;
}

bool
locale_is_tag(struct str s)
{
    struct reader r = {.tag = s, .rest = s};

    if (!is_of_subtags(s))
        return false;
    for (size_t i = 0; i < sizeof(irregular) / sizeof(irregular[0]); i++)
        if (str_ieq(s, str_from(irregular[i])))
            return true;
    next(&r);
    if (r.subtag.n == 1) /* private use alone */
        return (s.p[0] == 'x' || s.p[0] == 'X') && skip_private(&r);
    return skip_language(&r) && skip_variants(&r) && skip_extensions(&r) &&
           skip_private(&r) && r.subtag.n == 0;
}

static char
fold(char c, bool is_upper)
{
    if (is_upper && c >= 'a' && c <= 'z')
        return (char)(c - 'a' + 'A');
    if (!is_upper && c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c;
}

struct str
locale_canonical(struct str s, char buf[static LOCALE_MAX])
{
    bool is_first = true, is_behind_singleton = false;
    struct str rest = s, subtag;
    size_t n = 0;

    while (n < LOCALE_MAX && str_split(&rest, '-', &subtag)) {
        bool is_plain = is_first || is_behind_singleton;

        if (!is_first)
            buf[n++] = '-';
        for (size_t i = 0; i < subtag.n && n < LOCALE_MAX; i++)
            buf[n++] =
                fold(subtag.p[i],
                     !is_plain && (subtag.n == 2 || (subtag.n == 4 && i == 0)));
        is_behind_singleton = is_behind_singleton || subtag.n == 1;
        is_first = false;
    }
    return (struct str){buf, n};
}

static bool
cut(struct str *tag)
{
    size_t n = tag->n;

    while (n > 0 && tag->p[n - 1] != '-')
        n--;
    tag->n = n > 0 ? n - 1 : 0;
    return tag->n > 0;
}

bool
locale_parent(struct str *tag)
{
    if (!cut(tag))
        return false;
    if (tag->n >= 2 && tag->p[tag->n - 2] == '-')
        return cut(tag);
    return tag->n > 1;
}

bool
locale_is_within(struct str tag, struct str range)
{
    return str_ieq(str_sub(tag, 0, range.n), range) &&
           (tag.n == range.n || tag.p[range.n] == '-');
}

/* ---- Accept-Language ---- */

/* Of a weight, "0.85" (RFC 9110 section 12.4.2); -1: it is none. */
static int
thousandths(struct str s)
{
    int v = 0, place = 1000;

    if (s.n == 0 || s.n > 5 || (s.n > 1 && s.p[1] != '.'))
        return -1;
    for (size_t i = 0; i < s.n; i++) {
        if (i == 1)
            continue;
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        v += (s.p[i] - '0') * place;
        place /= 10;
    }
    return v <= 1000 ? v : -1;
}

static int
weight_of(struct str parameters)
{
    struct str q = str_trim(parameters);

    if (q.n == 0)
        return 1000;
    if (q.n < 2 || !str_ieq(str_sub(q, 0, 2), STR("q=")))
        return -1;
    return thousandths(str_sub(q, 2, q.n));
}

struct str
locale_preferred(struct str field)
{
    struct str best = STR_NONE, range;
    int most = 0;

    while (str_split(&field, ',', &range)) {
        struct str tag = STR_NONE;
        int weight;

        (void)str_split(&range, ';', &tag);
        tag = str_trim(tag);
        weight = weight_of(range);
        if (weight > most && locale_is_tag(tag)) {
            most = weight;
            best = tag;
        }
    }
    return best;
}
