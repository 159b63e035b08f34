#include "cli/send_body.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena_test.h"
#include "base/clock.h"

/* Of `send`, those that make a body. */
static const struct arg_option options[] = {
    {.name = "title", .type = ARG_TEXT, .value = "V"},
    {.name = "html", .type = ARG_TEXT, .value = "V"},
    {.name = "template", .type = ARG_TEXT, .value = "V"},
    {.name = "workflow", .type = ARG_TEXT, .value = "V"},
    {.name = "category", .type = ARG_TEXT, .value = "V"},
    {.name = "priority", .type = ARG_TEXT, .value = "V"},
    {.name = "channel", .type = ARG_TEXT, .value = "V"},
    {.name = "dedup-key", .type = ARG_TEXT, .value = "V"},
    {.name = "cancel-key", .type = ARG_TEXT, .value = "V"},
    {.name = "send-at", .type = ARG_TEXT, .value = "V"},
    {.name = "expires-at", .type = ARG_TEXT, .value = "V"},
    {.name = "dry-run", .type = ARG_FLAG},
    {.name = "approval", .type = ARG_FLAG},
    {.name = "approver", .type = ARG_TEXT, .value = "V"},
    {.name = "approval-for",
     .type = ARG_DURATION,
     .value = "V",
     .min = 1,
     .max = 1000000000},
    {.name = "approval-note", .type = ARG_TEXT, .value = "V"},
    {.name = "data", .type = ARG_TEXT, .value = "K=V", .is_repeatable = true},
    {.type = ARG_END},
};

static void
assert_text(struct str s, const char *want)
{
    assert_string_equal(str_cstr(arena, s), want);
}

static enum err
body_of(const char *to, const char *text, const char *const *words,
        struct str *ret, struct str *ret_why)
{
    char *copies[32];
    int n = 0;
    struct args args;
    struct send_words w = {
        .args = &args,
        .to = str_from(to),
        .text = str_from(text),
        .now_ms = INT64_C(1767225600000), /* 2026-01-01 */
    };
    int n_taken;

    for (; words[n]; n++)
        copies[n] = str_cstr(arena, str_from(words[n]));
    args_init(&args, arena);
    args_know(&args, options);
    assert_int_equal(args_parse(&args, n, copies, false, &n_taken), ERR_OK);
    return send_body_of_flags(arena, &w, ret, ret_why);
}

#define BODY(to, text, ret, why, ...)                                          \
    body_of(to, text, (const char *const[]){__VA_ARGS__, NULL}, ret, why)

static void
assert_data(const char *text, const char *key, const char *json)
{
    struct str got_key, got, why = STR_NONE;

    assert_int_equal(data_read(arena, str_from(text), &got_key, &got, &why),
                     ERR_OK);
    assert_text(got_key, key);
    assert_text(got, json);
}

static void
data_is_text_or_json(void **state)
{
    (void)state;
    assert_data("name=Ada", "name", "\"Ada\"");
    assert_data("n=3", "n", "\"3\"");
    assert_data("n:=3", "n", "3");
    assert_data("price:=65000.010", "price", "65000.010");
    assert_data("list:=[1, 2]", "list", "[1, 2]");
    assert_data("empty=", "empty", "\"\"");
    assert_data("q=a\"b\nc", "q", "\"a\\\"b\\nc\"");
    assert_data("url=http://x/?a:=b", "url", "\"http://x/?a:=b\"");
    assert_data("a:b=c", "a:b", "\"c\"");
}

static void
data_without_key_or_with_bad_json_is_refused(void **state)
{
    static const char *const bad[] = {"name", "=x",     ":=1",
                                      "n:=",  "n:=Ada", "n:={\"a\":1,\"a\":2}"};
    struct str key, json, why;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = STR_NONE;
        assert_int_equal(data_read(arena, str_from(bad[i]), &key, &json, &why),
                         ERR_INVALID);
        assert_true(why.n > 0);
    }
    assert_int_equal(data_read(arena, STR("n:=Ada"), &key, &json, &why),
                     ERR_INVALID);
    assert_non_null(strstr(str_cstr(arena, why), "for text write n=..."));
}

static void
flags_make_the_document(void **state)
{
    struct str got, why = STR_NONE;

    (void)state;
    assert_int_equal(BODY("u1", "Hi", &got, &why, "--title", "T", "--channel",
                          "email, in_app", "--data", "a=b", "--data", "n:=1",
                          "--priority", "high", "--dedup-key", "d",
                          "--dry-run"),
                     ERR_OK);
    assert_text(got, "{\"to\":\"u1\",\"channels\":[\"email\",\"in_app\"],"
                     "\"body\":\"Hi\",\"title\":\"T\",\"priority\":\"high\","
                     "\"dedup_key\":\"d\",\"data\":{\"a\":\"b\",\"n\":1},"
                     "\"dry_run\":true}");
}

static void
several_recipients_are_a_list(void **state)
{
    struct str got, why = STR_NONE;

    (void)state;
    assert_int_equal(BODY("u1, u2,", "x", &got, &why, "--"), ERR_OK);
    assert_text(got, "{\"to\":[\"u1\",\"u2\"],\"body\":\"x\"}");
}

