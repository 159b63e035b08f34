#include "base/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* The components are the process's own, so each test forgets its. */

static struct buf text;
static enum health worst;

static int
forget(void **state)
{
    (void)state;
    buf_fini(&text);
    health_forget(STR("store"));
    health_forget(STR("node/1"));
    health_forget(STR("provider/a/mail"));
    health_forget(STR("provider/b/mail"));
    return 0;
}

static const char *
written(struct str only, const struct health_parts *parts)
{
    struct json_writer w;

    buf_reset(&text);
    w = json_writer(&text);
    worst = health_write_all(&w, only, parts);
    buf_put_char(&text, '\0');
    return text.p;
}

#define AT "\"at\":\"2024-01-01T00:00:00.000Z\"}"
#define AT_MS INT64_C(1704067200000)

static void
the_worst_of_all_is_told(void **state)
{
    (void)state;
    assert_string_equal(written(STR_NONE, NULL), "[]");
    health_report(STR("store"), HEALTH_DOWN, STR("away"), AT_MS);
    assert_string_equal(
        written(STR_NONE, NULL),
        "[{\"name\":\"store\",\"status\":\"down\",\"detail\":\"away\"," AT "]");
    assert_int_equal(worst, HEALTH_DOWN);
    health_report(STR("store"), HEALTH_OK, STR(""), AT_MS);
    written(STR_NONE, NULL);
    assert_int_equal(worst, HEALTH_OK);
}

static void
what_only_another_has_is_told_with_its_node(void **state)
{
    struct health_part other = {
        STR("2"), STR("[{\"name\":\"provider/a/mail\",\"status\":\"degraded\","
                      "\"detail\":\"breaker open\"," AT "]")};

    (void)state;
    assert_string_equal(
        written(STR_NONE, &(struct health_parts){STR("1"), &other, 1}),
        "[{\"name\":\"provider/a/mail\",\"status\":\"degraded\","
        "\"detail\":\"breaker open (node 2)\"," AT "]");
    assert_int_equal(worst, HEALTH_DEGRADED);
}

static void
where_they_differ_the_worst_is_told_with_its_node(void **state)
{
    struct health_part others[] = {
        {STR("2"), STR("[{\"name\":\"store\",\"status\":\"degraded\","
                       "\"detail\":\"\"," AT "]")},
        {STR("3"), STR("[{\"name\":\"store\",\"status\":\"ok\","
                       "\"detail\":\"postgres\"," AT "]")}};
    struct health_parts parts = {STR("1"), others, 2};

    (void)state;
    health_report(STR("store"), HEALTH_OK, STR("postgres"), AT_MS);
    assert_string_equal(written(STR_NONE, &parts),
                        "[{\"name\":\"store\",\"status\":\"degraded\","
                        "\"detail\":\"node 2\"," AT "]");
    parts.others = &others[1];
    parts.n = 1;
    assert_string_equal(written(STR_NONE, &parts),
                        "[{\"name\":\"store\",\"status\":\"ok\","
                        "\"detail\":\"postgres\"," AT "]");
}

static void
a_workspace_sees_its_own_of_every_node(void **state)
{
    struct health_part other = {
        STR("2"),
        STR("[{\"name\":\"node/1\",\"status\":\"ok\"," AT ","
            "{\"name\":\"provider/b/mail\",\"status\":\"down\"," AT ","
            "{\"name\":\"provider/a/mail\",\"status\":\"degraded\"," AT "]")};

    (void)state;
    health_report(STR("provider/b/mail"), HEALTH_DOWN, STR(""), AT_MS);
    assert_string_equal(written(STR("provider/a/"),
                                &(struct health_parts){STR("1"), &other, 1}),
                        "[{\"name\":\"provider/a/mail\",\"status\":"
                        "\"degraded\",\"detail\":\"node 2\"," AT "]");
    assert_int_equal(worst, HEALTH_DEGRADED);
}

static void
a_part_of_no_node_is_told_as_our_own(void **state)
{
    struct health_part other = {
        STR_NONE, STR("[{\"name\":\"node/1\",\"status\":\"ok\",\"detail\":"
                      "\"api\"," AT "]")};

    (void)state;
    assert_string_equal(
        written(STR_NONE, &(struct health_parts){STR("1"), &other, 1}),
        "[{\"name\":\"node/1\",\"status\":\"ok\",\"detail\":\"api\"," AT "]");
}

static bool
is_of_two(void *arg, struct str name, struct str node)
{
    (void)arg;
    return str_is(name, "provider/a/mail") && str_is(node, "2");
}

static void
who_has_nothing_more_to_say_is_left_out(void **state)
{
    struct health_part other = {
        STR("2"),
        STR("[{\"name\":\"provider/a/mail\",\"status\":\"down\"," AT "]")};

    (void)state;
    health_report(STR("provider/a/mail"), HEALTH_OK, STR(""), AT_MS);
    written(STR_NONE, &(struct health_parts){.own = STR("1"),
                                             .others = &other,
                                             .n = 1,
                                             .is_silent = is_of_two});
    assert_int_equal(worst, HEALTH_OK);
}

static void
what_is_not_understood_is_left_out(void **state)
{
    static const char *const texts[] = {"",      "null",  "{}",  "[1]",
                                        "[{}]",  "[null", "[[]", "[\"\"]",
                                        "{\"\"", "3"};

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct health_part other = {STR("2"), str_from(texts[i])};

        assert_string_equal(
            written(STR_NONE, &(struct health_parts){STR("1"), &other, 1}),
            "[]");
    }
}

int
main(void)
{
#define T(f) cmocka_unit_test_teardown(f, forget)
    const struct CMUnitTest tests[] = {
        T(the_worst_of_all_is_told),
        T(what_only_another_has_is_told_with_its_node),
        T(where_they_differ_the_worst_is_told_with_its_node),
        T(a_workspace_sees_its_own_of_every_node),
        T(a_part_of_no_node_is_told_as_our_own),
        T(who_has_nothing_more_to_say_is_left_out),
        T(what_is_not_understood_is_left_out),
    };

    return cmocka_run_group_tests_name("base/health", tests, NULL, NULL);
}
