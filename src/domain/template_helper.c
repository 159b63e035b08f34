#include "domain/template_helper.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/decimal.h"
#include "base/near.h"
#include "domain/zone.h"

/* ---- compiling ---- */

#define NUMBERS_MAX 60 /* digits of a number that is still formatted */

static const struct {
    const char *name;
    enum template_helper_kind kind;
    enum icu_number_kind number;
    bool has_date, has_time;
} helpers[] = {
    {"number", HELPER_NUMBER, ICU_NUMBER_PLAIN, false, false},
    {"percent", HELPER_NUMBER, ICU_NUMBER_PERCENT, false, false},
    {"currency", HELPER_NUMBER, ICU_NUMBER_CURRENCY, false, false},
    {"compact", HELPER_NUMBER, ICU_NUMBER_COMPACT, false, false},
    {"date", HELPER_TIME, ICU_NUMBER_PLAIN, true, false},
    {"time", HELPER_TIME, ICU_NUMBER_PLAIN, false, true},
    {"datetime", HELPER_TIME, ICU_NUMBER_PLAIN, true, true},
    {"relative", HELPER_RELATIVE, ICU_NUMBER_PLAIN, false, false},
    {"plural", HELPER_PLURAL, ICU_NUMBER_PLAIN, false, false},
    {"ordinal", HELPER_ORDINAL, ICU_NUMBER_PLAIN, false, false},
    {"select", HELPER_SELECT, ICU_NUMBER_PLAIN, false, false},
};

struct compiler {
    struct arena *arena;
    struct template_helper *helper;
    const char *why; /* NULL: nothing is wrong */
};

