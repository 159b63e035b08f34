/* objects.c - versioned documents. A deleted one leaves its row without a
 * body, so that a version is never used twice.
 *
 *   seed    insert those that may be new, as they will be if they are; two
 *           nodes that make the same key meet here, and the second one waits
 *   lock    read all, in the order of their keys
 *   (decide, one write after the other)
 *   write   what became of them, users' roles, the changes, the commit */
#include <assert.h>
#include <stdlib.h>

#include "base/list.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/tell.h"

/* All that one request writes under one key. */
struct row {
    enum object_kind kind;
    struct str key;
    /* The first write that would make it: if it is not there, no write before
     * that one succeeds. NULL: none would. */
    const struct store_object_write *maker;
    bool wants_body; /* somebody may be told of it */
    bool is_seeded;  /* by us: the row is as `maker` wants it */
    bool is_there, is_changed;
    /* The last one that was; NULL: none was. */
    const struct store_object_write *done;
    struct object now; /* version: the last one, if it is gone */
};
struct putting {
    struct store_object_put *p;
    struct row *rows; /* by (kind, key) */
    size_t n_rows;
    struct row **of;   /* each write's */
    struct row **done; /* of each write that was, in order */
    size_t n_done;
    int at_change; /* which result of the exchange has the seqs */
    struct pg_idem_one idem;
    bool has_told; /* endpoints */
};

static int
order(enum object_kind kind, struct str key, const struct row *r)
{
    if (kind != r->kind)
        return kind < r->kind ? -1 : 1;
    return str_cmp(key, r->key);
}

/* ---- which rows ---- */

static int
by_key(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return order(x->kind, x->key, y);
}

static struct row *
find(const struct putting *s, enum object_kind kind, struct str key)
{
    struct row wanted = {.kind = kind, .key = key};

    return bsearch(&wanted, s->rows, s->n_rows, sizeof(*s->rows), by_key);
}

static void
make_rows(struct putting *s, struct arena *a)
{
    struct store_object_put *p = s->p;
    size_t n = 0;

    s->rows = ARENA_ARRAY(a, struct row, p->n_writes);
    s->of = ARENA_ARRAY(a, struct row *, p->n_writes);
    s->done = ARENA_ARRAY(a, struct row *, p->n_writes);
    for (size_t i = 0; i < p->n_writes; i++) {
        s->rows[i].kind = p->writes[i].kind;
        s->rows[i].key = p->writes[i].key;
    }
    qsort(s->rows, p->n_writes, sizeof(*s->rows), by_key);
    for (size_t i = 0; i < p->n_writes; i++)
        if (i == 0 || by_key(&s->rows[n - 1], &s->rows[i]) != 0)
            s->rows[n++] = s->rows[i];
    s->n_rows = n;
    for (size_t i = 0; i < p->n_writes; i++) {
        const struct store_object_write *o = &p->writes[i];
        struct row *r = s->of[i] = find(s, o->kind, o->key);

        bool takes_any = o->if_version == OBJECT_ANY_VERSION;

        if (!r->maker && (takes_any || o->if_version == 0))
            r->maker = o;
        r->wants_body |= !takes_any;
    }
}

static void
send_seed(struct pg_op *op, const struct putting *s)
{
    struct pg_array kinds = pg_array(op->arena, PG_TYPE_INT2, s->n_rows);
    struct pg_array keys = pg_array(op->arena, PG_TYPE_TEXT, s->n_rows);
    struct pg_array nums = pg_array(op->arena, PG_TYPE_INT8, s->n_rows);
    struct pg_array bodies = pg_array(op->arena, PG_TYPE_TEXT, s->n_rows);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < s->n_rows; i++) {
        const struct store_object_write *o = s->rows[i].maker;

        if (!o)
            continue;
        pg_add_int(&kinds, o->kind);
        pg_add_text(&keys, o->key);
        pg_add_int(&nums, o->num);
        pg_add_text(&bodies, o->body);
    }
    pg_put_int(p, s->p->tenant);
    pg_put_int(p, s->p->now_ms);
    pg_put_array(p, &kinds);
    pg_put_array(p, &keys);
    pg_put_array(p, &nums);
    pg_put_array(p, &bodies);
    pg_op_send(op, PG_object_seed);
}

static void
send_lock(struct pg_op *op, int64_t tenant, const struct row *rows, size_t n)
{
    struct pg_array kinds = pg_array(op->arena, PG_TYPE_INT2, n);
    struct pg_array keys = pg_array(op->arena, PG_TYPE_TEXT, n);
    struct pg_array wants = pg_array(op->arena, PG_TYPE_BOOL, n);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < n; i++) {
        pg_add_int(&kinds, rows[i].kind);
        pg_add_text(&keys, rows[i].key);
        pg_add_int(&wants, rows[i].wants_body);
    }
    pg_put_int(p, tenant);
    pg_put_array(p, &kinds);
    pg_put_array(p, &keys);
    pg_put_array(p, &wants);
    pg_op_send(op, PG_object_lock);
}

