/* store_nodes_lost.c - connections that end, commits that nobody knows of,
 * bells that are not heard, and a server that is away. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop.h"
#include "store/postgres/pg_store.h"
#include "store_nodes.h"

#define OTHER_LANE 200

/* ---- connections ---- */

enum { ROUNDS = 16, ACCEPTS = 10, CLAIMS = 30 };

/* What a test has asked for and been told. */
struct load {
    struct rig *r;
    struct store_accept *accepts[ROUNDS * ACCEPTS];
    size_t n_accepts;
    struct store_finish finishes[ROUNDS * ACCEPTS];
    size_t n_finishes; /* claimed, and not known to be finished */
    struct store_cycle cycle;
    struct attempt attempt; /* of each */
};

static void
begin_cycle(struct load *l)
{
    l->cycle = (struct store_cycle){.now_ms = NOW,
                                    .tenant = T,
                                    .lane = LANE,
                                    .want = CLAIMS,
                                    .records_intent = true,
                                    .finishes = l->finishes,
                                    .n_finishes = l->n_finishes};
    begin(l->r, STORE_VERB_cycle, &l->cycle.req);
}

static void
take_cycle(struct load *l)
{
    const struct store_cycle *c = &l->cycle;

    if (c->req.err != ERR_OK) /* the finishes go again */
        return;
    l->n_finishes = 0;
    for (size_t i = 0; i < c->n_work; i++)
        l->finishes[l->n_finishes++] =
            (struct store_finish){.tenant = T,
                                  .delivery = c->work[i].delivery.id,
                                  .status = DELIVERY_SENT,
                                  .attempt = &l->attempt};
}

static void
begin_accepts(struct load *l)
{
    for (int i = 0; i < ACCEPTS; i++) {
        int64_t id = 1000 + 10 * (int64_t)l->n_accepts;
        struct store_accept *a = make_accept(l->r, &(struct send){.id = id});

        l->accepts[l->n_accepts++] = a;
        begin(l->r, STORE_VERB_accept, &a->req);
    }
}

/* Its store works as if nothing had been. */
static bool
works(struct rig *r)
{
    static int64_t id = 1000000;
    struct store_notification_get g = {.tenant = T + 1};

    g.id = id += 10;
    return ASK(r, accept,
               make_accept(r, &(struct send){.id = id,
                                             .tenant = T + 1,
                                             .lane = 300})) == ERR_OK &&
           ASK(r, notification_get, &g) == ERR_OK;
}

/* What a commit that nobody knows of left behind may be found only by the next
 * sweep of its lane. */
static bool
is_drained(struct load *l)
{
    begin_cycle(l);
    wait_for_all(l->r);
    take_cycle(l);
    return l->cycle.req.err == ERR_OK && l->n_finishes == 0 &&
           pg_number(pg_ask(
               l->r, "SELECT count(*) FROM ready WHERE tenant = %d", T)) == 0;
}

static void
check_what_is_there(struct load *l)
{
    struct rig *r = l->r;
    size_t n_there = 0, n_ok = 0;

    for (size_t i = 0; i < l->n_accepts; i++) {
        const struct store_accept *a = l->accepts[i];
        struct store_notification_get g = {
            .tenant = T, .id = 1000 + 10 * (int64_t)i, .max_deliveries = 2};
        bool is_there = ASK(r, notification_get, &g) == ERR_OK;

        if (a->req.err == ERR_OK)
            assert_true(is_there);
        else if (a->req.err != ERR_UNCERTAIN)
            assert_false(is_there);
        n_there += is_there;
        n_ok += a->req.err == ERR_OK;
        if (!is_there)
            continue;
        assert_int_equal(g.n_deliveries, 1);
        assert_int_equal(g.deliveries[0].status, DELIVERY_SENT);
        assert_int_equal(g.deliveries[0].attempts, 1);
    }
    assert_true(n_ok > 0);
    assert_int_equal(pg_number(pg_ask(r,
                                      "SELECT count(*) FROM notification "
                                      "WHERE tenant = %d",
                                      T)),
                     n_there);
}

