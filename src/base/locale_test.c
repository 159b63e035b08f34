#include "base/locale.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static void
what_has_the_form_of_a_tag_is_one(void **state)
{
    static const char *const good[] = {
        "de",
        "DE",
        "gsw",
        "pt-BR",
        "zh-Hant-TW",
        "es-419",
        "sl-rozaj",
        "de-CH-1901",
        "sl-nedis-1994",
        "zh-yue-HK",
        "ab-cde-fgh-ijk",
        "hans",
        "abcdefgh",
        "x-whatever",
        "de-x-a-b",
        "en-u-nu-latn",
        "en-a-bb-u-ca-buddhist",
        "i-klingon",
        "EN-gb-OED",
        "art-lojban",
        "de-Latn-DE-1996-x-12345678",
    };
    static const char *const bad[] = {
        "",
        "d",
        "de_DE",
        "de-",
        "-de",
        "de--AT",
        "de AT",
        "d1",
        "123",
        "de-DE-DE",
        "a-DE",
        "de-u",
        "de-u-x-a",
        "x",
        "de-x",
        "de-1996-1996",
        "en-u-nu-latn-u-ca-iso8601",
        "deutschland",
        "de-abcdefghi",
        "en-a-bbb-a-ccc",
        "de-12",
        "i-nothing",
        "de-Latn-Cyrl",
        "d\xc3\xa9",
        "en-US.UTF-8",
        "C.UTF-8",
        "*",
        "de-abcdefgh-bcdefghi-cdefghij-defghi",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!locale_is_tag(str_from(good[i])))
            fail_msg("%s is a tag", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (locale_is_tag(str_from(bad[i])))
            fail_msg("%s is none", bad[i]);
    assert_false(locale_is_tag((struct str){"de\0AT", 5}));
}

static void
a_tag_has_one_way_to_be_written(void **state)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"DE", "de"},
        {"pt-br", "pt-BR"},
        {"ZH-hANT-tw", "zh-Hant-TW"},
        {"es-419", "es-419"},
        {"DE-ch-1901", "de-CH-1901"},
        {"EN-ca-X-CA", "en-CA-x-ca"},
        {"sgn-be-fr", "sgn-BE-FR"},
        {"AZ-latn-X-LATN", "az-Latn-x-latn"},
        {"En-U-Nu-Latn", "en-u-nu-latn"},
        {"I-KLINGON", "i-klingon"},
    };
    char buf[LOCALE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (!str_is(locale_canonical(str_from(rows[i].in), buf), rows[i].out))
            fail_msg("%s", rows[i].in);
}

/* RFC 4647 section 3.4 has the first one. */
static void
parents_lose_their_last_subtag_and_a_singleton_with_it(void **state)
{
    static const char *const rows[][6] = {
        {"zh-Hant-CN-x-private1-private2", "zh-Hant-CN-x-private1",
         "zh-Hant-CN", "zh-Hant", "zh"},
        {"de-CH-1901", "de-CH", "de"},
        {"en-a-bbb-u-nu-latn", "en-a-bbb-u-nu", "en-a-bbb", "en"},
        {"x-whatever"},
        {"i-klingon"},
        {"de"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str tag = str_from(rows[i][0]);
        size_t n = 0;

        do
            assert_true(str_is(tag, rows[i][n++]));
        while (locale_parent(&tag));
        assert_true(n == 6 || rows[i][n] == NULL);
        assert_true(n <= LOCALE_STEPS_MAX);
    }
}

static void
a_tag_is_within_its_parents(void **state)
{
    (void)state;
    assert_true(locale_is_within(STR("de-CH"), STR("de")));
    assert_true(locale_is_within(STR("de-CH"), STR("de-ch")));
    assert_false(locale_is_within(STR("de"), STR("de-CH")));
    assert_false(locale_is_within(STR("den"), STR("de")));
}

static void
the_first_of_the_heaviest_is_preferred(void **state)
{
    static const char *const rows[][2] = {
        {"de", "de"},
        {"de-CH, de;q=0.9, en;q=0.8", "de-CH"},
        {"en;q=0.5,de ; q=0.75 , fr;q=0.7", "de"},
        {"en, de", "en"},
        {"fr;q=0, en;q=0.001", "en"},
        {"*", ""},
        {"*, de;q=0.1", "de"},
        {"", ""},
        {",, ,", ""},
        {"de;q=1.5, en;q=0.2", "en"},
        {"de;q=x, fr;level=1, en;Q=0.3", "en"},
        {"de;q=0.1234, en;q=0.1", "en"},
        {"x y, -de, en;q=1.000", "en"},
        {"de;q=1.", "de"},
        {"fr;q=0", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(str_is(locale_preferred(str_from(rows[i][0])), rows[i][1]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_the_form_of_a_tag_is_one),
        cmocka_unit_test(a_tag_has_one_way_to_be_written),
        cmocka_unit_test(
            parents_lose_their_last_subtag_and_a_singleton_with_it),
        cmocka_unit_test(a_tag_is_within_its_parents),
        cmocka_unit_test(the_first_of_the_heaviest_is_preferred),
    };

    return cmocka_run_group_tests_name("base/locale", tests, NULL, NULL);
}
