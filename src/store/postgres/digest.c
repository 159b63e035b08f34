#include "store/postgres/digest.h"

#include <stdlib.h>

#include "base/list.h"
#include "domain/reason.h"
#include "store/postgres/pg_store.h"
#include "store/postgres/rows.h"

/* ---- in an accept ---- */

struct joined {
    struct store_join *join;
    const struct store_accept_item *item;
    size_t nth; /* as they came */
    bool is_in; /* its window is known */
};
struct ended {
    int64_t tenant;
    struct store_accept_item *item;
};
struct pg_windows {
    struct arena *arena;
    struct joined *joins; /* by scope, then as they came */
    size_t n_joins;
    struct ended *ends;
    size_t n_ends;
    bool has_ends, has_joins;       /* in this exchange */
    bool ends_join;                 /* what ends a window may join another */
    bool is_again;                  /* it is not the first one */
    struct pg_columns fresh, moved; /* work */
    bool has_told;                  /* endpoints */
};

struct pg_windows *
pg_windows_new(struct arena *a, size_t n_joins, size_t n_items)
{
    struct pg_windows *w = ARENA_NEW(a, struct pg_windows);

    w->arena = a;
    w->joins = ARENA_ARRAY(a, struct joined, n_joins);
    w->ends = ARENA_ARRAY(a, struct ended, n_items);
    pg_columns_init(&w->fresh, a, "lll", 0);
    pg_columns_init(&w->moved, a, "lll", 0);
    return w;
}

void
pg_windows_add(struct pg_windows *w, int64_t tenant,
               struct store_accept_item *item)
{
    for (size_t i = 0; i < item->n_joins; i++) {
        w->joins[w->n_joins] = (struct joined){
            .join = &item->joins[i], .item = item, .nth = w->n_joins};
        w->n_joins++;
    }
    if (!item->flush)
        return;
    w->ends[w->n_ends++] = (struct ended){tenant, item};
    w->ends_join |= item->n_joins > 0;
}

bool
pg_windows_is_empty(const struct pg_windows *w)
{
    return w->n_joins + w->n_ends == 0;
}

static int
cmp_scopes(const struct digest *x, const struct digest *y)
{
    int order = (x->tenant > y->tenant) - (x->tenant < y->tenant);

    order = order ? order : str_cmp(x->user, y->user);
    order = order ? order : str_cmp(x->channel, y->channel);
    return order ? order : str_cmp(x->rule.key, y->rule.key);
}

static int
by_scope(const void *a, const void *b)
{
    const struct joined *x = a, *y = b;
    int order = cmp_scopes(&x->join->digest, &y->join->digest);

    return order ? order : (x->nth > y->nth) - (x->nth < y->nth);
}

/* The end of those of one scope that begin at `from`. */
static size_t
run_end(const struct pg_windows *w, size_t from)
{
    size_t to = from + 1;

    while (to < w->n_joins && cmp_scopes(&w->joins[from].join->digest,
                                         &w->joins[to].join->digest) == 0)
        to++;
    return to;
}

/* They come as one, with the rule of the first. */
static void
add_run(const struct pg_windows *w, size_t from, size_t to,
        struct pg_columns *c)
{
    struct digest d = w->joins[from].join->digest;

    for (size_t i = from; i < to; i++) {
        const struct digest *x = &w->joins[i].join->digest;

        d.opened_ms = x->opened_ms > d.opened_ms ? x->opened_ms : d.opened_ms;
    }
    if (d.rule.mode == DIGEST_SLIDING)
        d.closes_ms = d.opened_ms + d.rule.window_ms;
    pg_col_int(c, d.tenant);
    pg_col_int(c, d.id);
    pg_col_int(c, d.rule.mode);
    pg_col_int(c, d.rule.is_leading);
    pg_col_int(c, d.rule.max_items);
    pg_col_int(c, d.rule.window_ms);
    pg_col_int(c, d.rule.max_window_ms);
    pg_col_int(c, d.closes_ms);
    pg_col_int(c, d.opened_ms);
    pg_col_int(c, (int64_t)(to - from));
    pg_col_text(c, d.user);
    pg_col_text(c, d.channel);
    pg_col_text(c, d.rule.key);
}

static void
send_joins(struct pg_windows *w, struct pg_op *op)
{
    struct pg_columns c;
    struct pg_params *p = pg_op_params(op);

    qsort(w->joins, w->n_joins, sizeof(*w->joins), by_scope);
    pg_columns_init(&c, w->arena, "llsbilllllTTT", w->n_joins);
    for (size_t i = 0, end; i < w->n_joins; i = end) {
        end = run_end(w, i);
        if (!w->joins[i].is_in)
            add_run(w, i, end, &c);
    }
    pg_put_columns(p, &c);
    pg_put_int(p, DIGEST_MEMBERS_MAX);
    pg_op_send(op, PG_digest_join);
}

