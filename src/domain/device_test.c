#include "domain/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/arena.h"

static struct json
parsed(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    assert_int_equal(json_parse(a, text, doc, &why), ERR_OK);
    return json_root(doc);
}

#define TOKEN STR("{\"kind\":\"fcm\",\"token\":\"t\\u0031\",\"version\":3}")
#define BROWSER                                                                \
    STR("{\"kind\":\"web_push\",\"subscription\":{\"endpoint\":\"https://"     \
        "a\"}}")

static struct json
with(struct arena *a, struct json doc, struct str name, struct str body,
     int64_t now_ms)
{
    struct device d;

    return parsed(a, devices_with(a, doc, name, parsed(a, body), now_ms, &d));
}

static void
a_device_is_read_as_it_was_written(void **state)
{
    struct arena *a = arena_new();
    struct device d, all[DEVICES_MAX];
    struct json doc = with(a, (struct json){0}, STR("phone"), TOKEN, 1000);

    (void)state;
    doc = with(a, doc, STR("laptop"), BROWSER, 2000);
    assert_int_equal(devices_read(a, doc, all), 2);
    assert_true(device_find(a, doc, STR("phone"), &d));
    assert_int_equal(d.kind, DEVICE_FCM);
    assert_true(str_is(d.address, "t1"));
    assert_int_equal(d.created_ms, 1000);
    assert_int_equal(d.version, 1000);
    assert_true(device_find(a, doc, STR("laptop"), &d));
    assert_int_equal(d.kind, DEVICE_WEB_PUSH);
    assert_true(str_is(d.address, "{\"endpoint\":\"https://a\"}"));
    assert_false(device_find(a, doc, STR("watch"), &d));
    arena_free(a);
}

static void
another_write_keeps_the_birth_and_has_a_version_of_its_own(void **state)
{
    struct arena *a = arena_new();
    struct json doc = with(a, (struct json){0}, STR("p"), TOKEN, 1000);
    struct device d;

    (void)state;
    doc = with(a, doc, STR("p"), TOKEN, 1000); /* in the same millisecond */
    assert_true(device_find(a, doc, STR("p"), &d));
    assert_int_equal(d.version, 1001);
    doc = with(a, doc, STR("p"), TOKEN, 500); /* the clock was set back */
    assert_true(device_find(a, doc, STR("p"), &d));
    assert_int_equal(d.version, 1002);
    assert_int_equal(d.created_ms, 1000);
    assert_int_equal(d.updated_ms, 500);
    arena_free(a);
}

static void
a_user_has_twenty_and_one_of_them_may_be_replaced(void **state)
{
    struct arena *a = arena_new();
    struct json doc = {0};
    struct device d;

    (void)state;
    for (int i = 0; i < DEVICES_MAX; i++)
        doc = with(a, doc, str_fmt(a, "d%d", i), TOKEN, 1);
    assert_int_equal(
        devices_with(a, doc, STR("one"), parsed(a, TOKEN), 2, &d).n, 0);
    assert_true(devices_with(a, doc, STR("d7"), parsed(a, TOKEN), 2, &d).n > 0);
    doc = parsed(a, devices_without(a, doc, STR("d7")));
    assert_false(device_find(a, doc, STR("d7"), &d));
    assert_true(devices_with(a, doc, STR("one"), parsed(a, TOKEN), 2, &d).n >
                0);
    arena_free(a);
}

static void
what_is_no_device_is_not_read(void **state)
{
    struct arena *a = arena_new();
    struct device d, all[DEVICES_MAX];
    struct json doc = parsed(a, STR("{\"a\":{\"kind\":\"pager\"},\"b\":7}"));

    (void)state;
    assert_int_equal(devices_read(a, doc, all), 0);
    assert_int_equal(devices_read(a, (struct json){0}, all), 0);
    assert_false(device_find(a, doc, STR("a"), &d));
    assert_false(device_find(a, doc, STR("b"), &d));
    arena_free(a);
}

static void
a_delivery_names_the_kind_and_the_device(void **state)
{
    struct arena *a = arena_new();
    struct device d = {.name = STR("my.phone:1"), .kind = DEVICE_APNS};
    struct str ref = device_ref(a, &d);

    (void)state;
    assert_true(str_is(ref, "apns/my.phone:1"));
    assert_true(str_eq(device_ref_name(ref), d.name));
    assert_int_equal(device_ref_kind(ref), DEVICE_APNS);
    assert_int_equal(device_ref_name(STR_NONE).n, 0);
    assert_int_equal(device_ref_kind(STR_NONE), DEVICE_NONE);
    arena_free(a);
}

static void
each_push_channel_has_its_kinds(void **state)
{
    (void)state;
    assert_int_equal(device_kinds_of(STR("web_push")),
                     DEVICE_BIT(DEVICE_WEB_PUSH));
    assert_int_equal(device_kinds_of(STR("mobile_push")),
                     DEVICE_BIT(DEVICE_FCM) | DEVICE_BIT(DEVICE_APNS));
    assert_int_equal(device_kinds_of(STR("email")), 0);
    for (int k = DEVICE_NONE + 1; k < DEVICE_KINDS; k++)
        assert_int_equal(
            device_kind_find(str_from(device_kind_name((enum device_kind)k))),
            k);
    assert_int_equal(device_kind_find(STR_NONE), DEVICE_NONE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_read_as_it_was_written),
        cmocka_unit_test(
            another_write_keeps_the_birth_and_has_a_version_of_its_own),
        cmocka_unit_test(a_user_has_twenty_and_one_of_them_may_be_replaced),
        cmocka_unit_test(what_is_no_device_is_not_read),
        cmocka_unit_test(a_delivery_names_the_kind_and_the_device),
        cmocka_unit_test(each_push_channel_has_its_kinds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
