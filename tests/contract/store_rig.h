/* store_rig.h - what the store's tests share: a store of some driver, one loop,
 * and each verb as a call that waits for its answer. Tests only. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "store/store.h"

#define T 7         /* the tenant of most tests */
#define LANE 100    /* a lane of T */
#define NOW 1000000 /* wall clock, ms */

struct rig;
struct kind {
    const char *name;
    bool is_durable; /* reopening finds what was committed */
    struct store *(*open)(struct rig *r); /* at r->path */
    void (*drop)(struct rig *r); /* what open() made elsewhere; NULL: nothing */
};

#define RIG_OPEN_MAX 512 /* requests at once */

struct rig {
    const struct kind *kind;
    char dir[64], path[96];
    struct loop *loop;
    struct arena *arena;
    struct clock_virtual clock;
    struct store *store;
    size_t n_open; /* begun, not answered */
    /* Of requests; more than one has each its own. */
    struct lent {
        struct arena *arena;
        bool is_lent;
    } lent[RIG_OPEN_MAX];
    /* what the listener heard, in order */
    struct heard {
        struct store_notice notice;
        struct inbox_event event;
        char user[32];
    } heard[2000];
    _Atomic size_t n_heard;
};

struct rig *rig_new(const struct kind *k);
struct rig *rig_on(const struct kind *k, const char *path); /* no folder */
void rig_free(struct rig *r);
void rig_reopen(struct rig *r);
void rig_listen(struct rig *r);

/* Submits and turns the loop until it is answered. */
enum err ask(struct rig *r, enum store_verb verb, struct store_req *req);
/* The same in two steps, for many at once. */
void begin(struct rig *r, enum store_verb verb, struct store_req *req);
void wait_for_all(struct rig *r); /* req->err says how each ended */
#define ASK(rig, verb, request) ask((rig), STORE_VERB_##verb, &(request)->req)

/* ---- things, made with defaults ---- */
struct send {
    int64_t id;     /* notification; its deliveries are id + 1, ... */
    int64_t tenant; /* 0: T */
    size_t n;       /* deliveries; 0: 1 */
    int64_t lane;   /* 0: LANE */
    int64_t rank;   /* 0: id */
    bool is_critical;
    const char *user, *dedup, *idem, *cancel;
    uint8_t fingerprint;
    int64_t dedup_until_ms, now_ms; /* 0: NOW + 1000, NOW */
    enum delivery_status status;
    int64_t due_ms;
    bool in_app; /* one inbox item a delivery, in place of a lane */
};
/* Lives in r->arena. */
struct store_accept *make_accept(struct rig *r, const struct send *s);
void send_one(struct rig *r, const struct send *s); /* must be accepted */

/* Claims up to n of LANE; the ids in ret. */
size_t claim_some(struct rig *r, size_t n, bool records_intent,
                  int64_t *ret_ids);
/* One finish; true: done. attempt_n 0: none was made. */
bool finish_one(struct rig *r, int64_t delivery, enum delivery_status status,
                int attempt_n);
void get_delivery(struct rig *r, int64_t id, struct store_delivery_get *ret);
enum delivery_status status_of(struct rig *r, int64_t delivery);

/* The suites. The kind is what the program that runs them is about. */
extern const struct kind the_kind;
extern const struct CMUnitTest queue_tests[], document_tests[], member_tests[],
    work_tests[], budget_tests[], digest_tests[], workflow_tests[],
    approval_tests[], trial_tests[], habit_tests[], audit_tests[],
    receipt_tests[], device_tests[], person_tests[], attachment_tests[],
    press_tests[], tell_tests[];
extern const size_t queue_tests_n, document_tests_n, member_tests_n,
    work_tests_n, budget_tests_n, digest_tests_n, workflow_tests_n,
    approval_tests_n, trial_tests_n, habit_tests_n, audit_tests_n,
    receipt_tests_n, device_tests_n, person_tests_n, attachment_tests_n,
    press_tests_n, tell_tests_n;
int rig_setup(void **state); /* a fresh rig for each test */
int rig_teardown(void **state);
int run_contract(const char *name, const struct CMUnitTest *more,
                 size_t n_more);
#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
