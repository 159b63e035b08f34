/* pg_store.h - the driver itself. One thread with one loop has the
 * connections, a session for each kind of work; requests come to it by mail.
 *
 *   accept   group commit of what is sent
 *   cycle    the queue: finishes, claims, who owns which lane
 *   write    everything else that changes something, one after another
 *   read     (two) questions
 *   control  this node's heart-beat, bells from and to the other nodes
 *   keeper   (one of the processes) upkeep of the database itself
 *
 * What is not marked belongs to that thread. */
#pragma once

#include <stdatomic.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "store/claims.h"
#include "store/notices.h"
#include "store/postgres/op.h"
#include "store/postgres/postgres.h"

#define PG_READERS 2
#define PG_AWAY_MS 1000 /* a database away for longer is said to be */

/* A connection and those who wait for it. */
struct pg_session {
    struct pg_store *store;
    const char *who;
    struct pg_conn *conn;
    struct mail *first, **last; /* requests, oldest first */
    size_t n_alone;             /* of the first, so many go by themselves */
    int n_tries;                /* of these */
    struct pg_op *op;           /* under way */
    struct loop_timer timer;    /* looks at those that wait */
    struct task task;           /* pumps at the end of the turn */
    bool is_task_posted;
    int64_t down_since_ms; /* by the loop's clock; 0: it is up */
};

struct pg_store {
    struct store base;
    struct clock *clock;
    char *url;
    size_t max_queued;
    struct store_listener listener;
    struct store_listener next_listener; /* set once, by any thread */
    struct task listen_task;
    atomic_size_t n_queued; /* submitted and not answered */
    atomic_bool is_stopped; /* takes no more */
    struct loop *loop;
    struct loop_thread *thread;
    struct loop_timer end_timer;
    struct task end_task;
    struct pg_session accept, cycle, write, read[PG_READERS];
    unsigned next_reader;
    struct notices notices;   /* of the op that is about to end */
    int64_t epoch;            /* of all inboxes */
    struct pg_lanes *lanes;   /* what this node owns */
    int64_t last_batch;       /* of intents */
    struct pg_node *node;     /* who it is */
    struct pg_keeper *keeper; /* NULL: others keep house */
    bool keeps_house;
    struct metric_series *commits[STORE_VERB_COUNT]; /* NULL: none yet */
};

/* session.c */
void pg_session_open(struct pg_session *s, struct pg_store *store,
                     const char *who, const char *setup);
void pg_session_close(struct pg_session *s);
void pg_session_submit(struct pg_session *s, struct store_req *req);
void pg_session_put_back(struct pg_session *s, struct store_req *req);
void pg_session_wake(struct pg_session *s);
void pg_session_answer(struct pg_session *s, struct store_req *req, enum err e);

/* The verbs: pg_verb_accept and so on. */
#define V(name, access) extern const struct pg_verb pg_verb_##name;
#include "store/verbs.def"
#undef V

/* What notices hold goes to the listener, and to the other nodes. */
void pg_store_tell(struct pg_store *s);
/* A row of that lane became ready (negative: a critical one). After the
 * commit, before pg_op_done(). */
void pg_store_row_ready(struct pg_store *s, int64_t tenant, int64_t signed_lane,
                        int64_t rank, int64_t id);
void pg_store_work_ready(struct pg_store *s); /* the same, of work */
void pg_store_told(struct pg_store *s); /* the same, of what is to be told */

/* members.c. Each user's roles as one text, by which they become what `users`
 * says: (id, roles); sends two statements. The documents are locked. */
struct str pg_roles(struct arena *a, const struct str *roles, size_t n);
void pg_members_set_roles(struct pg_op *op, int64_t tenant,
                          struct pg_columns *users);
/* What goes with that document. Returns how many statements it sent. */
int pg_members_remove_with(struct pg_op *op,
                           const struct store_object_delete *d);

/* habit.c: that somebody read something then. The first sends a statement,
 * whose result, the i-th, the second one takes; it may send another. */
void pg_habit_look(struct pg_op *op, int64_t tenant, struct str user,
                   int64_t at_ms);
void pg_habit_learn(struct pg_op *op, int i, int64_t tenant, struct str user,
                    int64_t at_ms);
void pg_habit_forget(struct pg_op *op, int64_t tenant,
                     struct str user); /* one */

/* audit.c: before the commit of an op for one request, whose results are known.
 * Sends a statement, or none: the last one of its exchange. */
void pg_audit_write(struct pg_op *op);

/* idem.c: the first answers under Idempotency-Keys, for a group of requests.
 * Sends two statements (claim the keys, read what is there); pg_idem_read()
 * takes their results, from the i-th on, and judges: req->err is
 * ERR_IDEM_MISMATCH, or is_replay with its answer, or the key is ours and
 * pg_idem_save() must follow in the same transaction. */
struct pg_idem_one {
    struct store_req *req;
    struct store_idem *idem; /* those without a key are left out */
    int64_t tenant, now_ms;
};
void pg_idem_claim(struct pg_op *op, const struct pg_idem_one *all, size_t n);
void pg_idem_read(struct pg_op *op, int i, const struct pg_idem_one *all,
                  size_t n);
/* Asks each for its answer and writes it; sends one statement, or none. */
void pg_idem_save(struct pg_op *op, const struct pg_idem_one *all, size_t n);
