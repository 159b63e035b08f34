#include "plugin/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct row {
    mode_t mode;
    uid_t uid;
    const char *fault; /* a part of it; NULL: none */
};

static void
check_rows(const char *(*fault_of)(const struct stat *), const struct row *rows,
           size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct stat st = {.st_mode = rows[i].mode, .st_uid = rows[i].uid};
        const char *fault = fault_of(&st);

        if (!rows[i].fault)
            assert_null(fault);
        else
            assert_non_null(strstr(fault, rows[i].fault));
    }
}

static void
only_root_may_write_the_file(void **state)
{
    static const struct row rows[] = {
        {S_IFREG | 0644, 0, NULL},
        {S_IFREG | 0600, 0, NULL},
        {S_IFREG | 0755, 0, NULL},
        {S_IFREG | 0664, 0, "chmod go-w it"},
        {S_IFREG | 0646, 0, "chmod go-w it"},
        {S_IFREG | 0644, 1000, "chown root it"},
        {S_IFLNK | 0777, 0, "is no file, or a symbolic link"},
        {S_IFDIR | 0755, 0, "is no file"},
        {S_IFIFO | 0644, 0, "is no file"},
    };
    const struct stat large = {.st_mode = S_IFREG | 0644,
                               .st_size = PLUGIN_FILE_MAX + 1};

    (void)state;
    check_rows(plugin_file_fault, rows, sizeof(rows) / sizeof(rows[0]));
    assert_non_null(strstr(plugin_file_fault(&large), "64 MiB"));
}

static void
only_root_may_write_a_folder_above_it(void **state)
{
    static const struct row rows[] = {
        {S_IFDIR | 0755, 0, NULL},
        {S_IFDIR | 0700, 0, NULL},
        {S_IFDIR | 0775, 0, "chmod go-w it"},
        {S_IFDIR | S_ISVTX | 0777, 0, "is for everybody"}, /* as /tmp */
        {S_IFDIR | 0755, 1000, "chown root it"},
        {S_IFLNK | 0777, 0, "name the folder itself"},
        {S_IFREG | 0644, 0, "is no folder"},
    };

    (void)state;
    check_rows(plugin_folder_fault, rows, sizeof(rows) / sizeof(rows[0]));
}

static void
a_path_is_looked_at_from_its_root(void **state)
{
    static const struct {
        const char *path, *why;
    } rows[] = {
        {"lib/x.so", "lib/x.so is no absolute path: begin it with a slash"},
        {"", " is no absolute path: begin it with a slash"},
        {"/tmp/x.so", "/tmp is for everybody: put plugins into a folder of "
                      "root's own"},
        {"/usr/../usr/x.so",
         "/usr/../usr/x.so has an empty part, . or .. in it"},
        {"/usr//x.so", "/usr//x.so has an empty part, . or .. in it"},
        {"/usr/no-such.so",
         "/usr/no-such.so is not there: install it, or take it out of "
         "plugins.allow"},
        {"/usr/bin", "/usr/bin is no file, or a symbolic link: put the file "
                     "itself there"},
    };
    struct arena *a = arena_new();
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(plugin_file_open(a, rows[i].path, &why), -1);
        assert_string_equal(why, rows[i].why);
    }
    arena_free(a);
}

static void
the_hash_is_that_of_all_of_it(void **state)
{
    char path[] = "/tmp/belfry-plugin-XXXXXX", hash[PLUGIN_HASH_SIZE];
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_true(plugin_file_hash(fd, hash));
    assert_string_equal(
        hash,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(write(fd, "abc", 3), 3); /* FIPS 180-2 */
    for (int i = 0; i < 2; i++) {             /* it can be asked again */
        assert_true(plugin_file_hash(fd, hash));
        assert_string_equal(
            hash,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    assert_int_equal(ftruncate(fd, PLUGIN_FILE_MAX + 1), 0);
    assert_false(plugin_file_hash(fd, hash));
    close(fd);
    unlink(path);
    assert_false(plugin_file_hash(fd, hash));
}

#define DIGITS "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015"

static void
what_is_allowed_has_a_name_and_a_hash(void **state)
{
    static const char *const bad[] = {
        "",
        "chat",
        "chat=",
        "=sha256:" DIGITS "ad",
        "chat=" DIGITS "ad",
        "chat=md5:" DIGITS "ad",
        "chat=sha256:" DIGITS "a",
        "chat=sha256:" DIGITS "add",
        "chat=sha256:" DIGITS "ag",
        "Chat=sha256:" DIGITS "ad",
        "../chat=sha256:" DIGITS "ad",
    };
    struct arena *a = arena_new();
    struct plugin_allowed allowed;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(plugin_allowed_parse(a, str_from(bad[i]), &allowed));
    assert_true(
        plugin_allowed_parse(a, STR("chat=sha256:" DIGITS "AD"), &allowed));
    assert_true(str_is(allowed.name, "chat"));
    assert_true(str_is(allowed.hash, DIGITS "ad"));
    arena_free(a);
}

static void
an_item_that_is_not_there_says_what_to_do(void **state)
{
    static const struct {
        const char *item, *name, *why; /* a part of it */
    } rows[] = {
        {"chat", "", "as belfry plugin hash FILE writes it"},
        {"chat=sha256:" DIGITS "ad", "chat",
         "/usr/no-such-folder is not there: install it"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plugin_allowed allowed;
        const char *why = "";

        assert_int_equal(plugin_allowed_open(a, STR("/usr/no-such-folder"),
                                             str_from(rows[i].item), &allowed,
                                             &why),
                         -1);
        assert_true(str_is(allowed.name, rows[i].name));
        assert_non_null(strstr(why, rows[i].why));
    }
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_root_may_write_the_file),
        cmocka_unit_test(only_root_may_write_a_folder_above_it),
        cmocka_unit_test(a_path_is_looked_at_from_its_root),
        cmocka_unit_test(the_hash_is_that_of_all_of_it),
        cmocka_unit_test(what_is_allowed_has_a_name_and_a_hash),
        cmocka_unit_test(an_item_that_is_not_there_says_what_to_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
