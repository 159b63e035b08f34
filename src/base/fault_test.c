#include "base/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child passes "a.b" and then "a.bc" `times` times; how it ended. */
static int
status_of(const char *setting, int times)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        if (setting)
            setenv("BELFRY_FAULT", setting, 1);
        else
            unsetenv("BELFRY_FAULT");
        close(STDERR_FILENO);
        for (int i = 0; i < times; i++) {
            FAULT("a.b");
            FAULT("a.bc");
        }
        _exit(7);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void
nothing_dies_unless_asked_to(void **state)
{
    (void)state;
    assert_int_equal(status_of(NULL, 3), 7);
    assert_int_equal(status_of("", 3), 7);
    assert_int_equal(status_of("a", 3), 7);
    assert_int_equal(status_of("a.bcd", 3), 7);
}

static void
the_named_place_kills_at_once(void **state)
{
    (void)state;
    assert_int_equal(status_of("a.b", 1), -SIGKILL);
    assert_int_equal(status_of("a.bc", 1), -SIGKILL);
}

static void
a_count_lets_the_earlier_ones_pass(void **state)
{
    (void)state;
    assert_int_equal(status_of("a.b:1", 1), -SIGKILL);
    assert_int_equal(status_of("a.b:3", 2), 7);
    assert_int_equal(status_of("a.b:3", 3), -SIGKILL);
}

static void
a_setting_that_makes_no_sense_ends_the_start(void **state)
{
    (void)state;
    assert_int_equal(status_of("a.b:0", 3), 1);
    assert_int_equal(status_of("a.b:x", 3), 1);
    assert_int_equal(status_of("other:", 3), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_dies_unless_asked_to),
        cmocka_unit_test(the_named_place_kills_at_once),
        cmocka_unit_test(a_count_lets_the_earlier_ones_pass),
        cmocka_unit_test(a_setting_that_makes_no_sense_ends_the_start),
    };

    return cmocka_run_group_tests_name("base/fault", tests, NULL, NULL);
}
