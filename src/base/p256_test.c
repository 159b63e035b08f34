#include "base/p256.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

/* RFC 8291, appendix A. */
#define AS_PRIVATE STR("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
#define AS_PUBLIC                                                              \
    STR("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz" \
        "AC8wEqKK6PBru3jl7A8")
#define UA_PUBLIC                                                              \
    STR("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7V" \
        "d8pZGH6SRpkNtoIAiw4")
#define SHARED STR("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs")

static struct str
raw(struct arena *a, struct str text)
{
    struct buf b;

    buf_init(&b, a);
    assert_true(buf_get_base64(&b, text));
    return buf_str(&b);
}

static const uint8_t *
secret_of(struct arena *a, struct str text)
{
    return (const uint8_t *)raw(a, text).p;
}

static void
a_secret_has_one_public_point_and_agrees_with_another(void **state)
{
    struct arena *a = arena_new();
    uint8_t point[P256_POINT], shared[P256_SECRET];

    (void)state;
    assert_true(p256_public(secret_of(a, AS_PRIVATE), point));
    assert_memory_equal(point, raw(a, AS_PUBLIC).p, P256_POINT);
    assert_true(
        p256_agree(secret_of(a, AS_PRIVATE), raw(a, UA_PUBLIC), shared));
    assert_memory_equal(shared, raw(a, SHARED).p, P256_SECRET);
    arena_free(a);
}

static void
what_is_not_on_the_curve_is_no_point(void **state)
{
    struct arena *a = arena_new();
    struct str point = raw(a, UA_PUBLIC);
    char *bytes = arena_copy(a, point.p, point.n);
    uint8_t shared[P256_SECRET];

    (void)state;
    assert_true(p256_is_point(point));
    assert_false(p256_is_point(str_sub(point, 0, 64)));
    assert_false(p256_is_point(STR_NONE));
    bytes[64] ^= 1;
    assert_false(p256_is_point((struct str){bytes, point.n}));
    assert_false(p256_agree(secret_of(a, AS_PRIVATE),
                            (struct str){bytes, point.n}, shared));
    bytes[64] ^= 1;
    bytes[0] = 6; /* the hybrid form */
    assert_false(p256_is_point((struct str){bytes, point.n}));
    arena_free(a);
}

static void
nothing_and_what_is_beyond_the_order_are_no_secrets(void **state)
{
    uint8_t secret[P256_SECRET] = {0}, point[P256_POINT];

    (void)state;
    assert_false(p256_public(secret, point));
    memset(secret, 0xff, sizeof(secret));
    assert_false(p256_public(secret, point));
    secret[0] = 0;
    assert_true(p256_public(secret, point));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_has_one_public_point_and_agrees_with_another),
        cmocka_unit_test(what_is_not_on_the_curve_is_no_point),
        cmocka_unit_test(nothing_and_what_is_beyond_the_order_are_no_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