static void
connections_may_end_at_any_moment(void **state)
{
    struct load *l = calloc(1, sizeof(*l));
    struct rig *r = *state, *peer = node_peer(r);

    assert_non_null(l);
    l->r = r;
    l->attempt = (struct attempt){.n = 1, .verdict = STR("sent")};
    cut(r, "%"); /* while there is nothing to do */
    UNTIL(SOON_MS, works(r));
    for (int i = 0; i < ROUNDS; i++) {
        begin_accepts(l);
        begin_cycle(l);
        poll(NULL, 0, i % 8);
        cut(r, "%");
        wait_for_all(r);
        take_cycle(l);
    }
    UNTIL(SOON_MS, works(r) && works(peer));
    UNTIL(LEASE_MS + 4 * SOON_MS, is_drained(l));
    check_what_is_there(l);
    ASSERT_SQL(r, "0", "SELECT count(*) FROM ready WHERE tenant = %d", T);
    node_leave(r);
    UNTIL(SOON_MS, claim_now(peer, 300, 1) == 1); /* it takes lanes over */
    assert_int_equal(claim_now(peer, LANE, 10), 0);
    ASSERT_SQL(r, "0", "SELECT count(*) FROM attempt");
    free(l);
}

/* ---- commits that nobody knows of ---- */

static void
a_claim_that_nobody_knows_of_is_nobodys(void **state)
{
    struct rig *r = *state, *peer = node_peer(r);
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = LANE,
                            .want = 2,
                            .records_intent = true};
    int64_t ids[10];

    assert_int_equal(claim_now(r, LANE, 1), 0); /* it is ours */
    send_one(r, &(struct send){.id = 1000, .n = 2});
    gate_make(r);
    gate_shut(r);
    begin(r, STORE_VERB_cycle, &c.req);
    gate_await(r, "cycle");
    gate_sever(r, "cycle");
    wait_for_all(r);
    assert_int_equal(c.req.err, ERR_UNCERTAIN);
    c.want = 1;
    begin(r, STORE_VERB_cycle, &c.req);
    UNTIL(LATE_MS,
          *pg_ask(r, "SELECT 1 FROM pg_stat_activity WHERE datname = "
                     "current_database() AND application_name = "
                     "'belfry cycle' AND wait_event = 'transactionid'"));
    gate_open(); /* only now the first one commits */
    wait_for_all(r);
    assert_int_equal(c.req.err, ERR_OK);
    assert_int_equal(c.n_work, 1);
    assert_int_equal(c.work[0].delivery.id, 1001);
    ASSERT_SQL(r, "{1001}", "SELECT ids FROM intent");
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
    node_leave(r);
    UNTIL(SOON_MS, claim_some(peer, 10, true, ids) == 1);
    assert_int_equal(ids[0], 1002);
    assert_string_equal(attempts_of(peer, 1002), "");
}

