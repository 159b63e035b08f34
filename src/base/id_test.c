#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW_MS INT64_C(1795253400000)

static const uint8_t key[ID_KEY_BYTES] = {0, 1, 2,  3,  4,  5,  6,  7,
                                          8, 9, 10, 11, 12, 13, 14, 15};

static void
ids_tell_their_time_and_rise(void **state)
{
    struct id_maker *m = id_maker_new(1023);
    int64_t first = id_make(m, NOW_MS, 1);

    (void)state;
    assert_int_equal(id_time_ms(first), NOW_MS);
    assert_int_equal(first >> 12 & 1023, 1023);
    assert_int_equal(first & 4095, 0);
    assert_int_equal(id_make(m, NOW_MS, 1), first + 1);
    assert_int_equal(id_make(m, NOW_MS, 1), first + 2);
    assert_int_equal(id_time_ms(id_make(m, NOW_MS + 5, 1)), NOW_MS + 5);
    id_maker_free(m);
    id_maker_free(NULL);
}

static void
ids_rise_when_the_clock_goes_back(void **state)
{
    static const int64_t clock_ms[] = {NOW_MS, NOW_MS - 1, NOW_MS - 86400000,
                                       0,      -1,         INT64_MIN,
                                       NOW_MS, NOW_MS + 1};
    struct id_maker *m = id_maker_new(7);
    int64_t last = -1;

    (void)state;
    for (size_t i = 0; i < sizeof(clock_ms) / sizeof(clock_ms[0]); i++) {
        int64_t id = id_make(m, clock_ms[i], 1);

        assert_true(id > last);
        last = id;
    }
    assert_int_equal(id_time_ms(last), NOW_MS + 1);
    id_maker_free(m);
}

static void
a_run_has_its_ids_side_by_side(void **state)
{
    static const int sizes[] = {1, 4095, 1, 4096, 4096, 100, 4000, 96, 1};
    struct id_maker *m = id_maker_new(3);
    int64_t last = -1;

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        int64_t first = id_make(m, NOW_MS, sizes[i]);
        int64_t end = first + sizes[i] - 1;

        assert_true(first > last);
        assert_int_equal(first >> 12 & 1023, 3);
        assert_int_equal(end >> 12, first >> 12); /* same ms, same node */
        last = end;
    }
    /* Borrowed from the future: 16,385 ids are more than four milliseconds'. */
    assert_in_range(id_time_ms(last) - NOW_MS, 4, 6);
    id_maker_free(m);
}

static void
after_a_restart_ids_go_on_above_the_old_ones(void **state)
{
    struct id_maker *old = id_maker_new(1023), *m = id_maker_new(0);
    int64_t before = id_make(old, NOW_MS + 60000, 100) + 99;

    (void)state;
    id_maker_raise(m, before);
    id_maker_raise(m, 5); /* never lowers */
    id_maker_raise(m, -1);
    assert_true(id_make(m, NOW_MS, 1) > before);
    assert_int_equal(id_time_ms(id_make(m, NOW_MS + 120000, 1)),
                     NOW_MS + 120000);
    id_maker_free(old);
    id_maker_free(m);
}

static void
what_was_made_until_then_is_below_the_first_one_after(void **state)
{
    struct id_maker *m = id_maker_new(1023);
    int64_t last = id_make(m, NOW_MS, ID_RUN_MAX) + ID_RUN_MAX - 1;

    (void)state;
    assert_int_equal(id_after(NOW_MS), last + 1);
    assert_true(id_after(NOW_MS - 1) <= last);
    assert_int_equal(id_after(0), id_after(ID_EPOCH_MS));
    assert_int_equal(id_after(INT64_MAX), INT64_MAX);
    id_maker_free(m);
}

static int
exit_status_at(int64_t now_ms, int64_t raised_to)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct id_maker *m = id_maker_new(1);

        close(STDERR_FILENO);
        id_maker_raise(m, raised_to);
        id_make(m, now_ms, 1);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
a_clock_past_the_last_id_ends_the_process(void **state)
{
    const int64_t last_ms = ID_EPOCH_MS + (INT64_C(1) << 41) - 1;

    (void)state;
    assert_int_equal(exit_status_at(last_ms, 0), 0);
    assert_int_equal(exit_status_at(last_ms + 1, 0), 1);
    assert_int_equal(exit_status_at(INT64_MAX, 0), 1);
    assert_int_equal(exit_status_at(0, INT64_MAX), 1); /* none is above */
}

