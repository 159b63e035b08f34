/* mail_batch_test.c - several mails in one request, to Postmark, Resend and
 * SendGrid. */
#include "channel/mail_batch.h"

#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define POSTMARK                                                               \
    "{\"server_token\":\"canary-0123\",\"from\":\"shop@a.example\"}"
#define RESEND "{\"api_key\":\"re_canary0123\",\"from\":\"shop@a.example\"}"
#define SENDGRID "{\"api_key\":\"SG.canary0123\",\"from\":\"shop@a.example\"}"
#define N 3

struct batch {
    struct call_fixture f;
    struct channel_message messages[N];
    struct channel_verdict verdicts[N];
};

static void
begin(struct batch *b, const char *config)
{
    static const char *const ids[N] = {"dlv_a", "dlv_b", "dlv_c"};
    static const char *const addresses[N] = {"ann@b.example", "bob@b.example",
                                             "cid@b.example"};

    call_begin_mail(&b->f, config);
    for (int i = 0; i < N; i++) {
        b->messages[i] = b->f.message;
        b->messages[i].delivery_id = str_from(ids[i]);
        b->messages[i].address = str_from(addresses[i]);
        b->verdicts[i] = (struct channel_verdict){.verdict = VERDICT_COUNT};
    }
    b->f.call.messages = b->messages;
    b->f.call.n_messages = N;
    b->f.call.verdicts = b->verdicts;
}

static void
ask(struct batch *b, const struct channel_driver *d)
{
    b->f.call.answer = NULL;
    b->f.call.is_done = false;
    d->step(&b->f.call);
}

static void
answer(struct batch *b, const struct channel_driver *d, int status,
       const char *body)
{
    b->f.answer = (struct channel_answer){
        .outcome = CHANNEL_ANSWERED, .status = status, .body = str_from(body)};
    b->f.call.answer = &b->f.answer;
    d->step(&b->f.call);
    assert_true(b->f.call.is_done);
}

static void
assert_all(const struct batch *b, enum verdict v)
{
    for (int i = 0; i < N; i++)
        assert_int_equal(b->verdicts[i].verdict, v);
}

static void
all_go_in_one_request(void **state)
{
    struct batch b;
    struct json_doc doc;
    struct json_error why;
    struct str key;

    (void)state;
    begin(&b, POSTMARK);
    ask(&b, &channel_postmark);
    assert_false(b.f.call.is_done);
    assert_text(b.f.call.request.url,
                "https://api.postmarkapp.com/email/batch");
    assert_int_equal(json_parse(b.f.arena, b.f.call.request.body, &doc, &why),
                     ERR_OK);
    assert_int_equal(json_count(json_root(&doc)), N);
    assert_holds(b.f.call.request.body, "\"delivery_id\":\"dlv_c\"");
    call_end(&b.f);

    begin(&b, RESEND);
    ask(&b, &channel_resend);
    assert_text(b.f.call.request.url, "https://api.resend.com/emails/batch");
    assert_int_equal(json_parse(b.f.arena, b.f.call.request.body, &doc, &why),
                     ERR_OK);
    assert_int_equal(json_count(json_root(&doc)), N);
    key = call_request_header(&b.f, "Idempotency-Key");
    assert_int_equal(key.n, 64);
    ask(&b, &channel_resend);
    assert_true(str_eq(key, call_request_header(&b.f, "Idempotency-Key")));
    b.f.call.n_messages = N - 1;
    ask(&b, &channel_resend);
    assert_false(str_eq(key, call_request_header(&b.f, "Idempotency-Key")));
    call_end(&b.f);
}

static void
each_has_a_verdict_of_its_own(void **state)
{
    struct batch b;

    (void)state;
    begin(&b, POSTMARK);
    ask(&b, &channel_postmark);
    answer(&b, &channel_postmark, 200,
           "[{\"ErrorCode\":0,\"Message\":\"OK\",\"MessageID\":\"m1\"},"
           "{\"ErrorCode\":406,\"Message\":\"Found inactive addresses: "
           "bob@b.example. Inactive\"},"
           "{\"ErrorCode\":300,\"Message\":\"Invalid To\"}]");
    assert_int_equal(b.verdicts[0].verdict, VERDICT_SENT);
    assert_text(b.verdicts[0].provider_message_id, "m1");
    assert_int_equal(b.verdicts[1].verdict, VERDICT_GONE);
    assert_int_equal(b.verdicts[2].verdict, VERDICT_REJECTED);
    assert_holds(b.verdicts[2].detail, "Invalid To");
    call_end(&b.f);

    begin(&b, RESEND);
    ask(&b, &channel_resend);
    answer(&b, &channel_resend, 200,
           "{\"data\":[{\"id\":\"r1\"},{\"id\":\"r2\"},{\"id\":\"r3\"}]}");
    assert_all(&b, VERDICT_SENT);
    assert_text(b.verdicts[2].provider_message_id, "r3");
    call_end(&b.f);
}

