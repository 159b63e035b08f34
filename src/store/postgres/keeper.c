/* keeper.c - see keeper.h.
 *
 *   rest -> take the duty, ask how things are -> add up what those counted
 *    ^                                           that ended
 *    |                                            |
 *    `------------------------------------------ clear a table, and the next,
 *                                                until none is left */
#include "store/postgres/keeper.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/health.h"
#include "base/list.h"
#include "base/log.h"
#include "base/metrics_sum.h"
#include "store/postgres/node.h"
#include "store/postgres/pg_store.h"

#define EVERY_MS 20000
#define TURN_MS 60000      /* how long others leave it to us */
#define PATIENCE_MS 600000 /* for one table */
#define DEAD_MAX 20000     /* rows; fewer are left to autovacuum */
#define OLD_MS 60000       /* a transaction that is older is told of */
#define OVER_MS 300000     /* who is silent for so long does not come back */
#define OVER_MAX 50        /* reports of such, at a time */

static const struct {
    const char *table;
    enum pg clear;
} tables[] = {
    {"ready", PG_vacuum_ready},
    {"waiting", PG_vacuum_waiting},
    {"intent", PG_vacuum_intent},
    {"node", PG_vacuum_node},
    {"lane", PG_vacuum_lane},
    {"inbox_user", PG_vacuum_inbox_user},
    {"inbox_event", PG_vacuum_inbox_event},
};
#define N_TABLES (sizeof(tables) / sizeof(*tables))

struct pg_keeper {
    struct pg_store *store;
    struct pg_conn *conn;
    struct loop_timer timer;
    bool is_due;
    bool is_dirty[N_TABLES];
    bool is_worried; /* of an old transaction */
    bool has_past;   /* reports of those that ended: add_up() */
};

static void pump(struct pg_keeper *k);

static void
on_timer(struct loop_timer *t)
{
    struct pg_keeper *k = CONTAINER_OF(t, struct pg_keeper, timer);

    k->is_due = true;
    loop_timer_set(k->store->loop, &k->timer, EVERY_MS, on_timer);
    pump(k);
}

/* ---- what keeps old rows alive ---- */

static void
report(struct pg_keeper *k, enum health h, const char *detail)
{
    health_report(STR("database/transactions"), h, str_from(detail),
                  k->store->clock->wall_ms(k->store->clock));
}

static void
take_oldest(struct pg_keeper *k, int answer)
{
    struct pg_rows r = pg_conn_rows(k->conn, answer);
    int64_t pid = 0, age_ms = 0;
    struct str state = STR_NONE, name = STR_NONE;
    char detail[300];

    if (pg_next(&r)) {
        pid = pg_int(&r);
        age_ms = pg_int(&r);
        state = pg_borrow(&r);
        name = pg_borrow(&r);
    }
    if (age_ms < OLD_MS) {
        if (k->is_worried)
            report(k, HEALTH_OK, "");
        k->is_worried = false;
        return;
    }
    k->is_worried = true;
    snprintf(
        detail, sizeof(detail),
        "a transaction has been open for %lld s (pid %lld, %.*s, \"%.*s\"): "
        "nothing that changed since can be cleared away. End it: SELECT "
        "pg_terminate_backend(%lld)",
        (long long)(age_ms / 1000), (long long)pid, STR_ARG(state),
        STR_ARG(name), (long long)pid);
    report(k, HEALTH_DEGRADED, detail);
    LOG_WARN("database.old_transaction", log_int("pid", pid),
             log_int("age_ms", age_ms), log_str("state", state),
             log_str("application", name));
}

/* ---- those that ended ---- */

static void
on_folded(void *arg, enum pg_outcome o)
{
    struct pg_keeper *k = arg;

    if (o == PG_FAILED)
        LOG_WARN("keeper.fold_failed",
                 log_cstr("why", pg_conn_message(k->conn)));
    pump(k);
}

/* What they counted goes to what those before them did. */
static void
fold(struct pg_keeper *k)
{
    struct pg_rows over = pg_conn_rows(k->conn, 0);
    struct pg_rows past = pg_conn_rows(k->conn, 1);
    struct metrics_sum *sum = metrics_sum_new();
    struct arena *a = arena_new();
    struct pg_array ids = pg_array(a, PG_TYPE_INT8, pg_count(&over));
    struct buf text = {.arena = a};
    struct pg_params *p;

    if (pg_next(&past))
        metrics_sum_add_past(sum, pg_borrow(&past));
    while (pg_next(&over)) {
        pg_add_int(&ids, pg_int(&over));
        metrics_sum_add_past(sum, pg_borrow(&over));
    }
    metrics_sum_write_past(sum, &text);
    p = pg_conn_params(k->conn);
    pg_put_array(p, &ids);
    pg_put_int(p, OVER_MS);
    pg_put_text(p, buf_str(&text));
    pg_conn_send(k->conn, PG_reports_fold);
    pg_conn_sync(k->conn, on_folded, k);
    metrics_sum_free(sum);
    arena_free(a);
}

