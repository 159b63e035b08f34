#include "store/postgres/workflow.h"

#include "base/id.h"
#include "base/list.h"
#include "store/joins.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/trial.h"

/* ---- in an accept ---- */

struct one {
    const struct store_accept *request;
    struct store_accept_item *item;
};
struct pg_turns {
    struct arena *arena;
    struct one *all; /* items that have any of it */
    size_t n;
    size_t n_turns, n_waiting; /* of these, that name an event */
    bool has_work;
};

struct pg_turns *
pg_turns_new(struct arena *a, size_t n_items)
{
    struct pg_turns *t = ARENA_NEW(a, struct pg_turns);

    t->arena = a;
    t->all = ARENA_ARRAY(a, struct one, n_items);
    return t;
}

void
pg_turns_add(struct pg_turns *t, const struct store_accept *request,
             struct store_accept_item *item)
{
    bool merges = item->flush && item->flush->instances_of.n > 0;

    if (!item->turn && !merges && item->n_instances + item->n_steps == 0)
        return;
    t->all[t->n++] = (struct one){request, item};
    t->n_turns += item->turn != NULL;
    t->n_waiting += item->turn && item->turn->event.n > 0;
}

bool
pg_turns_have_locks(const struct pg_turns *t)
{
    return t->n_turns > 0;
}

bool
pg_turns_has_work(const struct pg_turns *t)
{
    return t->has_work;
}

static void
send_users(struct pg_turns *t, struct pg_op *op)
{
    struct pg_columns users;

    pg_columns_init(&users, t->arena, "lT", t->n_waiting);
    for (size_t i = 0; i < t->n; i++) {
        const struct store_turn *turn = t->all[i].item->turn;

        if (!turn || turn->event.n == 0)
            continue;
        pg_col_int(&users, t->all[i].request->tenant);
        pg_col_text(&users, turn->user);
    }
    pg_put_columns(pg_op_params(op), &users);
    pg_op_send(op, PG_turn_lock_users);
}

void
pg_turns_send(struct pg_turns *t, struct pg_op *op)
{
    struct pg_columns holds;

    if (t->n_waiting > 0)
        send_users(t, op);
    pg_columns_init(&holds, t->arena, "llll", t->n_turns);
    for (size_t i = 0; i < t->n; i++) {
        const struct store_accept_item *item = t->all[i].item;
        const struct store_turn *turn = item->turn;

        if (!turn)
            continue;
        pg_col_int(&holds, t->all[i].request->tenant);
        pg_col_int(&holds, turn->instance);
        pg_col_int(&holds, turn->hold);
        pg_col_int(&holds, turn->is_of_cancel ||
                               (turn->is_over && item->notification.id == 0));
    }
    pg_put_columns(pg_op_params(op), &holds);
    pg_op_send(op, PG_turn_lock);
}

void
pg_turns_read(struct pg_turns *t, struct pg_op *op)
{
    struct pg_rows r = pg_op_rows(op, t->n_waiting > 0);

    for (size_t i = 0; i < t->n; i++)
        t->all[i].item->is_gone |= t->all[i].item->turn != NULL;
    while (pg_next(&r)) {
        int64_t id = pg_int(&r);

        for (size_t i = 0; i < t->n; i++)
            if (t->all[i].item->turn && t->all[i].item->turn->instance == id)
                t->all[i].item->is_gone = false;
    }
}

static bool
is_stored(const struct one *o)
{
    return o->request->req.err == ERR_OK && !o->request->idem.is_replay &&
           !o->item->is_gone && !o->item->is_duplicate &&
           !store_accept_is_left(o->item);
}

static void
send_columns(struct pg_op *op, struct pg_columns *c, enum pg which)
{
    if (c->n_rows == 0)
        return;
    pg_put_columns(pg_op_params(op), c);
    pg_op_send(op, which);
}

/* One that a window holds waits for that; its leader goes on at once. */
static void
add_due(struct pg_turns *t, const struct store_accept_item *item,
        struct pg_columns *c)
{
    const struct store_join *join = joins_instance(item);
    bool is_held = join && join->window != 0;

    pg_col_int(c, is_held ? STORE_NEVER_MS : item->turn->due_ms);
    pg_col_text(c, item->turn->cursor);
    pg_col_text(c, is_held ? store_window_event(t->arena, join->window)
                           : item->turn->event);
    pg_col_text(c, item->turn->user);
}

static void
send_moves(struct pg_turns *t, struct pg_op *op)
{
    struct pg_columns moved, ended;

    pg_columns_init(&moved, t->arena, "lllTtT", t->n_turns);
    pg_columns_init(&ended, t->arena, "ll", t->n_turns);
    for (size_t i = 0; i < t->n; i++) {
        const struct store_turn *turn = t->all[i].item->turn;
        struct pg_columns *c = turn && turn->is_over ? &ended : &moved;

        if (!turn || !is_stored(&t->all[i]))
            continue;
        pg_col_int(c, t->all[i].request->tenant);
        pg_col_int(c, turn->instance);
        if (turn->is_over)
            continue;
        add_due(t, t->all[i].item, c);
        t->all[i].item->hold = turn->due_ms * 1000; /* microseconds */
    }
    t->has_work |= moved.n_rows > 0;
    send_columns(op, &moved, PG_turn_move);
    send_columns(op, &ended, PG_turn_end);
}

