/* hall_test.h - a workspace with a memory store behind it, and what works off
 * its rows of work. Tests only. */
#pragma once

#include "app/app_test.h"
#include "app/digest.h"
#include "app/fan.h"
#include "app/send.h"
#include "app/workflow_run.h"
#include "base/clock.h"
#include "base/rng.h"
#include "store/store.h"

#define NOW INT64_C(1790000000000)

struct hall {
    struct arena *arena;
    struct vault *vault;
    struct clock_virtual clock;
    struct rng rng;
    struct env env;
    struct app app;
    struct snapshots *snapshots;
    struct fan *fan; /* NULL: the test has none, or has stopped it */
    struct digests *digests;
    struct workflows *workflows;
    int64_t tenant;
    int n_answered, n_drained;
    enum err answered;
};

#define TURN_UNTIL(h, condition)                                               \
    do {                                                                       \
        const int64_t end_ = loop_now_ms((h)->env.loop) + 60000;               \
        while (!(condition) && loop_now_ms((h)->env.loop) < end_)              \
            loop_turn((h)->env.loop, 1);                                       \
        assert_true(condition);                                                \
    } while (0)

int hall_setup(void **state);           /* *state is the hall */
int hall_uncertain_setup(void **state); /* three writes of ten are uncertain */
int hall_teardown(void **state);
#define HALL_TEST(f)                                                           \
    cmocka_unit_test_setup_teardown(f, hall_setup, hall_teardown)

/* Answers come to the hall's arena: there is one question at a time. */
struct store_req hall_question(struct hall *h);
void hall_put(struct hall *h, int64_t tenant, struct store_object_write *writes,
              size_t n);
void hall_stop(struct hall *h); /* who works */
/* JSON with ' in place of "; the notification's id. */
int64_t hall_send(struct hall *h, const char *body);
struct store_notification_get hall_look(struct hall *h, int64_t id);
