/* store_trial.c - users in experiments: what each driver must keep of them. */
#include "store_rig.h"

#define ROUND 77
#define DAY INT64_C(86400000)

/* A send to that user, of that variant; its delivery is id + 1. */
static struct store_accept *
make_trial(struct rig *r, const struct send *s, const char *variant)
{
    struct store_accept *a = make_accept(r, s);
    struct store_trial *t = ARENA_NEW(r->arena, struct store_trial);

    *t = (struct store_trial){.round = ROUND,
                              .delivery = a->items[0].deliveries[0].id,
                              .user = a->items[0].deliveries[0].user,
                              .variant = str_from(variant),
                              .is_delivered = s->in_app};
    a->items[0].trials = t;
    a->items[0].n_trials = 1;
    return a;
}

static void
send_trial(struct rig *r, int64_t id, const char *user, const char *variant)
{
    struct store_accept *a = make_trial(
        r, &(struct send){.id = id, .user = user, .in_app = true}, variant);

    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->items[0].is_gone);
}

struct counts {
    int64_t assigned, delivered, n, k;
};

static struct counts
count_at(struct rig *r, const char *variant, enum store_goal goal,
         int64_t within_ms, int64_t now_ms)
{
    struct store_trial_count c = {.tenant = T,
                                  .round = ROUND,
                                  .goal = goal,
                                  .within_ms = within_ms,
                                  .now_ms = now_ms};

    assert_int_equal(ASK(r, trial_count, &c), ERR_OK);
    for (size_t i = 0; i < c.n_rows; i++)
        if (str_is(c.rows[i].variant, variant))
            return (struct counts){c.rows[i].assigned, c.rows[i].delivered,
                                   c.rows[i].goal.n, c.rows[i].goal.k};
    return (struct counts){0};
}

static void
assert_counts(struct rig *r, const char *variant, enum store_goal goal,
              struct counts want)
{
    struct counts got = count_at(r, variant, goal, 0, NOW + DAY);

    assert_int_equal(got.assigned, want.assigned);
    assert_int_equal(got.delivered, want.delivered);
    assert_int_equal(got.n, want.n);
    assert_int_equal(got.k, want.k);
}

/* The items of deliveries have their ids + 1000. */
static void
read_item(struct rig *r, const char *user, int64_t id, int64_t now_ms,
          enum inbox_change change)
{
    struct store_inbox_list l = {
        .tenant = T, .user = str_from(user), .limit = 50};
    struct store_inbox_mark m = {.tenant = T,
                                 .user = str_from(user),
                                 .change = change,
                                 .n_ids = 1,
                                 .now_ms = now_ms};

    assert_int_equal(ASK(r, inbox_list, &l), ERR_OK);
    for (size_t i = 0; i < l.n_items; i++)
        if (l.items[i].delivery == id)
            m.ids = &l.items[i].id;
    assert_non_null(m.ids);
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_OK);
}

static void
users_are_counted_and_not_what_they_get(void **state)
{
    struct rig *r = *state;

    send_trial(r, 1000, "ann", "a");
    send_trial(r, 2000, "ann", "a");
    send_trial(r, 3000, "bob", "b");
    send_trial(r, 4000, "cid", "b");
    assert_counts(r, "a", STORE_GOAL_DELIVERED, (struct counts){1, 1, 1, 1});
    assert_counts(r, "b", STORE_GOAL_READ, (struct counts){2, 2, 2, 0});
    assert_counts(r, "c", STORE_GOAL_READ, (struct counts){0});
}

static void
an_item_is_read_once(void **state)
{
    struct rig *r = *state;

    send_trial(r, 1000, "ann", "a");
    send_trial(r, 2000, "bob", "a");
    read_item(r, "ann", 1001, NOW + 5, INBOX_SEEN);
    assert_counts(r, "a", STORE_GOAL_READ, (struct counts){2, 2, 2, 0});
    read_item(r, "ann", 1001, NOW + 10, INBOX_READ);
    read_item(r, "ann", 1001, NOW + 11, INBOX_UNREAD);
    read_item(r, "ann", 1001, NOW + 12, INBOX_READ);
    assert_counts(r, "a", STORE_GOAL_READ, (struct counts){2, 2, 2, 1});
    assert_int_equal(count_at(r, "a", STORE_GOAL_READ, 10, NOW + DAY).k, 1);
    assert_int_equal(count_at(r, "a", STORE_GOAL_READ, 9, NOW + DAY).k, 0);
}

