#include "domain/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena.h"

#define SPEC_BYTES_MAX (1 << 20)

/* What a template is rendered with: data and partials are JSON objects. */
struct setting {
    struct arena *arena;
    struct json partials;
    struct template_options options;
};

static struct json
parse(struct arena *a, const char *text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    assert_int_equal(json_parse(a, str_from(text), doc, &why), ERR_OK);
    return json_root(doc);
}

static const struct template *
partial_of(void *arg, struct str name)
{
    const struct setting *s = arg;
    struct json source = json_get_str(s->partials, name);
    struct template_error why;
    struct template *t = NULL;

    if (!json_is(source, JSON_STRING))
        return NULL;
    if (template_compile(s->arena, json_str(s->arena, source), &t, &why))
        fail_msg("a partial does not compile: %s", why.why);
    /* cppcheck-suppress CastIntegerToAddressAtReturn; it takes t for an int */
    return t;
}

static enum err
run(struct setting *s, struct str source, struct json data, struct buf *out)
{
    struct template_error why;
    struct template *t;

    s->options.partial = partial_of;
    s->options.partial_arg = s;
    assert_int_equal(template_compile(s->arena, source, &t, &why), ERR_OK);
    return template_render(t, &data, 1, &s->options, out);
}

static void
expect_in(struct setting *s, const char *source, const char *data,
          const char *want)
{
    struct buf out = {0};

    assert_int_equal(run(s, str_from(source), parse(s->arena, data), &out),
                     ERR_OK);
    buf_put_char(&out, '\0');
    assert_string_equal(out.p, want);
    buf_fini(&out);
}

static void
expect_with(const char *partials, const char *source, const char *data,
            const char *want)
{
    struct setting s = {.arena = arena_new(),
                        .options = {.escape = TEMPLATE_HTML}};

    s.partials = parse(s.arena, partials);
    expect_in(&s, source, data, want);
    arena_free(s.arena);
}

static void
expect(const char *source, const char *data, const char *want)
{
    expect_with("{}", source, data, want);
}

static void
refused(const char *source, size_t at)
{
    struct arena *a = arena_new();
    struct template_error why = {0, NULL};
    struct template *t = NULL;

    assert_int_equal(template_compile(a, str_from(source), &t, &why),
                     ERR_INVALID);
    assert_non_null(why.why);
    assert_int_equal(why.at, at);
    assert_null(t);
    arena_free(a);
}

/* ---- names and values ---- */

static void
values_print_as_people_write_them(void **state)
{
    (void)state;
    expect("{{a}}", "{\"a\":\"x\"}", "x");
    expect("{{ a }}{{{ a }}}{{& a }}", "{\"a\":\"x\"}", "xxx");
    expect("{{a}}", "{\"a\":12.340}", "12.34");
    expect("{{a}}", "{\"a\":12.000}", "12");
    expect("{{a}}", "{\"a\":-0.50}", "-0.5");
    expect("{{a}}", "{\"a\":1200}", "1200");
    expect("{{a}}", "{\"a\":1.5e10}", "1.5e10");
    expect("{{a}}", "{\"a\":1.0E10}", "1.0E10");
    expect("{{a}}", "{\"a\":98765432109876543210987654321}",
           "98765432109876543210987654321");
    expect("{{a}}", "{\"a\":0.10000000000000000000000000000000001}",
           "0.10000000000000000000000000000000001");
    expect("{{a}}{{b}}", "{\"a\":true,\"b\":false}", "truefalse");
    expect("({{a}}{{b}})", "{\"a\":null}", "()");
    expect("{{a}}", "{\"a\":\"l\\u00fc\\n\\\"\"}", "l\xc3\xbc\n&quot;");
}

static void
containers_print_as_they_were_sent(void **state)
{
    (void)state;
    expect("{{{a}}}", "{\"a\":{\"k\": [1.50, \"<\"]}}",
           "{\"k\": [1.50, \"<\"]}");
    expect("{{a}}", "{\"a\":[1,\"<\"]}", "[1,&quot;&lt;&quot;]");
}

