/* members.c - sets of users. Who writes a user's roles has locked its document,
 * and who adds to a topic the topic's: so what is deleted keeps no members. */
#include "base/list.h"
#include "store/member_merge.h"
#include "store/postgres/pg_store.h"

#define LIST_MAX 1000 /* of anything in one answer */

static size_t
page(size_t limit)
{
    return limit < LIST_MAX ? limit : LIST_MAX;
}

/* ---- with documents ---- */

/* A comma is in no role's name. */
struct str
pg_roles(struct arena *a, const struct str *roles, size_t n)
{
    struct buf all;

    buf_init(&all, a);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_put_char(&all, ',');
        buf_put_str(&all, roles[i]);
    }
    return buf_str(&all);
}

void
pg_members_set_roles(struct pg_op *op, int64_t tenant, struct pg_columns *users)
{
    static const enum pg both[] = {PG_member_roles_trim, PG_member_roles_add};

    for (size_t i = 0; i < 2; i++) {
        struct pg_params *p = pg_op_params(op);

        pg_put_int(p, tenant);
        pg_put_columns(p, users);
        pg_op_send(op, both[i]);
    }
}

int
pg_members_remove_with(struct pg_op *op, const struct store_object_delete *d)
{
    struct pg_params *p;

    if (d->kind != OBJECT_USER && d->kind != OBJECT_TOPIC)
        return 0;
    p = pg_op_params(op);
    pg_put_int(p, d->tenant);
    pg_put_text(p, d->key);
    pg_op_send(op, d->kind == OBJECT_USER ? PG_member_forget : PG_member_clear);
    return 1;
}

/* ---- subscribers ---- */

struct subscribing {
    struct store_subscribe *s;
    struct pg_idem_one idem;
    int at_change; /* which result has the seq */
};

static void
send_topic(struct pg_op *op, const struct store_subscribe *s)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, s->tenant);
    pg_put_text(p, s->topic);
    pg_put_int(p, s->num);
    pg_put_int(p, s->now_ms);
    pg_put_int4(p, OBJECT_TOPIC);
    pg_op_send(op, PG_topic_make);
}

static void
send_users(struct pg_op *op, const struct store_subscribe *s, enum pg which,
           const struct str *users, size_t n)
{
    struct pg_array all = pg_array(op->arena, PG_TYPE_TEXT, n);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < n; i++)
        pg_add_text(&all, users[i]);
    pg_put_int(p, s->tenant);
    pg_put_text(p, s->topic);
    pg_put_array(p, &all);
    pg_op_send(op, which);
}

static void
send_change(struct pg_op *op, const struct store_subscribe *s)
{
    struct pg_array kinds = pg_array(op->arena, PG_TYPE_INT2, 1);
    struct pg_array keys = pg_array(op->arena, PG_TYPE_TEXT, 1);
    struct pg_params *p = pg_op_params(op);

    pg_add_int(&kinds, OBJECT_TOPIC);
    pg_add_text(&keys, s->topic);
    pg_put_int(p, s->tenant);
    pg_put_array(p, &kinds);
    pg_put_array(p, &keys);
    pg_op_send(op, PG_change_add);
}

static void
subscribed(struct pg_op *op)
{
    const struct subscribing *x = op->state;
    struct pg_rows r;

    if (x->s->is_created) {
        r = pg_op_rows(op, x->at_change);
        if (pg_next(&r))
            notices_change(&op->store->notices, x->s->tenant, OBJECT_TOPIC,
                           pg_int(&r));
    }
    pg_op_done(op);
}

static void
count(struct pg_op *op)
{
    struct subscribing *x = op->state;
    struct store_subscribe *s = x->s;
    bool has_idem = s->idem.key.n > 0;
    int at = has_idem ? 2 : 0;
    struct pg_rows made;

    if (has_idem)
        pg_idem_read(op, 0, &x->idem, 1);
    if (s->req.err != ERR_OK || s->idem.is_replay) {
        pg_op_abort(op);
        return;
    }
    if (s->n_add > 0) {
        made = pg_op_rows(op, at++);
        s->is_created = pg_next(&made);
    }
    s->n_removed = (size_t)pg_op_affected(op, at);
    s->n_added = (size_t)pg_op_affected(op, at + 1);
    if (has_idem)
        pg_idem_save(op, &x->idem, 1);
    x->at_change = has_idem ? 1 : 0;
    if (s->is_created) /* locks what every change needs: it goes last */
        send_change(op, s);
    pg_op_commit(op, subscribed);
}

