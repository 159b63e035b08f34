/* conn.c - see conn.h.
 *
 *   WAITING -> CONNECTING -> SETTING_UP -> PREPARING -> READY <-> BUSY
 *      ^            |             |            |          |         |
 *      `------------+-------------+------------+----------+---------'  lost
 *
 * Looking up a name blocks (libpq has no other way); an address in the URL
 * avoids it. */
#include "store/postgres/conn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "store/postgres/connect.h"

#define CONNECT_MS 5000   /* from CONNECTING to an address until READY */
#define EXCHANGE_MS 15000 /* beyond every statement_timeout */
#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS                                                           \
    1000            /* the longest that one which is back waits for us         \
                     */
#define SENT_MAX 64 /* statements in one exchange */
#define WHY_MAX 300

#define PROBE_S "1" /* so that one which waits for an answer sees silence */

/* The other way: else locks and sessions of one that is gone stay for hours. */
#define SERVER_PATIENCE                                                        \
    "SET tcp_user_timeout = '5s'; SET tcp_keepalives_idle = 5; "               \
    "SET tcp_keepalives_interval = 5; "

enum state { WAITING, CONNECTING, SETTING_UP, PREPARING, READY, BUSY };

struct exchange {
    struct arena *arena;
    PGresult *results[SENT_MAX];
    int n_sent, n_ended;
    bool is_broken; /* a statement could not be sent */
    PGresult *failure;
};

struct pg_conn {
    struct pg_conn_options options;
    char *setup;
    enum state state;
    PGconn *pq;
    struct loop_fd *fd;
    struct loop_timer timer; /* the next attempt, or the end of patience */
    int64_t pause_ms;
    bool is_down;
    int64_t sent_ms;    /* by the loop's clock: the exchange under way */
    int64_t silence_ms; /* see pg_conn_silence_ms() */
    char why[WHY_MAX];
    struct pg_params params;
    struct exchange exchanges[2];
    struct exchange *now;   /* sent, or being put together */
    struct exchange *ended; /* while its on_end runs; it may begin the next */
    void (*on_end)(void *arg, enum pg_outcome o);
    void *arg;
};

static void start(struct pg_conn *c);

/* ---- exchanges ---- */

static void
clear(struct exchange *x)
{
    for (int i = 0; i < x->n_sent; i++)
        PQclear(x->results[i]);
    memset(x->results, 0, sizeof(x->results));
    PQclear(x->failure);
    x->failure = NULL;
    x->n_sent = x->n_ended = 0;
    x->is_broken = false;
    arena_reset(x->arena);
}

static void
end_exchange(struct pg_conn *c, enum pg_outcome o)
{
    struct exchange *ended = c->now;

    assert(!c->ended);
    c->ended = ended;
    c->now = &c->exchanges[ended == &c->exchanges[0]];
    c->on_end(c->arg, o);
    c->ended = NULL;
    clear(ended);
}

/* ---- the end of a connection ---- */

static void
on_pause_over(struct loop_timer *t)
{
    start(CONTAINER_OF(t, struct pg_conn, timer));
}

static void
close_connection(struct pg_conn *c)
{
    if (c->fd)
        loop_fd_free(c->fd);
    c->fd = NULL;
    PQfinish(c->pq);
    c->pq = NULL;
}

/* The first line; the others are advice. */
static void
remember_why(struct pg_conn *c, const char *why)
{
    if (why != c->why)
        snprintf(c->why, sizeof(c->why), "%s", why);
    c->why[strcspn(c->why, "\n")] = '\0';
}

static void
lose(struct pg_conn *c, const char *why)
{
    bool was_busy = c->state == BUSY;

    remember_why(c, why);
    c->silence_ms = was_busy ? loop_now_ms(c->options.loop) - c->sent_ms : 0;
    close_connection(c);
    c->state = WAITING;
    c->is_down = true;
    c->pause_ms = c->pause_ms ? c->pause_ms * 2 : PAUSE_MIN_MS;
    if (c->pause_ms > PAUSE_MAX_MS)
        c->pause_ms = PAUSE_MAX_MS;
    loop_timer_set(c->options.loop, &c->timer, c->pause_ms, on_pause_over);
    if (was_busy)
        end_exchange(c, PG_LOST);
    else
        clear(c->now);
    c->options.on_lost(c->options.arg, c->why);
}

