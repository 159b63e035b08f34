#include "dispatch/append.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct place {
    struct arena *arena;
    char dir[64];
    struct str path;
};

static int
set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    snprintf(p->dir, sizeof(p->dir), "/tmp/belfry-append-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    p->arena = arena_new();
    p->path = str_fmt(p->arena, "%s/log", p->dir);
    *state = p;
    return 0;
}

static int
tear_down(void **state)
{
    struct place *p = *state;

    unlink(p->path.p);
    rmdir(p->dir);
    arena_free(p->arena);
    free(p);
    return 0;
}

static void
lines_come_one_after_the_other(void **state)
{
    struct place *p = *state;
    struct str why = STR_NONE;
    char text[16] = "";
    FILE *f;

    assert_int_equal(append_to_file(p->arena, p->path, STR("one\n"), &why),
                     APPEND_DONE);
    assert_int_equal(append_to_file(p->arena, p->path, STR("two\n"), &why),
                     APPEND_DONE);
    f = fopen(p->path.p, "r");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof(text), f), 8);
    fclose(f);
    assert_memory_equal(text, "one\ntwo\n", 8);
}

static void
a_missing_folder_is_told(void **state)
{
    struct place *p = *state;
    struct str why = STR_NONE, path = str_fmt(p->arena, "%s/no/log", p->dir);

    assert_int_equal(append_to_file(p->arena, path, STR("x"), &why),
                     APPEND_NOTHING);
    assert_true(why.n > 0);
}

static void
a_pipe_is_refused_and_blocks_nobody(void **state)
{
    struct place *p = *state;
    struct str why = STR_NONE;

    assert_int_equal(mkfifo(p->path.p, 0600), 0);
    assert_int_equal(append_to_file(p->arena, p->path, STR("x"), &why),
                     APPEND_NOTHING);
    assert_true(why.n > 0);
}

static void
a_full_disk_is_told(void **state)
{
    struct place *p = *state;
    struct str why = STR_NONE;

    assert_int_equal(append_to_file(p->arena, STR("/dev/full"), STR("x"), &why),
                     APPEND_NOTHING);
    assert_true(why.n > 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(lines_come_one_after_the_other),
        T(a_missing_folder_is_told),
        T(a_pipe_is_refused_and_blocks_nobody),
        T(a_full_disk_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
