#include "app/attachment_doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/problem.h"

static struct json
parsed(struct arena *a, const char *text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    assert_int_equal(json_parse(a, str_from(text), doc, &why), ERR_OK);
    return json_root(doc);
}

#define GOOD "\"filename\":\"a\",\"content_type\":\"a/b\""

static void
each_fault_has_its_pointer(void **state)
{
    static const struct {
        const char *list, *pointer; /* NULL: there is none */
    } rows[] = {
        {"[{" GOOD ",\"content\":\"aGk=\"}]", NULL},
        {"[{" GOOD ",\"url\":\"https://example.com/x\"}]", NULL},
        {"[{\"filename\":\"a/b\",\"content_type\":\"a/b\",\"content\":"
         "\"aGk=\"}]",
         "/attachments/0/filename"},
        {"[{\"filename\":\"a\",\"content_type\":\"ab\",\"content\":"
         "\"aGk=\"}]",
         "/attachments/0/content_type"},
        {"[{" GOOD ",\"content\":\"aGk=\"},{" GOOD ",\"content\":\"aGk\"}]",
         "/attachments/1/content"},
        {"[{" GOOD ",\"url\":\"ftp://example.com/x\"}]", "/attachments/0/url"},
        {"[{" GOOD "}]", "/attachments/0"},
        {"[{" GOOD ",\"content\":\"aGk=\",\"url\":\"https://a.b/\"}]",
         "/attachments/0"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct problem p;

        problem_init(&p, a);
        attachments_check(parsed(a, rows[i].list), &p);
        if (rows[i].pointer) {
            assert_int_equal(p.n_errors, 1);
            assert_true(str_is(p.errors[0].pointer, rows[i].pointer));
        } else if (problem_is_set(&p)) {
            fail_msg("%s", rows[i].list);
        }
    }
    arena_free(a);
}

static void
what_is_kept_has_no_bytes(void **state)
{
    struct arena *a = arena_new();
    struct json doc =
        parsed(a, "{\"to\":\"u\",\"attachments\":[{" GOOD
                  ",\"content\":\"aGk=\"},{" GOOD
                  ",\"url\":\"https://a.b/x\"}],\"title\":\"t\\u0041\"}");
    struct attachment *rows;
    struct json_writer w;
    struct str kept;
    struct buf out;
    size_t n = attachments_read(a, json_get(doc, "attachments"), &rows);

    (void)state;
    assert_int_equal(n, 2);
    assert_true(str_is(rows[0].content, "aGk="));
    kept = attachments_kept(a, doc, rows, n);
    assert_true(str_is(kept, "{\"to\":\"u\",\"attachments\":[{" GOOD
                             ",\"size\":2},{" GOOD
                             ",\"url\":\"https://a.b/x\"}],\"title\":"
                             "\"t\\u0041\"}"));
    doc = parsed(a, str_cstr(a, kept));
    n = attachments_read(a, json_get(doc, "attachments"), &rows);
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].size, 2);
    assert_int_equal(rows[0].content.n, 0);
    assert_true(str_is(rows[1].url, "https://a.b/x"));
    buf_init(&out, a);
    w = json_writer(&out);
    attachments_tell(&w, rows, n);
    assert_true(str_is(buf_str(&out),
                       "[{" GOOD ",\"size\":2},{" GOOD ",\"size\":null}]"));
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_has_its_pointer),
        cmocka_unit_test(what_is_kept_has_no_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
