#include "channel/call_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "channel/driver.h"

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define CONFIG                                                                 \
    "{\"host\":\"mx.example.com\",\"from\":\"Shop <shop@example.com>\","       \
    "\"username\":\"shop\",\"password\":\"hunter22\"}"

static const struct channel_driver *const smtp = &channel_smtp;

static void
begin(struct call_fixture *f)
{
    call_begin(f, CONFIG);
    f->message.channel = STR("email");
    f->message.address = STR("tim@example.net");
    f->message.user_name = STR("Tim");
    f->message.unsubscribe_url = STR("https://example.com/u/tok");
}

static void
a_message_becomes_one_submission(void **state)
{
    struct call_fixture f;
    const struct channel_request *r = &f.call.request;

    (void)state;
    begin(&f);
    assert_string_equal(call_faults(&f, smtp), "");
    call_ask(&f, smtp);
    assert_false(f.call.is_done);
    assert_int_equal(r->kind, CHANNEL_REQUEST_SMTP);
    assert_text(r->host, "mx.example.com");
    assert_int_equal(r->port, 587);
    assert_text(r->tls, "starttls");
    assert_text(r->username, "shop");
    assert_text(r->password, "hunter22");
    assert_text(r->mail_from, "shop@example.com");
    assert_int_equal(r->n_rcpt_to, 1);
    assert_text(r->rcpt_to[0], "tim@example.net");
    assert_holds(r->body, "To: Tim <tim@example.net>\r\n");
    assert_holds(r->body, "Subject: Paid\r\n");
    assert_holds(r->body,
                 "Message-ID: <dlv_01jd7w9q2me0rbn8t5k3xvhz4c@example.com>");
    assert_holds(r->body, "List-Unsubscribe: <https://example.com/u/tok>");
    assert_holds(r->body, "\r\n\r\nOrder 7 is paid.\r\n");
    call_end(&f);
}

static void
a_mail_is_signed(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f,
               "{\"host\":\"h\",\"from\":\"a@example.com\",\"username\":"
               "\"u\",\"oauth_token\":\"ya29\",\"dkim\":{\"domain\":"
               "\"example.com\",\"selector\":\"s1\",\"private_key\":"
               "\"-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/"
               "VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\\n-----END PRIVATE "
               "KEY-----\\n\"}}");
    f.message.address = STR("tim@example.net");
    assert_string_equal(call_faults(&f, smtp), "");
    call_ask(&f, smtp);
    assert_false(f.call.is_done);
    assert_true(str_starts(f.call.request.body,
                           STR("DKIM-Signature: v=1; a=ed25519-sha256; ")));
    assert_holds(f.call.request.body, "\r\nDate: ");
    assert_text(f.call.request.oauth_token, "ya29");
    assert_text(f.call.request.password, "");
    call_end(&f);
}

static void
each_way_to_say_tls_gives_its_port(void **state)
{
    static const struct {
        const char *config, *tls;
        int port;
    } rows[] = {
        {"{\"host\":\"h\",\"from\":\"a@b.c\"}", "starttls", 587},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"tls\":\"tls\"}", "tls", 465},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"tls\":\"none\"}", "none", 25},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"port\":465}", "tls", 465},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"port\":2525}", "starttls", 2525},
        {"{\"host\":\"127.0.0.1\",\"from\":\"a@b.c\",\"port\":2525}", "none",
         2525},
        {"{\"host\":\"127.evil.com\",\"from\":\"a@b.c\"}", "starttls", 587},
        {"{\"host\":\"localhost\",\"from\":\"a@b.c\",\"username\":\"u\","
         "\"password\":\"p\"}",
         "starttls", 587},
        {"{\"host\":\"localhost\",\"from\":\"a@b.c\",\"username\":\"u\","
         "\"password\":\"p\",\"tls\":\"none\",\"port\":1025}",
         "none", 1025},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct call_fixture f;

        call_begin(&f, rows[i].config);
        f.message.address = STR("tim@example.net");
        assert_string_equal(call_faults(&f, smtp), "");
        call_ask(&f, smtp);
        assert_text(f.call.request.tls, rows[i].tls);
        assert_int_equal(f.call.request.port, rows[i].port);
        call_end(&f);
    }
}

