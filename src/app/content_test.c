#include "app/content.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/app_test.h"

static enum err
render_for(struct desk *d, const char *locale, const char *key,
           const char *channel, const char *data, struct rendered *ret)
{
    struct json context = desk_json(d, data);
    const struct content_use use = {
        .workspace = &d->w,
        .template = workspace_template(&d->w, str_from(key), 0),
        .channel = str_from(channel),
        .reader = {.locale = str_from(locale)},
        .contexts = &context,
        .n_contexts = 1};

    assert_non_null(use.template);
    return content_render(d->arena, &use, ret);
}

static enum err
render(struct desk *d, const char *key, const char *channel, const char *data,
       struct rendered *ret)
{
    return render_for(d, NULL, key, channel, data, ret);
}

static struct rendered
rendered(struct desk *d, const char *key, const char *channel, const char *data)
{
    struct rendered r;

    assert_int_equal(render(d, key, channel, data, &r), ERR_OK);
    return r;
}

static void
a_variant_falls_back_to_the_default_text_by_text(void **state)
{
    struct desk *d = *state;
    struct rendered r;

    desk_template(
        d, "t", 1,
        "{'content':{'default':{'title':'dt','body':'db',"
        "'html':'dh','actions':[{'id':'d','label':'D'}]},"
        "'email':{'body':'eb','actions':[]},'webhook':{'title':''}}}");
    r = rendered(d, "t", "email", "{}");
    assert_text(r.title, "dt");
    assert_text(r.body, "eb");
    assert_text(r.html, "dh");
    assert_text(r.actions, "[]"); /* none is something to say */
    r = rendered(d, "t", "webhook", "{}");
    assert_text(r.title, "");
    assert_text(r.body, "db");
    assert_json(r.actions, "[{'id':'d','label':'D'}]");
    r = rendered(d, "t", "log_file", "{}");
    assert_text(r.title, "dt");
    desk_template(d, "e", 1, "{'content':{'email':{'title':'et'}}}");
    r = rendered(d, "e", "log_file", "{}");
    assert_int_equal(r.title.n + r.body.n + r.html.n + r.actions.n, 0);
    r = rendered(d, "e", "email", "{}");
    assert_text(r.title, "et");
}

static void
only_html_is_escaped(void **state)
{
    struct desk *d = *state;
    struct rendered r;

    desk_template(d, "t", 1,
                  "{'content':{'default':{'title':'{{x}}','body':'{{x}}',"
                  "'html':'{{x}} {{{x}}}'}}}");
    r = rendered(d, "t", "email", "{'x':'<&>'}");
    assert_text(r.title, "<&>");
    assert_text(r.body, "<&>");
    assert_text(r.html, "&lt;&amp;&gt; <&>");
}

static void
a_partial_gives_its_html_in_html_and_its_body_elsewhere(void **state)
{
    struct desk *d = *state;
    struct rendered r;

    desk_template(d, "both", 1,
                  "{'content':{'default':{'body':'B{{x}}','html':'H{{x}}'}}}");
    desk_template(d, "plain", 1, "{'content':{'default':{'body':'P{{x}}'}}}");
    desk_template(d, "mail", 1,
                  "{'content':{'default':{'body':'P'},'email':{'body':'E',"
                  "'html':'EH'}}}");
    desk_template(d, "t", 1,
                  "{'content':{'default':{'title':'{{> both}}{{> none}}',"
                  "'body':'{{> both}}','html':'{{> both}} {{> plain}} "
                  "{{> mail}}'}}}");
    r = rendered(d, "t", "webhook", "{'x':'<'}");
    assert_text(r.title, "B<");
    assert_text(r.body, "B<");
    assert_text(r.html, "H&lt; P&lt; P");
    r = rendered(d, "t", "email", "{'x':'<'}");
    assert_text(r.html, "H&lt; P&lt; EH");
}

