/* sign_test.c - RFC 7515 (A.3), RFC 8032 (test 1), and a token whose one
 * signature RSASSA-PKCS1-v1_5 allows. The keys are those of the RFCs. */
#include "base/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

/* RFC 8463, A.1 */
static const char rsa_key[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\n"
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\n"
    "KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n"
    "AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\n"
    "6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\n"
    "zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\n"
    "6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\n"
    "uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\n"
    "WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\n"
    "WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\n"
    "licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\n"
    "o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\n"
    "uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\n"
    "-----END RSA PRIVATE KEY-----\n";

/* Of that key. */
static const char rsa_certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIICAzCCAWygAwIBAgIBATANBgkqhkiG9w0BAQsFADAcMRowGAYDVQQDDBFzbnMu\n"
    "YW1hem9uYXdzLmNvbTAgFw0yNjExMjkwNDI3MjNaGA8yMTI2MTEwNTA0MjcyM1ow\n"
    "HDEaMBgGA1UEAwwRc25zLmFtYXpvbmF3cy5jb20wgZ8wDQYJKoZIhvcNAQEBBQAD\n"
    "gY0AMIGJAoGBAOQeU5CgFPNZGIazlXo2k/eJ1jpaTTxrmqF1HrDLlt04pvaMtCJj\n"
    "8nXoliLRC/H9vJjMI1vdb3XLcW60AIN/PBD8EL97/y4GwJH7LPUvGP48vqUe+owq\n"
    "szesbiGy1PlCO8c70/OjFnJVgvMF87YR4Lcincb7aSvI5MgpP6X8rjDdAgMBAAGj\n"
    "UzBRMB0GA1UdDgQWBBRMrpQ1gdCI1dUYPylhzYwTuyQBgDAfBgNVHSMEGDAWgBRM\n"
    "rpQ1gdCI1dUYPylhzYwTuyQBgDAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEB\n"
    "CwUAA4GBAI/Y6DEA0AfMLRxOEiDXDBLIvx5G6e8VB3a9Sp+vG0ibyfa+rFbXofaI\n"
    "w1K9oG1foTSPKUC+yF+jP5Sz5Ymzm9Q/ajk87cIUk+dQB8p1CPq+ZTPwELnkfuAk\n"
    "gzq9f88WUxDPyr4sZDXhk2EKTa9cboxr6hVgh3EbJhRIRKPri76m\n"
    "-----END CERTIFICATE-----\n";

/* RFC 7515, A.3 */
static const char p256_key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END EC PRIVATE KEY-----\n";
static const char p256_public[] =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gH"
    "MzV76e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjl"
    "rQ==";

/* RFC 8032, 7.1, test 1 */
static const char ed25519_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
static const char ed25519_public[] =
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

static struct str
decoded(struct arena *a, const char *base64url)
{
    struct buf b;

    buf_init(&b, a);
    assert_true(buf_get_base64(&b, str_from(base64url)));
    return buf_str(&b);
}

static void
test_rs256_token(void **state)
{
    static const char signature[] =
        "Q6ylJPhvyqP6sRMN3EnF7nQnW1DQQQmMzIAD9T0zGxeZwZx4nyDtUtb33K76W8M0"
        "zuphxzNbBZCizAmJnz9NkPlaARIYoAJcUs9O1kdIqUiMihhAGKFjnn05p6ze1rBA"
        "cfrH1r2EyQ7c0xcXLg3ORazPr2cqWM3z6ka4udLEQQw";
    struct arena *a = arena_new();
    struct str token =
        sign_jwt(a, SIGN_RS256, str_from(rsa_key),
                 STR("{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"),
                 STR("{\"iss\":\"svc@p.iam.gserviceaccount.com\","
                     "\"scope\":\"https://www.googleapis.com/auth/"
                     "firebase.messaging\","
                     "\"aud\":\"https://oauth2.googleapis.com/token\","
                     "\"iat\":1700000000,\"exp\":1700003600}"));

    (void)state;
    assert_true(str_ends(token, str_from(signature)));
    arena_free(a);
}

static void
test_es256_vectors(void **state)
{
    static const char text[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsD"
        "QogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    struct arena *a = arena_new();
    struct str good = decoded(
        a, "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
           "pmWQxfKTUJqPP3-Kg6NU1Q");
    struct str mine;

    (void)state;
    assert_true(
        sign_is_by(SIGN_ES256, str_from(p256_public), str_from(text), good));
    assert_false(
        sign_is_by(SIGN_ES256, str_from(p256_public), STR("other"), good));
    assert_false(sign_is_by(SIGN_ES256, str_from(p256_public), str_from(text),
                            str_sub(good, 0, 63)));
    mine = sign(a, SIGN_ES256, str_from(p256_key), str_from(text));
    assert_int_equal(mine.n, 64);
    assert_true(
        sign_is_by(SIGN_ES256, str_from(p256_public), str_from(text), mine));
    arena_free(a);
}

static void
test_ed25519_vector(void **state)
{
    struct arena *a = arena_new();
    struct str s = sign(a, SIGN_ED25519, str_from(ed25519_key), STR_NONE);
    struct buf b;

    (void)state;
    buf_init(&b, a);
    buf_put_hex(&b, s);
    assert_true(str_is(
        buf_str(&b),
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"));
    assert_true(
        sign_is_by(SIGN_ED25519, str_from(ed25519_public), STR_NONE, s));
    assert_false(
        sign_is_by(SIGN_ED25519, str_from(ed25519_public), STR("x"), s));
    arena_free(a);
}

/* The same key as Standard Webhooks' whsk_, over id, time and body: v1a. */
static void
test_ed25519_of_a_webhook(void **state)
{
    struct arena *a = arena_new();
    struct str s = sign(a, SIGN_ED25519, str_from(ed25519_key),
                        STR("msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330."
                            "{\"test\": 2432232314}"));
    struct buf b;

    (void)state;
    buf_init(&b, a);
    buf_put_base64(&b, s);
    assert_true(str_is(buf_str(&b),
                       "fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2AD"
                       "pkJK7zgPePmPsle0zV9jSeGlHFG2NVAw=="));
    arena_free(a);
}

static void
test_what_is_no_key(void **state)
{
    static const struct {
        const char *pem;
        enum sign_algorithm alg;
        const char *fault;
    } rows[] = {
        {"", SIGN_RS256, "is no private key in PEM without a password"},
        {"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
         SIGN_RS256, "is no private key in PEM without a password"},
        {p256_key, SIGN_RS256, "is no RSA key"},
        {rsa_key, SIGN_ES256, "is no key on the curve P-256"},
        {rsa_key, SIGN_ED25519, "is no Ed25519 key"},
        {rsa_key, SIGN_RS256, NULL},
        {p256_key, SIGN_ES256, NULL},
        {ed25519_key, SIGN_ED25519, NULL},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str pem = str_from(rows[i].pem);
        const char *fault = sign_key_fault(pem, rows[i].alg);

        if (rows[i].fault)
            assert_string_equal(fault, rows[i].fault);
        else
            assert_null(fault);
        assert_int_equal(sign(a, rows[i].alg, pem, STR("x")).n > 0, !fault);
    }
    arena_free(a);
}

static void
test_certificate(void **state)
{
    struct arena *a = arena_new();
    struct str certificate = str_from(rsa_certificate);

    (void)state;
    assert_null(sign_public_key_fault(certificate, SIGN_RS256));
    assert_non_null(sign_public_key_fault(certificate, SIGN_ES256));
    assert_true(sign_is_by(SIGN_RS256, certificate, STR("x"),
                           sign(a, SIGN_RS256, str_from(rsa_key), STR("x"))));
    assert_true(sign_is_by(SIGN_RS1, certificate, STR("x"),
                           sign(a, SIGN_RS1, str_from(rsa_key), STR("x"))));
    assert_false(sign_is_by(SIGN_RS1, certificate, STR("x"),
                            sign(a, SIGN_RS256, str_from(rsa_key), STR("x"))));
    arena_free(a);
}

static void
test_what_is_no_public_key(void **state)
{
    static const char *const rows[] = {
        "",
        "AAAA",
        "-----BEGIN",
        "%%%%",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        NULL};

    (void)state;
    for (size_t i = 0; rows[i]; i++) {
        assert_false(
            sign_is_by(SIGN_RS256, str_from(rows[i]), STR("x"), STR("y")));
        assert_false(sign_is_by_der(str_from(rows[i]), STR("x"), STR("y")));
        assert_non_null(sign_public_key_fault(str_from(rows[i]), SIGN_RS256));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rs256_token),
        cmocka_unit_test(test_es256_vectors),
        cmocka_unit_test(test_ed25519_vector),
        cmocka_unit_test(test_ed25519_of_a_webhook),
        cmocka_unit_test(test_what_is_no_key),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_what_is_no_public_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
