#include "app/device_forget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
a_device_is_gone_unless_it_is_another_or_was_registered_since(void **state)
{
    static const struct {
        const char *address;
        int64_t gone_ms;
        bool is_gone;
    } rows[] = {
        {"t", 0, true}, /* the provider names no time */
        {"t", 5000, true},     {"t", 6000, true},        {"t", 4999, false},
        {"renewed", 0, false}, {"renewed", 6000, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct device d = {.address = str_from(rows[i].address),
                           .updated_ms = 5000};
        struct device_gone g = {.address = STR("t"),
                                .gone_ms = rows[i].gone_ms};

        if (device_is_gone(&d, &g) != rows[i].is_gone)
            fail_msg("row %zu", i);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_device_is_gone_unless_it_is_another_or_was_registered_since),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
