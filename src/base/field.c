#include "base/field.h"

#include <ctype.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/locale.h"

#define STRING_MAX (64 * 1024) /* where a row names no bound */

static void check_value(const struct field *f, struct json v, struct str at,
                        struct problem *p);

struct str
field_pointer(struct arena *a, struct str at, struct str name)
{
    struct buf b;

    /* RFC 6901: ~ and / are escaped. */
    buf_init(&b, a);
    buf_put_str(&b, at);
    buf_put_char(&b, '/');
    for (size_t i = 0; i < name.n && i < 200; i++) {
        if (name.p[i] == '~')
            buf_put_cstr(&b, "~0");
        else if (name.p[i] == '/')
            buf_put_cstr(&b, "~1");
        else
            buf_put_char(&b, name.p[i]);
    }
    return buf_str(&b);
}

const struct field *
field_find(const struct field *members, struct str name)
{
    for (const struct field *f = members; f->type != FIELD_END; f++)
        if (str_is(name, f->name))
            return f;
    return NULL;
}

static const struct field *
nearest(const struct field *members, struct str name)
{
    const struct field *best = NULL;
    size_t best_distance = 3;

    for (const struct field *f = members; f->type != FIELD_END; f++) {
        size_t d = str_distance(name, str_from(f->name));

        if (d < best_distance) {
            best_distance = d;
            best = f;
        }
    }
    return best;
}

static const struct field *
find_open(const struct field *members)
{
    for (const struct field *f = members; f->type != FIELD_END; f++)
        if (f->flags & FIELD_OPEN)
            return f;
    return NULL;
}

static void
refuse_unknown(const struct field *members, struct str name, struct str at,
               struct problem *p)
{
    const struct field *near = NULL, *open = find_open(members);

    /* Guesses cost more than the rest, and only so many are shown. */
    if (p->n_errors < PROBLEM_ERRORS_MAX)
        near = nearest(members, name);
    if (near)
        problem_add(p, ERR_INVALID, at, "unknown field; did you mean \"%s\"?",
                    near->name);
    else if (open)
        problem_add(p, ERR_INVALID, at,
                    "unknown field; what is your own goes into \"%s\"",
                    open->name);
    else
        problem_add(p, ERR_INVALID, at, "unknown field");
}

static void
check_string(const struct field *f, struct json v, struct str at,
             struct problem *p)
{
    struct str s = json_str(p->arena, v);
    int64_t max = f->max > 0 ? f->max : STRING_MAX;

    /* As it is shown, it stands for the one that is stored. */
    if ((f->flags & FIELD_SECRET) && str_is(s, "***"))
        return;
    if ((int64_t)s.n > max)
        problem_add(p, ERR_INVALID, at, "must be at most %lld bytes long",
                    (long long)max);
    else if ((int64_t)s.n < f->min)
        problem_add(p, ERR_INVALID, at,
                    f->min == 1 ? "must not be empty"
                                : "must be at least %lld bytes long",
                    (long long)f->min);
}

static void
check_bounds(const struct field *f, int64_t n, const char *what, struct str at,
             struct problem *p)
{
    if (f->min == 0 && f->max == 0)
        return;
    if (n < f->min || (f->max != 0 && n > f->max))
        problem_add(p, ERR_INVALID, at, "%s must be from %lld to %lld", what,
                    (long long)f->min, (long long)f->max);
}

static bool
is_decimal(struct str s)
{
    size_t digits = 0, dots = 0, i = s.n > 0 && s.p[0] == '-';

    for (; i < s.n; i++) {
        if (s.p[i] == '.')
            dots++;
        else if (isdigit((unsigned char)s.p[i]))
            digits++;
        else
            return false;
    }
    return digits > 0 && digits <= 40 && dots <= 1 && s.p[s.n - 1] != '.';
}

static bool
is_url(struct str s)
{
    struct str rest;

    if (str_starts(s, STR("https://")))
        rest = str_sub(s, 8, s.n);
    else if (str_starts(s, STR("http://")))
        rest = str_sub(s, 7, s.n);
    else
        return false;
    if (rest.n == 0 || rest.p[0] == '/' || rest.p[0] == '?' ||
        rest.p[0] == '#' || s.n > 2048)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    return true;
}

