/* store_sqlite.c - the contract on SQLite, and what only a file can show:
 * what is left after a crash, on a full disk, under another program. */
#include "store/sqlite/sqlite.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/metrics.h"
#include "store/migration.h"
#include "store/statements.h"
#include "store_rig.h"

static struct store *
open_with(struct rig *r, int64_t max_pages, size_t max_queued)
{
    struct sqlite_store_options o = {.path = r->path,
                                     .clock = &r->clock.base,
                                     .max_pages = max_pages,
                                     .max_queued = max_queued};
    struct store *s = NULL;
    const char *why = "";

    if (sqlite_store_open(&o, &s, &why) != ERR_OK)
        fail_msg("%s", why);
    return s;
}

static struct store *
open_sqlite(struct rig *r)
{
    return open_with(r, 0, 0);
}

const struct kind the_kind = {"sqlite", true, open_sqlite, NULL};

static void
sql(struct rig *r, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int
rows(struct rig *r, const char *count)
{
    sqlite3 *db;
    sqlite3_stmt *s;
    int n;

    assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, count, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    n = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return n;
}

/* ---- what is kept, and no more ---- */

static void
an_intent_ends_with_the_last_of_its_batch(void **state)
{
    struct rig *r = *state;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 4});
    assert_int_equal(claim_some(r, 2, true, ids), 2);
    assert_int_equal(claim_some(r, 2, true, ids), 2);
    assert_int_equal(rows(r, "SELECT count(*) FROM intent"), 2);
    assert_true(finish_one(r, 1001, DELIVERY_SENT, 1));
    assert_int_equal(rows(r, "SELECT count(*) FROM intent"), 2);
    assert_true(finish_one(r, 1002, DELIVERY_QUEUED, 0));
    assert_int_equal(rows(r, "SELECT count(*) FROM intent"), 1);
    assert_true(finish_one(r, 1003, DELIVERY_SENT, 1));
    assert_true(finish_one(r, 1004, DELIVERY_RETRYING, 1));
    assert_int_equal(rows(r, "SELECT count(*) FROM intent"), 0);
}

static void
only_the_last_events_of_an_inbox_are_kept(void **state)
{
    struct rig *r = *state;

    for (int i = 0; i < INBOX_REPLAY_MAX + 5; i++)
        send_one(r, &(struct send){
                        .id = 1000 + 10 * i, .user = "ann", .in_app = true});
    assert_int_equal(rows(r, "SELECT count(*) FROM inbox_event"),
                     INBOX_REPLAY_MAX);
}

/* ---- a disk that fails: the log's writes and syncs, when told to ---- */

static atomic_bool writes_fail, syncs_fail;
static const sqlite3_io_methods *whole;
static sqlite3_io_methods broken;
static sqlite3_vfs *below;

static int
broken_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    return atomic_load(&writes_fail) ? SQLITE_IOERR_WRITE
                                     : whole->xWrite(f, p, n, at);
}

static int
broken_sync(sqlite3_file *f, int flags)
{
    return atomic_load(&syncs_fail) ? SQLITE_IOERR_FSYNC
                                    : whole->xSync(f, flags);
}

static int
broken_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
            int *ret_flags)
{
    int rc = below->xOpen(below, name, f, flags, ret_flags);

    (void)v;
    if (rc != SQLITE_OK || !(flags & SQLITE_OPEN_WAL))
        return rc;
    whole = f->pMethods;
    broken = *whole;
    broken.xWrite = broken_write;
    broken.xSync = broken_sync;
    f->pMethods = &broken;
    return rc;
}

/* For what is opened from now on. */
static void
break_disk(void)
{
    static sqlite3_vfs v;

    if (below)
        return;
    below = sqlite3_vfs_find(NULL);
    v = *below;
    v.zName = "broken";
    v.pNext = NULL;
    v.xOpen = broken_open;
    sqlite3_vfs_register(&v, 1);
}

