#include "app/template_lint.h"

#include <stdio.h>

#include "app/app_test.h"

/* "code pointer" of each, a line. */
static const char *
lints_of(struct desk *d, const char *doc)
{
    const struct template_doc *t;
    struct lint *all;
    struct buf out;
    size_t n;

    desk_template(d, "t", 1, doc);
    t = workspace_template(&d->w, STR("t"), 0);
    all = template_lint(d->arena, &d->w, t, &n);
    buf_init(&out, d->arena);
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%s%s %.*s", i > 0 ? "\n" : "", lint_code(all[i].id),
                   STR_ARG(all[i].pointer));
    return str_cstr(d->arena, buf_str(&out));
}

static void
a_good_template_has_nothing_to_say(void **state)
{
    struct desk *d = *state;

    assert_string_equal(
        lints_of(d,
                 "{'locale':'en','content':{'default':{'title':'Hi {{n}}',"
                 "'body':'{{n}}','html':'<p class=\\\"{{c}}\\\">{{n}}</p>'}},"
                 "'locales':{'de':{'default':{'title':'Na {{n}}'}}}}"),
        "");
}

static void
partials_must_be_there(void **state)
{
    struct desk *d = *state;

    desk_template(d, "there", 1, "{'content':{'default':{'body':'x'}}}");
    assert_string_equal(
        lints_of(d, "{'content':{'default':{'body':'{{> there}}{{> gone}}"
                    "{{>*name}}{{> t}}{{> gone}}'}}}"),
        "partial.unknown /content/default/body");
}

static void
data_in_html_is_looked_at(void **state)
{
    struct desk *d = *state;

    assert_string_equal(
        lints_of(d, "{'content':{'default':{'body':'{{{a}}}','html':"
                    "'<a href=\\\"{{u}}\\\" id={{i}}>{{{m}}}</a>"
                    "<script>{{s}}</script>'}}}"),
        "html.unquoted /content/default/html\n"
        "html.url /content/default/html\n"
        "html.script /content/default/html\n"
        "html.raw /content/default/html");
}

static void
html_wants_a_body(void **state)
{
    struct desk *d = *state;

    assert_string_equal(lints_of(d, "{'content':{'default':{'html':'x'},"
                                    "'email':{'html':'y','body':'z'}}}"),
                        "body.missing /content/default/html");
    assert_string_equal(
        lints_of(d, "{'locale':'en','content':{'default':{'body':'b',"
                    "'html':'h'}},'locales':{'de':{'default':{'html':'x',"
                    "'body':'y'}},'de-AT':{'email':{'html':'z'}},"
                    "'fr':{'email':{'html':'f'}}}}"),
        "body.missing /locales/fr/email/html");
}

static void
messages_are_counted_where_sms_is_meant(void **state)
{
    char doc[1000], text[200];
    struct desk *d = *state;

    memset(text, 'x', 170);
    text[170] = '\0';
    snprintf(doc, sizeof(doc), "{'content':{'default':{'body':'%s'}}}", text);
    assert_string_equal(lints_of(d, doc), "");
    snprintf(doc, sizeof(doc),
             "{'channels':['sms'],'content':{'default':{'body':'%s'}}}", text);
    assert_string_equal(lints_of(d, doc), "sms.long /content/default/body");
    snprintf(doc, sizeof(doc),
             "{'content':{'default':{'body':'%s'},'sms':{'body':'short'}}}",
             text);
    assert_string_equal(lints_of(d, doc), "");
    snprintf(doc, sizeof(doc),
             "{'channels':['mobile_push'],'content':{'default':{'title':'%s',"
             "'body':'b'}}}",
             text);
    assert_string_equal(lints_of(d, doc), "title.long /content/default/title");
}

static void
languages_are_held_against_each_other(void **state)
{
    struct desk *d = *state;

    assert_string_equal(
        lints_of(d, "{'locale':'en','content':{'default':{'title':'{{name}}',"
                    "'body':'{{only_here}} {{#s}}x{{/s}}'}},"
                    "'locales':{'de':{'default':{'title':'{{nmae}}'}},"
                    "'fr':{'default':{'title':'{{name}}'}}}}"),
        "locale.variable /locales/de/default/title");
    assert_string_equal(lints_of(d, "{'content':{'email':{'body':'b'}},"
                                    "'locales':{'de':{'default':{'body':'x'},"
                                    "'email':{'body':'y'}}}}"),
                        "locale.untold /content\n"
                        "locale.fallback /locales/de/default/body");
}

static void
the_list_ends_somewhere(void **state)
{
    struct desk *d = *state;
    struct buf doc;

    buf_init(&doc, d->arena);
    buf_put_cstr(&doc, "{'content':{'default':{'body':'b','html':'");
    for (int i = 0; i < 2 * LINTS_MAX; i++)
        buf_printf(&doc, "{{{v%d}}}", i);
    buf_put_cstr(&doc, "'}}}");
    {
        struct lint *all;
        size_t n;

        desk_template(d, "t", 1, str_cstr(d->arena, buf_str(&doc)));
        all = template_lint(d->arena, &d->w,
                            workspace_template(&d->w, STR("t"), 0), &n);
        assert_int_equal(n, LINTS_MAX);
        assert_true(lint_help(all[0].id)[0] != '\0');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(a_good_template_has_nothing_to_say),
        DESK_TEST(partials_must_be_there),
        DESK_TEST(data_in_html_is_looked_at),
        DESK_TEST(html_wants_a_body),
        DESK_TEST(messages_are_counted_where_sms_is_meant),
        DESK_TEST(languages_are_held_against_each_other),
        DESK_TEST(the_list_ends_somewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