static void
a_part_that_tells_nothing_is_unknown(void **state)
{
    struct batch b;

    (void)state;
    begin(&b, POSTMARK);
    ask(&b, &channel_postmark);
    answer(&b, &channel_postmark, 200, "[{\"ErrorCode\":0},{},null]");
    assert_int_equal(b.verdicts[0].verdict, VERDICT_SENT);
    assert_int_equal(b.verdicts[1].verdict, VERDICT_UNKNOWN);
    assert_int_equal(b.verdicts[2].verdict, VERDICT_UNKNOWN);
    call_end(&b.f);
}

static void
one_that_is_no_mail_stays_behind(void **state)
{
    struct batch b;

    (void)state;
    begin(&b, POSTMARK);
    b.messages[1].address = STR("nobody");
    ask(&b, &channel_postmark);
    assert_false(b.f.call.is_done);
    assert_lacks(b.f.call.request.body, "dlv_b");
    assert_int_equal(b.verdicts[1].verdict, VERDICT_REJECTED);
    answer(&b, &channel_postmark, 200,
           "[{\"ErrorCode\":0,\"MessageID\":\"m1\"},"
           "{\"ErrorCode\":0,\"MessageID\":\"m3\"}]");
    assert_int_equal(b.verdicts[0].verdict, VERDICT_SENT);
    assert_int_equal(b.verdicts[1].verdict, VERDICT_REJECTED);
    assert_true(reason_is(b.verdicts[1].reason, REASON_CONTENT_INVALID));
    assert_text(b.verdicts[2].provider_message_id, "m3");
    for (int i = 0; i < N; i++)
        b.messages[i].address = STR("nobody");
    ask(&b, &channel_postmark);
    assert_true(b.f.call.is_done);
    assert_all(&b, VERDICT_REJECTED);
    call_end(&b.f);
}

static void
what_fails_as_a_whole_is_true_of_each(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum verdict verdict;
        bool goes_alone;
    } rows[] = {
        {500, "", VERDICT_RETRY, false},
        {429, "{\"ErrorCode\":0}", VERDICT_RATE, false},
        {401, "{\"ErrorCode\":10}", VERDICT_CREDENTIALS, false},
        {413, "", VERDICT_RETRY, true},
        {422, "{\"ErrorCode\":402,\"Message\":\"Invalid JSON\"}", VERDICT_RETRY,
         true},
        {422, "{\"ErrorCode\":406,\"Message\":\"inactive\"}", VERDICT_RETRY,
         true},
        /* taken, but not known what became of each */
        {200, "", VERDICT_UNKNOWN, false},
        {200, "{\"ErrorCode\":0}", VERDICT_UNKNOWN, false},
        {200, "[{\"ErrorCode\":0}]", VERDICT_UNKNOWN, false},
        {200,
         "[{\"ErrorCode\":0},{\"ErrorCode\":0},{\"ErrorCode\":0},"
         "{\"ErrorCode\":0}]",
         VERDICT_UNKNOWN, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct batch b;

        begin(&b, POSTMARK);
        ask(&b, &channel_postmark);
        answer(&b, &channel_postmark, rows[i].status, rows[i].body);
        assert_all(&b, rows[i].verdict);
        for (int j = 0; j < N; j++)
            assert_int_equal(
                reason_is(b.verdicts[j].reason, REASON_BATCH_REFUSED),
                rows[i].goes_alone);
        call_end(&b.f);
    }
}

static void
what_nobody_answered_is_unknown_of_each(void **state)
{
    struct batch b;

    (void)state;
    begin(&b, RESEND);
    b.messages[0].address = STR("nobody");
    ask(&b, &channel_resend);
    b.f.answer = (struct channel_answer){.outcome = CHANNEL_UNKNOWN,
                                         .cause = CHANNEL_CAUSE_TIMEOUT};
    b.f.call.answer = &b.f.answer;
    channel_resend.step(&b.f.call);
    assert_int_equal(b.verdicts[0].verdict, VERDICT_REJECTED);
    assert_int_equal(b.verdicts[1].verdict, VERDICT_UNKNOWN);
    assert_int_equal(b.verdicts[2].verdict, VERDICT_UNKNOWN);
    call_end(&b.f);
}

