/* standard_test.c - the published vector of Standard Webhooks, and that of
 * another library for Svix's names of the headers. */
#include "channel/standard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/buf.h"
#include "channel/call_test.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
#define SIGNATURE "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

static void
test_signature(void **state)
{
    struct call_fixture f;
    struct standard_secrets s;
    struct buf b;

    (void)state;
    call_begin(&f, "{\"secret\":\"" SECRET "\"}");
    assert_true(standard_read(f.arena, json_get(f.call.config, "secret"), &s));
    buf_init(&b, f.arena);
    standard_put_signatures(f.arena, &s, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"),
                            STR("1614265330"), STR("{\"test\": 2432232314}"),
                            &b);
    assert_text(buf_str(&b), SIGNATURE);
    call_end(&f);
}

/* RFC 8032, 7.1, test 1, as Standard Webhooks writes it. */
#define KEY "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
#define PUBLIC "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define KEY_SIGNATURE                                                          \
    "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsl" \
    "e0zV9jSeGlHFG2NVAw=="

static void
test_signature_of_a_key(void **state)
{
    static const struct {
        const char *config, *want;
    } rows[] = {
        {"{\"secret\":\"" KEY "\"}", KEY_SIGNATURE},
        {"{\"secret\":[\"" KEY "\",\"" SECRET "\"]}",
         SIGNATURE " " KEY_SIGNATURE},
        /* with the public key behind it */
        {"{\"secret\":\"whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2DXWp"
         "gBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg==\"}",
         KEY_SIGNATURE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;
        struct standard_secrets s;
        struct buf b;

        call_begin(&f, rows[i].config);
        assert_true(
            standard_read(f.arena, json_get(f.call.config, "secret"), &s));
        buf_init(&b, f.arena);
        standard_put_signatures(
            f.arena, &s, STR("msg_p5jXN8AQM9LWM0D4loKWxJek"), STR("1614265330"),
            STR("{\"test\": 2432232314}"), &b);
        assert_text(buf_str(&b), rows[i].want);
        call_end(&f);
    }
}

/* Who checks has no use for a private key, and nobody signs with half of one.
 */
static void
test_who_may_have_a_key(void **state)
{
    static const struct {
        const char *config;
        bool signs, checks;
    } rows[] = {
        {"{}", true, true},
        {"{\"secret\":\"***\"}", true, true},
        {"{\"secret\":\"" SECRET "\"}", true, true},
        {"{\"secret\":\"" KEY "\"}", true, false},
        {"{\"secret\":\"" SECRET " " KEY "\"}", true, false},
        {"{\"secret\":\"whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZ\"}", false,
         false},
        {"{\"secret\":\"whpk_" PUBLIC "\"}", false, false},
        {"{\"secret\":\"whsk_\"}", false, false},
        {"{\"secret\":[]}", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct call_fixture f;
        struct problem signer = {0}, checker = {0};

        call_begin(&f, rows[i].config);
        signer.arena = checker.arena = f.arena;
        standard_check_signer(f.call.config, "secret", &signer);
        standard_check(f.call.config, "secret", &checker);
        assert_int_equal(signer.n_errors == 0, rows[i].signs);
        assert_int_equal(checker.n_errors == 0, rows[i].checks);
        call_end(&f);
    }
}

static void
test_what_is_signed(void **state)
{
    static const struct {
        const char *config, *id, *timestamp, *signature, *body;
        int64_t now_ms;
        bool is_signed;
    } rows[] = {
#define ROW(config, id, timestamp, signature, body, now, is)                   \
    {"{\"secret\":" config "}", id, timestamp, signature, body,                \
     INT64_C(now) * 1000,       is}
#define ID "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define BODY "{\"test\": 2432232314}"
        ROW("\"" SECRET "\"", ID, "1614265330", SIGNATURE, BODY, 1614265330,
            true),
        ROW("\"" SECRET "\"", ID, "1614265330", SIGNATURE, BODY, 1614265630,
            true),
        ROW("\"" SECRET "\"", ID, "1614265330", SIGNATURE, BODY, 1614265030,
            true),
        ROW("[\"" OTHER "\",\"" SECRET "\"]", ID, "1614265330",
            "v1a,x v1,AAAA " SIGNATURE, BODY, 1614265330, true),
        ROW("\"" SECRET "\"", ID, "1614265330", SIGNATURE, BODY, 1614265631,
            false),
        ROW("\"" SECRET "\"", ID, "1614265330", SIGNATURE, BODY, 1614265029,
            false),
        ROW("\"" SECRET "\"", ID, "1614265331", SIGNATURE, BODY, 1614265330,
            false),
        ROW("\"" SECRET "\"", "x", "1614265330", SIGNATURE, BODY, 1614265330,
            false),
        ROW("\"" SECRET "\"", ID, "1614265330", SIGNATURE, BODY " ", 1614265330,
            false),
        ROW("\"" OTHER "\"", ID, "1614265330", SIGNATURE, BODY, 1614265330,
            false),
        /* their own wrong one, and the right one of a version that is none */
        ROW("\"" SECRET "\"", ID, "1614265330",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", BODY, 1614265330,
            false),
        ROW("\"" SECRET "\"", ID, "1614265330",
            "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, 1614265330,
            false),
        ROW("\"" SECRET "\"", ID, "1614265330 ", SIGNATURE, BODY, 1614265330,
            true),
        ROW("\"" SECRET "\"", ID, "now", SIGNATURE, BODY, 1614265330, false),
        ROW("\"" SECRET "\"", "", "1614265330", SIGNATURE, BODY, 1614265330,
            false),
        ROW("\"" SECRET "\"", ID, "1614265330", "", BODY, 1614265330, false),
        ROW("\"" SECRET "\"", ID, "", SIGNATURE, BODY, 1614265330, false),
        ROW("[]", ID, "1614265330", SIGNATURE, BODY, 1614265330, false),
        ROW("\"" KEY "\"", ID, "1614265330", KEY_SIGNATURE, BODY, 1614265330,
            false),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct hook_fixture h;

        hook_begin(&h, rows[i].config, "https://b.example/v1/receipts/x",
                   str_from(rows[i].body));
        h.r.now_ms = rows[i].now_ms;
        hook_put_header(&h, "webhook-id", str_from(rows[i].id));
        hook_put_header(&h, "webhook-timestamp", str_from(rows[i].timestamp));
        hook_put_header(&h, "webhook-signature", str_from(rows[i].signature));
        if (standard_is_signed(&h.r, "webhook",
                               json_get(h.r.config, "secret")) !=
            rows[i].is_signed)
            fail_msg("row %zu", i);
        /* The same one twice proves nothing. */
        hook_put_header(&h, "webhook-id", str_from(rows[i].id));
        assert_false(standard_is_signed(&h.r, "webhook",
                                        json_get(h.r.config, "secret")));
        hook_end(&h);
    }
}

/* What comes after a NUL is of the body, too. */
static void
test_all_of_the_body_is_signed(void **state)
{
    struct hook_fixture h;

    (void)state;
    hook_begin(&h, "{\"secret\":\"" SECRET "\"}", "https://b.example/",
               (struct str){BODY "\0{}", sizeof(BODY "\0{}") - 1});
    h.r.now_ms = INT64_C(1614265330) * 1000;
    hook_put_header(&h, "webhook-id", STR(ID));
    hook_put_header(&h, "webhook-timestamp", STR("1614265330"));
    hook_put_header(&h, "webhook-signature", STR(SIGNATURE));
    assert_false(
        standard_is_signed(&h.r, "webhook", json_get(h.r.config, "secret")));
    h.r.body.n = sizeof(BODY) - 1;
    assert_true(
        standard_is_signed(&h.r, "webhook", json_get(h.r.config, "secret")));
    hook_end(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature),
        cmocka_unit_test(test_signature_of_a_key),
        cmocka_unit_test(test_who_may_have_a_key),
        cmocka_unit_test(test_what_is_signed),
        cmocka_unit_test(test_all_of_the_body_is_signed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