static void
what_cannot_work_is_refused_at_put(void **state)
{
    static const struct call_config rows[] = {
        {"{}", "/host /from"},
        {"{\"host\":\"smtp://h\",\"from\":\"a@b.c\"}", "/host"},
        {"{\"host\":\"h/x\",\"from\":\"a@b.c\"}", "/host"},
        {"{\"host\":\"h i\",\"from\":\"a@b.c\"}", "/host"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"port\":0}", "/port"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"port\":65536}", "/port"},
        {"{\"host\":\"h\",\"from\":\"nobody\"}", "/from"},
        {"{\"host\":\"h\",\"from\":\"\xc3\xbc@b.c\"}", "/from"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"tls\":\"ssl\"}", "/tls"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"username\":\"u\"}", "/password"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"password\":\"p\"}", "/username"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"username\":\"u\\r\\nRSET\","
         "\"password\":\"p\\n\"}",
         "/username /password"},
        {"{\"host\":\"::1\",\"from\":\"a@b.c\"}", ""},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"oauth_token\":\"t\"}",
         "/username"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"username\":\"u\","
         "\"password\":\"p\",\"oauth_token\":\"t\\n\"}",
         "/oauth_token"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"username\":\"u\","
         "\"oauth_token\":\"t\"}",
         ""},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"dkim\":{}}",
         "/dkim/domain /dkim/selector /dkim/private_key"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"dkim\":{\"domain\":"
         "\"a b\",\"selector\":\"s;d=x\",\"private_key\":\"k\"}}",
         "/dkim/domain /dkim/selector /dkim/private_key"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"dkim\":\"abc\"}", "/dkim"},
        {"{\"host\":\"h\",\"from\":\"a@b.c\",\"dkim\":\"***\"}", ""},
    };

    (void)state;
    assert_configs(smtp, rows, COUNT(rows));
}

static void
overrides_change_the_mail(void **state)
{
    struct call_fixture f;
    const struct channel_request *r = &f.call.request;

    (void)state;
    begin(&f);
    f.message.overrides =
        STR("{\"providers\":{},\"email\":{\"from\":\"Boss <boss@example.org>\","
            "\"reply_to\":\"desk@example.org\",\"cc\":[\"a@x.y\","
            "\"B <b@x.y>\"],\"headers\":{\"X-Tag\":\"v1\","
            "\"Auto-Submitted\":\"no\"}}}");
    call_ask(&f, smtp);
    assert_false(f.call.is_done);
    assert_text(r->mail_from, "boss@example.org");
    assert_int_equal(r->n_rcpt_to, 3);
    assert_text(r->rcpt_to[0], "tim@example.net");
    assert_text(r->rcpt_to[1], "a@x.y");
    assert_text(r->rcpt_to[2], "b@x.y");
    assert_holds(r->body, "From: Boss <boss@example.org>\r\n");
    assert_holds(r->body, "Reply-To: desk@example.org\r\n");
    assert_holds(r->body, "Cc: a@x.y, B <b@x.y>\r\n");
    assert_holds(r->body, "X-Tag: v1\r\n");
    assert_holds(r->body, "@example.org>\r\n");
    assert_holds(r->body, "Auto-Submitted: no\r\n");
    assert_lacks(r->body, "auto-generated");
    f.message.overrides = STR("{\"email\":{\"cc\":\"c@x.y\"}}");
    call_ask(&f, smtp);
    assert_int_equal(r->n_rcpt_to, 2);
    assert_text(r->rcpt_to[1], "c@x.y");
    call_end(&f);
}

