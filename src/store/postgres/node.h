/* node.h - this process among the others: its slot and its beating heart, who
 * else lives, and bells.
 *
 * The heart beats in the database's time. From what we know of it, here, by a
 * clock that never steps, follows how long the others surely let us go on:
 * pg_node_holds(). A bell (NOTIFY, on a connection of its own and outside
 * of what it tells of) says what was committed, so that other nodes need not
 * look; one that is lost costs a second or so, as they look all the same. */
#pragma once

#include <libpq-fe.h>

#include "base/err.h"
#include "base/str.h"

struct pg_store;
struct pg_node;

struct pg_node_options {
    int64_t lease_ms; /* the others wait so long for a sign of life */
    bool may_own;     /* lanes */
    const char *roles;
    bool is_dev;
};

/* Takes a slot over a connection that may block. */
enum err pg_node_register(struct pg_store *s, const struct pg_node_options *o,
                          PGconn *c, const char **ret_why) MUST_CHECK;
void pg_node_free(struct pg_node *n); /* NULL is allowed */

/* In the store's thread. */
void pg_node_start(struct pg_store *s);
/* Says that it has gone, if that can be said, and then runs `done`. */
void pg_node_leave(struct pg_store *s, void (*done)(struct pg_store *s));
int64_t pg_node_incarnation(const struct pg_node *n);
/* The same for as long as the process runs. */
int64_t pg_node_process(const struct pg_node *n);
bool pg_node_may_own(const struct pg_node *n);
/* Of what is claimed now; the next after a loss is another. */
int64_t pg_node_lease(const struct pg_node *n);
/* Another node has what was ours. */
void pg_node_lost(struct pg_node *n);
void pg_node_cycle_ended(struct pg_node *n); /* store->cycle.op is NULL */

/* For the others to hear, soon. */
void pg_node_ring_ready(struct pg_node *n, int64_t tenant, int64_t signed_lane,
                        int64_t rank, int64_t id);
void pg_node_ring_wait(struct pg_node *n, int64_t due_ms);
void pg_node_ring_change(struct pg_node *n, int64_t seq);
void pg_node_ring_work(struct pg_node *n);
void pg_node_ring_told(struct pg_node *n);
void pg_node_ring_inbox(struct pg_node *n, int64_t tenant, struct str user,
                        int64_t rev);

/* Any thread. */
int pg_node_slot(const struct pg_node *n); /* the first one it had */
int64_t pg_node_id_limit_ms(const struct pg_node *n);
/* What was claimed under that lease is ours, and surely stays so for now. */
bool pg_node_holds(const struct pg_node *n, int64_t lease);