static void
html_is_escaped_unless_asked_otherwise(void **state)
{
    struct setting s = {.arena = arena_new()};

    (void)state;
    expect("{{a}}|{{{a}}}|{{&a}}", "{\"a\":\"<b>&\\\"\"}",
           "&lt;b&gt;&amp;&quot;|<b>&\"|<b>&\"");
    s.options.escape = TEMPLATE_PLAIN;
    expect_in(&s, "{{a}}", "{\"a\":\"<b>&\\\"'\"}", "<b>&\"'");
    arena_free(s.arena);
}

static void
an_apostrophe_cannot_leave_an_attribute(void **state)
{
    struct setting s = {.arena = arena_new(),
                        .options = {.escape = TEMPLATE_HTML}};
    struct buf out = {0};

    (void)state;
    assert_int_equal(
        run(&s, STR("{{a}}"), parse(s.arena, "{\"a\":\"'\"}"), &out), ERR_OK);
    assert_true(out.n > 1 && out.p[0] == '&');
    buf_fini(&out);
    arena_free(s.arena);
}

static void
a_dotted_name_commits_to_its_first_part(void **state)
{
    const char *data = "{\"a\":{\"b\":{\"c\":1}},\"b\":{\"d\":2},\"a.b\":3}";

    (void)state;
    expect("{{a.b.c}}", data, "1");
    expect("({{a.b.d}})", data, "()");
    expect("{{#a}}({{b.d}}){{/a}}", data, "()");
    expect("({{a.b.c.x}}{{a.}}{{.a}})", data, "()");
    expect("{{#a.b}}{{c}}{{/a.b}}", data, "1");
}

static void
later_contexts_hide_earlier_ones(void **state)
{
    struct arena *a = arena_new();
    struct json contexts[] = {parse(a, "{\"x\":1,\"y\":2}"),
                              parse(a, "{\"y\":3,\"z\":null}"),
                              {NULL, 0}};
    struct template_options options = {.escape = TEMPLATE_PLAIN};
    struct template_error why;
    struct template *t;
    struct buf out = {0};

    (void)state;
    assert_int_equal(template_compile(a, STR("{{x}}{{y}}{{z}}"), &t, &why),
                     ERR_OK);
    buf_put_cstr(&out, "kept ");
    assert_int_equal(template_render(t, contexts, 3, &options, &out), ERR_OK);
    assert_true(str_is(buf_str(&out), "kept 13"));
    assert_int_equal(template_render(t, NULL, 0, &options, &out), ERR_OK);
    assert_true(str_is(buf_str(&out), "kept 13"));
    buf_fini(&out);
    arena_free(a);
}

static void
unknown_names_stay_as_written_when_asked(void **state)
{
    struct setting s = {
        .arena = arena_new(),
        .options = {.escape = TEMPLATE_HTML, .keeps_unknown = true}};

    (void)state;
    expect_in(&s, "{{ a }} {{{b}}} {{& c}} {{d.e\n}}", "{\"d\":{}}",
              "{{ a }} {{{b}}} {{& c}} {{d.e\n}}");
    expect_in(&s, "({{a}}{{b}})", "{\"a\":null,\"b\":\"\"}", "()");
    expect_in(&s, "{{=<% %>=}}<% a %>{{a}}", "{}", "<% a %>{{a}}");
    expect_in(&s, "({{#a}}x{{/a}}{{> p}})", "{}", "()");
    expect_in(&s, "{{^a}}{{a}}{{/a}}", "{}", "{{a}}");
    arena_free(s.arena);
}

/* ---- sections ---- */

static void
what_is_false_hides_a_section_and_shows_its_inverse(void **state)
{
    static const char *const no[] = {"false", "null", "[]", "\"\""};
    static const char *const yes[] = {"true", "0", "{}", "\"0\"", "[null]"};
    char data[32];

    (void)state;
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        snprintf(data, sizeof(data), "{\"a\":%s}", no[i]);
        expect("{{#a}}yes{{/a}}{{^a}}no{{/a}}", data, "no");
    }
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        snprintf(data, sizeof(data), "{\"a\":%s}", yes[i]);
        expect("{{#a}}yes{{/a}}{{^a}}no{{/a}}", data, "yes");
    }
    expect("{{#a}}yes{{/a}}{{^a}}no{{/a}}", "{}", "no");
}

