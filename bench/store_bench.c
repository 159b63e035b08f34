/* store_bench.c - what the store's driver costs above SQLite itself.
 *
 *   store_bench -d DIR [-n NOTIFICATIONS] [-b BATCH] [-r FILE] [bare|verbs]
 *
 * The same rows twice, each through its whole life (accepted, claimed with its
 * notification, ended with one attempt), BATCH at a time in one commit: by a
 * bare loop over prepared statements, then by the store's verbs. FILE is the
 * document of every notification. A line of JSON for each. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"
#include "store/sqlite/db.h"
#include "store/sqlite/migrate.h"
#include "store/sqlite/sqlite.h"
#include "tool.h"

#define TENANT 1
#define LANE 100

static int64_t n_total = 200000, n_batch = 500;
static struct str doc;

static struct notification
notification(int64_t id)
{
    return (struct notification){.id = id,
                                 .tenant = TENANT,
                                 .created_ms = id,
                                 .priority = PRIORITY_NORMAL,
                                 .doc = doc,
                                 .request_id = STR("req-01J9ZQ3W6A"),
                                 .n_recipients = 1};
}

static struct delivery
delivery(int64_t id, int64_t of)
{
    return (struct delivery){.id = id,
                             .tenant = TENANT,
                             .notification = of,
                             .user = STR("user-1234"),
                             .channel = STR("email"),
                             .status = DELIVERY_QUEUED,
                             .priority = PRIORITY_NORMAL,
                             .recipient = -1,
                             .created_ms = of,
                             .updated_ms = of,
                             .lane = LANE,
                             .rank = of};
}

static const struct attempt sent = {.n = 1,
                                    .at_ms = 1,
                                    .provider = {"smtp", 4},
                                    .verdict = {"sent", 4},
                                    .status = 250,
                                    .detail = {"250 2.0.0 Ok: queued", 20},
                                    .duration_ms = 12};

/* ---- bare ---- */

static void
bare_accept(struct db *c, int64_t id)
{
    struct notification n = notification(id);
    struct delivery d = delivery(id + 1, id);
    struct query q = query(c, SQL_notification_add);

    put_int(&q, n.id);
    put_int(&q, n.tenant);
    put_int(&q, n.created_ms);
    put_int(&q, n.priority);
    put_int(&q, 0);
    put_int(&q, 0);
    put_int(&q, 1);
    put_text(&q, STR_NONE);
    put_text(&q, STR_NONE);
    put_text(&q, n.request_id);
    put_text(&q, STR_NONE);
    put_blob(&q, n.doc);
    query_run(&q);
    q = query(c, SQL_delivery_add);
    put_int(&q, d.id);
    put_int(&q, TENANT);
    put_int(&q, id);
    put_int(&q, d.status);
    put_int(&q, d.lane);
    put_int(&q, d.rank);
    put_int(&q, 0);
    put_int(&q, d.priority);
    put_int(&q, d.recipient);
    put_int(&q, d.created_ms);
    put_int(&q, d.updated_ms);
    put_int(&q, 0);
    put_text(&q, d.user);
    put_text(&q, d.channel);
    put_text(&q, STR_NONE);
    put_text(&q, STR_NONE);
    put_text(&q, STR_NONE);
    put_int_or_null(&q, 0);
    put_text(&q, STR_NONE);
    query_run(&q);
}

static void
bare_finish(struct db *c, int64_t id)
{
    struct query q = query(c, SQL_delivery_finish);

    put_int(&q, id);
    put_int(&q, TENANT);
    put_int(&q, DELIVERY_SENT);
    put_int_or_null(&q, 0);
    put_int(&q, 0);
    put_int(&q, 2);
    put_text(&q, STR("accepted"));
    put_text(&q, sent.provider);
    put_int(&q, 1);
    put_text(&q, STR_NONE);
    put_text(&q, STR_NONE);
    query_run(&q);
    q = query(c, SQL_attempt_add);
    put_int(&q, id);
    put_int(&q, 1);
    put_int(&q, sent.at_ms);
    put_text(&q, sent.provider);
    put_text(&q, sent.verdict);
    put_int(&q, sent.status);
    put_text(&q, sent.detail);
    put_int(&q, sent.duration_ms);
    put_int(&q, 0);
    query_run(&q);
}

/* Reads every column that a claim reads, copies none. */
static size_t
bare_claim(struct db *c, int64_t *ids)
{
    struct query q = query(c, SQL_ready_scan), n;
    size_t got = 0;

    put_int(&q, LANE);
    put_int(&q, INT64_MIN);
    while (got < (size_t)n_batch && query_row(&q)) {
        ids[got++] = take_int(&q);
        for (int i = 1; i < 21; i++)
            (void)sqlite3_column_bytes(q.s, i);
        n = query(c, SQL_notification_claim);
        put_int(&n, sqlite3_column_int64(q.s, 2));
        if (query_row(&n))
            for (int i = 0; i < 13; i++)
                (void)sqlite3_column_bytes(n.s, i);
        query_end(&n);
    }
    query_end(&q);
    return got;
}

static void
plain(struct db *c, enum sql which)
{
    struct query q = query(c, which);

    query_run(&q);
}

