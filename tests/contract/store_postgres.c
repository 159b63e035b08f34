/* store_postgres.c - the contract on PostgreSQL, and what only a server that
 * several share can show. */
#include "store/postgres/postgres.h"

#include <stdio.h>

#include "base/list.h"
#include "pg_rig.h"
#include "store/postgres/conn.h"
#include "store_plans.h"

#define LEASE_MS 600000 /* so that no tick disturbs what a test hears */

static struct store *
open_with(struct rig *r, bool may_own, size_t max_queued)
{
    struct postgres_store_options o = {.clock = &r->clock.base,
                                       .roles = "test",
                                       .may_own = may_own,
                                       .lease_ms = LEASE_MS,
                                       .max_queued = max_queued};
    struct store *s = NULL;
    const char *why = "";

    pg_make_database(r);
    o.url = pg_url(r);
    if (postgres_store_open(&o, &s, &why) != ERR_OK)
        fail_msg("%s", why);
    return s;
}

static struct store *
open_postgres(struct rig *r)
{
    return open_with(r, true, 0);
}

const struct kind the_kind = {"postgres", true, open_postgres,
                              pg_drop_database};

/* ---- what is read ---- */

static void
a_list_goes_on_where_it_gave_up_looking(void **state)
{
    struct rig *r = *state;
    struct store_delivery_list l = {
        .tenant = T, .filter = {.user = STR("ann")}, .limit = 10};

    pg_run(pg_url(r), "INSERT INTO ended (tenant, id, notification, "
                      "created_ms, updated_ms, recipient, attempts, priority, "
                      "status, user_id, channel) "
                      "SELECT 7, i, 1, 1, 1, 0, 1, 2, 5, CASE WHEN i IN "
                      "(50001, 60001, 100000) THEN 'ann' ELSE 'bob' END, "
                      "'email' FROM generate_series(1, 100000) AS g (i)");
    assert_int_equal(ASK(r, delivery_list, &l), ERR_OK);
    assert_int_equal(l.n_deliveries, 3);
    assert_int_equal(l.deliveries[0].id, 100000);
    assert_int_equal(l.deliveries[2].id, 50001);
    assert_true(l.has_more); /* nobody knows yet */
    assert_int_equal(l.next_before, 50001);
    l.before = 99999;
    assert_int_equal(ASK(r, delivery_list, &l), ERR_OK);
    assert_int_equal(l.n_deliveries, 2);
    assert_true(l.has_more);
    assert_int_equal(l.next_before, 49999); /* it does not match */
    l.before = l.next_before;
    assert_int_equal(ASK(r, delivery_list, &l), ERR_OK);
    assert_int_equal(l.n_deliveries, 0);
    assert_false(l.has_more);
    l.before = 0;
    l.limit = 2;
    assert_int_equal(ASK(r, delivery_list, &l), ERR_OK);
    assert_true(l.has_more);
    assert_int_equal(l.next_before, 60001); /* the page is full */
}

static void
an_attempt_is_told_wherever_it_is_kept(void **state)
{
    struct rig *r = *state;
    struct store_notification_get g = {
        .tenant = T, .id = 1000, .max_deliveries = 10, .wants_attempts = true};
    struct store_delivery_get d;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 3});
    assert_int_equal(claim_some(r, 2, true, ids), 2);
    assert_true(finish_one(r, ids[0], DELIVERY_RETRYING, 1));
    assert_true(finish_one(r, ids[1], DELIVERY_SENT, 1));
    pg_run(pg_url(r), "INSERT INTO attempt (delivery, n, at_ms, duration_ms, "
                      "retry_at_ms, status, verdict) "
                      "VALUES (1001, 2, 5, 5, 5, 5, 'retry')");
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    assert_int_equal(g.n_deliveries, 3);
    assert_int_equal(g.counts[DELIVERY_QUEUED].n, 1);
    assert_int_equal(g.counts[DELIVERY_RETRYING].n, 1);
    assert_int_equal(g.counts[DELIVERY_SENT].n, 1);
    assert_int_equal(g.deliveries[0].status, DELIVERY_RETRYING);
    assert_int_equal(g.n_attempts[0], 2);
    assert_int_equal(g.attempts[0][1].n, 2);
    assert_int_equal(g.deliveries[1].status, DELIVERY_SENT);
    assert_int_equal(g.n_attempts[1], 1);
    assert_int_equal(g.attempts[1][0].n, 1);
    assert_true(str_is(g.attempts[1][0].verdict, "sent"));
    assert_int_equal(g.attempts[1][0].status, 250);
    assert_int_equal(g.attempts[1][0].duration_ms, 3);
    assert_int_equal(g.n_attempts[2], 0);
    get_delivery(r, 1001, &d);
    assert_int_equal(d.n_attempts, 2);
    get_delivery(r, 1002, &d);
    assert_int_equal(d.n_attempts, 1);
    assert_true(str_is(d.attempts[0].detail, "ok"));
    g.max_deliveries = 0;
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    assert_int_equal(g.n_deliveries, 0);
    assert_int_equal(g.counts[DELIVERY_SENT].n, 1);
}

