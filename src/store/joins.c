#include "store/joins.h"

#include "domain/reason.h"

static bool
is_left_out(const struct store_accept_item *item, size_t i, size_t at)
{
    const struct store_join *last = at > 0 ? &item->joins[at - 1] : NULL;

    return last && last->window != 0 && i > last->delivery &&
           i - last->delivery <= last->n_more;
}

struct delivery
joins_delivery(const struct store_accept_item *item, size_t i, size_t *at)
{
    struct delivery d = item->deliveries[i];
    const struct store_join *join;

    if (is_left_out(item, i, *at))
        d.id = 0;
    if (*at >= item->n_joins || item->joins[*at].delivery != i)
        return d;
    join = &item->joins[(*at)++];
    if (join->window == 0)
        return d;
    d.status = DELIVERY_HELD;
    d.reason = reason_code(REASON_DIGEST_WAITING);
    d.digest = join->window;
    d.lane = d.due_ms = 0;
    d.device = STR_NONE;
    return d;
}

bool
joins_shows(const struct store_accept_item *item, size_t i, size_t *at)
{
    for (; *at < item->n_joins; (*at)++) {
        const struct store_join *join = &item->joins[*at];

        if (item->deliveries[join->delivery].id == item->items[i].delivery)
            return item->joins[(*at)++].window == 0;
        if (item->deliveries[join->delivery].id > item->items[i].delivery)
            break;
    }
    return true;
}

const struct store_join *
joins_instance(const struct store_accept_item *item)
{
    return item->n_joins > 0 && item->joins[0].delivery == STORE_JOIN_INSTANCE
               ? &item->joins[0]
               : NULL;
}

size_t
store_work_bytes(const struct store_work_row *row)
{
    return row->notification.doc.n + row->notification.note.n;
}

/* No event that is posted has a slash in it. */
struct str
store_window_event(struct arena *a, int64_t window)
{
    return str_fmt(a, "digest/%lld", (long long)window);
}

bool
joins_adds_notification(const struct store_accept_item *item)
{
    return !item->chunk && item->notification.id != 0 &&
           (!item->flush || item->flush->status == DELIVERY_MERGED);
}
