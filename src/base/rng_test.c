#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <string.h>

static void
the_row_is_that_of_the_reference(void **state)
{
    /* xoshiro256** from {1, 2, 3, 4}, as the authors' C code gives it. */
    static const uint64_t want[] = {UINT64_C(11520), UINT64_C(0),
                                    UINT64_C(1509978240),
                                    UINT64_C(1215971899390074240)};
    struct rng r = {{1, 2, 3, 4}};

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_true(rng_next(&r) == want[i]);
}

static void
a_seed_is_spread_as_splitmix64_does(void **state)
{
    struct rng r;

    (void)state;
    rng_seed(&r, 0);
    assert_true(r.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    assert_true(r.s[1] == UINT64_C(0x6e789e6aa1b965f4));
    assert_true(r.s[2] == UINT64_C(0x06c45d188009454f));
}

static void
the_same_seed_gives_the_same_row(void **state)
{
    struct rng a, b, c;
    int same = 0;

    (void)state;
    rng_seed(&a, 42);
    rng_seed(&b, 42);
    rng_seed(&c, 43);
    for (int i = 0; i < 100; i++) {
        uint64_t x = rng_next(&a);

        assert_true(x == rng_next(&b));
        same += x == rng_next(&c);
    }
    assert_int_equal(same, 0);
}

static void
below_is_even_and_below(void **state)
{
    int counts[6] = {0};
    struct rng r;
    /* Where a bare % n would give the lower half twice as often. */
    uint64_t n = UINT64_C(3) << 62;
    int low = 0;

    (void)state;
    rng_seed(&r, 7);
    for (int i = 0; i < 60000; i++) {
        uint64_t x = rng_below(&r, 6);

        assert_true(x < 6);
        counts[x]++;
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(counts[i], 9600, 10400);
    for (int i = 0; i < 30000; i++)
        low += rng_below(&r, n) < n / 3;
    assert_in_range(low, 9600, 10400);
    for (int i = 0; i < 10; i++)
        assert_true(rng_below(&r, 1) == 0);
}

static void
secrets_fill_all_and_only_what_was_asked(void **state)
{
    unsigned char a[600], b[600];
    int zeros = 0;

    (void)state;
    memset(a, 0, sizeof(a));
    memset(b, 0, sizeof(b));
    rng_secret(a, 599);
    rng_secret(b, 599);
    assert_int_equal(a[599], 0);
    assert_memory_not_equal(a, b, 599);
    for (int i = 0; i < 599; i++)
        zeros += a[i] == 0;
    assert_in_range(zeros, 0, 20);
    assert_memory_not_equal(a + 583, b + 583, 16); /* the tail, too */
}

static void
the_system_seed_differs_each_time(void **state)
{
    struct rng a, b;

    (void)state;
    rng_seed_system(&a);
    rng_seed_system(&b);
    assert_true(rng_next(&a) != rng_next(&b));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_row_is_that_of_the_reference),
        cmocka_unit_test(a_seed_is_spread_as_splitmix64_does),
        cmocka_unit_test(the_same_seed_gives_the_same_row),
        cmocka_unit_test(below_is_even_and_below),
        cmocka_unit_test(secrets_fill_all_and_only_what_was_asked),
        cmocka_unit_test(the_system_seed_differs_each_time),
    };

    return cmocka_run_group_tests_name("base/rng", tests, NULL, NULL);
}
