#include "app/template_doc.h"

#include "app/app_test.h"

static enum err
compile(struct desk *d, const char *doc)
{
    struct template_doc *t;

    problem_init(&d->problem, d->arena);
    return template_doc_compile(d->arena, STR("t"), 1, desk_json(d, doc),
                                &d->problem, &t);
}

static void
each_text_that_does_not_compile_is_named(void **state)
{
    struct desk *d = *state;

    assert_int_equal(
        compile(d, "{'content':{'default':{'title':'{{#a}}','body':'{{/a}}'},"
                   "'email':{'html':'{{','actions':[{'id':'a','label':"
                   "'{{#x}}'},{'id':'b','label':'{{/x}}','data':{'k':"
                   "['{{>']}}]}}}"),
        ERR_INVALID);
    assert_string_equal(desk_faults(d),
                        "/content/default/title /content/default/body "
                        "/content/email/html /content/email/actions/0/label "
                        "/content/email/actions/1/label "
                        "/content/email/actions/1/data/k/0");
    assert_int_equal(compile(d, "{'content':{}}"), ERR_OK);
    assert_int_equal(compile(d, "{}"), ERR_OK);
}

static void
a_tag_is_one_and_in_its_canonical_form(void **state)
{
    struct desk *d = *state;

    assert_int_equal(
        compile(d, "{'content':{},'locales':{'de':{},'pt-br':{},'de_AT':{},"
                   "'':{},'zh-Hant-TW':{'email':{'html':'{{'}}}}"),
        ERR_INVALID);
    assert_string_equal(desk_faults(d), "/locales/pt-br /locales/de_AT "
                                        "/locales/ "
                                        "/locales/zh-Hant-TW/email/html");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(each_text_that_does_not_compile_is_named),
        DESK_TEST(a_tag_is_one_and_in_its_canonical_form),
    };

    return cmocka_run_group_tests_name("app/template_doc", tests, NULL, NULL);
}