static void
a_finish_that_nobody_knows_of_is_done_once(void **state)
{
    struct rig *r = *state, *peer = node_peer(r);
    struct attempt t = {.n = 1, .verdict = STR("retry")};
    struct store_finish f[3] = {
        {.tenant = T, .delivery = 1001, .status = DELIVERY_SENT, .attempt = &t},
        {.tenant = T,
         .delivery = 1002,
         .status = DELIVERY_QUEUED,
         .lane = OTHER_LANE,
         .attempt = &t},
        {.tenant = T,
         .delivery = 1003,
         .status = DELIVERY_RETRYING,
         .lane = OTHER_LANE,
         .due_ms = NOW,
         .attempt = &t}};
    struct store_cycle c = {.now_ms = NOW, .finishes = f, .n_finishes = 3};
    struct store_promote p = {.now_ms = NOW, .max = 10};

    send_one(r, &(struct send){.id = 1000, .n = 3});
    assert_int_equal(claim_now(r, LANE, 3), 3);
    gate_make(r);
    gate_shut(r);
    begin(r, STORE_VERB_cycle, &c.req);
    gate_await(r, "cycle");
    gate_sever(r, "cycle");
    wait_for_all(r);
    assert_int_equal(c.req.err, ERR_UNCERTAIN);
    gate_open();
    UNTIL(SOON_MS, ASK(peer, promote, &p) == ERR_OK && p.n_promoted == 1);
    assert_int_equal(claim_now(peer, OTHER_LANE, 10), 2);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK); /* the same again */
    for (int i = 0; i < 3; i++)
        assert_false(f[i].is_done);
    assert_true(finish_one(peer, 1002, DELIVERY_RETRYING, 2));
    assert_true(finish_one(peer, 1003, DELIVERY_SENT, 2));
    assert_string_equal(attempts_of(r, 1001), "retry 1");
    assert_string_equal(attempts_of(r, 1002), "retry 1 sent 2");
    assert_string_equal(attempts_of(r, 1003), "retry 1 sent 2");
}

static void
a_row_that_an_unknown_commit_handed_over_is_claimed_after_it(void **state)
{
    struct rig *r = *state;
    struct attempt t = {.n = 1, .verdict = STR("retry")};
    struct store_finish f = {.tenant = T,
                             .delivery = 1001,
                             .status = DELIVERY_QUEUED,
                             .lane = OTHER_LANE,
                             .attempt = &t};
    struct store_cycle c = {.now_ms = NOW, .finishes = &f, .n_finishes = 1};

    send_one(r, &(struct send){.id = 1000, .n = 2});
    send_one(r, &(struct send){.id = 2000, .rank = 99, .lane = OTHER_LANE});
    assert_int_equal(claim_now(r, LANE, 1), 1);
    gate_make(r);
    gate_shut(r);
    begin(r, STORE_VERB_cycle, &c.req);
    gate_await(r, "cycle");
    gate_sever(r, "cycle");
    wait_for_all(r);
    assert_int_equal(c.req.err, ERR_UNCERTAIN);
    gate_open();
    UNTIL(
        SOON_MS,
        !*pg_ask(r, "SELECT 1 FROM ready WHERE id = 1001 AND lane = %d", LANE));
    UNTIL(SOON_MS, claim_now(r, OTHER_LANE, 10) == 1); /* not ours to begin */
    assert_int_equal(status_of(r, 2001), DELIVERY_SENDING);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK); /* the same again */
    assert_false(f.is_done);
    assert_int_equal(claim_now(r, OTHER_LANE, 10), 1);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 2));
    assert_true(finish_one(r, 2001, DELIVERY_SENT, 1));
    assert_string_equal(attempts_of(r, 1001), "retry 1 sent 2");
    ASSERT_SQL(r, "0", "SELECT count(*) FROM intent");
}

static void
a_node_may_be_lost_while_it_commits(void **state)
{
    struct rig *r = *state;
    struct attempt t = {.n = 1, .verdict = STR("sent")};
    struct store_finish f = {
        .tenant = T, .delivery = 1001, .status = DELIVERY_SENT, .attempt = &t};
    struct store_cycle c = {.now_ms = NOW,
                            .finishes = &f,
                            .n_finishes = 1,
                            .tenant = T,
                            .lane = LANE,
                            .want = 1,
                            .records_intent = true};
    struct store_cycle before = {.now_ms = NOW,
                                 .tenant = T,
                                 .lane = LANE,
                                 .want = 1,
                                 .records_intent = true};

    send_one(r, &(struct send){.id = 1000, .n = 3});
    assert_int_equal(ASK(r, cycle, &before), ERR_OK);
    assert_int_equal(before.n_work, 1);
    gate_make(r);
    gate_shut(r);
    begin(r, STORE_VERB_cycle, &c.req);
    gate_await(r, "cycle");
    (void)pg_ask(r, "UPDATE node SET is_live = false");
    UNTIL(SOON_MS, !store_holds(r->store, before.lease)); /* it knows */
    gate_open();
    wait_for_all(r);
    assert_int_equal(c.req.err, ERR_OK);
    assert_true(f.is_done); /* nobody had taken the lane */
    for (size_t i = 0; i < c.n_work; i++)
        assert_false(store_holds(r->store, c.lease));
    UNTIL(SOON_MS, claim_now(r, LANE, 10) > 0); /* it is back */
    assert_int_equal(status_of(r, 1001), DELIVERY_SENT);
    assert_int_equal(status_of(r, 1002), DELIVERY_SENDING);
    assert_int_equal(status_of(r, 1003), DELIVERY_SENDING);
    assert_string_equal(attempts_of(r, 1003), "");
}

