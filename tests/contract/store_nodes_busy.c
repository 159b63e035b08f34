/* store_nodes_busy.c - two nodes that change the same things at once. */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_nodes.h"

/* ---- the waiting room ---- */

static void
what_is_due_is_promoted_once(void **state)
{
    enum { N = 3000 };
    struct rig *r = *state, *nodes[2] = {r, node_peer(r)};
    struct store_promote p[2];
    size_t n = 0;

    send_one(r, &(struct send){.id = 10000,
                               .n = N,
                               .status = DELIVERY_RETRYING,
                               .due_ms = NOW});
    do {
        for (int i = 0; i < 2; i++) {
            p[i] = (struct store_promote){.now_ms = NOW, .max = 100};
            begin_on(r, nodes[i], STORE_VERB_promote, &p[i].req);
        }
        wait_for_all(r);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(p[i].req.err, ERR_OK);
            n += p[i].n_promoted;
        }
    } while (p[0].next_due_ms > 0 || p[1].next_due_ms > 0);
    assert_int_equal(n, N);
    ASSERT_SQL(r, "3000,3000",
               "SELECT count(*), count(DISTINCT id) FROM ready");
    ASSERT_SQL(r, "0", "SELECT count(*) FROM waiting");
}

/* ---- documents ---- */

enum { PUTS = 120, WRITES = 40 };

static void
fill_put(struct rig *r, struct store_object_put *p, int i)
{
    struct store_object_write *w =
        ARENA_ARRAY(r->arena, struct store_object_write, WRITES);

    for (int k = 0; k < WRITES; k++)
        w[k] = (struct store_object_write){
            .kind = OBJECT_USER,
            .key =
                str_fmt(r->arena, "k%d", i / 2 * 10 + (k * 7919 + i * 31) % 60),
            .body = STR("{\"x\":1}"),
            .if_version = k % 3 ? OBJECT_ANY_VERSION : 0,
            .num = 1 + i * WRITES + k};
    *p = (struct store_object_put){
        .tenant = T, .now_ms = NOW, .writes = w, .n_writes = WRITES};
}

/* Each as often as it says; and the changes are numbered without a gap. */
static void
documents_of_two_nodes_keep_count(void **state)
{
    struct rig *r = *state, *nodes[2] = {r, node_peer(r)};
    struct store_object_put *p =
        ARENA_ARRAY(r->arena, struct store_object_put, PUTS);
    int64_t n_done = 0;

    for (int i = 0; i < PUTS; i++)
        fill_put(r, &p[i], i);
    for (int i = 0; i < PUTS; i++)
        begin_on(r, nodes[i % 2], STORE_VERB_object_put, &p[i].req);
    wait_for_all(r);
    for (int i = 0; i < PUTS; i++) {
        assert_int_equal(p[i].req.err, ERR_OK);
        for (int k = 0; k < WRITES; k++)
            n_done += p[i].writes[k].err == ERR_OK;
    }
    ASSERT_SQL(r, "t",
               "SELECT bool_and(seq = n) FROM (SELECT seq, row_number() OVER "
               "(ORDER BY seq) AS n FROM change) AS x");
    assert_int_equal(pg_number(pg_ask(r, "SELECT sum(version) FROM object")),
                     n_done);
    assert_int_equal(pg_number(pg_ask(r, "SELECT max(seq) FROM change")),
                     n_done);
}

/* ---- habits ---- */

enum { READERS = 200 };

static void
put_readers(struct rig *r, struct str *ids)
{
    struct store_object_write *w =
        ARENA_ARRAY(r->arena, struct store_object_write, READERS);
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = w, .n_writes = READERS};

    for (int i = 0; i < READERS; i++) {
        ids[i] = str_fmt(r->arena, "r%d", i);
        w[i] = (struct store_object_write){.kind = OBJECT_USER,
                                           .key = ids[i],
                                           .body = STR("{}"),
                                           .num = 1 + i};
    }
    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
}

