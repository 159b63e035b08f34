#include "domain/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena.h"

#define NB "\xc2\xa0"
#define NOW_MS INT64_C(1772407800000) /* 2026-03-01T23:30:00Z */

struct row {
    const char *locale, *source, *data, *want; /* data with ' for " */
};

static struct json
parse(struct arena *a, const char *text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    char *json = str_cstr(a, str_from(text));
    struct json_error why;

    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    assert_int_equal(json_parse(a, str_from(json), doc, &why), ERR_OK);
    return json_root(doc);
}

static void
render(const struct row *row, struct template_options *options)
{
    struct arena *a = arena_new();
    struct json data = parse(a, row->data);
    struct template_error why;
    struct template *t;
    struct buf out = {0};

    options->locale = str_from(row->locale);
    options->now_ms = NOW_MS;
    if (template_compile(a, str_from(row->source), &t, &why) != ERR_OK)
        fail_msg("%s: %s", row->source, why.why);
    assert_int_equal(template_render(t, &data, 1, options, &out), ERR_OK);
    if (!str_is(buf_str(&out), row->want))
        fail_msg("%s of %s in %s: %.*s", row->source, row->data, row->locale,
                 STR_ARG(buf_str(&out)));
    buf_fini(&out);
    arena_free(a);
}

static void
render_all(const struct row *rows, size_t n, const char *zone)
{
    for (size_t i = 0; i < n; i++) {
        struct template_options options = {.zone = str_from(zone)};

        render(&rows[i], &options);
    }
}

#define ALL(rows) rows, sizeof(rows) / sizeof((rows)[0])

static void
numbers_are_written_for_the_reader(void **state)
{
    static const struct row rows[] = {
        {"de", "{{x | number}}", "{'x':1234567.50}", "1.234.567,5"},
        {"de", "{{x|number:2}}", "{'x':'1234567.5'}", "1.234.567,50"},
        {"en", "{{ x | percent }}", "{'x':0.125}", "12.5%"},
        {"en", "{{x | percent:0}}", "{'x':0.125}", "13%"},
        {"en", "{{x | compact}}", "{'x':1234567}", "1.2M"},
        {"de", "{{x | currency:EUR}}", "{'x':'1234.5'}", "1.234,50" NB "€"},
        {"en", "{{x | currency:USD, 4}}", "{'x':'0.0075'}", "$0.0075"},
        {"en", "{{x | currency:o.code}}", "{'x':5,'o':{'code':'GBP'}}",
         "£5.00"},
        {"en", "{{x | number}}", "{'x':'90071992547409931234567.000001'}",
         "90,071,992,547,409,931,234,567.000001"},
        {"en", "{{#l}}{{. | number}};{{/l}}", "{'l':[1000,'2e3']}",
         "1,000;2,000;"},
        {"", "{{x | number}}", "{'x':1000}", "1,000"},
    };

    (void)state;
    render_all(ALL(rows), NULL);
}

static void
what_is_no_number_stands_as_it_is(void **state)
{
    static const struct row rows[] = {
        {"en", "{{x | number}}", "{'x':'1,000'}", "1,000"},
        {"en", "{{x | number}}", "{'x':' 1000'}", " 1000"},
        {"en", "{{x | number}}", "{'x':true}", "true"},
        {"en", "{{x | number}}", "{'x':[1000]}", "[1000]"},
        {"en", "{{x | number}}", "{'x':null}", ""},
        {"en", "{{x | number}}", "{}", ""},
        {"en", "{{x | number}}", "{'x':'1e999999999'}", "1e999999999"},
        {"en", "{{x | number}}", "{'x':1e-999999999}", "1e-999999999"},
        {"en", "{{x | currency:c}}", "{'x':1000}", "1000"},
        {"en", "{{x | currency:c}}", "{'x':1000,'c':'euro'}", "1000"},
        {"en", "{{x | currency:c}}", "{'x':1000,'c':7}", "1000"},
        {"en", "{{x | date}}", "{'x':'tomorrow'}", "tomorrow"},
        {"en", "{{x | date}}", "{'x':1772407800}", "1772407800"},
        {"en", "{{x | time}}", "{'x':'2026-03-01'}", "2026-03-01"},
        {"en", "{{x | date}}", "{'x':'2026-02-30'}", "2026-02-30"},
        {"en", "{{x | relative}}", "{'x':'soon'}", "soon"},
        {"en", "{{x | plural:\"other {#}\"}}", "{'x':'many'}", "many"},
        {"en", "{{x | plural:\"other {#}\"}}", "{}", ""},
    };

    (void)state;
    render_all(ALL(rows), NULL);
}

