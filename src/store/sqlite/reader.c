/* reader.c - the thread that answers questions, each from one snapshot. A read
 * may not last: while one does, the log cannot be used anew. */
#include "store/sqlite/reader.h"

#include "base/log.h"
#include "store/sqlite/sqlite_store.h"

#define READ_MS 2000     /* then a read is cut off */
#define LOOK_EVERY 20000 /* steps of SQLite's machine between looks */

static read_verb *const read_verbs[STORE_VERB_COUNT] = {
    [STORE_VERB_object_get] = read_object_get,
    [STORE_VERB_object_list] = read_object_list,
    [STORE_VERB_members] = read_members,
    [STORE_VERB_memberships] = read_memberships,
    [STORE_VERB_changes] = read_changes,
    [STORE_VERB_dedup_get] = read_dedup_get,
    [STORE_VERB_notification_get] = read_notification_get,
    [STORE_VERB_notification_list] = read_notification_list,
    [STORE_VERB_cancel_find] = read_cancel_find,
    [STORE_VERB_delivery_get] = read_delivery_get,
    [STORE_VERB_delivery_list] = read_delivery_list,
    [STORE_VERB_delivery_groups] = read_delivery_groups,
    [STORE_VERB_inbox_list] = read_inbox_list,
    [STORE_VERB_inbox_get] = read_inbox_get,
    [STORE_VERB_inbox_replay] = read_inbox_replay,
    [STORE_VERB_inbox_revs] = read_inbox_revs,
    [STORE_VERB_stats] = read_stats,
    [STORE_VERB_reports] = read_reports,
    [STORE_VERB_lanes] = read_lanes,
    [STORE_VERB_budget_look] = read_budget_look,
    [STORE_VERB_digest_list] = read_digest_list,
    [STORE_VERB_event_look] = read_event_look,
    [STORE_VERB_instance_list] = read_instance_list,
    [STORE_VERB_trial_count] = read_trial_count,
    [STORE_VERB_habits] = read_habits,
    [STORE_VERB_audit_list] = read_audit_list,
    [STORE_VERB_person] = read_person,
    [STORE_VERB_presses] = read_presses,
    [STORE_VERB_attachments] = read_attachments,
    [STORE_VERB_digest_members] = read_digest_members,
};

struct patience {
    struct clock *clock;
    int64_t until_ms;
};

static int
is_over(void *arg)
{
    struct patience *p = arg;

    return p->clock->mono_ms(p->clock) >= p->until_ms;
}

static void
run(struct db *c, enum sql which)
{
    struct query q = query(c, which);

    query_run(&q);
}

static enum err
answer(struct sqlite_store *s, struct store_req *req)
{
    struct reader *r = &s->reader;
    struct patience p = {s->clock, s->clock->mono_ms(s->clock) + READ_MS};
    enum err e, broken;

    if (req->expires_ms < p.until_ms)
        p.until_ms = req->expires_ms;
    sqlite3_progress_handler(r->conn.db, LOOK_EVERY, is_over, &p);
    run(&r->conn, SQL_read_begin);
    e = read_verbs[req->verb](r, req);
    broken = db_err(&r->conn);
    if (broken == ERR_IO)
        db_tell_failure(&r->conn, store_verb_name(req->verb));
    sqlite3_progress_handler(r->conn.db, 0, NULL, NULL);
    r->conn.rc = SQLITE_OK;
    run(&r->conn, SQL_read_end);
    r->conn.rc = SQLITE_OK;
    return broken != ERR_OK ? broken : e;
}

void *
reader_run(void *arg)
{
    struct sqlite_store *s = arg;
    bool is_resting = false;

    for (;;) {
        struct mail *first =
            mailbox_wait(&s->read_box, is_resting ? -1 : s->idle_ms);
        struct arena *a;
        struct store_req **reqs;
        size_t n;

        if (!first && mailbox_is_closed(&s->read_box))
            break;
        is_resting = !first;
        if (is_resting) {
            sqlite3_db_release_memory(s->reader.conn.db);
            continue;
        }
        a = arena_new();
        reqs = take_requests(s, first, a, &n);
        for (size_t i = 0; i < n; i++)
            store_req_complete(reqs[i], answer(s, reqs[i]));
        arena_free(a);
    }
    return NULL;
}