/* ---- what they are ---- */

static void
take_seeded(const struct putting *s, struct pg_rows r)
{
    while (pg_next(&r)) {
        enum object_kind kind = (enum object_kind)pg_int(&r);

        find(s, kind, pg_borrow(&r))->is_seeded = true;
    }
}

/* Bodies are borrowed while the result is there. */
static void
take_locked(struct row *rows, int64_t tenant, struct pg_rows r)
{
    while (pg_next(&r)) {
        struct row *row = &rows[pg_int(&r) - 1];

        if (row->is_seeded)
            continue; /* it was not there */
        row->now = (struct object){
            .tenant = tenant, .kind = row->kind, .num = pg_int(&r)};
        row->now.version = pg_int(&r);
        row->now.created_ms = pg_int(&r);
        row->now.updated_ms = pg_int(&r);
        row->is_there = pg_int(&r) == 0;
        row->now.body = pg_borrow(&r);
    }
}

static void
refuse(const struct putting *s, struct store_object_write *o,
       const struct row *r)
{
    o->err = ERR_PRECONDITION;
    o->object = (struct object){.tenant = s->p->tenant, .kind = o->kind};
    if (r->is_there) {
        o->object = r->now;
        o->object.body = str_dup(s->p->req.arena, r->now.body);
    }
    o->object.key = o->key;
}

static void
put_one(struct putting *s, struct store_object_write *o, struct row *r)
{
    o->is_created = false;
    if (o->if_version != OBJECT_ANY_VERSION &&
        o->if_version != (r->is_there ? r->now.version : 0)) {
        refuse(s, o, r);
        return;
    }
    o->err = ERR_OK;
    o->is_created = !r->is_there;
    if (o->is_created) {
        r->now.num = o->num;
        r->now.created_ms = s->p->now_ms;
    }
    r->is_changed = !(r->is_seeded && o == r->maker);
    r->is_there = true;
    r->now.tenant = s->p->tenant;
    r->now.kind = o->kind;
    r->now.version++;
    r->now.updated_ms = s->p->now_ms;
    r->now.body = o->body;
    r->done = o;
    o->object = r->now;
    o->object.key = o->key;
    s->done[s->n_done++] = r;
}

static enum err
put_all(struct putting *s)
{
    struct store_object_put *p = s->p;

    for (size_t i = 0; i < p->n_writes; i++) {
        put_one(s, &p->writes[i], s->of[i]);
        if (p->is_atomic && p->writes[i].err != ERR_OK)
            return p->writes[i].err;
    }
    return ERR_OK;
}

/* ---- what they become ---- */

/* Returns how many statements. */
static int
send_writes(struct pg_op *op, const struct putting *s)
{
    struct pg_array kinds = pg_array(op->arena, PG_TYPE_INT2, s->n_rows);
    struct pg_array keys = pg_array(op->arena, PG_TYPE_TEXT, s->n_rows);
    struct pg_array nums = pg_array(op->arena, PG_TYPE_INT8, s->n_rows);
    struct pg_array versions = pg_array(op->arena, PG_TYPE_INT8, s->n_rows);
    struct pg_array created = pg_array(op->arena, PG_TYPE_INT8, s->n_rows);
    struct pg_array bodies = pg_array(op->arena, PG_TYPE_TEXT, s->n_rows);
    struct pg_params *p;

    for (size_t i = 0; i < s->n_rows; i++) {
        const struct row *r = &s->rows[i];

        if (!r->is_changed)
            continue;
        pg_add_int(&kinds, r->kind);
        pg_add_text(&keys, r->key);
        pg_add_int(&nums, r->now.num);
        pg_add_int(&versions, r->now.version);
        pg_add_int(&created, r->now.created_ms);
        pg_add_text(&bodies, r->now.body);
    }
    if (kinds.n == 0)
        return 0;
    p = pg_op_params(op);
    pg_put_int(p, s->p->tenant);
    pg_put_int(p, s->p->now_ms);
    pg_put_array(p, &kinds);
    pg_put_array(p, &keys);
    pg_put_array(p, &nums);
    pg_put_array(p, &versions);
    pg_put_array(p, &created);
    pg_put_array(p, &bodies);
    pg_op_send(op, PG_object_write);
    return 1;
}

