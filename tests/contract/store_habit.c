/* store_habit.c - when users read: what each driver must keep. */
#include "store_rig.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define MONDAY INT64_C(1772409600000) /* 2026-03-02 00:00 in UTC */

static void
put_user(struct rig *r, int64_t tenant, const char *id, const char *body)
{
    struct store_object_write w = {.kind = OBJECT_USER,
                                   .key = str_from(id),
                                   .body = str_from(body),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = 77};
    struct store_object_put p = {
        .tenant = tenant, .now_ms = NOW, .writes = &w, .n_writes = 1};

    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
}

static void
forget_user(struct rig *r, const char *id)
{
    struct store_object_delete d = {.tenant = T,
                                    .now_ms = NOW,
                                    .kind = OBJECT_USER,
                                    .key = str_from(id),
                                    .if_version = OBJECT_ANY_VERSION};

    assert_int_equal(ASK(r, object_delete, &d), ERR_OK);
}

static void
add(struct rig *r, const char *id, int64_t at_ms)
{
    struct store_habit_add h = {
        .tenant = T, .user = str_from(id), .at_ms = at_ms};

    assert_int_equal(ASK(r, habit_add, &h), ERR_OK);
}

static struct habit
look(struct rig *r, int64_t tenant, const char *id)
{
    struct str user = str_from(id);
    struct store_habits h = {.tenant = tenant, .users = &user, .n_users = 1};

    assert_int_equal(ASK(r, habits, &h), ERR_OK);
    return h.habits[0];
}

static int64_t
reads(struct rig *r, const char *id)
{
    struct habit h = look(r, T, id);

    return (int64_t)habit_reads(&h) / HABIT_ONE;
}

static enum err
mark(struct rig *r, enum inbox_change change, const int64_t *ids, size_t n,
     int64_t now_ms)
{
    struct store_inbox_mark m = {.tenant = T,
                                 .user = STR("ann"),
                                 .change = change,
                                 .ids = ids,
                                 .n_ids = n,
                                 .now_ms = now_ms};

    return ASK(r, inbox_mark, &m);
}

static void
what_is_heard_is_kept_by_the_users_clock(void **state)
{
    struct rig *r = *state;
    struct habit h;

    put_user(r, T, "ann", "{\"timezone\":\"Europe/Berlin\"}");
    put_user(r, T, "bob", "{}");
    assert_int_equal(look(r, T, "ann").hour, 0);
    for (int i = 0; i < 4; i++)
        add(r, "ann", MONDAY + 7 * HOUR_MS + i * 60000);
    add(r, "ann", MONDAY + 9 * HOUR_MS);
    add(r, "ann", MONDAY + 8 * HOUR_MS); /* it comes late */
    add(r, "bob", MONDAY + 7 * HOUR_MS);
    h = look(r, T, "ann");
    assert_int_equal(h.hour, MONDAY / HOUR_MS + 9);
    assert_true(h.is_local);
    assert_int_equal(h.weight[HABIT_WORKDAYS][8], HABIT_ONE);
    assert_int_equal(h.weight[HABIT_WORKDAYS][10], HABIT_ONE);
    assert_int_equal(habit_reads(&h), 2 * HABIT_ONE);
    h = look(r, T, "bob");
    assert_false(h.is_local);
    assert_int_equal(h.weight[HABIT_WORKDAYS][7], HABIT_ONE);
    assert_int_equal(look(r, T + 1, "ann").hour, 0);
    if (r->kind->is_durable) {
        rig_reopen(r);
        assert_int_equal(look(r, T, "ann").hour, MONDAY / HOUR_MS + 9);
    }
}

static void
what_was_kept_fades(void **state)
{
    struct rig *r = *state;
    struct habit h;

    put_user(r, T, "ann", "{}");
    add(r, "ann", MONDAY + 7 * HOUR_MS);
    add(r, "ann", MONDAY + 28 * DAY_MS + 9 * HOUR_MS);
    h = look(r, T, "ann");
    assert_in_range(h.weight[HABIT_WORKDAYS][7], HABIT_ONE / 2,
                    HABIT_ONE * 6 / 10);
    assert_int_equal(h.weight[HABIT_WORKDAYS][9], HABIT_ONE);
}

static void
many_are_looked_up_at_once_in_any_order(void **state)
{
    struct rig *r = *state;
    const struct str users[] = {STR("bob"), STR("nobody"), STR("ann"),
                                STR("bob")};
    struct store_habits h = {.tenant = T, .users = users, .n_users = 4};

    put_user(r, T, "ann", "{}");
    put_user(r, T, "bob", "{}");
    put_user(r, T + 1, "bob", "{}");
    add(r, "ann", MONDAY + HOUR_MS);
    add(r, "bob", MONDAY + 2 * HOUR_MS);
    assert_int_equal(ASK(r, habits, &h), ERR_OK);
    assert_int_equal(h.habits[0].hour, MONDAY / HOUR_MS + 2);
    assert_int_equal(h.habits[1].hour, 0);
    assert_int_equal(h.habits[2].hour, MONDAY / HOUR_MS + 1);
    assert_int_equal(h.habits[3].hour, MONDAY / HOUR_MS + 2);
    h.n_users = 0;
    assert_int_equal(ASK(r, habits, &h), ERR_OK);
}