/* Two nodes hear of the same hour, in which every second user is forgotten. */
static void
nothing_is_learned_twice_nor_of_who_is_forgotten(void **state)
{
    struct rig *r = *state, *nodes[2] = {r, node_peer(r)};
    struct store_habit_add adds[READERS][2];
    struct store_object_delete deletes[READERS];
    struct str ids[READERS];

    put_readers(r, ids);
    for (int i = 0; i < READERS; i++) {
        for (int k = 0; k < 2; k++) {
            adds[i][k] = (struct store_habit_add){
                .tenant = T, .user = ids[i], .at_ms = 500 * INT64_C(3600000)};
            begin_on(r, nodes[k], STORE_VERB_habit_add, &adds[i][k].req);
        }
        deletes[i] = (struct store_object_delete){.tenant = T,
                                                  .now_ms = NOW,
                                                  .kind = OBJECT_USER,
                                                  .key = ids[i],
                                                  .if_version = 1};
        if (i % 2)
            begin_on(r, nodes[i / 2 % 2], STORE_VERB_object_delete,
                     &deletes[i].req);
    }
    wait_for_all(r);
    ASSERT_SQL(r, "100", "SELECT count(*) FROM habit");
    ASSERT_SQL(r, "0",
               "SELECT count(*) FROM habit h JOIN object o ON o.kind = 6 AND "
               "o.key = h.user_id WHERE o.body IS NULL");
    for (int i = 0; i < READERS; i += 2) {
        struct store_habits h = {.tenant = T, .users = &ids[i], .n_users = 1};

        assert_int_equal(ASK(r, habits, &h), ERR_OK);
        assert_int_equal(habit_reads(&h.habits[0]), HABIT_ONE);
    }
}

/* ---- cancels ---- */

enum { SENT = 500, EACH = 4, TURNS = 120, ACTS = 4, CLAIMS = 15 };

struct race {
    struct rig *r, *nodes[2];
    bool is_claimed[20000], is_gone[20000]; /* by id */
    struct store_finish finishes[2 * CLAIMS];
    size_t n_finishes, n_claimed, n_stopped, n_lost;
    struct attempt attempt; /* of each */
    struct store_cycle cycles[2];
    struct store_act acts[ACTS];
    struct store_cancel cancel;
};

static void
begin_turn(struct race *x, int turn)
{
    for (int i = 0; i < 2; i++) { /* one of them owns the lane */
        x->cycles[i] = (struct store_cycle){.now_ms = NOW,
                                            .tenant = T,
                                            .lane = LANE,
                                            .want = 10,
                                            .want_critical = 5,
                                            .records_intent = true};
        if (i == 0) {
            x->cycles[i].finishes = x->finishes;
            x->cycles[i].n_finishes = x->n_finishes;
        }
        begin_on(x->r, x->nodes[i], STORE_VERB_cycle, &x->cycles[i].req);
    }
    for (int i = 0; i < ACTS; i++) {
        int64_t n = (turn * ACTS + i) * 577 % SENT;

        x->acts[i] = (struct store_act){.tenant = T,
                                        .delivery = 1001 + 10 * n + i % EACH,
                                        .kind = STORE_ACT_CANCEL,
                                        .now_ms = NOW};
        begin_on(x->r, x->nodes[i % 2], STORE_VERB_act, &x->acts[i].req);
    }
    x->cancel =
        (struct store_cancel){.tenant = T,
                              .notification = 1000 + 10 * (turn * 31 % SENT),
                              .now_ms = NOW,
                              .max = EACH};
    begin_on(x->r, x->nodes[1], STORE_VERB_cancel, &x->cancel.req);
}

static void
take_stops(struct race *x)
{
    assert_int_equal(x->cancel.req.err, ERR_OK);
    assert_int_equal(x->cancel.n_stopped + x->cancel.n_not_stopped, EACH);
    x->n_stopped += x->cancel.n_stopped;
    for (int i = 0; i < ACTS; i++) {
        if (x->acts[i].req.err == ERR_OK) {
            x->is_gone[x->acts[i].delivery] = true;
            x->n_stopped++;
        } else {
            assert_int_equal(x->acts[i].req.err, ERR_CONFLICT);
        }
    }
}

static void
take_claims(struct race *x)
{
    const struct store_cycle *c = &x->cycles[0];

    assert_int_equal(c->req.err, ERR_OK);
    assert_int_equal(x->cycles[1].req.err, ERR_OK);
    assert_int_equal(x->cycles[1].n_work, 0);
    for (size_t i = 0; i < x->n_finishes; i++)
        x->n_lost += !x->finishes[i].is_done;
    x->n_finishes = 0;
    for (size_t i = 0; i < c->n_work; i++) {
        int64_t id = c->work[i].delivery.id;

        assert_false(x->is_claimed[id]);
        x->is_claimed[id] = true;
        x->n_claimed++;
        x->finishes[x->n_finishes++] =
            (struct store_finish){.tenant = T,
                                  .delivery = id,
                                  .status = DELIVERY_SENT,
                                  .attempt = &x->attempt};
    }
    for (size_t i = 0; i < sizeof(x->is_gone); i++)
        assert_false(x->is_gone[i] && x->is_claimed[i]);
}