static void
times_are_those_of_the_reader_s_zone(void **state)
{
    static const struct row utc[] = {
        {"en", "{{t | date}}", "{'t':'2026-03-01T23:30:00Z'}", "Mar 1, 2026"},
        {"de", "{{t | date:long}}", "{'t':'2026-03-01'}", "1. März 2026"},
    };
    static const struct row berlin[] = {
        {"de", "{{t | date}}", "{'t':'2026-03-01T23:30:00Z'}", "02.03.2026"},
        {"de", "{{t | date}}", "{'t':'2026-03-01'}", "01.03.2026"},
        {"de", "{{t | time}}", "{'t':'2026-03-01T23:30:00Z'}", "00:30"},
        {"de", "{{t | time}}", "{'t':'2026-07-01T23:30:00Z'}", "01:30"},
        {"de", "{{t | time}}", "{'t':'2026-07-01T23:30:00+02:00'}", "23:30"},
        {"de", "{{t | datetime}}", "{'t':'2026-03-01T23:30:00.500Z'}",
         "02.03.2026, 00:30"},
        {"en-GB", "{{t | datetime:full}}", "{'t':'2026-03-01T23:30:00Z'}",
         "Monday, 2 March 2026 at 00:30:00 GMT+01:00"},
    };
    static const struct row relative[] = {
        {"en", "{{t | relative}}", "{'t':'2026-03-04T23:30:00Z'}", "in 3 days"},
        {"de", "{{t | relative}}", "{'t':'2026-03-01T21:30:00Z'}",
         "vor 2 Stunden"},
    };

    (void)state;
    render_all(ALL(utc), NULL);
    render_all(ALL(utc), "Nowhere/Land");
    render_all(ALL(berlin), "Europe/Berlin");
    render_all(ALL(relative), "Europe/Berlin");
}

static void
words_go_with_the_number(void **state)
{
#define ITEMS "plural:\"=0 {none} one {# item} other {# items}\""
    static const struct row rows[] = {
        {"en", "{{n | " ITEMS "}}", "{'n':0}", "none"},
        {"en", "{{n | " ITEMS "}}", "{'n':'0.00'}", "none"},
        {"en", "{{n | " ITEMS "}}", "{'n':1}", "1 item"},
        {"en", "{{n | " ITEMS "}}", "{'n':'1234'}", "1,234 items"},
        {"fr", "{{n | " ITEMS "}}", "{'n':1.5}", "1,5 item"},
        {"ru", "{{n | plural:\"one {# час} few {# часа} other {# часов}\"}}",
         "{'n':22}", "22 часа"},
        {"ru", "{{n | plural:\"one {# час} few {# часа} other {# часов}\"}}",
         "{'n':5}", "5 часов"},
        {"en", "{{n | ordinal:\"one{#st}two{#nd}few{#rd}other{#th}\"}}",
         "{'n':23}", "23rd"},
        {"en", "{{g | select:\"f {her} m {his} other {their}\"}}", "{'g':'m'}",
         "his"},
        {"en", "{{g | select:\"f {her} m {his} other {their #}\"}}", "{}",
         "their #"},
        {"en", "{{g | select:\"true {on} other {off}\"}}", "{'g':true}", "on"},
        {"en", "{{n | plural:\"other {it's '{#}' '#' # ''}\"}}", "{'n':2}",
         "it's {#} # 2 '"},
        {"en", "{{n | plural:\"other {}\"}}", "{'n':2}", ""},
    };

    (void)state;
    render_all(ALL(rows), NULL);
}

