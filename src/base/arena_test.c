#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
what_is_given_is_zeroed_and_aligned_also_after_a_reset(void **state)
{
    static const char zeros[6000];
    struct arena *a = arena_new();

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (size_t n = 1; n < 6000; n += 37) {
            char *p = arena_alloc(a, n);

            assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
            assert_memory_equal(p, zeros, n);
            memset(p, 0xA5, n);
        }
        arena_reset(a);
    }
    arena_free(a);
}

static void
no_two_pieces_overlap(void **state)
{
    enum { PIECES = 2000 };
    struct arena *a = arena_new();
    unsigned char *piece[PIECES];
    size_t size[PIECES];
    size_t total = 0;

    (void)state;
    for (unsigned i = 0; i < PIECES; i++) {
        /* Now and then one that is far bigger than a block. */
        size[i] = i % 500 == 499 ? 700000 : (size_t)(i * 7919u) % 900;
        piece[i] = arena_alloc(a, size[i]);
        assert_non_null(piece[i]);
        memset(piece[i], (int)(i % 251), size[i]);
        total += size[i];
    }
    assert_int_equal(arena_used(a), total);
    for (unsigned i = 0; i < PIECES; i++)
        for (size_t k = 0; k < size[i]; k += 13)
            assert_int_equal(piece[i][k], i % 251);
    arena_free(a);
}

static void
a_reset_forgets_everything_but_one_block(void **state)
{
    struct arena *a = arena_new();
    char *first, *again;

    (void)state;
    first = arena_alloc(a, 100);
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
    again = arena_alloc(a, 100);
    assert_ptr_equal(first, again);
    arena_free(a);
}

static void
an_array_is_counted_whole(void **state)
{
    struct arena *a = arena_new();
    uint64_t *row = ARENA_ARRAY(a, uint64_t, 1000);

    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(row[i], 0);
        row[i] = UINT64_MAX;
    }
    assert_int_equal(arena_used(a), 8000);
    arena_free(a);
}

static void
a_copy_is_another_piece_with_the_same_bytes(void **state)
{
    struct arena *a = arena_new();
    char text[] = "abc";
    char *copy = arena_copy(a, text, sizeof(text));

    (void)state;
    text[0] = 'x';
    assert_string_equal(copy, "abc");
    assert_non_null(arena_copy(a, NULL, 0));
    assert_non_null(arena_alloc(a, 0));
    arena_free(a);
    arena_free(NULL);
}

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>

static void
what_was_not_given_may_not_be_touched(void **state)
{
    struct arena *a = arena_new();
    char *p = arena_alloc(a, 5), *q = arena_alloc(a, 32);

    (void)state;
    assert_false(__asan_address_is_poisoned(p + 4));
    assert_true(__asan_address_is_poisoned(p + 5));
    assert_true(__asan_address_is_poisoned(q + 32));
    arena_reset(a);
    assert_true(__asan_address_is_poisoned(p));
    assert_true(__asan_address_is_poisoned(q));
    arena_free(a);
}
#endif

static int
exit_status_of(void (*run)(void))
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        close(STDERR_FILENO);
        run();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
ask_for_an_array_that_overflows(void)
{
    arena_array(arena_new(), SIZE_MAX / 2 + 2, 2);
}

static void
ask_for_more_than_there_is(void)
{
    arena_alloc(arena_new(), SIZE_MAX - 3);
}

static void
a_size_that_overflows_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(exit_status_of(ask_for_an_array_that_overflows), 1);
    assert_int_equal(exit_status_of(ask_for_more_than_there_is), 1);
}

static void
lend_it_twice(void)
{
    struct arena *a = arena_new();

    arena_lend(a);
    arena_take_back(a);
    arena_lend(a); /* so far all is well */
    arena_lend(a);
}

static void
nobody_lends_what_is_lent(void **state)
{
    (void)state;
    assert_int_equal(exit_status_of(lend_it_twice), -1); /* a signal */
}

static void
the_heap_gives_something_even_for_nothing(void **state)
{
    char *p = xmalloc(0), *q = xcalloc(0, 8), *s = xstrdup("dup");

    (void)state;
    assert_non_null(p);
    assert_non_null(q);
    assert_string_equal(s, "dup");
    s = xrealloc(s, 1000);
    assert_string_equal(s, "dup");
    s = xrealloc(s, 0);
    assert_non_null(s);
    free(p);
    free(q);
    free(s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            what_is_given_is_zeroed_and_aligned_also_after_a_reset),
        cmocka_unit_test(no_two_pieces_overlap),
        cmocka_unit_test(a_reset_forgets_everything_but_one_block),
        cmocka_unit_test(an_array_is_counted_whole),
        cmocka_unit_test(a_copy_is_another_piece_with_the_same_bytes),
#if defined(__SANITIZE_ADDRESS__)
        cmocka_unit_test(what_was_not_given_may_not_be_touched),
#endif
        cmocka_unit_test(a_size_that_overflows_ends_the_process),
        cmocka_unit_test(nobody_lends_what_is_lent),
        cmocka_unit_test(the_heap_gives_something_even_for_nothing),
    };

    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