/* After who goes on, as it waits for the same. */
static void
send_merges(struct pg_turns *t, struct pg_op *op)
{
    struct pg_columns c;

    pg_columns_init(&c, t->arena, "lTT", 0);
    for (size_t i = 0; i < t->n; i++) {
        const struct store_flush *f = t->all[i].item->flush;

        if (!f || f->instances_of.n == 0 || !is_stored(&t->all[i]))
            continue;
        pg_col_int(&c, t->all[i].request->tenant);
        pg_col_text(&c, f->instances_of);
        pg_col_text(&c, store_window_event(t->arena, f->digest));
    }
    send_columns(op, &c, PG_instance_merge);
}

static void
send_instances(struct pg_turns *t, struct pg_op *op)
{
    struct pg_columns c;

    pg_columns_init(&c, t->arena, "llllTTt", 0);
    for (size_t i = 0; i < t->n; i++) {
        const struct store_accept_item *item = t->all[i].item;

        for (size_t k = 0; k < item->n_instances && is_stored(&t->all[i]);
             k++) {
            const struct store_instance *one = &item->instances[k];

            pg_col_int(&c, t->all[i].request->tenant);
            pg_col_int(&c, one->id);
            pg_col_int(&c, item->notification.id);
            pg_col_int(&c, one->due_ms);
            pg_col_text(&c, one->cursor);
            pg_col_text(&c, one->user);
            pg_col_text(&c, one->event);
        }
    }
    t->has_work |= c.n_rows > 0;
    send_columns(op, &c, PG_instance_add);
}

static void
send_steps(struct pg_turns *t, struct pg_op *op)
{
    struct pg_columns c;

    pg_columns_init(&c, t->arena, "llllTTTTT", 0);
    for (size_t i = 0; i < t->n; i++) {
        const struct store_accept_item *item = t->all[i].item;

        for (size_t k = 0; k < item->n_steps && is_stored(&t->all[i]); k++) {
            const struct store_step *s = &item->steps[k];

            pg_col_int(&c, t->all[i].request->tenant);
            pg_col_int(&c, s->notification);
            pg_col_int(&c, s->id);
            pg_col_int(&c, s->at_ms);
            pg_col_text(&c, s->user);
            pg_col_text(&c, s->step);
            pg_col_text(&c, s->verdict);
            pg_col_text(&c, s->reason);
            pg_col_text(&c, s->note);
        }
    }
    send_columns(op, &c, PG_step_add);
}

void
pg_turns_store(struct pg_turns *t, struct pg_op *op)
{
    t->has_work = false;
    if (t->n == 0)
        return;
    send_moves(t, op);
    send_merges(t, op);
    send_instances(t, op);
    send_steps(t, op);
}

/* ---- taking, waking ---- */

void
pg_take_instance(struct pg_rows *r, struct arena *a, struct store_instance *ret)
{
    ret->id = pg_int(r);
    ret->user = pg_text(r, a);
    ret->cursor = pg_text(r, a);
    ret->event = pg_text(r, a);
    ret->due_ms = pg_int(r);
}

static void
lock_user(struct pg_op *op, int64_t tenant, struct str user)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, tenant);
    pg_put_text(p, user);
    pg_op_send(op, PG_instance_lock_user);
}

static void
wake(struct pg_op *op, int64_t tenant, struct str user, struct str event)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, tenant);
    pg_put_text(p, user);
    pg_put_text(p, event);
    pg_op_send(op, PG_instance_wake);
}

int
pg_wake(struct pg_op *op, int64_t tenant, struct str user, struct str event)
{
    if (event.n == 0)
        return 0;
    lock_user(op, tenant, user);
    wake(op, tenant, user, event);
    return 2;
}

/* ---- events ---- */

struct adding {
    struct store_event_add *e;
    struct pg_idem_one idem;
};
#define AT_WAKE 2 /* which result of the exchange tells of it */

static void
added(struct pg_op *op)
{
    if (pg_op_affected(op, AT_WAKE) > 0)
        pg_store_work_ready(op->store);
    pg_op_done(op);
}

static void
add(struct pg_op *op)
{
    struct adding *s = op->state;
    const struct store_event_add *e = s->e;
    struct pg_params *p;

    lock_user(op, e->tenant, e->user);
    p = pg_op_params(op);
    pg_put_int(p, e->tenant);
    pg_put_text(p, e->user);
    pg_put_text(p, e->name);
    pg_put_int(p, e->id);
    pg_put_text(p, e->data);
    pg_op_send(op, PG_event_add);
    wake(op, e->tenant, e->user, e->name);
    pg_trial_goal(op, e);
    pg_idem_save(op, &s->idem, 1);
    pg_op_commit(op, added);
}