enum { THREADS = 4, PER_THREAD = 5000 };

struct racer {
    struct id_maker *maker;
    int64_t ids[PER_THREAD];
};

static void *
race(void *arg)
{
    struct racer *r = arg;

    for (int i = 0; i < PER_THREAD; i++)
        r->ids[i] = id_make(r->maker, NOW_MS, 1);
    return NULL;
}

static int
compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void
no_two_threads_get_the_same_id(void **state)
{
    static struct racer racers[THREADS];
    static int64_t all[THREADS * PER_THREAD];
    struct id_maker *m = id_maker_new(1);
    pthread_t threads[THREADS];

    (void)state;
    for (int t = 0; t < THREADS; t++) {
        racers[t].maker = m;
        assert_int_equal(pthread_create(&threads[t], NULL, race, &racers[t]),
                         0);
    }
    for (int t = 0; t < THREADS; t++) {
        pthread_join(threads[t], NULL);
        memcpy(all + t * PER_THREAD, racers[t].ids, sizeof(racers[t].ids));
    }
    qsort(all, THREADS * PER_THREAD, sizeof(all[0]), compare_ids);
    for (int i = 1; i < THREADS * PER_THREAD; i++)
        assert_true(all[i] > all[i - 1]);
    id_maker_free(m);
}

static void
a_public_id_leads_back_to_the_one_inside(void **state)
{
    static const char *const prefixes[] = {"n", "ntf", "twelve_chars"};
    static const int shards[] = {0, 1, 512, 1023};
    static const int64_t ids[] = {
        0,        1, 4095, 4096, 4194303, 4194304, INT64_C(381000000000000000),
        INT64_MAX};
    char text[ID_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < 3 * 4 * 8; i++) {
        const char *prefix = prefixes[i % 3];
        int shard = shards[i / 3 % 4];
        int64_t id = ids[i / 12], back = -1;
        struct str s = id_format(text, key, prefix, shard, id);

        assert_int_equal(s.n, strlen(prefix) + 27);
        assert_int_equal(strlen(text), s.n);
        assert_int_equal(strspn(text + strlen(prefix) + 1,
                                "0123456789abcdefghjkmnpqrstvwxyz"),
                         26);
        assert_true(text[strlen(prefix) + 1] <= '7');
        assert_true(id_parse(s, key, prefix, shard, &back));
        assert_true(back == id);
    }
}

/* The 128 bits of the text, as hex with the tag left out. */
static void
the_text_is_a_uuid_of_version_8(void **state)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    /* 2026-11-21T09:30:00Z; 0x8 and shard 0x2AB; 10, node 5, sequence 9. */
    const uint64_t high = (uint64_t)NOW_MS << 16 | 0x82AB;
    const uint64_t low =
        UINT64_C(1) << 63 | UINT64_C(5) << 52 | UINT64_C(9) << 40;
    char text[ID_TEXT_MAX];
    uint64_t got_high = 0, got_low = 0;

    (void)state;
    id_format(text, key, "dlv", 0x2AB,
              (NOW_MS - ID_EPOCH_MS) << 22 | 5 << 12 | 9);
    for (const char *p = text + 4; *p; p++) {
        got_high = got_high << 5 | got_low >> 59;
        got_low = got_low << 5 | (uint64_t)(strchr(digits, *p) - digits);
    }
    assert_true(got_high == high);
    assert_true(got_low >> 40 == low >> 40);
}

static void
a_public_id_stays_the_same_for_ever(void **state)
{
    char text[ID_TEXT_MAX];

    /* From another implementation, written from id.h alone. */
    (void)state;
    id_format(text, key, "ntf", 42, INT64_C(381000000000000000));
    assert_string_equal(text, "ntf_01m7mafr7dg0nas000nnj6na4r");
    assert_int_equal(id_shard(1), 580);
    assert_int_equal(id_shard(2), 605);
}