static bool
has_roles_to_write(const struct row *r)
{
    return r->kind == OBJECT_USER && r->done &&
           (r->done->n_roles > 0 || !r->is_seeded);
}

/* Returns how many statements. */
static int
send_roles(struct pg_op *op, const struct putting *s)
{
    struct pg_columns users;

    pg_columns_init(&users, op->arena, "TT", s->n_rows);
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct row *r = &s->rows[i];

        if (!has_roles_to_write(r))
            continue;
        pg_col_text(&users, r->key);
        pg_col_text(&users,
                    pg_roles(op->arena, r->done->roles, r->done->n_roles));
    }
    if (users.n_rows == 0)
        return 0;
    pg_members_set_roles(op, s->p->tenant, &users);
    return 2;
}

static void
send_changes(struct pg_op *op, int64_t tenant, struct row *const *done,
             size_t n)
{
    struct pg_array kinds = pg_array(op->arena, PG_TYPE_INT2, n);
    struct pg_array keys = pg_array(op->arena, PG_TYPE_TEXT, n);
    struct pg_params *p = pg_op_params(op);

    for (size_t i = 0; i < n; i++) {
        pg_add_int(&kinds, done[i]->kind);
        pg_add_text(&keys, done[i]->key);
    }
    pg_put_int(p, tenant);
    pg_put_array(p, &kinds);
    pg_put_array(p, &keys);
    pg_op_send(op, PG_change_add);
}

static int64_t
last_seq(struct pg_rows r)
{
    int64_t last = 0;

    while (pg_next(&r)) {
        int64_t seq = pg_int(&r);

        last = seq > last ? seq : last;
    }
    return last;
}

static void
tell(struct pg_op *op)
{
    const struct putting *s = op->state;
    int64_t first = s->p->seq - (int64_t)s->n_done + 1;

    for (size_t i = 0; i < s->n_done; i++)
        notices_change(&op->store->notices, s->p->tenant, s->done[i]->kind,
                       first + (int64_t)i);
    if (s->has_told)
        pg_store_told(op->store);
    pg_op_done(op);
}

static void
committed(struct pg_op *op)
{
    struct putting *s = op->state;

    s->p->seq = last_seq(pg_op_rows(op, s->at_change));
    tell(op);
}

/* The answer may tell of the seq. */
static void
answer(struct pg_op *op)
{
    struct putting *s = op->state;

    if (s->n_done > 0)
        s->p->seq = last_seq(pg_op_rows(op, s->at_change));
    pg_idem_save(op, &s->idem, 1);
    pg_op_commit(op, tell);
}

static void
send_told(struct pg_op *op, struct putting *s)
{
    struct pg_columns told = pg_told_columns(op->arena);

    for (size_t i = 0; i < s->p->n_writes; i++)
        if (object_write_is_told(&s->p->writes[i]))
            pg_told_put(&told, s->p->writes[i].told);
    s->has_told = pg_told_add(op, &told) > 0;
}

static void
decide(struct pg_op *op)
{
    struct putting *s = op->state;
    struct store_req *req = &s->p->req;
    bool has_idem = s->p->idem.key.n > 0;
    int at = has_idem ? 2 : 0;

    if (has_idem)
        pg_idem_read(op, 0, &s->idem, 1);
    if (req->err == ERR_OK && !s->p->idem.is_replay) {
        take_seeded(s, pg_op_rows(op, at));
        take_locked(s->rows, s->p->tenant, pg_op_rows(op, at + 1));
        req->err = put_all(s);
    }
    if (req->err != ERR_OK || (s->n_done == 0 && !has_idem) ||
        s->p->idem.is_replay) {
        pg_op_abort(op);
        return;
    }
    if (s->n_done == 0) {
        answer(op);
        return;
    }
    s->at_change = send_writes(op, s);
    s->at_change += send_roles(op, s);
    send_changes(op, s->p->tenant, s->done, s->n_done);
    send_told(op, s);
    pg_audit_write(op);
    if (has_idem)
        pg_op_await(op, answer);
    else
        pg_op_commit(op, committed);
}

static void
begin_put(struct pg_op *op)
{
    struct store_object_put *p =
        CONTAINER_OF(op->reqs[0], struct store_object_put, req);
    struct putting *s = ARENA_NEW(op->arena, struct putting);

    op->state = s;
    s->p = p;
    s->idem = (struct pg_idem_one){&p->req, &p->idem, p->tenant, p->now_ms};
    p->seq = 0;
    p->idem.is_replay = false;
    make_rows(s, op->arena);
    pg_op_begin(op);
    if (p->idem.key.n > 0)
        pg_idem_claim(op, &s->idem, 1);
    send_seed(op, s);
    send_lock(op, p->tenant, s->rows, s->n_rows);
    pg_op_await(op, decide);
}

