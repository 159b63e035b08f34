/* op.c - see op.h, and below it: what becomes of a failure.
 *
 *   a deadlock, a lock or a serialisation that failed: the same once more
 *   one of several requests is at fault: each is tried alone
 *   the connection was lost: reads and what was not committing go again; what
 *     was committing is ERR_UNCERTAIN
 *   anything else: the request's error */
#include "store/postgres/op.h"

#include <assert.h>
#include <stdio.h>

#include "base/list.h"
#include "base/log.h"
#include "store/postgres/node.h"
#include "store/postgres/pg_store.h"

#define TRIES_MAX 5

/* ---- what a step sends ---- */

struct pg_params *
pg_op_params(struct pg_op *op)
{
    return pg_conn_params(op->session->conn);
}

void
pg_op_send(struct pg_op *op, enum pg which)
{
    pg_conn_send(op->session->conn, which);
}

static void
send_plain(struct pg_op *op, enum pg which)
{
    (void)pg_op_params(op);
    pg_op_send(op, which);
}

void
pg_op_begin(struct pg_op *op)
{
    assert(!op->has_begun);
    op->has_begun = true;
    op->n_next_before = 1;
    send_plain(op, PG_begin);
}

static void on_answer(void *arg, enum pg_outcome o);

void
pg_op_await(struct pg_op *op, pg_step *next)
{
    op->next = next;
    op->commits = false;
    pg_conn_sync(op->session->conn, on_answer, op);
}

void
pg_op_commit(struct pg_op *op, pg_step *next)
{
    if (op->has_begun)
        send_plain(op, PG_commit);
    op->next = next;
    op->commits = true;
    op->committing_ms = op->store->clock->mono_ms(op->store->clock);
    pg_conn_sync(op->session->conn, on_answer, op);
}

struct pg_rows
pg_op_rows(const struct pg_op *op, int i)
{
    return pg_conn_rows(op->session->conn, op->n_before + i);
}

int64_t
pg_op_affected(const struct pg_op *op, int i)
{
    return pg_conn_affected(op->session->conn, op->n_before + i);
}

/* ---- the end ---- */

static void
leave(struct pg_op *op)
{
    struct pg_session *s = op->session;

    arena_free(op->arena);
    s->op = NULL;
    if (s == &s->store->cycle)
        pg_node_cycle_ended(s->store->node);
    pg_session_wake(s);
}

static void
end(struct pg_op *op)
{
    for (size_t i = 0; i < op->n; i++)
        pg_session_answer(op->session, op->reqs[i], op->reqs[i]->err);
    leave(op);
}

void
pg_op_done(struct pg_op *op)
{
    op->session->n_tries = 0;
    pg_store_tell(op->store);
    end(op);
}

/* Nobody was told anything, so they can go again. */
static void
run_again(struct pg_op *op, size_t n_alone)
{
    struct pg_session *s = op->session;

    for (size_t i = op->n; i > 0; i--)
        pg_session_put_back(s, op->reqs[i - 1]);
    s->n_alone += n_alone;
    leave(op);
}

static void
settle_failure(struct pg_op *op)
{
    struct pg_session *s = op->session;
    enum err e = op->failure;

    if (op->verb->fail)
        e = op->verb->fail(op, e, op->sqlstate);
    if (e != ERR_OK && op->must_repeat && s->n_tries < TRIES_MAX) {
        s->n_tries++;
        run_again(op, 0);
        return;
    }
    s->n_tries = 0;
    if (op->n > 1 && e != ERR_OK && e != ERR_UNCERTAIN) {
        run_again(op, op->n);
        return;
    }
    for (size_t i = 0; e != ERR_OK && i < op->n; i++)
        op->reqs[i]->err = e;
    end(op);
}

static void
on_rolled_back(void *arg, enum pg_outcome o)
{
    struct pg_op *op = arg;

    (void)o; /* lost: then the server rolls it back */
    if (op->failure != ERR_OK)
        settle_failure(op);
    else
        end(op);
}