/* "a@b" or "Name <a@b>", no control bytes; the mail builder is stricter. */
static bool
is_email(struct str s)
{
    ptrdiff_t open = str_find(s, '<'), sign;
    struct str spec = s;

    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    if (open >= 0) {
        if (s.p[s.n - 1] != '>')
            return false;
        spec = str_sub(s, (size_t)open + 1, s.n - (size_t)open - 2);
    }
    sign = str_find(spec, '@');
    if (sign <= 0 || (size_t)sign + 1 >= spec.n || spec.n > 254)
        return false;
    for (size_t i = 0; i < spec.n; i++)
        if (strchr(" <>,;()[]\\\"", spec.p[i]))
            return false;
    return str_find(str_sub(spec, (size_t)sign + 1, spec.n), '@') < 0;
}

static void
check_enum(const struct field *f, struct str s, struct str at,
           struct problem *p)
{
    struct buf known;

    buf_init(&known, p->arena);
    for (const char *const *v = f->values; *v; v++) {
        if (str_is(s, *v))
            return;
        buf_printf(&known, "%s\"%s\"", v == f->values ? "" : ", ", *v);
    }
    problem_add(p, ERR_INVALID, at, "must be one of %.*s",
                STR_ARG(buf_str(&known)));
}

static void
check_duration(const struct field *f, struct str s, struct str at,
               struct problem *p)
{
    char least[TIME_TEXT_SIZE], most[TIME_TEXT_SIZE];
    int64_t n;

    if (!str_to_duration_ms(s, &n)) {
        problem_add(p, ERR_INVALID, at,
                    "must be a duration such as \"30s\", \"10m\", \"24h\"");
        return;
    }
    if (n >= f->min && (n <= f->max || !f->max))
        return;
    if (f->max)
        problem_add(p, ERR_INVALID, at, "must be from %.*s to %.*s",
                    STR_ARG(duration_format(least, f->min)),
                    STR_ARG(duration_format(most, f->max)));
    else
        problem_add(p, ERR_INVALID, at, "must be at least %.*s",
                    STR_ARG(duration_format(least, f->min)));
}

static void
check_text(const struct field *f, struct json v, struct str at,
           struct problem *p)
{
    struct str s = json_str(p->arena, v);
    int64_t n;

    switch (f->type) {
    case FIELD_KEY:
        if (!id_is_key(s))
            problem_add(p, ERR_INVALID, at,
                        "must be 1 to 128 of A-Z a-z 0-9 _ . : @ -");
        break;
    case FIELD_DURATION:
        check_duration(f, s, at, p);
        break;
    case FIELD_TIME:
        if (!time_parse(s, &n))
            problem_add(
                p, ERR_INVALID, at,
                "must be an RFC 3339 time such as \"2026-01-31T09:00:00Z\"");
        break;
    case FIELD_ENUM:
        check_enum(f, s, at, p);
        break;
    case FIELD_URL:
        if (!is_url(s))
            problem_add(p, ERR_INVALID, at,
                        "must be an absolute http or https URL");
        break;
    case FIELD_EMAIL:
        if (!is_email(s))
            problem_add(p, ERR_INVALID, at, "must be an e-mail address");
        break;
    case FIELD_LOCALE:
        if (!locale_is_tag(s))
            problem_add(p, ERR_INVALID, at,
                        "must be a BCP 47 language tag such as \"de\" or "
                        "\"pt-BR\"");
        break;
    default:
        check_string(f, v, at, p);
        break;
    }
}

static void
check_array(const struct field *f, struct json v, struct str at,
            struct problem *p)
{
    int64_t i = 0;

    check_bounds(f, json_count(v), "the number of elements", at, p);
    if (!f->of || (f->max && json_count(v) > f->max))
        return;
    for (struct json e = json_first(v); !json_is(e, JSON_ABSENT);
         e = json_next(v, e), i++)
        check_value(f->of, e,
                    str_fmt(p->arena, "%.*s/%lld", STR_ARG(at), (long long)i),
                    p);
}

static void
check_map(const struct field *f, struct json v, struct str at,
          struct problem *p)
{
    check_bounds(f, json_count(v), "the number of members", at, p);
    for (struct json e = json_first(v); !json_is(e, JSON_ABSENT);
         e = json_next(v, e))
        check_value(f->of, e,
                    field_pointer(p->arena, at, json_key(p->arena, e)), p);
}

static enum json_type
json_type_of(enum field_type t)
{
    switch (t) {
    case FIELD_INT:
        return JSON_NUMBER;
    case FIELD_BOOL:
        return JSON_TRUE;
    case FIELD_ARRAY:
        return JSON_ARRAY;
    case FIELD_OBJECT:
    case FIELD_MAP:
        return JSON_OBJECT;
    default:
        return JSON_STRING;
    }
}

