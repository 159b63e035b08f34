/* node_rig.h - several nodes on one database: rigs of this process, and
 * processes that may be killed or stopped. Time is real here, and the lease is
 * short; what is waited for has a deadline. */
#pragma once

#include <sys/types.h>

#include "pg_rig.h"

#define LEASE_MS 1500
#define SOON_MS 3000 /* all should be well again */
#define LATE_MS 10000

/* Of the nodes that are opened from now on. */
extern int64_t node_lease_ms;
int node_setup_lease(void **state, int64_t lease_ms);
int node_setup(void **state);      /* LEASE_MS */
int node_setup_slow(void **state); /* as in real life: 15 s */
int node_setup_deaf(void **state); /* so long that no tick tells anything */
int node_teardown(void **state);
#define NODE_TEST_WITH(f, setup)                                               \
    cmocka_unit_test_setup_teardown(f, setup, node_teardown)
#define NODE_TEST(f) NODE_TEST_WITH(f, node_setup)

/* One more node on r's database; it ends with r at the latest. Each has a loop
 * of its own; to ask two at once, begin_on() has r's loop hear the answers. */
struct rig *node_peer(struct rig *r);
void begin_on(struct rig *r, struct rig *node, enum store_verb verb,
              struct store_req *req);
void node_leave(struct rig *r); /* gracefully */

/* ---- a node that is a process ---- */
struct child {
    pid_t pid;
    int fd;
};
struct child *child_new(struct rig *r);
/* Claims up to n of a lane; how many. With that, child_finish() and
 * child_holds() mean all that was claimed so far. */
int64_t child_claim(struct child *c, int64_t lane, int64_t n);
int64_t child_finish(struct child *c); /* as sent; how many were done */
bool child_holds(struct child *c);     /* the first claim's lease */
void child_freeze(struct child *c);
void child_thaw(struct child *c);
void child_kill(struct child *c);
int be_child(const char *path, int fd, int64_t lease_ms); /* its main() */

/* ---- waiting ---- */
int64_t mono_now_ms(void);
void wait_a_bit(int64_t end_ms, const char *what); /* fails when it is late */
#define UNTIL(ms, condition)                                                   \
    for (int64_t end_ms_ = mono_now_ms() + (ms); !(condition);)                \
    wait_a_bit(end_ms_, #condition)

/* ---- what is done ---- */
size_t claim_lane(struct rig *r, int64_t lane, size_t n, int64_t *ret_ids);
size_t claim_now(struct rig *r, int64_t lane, size_t n); /* as well */
/* The first of that kind that r heard since it had heard n; or NULL. */
const struct heard *heard_since(const struct rig *r, size_t n,
                                enum store_notice_kind kind);
/* Every living node has beaten so often. */
void wait_for_beats(struct rig *r, int n);
/* "verdict n" of each attempt, with spaces. */
const char *attempts_of(struct rig *r, int64_t delivery);

/* ---- harm ---- */
/* Ends the connections of all nodes that are for that kind of work ("%": of
 * all kinds); returns when they have ended. */
void cut(struct rig *r, const char *who);
/* While it is shut, whatever claims, or makes or moves what is ready, waits
 * with its commit. Not for longer than the locks' timeout, 2 s. */
void gate_make(struct rig *r);
void gate_shut(struct rig *r);
void gate_await(struct rig *r, const char *who); /* one waits */
void gate_open(void);
/* The one that waits loses its connection, and its server does not know. */
void gate_sever(struct rig *r, const char *who);
