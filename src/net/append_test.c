#include "net/append.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"

struct setting {
    char dir[64];
    char path[96], other[96];
    char why[160];
    struct append *append;
};

static int
setup(void **state)
{
    struct setting *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    snprintf(s->dir, sizeof(s->dir), "/tmp/belfry-append-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->path, sizeof(s->path), "%s/a.log", s->dir);
    snprintf(s->other, sizeof(s->other), "%s/a.log.1", s->dir);
    s->append = append_new();
    *state = s;
    return 0;
}

static int
teardown(void **state)
{
    struct setting *s = *state;

    append_free(s->append);
    unlink(s->path);
    unlink(s->other);
    rmdir(s->dir);
    free(s);
    return 0;
}

static enum append_outcome
put(struct setting *s, const char *text)
{
    return append_block(s->append, str_from(s->path), str_from(text), true,
                        s->why);
}

static void
assert_file(const char *path, const char *want)
{
    char text[4096];
    FILE *f = fopen(path, "rb");
    size_t n;

    assert_non_null(f);
    n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = 0;
    assert_string_equal(text, want);
}

static void
blocks_follow_each_other(void **state)
{
    struct setting *s = *state;
    struct stat st;

    assert_int_equal(put(s, "a\nb\n"), APPEND_DONE);
    assert_int_equal(put(s, "c\n"), APPEND_DONE);
    assert_file(s->path, "a\nb\nc\n");
    assert_int_equal(stat(s->path, &st), 0);
    assert_int_equal(st.st_mode & 0137, 0);
}

static void
a_rotated_file_is_left_and_a_new_one_made(void **state)
{
    struct setting *s = *state;

    assert_int_equal(put(s, "a\n"), APPEND_DONE);
    assert_int_equal(rename(s->path, s->other), 0);
    assert_int_equal(put(s, "b\n"), APPEND_DONE);
    assert_file(s->other, "a\n");
    assert_file(s->path, "b\n");
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(put(s, "c\n"), APPEND_DONE);
    assert_file(s->path, "c\n");
    assert_int_equal(truncate(s->path, 0), 0);
    assert_int_equal(put(s, "d\n"), APPEND_DONE);
    assert_file(s->path, "d\n");
}

static void
a_block_that_does_not_fit_leaves_nothing(void **state)
{
    struct rlimit old, small;
    struct setting *s = *state;
    struct buf big = {0};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    enum append_outcome outcome;

    for (int i = 0; i < 1000; i++)
        buf_put_cstr(&big, "0123456789\n");
    assert_int_equal(put(s, "a\n"), APPEND_DONE);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    outcome =
        append_block(s->append, str_from(s->path), buf_str(&big), true, s->why);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    buf_fini(&big);
    assert_int_equal(outcome, APPEND_NOTHING);
    assert_non_null(strstr(s->why, "cannot write the file: "));
    assert_file(s->path, "a\n");
    assert_int_equal(put(s, "b\n"), APPEND_DONE);
    assert_file(s->path, "a\nb\n");
}

static void
what_cannot_be_opened_is_told(void **state)
{
    struct setting *s = *state;
    const char *const paths[] = {"/nonexistent/x.log", "/tmp", "", s->dir};
    struct str nul = STR("/tmp/a\0b");

    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(append_block(s->append, str_from(paths[i]), STR("x"),
                                      false, s->why),
                         APPEND_NOTHING);
        assert_non_null(strstr(s->why, "cannot open the file: "));
    }
    assert_int_equal(append_block(s->append, nul, STR("x"), false, s->why),
                     APPEND_NOTHING);
    assert_int_equal(mkfifo(s->path, 0600), 0);
    assert_int_equal(put(s, "x\n"), APPEND_NOTHING);
}

static void
more_files_than_it_keeps_open_all_work(void **state)
{
    struct setting *s = *state;
    char path[128];

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 40; i++) {
            snprintf(path, sizeof(path), "%s/%d", s->dir, i);
            assert_int_equal(append_block(s->append, str_from(path), STR("x\n"),
                                          false, s->why),
                             APPEND_DONE);
        }
    }
    for (int i = 0; i < 40; i++) {
        snprintf(path, sizeof(path), "%s/%d", s->dir, i);
        assert_file(path, "x\nx\nx\n");
        unlink(path);
    }
    assert_int_equal(
        append_block(s->append, STR("/dev/null"), STR("x"), true, s->why),
        APPEND_DONE);
}

static void
whether_it_could_be_written_is_told_without_making_it(void **state)
{
    struct setting *s = *state;

    assert_true(append_could(str_from(s->path), s->why));
    assert_int_equal(access(s->path, F_OK), -1);
    assert_int_equal(put(s, "x\n"), APPEND_DONE);
    assert_true(append_could(str_from(s->path), s->why));
    assert_file(s->path, "x\n");
    assert_false(append_could(STR("/nonexistent/a.log"), s->why));
    assert_non_null(strstr(s->why, "cannot open the file: "));
    assert_false(append_could(STR_NONE, s->why));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(blocks_follow_each_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_rotated_file_is_left_and_a_new_one_made, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_block_that_does_not_fit_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(more_files_than_it_keeps_open_all_work,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            whether_it_could_be_written_is_told_without_making_it, setup,
            teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