static void
a_mark_as_read_is_learned_with_it(void **state)
{
    struct rig *r = *state;
    const int64_t ids[] = {11, 12, 13}, not_theirs[] = {14, 99};

    put_user(r, T, "ann", "{}");
    send_one(r,
             &(struct send){.id = 10, .n = 40, .user = "ann", .in_app = true});
    assert_int_equal(mark(r, INBOX_SEEN, ids, 3, MONDAY + 1 * HOUR_MS), ERR_OK);
    assert_int_equal(reads(r, "ann"), 0);
    assert_int_equal(mark(r, INBOX_READ, ids, 2, MONDAY + 2 * HOUR_MS), ERR_OK);
    assert_int_equal(reads(r, "ann"), 1);
    /* Once an item, ... */
    assert_int_equal(mark(r, INBOX_READ, ids, 2, MONDAY + 3 * HOUR_MS), ERR_OK);
    assert_int_equal(reads(r, "ann"), 1);
    /* ... with what is marked, ... */
    assert_int_equal(mark(r, INBOX_READ, not_theirs, 2, MONDAY + 4 * HOUR_MS),
                     ERR_NOT_FOUND);
    assert_int_equal(reads(r, "ann"), 1);
    assert_int_equal(mark(r, INBOX_READ, &ids[2], 1, MONDAY + 5 * HOUR_MS),
                     ERR_OK);
    assert_int_equal(reads(r, "ann"), 2);
    assert_int_equal(mark(r, INBOX_ARCHIVE, ids, 3, MONDAY + 6 * HOUR_MS),
                     ERR_OK);
    assert_int_equal(reads(r, "ann"), 2);
    /* ... and once an hour, however many. */
    assert_int_equal(mark(r, INBOX_READ, NULL, 0, MONDAY + 7 * HOUR_MS),
                     ERR_OK);
    assert_int_equal(reads(r, "ann"), 3);
    assert_int_equal(look(r, T, "ann").weight[HABIT_WORKDAYS][7], HABIT_ONE);
}

static void
a_workspace_may_want_nothing_learned(void **state)
{
    struct rig *r = *state;
    const int64_t none[] = {T};
    struct store_inbox_mark m = {.tenant = T,
                                 .user = STR("ann"),
                                 .change = INBOX_READ,
                                 .now_ms = MONDAY,
                                 .is_unlearned = true};
    struct store_purge p = {.now_ms = NOW, .max = 10};

    put_user(r, T, "ann", "{}");
    send_one(r, &(struct send){.id = 10, .user = "ann", .in_app = true});
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_OK);
    assert_int_equal(m.n_changed, 1);
    assert_int_equal(reads(r, "ann"), 0);
    add(r, "ann", MONDAY);
    assert_int_equal(reads(r, "ann"), 1);
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(reads(r, "ann"), 1);
    p.unlearned = none;
    p.n_unlearned = 1;
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(reads(r, "ann"), 0);
}

static void
a_workspace_keeps_its_habits_where_another_has_none(void **state)
{
    struct rig *r = *state;
    const int64_t none[] = {T + 1, T + 2};
    struct store_purge p = {
        .now_ms = NOW, .max = 10, .unlearned = none, .n_unlearned = 2};

    put_user(r, T, "ann", "{}");
    add(r, "ann", MONDAY);
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(reads(r, "ann"), 1);
}

static void
nothing_is_learned_of_who_is_not_stored(void **state)
{
    struct rig *r = *state;

    send_one(r, &(struct send){.id = 10, .user = "ann", .in_app = true});
    assert_int_equal(mark(r, INBOX_READ, NULL, 0, MONDAY), ERR_OK);
    add(r, "ann", MONDAY + HOUR_MS);
    assert_int_equal(look(r, T, "ann").hour, 0);
}

static void
it_is_forgotten_with_the_user(void **state)
{
    struct rig *r = *state;

    put_user(r, T, "ann", "{}");
    put_user(r, T, "bob", "{}");
    add(r, "ann", MONDAY);
    add(r, "bob", MONDAY);
    forget_user(r, "ann");
    assert_int_equal(look(r, T, "ann").hour, 0);
    add(r, "ann", MONDAY + HOUR_MS);
    assert_int_equal(look(r, T, "ann").hour, 0);
    assert_int_equal(reads(r, "bob"), 1);
    put_user(r, T, "ann", "{}");
    assert_int_equal(reads(r, "ann"), 0);
    add(r, "ann", MONDAY + 2 * HOUR_MS);
    assert_int_equal(reads(r, "ann"), 1);
}

static void
many_at_once_count_an_hour_once(void **state)
{
    struct rig *r = *state;
    struct store_habit_add h[40];

    put_user(r, T, "ann", "{}");
    for (int i = 0; i < 40; i++) {
        h[i] = (struct store_habit_add){
            .tenant = T, .user = STR("ann"), .at_ms = MONDAY + i};
        begin(r, STORE_VERB_habit_add, &h[i].req);
    }
    wait_for_all(r);
    assert_int_equal(reads(r, "ann"), 1);
}

const struct CMUnitTest habit_tests[] = {
    RIG_TEST(what_is_heard_is_kept_by_the_users_clock),
    RIG_TEST(what_was_kept_fades),
    RIG_TEST(many_are_looked_up_at_once_in_any_order),
    RIG_TEST(a_mark_as_read_is_learned_with_it),
    RIG_TEST(nothing_is_learned_of_who_is_not_stored),
    RIG_TEST(it_is_forgotten_with_the_user),
    RIG_TEST(a_workspace_may_want_nothing_learned),
    RIG_TEST(a_workspace_keeps_its_habits_where_another_has_none),
    RIG_TEST(many_at_once_count_an_hour_once),
};
const size_t habit_tests_n = sizeof(habit_tests) / sizeof(*habit_tests);
