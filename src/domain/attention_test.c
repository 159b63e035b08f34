#include "domain/attention.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena_test.h"

#define NOW INT64_C(1790000000000)
#define DAY (INT64_C(24) * 3600 * 1000)

static const struct plan_channel email = {.name = {"email", 5}};
static const struct plan_channel in_app = {.name = {"in_app", 6},
                                           .is_in_app = true};
static const struct digest_rule waits = {.window_ms = 5000};

static const struct attention budget = {.budget = {2, DAY}};

static void
what_is_critical_is_not_asked(void **state)
{
    static const struct category alarm = {.is_critical = true}, news = {{0}};
    static const struct attention none = {{0, 0}};

    (void)state;
    assert_true(attention_applies(&budget, NULL, PRIORITY_HIGH));
    assert_true(attention_applies(&budget, &news, PRIORITY_LOW));
    assert_false(attention_applies(&budget, &alarm, PRIORITY_LOW));
    assert_false(attention_applies(&budget, &news, PRIORITY_CRITICAL));
    assert_false(attention_applies(&none, &news, PRIORITY_NORMAL));
}

static void
what_disturbs_counts(void **state)
{
    static const struct {
        struct plan_decision d[2];
        bool counts;
    } rows[] = {
        {{{.channel = &email}, {.channel = &in_app}}, true},
        {{{.channel = &in_app}, {.channel = &in_app}}, false},
        {{{.channel = &email, .verdict = PLAN_SKIP}, {.channel = &in_app}},
         false},
        {{{.channel = &email, .verdict = PLAN_HOLD}, {.channel = &in_app}},
         true},
        {{{.channel = &email, .digest = &waits}, {.channel = &in_app}}, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(attention_counts(rows[i].d, 2), rows[i].counts);
}

static void
refuse(enum attention_overflow overflow, struct plan_decision *d)
{
    struct attention a = budget;

    a.overflow = overflow;
    attention_refuse(&a, arena, NOW, 1, d, 2);
    assert_false(attention_counts(d, 2));
}

static void
what_is_beyond_goes_the_way_that_the_workspace_wants(void **state)
{
    struct plan_decision d[2];

    (void)state;
    for (int i = ATTENTION_DROP; i <= ATTENTION_DOWNGRADE; i++) {
        bool is_collected = i == ATTENTION_DEFER || i == ATTENTION_DIGEST;

        d[0] = (struct plan_decision){.channel = &email};
        d[1] = (struct plan_decision){.channel = &in_app};
        refuse((enum attention_overflow)i, d);
        assert_int_equal(d[1].verdict, PLAN_SEND); /* it disturbs nobody */
        assert_null(d[1].digest);
        assert_int_equal(d[0].verdict, is_collected ? PLAN_SEND : PLAN_SKIP);
        assert_int_equal(d[0].reason,
                         is_collected ? REASON_NONE : REASON_CAP_DAILY);
        assert_int_equal(d[0].closes_ms, is_collected ? NOW + DAY : 0);
        if (is_collected)
            assert_int_equal(str_is(d[0].digest->key, "belfry/attention:1"),
                             i == ATTENTION_DEFER);
    }
}

static void
no_window_ends_before_it_may_go_out(void **state)
{
    struct plan_decision d[2] = {{.channel = &email,
                                  .verdict = PLAN_HOLD,
                                  .reason = REASON_QUIET_DEFERRED,
                                  .due_ms = NOW + 2 * DAY},
                                 {.channel = &in_app, .verdict = PLAN_SKIP}};

    (void)state;
    refuse(ATTENTION_DIGEST, d);
    assert_int_equal(d[0].closes_ms, NOW + 2 * DAY);
}

static void
a_spare_inbox_takes_what_is_downgraded(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct plan_decision d[2] = {
            {.channel = &email},
            {.channel = &in_app, .verdict = PLAN_SKIP, .is_spare_fit = i == 1}};

        refuse(ATTENTION_DOWNGRADE, d);
        assert_int_equal(d[0].reason, REASON_CAP_DAILY);
        assert_int_equal(d[1].verdict, i == 1 ? PLAN_SEND : PLAN_SKIP);
        assert_int_equal(plan_is_unused(&d[1]), i == 0);
    }
}

static void
its_budget_is_nobody_elses(void **state)
{
    struct str key = attention_key(arena, STR("u1"));

    (void)state;
    assert_true(str_is(key, "attention/u1"));
    assert_false(str_eq(key, throttle_key(arena, STR("attention"), STR("u1"))));
}

static void
its_windows_are_known(void **state)
{
    (void)state;
    assert_true(attention_is_window(STR("belfry/attention")));
    assert_true(attention_is_window(STR("belfry/attention:7")));
    assert_false(attention_is_window(STR("belfry/attentions")));
    /* A sender may have these. */
    assert_false(attention_is_window(STR("attention")));
    assert_false(attention_is_window(STR("attention:7")));
    assert_false(attention_is_window(STR("news")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_critical_is_not_asked),
        cmocka_unit_test(its_windows_are_known),
        cmocka_unit_test(what_disturbs_counts),
        cmocka_unit_test_setup_teardown(
            what_is_beyond_goes_the_way_that_the_workspace_wants, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(no_window_ends_before_it_may_go_out,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_spare_inbox_takes_what_is_downgraded,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(its_budget_is_nobody_elses, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
