#include "base/icu_idna.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/arena.h"

static void
a_name_becomes_its_a_labels(void **state)
{
    static const struct {
        const char *name, *ascii; /* NULL: it is none */
    } rows[] = {
        {"m\xc3\xbcnchen.example", "xn--mnchen-3ya.example"},
        {"M\xc3\x9cNCHEN.Example", "xn--mnchen-3ya.example"},
        {"fa\xc3\x9f.example", "xn--fa-hia.example"}, /* not fass */
        {"\xe4\xbe\x8b\xe3\x81\x88.\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88",
         "xn--r8jz45g.xn--zckzah"},
        {"xn--mnchen-3ya.b\xc3\xbc"
         "cher.example",
         "xn--mnchen-3ya.xn--bcher-kva.example"},
        {"example.com", "example.com"},
        {"", NULL},
        {"a..\xc3\xbc", NULL},
        {"-\xc3\xbc.example", NULL},
        {"a_\xc3\xbc.example", NULL},
        {"a b\xc3\xbc.example", NULL},
        {"xn--a.example", NULL},
        {"\xff.example", NULL},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str ascii = STR_NONE;
        enum err e = icu_domain(a, str_from(rows[i].name), &ascii);

        if (e != (rows[i].ascii ? ERR_OK : ERR_INVALID) ||
            (rows[i].ascii && !str_is(ascii, rows[i].ascii)))
            fail_msg("|%s|: %s |%.*s|", rows[i].name, err_code(e),
                     STR_ARG(ascii));
    }
    arena_free(a);
}

static void
a_name_that_is_too_long_is_none(void **state)
{
    struct arena *a = arena_new();
    char name[1000];
    struct str ascii;

    (void)state;
    for (size_t i = 0; i < sizeof(name); i++)
        name[i] = i % 50 == 49 ? '.' : 'a';
    memcpy(name, "\xc3\xbc", 2);
    assert_int_equal(icu_domain(a, (struct str){name, 199}, &ascii), ERR_OK);
    assert_int_equal(
        icu_domain(a, (struct str){name, sizeof(name) - 1}, &ascii),
        ERR_INVALID);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_becomes_its_a_labels),
        cmocka_unit_test(a_name_that_is_too_long_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