/* One clock is an hour ahead, and another one is set between the verdict and
 * the commit: what counts is the pause. */
static void
a_retry_waits_for_its_pause_whatever_the_clock_says(void **state)
{
    enum { HOUR_MS = 3600 * 1000 };
    struct rig *r = *state;
    struct clock *clock = clock_system();
    int64_t before_ms = clock->wall_ms(clock), ahead_ms, behind_ms;
    struct attempt t = {.n = 1, .verdict = STR("retry")};
    struct store_finish f[2];
    struct store_cycle c = {.finishes = f, .n_finishes = 2};
    struct store_delivery_get g;
    int64_t ids[2];

    ahead_ms = before_ms + HOUR_MS;
    behind_ms = ahead_ms - 2 * HOUR_MS;
    send_one(r, &(struct send){.id = 1000, .n = 2});
    assert_int_equal(claim_some(r, 2, true, ids), 2);
    for (int i = 0; i < 2; i++)
        f[i] = (struct store_finish){.tenant = T,
                                     .delivery = ids[i],
                                     .status = DELIVERY_RETRYING,
                                     .lane = LANE,
                                     .attempt = &t};
    f[0].due_ms = ahead_ms + 5000;
    f[1].reckoned_ms = behind_ms;
    f[1].due_ms = behind_ms + 5000;
    c.now_ms = ahead_ms;
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    for (int i = 0; i < 2; i++) {
        get_delivery(r, ids[i], &g);
        assert_in_range(g.delivery.due_ms, before_ms + 5000,
                        clock->wall_ms(clock) + 5000);
    }
}

static void
documents_asked_for_at_once_come_to_who_asked(void **state)
{
    enum { N = 200 };
    struct rig *r = *state;
    struct store_object_get *g =
        ARENA_ARRAY(r->arena, struct store_object_get, N);
    struct str keys[N][3];

    pg_run(pg_url(r), "INSERT INTO object (kind, tenant, key, num, version, "
                      "created_ms, updated_ms, body) "
                      "SELECT 6, t, 'user' || k, t * 1000 + k, 1, 1, 1, '{}' "
                      "FROM generate_series(1, 2) AS a (t), "
                      "generate_series(0, 299) AS b (k)");
    for (int i = 0; i < N; i++) {
        char text[32];

        for (int k = 0; k < 3; k++) {
            snprintf(text, sizeof(text), "user%d", k == 1 ? 1000 : i + k);
            keys[i][k] = str_dup(r->arena, str_from(text));
        }
        g[i] = (struct store_object_get){.tenant = 1 + i % 2,
                                         .kind = OBJECT_USER,
                                         .keys = keys[i],
                                         .n_keys = (size_t)(i % 4)};
        begin(r, STORE_VERB_object_get, &g[i].req);
    }
    wait_for_all(r);
    for (int i = 0; i < N; i++)
        for (int k = 0; k < i % 4; k++) {
            const struct object *o = &g[i].objects[k];

            assert_true(str_eq(o->key, keys[i][k]));
            assert_int_equal(o->version, k != 1);
            assert_int_equal(o->num, k == 1 ? 0 : (1 + i % 2) * 1000 + i + k);
            assert_int_equal(o->tenant, 1 + i % 2);
        }
}

/* ---- the outbox ---- */

static struct store_accept *
accept_row(struct rig *r, int64_t id, int64_t row)
{
    struct store_accept *a = make_accept(r, &(struct send){.id = id});

    a->items[0].outbox = row;
    return a;
}

static bool
is_stored(struct rig *r, int64_t id)
{
    struct store_notification_get g = {.tenant = T, .id = id};

    return ASK(r, notification_get, &g) == ERR_OK;
}

