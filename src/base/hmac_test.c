/* hmac_test.c - RFC 4231 (SHA-256, SHA-512), RFC 2202 (SHA-1), FIPS 180-4. */
#include "base/hmac.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

static void
assert_hex(struct str raw, const char *want)
{
    struct buf b = {0};

    buf_put_hex(&b, raw);
    buf_put_char(&b, '\0');
    assert_string_equal(b.p, want);
    buf_fini(&b);
}

static void
test_vectors(void **state)
{
    struct arena *a = arena_new();
    const struct str jefe = STR("Jefe");
    const struct str text = STR("what do ya want for nothing?");

    (void)state;
    assert_hex(hmac_sha256(a, jefe, text),
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3"
               "843");
    assert_hex(hmac_sha512(a, jefe, text),
               "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250"
               "5549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38"
               "bce737");
    assert_hex(hmac_sha1(a, jefe, text),
               "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    assert_hex(hash_sha256(a, STR("abc")),
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f2001"
               "5ad");
    assert_hex(hash_sha256(a, STR_NONE),
               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b"
               "855");
    arena_free(a);
}

static void
test_nothing_is_a_text_too(void **state)
{
    struct arena *a = arena_new();

    (void)state;
    assert_hex(hmac_sha256(a, STR_NONE, STR_NONE),
               "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c"
               "5ad");
    arena_free(a);
}

static void
test_sameness(void **state)
{
    (void)state;
    assert_true(hmac_is_same(STR("abc"), STR("abc")));
    assert_false(hmac_is_same(STR("abc"), STR("abd")));
    assert_false(hmac_is_same(STR("abc"), STR("ab")));
    assert_true(hmac_is_same(STR_NONE, STR("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_nothing_is_a_text_too),
        cmocka_unit_test(test_sameness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
