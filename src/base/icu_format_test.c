#include "base/icu_format.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define NB "\xc2\xa0"      /* no-break space */
#define NNB "\xe2\x80\xaf" /* the narrow one */

static void
check(enum err e, struct buf *out, const char *want, const char *what)
{
    assert_int_equal(e, ERR_OK);
    if (!str_is(buf_str(out), want))
        fail_msg("%s: \"%.*s\" is not \"%s\"", what, STR_ARG(buf_str(out)),
                 want);
    buf_fini(out);
}

static void
numbers_are_written_as_the_language_does_and_exactly(void **state)
{
    static const struct {
        const char *locale;
        enum icu_number_kind kind;
        int digits;
        const char *currency, *in, *want;
    } rows[] = {
        {"en", ICU_NUMBER_PLAIN, -1, "", "1234567.5", "1,234,567.5"},
        {"de", ICU_NUMBER_PLAIN, -1, "", "1234567.50", "1.234.567,5"},
        {"de-CH", ICU_NUMBER_PLAIN, -1, "", "1234.5", "1’234.5"},
        {"en-IN", ICU_NUMBER_PLAIN, -1, "", "12345678", "1,23,45,678"},
        {"fr", ICU_NUMBER_PLAIN, -1, "", "1234.5", "1" NNB "234,5"},
        {"", ICU_NUMBER_PLAIN, -1, "", "-1e3", "-1,000"},
        {"qq-QQ", ICU_NUMBER_PLAIN, -1, "", "1000", "1,000"},
        {"ar-EG", ICU_NUMBER_PLAIN, -1, "", "12", "١٢"},
        {"en-u-nu-deva", ICU_NUMBER_PLAIN, -1, "", "12", "१२"},
        {"en", ICU_NUMBER_PLAIN, -1, "", "9007199254740993.123456789012345678",
         "9,007,199,254,740,993.123456789012345678"},
        {"en", ICU_NUMBER_PLAIN, 2, "", "0.005", "0.01"},
        {"en", ICU_NUMBER_PLAIN, 2, "", "1.005", "1.01"},
        {"en", ICU_NUMBER_PLAIN, 2, "", "-2.345", "-2.35"},
        {"en", ICU_NUMBER_PLAIN, 0, "", "2.5", "3"},
        {"en", ICU_NUMBER_PERCENT, -1, "", "0.256", "25.6%"},
        {"de", ICU_NUMBER_PERCENT, 0, "", "0.256", "26" NB "%"},
        {"en", ICU_NUMBER_CURRENCY, -1, "EUR", "1234.5", "€1,234.50"},
        {"de", ICU_NUMBER_CURRENCY, -1, "EUR", "1234.5", "1.234,50" NB "€"},
        {"ja", ICU_NUMBER_CURRENCY, -1, "JPY", "1234.5", "￥1,235"},
        {"en", ICU_NUMBER_CURRENCY, 4, "USD", "0.0075", "$0.0075"},
        {"en", ICU_NUMBER_COMPACT, -1, "", "1234", "1.2K"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct icu_number style = {.kind = rows[i].kind,
                                   .digits = rows[i].digits};
        struct buf out = {0};

        snprintf(style.currency, sizeof(style.currency), "%s",
                 rows[i].currency);
        check(icu_format_number(str_from(rows[i].locale), &style,
                                str_from(rows[i].in), &out),
              &out, rows[i].want, rows[i].in);
    }
}

static void
what_icu_refuses_leaves_no_trace(void **state)
{
    const struct icu_number style = {.digits = ICU_DIGITS_OWN};
    struct buf out = {0};

    (void)state;
    buf_put_cstr(&out, "kept");
    assert_int_equal(icu_format_number(STR("en"), &style, STR("12x"), &out),
                     ERR_INVALID);
    assert_true(str_is(buf_str(&out), "kept"));
    buf_fini(&out);
}

static void
times_are_written_as_the_language_does(void **state)
{
    static const struct {
        const char *locale;
        struct icu_time style;
        const char *want;
    } rows[] = {
        {"en", {ICU_LENGTH_MEDIUM, ICU_LENGTH_NONE, 0}, "Mar 1, 2026"},
        {"de", {ICU_LENGTH_LONG, ICU_LENGTH_NONE, 0}, "1. März 2026"},
        {"de", {ICU_LENGTH_NONE, ICU_LENGTH_SHORT, 3600000}, "00:30"},
        {"de", {ICU_LENGTH_SHORT, ICU_LENGTH_NONE, 3600000}, "02.03.26"},
        {"en-GB",
         {ICU_LENGTH_FULL, ICU_LENGTH_LONG, -5400000},
         "Sunday, 1 March 2026 at 22:00:00 GMT-1:30"},
        {"fr",
         {ICU_LENGTH_MEDIUM, ICU_LENGTH_MEDIUM, 0},
         "1 mars 2026, 23:30:00"},
        {"th", {ICU_LENGTH_LONG, ICU_LENGTH_NONE, 0}, "1 มีนาคม 2569"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};

        check(icu_format_time(str_from(rows[i].locale), &rows[i].style,
                              INT64_C(1772407800000), &out),
              &out, rows[i].want, rows[i].locale);
    }
}

static void
spans_are_told_in_whole_units_towards_zero(void **state)
{
    static const struct {
        const char *locale;
        int64_t seconds;
        const char *want;
    } rows[] = {
        {"en", 0, "now"},
        {"de", 0, "jetzt"},
        {"en", 59, "in 59 seconds"},
        {"en", 3599, "in 59 minutes"},
        {"de", 7200, "in 2 Stunden"},
        {"en", -86400, "1 day ago"},
        {"en", 86400 * 13, "in 1 week"},
        {"fr", -86400 * 60, "il y a 2 mois"},
        {"en", 86400 * 800, "in 2 years"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = {0};

        check(icu_format_relative(str_from(rows[i].locale),
                                  rows[i].seconds * 1000, &out),
              &out, rows[i].want, rows[i].locale);
    }
}

static void
each_language_has_its_own_forms(void **state)
{
    static const struct {
        const char *locale, *n;
        bool is_ordinal;
        const char *want;
    } rows[] = {
        {"en", "1", false, "one"},     {"en", "0", false, "other"},
        {"en", "1.5", false, "other"}, {"fr", "0", false, "one"},
        {"fr", "1.5", false, "one"},   {"ru", "2", false, "few"},
        {"ru", "5", false, "many"},    {"ar", "0", false, "zero"},
        {"ar", "2", false, "two"},     {"ja", "1", false, "other"},
        {"pl", "22", false, "few"},    {"en", "21", true, "one"},
        {"en", "2", true, "two"},      {"en", "11", true, "other"},
        {"xx", "1", false, "other"},
    };
    char form[ICU_PLURAL_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(icu_plural(str_from(rows[i].locale),
                                    rows[i].is_ordinal, str_from(rows[i].n),
                                    form),
                         ERR_OK);
        if (strcmp(form, rows[i].want) != 0)
            fail_msg("%s %s: %s", rows[i].locale, rows[i].n, form);
    }
}

/* More formats than a thread keeps, over and over, in two threads. */
static void *
use_many(void *arg)
{
    static const char *const locales[] = {"en", "de", "fr", "ru", "ar"};
    char form[ICU_PLURAL_MAX];

    (void)arg;
    for (int i = 0; i < 400; i++) {
        struct icu_number style = {.digits = i % 13};
        struct str locale = str_from(locales[i % 5]);
        struct buf out = {0};

        assert_int_equal(icu_format_number(locale, &style, STR("1"), &out),
                         ERR_OK);
        assert_int_equal(icu_plural(locale, i % 2, STR("3"), form), ERR_OK);
        buf_fini(&out);
    }
    return NULL;
}

static void
what_is_kept_gives_way_and_comes_back(void **state)
{
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, use_many, NULL), 0);
    use_many(NULL);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_as_the_language_does_and_exactly),
        cmocka_unit_test(what_icu_refuses_leaves_no_trace),
        cmocka_unit_test(times_are_written_as_the_language_does),
        cmocka_unit_test(spans_are_told_in_whole_units_towards_zero),
        cmocka_unit_test(each_language_has_its_own_forms),
        cmocka_unit_test(what_is_kept_gives_way_and_comes_back),
    };

    setenv("LC_ALL", "de_DE.UTF-8", 1); /* must not matter */
    return cmocka_run_group_tests_name("base/icu_format", tests, NULL, NULL);
}
