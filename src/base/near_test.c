#include "base/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena.h"

static const char *
nearest(const char *meant)
{
    struct near n = near_to(str_from(meant));

    near_weigh(&n, "sms");
    near_weigh(&n, "email");
    near_weigh(&n, "mobile_push");
    return n.word ? n.word : "";
}

static void
a_slip_of_two_letters_is_near(void **state)
{
    (void)state;
    assert_string_equal(nearest("emial"), "email");
    assert_string_equal(nearest("Mail"), "email");
    assert_string_equal(nearest("mobile-push"), "mobile_push");
    assert_string_equal(nearest("sm"), "sms");
    assert_string_equal(nearest("push"), "");
    assert_string_equal(nearest("fax"), ""); /* as long, and all are others */
    assert_string_equal(nearest("x"), "");
    assert_string_equal(nearest(""), "");
}

static void
a_fault_names_it(void **state)
{
    struct arena *a = arena_new();
    struct near n = near_to(STR("emial"));
    struct problem p;

    (void)state;
    problem_init(&p, a);
    near_refuse(&n, "channel", STR("/a"), &p);
    near_weigh(&n, "email");
    near_refuse(&n, "channel", STR("/b"), &p);
    assert_int_equal(p.err, ERR_INVALID);
    assert_true(str_is(p.errors[0].detail, "there is no such channel"));
    assert_true(str_is(p.errors[1].detail,
                       "there is no such channel; did you mean \"email\"?"));
    assert_true(near_is_told(&p));
    while (p.n_errors < PROBLEM_ERRORS_MAX)
        near_refuse(&n, "channel", STR("/c"), &p);
    assert_false(near_is_told(&p)); /* nobody would read it */
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slip_of_two_letters_is_near),
        cmocka_unit_test(a_fault_names_it),
    };

    return cmocka_run_group_tests_name("base/near", tests, NULL, NULL);
}
