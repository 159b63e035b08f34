#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

struct item {
    int number;
    struct list link;
};

static struct item *
item_of(struct list *l)
{
    return CONTAINER_OF(l, struct item, link);
}

static void
assert_numbers(struct list *head, const int *want, int n)
{
    int i = 0;

    LIST_EACH(at, head)
    {
        assert_true(i < n);
        assert_int_equal(item_of(at)->number, want[i++]);
    }
    assert_int_equal(i, n);
    /* And the same backwards. */
    for (struct list *at = head->prev; at != head; at = at->prev)
        assert_int_equal(item_of(at)->number, want[--i]);
    assert_int_equal(i, 0);
}

static void
entries_keep_the_order_in_which_they_were_put(void **state)
{
    struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3};
    struct list head;

    (void)state;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_numbers(&head, NULL, 0);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_prepend(&head, &c.link);
    assert_false(list_is_empty(&head));
    assert_numbers(&head, (int[]){3, 1, 2}, 3);
}

static void
removing_twice_does_no_harm(void **state)
{
    struct item a = {.number = 1}, b = {.number = 2}, c = {.number = 3};
    struct list head;

    (void)state;
    list_init(&head);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_append(&head, &c.link);
    list_remove(&b.link);
    list_remove(&b.link);
    assert_numbers(&head, (int[]){1, 3}, 2);
    list_append(&head, &b.link);
    assert_numbers(&head, (int[]){1, 3, 2}, 3);
}

static void
a_walk_may_remove_where_it_stands(void **state)
{
    struct item items[6];
    struct list head;

    (void)state;
    list_init(&head);
    for (int i = 0; i < 6; i++) {
        items[i].number = i;
        list_append(&head, &items[i].link);
    }
    LIST_EACH(at, &head)
    {
        if (item_of(at)->number % 2 == 0)
            list_remove(at);
    }
    assert_numbers(&head, (int[]){1, 3, 5}, 3);
}

static void
taking_gives_the_first_until_there_is_none(void **state)
{
    struct item a = {.number = 1}, b = {.number = 2};
    struct list head;

    (void)state;
    list_init(&head);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    assert_ptr_equal(list_take(&head), &a.link);
    assert_ptr_equal(list_take(&head), &b.link);
    assert_null(list_take(&head));
    assert_true(list_is_empty(&head));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_keep_the_order_in_which_they_were_put),
        cmocka_unit_test(removing_twice_does_no_harm),
        cmocka_unit_test(a_walk_may_remove_where_it_stands),
        cmocka_unit_test(taking_gives_the_first_until_there_is_none),
    };

    return cmocka_run_group_tests_name("base/list", tests, NULL, NULL);
}
