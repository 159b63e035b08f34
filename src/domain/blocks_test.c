#include "domain/blocks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/arena_test.h"
#include "domain/link.h"

static struct str
blocks_of(struct str html)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, arena);
    w = json_writer(&out);
    blocks_write(html, &w);
    return buf_str(&out);
}

/* A short form: p(...), h1(...), ul(...), ol(...), li(...), q(...), pre'...',
 * hr, img URL 'alt', 'text', b(...), i(...), s(...), code(...), a URL(...), br.
 */
static void shorten(struct buf *out, struct json list);

static void
shorten_children(struct buf *out, const char *name, struct json node)
{
    buf_printf(out, "%s(", name);
    shorten(out, json_get(node, "children"));
    buf_put_char(out, ')');
}

static void
shorten_node(struct buf *out, struct json node)
{
    static const struct {
        const char *type, *name;
    } marks[] = {{"paragraph", "p"}, {"item", "li"},    {"quote", "q"},
                 {"strong", "b"},    {"emphasis", "i"}, {"strike", "s"},
                 {"code", "code"}};
    struct str type = json_str_of(arena, node, "type");
    int64_t level;

    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        if (str_is(type, marks[i].type))
            shorten_children(out, marks[i].name, node);
    if (str_is(type, "text") || str_is(type, "preformatted"))
        buf_printf(out, "%s'%.*s'", str_is(type, "text") ? "" : "pre",
                   STR_ARG(json_str_of(arena, node, "text")));
    if (str_is(type, "heading") && json_int(json_get(node, "level"), &level))
        shorten_children(
            out, str_cstr(arena, str_fmt(arena, "h%d", (int)level)), node);
    if (str_is(type, "list"))
        shorten_children(
            out, json_bool(json_get(node, "ordered"), false) ? "ol" : "ul",
            node);
    if (str_is(type, "link"))
        shorten_children(
            out,
            str_cstr(arena, str_fmt(arena, "a %.*s",
                                    STR_ARG(json_str_of(arena, node, "url")))),
            node);
    if (str_is(type, "image"))
        buf_printf(out, "img %.*s '%.*s'",
                   STR_ARG(json_str_of(arena, node, "url")),
                   STR_ARG(json_str_of(arena, node, "alt")));
    if (str_is(type, "rule"))
        buf_put_cstr(out, "hr");
    if (str_is(type, "break"))
        buf_put_cstr(out, "br");
}

static void
shorten(struct buf *out, struct json list)
{
    bool is_first = true;

    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v)) {
        buf_put_cstr(out, is_first ? "" : " ");
        shorten_node(out, v);
        is_first = false;
    }
}

static void
assert_blocks(const char *html, const char *want)
{
    struct json_doc doc;
    struct json_error why;
    struct buf out;

    buf_init(&out, arena);
    assert_int_equal(json_parse(arena, blocks_of(str_from(html)), &doc, &why),
                     ERR_OK);
    shorten(&out, json_root(&doc));
    assert_string_equal(str_cstr(arena, buf_str(&out)), want);
}

