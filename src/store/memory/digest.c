/* digest.c - windows in memory. */
#include "base/list.h"
#include "domain/reason.h"
#include "store/memory/data.h"
#include "store/memory/tell.h"

static struct digest
copy_digest(struct arena *a, const struct digest *d)
{
    struct digest c = *d;

    c.user = str_dup(a, d->user);
    c.channel = str_dup(a, d->channel);
    c.rule.key = str_dup(a, d->rule.key);
    return c;
}

static struct mem_digest *
find(struct mem *m, int64_t tenant, int64_t id)
{
    ROW_EACH(struct mem_digest, d, &m->digests)
    if (d->d.tenant == tenant && d->d.id == id && !d->is_gone)
        return d;
    return NULL;
}

static struct mem_digest *
find_open(struct mem *m, const struct digest *like)
{
    ROW_EACH(struct mem_digest, d, &m->digests)
    if (d->is_open && !d->is_gone && d->d.tenant == like->tenant &&
        str_eq(d->d.user, like->user) && str_eq(d->d.channel, like->channel) &&
        str_eq(d->d.rule.key, like->rule.key))
        return d;
    return NULL;
}

static struct mem_work *
work_of(struct mem *m, int64_t tenant, int64_t id)
{
    return mem_work_find(m, STORE_WORK_DIGEST, tenant, id);
}

static bool
is_member(const struct mem_delivery *d, int64_t tenant, int64_t digest)
{
    return !d->is_gone && d->d.tenant == tenant && d->d.digest == digest;
}

/* ---- in an accept ---- */

static void
open_window(struct mem *m, struct store_join *join)
{
    struct mem_digest *d = ROW_ADD(&m->digests, struct mem_digest);

    d->d = copy_digest(m->arena, &join->digest);
    d->is_open = true;
    d->d.n_members = !d->d.rule.is_leading;
    join->window = d->d.rule.is_leading ? 0 : d->d.id;
    mem_work_add(m, &(struct mem_work){.kind = STORE_WORK_DIGEST,
                                       .tenant = d->d.tenant,
                                       .id = d->d.id,
                                       .due_ms = d->d.closes_ms});
}

static void
move_work(struct mem *m, const struct digest *d)
{
    struct mem_work *w = work_of(m, d->tenant, d->id);

    if (w->due_ms == d->closes_ms)
        return;
    w->due_ms = w->taken_until_ms = d->closes_ms;
    mem_tell(m, (struct store_notice){.kind = STORE_NOTICE_WORK});
}

static void
shut(struct mem *m, struct mem_digest *d, int64_t now_ms)
{
    d->is_open = false;
    if (d->d.closes_ms > now_ms)
        d->d.closes_ms = now_ms;
    move_work(m, &d->d);
}

void
mem_window_join(struct mem *m, struct store_join *join)
{
    struct mem_digest *d = find_open(m, &join->digest);
    int64_t now_ms = join->digest.opened_ms;

    if (d && digest_is_over(&d->d, now_ms)) {
        shut(m, d, now_ms);
        d = NULL;
    }
    if (!d) {
        open_window(m, join);
        return;
    }
    d->d.n_members++;
    d->d.closes_ms = digest_end_after_join(&d->d, join->digest.opened_ms);
    join->window = d->d.id;
    move_work(m, &d->d);
}

static void
settle(struct mem *m, const struct store_accept *a,
       const struct store_flush *flush, struct mem_delivery *d)
{
    bool is_late = false;

    for (size_t i = 0; i < flush->n_expired; i++)
        is_late |= flush->expired[i] == d->d.id;
    d->d.digest = 0;
    d->d.updated_ms = a->now_ms;
    if (!is_late && flush->status == DELIVERY_QUEUED) {
        d->is_gone = true; /* the item brings it anew */
        return;
    }
    d->d.status = is_late ? DELIVERY_EXPIRED : flush->status;
    d->d.reason = is_late ? reason_code(REASON_EXPIRED)
                          : str_dup(m->arena, flush->reason);
    d->d.merged_into = is_late ? 0 : flush->merged_into;
    mem_told_delivery(m, flush->tells, &d->d, a->now_ms);
}

