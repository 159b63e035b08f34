#include "cli/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena_test.h"

static struct tree tree;
static struct str why;

static int
set_up_tree(void **state)
{
    char name[] = "/tmp/belfry-tree-XXXXXX";

    set_up(state);
    assert_non_null(mkdtemp(name));
    assert_true(
        tree_open(arena, str_dup(arena, str_from(name)), false, &tree, &why));
    return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
    (void)st;
    (void)type;
    (void)w;
    return remove(path);
}

static int
tear_down_tree(void **state)
{
    tree_close(&tree);
    assert_int_equal(
        nftw(str_cstr(arena, tree.name), remove_one, 8, FTW_DEPTH | FTW_PHYS),
        0);
    return tear_down(state);
}

static const char *
path_of(const char *name)
{
    return str_cstr(arena, str_fmt(arena, "%.*s/%s", STR_ARG(tree.name), name));
}

static bool
writes(const char *name, const char *text)
{
    bool same;

    return tree_write(&tree, str_from(name), str_from(text), &same, &why);
}

static void
a_file_is_read_as_it_was_written(void **state)
{
    struct str text;
    bool same = true;

    (void)state;
    assert_true(tree_write(&tree, STR("a.json"), STR("{}\n"), &same, &why));
    assert_false(same);
    assert_true(tree_write(&tree, STR("a.json"), STR("{}\n"), &same, &why));
    assert_true(same);
    assert_true(tree_write(&tree, STR("a.json"), STR("[]"), &same, &why));
    assert_false(same);
    assert_true(tree_read(&tree, STR("a.json"), &text, &why));
    assert_true(str_is(text, "[]"));
    assert_true(tree_has(&tree, STR("a.json")));
    assert_true(tree_remove(&tree, STR("a.json"), &why));
    assert_false(tree_has(&tree, STR("a.json")));
    assert_false(tree_read(&tree, STR("a.json"), &text, &why));
}

static void
what_could_not_be_read_again_is_not_written(void **state)
{
    char *text = arena_alloc(arena, TREE_FILE_MAX + 1);
    bool same;

    (void)state;
    memset(text, 'x', TREE_FILE_MAX + 1);
    assert_true(tree_write(&tree, STR("a.txt"),
                           (struct str){text, TREE_FILE_MAX}, &same, &why));
    assert_false(tree_write(&tree, STR("b.txt"),
                            (struct str){text, TREE_FILE_MAX + 1}, &same,
                            &why));
    assert_true(str_ends(why, STR("b.txt: is larger than 1 MiB")));
    assert_false(tree_has(&tree, STR("b.txt")));
}

static void
no_name_leads_elsewhere(void **state)
{
    static const char *const names[] = {"../x", "/etc/passwd", "a/b", "..",
                                        ".",    ".hidden",     ""};
    struct str text;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(writes(names[i], "x"));
        assert_false(tree_read(&tree, str_from(names[i]), &text, &why));
    }
}

static void
no_symbolic_link_is_followed(void **state)
{
    struct tree folder;
    struct str text;

    (void)state;
    assert_true(writes("real", "secret"));
    assert_int_equal(symlink(path_of("real"), path_of("link")), 0);
    assert_int_equal(symlink("/tmp", path_of("folder")), 0);
    assert_false(tree_read(&tree, STR("link"), &text, &why));
    assert_non_null(strstr(str_cstr(arena, why), "symbolic link"));
    assert_false(writes("link", "changed"));
    assert_true(tree_read(&tree, STR("real"), &text, &why));
    assert_true(str_is(text, "secret"));
    assert_false(tree_folder(&tree, "folder", true, &folder, &why));
}

static void
what_is_no_text_file_is_refused(void **state)
{
    static const char bad[] = "\xff\xfe";
    struct str text;
    FILE *f;

    (void)state;
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_false(tree_read(&tree, STR("pipe"), &text, &why));
    assert_false(writes("pipe", "x"));
    f = fopen(path_of("large"), "w");
    assert_non_null(f);
    assert_int_equal(ftruncate(fileno(f), TREE_FILE_MAX + 1), 0);
    fclose(f);
    assert_false(tree_read(&tree, STR("large"), &text, &why));
    assert_true(writes("bad", bad));
    assert_false(tree_read(&tree, STR("bad"), &text, &why));
}

static void
names_are_listed_in_order_without_hidden_ones(void **state)
{
    struct str *names;
    size_t n;

    (void)state;
    assert_true(writes("b", "") && writes("a", "") && writes("C", ""));
    assert_int_equal(close(creat(path_of(".git"), 0600)), 0);
    assert_true(tree_list(&tree, &names, &n, &why));
    assert_int_equal(n, 3);
    assert_true(str_is(names[0], "C") && str_is(names[1], "a") &&
                str_is(names[2], "b"));
}

static void
a_missing_folder_is_none_or_made(void **state)
{
    struct tree folder;

    (void)state;
    assert_true(tree_folder(&tree, "templates", false, &folder, &why));
    assert_int_equal(folder.fd, -1);
    assert_false(tree_has(&folder, STR("a")));
    assert_true(tree_folder(&tree, "templates", true, &folder, &why));
    assert_true(folder.fd >= 0);
    tree_close(&folder);
}

static void
each_key_has_one_name(void **state)
{
    static const char *const pairs[][2] = {
        {"welcome", "welcome"}, {"a:b@c", "a%3Ab@c"}, {"..", "%2E."},
        {".x.y", "%2Ex.y"},     {"a-b_c", "a-b_c"},
    };
    static const char *const none[] = {"a:b", "%41", "a%2Eb",  "%3a",
                                       "%",   "%2",  "a%3A%3", ".x"};
    struct str key;

    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct str name = tree_name_of(arena, str_from(pairs[i][0]), "");

        assert_true(str_is(name, pairs[i][1]));
        assert_true(tree_key_of(arena, name, &key));
        assert_true(str_is(key, pairs[i][0]));
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_false(tree_key_of(arena, str_from(none[i]), &key));
}

static void
a_folder_may_hold_very_many(void **state)
{
    struct str *names;
    size_t n;
    char name[16];

    (void)state;
    for (int i = 0; i < 10100; i++) {
        snprintf(name, sizeof(name), "f%05d", i);
        assert_int_equal(mknodat(tree.fd, name, S_IFREG | 0600, 0), 0);
    }
    assert_true(tree_list(&tree, &names, &n, &why));
    assert_int_equal(n, 10100);
    assert_true(str_is(names[10099], "f10099"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name)                                                               \
    cmocka_unit_test_setup_teardown(name, set_up_tree, tear_down_tree)
        IT(a_file_is_read_as_it_was_written),
        IT(what_could_not_be_read_again_is_not_written),
        IT(no_name_leads_elsewhere),
        IT(no_symbolic_link_is_followed),
        IT(what_is_no_text_file_is_refused),
        IT(names_are_listed_in_order_without_hidden_ones),
        IT(a_missing_folder_is_none_or_made),
        IT(each_key_has_one_name),
        IT(a_folder_may_hold_very_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
