#include "domain/preference.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena_test.h"
#include "base/clock.h"

/* NULL: absent. */
static struct json
json(const char *text)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error why;

    if (!text)
        return (struct json){0};
    assert_int_equal(json_parse(arena, str_from(text), doc, &why), ERR_OK);
    return json_root(doc);
}

static struct preference_query
query(const char *user, const char *defaults)
{
    struct preference_query q = {
        .arena = arena,
        .user = json(user),
        .defaults = json(defaults),
        .category = STR("news"),
        .channel = STR("email"),
    };

    assert_true(time_parse(STR("2026-06-01T12:00:00.000Z"), &q.now_ms));
    return q;
}

static enum reason
decide(const char *user, const char *defaults)
{
    const struct preference_query q = query(user, defaults);

    return preference_decide(&q);
}

static void
the_most_particular_choice_decides(void **state)
{
    static const struct {
        const char *user, *defaults;
        enum reason expected;
    } cases[] = {
        {NULL, NULL, REASON_NONE},
        {"{}", "{}", REASON_NONE},
        {"{\"channels\":{\"email\":false}}", NULL, REASON_PREF_CHANNEL_OFF},
        {"{\"channels\":{\"sms\":false}}", NULL, REASON_NONE},
        {"{\"categories\":{\"news\":{\"enabled\":false}}}", NULL,
         REASON_PREF_CATEGORY_OFF},
        {"{\"categories\":{\"offers\":{\"enabled\":false}}}", NULL,
         REASON_NONE},
        {"{\"categories\":{\"news\":{\"channels\":{\"email\":false}}}}", NULL,
         REASON_PREF_CHANNEL_OFF},
        /* the channel in the category, the category, the channel */
        {"{\"categories\":{\"news\":{\"enabled\":false,"
         "\"channels\":{\"email\":true}}}}",
         NULL, REASON_NONE},
        {"{\"channels\":{\"email\":false},"
         "\"categories\":{\"news\":{\"enabled\":true}}}",
         NULL, REASON_NONE},
        {"{\"channels\":{\"email\":true},"
         "\"categories\":{\"news\":{\"enabled\":false}}}",
         NULL, REASON_PREF_CATEGORY_OFF},
        /* all of the user's before the workspace's */
        {NULL, "{\"channels\":{\"email\":false}}", REASON_PREF_CHANNEL_OFF},
        {"{\"channels\":{\"email\":true}}",
         "{\"categories\":{\"news\":{\"channels\":{\"email\":false}}}}",
         REASON_NONE},
        {"{\"channels\":{\"sms\":true}}",
         "{\"categories\":{\"news\":{\"enabled\":false}}}",
         REASON_PREF_CATEGORY_OFF},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(decide(cases[i].user, cases[i].defaults),
                         cases[i].expected);
}

static void
a_mute_goes_before_all_and_ends(void **state)
{
    (void)state;
    assert_int_equal(decide("{\"muted_until\":\"2026-06-01T12:00:00.001Z\","
                            "\"channels\":{\"email\":true}}",
                            NULL),
                     REASON_PREF_MUTED);
    assert_int_equal(
        decide("{\"muted_until\":\"2026-06-01T12:00:00.000Z\"}", NULL),
        REASON_NONE);
    assert_int_equal(decide("{\"muted_until\":null}", NULL), REASON_NONE);
}

static void
without_a_category_only_channels_count(void **state)
{
    struct preference_query q = {
        .arena = arena,
        .user = json("{\"categories\":{\"\":{\"enabled\":false}}}"),
        .channel = STR("email"),
    };

    (void)state;
    assert_int_equal(preference_decide(&q), REASON_NONE);
}

static void
what_decided_is_told(void **state)
{
    static const struct {
        const char *user, *defaults, *by;
        enum reason why;
    } cases[] = {
        {NULL, NULL, "", REASON_NONE},
        {"{\"channels\":{\"sms\":false}}", NULL, "", REASON_NONE},
        {"{\"channels\":{\"email\":false}}", NULL, "user/channels/email",
         REASON_PREF_CHANNEL_OFF},
        {"{\"channels\":{\"email\":true}}",
         "{\"categories\":{\"news\":{\"enabled\":false}}}",
         "user/channels/email", REASON_NONE},
        {NULL, "{\"categories\":{\"news\":{\"enabled\":false}}}",
         "workspace/categories/news", REASON_PREF_CATEGORY_OFF},
        {"{\"categories\":{\"news\":{\"channels\":{\"email\":false}}}}", NULL,
         "user/categories/news/channels/email", REASON_PREF_CHANNEL_OFF},
        {"{\"muted_until\":\"2026-06-01T12:00:00.001Z\"}", NULL,
         "user/muted_until", REASON_PREF_MUTED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct preference_query q = query(cases[i].user, cases[i].defaults);
        struct str by = STR_NONE;

        assert_int_equal(preference_explain(&q, &by), cases[i].why);
        assert_true(str_is(by, cases[i].by));
        q.is_critical = true;
        assert_int_equal(preference_explain(&q, &by), REASON_NONE);
        assert_true(str_is(by, "category"));
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_most_particular_choice_decides),
        T(a_mute_goes_before_all_and_ends),
        T(without_a_category_only_channels_count),
        T(what_decided_is_told),
    };

    return cmocka_run_group_tests_name("domain/preference", tests, NULL, NULL);
}