static void
data_cannot_break_out_of_an_action(void **state)
{
    struct desk *d = *state;
    struct json_doc doc;
    struct json_error why;
    struct rendered r;

    desk_template(d, "t", 1,
                  "{'content':{'default':{'actions':[{'id':'a','label':'{{x}}',"
                  "'url':'https://h/{{x}}','data':{'n':1.50,'s':['{{x}}',true,"
                  "null]}}]}}}");
    r = rendered(d, "t", "in_app", "{'x':'\\'},{\\\\\\n\\u0001</script>'}");
    assert_int_equal(json_parse(d->arena, r.actions, &doc, &why), ERR_OK);
    assert_int_equal(json_count(json_root(&doc)), 1);
    assert_text(json_str_of(d->arena, json_at(json_root(&doc), 0), "label"),
                "\"},{\\\n\001</script>");
    assert_true(holds(r.actions, "\"n\":1.50"));
    assert_true(holds(r.actions, ",true,null]"));
    r = rendered(d, "t", "in_app", "{'x':'y'}");
    assert_json(r.actions, "[{'id':'a','label':'y','url':'https://h/y',"
                           "'data':{'n':1.50,'s':['y',true,null]}}]");
}

static void
a_link_that_data_makes_dangerous_is_left_out(void **state)
{
    static const struct {
        const char *link, *want;
    } rows[] = {
        {"https://h/x", "[{'id':'a','url':'https://h/x','label':'L'}]"},
        {"javascript:alert(1)", "[{'id':'a','label':'L'}]"},
        {"//evil.example", "[{'id':'a','label':'L'}]"},
        {"", "[{'id':'a','label':'L'}]"},
    };
    struct desk *d = *state;

    desk_template(d, "t", 1,
                  "{'content':{'default':{'actions':[{'id':'a','url':'{{l}}',"
                  "'label':'L'}]}}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str data = str_fmt(d->arena, "{'l':'%s'}", rows[i].link);
        struct rendered r =
            rendered(d, "t", "in_app", str_cstr(d->arena, data));

        assert_json(r.actions, rows[i].want);
    }
    /* Below `data` it is the sender's own, and no link. */
    desk_template(d, "u", 1,
                  "{'content':{'default':{'actions':[{'id':'a','label':'L',"
                  "'data':{'url':'{{l}}'}}]}}}");
    assert_true(
        holds(rendered(d, "u", "in_app", "{'l':'x:y'}").actions, "\"x:y\""));
}

static void
an_unknown_name_may_stay_as_it_is_written(void **state)
{
    struct desk *d = *state;

    desk_template(d, "empty", 1, "{'content':{'default':{'title':'a{{x}}'}}}");
    desk_template(d, "keep", 1,
                  "{'unknown':'keep','content':{'default':{'title':'a{{x}}',"
                  "'actions':[{'id':'a','label':'{{x}}'}]}}}");
    assert_text(rendered(d, "empty", "email", "{}").title, "a");
    assert_text(rendered(d, "keep", "email", "{}").title, "a{{x}}");
    assert_text(rendered(d, "keep", "email", "{'x':null}").title, "a");
    assert_json(rendered(d, "keep", "email", "{}").actions,
                "[{'id':'a','label':'{{x}}'}]");
}

static void
budgets_hold_wherever_the_text_stands(void **state)
{
    static const char *const names[] = {"title", "body", "html"};
    struct desk *d = *state;
    struct rendered r;
    char doc[200];

    for (size_t i = 0; i < 3; i++) {
        snprintf(doc, sizeof(doc),
                 "{'content':{'default':{'%s':'{{> loop}}{{> loop}}',"
                 "'body':'{{> loop}}{{> loop}}'}}}",
                 names[i]);
        if (strcmp(names[i], "body") == 0)
            snprintf(doc, sizeof(doc),
                     "{'content':{'default':{'body':"
                     "'{{> loop}}{{> loop}}'}}}");
        desk_template(d, "loop", 1, doc);
        assert_int_equal(render(d, "loop", "email", "{}", &r), ERR_TOO_LARGE);
    }
    desk_template(d, "a", 1,
                  "{'content':{'default':{'actions':[{'id':'a','label':"
                  "'{{> loop}}'}]}}}");
    assert_int_equal(render(d, "a", "email", "{}", &r), ERR_TOO_LARGE);
    assert_int_equal(r.actions.n, 0);
}