static void
a_list_repeats_its_section_with_each_item_in_front(void **state)
{
    (void)state;
    expect("{{#l}}{{n}}{{u}},{{/l}}",
           "{\"u\":\"!\",\"n\":9,\"l\":[{\"n\":1},{},{\"n\":null}]}",
           "1!,9!,!,");
    expect("{{#l}}<{{.}}>{{/l}}", "{\"l\":[1,\"b\",null,true]}",
           "<1><b><><true>");
    expect("{{#l}}[{{#.}}{{.}} {{/.}}]{{/l}}", "{\"l\":[[1,2],[],[3]]}",
           "[1 2 ][][3 ]");
    expect("{{#.}}{{.}}{{/.}}", "[3,4]", "34");
}

static void
lines_that_hold_only_a_tag_vanish(void **state)
{
    (void)state;
    expect("a\n {{#s}} \nb\n\t{{/s}}\nc", "{\"s\":1}", "a\nb\nc");
    expect("a\r\n{{#s}}\r\nb\r\n{{/s}}\r\nc\r\n", "{\"s\":1}",
           "a\r\nb\r\nc\r\n");
    expect("a\n{{! two\nlines }}\nb\n", "{}", "a\nb\n");
    expect("a\n {{=| |=}}\n|x|\n", "{\"x\":1}", "a\n1\n");
    expect("{{^s}}\n{{/s}}\nx", "{}", "x");
    expect("x {{! no }}\ny", "{}", "x \ny");
    expect("{{#s}}{{/s}}\ny", "{\"s\":1}", "\ny");
    expect(" {{x}} \ny", "{\"x\":\"\"}", "  \ny");
}

static void
delimiters_change_from_there_on(void **state)
{
    (void)state;
    expect("{{a}}{{=<< >>=}}{{a}}<<a>><<{a}>><<& a>>", "{\"a\":\"<\"}",
           "&lt;{{a}}&lt;<<");
    expect("{{= |  | =}}|a||={{ }}=|{{a}}", "{\"a\":1}", "11");
    expect_with("{\"p\":\"{{a}}|a|\"}", "{{=| |=}}|>p||a|", "{\"a\":1}",
                "1|a|1");
}

/* ---- partials ---- */

static void
a_partial_is_indented_line_by_line_but_data_is_not(void **state)
{
    (void)state;
    expect_with("{\"p\":\"{{x}}\\n\\n{{#l}}\\n- {{.}}\\n{{/l}}\\nend\"}",
                "top\n  {{> p}}\nrest", "{\"x\":\"1\\n2\",\"l\":[3,4]}",
                "top\n  1\n2\n  \n  - 3\n  - 4\n  endrest");
    expect_with("{\"p\":\"a\\n {{>q}}\\nb\\n\",\"q\":\"c\\nd\\n\"}",
                "  {{>p}}\n", "{}", "  a\n   c\n   d\n  b\n");
    expect_with("{\"p\":\"a\\nb\"}", "x {{>p}} y", "{}", "x a\nb y");
    expect_with("{\"p\":\"a\\n{{x}}\\n{{#x}}b{{/x}}\"}", "\t{{>p}}\n",
                "{\"x\":1}", "\ta\n\t1\n\tb");
    expect("({{>nothing}})", "{}", "()");
}

static void
a_partial_may_call_itself_as_long_as_data_goes_on(void **state)
{
    (void)state;
    expect_with("{\"t\":\"{{v}}{{#kids}}({{>t}}){{/kids}}\"}", "{{>t}}",
                "{\"v\":1,\"kids\":[{\"v\":2,\"kids\":[]},"
                "{\"v\":3,\"kids\":[{\"v\":4,\"kids\":false}]}]}",
                "1(2)(3(4))");
}

static void
a_partial_may_be_named_by_data(void **state)
{
    const char *partials = "{\"a\":\"A{{x}}\",\"b\":\"B\",\"7\":\"no\"}";

    (void)state;
    expect_with(partials, "{{>*k}}{{> * o.k }}{{#l}}{{>*.}}{{/l}}",
                "{\"x\":1,\"k\":\"a\",\"o\":{\"k\":\"b\"},\"l\":[\"b\",\"c\"]}",
                "A1BB");
    expect_with(partials, "({{>*k}}{{>*m}}{{>**k}})", "{\"k\":7}", "()");
    expect_with("{\"p\":\"<{{$s}}d{{/s}}>\"}", "{{<*k}}{{$s}}mine{{/s}}{{/*k}}",
                "{\"k\":\"p\"}", "<mine>");
}

