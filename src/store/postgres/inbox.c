/* inbox.c - marks of items. The user's row is locked first, by all who change
 * an inbox, so revs follow each other without gaps. */
#include <stdlib.h>

#include "base/list.h"
#include "store/inbox_marks.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/tell.h"
#include "store/postgres/trial.h"
#include "store/postgres/workflow.h"

struct marking {
    struct store_inbox_mark *r;
    size_t n_named; /* ids, each counted once; 0: all */
    int at_user;    /* which result of the exchange tells of the user */
    bool has_work;  /* somebody waits for it */
    bool has_told;  /* endpoints */
    int64_t end;    /* of a mark of all */
    struct inbox_event event;
};

static int
by_value(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static size_t
count_distinct(struct arena *a, const int64_t *ids, size_t n)
{
    int64_t *sorted = arena_copy(a, ids, n * sizeof(*ids));
    size_t n_distinct = 0;

    qsort(sorted, n, sizeof(*sorted), by_value);
    for (size_t i = 0; i < n; i++)
        n_distinct += i == 0 || sorted[i] != sorted[i - 1];
    return n_distinct;
}

static struct pg_params *
put_user(struct pg_op *op, const struct store_inbox_mark *r)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, r->tenant);
    pg_put_text(p, r->user);
    return p;
}

/* ---- what it becomes ---- */

static void
send_items(struct pg_op *op, const struct store_inbox_mark *r,
           const struct inbox_marks *changed)
{
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, r->n_changed);
    struct pg_array seen = pg_array(op->arena, PG_TYPE_INT8, r->n_changed);
    struct pg_array read = pg_array(op->arena, PG_TYPE_INT8, r->n_changed);
    struct pg_array archived = pg_array(op->arena, PG_TYPE_INT8, r->n_changed);
    struct pg_params *p = put_user(op, r);

    for (size_t i = 0; i < r->n_changed; i++) {
        pg_add_int(&ids, changed[i].id);
        pg_add_int(&seen, changed[i].seen_ms);
        pg_add_int(&read, changed[i].read_ms);
        pg_add_int(&archived, changed[i].archived_ms);
    }
    pg_put_int(p, r->rev);
    pg_put_array(p, &ids);
    pg_put_array(p, &seen);
    pg_put_array(p, &read);
    pg_put_array(p, &archived);
    pg_op_send(op, PG_inbox_items_set);
}

static void
send_user(struct pg_op *op, const struct store_inbox_mark *r)
{
    struct pg_params *p = put_user(op, r);

    pg_put_int(p, r->rev);
    pg_put_int(p, r->counts.unseen);
    pg_put_int(p, r->counts.unread);
    pg_op_send(op, PG_inbox_user_set);
}

static void
send_event(struct pg_op *op, const struct store_inbox_mark *r,
           const struct inbox_event *e)
{
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, e->n_ids);
    struct pg_params *p = put_user(op, r);

    for (size_t i = 0; i < e->n_ids; i++)
        pg_add_int(&ids, e->ids[i]);
    pg_put_int(p, e->rev);
    pg_put_int(p, e->before_rev);
    pg_put_int(p, e->at_ms);
    pg_put_int4(p, (int)e->kind);
    pg_put_int4(p, (int)e->change);
    pg_put_array(p, &ids);
    pg_op_send(op, PG_inbox_mark_event);
    if (e->rev > INBOX_REPLAY_MAX) {
        p = put_user(op, r);
        pg_put_int(p, e->rev - INBOX_REPLAY_MAX);
        pg_op_send(op, PG_inbox_mark_trim);
    }
}

static int64_t *
ids_of(struct arena *a, const struct inbox_marks *marks, size_t n)
{
    int64_t *ids = ARENA_ARRAY(a, int64_t, n);

    for (size_t i = 0; i < n; i++)
        ids[i] = marks[i].id;
    return ids;
}

static void
tell(struct pg_op *op)
{
    struct marking *m = op->state;

    notices_inbox(&op->store->notices, m->r->tenant, m->r->user,
                  op->store->epoch, &m->event);
    if (m->has_work)
        pg_store_work_ready(op->store);
    if (m->has_told)
        pg_store_told(op->store);
    pg_op_done(op);
}