static void
send_ends(struct pg_windows *w, struct pg_op *op)
{
    struct pg_columns c;

    pg_columns_init(&c, w->arena, "llll", w->n_ends);
    for (size_t i = 0; i < w->n_ends; i++) {
        const struct store_flush *f = w->ends[i].item->flush;

        pg_col_int(&c, w->ends[i].tenant);
        pg_col_int(&c, f->digest);
        pg_col_int(&c, f->n_members);
        pg_col_int(&c, f->hold);
    }
    pg_put_columns(pg_op_params(op), &c);
    pg_op_send(op, PG_digest_end);
}

/* What ends is shut, and nobody joins it: the order does not matter, unless who
 * came too late to end one would join another all the same. */
void
pg_windows_send(struct pg_windows *w, struct pg_op *op)
{
    w->has_ends = w->n_ends > 0 && !w->is_again;
    w->has_joins = w->n_joins > 0 && !(w->has_ends && w->ends_join);
    if (w->has_ends)
        send_ends(w, op);
    if (w->has_joins)
        send_joins(w, op);
}

static void
leave_out_gone(struct pg_windows *w)
{
    size_t n = 0;

    for (size_t i = 0; i < w->n_joins; i++)
        if (!w->joins[i].item->flush || !w->joins[i].item->is_gone)
            w->joins[n++] = w->joins[i];
    w->n_joins = n;
}

static void
read_ends(struct pg_windows *w, struct pg_rows r)
{
    for (size_t i = 0; i < w->n_ends; i++)
        w->ends[i].item->is_gone = true;
    while (pg_next(&r)) {
        int64_t id = pg_int(&r);

        for (size_t i = 0; i < w->n_ends; i++)
            if (w->ends[i].item->flush->digest == id)
                w->ends[i].item->is_gone = false;
    }
}

static void
hold(struct pg_windows *w, size_t from, size_t to, int64_t id, bool is_leading)
{
    for (size_t i = from; i < to; i++) {
        w->joins[i].join->window = id;
        w->joins[i].is_in = true;
    }
    if (is_leading)
        w->joins[from].join->window = 0;
}

/* False: what was open is over, and shut now. */
static bool
read_run(struct pg_windows *w, size_t from, size_t to, struct pg_rows *r)
{
    const struct digest *first = &w->joins[from].join->digest;
    int64_t id = pg_int(r);
    bool is_sliding = pg_int(r) == DIGEST_SLIDING, is_leading = pg_int(r) != 0;
    int64_t closes_ms = pg_int(r);
    bool is_open = pg_int(r) != 0, is_fresh = id == first->id;
    struct pg_columns *work = is_fresh ? &w->fresh : &w->moved;

    if (is_open)
        hold(w, from, to, id, is_fresh && is_leading);
    if (is_fresh || is_sliding || !is_open) {
        pg_col_int(work, first->tenant);
        pg_col_int(work, id);
        pg_col_int(work, closes_ms);
    }
    return is_open;
}

bool
pg_windows_read(struct pg_windows *w, struct pg_op *op)
{
    struct pg_rows r;
    bool are_in = true;

    if (w->has_ends)
        read_ends(w, pg_op_rows(op, 0));
    if (!w->has_joins) {
        w->is_again = true;
        leave_out_gone(w);
        return w->n_joins == 0;
    }
    r = pg_op_rows(op, w->has_ends);
    for (size_t i = 0, end; i < w->n_joins; i = end) {
        end = run_end(w, i);
        if (!w->joins[i].is_in && pg_next(&r) && !read_run(w, i, end, &r))
            are_in = false;
    }
    w->is_again = true;
    return are_in;
}

bool
pg_windows_has_work(const struct pg_windows *w)
{
    return w->fresh.n_rows + w->moved.n_rows > 0;
}

static void
send_columns(struct pg_op *op, struct pg_columns *c, enum pg which)
{
    if (c->n_rows == 0)
        return;
    pg_put_columns(pg_op_params(op), c);
    pg_op_send(op, which);
}

