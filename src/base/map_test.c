#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>

static int values[1000];

static struct str
key_of(char text[static 16], int i)
{
    return (struct str){text, (size_t)snprintf(text, 16, "key-%d", i)};
}

static void
what_was_put_is_found_until_it_is_removed(void **state)
{
    struct map *m = map_new();

    (void)state;
    assert_null(map_get(m, STR("a")));
    assert_null(map_put(m, STR("a"), &values[1]));
    assert_null(map_put(m, STR("a\0b"), &values[2]));
    assert_null(map_put(m, STR_NONE, &values[3]));
    assert_int_equal(map_count(m), 3);
    assert_ptr_equal(map_get(m, STR("a")), &values[1]);
    assert_ptr_equal(map_get(m, STR("a\0b")), &values[2]);
    assert_ptr_equal(map_get(m, STR("")), &values[3]);
    assert_ptr_equal(map_put(m, STR("a"), &values[4]), &values[1]);
    assert_int_equal(map_count(m), 3);
    assert_ptr_equal(map_remove(m, STR("a")), &values[4]);
    assert_null(map_remove(m, STR("a")));
    assert_null(map_get(m, STR("a")));
    assert_int_equal(map_count(m), 2);
    map_free(m);
    map_free(NULL);
}

static void
the_key_is_copied(void **state)
{
    struct map *m = map_new();
    char text[] = "abc";

    (void)state;
    map_put(m, str_from(text), &values[0]);
    text[0] = 'x';
    assert_ptr_equal(map_get(m, STR("abc")), &values[0]);
    assert_null(map_get(m, str_from(text)));
    map_free(m);
}

/* Against a plain row: what is at index i, or NULL. */
static void
a_long_row_of_changes_leaves_what_it_should(void **state)
{
    struct map *m = map_new();
    int *want[1000] = {0};
    uint32_t seed = 3;
    size_t n = 0;
    char text[16];

    (void)state;
    for (int step = 0; step < 100000; step++) {
        /* The range narrows and widens, so that the row grows and shrinks. */
        uint32_t range = step / 10000 % 2 ? 20 : 1000, i;

        seed = seed * 1664525u + 1013904223u;
        i = (seed >> 8) % range;
        if (seed >> 31) {
            assert_ptr_equal(
                map_put(m, key_of(text, (int)i), &values[step % 1000]),
                want[i]);
            n += want[i] == NULL;
            want[i] = &values[step % 1000];
        } else {
            assert_ptr_equal(map_remove(m, key_of(text, (int)i)), want[i]);
            n -= want[i] != NULL;
            want[i] = NULL;
        }
        assert_int_equal(map_count(m), n);
    }
    for (int i = 0; i < 1000; i++)
        assert_ptr_equal(map_get(m, key_of(text, i)), want[i]);
    map_free(m);
}

static void
a_walk_sees_each_once_and_may_remove_where_it_stands(void **state)
{
    struct map *m = map_new();
    int seen[1000] = {0};
    size_t at = 0;
    struct str key;
    void *value;
    char text[16];

    (void)state;
    assert_false(map_next(m, &at, &key, &value));
    for (int i = 0; i < 1000; i++)
        map_put(m, key_of(text, i), &values[i]);
    at = 0;
    while (map_next(m, &at, &key, &value)) {
        int i = (int)((int *)value - values);

        assert_true(str_eq(key, key_of(text, i)));
        seen[i]++;
        if (i % 2)
            map_remove(m, key);
    }
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(seen[i], 1);
        assert_ptr_equal(map_get(m, key_of(text, i)),
                         i % 2 ? NULL : &values[i]);
    }
    assert_int_equal(map_count(m), 500);
    map_free(m);
}

/* Among entries that stay, so that the removed ones cannot just vanish: if
 * their graves were not counted, the row would fill and a search not end. */
static void
coming_and_going_leaves_the_map_as_fast_as_it_was(void **state)
{
    struct map *m = map_new();
    char text[16];

    (void)state;
    for (int i = 0; i < 100; i++)
        map_put(m, key_of(text, i), &values[i]);
    for (int i = 100; i < 200000; i++) {
        assert_null(map_put(m, key_of(text, i), &values[0]));
        assert_ptr_equal(map_remove(m, key_of(text, i)), &values[0]);
    }
    assert_int_equal(map_count(m), 100);
    for (int i = 0; i < 100; i++)
        assert_ptr_equal(map_get(m, key_of(text, i)), &values[i]);
    map_free(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_until_it_is_removed),
        cmocka_unit_test(the_key_is_copied),
        cmocka_unit_test(a_long_row_of_changes_leaves_what_it_should),
        cmocka_unit_test(coming_and_going_leaves_the_map_as_fast_as_it_was),
        cmocka_unit_test(a_walk_sees_each_once_and_may_remove_where_it_stands),
    };

    return cmocka_run_group_tests_name("base/map", tests, NULL, NULL);
}