/* ---- what there is ---- */

static int64_t
take_user(struct pg_op *op, struct store_inbox_mark *r)
{
    const struct marking *m = op->state;
    struct pg_rows rows = pg_op_rows(op, m->at_user);

    r->rev = 0;
    r->counts = (struct inbox_counts){0};
    if (pg_next(&rows)) {
        r->rev = pg_int(&rows);
        r->counts.unseen = pg_int(&rows);
        r->counts.unread = pg_int(&rows);
    }
    return r->rev;
}

static struct inbox_marks *
take_items(struct pg_op *op, size_t *ret_n)
{
    const struct marking *m = op->state;
    struct pg_rows rows = pg_op_rows(op, m->at_user + 1);
    struct buf found;

    buf_init(&found, op->arena);
    while (pg_next(&rows)) {
        struct inbox_marks one = {.id = pg_int(&rows)};

        one.seen_ms = pg_int(&rows);
        one.read_ms = pg_int(&rows);
        one.archived_ms = pg_int(&rows);
        buf_put(&found, &one, sizeof(one));
    }
    *ret_n = found.n / sizeof(struct inbox_marks);
    return (struct inbox_marks *)(void *)found.p;
}

static void
apply(struct pg_op *op)
{
    struct marking *m = op->state;
    struct store_inbox_mark *r = m->r;
    size_t n;
    struct inbox_marks *marks = take_items(op, &n);
    int64_t *ids;

    if (n < m->n_named) {
        r->req.err = ERR_NOT_FOUND;
        pg_op_abort(op);
        return;
    }
    m->end = inbox_marks_end(r, take_user(op, r));
    r->n_changed = inbox_marks_change(r, marks, n, &r->counts);
    if (r->n_changed == 0) {
        pg_op_abort(op);
        return;
    }
    m->has_work = m->at_user > 0 && pg_op_affected(op, m->at_user - 1) > 0;
    r->rev++;
    inbox_marks_event(r, marks, m->end, op->arena, &m->event);
    send_items(op, r, marks);
    send_user(op, r);
    send_event(op, r, &m->event);
    ids = ids_of(op->arena, marks, r->n_changed);
    m->has_told = pg_told_marks(op, r, ids, r->n_changed) > 0;
    if (r->change == INBOX_READ) {
        pg_trial_read(op, r, ids, r->n_changed);
        if (!r->is_unlearned)
            pg_habit_learn(op, m->at_user + 2, r->tenant, r->user, r->now_ms);
    }
    pg_op_commit(op, tell);
}

static void
send_named(struct pg_op *op, const struct store_inbox_mark *r)
{
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, r->n_ids);
    struct pg_params *p = put_user(op, r);

    for (size_t i = 0; i < r->n_ids; i++)
        pg_add_int(&ids, r->ids[i]);
    pg_put_array(p, &ids);
    pg_op_send(op, PG_inbox_items_named);
}

static void
send_all(struct pg_op *op, const struct store_inbox_mark *r)
{
    struct pg_params *p = put_user(op, r);

    pg_put_int(p, r->before_rev > 0 ? r->before_rev : INT64_MAX);
    pg_put_bool(p, r->change == INBOX_UNARCHIVE);
    pg_op_send(op, PG_inbox_items_all);
}

static void
begin(struct pg_op *op)
{
    struct store_inbox_mark *r =
        CONTAINER_OF(op->reqs[0], struct store_inbox_mark, req);
    struct marking *m = ARENA_NEW(op->arena, struct marking);

    op->state = m;
    m->r = r;
    r->n_changed = 0;
    pg_op_begin(op);
    m->at_user = pg_wake(op, r->tenant, r->user, inbox_change_event(r->change));
    put_user(op, r);
    pg_op_send(op, PG_inbox_user_lock);
    if (r->n_ids > 0) {
        m->n_named = count_distinct(op->arena, r->ids, r->n_ids);
        send_named(op, r);
    } else {
        send_all(op, r);
    }
    if (r->change == INBOX_READ && !r->is_unlearned)
        pg_habit_look(op, r->tenant, r->user, r->now_ms);
    pg_op_await(op, apply);
}

const struct pg_verb pg_verb_inbox_mark = {.begin = begin};
