/* upkeep.c - forgetting what is old, a bounded piece at a time. Where a piece
 * ends is remembered in memory only: a restart begins anew. */
#include "base/list.h"
#include "store/sqlite/tell.h"
#include "store/sqlite/writer.h"

#define SCAN_FACTOR 20 /* notifications looked at for each to purge */
#define DELIVERIES_MAX                                                         \
    20000 /* rows gone in one call; big ones take several                      \
           */
#define CHANGES_KEPT                                                           \
    100000             /* of the feed; a follower is never that far off        \
                        */
#define SWEEP_MAX 2000 /* keys looked at in one call */

struct candidate {
    int64_t id, created_ms, tenant;
};
struct purging {
    struct writer *w;
    struct store_purge *p;
    size_t budget; /* deliveries that may still go in this call */
};

static int64_t
remove_by(struct writer *w, enum sql which, int64_t id)
{
    struct query q = query(&w->conn, which);

    put_int(&q, id);
    return query_run(&q);
}

static bool
is_due(struct purging *u, const struct candidate *c, size_t *ret_deliveries)
{
    struct query q = query(&u->w->conn, SQL_purge_state);
    bool is_open, has_dead;
    int64_t before;

    put_int(&q, c->id);
    put_int(&q, c->tenant);
    if (!query_row(&q))
        return false;
    is_open = take_int(&q) != 0;
    has_dead = take_int(&q) != 0;
    *ret_deliveries = (size_t)take_int(&q);
    query_end(&q);
    before = has_dead ? u->p->dead_before_ms : u->p->settled_before_ms;
    return !is_open && before > 0 && c->created_ms < before;
}

static void
purge_deliveries(struct purging *u, int64_t notification, size_t n)
{
    int64_t *ids = ARENA_ARRAY(u->w->arena, int64_t, n);
    struct query q = query(&u->w->conn, SQL_purge_pick);
    size_t got = 0;

    put_int(&q, notification);
    put_int(&q, (int64_t)n);
    while (query_row(&q))
        ids[got++] = take_int(&q);
    for (size_t i = 0; i < got; i++) {
        remove_by(u->w, SQL_purge_attempts, ids[i]);
        remove_by(u->w, SQL_purge_attempt_notes, ids[i]);
        remove_by(u->w, SQL_purge_taken, ids[i]);
        remove_by(u->w, SQL_purge_delivery, ids[i]);
    }
    u->budget -= got;
}

/* False: the budget is used up before it was all gone. */
static bool
purge_one(struct purging *u, const struct candidate *c)
{
    size_t n;

    if (!is_due(u, c, &n))
        return true;
    if (n > u->budget) {
        purge_deliveries(u, c->id, u->budget);
        return false;
    }
    purge_deliveries(u, c->id, n);
    remove_by(u->w, SQL_purge_cancel_key, c->id);
    remove_by(u->w, SQL_purge_attachments, c->id);
    remove_by(u->w, SQL_purge_notification, c->id);
    u->p->n_purged++;
    return true;
}

static void
purge_notifications(struct writer *w, struct store_purge *p)
{
    struct purging u = {.w = w, .p = p, .budget = DELIVERIES_MAX};
    size_t room = p->max * SCAN_FACTOR, n = 0;
    struct candidate *found = ARENA_ARRAY(w->arena, struct candidate, room);
    struct query q = query(&w->conn, SQL_purge_scan);
    int64_t latest = p->settled_before_ms > p->dead_before_ms
                         ? p->settled_before_ms
                         : p->dead_before_ms;
    bool is_end = true;

    put_int(&q, w->purge_after);
    put_int(&q, (int64_t)room);
    while (query_row(&q)) {
        found[n].id = take_int(&q);
        found[n].created_ms = take_int(&q);
        found[n].tenant = take_int(&q);
        if (found[n].created_ms >= latest) {
            query_end(&q);
            break;
        }
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        if (p->n_purged == p->max || !purge_one(&u, &found[i])) {
            is_end = false;
            p->n_purged = p->max;
            break;
        }
        w->purge_after = found[i].id;
    }
    if (is_end && n < room)
        w->purge_after = 0;
}

struct sweep_sql {
    enum sql scan, remove;
};

/* Keys whose window has passed, in the order of the keys, round and round. */
static void
sweep(struct writer *w, struct sweep *s, struct sweep_sql sql, int64_t now_ms)
{
    struct gone {
        int64_t tenant;
        struct str key;
    } *gone = ARENA_ARRAY(w->arena, struct gone, SWEEP_MAX);
    struct query q = query(&w->conn, sql.scan);
    struct gone last = {0};
    size_t seen = 0, n = 0;

    put_int(&q, s->tenant);
    put_text(&q, buf_str(&s->key));
    put_int(&q, SWEEP_MAX);
    while (query_row(&q)) {
        last.tenant = take_int(&q);
        last.key = take_text(&q, w->arena);
        if (take_int(&q) <= now_ms)
            gone[n++] = last;
        seen++;
    }
    for (size_t i = 0; i < n; i++) {
        q = query(&w->conn, sql.remove);
        put_int(&q, gone[i].tenant);
        put_text(&q, gone[i].key);
        query_run(&q);
    }
    buf_reset(&s->key);
    s->tenant = INT64_MIN;
    if (seen == SWEEP_MAX) {
        s->tenant = last.tenant;
        buf_put_str(&s->key, last.key);
    }
}

/* Nobody but this process writes into the file. */
enum err
write_outbox(struct writer *w, struct store_req *req)
{
    struct store_outbox *o = CONTAINER_OF(req, struct store_outbox, req);

    (void)w;
    o->n_rows = 0;
    o->change_seq = 0;
    return ERR_OK;
}

/* There is nobody to read it. */
enum err
write_report(struct writer *w, struct store_req *req)
{
    (void)w, (void)req;
    return ERR_OK;
}

enum err
write_purge(struct writer *w, struct store_req *req)
{
    struct store_purge *p = CONTAINER_OF(req, struct store_purge, req);
    struct query q;

    p->n_purged = 0;
    if (p->max > 10000)
        p->max = 10000;
    if (p->settled_before_ms > 0 || p->dead_before_ms > 0)
        purge_notifications(w, p);
    sweep(w, &w->idem_sweep, (struct sweep_sql){SQL_idem_scan, SQL_idem_remove},
          p->now_ms);
    sweep(w, &w->dedup_sweep,
          (struct sweep_sql){SQL_dedup_scan, SQL_dedup_remove}, p->now_ms);
    sweep(w, &w->budget_sweep,
          (struct sweep_sql){SQL_budget_scan, SQL_budget_remove}, p->now_ms);
    workflow_sweep(w, p->settled_before_ms, SWEEP_MAX);
    trial_sweep(w, p, SWEEP_MAX);
    audit_sweep(w, p->audit_before_ms, SWEEP_MAX);
    told_sweep(w, p->told_before_ms, SWEEP_MAX);
    habit_sweep(w, p, SWEEP_MAX);
    press_sweep(w, p, SWEEP_MAX);
    q = query(&w->conn, SQL_change_trim);
    put_int(&q, CHANGES_KEPT);
    put_int(&q, SWEEP_MAX);
    query_run(&q);
    return ERR_OK;
}