static void
what_could_forge_a_header_ends_the_delivery(void **state)
{
    static const char *const overrides[] = {
        "{\"email\":{\"from\":\"a@x\\r\\nBcc: v@y\"}}",
        "{\"email\":{\"from\":5}}",
        "{\"email\":{\"reply_to\":\"a@x\\nX: y\"}}",
        "{\"email\":{\"cc\":[\"a@x.y\",\"b@x\\r\\n\"]}}",
        "{\"email\":{\"cc\":[\"a@x\",5]}}",
        "{\"email\":{\"cc\":{\"a\":1}}}",
        "{\"email\":{\"cc\":[1,2,3,4,5,6,7,8,9,10,11]}}",
        "{\"email\":{\"headers\":{\"Bcc\":\"v@y\"}}}",
        "{\"email\":{\"headers\":{\"X-A\\r\\nBcc\":\"v@y\"}}}",
        "{\"email\":{\"headers\":{\"X-A\":\"v\\r\\nBcc: v@y\"}}}",
        "{\"email\":{\"headers\":{\"X-A\":7}}}",
        "{\"email\":{\"headers\":[]}}",
        "{",
    };
    struct call_fixture f;

    (void)state;
    for (size_t i = 0; i < COUNT(overrides) + 2; i++) {
        begin(&f);
        if (i < COUNT(overrides))
            f.message.overrides = str_from(overrides[i]);
        else if (i == COUNT(overrides))
            f.message.title = STR("Subj\nX: y");
        else
            f.message.address = STR("a@x\r\nBcc: v@y");
        call_ask(&f, smtp);
        if (!f.call.is_done)
            fail_msg("row %zu was sent", i);
        assert_int_equal(f.verdict.verdict, VERDICT_REJECTED);
        assert_text(f.verdict.reason, "content.invalid");
        assert_true(f.verdict.detail.n > 0);
        call_end(&f);
    }
}

static void
replies_come_to_their_verdicts(void **state)
{
    static const struct {
        int status;
        const char *text;
        enum verdict verdict;
    } rows[] = {
        {250, "2.0.0 Ok: queued as 4BXYZ", VERDICT_SENT},
        {251, "forwarded", VERDICT_SENT},
        {421, "4.3.2 shutting down", VERDICT_RETRY},
        {421, "4.7.0 Too many connections", VERDICT_RATE},
        {450, "4.2.1 greylisted", VERDICT_RETRY},
        {450, "4.7.1 Rate limit reached", VERDICT_RATE},
        {451, "4.3.0 try again", VERDICT_RETRY},
        {451, "4.7.500 too many messages", VERDICT_RATE},
        {452, "4.5.3 too many recipients", VERDICT_RATE},
        {452, "later", VERDICT_RATE},
        {452, "4.2.2 mailbox full", VERDICT_RETRY},
        {454, "4.7.0 temporary", VERDICT_RETRY},
        {550, "5.1.1 no such user", VERDICT_GONE},
        {550, "5.1.2 no such domain", VERDICT_GONE},
        {553, "5.1.3 bad address", VERDICT_GONE},
        {551, "5.1.6 moved", VERDICT_GONE},
        {556, "5.1.10 null MX", VERDICT_GONE},
        {550, "5.2.1 disabled", VERDICT_GONE},
        {550, "5.1.11 other", VERDICT_REJECTED},
        {550, "5.1.1.1 odd", VERDICT_REJECTED},
        {550, "no such user", VERDICT_REJECTED},
        {550, "", VERDICT_REJECTED},
        {550, "5.7.1 spam", VERDICT_REJECTED},
        {552, "5.3.4 too big", VERDICT_REJECTED},
        {552, "5.2.2 mailbox full", VERDICT_REJECTED},
        {553, "5.6.7 no SMTPUTF8", VERDICT_REJECTED},
        {554, "5.7.1 policy", VERDICT_REJECTED},
        {530, "5.7.0 Must issue a STARTTLS command first", VERDICT_CREDENTIALS},
        {534, "5.7.9 too weak", VERDICT_CREDENTIALS},
        {535, "5.7.8 bad credentials", VERDICT_CREDENTIALS},
        {538, "5.7.11 encrypt", VERDICT_CREDENTIALS},
        {525, "5.7.13 disabled", VERDICT_CREDENTIALS},
        {999, "what", VERDICT_UNKNOWN},
        {354, "go ahead", VERDICT_UNKNOWN},
        {0, "", VERDICT_UNKNOWN},
    };
    struct call_fixture f;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < COUNT(rows); i++) {
        f.answer = (struct channel_answer){.status = rows[i].status,
                                           .body = str_from(rows[i].text)};
        call_answer(&f, smtp);
        if (f.verdict.verdict != rows[i].verdict)
            fail_msg("%d %s: %s", rows[i].status, rows[i].text,
                     verdict_name(f.verdict.verdict));
        assert_int_equal(f.verdict.status, rows[i].status);
        if (i == 0)
            assert_text(f.verdict.provider_message_id, "4BXYZ");
    }
    call_end(&f);
}

