#include "app/message.h"

#include "app/app_test.h"

#define NNB "\xe2\x80\xaf" /* narrow no-break space */

static struct message
message(struct desk *d, const char *doc, const struct plan_recipient *r)
{
    return (struct message){.arena = d->arena,
                            .workspace = &d->w,
                            .doc = desk_json(d, doc),
                            .channel = STR("email"),
                            .recipient = r};
}

static void
inline_content_goes_out_as_it_came(void **state)
{
    struct desk *d = *state;
    struct plan_recipient r = {.user = STR("u")};
    struct message m =
        message(d,
                "{'title':'{{x}} \\u00e4','body':'a\\nb','html':'<b>{{x}}</b>',"
                "'actions':[ {'id':'a', 'label':'{{x}}'} ],'data':{'x':'y'}}",
                &r);

    assert_int_equal(message_render(&m), ERR_OK);
    assert_text(m.rendered.title, "{{x}} \xc3\xa4");
    assert_text(m.rendered.body, "a\nb");
    assert_text(m.rendered.html, "<b>{{x}}</b>");
    assert_json(m.rendered.actions, "[ {'id':'a', 'label':'{{x}}'} ]");
    m = message(d, "{'title':'t'}", &r);
    assert_int_equal(message_render(&m), ERR_OK);
    assert_int_equal(
        m.rendered.body.n + m.rendered.html.n + m.rendered.actions.n, 0);
}

static void
a_user_has_an_id_however_it_was_stored(void **state)
{
    struct desk *d = *state;
    struct plan_recipient rows[] = {
        {.user = STR("u")},
        {.user = STR("u"), .stored = desk_json(d, "{'email':'a@b.c'}")},
        {.user = STR("u"), .stored = desk_json(d, "{'id':'u','locale':'de'}")},
    };

    desk_template(d, "t", 1, "{'content':{'default':{'title':'{{user.id}}'}}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct message m = message(d, "{'to':'u'}", &rows[i]);

        m.template = workspace_template(&d->w, STR("t"), 0);
        assert_int_equal(message_render(&m), ERR_OK);
        assert_text(m.rendered.title, "u");
    }
}

static void
the_nearest_word_wins(void **state)
{
    static const struct {
        const char *stored, *given, *data, *want;
    } rows[] = {
        {NULL, NULL, NULL, " "},
        {NULL, NULL, "{'x':'d'}", "d "},
        {NULL, "{'data':{'x':'g'}}", "{'x':'d'}", "g "},
        {"{'locale':'s'}", NULL, "{'x':'d'}", "d s"},
        {"{'locale':'s'}", "{'locale':'g'}", NULL, " g"},
        {NULL, "{'locale':'g'}", NULL, " g"},
        {"{'locale':'s'}", "{'locale':null}", NULL, " "},
        {"{'locale':'s'}", NULL, "{'user':{'locale':'d'}}", " d"},
    };
    struct desk *d = *state;
    struct message m;

    desk_template(d, "t", 1,
                  "{'content':{'default':{'title':'{{x}} {{user.locale}}'}}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_recipient r = {.user = STR("u")};
        struct str doc = str_fmt(d->arena, "{'data':%s}",
                                 rows[i].data ? rows[i].data : "{}");

        if (rows[i].stored)
            r.stored = desk_json(d, rows[i].stored);
        if (rows[i].given)
            r.given = desk_json(d, rows[i].given);
        m = message(d, str_cstr(d->arena, doc), &r);
        m.template = workspace_template(&d->w, STR("t"), 0);
        assert_int_equal(message_render(&m), ERR_OK);
        assert_text(m.rendered.title, rows[i].want);
    }
}

static void
a_template_takes_the_variant_of_the_channel(void **state)
{
    struct desk *d = *state;
    struct plan_recipient r = {.user = STR("u")};
    struct message m = message(d, "{}", &r);

    desk_template(d, "t", 1,
                  "{'content':{'default':{'title':'d'},'email':{'title':'e'}"
                  "}}");
    m.template = workspace_template(&d->w, STR("t"), 0);
    assert_int_equal(message_render(&m), ERR_OK);
    assert_text(m.rendered.title, "e");
    m.channel = STR("webhook");
    assert_int_equal(message_render(&m), ERR_OK);
    assert_text(m.rendered.title, "d");
}

