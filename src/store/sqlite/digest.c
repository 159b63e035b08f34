/* digest.c - windows: joined by the writer as it accepts, read by the reader.
 * One thread writes, so what a verb has looked at stays as it was. */
#include "base/list.h"
#include "domain/reason.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/tell.h"
#include "store/sqlite/writer.h"

static void
take_digest(struct query *q, struct arena *a, struct digest *ret)
{
    ret->tenant = take_int(q);
    ret->id = take_int(q);
    ret->rule.mode = (enum digest_mode)take_int(q);
    ret->rule.is_leading = take_int(q) != 0;
    ret->rule.max_items = (int)take_int(q);
    ret->rule.window_ms = take_int(q);
    ret->rule.max_window_ms = take_int(q);
    ret->opened_ms = take_int(q);
    ret->closes_ms = take_int(q);
    ret->n_members = take_int(q);
    ret->user = take_text(q, a);
    ret->channel = take_text(q, a);
    ret->rule.key = take_text(q, a);
}

/* ---- in an accept ---- */

static void
set_work(struct writer *w, enum sql which, const struct digest *d,
         int64_t due_ms, int64_t id)
{
    struct query q = query(&w->conn, which);

    put_int(&q, d->tenant);
    put_int(&q, id);
    put_int(&q, due_ms);
    if (query_run(&q) > 0)
        notices_work(&w->notices);
}

/* False: the one that was open was over, and is shut. */
static bool
join_or_shut(struct writer *w, struct store_join *join)
{
    const struct digest *d = &join->digest;
    struct query q = query(&w->conn, SQL_digest_join);
    int64_t id, closes_ms, n_members;
    bool is_open;

    put_int(&q, d->tenant);
    put_int(&q, d->id);
    put_int(&q, d->rule.mode);
    put_int(&q, d->rule.is_leading);
    put_int(&q, d->rule.max_items);
    put_int(&q, d->rule.window_ms);
    put_int(&q, d->rule.max_window_ms);
    put_int(&q, d->opened_ms);
    put_int(&q, d->closes_ms);
    put_text(&q, d->user);
    put_text(&q, d->channel);
    put_text(&q, d->rule.key);
    put_int(&q, DIGEST_MEMBERS_MAX);
    if (!query_row(&q))
        return true;
    id = take_int(&q);
    closes_ms = take_int(&q);
    n_members = take_int(&q);
    is_open = take_int(&q) != 0;
    query_end(&q);
    join->window = n_members > 0 ? id : 0;
    set_work(w, id == d->id ? SQL_digest_work_add : SQL_digest_work_move, d,
             closes_ms, id);
    return is_open;
}

void
window_join(struct writer *w, struct store_join *join)
{
    if (!join_or_shut(w, join))
        (void)join_or_shut(w, join); /* opens another */
}

static void
settle(struct writer *w, const struct store_accept *a,
       const struct store_flush *flush)
{
    bool is_one = flush->status == DELIVERY_QUEUED;
    struct query q =
        query(&w->conn, is_one ? SQL_digest_release : SQL_digest_settle);

    put_int(&q, a->tenant);
    put_int(&q, flush->digest);
    if (!is_one) {
        put_int(&q, flush->status);
        put_text(&q, flush->reason);
        put_int_or_null(&q, flush->merged_into);
        put_int(&q, a->now_ms);
    }
    query_run(&q);
}

/* Those that end; one that goes on is told of when it does. */
static int64_t *
ids_of_members(struct writer *w, const struct store_accept *a,
               const struct store_flush *flush, size_t *ret_n)
{
    int64_t *ids;
    struct query q;

    *ret_n = 0;
    if (!event_is_told(flush->tells, flush->status, STR_NONE))
        return NULL;
    ids = ARENA_ARRAY(w->arena, int64_t, (size_t)flush->n_members);
    q = query(&w->conn, SQL_told_members);
    put_int(&q, a->tenant);
    put_int(&q, flush->digest);
    while (query_row(&q)) {
        int64_t id = take_int(&q);

        if (*ret_n < (size_t)flush->n_members)
            ids[(*ret_n)++] = id;
    }
    return ids;
}

static void
settle_and_tell(struct writer *w, const struct store_accept *a,
                const struct store_flush *flush)
{
    size_t n;
    int64_t *ids = ids_of_members(w, a, flush, &n);

    settle(w, a, flush);
    for (size_t i = 0; i < n; i++)
        told_delivery(w, flush->tells, ids[i], flush->status, a->now_ms);
}

bool
window_end(struct writer *w, const struct store_accept *a,
           const struct store_flush *flush)
{
    struct query q = query(&w->conn, SQL_digest_end);

    put_int(&q, a->tenant);
    put_int(&q, flush->digest);
    put_int(&q, flush->n_members);
    put_int(&q, flush->hold);
    if (query_run(&q) == 0)
        return false;
    q = query(&w->conn, SQL_digest_work_remove);
    put_int(&q, a->tenant);
    put_int(&q, flush->digest);
    query_run(&q);
    for (size_t i = 0; i < flush->n_expired; i++) {
        q = query(&w->conn, SQL_digest_expire);
        put_int(&q, a->tenant);
        put_int(&q, flush->digest);
        put_int(&q, flush->expired[i]);
        put_int(&q, DELIVERY_EXPIRED);
        put_text(&q, reason_code(REASON_EXPIRED));
        put_int(&q, a->now_ms);
        query_run(&q);
        told_delivery(w, flush->tells, flush->expired[i], DELIVERY_EXPIRED,
                      a->now_ms);
    }
    settle_and_tell(w, a, flush);
    return true;
}

