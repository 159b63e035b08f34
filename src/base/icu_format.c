#include "base/icu_format.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unicode/udat.h>
#include <unicode/uloc.h>
#include <unicode/unumberformatter.h>
#include <unicode/upluralrules.h>
#include <unicode/ureldatefmt.h>
#include <unicode/ustring.h>

#include "base/arena.h"
#include "base/icu_private.h"

#define CALLS(CALL)                                                            \
    CALL(u_strToUTF8)                                                          \
    CALL(udat_close)                                                           \
    CALL(udat_format)                                                          \
    CALL(udat_open)                                                            \
    CALL(uloc_forLanguageTag)                                                  \
    CALL(uloc_setDefault)                                                      \
    CALL(unumf_close)                                                          \
    CALL(unumf_closeResult)                                                    \
    CALL(unumf_formatDecimal)                                                  \
    CALL(unumf_openForSkeletonAndLocale)                                       \
    CALL(unumf_openResult)                                                     \
    CALL(unumf_resultToString)                                                 \
    CALL(uplrules_close)                                                       \
    CALL(uplrules_openForType)                                                 \
    CALL(uplrules_selectFormatted)                                             \
    CALL(ureldatefmt_close)                                                    \
    CALL(ureldatefmt_format)                                                   \
    CALL(ureldatefmt_formatNumeric)                                            \
    CALL(ureldatefmt_open)

#define TEXT_MAX 512     /* UTF-16 units of what is formatted */
#define DETAIL_MAX 64    /* of what a formatter is for, ASCII */
#define LOCALE_ID_MAX 96 /* of ICU's own name of a locale */

static struct {
    CALLS(ICU_MEMBER)
} icu;

static const struct icu_symbol symbols[] = {CALLS(ICU_SYMBOL)};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t cache_key;
static bool is_there;

/* ---- what a thread keeps ---- */

enum kind { KIND_NONE, KIND_NUMBER, KIND_PLURAL, KIND_TIME, KIND_RELATIVE };

struct format {
    enum kind kind;
    char locale[LOCALE_ID_MAX];
    char detail[DETAIL_MAX];
    void *handle; /* ICU's */
};

struct cache {
    struct format formats[ICU_FORMATS_MAX];
    size_t next; /* the one that gives way */
};

static void
close_format(struct format *f)
{
    switch (f->kind) {
    case KIND_NONE:
        break;
    case KIND_NUMBER:
        icu.unumf_close(f->handle);
        break;
    case KIND_PLURAL:
        icu.uplrules_close(f->handle);
        break;
    case KIND_TIME:
        icu.udat_close(f->handle);
        break;
    case KIND_RELATIVE:
        icu.ureldatefmt_close(f->handle);
        break;
    }
    f->kind = KIND_NONE;
}

static void
free_cache(void *arg)
{
    struct cache *c = arg;

    for (size_t i = 0; i < ICU_FORMATS_MAX; i++)
        close_format(&c->formats[i]);
    free(c);
}

/* For a language that it does not know, ICU takes that of the environment. */
static void
load(void)
{
    UErrorCode status = U_ZERO_ERROR;

    if (!icu_bind(symbols, sizeof(symbols) / sizeof(symbols[0])) ||
        pthread_key_create(&cache_key, free_cache) != 0)
        return;
    icu.uloc_setDefault("en", &status);
    is_there = U_SUCCESS(status);
}

static struct cache *
own_cache(void)
{
    struct cache *c;

    pthread_once(&once, load);
    if (!is_there)
        return NULL;
    c = pthread_getspecific(cache_key);
    if (c)
        return c;
    c = xcalloc(1, sizeof(*c));
    if (pthread_setspecific(cache_key, c) == 0)
        return c;
    free(c);
    return NULL;
}

/* ---- making them ---- */

static int32_t
widen(const char *ascii, UChar wide[static DETAIL_MAX])
{
    int32_t n = 0;

    for (; n < DETAIL_MAX && ascii[n] != '\0'; n++)
        wide[n] = (UChar)ascii[n];
    return n;
}

/* The detail is of icu_format_time(): "24GMT+01:00" is a medium date, no time,
 * as ICU's styles are -1 to 3 and begin with '0' here. */
static void *
open_time(const struct format *f, UErrorCode *status)
{
    UDateFormatStyle date = (UDateFormatStyle)(f->detail[0] - '1');
    UDateFormatStyle time = (UDateFormatStyle)(f->detail[1] - '1');
    UChar zone[DETAIL_MAX];
    int32_t n = widen(f->detail + 2, zone);

    return icu.udat_open(time, date, f->locale, zone, n, NULL, 0, status);
}

