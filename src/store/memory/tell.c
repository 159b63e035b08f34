/* tell.c - see store/tell.h. */
#include "store/memory/tell.h"

#include "base/list.h"

static struct store_told
copy(struct arena *a, const struct store_told *t)
{
    struct store_told c = *t;

    c.user = str_dup(a, t->user);
    c.channel = str_dup(a, t->channel);
    c.provider = str_dup(a, t->provider);
    c.reason = str_dup(a, t->reason);
    c.about = str_dup(a, t->about);
    return c;
}

static struct store_told *
nth(struct mem *m, size_t i)
{
    return &((struct store_told *)(void *)m->said.bytes.p)[i];
}

/* ---- what happened ---- */

/* False: that is to be told already. */
static bool
add_telling(struct mem *m, size_t told, int64_t lane)
{
    struct mem_telling *t;

    ROW_EACH(struct mem_telling, old, &m->tellings)
    if (!old->is_gone && old->told == told && old->lane == lane)
        return false;
    t = ROW_ADD(&m->tellings, struct mem_telling);
    t->id = (int64_t)m->tellings.n;
    t->told = told;
    t->lane = lane;
    mem_tell(m, (struct store_notice){.kind = STORE_NOTICE_TELL});
    return true;
}

void
mem_told_add(struct mem *m, const struct store_told *t)
{
    struct store_told *row = ROW_ADD(&m->said, struct store_told);

    *row = copy(m->arena, t);
    row->id = (int64_t)m->said.n;
    (void)add_telling(m, m->said.n - 1, 0);
}

void
mem_told_delivery(struct mem *m, event_set tells, const struct delivery *d,
                  int64_t now_ms)
{
    struct store_told t;

    if (!event_is_told(tells, d->status, d->channel))
        return;
    t = store_told_of(d, now_ms);
    mem_told_add(m, &t);
}

void
mem_told_receipt(struct mem *m, const struct store_receipt *r,
                 const struct store_receipt_event *e)
{
    const struct mem_delivery *d = mem_find(m, r->tenant, e->found.id);
    struct store_told t;

    if (!d || !store_receipt_is_told(r, e))
        return;
    t = store_receipt_told(r, e);
    t.notification = d->d.notification;
    t.attempts = d->d.attempts;
    mem_told_add(m, &t);
}

void
mem_told_mark(struct mem *m, const struct store_inbox_mark *r,
              const struct inbox_item *i)
{
    struct store_told t = store_mark_told(r, i->id);

    if (t.kind == EVENT_NONE)
        return;
    t.notification = i->notification;
    t.delivery = i->delivery;
    mem_told_add(m, &t);
}

/* ---- to whom it is still to be told ---- */

static void
take_row(struct mem *m, struct arena *a, const struct mem_telling *t,
         struct store_telling *ret)
{
    ret->id = t->id;
    ret->lane = t->lane;
    ret->told = copy(a, nth(m, t->told));
    ROW_EACH(struct mem_notification, n, &m->notifications)
    if (n->n.id == ret->told.notification && !n->is_gone) {
        ret->doc = str_dup(a, n->n.doc);
        if (n->n.parent != 0)
            ret->told.notification = n->n.parent;
        return;
    }
}

static int64_t
next_ms(struct mem *m, int64_t now_ms)
{
    int64_t best_ms = -1;

    ROW_EACH(struct mem_telling, t, &m->tellings)
    {
        int64_t ms =
            t->taken_until_ms > now_ms ? t->taken_until_ms - now_ms : 0;

        if (!t->is_gone && (best_ms < 0 || ms < best_ms))
            best_ms = ms;
    }
    return best_ms;
}

enum err
mem_tell_take(struct mem *m, struct store_req *req)
{
    struct store_tell_take *t = CONTAINER_OF(req, struct store_tell_take, req);

    t->rows = ARENA_ARRAY(req->arena, struct store_telling, t->max);
    t->n_rows = 0;
    t->change_seq = 0;
    ROW_EACH(struct mem_telling, row, &m->tellings)
    for (size_t i = 0; i < t->n_done; i++)
        row->is_gone |= row->id == t->done[i];
    ROW_EACH(struct mem_telling, row, &m->tellings)
    {
        if (t->n_rows == t->max)
            break;
        if (row->is_gone || row->taken_until_ms > t->now_ms)
            continue;
        row->taken_until_ms = t->now_ms + t->lease_ms;
        take_row(m, req->arena, row, &t->rows[t->n_rows++]);
    }
    t->next_ms = next_ms(m, t->now_ms);
    return ERR_OK;
}

/* ---- again ---- */

/* In the order in which they happened, which is that of the rows but where a
 * clock was set. */
static bool
is_before(const struct store_told *t, int64_t at_ms, int64_t id)
{
    return t->at_ms < at_ms || (t->at_ms == at_ms && t->id <= id);
}

static struct store_told *
first_after(struct mem *m, const struct store_tell_again *t, int64_t at_ms,
            int64_t id)
{
    struct store_told *best = NULL;

    ROW_EACH(struct store_told, row, &m->said)
    if (row->id != 0 && row->tenant == t->tenant && row->at_ms >= t->from_ms &&
        row->at_ms < t->to_ms && !is_before(row, at_ms, id) &&
        (!best || is_before(row, best->at_ms, best->id)))
        best = row;
    return best;
}

enum err
mem_tell_again(struct mem *m, struct store_req *req)
{
    struct store_tell_again *t =
        CONTAINER_OF(req, struct store_tell_again, req);
    size_t n;

    t->n_told = 0;
    t->next_ms = t->after_ms;
    t->next = t->after;
    for (n = 0; n < t->max; n++) {
        struct store_told *row = first_after(m, t, t->next_ms, t->next);

        if (!row)
            break;
        t->next_ms = row->at_ms;
        t->next = row->id;
        if (t->kinds & EVENT_BIT(row->kind))
            t->n_told += add_telling(m, (size_t)row->id - 1, t->lane);
    }
    t->is_over = n < t->max;
    return ERR_OK;
}

static bool
is_to_be_told(struct mem *m, size_t told)
{
    ROW_EACH(struct mem_telling, t, &m->tellings)
    if (!t->is_gone && t->told == told)
        return true;
    return false;
}

void
mem_told_sweep(struct mem *m, int64_t before_ms)
{
    ROW_EACH(struct store_told, t, &m->said)
    if (t->id != 0 && t->at_ms < before_ms &&
        !is_to_be_told(m, (size_t)t->id - 1))
        t->id = 0;
}