/* ---- on the way ---- */

void
window_leave(struct writer *w, int64_t tenant, int64_t id)
{
    static const enum sql steps[] = {SQL_digest_leave, SQL_digest_drop,
                                     SQL_digest_work_remove};

    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct query q = query(&w->conn, steps[i]);

        put_int(&q, tenant);
        put_int(&q, id);
        if (query_run(&q) == 0)
            break; /* others are left */
    }
}

void
window_take(struct writer *w, struct store_work_take *t, size_t max)
{
    struct query q = query(&w->conn, SQL_digest_due);

    put_int(&q, t->now_ms);
    put_int(&q, (int64_t)max);
    while (query_row(&q))
        take_digest(&q, t->req.arena, &t->rows[t->n_rows++].digest);
    for (size_t i = 0; i < t->n_rows; i++) {
        q = query(&w->conn, SQL_digest_shut);
        put_int(&q, t->rows[i].digest.tenant);
        put_int(&q, t->rows[i].digest.id);
        query_run(&q);
    }
}

enum err
write_digest_flush(struct writer *w, struct store_req *req)
{
    struct store_digest_flush *f =
        CONTAINER_OF(req, struct store_digest_flush, req);
    struct query q = query(&w->conn, SQL_digest_flush);

    put_int(&q, f->tenant);
    put_int(&q, f->id);
    put_int(&q, f->now_ms);
    if (!query_row(&q))
        return ERR_NOT_FOUND;
    take_digest(&q, req->arena, &f->digest);
    query_end(&q);
    set_work(w, SQL_digest_work_move, &f->digest, f->digest.closes_ms, f->id);
    return ERR_OK;
}

/* ---- what people and the flush ask ---- */

static void
load_member(struct reader *r, struct arena *a, int64_t tenant, int64_t id,
            struct store_member *ret)
{
    struct query q = query(&r->conn, SQL_delivery_get);

    put_int(&q, id);
    put_int(&q, tenant);
    if (!query_row(&q))
        return;
    take_delivery(&q, a, &ret->delivery);
    query_end(&q);
    q = query(&r->conn, SQL_notification_get);
    put_int(&q, ret->delivery.notification);
    put_int(&q, tenant);
    if (!query_row(&q))
        return;
    take_notification(&q, a, &ret->notification);
    query_end(&q);
}

static void
list_members(struct reader *r, struct store_digest_members *m)
{
    size_t max = page_size(m->max), bytes = 0;
    struct query q = query(&r->conn, SQL_digest_oldest);
    int64_t *ids = ARENA_ARRAY(m->req.arena, int64_t, max);
    size_t n = 0;

    put_int(&q, m->tenant);
    put_int(&q, m->digest);
    put_int(&q, (int64_t)max);
    put_int(&q, m->after);
    while (query_row(&q))
        ids[n++] = take_int(&q);
    m->members = ARENA_ARRAY(m->req.arena, struct store_member, n);
    m->n_listed = 0;
    while (m->n_listed < n && (m->n_listed == 0 || bytes < m->max_bytes)) {
        struct store_member *one = &m->members[m->n_listed];

        load_member(r, m->req.arena, m->tenant, ids[m->n_listed++], one);
        bytes += one->notification.doc.n;
    }
}

static void
load_newest(struct reader *r, struct store_digest_members *m)
{
    struct query q = query(&r->conn, SQL_digest_newest);
    int64_t id = 0;

    put_int(&q, m->tenant);
    put_int(&q, m->digest);
    if (query_row(&q)) {
        id = take_int(&q);
        query_end(&q);
    }
    if (id != 0)
        load_member(r, m->req.arena, m->tenant, id, &m->newest);
}

enum err
read_digest_members(struct reader *r, struct store_req *req)
{
    struct store_digest_members *m =
        CONTAINER_OF(req, struct store_digest_members, req);
    struct query q = query(&r->conn, SQL_digest_count);

    put_int(&q, m->tenant);
    put_int(&q, m->digest);
    if (!query_row(&q))
        return ERR_NOT_FOUND;
    m->n_members = take_int(&q);
    query_end(&q);
    list_members(r, m);
    load_newest(r, m);
    return ERR_OK;
}

enum err
read_digest_list(struct reader *r, struct store_req *req)
{
    struct store_digest_list *l =
        CONTAINER_OF(req, struct store_digest_list, req);
    size_t limit = page_size(l->limit);
    struct query q =
        query(&r->conn, l->user.n > 0 ? SQL_digest_list_of : SQL_digest_list);

    l->digests = ARENA_ARRAY(req->arena, struct digest, limit);
    l->n_digests = 0;
    l->has_more = false;
    put_int(&q, l->tenant);
    put_int(&q, before_or_end(l->before));
    put_int(&q, (int64_t)limit + 1);
    if (l->user.n > 0)
        put_text(&q, l->user);
    while (page_row(&q, l->n_digests, limit, &l->has_more))
        take_digest(&q, req->arena, &l->digests[l->n_digests++]);
    return ERR_OK;
}