static bool
is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str
trim(struct str s)
{
    while (s.n > 0 && is_space(s.p[0]))
        s = str_sub(s, 1, s.n - 1);
    while (s.n > 0 && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

static void
read_digits(struct compiler *c, struct str s)
{
    int64_t n;

    if (!str_to_i64(s, &n) || n < 0 || n > ICU_DIGITS_MAX)
        c->why = "the digits must be a number from 0 to 20";
    else
        c->helper->number.digits = (int)n;
}

static bool
is_currency(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 'A' || s.p[i] > 'Z')
            return false;
    return s.n == 3;
}

static void
read_number(struct compiler *c, struct str args)
{
    struct icu_number *number = &c->helper->number;
    struct str first = STR_NONE; /* there may be no arguments */

    number->digits = ICU_DIGITS_OWN;
    if (number->kind == ICU_NUMBER_CURRENCY) {
        (void)str_split(&args, ',', &first);
        first = trim(first);
        if (first.n == 0)
            c->why = "needs a currency: a code such as EUR, or a name";
        else if (is_currency(first))
            memcpy(number->currency, first.p, 3);
        else
            c->helper->currency = first;
    }
    if (args.p)
        read_digits(c, trim(args));
}

static void
read_length(struct compiler *c, struct str arg, bool has_date, bool has_time)
{
    static const char *const names[] = {[ICU_LENGTH_SHORT] = "short",
                                        [ICU_LENGTH_MEDIUM] = "medium",
                                        [ICU_LENGTH_LONG] = "long",
                                        [ICU_LENGTH_FULL] = "full"};
    struct icu_time *time = &c->helper->time;
    enum icu_length length = ICU_LENGTH_NONE;

    for (int i = ICU_LENGTH_SHORT; i <= ICU_LENGTH_FULL; i++)
        if (str_is(arg, names[i]))
            length = (enum icu_length)i;
    if (!arg.p) /* a time to the second is more than most want */
        length = ICU_LENGTH_MEDIUM;
    else if (length == ICU_LENGTH_NONE)
        c->why = "the length must be short, medium, long or full";
    time->date = has_date ? length : ICU_LENGTH_NONE;
    time->time = !has_time ? ICU_LENGTH_NONE
                 : !arg.p  ? ICU_LENGTH_SHORT
                           : length;
}

/* An apostrophe quotes only where one of these follows; elsewhere it is one. */
static bool
begins_quote(struct str s, size_t i)
{
    return s.p[i] == '\'' && i + 1 < s.n && strchr("{}#", s.p[i + 1]) &&
           s.p[i + 1] != '\0';
}

/* Is one apostrophe, within a quotation and outside. */
static bool
is_double(struct str s, size_t i)
{
    return s.p[i] == '\'' && i + 1 < s.n && s.p[i + 1] == '\'';
}

/* Where the text that begins at `from` ends, at its brace; s.n: nowhere. */
static size_t
text_end(struct str s, size_t from)
{
    bool is_quoted = false;

    for (size_t i = from; i < s.n; i++) {
        if (is_double(s, i)) {
            i++;
        } else if (is_quoted) {
            is_quoted = s.p[i] != '\'';
        } else if (begins_quote(s, i)) {
            is_quoted = true;
        } else if (s.p[i] == '}') {
            return i;
        } else if (s.p[i] == '{') {
            return s.n;
        }
    }
    return s.n;
}

static bool
is_exact(struct str key)
{
    struct decimal d;

    return key.n > 1 && key.p[0] == '=' && key.n <= NUMBERS_MAX &&
           decimal_parse(str_sub(key, 1, key.n - 1), &d);
}

static bool
is_form(struct str key)
{
    static const char *const forms[] = {"zero", "one",  "two",
                                        "few",  "many", "other"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        if (str_is(key, forms[i]))
            return true;
    return false;
}

static const struct template_arm *
arm_of(const struct template_helper *h, struct str key)
{
    for (size_t i = 0; i < h->n_arms; i++)
        if (str_eq(h->arms[i].key, key))
            return &h->arms[i];
    return NULL;
}

static void
add_arm(struct compiler *c, struct str key, struct str text)
{
    struct template_helper *h = c->helper;

    if (key.n == 0)
        c->why = "a text has no word before it";
    else if (h->kind != HELPER_SELECT && !is_form(key) && !is_exact(key))
        c->why = "a text's word must be zero, one, two, few, many, other or "
                 "=NUMBER";
    else if (arm_of(h, key))
        c->why = "there are two texts of one word";
    else if (h->n_arms == TEMPLATE_ARMS_MAX)
        c->why = "there are too many texts";
    else
        h->arms[h->n_arms++] = (struct template_arm){key, text};
}

static size_t
room_for(struct str s)
{
    size_t n = 1;

    for (size_t i = 0; i < s.n && n < TEMPLATE_ARMS_MAX; i++)
        n += s.p[i] == '{';
    return n;
}

/* one {# item} other {# items} */
static void
read_arms(struct compiler *c, struct str s)
{
    if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"') {
        c->why = "needs its texts in double quotes";
        return;
    }
    s = trim(str_sub(s, 1, s.n - 2));
    c->helper->arms = ARENA_ARRAY(c->arena, struct template_arm, room_for(s));
    while (s.n > 0 && !c->why) {
        ptrdiff_t open = str_find(s, '{');
        size_t end = open < 0 ? s.n : text_end(s, (size_t)open + 1);

        if (end == s.n) {
            c->why = "a text must stand in { and }, and quote these as '{'";
            return;
        }
        add_arm(c, trim(str_sub(s, 0, (size_t)open)),
                str_sub(s, (size_t)open + 1, end - (size_t)open - 1));
        s = trim(str_sub(s, end + 1, s.n - end - 1));
    }
    if (!c->why && !arm_of(c->helper, STR("other")))
        c->why = "needs a text for other";
}

static void
read_args(struct compiler *c, size_t i, struct str args)
{
    switch (c->helper->kind) {
    case HELPER_NUMBER:
        read_number(c, args);
        break;
    case HELPER_TIME:
        read_length(c, trim(args), helpers[i].has_date, helpers[i].has_time);
        break;
    case HELPER_RELATIVE:
        if (args.p)
            c->why = "takes no argument";
        break;
    case HELPER_PLURAL:
    case HELPER_ORDINAL:
    case HELPER_SELECT:
        read_arms(c, trim(args));
        break;
    }
}

static const char *
why_unknown(struct arena *a, struct str name)
{
    struct near n = near_to(name);

    for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
        near_weigh(&n, helpers[i].name);
    if (!n.word)
        return "there is no such helper";
    return str_cstr(
        a, str_fmt(a, "there is no such helper; did you mean %s?", n.word));
}

const struct template_helper *
template_helper_compile(struct arena *a, struct str text, const char **ret_why)
{
    struct compiler c = {.arena = a,
                         .helper = ARENA_NEW(a, struct template_helper)};
    struct str args = text, name;
    bool is_known = false;

    (void)str_split(&args, ':', &name);
    name = trim(name);
    for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
        if (!str_is(name, helpers[i].name))
            continue;
        is_known = true;
        c.helper->kind = helpers[i].kind;
        c.helper->number.kind = helpers[i].number;
        read_args(&c, i, args);
    }
    if (!is_known)
        c.why = why_unknown(a, name);
    *ret_why = c.why;
    return c.why ? NULL : c.helper;
}

/* ---- applying ---- */

/* The number as JSON writes one, also where it was sent in a string. */
static bool
number_of(const struct template_helper_call *c, struct str *ret,
          struct decimal *ret_value)
{
    struct str s = json_is(c->value, JSON_STRING) ? json_str(c->arena, c->value)
                   : json_is(c->value, JSON_NUMBER) ? json_raw(c->value)
                                                    : STR_NONE;

    *ret = s;
    return s.n > 0 && s.n <= NUMBERS_MAX && decimal_parse(s, ret_value) &&
           ret_value->magnitude < NUMBERS_MAX &&
           ret_value->magnitude > -NUMBERS_MAX;
}