static void
what_is_cancelled_is_never_sent(void **state)
{
    struct rig *r = *state;
    struct race *x = ARENA_NEW(r->arena, struct race);

    x->r = x->nodes[0] = r;
    x->nodes[1] = node_peer(r);
    x->attempt = (struct attempt){.n = 1, .verdict = STR("sent")};
    assert_int_equal(claim_now(r, LANE, 1), 0); /* it is ours */
    for (int i = 0; i < SENT; i++)
        begin(r, STORE_VERB_accept,
              &make_accept(r, &(struct send){.id = 1000 + 10 * i,
                                             .n = EACH,
                                             .rank = i * 7919 % SENT + 1,
                                             .is_critical = i % 5 == 0})
                   ->req);
    wait_for_all(r);
    for (int turn = 0; turn < TURNS; turn++) {
        begin_turn(x, turn);
        wait_for_all(r);
        take_stops(x);
        take_claims(x);
    }
    assert_int_equal(x->n_lost, 0);
    assert_true(x->n_claimed > 0 && x->n_stopped > 0);
    ASSERT_SQL(r, "2000,2000",
               "SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM ready "
               "UNION ALL SELECT id FROM ended) AS x");
    assert_int_equal(pg_number(pg_ask(r,
                                      "SELECT count(*) FROM ended WHERE status "
                                      "= %d",
                                      DELIVERY_CANCELLED)),
                     x->n_stopped);
}

/* ---- lanes ---- */

/* Its row is locked until the connection ends. */
static PGconn *
hold_lane(struct rig *r, int64_t lane)
{
    PGconn *c = PQconnectdb(pg_url(r));
    char sql[100];

    snprintf(sql, sizeof(sql),
             "INSERT INTO lane VALUES (%lld, %d, 0, 0, now())", (long long)lane,
             T);
    pg_run(pg_url(r), sql);
    snprintf(sql, sizeof(sql),
             "BEGIN; SELECT FROM lane WHERE lane = %lld FOR UPDATE",
             (long long)lane);
    PQclear(PQexec(c, sql));
    assert_int_equal(PQtransactionStatus(c), PQTRANS_INTRANS);
    return c;
}

static bool
is_waited_for(struct rig *r, PGconn *c)
{
    return *pg_ask(r,
                   "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE "
                   "'belfry %%' AND %d = ANY (pg_blocking_pids(pid))",
                   PQbackendPID(c)) != '\0';
}

/* r asks for two lanes at once, and waits for the first one's lock while the
 * peer, which was not there when it asked, takes the second. */
static void
a_lane_is_not_taken_from_one_that_came_meanwhile(void **state)
{
    struct rig *r = *state, *peer;
    PGconn *before = hold_lane(r, 300), *first = hold_lane(r, LANE);
    static const int64_t lanes[] = {300, LANE, 200};
    struct store_cycle *c = ARENA_ARRAY(r->arena, struct store_cycle, 4);

    send_one(r, &(struct send){.id = 1000, .lane = 200});
    pg_run(pg_url(r), "INSERT INTO lane VALUES (200, 7, 0, 0, now())");
    for (int i = 0; i < 3; i++) {
        c[i] = (struct store_cycle){
            .now_ms = NOW, .tenant = T, .lane = lanes[i], .want = 1};
        begin(r, STORE_VERB_cycle, &c[i].req);
        if (i == 0) /* so that the others go together */
            UNTIL(LATE_MS, is_waited_for(r, before));
    }
    PQfinish(before);
    UNTIL(LATE_MS, is_waited_for(r, first));
    peer = node_peer(r);
    c[3] = c[2];
    begin_on(r, peer, STORE_VERB_cycle, &c[3].req);
    UNTIL(LATE_MS,
          *pg_ask(r, "SELECT 1 FROM lane WHERE lane = 200 AND owner > 0"));
    PQfinish(first);
    wait_for_all(r);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(c[i].req.err, ERR_OK);
        assert_int_equal(c[i].n_work, i == 3);
    }
    ASSERT_SQL(r, "1", "SELECT token FROM lane WHERE lane = 200");
    assert_true(finish_one(peer, 1001, DELIVERY_SENT, 1));
}

/* ---- windows ---- */

enum { ZED = 100, ANN = 200 }; /* windows, the later one of the first user */

