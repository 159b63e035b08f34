#include "base/decimal.h"

#define EXPONENT_MAX INT64_C(1000000000000)

static bool
is_digit(struct str s, size_t i)
{
    return i < s.n && s.p[i] >= '0' && s.p[i] <= '9';
}

static size_t
skip_digits(struct str s, size_t i)
{
    while (is_digit(s, i))
        i++;
    return i;
}

/* From the e on; false: there is something else. */
static bool
parse_exponent(struct str s, size_t at, int64_t *ret)
{
    bool is_negative;

    *ret = 0;
    if (at == s.n)
        return true;
    if (s.p[at] != 'e' && s.p[at] != 'E')
        return false;
    at++;
    is_negative = at < s.n && s.p[at] == '-';
    if (at < s.n && (s.p[at] == '-' || s.p[at] == '+'))
        at++;
    if (!is_digit(s, at))
        return false;
    for (; is_digit(s, at); at++)
        if (*ret < EXPONENT_MAX)
            *ret = *ret * 10 + (s.p[at] - '0');
    if (is_negative)
        *ret = -*ret;
    return at == s.n;
}

/* Where the mantissa ends, and how many digits it has before the point; 0: it
 * is none. */
static size_t
scan_mantissa(struct str s, size_t at, int64_t *ret_whole)
{
    size_t whole = skip_digits(s, at), end = whole;

    if (whole == at || (s.p[at] == '0' && whole > at + 1))
        return 0; /* none, or a 0 before others */
    *ret_whole = (int64_t)(whole - at);
    if (end < s.n && s.p[end] == '.') {
        end = skip_digits(s, end + 1);
        if (end == whole + 1)
            return 0;
    }
    return end;
}

bool
decimal_parse(struct str text, struct decimal *ret)
{
    bool is_negative = text.n > 0 && text.p[0] == '-';
    size_t first = is_negative ? 1 : 0, end;
    int64_t whole = 0, exponent;

    end = scan_mantissa(text, first, &whole);
    if (end == 0 || !parse_exponent(text, end, &exponent))
        return false;
    *ret = (struct decimal){.magnitude = whole - 1 + exponent,
                            .is_negative = is_negative};
    for (; first < end; first++) {
        if (text.p[first] == '.')
            continue;
        if (text.p[first] != '0')
            break;
        ret->magnitude--;
    }
    ret->digits = str_sub(text, first, end - first);
    if (ret->digits.n == 0)
        *ret = (struct decimal){0};
    return true;
}

/* The next digit; 0 after the last. */
static int
next_digit(struct str digits, size_t *at)
{
    while (*at < digits.n && digits.p[*at] == '.')
        (*at)++;
    return *at < digits.n ? digits.p[(*at)++] - '0' : 0;
}

static int
cmp_size(const struct decimal *a, const struct decimal *b)
{
    size_t at_a = 0, at_b = 0;

    if (a->digits.n == 0 || b->digits.n == 0)
        return (a->digits.n > 0) - (b->digits.n > 0);
    if (a->magnitude != b->magnitude)
        return a->magnitude < b->magnitude ? -1 : 1;
    while (at_a < a->digits.n || at_b < b->digits.n) {
        int by = next_digit(a->digits, &at_a) - next_digit(b->digits, &at_b);

        if (by != 0)
            return by;
    }
    return 0;
}

int
decimal_cmp(const struct decimal *a, const struct decimal *b)
{
    if (a->is_negative != b->is_negative)
        return a->is_negative ? -1 : 1;
    return a->is_negative ? cmp_size(b, a) : cmp_size(a, b);
}

#define WHOLE INT64_C(1000000000) /* in billionths */

/* is_cut: what comes after the ninth digit is left out. */
static bool
read_billionths(struct str text, bool is_cut, int64_t *ret)
{
    int64_t n, unit = WHOLE;
    struct str whole;
    uint64_t ones;

    if (!str_split(&text, '.', &whole) || !str_to_u64(whole, &ones) ||
        ones > INT64_MAX / WHOLE - 1)
        return false;
    n = (int64_t)ones * WHOLE;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9' || (unit <= 1 && !is_cut))
            return false;
        unit /= 10;
        n += unit * (text.p[i] - '0');
    }
    *ret = n;
    return true;
}

bool
decimal_billionths(struct str text, int64_t *ret)
{
    return read_billionths(text, false, ret);
}

bool
decimal_share(struct str text, int64_t *ret)
{
    int64_t n;

    if (!read_billionths(text, true, &n) || n > WHOLE)
        return false;
    *ret = n;
    return true;
}
