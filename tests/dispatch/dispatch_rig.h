/* dispatch_rig.h - a real dispatch over a real SQLite store, with a hand-built
 * workspace, a driver that does as the status says, and an executor that
 * follows a script. The wall and the monotonic clock stand still until moved.
 * Tests only. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "auth/vault.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "dispatch/breaker.h"
#include "dispatch/dispatch.h"
#include "store/store.h"

#define RIG_TENANT 1
#define RIG_LANE_A 101
#define RIG_LANE_B 102
#define RIG_START_MS INT64_C(1800000000000)

/* What the world says to one provider: statuses in turn, the last one stays.
 * 0: it never answers. -1: nothing is known of the request. */
struct script {
    int statuses[16];
    size_t n, at;
    int64_t delay_ms;
};

struct rig_call {
    int64_t lane;
    char delivery[40], title[16];
    size_t n_messages;
    int attempt;
};

struct rig {
    char dir[64], path[96];
    struct loop *loop;
    struct arena *arena;
    struct clock_virtual clock;
    struct rng rng;
    struct vault *vault;
    struct id_maker *ids;
    struct env env;
    /* Stands before the real one: counts, and tells lies on request. */
    struct store front;
    struct store *real;
    int n_cycles;
    bool lies_once; /* the next cycle that only records: uncertain */
    int n_lies;
    struct workspace workspace;
    struct provider a, b, *providers[2];
    struct script script_a, script_b;
    struct executor executor;
    struct list hanging;
    struct rig_call calls[8192];
    size_t n_calls;
    struct dispatch *dispatch;
    bool is_drain_begun, is_drained, is_freed;
    int64_t last_id;
    int64_t send_lane; /* of rig_send(); A unless set */
    /* "expired": prepare ends it. "refused": the driver does. "others": their
     * server says it. */
    const char *send_user;
    const char *send_device; /* that it goes to, "fcm/phone" */
    struct task *asked;      /* who wants to be certain of the configuration */
    int n_asked;
};

extern const struct channel_driver rig_driver, rig_null, rig_batch;

int rig_setup(void **state); /* provider A alone; dispatch_start() is done */
int rig_teardown(void **state);
#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

/* What is in r->workspace now is certain. */
void rig_make_certain(struct rig *r);
void rig_say(struct script *s, size_t n, const int *statuses);
#define RIG_SAY(script, ...)                                                   \
    rig_say((script), sizeof((int[]){__VA_ARGS__}) / sizeof(int),              \
            (int[]){__VA_ARGS__})
void rig_use_b(struct rig *r); /* as the second provider of the channel */

/* One notification with n deliveries; the first one's id. */
int64_t rig_send(struct rig *r, size_t n, enum priority p);
/* Turns the loop for at least so long. */
void rig_turn(struct rig *r, int ms);
/* Moves the clocks and tells dispatch that time has passed. */
void rig_advance(struct rig *r, int64_t ms);
enum err rig_ask(struct rig *r, enum store_verb verb, struct store_req *req);
struct store_delivery_get rig_get(struct rig *r, int64_t delivery);
/* Turns until it has that status; fails after five seconds. */
struct store_delivery_get rig_wait(struct rig *r, int64_t delivery,
                                   enum delivery_status s);
void rig_wait_calls(struct rig *r, size_t n);
size_t rig_calls_of(const struct rig *r, int64_t lane);
void rig_drain(struct rig *r, int64_t grace_ms);