/* ---- what a crash leaves; the process that dies is this program again ---- */

static void
die_after_claim(struct rig *r)
{
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 5});
    claim_some(r, 4, true, ids);
    finish_one(r, 1001, DELIVERY_SENT, 1);
    finish_one(r, 1002, DELIVERY_QUEUED, 0);
    finish_one(r, 1003, DELIVERY_RETRYING, 1);
}

static void
die_after_untold_claim(struct rig *r)
{
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 2});
    claim_some(r, 4, false, ids);
}

static void
die_in_accept(struct rig *r)
{
    send_one(r, &(struct send){.id = 1000, .idem = "i"});
}

static void
die_of_a_sync(struct rig *r)
{
    close(STDERR_FILENO); /* it says why */
    atomic_store(&syncs_fail, true);
    send_one(r, &(struct send){.id = 1000});
}

static const struct {
    const char *name;
    void (*run)(struct rig *r);
} deaths[] = {
    {"sync", die_of_a_sync},
    {"claim", die_after_claim},
    {"untold", die_after_untold_claim},
    {"accept", die_in_accept},
};

static int
die(const char *name, const char *path)
{
    struct rig *r;

    break_disk();
    r = rig_on(&the_kind, path);
    for (size_t i = 0; i < sizeof(deaths) / sizeof(*deaths); i++)
        if (strcmp(deaths[i].name, name) == 0)
            deaths[i].run(r);
    _exit(0);
}