static void
an_outbox_row_is_taken_by_one_and_goes_with_its_accept(void **state)
{
    struct rig *r = *state;
    struct store_outbox one = {.max = 2, .lease_ms = 60000}, two = one;
    struct store_outbox three = {.max = 9, .lease_ms = 60000, .n_refused = 1};
    struct store_outbox_refusal refusal = {.problem = STR("{}")};
    struct store_accept *a, *b, *c;

    pg_run(pg_url(r), "INSERT INTO outbox (tenant, at, doc) "
                      "SELECT 7, now(), '{}' FROM generate_series(1, 3)");
    assert_int_equal(ASK(r, outbox, &one), ERR_OK);
    assert_int_equal(ASK(r, outbox, &two), ERR_OK);
    assert_int_equal(one.n_rows, 2);
    assert_int_equal(two.n_rows, 1);
    assert_int_equal(one.rows[0].tenant, T);
    assert_true(str_is(one.rows[0].doc, "{}"));
    a = accept_row(r, 1000, one.rows[0].id);
    b = accept_row(r, 2000, one.rows[0].id); /* in the same commit */
    begin(r, STORE_VERB_accept, &a->req);
    begin(r, STORE_VERB_accept, &b->req);
    wait_for_all(r);
    c = accept_row(r, 3000, one.rows[0].id); /* and later */
    assert_int_equal(ASK(r, accept, c), ERR_OK);
    assert_int_equal(a->req.err, ERR_OK);
    assert_int_equal(b->req.err, ERR_OK);
    assert_true(a->items[0].is_gone != b->items[0].is_gone);
    assert_true(c->items[0].is_gone);
    assert_int_equal(is_stored(r, 1000) + is_stored(r, 2000), 1);
    assert_false(is_stored(r, 3000));
    pg_run(pg_url(r), "UPDATE outbox SET taken_until = '-infinity'");
    refusal.id = one.rows[1].id;
    three.refused = &refusal;
    assert_int_equal(ASK(r, outbox, &three), ERR_OK);
    assert_int_equal(three.n_rows, 1); /* its lease was over */
    assert_int_equal(three.rows[0].id, two.rows[0].id);
}

/* ---- one connection ---- */

struct line {
    struct pg_conn *conn;
    int n_ready, n_lost, n_ended;
    enum pg_outcome outcome;
};

static void
on_line_ready(void *arg)
{
    ((struct line *)arg)->n_ready++;
}

static void
on_line_lost(void *arg, const char *why)
{
    (void)why;
    ((struct line *)arg)->n_lost++;
}

static void
on_line_ended(void *arg, enum pg_outcome o)
{
    struct line *l = arg;

    l->outcome = o;
    l->n_ended++;
}

/* As long as a buffer: it is written while it is being put together, and then
 * it is found that nobody is there. */
static void
send_much(struct rig *r, struct line *l)
{
    size_t n = 100000;
    char *text = arena_alloc(r->arena, n);
    struct pg_params *p;

    memset(text, 'x', n);
    for (int i = 0; i < 10; i++) {
        p = pg_conn_params(l->conn);
        pg_put_int4(p, OBJECT_USER);
        pg_put_int(p, T);
        pg_put_text(p, (struct str){text, n});
        pg_put_int(p, 1);
        pg_conn_send(l->conn, PG_object_list);
    }
    pg_conn_sync(l->conn, on_line_ended, l);
}

static void
a_server_that_went_while_nobody_looked_is_an_outcome(void **state)
{
    static const char mine[] =
        "SELECT count(*) FROM pg_stat_activity WHERE "
        "application_name = 'belfry read' AND pid = %lld";
    struct rig *r = *state;
    struct line l = {0};
    long long pid;

    store_close(r->store);
    r->store = NULL;
    l.conn = pg_conn_new(&(struct pg_conn_options){.loop = r->loop,
                                                   .url = pg_url(r),
                                                   .who = "read",
                                                   .on_ready = on_line_ready,
                                                   .on_lost = on_line_lost,
                                                   .arg = &l});
    for (int i = 1; i <= 3; i++) {
        while (l.n_ready < i)
            loop_turn(r->loop, 1000);
        pid = pg_number(pg_ask(r, "SELECT pid FROM pg_stat_activity WHERE "
                                  "application_name = 'belfry read' AND "
                                  "datname = current_database()"));
        (void)pg_ask(r, "SELECT pg_terminate_backend(%lld, 10000)", pid);
        while (pg_number(pg_ask(r, mine, pid)) > 0)
            ;
        send_much(r, &l);
        while (l.n_ended < i)
            loop_turn(r->loop, 1000);
        assert_int_equal(l.outcome, PG_LOST);
        assert_int_equal(l.n_lost, i);
    }
    pg_conn_free(l.conn);
}