static bool
fits(const struct field *f, struct json v)
{
    enum json_type t = json_type(v);

    if (f->type == FIELD_ANY)
        return true;
    if (f->type == FIELD_DECIMAL)
        return t == JSON_NUMBER || t == JSON_STRING;
    if (t == JSON_FALSE)
        t = JSON_TRUE;
    return t == json_type_of(f->type);
}

static const char *
type_words(const struct field *f)
{
    switch (f->type) {
    case FIELD_INT:
        return "an integer";
    case FIELD_DECIMAL:
        return "a decimal number";
    case FIELD_BOOL:
        return "true or false";
    case FIELD_ARRAY:
        return "an array";
    case FIELD_OBJECT:
    case FIELD_MAP:
        return "an object";
    default:
        return "a string";
    }
}

static void
check_one_of(const struct field *f, struct json v, struct str at,
             struct problem *p)
{
    struct buf words;

    buf_init(&words, p->arena);
    for (const struct field *o = f->of; o->type != FIELD_END; o++) {
        if (fits(o, v)) {
            check_value(o, v, at, p);
            return;
        }
        buf_printf(&words, "%s%s", o == f->of ? "" : " or ", type_words(o));
    }
    problem_add(p, ERR_INVALID, at, "must be %.*s", STR_ARG(buf_str(&words)));
}

static void
check_value(const struct field *f, struct json v, struct str at,
            struct problem *p)
{
    int64_t n;

    if (json_is(v, JSON_NULL) && (f->flags & FIELD_NULLABLE))
        return;
    if (f->type == FIELD_ONE_OF) {
        check_one_of(f, v, at, p);
        return;
    }
    if (!fits(f, v)) {
        problem_add(p, ERR_INVALID, at, "must be %s", type_words(f));
        return;
    }
    switch (f->type) {
    case FIELD_ANY:
    case FIELD_BOOL:
        break;
    case FIELD_INT:
        if (!json_int(v, &n))
            problem_add(p, ERR_INVALID, at, "must be an integer");
        else
            check_bounds(f, n, "the value", at, p);
        break;
    case FIELD_DECIMAL:
        if (!is_decimal(json_is(v, JSON_STRING) ? json_str(p->arena, v)
                                                : json_raw(v)))
            problem_add(p, ERR_INVALID, at, "must be a plain decimal number");
        break;
    case FIELD_ARRAY:
        check_array(f, v, at, p);
        break;
    case FIELD_MAP:
        check_map(f, v, at, p);
        break;
    case FIELD_OBJECT:
        if (f->of)
            field_check(f->of, v, at, p);
        break;
    default:
        check_text(f, v, at, p);
        break;
    }
}

void
field_check(const struct field *members, struct json object, struct str at,
            struct problem *p)
{
    if (!json_is(object, JSON_OBJECT)) {
        problem_add(p, ERR_INVALID, at, "must be an object");
        return;
    }
    for (struct json v = json_first(object); !json_is(v, JSON_ABSENT);
         v = json_next(object, v)) {
        struct str name = json_key(p->arena, v);
        const struct field *f = field_find(members, name);

        if (f && (f->flags & FIELD_READ_ONLY))
            continue;
        if (!f)
            refuse_unknown(members, name, field_pointer(p->arena, at, name), p);
        else if (f->flags & FIELD_UNSUPPORTED)
            problem_add(p, ERR_NOT_SUPPORTED, field_pointer(p->arena, at, name),
                        "is not supported by this release");
        else
            check_value(f, v, field_pointer(p->arena, at, name), p);
    }
    for (const struct field *f = members; f->type != FIELD_END; f++)
        if ((f->flags & FIELD_REQUIRED) &&
            json_is(json_get(object, f->name), JSON_ABSENT))
            problem_add(p, ERR_INVALID,
                        field_pointer(p->arena, at, str_from(f->name)),
                        "is required");
}

void
field_mask(const struct field *members, struct json object,
           struct json_writer *w)
{
    struct arena *a = arena_new();

    json_begin_object(w);
    for (struct json v = json_first(object); !json_is(v, JSON_ABSENT);
         v = json_next(object, v)) {
        struct str name = json_key(a, v);
        const struct field *f = field_find(members, name);

        json_put_key_str(w, name);
        if (f && (f->flags & FIELD_SECRET))
            json_put_cstr(w, "***");
        else if (f && f->type == FIELD_OBJECT && f->of &&
                 json_is(v, JSON_OBJECT))
            field_mask(f->of, v, w);
        else
            json_put_raw(w, json_raw(v));
    }
    json_end_object(w);
    arena_free(a);
}