static void
begin_subscribe(struct pg_op *op)
{
    struct store_subscribe *s =
        CONTAINER_OF(op->reqs[0], struct store_subscribe, req);
    struct subscribing *x = ARENA_NEW(op->arena, struct subscribing);

    op->state = x;
    x->s = s;
    x->idem = (struct pg_idem_one){&s->req, &s->idem, s->tenant, s->now_ms};
    s->idem.is_replay = s->is_created = false;
    pg_op_begin(op);
    if (s->idem.key.n > 0)
        pg_idem_claim(op, &x->idem, 1);
    if (s->n_add > 0)
        send_topic(op, s);
    send_users(op, s, PG_member_remove, s->remove, s->n_remove);
    send_users(op, s, PG_member_add, s->add, s->n_add);
    pg_op_await(op, count);
}

const struct pg_verb pg_verb_subscribe = {.begin = begin_subscribe};

/* ---- reading ---- */

static void
take_run(struct pg_rows *r, struct arena *a, size_t max, struct member_run *ret)
{
    if (!ret->users)
        ret->users = ARENA_ARRAY(a, struct str, max);
    if (ret->n == max)
        ret->has_more = true;
    else
        ret->users[ret->n++] = pg_text(r, a);
}

static void
members_read(struct pg_op *op)
{
    struct store_members *m =
        CONTAINER_OF(op->reqs[0], struct store_members, req);
    size_t limit = page(m->limit), max = member_run_max(m, limit);
    struct member_run *runs =
        ARENA_ARRAY(m->req.arena, struct member_run, m->n_sets);
    struct pg_rows r = pg_op_rows(op, 0);

    while (pg_next(&r)) {
        size_t i = (size_t)pg_int(&r) - 1;

        take_run(&r, m->req.arena, max, &runs[i]);
    }
    member_merge(m, runs, limit);
    pg_op_done(op);
}

static void
members(struct pg_op *op)
{
    const struct store_members *m =
        CONTAINER_OF(op->reqs[0], struct store_members, req);
    struct pg_params *p = pg_op_params(op);
    struct pg_columns sets;

    pg_columns_init(&sets, op->arena, "sT", m->n_sets);
    for (size_t i = 0; i < m->n_sets; i++) {
        pg_col_int(&sets, m->sets[i].kind);
        pg_col_text(&sets, m->sets[i].key);
    }
    pg_put_int(p, m->tenant);
    pg_put_columns(p, &sets);
    pg_put_text(p, m->after);
    pg_put_int(p, (int64_t)member_run_max(m, page(m->limit)) + 1);
    pg_op_send(op, PG_members);
    pg_op_commit(op, members_read);
}

const struct pg_verb pg_verb_members = {.begin = members};

static void
memberships_read(struct pg_op *op)
{
    struct store_memberships *m =
        CONTAINER_OF(op->reqs[0], struct store_memberships, req);
    struct pg_rows r = pg_op_rows(op, 0);
    size_t limit = page(m->limit);

    m->keys = ARENA_ARRAY(m->req.arena, struct str, limit);
    m->n_keys = 0;
    while (m->n_keys < limit && pg_next(&r))
        m->keys[m->n_keys++] = pg_text(&r, m->req.arena);
    m->has_more = pg_next(&r);
    pg_op_done(op);
}

static void
memberships(struct pg_op *op)
{
    const struct store_memberships *m =
        CONTAINER_OF(op->reqs[0], struct store_memberships, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, m->tenant);
    pg_put_text(p, m->user);
    pg_put_int4(p, (int)m->kind);
    pg_put_text(p, m->after);
    pg_put_int(p, (int64_t)page(m->limit) + 1);
    pg_op_send(op, PG_memberships);
    pg_op_commit(op, memberships_read);
}

const struct pg_verb pg_verb_memberships = {.begin = memberships};