static void *
open_handle(const struct format *f, UErrorCode *status)
{
    UChar wide[DETAIL_MAX];

    switch (f->kind) {
    case KIND_NONE:
        break;
    case KIND_NUMBER:
        return icu.unumf_openForSkeletonAndLocale(wide, widen(f->detail, wide),
                                                  f->locale, status);
    case KIND_PLURAL:
        return icu.uplrules_openForType(
            f->locale,
            f->detail[0] == 'o' ? UPLURAL_TYPE_ORDINAL : UPLURAL_TYPE_CARDINAL,
            status);
    case KIND_TIME:
        return open_time(f, status);
    case KIND_RELATIVE:
        return icu.ureldatefmt_open(f->locale, NULL, UDAT_STYLE_LONG,
                                    UDISPCTX_CAPITALIZATION_NONE, status);
    }
    return NULL;
}

static struct format *
kept(struct cache *c, const struct format *f)
{
    for (size_t i = 0; i < ICU_FORMATS_MAX; i++) {
        struct format *x = &c->formats[i];

        if (x->kind != f->kind || strcmp(x->locale, f->locale) != 0 ||
            strcmp(x->detail, f->detail) != 0)
            continue;
        if (i == c->next) /* the last one asked for stays */
            c->next = (i + 1) % ICU_FORMATS_MAX;
        return x;
    }
    return NULL;
}

/* What ICU prepared for that. *ret_handle lasts until the next but one that the
 * thread asks for. */
static enum err
find(enum kind kind, struct str locale, const char *detail, void **ret_handle)
{
    struct cache *c = own_cache();
    UErrorCode status = U_ZERO_ERROR;
    struct format f = {.kind = kind}, *slot;
    char tag[LOCALE_ID_MAX];

    if (!c)
        return ERR_UNAVAILABLE;
    snprintf(tag, sizeof(tag), "%.*s", STR_ARG(locale.n ? locale : STR("en")));
    icu.uloc_forLanguageTag(tag, f.locale, LOCALE_ID_MAX, NULL, &status);
    if (U_FAILURE(status) || status == U_STRING_NOT_TERMINATED_WARNING)
        return ERR_INVALID;
    snprintf(f.detail, sizeof(f.detail), "%s", detail);
    slot = kept(c, &f);
    if (slot) {
        *ret_handle = slot->handle;
        return ERR_OK;
    }
    f.handle = open_handle(&f, &status);
    if (U_FAILURE(status))
        return ERR_INVALID;
    slot = &c->formats[c->next];
    c->next = (c->next + 1) % ICU_FORMATS_MAX;
    close_format(slot);
    *slot = f;
    *ret_handle = f.handle;
    return ERR_OK;
}

static enum err
put_wide(const UChar *wide, int32_t n, struct buf *out)
{
    UErrorCode status = U_ZERO_ERROR;
    char text[3 * TEXT_MAX];
    int32_t used;

    icu.u_strToUTF8(text, sizeof(text), &used, wide, n, &status);
    if (U_FAILURE(status))
        return ERR_INVALID;
    buf_put_str(out, (struct str){text, (size_t)used});
    return ERR_OK;
}

/* ---- numbers ---- */

/* https://unicode-org.github.io/icu/userguide/format_parse/numbers/skeletons */
static void
write_skeleton(const struct icu_number *style, char skeleton[static DETAIL_MAX])
{
    static const char zeros[ICU_DIGITS_MAX + 1] = "00000000000000000000";
    char what[32] = "", precision[32] = "";

    if (style->kind == ICU_NUMBER_PERCENT)
        snprintf(what, sizeof(what), "percent scale/100");
    else if (style->kind == ICU_NUMBER_CURRENCY)
        snprintf(what, sizeof(what), "currency/%.3s", style->currency);
    else if (style->kind == ICU_NUMBER_COMPACT)
        snprintf(what, sizeof(what), "compact-short");
    if (style->digits == 0)
        snprintf(precision, sizeof(precision), "precision-integer");
    else if (style->digits > 0 && style->digits <= ICU_DIGITS_MAX)
        snprintf(precision, sizeof(precision), ".%.*s", style->digits, zeros);
    else if (style->kind == ICU_NUMBER_PLAIN ||
             style->kind == ICU_NUMBER_PERCENT)
        snprintf(precision, sizeof(precision), ".+");
    snprintf(skeleton, DETAIL_MAX, "%s %s rounding-mode-half-up", what,
             precision);
}

static enum err
put_number(const UNumberFormatter *f, struct str decimal, struct buf *out)
{
    UErrorCode status = U_ZERO_ERROR;
    UFormattedNumber *result = icu.unumf_openResult(&status);
    UChar wide[TEXT_MAX];
    int32_t n;

    icu.unumf_formatDecimal(f, decimal.p, (int32_t)decimal.n, result, &status);
    n = icu.unumf_resultToString(result, wide, TEXT_MAX, &status);
    icu.unumf_closeResult(result);
    return U_SUCCESS(status) ? put_wide(wide, n, out) : ERR_INVALID;
}

enum err
icu_format_number(struct str locale, const struct icu_number *style,
                  struct str decimal, struct buf *out)
{
    char skeleton[DETAIL_MAX];
    void *f;
    enum err e;

    write_skeleton(style, skeleton);
    e = find(KIND_NUMBER, locale, skeleton, &f);
    return e == ERR_OK ? put_number(f, decimal, out) : e;
}

