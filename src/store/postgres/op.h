/* op.h - one transaction on one connection, for one request or for several
 * that go together.
 *
 * A verb is a chain of steps. Each sends statements and says what follows
 * once they are answered:
 *
 *   static void told(struct pg_op *op) { ...read pg_op_rows(op, 0)...;
 *                                        pg_op_done(op); }
 *   static void begin(struct pg_op *op) {
 *       struct pg_params *p = pg_op_params(op);
 *       pg_put_int(p, ...);
 *       pg_op_send(op, PG_something);
 *       pg_op_commit(op, told); }
 *
 * With more than one exchange it starts with pg_op_begin(), and those before
 * the last end with pg_op_await(). A step only runs when the exchange before
 * it succeeded: failures are seen to here (see op.c), and the same requests
 * may then run again from the first step, so nothing a step does outside of
 * op->arena and the results of its requests may stay behind. */
#pragma once

#include "store/postgres/conn.h"
#include "store/store.h"

struct pg_store;
struct pg_session;
struct pg_op;
typedef void pg_step(struct pg_op *op);

struct pg_op {
    struct pg_store *store;
    struct pg_session *session;
    struct store_req **reqs; /* each one's err is what it will be told */
    size_t n;
    struct arena *arena; /* until the end */
    void *state;         /* of the verb, in the arena; NULL at first */
    void *inner;         /* of steps that a verb shares with others */
    const struct pg_verb *verb;
    /* private to op.c */
    pg_step *next;
    int n_before, n_next_before; /* statements of op.c's own in an exchange */
    bool has_begun, commits, must_repeat;
    int64_t committing_ms; /* since then */
    enum err failure;
    char sqlstate[6];
};

struct pg_verb {
    pg_step *begin;
    /* It did not happen, or (ERR_UNCERTAIN) nobody knows: takes back what
     * begin() did beyond the op. sqlstate "": no statement failed. Returns
     * what to tell; ERR_OK: the requests are as they shall be answered. NULL:
     * there is nothing to take back. */
    enum err (*fail)(struct pg_op *op, enum err e, const char *sqlstate);
    size_t max; /* requests that go together; 0: 1 */
    /* Whether req may go with those before it; NULL: always. */
    bool (*joins)(const struct pg_op *op, struct store_req *req);
};

struct pg_params *pg_op_params(struct pg_op *op);
void pg_op_send(struct pg_op *op, enum pg which);
void pg_op_begin(struct pg_op *op);
void pg_op_await(struct pg_op *op, pg_step *next);
void pg_op_commit(struct pg_op *op, pg_step *next);
/* Within a step: of the i-th statement of the exchange that just ended. BEGIN
 * and COMMIT are not counted. */
struct pg_rows pg_op_rows(const struct pg_op *op, int i);
int64_t pg_op_affected(const struct pg_op *op, int i);

/* The end: after the commit, or of an op that needs none. Tells the listener,
 * then each request its err. */
void pg_op_done(struct pg_op *op);
/* The end of an op that shall change nothing: takes back what it has begun,
 * and tells each request its err. */
void pg_op_abort(struct pg_op *op);

/* For session.c. */
void pg_op_start(struct pg_op *op);