static void
with_idem(struct pg_op *op)
{
    struct adding *s = op->state;

    pg_idem_read(op, 0, &s->idem, 1);
    if (s->e->req.err != ERR_OK || s->e->idem.is_replay)
        pg_op_abort(op);
    else
        add(op);
}

static void
begin_add(struct pg_op *op)
{
    struct adding *s = ARENA_NEW(op->arena, struct adding);

    op->state = s;
    s->e = CONTAINER_OF(op->reqs[0], struct store_event_add, req);
    s->e->idem.is_replay = false;
    s->idem = (struct pg_idem_one){&s->e->req, &s->e->idem, s->e->tenant,
                                   s->e->at_ms};
    pg_op_begin(op);
    if (s->e->idem.key.n == 0) {
        add(op);
        return;
    }
    pg_idem_claim(op, &s->idem, 1);
    pg_op_await(op, with_idem);
}

const struct pg_verb pg_verb_event_add = {.begin = begin_add};

static void
add_mark(int64_t *first_ms, int64_t at_ms)
{
    if (at_ms != 0 && (*first_ms == 0 || at_ms < *first_ms))
        *first_ms = at_ms;
}

static void
looked(struct pg_op *op)
{
    struct store_event_look *l =
        CONTAINER_OF(op->reqs[0], struct store_event_look, req);
    struct pg_rows r = pg_op_rows(op, 0);

    l->posted_ms = l->posted_id = 0;
    if (pg_next(&r)) {
        l->posted_ms = pg_int(&r);
        l->posted_id = pg_int(&r);
    }
    l->seen_ms = l->read_ms = l->archived_ms = 0;
    r = pg_op_rows(op, 1);
    while (pg_next(&r)) {
        add_mark(&l->seen_ms, pg_int(&r));
        add_mark(&l->read_ms, pg_int(&r));
        add_mark(&l->archived_ms, pg_int(&r));
    }
    pg_op_done(op);
}

static void
look(struct pg_op *op)
{
    const struct store_event_look *l =
        CONTAINER_OF(op->reqs[0], struct store_event_look, req);
    struct pg_array ids = pg_array(op->arena, PG_TYPE_INT8, l->n_deliveries);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, l->tenant);
    pg_put_text(p, l->user);
    pg_put_text(p, l->name);
    pg_put_int(p, l->after_ms);
    pg_put_int(p, l->after_id);
    pg_op_send(op, PG_event_find);
    p = pg_op_params(op);
    pg_put_int(p, l->tenant);
    pg_put_text(p, l->user);
    for (size_t i = 0; i < l->n_deliveries; i++)
        pg_add_int(&ids, l->deliveries[i]);
    pg_put_array(p, &ids);
    pg_put_int(p, STORE_ITEM_LATE_MS << ID_TIME_SHIFT);
    pg_op_send(op, PG_event_items);
    pg_op_commit(op, looked);
}

const struct pg_verb pg_verb_event_look = {.begin = look};

/* ---- who waits ---- */

static void
read_docs(struct store_instance_list *l, struct pg_rows *r)
{
    l->n_docs = 0;
    while (pg_next(r) && l->n_docs < l->n) {
        struct store_waiting *one = &l->all[l->n_docs];

        if (pg_int(r) != one->id)
            break; /* somebody left in between */
        one->doc = pg_text(r, l->req.arena);
        l->n_docs++;
    }
}

static void
listed(struct pg_op *op)
{
    struct store_instance_list *l =
        CONTAINER_OF(op->reqs[0], struct store_instance_list, req);
    struct pg_rows r = pg_op_rows(op, 0);

    l->all = ARENA_ARRAY(l->req.arena, struct store_waiting, pg_count(&r));
    for (l->n = 0; pg_next(&r); l->n++) {
        struct store_waiting *one = &l->all[l->n];

        *one = (struct store_waiting){.id = pg_int(&r)};
        one->notification = pg_int(&r);
        one->hold = pg_int(&r);
        one->is_cancelled = pg_int(&r) != 0;
        one->cursor = pg_text(&r, l->req.arena);
    }
    r = pg_op_rows(op, 1);
    read_docs(l, &r);
    pg_op_done(op);
}

static struct pg_params *
put_waiting(struct pg_op *op, const struct store_instance_list *l)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, l->tenant);
    pg_put_text(p, l->user);
    pg_put_text(p, l->event);
    return p;
}

static void
list(struct pg_op *op)
{
    const struct store_instance_list *l =
        CONTAINER_OF(op->reqs[0], struct store_instance_list, req);
    struct pg_params *p = put_waiting(op, l);

    pg_put_int(p, (int64_t)l->max);
    pg_op_send(op, PG_instance_list);
    p = put_waiting(op, l);
    pg_put_int(p, (int64_t)l->max_docs);
    pg_put_int(p, (int64_t)l->max_bytes);
    pg_op_send(op, PG_instance_docs);
    pg_op_commit(op, listed);
}

const struct pg_verb pg_verb_instance_list = {.begin = list};
