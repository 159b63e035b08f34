/* aes128gcm_test.c - the example of RFC 8291, section 5 and appendix A. */
#include "channel/aes128gcm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

#define TEXT STR("When I grow up, I want to be a watermelon")
#define RECEIVER                                                               \
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7V"     \
    "d8pZGH6SRpkNtoIAiw4"
#define BODY                                                                   \
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMo"     \
    "ZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf"     \
    "1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"

static struct str
raw(struct arena *a, const char *text)
{
    struct buf b;

    buf_init(&b, a);
    assert_true(buf_get_base64(&b, str_from(text)));
    return buf_str(&b);
}

static struct aes128gcm
keys(struct arena *a)
{
    struct aes128gcm k = {.receiver = raw(a, RECEIVER),
                          .auth = raw(a, "BTBZMqHH6r4Tts7J_aSIgg")};

    memcpy(k.secret, raw(a, "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw").p,
           sizeof(k.secret));
    memcpy(k.salt, raw(a, "DGv6ra1nlYgDCS1FRnbzlw").p, sizeof(k.salt));
    return k;
}

static void
the_example_of_the_rfc_is_met(void **state)
{
    struct arena *a = arena_new();
    struct aes128gcm k = keys(a);
    struct str body = aes128gcm_seal(a, &k, TEXT);

    (void)state;
    assert_int_equal(body.n, 144);
    assert_true(str_eq(body, raw(a, BODY)));
    arena_free(a);
}

static void
the_longest_text_makes_a_body_of_4096_bytes(void **state)
{
    struct arena *a = arena_new();
    struct aes128gcm k = keys(a);
    char text[AES128GCM_TEXT_MAX + 1];

    (void)state;
    memset(text, 'x', sizeof(text));
    assert_int_equal(
        aes128gcm_seal(a, &k, (struct str){text, AES128GCM_TEXT_MAX}).n, 4096);
    assert_int_equal(aes128gcm_seal(a, &k, (struct str){text, sizeof(text)}).n,
                     0);
    arena_free(a);
}

static void
nothing_is_sealed_for_what_is_no_key(void **state)
{
    struct arena *a = arena_new();
    struct aes128gcm k = keys(a);

    (void)state;
    k.receiver = str_sub(k.receiver, 0, 64);
    assert_int_equal(aes128gcm_seal(a, &k, TEXT).n, 0);
    k = keys(a);
    memset(k.secret, 0, sizeof(k.secret));
    assert_int_equal(aes128gcm_seal(a, &k, TEXT).n, 0);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_rfc_is_met),
        cmocka_unit_test(the_longest_text_makes_a_body_of_4096_bytes),
        cmocka_unit_test(nothing_is_sealed_for_what_is_no_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
