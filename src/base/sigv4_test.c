/* sigv4_test.c - cases of AWS's own signing test suite, and two of calls that
 * another implementation signed. */
#include "base/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

#define SUITE_MS INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */
#define NEW_YEAR_MS INT64_C(1735689600000)

/* For what is static. */
#define TEXT(literal)                                                          \
    {                                                                          \
        literal, sizeof(literal) - 1                                           \
    }

static const struct sigv4_key suite_key = {
    .id = TEXT("AKIDEXAMPLE"),
    .secret = TEXT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
    .region = TEXT("us-east-1"),
    .service = TEXT("service"),
};

static const struct sigv4_header vanilla[] = {
    {TEXT("host"), TEXT("example.amazonaws.com")},
    {TEXT("x-amz-date"), TEXT("20150830T123600Z")},
};
static const struct sigv4_header form[] = {
    {TEXT("content-length"), TEXT("13")},
    {TEXT("content-type"), TEXT("application/x-www-form-urlencoded")},
    {TEXT("host"), TEXT("example.amazonaws.com")},
    {TEXT("x-amz-content-sha256"),
     TEXT("9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e")},
    {TEXT("x-amz-date"), TEXT("20150830T123600Z")},
};
static const struct sigv4_header mail[] = {
    {TEXT("content-type"), TEXT("application/json")},
    {TEXT("host"), TEXT("email.us-east-1.amazonaws.com")},
    {TEXT("x-amz-date"), TEXT("20250101T000000Z")},
};
static const struct sigv4_header queue[] = {
    {TEXT("content-type"), TEXT("application/x-amz-json-1.0")},
    {TEXT("host"), TEXT("127.0.0.1:9324")},
    {TEXT("x-amz-date"), TEXT("20250101T000000Z")},
    {TEXT("x-amz-target"), TEXT("AmazonSQS.ReceiveMessage")},
};
static const char queue_body[] =
    "{\"QueueUrl\":\"http://127.0.0.1:9324/000000000000/belfry\","
    "\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20,"
    "\"VisibilityTimeout\":60,\"MessageAttributeNames\":[\"All\"],"
    "\"MessageSystemAttributeNames\":[\"All\"]}";

#define HEADERS(row) (row), sizeof(row) / sizeof((row)[0])

static void
test_vectors(void **state)
{
    const struct {
        struct sigv4_request request;
        const char *service;
        int64_t wall_ms;
        const char *signature;
    } rows[] = {
        {{STR("GET"), STR("/"), HEADERS(vanilla), STR_NONE},
         "service",
         SUITE_MS,
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {{STR("POST"), STR("/"), HEADERS(vanilla), STR_NONE},
         "service",
         SUITE_MS,
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        {{STR("POST"), STR("/"), HEADERS(form), STR("Param1=value1")},
         "service",
         SUITE_MS,
         "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"},
        {{STR("POST"), STR("/v2/email/outbound-emails"), HEADERS(mail),
          STR("{\"FromEmailAddress\":\"a@example.com\"}")},
         "ses",
         NEW_YEAR_MS,
         "68b6e5824d05a43c27bb63344f24e293a2b6e577fd31b7ff41dbc5035c33169d"},
        {{STR("POST"),
          STR("/"),
          HEADERS(queue),
          {queue_body, sizeof(queue_body) - 1}},
         "sqs",
         NEW_YEAR_MS,
         "ce5c57db46fd6e520b17b173dcc7c58ea2f38b525c3679de0940bd2f24565183"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sigv4_key key = suite_key;

        key.service = str_from(rows[i].service);
        assert_true(str_ends(
            sigv4_authorization(a, &key, &rows[i].request, rows[i].wall_ms),
            str_fmt(a, ", Signature=%s", rows[i].signature)));
    }
    arena_free(a);
}

static void
test_header(void **state)
{
    const struct sigv4_request r = {STR("GET"), STR("/"), HEADERS(vanilla),
                                    STR_NONE};
    struct arena *a = arena_new();

    (void)state;
    assert_true(str_starts(
        sigv4_authorization(a, &suite_key, &r, SUITE_MS),
        STR("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
            "service/aws4_request, SignedHeaders=host;x-amz-date, "
            "Signature=")));
    assert_true(str_is(sigv4_time(a, SUITE_MS + 999), "20150830T123600Z"));
    arena_free(a);
}

static void
test_signing_key(void **state)
{
    struct sigv4_key key = suite_key;
    struct arena *a = arena_new();
    struct buf b;

    (void)state;
    key.service = STR("iam");
    buf_init(&b, a);
    buf_put_hex(&b, sigv4_signing_key(a, &key, STR("20150830")));
    assert_true(str_is(
        buf_str(&b),
        "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"));
    arena_free(a);
}

/* Blanks of a value count once, and a path is encoded once more. */
static void
test_canonical_forms(void **state)
{
    const struct sigv4_header spaced[] = {
        {STR("host"), STR("  example.amazonaws.com ")},
        {STR("my-header"), STR("a   b")},
    };
    const struct sigv4_header tight[] = {
        {STR("host"), STR("example.amazonaws.com")},
        {STR("my-header"), STR("a b")},
    };
    struct sigv4_request one = {STR("GET"), STR("/p%20q"), HEADERS(spaced),
                                STR_NONE};
    struct sigv4_request two = {STR("GET"), STR("/p%20q"), HEADERS(tight),
                                STR_NONE};
    struct arena *a = arena_new();

    (void)state;
    assert_true(str_eq(sigv4_authorization(a, &suite_key, &one, SUITE_MS),
                       sigv4_authorization(a, &suite_key, &two, SUITE_MS)));
    two.path = STR("/p q");
    assert_false(str_eq(sigv4_authorization(a, &suite_key, &one, SUITE_MS),
                        sigv4_authorization(a, &suite_key, &two, SUITE_MS)));
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_signing_key),
        cmocka_unit_test(test_canonical_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