static void
the_profile_s_locale_goes_before_that_of_the_send(void **state)
{
    static const struct {
        const char *stored, *given, *send, *want;
    } rows[] = {
        {NULL, NULL, NULL, "en"},
        {"{'locale':'de'}", NULL, NULL, "de"},
        {"{'locale':'de'}", NULL, "fr", "de"},
        {"{'locale':'de'}", "{'locale':'fr'}", NULL, "fr"},
        {"{'locale':'de'}", "{'locale':null}", NULL, "en"},
        {"{'locale':'de'}", "{'locale':null}", "fr", "fr"},
        {"{'locale':'de_DE'}", NULL, "fr", "fr"}, /* no tag */
        {"{'locale':null}", NULL, "fr-CA", "fr"},
        {NULL, "{'locale':'fr'}", "de", "fr"},
    };
    struct desk *d = *state;

    desk_template(d, "t", 1,
                  "{'content':{'default':{'title':'en'}},'locales':{'de':"
                  "{'default':{'title':'de'}},'fr':{'default':{'title':'fr'}}"
                  "}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_recipient r = {.user = STR("u")};
        struct str doc =
            rows[i].send ? str_fmt(d->arena, "{'locale':'%s'}", rows[i].send)
                         : STR("{}");
        struct message m;

        if (rows[i].stored)
            r.stored = desk_json(d, rows[i].stored);
        if (rows[i].given)
            r.given = desk_json(d, rows[i].given);
        m = message(d, str_cstr(d->arena, doc), &r);
        m.template = workspace_template(&d->w, STR("t"), 0);
        assert_int_equal(message_render(&m), ERR_OK);
        assert_text(m.rendered.title, rows[i].want);
    }
}

static void
times_are_those_of_the_profile_s_zone(void **state)
{
    static const struct {
        const char *stored, *given, *want;
    } rows[] = {
        {NULL, NULL, "11:30" NNB "PM 1 day ago"},
        {"{'timezone':'Europe/Berlin'}", NULL, "12:30" NNB "AM 1 day ago"},
        {"{'timezone':'Europe/Berlin','locale':'de'}", NULL, "00:30 vor 1 Tag"},
        {"{'timezone':'Europe/Berlin'}", "{'timezone':'Asia/Tokyo'}",
         "8:30" NNB "AM 1 day ago"},
        {"{'timezone':'Mars/Base'}", NULL, "11:30" NNB "PM 1 day ago"},
    };
    struct desk *d = *state;

    desk_template(d, "t", 1,
                  "{'content':{'default':{'title':'{{t | time}} "
                  "{{t | relative}}'}}}");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct plan_recipient r = {.user = STR("u")};
        struct message m =
            message(d, "{'data':{'t':'2026-03-01T23:30:00Z'}}", &r);

        m.now_ms = INT64_C(1772494200000); /* a day later */
        if (rows[i].stored)
            r.stored = desk_json(d, rows[i].stored);
        if (rows[i].given)
            r.given = desk_json(d, rows[i].given);
        m.template = workspace_template(&d->w, STR("t"), 0);
        assert_int_equal(message_render(&m), ERR_OK);
        assert_text(m.rendered.title, rows[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        DESK_TEST(inline_content_goes_out_as_it_came),
        DESK_TEST(a_user_has_an_id_however_it_was_stored),
        DESK_TEST(the_nearest_word_wins),
        DESK_TEST(a_template_takes_the_variant_of_the_channel),
        DESK_TEST(the_profile_s_locale_goes_before_that_of_the_send),
        DESK_TEST(times_are_those_of_the_profile_s_zone),
    };

    return cmocka_run_group_tests_name("app/message", tests, NULL, NULL);
}
