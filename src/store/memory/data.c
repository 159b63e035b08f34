/* data.c - rows, copies, notices and keys of the memory driver. */
#include "store/memory/data.h"

void *
rows_add(struct rows *r, size_t size)
{
    buf_reserve(&r->bytes, size);
    memset(r->bytes.p + r->bytes.n, 0, size);
    r->bytes.n += size;
    r->n++;
    return r->bytes.p + r->bytes.n - size;
}

struct mem_delivery *
mem_find(struct mem *m, int64_t tenant, int64_t id)
{
    ROW_EACH(struct mem_delivery, d, &m->deliveries)
    if (d->d.id == id && d->d.tenant == tenant && !d->is_gone)
        return d;
    return NULL;
}

struct mem_work *
mem_work_find(struct mem *m, enum store_work_kind kind, int64_t tenant,
              int64_t id)
{
    ROW_EACH(struct mem_work, w, &m->works)
    if (w->kind == kind && w->tenant == tenant && w->id == id && !w->is_gone)
        return w;
    return NULL;
}

struct mem_work *
mem_work_of(struct mem *m, int64_t tenant, int64_t id)
{
    return mem_work_find(m, STORE_WORK_PLAN, tenant, id);
}

void
mem_work_add(struct mem *m, const struct mem_work *w)
{
    struct mem_work *row = ROW_ADD(&m->works, struct mem_work);

    *row = *w;
    row->taken_until_ms = w->due_ms;
    mem_tell(m, (struct store_notice){.kind = STORE_NOTICE_WORK});
}

struct delivery
mem_copy_delivery(struct arena *a, const struct delivery *d)
{
    struct delivery c = *d;

    c.user = str_dup(a, d->user);
    c.channel = str_dup(a, d->channel);
    c.provider = str_dup(a, d->provider);
    c.reason = str_dup(a, d->reason);
    c.error = str_dup(a, d->error);
    c.tally = str_dup(a, d->tally);
    c.device = str_dup(a, d->device);
    return c;
}

struct notification
mem_copy_notification(struct arena *a, const struct notification *n)
{
    struct notification c = *n;

    c.doc = str_dup(a, n->doc);
    c.template_key = str_dup(a, n->template_key);
    c.note = str_dup(a, n->note);
    c.request_id = str_dup(a, n->request_id);
    c.traceparent = str_dup(a, n->traceparent);
    return c;
}

struct attempt
mem_copy_attempt(struct arena *a, const struct attempt *t)
{
    struct attempt c = *t;

    c.provider = str_dup(a, t->provider);
    c.verdict = str_dup(a, t->verdict);
    c.detail = str_dup(a, t->detail);
    c.cost = str_dup(a, t->cost);
    c.request = str_dup(a, t->request);
    return c;
}

struct inbox_item
mem_copy_item(struct arena *a, const struct inbox_item *i)
{
    struct inbox_item c = *i;

    c.user = str_dup(a, i->user);
    c.category = str_dup(a, i->category);
    c.content = str_dup(a, i->content);
    return c;
}

/* ---- notices ---- */

void
mem_tell(struct mem *m, struct store_notice notice)
{
    *ROW_ADD(&m->notices, struct store_notice) = notice;
}

void
mem_tell_wait(struct mem *m, int64_t due_ms)
{
    ROW_EACH(struct store_notice, n, &m->notices)
    if (n->kind == STORE_NOTICE_WAIT) {
        n->due_ms = due_ms < n->due_ms ? due_ms : n->due_ms;
        return;
    }
    mem_tell(
        m, (struct store_notice){.kind = STORE_NOTICE_WAIT, .due_ms = due_ms});
}

void
mem_tell_ready(struct mem *m, int64_t tenant, int64_t lane)
{
    struct store_notice n = {.kind = STORE_NOTICE_READY,
                             .tenant = tenant,
                             .lane = lane < 0 ? -lane : lane,
                             .is_critical = lane < 0};

    ROW_EACH(struct store_notice, o, &m->notices)
    if (o->kind == n.kind && o->tenant == n.tenant && o->lane == n.lane &&
        o->is_critical == n.is_critical)
        return;
    mem_tell(m, n);
}

/* ---- Idempotency-Keys ---- */

static struct mem_idem *
idem_row(struct mem *m, int64_t tenant, struct str key)
{
    ROW_EACH(struct mem_idem, i, &m->idems)
    if (i->tenant == tenant && str_eq(i->key, key))
        return i;
    return NULL;
}

enum err
mem_idem_find(struct mem *m, int64_t tenant, int64_t now_ms,
              struct store_req *req, struct store_idem *idem)
{
    const struct mem_idem *i = idem_row(m, tenant, idem->key);

    idem->is_replay = false;
    if (idem->key.n == 0 || !i || i->until_ms <= now_ms)
        return ERR_OK;
    if (memcmp(i->fingerprint, idem->fingerprint, sizeof(i->fingerprint)) != 0)
        return ERR_IDEM_MISMATCH;
    idem->is_replay = true;
    idem->status = i->status;
    idem->body = str_dup(req->arena, i->body);
    return ERR_OK;
}

void
mem_idem_save(struct mem *m, int64_t tenant, struct store_req *req,
              struct store_idem *idem)
{
    struct mem_idem *i = idem_row(m, tenant, idem->key);
    struct buf body;

    if (idem->key.n == 0)
        return;
    buf_init(&body, req->arena);
    if (idem->answer)
        idem->answer(req, &body, &idem->status);
    idem->body = buf_str(&body);
    if (!i)
        i = ROW_ADD(&m->idems, struct mem_idem);
    i->tenant = tenant;
    i->key = str_dup(m->arena, idem->key);
    memcpy(i->fingerprint, idem->fingerprint, sizeof(i->fingerprint));
    i->until_ms = idem->until_ms;
    i->status = idem->status;
    i->body = str_dup(m->arena, idem->body);
}