static void
open_two_windows(struct rig *r, int64_t closes_ms)
{
    struct store_accept *a =
        make_accept(r, &(struct send){.id = 1000, .user = "ann", .n = 2});
    struct store_join *joins = ARENA_ARRAY(r->arena, struct store_join, 2);

    for (size_t i = 0; i < 2; i++) {
        joins[i].delivery = i;
        joins[i].digest = (struct digest){
            .id = i == 0 ? ZED : ANN,
            .tenant = T,
            .user = i == 0 ? STR("zed") : STR("ann"),
            .channel = STR("email"),
            .opened_ms = NOW,
            .closes_ms = closes_ms,
        };
    }
    a->items[0].joins = joins;
    a->items[0].n_joins = 2;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
}

static PGconn *
hold_window(struct rig *r, int64_t id)
{
    PGconn *c = PQconnectdb(pg_url(r));
    char sql[100];

    snprintf(sql, sizeof(sql),
             "BEGIN; SELECT FROM digest WHERE id = %lld FOR UPDATE",
             (long long)id);
    PQclear(PQexec(c, sql));
    assert_int_equal(PQtransactionStatus(c), PQTRANS_INTRANS);
    return c;
}

/* Accepts lock them by their scopes, ann's before zed's. */
static void
a_cancellation_locks_windows_in_the_order_of_accepts(void **state)
{
    struct rig *r = *state;
    struct store_cancel c = {
        .tenant = T, .notification = 1000, .now_ms = NOW + 1, .max = 10};
    PGconn *ann;

    open_two_windows(r, NOW + 1000);
    ann = hold_window(r, ANN);
    begin(r, STORE_VERB_cancel, &c.req);
    UNTIL(LATE_MS, is_waited_for(r, ann));
    ASSERT_SQL(r, "100",
               "SELECT id FROM digest WHERE id = 100 FOR UPDATE NOWAIT");
    PQfinish(ann);
    wait_for_all(r);
    assert_int_equal(c.req.err, ERR_OK);
    assert_int_equal(c.n_stopped, 2);
    ASSERT_SQL(r, "0", "SELECT count(*) FROM digest");
}

static void
one_that_is_locked_when_it_is_due_is_looked_for_soon(void **state)
{
    struct rig *r = *state;
    struct store_work_take t = {
        .kind = STORE_WORK_DIGEST, .lease_ms = 60000, .max = 10};
    PGconn *zed;

    open_two_windows(r, NOW + 1000);
    zed = hold_window(r, ZED);
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].digest.id, ANN);
    assert_in_range(t.next_ms, 1, 1000);
    PQclear(PQexec(zed, "ROLLBACK"));
    PQfinish(zed);
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 1);
    assert_int_equal(t.rows[0].digest.id, ZED);
    assert_in_range(t.next_ms, 1000, 60000);
}

/* ---- budgets ---- */

/* Each names some of ten keys, the one upwards and the other downwards. */
static void
no_more_goes_out_by_two_nodes_than_by_one(void **state)
{
    enum { N = 60, KEYS = 10, LIMIT = 7 };
    struct rig *r = *state, *nodes[2] = {r, node_peer(r)};
    static struct store_budget_take t[N][2];
    static struct store_budget b[N][2][KEYS];
    static int64_t ids[N][2];
    int granted[KEYS] = {0};

    for (int i = 0; i < N; i++)
        for (int k = 0; k < 2; k++) {
            ids[i][k] = 2 * i + k + 1;
            for (int j = 0; j < KEYS; j++)
                b[i][k][j] = (struct store_budget){
                    .key = str_fmt(r->arena, "k%d", k ? KEYS - 1 - j : j),
                    .throttle = {.limit = LIMIT, .per_ms = 3600000},
                    .ids = &ids[i][k],
                    .want = 1};
            t[i][k] = (struct store_budget_take){
                .tenant = T, .budgets = b[i][k], .n_budgets = KEYS};
            begin_on(r, nodes[k], STORE_VERB_budget_take, &t[i][k].req);
        }
    wait_for_all(r);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 2; k++) {
            assert_int_equal(t[i][k].req.err, ERR_OK);
            for (int j = 0; j < KEYS; j++)
                granted[k ? KEYS - 1 - j : j] += b[i][k][j].granted;
        }
    for (int j = 0; j < KEYS; j++)
        assert_int_equal(granted[j], LIMIT);
    ASSERT_SQL(r, "10,70",
               "SELECT count(*), sum(cardinality(times)) FROM budget");
}

/* ---- approvals ---- */

enum { HELD = 60, DECISIONS = 4 };

struct deciding {
    struct store_decide decisions[HELD][DECISIONS];
    struct store_cancel cancels[HELD];
};

