/* store_attachment.c - what notifications carry along: what each driver must
 * keep of it, and for how long. */
#include "store_rig.h"

static const struct store_attachment two[] = {{0, {"aGVsbG8=", 8}},
                                              {2, {"d29ybGQ=", 8}}};

static struct store_accept *
send_with_two(struct rig *r, const struct send *s)
{
    struct store_accept *a = make_accept(r, s);

    a->items[0].attachments = two;
    a->items[0].n_attachments = 2;
    return a;
}

static size_t
count_of(struct rig *r, int64_t tenant, int64_t id)
{
    struct store_attachments x = {.tenant = tenant, .notification = id};

    assert_int_equal(ASK(r, attachments, &x), ERR_OK);
    return x.n_rows;
}

static void
they_are_kept_with_their_notification(void **state)
{
    struct rig *r = *state;
    struct store_attachments x = {.tenant = T, .notification = 1000};
    struct store_accept *a =
        send_with_two(r, &(struct send){.id = 1000, .n = 3, .user = "ann"});

    assert_int_equal(ASK(r, accept, a), ERR_OK);
    send_one(r, &(struct send){.id = 2000, .user = "ann"});
    if (r->kind->is_durable)
        rig_reopen(r);
    assert_int_equal(ASK(r, attachments, &x), ERR_OK);
    assert_int_equal(x.n_rows, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(x.rows[i].n, two[i].n);
        assert_true(str_eq(x.rows[i].content, two[i].content));
    }
    assert_int_equal(count_of(r, T + 1, 1000), 0);
    assert_int_equal(count_of(r, T, 2000), 0);
}

static void
large_ones_come_back_whole(void **state)
{
    struct rig *r = *state;
    const size_t n = 3 * 1024 * 1024;
    char *text = arena_alloc(r->arena, n);
    const struct store_attachment large = {0, {text, n}};
    struct store_attachments x = {.tenant = T, .notification = 1000};
    struct store_accept *a = send_with_two(r, &(struct send){.id = 1000});

    for (size_t i = 0; i < n; i++)
        text[i] = (char)('A' + i % 23);
    a->items[0].attachments = &large;
    a->items[0].n_attachments = 1;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_int_equal(ASK(r, attachments, &x), ERR_OK);
    assert_int_equal(x.n_rows, 1);
    assert_true(str_eq(x.rows[0].content, large.content));
}

static void
a_duplicate_brings_none(void **state)
{
    struct rig *r = *state;
    struct store_accept *a;

    send_one(r, &(struct send){.id = 1000, .dedup = "k"});
    a = send_with_two(r, &(struct send){.id = 2000, .dedup = "k"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_true(a->items[0].is_duplicate);
    assert_int_equal(count_of(r, T, 1000), 0);
    assert_int_equal(count_of(r, T, 2000), 0);
}

static void
they_go_with_their_notification(void **state)
{
    struct rig *r = *state;
    struct store_purge p = {.now_ms = NOW + 1000,
                            .settled_before_ms = INT64_C(1) << 41,
                            .dead_before_ms = INT64_C(1) << 41,
                            .max = 10};
    struct store_accept *open = send_with_two(r, &(struct send){.id = 1000});
    struct store_accept *over = send_with_two(
        r, &(struct send){.id = 2000, .status = DELIVERY_SUPPRESSED});

    assert_int_equal(ASK(r, accept, open), ERR_OK);
    assert_int_equal(ASK(r, accept, over), ERR_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(count_of(r, T, 2000), 0);
    assert_int_equal(count_of(r, T, 1000), 2);
}

const struct CMUnitTest attachment_tests[] = {
    RIG_TEST(they_are_kept_with_their_notification),
    RIG_TEST(large_ones_come_back_whole),
    RIG_TEST(a_duplicate_brings_none),
    RIG_TEST(they_go_with_their_notification),
};
const size_t attachment_tests_n =
    sizeof(attachment_tests) / sizeof(*attachment_tests);
