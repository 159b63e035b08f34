#include "cli/attach.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena_test.h"

static const struct arg_option options[] = {
    {.name = "attach", .type = ARG_TEXT, .value = "V", .is_repeatable = true},
    {.type = ARG_END},
};

/* What --attach with each of these becomes. */
static enum err
attach(const char *first, const char *second, const char **ret)
{
    char *words[] = {str_cstr(arena, STR("--attach")),
                     str_cstr(arena, str_from(first)),
                     str_cstr(arena, STR("--attach")),
                     str_cstr(arena, str_from(second ? second : ""))};
    struct str why = STR_NONE;
    struct json_writer w;
    struct args args;
    struct buf out;
    int n_taken;
    enum err e;

    args_init(&args, arena);
    args_know(&args, options);
    assert_int_equal(args_parse(&args, second ? 4 : 2, words, false, &n_taken),
                     ERR_OK);
    buf_init(&out, arena);
    w = json_writer(&out);
    json_begin_object(&w);
    e = attach_write(arena, &args, &w, &why);
    json_end_object(&w);
    *ret = str_cstr(arena, e == ERR_OK ? buf_str(&out) : why);
    return e;
}

static const char *
file_with(const char *dir, const char *name, const char *content)
{
    struct str path = str_fmt(arena, "%s/%s", dir, name);
    FILE *f = fopen(str_cstr(arena, path), "we");

    assert_non_null(f);
    fputs(content, f);
    fclose(f);
    return str_cstr(arena, path);
}

static void
files_are_read_and_urls_are_named(void **state)
{
    char dir[] = "/tmp/belfry-attach-XXXXXX";
    const char *path, *got;

    (void)state;
    assert_non_null(mkdtemp(dir));
    path = file_with(dir, "Invoice 7.PDF", "hi");
    assert_int_equal(attach(path, "https://example.com/a/b.png?x=/c.gif", &got),
                     ERR_OK);
    assert_string_equal(
        got, "{\"attachments\":["
             "{\"filename\":\"Invoice 7.PDF\","
             "\"content_type\":\"application/pdf\",\"content\":\"aGk=\"},"
             "{\"filename\":\"b.png\",\"content_type\":\"image/png\","
             "\"url\":\"https://example.com/a/b.png?x=/c.gif\"}]}");
    unlink(path);
    rmdir(dir);
}

static void
what_cannot_be_attached_says_which_and_why(void **state)
{
    char dir[] = "/tmp/belfry-attach-XXXXXX";
    const char *empty, *got;

    (void)state;
    assert_non_null(mkdtemp(dir));
    empty = file_with(dir, "empty.txt", "");
    assert_int_equal(attach(empty, NULL, &got), ERR_INVALID);
    assert_non_null(strstr(got, "empty.txt\": it is empty"));
    assert_int_equal(attach("/nowhere/a.txt", NULL, &got), ERR_INVALID);
    assert_string_equal(
        got, "--attach \"/nowhere/a.txt\": No such file or directory");
    assert_int_equal(attach(dir, NULL, &got), ERR_INVALID);
    assert_int_equal(attach("https://example.com/", NULL, &got), ERR_INVALID);
    assert_non_null(strstr(got, "ends in no name"));
    unlink(empty);
    rmdir(dir);
}

static void
a_type_is_known_by_the_end_of_the_name(void **state)
{
    (void)state;
    assert_string_equal(attach_type(STR("a.pdf")), "application/pdf");
    assert_string_equal(attach_type(STR("a.b.JPG")), "image/jpeg");
    assert_string_equal(attach_type(STR(".pdf")), "application/octet-stream");
    assert_string_equal(attach_type(STR("pdf")), "application/octet-stream");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(files_are_read_and_urls_are_named),
        T(what_cannot_be_attached_says_which_and_why),
        T(a_type_is_known_by_the_end_of_the_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
