/* mail_test.c - what the APIs are given of addresses. */
#include "channel/mail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "channel/call_test.h"

static void
test_addresses(void **state)
{
    struct arena *a = arena_new();
    const struct mime_address row[] = {
        {STR_NONE, STR("a@example.com")},
        {STR("J\u00f6rg, \"x\\y\""), STR("b@example.com")},
    };

    (void)state;
    assert_text(mail_addresses(a, row, 2),
                "a@example.com, \"J\u00f6rg, \\\"x\\\\y\\\"\" <b@example.com>");
    assert_text(mail_addresses(a, row, 0), "");
    arena_free(a);
}

static void
test_copies(void **state)
{
    static const struct {
        const char *overrides;
        bool has;
    } rows[] = {
        {"", false},
        {"{\"email\":{}}", false},
        {"{\"email\":{\"cc\":[]}}", false},
        {"{\"email\":{\"cc\":\"a@example.com\"}}", true},
        {"{\"email\":{\"cc\":[\"a@example.com\"]}}", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        call_begin(&f, "{}");
        f.message.overrides = str_from(rows[i].overrides);
        assert_int_equal(mail_has_copies(&f.call), rows[i].has);
        call_end(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