static void
roll_back(struct pg_op *op)
{
    if (!op->has_begun || !pg_conn_is_ready(op->session->conn)) {
        on_rolled_back(op, PG_DONE);
        return;
    }
    send_plain(op, PG_rollback);
    pg_conn_sync(op->session->conn, on_rolled_back, op);
}

void
pg_op_abort(struct pg_op *op)
{
    op->failure = ERR_OK;
    roll_back(op);
}

/* ---- failures ---- */

static const struct {
    const char *sqlstate; /* or the class, its first two letters */
    enum err err;
    bool repeats, drops;
} states[] = {
    {"23505", ERR_CONFLICT, false, false}, /* unique_violation */
    {"21000", ERR_CONFLICT, false, false}, /* the same key twice at once */
    {"22012", ERR_CONFLICT, false, false}, /* a fence; see lanes.sql */
    {"40", ERR_FULL, true, false},         /* deadlock, serialisation */
    {"55P03", ERR_FULL, true, false},      /* lock_not_available */
    {"57014", ERR_TIMEOUT, false, false},  /* query_canceled */
    {"57P", ERR_IO, true, true},           /* shut down, crashed, starting */
    {"25006", ERR_IO, true, true},         /* read-only: it is a standby now */
    {"25P03", ERR_IO, true, true},         /* idle in transaction */
    {"53", ERR_IO, false, false},          /* no memory, disk, connections */
};

static void
count_error(const char *sqlstate)
{
    char class[] = "00";

    if (strlen(sqlstate) >= 2)
        memcpy(class, sqlstate, 2);
    metric_add(metrics_series(METRIC_db_errors_total, class), 1);
}

static void
judge(struct pg_op *op)
{
    struct pg_conn *c = op->session->conn;
    const char *state = pg_conn_sqlstate(c);
    bool drops = false;

    snprintf(op->sqlstate, sizeof(op->sqlstate), "%s", state);
    op->failure = ERR_IO;
    op->must_repeat = false;
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        if (strncmp(state, states[i].sqlstate, strlen(states[i].sqlstate)) != 0)
            continue;
        op->failure = states[i].err;
        op->must_repeat = states[i].repeats;
        drops = states[i].drops;
        break;
    }
    if (op->failure == ERR_IO) {
        count_error(state);
        LOG_ERROR("store.failed",
                  log_cstr("what", store_verb_name(op->reqs[0]->verb)),
                  log_cstr("sqlstate", state),
                  log_cstr("why", pg_conn_message(c)));
    }
    if (drops)
        pg_conn_drop(c, pg_conn_message(c));
}

/* Of a write, and with what was sent together with its commit. */
static void
count_commit(struct pg_op *op)
{
    enum store_verb verb = op->reqs[0]->verb;
    struct clock *clock = op->store->clock;
    struct metric_series **s = &op->store->commits[verb];

    if (!store_verb_writes(verb))
        return;
    if (!*s)
        *s = metrics_series(METRIC_commit_duration_seconds,
                            store_verb_name(verb));
    metric_observe_ms(*s, clock->mono_ms(clock) - op->committing_ms);
}

static void
on_answer(void *arg, enum pg_outcome o)
{
    struct pg_op *op = arg;
    bool is_write = store_verb_writes(op->reqs[0]->verb);

    op->n_before = op->n_next_before;
    op->n_next_before = 0;
    if (o == PG_DONE) {
        if (op->commits) {
            op->has_begun = false;
            count_commit(op);
        }
        op->next(op);
        return;
    }
    op->sqlstate[0] = '\0';
    if (o != PG_FAILED)
        count_error("08"); /* connection_exception */
    if (o == PG_FAILED) {
        judge(op);
    } else if (is_write && op->commits) {
        op->failure = ERR_UNCERTAIN;
        op->must_repeat = false;
    } else {
        op->failure = ERR_IO;
        op->must_repeat = true;
    }
    roll_back(op);
}

void
pg_op_start(struct pg_op *op)
{
    for (size_t i = 0; i < op->n; i++)
        op->reqs[i]->err = ERR_OK;
    op->verb->begin(op);
}