static void
let_die(struct rig *r, const char *name, const char *fault)
{
    pid_t child;
    int status, wanted = strcmp(name, "sync") == 0 ? 1 : 0;

    store_close(r->store);
    child = fork();
    if (child == 0) {
        setenv("BELFRY_FAULT", fault, 1);
        execl("/proc/self/exe", "die", name, r->path, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (*fault)
        assert_true(WIFSIGNALED(status));
    else
        assert_int_equal(WEXITSTATUS(status), wanted);
    r->store = open_sqlite(r);
}

static void
what_was_in_flight_gets_an_attempt_that_says_so(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t n_double = metrics_total(METRIC_duplicates_possible_total);
    int64_t ids[10];

    let_die(r, "claim", "");
    assert_int_equal(metrics_total(METRIC_duplicates_possible_total),
                     n_double + 1); /* 1004 */
    get_delivery(r, 1001, &g);      /* it ended in time */
    assert_int_equal(g.delivery.status, DELIVERY_SENT);
    assert_int_equal(g.n_attempts, 1);
    get_delivery(r, 1002, &g); /* it was given back */
    assert_int_equal(g.delivery.status, DELIVERY_QUEUED);
    assert_int_equal(g.n_attempts, 0);
    get_delivery(r, 1003, &g); /* its call was recorded */
    assert_int_equal(g.delivery.status, DELIVERY_RETRYING);
    assert_int_equal(g.n_attempts, 1);
    get_delivery(r, 1004, &g);
    assert_int_equal(g.delivery.status, DELIVERY_QUEUED);
    assert_int_equal(g.delivery.attempts, 1);
    assert_true(str_is(g.delivery.reason, "interrupted"));
    assert_int_equal(g.n_attempts, 1);
    assert_int_equal(g.attempts[0].n, 1);
    assert_int_equal(g.attempts[0].at_ms, NOW);
    assert_true(str_is(g.attempts[0].verdict, "interrupted"));
    assert_int_equal(rows(r, "SELECT count(*) FROM intent"), 0);
    get_delivery(r, 1005, &g); /* never claimed */
    assert_int_equal(g.n_attempts, 0);
    assert_int_equal(claim_some(r, 10, true, ids), 3);
    rig_reopen(r); /* explained again: this end was no better */
    get_delivery(r, 1004, &g);
    assert_int_equal(g.n_attempts, 2);
}

static void
what_every_one_of_three_crashes_was_about_is_a_dead_letter(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;
    int64_t ids[10];

    send_one(r, &(struct send){.id = 1000, .n = 2});
    for (int i = 0; i < 3; i++) {
        assert_int_equal(claim_some(r, 1, true, ids), 1);
        assert_int_equal(ids[0], 1001);
        rig_reopen(r);
    }
    get_delivery(r, 1001, &g);
    assert_int_equal(g.delivery.status, DELIVERY_DEAD);
    assert_true(str_is(g.delivery.reason, "crash.loop"));
    assert_int_equal(g.delivery.attempts, 3);
    assert_int_equal(g.n_attempts, 3);
    assert_int_equal(claim_some(r, 10, true, ids), 1);
    assert_int_equal(ids[0], 1002);
}

static void
a_claim_that_is_not_recorded_leaves_no_trace(void **state)
{
    struct rig *r = *state;
    struct store_delivery_get g;

    let_die(r, "untold", "");
    get_delivery(r, 1001, &g);
    assert_int_equal(g.n_attempts, 0);
    assert_int_equal(g.delivery.status, DELIVERY_QUEUED);
}

static void
death_before_the_commit_leaves_nothing(void **state)
{
    struct rig *r = *state;
    struct store_notification_get g = {.tenant = T, .id = 1000};

    let_die(r, "accept", "store.before_commit");
    assert_int_equal(ASK(r, notification_get, &g), ERR_NOT_FOUND);
}

static void
death_after_the_commit_leaves_all_and_the_repeat_is_known(void **state)
{
    struct rig *r = *state;
    struct store_accept *a;
    struct store_notification_get g = {
        .tenant = T, .id = 1000, .max_deliveries = 10};

    let_die(r, "accept", "store.after_commit");
    assert_int_equal(ASK(r, notification_get, &g), ERR_OK);
    assert_int_equal(g.n_deliveries, 1);
    a = make_accept(r, &(struct send){.id = 2000, .idem = "i"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_true(a->idem.is_replay);
    assert_true(str_is(a->idem.body, "1000"));
}

static void
all_is_there_after_a_restart(void **state)
{
    struct rig *r = *state;
    struct store_promote p = {.now_ms = NOW + 1000, .max = 10};
    struct store_inbox_list l = {.tenant = T, .user = STR("ann"), .limit = 10};
    int64_t epoch, ids[10];

    send_one(r, &(struct send){.id = 1000, .rank = 5});
    send_one(r, &(struct send){.id = 2000, .rank = 4, .is_critical = true});
    send_one(r, &(struct send){
                    .id = 3000, .status = DELIVERY_RETRYING, .due_ms = NOW});
    send_one(r, &(struct send){.id = 4000, .user = "ann", .in_app = true});
    assert_int_equal(ASK(r, inbox_list, &l), ERR_OK);
    epoch = l.epoch;
    r->clock.now_ms += 12345;
    rig_reopen(r);
    assert_int_equal(sqlite_store_max_id(r->store), 4001);
    assert_int_equal(ASK(r, inbox_list, &l), ERR_OK);
    assert_int_equal(l.epoch, epoch);
    assert_int_equal(l.n_items, 1);
    assert_int_equal(ASK(r, promote, &p), ERR_OK);
    assert_int_equal(p.n_promoted, 1);
    assert_int_equal(claim_some(r, 10, true, ids), 3);
    assert_int_equal(ids[0], 2001);
}

/* ---- a disk that is full ---- */

static void
what_does_not_fit_fails_alone_and_leaves_nothing(void **state)
{
    struct rig *r = *state;
    size_t size = 4 << 20;
    char *big = arena_alloc(r->arena, size);
    struct store_accept *busy, *first, *guilty, *last;
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = LANE,
                            .want = 10,
                            .records_intent = true};
    struct store_notification_get g = {.tenant = T, .id = 20000};
    int64_t ids[10];

    store_close(r->store);
    r->store = open_with(r, 300, 0); /* 2.4 MB */
    memset(big, 'x', size);
    send_one(r, &(struct send){.id = 500});
    /* while the first is written, the others gather into one commit */
    busy = make_accept(r, &(struct send){.id = 100000, .n = 3000, .lane = 9});
    first = make_accept(r, &(struct send){.id = 10000});
    guilty = make_accept(r, &(struct send){.id = 20000, .dedup = "k"});
    last = make_accept(r, &(struct send){.id = 30000});
    guilty->items[0].notification.doc = (struct str){big, size};
    begin(r, STORE_VERB_accept, &busy->req);
    begin(r, STORE_VERB_accept, &first->req);
    begin(r, STORE_VERB_cycle, &c.req);
    begin(r, STORE_VERB_accept, &guilty->req);
    begin(r, STORE_VERB_accept, &last->req);
    wait_for_all(r);
    assert_int_equal(busy->req.err, ERR_OK);
    assert_int_equal(first->req.err, ERR_OK);
    assert_int_equal(c.req.err, ERR_OK);
    assert_int_equal(guilty->req.err, ERR_IO);
    assert_int_equal(last->req.err, ERR_OK);
    assert_int_equal(c.n_work, 2);
    assert_int_equal(ASK(r, notification_get, &g), ERR_NOT_FOUND);
    assert_int_equal(claim_some(r, 10, true, ids), 1);
    assert_int_equal(ids[0], 30001);
    assert_true(finish_one(r, 501, DELIVERY_SENT, 1));
    guilty = make_accept(r, &(struct send){.id = 20000, .dedup = "k"});
    assert_int_equal(ASK(r, accept, guilty), ERR_OK);
    assert_false(guilty->items[0].is_duplicate);
}

static void
a_commit_that_fails_is_uncertain_and_can_be_repeated(void **state)
{
    struct rig *r = *state;
    struct store_accept *a;
    struct store_notification_get g = {.tenant = T, .id = 1000};
    int64_t ids[10];

    break_disk();
    rig_reopen(r);
    rig_listen(r);
    a = make_accept(r, &(struct send){.id = 1000, .idem = "i"});
    atomic_store(&writes_fail, true);
    assert_int_equal(ASK(r, accept, a), ERR_UNCERTAIN);
    atomic_store(&writes_fail, false);
    assert_int_equal(r->n_heard, 0);
    assert_int_equal(ASK(r, notification_get, &g), ERR_NOT_FOUND);
    a = make_accept(r, &(struct send){.id = 1000, .idem = "i"});
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    assert_false(a->idem.is_replay);
    assert_int_equal(r->n_heard, 1);
    assert_int_equal(claim_some(r, 10, true, ids), 1);
    assert_int_equal(claim_some(r, 10, true, ids), 0);
}

static void
a_claim_whose_commit_fails_is_nobodys(void **state)
{
    struct rig *r = *state;
    struct store_cycle c = {.now_ms = NOW,
                            .tenant = T,
                            .lane = LANE,
                            .want = 1,
                            .records_intent = true};
    struct attempt t = {.n = 1, .verdict = STR("sent")};
    struct store_finish f = {
        .tenant = T, .delivery = 1001, .status = DELIVERY_SENT, .attempt = &t};
    int64_t ids[10];

    break_disk();
    rig_reopen(r);
    send_one(r, &(struct send){.id = 1000, .n = 2});
    assert_int_equal(claim_some(r, 1, true, ids), 1);
    c.finishes = &f;
    c.n_finishes = 1;
    atomic_store(&writes_fail, true);
    assert_int_equal(ASK(r, cycle, &c), ERR_UNCERTAIN);
    atomic_store(&writes_fail, false);
    assert_int_equal(status_of(r, 1001), DELIVERY_SENDING);
    assert_int_equal(status_of(r, 1002), DELIVERY_QUEUED);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK); /* the same again */
    assert_true(f.is_done);
    assert_int_equal(c.n_work, 1);
    assert_int_equal(c.work[0].delivery.id, 1002);
    assert_int_equal(status_of(r, 1001), DELIVERY_SENT);
}

static void
a_sync_that_fails_ends_the_process(void **state)
{
    struct rig *r = *state;

    let_die(r, "sync", "");
}

/* ---- many at once ---- */

enum { MANY = 400 };

static void
many_requests_at_once_are_all_answered_and_stored(void **state)
{
    struct rig *r = *state;
    struct store_accept *a[MANY];
    struct store_cycle c = {
        .now_ms = NOW, .tenant = T, .lane = LANE, .want = 2 * MANY};

    for (int i = 0; i < MANY; i++) {
        a[i] = make_accept(r, &(struct send){.id = 1000 + 10 * i});
        begin(r, STORE_VERB_accept, &a[i]->req);
    }
    wait_for_all(r);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(a[i]->req.err, ERR_OK);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(c.n_work, MANY);
}

static void
a_full_queue_refuses_before_anything_is_done(void **state)
{
    struct rig *r = *state;
    struct store_accept *a[MANY];
    struct store_cycle c = {
        .now_ms = NOW, .tenant = T, .lane = LANE, .want = 2 * MANY};
    size_t n_ok = 0;

    store_close(r->store);
    r->store = open_with(r, 0, 2);
    for (int i = 0; i < MANY; i++) {
        a[i] = make_accept(r, &(struct send){.id = 1000 + 10 * i});
        begin(r, STORE_VERB_accept, &a[i]->req);
    }
    wait_for_all(r);
    for (int i = 0; i < MANY; i++) {
        assert_true(a[i]->req.err == ERR_OK || a[i]->req.err == ERR_FULL);
        n_ok += a[i]->req.err == ERR_OK;
    }
    assert_true(n_ok >= 2);
    assert_true(n_ok < MANY);
    assert_int_equal(ASK(r, cycle, &c), ERR_OK);
    assert_int_equal(c.n_work, n_ok);
}

static void
close_finishes_what_was_submitted(void **state)
{
    struct rig *r = *state;
    struct store_accept *a[20];
    struct store_notification_get g[20] = {0};

    for (int i = 0; i < 20; i++) {
        a[i] = make_accept(r, &(struct send){.id = 1000 + 10 * i});
        begin(r, STORE_VERB_accept, &a[i]->req);
    }
    store_close(r->store);
    wait_for_all(r);
    r->store = open_sqlite(r);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(a[i]->req.err, ERR_OK);
        g[i].tenant = T;
        g[i].id = 1000 + 10 * i;
        assert_int_equal(ASK(r, notification_get, &g[i]), ERR_OK);
    }
}

static void
what_is_asked_after_the_stop_is_told_so(void **state)
{
    struct rig *r = *state;
    struct store_accept *before = make_accept(r, &(struct send){.id = 1000});
    struct store_accept *after = make_accept(r, &(struct send){.id = 2000});
    struct store_stats s = {0};

    begin(r, STORE_VERB_accept, &before->req);
    store_stop(r->store);
    begin(r, STORE_VERB_accept, &after->req);
    begin(r, STORE_VERB_stats, &s.req);
    store_stop(r->store); /* twice is once */
    wait_for_all(r);
    assert_int_equal(before->req.err, ERR_OK);
    assert_int_equal(after->req.err, ERR_SHUTDOWN);
    assert_int_equal(s.req.err, ERR_SHUTDOWN);
}

/* ---- whose file it is ---- */

static void
a_second_opener_is_told_who_has_it(void **state)
{
    struct rig *r = *state;
    struct sqlite_store_options o = {.path = r->path, .clock = &r->clock.base};
    struct store *s = NULL;
    const char *why = "";

    assert_int_equal(sqlite_store_open(&o, &s, &why), ERR_CONFLICT);
    assert_null(s);
    assert_non_null(strstr(why, "in use by another process"));
}

static void
a_newer_schema_is_refused(void **state)
{
    struct rig *r = *state;
    struct sqlite_store_options o = {.path = r->path, .clock = &r->clock.base};
    struct store *s = NULL;
    const char *why = "";

    store_close(r->store);
    r->store = NULL;
    sql(r, "INSERT INTO migration VALUES (99, 'later', 'x', 1, 99)");
    assert_int_equal(sqlite_store_open(&o, &s, &why), ERR_CONFLICT);
    assert_non_null(strstr(why, "schema 99"));
}

/* At its start a process frees what the one before had taken, and that alone.
 */
static void
what_is_due_later_is_so_after_a_restart(void **state)
{
    struct rig *r = *state;
    struct store_accept *a = make_accept(r, &(struct send){.id = 1000});
    struct store_work_take t = {.now_ms = NOW, .lease_ms = 15000, .max = 10};

    a->items[0].n_deliveries = 0;
    a->items[0].has_more = true;
    a->items[0].due_ms = NOW + 20000;
    assert_int_equal(ASK(r, accept, a), ERR_OK);
    rig_reopen(r);
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 0);
    assert_int_equal(t.next_ms, 20000);
    t.now_ms = NOW + 20000;
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 1);
    rig_reopen(r);
    assert_int_equal(ASK(r, work_take, &t), ERR_OK);
    assert_int_equal(t.n_rows, 1);
}