/* ---- inheritance ---- */

static void
a_parent_takes_arguments_for_its_blocks(void **state)
{
    const char *page = "{\"page\":\"<h1>{{$title}}Untitled{{/title}}</h1>"
                       "{{$main}}empty{{/main}}\"}";

    (void)state;
    expect_with(page, "{{>page}}", "{}", "<h1>Untitled</h1>empty");
    expect_with(page,
                "{{<page}} ignored {{x}} {{$main}}{{x}}!{{/main}}{{/page}}",
                "{\"x\":5}", "<h1>Untitled</h1>5!");
    expect_with(page, "{{<page}}{{$main}}{{/main}}{{/page}}", "{}",
                "<h1>Untitled</h1>");
    expect_with(page, "{{<none}}{{$main}}x{{/main}}{{/none}}.", "{}", ".");
}

static void
the_outermost_argument_wins(void **state)
{
    (void)state;
    expect_with("{\"base\":\"{{$a}}1{{/a}}{{$b}}2{{/b}}{{$c}}3{{/c}}\","
                "\"mid\":\"{{<base}}{{$a}}m{{/a}}{{$b}}n{{/b}}{{/base}}\"}",
                "{{<mid}}{{$a}}top{{/a}}{{/mid}}", "{}", "topn3");
}

static void
an_argument_sees_the_data_of_the_block_and_never_fills_itself(void **state)
{
    (void)state;
    expect_with("{\"p\":\"{{#in}}{{$b}}{{/b}}{{/in}}\"}",
                "{{<p}}{{$b}}{{x}}{{/b}}{{/p}}",
                "{\"x\":1,\"in\":[{\"x\":2},{}]}", "21");
    expect_with("{\"p\":\"{{$b}}inner{{/b}}\"}",
                "{{<p}}{{$b}}[{{$b}}own{{/b}}]{{/b}}{{/p}}", "{}", "[own]");
    expect_with("{\"p\":\"{{$b}}inner{{/b}}\","
                "\"q\":\"{{<p}}{{$b}}[{{$c}}own{{/c}}]{{/b}}{{/p}}\"}",
                "{{<q}}{{$c}}mine{{/c}}{{/q}}", "{}", "[mine]");
}

static void
an_argument_takes_the_indentation_of_its_block(void **state)
{
    const char *lines = "{\"p\":\"<ul>\\n  {{$items}}\\n  <li>none\\n"
                        "  {{/items}}\\n</ul>\\n\"}";
    const char *alone = "{\"p\":\"<\\n  {{$x}}{{/x}}\\n>\\n\"}";

    (void)state;
    expect_with(lines, "{{>p}}", "{}", "<ul>\n  <li>none\n</ul>\n");
    expect_with(lines,
                "{{<p}}\n{{$items}}\n      <li>a\n        b\n{{/items}}\n"
                "{{/p}}\nend",
                "{}", "<ul>\n  <li>a\n    b\n</ul>\nend");
    expect_with(lines, " {{<p}}{{$items}}<li>a{{/items}}{{/p}}\nend", "{}",
                " <ul>\n   <li>a\n </ul>\nend");
    expect_with(alone, "{{>p}}", "{}", "<\n>\n");
    expect_with(alone, "{{<p}}{{$x}}{{/x}}{{/p}}", "{}", "<\n>\n");
    expect_with(alone, "{{<p}}{{$x}}one\ntwo{{/x}}{{/p}}", "{}",
                "<\n  one\n  two\n>\n");
    expect_with(alone, "{{<p}}{{$x}}\none\n{{/x}}{{/p}}", "{}",
                "<\n  one\n>\n");
    expect_with(alone, "{{<p}}{{$x}}\n\n \t\n  one\n three\n{{/x}}{{/p}}", "{}",
                "<\n  \n  \n  one\n  three\n>\n");
}

static void
a_block_is_indented_as_its_default_is(void **state)
{
    const char *partials =
        "{\"p\":\"{{$x}}\\n    default\\n{{/x}}\\n\",\"q\":\"1\\n2\\n\","
        "\"top\":\"{{$x}}{{/x}}\\nend\"}";

    (void)state;
    expect_with(partials, "{{<p}}{{$x}}\none\ntwo\n{{/x}}{{/p}}", "{}",
                "    one\n    two\n");
    expect_with(partials, "{{<p}}{{$x}}\n  one\n  {{>q}}\n{{/x}}{{/p}}", "{}",
                "    one\n    1\n    2\n");
    expect_with(partials, "{{<top}}{{$x}}{{none}}{{/x}}{{/top}}", "{}", "end");
}