static void
what_is_done_is_told_though_what_is_claimed_cannot_be_read(void **state)
{
    struct rig *r = *state;
    struct attempt t = {.n = 1, .verdict = STR("sent")};
    struct store_finish f = {
        .tenant = T, .delivery = 1001, .status = DELIVERY_SENT, .attempt = &t};
    struct store_cycle c = {.now_ms = NOW,
                            .finishes = &f,
                            .n_finishes = 1,
                            .tenant = T,
                            .lane = LANE,
                            .want = 1,
                            .records_intent = true};

    send_one(r, &(struct send){.id = 1000, .n = 2});
    assert_int_equal(claim_now(r, LANE, 1), 1);
    (void)pg_ask(r, "ALTER TABLE notification RENAME TO hidden");
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_true(f.is_done);
    assert_int_equal(c.n_work, 0);
    assert_true(c.has_more);
    (void)pg_ask(r, "ALTER TABLE hidden RENAME TO notification");
    assert_int_equal(status_of(r, 1001), DELIVERY_SENT);
    c.n_finishes = 0;
    UNTIL(SOON_MS, ASK(r, cycle, &c) == ERR_OK && c.n_work == 1);
    assert_int_equal(c.work[0].delivery.id, 1002);
    assert_string_equal(attempts_of(r, 1002), ""); /* it never began */
}

static void
what_a_lost_node_claims_again_is_not_finished_by_the_call_before(void **state)
{
    struct rig *r = *state;
    struct attempt t = {.n = 1, .verdict = STR("retry")};
    struct store_finish f[2] = {
        {.delivery = 1001, .status = DELIVERY_QUEUED},
        {.delivery = 1002, .status = DELIVERY_RETRYING, .attempt = &t}};
    struct store_cycle claim = {.now_ms = NOW,
                                .tenant = T,
                                .lane = LANE,
                                .want = 2,
                                .records_intent = true};
    struct store_cycle late = {.now_ms = NOW, .finishes = f, .n_finishes = 2};

    send_one(r, &(struct send){.id = 1000, .n = 2});
    assert_int_equal(ASK(r, cycle, &claim), ERR_OK);
    assert_int_equal(claim.n_work, 2);
    for (int i = 0; i < 2; i++) {
        f[i].tenant = T;
        f[i].lane = LANE;
        f[i].due_ms = NOW;
        f[i].lease = claim.lease;
    }
    (void)pg_ask(r, "UPDATE node SET is_live = false");
    UNTIL(LATE_MS, !store_holds(r->store, claim.lease));
    UNTIL(SOON_MS, claim_now(r, LANE, 2) == 2); /* it is back */
    assert_int_equal(ASK(r, cycle, &late), ERR_OK);
    for (int i = 0; i < 2; i++) {
        assert_false(f[i].is_done);
        assert_int_equal(status_of(r, f[i].delivery), DELIVERY_SENDING);
        assert_true(finish_one(r, f[i].delivery, DELIVERY_SENT, 2));
        assert_string_equal(attempts_of(r, f[i].delivery),
                            "interrupted 1 sent 2");
    }
}

