#include "app/dev_sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"

static void
add(struct dev_sink *s, int64_t tenant, const char *title)
{
    dev_sink_add(
        s, &(struct dev_message){.tenant = tenant, .title = str_from(title)});
}

static void
the_newest_come_first_in_pages(void **state)
{
    struct dev_sink *s = dev_sink_new();
    struct arena *a = arena_new();
    struct dev_message *list;

    (void)state;
    add(s, 1, "one");
    add(s, 1, "two");
    add(s, 1, "three");
    assert_int_equal(dev_sink_list(s, a, 1, 0, 2, &list), 2);
    assert_true(str_is(list[0].title, "three"));
    assert_true(str_is(list[1].title, "two"));
    assert_int_equal(dev_sink_list(s, a, 1, list[1].seq, 2, &list), 1);
    assert_true(str_is(list[0].title, "one"));
    arena_free(a);
    dev_sink_free(s);
}

static void
a_tenant_sees_and_clears_its_own_only(void **state)
{
    struct dev_sink *s = dev_sink_new();
    struct arena *a = arena_new();
    struct dev_message *list;

    (void)state;
    add(s, 1, "mine");
    add(s, 2, "yours");
    assert_int_equal(dev_sink_list(s, a, 2, 0, 10, &list), 1);
    assert_true(str_is(list[0].title, "yours"));
    dev_sink_clear(s, 1);
    assert_int_equal(dev_sink_list(s, a, 1, 0, 10, &list), 0);
    assert_int_equal(dev_sink_list(s, a, 2, 0, 10, &list), 1);
    arena_free(a);
    dev_sink_free(s);
}

static void
the_oldest_make_room(void **state)
{
    struct dev_sink *s = dev_sink_new();
    struct arena *a = arena_new();
    struct dev_message *list;
    size_t n;

    (void)state;
    for (int i = 0; i < DEV_SINK_MAX + 5; i++)
        add(s, 1, "x");
    n = dev_sink_list(s, a, 1, 0, 2 * DEV_SINK_MAX, &list);
    assert_int_equal(n, DEV_SINK_MAX);
    assert_int_equal(list[0].seq, DEV_SINK_MAX + 5);
    assert_int_equal(list[n - 1].seq, 6);
    arena_free(a);
    dev_sink_free(s);
}

static void
large_ones_are_bounded_by_bytes(void **state)
{
    struct dev_sink *s = dev_sink_new();
    struct arena *a = arena_new();
    struct dev_message *list;
    size_t size = DEV_SINK_BYTES_MAX / 4;
    char *raw = calloc(1, size);

    (void)state;
    assert_non_null(raw);
    for (int i = 0; i < 6; i++)
        dev_sink_add(s, &(struct dev_message){.raw = {raw, size}});
    assert_in_range(dev_sink_list(s, a, 0, 0, 10, &list), 1, 4);
    assert_int_equal(list[0].seq, 6);
    free(raw);
    arena_free(a);
    dev_sink_free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_come_first_in_pages),
        cmocka_unit_test(a_tenant_sees_and_clears_its_own_only),
        cmocka_unit_test(the_oldest_make_room),
        cmocka_unit_test(large_ones_are_bounded_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
