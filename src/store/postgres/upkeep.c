/* upkeep.c - forgetting what is old, a bounded piece at a time, one node at a
 * time. Where a piece ends is in the database (meta), so whichever node is
 * next goes on from there.
 *
 *   day     a day that is over goes whole: its partitions are dropped
 *   begin   lock the cursor
 *   scan    the old notifications after it, and whether each may go
 *   pick    the deliveries of those that may
 *   remove  these; then the notifications
 *   sweep   keys whose window has passed, the tail of the changes; commit
 *
 * A person may retry a dead letter meanwhile: then not all that was picked is
 * there to remove, and nothing is. */
#include "base/id.h"
#include "base/list.h"
#include "base/log.h"
#include "store/postgres/pg_store.h"

#define MAX 10000
#define ROOM_MAX 10000       /* notifications looked at in one call */
#define SCAN_FACTOR 20       /* the same, for each to purge */
#define WORKSPACES_MAX 200   /* the same, of so many */
#define DELIVERIES_MAX 20000 /* removed in one call */
#define CHANGES_KEPT 100000  /* of the feed; no follower is that far off */
#define SWEEP_MAX 10000      /* keys removed in one call */

struct cursor {
    int64_t tenant, after;
};
struct old {
    struct cursor at;
    int64_t first, last; /* deliveries */
};
struct purging {
    struct store_purge *p;
    struct cursor was, now;
    struct old *old; /* notifications to remove, with all that they have... */
    size_t n_old;
    struct pg_array tenants, ids; /* ...their deliveries */
    bool is_cut; /* more deliveries than may go: the last one stays */
};

/* ---- sweep ---- */

static void
swept(struct pg_op *op)
{
    pg_op_done(op);
}

static void
send_sweep(struct pg_op *op, enum pg which, int64_t a, int64_t b)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, a);
    pg_put_int(p, b);
    pg_op_send(op, which);
}

/* Those workspaces keep no habits. */
static void
send_unlearned(struct pg_op *op, const struct store_purge *p)
{
    struct pg_array tenants = pg_array(op->arena, PG_TYPE_INT8, p->n_unlearned);
    struct pg_params *params;

    if (p->n_unlearned == 0)
        return;
    for (size_t i = 0; i < p->n_unlearned; i++)
        pg_add_int(&tenants, p->unlearned[i]);
    params = pg_op_params(op);
    pg_put_array(params, &tenants);
    pg_put_int(params, SWEEP_MAX);
    pg_op_send(op, PG_habit_sweep);
}

static void
sweep(struct pg_op *op)
{
    const struct purging *s = op->state;

    if (s->now.tenant != s->was.tenant || s->now.after != s->was.after)
        send_sweep(op, PG_purge_go_on, s->now.tenant, s->now.after);
    send_sweep(op, PG_idem_sweep, s->p->now_ms, SWEEP_MAX);
    send_sweep(op, PG_dedup_sweep, s->p->now_ms, SWEEP_MAX);
    pg_put_int(pg_op_params(op), SWEEP_MAX);
    pg_op_send(op, PG_budget_sweep);
    send_sweep(op, PG_step_sweep, s->p->settled_before_ms, SWEEP_MAX);
    send_sweep(op, PG_event_sweep, s->p->settled_before_ms, SWEEP_MAX);
    send_sweep(op, PG_trial_sweep, s->p->now_ms - STORE_TRIALS_KEPT_MS,
               SWEEP_MAX);
    send_sweep(op, PG_trial_delivery_sweep, id_after(s->p->settled_before_ms),
               SWEEP_MAX);
    send_unlearned(op, s->p);
    send_sweep(op, PG_audit_sweep,
               s->p->audit_before_ms > 0 ? id_after(s->p->audit_before_ms) : 0,
               SWEEP_MAX);
    send_sweep(op, PG_taken_sweep, id_after(s->p->settled_before_ms),
               SWEEP_MAX);
    send_sweep(op, PG_delivery_device_sweep, id_after(s->p->settled_before_ms),
               SWEEP_MAX);
    send_sweep(op, PG_attachment_sweep, id_after(s->p->settled_before_ms),
               SWEEP_MAX);
    send_sweep(op, PG_press_sweep, s->p->settled_before_ms, SWEEP_MAX);
    send_sweep(op, PG_told_sweep, s->p->told_before_ms, SWEEP_MAX);
    send_sweep(op, PG_attempt_note_sweep, id_after(s->p->settled_before_ms),
               SWEEP_MAX);
    send_sweep(op, PG_change_trim, CHANGES_KEPT, SWEEP_MAX);
    pg_op_commit(op, swept);
}

