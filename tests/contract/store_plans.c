/* store_plans.c - all statements that touch a table which grows, explained on
 * tables whose statistics tell of another moment. */
#include "store_plans.h"

#include <fnmatch.h>
#include <libpq-fe.h>
#include <stdio.h>

#include "pg_rig.h"
#include "store/pg_statements.h"
#include "store/postgres/plans.h"

#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

/* The tables that grow, and what a look-up in an index of them has to name: of
 * a primary key all of it. Indexes of days have names of their own. */
static const struct key {
    const char *table, *index; /* NULL: the primary key */
    const char *columns[3];
} keys[] = {
    {"ready", "ready_lane", {"lane"}},
    {"ready", NULL, {"tenant", "id"}},
    {"waiting", "waiting_due", {"due_ms"}},
    {"waiting", "waiting_digest", {"digest"}},
    {"waiting", NULL, {"tenant", "id"}},
    {"dead", NULL, {"tenant", "id"}},
    {"ended", NULL, {"tenant", "id"}},
    {"attempt", NULL, {"delivery"}},
    {"notification", NULL, {"tenant", "id"}},
    {"cancel_key", NULL, {"tenant", "key"}},
    {"outbox", NULL, {"id"}},
    {"work", "work_plan", {"taken_until"}},
    {"work", "work_unplanned", {"id"}},
    {"work", "work_digest", {"taken_until"}},
    {"work", "work_workflow", {"taken_until"}},
    {"work", "work_notification", {"notification"}},
    {"work", "work_event", {"user_id", "event"}},
    {"work", "work_held", {"tenant"}},
    {"work", NULL, {"tenant", "id"}},
    {"digest", "digest_open", {"tenant", "user_id", "channel"}},
    {"digest", NULL, {"tenant", "id"}},
    {"workflow_step", "workflow_step_at", {"at_ms"}},
    {"workflow_step", NULL, {"notification"}},
    {"user_event", "user_event_at", {"at_ms"}},
    {"user_event", NULL, {"tenant", "user_id", "name"}},
    {"trial", "trial_at", {"at_ms"}},
    {"trial", NULL, {"tenant", "round", "user_id"}},
    {"trial_delivery", NULL, {"delivery"}},
    {"taken", "taken_message", {"tenant", "lane", "message"}},
    {"taken", NULL, {"delivery"}},
    {"delivery_device", NULL, {"delivery"}},
    {"attachment", NULL, {"notification"}},
    {"told", "told_at", {"tenant", "at_ms"}},
    {"told", NULL, {"id"}},
    {"telling", "telling_told", {"told"}},
    {"telling", "telling_free", {"taken_until"}},
    {"telling", NULL, {"id"}},
    {"attempt_note", NULL, {"delivery"}},
    {"intent", NULL, {"lane"}},
    {"object", NULL, {"kind", "tenant", "key"}},
    {"member", "member_user", {"tenant", "user_id"}},
    {"member", NULL, {"tenant", "kind", "key"}},
    {"change", NULL, {"seq"}},
    {"idem", "idem_until", {"until_ms"}},
    {"idem", NULL, {"tenant", "key"}},
    {"dedup", "dedup_until", {"until_ms"}},
    {"dedup", NULL, {"tenant", "key"}},
    {"budget", "budget_until", {"until_ms"}},
    {"budget", NULL, {"tenant", "key"}},
    {"habit", NULL, {"tenant", "user_id"}},
    {"audit", "audit_old", {"id"}},
    {"audit", NULL, {"tenant", "id"}},
    {"press", "press_at", {"at_ms"}},
    {"press", "press_user", {"tenant", "user_id"}},
    {"press", NULL, {"ref", "user_id", "action"}},
    {"inbox_user", NULL, {"tenant", "user_id"}},
    {"inbox_item", NULL, {"tenant", "user_id", "id"}},
    {"inbox_event", NULL, {"tenant", "user_id", "rev"}},
};

