#include "base/language.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static bool
is_mapped(const char *name)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[1024];
    bool is = false;

    assert_non_null(f);
    while (!is && fgets(line, sizeof(line), f))
        is = strstr(line, name) != NULL;
    fclose(f);
    return is;
}

static void
it_is_loaded_by_the_first_text_that_is_long_enough(void **state)
{
    (void)state;
    assert_int_equal(language_of_text(STR("Hello there")).n, 0);
    assert_int_equal(language_of_text(STR_NONE).n, 0);
    assert_false(is_mapped("libexttextcat"));
    assert_null(language_fault());
    assert_true(is_mapped("libexttextcat"));
}

static void
a_text_that_is_like_one_language_alone_has_it(void **state)
{
    static const char *const rows[][2] = {
        {"en", "Your order has shipped and will arrive on Monday."},
        {"de", "Ihre Bestellung wurde versandt und kommt am Montag an."},
        {"fr", "Votre mot de passe a été modifié. Si ce n'était pas vous, "
               "contactez-nous immédiatement."},
        {"es", "Su pedido ha sido enviado y llegará el lunes."},
        {"pl", "Twoje zamówienie zostało wysłane i dotrze w poniedziałek."},
        {"uk", "Ваше замовлення відправлено і прибуде в понеділок."},
        {"ar", "تم شحن طلبك وسيصل يوم الاثنين."},
        {"ja", "ご注文の商品は発送されました。月曜日に到着します。"},
        {"zh-Hans", "您的订单已发货，将于周一送达。"},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
        const char *const *row = rows[i / 2]; /* the second time remembered */

        assert_true(str_is(language_of_text(str_from(row[1])), row[0]));
    }
}

static void
of_the_rest_nothing_is_said(void **state)
{
    static const char *const rows[] = {
        "Reminder: team meeting at 10:00 in room Berlin tomorrow",
        "4711 0815 2342 1234567890 +49 30 123456",
        "https://example.com/a/b?c=d&e=f",
        "                                                ",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(language_of_text(str_from(rows[i])).n, 0);
}

/* Letters of every width, cut anywhere; what a sanitizer sees is the copy. */
static void
no_text_does_it_harm(void **state)
{
    static const char *const letters[] = {"a", "ä", " ", "\n", "語",  "\x7f",
                                          "𝄞", "-", "0", "ж",  "\x01"};
    static char text[3 * LANGUAGE_TEXT_MAX];
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 500; round++) {
        size_t n = 0, end = (size_t)round * 5 + 1;

        while (n < end) {
            const char *letter;

            seed = seed * 1664525 + 1013904223;
            letter =
                letters[(seed >> 16) % (sizeof(letters) / sizeof(letters[0]))];
            memcpy(text + n, letter, strlen(letter));
            n += strlen(letter);
        }
        (void)language_of_text((struct str){text, n});
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_loaded_by_the_first_text_that_is_long_enough),
        cmocka_unit_test(a_text_that_is_like_one_language_alone_has_it),
        cmocka_unit_test(of_the_rest_nothing_is_said),
        cmocka_unit_test(no_text_does_it_harm),
    };

    return cmocka_run_group_tests_name("base/language", tests, NULL, NULL);
}
