#include "domain/relink.h"

#include "base/arena.h"
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct arena *arena;

static struct str
bracketed(void *arg, struct str url)
{
    (void)arg;
    if (str_starts(url, STR("https://stay")))
        return STR_NONE;
    return str_fmt(arena, "T(%.*s)", STR_ARG(url));
}

static void
assert_becomes(const char *html, const char *want)
{
    struct relink r = {.arena = arena, .other = bracketed};
    struct str got = relink_html(&r, str_from(html));

    if (!str_is(got, want))
        fail_msg("%s\nbecomes %.*s\nnot     %s", html, STR_ARG(got), want);
}

static int
setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static void
links_get_other_targets(void **state)
{
    static const char *const rows[][2] = {
        {"<a href=\"http://x/\">y</a>", "<a href=\"T(http://x/)\">y</a>"},
        {"<A class=b HREF='https://x'>", "<A class=b HREF=\"T(https://x)\">"},
        {"<a href=https://x>y", "<a href=\"T(https://x)\">y"},
        {"<a\nhref = \"https://x\" />", "<a\nhref = \"T(https://x)\" />"},
        {"<area href=\"https://x\">", "<area href=\"T(https://x)\">"},
        {"<a href=\" https://x \">", "<a href=\"T(https://x)\">"},
        {"<a href=\"https://x?a=1&amp;b=2&#38;c&#x26;d&e=&lt\">",
         "<a href=\"T(https://x?a=1&amp;b=2&amp;c&amp;d&amp;e=&amp;lt)\">"},
        {"<a title='>' href='https://x'>", "<a title='>' "
                                           "href=\"T(https://x)\">"},
        {"<a href='https://x' href='https://y'>",
         "<a href=\"T(https://x)\" href='https://y'>"},
        {"<p><a href='https://x'>1</a><a href='https://z'>2</a>",
         "<p><a href=\"T(https://x)\">1</a><a href=\"T(https://z)\">2</a>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_becomes(rows[i][0], rows[i][1]);
}

static void
the_rest_stays_as_it_is(void **state)
{
    static const char *const rows[] = {
        "",
        "no markup, 1 < 2, a & b",
        "<a href=\"mailto:x@y.z\">",
        "<a href=\"/path\">",
        "<a href=\"#there\">",
        "<a href=\"javascript:x()\">",
        "<a href=\"https://stay/\">",
        "<a href=\"https://x\\y\">",
        "<a href=\"https://x\ny\">",
        "<a href=\"https://x?&eacute;=1\">",
        "<a href>",
        "<a href=>",
        "<a data-href=\"https://x\">",
        "<abbr href=\"https://x\">",
        "<link href=\"https://x\">",
        "<img src=\"https://x\">",
        "<!-- <a href=\"https://x\"> -->",
        "<!-- <a href=\"https://x\">",
        "<style>a:after { content: '<a href=\"https://x\">' }</style>",
        "<script><a href=\"https://x\">",
        "<a href=\"https://x",
        "<a href=\"https://x\"",
        "<a",
        "<",
        "</",
        "<a href='",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_becomes(rows[i], rows[i]);
}

static void
a_long_link_stays(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, arena);
    buf_put_cstr(&b, "<a href=\"https://x/");
    for (int i = 0; i < RELINK_URL_MAX; i++)
        buf_put_char(&b, 'a');
    buf_put_cstr(&b, "\">");
    assert_becomes(str_cstr(arena, buf_str(&b)), str_cstr(arena, buf_str(&b)));
}

static void
the_tail_is_the_end_of_the_body(void **state)
{
    struct relink r = {.arena = arena, .tail = STR("<img>")};

    (void)state;
    assert_true(str_is(relink_html(&r, STR("<p>x")), "<p>x<img>"));
    assert_true(str_is(relink_html(&r, STR("<body>x</BODY></html>")),
                       "<body>x<img></BODY></html>"));
    assert_true(str_is(relink_html(&r, STR("<a href=\"https://x\">")),
                       "<a href=\"https://x\"><img>"));
}

/* Whatever is cut off where: it ends, and nothing is lost. */
static void
no_cut_does_harm(void **state)
{
    struct relink r = {.arena = arena};
    struct str html =
        STR("<html><!-- c --><style>x</style><body><a title=\"q\" "
            "href='https://x?a&amp;b'>y</a><br/></body></html>");

    (void)state;
    for (size_t from = 0; from < html.n; from++)
        for (size_t n = 0; n <= html.n - from; n++) {
            struct str part = str_dup(arena, str_sub(html, from, n));

            assert_true(str_eq(relink_html(&r, part), part));
        }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_get_other_targets),
        cmocka_unit_test(the_rest_stays_as_it_is),
        cmocka_unit_test(a_long_link_stays),
        cmocka_unit_test(the_tail_is_the_end_of_the_body),
        cmocka_unit_test(no_cut_does_harm),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
