/* pg_loop.c - the same life of the same rows on PostgreSQL, with nothing of
 * Belfry around it: what its server can do at most.
 *
 *   pg_loop -u URL [-n NOTIFICATIONS] [-b BATCH] [-r FILE] [-w WORKERS]
 *           [owner|lease]
 *
 * One connection accepts, BATCH in a commit; WORKERS others finish their last
 * batch and claim the next one in one commit, and read the documents. The
 * database has Belfry's schema (`belfry migrate up`).
 *
 *   owner   Belfry's own statements: who owns the lane reads from a mark on,
 *           and writes down a whole batch as one intent
 *   lease   each row is leased: UPDATE .. SKIP LOCKED, and finished only by
 *           who holds its lease; any number of workers
 *
 * FILE is the document of every notification. A line of JSON for each. */
#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "store/object.h"
#include "store/pg_statements.h"
#include "store/postgres/wire.h"
#include "tool.h"

#define TENANT 1
#define LANE 100
#define OWNER 77

static const char *url;
static int64_t n_total = 100000, n_batch = 500, n_workers = 1;
static struct str doc;
static bool leases;
static atomic_llong n_ended;

/* ---- a connection that waits ---- */

struct link {
    PGconn *pq;
    struct arena *arena;
    struct pg_params params;
    PGresult *results[16];
    int n;
};

static const char session_setup[] =
    "SET synchronous_commit = on; SET jit = off; "
    "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; "
    "SET enable_bitmapscan = off; SET enable_hashjoin = off; "
    "SET enable_mergejoin = off; SET enable_material = off";

static void
plain(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);

    if (PQresultStatus(r) != PGRES_COMMAND_OK &&
        PQresultStatus(r) != PGRES_TUPLES_OK)
        fatal("%s: %s", sql, PQerrorMessage(c));
    PQclear(r);
}

static struct link
link_open(void)
{
    struct link l = {.pq = PQconnectdb(url), .arena = arena_new()};

    if (PQstatus(l.pq) != CONNECTION_OK)
        fatal("%s", PQerrorMessage(l.pq));
    plain(l.pq, session_setup);
    return l;
}

static void
prepare(struct link *l, const char *name, const char *sql)
{
    PGresult *r = PQprepare(l->pq, name, sql, 0, NULL);

    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        fatal("%s: %s", name, PQerrorMessage(l->pq));
    PQclear(r);
}

static struct pg_params *
params(struct link *l)
{
    l->params.arena = l->arena;
    l->params.n = 0;
    return &l->params;
}

static void
send(struct link *l, const char *name)
{
    if (PQsendQueryPrepared(l->pq, name, l->params.n, l->params.values,
                            l->params.lengths, l->params.formats, 1) != 1)
        fatal("%s: %s", name, PQerrorMessage(l->pq));
    l->n++;
}

/* Waits for all that was sent; its results stay until the next finish(). */
static void
wait_for(struct link *l)
{
    if (PQpipelineSync(l->pq) != 1)
        fatal("%s", PQerrorMessage(l->pq));
    for (int i = 0; i < l->n; i++) {
        l->results[i] = PQgetResult(l->pq);
        if (PQresultStatus(l->results[i]) != PGRES_TUPLES_OK &&
            PQresultStatus(l->results[i]) != PGRES_COMMAND_OK)
            fatal("%s", PQresultErrorMessage(l->results[i]));
        PQclear(PQgetResult(l->pq));
    }
    PQclear(PQgetResult(l->pq)); /* the sync */
}

static void
finish(struct link *l)
{
    for (int i = 0; i < l->n; i++)
        PQclear(l->results[i]);
    l->n = 0;
    arena_reset(l->arena);
}

/* ---- accept ---- */