/* ---- bells ---- */

static int64_t
put_object(struct rig *r)
{
    struct store_object_write w = {.kind = OBJECT_USER,
                                   .key = STR("ann"),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = 1};
    struct store_object_put p = {
        .tenant = T, .now_ms = NOW, .writes = &w, .n_writes = 1};

    assert_int_equal(ASK(r, object_put, &p), ERR_OK);
    return p.seq;
}

static const struct store_notice *
told(struct rig *r, size_t n, enum store_notice_kind kind)
{
    UNTIL(SOON_MS, heard_since(r, n, kind));
    return &heard_since(r, n, kind)->notice;
}

static bool
was_told_of(const struct rig *r, size_t n, int64_t lane)
{
    size_t n_heard = r->n_heard;

    for (; n < n_heard; n++)
        if (r->heard[n].notice.kind == STORE_NOTICE_READY &&
            r->heard[n].notice.lane == lane)
            return true;
    return false;
}

static void
other_nodes_are_told_what_was_committed(void **state)
{
    struct rig *r = *state, *peer;
    const struct store_notice *heard;
    int64_t end_ms = mono_now_ms() + SOON_MS, seq, id = 100000;
    size_t n;

    UNTIL(SOON_MS,
          str_is(str_from(pg_ask(r, "SELECT beat > started FROM node")), "t"));
    peer = node_peer(r); /* after r has looked, and was alone */
    rig_listen(peer);
    while (
        !heard_since(peer, 0, STORE_NOTICE_INBOX)) { /* which no look finds */
        send_one(r,
                 &(struct send){.id = id += 10, .user = "ann", .in_app = true});
        wait_a_bit(end_ms, "that it has met its peer");
    }
    assert_int_equal(claim_now(peer, LANE, 1), 0); /* it is its own */
    for (int i = 0; i < 2; i++) {
        n = peer->n_heard;
        send_one(r, &(struct send){.id = 1000 + 10 * i, .is_critical = i == 1});
        heard = told(peer, n, STORE_NOTICE_READY);
        assert_int_equal(heard->tenant, T);
        assert_int_equal(heard->lane, LANE);
        assert_int_equal(heard->is_critical, i == 1);
        assert_int_equal(claim_now(peer, LANE, 10), 1);
    }
    n = peer->n_heard;
    seq = put_object(r);
    assert_int_equal(told(peer, n, STORE_NOTICE_CHANGE)->seq, seq);
    send_one(r, &(struct send){
                    .id = 3000, .status = DELIVERY_RETRYING, .due_ms = 77});
    assert_int_equal(told(peer, n, STORE_NOTICE_WAIT)->due_ms, 77);
    for (int i = 0; i < 2; i++) {
        n = peer->n_heard;
        send_one(r, &(struct send){
                        .id = 4000 + 10 * i, .user = "b c", .in_app = true});
        heard = told(peer, n, STORE_NOTICE_INBOX);
        assert_null(heard->event);
        assert_int_equal(heard->tenant, T);
        assert_int_equal(heard->seq, i + 1);
        assert_true(heard->epoch > 0);
    }
    assert_string_equal(heard_since(peer, n, STORE_NOTICE_INBOX)->user, "b c");
}

