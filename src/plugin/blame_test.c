#include "plugin/blame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct blame b;

static void
each_message_has_its_own_count(void **state)
{
    (void)state;
    b = (struct blame){0};
    assert_int_equal(blame_add(&b, STR("a"), 10), 1);
    assert_int_equal(blame_add(&b, STR("b"), 10), 1);
    assert_int_equal(blame_add(&b, STR("a"), 10), 2);
    assert_int_equal(blame_add(&b, STR("a"), 10), BLAME_LIMIT);
    assert_int_equal(blame_add(&b, STR("b"), 10), 2);
}

static void
what_went_through_begins_anew(void **state)
{
    (void)state;
    b = (struct blame){0};
    blame_add(&b, STR("a"), 10);
    blame_clear(&b, STR("b"));
    blame_clear(&b, STR_NONE);
    assert_int_equal(blame_add(&b, STR("a"), 10), 2);
    blame_clear(&b, STR("a"));
    assert_int_equal(blame_add(&b, STR("a"), 10), 1);
}

static void
a_window_that_is_over_counts_no_more(void **state)
{
    (void)state;
    b = (struct blame){0};
    blame_add(&b, STR("a"), 10);
    assert_int_equal(blame_add(&b, STR("a"), 10 + BLAME_WINDOW_MS), 2);
    assert_int_equal(blame_add(&b, STR("a"), 11 + BLAME_WINDOW_MS), 1);
}

static void
the_oldest_makes_room(void **state)
{
    char key[16];

    (void)state;
    b = (struct blame){0};
    for (int i = 0; i < BLAME_ROWS; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        blame_add(&b, str_from(key), 100 - i); /* the last is the oldest */
    }
    blame_add(&b, STR("one more"), 200);
    assert_int_equal(blame_add(&b, STR("k0"), 200), 2);
    assert_int_equal(blame_add(&b, str_from(key), 200), 1);
}

static void
nobody_is_blamed_twice(void **state)
{
    char key[ID_TEXT_MAX + 1] = "";

    (void)state;
    b = (struct blame){0};
    memset(key, 'x', ID_TEXT_MAX);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(blame_add(&b, STR_NONE, 1), 1);
        assert_int_equal(blame_add(&b, str_from(key), 1), 1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_has_its_own_count),
        cmocka_unit_test(what_went_through_begins_anew),
        cmocka_unit_test(a_window_that_is_over_counts_no_more),
        cmocka_unit_test(the_oldest_makes_room),
        cmocka_unit_test(nobody_is_blamed_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