static void
blocks_that_share_a_line_leave_it_whole(void **state)
{
    (void)state;
    expect_with("{\"p\":\" {{$a}}{{/a}} {{$b}}{{/b}}\\n.\"}",
                "{{<p}}{{$a}}1{{/a}}{{$b}}2{{/b}}{{/p}}", "{}", " 1 2\n.");
}

static void
an_argument_within_a_line_is_not_indented_again(void **state)
{
    (void)state;
    expect_with("{\"p\":\"- {{$x}}d{{/x}};\\n\"}",
                "    {{<p}}{{$x}}\none\ntwo\n{{/x}}{{/p}}\n", "{}",
                "    - one\n    two\n;\n");
}

/* ---- what is refused ---- */

static void
what_does_not_pair_does_not_compile(void **state)
{
    (void)state;
    refused("ab{{x", 2);
    refused("ab{{{x}}", 2);
    refused("{{}}", 0);
    refused("{{# }}", 0);
    refused("{{>*}}", 0);
    refused("x{{#a}}", 1);
    refused("x{{/a}}", 1);
    refused("{{#a}}{{/b}}", 6);
    refused("{{#a}}{{#b}}{{/a}}{{/b}}", 12);
    refused("{{<a}}{{/*a}}", 6);
    refused("{{!", 0);
    refused("{{=", 0);
}

static void
bad_delimiters_are_refused(void **state)
{
    (void)state;
    refused("{{=x}}", 0);
    refused("{{=a=}}", 0);
    refused("{{= a b c =}}", 0);
    refused("{{=a= b=}}", 0);
    refused("{{= aaaaaaaaaaaaaaaaa b =}}", 0);
}

static void
repeat(struct buf *b, const char *s, int n)
{
    for (int i = 0; i < n; i++)
        buf_put_cstr(b, s);
}

static void
sections_nest_to_the_depth_and_no_deeper(void **state)
{
    struct setting s = {.arena = arena_new()};
    struct template_error why;
    struct template *t;
    struct buf source = {0}, out = {0};

    (void)state;
    repeat(&source, "{{#a}}", TEMPLATE_DEPTH_MAX);
    buf_put_char(&source, 'x');
    repeat(&source, "{{/a}}", TEMPLATE_DEPTH_MAX);
    assert_int_equal(
        run(&s, buf_str(&source), parse(s.arena, "{\"a\":1}"), &out), ERR_OK);
    assert_true(str_is(buf_str(&out), "x"));
    buf_reset(&source);
    repeat(&source, "{{#a}}", TEMPLATE_DEPTH_MAX + 1);
    repeat(&source, "{{/a}}", TEMPLATE_DEPTH_MAX + 1);
    assert_int_equal(template_compile(s.arena, buf_str(&source), &t, &why),
                     ERR_INVALID);
    assert_int_equal(why.at, TEMPLATE_DEPTH_MAX * 6);
    buf_fini(&source);
    buf_fini(&out);
    arena_free(s.arena);
}

static void
sources_names_and_tags_have_limits(void **state)
{
    struct arena *a = arena_new();
    struct template_error why;
    struct template *t;
    struct buf source = {0};

    (void)state;
    repeat(&source, "{{a}}", TEMPLATE_TAGS_MAX);
    assert_int_equal(template_compile(a, buf_str(&source), &t, &why), ERR_OK);
    repeat(&source, "{{a}}", 1);
    assert_int_equal(template_compile(a, buf_str(&source), &t, &why),
                     ERR_INVALID);
    assert_int_equal(why.at, TEMPLATE_TAGS_MAX * 5);
    buf_reset(&source);
    repeat(&source, "{{!", 1);
    repeat(&source, "x", TEMPLATE_NAME_MAX + 1);
    repeat(&source, "}}{{", 1);
    repeat(&source, "x", TEMPLATE_NAME_MAX);
    repeat(&source, "}}", 1);
    assert_int_equal(template_compile(a, buf_str(&source), &t, &why), ERR_OK);
    source.p[2] = 'x'; /* no comment any more */
    assert_int_equal(template_compile(a, buf_str(&source), &t, &why),
                     ERR_INVALID);
    assert_int_equal(why.at, 0);
    buf_reset(&source);
    repeat(&source, "x", TEMPLATE_SOURCE_MAX);
    assert_int_equal(template_compile(a, buf_str(&source), &t, &why), ERR_OK);
    repeat(&source, "x", 1);
    assert_int_equal(template_compile(a, buf_str(&source), &t, &why),
                     ERR_INVALID);
    buf_fini(&source);
    arena_free(a);
}