/* Before they are moved. */
static void
tell_late(struct pg_windows *w, struct pg_op *op, int64_t now_ms)
{
    struct pg_columns c;
    struct pg_params *p;

    pg_columns_init(&c, w->arena, "lll", 0);
    for (size_t i = 0; i < w->n_ends; i++) {
        const struct store_accept_item *item = w->ends[i].item;
        const struct store_flush *f = item->flush;

        if (item->is_gone ||
            !event_is_told(f->tells, DELIVERY_EXPIRED, STR_NONE))
            continue;
        for (size_t k = 0; k < f->n_expired; k++) {
            pg_col_int(&c, w->ends[i].tenant);
            pg_col_int(&c, f->digest);
            pg_col_int(&c, f->expired[k]);
        }
    }
    if (c.n_rows == 0)
        return;
    p = pg_op_params(op);
    pg_put_columns(p, &c);
    pg_put_int2(p, EVENT_DELIVERY_EXPIRED);
    pg_put_int(p, now_ms);
    pg_put_text(p, reason_code(REASON_EXPIRED));
    pg_op_send(op, PG_told_late);
    w->has_told = true;
}

/* Those that end; one that goes on is told of when it does. */
static void
tell_members(struct pg_windows *w, struct pg_op *op, int64_t now_ms)
{
    struct pg_columns c;
    struct pg_params *p;

    pg_columns_init(&c, w->arena, "llst", 0);
    for (size_t i = 0; i < w->n_ends; i++) {
        const struct store_flush *f = w->ends[i].item->flush;

        if (w->ends[i].item->is_gone ||
            !event_is_told(f->tells, f->status, STR_NONE))
            continue;
        pg_col_int(&c, w->ends[i].tenant);
        pg_col_int(&c, f->digest);
        pg_col_int(&c, event_of_status(f->status));
        pg_col_text(&c, f->reason);
    }
    if (c.n_rows == 0)
        return;
    p = pg_op_params(op);
    pg_put_columns(p, &c);
    pg_put_int(p, now_ms);
    pg_op_send(op, PG_told_members);
    w->has_told = true;
}

bool
pg_windows_have_told(const struct pg_windows *w)
{
    return w->has_told;
}

static void
send_expired(struct pg_windows *w, struct pg_op *op, int64_t now_ms)
{
    struct pg_columns c;
    struct pg_params *p;

    pg_columns_init(&c, w->arena, "lll", 0);
    for (size_t i = 0; i < w->n_ends; i++) {
        const struct store_accept_item *item = w->ends[i].item;

        for (size_t k = 0; k < item->flush->n_expired && !item->is_gone; k++) {
            pg_col_int(&c, w->ends[i].tenant);
            pg_col_int(&c, item->flush->digest);
            pg_col_int(&c, item->flush->expired[k]);
        }
    }
    if (c.n_rows == 0)
        return;
    p = pg_op_params(op);
    pg_put_columns(p, &c);
    pg_put_int(p, now_ms);
    pg_put_text(p, reason_code(REASON_EXPIRED));
    pg_op_send(op, PG_digest_expire);
}

static void
send_members(struct pg_windows *w, struct pg_op *op, int64_t now_ms)
{
    struct pg_columns settled, released;
    struct pg_params *p;

    pg_columns_init(&settled, w->arena, "llsTl", w->n_ends);
    pg_columns_init(&released, w->arena, "ll", 0);
    for (size_t i = 0; i < w->n_ends; i++) {
        const struct store_flush *f = w->ends[i].item->flush;
        bool is_one = f->status == DELIVERY_QUEUED;
        struct pg_columns *c = is_one ? &released : &settled;

        if (w->ends[i].item->is_gone)
            continue;
        pg_col_int(c, w->ends[i].tenant);
        pg_col_int(c, f->digest);
        if (is_one)
            continue;
        pg_col_int(c, f->status);
        pg_col_text(c, f->reason);
        pg_col_int(c, f->merged_into);
    }
    send_columns(op, &released, PG_digest_release);
    if (settled.n_rows == 0)
        return;
    p = pg_op_params(op);
    pg_put_columns(p, &settled);
    pg_put_int(p, now_ms);
    pg_op_send(op, PG_digest_settle);
}

void
pg_windows_store(struct pg_windows *w, struct pg_op *op, int64_t now_ms)
{
    send_columns(op, &w->fresh, PG_digest_work_add);
    send_columns(op, &w->moved, PG_digest_work_move);
    w->has_told = false;
    tell_late(w, op, now_ms);
    send_expired(w, op, now_ms);
    tell_members(w, op, now_ms);
    send_members(w, op, now_ms);
}

/* ---- a person's flush ---- */

void
pg_take_digest(struct pg_rows *r, struct arena *a, struct digest *ret)
{
    ret->tenant = pg_int(r);
    ret->id = pg_int(r);
    ret->rule.mode = (enum digest_mode)pg_int(r);
    ret->rule.is_leading = pg_int(r) != 0;
    ret->rule.max_items = (int)pg_int(r);
    ret->rule.window_ms = pg_int(r);
    ret->rule.max_window_ms = pg_int(r);
    ret->opened_ms = pg_int(r);
    ret->closes_ms = pg_int(r);
    ret->n_members = pg_int(r);
    ret->user = pg_text(r, a);
    ret->channel = pg_text(r, a);
    ret->rule.key = pg_text(r, a);
}