/* ---- days that are over ---- */

/* Three notifications: one that has ended, one with a dead letter, and one of
 * the days before whose dead letter is of today. And tomorrow no process ran.
 */
static const char days[] =
    "CREATE TABLE today AS SELECT value AS id FROM meta WHERE name = "
    "'old_below'; "
    "CREATE FUNCTION id(n bigint) RETURNS bigint LANGUAGE sql AS "
    "'SELECT id + n FROM today'; "
    "INSERT INTO notification SELECT 7, id(n), 0, id(f), id(l), 0, 1, 2, "
    "false, NULL, NULL, NULL, NULL, '{}' FROM (VALUES (10, 11, 11), (20, 21, "
    "23), (-9, 31, 32)) AS x (n, f, l); "
    "INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, "
    "recipient, attempts, priority, status, channel) SELECT 7, id(d), id(n), "
    "0, 0, 0, 1, 2, 5, 'email' FROM (VALUES (11, 10), (21, 20), (22, 10), "
    "(31, -9)) AS x (d, n); "
    "INSERT INTO dead (tenant, id, notification, created_ms, updated_ms, "
    "recipient, attempts, priority, status, channel) SELECT 7, id(d), id(n), "
    "0, 0, 0, 1, 2, 8, 'email' FROM (VALUES (23, 20), (32, -9)) AS x (d, n); "
    "INSERT INTO attempt SELECT id(d), 1, 0, 0, 0, 0, 'p', 'retry', '' FROM "
    "generate_series(11, 32) AS d; "
    "DO $$ DECLARE t text; BEGIN FOREACH t IN ARRAY ARRAY['notification', "
    "'ended', 'attempt', 'cancel_key'] LOOP EXECUTE 'DROP TABLE ' || t || "
    "to_char(to_timestamp((id(0) >> 22) / 1000 + 1704067200) AT TIME ZONE "
    "'UTC' + "
    "interval '1 day', '_YYYYMMDD'); END LOOP; END $$";

#define DROP_DAYS(n) "SELECT belfry_drop_day(id(" #n "::int8 * 86400000 << 22))"

static void
a_day_goes_but_for_what_is_still_needed(void **state)
{
    struct rig *r = *state;

    store_close(r->store); /* it would make the day that is to be missing */
    r->store = NULL;
    pg_run(pg_url(r), days);
    pg_run(pg_url(r), DROP_DAYS(1));
    ASSERT_SQL(r, "-9,20", "SELECT id - id(0) FROM notification ORDER BY id");
    ASSERT_SQL(r, "21,31", "SELECT id - id(0) FROM ended ORDER BY id");
    ASSERT_SQL(r, "23,32", "SELECT delivery - id(0) FROM attempt ORDER BY 1");
    ASSERT_SQL(r, "0", DROP_DAYS(2)); /* there is none */
    pg_run(pg_url(r), DROP_DAYS(3));
    ASSERT_SQL(r, "t",
               "SELECT value = id(3::int8 * 86400000 << 22) FROM meta "
               "WHERE name = 'old_below'");
    ASSERT_SQL(r, "21,31", "SELECT id - id(0) FROM ended ORDER BY id");
}

static void
budgets_that_are_over_leave_no_rows(void **state)
{
    struct rig *r = *state;
    const int64_t id = 1;
    struct store_budget b[2] = {
        {.key = STR("over"), .throttle = {1, 20}, .ids = &id, .want = 1},
        {.key = STR("not yet"),
         .throttle = {1, 3600000},
         .ids = &id,
         .want = 1},
    };
    struct store_budget_take t = {.tenant = T, .budgets = b, .n_budgets = 2};
    struct store_purge p = {.max = 10};

    assert_int_equal(ASK(r, budget_take, &t), ERR_OK);
    ASSERT_SQL(r, "2", "SELECT count(*) FROM budget");
    ASSERT_SQL(r, "~", "SELECT nullif(pg_sleep(0.05)::text, '')");
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    ASSERT_SQL(r, "not yet", "SELECT key FROM budget");
}

