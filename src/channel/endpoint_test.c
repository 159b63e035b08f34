#include "channel/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "channel/call_test.h"

#define NEW "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OLD "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define EVENT "{\"type\":\"delivery.sent\"}"
#define OLDER "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define ALL(until)                                                             \
    "{\"url\":\"https://e.com/x\",\"secret\":\"" NEW                           \
    "\",\"old_secrets\":[\"" OLD "\",\"" OLDER                                 \
    "\"],\"old_secrets_until\":[" until "]}"

static void
ask(struct call_fixture *f, const char *config)
{
    call_begin(f, config);
    f->message.delivery_id = STR("evt_1");
    f->message.body = STR(EVENT);
    f->message.address = STR_NONE;
    call_ask(f, &channel_endpoint);
    assert_false(f->call.is_done);
}

static size_t
count_signatures(const struct call_fixture *f)
{
    struct str all = call_request_header(f, "webhook-signature"), one;
    size_t n = 0;

    while (str_split(&all, ' ', &one))
        n += str_starts(one, STR("v1,"));
    return n;
}

static void
the_event_is_posted_as_it_is(void **state)
{
    struct call_fixture f;

    (void)state;
    ask(&f, "{\"url\":\"https://e.com/x\",\"secret\":\"" NEW "\"}");
    assert_text(f.call.request.url, "https://e.com/x");
    assert_text(f.call.request.body, EVENT);
    assert_text(call_request_header(&f, "webhook-id"), "evt_1");
    assert_text(call_request_header(&f, "webhook-timestamp"), "1790242200");
    assert_int_equal(count_signatures(&f), 1);
    call_end(&f);
}

static void
all_secrets_sign_until_the_old_ones_are_over(void **state)
{
    struct call_fixture f;

    (void)state;
    ask(&f, ALL("1790242200002,1790242200001"));
    assert_int_equal(count_signatures(&f), 3);
    call_end(&f);
    ask(&f, ALL("1790242200001,1790242200000"));
    assert_int_equal(count_signatures(&f), 2);
    call_end(&f);
    ask(&f, ALL("1790242200000"));
    assert_int_equal(count_signatures(&f), 1);
    call_end(&f);
}

static void
answers_are_judged_as_those_of_webhooks(void **state)
{
    static const struct {
        int status;
        enum verdict verdict;
    } rows[] = {{200, VERDICT_DELIVERED}, {204, VERDICT_DELIVERED},
                {302, VERDICT_RETRY},     {410, VERDICT_GONE},
                {429, VERDICT_RATE},      {500, VERDICT_RETRY}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;

        ask(&f, ALL("0,0"));
        f.answer.status = rows[i].status;
        f.answer.body = STR("not " OLD " nor " NEW " or " OLDER);
        assert_int_equal(call_answer(&f, &channel_endpoint)->verdict,
                         rows[i].verdict);
        assert_lacks(f.verdict.detail, NEW);
        assert_lacks(f.verdict.detail, OLD);
        assert_lacks(f.verdict.detail, OLDER);
        call_end(&f);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_event_is_posted_as_it_is),
        cmocka_unit_test(all_secrets_sign_until_the_old_ones_are_over),
        cmocka_unit_test(answers_are_judged_as_those_of_webhooks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