static void
flush_committed(struct pg_op *op)
{
    pg_store_work_ready(op->store);
    pg_op_done(op);
}

static void
flushed(struct pg_op *op)
{
    struct store_digest_flush *f =
        CONTAINER_OF(op->reqs[0], struct store_digest_flush, req);
    struct pg_rows r = pg_op_rows(op, 0);

    if (!pg_next(&r)) {
        f->req.err = ERR_NOT_FOUND;
        pg_op_abort(op);
        return;
    }
    pg_take_digest(&r, f->req.arena, &f->digest);
    pg_audit_write(op);
    pg_op_commit(op, flush_committed);
}

static void
begin_flush(struct pg_op *op)
{
    const struct store_digest_flush *f =
        CONTAINER_OF(op->reqs[0], struct store_digest_flush, req);
    struct pg_params *p;

    pg_op_begin(op);
    p = pg_op_params(op);
    pg_put_int(p, f->tenant);
    pg_put_int(p, f->id);
    pg_put_int(p, f->now_ms);
    pg_op_send(op, PG_digest_flush);
    pg_op_await(op, flushed);
}

const struct pg_verb pg_verb_digest_flush = {.begin = begin_flush};

/* ---- members, lists ---- */

#define MEMBERS_MAX 1000

static struct store_digest_members *
members_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_digest_members, req);
}

static void
take_member(struct pg_rows *r, struct arena *a, struct store_member *ret)
{
    pg_take_delivery(r, a, &ret->delivery);
    pg_take_notification(r, a, &ret->notification);
}

static void
members_read(struct pg_op *op)
{
    struct store_digest_members *m = members_of(op);
    struct pg_rows r = pg_op_rows(op, 0);

    if (!pg_next(&r)) {
        m->req.err = ERR_NOT_FOUND;
        pg_op_done(op);
        return;
    }
    m->n_members = pg_int(&r);
    r = pg_op_rows(op, 1);
    m->members = ARENA_ARRAY(m->req.arena, struct store_member, pg_count(&r));
    m->n_listed = 0;
    while (pg_next(&r))
        take_member(&r, m->req.arena, &m->members[m->n_listed++]);
    r = pg_op_rows(op, 2);
    if (pg_next(&r))
        take_member(&r, m->req.arena, &m->newest);
    pg_op_done(op);
}

/* Each by a statement of its own, so somebody may leave in between: then there
 * are not as many as are counted, and nothing comes of it. */
static void
read_members(struct pg_op *op)
{
    static const enum pg all[] = {PG_digest_count, PG_digest_oldest,
                                  PG_digest_newest};
    const struct store_digest_members *m = members_of(op);

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
        struct pg_params *p = pg_op_params(op);

        pg_put_int(p, m->tenant);
        pg_put_int(p, m->digest);
        if (all[i] == PG_digest_oldest) {
            pg_put_int(p,
                       (int64_t)(m->max < MEMBERS_MAX ? m->max : MEMBERS_MAX));
            pg_put_int(p, (int64_t)m->max_bytes);
            pg_put_int(p, m->after);
        }
        pg_op_send(op, all[i]);
    }
    pg_op_commit(op, members_read);
}

const struct pg_verb pg_verb_digest_members = {.begin = read_members};

#define LIST_MAX 1000

static struct store_digest_list *
list_of(struct pg_op *op)
{
    return CONTAINER_OF(op->reqs[0], struct store_digest_list, req);
}

static size_t
page(const struct store_digest_list *l)
{
    return l->limit < LIST_MAX ? l->limit : LIST_MAX;
}

static void
listed(struct pg_op *op)
{
    struct store_digest_list *l = list_of(op);
    struct pg_rows r = pg_op_rows(op, 0);

    l->digests = ARENA_ARRAY(l->req.arena, struct digest, page(l));
    l->n_digests = 0;
    while (l->n_digests < page(l) && pg_next(&r))
        pg_take_digest(&r, l->req.arena, &l->digests[l->n_digests++]);
    l->has_more = pg_next(&r);
    pg_op_done(op);
}

static void
list(struct pg_op *op)
{
    const struct store_digest_list *l = list_of(op);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, l->tenant);
    pg_put_int(p, l->before > 0 ? l->before : INT64_MAX);
    pg_put_int(p, (int64_t)page(l) + 1);
    if (l->user.n > 0)
        pg_put_text(p, l->user);
    pg_op_send(op, l->user.n > 0 ? PG_digest_list_of : PG_digest_list);
    pg_op_commit(op, listed);
}

const struct pg_verb pg_verb_digest_list = {.begin = list};