static void
add_notification(struct pg_columns *c, int64_t id)
{
    pg_col_int(c, TENANT);
    pg_col_int(c, id);
    pg_col_int(c, id); /* created */
    pg_col_int(c, id + 1);
    pg_col_int(c, id + 1);
    pg_col_int(c, 0);
    pg_col_int(c, 1);
    pg_col_int(c, 2);
    pg_col_int(c, 0);
    pg_col_text(c, STR_NONE);
    pg_col_text(c, STR_NONE);
    pg_col_text(c, STR("req-01J9ZQ3W6A"));
    pg_col_text(c, STR_NONE);
    pg_col_text(c, doc);
    pg_col_int(c, 0);
}

static void
add_ready(struct pg_columns *c, int64_t id)
{
    pg_col_int(c, TENANT);
    pg_col_int(c, id + 1);
    pg_col_int(c, id);
    pg_col_int(c, LANE);
    pg_col_int(c, id); /* rank */
    pg_col_int(c, id);
    pg_col_int(c, id);
    pg_col_int(c, -1);
    pg_col_int(c, 0);
    pg_col_int(c, 2);
    pg_col_text(c, STR("user-1234"));
    pg_col_text(c, STR("webhook"));
    pg_col_text(c, STR_NONE);
    pg_col_text(c, STR("queued"));
    pg_col_text(c, STR_NONE);
}

static void *
accept_all(void *arg)
{
    struct link l = link_open();
    int64_t id = 1000;

    (void)arg;
    prepare(&l, "notification", pg_texts[PG_notification_add].text);
    prepare(&l, "ready", pg_texts[PG_ready_add].text);
    PQenterPipelineMode(l.pq);
    for (int64_t done = 0; done < n_total;) {
        struct pg_columns notifications, ready;
        size_t n = (size_t)n_batch;

        pg_columns_init(&notifications, l.arena, "llllllisbttttTl", n);
        pg_columns_init(&ready, l.arena, "llllllliistTttt", n);
        for (size_t i = 0; i < n && done < n_total; i++, done++, id += 2) {
            add_notification(&notifications, id);
            add_ready(&ready, id);
        }
        pg_put_columns(params(&l), &notifications);
        send(&l, "notification");
        pg_put_columns(params(&l), &ready);
        send(&l, "ready");
        wait_for(&l);
        finish(&l);
    }
    PQfinish(l.pq);
    arena_free(l.arena);
    return NULL;
}

/* ---- finish and claim ---- */

struct batch {
    size_t n;
    int64_t *ids, *notifications; /* room for n_batch */
    int64_t rank, id;             /* of the last one */
    int64_t number;
};

static void
put_ended(struct link *l, const struct batch *b)
{
    struct pg_columns c;
    struct pg_params *p = params(l);

    pg_columns_init(&c, l->arena, "llilsiliittttt", b->n);
    for (size_t i = 0; i < b->n; i++) {
        pg_col_int(&c, TENANT);
        pg_col_int(&c, b->ids[i]);
        pg_col_int(&c, leases); /* attempts that it had */
        pg_col_int(&c, LANE);
        pg_col_int(&c, 4);
        pg_col_int(&c, 1);
        pg_col_int(&c, 1); /* when */
        pg_col_int(&c, 12);
        pg_col_int(&c, 200);
        pg_col_text(&c, STR("delivered"));
        pg_col_text(&c, STR("hook"));
        pg_col_text(&c, STR_NONE);
        pg_col_text(&c, STR("delivered"));
        pg_col_text(&c, STR_NONE);
    }
    pg_put_columns(p, &c);
    pg_put_int(p, 2);
    if (leases)
        pg_put_int(p, OWNER + b->number);
}

static void
put_documents(struct link *l, const struct batch *b)
{
    struct pg_columns c, users;
    struct pg_params *p = params(l);

    pg_columns_init(&c, l->arena, "ll", b->n);
    for (size_t i = 0; i < b->n; i++) {
        pg_col_int(&c, TENANT);
        pg_col_int(&c, b->notifications[i]);
    }
    pg_put_columns(p, &c);
    send(l, "notifications");
    p = params(l);
    pg_columns_init(&users, l->arena, "lT", 1);
    pg_col_int(&users, TENANT);
    pg_col_text(&users, STR("user-1234"));
    pg_put_int2(p, 6);
    pg_put_columns(p, &users);
    send(l, "users");
}

