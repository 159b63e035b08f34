/* store_migrate.c - migrations on a PostgreSQL server where others are at work
 * meanwhile. BELFRY_TEST_POSTGRES names one where databases may be made;
 * without it there is nothing to test. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/migration.h"
#include "store/postgres/inspect.h"
#include "store/postgres/postgres.h"

/* Three releases: the first one's programs go on with the second's schema, not
 * with the third's. */
static const struct migration scripts[] = {
    {1, "first", "CREATE TABLE one (x integer)", "DROP TABLE one", "aa", 1},
    {2, "more", "CREATE TABLE two (); ALTER TABLE one ADD COLUMN y integer",
     "ALTER TABLE one DROP COLUMN y; DROP TABLE two", "bb", 1},
    {3, "other", "ALTER TABLE one DROP COLUMN x",
     "ALTER TABLE one ADD COLUMN x integer", "cc", 3},
};
static const struct migration_set release[] = {
    {scripts, 0}, {scripts, 1}, {scripts, 2}, {scripts, 3}};

struct rig {
    char name[64], url[400];
    struct arena *arena;
    struct clock *clock;
};

static const char *
server(void)
{
    return getenv("BELFRY_TEST_POSTGRES");
}

static PGconn *
connect_to(const char *url)
{
    PGconn *c = PQconnectdb(url);

    if (PQstatus(c) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(c));
    PQclear(PQexec(c, "SET client_min_messages = error"));
    return c;
}

static void
run(PGconn *c, const char *sql)
{
    PGresult *r = PQexec(c, sql);
    ExecStatusType s = PQresultStatus(r);

    if (s != PGRES_COMMAND_OK && s != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    PQclear(r);
}

static void
run_on(const char *url, const char *sql)
{
    PGconn *c = connect_to(url);

    run(c, sql);
    PQfinish(c);
}

static bool
is_so(const struct rig *r, const char *sql)
{
    PGconn *c = connect_to(r->url);
    PGresult *answer = PQexec(c, sql);
    bool yes;

    if (PQresultStatus(answer) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(c));
    yes = PQntuples(answer) > 0 && PQgetvalue(answer, 0, 0)[0] == 't';
    PQclear(answer);
    PQfinish(c);
    return yes;
}

static int
set_up(void **state)
{
    static int n;
    struct rig *r = calloc(1, sizeof(*r));
    const char *slash = strrchr(server(), '/');
    char sql[200];

    assert_non_null(r);
    assert_non_null(slash);
    snprintf(r->name, sizeof(r->name), "migrate_%d_%d", (int)getpid(), n++);
    snprintf(r->url, sizeof(r->url), "%.*s/%s", (int)(slash - server()),
             server(), r->name);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", r->name);
    run_on(server(), sql);
    r->arena = arena_new();
    r->clock = clock_system();
    *state = r;
    return 0;
}

static int
tear_down(void **state)
{
    struct rig *r = *state;
    char sql[200];

    snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", r->name);
    run_on(server(), sql);
    arena_free(r->arena);
    free(r);
    return 0;
}

static struct migrate
migrate_of(const struct rig *r, const struct migration_set *known)
{
    return (struct migrate){.driver = &postgres_migrate_driver,
                            .place = r->url,
                            .clock = r->clock,
                            .arena = r->arena,
                            .known = known};
}

static void
must(struct migrate *m, enum err e)
{
    if (e != ERR_OK)
        fail_msg("%s", m->why);
}

/* The migration in a process of its own; it exits with the error. */
static pid_t
begin_up(const struct rig *r, const struct migration_set *known,
         int64_t wait_ms)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct migrate m = migrate_of(r, known);

        m.wait_ms = wait_ms;
        _exit((int)migrate_up(&m));
    }
    assert_true(pid > 0);
    return pid;
}