/* What names less, and why that is right. */
static const struct {
    const char *statement, *scan; /* patterns */
} others[] = {
    /* the first that suits ends it */
    {"look", "waiting_due on waiting"},
    {"waiting_next", "waiting_due on waiting"},
    {"look", "outbox_pkey on outbox"},
    {"outbox_take", "outbox_pkey on outbox"},
    {"lanes_due", "ready_lane on ready"},
    {"stats_*", "ready_lane on ready"},
    {"purge_scan", "notification*_pkey on notification*"},
    {"changes", "change_pkey on change*"},
    {"told_sweep", "told_pkey on told*"},
    /* an index of days, each of which has a name of its own */
    {"purge_cancel_keys", "cancel_key_*notification_idx on cancel_key_*"},
    {"children_*", "notification_*parent_id_idx* on notification_* c*"},
    {"children_find", "notification_*parent_id_idx* on notification_* y*"},
    {"cancel_find", "notification_*parent_id_idx* on notification_* c*"},
    {"notification_list", "notification_*parent_id_idx* on notification_* y*"},
    {"children_*", "* on intent i*"},
    /* no more of a workspace than a limit */
    {"delivery_groups", "dead_pkey on dead"},
    {"lanes", "waiting_pkey on waiting"},
    /* all of a workspace go, so many at a time */
    {"habit_sweep", "habit_pkey on habit y*"},
    /* the whole inbox of a user is meant */
    {"inbox_items_all", "inbox_item_pkey on inbox_item"},
    /* from what came with it on, which is seldom far */
    {"inbox_item_find", "inbox_item_pkey on inbox_item"},
    /* all are counted */
    {"trial_count", "trial_pkey on trial*"},
    {"stats_counts", "waiting_due on waiting"},
    {"stats_sizes", "dead_pkey on dead"},
    /* what is in flight is a few batches */
    {"delivery_*", "* on intent i*"},
    {"notification_list", "* on intent i*"},
    /* what is not planned yet: the first that suits ends it */
    {"purge_scan", "work_pkey on work r*"},
    {"notification_list", "work_pkey on work w*"},
};

/* ---- a plan ---- */

static bool
is_other(const char *statement, const char *scan)
{
    for (size_t i = 0; i < N_OF(others); i++)
        if (fnmatch(others[i].statement, statement, 0) == 0 &&
            fnmatch(others[i].scan, scan, 0) == 0)
            return true;
    return false;
}

/* "ended_old e" and "ended_20261128" are of "ended". */
static bool
is_of_table(const char *on, const char *table)
{
    size_t n = strlen(table);

    if (strncmp(on, table, n) != 0)
        return false;
    return on[n] == '\0' || on[n] == ' ' || strncmp(on + n, "_old", 4) == 0 ||
           strncmp(on + n, "_20", 3) == 0;
}

/* The key that a scan must name: "ready_lane on ready r". NULL: that table
 * does not grow. */
static const struct key *
key_of(const char *scan)
{
    const char *on = strstr(scan, " on ");

    for (size_t i = 0; on && i < N_OF(keys); i++)
        if (is_of_table(on + 4, keys[i].table) &&
            (!keys[i].index ||
             strncmp(scan, keys[i].index, strlen(keys[i].index)) == 0))
            return &keys[i];
    return NULL;
}

/* As a column of the table itself: "(id = ", "ROW(tenant, id)", not "w.id". */
static bool
names(const char *cond, const char *column)
{
    size_t n = strlen(column);

    for (const char *p = cond; (p = strstr(p, column)) != NULL; p += n)
        if (strchr("( ", p[-1]) && strchr(" ,)", p[n]))
            return true;
    return false;
}

static bool
is_looked_up(const struct key *k, const char *next)
{
    const char *cond = strstr(next, "Index Cond: ");

    for (size_t i = 0; i < N_OF(k->columns) && k->columns[i]; i++)
        if (!cond || !names(cond, k->columns[i]))
            return false;
    return true;
}

/* NULL: this step reads no table. */
static const char *
scan_of(const char *step)
{
    static const char *const marks[] = {" Scan using ", "Scan Backward using "};
    const char *at = strstr(step, "Seq Scan on ");

    if (at)
        return at + 4;
    for (size_t i = 0; i < N_OF(marks); i++)
        if ((at = strstr(step, marks[i])) != NULL)
            return at + strlen(marks[i]);
    return strstr(step, "Bitmap Index"); /* "... Scan on ready_lane" */
}

