#include "store/postgres/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
what_is_read_fast_is_read_again_after_the_least_pause(void **state)
{
    struct pg_pace p = pg_pace(1000, 4000);

    (void)state;
    assert_true(pg_pace_is_due(&p, 0));
    pg_pace_begin(&p, 100);
    assert_false(pg_pace_is_due(&p, 1099)); /* also if it never ends */
    assert_true(pg_pace_is_due(&p, 1100));
    pg_pace_end(&p, 110);
    assert_false(pg_pace_is_due(&p, 1099));
    assert_true(pg_pace_is_due(&p, 1100));
}

static void
what_takes_long_is_read_for_a_twentieth_of_the_time_at_most(void **state)
{
    struct pg_pace p = pg_pace(1000, 4000);

    (void)state;
    pg_pace_begin(&p, 100);
    pg_pace_end(&p, 100 + 191);
    assert_false(pg_pace_is_due(&p, 100 + 191 * 20 - 1));
    assert_true(pg_pace_is_due(&p, 100 + 191 * 20));
}

static void
however_long_it_takes_it_is_read_as_often_as_promised(void **state)
{
    struct pg_pace p = pg_pace(1000, 4000);

    (void)state;
    pg_pace_begin(&p, 100);
    pg_pace_end(&p, 100 + 3000);
    assert_false(pg_pace_is_due(&p, 4099));
    assert_true(pg_pace_is_due(&p, 4100));
}

static void
news_that_come_meanwhile_make_it_due_at_once(void **state)
{
    struct pg_pace p = pg_pace(1000, 4000);

    (void)state;
    pg_pace_begin(&p, 100);
    pg_pace_hurry(&p);
    pg_pace_end(&p, 2100);
    assert_true(pg_pace_is_due(&p, 2100));
}

/* As often as the lane is swept, its owner is told that it holds something. */
static void
a_lane_that_is_slow_to_sweep_is_swept_less_often(void **state)
{
    struct pg_lanes *l = pg_lanes_new();
    struct pg_lane *lane = pg_lanes_get(l, 5);

    (void)state;
    lane->state = PG_LANE_MINE;
    assert_true(pg_lanes_look(l, 5, 1000));
    pg_pace_begin(&lane->sweep, 1000);
    pg_pace_end(&lane->sweep, 1010);
    assert_false(pg_lanes_look(l, 5, 1000 + PG_LANE_SWEEP_MS - 1));
    assert_true(pg_lanes_look(l, 5, 1000 + PG_LANE_SWEEP_MS));
    pg_pace_begin(&lane->sweep, 10000);
    pg_pace_end(&lane->sweep, 10000 + 600);
    assert_false(pg_lanes_look(l, 5, 10000 + 600 * 20 - 1));
    assert_true(pg_lanes_look(l, 5, 10000 + 600 * 20));
    pg_pace_begin(&lane->sweep, 30000);
    pg_pace_end(&lane->sweep, 38000);
    assert_true(pg_lanes_look(l, 5, 30000 + PG_LANE_SWEEP_MAX_MS));
    pg_pace_begin(&lane->sweep, 60000);
    pg_lanes_doubt_marks(l);
    assert_true(pg_lanes_look(l, 5, 60000));
    pg_lanes_free(l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_fast_is_read_again_after_the_least_pause),
        cmocka_unit_test(
            what_takes_long_is_read_for_a_twentieth_of_the_time_at_most),
        cmocka_unit_test(however_long_it_takes_it_is_read_as_often_as_promised),
        cmocka_unit_test(news_that_come_meanwhile_make_it_due_at_once),
        cmocka_unit_test(a_lane_that_is_slow_to_sweep_is_swept_less_often),
    };

    return cmocka_run_group_tests_name("store/postgres/lanes", tests, NULL,
                                       NULL);
}