static void
a_changed_id_is_refused(void **state)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    char text[ID_TEXT_MAX];
    struct str s = id_format(text, key, "ntf", 42, INT64_C(381000000000000000));
    int64_t id = -7;

    (void)state;
    for (size_t i = 0; i < s.n; i++) {
        char was = text[i];

        for (int c = 0; c < 256; c++) {
            text[i] = (char)c;
            assert_int_equal(id_parse(s, key, "ntf", 42, &id), text[i] == was);
        }
        text[i] = was;
    }
    id = -7;
    /* Two digits at once, in the tag: what a guess would look like. */
    for (int i = 0; i < 32 * 32; i++) {
        text[s.n - 1] = digits[i % 32];
        text[s.n - 2] = digits[i / 32];
        if (id_parse(s, key, "ntf", 42, &id)) {
            assert_true(id == INT64_C(381000000000000000));
            id = -8;
        }
    }
    assert_int_equal(id, -8); /* the true one was among them */
}

static void
an_id_of_another_kind_shard_or_key_is_refused(void **state)
{
    static const uint8_t other_key[ID_KEY_BYTES] = {1};
    char text[ID_TEXT_MAX];
    struct str s = id_format(text, key, "ntf", 42, 12345);
    int64_t id = -7;

    (void)state;
    assert_false(id_parse(s, key, "dlv", 42, &id));
    assert_false(id_parse(s, key, "nt", 42, &id));
    assert_false(id_parse(s, key, "ntf_", 42, &id));
    assert_false(id_parse(s, key, "ntf", 43, &id));
    assert_false(id_parse(s, key, "ntf", 42 + 4096, &id));
    assert_false(id_parse(s, key, "ntf", -1, &id));
    assert_false(id_parse(s, other_key, "ntf", 42, &id));
    memcpy(text, "dlv", 3); /* the prefix is in the tag, too */
    assert_false(id_parse(s, key, "dlv", 42, &id));
    memcpy(text, "ntf", 3);
    assert_true(id_parse(s, key, "ntf", 42, &id));
    for (size_t n = 0; n < s.n; n++)
        assert_false(id_parse(str_sub(s, 0, n), key, "ntf", 42, &id));
    text[s.n] = '0';
    assert_false(id_parse((struct str){text, s.n + 1}, key, "ntf", 42, &id));
    assert_false(id_parse(STR_NONE, key, "ntf", 42, &id));
}

static void
tenants_are_spread_over_all_shards(void **state)
{
    int count[1024] = {0};

    (void)state;
    for (int64_t tenant = 1; tenant <= 64 * 1024; tenant++) {
        assert_in_range(id_shard(tenant), 0, 1023);
        count[id_shard(tenant)]++;
    }
    for (int i = 0; i < 1024; i++)
        assert_in_range(count[i], 24, 120);
    assert_in_range(id_shard(INT64_MIN), 0, 1023);
}

static void
a_key_has_only_plain_characters(void **state)
{
    char text[129];

    (void)state;
    assert_true(id_is_key(STR("azAZ09_.:@-")));
    assert_false(id_is_key(STR("")));
    assert_false(id_is_key(STR_NONE));
    for (int c = 0; c < 256; c++) {
        text[0] = (char)c;
        assert_int_equal(
            id_is_key((struct str){text, 1}),
            c != 0 && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
                             "wxyz0123456789_.:@-",
                             c) != NULL);
    }
    memset(text, 'a', sizeof(text));
    assert_true(id_is_key((struct str){text, 128}));
    assert_false(id_is_key((struct str){text, 129}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_tell_their_time_and_rise),
        cmocka_unit_test(ids_rise_when_the_clock_goes_back),
        cmocka_unit_test(a_run_has_its_ids_side_by_side),
        cmocka_unit_test(after_a_restart_ids_go_on_above_the_old_ones),
        cmocka_unit_test(what_was_made_until_then_is_below_the_first_one_after),
        cmocka_unit_test(a_clock_past_the_last_id_ends_the_process),
        cmocka_unit_test(no_two_threads_get_the_same_id),
        cmocka_unit_test(a_public_id_leads_back_to_the_one_inside),
        cmocka_unit_test(the_text_is_a_uuid_of_version_8),
        cmocka_unit_test(a_public_id_stays_the_same_for_ever),
        cmocka_unit_test(a_changed_id_is_refused),
        cmocka_unit_test(an_id_of_another_kind_shard_or_key_is_refused),
        cmocka_unit_test(tenants_are_spread_over_all_shards),
        cmocka_unit_test(a_key_has_only_plain_characters),
    };

    return cmocka_run_group_tests_name("base/id", tests, NULL, NULL);
}