static void
hold_some(struct rig *r)
{
    for (int i = 0; i < HELD; i++) {
        struct store_accept *a =
            make_accept(r, &(struct send){.id = 1000 + 10 * i});

        a->items[0].n_deliveries = 0;
        a->items[0].has_more = a->items[0].is_held = true;
        a->items[0].due_ms = INT64_C(1) << 42;
        begin(r, STORE_VERB_accept, &a->req);
    }
    wait_for_all(r);
}

/* Each third one is cancelled meanwhile. */
static void
begin_deciding(struct rig *r, struct rig *const *nodes, struct deciding *x,
               int i)
{
    static const char *const who[DECISIONS] = {"ann", "ben", "eve", "zed"};

    for (int k = 0; k < DECISIONS; k++) {
        x->decisions[i][k] =
            (struct store_decide){.tenant = T,
                                  .notification = 1000 + 10 * i,
                                  .now_ms = NOW,
                                  .is_approved = (i + k) % 2,
                                  .by = str_from(who[k])};
        begin_on(r, nodes[k % 2], STORE_VERB_decide, &x->decisions[i][k].req);
    }
    x->cancels[i] = (struct store_cancel){
        .tenant = T, .notification = 1000 + 10 * i, .now_ms = NOW, .max = 10};
    if (i % 3 == 0)
        begin_on(r, nodes[i % 2], STORE_VERB_cancel, &x->cancels[i].req);
}

/* How many of them counted; all have heard of the same one. */
static int
count_decided(const struct store_decide *d)
{
    int n = 0;

    for (int k = 0; k < DECISIONS; k++) {
        n += d[k].req.err == ERR_OK;
        assert_true(d[k].req.err == ERR_OK || d[k].req.err == ERR_CONFLICT);
        if (d[k].req.err == ERR_OK)
            assert_true(str_eq(d[k].was.user, d[k].by));
    }
    for (int k = 0; n > 0 && k < DECISIONS; k++)
        if (d[k].was.verdict.n > 0)
            for (int j = 0; j < DECISIONS; j++)
                assert_true(d[j].was.verdict.n == 0 ||
                            str_eq(d[j].was.user, d[k].was.user));
    return n;
}

static void
two_nodes_decide_each_once(void **state)
{
    struct rig *r = *state, *nodes[2] = {r, node_peer(r)};
    struct deciding *x = ARENA_NEW(r->arena, struct deciding);
    int n_decided = 0;

    hold_some(r);
    for (int i = 0; i < HELD; i++)
        begin_deciding(r, nodes, x, i);
    wait_for_all(r);
    for (int i = 0; i < HELD; i++) {
        int n = count_decided(x->decisions[i]);

        assert_int_equal(x->cancels[i].req.err, ERR_OK);
        assert_true(n == 1 || (n == 0 && i % 3 == 0));
        n_decided += n;
    }
    assert_int_equal(pg_number(pg_ask(r, "SELECT count(*) FROM workflow_step")),
                     n_decided);
    ASSERT_SQL(r, "0", "SELECT count(*) FROM work WHERE cursor = '!held'");
    /* What is rejected is cancelled; what is to be planned is approved. */
    ASSERT_SQL(r, "0",
               "SELECT count(*) FROM workflow_step s JOIN notification n ON "
               "n.id = s.id WHERE s.verdict = 'rejected' AND NOT "
               "n.is_cancelled");
    ASSERT_SQL(r, "0",
               "SELECT count(*) FROM work w LEFT JOIN workflow_step s ON s.id "
               "= w.id AND s.verdict = 'approved' WHERE s.id IS NULL");
}

const struct CMUnitTest busy_tests[] = {
    NODE_TEST_WITH(two_nodes_decide_each_once, node_setup_deaf),
    NODE_TEST_WITH(no_more_goes_out_by_two_nodes_than_by_one, node_setup_deaf),
    NODE_TEST_WITH(what_is_due_is_promoted_once, node_setup_deaf),
    NODE_TEST_WITH(documents_of_two_nodes_keep_count, node_setup_deaf),
    NODE_TEST_WITH(nothing_is_learned_twice_nor_of_who_is_forgotten,
                   node_setup_deaf),
    NODE_TEST_WITH(what_is_cancelled_is_never_sent, node_setup_deaf),
    NODE_TEST_WITH(a_cancellation_locks_windows_in_the_order_of_accepts,
                   node_setup_slow),
    NODE_TEST_WITH(one_that_is_locked_when_it_is_due_is_looked_for_soon,
                   node_setup_slow),
    NODE_TEST_WITH(a_lane_is_not_taken_from_one_that_came_meanwhile,
                   node_setup_slow),
};
const size_t busy_tests_n = sizeof(busy_tests) / sizeof(*busy_tests);
