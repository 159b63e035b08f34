#include "domain/attachment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
a_name_is_one_part_of_a_path(void **state)
{
    static const char *const good[] = {"a",
                                       "invoice.pdf",
                                       "Rechnung Nr. 7 (Kopie).pdf",
                                       "r\xc3\xa9sum\xc3\xa9.pdf",
                                       "\xf0\x9f\x93\x8e.txt",
                                       "...",
                                       "a;b=\"c\".txt",
                                       "100%.txt"};
    static const char *const bad[] = {"",
                                      ".",
                                      "..",
                                      "a/b",
                                      "/etc/passwd",
                                      "..\\a",
                                      "a\r\nb",
                                      "a\tb",
                                      "a\x7f",
                                      " a",
                                      "a ",
                                      "a\xc2\x85",
                                      "a\xe2\x80\xae"
                                      "fdp.exe",
                                      "a\xe2\x80\xa8",
                                      "\xff"};
    char longest[ATTACHMENT_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (attachment_name_fault(str_from(good[i])))
            fail_msg("|%s| is refused", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (!attachment_name_fault(str_from(bad[i])))
            fail_msg("|%s| is taken", bad[i]);
    assert_non_null(attachment_name_fault((struct str){"a\0b", 3}));
    memset(longest, 'a', sizeof(longest));
    assert_null(
        attachment_name_fault((struct str){longest, ATTACHMENT_NAME_MAX}));
    assert_non_null(
        attachment_name_fault((struct str){longest, ATTACHMENT_NAME_MAX + 1}));
}

static void
a_type_is_that_of_one_file(void **state)
{
    static const char *const good[] = {
        "application/pdf",
        "text/csv; charset=utf-8",
        "text/plain;charset=\"utf-8\"",
        "application/vnd.openxmlformats-officedocument.wordprocessingml."
        "document",
        "image/svg+xml",
        "TEXT/Calendar; method=REQUEST; charset=UTF-8"};
    static const char *const bad[] = {
        "",          "pdf",           "application/",    "/pdf",
        "a/b/c",     "text/plain;",   "text/plain; x",   "text/ plain",
        "text/pl\n", "text/x; a=b c", "multipart/mixed", "Message/RFC822",
        "a/b; c=\"", "a/b;=c",        "a/b; c=\"d\"e\"", "a/b\r\nX: y",
        "\xc3\xa9/b"};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (attachment_type_fault(str_from(good[i])))
            fail_msg("|%s| is refused", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (!attachment_type_fault(str_from(bad[i])))
            fail_msg("|%s| is taken", bad[i]);
}

static void
base64_is_measured_without_decoding(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        size_t size;
    } rows[] = {
        {"", true, 0},
        {"Zg==", true, 1},
        {"Zm8=", true, 2},
        {"Zm9v", true, 3},
        {"Zm9vYg==", true, 4},
        {"+/+/", true, 3},
        {"Zg=", false, 0},
        {"Zg", false, 0},
        {"Zm9v\n", false, 0},
        {"Zm 9v", false, 0},
        {"-_-_", false, 0},
        {"====", false, 0},
        {"Z===", false, 0},
        {"Zg==Zg==", false, 0},
        {"Zm9vYg==\n\n\n\n", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t n = 0;

        if (attachment_size(str_from(rows[i].text), &n) != rows[i].is_good ||
            (rows[i].is_good && n != rows[i].size))
            fail_msg("|%s|: %zu", rows[i].text, n);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_one_part_of_a_path),
        cmocka_unit_test(a_type_is_that_of_one_file),
        cmocka_unit_test(base64_is_measured_without_decoding),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