static void
a_newer_schema_that_only_adds_is_no_hindrance(void **state)
{
    struct rig *r = *state;
    struct migrate m = {.driver = &sqlite_migrate_driver,
                        .place = r->path,
                        .clock = &r->clock.base,
                        .arena = r->arena};

    store_close(r->store);
    r->store = NULL;
    sql(r, "INSERT INTO migration VALUES (99, 'later', 'x', 1, 1)");
    r->store = open_sqlite(r);
    assert_int_equal(migrate_verify(&m), ERR_OK);
    assert_int_equal(migrate_version(&m), 99);
    assert_int_equal(m.status[m.n_status - 1].state, MIGRATION_NEWER);
    store_close(r->store);
    r->store = NULL;
    assert_int_equal(migrate_down(&m, 0), ERR_CONFLICT);
    assert_non_null(strstr(m.why, "newer program"));
}

static void
what_the_first_programs_made_goes_on(void **state)
{
    struct rig *r = *state;
    struct migrate m = {.driver = &sqlite_migrate_driver,
                        .place = r->path,
                        .clock = &r->clock.base,
                        .arena = r->arena};

    send_one(r, &(struct send){.id = 1000});
    store_close(r->store);
    sql(r, "ALTER TABLE migration DROP COLUMN works_with");
    r->store = r->kind->open(r);
    assert_int_equal(status_of(r, 1001), DELIVERY_QUEUED);
    assert_int_equal(migrate_verify(&m), ERR_OK);
}

