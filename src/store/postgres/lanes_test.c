#include "store/postgres/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* As often as the lane is swept, its owner is told that it holds something. */
static void
a_lane_that_is_slow_to_sweep_is_swept_less_often(void **state)
{
    struct pg_lanes *l = pg_lanes_new();
    struct pg_lane *lane = pg_lanes_get(l, 5);

    (void)state;
    lane->state = PG_LANE_MINE;
    assert_true(pg_lanes_look(l, 5, 1000));
    pace_begin(&lane->sweep, 1000);
    pace_end(&lane->sweep, 1010);
    assert_false(pg_lanes_look(l, 5, 1000 + PG_LANE_SWEEP_MS - 1));
    assert_true(pg_lanes_look(l, 5, 1000 + PG_LANE_SWEEP_MS));
    pace_begin(&lane->sweep, 10000);
    pace_end(&lane->sweep, 10000 + 600);
    assert_false(pg_lanes_look(l, 5, 10000 + 600 * 20 - 1));
    assert_true(pg_lanes_look(l, 5, 10000 + 600 * 20));
    pace_begin(&lane->sweep, 30000);
    pace_end(&lane->sweep, 38000);
    assert_true(pg_lanes_look(l, 5, 30000 + PG_LANE_SWEEP_MAX_MS));
    pace_begin(&lane->sweep, 60000);
    pg_lanes_doubt_marks(l);
    assert_true(pg_lanes_look(l, 5, 60000));
    pg_lanes_free(l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_that_is_slow_to_sweep_is_swept_less_often),
    };

    return cmocka_run_group_tests_name("store/postgres/lanes", tests, NULL,
                                       NULL);
}
