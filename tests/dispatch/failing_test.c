/* failing_test.c - providers that fail or ask to wait, and come back. */
#include "dispatch_rig.h"

#include <stdlib.h>

/* Each call that failed waits for an hour, so that it is nobody's probe. */
static void
fail_for_long(struct rig *r)
{
    r->a.retry.base_ms = r->b.retry.base_ms = 3600 * 1000;
}

/* It would be open to all again, and nobody knows yet whether it works. */
static void
what_never_went_out_closes_no_breaker(void **state)
{
    struct rig *r = *state;

    fail_for_long(r);
    RIG_SAY(&r->script_a, 503);
    rig_send(r, 3, PRIORITY_NORMAL);
    rig_wait_calls(r, 3);
    rig_turn(r, 40);
    rig_advance(r, 1000);
    r->send_user = "refused";
    rig_wait(r, rig_send(r, 1, PRIORITY_NORMAL), DELIVERY_FAILED);
    r->send_user = NULL;
    rig_send(r, 3, PRIORITY_NORMAL);
    rig_turn(r, 60);
    assert_int_equal(r->n_calls, 3);
    rig_advance(r, 1000);
    rig_wait_calls(r, 4); /* the probe */
    rig_turn(r, 60);
    assert_int_equal(r->n_calls, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(what_never_went_out_closes_no_breaker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