/* title, body, html, label of the first action, and the language, joined. */
static const char *
read_by(struct desk *d, const char *locale, const char *channel)
{
    struct rendered r;
    struct json_doc doc;
    struct json_error why;
    struct str label = STR("-");

    assert_int_equal(render_for(d, locale, "t", channel, "{}", &r), ERR_OK);
    if (r.actions.n > 0) {
        assert_int_equal(json_parse(d->arena, r.actions, &doc, &why), ERR_OK);
        label = json_str_of(d->arena, json_at(json_root(&doc), 0), "label");
    }
    return str_cstr(d->arena,
                    str_fmt(d->arena, "%.*s %.*s %.*s %.*s %.*s",
                            STR_ARG(r.title), STR_ARG(r.body), STR_ARG(r.html),
                            STR_ARG(label), STR_ARG(r.language)));
}

static void
each_text_is_looked_for_from_the_reader_s_locale_outwards(void **state)
{
    static const struct {
        const char *locale, *channel, *want;
    } rows[] = {
        {NULL, "email", "cT ceB cH cA "},
        {NULL, "sms", "cT cB cH cA "},
        {"de", "email", "dT deB cH dA de"},
        {"de", "sms", "dT dB cH dA de"},
        {"DE-ch-1901", "email", "dT swB cH swA de-CH"},
        {"de-CH-1901", "sms", "dT swB cH swA de-CH"},
        {"de-AT", "sms", "dT dB cH dA de"},
        {"de-x-private", "sms", "dT dB cH dA de"},
        {"den", "sms", "cT cB cH cA "},
        {"fr", "email", "cT ceB cH cA "},
        {"de_DE", "sms", "cT cB cH cA "}, /* stored before tags were checked */
        {"zh-TW", "sms", "cT cB cH cA "},
        {"zh-Hant-TW", "sms", "zT cB cH cA "},
    };
    struct desk *d = *state;

    desk_template(
        d, "t", 1,
        "{'content':{'default':{'title':'cT','body':'cB','html':'cH',"
        "'actions':[{'id':'a','label':'cA'}]},'email':{'body':'ceB'}},"
        "'locales':{'de':{'default':{'title':'dT','body':'dB',"
        "'actions':[{'id':'a','label':'dA'}]},'email':{'body':'deB'}},"
        "'de-CH':{'default':{'body':'swB',"
        "'actions':[{'id':'a','label':'swA'}]}},"
        "'zh-Hant':{'default':{'title':'zT'}}}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(read_by(d, rows[i].locale, rows[i].channel),
                            rows[i].want);
}

static void
content_of_a_known_language_has_its_place_among_the_locales(void **state)
{
    struct desk *d = *state;

    desk_template(d, "t", 1,
                  "{'locale':'EN-gb','content':{'default':{'title':'gb'}},"
                  "'locales':{'en':{'default':{'title':'en','body':'b'}},"
                  "'de':{'default':{'title':'de'}}}}");
    assert_string_equal(read_by(d, "en-GB", "sms"), "gb b  - en");
    assert_string_equal(read_by(d, "en-GB-oed", "sms"), "gb b  - en");
    assert_string_equal(read_by(d, "en-US", "sms"), "en b  - en");
    assert_string_equal(read_by(d, "de", "sms"), "de   - de");
    assert_string_equal(read_by(d, "fr", "sms"), "gb   - en-GB");
    assert_string_equal(read_by(d, NULL, "sms"), "gb   - en-GB");
}