const struct pg_verb pg_verb_object_put = {.begin = begin_put};

/* ---- delete ---- */

struct deleting {
    struct store_object_delete *d;
    /* Its own, with the preferences and devices of a user; or all of keys. */
    struct row rows[STORE_DELETE_MAX];
    size_t n_rows;
    struct row *buried[STORE_DELETE_MAX]; /* those that were there */
    size_t n_buried;
    int at_change;
    bool has_told; /* endpoints */
};

static void
deleted(struct pg_op *op)
{
    struct deleting *s = op->state;
    struct store_object_delete *d = s->d;
    struct pg_rows r = pg_op_rows(op, s->at_change);

    d->seq = last_seq(r);
    for (size_t i = 0; i < s->n_buried; i++)
        notices_change(&op->store->notices, d->tenant, s->buried[i]->kind,
                       d->seq - (int64_t)(s->n_buried - 1 - i));
    if (s->has_told)
        pg_store_told(op->store);
    pg_op_done(op);
}

static void
send_bury(struct pg_op *op, const struct store_object_delete *d,
          const struct row *row)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int4(p, (int)row->kind);
    pg_put_int(p, d->tenant);
    pg_put_text(p, row->key);
    pg_put_int(p, d->now_ms);
    pg_op_send(op, PG_object_bury);
}

/* What goes with one is told of with it. */
static void
send_told_of_gone(struct pg_op *op, struct deleting *s)
{
    const struct store_object_delete *d = s->d;
    struct pg_columns told = pg_told_columns(op->arena);
    size_t n = d->n_keys > 0 ? d->n_keys : 1;

    for (size_t i = 0; i < n && d->told; i++)
        if (s->rows[i].is_there)
            pg_told_put(&told, &d->told[i]);
    s->has_told = pg_told_add(op, &told) > 0;
}

/* Of one, what goes with it does not go without it. */
static enum err
why_not(const struct deleting *s)
{
    const struct store_object_delete *d = s->d;

    if (s->n_buried == 0 || (d->n_keys == 0 && !s->rows[0].is_there))
        return ERR_NOT_FOUND;
    if (d->n_keys == 0 && d->if_version != OBJECT_ANY_VERSION &&
        d->if_version != s->rows[0].now.version)
        return ERR_PRECONDITION;
    return ERR_OK;
}

static void
bury(struct pg_op *op)
{
    struct deleting *s = op->state;
    struct store_object_delete *d = s->d;

    take_locked(s->rows, d->tenant, pg_op_rows(op, 0));
    for (size_t i = 0; i < s->n_rows; i++) {
        const struct row *r = &s->rows[i];

        if (i < d->n_keys)
            d->versions[i] = r->is_there ? r->now.version : 0;
        if (r->is_there)
            s->buried[s->n_buried++] = &s->rows[i];
    }
    d->req.err = why_not(s);
    if (d->req.err != ERR_OK) {
        pg_op_abort(op);
        return;
    }
    for (size_t i = 0; i < s->n_buried; i++)
        send_bury(op, d, s->buried[i]);
    s->at_change = (int)s->n_buried + pg_members_remove_with(op, d);
    if (d->kind == OBJECT_USER) {
        pg_habit_forget(op, d->tenant, d->key);
        s->at_change++;
    }
    send_changes(op, d->tenant, s->buried, s->n_buried);
    d->version = s->rows[0].now.version;
    send_told_of_gone(op, s);
    pg_audit_write(op);
    pg_op_commit(op, deleted);
}

static void
begin_delete(struct pg_op *op)
{
    struct store_object_delete *d =
        CONTAINER_OF(op->reqs[0], struct store_object_delete, req);
    struct deleting *s = ARENA_NEW(op->arena, struct deleting);

    op->state = s;
    s->d = d;
    s->rows[0] = (struct row){.kind = d->kind, .key = d->key};
    s->rows[1] = (struct row){.kind = OBJECT_PREFERENCE, .key = d->key};
    s->rows[2] = (struct row){.kind = OBJECT_DEVICES, .key = d->key};
    s->n_rows = d->kind == OBJECT_USER ? 3 : 1;
    for (size_t i = 0; i < d->n_keys; i++)
        s->rows[i] = (struct row){.kind = d->kind, .key = d->keys[i]};
    if (d->n_keys > 0)
        s->n_rows = d->n_keys;
    d->seq = 0;
    pg_op_begin(op);
    send_lock(op, d->tenant, s->rows, s->n_rows);
    pg_op_await(op, bury);
}

const struct pg_verb pg_verb_object_delete = {.begin = begin_delete};
