#include "base/field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"

static const char *const colours[] = {"red", "green", NULL};
static const struct field name_row[] = {{.type = FIELD_KEY}};
static const struct field inner[] = {
    {.name = "url", .type = FIELD_URL, .flags = FIELD_REQUIRED},
    {.name = "token", .type = FIELD_STRING, .flags = FIELD_SECRET, .min = 5},
    {.type = FIELD_END},
};
static const struct field either[] = {
    {.type = FIELD_KEY},
    {.type = FIELD_ARRAY, .of = name_row, .max = 2},
    {.type = FIELD_END},
};
static const struct field table[] = {
    {.name = "to", .type = FIELD_ONE_OF, .of = either, .flags = FIELD_REQUIRED},
    {.name = "title", .type = FIELD_STRING, .max = 8},
    {.name = "count", .type = FIELD_INT, .min = 1, .max = 10},
    {.name = "price", .type = FIELD_DECIMAL, .flags = FIELD_NULLABLE},
    {.name = "colour", .type = FIELD_ENUM, .values = colours},
    {.name = "wait", .type = FIELD_DURATION, .min = 1000, .max = 60000},
    {.name = "at", .type = FIELD_TIME, .flags = FIELD_NULLABLE},
    {.name = "email", .type = FIELD_EMAIL},
    {.name = "locale", .type = FIELD_LOCALE, .flags = FIELD_NULLABLE},
    {.name = "later", .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED},
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_READ_ONLY},
    {.name = "inner", .type = FIELD_OBJECT, .of = inner},
    {.name = "map", .type = FIELD_MAP, .of = name_row},
    {.type = FIELD_END},
};

static struct json_doc doc;

static struct json
parse(struct arena *a, const char *text)
{
    struct json_error e;

    assert_int_equal(json_parse(a, str_from(text), &doc, &e), ERR_OK);
    return json_root(&doc);
}

static void
good_documents_pass(void **state)
{
    static const char *const good[] = {
        "{\"to\":\"u1\"}",
        "{\"to\":[\"u1\",\"a@b.c\"],\"title\":\"12345678\",\"count\":10}",
        "{\"to\":\"u\",\"price\":\"65000.01\",\"colour\":\"green\"}",
        "{\"to\":\"u\",\"price\":-1.5,\"wait\":\"1m\",\"at\":null}",
        "{\"to\":\"u\",\"price\":null}",
        "{\"to\":\"u\",\"id\":5,\"at\":\"2026-01-31T09:00:00+01:00\"}",
        "{\"to\":\"u\",\"email\":\"Ada L <ada@example.com>\"}",
        "{\"to\":\"u\",\"inner\":{\"url\":\"https://a.b/c\"},\"map\":{}}",
        /* the mask stands for what is stored, which was long enough */
        "{\"to\":\"u\",\"inner\":{\"url\":\"https://a.b\",\"token\":\"***\"}}",
        "{\"to\":\"u\",\"locale\":\"pt-br\"}",
        "{\"to\":\"u\",\"locale\":null}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct arena *a = arena_new();
        struct problem p;

        problem_init(&p, a);
        field_check(table, parse(a, good[i]), STR(""), &p);
        if (problem_is_set(&p))
            fail_msg("%s: %.*s", good[i], STR_ARG(p.errors[0].detail));
        arena_free(a);
    }
}