static void
what_no_bell_told_is_found(void **state)
{
    struct rig *r = *state, *peer = node_peer(r);
    size_t n;
    int64_t seq;

    rig_listen(peer);
    assert_int_equal(claim_now(peer, LANE, 1), 0); /* it is its own */
    send_one(r, &(struct send){.id = 1000, .rank = 99});
    UNTIL(LATE_MS, claim_now(peer, LANE, 1) == 1);
    wait_for_beats(r, 2);
    (void)pg_ask(r, "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM "
                    "pg_stat_activity WHERE datname = current_database() AND "
                    "application_name = 'belfry control' ORDER BY "
                    "backend_start DESC LIMIT 1) AS peers");
    n = peer->n_heard;
    send_one(r, &(struct send){.id = 2000, .rank = 5}); /* before its mark */
    send_one(r, &(struct send){.id = 3000, .lane = OTHER_LANE});
    send_one(r, &(struct send){
                    .id = 4000, .status = DELIVERY_RETRYING, .due_ms = 77});
    seq = put_object(r);
    assert_int_equal(told(peer, n, STORE_NOTICE_CHANGE)->seq, seq);
    assert_int_equal(told(peer, n, STORE_NOTICE_WAIT)->due_ms, 77);
    UNTIL(LATE_MS, was_told_of(peer, n, LANE));
    UNTIL(LATE_MS, was_told_of(peer, n, OTHER_LANE));
    assert_int_equal(claim_now(peer, LANE, 10), 1);
    assert_int_equal(claim_now(peer, OTHER_LANE, 10), 1);
}

/* ---- a server that is away ---- */

#define LONG_LEASE_MS 4000 /* with time for a beat that comes late */
static char server_dir[100], own_url[200], first_url[200];
static pid_t frozen; /* one of its processes */

/* Runs tools/postgres; what it prints, in ret. */
static void
run_tool(const char *verb, char *ret, size_t size)
{
    const char *tool = getenv("BELFRY_POSTGRES_TOOL");
    int fds[2], status;
    size_t n = 0;
    ssize_t got;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        execl(tool, tool, verb, server_dir, (char *)NULL);
        _exit(99);
    }
    close(fds[1]);
    while (n + 1 < size && (got = read(fds[0], ret + n, size - 1 - n)) > 0)
        n += (size_t)got;
    ret[n] = '\0';
    ret[strcspn(ret, "\n")] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int
own_server_setup(void **state)
{
    const char *folder = getenv("BELFRY_POSTGRES_FOLDER");

    if (!getenv("BELFRY_POSTGRES_TOOL"))
        return 0;
    snprintf(server_dir, sizeof(server_dir), "%s/belfry-nodes-XXXXXX",
             folder ? folder : "/tmp");
    assert_non_null(mkdtemp(server_dir));
    rmdir(server_dir);
    run_tool("start", own_url, sizeof(own_url));
    snprintf(first_url, sizeof(first_url), "%s", pg_server());
    setenv("BELFRY_TEST_POSTGRES", own_url, 1);
    return node_setup_lease(state, LONG_LEASE_MS);
}

static int
own_server_teardown(void **state)
{
    char none[10];

    if (!*state)
        return 0;
    if (frozen)
        kill(frozen, SIGCONT);
    frozen = 0;
    run_tool("start", own_url, sizeof(own_url)); /* unless it runs */
    node_teardown(state);
    run_tool("remove", none, sizeof(none));
    setenv("BELFRY_TEST_POSTGRES", first_url, 1);
    return 0;
}

/* Its connection stays, and nothing comes any more. Only of a server of ours.
 */
static void
freeze_backend(struct rig *r, const char *who)
{
    int64_t pid = pg_number(
        pg_ask(r,
               "SELECT pid FROM pg_stat_activity WHERE datname = "
               "current_database() AND application_name = 'belfry %s'",
               who));

    frozen = (pid_t)pid;
    assert_int_equal(kill(frozen, SIGSTOP), 0);
}

static void
a_beat_that_is_not_answered_is_sent_anew_in_time(void **state)
{
    struct rig *r = *state;
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = LANE,
                            .want = 1,
                            .records_intent = true};

    if (!r)
        skip();
    send_one(r, &(struct send){.id = 1000});
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    freeze_backend(r, "control");
    for (int64_t end_ms = mono_now_ms() + LONG_LEASE_MS * 5 / 4;
         mono_now_ms() < end_ms; poll(NULL, 0, 10))
        assert_true(store_holds(r->store, c.lease));
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
}

/* One of each kind, at once; how long until all of them are told that it is
 * away. */