static void
take(struct batch *b, const PGresult *result)
{
    struct pg_rows r = pg_rows(result);

    b->n = 0;
    while (pg_next(&r)) {
        b->ids[b->n] = pg_int(&r);
        (void)pg_int(&r);
        b->notifications[b->n] = pg_int(&r);
        (void)pg_int(&r);
        (void)pg_int(&r);
        b->rank = pg_int(&r);
        b->id = b->ids[b->n++];
    }
}

/* Who owns the lane: fence, finish, drop the intent, claim with another. */
static int
cycle_as_owner(struct link *l, struct batch *b)
{
    struct pg_array lanes = pg_array(l->arena, PG_TYPE_INT8, 1);
    struct pg_array tokens = pg_array(l->arena, PG_TYPE_INT8, 1);
    struct pg_array held = pg_array(l->arena, PG_TYPE_INT8, 0);
    struct pg_columns spent;
    struct pg_params *p = params(l);

    pg_add_int(&lanes, LANE);
    pg_add_int(&tokens, 1);
    pg_put_array(p, &lanes);
    pg_put_array(p, &tokens);
    pg_put_int(p, OWNER);
    send(l, "fence");
    if (b->n > 0) {
        put_ended(l, b);
        send(l, "ended");
        pg_columns_init(&spent, l->arena, "ll", 1);
        pg_col_int(&spent, LANE);
        pg_col_int(&spent, b->number);
        pg_put_columns(params(l), &spent);
        send(l, "spent");
    }
    p = params(l);
    pg_put_int(p, LANE);
    pg_put_int(p, INT64_MIN);
    pg_put_int(p, INT64_MIN);
    pg_put_int(p, b->rank);
    pg_put_int(p, b->id);
    pg_put_int(p, n_batch);
    pg_put_int(p, 0);
    pg_put_array(p, &held);
    pg_put_int(p, ++b->number);
    pg_put_int(p, 1);
    pg_put_int(p, TENANT);
    pg_put_int2(p, OBJECT_PREFERENCE);
    pg_put_int2(p, OBJECT_SUPPRESSION);
    send(l, "claim");
    return l->n - 1;
}

/* `crashes` and `updated_ms`, which no index has, stand in for the columns of
 * a lease: the update is a HOT one where the page has room. */
static const char lease_claim[] =
    "UPDATE ready SET updated_ms = $2, attempts = attempts + 1, crashes = 1 "
    "WHERE ctid = ANY (ARRAY (SELECT ctid FROM ready WHERE lane <> 0 "
    "AND lane = $1 AND crashes = 0 AND rank >= $4 ORDER BY rank, id LIMIT $3 "
    "FOR UPDATE SKIP LOCKED)) "
    "RETURNING id, tenant, notification, 0::int2, lane, rank, attempts, "
    "priority, recipient, created_ms, updated_ms, 0::int8, user_id, channel, "
    "provider, reason, error, tally";

static int
cycle_with_leases(struct link *l, struct batch *b)
{
    struct pg_params *p;

    if (b->n > 0) {
        put_ended(l, b);
        send(l, "ended");
    }
    p = params(l);
    pg_put_int(p, LANE);
    pg_put_int(p, OWNER + ++b->number);
    pg_put_int(p, n_batch);
    pg_put_int(p, b->rank);
    send(l, "claim");
    return l->n - 1;
}

#define FOUND "AND r.attempts = f.had AND r.lane IS NOT DISTINCT FROM f.was_in"

