/* receipt.c - see store/receipt.h. */
#include "store/memory/receipt.h"

#include "base/list.h"
#include "store/memory/tell.h"

void
mem_taken_add(struct mem *m, const struct store_finish *f)
{
    *ROW_ADD(&m->taken, struct mem_taken) = (struct mem_taken){
        .tenant = f->tenant,
        .delivery = f->delivery,
        .t = {.lane = f->taken->lane,
              .message = str_dup(m->arena, f->taken->message),
              .address = str_dup(m->arena, f->taken->address)},
    };
}

/* The last that was taken as this, or that delivery as it was taken. */
static const struct mem_taken *
find_taken(struct mem *m, const struct store_receipt *r,
           const struct store_receipt_event *e)
{
    const struct mem_taken *last = NULL;

    ROW_EACH(struct mem_taken, t, &m->taken)
    if (t->tenant == r->tenant && t->t.lane == r->lane &&
        (e->delivery != 0
             ? t->delivery == e->delivery
             : e->message.n > 0 && str_eq(t->t.message, e->message)) &&
        (!last || t->delivery >= last->delivery))
        last = t;
    return last;
}

static void
find(struct mem *m, const struct store_receipt *r,
     struct store_receipt_event *e)
{
    const struct mem_taken *t = find_taken(m, r, e);
    const struct mem_delivery *d =
        mem_find(m, r->tenant, t ? t->delivery : e->delivery);
    struct arena *a = r->req.arena;

    e->found = (struct delivery){0};
    e->address = t && d ? str_dup(a, t->t.address) : STR_NONE;
    e->is_known = false;
    e->n_kept = 0;
    if (!d)
        return;
    e->found = (struct delivery){
        .id = d->d.id,
        .status = d->is_claimed ? DELIVERY_SENDING : d->d.status,
        .user = str_dup(a, d->d.user),
        .channel = str_dup(a, d->d.channel),
        .provider = str_dup(a, d->d.provider),
    };
    ROW_EACH(struct mem_attempt, t2, &m->attempts)
    if (t2->delivery == d->d.id && t2->a.n >= STORE_RECEIPT_N) {
        e->n_kept++;
        e->is_known |= t2->a.n == e->n;
    }
}

static void
keep(struct mem *m, const struct store_receipt *r,
     const struct store_receipt_event *e)
{
    struct attempt row = store_receipt_row(r, e);
    struct mem_attempt *t = ROW_ADD(&m->attempts, struct mem_attempt);

    t->delivery = e->found.id;
    t->a = mem_copy_attempt(m->arena, &row);
}

static void
move(struct mem *m, const struct store_receipt *r,
     const struct store_receipt_event *e)
{
    struct mem_delivery *d = mem_find(m, r->tenant, e->found.id);
    const struct receipt_rule *rule = receipt_rule(e->kind);

    d->d.status = rule->to;
    d->d.updated_ms = r->now_ms;
    d->d.reason = reason_code(rule->reason);
    d->d.error = store_receipt_error(e);
}

enum err
mem_receipt(struct mem *m, struct store_req *req)
{
    struct store_receipt *r = CONTAINER_OF(req, struct store_receipt, req);

    for (size_t i = 0; i < r->n_events; i++)
        find(m, r, &r->events[i]);
    store_receipt_judge(r);
    for (size_t i = 0; i < r->n_events && !r->is_look; i++) {
        if (store_receipt_is_kept(&r->events[i]))
            keep(m, r, &r->events[i]);
        if (r->events[i].is_moved)
            move(m, r, &r->events[i]);
        mem_told_receipt(m, r, &r->events[i]);
    }
    return ERR_OK;
}
