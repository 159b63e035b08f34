#include "plugin/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct buf
frame(void)
{
    struct buf b = {0};
    size_t at = wire_begin(&b, WIRE_STEP, 7);

    wire_put_u32(&b, 0xfffefdfc);
    wire_put_i64(&b, INT64_MIN + 1);
    wire_put_str(&b, STR("text"));
    wire_put_str(&b, STR_NONE);
    assert_true(wire_end(&b, at));
    return b;
}

static void
what_is_put_is_what_is_got(void **state)
{
    struct buf b = frame();
    struct wire_frame f;
    struct wire_reader in;
    size_t n;

    (void)state;
    wire_set_id(&b, 9);
    buf_put_cstr(&b, "BFP"); /* the next one begins */
    assert_int_equal(wire_take(buf_str(&b), &f, &n), WIRE_WHOLE);
    assert_int_equal(n, b.n - 3);
    assert_int_equal(f.kind, WIRE_STEP);
    assert_int_equal(f.id, 9);
    in = (struct wire_reader){.rest = f.payload};
    assert_int_equal(wire_get_u32(&in), 0xfffefdfc);
    assert_true(wire_get_i64(&in) == INT64_MIN + 1);
    assert_true(str_is(wire_get_str(&in, 4), "text"));
    assert_false(wire_is_done(&in));
    assert_int_equal(wire_get_str(&in, 0).n, 0);
    assert_true(wire_is_done(&in));
    buf_fini(&b);
}

static void
a_part_of_a_frame_wants_the_rest_of_it(void **state)
{
    struct buf b = frame();
    struct wire_frame f;
    size_t more;

    (void)state;
    for (size_t n = 0; n < b.n; n++) {
        assert_int_equal(wire_take(str_sub(buf_str(&b), 0, n), &f, &more),
                         WIRE_MORE);
        assert_int_equal(more, n < WIRE_HEAD ? WIRE_HEAD - n : b.n - n);
    }
    buf_fini(&b);
}

static void
what_is_no_frame_is_seen_by_its_head(void **state)
{
    static const struct {
        size_t at;
        char byte;
    } rows[] = {{0, 'b'}, {1, 'f'},        {3, WIRE_VERSION + 1},
                {4, 0},   {4, WIRE_KINDS}, {7, 1},
                {15, 1},  /* a length of 16 MiB */};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf b = frame();
        struct wire_frame f;
        size_t n;

        b.p[rows[i].at] = rows[i].byte;
        assert_int_equal(wire_take(str_sub(buf_str(&b), 0, WIRE_HEAD), &f, &n),
                         WIRE_BAD);
        buf_fini(&b);
    }
}

static void
lengths_that_lie_are_never_followed(void **state)
{
    struct wire_reader in;
    struct buf b = {0};

    (void)state;
    wire_put_u32(&b, 5);
    buf_put_cstr(&b, "1234");
    in = (struct wire_reader){.rest = buf_str(&b)};
    assert_int_equal(wire_get_str(&in, 100).n, 0); /* one byte is missing */
    assert_true(in.is_bad);
    assert_int_equal(wire_get_u32(&in), 0); /* and nothing after it is read */
    in = (struct wire_reader){.rest = buf_str(&b)};
    assert_int_equal(wire_get_str(&in, 4).n, 0); /* more than may be */
    assert_true(in.is_bad);
    in = (struct wire_reader){.rest = buf_str(&b)};
    assert_int_equal(wire_get_count(&in, 100, 1), 0); /* five do not fit */
    assert_true(in.is_bad);
    buf_reset(&b);
    wire_put_u32(&b, 2);
    buf_put_cstr(&b, "12345678");
    in = (struct wire_reader){.rest = buf_str(&b)};
    assert_int_equal(wire_get_count(&in, 2, 4), 2);
    in = (struct wire_reader){.rest = buf_str(&b)};
    assert_int_equal(wire_get_count(&in, 1, 4), 0);
    assert_true(in.is_bad);
    buf_fini(&b);
}

static void
what_is_too_large_for_a_frame_is_none(void **state)
{
    struct buf b = {0};
    char *much = test_calloc(1, WIRE_MAX);
    size_t at = wire_begin(&b, WIRE_STEP, 1);

    (void)state;
    wire_put_str(&b, (struct str){much, WIRE_MAX - 4});
    assert_true(wire_end(&b, at));
    at = wire_begin(&b, WIRE_STEP, 2);
    wire_put_str(&b, (struct str){much, WIRE_MAX - 3});
    assert_false(wire_end(&b, at));
    assert_int_equal(b.n, at); /* the one before is whole */
    test_free(much);
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_what_is_got),
        cmocka_unit_test(a_part_of_a_frame_wants_the_rest_of_it),
        cmocka_unit_test(what_is_no_frame_is_seen_by_its_head),
        cmocka_unit_test(lengths_that_lie_are_never_followed),
        cmocka_unit_test(what_is_too_large_for_a_frame_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