/* The number is formatted first: 1 and 1.0 may take different forms. */
static enum err
select_form(const UPluralRules *rules, const UNumberFormatter *f,
            struct str decimal, char ret[static ICU_PLURAL_MAX])
{
    UErrorCode status = U_ZERO_ERROR;
    UFormattedNumber *result = icu.unumf_openResult(&status);
    UChar wide[ICU_PLURAL_MAX];
    int32_t n;

    icu.unumf_formatDecimal(f, decimal.p, (int32_t)decimal.n, result, &status);
    n = icu.uplrules_selectFormatted(rules, result, wide, ICU_PLURAL_MAX - 1,
                                     &status);
    icu.unumf_closeResult(result);
    if (U_FAILURE(status))
        return ERR_INVALID;
    for (int32_t i = 0; i < n; i++)
        ret[i] = (char)wide[i]; /* they are of a to z */
    ret[n] = '\0';
    return ERR_OK;
}

enum err
icu_plural(struct str locale, bool is_ordinal, struct str decimal,
           char ret[static ICU_PLURAL_MAX])
{
    const struct icu_number plain = {.digits = ICU_DIGITS_OWN};
    char skeleton[DETAIL_MAX];
    void *rules, *f;
    enum err e;

    write_skeleton(&plain, skeleton);
    e = find(KIND_NUMBER, locale, skeleton, &f);
    if (e == ERR_OK)
        e = find(KIND_PLURAL, locale, is_ordinal ? "ordinal" : "cardinal",
                 &rules);
    return e == ERR_OK ? select_form(rules, f, decimal, ret) : e;
}

/* ---- times ---- */

static int
style_of(enum icu_length length)
{
    static const UDateFormatStyle styles[] = {[ICU_LENGTH_NONE] = UDAT_NONE,
                                              [ICU_LENGTH_SHORT] = UDAT_SHORT,
                                              [ICU_LENGTH_MEDIUM] = UDAT_MEDIUM,
                                              [ICU_LENGTH_LONG] = UDAT_LONG,
                                              [ICU_LENGTH_FULL] = UDAT_FULL};

    return (int)styles[length];
}

/* The offset comes from our own rules (domain/zone.h), not from ICU's, which
 * are older: so the zone is one of that offset alone. */
enum err
icu_format_time(struct str locale, const struct icu_time *style, int64_t at_ms,
                struct buf *out)
{
    int minutes = abs(style->offset_ms / 60000);
    UErrorCode status = U_ZERO_ERROR;
    char detail[DETAIL_MAX];
    UChar wide[TEXT_MAX];
    int32_t n;
    void *f;
    enum err e;

    snprintf(detail, sizeof(detail), "%c%cGMT%c%02d:%02d",
             '1' + style_of(style->date), '1' + style_of(style->time),
             style->offset_ms < 0 ? '-' : '+', minutes / 60, minutes % 60);
    e = find(KIND_TIME, locale, detail, &f);
    if (e != ERR_OK)
        return e;
    n = icu.udat_format(f, (double)at_ms, wide, TEXT_MAX, NULL, &status);
    return U_SUCCESS(status) ? put_wide(wide, n, out) : ERR_INVALID;
}

enum err
icu_format_relative(struct str locale, int64_t ms, struct buf *out)
{
    static const struct {
        int64_t ms;
        URelativeDateTimeUnit unit;
    } units[] = {
        {INT64_C(365) * 24 * 3600 * 1000, UDAT_REL_UNIT_YEAR},
        {INT64_C(30) * 24 * 3600 * 1000, UDAT_REL_UNIT_MONTH},
        {INT64_C(7) * 24 * 3600 * 1000, UDAT_REL_UNIT_WEEK},
        {INT64_C(24) * 3600 * 1000, UDAT_REL_UNIT_DAY},
        {INT64_C(3600) * 1000, UDAT_REL_UNIT_HOUR},
        {INT64_C(60) * 1000, UDAT_REL_UNIT_MINUTE},
        {1000, UDAT_REL_UNIT_SECOND},
    };
    UErrorCode status = U_ZERO_ERROR;
    UChar wide[TEXT_MAX];
    size_t i = 0;
    int64_t units_n;
    int32_t n;
    void *f;
    enum err e = find(KIND_RELATIVE, locale, "", &f);

    if (e != ERR_OK)
        return e;
    while (i < sizeof(units) / sizeof(units[0]) - 1 && ms / units[i].ms == 0)
        i++;
    units_n = ms / units[i].ms;
    /* In words where that is "now"; "tomorrow" would be a claim about days. */
    n = units_n == 0
            ? icu.ureldatefmt_format(f, 0, units[i].unit, wide, TEXT_MAX,
                                     &status)
            : icu.ureldatefmt_formatNumeric(f, (double)units_n, units[i].unit,
                                            wide, TEXT_MAX, &status);
    return U_SUCCESS(status) ? put_wide(wide, n, out) : ERR_INVALID;
}