/* The finish of a lease is the owner's, but for whose row it is. */
static const char *
lease_ended(struct arena *a)
{
    const char *text = pg_texts[PG_finish_ended].text;
    const char *at = strstr(text, FOUND);
    const size_t n = sizeof(FOUND) - 1;

    if (!at)
        fatal("finish_ended is another statement now");
    return str_fmt(a, "%.*s AND r.updated_ms = $16::int8%s",
                   (int)((size_t)(at - text) + n), text, at + n)
        .p;
}

static void *
work(void *arg)
{
    struct link l = link_open();
    struct arena *a = arena_new();
    struct batch b = {.rank = INT64_MIN,
                      .id = INT64_MIN,
                      .number = (int64_t)(intptr_t)arg * 1000000};

    b.ids = xcalloc((size_t)n_batch, sizeof(int64_t));
    b.notifications = xcalloc((size_t)n_batch, sizeof(int64_t));
    prepare(&l, "fence", pg_texts[PG_fence].text);
    prepare(&l, "ended",
            leases ? lease_ended(a) : pg_texts[PG_finish_ended].text);
    prepare(&l, "spent", pg_texts[PG_intent_remove].text);
    prepare(&l, "claim", leases ? lease_claim : pg_texts[PG_claim].text);
    prepare(&l, "notifications", pg_texts[PG_notifications_of].text);
    prepare(&l, "users", pg_texts[PG_users_of].text);
    PQenterPipelineMode(l.pq);
    while (n_ended < n_total || b.n > 0) {
        int claim = leases ? cycle_with_leases(&l, &b) : cycle_as_owner(&l, &b);

        wait_for(&l);
        n_ended += (long long)b.n;
        take(&b, l.results[claim]);
        finish(&l);
        if (b.n > 0) {
            put_documents(&l, &b);
            wait_for(&l);
            finish(&l);
        } else {
            usleep(200);
        }
    }
    PQfinish(l.pq);
    arena_free(l.arena);
    arena_free(a);
    free(b.ids);
    free(b.notifications);
    return NULL;
}

static void
own_lane(void)
{
    struct link l = link_open();
    char sql[200];

    plain(l.pq, "TRUNCATE notification, ready, ended, intent, lane");
    snprintf(sql, sizeof(sql), "INSERT INTO lane VALUES (%d, %d, %d, 1, now())",
             LANE, TENANT, OWNER);
    plain(l.pq, sql);
    PQfinish(l.pq);
    arena_free(l.arena);
}

static void
run(void)
{
    pthread_t producer, workers[16];
    struct tool_times began = tool_times();

    if (pthread_create(&producer, NULL, accept_all, NULL) != 0)
        fatal("no thread");
    for (int i = 0; i < n_workers; i++)
        if (pthread_create(&workers[i], NULL, work, (void *)(intptr_t)i) != 0)
            fatal("no thread");
    pthread_join(producer, NULL);
    for (int i = 0; i < n_workers; i++)
        pthread_join(workers[i], NULL);
    tool_report_cycles(leases ? "lease" : "owner", n_total, began);
}

int
main(int argc, char **argv)
{
    const char *path = NULL;
    int o;

    while ((o = getopt(argc, argv, "u:n:b:r:w:")) != -1) {
        switch (o) {
        case 'u':
            url = optarg;
            break;
        case 'n':
            n_total = tool_number(optarg, 1, INT64_MAX / 4);
            break;
        case 'b':
            n_batch = tool_number(optarg, 1, 10000);
            break;
        case 'w':
            n_workers = tool_number(optarg, 1, 16);
            break;
        case 'r':
            path = optarg;
            break;
        default:
            fatal("see the head of pg_loop.c");
        }
    }
    if (!url)
        fatal("-u URL is needed");
    doc = tool_document(path);
    leases = argv[optind] && strcmp(argv[optind], "lease") == 0;
    if (!leases && n_workers > 1)
        fatal("a lane has one owner: -w goes with lease");
    own_lane();
    run();
    return 0;
}
