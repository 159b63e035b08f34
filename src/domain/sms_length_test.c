#include "domain/sms_length.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static char text[1000];

/* n times that character. */
static struct sms_length
length_of(const char *c, size_t n)
{
    size_t size = strlen(c);

    for (size_t i = 0; i < n; i++)
        memcpy(text + i * size, c, size);
    return sms_length_of((struct str){text, n * size});
}

static void
assert_length(struct sms_length l, bool is_gsm7, size_t n, size_t segments)
{
    assert_int_equal(l.is_gsm7, is_gsm7);
    assert_int_equal(l.n, n);
    assert_int_equal(l.segments, segments);
}

static void
the_alphabet_of_gsm_takes_160_and_then_153_each(void **state)
{
    (void)state;
    assert_length(length_of("a", 0), true, 0, 1);
    assert_length(length_of("a", 160), true, 160, 1);
    assert_length(length_of("\xc3\xa4", 160), true, 160, 1);
    assert_length(length_of("a", 161), true, 161, 2);
    assert_length(length_of("a", 306), true, 306, 2);
    assert_length(length_of("a", 307), true, 307, 3);
}

static void
some_characters_take_two_places(void **state)
{
    (void)state;
    assert_length(length_of("{", 80), true, 160, 1);
    assert_length(length_of("\xe2\x82\xac", 81), true, 162, 2);
}

static void
one_character_of_another_alphabet_makes_all_of_them_wide(void **state)
{
    (void)state;
    assert_length(length_of("\xd0\xb6", 70), false, 70, 1);
    assert_length(length_of("\xd0\xb6", 71), false, 71, 2);
    assert_length(length_of("\xf0\x9f\x98\x80", 35), false, 70, 1);
    assert_length(length_of("\xf0\x9f\x98\x80", 36), false, 72, 2);
    assert_length(sms_length_of(STR("caf\xc3\xa9 \xe2\x80\x93 a")), false, 8,
                  1);
    assert_length(sms_length_of(STR("`")), false, 1, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_alphabet_of_gsm_takes_160_and_then_153_each),
        cmocka_unit_test(some_characters_take_two_places),
        cmocka_unit_test(
            one_character_of_another_alphabet_makes_all_of_them_wide),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