void
pg_conn_drop(struct pg_conn *c, const char *why)
{
    if (c->state != WAITING)
        lose(c, why);
}

static void
on_patience_over(struct loop_timer *t)
{
    struct pg_conn *c = CONTAINER_OF(t, struct pg_conn, timer);

    lose(c, c->state == BUSY ? "the database did not answer in time"
                             : "the database could not be reached in time");
}

/* ---- what comes ---- */

static void
become_ready(struct pg_conn *c)
{
    c->state = READY;
    c->is_down = false;
    c->pause_ms = 0;
    clear(c->now);
    loop_timer_clear(c->options.loop, &c->timer);
    c->options.on_ready(c->options.arg);
}

static bool
is_failure(const PGresult *r)
{
    switch (PQresultStatus(r)) {
    case PGRES_FATAL_ERROR:
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
        return true;
    default:
        return false;
    }
}

/* The result of one statement, or the Sync that ends them. */
static void
take_result(struct pg_conn *c, PGresult *r)
{
    struct exchange *x = c->now;

    if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
        PQclear(r);
        if (c->state == BUSY) {
            loop_timer_clear(c->options.loop, &c->timer);
            c->state = READY;
            end_exchange(c, x->failure ? PG_FAILED : PG_DONE);
        } else if (x->failure) { /* a statement that cannot be prepared */
            lose(c, PQresultErrorMessage(x->failure));
        } else {
            become_ready(c);
        }
        return;
    }
    if (is_failure(r) && !x->failure) {
        x->failure = r;
        x->n_ended++;
    } else if (c->state == BUSY && x->n_ended < x->n_sent) {
        x->results[x->n_ended++] = r;
    } else {
        PQclear(r);
    }
}

static void
take_setup_result(struct pg_conn *c, PGresult *r)
{
    if (is_failure(r)) {
        snprintf(c->why, sizeof(c->why), "%s", PQresultErrorMessage(r));
        PQclear(r);
        lose(c, c->why);
        return;
    }
    PQclear(r);
}

static void
prepare(struct pg_conn *c)
{
    bool is_sent = PQenterPipelineMode(c->pq) == 1;

    c->state = PREPARING;
    for (int i = 0; i < PG_COUNT && is_sent; i++)
        if (strstr(pg_texts[i].who, c->options.who))
            is_sent = PQsendPrepare(c->pq, pg_texts[i].name, pg_texts[i].text,
                                    0, NULL) == 1;
    if (!is_sent || PQpipelineSync(c->pq) != 1)
        lose(c, PQerrorMessage(c->pq));
}

static void
take_results(struct pg_conn *c)
{
    PGconn *pq = c->pq;
    int n_nulls = 0; /* in pipeline mode one ends each statement's results */

    while (c->pq == pq && !PQisBusy(pq)) {
        PGresult *r = PQgetResult(pq);

        if (!r && c->state == SETTING_UP) {
            prepare(c);
            continue;
        }
        if (!r && ++n_nulls == 2)
            return;
        if (!r)
            continue;
        n_nulls = 0;
        if (c->state == SETTING_UP)
            take_setup_result(c, r);
        else
            take_result(c, r);
    }
}

static void
take_notifications(struct pg_conn *c)
{
    PGconn *pq = c->pq;
    PGnotify *n;

    while (c->pq == pq && (n = PQnotifies(pq)) != NULL) {
        if (c->options.on_notify)
            c->options.on_notify(c->options.arg, str_from(n->relname),
                                 str_from(n->extra));
        PQfreemem(n);
    }
}

/* libpq closes it when it finds the connection broken, and may say so only at
 * the next read: nobody may ask the kernel about it meanwhile. */