/* ---- remove ---- */

static void
removed(struct pg_op *op)
{
    struct purging *s = op->state;
    int64_t n = pg_op_affected(op, 0) + pg_op_affected(op, 1);

    if (n != s->ids.n) {
        pg_op_abort(op);
        return;
    }
    s->p->n_purged = s->is_cut ? s->p->max : s->n_old;
    sweep(op);
}

static void
send_pairs(struct pg_op *op, enum pg which, struct pg_array *tenants,
           struct pg_array *ids)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_array(p, tenants);
    pg_put_array(p, ids);
    pg_op_send(op, which);
}

static void
remove_all(struct pg_op *op)
{
    struct purging *s = op->state;
    struct pg_array tenants = pg_array(op->arena, PG_TYPE_INT8, s->n_old);
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, s->n_old);
    struct pg_params *p;

    for (size_t i = 0; i < s->n_old; i++) {
        pg_add_int(&tenants, s->old[i].at.tenant);
        pg_add_int(&ids, s->old[i].at.after);
    }
    send_pairs(op, PG_purge_ended, &s->tenants, &s->ids);
    send_pairs(op, PG_purge_dead, &s->tenants, &s->ids);
    p = pg_op_params(op);
    pg_put_array(p, &s->ids);
    pg_op_send(op, PG_purge_attempts);
    p = pg_op_params(op);
    pg_put_array(p, &ids);
    pg_op_send(op, PG_purge_cancel_keys);
    send_pairs(op, PG_purge_notifications, &tenants, &ids);
    pg_op_await(op, removed);
}

static void
picked(struct pg_op *op)
{
    struct purging *s = op->state;
    struct pg_rows r = pg_op_rows(op, 0);
    size_t last = 0;

    while (pg_next(&r)) {
        last = (size_t)pg_int(&r) - 1;
        pg_add_int(&s->tenants, s->old[last].at.tenant);
        pg_add_int(&s->ids, pg_int(&r));
    }
    if (s->ids.n == DELIVERIES_MAX) {
        s->is_cut = true;
        s->n_old = last;
        s->now = last > 0 ? s->old[last - 1].at : s->was;
    }
    remove_all(op);
}

static void
send_pick(struct pg_op *op, struct purging *s)
{
    struct pg_array tenants = pg_array(op->arena, PG_TYPE_INT8, s->n_old);
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, s->n_old);
    struct pg_array firsts = pg_array(op->arena, PG_TYPE_INT8, s->n_old);
    struct pg_array lasts = pg_array(op->arena, PG_TYPE_INT8, s->n_old);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < s->n_old; i++) {
        pg_add_int(&tenants, s->old[i].at.tenant);
        pg_add_int(&ids, s->old[i].at.after);
        pg_add_int(&firsts, s->old[i].first);
        pg_add_int(&lasts, s->old[i].last);
    }
    pg_put_array(p, &tenants);
    pg_put_array(p, &ids);
    pg_put_array(p, &firsts);
    pg_put_array(p, &lasts);
    pg_put_int(p, DELIVERIES_MAX);
    pg_op_send(op, PG_purge_pick);
    s->tenants = pg_array(op->arena, PG_TYPE_INT8, 0);
    s->ids = pg_array(op->arena, PG_TYPE_INT8, 0);
    pg_op_await(op, picked);
}

/* ---- scan ---- */

static size_t
room_of(const struct store_purge *p)
{
    size_t room = p->max * SCAN_FACTOR;

    return room < ROOM_MAX ? room : ROOM_MAX;
}