static void
with_copies_no_address_is_called_gone(void **state)
{
    struct call_fixture f;

    (void)state;
    begin(&f);
    f.message.overrides = STR("{\"email\":{\"cc\":\"c@x.y\"}}");
    f.answer = (struct channel_answer){.status = 550,
                                       .body = STR("5.1.1 no such user")};
    assert_int_equal(call_answer(&f, smtp)->verdict, VERDICT_REJECTED);
    call_end(&f);
}

static void
no_answer_comes_to_what_is_known_of_it(void **state)
{
    static const struct {
        int outcome, cause, status;
        enum verdict verdict;
    } rows[] = {
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_NETWORK, 0, VERDICT_RETRY},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_NETWORK, 554, VERDICT_RETRY},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_NETWORK, 421, VERDICT_RATE},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_TIMEOUT, 0, VERDICT_RETRY},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_TLS, 0, VERDICT_CREDENTIALS},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_LOGIN, 535, VERDICT_CREDENTIALS},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_LOGIN, 334, VERDICT_CREDENTIALS},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_LOGIN, 454, VERDICT_RETRY},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_EGRESS, 0, VERDICT_REJECTED},
        {CHANNEL_UNKNOWN, CHANNEL_CAUSE_NETWORK, 0, VERDICT_UNKNOWN},
        {CHANNEL_UNKNOWN, CHANNEL_CAUSE_TIMEOUT, 354, VERDICT_UNKNOWN},
    };
    struct call_fixture f;

    (void)state;
    begin(&f);
    for (size_t i = 0; i < COUNT(rows); i++) {
        f.answer = (struct channel_answer){
            .status = rows[i].status,
            .body = STR("4.7.0 Too many connections"),
            .detail = STR("AUTH c2hvcA== hunter22 and aHVudGVyMjI= failed"),
        };
        f.answer.outcome = rows[i].outcome;
        f.answer.cause = rows[i].cause;
        call_answer(&f, smtp);
        if (f.verdict.verdict != rows[i].verdict)
            fail_msg("row %zu: %s", i, verdict_name(f.verdict.verdict));
        assert_text(f.verdict.detail, "AUTH c2hvcA== *** and *** failed");
    }
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_becomes_one_submission),
        cmocka_unit_test(a_mail_is_signed),
        cmocka_unit_test(each_way_to_say_tls_gives_its_port),
        cmocka_unit_test(what_cannot_work_is_refused_at_put),
        cmocka_unit_test(overrides_change_the_mail),
        cmocka_unit_test(what_could_forge_a_header_ends_the_delivery),
        cmocka_unit_test(replies_come_to_their_verdicts),
        cmocka_unit_test(with_copies_no_address_is_called_gone),
        cmocka_unit_test(no_answer_comes_to_what_is_known_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
