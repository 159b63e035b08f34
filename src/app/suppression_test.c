#include "app/suppression.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
a_key_tells_channel_and_address_again(void **state)
{
    const char *const addresses[] = {"a@b.c", "https://h.example:8443/x:y", ":",
                                     "+4930"};
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct str channel, address;

        suppression_split(
            suppression_key(a, STR("email"), str_from(addresses[i])), &channel,
            &address);
        assert_true(str_is(channel, "email"));
        assert_true(str_is(address, addresses[i]));
    }
    arena_free(a);
}

static struct json
parsed(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    assert_int_equal(json_parse(a, text, doc, &why), ERR_OK);
    return json_root(doc);
}

/* What dispatch, receipts and links write, and people may say, is what comes
 * back of the document. */
static void
each_reason_is_kept_with_its_note(void **state)
{
    const enum reason reasons[] = {
        REASON_SUPPRESS_MANUAL, REASON_SUPPRESS_BOUNCE,
        REASON_SUPPRESS_COMPLAINT, REASON_SUPPRESS_UNSUBSCRIBE,
        REASON_CONTACT_GONE};
    struct arena *a = arena_new();
    size_t i;

    (void)state;
    for (i = 0; suppression_reasons[i]; i++) {
        struct suppression s = {.channel = STR("sms"),
                                .address = STR("+4930"),
                                .reason = reasons[i],
                                .note = STR("by \"letter\"")};
        struct json doc = parsed(a, suppression_write(a, &s).body);

        assert_true(str_is(reason_code(reasons[i]), suppression_reasons[i]));
        assert_int_equal(suppression_reason(a, doc), reasons[i]);
        assert_true(str_is(json_str_of(a, doc, "note"), "by \"letter\""));
    }
    assert_int_equal(i, sizeof(reasons) / sizeof(reasons[0]));
    arena_free(a);
}

static void
without_a_reason_it_is_by_hand(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    assert_int_equal(suppression_reason(a, parsed(a, STR("{}"))),
                     REASON_SUPPRESS_MANUAL);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_tells_channel_and_address_again),
        cmocka_unit_test(each_reason_is_kept_with_its_note),
        cmocka_unit_test(without_a_reason_it_is_by_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
