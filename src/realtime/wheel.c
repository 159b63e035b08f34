/* wheel.c - heartbeats, and ends of streams, with one timer for all of them.
 *
 * Each live stream is in one slot. When the hand comes to it, it has reached
 * its end or is sent a heartbeat, and moves to the slot of what is due next.
 * One round takes as long as a heartbeat's interval. */
#include "realtime/hub_private.h"

static void on_tick(struct loop_timer *t);

static int64_t
slot_ms(const struct hub *h)
{
    const int64_t ms = h->o.heartbeat_ms / WHEEL_SLOTS;

    return ms > 0 ? ms : 1;
}

void
wheel_init(struct hub *h)
{
    for (int i = 0; i < WHEEL_SLOTS; i++)
        list_init(&h->wheel[i]);
}

void
wheel_fini(struct hub *h)
{
    loop_timer_clear(h->loop, &h->wheel_timer);
}

/* In at least in_ms, at most one slot later; never more than a round. */
void
wheel_add(struct subscriber *s, int64_t in_ms)
{
    struct hub *h = s->hub;
    const int64_t now_ms = loop_now_ms(h->loop);
    int64_t n;

    if (!loop_timer_is_set(&h->wheel_timer)) {
        h->hand_ms = now_ms;
        loop_timer_set(h->loop, &h->wheel_timer, slot_ms(h), on_tick);
    }
    if (in_ms < 0)
        in_ms = 0;
    n = (now_ms - h->hand_ms + in_ms + slot_ms(h) - 1) / slot_ms(h);
    if (n < 1)
        n = 1;
    if (n > WHEEL_SLOTS)
        n = WHEEL_SLOTS;
    list_append(&h->wheel[(h->hand + n) % WHEEL_SLOTS], &s->slot);
}

static void
visit(struct subscriber *s)
{
    struct hub *h = s->hub;
    const int64_t left_ms = s->ends_ms - loop_now_ms(h->loop);

    if (left_ms <= 0) {
        subscriber_end(s, s->ends_by_expiry ? BYE_EXPIRED : BYE_MAX_AGE);
        return;
    }
    subscriber_heartbeat(s);
    wheel_add(s, left_ms < h->o.heartbeat_ms ? left_ms : h->o.heartbeat_ms);
}

static void
visit_slot(struct hub *h)
{
    struct list due, *it;
    struct list *slot = &h->wheel[h->hand];

    if (list_is_empty(slot))
        return;
    due = *slot; /* those who are put back go behind the hand */
    due.next->prev = due.prev->next = &due;
    list_init(slot);
    while ((it = list_take(&due)))
        visit(CONTAINER_OF(it, struct subscriber, slot));
}

static void
measure_buffers(struct hub *h)
{
    size_t n = 0;

    LIST_EACH(it, &h->behind)
    n += http_stream_queued_bytes(
        CONTAINER_OF(it, struct subscriber, behind)->stream);
    metric_add(h->metrics.buffered, (int64_t)n - (int64_t)h->n_behind_bytes);
    h->n_behind_bytes = n;
}

static void
on_tick(struct loop_timer *t)
{
    struct hub *h = CONTAINER_OF(t, struct hub, wheel_timer);
    const int64_t now_ms = loop_now_ms(h->loop);

    loop_timer_set(h->loop, &h->wheel_timer, slot_ms(h), on_tick);
    for (int i = 0; i < WHEEL_SLOTS && now_ms - h->hand_ms >= slot_ms(h); i++) {
        h->hand = (h->hand + 1) % WHEEL_SLOTS;
        h->hand_ms += slot_ms(h);
        visit_slot(h);
    }
    if (now_ms - h->hand_ms >= slot_ms(h))
        h->hand_ms = now_ms; /* the loop slept for more than a round */
    measure_buffers(h);
    if (h->n_subscribers == 0)
        loop_timer_clear(h->loop, &h->wheel_timer);
}
