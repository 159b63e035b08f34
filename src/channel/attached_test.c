/* attached_test.c - what the drivers of mail make of attachments, and of
 * addresses that only SMTPUTF8 can carry. */
#include "channel/call_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "channel/driver.h"

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static const struct attachment files[] = {
    {.filename = {"a \"7\".txt", 9},
     .content_type = {"text/plain; charset=utf-8", 25},
     .content = {"aGVsbG8=", 8}},
    {.filename = {"\xc3\xbc.bin", 6},
     .content_type = {"application/octet-stream", 24},
     .content = {"AP8=", 4}},
};

static const struct {
    const struct channel_driver *driver;
    const char *config, *part; /* of the request's body */
} rows[] = {
    {&channel_smtp, "{\"host\":\"h\",\"from\":\"shop@example.com\"}",
     "filename*=UTF-8''%C3%BC.bin\r\n"
     "Content-Transfer-Encoding: base64\r\n\r\nAP8=\r\n--"},
    {&channel_sendgrid, "{\"api_key\":\"k\",\"from\":\"shop@example.com\"}",
     "\"attachments\":[{\"content\":\"aGVsbG8=\",\"filename\":\"a \\\"7\\\".txt"
     "\",\"type\":\"text/plain\",\"disposition\":\"attachment\"},{\"content\":"
     "\"AP8=\",\"filename\":\"\xc3\xbc.bin\",\"type\":\"application/octet-"
     "stream\",\"disposition\":\"attachment\"}]"},
    {&channel_resend, "{\"api_key\":\"k\",\"from\":\"shop@example.com\"}",
     "\"attachments\":[{\"filename\":\"a \\\"7\\\".txt\",\"content\":"
     "\"aGVsbG8=\",\"content_type\":\"text/plain; charset=utf-8\"},"},
    {&channel_postmark,
     "{\"server_token\":\"k\",\"from\":\"shop@example.com\"}",
     "\"Attachments\":[{\"Name\":\"a \\\"7\\\".txt\",\"Content\":\"aGVsbG8=\","
     "\"ContentType\":\"text/plain; charset=utf-8\"},"},
    {&channel_mailgun,
     "{\"api_key\":\"k\",\"domain\":\"d.e\",\"from\":\"shop@example.com\"}",
     "\r\nContent-Disposition: form-data; name=\"attachment\"; "
     "filename=\"a %227%22.txt\"\r\nContent-Type: text/plain; "
     "charset=utf-8\r\n\r\nhello\r\n"
     "--belfry"},
    {&channel_ses,
     "{\"region\":\"eu-central-1\",\"access_key_id\":\"k\","
     "\"secret_access_key\":\"s\",\"from\":\"shop@example.com\"}",
     "\"Raw\":{\"Data\":\""},
};

static void
each_driver_of_mail_carries_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        assert_true(rows[i].driver->takes_attachments);
        call_begin_full_mail(&f, rows[i].config);
        f.message.attachments = files;
        f.message.n_attachments = COUNT(files);
        call_ask(&f, rows[i].driver);
        assert_false(f.call.is_done);
        assert_holds(f.call.request.body, rows[i].part);
        call_end(&f);
    }
}

static void
a_form_with_files_says_so(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin_full_mail(&f, rows[4].config);
    f.message.attachments = files;
    f.message.n_attachments = COUNT(files);
    call_ask(&f, &channel_mailgun);
    assert_true(str_starts(call_request_header(&f, "Content-Type"),
                           STR("multipart/form-data; boundary=belfry")));
    assert_holds(f.call.request.body,
                 "\r\nContent-Disposition: form-data; name=\"h:X-Order\"\r\n"
                 "\r\n7\r\n--belfry");
    assert_true(str_ends(f.call.request.body, STR("--\r\n")));
    call_end(&f);
}

static void
only_smtp_takes_what_needs_smtputf8(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        call_begin_mail(&f, rows[i].config);
        f.message.address = STR("j\xc3\xbcrgen@b\xc3\xbc"
                                "cher.example");
        call_ask(&f, rows[i].driver);
        assert_int_equal(f.call.is_done, rows[i].driver != &channel_smtp);
        if (f.call.is_done) {
            assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
            assert_text(f.verdict.reason, "address.smtputf8");
        } else {
            assert_true(f.call.request.needs_smtputf8);
            assert_text(f.call.request.rcpt_to[0],
                        "j\xc3\xbcrgen@xn--bcher-kva.example");
        }
        call_end(&f);
    }
}

static void
a_server_without_smtputf8_ends_it(void **state)
{
    struct call_fixture f;
    struct channel_verdict *v;

    (void)state;
    call_begin_mail(&f, rows[0].config);
    f.message.address = STR("j\xc3\xbcrgen@example.net");
    call_ask(&f, &channel_smtp);
    f.answer.outcome = CHANNEL_NOT_SENT;
    f.answer.cause = CHANNEL_CAUSE_SMTPUTF8;
    f.answer.detail = STR("it offers none");
    v = call_answer(&f, &channel_smtp);
    assert_int_equal(v->verdict, VERDICT_REJECTED);
    assert_text(v->reason, "address.smtputf8");
    assert_text(v->detail, "it offers none");
    call_end(&f);
}

static void
channels_that_carry_none_are_known(void **state)
{
    (void)state;
    assert_true(channel_takes_attachments(STR("email")));
    assert_false(channel_takes_attachments(STR("sms")));
    assert_false(channel_takes_attachments(STR("in_app")));
    assert_false(channel_takes_attachments(STR("nothing")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_driver_of_mail_carries_them),
        cmocka_unit_test(a_form_with_files_says_so),
        cmocka_unit_test(only_smtp_takes_what_needs_smtputf8),
        cmocka_unit_test(a_server_without_smtputf8_ends_it),
        cmocka_unit_test(channels_that_carry_none_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
