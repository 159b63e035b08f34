/* dkim_test.c - RFC 6376 (3.4.5) and RFC 8463 (A). The keys are those of RFC
 * 8463. */
#include "channel/dkim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/hmac.h"
#include "channel/call_test.h"

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

static const char ed25519_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
static const char p256_key[] =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"
    "-----END EC PRIVATE KEY-----\n";

#define HEADERS                                                                \
    "From: Joe SixPack <joe@football.example.com>\r\n"                         \
    "To: Suzie Q <suzie@shopping.example.net>\r\n"                             \
    "Subject: Is dinner ready?\r\n"                                            \
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                          \
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
#define BODY "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n"
#define NAMES "from : to : subject : date : message-id : from : subject : date"

static struct str
base64(struct arena *a, struct str raw)
{
    struct buf b;

    buf_init(&b, a);
    buf_put_base64(&b, raw);
    return buf_str(&b);
}

static struct str
own_header(struct arena *a, const char *alg, const char *selector)
{
    return str_fmt(a,
                   "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed;\r\n"
                   " d=football.example.com; i=@football.example.com;\r\n"
                   " q=dns/txt; s=%s; t=1528637909; h=from : to :\r\n"
                   " subject : date : message-id : from : subject : date;\r\n"
                   " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                   " b=",
                   alg, selector);
}

static void
test_vectors(void **state)
{
    static const struct {
        const char *alg, *selector, *key, *signature;
    } rows[] = {
        {"ed25519-sha256", "brisbane", ed25519_key,
         "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU"
         "7ZbnKELq+eXdp1Q1Dw=="},
        {"rsa-sha256", "test", rsa_key,
         "F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3DhCVlUrSjV4B"
         "wcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2JzdA+L10TeYt9BgDfQNZtKdN"
         "1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8="},
    };
    struct arena *a = arena_new();

    (void)state;
    assert_text(base64(a, hash_sha256(a, dkim_relaxed_body(a, STR(BODY)))),
                "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dkim_key key = {.private_key = str_from(rows[i].key)};
        struct str text =
            dkim_signed_text(a, STR(HEADERS), STR(NAMES),
                             own_header(a, rows[i].alg, rows[i].selector));

        assert_text(dkim_signature_of(a, &key, text), rows[i].signature);
    }
    arena_free(a);
}

static void
test_canonical_body(void **state)
{
    static const struct {
        const char *body, *relaxed;
    } rows[] = {
        {" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"},
        {"", ""},
        {"\r\n", ""},
        {"\r\n \r\n", ""},
        {"a", "a\r\n"},
        {"\r\na\r\n", "\r\na\r\n"},
        {"a\r\n\r\nb", "a\r\n\r\nb\r\n"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_text(dkim_relaxed_body(a, str_from(rows[i].body)),
                    rows[i].relaxed);
    assert_text(base64(a, hash_sha256(a, dkim_relaxed_body(a, STR("\r\n")))),
                "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    arena_free(a);
}

static void
test_canonical_headers(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    assert_text(dkim_signed_text(a, STR("A: X\r\nB : Y\t\r\n\tZ  \r\n"),
                                 STR("a:b"), STR("C: b=\r\n x")),
                "a:X\r\nb:Y Z\r\nc:b= x");
    /* Several of one name: from below, and those that are missing as nothing.
     */
    assert_text(dkim_signed_text(a, STR("A: 1\r\nB: 2\r\na: 3\r\n"),
                                 STR("a:a:a:b:c"), STR("D:")),
                "a:3\r\na:1\r\nb:2\r\nd:");
    arena_free(a);
}

static void
test_what_is_named(void **state)
{
    const struct dkim_key key = {STR("example.com"), STR("s1"),
                                 str_from(ed25519_key)};
    struct arena *a = arena_new();
    struct str s =
        dkim_sign(a, &key, STR(HEADERS "\r\n" BODY), INT64_C(1528637909123));

    (void)state;
    assert_true(str_starts(
        s, STR("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
               " d=example.com;\r\n s=s1; t=1528637909;\r\n"
               " h=from:from:to:to:cc:reply-to:subject:subject:date:date:")));
    assert_holds(s, "list-unsubscribe:");
    assert_holds(s, "\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;"
                    "\r\n b=");
    assert_true(str_ends(s, STR("==\r\n")));
    for (struct str line; str_split(&s, '\n', &line);)
        assert_in_range(line.n, 0, 78);
    arena_free(a);
}

static void
test_what_cannot_sign(void **state)
{
    struct arena *a = arena_new();
    struct dkim_key key = {STR("example.com"), STR("s1"), STR("no key")};

    (void)state;
    assert_non_null(dkim_key_fault(STR("no key")));
    assert_non_null(dkim_key_fault(str_from(p256_key)));
    assert_null(dkim_key_fault(str_from(rsa_key)));
    assert_null(dkim_key_fault(str_from(ed25519_key)));
    assert_int_equal(dkim_sign(a, &key, STR(HEADERS "\r\n" BODY), 0).n, 0);
    key.private_key = str_from(rsa_key);
    assert_int_equal(dkim_sign(a, &key, STR("no message"), 0).n, 0);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_canonical_body),
        cmocka_unit_test(test_canonical_headers),
        cmocka_unit_test(test_what_is_named),
        cmocka_unit_test(test_what_cannot_sign),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