static void
html_becomes_a_tree_of_what_is_allowed(void **state)
{
    static const struct {
        const char *html, *want;
    } rows[] = {
        {"", ""},
        {"Hello", "p('Hello')"},
        {"<p>One</p><p>Two</p>", "p('One') p('Two')"},
        {"<p>One<p>Two", "p('One') p('Two')"},
        {"  a \n\t b  ", "p('a b ')"},
        {"<p>a <b>b</b> <i>c</i></p>", "p('a ' b('b') ' ' i('c'))"},
        {"<b> a</b> b", "p(b('a') ' b')"},
        {"<h2>Big</h2>text", "h2('Big') p('text')"},
        {"<ul><li>a</li><li>b <b>c</b></li></ul>",
         "ul(li(p('a')) li(p('b ' b('c'))))"},
        {"<ol><li>a<ul><li>b</ul></ol>", "ol(li(p('a') ul(li(p('b')))))"},
        {"<ul>  <p>x</p> <li> </li></ul>", "ul(li(p('x')))"},
        {"<blockquote>a<p>b</blockquote>c", "q(p('a') p('b')) p('c')"},
        {"<pre>a\n  b<br>c</pre>", "pre'a\n  b\nc'"},
        {"a<hr>b", "p('a') hr p('b')"},
        {"a<br>b<br>", "p('a' br 'b' br)"},
        {"<a href='https://x.example/?a=1&amp;b=2'>go</a>",
         "p(a https://x.example/?a=1&b=2('go'))"},
        {"<a href=' /orders/7 '>go</a>", "p(a /orders/7('go'))"},
        {"<a href='mailto:a@b.c'>m</a> <a href='tel:+1'>t</a>",
         "p(a mailto:a@b.c('m') ' ' a tel:+1('t'))"},
        {"<img src='https://x.example/i.png' alt='A &lt;dog&gt;'>",
         "img https://x.example/i.png 'A <dog>'"},
        {"see <img src='http://x/i.png'> that",
         "p('see ' img http://x/i.png '' ' that')"},
        {"<del>old</del> <s>o</s> <code>x()</code>",
         "p(s('old') ' ' s('o') ' ' code('x()'))"},
        {"<table><tr><td>a</td><td>b</td></tr><tr><td>c</table>",
         "p('a') p('b') p('c')"},
        {"<a href='https://x'><div>a</div><div>b</div></a>",
         "p(a https://x('a' br 'b' br))"},
        {"<b><h1>x</h1></b>", "p(b('x' br))"},
        {"<span style='color:red'>r</span><font size=7>f</font>", "p('r' 'f')"},
        {"&lt;b&gt; &amp; &eacute; &#x1F600;", "p('<b> & \u00e9 \U0001F600')"},
        {"<b></b><p></p><ul></ul><a href='https://x'></a>", ""},
        {"<li>alone</li>", "p('alone')"},
        {"<html><head><title>T</title></head><body>b</body></html>", "p('b')"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_blocks(rows[i].html, rows[i].want);
}

static void
what_could_do_harm_is_left_out(void **state)
{
    static const struct {
        const char *html, *want;
    } rows[] = {
        {"a<script>alert(1)</script>b", "p('a' 'b')"},
        {"<style>p{}</style><!-- c --><p onclick='x()'>t</p>", "p('t')"},
        {"<a href='javascript:alert(1)'>x</a>", "p('x')"},
        {"<a href='java\tscript:alert(1)'>x</a>", "p('x')"},
        {"<a href='&#106;avascript:alert(1)'>x</a>", "p('x')"},
        {"<a href='data:text/html,x'>x</a><a href='//evil'>y</a>",
         "p('x' 'y')"},
        {"<a href='/\\evil'>x</a>", "p('x')"},
        {"<img src='data:image/png;base64,AAAA' onerror='x()'>", ""},
        {"<img src=x>t", "p('t')"},
        {"<iframe src='https://x'>f</iframe><object>o</object>", ""},
        {"<svg><a href='https://x'>s</a></svg><math><mi>m</mi></math>", ""},
        {"<form action='https://x'>Name <input><button>b</button></form>",
         "p('Name ')"},
        {"<template><p>t</p></template><noscript>n</noscript>", "p('n')"},
        {"<textarea><b>x</b></textarea><select><option>o</select>", ""},
        {"<title><b>x</title></b>y", "p('y')"},
        {"<p title='</p><script>'>t", "p('t')"},
        {"<!doctype html><![CDATA[<b>x</b>]]>y", "p('x]]>y')"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_blocks(rows[i].html, rows[i].want);
}

static struct str
repeated(const char *what, size_t n)
{
    struct buf out;

    buf_init(&out, arena);
    for (size_t i = 0; i < n; i++)
        buf_put_cstr(&out, what);
    return buf_str(&out);
}

static void
however_large_it_is_the_tree_is_small(void **state)
{
    static const char *const patterns[] = {
        "<b>",
        "<div>",
        "<ul><li>",
        "<blockquote>",
        "<a href='https://x'>y",
        "a<br>",
        "<p>x",
        "<table>",
        "<h1>",
        "<b><i>x</b>",
        "<li>",
        "x\n",
        "<svg>",
        "<pre>",
        "<font color=a><p>",
        "<nobr>",
        "<a><b><p>",
        "&amp",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
        struct str html = repeated(patterns[i], 65536 / strlen(patterns[i]));
        struct json_doc doc;
        struct json_error why;
        struct str out = blocks_of(html);

        assert_true(out.n <= BLOCKS_NODES_MAX * 60 + html.n);
        assert_int_equal(json_parse(arena, out, &doc, &why), ERR_OK);
        out = str_fmt(arena, "{\"blocks\":%.*s}", STR_ARG(out));
        assert_int_equal(json_parse(arena, out, &doc, &why), ERR_OK);
    }
}

static void
few_bytes_do_not_make_many_nodes(void **state)
{
    struct buf html;

    (void)state;
    buf_init(&html, arena);
    for (int i = 0; i < 2500; i++)
        buf_printf(&html, "<b a%d>", i);
    for (int i = 0; i < 5000; i++)
        buf_put_cstr(&html, "<p>x");
    assert_true(html.n < BLOCKS_HTML_MAX);
    assert_true(str_is(blocks_of(buf_str(&html)), "[]"));
}

/* "<p a0 a1 ...>x</p>", where `before` stands first and `after` last. */
static struct str
crowded(const char *before, int n, const char *after)
{
    struct buf html;

    buf_init(&html, arena);
    buf_put_cstr(&html, before);
    for (int i = 0; i < n; i++)
        buf_printf(&html, " a%d", i);
    buf_put_cstr(&html, after);
    return buf_str(&html);
}

static void
a_tag_has_so_many_attributes_and_no_more(void **state)
{
    static const struct {
        const char *before, *after;
    } ways[] = {
        {"<p", ">x</p>"},
        {"</p", ">x"},
        {"<p b=\">\"c='>'", ">x</p>"},
        {"<!-- <a b=\" --><p", ">x</p> \""},
        {"<!-- <a b=' <i c=\" --><p", ">x</p> '\""},
        {"<script><a b=\"</script><p b", ">x</p>\""},
        {"<p b=c/d='e'f=\"\"g/h", "/>x</p>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
        struct str few =
            crowded(ways[i].before, BLOCKS_ATTRIBUTES_MAX - 8, ways[i].after);
        struct str many =
            crowded(ways[i].before, BLOCKS_ATTRIBUTES_MAX + 1, ways[i].after);

        assert_true(str_find(blocks_of(few), 'x') > 0);
        assert_true(str_is(blocks_of(many), "[]"));
    }
    /* A text of many words is no tag. */
    assert_true(str_find(blocks_of(crowded("<p b=\"c\">", 5000, "x")), 'x') >
                0);
    assert_true(str_find(blocks_of(crowded("<p>1 < 2 and <!-- -->", 5000, "x")),
                         'x') > 0);
}

static int64_t
cpu_us_of(struct str html)
{
    clock_t before = clock();

    (void)blocks_of(html);
    return (int64_t)(clock() - before) * 1000000 / CLOCKS_PER_SEC;
}

/* What is deep costs about as much as what is flat: it was 200 times that. */
static void
each_node_is_looked_at_once_however_deep_it_is(void **state)
{
    struct str empty = repeated("<br><wbr>", 6000);
    struct str above = repeated("<section>", 200);
    struct str deep =
        str_fmt(arena, "%.*s%.*s", STR_ARG(above), STR_ARG(empty));
    int64_t flat_us = cpu_us_of(empty);

    (void)state;
    for (int i = 0; i < 4; i++) {
        int64_t us = cpu_us_of(empty);

        flat_us = us < flat_us ? us : flat_us;
    }
    assert_in_range(cpu_us_of(deep), 0, 10 * flat_us + 20000);
}

static void
what_is_too_long_is_cut_between_characters(void **state)
{
    struct str html = repeated("\u00e9", BLOCKS_HTML_MAX / 2 + 10);
    struct str out = blocks_of(str_sub(html, 0, html.n - 1));

    (void)state;
    assert_true(str_is_utf8(out));
    assert_true(out.n < BLOCKS_HTML_MAX + 200);
}

static void
a_link_leads_where_it_says(void **state)
{
    (void)state;
    assert_true(link_is_safe(STR("https://x.example/a?b#c")));
    assert_true(link_is_safe(STR("/orders")));
    assert_false(link_is_safe(STR("")));
    assert_false(link_is_safe(STR("//x.example")));
    assert_false(link_is_safe(STR("javascript:alert(1)")));
    assert_false(link_is_safe(STR("https://a\nb")));
    assert_true(link_is_picture(STR("http://x/i.png")));
    assert_false(link_is_picture(STR("/i.png")));
    assert_false(link_is_picture(STR("https://x\\y")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        T(html_becomes_a_tree_of_what_is_allowed),
        T(what_could_do_harm_is_left_out),
        T(however_large_it_is_the_tree_is_small),
        T(few_bytes_do_not_make_many_nodes),
        T(a_tag_has_so_many_attributes_and_no_more),
        T(each_node_is_looked_at_once_however_deep_it_is),
        T(what_is_too_long_is_cut_between_characters),
        T(a_link_leads_where_it_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
