#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { NODES = 500 };

static uint32_t
next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static bool
is_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key < b->key || (a->key == b->key && a->tie < b->tie);
}

static void
an_empty_heap_has_no_minimum(void **state)
{
    struct heap h;

    (void)state;
    heap_init(&h);
    assert_null(heap_min(&h));
    heap_fini(&h);
}

static void
equal_keys_come_out_by_their_tie(void **state)
{
    struct heap_node nodes[4] = {{.key = 5, .tie = 3},
                                 {.key = 5, .tie = 1},
                                 {.key = -1, .tie = 9},
                                 {.key = 5, .tie = 2}};
    static const int want[] = {2, 1, 3, 0};
    struct heap h;

    (void)state;
    heap_init(&h);
    for (int i = 0; i < 4; i++)
        heap_insert(&h, &nodes[i]);
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(heap_min(&h), &nodes[want[i]]);
        heap_remove(&h, heap_min(&h));
        assert_false(heap_has(&nodes[want[i]]));
    }
    heap_fini(&h);
}

/* Against the simplest thing that is right: a walk over all nodes. */
static void
the_minimum_is_right_whatever_is_removed(void **state)
{
    static struct heap_node nodes[NODES];
    uint32_t seed = 7;
    struct heap h;

    (void)state;
    heap_init(&h);
    for (int step = 0; step < 20000; step++) {
        struct heap_node *n = &nodes[next_random(&seed) % NODES];
        struct heap_node *least = NULL;

        /* The top more often than chance would have it: it sinks deepest. */
        if (step % 3 == 0 && heap_min(&h))
            n = heap_min(&h);

        if (heap_has(n)) {
            heap_remove(&h, n);
        } else {
            n->key = (int64_t)(next_random(&seed) % 100) - 50;
            n->tie = n - nodes;
            heap_insert(&h, n);
        }
        for (int i = 0; i < NODES; i++)
            if (heap_has(&nodes[i]) && (!least || is_before(&nodes[i], least)))
                least = &nodes[i];
        assert_ptr_equal(heap_min(&h), least);
    }
    heap_fini(&h);
    for (int i = 0; i < NODES; i++)
        assert_false(heap_has(&nodes[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_has_no_minimum),
        cmocka_unit_test(equal_keys_come_out_by_their_tie),
        cmocka_unit_test(the_minimum_is_right_whatever_is_removed),
    };

    return cmocka_run_group_tests_name("base/heap", tests, NULL, NULL);
}