/* ---- budgets ---- */

/* Renders into what is not empty; what was there must stay. */
static void
too_large(const char *partials, struct str source, const char *data)
{
    struct setting s = {.arena = arena_new(),
                        .options = {.escape = TEMPLATE_HTML}};
    struct buf out = {0};

    s.partials = parse(s.arena, partials);
    buf_put_cstr(&out, "before");
    assert_int_equal(run(&s, source, parse(s.arena, data), &out),
                     ERR_TOO_LARGE);
    assert_true(str_is(buf_str(&out), "before"));
    buf_fini(&out);
    arena_free(s.arena);
}

static void
a_partial_without_an_end_is_stopped(void **state)
{
    (void)state;
    too_large("{\"p\":\"x{{>p}}\"}", STR("{{>p}}"), "{}");
    too_large("{\"p\":\"{{>q}}\",\"q\":\"{{$b}}{{>p}}{{/b}}\"}", STR("{{>p}}"),
              "{}");
    too_large("{\"p\":\"{{<p}}{{$b}}x{{/b}}{{/p}}\"}", STR("{{>p}}"), "{}");
}

static void
steps_output_and_lookups_run_out(void **state)
{
    struct buf list = {0}, keys = {0}, text = {0};

    (void)state;
    buf_put_cstr(&list, "{\"l\":[0");
    repeat(&list, ",0", 399);
    buf_put_cstr(&list, "]}");
    buf_put_char(&list, '\0');
    too_large("{}", STR("{{#l}}{{#l}}{{#q}}{{/q}}{{/l}}{{/l}}"), list.p);

    buf_put_cstr(&text, "{\"l\":[1,1,1,1,1,1,1,1,1,1,1,1],\"t\":\"");
    repeat(&text, "<", 300000);
    buf_put_cstr(&text, "\"}");
    buf_put_char(&text, '\0');
    too_large("{}", STR("{{t}}"), text.p);
    too_large("{}", STR("{{#l}}{{#l}}{{{t}}}{{/l}}{{/l}}"), text.p);

    buf_put_cstr(&keys, "{\"l\":[0");
    repeat(&keys, ",0", 1999);
    buf_put_cstr(&keys, "]");
    for (int i = 0; i < 5000; i++)
        buf_printf(&keys, ",\"k%d\":0", i);
    buf_put_cstr(&keys, "}");
    buf_put_char(&keys, '\0');
    too_large("{}", STR("{{#l}}{{nothing}}{{/l}}"), keys.p);

    buf_fini(&list);
    buf_fini(&keys);
    buf_fini(&text);
}

static void
output_may_be_exactly_as_long_as_allowed(void **state)
{
    struct setting s = {.arena = arena_new()};
    struct buf source = {0}, out = {0};

    (void)state;
    repeat(&source, "x", TEMPLATE_OUTPUT_MAX - 5);
    buf_put_cstr(&source, "{{a}}");
    assert_int_equal(
        run(&s, buf_str(&source), parse(s.arena, "{\"a\":\"12345\"}"), &out),
        ERR_OK);
    assert_int_equal(out.n, TEMPLATE_OUTPUT_MAX);
    too_large("{}", buf_str(&source), "{\"a\":\"123456\"}");
    buf_fini(&source);
    buf_fini(&out);
    arena_free(s.arena);
}

/* ---- the public specification ---- */

static void
read_spec(const char *name, struct buf *ret)
{
    const char *root = getenv("BELFRY_SOURCE_ROOT");
    char path[1024];
    FILE *f;

    snprintf(path, sizeof(path), "%s/tests/data/mustache-spec/%s.json",
             root ? root : ".", name);
    f = fopen(path, "rb");
    if (!f)
        fail_msg("no %s: run it by meson test", path);
    buf_reserve(ret, SPEC_BYTES_MAX);
    ret->n = fread(ret->p, 1, SPEC_BYTES_MAX, f);
    fclose(f);
}