/* Double quotes keep what would close the tag. */
static void
a_tag_ends_where_its_helper_does(void **state)
{
    static const struct row rows[] = {
        {"en", "<{{n | select:\"a {x'}}'y} other {z}\"}}>", "{'n':'a'}",
         "<x}}y>"},
        {"en", "{{{n | select:\"a {x} other {'}}}'}\"}}}", "{}", "}}}"},
        {"en", "{{& n | number }}", "{'n':1000}", "1,000"},
        {"en", "{{=<% %>=}}<%n | number%>{{n}}", "{'n':1000}", "1,000{{n}}"},
        {"en", "{{=| |=}}a|n|b", "{'n':'x'}", "axb"},
        {"en", "{{n | number}} \"{{n}}\" | {{n}}", "{'n':1}", "1 \"1\" | 1"},
    };

    (void)state;
    render_all(ALL(rows), NULL);
}

static void
what_a_helper_gives_is_escaped(void **state)
{
    static const struct row rows[] = {
        {"en", "{{n | plural:\"other {<b>#</b>}\"}}", "{'n':1}",
         "&lt;b&gt;1&lt;/b&gt;"},
        {"en", "{{{n | plural:\"other {<b>#</b>}\"}}}", "{'n':1}", "<b>1</b>"},
        {"en", "{{n | number}}", "{'n':'<'}", "&lt;"},
        {"de-CH", "{{n | number}}", "{'n':1000}", "1’000"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct template_options options = {.escape = TEMPLATE_HTML};

        render(&rows[i], &options);
    }
}

static void
an_unknown_name_stays_with_its_helper(void **state)
{
    static const struct row row = {"en", "{{n | number:2}} {{m | number}}",
                                   "{'m':null}", "{{n | number:2}} "};
    struct template_options options = {.keeps_unknown = true};

    (void)state;
    render(&row, &options);
}

static void
a_wrong_helper_does_not_compile(void **state)
{
    static const struct {
        const char *source, *why;
    } rows[] = {
        {"{{x | }}", "there is no such helper"},
        {"{{x | nummer}}", "there is no such helper; did you mean number?"},
        {"{{x | number | date}}", "there is no such helper"},
        {"{{ | number}}", "the tag has no name"},
        {"{{x | number:}}", "the digits must be a number from 0 to 20"},
        {"{{x | number:21}}", "the digits must be a number from 0 to 20"},
        {"{{x | number:-1}}", "the digits must be a number from 0 to 20"},
        {"{{x | currency}}", "needs a currency: a code such as EUR, or a name"},
        {"{{x | currency:EUR,x}}", "the digits must be a number from 0 to 20"},
        {"{{x | date:tiny}}", "the length must be short, medium, long or full"},
        {"{{x | relative:long}}", "takes no argument"},
        {"{{x | plural}}", "needs its texts in double quotes"},
        {"{{x | plural:one {a} other {b}}}",
         "needs its texts in double quotes"},
        {"{{x | plural:\"\"}}", "needs a text for other"},
        {"{{x | plural:\"one {a}\"}}", "needs a text for other"},
        {"{{x | plural:\"other {a} other {b}\"}}",
         "there are two texts of one word"},
        {"{{x | plural:\"others {a}\"}}",
         "a text's word must be zero, one, two, few, many, other or =NUMBER"},
        {"{{x | plural:\"=a {a} other {b}\"}}",
         "a text's word must be zero, one, two, few, many, other or =NUMBER"},
        {"{{x | select:\"{a} other {b}\"}}", "a text has no word before it"},
        {"{{x | plural:\"other {a\"}}",
         "a text must stand in { and }, and quote these as '{'"},
        {"{{x | plural:\"other {a {b}}\"}}",
         "a text must stand in { and }, and quote these as '{'"},
        {"{{x | plural:\"other\"}}",
         "a text must stand in { and }, and quote these as '{'"},
        {"{{x | plural:\"other {a}}}", "the tag is not closed"},
        {"{{#x | number}}{{/x | number}}", "a section takes no helper"},
        {"{{^x|y}}{{/x|y}}", "a section takes no helper"},
    };
    struct arena *a = arena_new();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct template_error why;
        struct template *t;

        if (template_compile(a, str_from(rows[i].source), &t, &why) == ERR_OK)
            fail_msg("%s compiles", rows[i].source);
        if (strcmp(why.why, rows[i].why) != 0)
            fail_msg("%s: %s", rows[i].source, why.why);
        assert_int_equal(why.at, 0);
    }
    arena_free(a);
}