/* The words once, and all else that each has of its own. */
static void
those_with_the_same_words_are_told_apart(void **state)
{
    struct json_doc doc;
    struct json_error why;
    struct json root, all;
    struct batch b;

    (void)state;
    begin(&b, SENDGRID);
    b.messages[1].title = STR("For Bob");
    b.messages[2].unsubscribe_url = STR("https://b.example/u/cid");
    ask(&b, &channel_sendgrid);
    assert_text(b.f.call.request.url, "https://api.sendgrid.com/v3/mail/send");
    assert_int_equal(json_parse(b.f.arena, b.f.call.request.body, &doc, &why),
                     ERR_OK);
    root = json_root(&doc);
    all = json_get(root, "personalizations");
    assert_int_equal(json_count(all), N);
    assert_text(json_str_of(b.f.arena, json_at(all, 1), "subject"), "For Bob");
    for (uint32_t i = 0; i < N; i++) {
        struct json one = json_at(all, i);
        struct json headers = json_get(one, "headers");

        assert_text(
            json_str_of(b.f.arena, json_get(one, "custom_args"), "delivery_id"),
            b.messages[i].delivery_id.p);
        assert_text(
            json_str_of(b.f.arena, json_at(json_get(one, "to"), 0), "email"),
            b.messages[i].address.p);
        assert_holds(json_str_of(b.f.arena, headers, "Message-ID"),
                     b.messages[i].delivery_id.p);
    }
    assert_holds(json_raw(json_at(all, 2)), "https://b.example/u/cid");
    assert_lacks(json_raw(json_at(all, 0)), "https://b.example/u/cid");
    assert_true(json_is(json_get(root, "subject"), JSON_ABSENT));
    assert_true(json_is(json_get(root, "headers"), JSON_ABSENT));
    assert_int_equal(json_count(json_get(root, "content")), 1);
    call_end(&b.f);
}

static void
one_answer_is_that_of_each(void **state)
{
    static const struct {
        int status;
        enum verdict verdict;
        bool goes_alone;
    } rows[] = {
        {202, VERDICT_SENT, false},  {429, VERDICT_RATE, false},
        {500, VERDICT_RETRY, false}, {403, VERDICT_CREDENTIALS, false},
        {400, VERDICT_RETRY, true},  {413, VERDICT_RETRY, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct channel_header id = {STR("X-Message-Id"), STR("of-all")};
        struct batch b;

        begin(&b, SENDGRID);
        b.messages[1].address = STR("nobody");
        ask(&b, &channel_sendgrid);
        b.f.answer = (struct channel_answer){.outcome = CHANNEL_ANSWERED,
                                             .status = rows[i].status,
                                             .headers = &id,
                                             .n_headers = 1};
        b.f.call.answer = &b.f.answer;
        channel_sendgrid.step(&b.f.call);
        assert_true(b.f.call.is_done);
        assert_int_equal(b.verdicts[1].verdict, VERDICT_REJECTED);
        for (int j = 0; j < N; j += 2) {
            assert_int_equal(b.verdicts[j].verdict, rows[i].verdict);
            assert_int_equal(b.verdicts[j].provider_message_id.n, 0);
            assert_int_equal(
                reason_is(b.verdicts[j].reason, REASON_BATCH_REFUSED),
                rows[i].goes_alone);
        }
        call_end(&b.f);
    }
}

static void
other_words_or_another_sender_go_by_themselves(void **state)
{
    struct channel_message first = {.title = STR("Hi"),
                                    .body = STR("Words"),
                                    .html = STR("<p>Words</p>"),
                                    .overrides = STR("{}")};
    struct channel_message m = first;

    (void)state;
    m.title = STR("Ho");
    m.address = STR("x@y.z");
    assert_true(channel_sendgrid.joins(&first, &m));
    m.body = STR("Other");
    assert_false(channel_sendgrid.joins(&first, &m));
    m = first;
    m.html = STR("<p>Other</p>");
    assert_false(channel_sendgrid.joins(&first, &m));
    m = first;
    m.overrides = STR("{\"email\":{\"reply_to\":\"a@b.c\"}}");
    assert_false(channel_sendgrid.joins(&first, &m));
    first.body = first.html = STR_NONE; /* its title is what it says */
    m = first;
    assert_true(channel_sendgrid.joins(&first, &m));
    m.title = STR("Ho");
    assert_false(channel_sendgrid.joins(&first, &m));
}

static void
how_many_is_configured(void **state)
{
    struct call_fixture f;

    (void)state;
    call_begin(&f, POSTMARK);
    assert_int_equal(channel_postmark.batch(f.call.config), 1);
    assert_int_equal(channel_resend.batch(f.call.config), 1);
    assert_int_equal(channel_sendgrid.batch(f.call.config), 1);
    call_end(&f);
    call_begin(&f, "{\"batch\":7}");
    assert_int_equal(channel_postmark.batch(f.call.config), 7);
    assert_int_equal(channel_resend.batch(f.call.config), 7);
    call_end(&f);
    call_begin(&f, "{\"api_key\":\"x\",\"from\":\"a@b.c\",\"batch\":101}");
    assert_string_equal(call_faults(&f, &channel_resend), "/batch");
    call_end(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_go_in_one_request),
        cmocka_unit_test(each_has_a_verdict_of_its_own),
        cmocka_unit_test(a_part_that_tells_nothing_is_unknown),
        cmocka_unit_test(one_that_is_no_mail_stays_behind),
        cmocka_unit_test(what_fails_as_a_whole_is_true_of_each),
        cmocka_unit_test(what_nobody_answered_is_unknown_of_each),
        cmocka_unit_test(those_with_the_same_words_are_told_apart),
        cmocka_unit_test(one_answer_is_that_of_each),
        cmocka_unit_test(other_words_or_another_sender_go_by_themselves),
        cmocka_unit_test(how_many_is_configured),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
