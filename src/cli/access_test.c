#include "cli/access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

#define KEY "bf_0123456789abcdef_secret"

struct fixture {
    struct arena *arena;
    char dir[64];
    char home[96]; /* "HOME=..." */
    const char *environ[4];
    struct access access;
    struct str why;
};

static int
set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof(*f));

    f->arena = arena_new();
    snprintf(f->dir, sizeof(f->dir), "/tmp/belfry-access-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->home, sizeof(f->home), "HOME=%s", f->dir);
    f->environ[0] = f->home;
    *state = f;
    return 0;
}

static const char *
in_dir(struct fixture *f, const char *name)
{
    return str_fmt(f->arena, "%s/%s", f->dir, name).p;
}

static int
tear_down(void **state)
{
    struct fixture *f = *state;

    unlink(in_dir(f, ".config/belfry/dev.json"));
    rmdir(in_dir(f, ".config/belfry"));
    rmdir(in_dir(f, ".config"));
    unlink(in_dir(f, "key"));
    assert_int_equal(rmdir(f->dir), 0);
    arena_free(f->arena);
    free(f);
    return 0;
}

static void
assert_text(struct fixture *f, struct str s, const char *want)
{
    assert_string_equal(str_cstr(f->arena, s), want);
}

static void
find(struct fixture *f, struct access_sources s, enum err want)
{
    s.environ = f->environ;
    assert_int_equal(access_find(f->arena, &s, &f->access, &f->why), want);
}

static void
save_dev_file(struct fixture *f, const char *url)
{
    struct str path, why;

    assert_int_equal(cli_dev_file_write(f->arena, f->environ, str_from(url),
                                        STR(KEY), &path, &why),
                     ERR_OK);
    assert_text(f, path, in_dir(f, ".config/belfry/dev.json"));
}

static void
write_key_file(struct fixture *f, const char *text, mode_t mode)
{
    FILE *file = fopen(in_dir(f, "key"), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(in_dir(f, "key"), mode), 0);
}

static void
nothing_said_means_this_machine_without_a_key(void **state)
{
    struct fixture *f = *state;

    find(f, (struct access_sources){0}, ERR_OK);
    assert_text(f, f->access.url, "http://127.0.0.1:7117");
    assert_int_equal(f->access.key.n, 0);
}

static void
a_flag_wins_over_the_environment(void **state)
{
    struct fixture *f = *state;

    f->environ[1] = "BELFRY_URL=http://a";
    f->environ[2] = "BELFRY_KEY=k1";
    find(f, (struct access_sources){0}, ERR_OK);
    assert_text(f, f->access.url, "http://a");
    assert_text(f, f->access.key, "k1");
    assert_int_equal(f->access.warning.n, 0);
    find(f, (struct access_sources){.url = STR("http://b"), .key = STR("k2")},
         ERR_OK);
    assert_text(f, f->access.url, "http://b");
    assert_text(f, f->access.key, "k2");
    assert_true(f->access.warning.n > 0); /* others can see it */
}

static void
the_development_servers_file_is_found_again(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    save_dev_file(f, "http://127.0.0.1:9");
    assert_int_equal(stat(in_dir(f, ".config/belfry/dev.json"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    find(f, (struct access_sources){0}, ERR_OK);
    assert_text(f, f->access.url, "http://127.0.0.1:9");
    assert_text(f, f->access.key, KEY);
    save_dev_file(f, "http://127.0.0.1:10");
    find(f, (struct access_sources){0}, ERR_OK);
    assert_text(f, f->access.url, "http://127.0.0.1:10");
}

static void
the_development_key_goes_to_no_other_server(void **state)
{
    struct fixture *f = *state;

    save_dev_file(f, "http://127.0.0.1:9");
    find(f, (struct access_sources){.url = STR("https://elsewhere")}, ERR_OK);
    assert_int_equal(f->access.key.n, 0);
    f->environ[1] = "BELFRY_URL=http://127.0.0.1:9";
    find(f, (struct access_sources){0}, ERR_OK);
    assert_text(f, f->access.key, KEY);
}

static void
a_development_file_that_others_can_read_is_not_used(void **state)
{
    struct fixture *f = *state;

    save_dev_file(f, "http://127.0.0.1:9");
    assert_int_equal(chmod(in_dir(f, ".config/belfry/dev.json"), 0644), 0);
    find(f, (struct access_sources){0}, ERR_OK);
    assert_text(f, f->access.url, "http://127.0.0.1:7117");
    assert_int_equal(f->access.key.n, 0);
    assert_true(f->access.warning.n > 0);
}

static void
a_key_file_gives_its_first_line(void **state)
{
    struct fixture *f = *state;
    struct access_sources s = {.key_file = str_from(in_dir(f, "key"))};

    write_key_file(f, "  " KEY "\r\nmore\n", 0600);
    find(f, s, ERR_OK);
    assert_text(f, f->access.key, KEY);
    assert_int_equal(f->access.warning.n, 0);
    write_key_file(f, KEY, 0644);
    find(f, s, ERR_OK);
    assert_true(f->access.warning.n > 0);
    write_key_file(f, "\n", 0600);
    find(f, s, ERR_IO);
    assert_true(f->why.n > 0);
    s.key_file = str_from(in_dir(f, "no such file"));
    find(f, s, ERR_IO);
    s.key_file = str_from(f->dir);
    find(f, s, ERR_IO);
}

static void
two_keys_are_one_too_many(void **state)
{
    struct fixture *f = *state;

    find(f, (struct access_sources){.key = STR("a"), .key_file = STR("b")},
         ERR_INVALID);
}

static void
without_a_home_there_is_no_development_file(void **state)
{
    struct fixture *f = *state;
    const char *const none[] = {"HOME=relative", NULL};
    const char *const xdg[] = {"HOME=/h", "XDG_CONFIG_HOME=/x", NULL};
    struct str path, why;

    assert_int_equal(access_dev_path(f->arena, none).n, 0);
    assert_text(f, access_dev_path(f->arena, xdg), "/x/belfry/dev.json");
    assert_int_equal(
        cli_dev_file_write(f->arena, none, STR("u"), STR("k"), &path, &why),
        ERR_IO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IT(nothing_said_means_this_machine_without_a_key),
        IT(a_flag_wins_over_the_environment),
        IT(the_development_servers_file_is_found_again),
        IT(the_development_key_goes_to_no_other_server),
        IT(a_development_file_that_others_can_read_is_not_used),
        IT(a_key_file_gives_its_first_line),
        IT(two_keys_are_one_too_many),
        IT(without_a_home_there_is_no_development_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
