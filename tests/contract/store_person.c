/* store_person.c - what is kept of one user beside the rest: how each driver
 * must tell it. */
#include "store_rig.h"

static void
post(struct rig *r, int64_t tenant, const char *user, const char *name,
     int64_t at_ms, int64_t id)
{
    struct store_event_add e = {.tenant = tenant,
                                .at_ms = at_ms,
                                .id = id,
                                .user = str_from(user),
                                .name = str_from(name),
                                .data = STR("{\"n\":1}")};

    assert_int_equal(ASK(r, event_add, &e), ERR_OK);
}

static struct store_person
look(struct rig *r, struct store_person_event after, size_t limit)
{
    struct store_person x = {
        .tenant = T, .user = STR("ann"), .after = after, .limit = limit};

    assert_int_equal(ASK(r, person, &x), ERR_OK);
    return x;
}

/* By the clock of a shared database, whatever was said. */
static void
events_come_by_name_and_time_page_by_page(void **state)
{
    static const struct {
        const char *name;
        int64_t id;
    } want[] = {{"a", 3}, {"a", 8}, {"a", 9}, {"b", 1}};
    struct rig *r = *state;
    struct store_person_event after = {0};
    struct store_person x;
    size_t n = 0;

    post(r, T, "ann", "b", NOW - 5, 1);
    post(r, T, "ann", "a", NOW, 3);
    post(r, T, "ann", "a", NOW, 8);
    post(r, T, "ann", "a", NOW + 1, 9);
    post(r, T, "bob", "a", NOW, 5);
    post(r, T + 1, "ann", "a", NOW, 6);
    do {
        x = look(r, after, 3);
        assert_true(x.n_events <= 3);
        for (size_t i = 0; i < x.n_events; i++, n++) {
            assert_true(n < sizeof(want) / sizeof(want[0]));
            assert_true(str_is(x.events[i].name, want[n].name));
            assert_int_equal(x.events[i].id, want[n].id);
            assert_true(str_is(x.events[i].data, "{\"n\":1}"));
            assert_true(x.events[i].at_ms >= after.at_ms || want[n].id == 1);
            after = x.events[i];
        }
    } while (x.has_more);
    assert_int_equal(n, sizeof(want) / sizeof(want[0]));
    assert_int_equal(look(r, after, 3).n_events, 0);
}

/* In that round, of that delivery. */
static void
take_part(struct rig *r, int64_t id, const char *user, int64_t round,
          const char *variant)
{
    struct store_accept *a =
        make_accept(r, &(struct send){.id = id, .user = user, .in_app = true});
    struct store_trial t = {.round = round,
                            .delivery = a->items[0].deliveries[0].id,
                            .user = str_from(user),
                            .variant = str_from(variant),
                            .is_delivered = true};

    a->items[0].trials = &t;
    a->items[0].n_trials = 1;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
}

static void
parts_in_rounds_are_those_that_are_asked_about(void **state)
{
    static const int64_t rounds[] = {7, 5, 6};
    struct rig *r = *state;
    struct store_person x = {.tenant = T,
                             .user = STR("ann"),
                             .limit = 1,
                             .rounds = rounds,
                             .n_rounds = 3};

    take_part(r, 1000, "ann", 5, "a");
    take_part(r, 2000, "ann", 7, "");
    take_part(r, 3000, "ann", 8, "a");
    take_part(r, 4000, "bob", 6, "b");
    assert_int_equal(ASK(r, person, &x), ERR_OK);
    assert_int_equal(x.n_events, 0);
    assert_false(x.has_more);
    assert_int_equal(x.n_trials, 2);
    assert_int_equal(x.trials[0].round, 7);
    assert_int_equal(x.trials[0].variant.n, 0);
    assert_int_equal(x.trials[1].round, 5);
    assert_true(str_is(x.trials[1].variant, "a"));
    assert_true(x.trials[1].at_ms > 0);
    assert_int_equal(x.trials[1].delivered_ms, x.trials[1].at_ms);
    assert_int_equal(x.trials[1].read_ms + x.trials[1].goal_ms, 0);
}

static void
press(struct rig *r, int64_t tenant, const char *user, int64_t ref,
      const char *action)
{
    struct store_press p = {.tenant = tenant,
                            .ref = ref,
                            .user = str_from(user),
                            .action = str_from(action),
                            .now_ms = NOW,
                            .press = {.id = ref + 5,
                                      .at_ms = NOW + 1,
                                      .until_ms = NOW + 2,
                                      .state = PRESS_DONE,
                                      .status = 204}};

    assert_int_equal(ASK(r, press, &p), ERR_OK);
    assert_true(p.is_ours);
}

static void
presses_come_by_what_they_are_of_page_by_page(void **state)
{
    static const struct {
        int64_t ref, notification;
        const char *action;
    } want[] = {{1000, 1000, "a"}, {2000, 1000, "B"}, {2000, 1000, "a"}};
    struct rig *r = *state;
    struct store_presses x = {.tenant = T, .user = STR("ann"), .limit = 2};
    struct store_accept *a;
    size_t n = 0;

    send_one(r, &(struct send){.id = 1000});
    a = make_accept(r, &(struct send){.id = 2000});
    a->items[0].notification.parent = 1000; /* a step */
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    press(r, T, "ann", 2000, "a");
    press(r, T, "ann", 2000, "B");
    press(r, T, "ann", 1000, "a");
    press(r, T, "bob", 1000, "a");
    press(r, T + 1, "ann", 3000, "a");
    do {
        assert_int_equal(ASK(r, presses, &x), ERR_OK);
        assert_true(x.n_presses <= 2);
        for (size_t i = 0; i < x.n_presses; i++, n++) {
            const struct store_person_press *p = &x.presses[i];

            assert_true(n < sizeof(want) / sizeof(want[0]));
            assert_int_equal(p->ref, want[n].ref);
            assert_int_equal(p->notification, want[n].notification);
            assert_true(str_is(p->action, want[n].action));
            assert_int_equal(p->press.id, want[n].ref + 5);
            assert_int_equal(p->press.at_ms, NOW + 1);
            assert_int_equal(p->press.state, PRESS_DONE);
            assert_int_equal(p->press.status, 204);
            x.after_ref = p->ref;
            x.after_action = p->action;
        }
    } while (x.has_more);
    assert_int_equal(n, sizeof(want) / sizeof(want[0]));
}

const struct CMUnitTest person_tests[] = {
    RIG_TEST(events_come_by_name_and_time_page_by_page),
    RIG_TEST(parts_in_rounds_are_those_that_are_asked_about),
    RIG_TEST(presses_come_by_what_they_are_of_page_by_page),
};
const size_t person_tests_n = sizeof(person_tests) / sizeof(person_tests[0]);
