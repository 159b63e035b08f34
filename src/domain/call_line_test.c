#include "domain/call_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena.h"

static struct arena *arena;

static int
set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void
assert_line(const struct call_line *l, const char *text)
{
    struct str line = call_line_write(arena, l);

    if (!str_is(line, text))
        fail_msg("\"%.*s\", not \"%s\"", STR_ARG(line), text);
}

static void
it_is_one_short_line(void **state)
{
    (void)state;
    assert_line(&(struct call_line){.method = STR("POST"),
                                    .host = STR("api.example.com:8443"),
                                    .path = STR("/v1/send"),
                                    .size = 312,
                                    .is_delivery = true},
                "POST api.example.com:8443 /v1/send 312 +");
    assert_line(&(struct call_line){.method = STR("SMTP"),
                                    .host = STR("mx.example.com:25")},
                "SMTP mx.example.com:25 - 0 -");
    assert_line(&(struct call_line){.method = STR("FILE"),
                                    .path = STR("/var/log/a b\n"),
                                    .size = 9,
                                    .key = STR("k1")},
                "FILE - /var/log/a_b_ 9 k1");
}

static void
what_was_written_is_read(void **state)
{
    struct call_line l;

    (void)state;
    assert_true(call_line_read(STR("POST api.example.com / 312 +"), &l));
    assert_true(str_is(l.method, "POST"));
    assert_true(str_is(l.host, "api.example.com"));
    assert_true(str_is(l.path, "/"));
    assert_int_equal(l.size, 312);
    assert_true(l.is_delivery);
    assert_true(call_line_read(STR("FILE - /x 0 k"), &l));
    assert_int_equal(l.host.n, 0);
    assert_true(str_is(l.key, "k"));
    assert_false(l.is_delivery);
}

static void
what_is_damaged_is_none(void **state)
{
    static const char *const all[] = {"",
                                      "POST",
                                      "POST a /b",
                                      "POST a /b 1",
                                      "POST a /b x -",
                                      "POST  /b 1 -"};
    struct call_line l;

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (call_line_read(str_from(all[i]), &l))
            fail_msg("\"%s\"", all[i]);
}

static void
it_never_grows_long(void **state)
{
    char long_text[1000];
    struct str text = {long_text, sizeof(long_text)};

    (void)state;
    memset(long_text, 'x', sizeof(long_text));
    assert_true(
        call_line_write(arena, &(struct call_line){text, text, text, INT64_MAX,
                                                   text, false})
            .n <= CALL_LINE_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_one_short_line),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(what_is_damaged_is_none),
        cmocka_unit_test(it_never_grows_long),
    };

    return cmocka_run_group_tests_name("domain/call_line", tests, set_up,
                                       tear_down);
}