static void
a_partial_is_in_the_reader_s_language_too(void **state)
{
    struct rendered r;
    struct desk *d = *state;

    desk_template(d, "foot", 1,
                  "{'content':{'default':{'body':'Bye','html':'<p>Bye'}},"
                  "'locales':{'de':{'default':{'body':'Ade'}}}}");
    desk_template(d, "t", 1,
                  "{'content':{'default':{'body':'{{> foot}}',"
                  "'html':'{{> foot}}'}}}");
    assert_int_equal(render_for(d, "de-AT", "t", "email", "{}", &r), ERR_OK);
    assert_text(r.body, "Ade");
    assert_text(r.html, "<p>Bye");
    assert_int_equal(render_for(d, "fr", "t", "email", "{}", &r), ERR_OK);
    assert_text(r.body, "Bye");
}

static void
helpers_write_for_the_reader_in_the_language_of_the_text(void **state)
{
    static const struct {
        const char *locale, *want;
    } rows[] = {
        {"de-CH", "de 1\xe2\x80\x99"
                  "000.5"},
        {"de", "de 1.000,5"},
        {"fr", "en 1,000.5"}, /* French customs would not go with English */
        {"en-IN", "en 1,000.5"},
        {NULL, "en 1,000.5"},
    };
    struct desk *d = *state;
    struct rendered r;

    desk_template(d, "t", 1,
                  "{'locale':'en','content':{'default':{"
                  "'title':'en {{x | number}}',"
                  "'actions':[{'id':'a','label':'{{x | number}}'}]}},"
                  "'locales':{'de':{'default':{'title':'de {{x | number}}'}}"
                  "}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            render_for(d, rows[i].locale, "t", "email", "{'x':1000.5}", &r),
            ERR_OK);
        assert_text(r.title, rows[i].want);
        assert_json(r.actions, "[{'id':'a','label':'1,000.5'}]");
    }
    /* Who does not tell the language of the content has it as the reader's. */
    desk_template(d, "t", 1,
                  "{'content':{'default':{'title':'{{x | number}}'}}}");
    assert_int_equal(render_for(d, "de", "t", "email", "{'x':1000.5}", &r),
                     ERR_OK);
    assert_text(r.title, "1.000,5");
}

static void
a_layout_stands_around_body_and_html(void **state)
{
    struct desk *d = *state;
    struct rendered r;

    desk_template(d, "frame", 1,
                  "{'layout':'outer','content':{'default':{'title':'no',"
                  "'body':'Dear {{name}},\\n{{$content}}-{{/content}}\\nBye',"
                  "'html':'<h1>{{name}}</h1>{{$content}}-{{/content}}<hr>'}},"
                  "'locales':{'de':{'default':{"
                  "'body':'Hallo {{name}}: {{$content}}{{/content}}'}}}}");
    desk_template(d, "outer", 1,
                  "{'content':{'default':{'body':'O','html':'O'}}}");
    desk_template(d, "t", 1,
                  "{'layout':'frame','content':{'default':{'title':'T',"
                  "'body':'a\\nb {{name}}','html':'<p>{{name}}\\n</p>'}}}");
    r = rendered(d, "t", "email", "{'name':'<A>'}");
    assert_text(r.title, "T");
    assert_text(r.body, "Dear <A>,\na\nb <A>\nBye");
    assert_text(r.html, "<h1>&lt;A&gt;</h1><p>&lt;A&gt;\n</p><hr>");
    assert_int_equal(render_for(d, "de-AT", "t", "email", "{'name':'A'}", &r),
                     ERR_OK);
    assert_text(r.body, "Hallo A: a\nb A");
    assert_text(r.html, "<h1>A</h1><p>A\n</p><hr>");
    /* What is not there has no frame, and a frame alone is as it is. */
    desk_template(d, "t", 1,
                  "{'layout':'frame','content':{'default':{'title':'T'}}}");
    r = rendered(d, "t", "email", "{}");
    assert_int_equal(r.body.n + r.html.n, 0);
    r = rendered(d, "frame", "email", "{'name':'A'}");
    assert_text(r.html, "O");
}