/* Users who were stored before there were sets. */
static void
roles_of_before_are_those_of_the_documents(void **state)
{
    struct rig *r = *state;
    struct migrate m = {.driver = &sqlite_migrate_driver,
                        .place = r->path,
                        .clock = &r->clock.base,
                        .arena = r->arena};
    struct member_set set = {MEMBER_ROLE, STR("ops"), false};
    struct store_members l = {
        .tenant = T, .sets = &set, .n_sets = 1, .limit = 10};

    store_close(r->store);
    r->store = NULL;
    assert_int_equal(migrate_down(&m, 2), ERR_OK);
    sql(r,
        "INSERT INTO object SELECT k, t, u, 1, 1, 1, 1, CAST(b AS BLOB) FROM "
        "(SELECT 6 AS k, 7 AS t, 'ann' AS u, "
        "'{\"roles\":[\"a\",\"ops\",\"ops\"]}' AS b UNION ALL "
        "SELECT 6, 7, 'bob', '{\"roles\":[]}' UNION ALL "
        "SELECT 6, 7, 'cat', '{\"x\":[\"ops\"]}' UNION ALL "
        "SELECT 6, 7, 'dan', '{\"roles\":[\"\\u006fps\"],\"x\":1e999999}' "
        "UNION ALL SELECT 6, 7, 'eve', NULL UNION ALL "
        "SELECT 10, 7, 'fay', '{\"roles\":[\"ops\"]}' UNION ALL "
        "SELECT 6, 8, 'gus', '{\"roles\":[\"ops\"]}')");
    r->store = r->kind->open(r);
    assert_int_equal(ASK(r, members, &l), ERR_OK);
    assert_int_equal(l.n_users, 2);
    assert_true(str_is(l.users[0], "ann"));
    assert_true(str_is(l.users[1], "dan"));
}