static bool
apply_number(const struct template_helper_call *c, struct buf *out)
{
    struct icu_number style = c->helper->number;
    struct decimal value;
    struct str s, code;

    if (!number_of(c, &s, &value))
        return false;
    if (c->helper->currency.n > 0) {
        code = json_str(c->arena, c->currency);
        if (!is_currency(code))
            return false;
        memcpy(style.currency, code.p, 3);
    }
    return icu_format_number(c->options->locale, &style, s, out) == ERR_OK;
}

static const struct zone *
zone_of(struct str name)
{
    const struct zone *z = name.n > 0 ? zone_find(name) : NULL;

    return z ? z : zone_utc();
}

static int32_t
offset_at(const struct zone *z, int64_t at_ms)
{
    struct civil c = zone_civil(z, at_ms);
    int64_t wall_s = civil_days(c.year, c.month, c.day) * 86400 +
                     c.hour * 3600 + c.minute * 60 + c.second;

    return (int32_t)((wall_s - floor_div(at_ms, 1000)) * 1000);
}

/* "2026-03-01" is a day of the calendar, in no zone. */
static bool
day_of(struct str s, int64_t *ret_ms)
{
    char text[] = "yyyy-mm-ddT00:00:00Z";

    if (s.n != 10)
        return false;
    memcpy(text, s.p, s.n);
    return time_parse((struct str){text, sizeof(text) - 1}, ret_ms);
}

static bool
apply_time(const struct template_helper_call *c, struct buf *out)
{
    struct icu_time style = c->helper->time;
    struct str s = json_str(c->arena, c->value);
    int64_t at_ms;

    if (time_parse(s, &at_ms)) {
        style.offset_ms = offset_at(zone_of(c->options->zone), at_ms);
    } else if (style.time != ICU_LENGTH_NONE || !day_of(s, &at_ms)) {
        return false;
    }
    return icu_format_time(c->options->locale, &style, at_ms, out) == ERR_OK;
}

static bool
apply_relative(const struct template_helper_call *c, struct buf *out)
{
    int64_t at_ms;

    return time_parse(json_str(c->arena, c->value), &at_ms) &&
           icu_format_relative(c->options->locale, at_ms - c->options->now_ms,
                               out) == ERR_OK;
}

/* number: what # is, unless it is the text's own. */
static void
put_text(struct str s, struct str number, bool has_number, struct buf *out)
{
    bool is_quoted = false;

    for (size_t i = 0; i < s.n; i++) {
        if (is_double(s, i)) {
            buf_put_char(out, s.p[i++]);
        } else if (is_quoted && s.p[i] == '\'') {
            is_quoted = false;
        } else if (!is_quoted && begins_quote(s, i)) {
            is_quoted = true;
        } else if (!is_quoted && has_number && s.p[i] == '#') {
            buf_put_str(out, number);
        } else {
            buf_put_char(out, s.p[i]);
        }
    }
}

static const struct template_arm *
arm_for(const struct template_helper_call *c, struct str s,
        const struct decimal *value)
{
    const struct template_helper *h = c->helper;
    const struct template_arm *arm = NULL;
    char form[ICU_PLURAL_MAX];
    struct decimal exact;

    for (size_t i = 0; i < h->n_arms; i++)
        if (h->arms[i].key.p[0] == '=' &&
            decimal_parse(str_sub(h->arms[i].key, 1, h->arms[i].key.n),
                          &exact) &&
            decimal_cmp(&exact, value) == 0)
            return &h->arms[i];
    if (icu_plural(c->options->locale, h->kind == HELPER_ORDINAL, s, form) ==
        ERR_OK)
        arm = arm_of(h, str_from(form));
    return arm ? arm : arm_of(h, STR("other"));
}

static bool
apply_plural(const struct template_helper_call *c, struct buf *out)
{
    const struct icu_number plain = {.digits = ICU_DIGITS_OWN};
    struct decimal value;
    struct buf number;
    struct str s;

    if (!number_of(c, &s, &value))
        return false;
    buf_init(&number, c->arena);
    if (icu_format_number(c->options->locale, &plain, s, &number) != ERR_OK)
        buf_put_str(&number, s);
    put_text(arm_for(c, s, &value)->text, buf_str(&number), true, out);
    return true;
}

/* What is not there, and what is no word, is other. */
static bool
apply_select(const struct template_helper_call *c, struct buf *out)
{
    struct str word = json_is(c->value, JSON_STRING)
                          ? json_str(c->arena, c->value)
                          : json_raw(c->value);
    const struct template_arm *arm = arm_of(c->helper, word);

    put_text((arm ? arm : arm_of(c->helper, STR("other")))->text, STR_NONE,
             false, out);
    return true;
}

bool
template_helper_apply(const struct template_helper_call *c, struct buf *out)
{
    switch (c->helper->kind) {
    case HELPER_NUMBER:
        return apply_number(c, out);
    case HELPER_TIME:
        return apply_time(c, out);
    case HELPER_RELATIVE:
        return apply_relative(c, out);
    case HELPER_PLURAL:
    case HELPER_ORDINAL:
        return apply_plural(c, out);
    case HELPER_SELECT:
        return apply_select(c, out);
    }
    return false;
}