static void
an_approval_is_asked_for_as_far_as_it_is_said(void **state)
{
    struct str got = STR_NONE, why = STR_NONE;

    (void)state;
    assert_int_equal(BODY("u1", "hi", &got, &why, "--approval"), ERR_OK);
    assert_text(got, "{\"to\":\"u1\",\"body\":\"hi\",\"approval\":true}");
    assert_int_equal(BODY("u1", "hi", &got, &why, "--approver", "a,b",
                          "--approval-for", "24h", "--approval-note", "x"),
                     ERR_OK);
    assert_text(got, "{\"to\":\"u1\",\"body\":\"hi\",\"approval\":{"
                     "\"roles\":[\"a\",\"b\"],\"expires_in\":\"1d\","
                     "\"note\":\"x\"}}");
}

static void
a_duration_is_counted_from_now(void **state)
{
    struct str got, why = STR_NONE;

    (void)state;
    assert_int_equal(BODY("u", "x", &got, &why, "--send-at", "10m",
                          "--expires-at", "2026-02-01T00:00:00+01:00"),
                     ERR_OK);
    assert_text(got, "{\"to\":\"u\",\"body\":\"x\","
                     "\"send_at\":\"2026-01-01T00:10:00.000Z\","
                     "\"expires_at\":\"2026-02-01T00:00:00+01:00\"}");
    assert_int_equal(BODY("u", "x", &got, &why, "--send-at", "tomorrow"),
                     ERR_INVALID);
    assert_non_null(strstr(str_cstr(arena, why), "--send-at \"tomorrow\""));
}

static void
a_key_of_data_comes_once(void **state)
{
    struct str got, why = STR_NONE;

    (void)state;
    assert_int_equal(
        BODY("u", "x", &got, &why, "--data", "a=1", "--data", "a:=2"),
        ERR_INVALID);
    assert_text(why, "--data names \"a\" twice; keep one");
}

static void
assert_input(const char *input, const char *flags, const char *body,
             const char *type)
{
    struct send_input got;
    struct str why = STR_NONE;

    assert_int_equal(
        send_body_of_input(arena, str_from(input), str_from(flags), &got, &why),
        ERR_OK);
    assert_text(got.body, body);
    assert_string_equal(got.type, type);
    assert_string_equal(got.path, got.is_batch ? "/v1/notifications/batch"
                                               : "/v1/notifications");
    assert_int_equal(got.is_batch,
                     input[0] == '[' || strcmp(type, "application/json") != 0);
}

static void
stdin_holds_one_or_many(void **state)
{
    (void)state;
    assert_input("{\"to\": \"u\"}\n", "{}", "{\"to\": \"u\"}\n",
                 "application/json");
    assert_input("[{\"to\":\"u\"}]", "{}", "[{\"to\":\"u\"}]",
                 "application/json");
    assert_input("{\"to\":\"u\"}\r\n\n{\"to\":\"v\"}\n", "{}",
                 "{\"to\":\"u\"}\r\n\n{\"to\":\"v\"}\n",
                 "application/x-ndjson");
}

static void
flags_are_laid_over_a_document(void **state)
{
    struct send_input got;
    struct str why = STR_NONE;
    struct json_error json_why;
    struct json_doc doc;

    (void)state;
    assert_int_equal(send_body_of_input(
                         arena,
                         STR("{\"to\":\"u\",\"title\":\"a\",\"data\":{\"k\":1}"
                             "}"),
                         STR("{\"title\":\"b\",\"data\":{\"l\":2}}"), &got,
                         &why),
                     ERR_OK);
    assert_int_equal(json_parse(arena, got.body, &doc, &json_why), ERR_OK);
    assert_text(json_str_of(arena, json_root(&doc), "to"), "u");
    assert_text(json_str_of(arena, json_root(&doc), "title"), "b");
    assert_int_equal(json_count(json_get(json_root(&doc), "data")), 2);
}

static void
what_is_no_notification_is_refused(void **state)
{
    static const char *const bad[] = {
        "",          "3", "\"u\"", "{\"to\":\"u\"", "{\"to\":\"u\"}\n[1]\n",
        "not json\n"};
    struct send_input got;
    struct str why;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        why = STR_NONE;
        assert_int_equal(
            send_body_of_input(arena, str_from(bad[i]), STR("{}"), &got, &why),
            ERR_INVALID);
        assert_true(why.n > 0);
    }
    assert_int_equal(send_body_of_input(arena, STR("[]"),
                                        STR("{\"title\":\"t\"}"), &got, &why),
                     ERR_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IT(data_is_text_or_json),
        IT(data_without_key_or_with_bad_json_is_refused),
        IT(flags_make_the_document),
        IT(several_recipients_are_a_list),
        IT(an_approval_is_asked_for_as_far_as_it_is_said),
        IT(a_duration_is_counted_from_now),
        IT(a_key_of_data_comes_once),
        IT(stdin_holds_one_or_many),
        IT(flags_are_laid_over_a_document),
        IT(what_is_no_notification_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