static void
a_path_that_cannot_be_is_an_error_with_a_reason(void **state)
{
    struct rig *r = *state;
    struct sqlite_store_options o = {.path = "/nowhere/at/all",
                                     .clock = &r->clock.base};
    struct store *s = NULL;
    const char *why = "";

    assert_int_equal(sqlite_store_open(&o, &s, &why), ERR_IO);
    assert_non_null(strstr(why, "/nowhere/at/all"));
}

static void
migrations_go_down_and_up_again(void **state)
{
    struct rig *r = *state;
    struct migrate m = {.driver = &sqlite_migrate_driver,
                        .place = r->path,
                        .clock = &r->clock.base,
                        .arena = r->arena};

    assert_int_equal(migrate_verify(&m), ERR_OK);
    assert_int_equal(m.status[0].state, MIGRATION_APPLIED);
    assert_int_equal(m.status[0].applied_ms, NOW);
    assert_int_equal(migrate_down(&m, 0), ERR_CONFLICT); /* in use */
    store_close(r->store);
    r->store = NULL;
    assert_int_equal(migrate_down(&m, 0), ERR_OK);
    assert_int_equal(m.status[0].state, MIGRATION_PENDING);
    assert_int_equal(migrate_verify(&m), ERR_CONFLICT);
    sql(r, "CREATE TABLE notification (x)"); /* in the way */
    assert_int_equal(migrate_up(&m), ERR_IO);
    assert_non_null(strstr(m.why, "notification"));
    sql(r, "DROP TABLE notification"); /* and no half of it was left */
    assert_int_equal(migrate_up(&m), ERR_OK);
    assert_int_equal(migrate_verify(&m), ERR_OK);
    sql(r, "UPDATE migration SET sha256 = 'other'");
    assert_int_equal(migrate_verify(&m), ERR_CONFLICT);
    assert_non_null(strstr(m.why, "another text"));
    assert_int_equal(migrate_down(&m, 999), ERR_INVALID);
}