static bool
is_due(const struct store_purge *p, int64_t created_ms, struct pg_rows *r)
{
    bool is_open = pg_int(r) != 0, has_dead = pg_int(r) != 0;
    int64_t before = has_dead ? p->dead_before_ms : p->settled_before_ms;

    return !is_open && before > 0 && created_ms < before;
}

static void
scanned(struct pg_op *op)
{
    struct purging *s = op->state;
    struct pg_rows r = pg_op_rows(op, 0);
    size_t n = 0;
    int64_t step = 0;
    bool is_full = false;

    s->old = ARENA_ARRAY(op->arena, struct old, s->p->max);
    while (!is_full && pg_next(&r)) {
        struct old one = {.at = {.tenant = pg_int(&r)}};
        int64_t created_ms;

        n++;
        step = pg_int(&r);
        if (pg_is_null(&r)) {
            s->now = (struct cursor){one.at.tenant, INT64_MAX};
            continue;
        }
        one.at.after = pg_int(&r);
        created_ms = pg_int(&r);
        one.first = pg_int(&r);
        one.last = pg_int(&r);
        s->now = one.at;
        if (is_due(s->p, created_ms, &r))
            s->old[s->n_old++] = one;
        is_full = s->n_old == s->p->max;
    }
    if (!is_full && n < room_of(s->p) && step < WORKSPACES_MAX)
        s->now = (struct cursor){0}; /* all round */
    if (s->n_old > 0)
        send_pick(op, s);
    else
        sweep(op);
}

static void
send_scan(struct pg_op *op, const struct purging *s)
{
    const struct store_purge *p = s->p;
    int64_t latest = p->settled_before_ms > p->dead_before_ms
                         ? p->settled_before_ms
                         : p->dead_before_ms;
    struct pg_params *params = pg_op_params(op);

    pg_put_int(params, s->was.tenant);
    pg_put_int(params, s->was.after);
    pg_put_int(params, id_after(latest));
    pg_put_int(params, latest);
    pg_put_int(params, (int64_t)room_of(p));
    pg_put_int(params, WORKSPACES_MAX);
    pg_op_send(op, PG_purge_scan);
    pg_op_await(op, scanned);
}

static void
locked(struct pg_op *op)
{
    struct purging *s = op->state;
    struct store_purge *p = s->p;
    struct pg_rows r = pg_op_rows(op, 0);
    bool is_ours = pg_next(&r);

    s->was.after = is_ours ? pg_int(&r) : 0;
    is_ours = is_ours && pg_next(&r);
    s->was.tenant = is_ours ? pg_int(&r) : 0;
    s->now = s->was;
    if (!is_ours)
        pg_op_abort(op); /* another node is at it */
    else if (p->max > 0 && (p->settled_before_ms > 0 || p->dead_before_ms > 0))
        send_scan(op, s);
    else
        sweep(op);
}

static void
lock(struct pg_op *op)
{
    pg_op_begin(op);
    (void)pg_op_params(op);
    pg_op_send(op, PG_purge_lock);
    pg_op_await(op, locked);
}

static void
day_is_over(struct pg_op *op)
{
    struct purging *s = op->state;
    struct pg_rows r = pg_op_rows(op, 0);
    int64_t n = pg_next(&r) ? pg_int(&r) : 0;

    if (n < 0)
        LOG_WARN("upkeep.day_busy");
    if (n <= 0) {
        lock(op);
        return;
    }
    LOG_INFO("upkeep.day_dropped", log_int("notifications", n));
    s->p->n_purged = s->p->max; /* there may be another */
    pg_op_done(op);
}

static void
begin(struct pg_op *op)
{
    struct purging *s = ARENA_NEW(op->arena, struct purging);

    op->state = s;
    s->p = CONTAINER_OF(op->reqs[0], struct store_purge, req);
    s->p->n_purged = 0;
    if (s->p->max > MAX)
        s->p->max = MAX;
    if (s->p->settled_before_ms <= 0) {
        lock(op);
        return;
    }
    pg_put_int(pg_op_params(op), id_after(s->p->settled_before_ms));
    pg_op_send(op, PG_purge_day);
    pg_op_commit(op, day_is_over);
}

const struct pg_verb pg_verb_purge = {.begin = begin};