bool
mem_window_end(struct mem *m, const struct store_accept *a,
               const struct store_flush *flush)
{
    struct mem_digest *d = find(m, a->tenant, flush->digest);
    struct mem_work *w = work_of(m, a->tenant, flush->digest);

    if (!d || d->d.n_members != flush->n_members ||
        w->taken_until_ms != flush->hold)
        return false;
    d->is_gone = w->is_gone = true;
    ROW_EACH(struct mem_delivery, one, &m->deliveries)
    if (is_member(one, a->tenant, flush->digest))
        settle(m, a, flush, one);
    return true;
}

/* ---- on the way ---- */

void
mem_window_leave(struct mem *m, struct mem_delivery *one)
{
    struct mem_digest *d = find(m, one->d.tenant, one->d.digest);

    one->d.digest = 0;
    if (!d || --d->d.n_members > 0 || d->d.rule.is_leading)
        return;
    d->is_gone = true;
    work_of(m, d->d.tenant, d->d.id)->is_gone = true;
}

void
mem_window_shut(struct mem *m, struct arena *a, const struct mem_work *w,
                struct digest *ret)
{
    struct mem_digest *d = find(m, w->tenant, w->id);

    d->is_open = false;
    *ret = copy_digest(a, &d->d);
}

enum err
mem_digest_flush(struct mem *m, struct store_req *req)
{
    struct store_digest_flush *f =
        CONTAINER_OF(req, struct store_digest_flush, req);
    struct mem_digest *d = find(m, f->tenant, f->id);

    if (!d || !d->is_open)
        return ERR_NOT_FOUND;
    if (d->d.closes_ms > f->now_ms)
        d->d.closes_ms = f->now_ms;
    move_work(m, &d->d);
    f->digest = copy_digest(req->arena, &d->d);
    return ERR_OK;
}

/* ---- what people and the flush ask ---- */

static void
copy_member(struct mem *m, struct arena *a, const struct mem_delivery *d,
            struct store_member *ret)
{
    ret->delivery = mem_copy_delivery(a, &d->d);
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == d->d.notification && !n->is_gone)
        ret->notification = mem_copy_notification(a, &n->n);
}

/* The member after that one. */
static const struct mem_delivery *
next_member(struct mem *m, const struct store_digest_members *x, int64_t after)
{
    const struct mem_delivery *best = NULL;

    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    if (is_member(d, x->tenant, x->digest) && d->d.id > after &&
        (!best || d->d.id < best->d.id))
        best = d;
    return best;
}

enum err
mem_digest_members(struct mem *m, struct store_req *req)
{
    struct store_digest_members *x =
        CONTAINER_OF(req, struct store_digest_members, req);
    const struct mem_digest *d = find(m, x->tenant, x->digest);
    const struct mem_delivery *one, *newest = NULL;
    size_t bytes = 0;

    if (!d)
        return ERR_NOT_FOUND;
    x->n_members = d->d.n_members;
    x->members = ARENA_ARRAY(req->arena, struct store_member, x->max);
    x->n_listed = 0;
    for (one = next_member(m, x, 0); one; one = next_member(m, x, one->d.id)) {
        newest = one;
        if (one->d.id <= x->after || x->n_listed == x->max ||
            (x->n_listed > 0 && bytes >= x->max_bytes))
            continue;
        copy_member(m, req->arena, one, &x->members[x->n_listed]);
        bytes += x->members[x->n_listed++].notification.doc.n;
    }
    if (newest)
        copy_member(m, req->arena, newest, &x->newest);
    return ERR_OK;
}

enum err
mem_digest_list(struct mem *m, struct store_req *req)
{
    struct store_digest_list *l =
        CONTAINER_OF(req, struct store_digest_list, req);
    int64_t before = l->before > 0 ? l->before : INT64_MAX;

    l->digests = ARENA_ARRAY(req->arena, struct digest, l->limit);
    l->n_digests = 0;
    for (;;) {
        const struct mem_digest *best = NULL;

        ROW_EACH(struct mem_digest, d, &m->digests)
        if (d->d.tenant == l->tenant && d->is_open && !d->is_gone &&
            d->d.id < before && (!best || d->d.id > best->d.id) &&
            (l->user.n == 0 || str_eq(d->d.user, l->user)))
            best = d;
        l->has_more = best && l->n_digests == l->limit;
        if (!best || l->has_more)
            return ERR_OK;
        l->digests[l->n_digests++] = copy_digest(req->arena, &best->d);
        before = best->d.id;
    }
}
