#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <unistd.h>

static void
each_error_has_a_status_a_code_a_title_and_a_cure(void **state)
{
    (void)state;
    for (int e = 1; e < ERR_COUNT; e++) {
        const char *code = err_code((enum err)e);

        assert_in_range(err_http_status((enum err)e), 400, 599);
        assert_true(strlen(err_title((enum err)e)) > 10);
        assert_true(strlen(err_help((enum err)e)) > 10);
        assert_int_equal(strspn(code, "abcdefghijklmnopqrstuvwxyz_"),
                         strlen(code));
        for (int other = 1; other < e; other++)
            assert_string_not_equal(code, err_code((enum err)other));
    }
}

static void
the_table_is_in_the_order_of_the_list(void **state)
{
    (void)state;
    assert_int_equal(err_http_status(ERR_OK), 200);
    assert_int_equal(err_http_status(ERR_MALFORMED), 400);
    assert_int_equal(err_http_status(ERR_NOT_FOUND), 404);
    assert_string_equal(err_code(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_code(ERR_UNCERTAIN), "uncertain");
    assert_int_equal(err_http_status(ERR_IO), 503);
}

static void
fatal_says_why_on_stderr_and_exits_with_1(void **state)
{
    char text[256] = "";
    int pipe_fds[2], status;
    pid_t child;

    (void)state;
    assert_int_equal(pipe(pipe_fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(pipe_fds[1], STDERR_FILENO);
        fatal("cannot open %s: %d", "belfry.db", 7);
    }
    close(pipe_fds[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_true(read(pipe_fds[0], text, sizeof(text) - 1) > 0);
    assert_string_equal(text, "belfry: cannot open belfry.db: 7\n");
    close(pipe_fds[0]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_error_has_a_status_a_code_a_title_and_a_cure),
        cmocka_unit_test(the_table_is_in_the_order_of_the_list),
        cmocka_unit_test(fatal_says_why_on_stderr_and_exits_with_1),
    };

    return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}