static void
each_fault_is_named_by_its_pointer(void **state)
{
    static const struct {
        const char *text, *pointer;
        enum err err;
    } bad[] = {
        {"[]", "", ERR_INVALID},
        {"{}", "/to", ERR_INVALID},
        {"{\"to\":5}", "/to", ERR_INVALID},
        {"{\"to\":\"a b\"}", "/to", ERR_INVALID},
        {"{\"to\":[\"a\",\"\"]}", "/to/1", ERR_INVALID},
        {"{\"to\":[\"a\",\"b\",\"c\"]}", "/to", ERR_INVALID},
        {"{\"to\":\"u\",\"title\":\"123456789\"}", "/title", ERR_INVALID},
        {"{\"to\":\"u\",\"titel\":\"x\"}", "/titel", ERR_INVALID},
        {"{\"to\":\"u\",\"count\":0}", "/count", ERR_INVALID},
        {"{\"to\":\"u\",\"count\":1.5}", "/count", ERR_INVALID},
        {"{\"to\":\"u\",\"price\":\"1e3\"}", "/price", ERR_INVALID},
        {"{\"to\":\"u\",\"colour\":\"blue\"}", "/colour", ERR_INVALID},
        {"{\"to\":\"u\",\"wait\":\"1h\"}", "/wait", ERR_INVALID},
        {"{\"to\":\"u\",\"wait\":\"1x\"}", "/wait", ERR_INVALID},
        {"{\"to\":\"u\",\"at\":\"today\"}", "/at", ERR_INVALID},
        {"{\"to\":\"u\",\"email\":\"a@b@c\"}", "/email", ERR_INVALID},
        {"{\"to\":\"u\",\"locale\":\"de_DE\"}", "/locale", ERR_INVALID},
        {"{\"to\":\"u\",\"locale\":\"\"}", "/locale", ERR_INVALID},
        {"{\"to\":\"u\",\"later\":1}", "/later", ERR_NOT_SUPPORTED},
        {"{\"to\":\"u\",\"inner\":{}}", "/inner/url", ERR_INVALID},
        {"{\"to\":\"u\",\"inner\":{\"url\":\"ftp://x\"}}", "/inner/url",
         ERR_INVALID},
        {"{\"to\":\"u\",\"inner\":{\"url\":\"https://"
         "a.b\",\"token\":\"****\"}}",
         "/inner/token", ERR_INVALID},
        {"{\"to\":\"u\",\"map\":{\"a/b~\":1}}", "/map/a~1b~0", ERR_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct arena *a = arena_new();
        struct problem p;

        problem_init(&p, a);
        field_check(table, parse(a, bad[i].text), STR(""), &p);
        assert_int_equal(p.err, bad[i].err);
        assert_int_equal(p.n_errors, 1);
        if (!str_is(p.errors[0].pointer, bad[i].pointer))
            fail_msg("%s: %.*s", bad[i].text, STR_ARG(p.errors[0].pointer));
        arena_free(a);
    }
}

static void
secrets_are_masked_at_every_depth(void **state)
{
    struct arena *a = arena_new();
    struct buf out;
    struct json_writer w;

    (void)state;
    buf_init(&out, a);
    w = json_writer(&out);
    field_mask(table,
               parse(a, "{\"to\":\"u\",\"inner\":{\"url\":\"http://x\","
                        "\"token\":\"hunter2\"}}"),
               &w);
    assert_true(str_is(buf_str(&out), "{\"to\":\"u\",\"inner\":{\"url\":"
                                      "\"http://x\",\"token\":\"***\"}}"));
    arena_free(a);
}

static void
a_problem_tells_code_status_and_pointers(void **state)
{
    struct arena *a = arena_new();
    struct problem p;
    struct buf out;
    struct json_doc d;
    struct json_error e;
    struct json errors;

    (void)state;
    problem_init(&p, a);
    for (int i = 0; i < PROBLEM_ERRORS_MAX + 5; i++)
        problem_add(&p, ERR_INVALID, STR("/x"), "fault %d", i);
    buf_init(&out, a);
    problem_write(&p, "https://x/", STR("req_1"), &out);
    assert_int_equal(json_parse(a, buf_str(&out), &d, &e), ERR_OK);
    assert_true(
        str_is(json_str_of(a, json_root(&d), "type"), "https://x/invalid"));
    errors = json_get(json_root(&d), "errors");
    assert_int_equal(json_count(errors), PROBLEM_ERRORS_MAX);
    assert_true(str_is(json_str_of(a, json_root(&d), "detail"),
                       "37 fields are at fault."));
    arena_free(a);
}

static void
durations_are_bounded_in_words(void **state)
{
    static const struct field open[] = {
        {.name = "wait", .type = FIELD_DURATION, .min = 90000},
        {.type = FIELD_END},
    };
    struct arena *a = arena_new();
    struct problem p;

    (void)state;
    problem_init(&p, a);
    field_check(table, parse(a, "{\"to\":\"u\",\"wait\":\"2m\"}"), STR_NONE,
                &p);
    assert_true(str_is(problem_summary(&p), "/wait: must be from 1s to 1m"));
    problem_init(&p, a);
    field_check(open, parse(a, "{\"wait\":\"89s\"}"), STR_NONE, &p);
    assert_true(str_is(problem_summary(&p), "/wait: must be at least 90s"));
    problem_init(&p, a);
    field_check(open, parse(a, "{\"wait\":\"31d\"}"), STR_NONE, &p);
    assert_int_equal(p.n_errors, 0);
    arena_free(a);
}

/* Its pointer is the empty one, which would read as a name. */
static void
a_fault_of_the_whole_document_has_no_pointer_in_its_detail(void **state)
{
    struct arena *a = arena_new();
    struct problem p;

    (void)state;
    problem_init(&p, a);
    problem_add(&p, ERR_INVALID, STR_NONE, "needs content");
    assert_true(str_is(problem_summary(&p), "needs content"));
    arena_free(a);
}

static void
a_table_gives_a_schema_without_what_is_not_built(void **state)
{
    struct arena *a = arena_new();
    struct buf out;
    struct json_writer w;
    struct json_doc d;
    struct json_error e;
    struct json members;

    (void)state;
    buf_init(&out, a);
    w = json_writer(&out);
    field_schema(table, false, &w);
    assert_int_equal(json_parse(a, buf_str(&out), &d, &e), ERR_OK);
    members = json_get(json_root(&d), "properties");
    assert_true(json_is(json_get(members, "later"), JSON_ABSENT));
    assert_true(json_is(json_get(members, "id"), JSON_ABSENT));
    assert_true(json_is(json_get(members, "to"), JSON_OBJECT));
    assert_true(str_is(json_raw(json_get(json_get(members, "price"), "type")),
                       "[\"string\",\"number\",\"null\"]"));
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_documents_pass),
        cmocka_unit_test(each_fault_is_named_by_its_pointer),
        cmocka_unit_test(secrets_are_masked_at_every_depth),
        cmocka_unit_test(a_problem_tells_code_status_and_pointers),
        cmocka_unit_test(durations_are_bounded_in_words),
        cmocka_unit_test(
            a_fault_of_the_whole_document_has_no_pointer_in_its_detail),
        cmocka_unit_test(a_table_gives_a_schema_without_what_is_not_built),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
