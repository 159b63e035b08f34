#include "store/postgres/bell.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define SELF 77

struct heard {
    int n_notifies, n_lanes, n_inboxes;
    int64_t rank_of_first_lane;
};

static struct buf
take(struct pg_bells *b)
{
    struct buf out = {0};

    pg_bells_take(b, SELF, &out);
    return out;
}

static void
assert_told(struct pg_bells *b, const char *text)
{
    struct buf out = take(b);

    buf_put_char(&out, '\0');
    assert_string_equal(out.p, text);
    buf_fini(&out);
}

/* As the others do, until there is nothing more. */
static struct heard
hear_all(struct pg_bells *b)
{
    struct heard h = {0};

    while (!pg_bells_are_empty(b)) {
        struct buf out = take(b);
        struct str line, text = buf_str(&out);

        h.n_notifies++;
        assert_in_range(out.n, 1, PG_BELLS_MAX);
        while (str_split(&text, '\n', &line)) {
            struct pg_bell bell = pg_bell_read(line);

            if (line.n > 0) /* behind the last one's end */
                assert_int_not_equal(bell.kind, '\0');
            h.n_lanes += bell.kind == 'r';
            h.n_inboxes += bell.kind == 'i';
            if (bell.kind == 'r' && bell.v[1] == 1)
                h.rank_of_first_lane = bell.v[2];
        }
        buf_fini(&out);
    }
    return h;
}

static void
of_what_can_be_told_in_one_only_that_is_told(void **state)
{
    struct pg_bells *b = pg_bells_new();

    (void)state;
    assert_true(pg_bells_are_empty(b));
    pg_bells_greet(b);
    assert_false(pg_bells_are_empty(b));
    assert_true(pg_bells_has_greeting(b));
    assert_told(b, "n 77\n");
    assert_true(pg_bells_are_empty(b));
    assert_false(pg_bells_has_greeting(b));
    pg_bells_change(b, 6);
    pg_bells_change(b, 5);
    pg_bells_wait(b, 1000);
    pg_bells_wait(b, 900);
    pg_bells_wait(b, 950);
    pg_bells_work(b);
    pg_bells_ready(b, 3, -8, 20, 5);
    pg_bells_ready(b, 3, -8, 20, 4);
    pg_bells_ready(b, 3, -8, 21, 1);
    pg_bells_inbox(b, 3, STR("anna b"), 9);
    assert_told(b, "n 77\nc 6\nw 900\nk 1\nr 3 -8 20 4\ni 3 9 anna b\n");
    assert_true(pg_bells_are_empty(b));
    pg_bells_free(b);
}

static void
what_one_notify_cannot_take_the_next_ones_do(void **state)
{
    struct pg_bells *b = pg_bells_new();
    struct heard h;
    char user[20];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        pg_bells_ready(b, 1, i, i + 40, INT64_MAX);
        snprintf(user, sizeof(user), "user-%d", i);
        pg_bells_inbox(b, 1, str_from(user), i);
    }
    h = hear_all(b);
    assert_int_equal(h.n_lanes, 1000);
    assert_int_equal(h.n_inboxes, 1000);
    assert_int_equal(h.rank_of_first_lane, 41);
    assert_in_range(h.n_notifies, 4, 20);
    pg_bells_free(b);
}

static void
inboxes_that_nobody_takes_stop_growing(void **state)
{
    struct pg_bells *b = pg_bells_new();

    (void)state;
    for (int i = 0; i < 100000; i++)
        pg_bells_inbox(b, 1, STR("somebody-with-a-name"), 1);
    assert_in_range(hear_all(b).n_inboxes, 10000, 50000);
    pg_bells_free(b);
}

static void
what_is_read_is_what_was_written(void **state)
{
    struct pg_bell b = pg_bell_read(STR("i 3 -9 anna b"));

    (void)state;
    assert_int_equal(b.kind, 'i');
    assert_int_equal(b.v[0], 3);
    assert_int_equal(b.v[1], -9);
    assert_true(str_is(b.user, "anna b"));
    b = pg_bell_read(STR("r 1 -2 3 4"));
    assert_int_equal(b.kind, 'r');
    assert_int_equal(b.v[3], 4);
    assert_int_equal(pg_bell_read(STR("z 1")).kind, 'z'); /* a later one's */
}

/* Anybody with an account on the database can ring. */
static void
what_is_no_bell_is_none(void **state)
{
    static const char *const lines[] = {
        "",
        "n",
        "n ",
        "n x",
        "nn 1",
        "r 1 2 3",
        "r 1 2",
        "i 1 2",
        "i 1 2 ",
        "i 1 x anna",
        "n 99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        assert_int_equal(pg_bell_read(str_from(lines[i])).kind, '\0');
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_what_can_be_told_in_one_only_that_is_told),
        cmocka_unit_test(what_one_notify_cannot_take_the_next_ones_do),
        cmocka_unit_test(inboxes_that_nobody_takes_stop_growing),
        cmocka_unit_test(what_is_read_is_what_was_written),
        cmocka_unit_test(what_is_no_bell_is_none),
    };

    return cmocka_run_group_tests_name("bell", tests, NULL, NULL);
}