static void
run_bare(const char *path)
{
    struct db c;
    const char *why = "";
    int64_t *ids = xcalloc((size_t)n_batch, sizeof(*ids)), id = 1000;
    size_t n_claimed = 0;
    struct tool_times began;

    if (db_open(&c, path, false, &why) != ERR_OK ||
        sqlite_migrate_conn(&c, clock_system(), &why) != ERR_OK ||
        db_prepare(&c, false, &why) != ERR_OK)
        fatal("%s", why);
    began = tool_times();
    for (int64_t done = 0; done < n_total || n_claimed > 0;) {
        plain(&c, SQL_begin);
        for (size_t i = 0; i < n_claimed; i++)
            bare_finish(&c, ids[i]);
        for (int64_t i = 0; i < n_batch && done < n_total; i++, done++) {
            bare_accept(&c, id);
            id += 2;
        }
        n_claimed = bare_claim(&c, ids);
        plain(&c, SQL_commit);
        if (c.rc != SQLITE_OK)
            fatal("%s", sqlite3_errmsg(c.db));
        if (done % (n_batch * 16) == 0)
            sqlite3_wal_checkpoint_v2(c.db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                      NULL, NULL);
    }
    tool_report_cycles("bare", n_total, began);
    db_close(&c);
    free(ids);
}

/* ---- verbs ---- */

struct one {
    struct store_accept accept;
    struct store_accept_item item;
    struct delivery delivery;
    struct arena *arena;
};
struct run {
    struct loop *loop;
    struct store *store;
    struct one *ones;
    struct store_cycle cycle;
    struct store_finish *finishes;
    int64_t next_id, n_accepted, n_finished;
    size_t n_open;
};
static struct run the_run;

static void
step_done(struct store_req *req, enum err e)
{
    (void)req;
    if (e != ERR_OK)
        fatal("%s", err_title(e));
    the_run.n_open--;
}

static void
submit_accept(struct run *r, struct one *o)
{
    arena_reset(o->arena);
    o->delivery = delivery(r->next_id + 1, r->next_id);
    o->item =
        (struct store_accept_item){.notification = notification(r->next_id),
                                   .deliveries = &o->delivery,
                                   .n_deliveries = 1};
    o->accept = (struct store_accept){
        .tenant = TENANT, .now_ms = 1, .items = &o->item, .n_items = 1};
    o->accept.req.arena = o->arena;
    o->accept.req.loop = r->loop;
    o->accept.req.on_done = step_done;
    r->next_id += 2;
    r->n_accepted++;
    r->n_open++;
    store_accept(r->store, &o->accept);
}

static void
submit_cycle(struct run *r)
{
    struct store_cycle *c = &r->cycle;
    struct arena *a = c->req.arena;
    size_t n = c->n_work;

    for (size_t i = 0; i < n; i++)
        r->finishes[i] =
            (struct store_finish){.tenant = TENANT,
                                  .delivery = c->work[i].delivery.id,
                                  .status = DELIVERY_SENT,
                                  .reason = STR("accepted"),
                                  .provider = sent.provider,
                                  .attempt = &sent};
    arena_reset(a);
    *c = (struct store_cycle){.now_ms = 2,
                              .finishes = r->finishes,
                              .n_finishes = n,
                              .lane = LANE,
                              .want = (size_t)n_batch,
                              .records_intent = true};
    c->req.arena = a;
    c->req.loop = r->loop;
    c->req.on_done = step_done;
    r->n_finished += (int64_t)n;
    r->n_open++;
    store_cycle(r->store, c);
}

static void
run_verbs(const char *path)
{
    struct sqlite_store_options o = {.path = path, .clock = clock_system()};
    struct run *r = &the_run;
    const char *why = "";
    struct tool_times began;

    if (sqlite_store_open(&o, &r->store, &why) != ERR_OK)
        fatal("%s", why);
    r->loop = loop_new();
    r->next_id = 1000;
    r->ones = xcalloc((size_t)n_batch, sizeof(*r->ones));
    r->finishes = xcalloc((size_t)n_batch, sizeof(*r->finishes));
    r->cycle.req.arena = arena_new();
    for (int64_t i = 0; i < n_batch; i++)
        r->ones[i].arena = arena_new();
    began = tool_times();
    while (r->n_finished < n_total) {
        for (int64_t i = 0; i < n_batch && r->n_accepted < n_total; i++)
            submit_accept(r, &r->ones[i]);
        submit_cycle(r);
        while (r->n_open > 0)
            loop_turn(r->loop, 1000);
    }
    tool_report_cycles("verbs", n_total, began);
    store_close(r->store);
    for (int64_t i = 0; i < n_batch; i++)
        arena_free(r->ones[i].arena);
    arena_free(r->cycle.req.arena);
    free(r->ones);
    free(r->finishes);
    loop_free(r->loop);
}

static const char *
fresh(char *path, size_t size, const char *dir, const char *name)
{
    static const char *const tails[] = {"", "-wal", "-shm", "-lock"};

    for (size_t i = 0; i < 4; i++) {
        snprintf(path, size, "%s/%s%s", dir, name, tails[i]);
        unlink(path);
    }
    snprintf(path, size, "%s/%s", dir, name);
    return path;
}

static const char *
read_options(int argc, char **argv)
{
    const char *dir = NULL;
    const char *path = NULL;
    int o;

    while ((o = getopt(argc, argv, "d:n:b:r:")) != -1) {
        switch (o) {
        case 'd':
            dir = optarg;
            break;
        case 'n':
            n_total = tool_number(optarg, 1, INT64_MAX / 4);
            break;
        case 'b':
            n_batch = tool_number(optarg, 1, 10000);
            break;
        case 'r':
            path = optarg;
            break;
        default:
            fatal("see the head of store_bench.c");
        }
    }
    if (!dir)
        fatal("-d DIR is needed");
    doc = tool_document(path);
    return dir;
}

int
main(int argc, char **argv)
{
    const char *dir = read_options(argc, argv), *only = argv[optind];
    char path[4096];

    if (!only || strcmp(only, "bare") == 0)
        run_bare(fresh(path, sizeof(path), dir, "bare.db"));
    if (!only || strcmp(only, "verbs") == 0)
        run_verbs(fresh(path, sizeof(path), dir, "verbs.db"));
    return 0;
}