static void
all_items_that_are_read_together_count(void **state)
{
    struct rig *r = *state;
    struct store_inbox_mark m = {.tenant = T,
                                 .user = STR("ann"),
                                 .change = INBOX_READ,
                                 .now_ms = NOW + 10};

    send_trial(r, 1000, "ann", "a");
    send_trial(r, 2000, "bob", "a");
    assert_int_equal(ASK(r, inbox_mark, &m), ERR_OK);
    assert_counts(r, "a", STORE_GOAL_READ, (struct counts){2, 2, 2, 1});
}

/* Who got another variant before counts for that one only. */
static void
the_first_variant_of_a_user_stays(void **state)
{
    struct rig *r = *state;

    send_trial(r, 1000, "ann", "a");
    send_trial(r, 2000, "ann", "b");
    read_item(r, "ann", 2001, NOW + 10, INBOX_READ);
    assert_counts(r, "a", STORE_GOAL_READ, (struct counts){1, 1, 1, 0});
    assert_counts(r, "b", STORE_GOAL_READ, (struct counts){0});
    read_item(r, "ann", 1001, NOW + 10, INBOX_READ);
    assert_counts(r, "a", STORE_GOAL_READ, (struct counts){1, 1, 1, 1});
}

static void
what_a_provider_took_is_delivered(void **state)
{
    struct rig *r = *state;
    struct store_accept *a =
        make_trial(r, &(struct send){.id = 1000, .user = "ann"}, "a");
    struct store_accept *b =
        make_trial(r, &(struct send){.id = 2000, .user = "bob"}, "a");
    struct store_cycle c = {.now_ms = NOW + 10, .n_finishes = 2};
    struct store_finish f[2] = {
        {.tenant = T,
         .delivery = 1001,
         .status = DELIVERY_SENT,
         .is_trial = true},
        {.tenant = T,
         .delivery = 2001,
         .status = DELIVERY_FAILED,
         .is_trial = true},
    };
    int64_t ids[2];

    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_int_equal(ASK(r, accept, b), ERR_OK);
    assert_counts(r, "a", STORE_GOAL_DELIVERED, (struct counts){2, 0, 2, 0});
    assert_int_equal(claim_some(r, 2, true, ids), 2);
    c.finishes = f;
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_true(f[0].is_done && f[1].is_done);
    assert_counts(r, "a", STORE_GOAL_DELIVERED, (struct counts){2, 1, 2, 1});
}

static void
post(struct rig *r, const char *user, const int64_t *rounds, size_t n,
     int64_t at_ms)
{
    struct store_event_add e = {.tenant = T,
                                .id = at_ms,
                                .at_ms = at_ms,
                                .user = str_from(user),
                                .name = STR("paid"),
                                .data = STR("{}"),
                                .rounds = rounds,
                                .n_rounds = n};

    assert_int_equal(ASK(r, event_add, &e), ERR_OK);
}

static void
an_event_counts_for_the_rounds_that_it_names(void **state)
{
    static const int64_t rounds[] = {5, ROUND};
    struct rig *r = *state;

    send_trial(r, 1000, "ann", "a");
    send_trial(r, 2000, "bob", "");
    post(r, "cid", rounds, 2, NOW + 5);
    post(r, "ann", rounds, 1, NOW + 5);
    assert_counts(r, "a", STORE_GOAL_EVENT, (struct counts){1, 1, 1, 0});
    post(r, "ann", rounds, 2, NOW + 6);
    post(r, "ann", rounds, 2, NOW + 7);
    post(r, "bob", rounds, 2, NOW + 7);
    assert_counts(r, "a", STORE_GOAL_EVENT, (struct counts){1, 1, 1, 1});
    assert_counts(r, "", STORE_GOAL_EVENT, (struct counts){1, 1, 1, 1});
    assert_int_equal(count_at(r, "a", STORE_GOAL_EVENT, 6, NOW + DAY).k, 1);
    assert_int_equal(count_at(r, "a", STORE_GOAL_EVENT, 5, NOW + DAY).k, 0);
}

static void
each_counts_when_its_time_is_over(void **state)
{
    struct rig *r = *state;

    send_trial(r, 1000, "ann", "a");
    read_item(r, "ann", 1001, NOW + 1, INBOX_READ);
    assert_int_equal(count_at(r, "a", STORE_GOAL_READ, 100, NOW + 99).n, 0);
    assert_int_equal(count_at(r, "a", STORE_GOAL_READ, 100, NOW + 99).k, 0);
    assert_int_equal(count_at(r, "a", STORE_GOAL_READ, 100, NOW + 99).assigned,
                     1);
    assert_int_equal(count_at(r, "a", STORE_GOAL_READ, 100, NOW + 100).n, 1);
    assert_int_equal(count_at(r, "a", STORE_GOAL_READ, 100, NOW + 100).k, 1);
}

