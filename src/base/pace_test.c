#include "base/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void
what_is_read_fast_is_read_again_after_the_least_pause(void **state)
{
    struct pace p = pace_make(1000, 4000);

    (void)state;
    assert_true(pace_is_due(&p, 0));
    pace_begin(&p, 100);
    assert_false(pace_is_due(&p, 1099)); /* also if it never ends */
    assert_true(pace_is_due(&p, 1100));
    pace_end(&p, 110);
    assert_false(pace_is_due(&p, 1099));
    assert_true(pace_is_due(&p, 1100));
}

static void
what_takes_long_is_read_for_a_twentieth_of_the_time_at_most(void **state)
{
    struct pace p = pace_make(1000, 4000);

    (void)state;
    pace_begin(&p, 100);
    pace_end(&p, 100 + 191);
    assert_false(pace_is_due(&p, 100 + 191 * 20 - 1));
    assert_true(pace_is_due(&p, 100 + 191 * 20));
}

static void
however_long_it_takes_it_is_read_as_often_as_promised(void **state)
{
    struct pace p = pace_make(1000, 4000);

    (void)state;
    pace_begin(&p, 100);
    pace_end(&p, 100 + 3000);
    assert_false(pace_is_due(&p, 4099));
    assert_true(pace_is_due(&p, 4100));
}

static void
news_that_come_meanwhile_make_it_due_at_once(void **state)
{
    struct pace p = pace_make(1000, 4000);

    (void)state;
    pace_begin(&p, 100);
    pace_hurry(&p);
    pace_end(&p, 2100);
    assert_true(pace_is_due(&p, 2100));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_fast_is_read_again_after_the_least_pause),
        cmocka_unit_test(
            what_takes_long_is_read_for_a_twentieth_of_the_time_at_most),
        cmocka_unit_test(however_long_it_takes_it_is_read_as_often_as_promised),
        cmocka_unit_test(news_that_come_meanwhile_make_it_due_at_once),
    };

    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
