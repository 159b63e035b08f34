/* phone_test.c - numbers and texts as telephones have them. */
#include "channel/phone.h"

#include "channel/call_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static void
test_numbers(void **state)
{
    static const struct {
        const char *written, *number; /* "": none */
    } rows[] = {
        {"+15551234567", "+15551234567"},
        {" +49 (151) 123-45/67.8 ", "+4915112345678"},
        {"+6834000", "+6834000"},
        {"+123456789012345", "+123456789012345"},
        {"+1234567890123456", ""},
        {"+683400", ""},
        {"+05551234567", ""},
        {"15551234567", ""},
        {"0015551234567", ""},
        {"+1555CALLNOW", ""},
        {"+1555+1234567", ""},
        {"+1555123456\n7", ""},
        {"+\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4\xd9\xa5\xd9\xa6\xd9\xa7", ""},
        {"+", ""},
        {"", ""},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_text(phone_e164(a, str_from(rows[i].written)), rows[i].number);
    arena_free(a);
}

static void
test_address(void **state)
{
    struct call_fixture f;
    struct str number;

    (void)state;
    call_begin(&f, "{}");
    f.message.address = STR("+1 555 123 45 67");
    assert_true(phone_address(&f.call, &number));
    assert_text(number, "+15551234567");
    assert_false(f.call.is_done);
    f.message.address = STR("555-1234");
    assert_false(phone_address(&f.call, &number));
    assert_true(f.call.is_done);
    assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
    assert_text(f.verdict.reason, "content.invalid");
    assert_holds(f.verdict.detail, "no telephone number");
    call_end(&f);
}

static void
text_is(const char *channel, size_t max, const char *title, const char *body,
        const char *want)
{
    struct call_fixture f;
    struct str text;

    call_begin(&f, "{}");
    f.message.channel = str_from(channel);
    f.message.title = str_from(title);
    f.message.body = str_from(body);
    if (phone_text(&f.call, "X", max, &text)) {
        assert_text(text, want);
        assert_false(f.call.is_done);
    } else {
        assert_true(f.call.is_done);
        assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
        assert_text(f.verdict.detail, want);
    }
    call_end(&f);
}

static void
test_texts(void **state)
{
    (void)state;
    text_is("sms", 8, "ab", "c", "ab\nc");
    text_is("sms", 8, "", "c", "c");
    text_is("sms", 8, "ab", "", "ab");
    text_is("sms", 8, "", "", "the message has no text");
    text_is("sms", 4, "ab", "\xc3\xa4", "ab\n\xc3\xa4");
    text_is("sms", 3, "ab", "c",
            "the text is 4 characters long (1 SMS in the GSM alphabet), "
            "and X takes 3");
    /* a character beyond the first plane takes two */
    text_is("sms", 1, "", "\xf0\x9f\x98\x80",
            "the text is 2 characters long (1 SMS in UCS-2), and X takes "
            "1");
    text_is("whatsapp", 3, "ab", "c",
            "the text is 4 characters long, and X takes 3");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