/* ---- how it asks ---- */

static void
no_hot_statement_scans_or_sorts(void **state)
{
    static const enum sql hot[] = {SQL_ready_scan,
                                   SQL_ready_scan_rest,
                                   SQL_delivery_finish,
                                   SQL_notification_claim,
                                   SQL_object_body,
                                   SQL_wait_due,
                                   SQL_dedup_get,
                                   SQL_idem_get,
                                   SQL_delivery_list,
                                   SQL_delivery_list_of,
                                   SQL_delivery_list_dead,
                                   SQL_notification_list,
                                   SQL_inbox_list,
                                   SQL_inbox_events,
                                   SQL_inbox_item_scan,
                                   SQL_object_list,
                                   SQL_object_list_all,
                                   SQL_lane_ready,
                                   SQL_member_add,
                                   SQL_member_remove,
                                   SQL_member_forget,
                                   SQL_member_roles,
                                   SQL_members,
                                   SQL_memberships,
                                   SQL_changes,
                                   SQL_idem_scan,
                                   SQL_lane_next,
                                   SQL_budget_get,
                                   SQL_budget_scan,
                                   SQL_dedup_read,
                                   SQL_cancel_find,
                                   SQL_purge_cancel_key,
                                   SQL_digest_join,
                                   SQL_digest_settle,
                                   SQL_digest_oldest,
                                   SQL_digest_newest,
                                   SQL_digest_list,
                                   SQL_work_due,
                                   SQL_work_next,
                                   SQL_digest_due,
                                   SQL_instance_due};
    struct rig *r = *state;
    sqlite3 *db;

    assert_int_equal(sqlite3_open(r->path, &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof(hot) / sizeof(*hot); i++) {
        char text[2048];
        sqlite3_stmt *s;

        snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s",
                 sql_texts[hot[i]].text);
        assert_int_equal(sqlite3_prepare_v2(db, text, -1, &s, NULL), SQLITE_OK);
        while (sqlite3_step(s) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(s, 3);

            if (strncmp(step, "SCAN", 4) == 0 || strstr(step, "TEMP B-TREE"))
                fail_msg("%s: %s", sql_texts[hot[i]].name, step);
        }
        sqlite3_finalize(s);
    }
    sqlite3_close(db);
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
    struct store_budget_take t = {
        .tenant = T, .now_ms = NOW, .budgets = b, .n_budgets = 2};
    struct store_purge p = {.now_ms = NOW + 100, .max = 10};

    assert_int_equal(ASK(r, budget_take, &t), ERR_OK);
    assert_int_equal(rows(r, "SELECT count(*) FROM budget"), 2);
    assert_int_equal(ASK(r, purge, &p), ERR_OK);
    assert_int_equal(rows(r, "SELECT count(*) FROM budget"), 1);
    assert_int_equal(
        rows(r, "SELECT count(*) FROM budget WHERE key = 'not yet'"), 1);
}

