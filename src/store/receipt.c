/* receipt.c - see receipt.h. */
#include "store/receipt.h"

#include "domain/reason.h"

bool
store_receipt_is_kept(const struct store_receipt_event *e)
{
    return e->found.id != 0 && !e->is_known && e->n_kept < STORE_RECEIPTS_MAX;
}

/* An earlier one of the same request goes first. */
static void
go_on_from(struct store_receipt_event *e, const struct store_receipt_event *old)
{
    e->n_kept = old->n_kept + store_receipt_is_kept(old);
    e->found.status =
        old->is_moved ? receipt_rule(old->kind)->to : old->found.status;
}

static void
judge(struct store_receipt *r, size_t at)
{
    struct store_receipt_event *e = &r->events[at];

    for (size_t i = 0; i < at; i++) {
        const struct store_receipt_event *old = &r->events[i];

        if (old->found.id != e->found.id)
            continue;
        go_on_from(e, old);
        e->is_known |= old->n == e->n;
    }
    /* What one provider says is not about what another one sent. */
    e->is_moved = !e->is_known && str_eq(e->found.provider, r->provider) &&
                  receipt_moves(e->kind, e->found.status);
}

void
store_receipt_judge(struct store_receipt *r)
{
    for (size_t i = 0; i < r->n_events; i++) {
        r->events[i].is_moved = false;
        if (r->events[i].found.id != 0)
            judge(r, i);
    }
}

bool
store_receipt_is_told(const struct store_receipt *r,
                      const struct store_receipt_event *e)
{
    enum event_kind kind = event_of_receipt(e->kind);

    return kind != EVENT_NONE && (r->tells & EVENT_BIT(kind)) &&
           e->found.id != 0 && !e->is_known &&
           (e->is_moved || !receipt_rule(e->kind)->moves);
}

struct store_told
store_receipt_told(const struct store_receipt *r,
                   const struct store_receipt_event *e)
{
    const struct receipt_rule *rule = receipt_rule(e->kind);

    return (struct store_told){
        .tenant = r->tenant,
        .kind = event_of_receipt(e->kind),
        .at_ms = r->now_ms,
        .delivery = e->found.id,
        .user = e->found.user,
        .channel = e->found.channel,
        .provider = e->found.provider,
        .reason = rule->moves ? reason_code(rule->reason) : STR_NONE,
        .about = e->kind == RECEIPT_CLICKED ? e->detail : STR_NONE,
    };
}

struct attempt
store_receipt_row(const struct store_receipt *r,
                  const struct store_receipt_event *e)
{
    return (struct attempt){
        .n = e->n,
        .at_ms = e->at_ms,
        .provider = r->provider,
        .verdict = str_from(receipt_rule(e->kind)->name),
        .detail = e->detail,
    };
}

struct str
store_receipt_error(const struct store_receipt_event *e)
{
    const struct receipt_rule *rule = receipt_rule(e->kind);

    return rule->to == DELIVERY_FAILED ? reason_code(rule->reason) : STR_NONE;
}
