/* hook_test.c - headers, forms and events of webhooks that come in. */
#include "channel/hook.h"

#include "channel/call_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define COUNT(row) (sizeof(row) / sizeof((row)[0]))

static void
test_header_counts_once(void **state)
{
    const struct channel_header headers[] = {
        {STR("X-Twice"), STR("1")},
        {STR("x-once"), STR(" a ")},
        {STR("x-twice"), STR("1")},
    };
    struct channel_receipt r = {.headers = headers, .n_headers = 3};

    (void)state;
    assert_text(hook_header(&r, "X-Once"), "a");
    assert_text(hook_header(&r, "X-Twice"), "");
    assert_text(hook_header(&r, "X-None"), "");
}

static void
test_form(void **state)
{
    struct arena *a = arena_new();
    struct hook_form f;

    (void)state;
    assert_true(hook_form(a, STR("b=2&a=x+y%26%C3%a4&&b=1&c&d=e=f"), &f));
    assert_int_equal(f.n, 5);
    assert_text(hook_form_get(&f, "a"), "x y&\xc3\xa4");
    assert_text(hook_form_get(&f, "b"), "2");
    assert_text(hook_form_get(&f, "d"), "e=f");
    assert_text(hook_form_get(&f, "e"), "");
    hook_form_sort(&f);
    assert_text(f.pairs[0].name, "a");
    assert_text(f.pairs[1].value, "1");
    assert_text(f.pairs[2].value, "2");
    assert_text(f.pairs[3].name, "c");
    assert_true(hook_form(a, STR_NONE, &f));
    assert_int_equal(f.n, 0);
    arena_free(a);
}

static void
test_form_refuses(void **state)
{
    static const char *const rows[] = {"a=%",   "a=%4",  "a=%4g",
                                       "a=%00", "a=%ff", "%zz=1"};
    struct arena *a = arena_new();
    struct hook_form f;
    struct buf many;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_false(hook_form(a, str_from(rows[i]), &f));
    buf_init(&many, a);
    for (size_t i = 0; i < HOOK_PAIRS_MAX; i++)
        buf_put_cstr(&many, "a=1&");
    assert_true(hook_form(a, buf_str(&many), &f));
    assert_int_equal(f.n, HOOK_PAIRS_MAX);
    buf_put_cstr(&many, "a=1");
    assert_false(hook_form(a, buf_str(&many), &f));
    /* Some signatures would end there, and the form go on. */
    assert_false(hook_form(a, (struct str){"a=1\0&b=2", 8}, &f));
    arena_free(a);
}

static void
test_events_have_a_limit(void **state)
{
    struct channel_receipt r = {.arena = arena_new()};

    (void)state;
    for (int i = 0; i < CHANNEL_EVENTS_MAX; i++)
        hook_add(&r, &(struct channel_event){.at_ms = i});
    assert_int_equal(r.outcome, CHANNEL_RECEIPT_TAKEN);
    for (int i = 0; i < CHANNEL_EVENTS_MAX; i++)
        assert_int_equal(r.events[i].at_ms, i);
    hook_add(&r, &(struct channel_event){0});
    assert_int_equal(r.outcome, CHANNEL_RECEIPT_MALFORMED);
    assert_int_equal(r.n_events, CHANNEL_EVENTS_MAX);
    arena_free(r.arena);
}

static void
test_hex_and_json(void **state)
{
    struct channel_receipt r = {.arena = arena_new(), .body = STR("{\"a\":1}")};

    (void)state;
    assert_true(hook_is_hex_of(r.arena, STR("00fFa0"), STR("\0\xff\xa0")));
    assert_false(hook_is_hex_of(r.arena, STR("00ffa1"), STR("\0\xff\xa0")));
    assert_false(hook_is_hex_of(r.arena, STR("00ff"), STR("\0\xff\xa0")));
    assert_true(json_is(json_get(hook_json(&r), "a"), JSON_NUMBER));
    r.body = STR("{");
    assert_true(json_is(hook_json(&r), JSON_ABSENT));
    arena_free(r.arena);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header_counts_once),
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_form_refuses),
        cmocka_unit_test(test_events_have_a_limit),
        cmocka_unit_test(test_hex_and_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