static const struct CMUnitTest own_tests[] = {
    RIG_TEST(budgets_that_are_over_leave_no_rows),
    RIG_TEST(an_intent_ends_with_the_last_of_its_batch),
    RIG_TEST(only_the_last_events_of_an_inbox_are_kept),
    RIG_TEST(what_was_in_flight_gets_an_attempt_that_says_so),
    RIG_TEST(what_every_one_of_three_crashes_was_about_is_a_dead_letter),
    RIG_TEST(a_claim_that_is_not_recorded_leaves_no_trace),
    RIG_TEST(death_before_the_commit_leaves_nothing),
    RIG_TEST(death_after_the_commit_leaves_all_and_the_repeat_is_known),
    RIG_TEST(all_is_there_after_a_restart),
    RIG_TEST(what_does_not_fit_fails_alone_and_leaves_nothing),
    RIG_TEST(a_commit_that_fails_is_uncertain_and_can_be_repeated),
    RIG_TEST(a_claim_whose_commit_fails_is_nobodys),
    RIG_TEST(a_sync_that_fails_ends_the_process),
    RIG_TEST(many_requests_at_once_are_all_answered_and_stored),
    RIG_TEST(a_full_queue_refuses_before_anything_is_done),
    RIG_TEST(close_finishes_what_was_submitted),
    RIG_TEST(what_is_asked_after_the_stop_is_told_so),
    RIG_TEST(a_second_opener_is_told_who_has_it),
    RIG_TEST(a_newer_schema_is_refused),
    RIG_TEST(what_the_first_programs_made_goes_on),
    RIG_TEST(roles_of_before_are_those_of_the_documents),
    RIG_TEST(what_is_due_later_is_so_after_a_restart),
    RIG_TEST(a_newer_schema_that_only_adds_is_no_hindrance),
    RIG_TEST(a_path_that_cannot_be_is_an_error_with_a_reason),
    RIG_TEST(migrations_go_down_and_up_again),
    RIG_TEST(no_hot_statement_scans_or_sorts),
};

int
main(int argc, char **argv)
{
    if (argc == 3)
        return die(argv[1], argv[2]);
    return run_contract("store/sqlite", own_tests,
                        sizeof(own_tests) / sizeof(*own_tests));
}