static void
on_past(void *arg, enum pg_outcome o)
{
    struct pg_keeper *k = arg;
    struct pg_rows over;

    if (o == PG_FAILED)
        LOG_WARN("keeper.fold_failed",
                 log_cstr("why", pg_conn_message(k->conn)));
    if (o == PG_DONE) {
        over = pg_conn_rows(k->conn, 0);
        if (pg_count(&over) > 0) {
            fold(k);
            return;
        }
    }
    pump(k);
}

static bool
add_up(struct pg_keeper *k)
{
    struct pg_params *p;

    if (!k->has_past)
        return false;
    k->has_past = false;
    p = pg_conn_params(k->conn);
    pg_put_int(p, OVER_MS);
    pg_put_int(p, OVER_MAX);
    pg_conn_send(k->conn, PG_reports_over);
    (void)pg_conn_params(k->conn);
    pg_conn_send(k->conn, PG_reports_sum);
    pg_conn_sync(k->conn, on_past, k);
    return true;
}

/* ---- dead rows ---- */

static void
take_dirty(struct pg_keeper *k, int answer)
{
    struct pg_rows r;

    for (r = pg_conn_rows(k->conn, answer); pg_next(&r);) {
        struct str name = pg_borrow(&r);

        for (size_t i = 0; i < N_TABLES; i++)
            if (str_is(name, tables[i].table))
                k->is_dirty[i] = true;
    }
}

static void
on_asked(void *arg, enum pg_outcome o)
{
    struct pg_keeper *k = arg;
    struct pg_rows r;

    if (o == PG_FAILED)
        LOG_ERROR("keeper.failed", log_cstr("why", pg_conn_message(k->conn)));
    if (o == PG_DONE) {
        r = pg_conn_rows(k->conn, 0);
        if (pg_next(&r)) { /* it is our turn */
            take_dirty(k, 1);
            take_oldest(k, 2);
            k->has_past = true;
        }
    }
    pump(k);
}

static void
ask(struct pg_keeper *k)
{
    struct pg_params *p = pg_conn_params(k->conn);

    pg_put_int(p, pg_node_incarnation(k->store->node));
    pg_put_int(p, TURN_MS);
    pg_conn_send(k->conn, PG_duty_take);
    pg_put_int(pg_conn_params(k->conn), DEAD_MAX);
    pg_conn_send(k->conn, PG_dead_rows);
    (void)pg_conn_params(k->conn);
    pg_conn_send(k->conn, PG_oldest_transaction);
    pg_conn_sync(k->conn, on_asked, k);
}

static void
on_cleared(void *arg, enum pg_outcome o)
{
    struct pg_keeper *k = arg;

    if (o == PG_FAILED)
        LOG_WARN("keeper.vacuum_failed",
                 log_cstr("why", pg_conn_message(k->conn)));
    pump(k);
}

static bool
clear_next(struct pg_keeper *k)
{
    for (size_t i = 0; i < N_TABLES; i++) {
        if (!k->is_dirty[i])
            continue;
        k->is_dirty[i] = false;
        (void)pg_conn_params(k->conn);
        pg_conn_send(k->conn, tables[i].clear);
        pg_conn_sync(k->conn, on_cleared, k);
        return true;
    }
    return false;
}

static void
pump(struct pg_keeper *k)
{
    if (!pg_conn_is_ready(k->conn) || add_up(k) || clear_next(k) || !k->is_due)
        return;
    k->is_due = false;
    ask(k);
}

static void
on_ready(void *arg)
{
    pump(arg);
}

static void
on_lost(void *arg, const char *why)
{
    (void)arg; /* others tell of it, and it comes back by itself */
    (void)why;
}

struct pg_keeper *
pg_keeper_start(struct pg_store *s)
{
    struct pg_keeper *k = xcalloc(1, sizeof(*k));

    k->store = s;
    k->conn = pg_conn_new(&(struct pg_conn_options){
        .loop = s->loop,
        .url = s->url,
        .who = "keeper",
        .setup = "SET jit = off; SET lock_timeout = '1s'",
        .patience_ms = PATIENCE_MS,
        .on_ready = on_ready,
        .on_lost = on_lost,
        .arg = k});
    loop_timer_set(s->loop, &k->timer, EVERY_MS, on_timer);
    return k;
}

void
pg_keeper_free(struct pg_keeper *k)
{
    if (!k)
        return;
    pg_conn_free(k->conn);
    loop_timer_clear(k->store->loop, &k->timer);
    free(k);
}