static int
end_of(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
wait_until(const struct rig *r, const char *sql)
{
    for (int i = 0; i < 1000; i++) {
        if (is_so(r, sql))
            return;
        usleep(20000);
    }
    fail_msg("never: %s", sql);
}

/* ---- up and down ---- */

static void
scripts_go_up_and_down(void **state)
{
    struct rig *r = *state;
    struct migrate m = migrate_of(r, &release[2]);

    must(&m, migrate_status(&m));
    assert_int_equal(migrate_count_pending(&m), 2);
    assert_int_equal(migrate_verify(&m), ERR_CONFLICT);
    must(&m, migrate_up(&m));
    assert_int_equal(migrate_version(&m), 2);
    assert_true(m.status[0].applied_ms > 0);
    must(&m, migrate_verify(&m));
    assert_true(is_so(r, "SELECT to_regclass('two') IS NOT NULL"));
    must(&m, migrate_up(&m)); /* nothing to do */
    must(&m, migrate_down(&m, 1));
    assert_int_equal(migrate_version(&m), 1);
    assert_true(is_so(r, "SELECT to_regclass('two') IS NULL"));
    must(&m, migrate_down(&m, 0));
    assert_int_equal(migrate_version(&m), 0);
    assert_true(is_so(r, "SELECT to_regclass('one') IS NULL"));
    must(&m, migrate_up(&m));
    must(&m, migrate_verify(&m));
    assert_int_equal(migrate_down(&m, 3), ERR_INVALID);
}

static void
the_real_ones_go_down_and_up_again(void **state)
{
    struct rig *r = *state;
    struct migrate m = migrate_of(r, NULL);

    must(&m, migrate_up(&m));
    must(&m, migrate_verify(&m));
    must(&m, migrate_down(&m, 0));
    assert_true(is_so(r,
                      "SELECT count(*) = 1 FROM pg_class WHERE relkind IN "
                      "('r', 'p') AND relnamespace = 'public'::regnamespace"));
    must(&m, migrate_up(&m));
    must(&m, migrate_verify(&m));
}

/* Users who were stored before there were sets. */
static void
roles_of_before_are_those_of_the_documents(void **state)
{
    struct rig *r = *state;
    struct migrate m = migrate_of(r, NULL);

    must(&m, migrate_up(&m));
    must(&m, migrate_down(&m, 5));
    run_on(r->url,
           "INSERT INTO object SELECT k, t, u, 1, 1, 1, 1, b FROM (VALUES "
           "(6, 7, 'ann', '{\"roles\":[\"a\",\"ops\",\"ops\"]}'), "
           "(6, 7, 'bob', '{\"roles\":null}'), "
           "(6, 7, 'cat', '{\"x\":[\"ops\"]}'), "
           "(6, 7, 'dan', '{\"roles\":[\"\\u006fps\"],\"x\":1e999999}'), "
           "(6, 7, 'eve', NULL), (10, 7, 'fay', '{\"roles\":[\"ops\"]}'), "
           "(6, 8, 'gus', '{\"roles\":[\"ops\"]}')) AS v (k, t, u, b)");
    must(&m, migrate_up(&m));
    assert_true(is_so(r,
                      "SELECT string_agg(concat(tenant, kind, key, user_id), "
                      "' ' ORDER BY tenant, key, user_id) = "
                      "'71aann 71opsann 71opsdan 81opsgus' FROM member"));
}

#define KEYS_ARE(keys)                                                         \
    "SELECT string_agg(user_id || '=' || key, ' ' ORDER BY id) = '" keys       \
    "' FROM digest"

/* Windows of before; where a sender has one, Belfry's own keeps its key. */
static void
own_windows_get_keys_of_their_own_and_back(void **state)
{
    struct rig *r = *state;
    struct migrate m = migrate_of(r, NULL);

    must(&m, migrate_up(&m));
    must(&m, migrate_down(&m, 18));
    run_on(r->url,
           "INSERT INTO digest (tenant, id, is_open, mode, is_leading, "
           "max_items, window_ms, max_window_ms, closes_ms, opened_ms, "
           "n_members, user_id, channel, key) SELECT 7, i, true, 0, false, 1, "
           "1, 1, 1, 1, 1, u, 'email', k FROM (VALUES (1, 'ann', 'attention'), "
           "(2, 'ann', 'attention:5'), (3, 'bob', 'attentions'), "
           "(4, 'eve', 'attention')) AS v (i, u, k)");
    must(&m, migrate_up(&m));
    assert_true(is_so(r, KEYS_ARE("ann=belfry/attention "
                                  "ann=belfry/attention:5 bob=attentions "
                                  "eve=belfry/attention")));
    run_on(r->url, "INSERT INTO digest SELECT tenant, 9, is_open, mode, "
                   "is_leading, max_items, window_ms, max_window_ms, "
                   "closes_ms, opened_ms, n_members, user_id, channel, "
                   "'attention' FROM digest WHERE id = 4");
    must(&m, migrate_down(&m, 18));
    assert_true(is_so(r, KEYS_ARE("ann=attention ann=attention:5 "
                                  "bob=attentions eve=belfry/attention "
                                  "eve=attention")));
}

static void
a_script_that_fails_leaves_nothing(void **state)
{
    struct rig *r = *state;
    struct migration all[2] = {scripts[0], scripts[1]};
    struct migration_set set = {all, 2};
    struct migrate m = migrate_of(r, &set);

    all[1].up = "CREATE TABLE two (); SELECT 1 / 0";
    assert_int_equal(migrate_up(&m), ERR_IO);
    assert_non_null(strstr(m.why, "migration 2 (more) failed"));
    assert_non_null(strstr(m.why, "division by zero"));
    assert_true(is_so(r, "SELECT to_regclass('two') IS NULL"));
    must(&m, migrate_status(&m));
    assert_int_equal(migrate_version(&m), 1);
}

static void
a_text_that_changed_is_a_conflict(void **state)
{
    struct rig *r = *state;
    struct migrate m = migrate_of(r, &release[2]);

    must(&m, migrate_up(&m));
    run_on(r->url, "UPDATE migration SET sha256 = 'zz' WHERE number = 1");
    assert_int_equal(migrate_verify(&m), ERR_CONFLICT);
    assert_non_null(strstr(m.why, "migration 1 was applied from another text"));
    assert_int_equal(m.status[0].state, MIGRATION_CHANGED);
    assert_int_equal(migrate_up(&m), ERR_CONFLICT);
    assert_int_equal(migrate_down(&m, 0), ERR_CONFLICT);
    assert_int_equal(migrate_version(&m), 2);
}

/* ---- releases side by side ---- */

static void
the_release_before_goes_on_where_something_was_added(void **state)
{
    struct rig *r = *state;
    struct migrate newer = migrate_of(r, &release[2]);
    struct migrate older = migrate_of(r, &release[1]);

    must(&newer, migrate_up(&newer));
    must(&older, migrate_up(&older));
    must(&older, migrate_verify(&older));
    assert_int_equal(migrate_version(&older), 2);
    assert_int_equal(older.status[1].state, MIGRATION_NEWER);
    assert_int_equal(migrate_down(&older, 0), ERR_CONFLICT);
    assert_non_null(strstr(older.why, "newer program"));
}

static void
the_release_before_is_refused_where_something_went(void **state)
{
    struct rig *r = *state;
    struct migrate newer = migrate_of(r, &release[3]);

    must(&newer, migrate_up(&newer));
    for (int i = 1; i <= 2; i++) {
        struct migrate older = migrate_of(r, &release[i]);

        assert_int_equal(migrate_up(&older), ERR_CONFLICT);
        assert_non_null(strstr(older.why, "schema 3"));
        must(&older, migrate_status(&older));
        assert_int_equal(older.status[2].state, MIGRATION_UNKNOWN);
    }
}

static void
a_server_starts_on_a_newer_schema_that_only_adds(void **state)
{
    struct rig *r = *state;
    struct postgres_store_options o = {.url = r->url, .clock = r->clock};
    struct migrate m = migrate_of(r, NULL);
    struct store *s = NULL;
    const char *why = "";
    char sql[200];

    must(&m, migrate_up(&m));
    snprintf(sql, sizeof(sql),
             "INSERT INTO migration (number, name, sha256, works_with, "
             "applied_ms) VALUES (99, 'later', 'x', %d, 1)",
             postgres_migrations.n);
    run_on(r->url, sql);
    if (postgres_store_open(&o, &s, &why) != ERR_OK)
        fail_msg("%s", why);
    store_close(s);
    run_on(r->url, "UPDATE migration SET works_with = 99 WHERE number = 99");
    s = NULL;
    assert_int_equal(postgres_store_open(&o, &s, &why), ERR_CONFLICT);
    assert_null(s);
    assert_non_null(strstr(why, "schema 99"));
    assert_non_null(strstr(why, "use the newer program"));
}

/* ---- several at once ---- */

#define SLOW "SELECT pg_sleep(0.5); "

static void
of_several_at_once_one_migrates_and_the_others_find_it_done(void **state)
{
    struct rig *r = *state;
    struct migration all[2] = {scripts[0], scripts[1]};
    struct migration_set set = {all, 2};
    struct migrate m = migrate_of(r, &set);
    pid_t pids[4];

    all[0].up = SLOW "CREATE TABLE one (x integer)";
    for (int i = 0; i < 4; i++)
        pids[i] = begin_up(r, &set, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(end_of(pids[i]), ERR_OK);
    must(&m, migrate_verify(&m));
}

#define RUNS                                                                   \
    "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = "               \
    "current_database() AND query LIKE 'CREATE TABLE two%'"

static void
who_waits_too_long_is_told_for_whom(void **state)
{
    struct rig *r = *state;
    struct migration all[2] = {scripts[0], scripts[1]};
    struct migration_set set = {all, 2};
    struct migrate m = migrate_of(r, &set);
    pid_t pid;

    all[1].up = "CREATE TABLE two (); SELECT pg_sleep(3)";
    pid = begin_up(r, &set, 0);
    wait_until(r, RUNS);
    m.wait_ms = 400;
    assert_int_equal(migrate_up(&m), ERR_TIMEOUT);
    assert_non_null(strstr(m.why, "another process migrates this database"));
    assert_non_null(strstr(m.why, "belfry migrate"));
    must(&m, migrate_status(&m)); /* to look is always allowed */
    assert_int_equal(migrate_version(&m), 1);
    assert_int_equal(end_of(pid), ERR_OK);
    must(&m, migrate_up(&m));
    must(&m, migrate_verify(&m));
}

static void
one_that_is_killed_leaves_neither_half_a_script_nor_its_lock(void **state)
{
    struct rig *r = *state;
    struct migration all[2] = {scripts[0], scripts[1]};
    struct migration_set set = {all, 2};
    struct migrate m = migrate_of(r, &set);
    pid_t pid;

    all[1].up = "CREATE TABLE two (); SELECT pg_sleep(120)";
    pid = begin_up(r, &set, 0);
    wait_until(r, RUNS);
    kill(pid, SIGKILL);
    assert_int_equal(end_of(pid), -1);
    all[1].up = scripts[1].up;
    m.wait_ms = 20000; /* far less than it would sleep */
    must(&m, migrate_up(&m));
    must(&m, migrate_verify(&m));
}

/* ---- others at work ---- */

static void
a_lock_that_others_keep_is_an_error_that_names_them(void **state)
{
    struct rig *r = *state;
    struct migrate first = migrate_of(r, &release[1]);
    struct migrate m = migrate_of(r, &release[2]);
    PGconn *other;

    must(&first, migrate_up(&first));
    other = connect_to(r->url);
    run(other, "SET application_name = 'nightly report'");
    run(other, "BEGIN");
    run(other, "SELECT * FROM one");
    m.lock_ms = 100;
    m.tries = 2;
    assert_int_equal(migrate_up(&m), ERR_TIMEOUT);
    assert_non_null(strstr(m.why, "lock timeout"));
    assert_non_null(strstr(m.why, "nightly report"));
    assert_non_null(strstr(m.why, "holds one"));
    assert_true(is_so(r, "SELECT to_regclass('two') IS NULL"));
    must(&m, migrate_status(&m));
    assert_int_equal(migrate_version(&m), 1);
    run(other, "COMMIT");
    must(&m, migrate_up(&m));
    assert_int_equal(migrate_down(&m, 5), ERR_INVALID);
    run(other, "BEGIN");
    run(other, "SELECT * FROM one");
    assert_int_equal(migrate_down(&m, 1), ERR_TIMEOUT);
    assert_true(is_so(r, "SELECT to_regclass('two') IS NOT NULL"));
    PQfinish(other);
}

static void
a_lock_that_comes_free_is_tried_again(void **state)
{
    struct rig *r = *state;
    struct migrate m = migrate_of(r, &release[1]);
    PGconn *other;
    pid_t pid;

    must(&m, migrate_up(&m));
    other = connect_to(r->url);
    run(other, "BEGIN");
    run(other, "SELECT * FROM one");
    pid = begin_up(r, &release[2], 0);
    wait_until(r, "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = "
                  "current_database() AND query LIKE '%pg_sleep(500 /%' AND "
                  "query NOT LIKE '%pg_stat%'"); /* the pause after the first */
    run(other, "COMMIT");
    PQfinish(other);
    assert_int_equal(end_of(pid), ERR_OK);
    m.known = &release[2];
    must(&m, migrate_verify(&m));
}

/* ---- what is shown ---- */

static void
a_password_is_never_shown(void **state)
{
    static const char *const urls[] = {
        "postgres://ann:hunter2@db.example:6000/news?sslmode=disable",
        "postgresql://ann@db.example:6000/news?password=hunter2",
    };
    struct rig *r = *state;
    struct migrate m = migrate_of(r, NULL);

    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        struct str shown = postgres_url_shown(r->arena, str_from(urls[i]));

        assert_true(str_is(shown, "postgres://ann@db.example:6000/news"));
    }
    m.place = "postgres://ann:hunter2%zz@[::1/news";
    assert_int_equal(migrate_status(&m), ERR_INVALID);
    assert_null(strstr(m.why, "hunter2"));
    assert_true(str_is(postgres_url_shown(r->arena, str_from(m.place)),
                       "postgres://?"));
}

static void
an_inspection_tells_of_nodes_and_of_the_oldest_transaction(void **state)
{
    struct rig *r = *state;
    struct postgres_inspect p = {
        .url = r->url, .clock = r->clock, .arena = r->arena};
    struct postgres_store_options o = {
        .url = r->url, .clock = r->clock, .roles = "api"};
    struct store *s = NULL;
    const char *why = "";
    PGconn *other;

    assert_int_equal(postgres_inspect(&p), ERR_OK); /* an empty database */
    assert_int_equal(p.n_nodes, 0);
    assert_true(p.version >= POSTGRES_VERSION_LEAST);
    assert_true(str_is(p.encoding, "UTF8"));
    assert_true(str_is(p.fsync, "on"));
    if (postgres_store_open(&o, &s, &why) != ERR_OK)
        fail_msg("%s", why);
    other = connect_to(r->url);
    run(other, "SET application_name = 'nightly report'");
    run(other, "BEGIN");
    run(other, "SELECT 1");
    for (int i = 0; i < 1000; i++) { /* the server's own end soon */
        assert_int_equal(postgres_inspect(&p), ERR_OK);
        if (p.oldest.pid == PQbackendPID(other))
            break;
        poll(NULL, 0, 10);
    }
    assert_int_equal(p.n_nodes, 1);
    assert_int_equal(p.nodes[0].pid, getpid());
    assert_true(str_is(p.nodes[0].version, BELFRY_VERSION));
    assert_int_equal(p.oldest.pid, PQbackendPID(other));
    assert_true(str_is(p.oldest.application, "nightly report"));
    assert_true(str_is(p.oldest.state, "idle in transaction"));
    assert_in_range(p.ahead_ms + 10000, 0, 20000);
    PQfinish(other);
    store_close(s);
}

#define MIGRATE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static const struct CMUnitTest tests[] = {
    MIGRATE_TEST(scripts_go_up_and_down),
    MIGRATE_TEST(the_real_ones_go_down_and_up_again),
    MIGRATE_TEST(own_windows_get_keys_of_their_own_and_back),
    MIGRATE_TEST(roles_of_before_are_those_of_the_documents),
    MIGRATE_TEST(a_script_that_fails_leaves_nothing),
    MIGRATE_TEST(a_text_that_changed_is_a_conflict),
    MIGRATE_TEST(the_release_before_goes_on_where_something_was_added),
    MIGRATE_TEST(the_release_before_is_refused_where_something_went),
    MIGRATE_TEST(a_server_starts_on_a_newer_schema_that_only_adds),
    MIGRATE_TEST(of_several_at_once_one_migrates_and_the_others_find_it_done),
    MIGRATE_TEST(who_waits_too_long_is_told_for_whom),
    MIGRATE_TEST(one_that_is_killed_leaves_neither_half_a_script_nor_its_lock),
    MIGRATE_TEST(a_lock_that_others_keep_is_an_error_that_names_them),
    MIGRATE_TEST(a_lock_that_comes_free_is_tried_again),
    MIGRATE_TEST(a_password_is_never_shown),
    MIGRATE_TEST(an_inspection_tells_of_nodes_and_of_the_oldest_transaction),
};

int
main(void)
{
    if (!server()) {
        printf("1..0 # SKIP BELFRY_TEST_POSTGRES is not set\n");
        return 0;
    }
    return cmocka_run_group_tests_name("store/migrate", tests, NULL, NULL);
}