/* What has not ended is kept, with the key that it can be stopped by. */
static void
a_day_goes_with_its_cancel_keys(void **state)
{
    struct rig *r = *state;
    int64_t id = pg_number(pg_ask(r, "SELECT belfry_first_id((clock_timestamp()"
                                     " AT TIME ZONE 'UTC')::date)"));
    struct store_cancel_find f = {.tenant = T, .key = STR("k"), .limit = 10};

    send_one(r, &(struct send){.id = id + 10,
                               .cancel = "k",
                               .status = DELIVERY_SUPPRESSED});
    send_one(r, &(struct send){
                    .id = id + 20, .cancel = "k", .status = DELIVERY_HELD});
    ASSERT_SQL(r, "2", "SELECT count(*) FROM cancel_key");
    pg_run(pg_url(r),
           "SELECT belfry_drop_day(belfry_first_id((clock_timestamp()"
           " AT TIME ZONE 'UTC')::date + 1))");
    ASSERT_SQL(r, "1", "SELECT count(*) FROM cancel_key_old");
    assert_int_equal(ASK(r, cancel_find, &f), ERR_OK);
    assert_int_equal(f.n_notifications, 1);
    assert_int_equal(f.notifications[0], id + 20);
    /* The days to come have them all. */
    ASSERT_SQL(r, "0,0",
               "SELECT count(*) FILTER (WHERE a.n <> b.n), "
               "belfry_make_days(3) FROM (SELECT count(*) AS n FROM "
               "pg_inherits WHERE inhparent = 'cancel_key'::regclass)"
               " a, (SELECT count(*) AS n FROM pg_inherits WHERE "
               "inhparent = 'notification'::regclass) b");
}

/* How many transactions took so many requests, each with one file, in. */
static int64_t
transactions_of(struct rig *r, int64_t first, int n, size_t size)
{
    char *text = arena_alloc(r->arena, size);
    const struct store_attachment file = {0, {text, size}};
    struct store_accept *a[8];

    assert_true(n <= 8);
    memset(text, 'A', size);
    for (int i = 0; i < n; i++) {
        a[i] = make_accept(r, &(struct send){.id = first + 10 * i});
        a[i]->items[0].attachments = &file;
        a[i]->items[0].n_attachments = 1;
        begin(r, STORE_VERB_accept, &a[i]->req);
    }
    wait_for_all(r);
    for (int i = 0; i < n; i++)
        assert_int_equal(a[i]->req.err, ERR_OK);
    return pg_number(pg_ask(r,
                            "SELECT count(DISTINCT xmin::text) FROM attachment"
                            " WHERE notification BETWEEN %lld AND %lld",
                            (long long)first, (long long)first + 10 * n));
}

static void
what_carries_much_goes_alone(void **state)
{
    struct rig *r = *state;

    assert_true(transactions_of(r, 1000, 8, 1000) < 8);
    assert_int_equal(transactions_of(r, 2000, 8, (size_t)2 * 1024 * 1024), 8);
}

static const struct CMUnitTest own_tests[] = {
    RIG_TEST(a_day_goes_but_for_what_is_still_needed),
    RIG_TEST(budgets_that_are_over_leave_no_rows),
    RIG_TEST(each_row_is_found_by_its_key_whatever_statistics_say),
    RIG_TEST(a_list_goes_on_where_it_gave_up_looking),
    RIG_TEST(an_attempt_is_told_wherever_it_is_kept),
    RIG_TEST(a_retry_waits_for_its_pause_whatever_the_clock_says),
    RIG_TEST(documents_asked_for_at_once_come_to_who_asked),
    RIG_TEST(a_server_that_went_while_nobody_looked_is_an_outcome),
    RIG_TEST(a_day_goes_with_its_cancel_keys),
    RIG_TEST(an_outbox_row_is_taken_by_one_and_goes_with_its_accept),
    RIG_TEST(what_carries_much_goes_alone),
};

int
main(void)
{
    if (!pg_server()) {
        printf("1..0 # SKIP BELFRY_TEST_POSTGRES is not set\n");
        return 0;
    }
    return run_contract("store/postgres", own_tests,
                        sizeof(own_tests) / sizeof(*own_tests));
}