static bool
has_no_socket(const struct pg_conn *c)
{
    return PQsocket(c->pq) < 0;
}

static void
flush(struct pg_conn *c)
{
    int left = PQflush(c->pq);

    if (left < 0 || has_no_socket(c))
        lose(c, PQerrorMessage(c->pq));
    else
        loop_fd_want(c->fd, left ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static void
set_up(struct pg_conn *c)
{
    c->state = SETTING_UP;
    if (PQsetnonblocking(c->pq, 1) != 0 || PQsendQuery(c->pq, c->setup) != 1)
        lose(c, PQerrorMessage(c->pq));
    else
        flush(c);
}

static void on_fd(struct loop_fd *f, int events, void *arg);

static void
watch(struct pg_conn *c, int events)
{
    c->fd = loop_fd_new(c->options.loop, PQsocket(c->pq), on_fd, c);
    loop_fd_want(c->fd, events);
}

/* libpq opens another socket when it tries another address, so the descriptor
 * is watched anew at each step of the way. */
static void
connect_further(struct pg_conn *c)
{
    struct loop *l = c->options.loop;
    PostgresPollingStatusType next;

    loop_fd_free(c->fd);
    c->fd = NULL;
    next = PQconnectPoll(c->pq);
    if (next == PGRES_POLLING_FAILED) {
        lose(c, PQerrorMessage(c->pq));
        return;
    }
    if (PQstatus(c->pq) == CONNECTION_STARTED) /* another address */
        loop_timer_set(l, &c->timer, CONNECT_MS, on_patience_over);
    watch(c, next == PGRES_POLLING_READING ? LOOP_READ : LOOP_WRITE);
    if (next == PGRES_POLLING_OK)
        set_up(c);
}

static void
on_fd(struct loop_fd *f, int events, void *arg)
{
    struct pg_conn *c = arg;
    PGconn *pq = c->pq;

    (void)f;
    if (c->state == CONNECTING) {
        connect_further(c);
        return;
    }
    if ((events & (LOOP_READ | LOOP_HANGUP)) && PQconsumeInput(pq) != 1) {
        lose(c, PQerrorMessage(pq));
        return;
    }
    take_results(c);
    if (c->pq == pq)
        take_notifications(c);
    if (c->pq == pq && c->fd) /* else what came next could not be sent */
        flush(c);
}

/* ---- connecting ---- */

/* Else libpq writes them to stderr, in between our lines. */
static void
drop_notice(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

static void
start(struct pg_conn *c)
{
    /* What stands before the URL gives way to it. */
    const char *keys[] = {"tcp_user_timeout",
                          "keepalives_idle",
                          "keepalives_interval",
                          "dbname",
                          "application_name",
                          "client_encoding",
                          NULL};
    char name[64];
    const char *values[] = {PG_SILENCE_MS, PROBE_S, PROBE_S, c->options.url,
                            name,          "UTF8",  NULL};

    snprintf(name, sizeof(name), "belfry %s", c->options.who);
    c->pq = PQconnectStartParams(keys, values, 1);
    if (!c->pq)
        fatal("store: no memory for a connection");
    (void)PQsetNoticeProcessor(c->pq, drop_notice, NULL);
    c->state = CONNECTING;
    if (PQstatus(c->pq) == CONNECTION_BAD) {
        lose(c, PQerrorMessage(c->pq));
        return;
    }
    loop_timer_set(c->options.loop, &c->timer, CONNECT_MS, on_patience_over);
    watch(c, LOOP_WRITE);
}

static char *
add_patience(const char *setup)
{
    size_t size = sizeof(SERVER_PATIENCE) + strlen(setup);
    char *s = xcalloc(1, size);

    snprintf(s, size, SERVER_PATIENCE "%s", setup);
    return s;
}

struct pg_conn *
pg_conn_new(const struct pg_conn_options *o)
{
    struct pg_conn *c = xcalloc(1, sizeof(*c));

    c->options = *o;
    c->setup = add_patience(o->setup ? o->setup : "");
    if (c->options.patience_ms == 0)
        c->options.patience_ms = EXCHANGE_MS;
    c->now = &c->exchanges[0];
    for (int i = 0; i < 2; i++)
        c->exchanges[i].arena = arena_new();
    loop_timer_set(o->loop, &c->timer, 0, on_pause_over);
    return c;
}

void
pg_conn_free(struct pg_conn *c)
{
    if (!c)
        return;
    close_connection(c);
    loop_timer_clear(c->options.loop, &c->timer);
    for (int i = 0; i < 2; i++) {
        clear(&c->exchanges[i]);
        arena_free(c->exchanges[i].arena);
    }
    free(c->setup);
    free(c);
}

bool
pg_conn_is_ready(const struct pg_conn *c)
{
    return c->state == READY;
}

bool
pg_conn_is_down(const struct pg_conn *c)
{
    return c->is_down;
}

int64_t
pg_conn_silence_ms(const struct pg_conn *c)
{
    return c->silence_ms;
}

const char *
pg_conn_why(const struct pg_conn *c)
{
    return c->why;
}

/* ---- what goes ---- */

struct pg_params *
pg_conn_params(struct pg_conn *c)
{
    c->params.arena = c->now->arena;
    c->params.n = 0;
    return &c->params;
}

void
pg_conn_send(struct pg_conn *c, enum pg which)
{
    struct exchange *x = c->now;

    assert(c->state == READY && x->n_sent < SENT_MAX);
    assert(strstr(pg_texts[which].who, c->options.who));
    x->n_sent++;
    /* Nothing follows what could not be sent, least of all a COMMIT. */
    if (!x->is_broken)
        x->is_broken =
            PQsendQueryPrepared(c->pq, pg_texts[which].name, c->params.n,
                                c->params.values, c->params.lengths,
                                c->params.formats, 1) != 1;
}

static void
on_stuck(struct loop_timer *t)
{
    struct pg_conn *c = CONTAINER_OF(t, struct pg_conn, timer);

    lose(c, PQerrorMessage(c->pq));
}

void
pg_conn_sync(struct pg_conn *c, void (*on_end)(void *arg, enum pg_outcome o),
             void *arg)
{
    assert(c->state == READY);
    c->state = BUSY;
    c->sent_ms = loop_now_ms(c->options.loop);
    c->on_end = on_end;
    c->arg = arg;
    /* on_end never runs inside this call: a failure waits for the next turn. */
    if (c->now->is_broken || PQpipelineSync(c->pq) != 1 || PQflush(c->pq) < 0 ||
        has_no_socket(c)) {
        loop_fd_free(c->fd);
        c->fd = NULL;
        loop_timer_set(c->options.loop, &c->timer, 0, on_stuck);
        return;
    }
    loop_timer_set(c->options.loop, &c->timer, c->options.patience_ms,
                   on_patience_over);
    loop_fd_want(c->fd, LOOP_READ | LOOP_WRITE);
}

struct pg_rows
pg_conn_rows(const struct pg_conn *c, int i)
{
    assert(c->ended && i < c->ended->n_ended);
    return pg_rows(c->ended->results[i]);
}

int64_t
pg_conn_affected(const struct pg_conn *c, int i)
{
    int64_t n = 0;

    assert(c->ended && i < c->ended->n_ended);
    (void)str_to_i64(str_from(PQcmdTuples(c->ended->results[i])), &n);
    return n;
}

const char *
pg_conn_sqlstate(const struct pg_conn *c)
{
    const char *s =
        c->ended && c->ended->failure
            ? PQresultErrorField(c->ended->failure, PG_DIAG_SQLSTATE)
            : NULL;

    return s ? s : "";
}

const char *
pg_conn_message(const struct pg_conn *c)
{
    const char *s =
        c->ended && c->ended->failure
            ? PQresultErrorField(c->ended->failure, PG_DIAG_MESSAGE_PRIMARY)
            : NULL;

    return s ? s : "";
}
