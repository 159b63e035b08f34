#include "base/icu.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define FROM_MS INT64_C(1577836800000)  /* 2020-01-01 */
#define UNTIL_MS INT64_C(1609459200000) /* 2021-01-01 */

/* The line of the process's map that has it; false: there is none. */
static bool
find_mapped(const char *name, char *line, int size)
{
    FILE *f = fopen("/proc/self/maps", "r");
    bool is = false;

    assert_non_null(f);
    while (!is && fgets(line, size, f))
        is = strstr(line, name) != NULL;
    fclose(f);
    return is;
}

static void
it_is_loaded_by_the_first_call_and_not_before(void **state)
{
    char line[1024];

    (void)state;
    assert_false(find_mapped("libicu", line, sizeof(line)));
    assert_null(icu_fault());
    assert_true(find_mapped("libicui18n", line, sizeof(line)));
    assert_true(icu_zones_version().n >= 5);
    assert_true(str_starts(icu_zones_version(), STR("20")));
}

static void
a_zone_begins_with_what_holds_and_tells_each_change(void **state)
{
    struct icu_changes c;

    (void)state;
    assert_int_equal(
        icu_zone_changes(STR("Europe/Berlin"), FROM_MS, UNTIL_MS, &c), ERR_OK);
    assert_int_equal(c.n, 3);
    assert_int_equal(c.row[0].at_ms, FROM_MS);
    assert_int_equal(c.row[0].offset_ms, 3600 * 1000);
    assert_int_equal(c.row[1].at_ms, INT64_C(1585443600000));
    assert_int_equal(c.row[1].offset_ms, 7200 * 1000);
    assert_int_equal(c.row[2].at_ms, INT64_C(1603587600000));
    assert_int_equal(c.row[2].offset_ms, 3600 * 1000);
    free(c.row);

    /* The end is not within. */
    assert_int_equal(icu_zone_changes(STR("Europe/Berlin"), FROM_MS,
                                      INT64_C(1603587600000), &c),
                     ERR_OK);
    assert_int_equal(c.n, 2);
    free(c.row);
}

static void
what_is_no_zone_is_not_found(void **state)
{
    static const char *const bad[] = {
        "",          "Europe",       "europe/berlin",  "Europe/Berlin ",
        "GMT+3",     "GMT+03:00",    "UTC+1",          "Europe/Bärlin",
        "\x01",      "Etc/Unknown",  "Europe/Berlin/", "+01:00",
        "CET-1CEST", "../etc/passwd"};
    char text[ICU_ZONE_NAME_MAX + 1];
    struct icu_changes c;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(
            icu_zone_changes(str_from(bad[i]), FROM_MS, UNTIL_MS, &c),
            ERR_NOT_FOUND);
    memset(text, 'A', sizeof(text));
    assert_int_equal(icu_zone_changes((struct str){text, sizeof(text)}, FROM_MS,
                                      UNTIL_MS, &c),
                     ERR_NOT_FOUND);
    assert_int_equal(icu_zone_changes((struct str){text, sizeof(text) - 1},
                                      FROM_MS, UNTIL_MS, &c),
                     ERR_NOT_FOUND);
    assert_int_equal(
        icu_zone_changes((struct str){"UTC\0x", 5}, FROM_MS, UNTIL_MS, &c),
        ERR_NOT_FOUND);
}

static void
count(void *arg, struct str name)
{
    struct icu_changes c;

    assert_true(name.n > 0 && name.n < ICU_ZONE_NAME_MAX);
    if (str_eq(name, STR("Etc/Unknown")))
        return;
    assert_int_equal(icu_zone_changes(name, FROM_MS, UNTIL_MS, &c), ERR_OK);
    free(c.row);
    ++*(int *)arg;
}

static void
each_name_of_the_list_can_be_asked_for(void **state)
{
    int n = 0;

    (void)state;
    assert_int_equal(icu_zone_each(count, &n), ERR_OK);
    assert_true(n > 500);
}

/* In a process of its own, that finds a file of that name which is no library;
 * what it says goes to its standard output. */
static int
without_icu(void)
{
    struct icu_changes c;
    int n = 0;

    if (icu_zone_changes(STR("Europe/Berlin"), FROM_MS, UNTIL_MS, &c) !=
            ERR_UNAVAILABLE ||
        icu_zone_each(count, &n) != ERR_UNAVAILABLE ||
        icu_zones_version().n > 0 || !icu_fault())
        return 1;
    printf("%s\n", icu_fault());
    return 0;
}

/* What this program says of itself where libraries are sought in dir first. */
static void
run_without(const char *dir, char *text, size_t size)
{
    int out[2], status;
    ssize_t n;
    pid_t child;

    assert_int_equal(pipe(out), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(out[1], STDOUT_FILENO);
        setenv("LD_LIBRARY_PATH", dir, 1);
        execl("/proc/self/exe", "icu_test", "without", (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    n = read(out[0], text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    close(out[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void
a_machine_without_it_says_what_is_missing(void **state)
{
    char dir[] = "/tmp/belfry-icu-XXXXXX", line[1024], file[128], said[512];
    char *name, *end;
    int fd;

    (void)state;
    /* libicui18n.so.72.1 is what libicui18n.so.72 points to. */
    assert_true(find_mapped("libicui18n.so.", line, sizeof(line)));
    name = strstr(line, "libicui18n.so.");
    end = strpbrk(name + strlen("libicui18n.so."), ".\n");
    assert_non_null(end);
    *end = '\0';
    assert_non_null(mkdtemp(dir));
    snprintf(file, sizeof(file), "%s/%.64s", dir, name);
    fd = open(file, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);

    run_without(dir, said, sizeof(said));
    assert_non_null(strstr(said, "ICU cannot be loaded: "));
    assert_non_null(strstr(said, name));
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(dir), 0);
}

int
main(int argc, char **argv)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_loaded_by_the_first_call_and_not_before),
        cmocka_unit_test(a_zone_begins_with_what_holds_and_tells_each_change),
        cmocka_unit_test(what_is_no_zone_is_not_found),
        cmocka_unit_test(each_name_of_the_list_can_be_asked_for),
        cmocka_unit_test(a_machine_without_it_says_what_is_missing),
    };

    if (argc > 1 && strcmp(argv[1], "without") == 0)
        return without_icu();
    return cmocka_run_group_tests_name("base/icu", tests, NULL, NULL);
}