/* How many steps are wrong; each is printed. */
static int
judge(const char *moment, const char *name, const PGresult *plan)
{
    int n = 0;

    for (int i = 0; i < PQntuples(plan); i++) {
        const char *step = PQgetvalue(plan, i, 0);
        const char *next =
            i + 1 < PQntuples(plan) ? PQgetvalue(plan, i + 1, 0) : "";
        const char *scan = scan_of(step);
        const struct key *k = scan ? key_of(scan) : NULL;

        bool is_wrong = strstr(step, "Bitmap") ||
                        (k && !is_looked_up(k, next) && !is_other(name, scan));

        /* It would be read from there to the end of the tenant. */
        is_wrong |= strstr(step, "Index Cond") && strstr(step, "<= ROW(");
        /* A list that goes on is read in order, and ends. */
        is_wrong |=
            strstr(step, "->  Sort") && strcmp(name, "delivery_list") == 0;
        if (is_wrong)
            print_error("%s: %s: %s %s\n", moment, name, step, next);
        n += is_wrong;
    }
    return n;
}

/* ---- all statements ---- */

static PGresult *
query(PGconn *c, const char *name, const char *sql)
{
    PGresult *r = PQexec(c, sql);

    if (PQresultStatus(r) != PGRES_TUPLES_OK &&
        PQresultStatus(r) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", name, PQerrorMessage(c));
    return r;
}

/* Parameters that no table is ruled out by, as NULL would be. */
static PGresult *
explain(PGconn *c, const struct pg_text *t)
{
    char sql[8192];
    PGresult *given;
    PGresult *plan;

    snprintf(sql, sizeof(sql), "PREPARE %s AS %s", t->name, t->text);
    PQclear(query(c, t->name, sql));
    snprintf(sql, sizeof(sql),
             "SELECT '(' || string_agg(CASE WHEN t::text LIKE '%%[]' THEN "
             "'''{}''' ELSE '''1''' END, ',') || ')' FROM "
             "pg_prepared_statements, unnest(parameter_types) AS t "
             "WHERE name = '%s'",
             t->name);
    given = query(c, t->name, sql);
    snprintf(sql, sizeof(sql), "EXPLAIN (COSTS OFF) EXECUTE %s%s", t->name,
             PQgetvalue(given, 0, 0));
    PQclear(given);
    plan = query(c, t->name, sql);
    return plan;
}

/* Not BEGIN and the like; and the keeper's are not of these tables. */
static bool
is_to_be_explained(const struct pg_text *t)
{
    return strchr(t->text, ' ') != NULL && strcmp(t->who, "keeper") != 0;
}

static bool
is_of_writer(const struct pg_text *t)
{
    return strcmp(t->who, "read") != 0 && strcmp(t->who, "control") != 0;
}

static int
judge_all(const char *url, const char *moment)
{
    int n = 0;

    for (int writer = 0; writer < 2; writer++) {
        PGconn *c = PQconnectdb(url);

        PQclear(
            query(c, "plans", writer ? PG_PLANS PG_PLANS_WRITER : PG_PLANS));
        for (int i = 0; i < PG_COUNT; i++) {
            const struct pg_text *t = &pg_texts[i];
            PGresult *plan;

            if (!is_to_be_explained(t) || is_of_writer(t) != (writer == 1))
                continue;
            plan = explain(c, t);
            n += judge(moment, t->name, plan);
            PQclear(plan);
        }
        PQfinish(c);
    }
    return n;
}

/* ---- moments ---- */

#define EACH " FROM generate_series(1, 20000) AS g (i); "

static const char fill[] =
    "INSERT INTO notification SELECT 7, i, 1, i, i, 1, 1, 2, false, NULL, "
    "NULL, NULL, NULL, '{}', i - i % 2" EACH
    "INSERT INTO ready (tenant, id, notification, lane, rank, created_ms, "
    "updated_ms, recipient, attempts, priority, channel) "
    "SELECT 7, i, i, 100, i, 1, 1, 0, 0, 2, 'email'" EACH
    "INSERT INTO waiting (tenant, id, notification, due_ms, lane, rank, "
    "created_ms, updated_ms, recipient, attempts, priority, status, channel) "
    "SELECT 7, i, i, i, 100, i, 1, 1, 0, 0, 2, 1, 'email'" EACH
    "INSERT INTO dead (tenant, id, notification, created_ms, updated_ms, "
    "recipient, attempts, priority, status, channel) "
    "SELECT 7, i, i, 1, 1, 0, 0, 2, 7, 'email'" EACH
    "INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, "
    "recipient, attempts, priority, status, channel) "
    "SELECT 7, i, i, 1, 1, 0, 0, 2, 5, 'email'" EACH
    "INSERT INTO attempt SELECT i, 1, 1, 1, 1, 1" EACH
    "INSERT INTO cancel_key SELECT 7, i, 'k' || i" EACH
    "INSERT INTO outbox (tenant, at, doc) SELECT 7, now(), '{}'" EACH
    "INSERT INTO work SELECT 7, i, 1 + i % 3, now(), now(), '', i, 'u' || i, "
    "'read'" EACH
    "INSERT INTO workflow_step SELECT i, i, 7, i, 'u', 's', 'v', ''" EACH
    "INSERT INTO user_event SELECT 7, 'u' || i, 'e', i, i, ''" EACH
    "INSERT INTO trial SELECT 7, 1, i, i, i, i, 'u' || i, 'a'" EACH
    "INSERT INTO trial_delivery SELECT i, 7, 1, 'u' || i, 'a'" EACH
    "INSERT INTO delivery_device SELECT i, 7, 'fcm/phone'" EACH
    "INSERT INTO attachment SELECT i, 0, 7, 'aGk='" EACH
    "INSERT INTO told (tenant, at_ms, delivery, notification, item, attempts, "
    "kind) SELECT 7, i, i, i, 0, 1, 1" EACH
    "INSERT INTO telling (told, lane) SELECT i, 0" EACH
    "INSERT INTO press SELECT i, 'u' || i, 'a', 7, i, i, i, 0, 1, 1, 200" EACH
    "INSERT INTO attempt_note SELECT i, 1, 7, 1, '1 EUR', NULL" EACH
    "INSERT INTO digest SELECT 7, i, true, 0, false, 100, 1, 1, 1, 1, 1, "
    "'u' || i, 'email', ''" EACH
    "INSERT INTO intent SELECT 100, i, 7, 1, ARRAY[i], ARRAY[1]" EACH
    "INSERT INTO object SELECT 6, 7, 'u' || i, i, 1, 1, 1, '{}'" EACH
    "INSERT INTO member SELECT 7, 2, 't', 'u' || i" EACH
    "INSERT INTO change SELECT i, 7, 6, 'u' || i" EACH
    "INSERT INTO idem SELECT 7, 'k' || i, i, 200, '', ''" EACH
    "INSERT INTO dedup SELECT 7, 'k' || i, i, i, 1" EACH
    "INSERT INTO budget SELECT 7, 'k' || i, i, 1, 1, 1, ARRAY[i]" EACH
    "INSERT INTO inbox_user SELECT 7, 'u' || i, 1, 1, 1" EACH
    "INSERT INTO inbox_item SELECT 7, i, 1, 1, 1, 1, 1, 1, 1, 'u', NULL, "
    "''" EACH
    "INSERT INTO inbox_event SELECT 7, i, 1, 1, 1, 1, 'u', ARRAY[i]" EACH;

static const char empty[] =
    "DELETE FROM notification; DELETE FROM ready; DELETE FROM waiting; "
    "DELETE FROM dead; DELETE FROM ended; DELETE FROM attempt; "
    "DELETE FROM cancel_key; "
    "DELETE FROM outbox; DELETE FROM work; DELETE FROM workflow_step; "
    "DELETE FROM trial; DELETE FROM trial_delivery; "
    "DELETE FROM delivery_device; DELETE FROM attachment; DELETE FROM told; "
    "DELETE FROM telling; DELETE FROM press; DELETE FROM attempt_note; "
    "DELETE FROM user_event; DELETE FROM digest; DELETE FROM "
    "intent; "
    "DELETE FROM object; DELETE FROM member; DELETE FROM change; DELETE FROM "
    "idem; "
    "DELETE FROM dedup; DELETE FROM budget; DELETE FROM inbox_user; DELETE "
    "FROM inbox_item; "
    "DELETE FROM inbox_event";

void
each_row_is_found_by_its_key_whatever_statistics_say(void **state)
{
    const char *url = pg_url(*state);
    int n = 0;

    pg_run(url, "VACUUM ANALYZE");
    n += judge_all(url, "analysed empty");
    pg_run(url, fill);
    n += judge_all(url, "filled since");
    pg_run(url, "VACUUM ANALYZE");
    n += judge_all(url, "analysed full");
    pg_run(url, empty);
    n += judge_all(url, "emptied since");
    pg_run(url,
           "VACUUM ANALYZE"); /* the pages stay, and are said to be empty */
    pg_run(url, fill);
    n += judge_all(url, "filled again");
    pg_run(url, "DELETE FROM work WHERE kind = 1");
    pg_run(url, "VACUUM ANALYZE");
    n += judge_all(url, "nothing to plan");
    assert_int_equal(n, 0);
}