static bool
passes(struct json test)
{
    struct setting s = {.arena = arena_new(),
                        .options = {.escape = TEMPLATE_HTML}};
    struct str want = json_str_of(s.arena, test, "expected");
    struct buf out = {0};
    enum err err;
    bool is_same;

    s.partials = json_get(test, "partials");
    err = run(&s, json_str_of(s.arena, test, "template"),
              json_get(test, "data"), &out);
    is_same = err == ERR_OK && str_eq(buf_str(&out), want);
    if (!is_same)
        print_error("%.*s: %d\n  want |%.*s|\n  have |%.*s|\n",
                    STR_ARG(json_str_of(s.arena, test, "name")), (int)err,
                    STR_ARG(want), STR_ARG(buf_str(&out)));
    buf_fini(&out);
    arena_free(s.arena);
    return is_same;
}

static void
every_test_of_the_specification_passes(void **state)
{
    static const struct {
        const char *name;
        uint32_t n;
    } modules[] = {{"comments", 12},      {"delimiters", 14},
                   {"dynamic-names", 21}, {"inheritance", 27},
                   {"interpolation", 42}, {"inverted", 22},
                   {"partials", 12},      {"sections", 34}};
    struct arena *a = arena_new();
    struct buf text = {0};
    int failures = 0;

    (void)state;
    for (size_t m = 0; m < sizeof(modules) / sizeof(modules[0]); m++) {
        struct json_error why;
        struct json_doc doc;
        struct json tests;

        buf_reset(&text);
        read_spec(modules[m].name, &text);
        assert_int_equal(json_parse(a, buf_str(&text), &doc, &why), ERR_OK);
        tests = json_get(json_root(&doc), "tests");
        assert_true(json_count(tests) >= modules[m].n);
        for (struct json t = json_first(tests); !json_is(t, JSON_ABSENT);
             t = json_next(tests, t))
            failures += !passes(t);
    }
    assert_int_equal(failures, 0);
    buf_fini(&text);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_print_as_people_write_them),
        cmocka_unit_test(containers_print_as_they_were_sent),
        cmocka_unit_test(html_is_escaped_unless_asked_otherwise),
        cmocka_unit_test(an_apostrophe_cannot_leave_an_attribute),
        cmocka_unit_test(a_dotted_name_commits_to_its_first_part),
        cmocka_unit_test(later_contexts_hide_earlier_ones),
        cmocka_unit_test(unknown_names_stay_as_written_when_asked),
        cmocka_unit_test(what_is_false_hides_a_section_and_shows_its_inverse),
        cmocka_unit_test(a_list_repeats_its_section_with_each_item_in_front),
        cmocka_unit_test(lines_that_hold_only_a_tag_vanish),
        cmocka_unit_test(delimiters_change_from_there_on),
        cmocka_unit_test(a_partial_is_indented_line_by_line_but_data_is_not),
        cmocka_unit_test(a_partial_may_call_itself_as_long_as_data_goes_on),
        cmocka_unit_test(a_partial_may_be_named_by_data),
        cmocka_unit_test(a_parent_takes_arguments_for_its_blocks),
        cmocka_unit_test(the_outermost_argument_wins),
        cmocka_unit_test(
            an_argument_sees_the_data_of_the_block_and_never_fills_itself),
        cmocka_unit_test(an_argument_takes_the_indentation_of_its_block),
        cmocka_unit_test(a_block_is_indented_as_its_default_is),
        cmocka_unit_test(blocks_that_share_a_line_leave_it_whole),
        cmocka_unit_test(an_argument_within_a_line_is_not_indented_again),
        cmocka_unit_test(what_does_not_pair_does_not_compile),
        cmocka_unit_test(bad_delimiters_are_refused),
        cmocka_unit_test(sections_nest_to_the_depth_and_no_deeper),
        cmocka_unit_test(sources_names_and_tags_have_limits),
        cmocka_unit_test(a_partial_without_an_end_is_stopped),
        cmocka_unit_test(steps_output_and_lookups_run_out),
        cmocka_unit_test(output_may_be_exactly_as_long_as_allowed),
        cmocka_unit_test(every_test_of_the_specification_passes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