static void
a_layout_is_what_a_parent_tag_would_be(void **state)
{
    struct desk *d = *state;
    struct rendered one, two;

    desk_template(d, "frame", 1,
                  "{'content':{'default':{'body':"
                  "'A\\n  {{$content}}\\n  {{/content}}\\nZ\\n',"
                  "'html':'<{{$content}}{{/content}}>'}}}");
    desk_template(d, "t", 1,
                  "{'layout':'frame','content':{'default':{"
                  "'body':'{{#l}}\\n- {{.}}\\n{{/l}}\\nend',"
                  "'html':'x\\ny'}}}");
    one = rendered(d, "t", "email", "{'l':[1,2]}");
    assert_text(one.body, "A\n  - 1\n  - 2\n  end\nZ\n");
    desk_template(d, "t", 1,
                  "{'content':{'default':{'body':'{{<frame}}\\n{{$content}}"
                  "\\n{{#l}}\\n- {{.}}\\n{{/l}}\\nend\\n{{/content}}\\n"
                  "{{/frame}}','html':'{{<frame}}{{$content}}x\\ny"
                  "{{/content}}{{/frame}}'}}}");
    two = rendered(d, "t", "email", "{'l':[1,2]}");
    assert_text(one.body, str_cstr(d->arena, two.body));
    assert_text(one.html, str_cstr(d->arena, two.html));
}

static void
a_layout_that_is_gone_leaves_the_text(void **state)
{
    struct desk *d = *state;
    struct rendered r;

    desk_template(d, "t", 1,
                  "{'layout':'gone','content':{'default':{'body':'b',"
                  "'html':'h'}}}");
    r = rendered(d, "t", "email", "{}");
    assert_text(r.body, "b");
    assert_text(r.html, "h");
    /* One without html stands around html, as its partial would be there. */
    desk_template(d, "gone", 1,
                  "{'content':{'default':{'body':'({{$content}}{{/content}})'"
                  "}}}");
    r = rendered(d, "t", "email", "{}");
    assert_text(r.html, "(h)");
    /* A partial has no layout of its own, and takes nobody's content. */
    desk_template(d, "part", 1,
                  "{'layout':'gone','content':{'default':{'body':'p'}}}");
    desk_template(d, "gone", 1,
                  "{'content':{'default':{'body':'{{> part}}({{$content}}"
                  "{{/content}})'}}}");
    r = rendered(d, "t", "email", "{}");
    assert_text(r.body, "p(b)");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(a_variant_falls_back_to_the_default_text_by_text),
        DESK_TEST(only_html_is_escaped),
        DESK_TEST(a_partial_gives_its_html_in_html_and_its_body_elsewhere),
        DESK_TEST(data_cannot_break_out_of_an_action),
        DESK_TEST(a_link_that_data_makes_dangerous_is_left_out),
        DESK_TEST(an_unknown_name_may_stay_as_it_is_written),
        DESK_TEST(budgets_hold_wherever_the_text_stands),
        DESK_TEST(each_text_is_looked_for_from_the_reader_s_locale_outwards),
        DESK_TEST(content_of_a_known_language_has_its_place_among_the_locales),
        DESK_TEST(a_partial_is_in_the_reader_s_language_too),
        DESK_TEST(a_layout_stands_around_body_and_html),
        DESK_TEST(a_layout_is_what_a_parent_tag_would_be),
        DESK_TEST(a_layout_that_is_gone_leaves_the_text),
        DESK_TEST(helpers_write_for_the_reader_in_the_language_of_the_text),
    };

    return cmocka_run_group_tests_name("app/content", tests, NULL, NULL);
}
