/* request_line_test.c - what is kept of how a call went out, and what is not.
 */
#include "channel/call_test.h"
#include "channel/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static const struct field secrets[] = {
    {.name = "token", .type = FIELD_STRING, .flags = FIELD_SECRET},
    {.name = "webhook_url", .type = FIELD_STRING, .flags = FIELD_SECRET},
    {.type = FIELD_END},
};

#define CONFIG                                                                 \
    "{\"token\":\"canary-42\",\"webhook_url\":"                                \
    "\"https://hooks.example.com/services/T0CANARYT0CANARY/in\"}"

static void
assert_line(const struct channel_request *r, const char *address,
            const char *want)
{
    struct call_fixture f;

    call_begin(&f, CONFIG);
    f.message.address = str_from(address);
    assert_text(channel_request_line(&f.call, secrets, r), want);
    call_end(&f);
}

static struct channel_request
post(const char *url)
{
    return (struct channel_request){.kind = CHANNEL_REQUEST_HTTP,
                                    .method = STR("POST"),
                                    .url = str_from(url),
                                    .body = STR("0123456789")};
}

static void
test_paths(void **state)
{
    static const struct {
        const char *url, *address, *want;
    } rows[] = {
        {"https://api.example.com/v1/send", "", "api.example.com /v1/send"},
        {"https://api.example.com:8443/", "", "api.example.com:8443 /"},
        {"http://[::1]:80/a?key=canary-42", "", "[::1]:80 /a"},
        {"https://api.example.com", "", "api.example.com -"},
        {"https://a.example/botcanary-42/send", "", "a.example /bot***/send"},
        /* a secret URL, moved to another host */
        {"http://127.0.0.1:9/services/T0CANARYT0CANARY/in", "",
         "127.0.0.1:9 ***"},
        {"https://a.example/to/+4915112345678/x", "+4915112345678",
         "a.example /to/***/x"},
        {"https://a.example/to/4915112345678/x", "+4915112345678",
         "a.example /to/***/x"},
        {"https://a.example/to/ada%40example.org", "ada@example.org",
         "a.example /to/***"},
        {"https://a.example/3/device/0123456789abcdef0123456789abcdef", "",
         "a.example /3/device/***"},
        {"https://u.example/inbox/mine?x=1", "https://u.example/inbox/mine?x=1",
         "u.example /***/***"},
        /* no URL: what is kept is text all the same */
        {"https://a\xff\x01.example/x", "", "a?_.example /x"},
        {"https://canary-42.example/x", "", "***.example /x"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct channel_request r = post(rows[i].url);
        char want[160];

        snprintf(want, sizeof(want), "POST %s 10 -", rows[i].want);
        assert_line(&r, rows[i].address, want);
    }
}

static void
test_key(void **state)
{
    struct channel_request r = post("https://a.example/");

    (void)state;
    r.headers[0] = (struct channel_header){
        STR("Idempotency-Key"), STR("dlv_01jd7w9q2me0rbn8t5k3xvhz4c")};
    r.n_headers = 1;
    assert_line(&r, "", "POST a.example / 10 +");
    r.headers[0].value = STR("n7");
    assert_line(&r, "", "POST a.example / 10 n7");
}

static void
test_kinds(void **state)
{
    struct channel_request mail = {.kind = CHANNEL_REQUEST_SMTP,
                                   .host = STR("mx.example.com"),
                                   .port = 587,
                                   .password = STR("canary-42"),
                                   .body = STR("01234")};
    struct channel_request file = {.kind = CHANNEL_REQUEST_FILE,
                                   .path = STR("/var/log/x"),
                                   .body = STR("01234")};
    struct channel_request wait = {.kind = CHANNEL_REQUEST_WAIT};
    struct channel_request none = {0};

    (void)state;
    assert_line(&mail, "", "SMTP mx.example.com:587 - 5 -");
    assert_line(&file, "", "FILE - /var/log/x 5 -");
    assert_line(&wait, "", "");
    assert_line(&none, "", "");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_kinds),
    };

    return cmocka_run_group_tests_name("channel/request_line", tests, NULL,
                                       NULL);
}