static void
what_is_not_stored_does_not_count(void **state)
{
    struct rig *r = *state;
    const struct send s = {
        .id = 1000, .user = "ann", .dedup = "k", .in_app = true};
    struct send again = s;
    struct store_accept *a = make_trial(r, &s, "a");

    assert_int_equal(ASK(r, accept, a), ERR_OK);
    again.id = 2000;
    again.user = "bob";
    a = make_trial(r, &again, "a");
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_true(a->items[0].is_duplicate);
    assert_counts(r, "a", STORE_GOAL_READ, (struct counts){1, 1, 1, 0});
}

/* Two items, of which the second goes with the first. */
static struct store_accept *
make_pair(struct rig *r, const struct send *s)
{
    struct store_accept *a = make_trial(r, s, "a");
    struct send other = *s;
    const struct store_accept *b;
    struct store_accept_item *items;

    other.id += 500;
    other.dedup = NULL;
    b = make_trial(r, &other, "a");
    items = ARENA_ARRAY(r->arena, struct store_accept_item, 2);
    items[0] = a->items[0];
    items[1] = b->items[0];
    items[1].notification.parent = s->id;
    items[1].with = &items[0];
    a->items = items;
    a->n_items = 2;
    return a;
}

static bool
is_there(struct rig *r, int64_t notification)
{
    struct store_notification_get g = {.tenant = T, .id = notification};
    enum err e = ASK(r, notification_get, &g);

    assert_true(e == ERR_OK || e == ERR_NOT_FOUND);
    return e == ERR_OK;
}

static void
an_item_goes_with_the_one_before_it_or_not_at_all(void **state)
{
    struct rig *r = *state;
    struct send s = {.id = 1000, .user = "ann", .dedup = "k", .in_app = true};

    assert_int_equal(ASK(r, accept, make_pair(r, &s)), ERR_OK);
    assert_true(is_there(r, 1500));
    s.id = 2000;
    s.user = "bob";
    assert_int_equal(ASK(r, accept, make_pair(r, &s)), ERR_OK);
    assert_false(is_there(r, 2000));
    assert_false(is_there(r, 2500));
    assert_counts(r, "a", STORE_GOAL_READ, (struct counts){1, 1, 1, 0});
}

static void
other_rounds_and_tenants_are_apart(void **state)
{
    struct rig *r = *state;
    struct store_trial_count c = {
        .tenant = T + 1, .round = ROUND, .now_ms = NOW};

    send_trial(r, 1000, "ann", "a");
    assert_int_equal(ASK(r, trial_count, &c), ERR_OK);
    assert_int_equal(c.n_rows, 0);
    c.tenant = T;
    c.round = ROUND + 1;
    assert_int_equal(ASK(r, trial_count, &c), ERR_OK);
    assert_int_equal(c.n_rows, 0);
}

static void
a_restart_forgets_nothing_of_it(void **state)
{
    struct rig *r = *state;

    send_trial(r, 1000, "ann", "a");
    if (!r->kind->is_durable)
        return;
    rig_reopen(r);
    read_item(r, "ann", 1001, NOW + 10, INBOX_READ);
    assert_counts(r, "a", STORE_GOAL_READ, (struct counts){1, 1, 1, 1});
}

const struct CMUnitTest trial_tests[] = {
    RIG_TEST(users_are_counted_and_not_what_they_get),
    RIG_TEST(an_item_is_read_once),
    RIG_TEST(all_items_that_are_read_together_count),
    RIG_TEST(the_first_variant_of_a_user_stays),
    RIG_TEST(what_a_provider_took_is_delivered),
    RIG_TEST(an_event_counts_for_the_rounds_that_it_names),
    RIG_TEST(each_counts_when_its_time_is_over),
    RIG_TEST(what_is_not_stored_does_not_count),
    RIG_TEST(an_item_goes_with_the_one_before_it_or_not_at_all),
    RIG_TEST(other_rounds_and_tenants_are_apart),
    RIG_TEST(a_restart_forgets_nothing_of_it),
};
const size_t trial_tests_n = sizeof(trial_tests) / sizeof(trial_tests[0]);
