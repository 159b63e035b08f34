#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

static int
cmp(const char *a, const char *b)
{
    struct decimal x, y;
    int by;

    if (!decimal_parse(str_from(a), &x) || !decimal_parse(str_from(b), &y))
        fail_msg("%s or %s is no number", a, b);
    by = decimal_cmp(&x, &y);
    assert_int_equal(decimal_cmp(&y, &x) > 0, by < 0);
    return (by > 0) - (by < 0);
}

static void
numbers_are_compared_by_what_they_are(void **state)
{
    static const struct {
        const char *a, *b;
        int by;
    } rows[] = {
        {"0", "-0", 0},
        {"0", "0.000e9", 0},
        {"1", "1.0", 0},
        {"100", "1e2", 0},
        {"100", "1E+2", 0},
        {"0.01", "1e-2", 0},
        {"1200", "0.012e5", 0},
        {"1", "2", -1},
        {"9", "10", -1},
        {"-9", "-10", 1},
        {"-1", "1", -1},
        {"-1", "0", -1},
        {"0.1", "0.09", 1},
        {"65000.01", "65000.1", -1},
        {"65000.10", "65000.1", 0},
        {"0.30000000000000004", "0.3", 1},
        {"9007199254740993", "9007199254740992", 1},
        {"123456789012345678901234567890.5",
         "123456789012345678901234567890.49", 1},
        {"1e999999999999", "9e999999999998", 1},
        {"1e-999999999999", "0", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (cmp(rows[i].a, rows[i].b) != rows[i].by)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
}

static void
what_json_would_not_take_is_no_number(void **state)
{
    static const char *const texts[] = {
        "",   "-",   "+1",   ".5",   "5.",  "01",   "-01", "1e",  "1e+", "1 ",
        " 1", "1,0", "1.2.", "0x10", "NaN", "1e1.", "1-1", "--1", "e5",  "1e5e",
    };
    struct decimal d;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (decimal_parse(str_from(texts[i]), &d))
            fail_msg("\"%s\"", texts[i]);
}

static void
a_share_is_from_0_to_1(void **state)
{
    static const struct {
        const char *text;
        int64_t share;
    } rows[] = {
        {"0", 0},
        {"1", 1000000000},
        {"0.1", 100000000},
        {"1.0", 1000000000},
        {"0.0000000019", 1},
        {"1.000000001", -1},
        {"2", -1},
        {"-0.1", -1},
        {"0.x", -1},
        {"", -1},
        {"1e-1", -1},
        {".5", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t share = -1;

        (void)decimal_share(str_from(rows[i].text), &share);
        if (share != rows[i].share)
            fail_msg("\"%s\"", rows[i].text);
    }
}

static void
an_amount_is_exact_or_none(void **state)
{
    static const struct {
        const char *text;
        int64_t billionths; /* -1: none */
    } rows[] = {
        {"0.0075", 7500000},
        {"0", 0},
        {"12", INT64_C(12000000000)},
        {"12.50", INT64_C(12500000000)},
        {"0.000000001", 1},
        {"0.0000000001", -1},
        {"0.0000000000", -1},
        {"9000000000.999999999", INT64_C(9000000000999999999)},
        {"9223372036", -1},
        {"99999999999999999999", -1},
        {"-1", -1},
        {"1e2", -1},
        {"1,5", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t n = -1;

        (void)decimal_billionths(str_from(rows[i].text), &n);
        if (n != rows[i].billionths)
            fail_msg("\"%s\": %lld", rows[i].text, (long long)n);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_compared_by_what_they_are),
        cmocka_unit_test(what_json_would_not_take_is_no_number),
        cmocka_unit_test(a_share_is_from_0_to_1),
        cmocka_unit_test(an_amount_is_exact_or_none),
    };

    return cmocka_run_group_tests_name("base/decimal", tests, NULL, NULL);
}