static int64_t
ask_in_vain(struct rig *r, struct store_cycle *c)
{
    struct store_accept *a = make_accept(r, &(struct send){.id = 5000});
    struct store_promote p = {.now_ms = NOW, .max = 1};
    struct store_delivery_get g = {.tenant = T, .id = 1001};
    int64_t began_ms = mono_now_ms();

    begin(r, STORE_VERB_accept, &a->req);
    begin(r, STORE_VERB_cycle, &c->req);
    begin(r, STORE_VERB_promote, &p.req);
    begin(r, STORE_VERB_delivery_get, &g.req);
    wait_for_all(r);
    assert_true(a->req.err == ERR_IO || a->req.err == ERR_UNCERTAIN);
    assert_true(c->req.err == ERR_IO || c->req.err == ERR_UNCERTAIN);
    assert_true(p.req.err == ERR_IO || p.req.err == ERR_UNCERTAIN);
    assert_int_equal(g.req.err, ERR_IO);
    return mono_now_ms() - began_ms;
}

static void
a_server_that_is_away_is_said_to_be_and_found_again(void **state)
{
    struct rig *r = *state;
    char none[10];
    struct attempt t = {.n = 1, .verdict = STR("sent")};
    struct store_finish f = {
        .tenant = T, .delivery = 1001, .status = DELIVERY_SENT, .attempt = &t};
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = LANE,
                            .want = 1,
                            .records_intent = true};

    if (!r)
        skip();
    send_one(r, &(struct send){.id = 1000, .n = 2});
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(c.n_work, 1);
    assert_true(store_holds(r->store, c.lease));
    c.finishes = &f;
    c.n_finishes = 1;
    run_tool("kill", none, sizeof(none));
    assert_true(ask_in_vain(r, &c) < STORE_DEADLINE_MS / 2);
    assert_true(ask_in_vain(r, &c) < PG_AWAY_MS); /* it is known by now */
    UNTIL(LONG_LEASE_MS + SOON_MS, !store_holds(r->store, c.lease));
    run_tool("start", own_url, sizeof(own_url));
    UNTIL(SOON_MS, works(r));
    UNTIL(SOON_MS, ASK(r, cycle, &c) == ERR_OK);
    assert_true(f.is_done);
    assert_int_equal(status_of(r, 1001), DELIVERY_SENT);
    c.n_finishes = 0;
    UNTIL(SOON_MS,
          c.n_work == 1 || (ASK(r, cycle, &c) == ERR_OK && c.n_work == 1));
    c.n_finishes = 1;
    assert_int_equal(c.work[0].delivery.id, 1002);
    assert_string_equal(attempts_of(r, 1002), "");
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_false(f.is_done); /* it was, before */
}

const struct CMUnitTest lost_tests[] = {
    NODE_TEST(connections_may_end_at_any_moment),
    NODE_TEST(a_claim_that_nobody_knows_of_is_nobodys),
    NODE_TEST(a_finish_that_nobody_knows_of_is_done_once),
    NODE_TEST(a_row_that_an_unknown_commit_handed_over_is_claimed_after_it),
    NODE_TEST(a_node_may_be_lost_while_it_commits),
    NODE_TEST(what_is_done_is_told_though_what_is_claimed_cannot_be_read),
    NODE_TEST(what_a_lost_node_claims_again_is_not_finished_by_the_call_before),
    NODE_TEST_WITH(other_nodes_are_told_what_was_committed, node_setup_deaf),
    NODE_TEST_WITH(what_no_bell_told_is_found, node_setup_slow),
    cmocka_unit_test_setup_teardown(
        a_beat_that_is_not_answered_is_sent_anew_in_time, own_server_setup,
        own_server_teardown),
    cmocka_unit_test_setup_teardown(
        a_server_that_is_away_is_said_to_be_and_found_again, own_server_setup,
        own_server_teardown),
};
const size_t lost_tests_n = sizeof(lost_tests) / sizeof(*lost_tests);
