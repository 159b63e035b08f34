/* conn.h - one connection to PostgreSQL on one loop, in pipeline mode.
 *
 * It connects by itself, and again with a growing pause whenever it is lost;
 * prepares the statements that are marked with its name; and then carries one
 * exchange at a time: statements, a Sync, their results.
 *
 *   struct pg_params *p = pg_conn_params(c);
 *   pg_put_int(p, id);
 *   pg_conn_send(c, PG_delivery_get);
 *   pg_conn_sync(c, on_answer, arg);
 *
 * The statements up to the Sync are one transaction, unless BEGIN is one of
 * them. After an error the rest of them were not run. */
#pragma once

#include "base/loop.h"
#include "store/pg_statements.h"
#include "store/postgres/wire.h"

struct pg_conn;

enum pg_outcome {
    PG_DONE,   /* every statement was */
    PG_FAILED, /* one was not: pg_conn_sqlstate(); nothing of it is done */
    PG_LOST,   /* the connection was: it may or may not be done */
};

struct pg_conn_options {
    struct loop *loop;
    const char *url;
    const char *who;   /* which statements, as in `-- name: x (who)` */
    const char *setup; /* SQL for each new connection; copied; NULL: none */
    /* Without an answer for so long, it is lost; 0: 15 s, which is beyond
     * every statement_timeout. */
    int64_t patience_ms;
    void (*on_ready)(void *arg);
    /* Called after the outcome of an exchange under way. why: for the log. */
    void (*on_lost)(void *arg, const char *why);
    /* NULL: not listening */
    void (*on_notify)(void *arg, struct str channel, struct str payload);
    void *arg;
};

struct pg_conn *pg_conn_new(const struct pg_conn_options *o);
void pg_conn_free(struct pg_conn *c); /* no callback comes any more */

bool pg_conn_is_ready(const struct pg_conn *c); /* and no exchange runs */
/* Connecting failed, or it was lost: what cannot wait need not. */
bool pg_conn_is_down(const struct pg_conn *c);
const char *pg_conn_why(const struct pg_conn *c); /* that it is down */
/* Within on_lost: for how long an exchange had waited for its answer; 0: none
 * was under way. */
int64_t pg_conn_silence_ms(const struct pg_conn *c);

/* For the next statement; its arena lives until the exchange has ended. */
struct pg_params *pg_conn_params(struct pg_conn *c);
void pg_conn_send(struct pg_conn *c, enum pg which);
void pg_conn_sync(struct pg_conn *c,
                  void (*on_end)(void *arg, enum pg_outcome o), void *arg);
/* Within on_end: of the i-th statement sent; and of the one that failed. */
struct pg_rows pg_conn_rows(const struct pg_conn *c, int i);
int64_t pg_conn_affected(const struct pg_conn *c, int i);
const char *pg_conn_sqlstate(const struct pg_conn *c);
const char *pg_conn_message(const struct pg_conn *c);
/* Gives the connection up, as if it had been lost. */
void pg_conn_drop(struct pg_conn *c, const char *why);
