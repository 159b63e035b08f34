#include "domain/template_uses.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena_test.h"

static struct template *
compile(const char *source)
{
    struct template_error why;
    struct template *t;

    assert_int_equal(template_compile(arena, str_from(source), &t, &why),
                     ERR_OK);
    return t;
}

/* "name:place" of each variable, "#name" of sections, ">name" of partials. */
static const char *
uses_of(const char *source, bool is_html)
{
    static const char *const places[] = {
        [PLACE_TEXT] = "text",     [PLACE_QUOTED] = "quoted",
        [PLACE_URL] = "url",       [PLACE_UNQUOTED] = "unquoted",
        [PLACE_SCRIPT] = "script",
    };
    struct template_uses u = template_uses_of(compile(source), is_html);
    struct template_use use;
    struct buf out;

    buf_init(&out, arena);
    while (template_next_use(&u, &use)) {
        if (out.n > 0)
            buf_put_char(&out, ' ');
        if (use.kind != USE_VARIABLE)
            buf_put_char(&out, use.kind == USE_SECTION ? '#' : '>');
        if (use.is_dynamic || use.is_raw)
            buf_put_char(&out, use.is_raw ? '!' : '*');
        buf_put_str(&out, use.name);
        if (use.kind == USE_VARIABLE)
            buf_printf(&out, ":%s", places[use.place]);
    }
    return str_cstr(arena, buf_str(&out));
}

#define ASSERT_HTML(source, want)                                              \
    assert_string_equal(uses_of(source, true), want)

static void
every_tag_is_told_in_order(void **state)
{
    (void)state;
    assert_string_equal(
        uses_of("{{a.b}}{{#s}}{{{c}}}{{/s}}{{^n}}{{/n}}{{> p}}{{>*d}}"
                "{{<l}}{{$x}}{{e}}{{/x}}{{/l}}{{! no }}",
                false),
        "a.b:text #s !c:text #n >p >*d >l e:text");
}

static void
a_place_is_in_text_in_quotes_or_in_none(void **state)
{
    (void)state;
    ASSERT_HTML("<p>{{a}}</p> 1 < 2 {{b}}", "a:text b:text");
    ASSERT_HTML("<p class=\"x {{a}}\" id='{{b}}'>{{c}}",
                "a:quoted b:quoted c:text");
    ASSERT_HTML("<p class={{a}} {{b}} x{{c}}=1 title = {{d}}>{{e}}",
                "a:unquoted b:unquoted c:unquoted d:unquoted e:text");
    ASSERT_HTML("<{{a}}><h{{b}}>{{c}}", "a:text b:unquoted c:text");
    ASSERT_HTML("<br/>{{a}}<hr />{{b}}</p>{{c}}", "a:text b:text c:text");
    ASSERT_HTML("<p title=\"a > b {{a}}\">{{b}}", "a:quoted b:text");
}

static void
a_url_that_begins_with_data_is_told_apart(void **state)
{
    (void)state;
    ASSERT_HTML("<a href=\"{{a}}\">", "a:url");
    ASSERT_HTML("<A HREF = ' {{a}}{{b}}'>", "a:url b:quoted");
    ASSERT_HTML("<a href=\"https://e.com/{{a}}\">", "a:quoted");
    ASSERT_HTML("<img alt='{{a}}' src='{{b}}'>", "a:quoted b:url");
    ASSERT_HTML("<a data-href='{{a}}'>", "a:quoted");
}

static void
scripts_styles_and_events_are_no_place_for_data(void **state)
{
    (void)state;
    ASSERT_HTML("<script>x={{a}}; '<p>' </p> {{b}}</script>{{c}}",
                "a:script b:script c:text");
    ASSERT_HTML("<STYLE media='{{m}}'>{{a}}</Style>{{b}}",
                "m:quoted a:script b:text");
    ASSERT_HTML("<p onclick=\"f('{{a}}')\">{{b}}", "a:script b:text");
    ASSERT_HTML("<scripture>{{a}}", "a:text");
}

static void
comments_and_declarations_end(void **state)
{
    (void)state;
    ASSERT_HTML("<!DOCTYPE html>{{a}}<!-- <p x={{b}} > -->{{c}}",
                "a:text b:text c:text");
    ASSERT_HTML("<!--[if mso]><p class=\"{{a}}\"><![endif]--><p id={{b}}>",
                "a:text b:unquoted");
}

static void
literal_text_is_what_no_section_may_leave_out(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, arena);
    template_put_literal(
        compile("Hi {{a}}, {{#s}}not {{b}} this{{/s}}you{{$x}} too{{/x}}"),
        &out);
    assert_string_equal(str_cstr(arena, buf_str(&out)), "Hi , you too");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define IT(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        IT(every_tag_is_told_in_order),
        IT(a_place_is_in_text_in_quotes_or_in_none),
        IT(a_url_that_begins_with_data_is_told_apart),
        IT(scripts_styles_and_events_are_no_place_for_data),
        IT(comments_and_declarations_end),
        IT(literal_text_is_what_no_section_may_leave_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