static void
long_helpers_and_many_texts_are_refused(void **state)
{
    struct arena *a = arena_new();
    struct template_error why;
    struct template *t;
    struct buf source = {0};

    (void)state;
    buf_put_cstr(&source, "{{x | select:\"");
    for (int i = 0; i < 20; i++)
        buf_printf(&source, "w%d {} ", i);
    buf_put_cstr(&source, "other {}\"}}");
    assert_int_equal(template_compile(a, buf_str(&source), &t, &why),
                     ERR_INVALID);
    assert_string_equal(why.why, "there are too many texts");
    source.n = 0;
    buf_put_cstr(&source, "{{x | select:\"other {");
    for (int i = 0; i < 2000; i++)
        buf_put_char(&source, 'a');
    buf_put_cstr(&source, "}\"}}{{y}}");
    assert_int_equal(template_compile(a, buf_str(&source), &t, &why),
                     ERR_INVALID);
    assert_string_equal(why.why, "the helper is too long");
    buf_fini(&source);
    arena_free(a);
}

static void
helpers_use_up_the_budget_of_steps(void **state)
{
    struct template_options options = {.locale = STR("de")};
    struct arena *a = arena_new();
    struct template_error why;
    struct template *t;
    struct buf data = {0}, out = {0};
    struct json json;

    (void)state;
    buf_put_cstr(&data, "{'l':[0");
    for (int i = 1; i < 6000; i++)
        buf_put_cstr(&data, ",0");
    buf_put_cstr(&data, "]}");
    buf_put_char(&data, '\0');
    json = parse(a, data.p);
    assert_int_equal(template_compile(a, STR("{{#l}}{{.}}{{/l}}"), &t, &why),
                     ERR_OK);
    assert_int_equal(template_render(t, &json, 1, &options, &out), ERR_OK);
    assert_int_equal(
        template_compile(a, STR("{{#l}}{{. | number}}{{/l}}"), &t, &why),
        ERR_OK);
    assert_int_equal(template_render(t, &json, 1, &options, &out),
                     ERR_TOO_LARGE);
    buf_fini(&data);
    buf_fini(&out);
    arena_free(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_for_the_reader),
        cmocka_unit_test(what_is_no_number_stands_as_it_is),
        cmocka_unit_test(times_are_those_of_the_reader_s_zone),
        cmocka_unit_test(words_go_with_the_number),
        cmocka_unit_test(a_tag_ends_where_its_helper_does),
        cmocka_unit_test(what_a_helper_gives_is_escaped),
        cmocka_unit_test(an_unknown_name_stays_with_its_helper),
        cmocka_unit_test(a_wrong_helper_does_not_compile),
        cmocka_unit_test(long_helpers_and_many_texts_are_refused),
        cmocka_unit_test(helpers_use_up_the_budget_of_steps),
    };

    return cmocka_run_group_tests_name("domain/template_helper", tests, NULL,
                                       NULL);
}
