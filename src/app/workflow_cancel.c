/* workflow_cancel.c - goes on with a cancel whose asker has been answered
 * (app/cancel.h): some seconds a turn, and where it is then is written down. */
#include "app/workflow_private.h"
#include "base/clock.h"
#include "base/list.h"
#include "store/store.h"

#define TURN_MS 3000 /* shorter than a lease by far */

static void
on_moved(struct store_req *req, enum err e)
{
    struct store_accept *a = CONTAINER_OF(req, struct store_accept, req);
    struct slot *s = CONTAINER_OF(a, struct slot, accept);

    slot_end(s, e, s->only.is_gone);
}

static struct str
cursor_of(struct slot *s, const struct cancel *c)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, s->base.arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_int_field(&w, "after", c->after);
    json_int_field(&w, "before", c->before);
    json_end_object(&w);
    return buf_str(&out);
}

static void
on_cancelled(struct cancel *c, enum err e)
{
    struct slot *s = CONTAINER_OF(c, struct slot, cancel);

    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        slot_fail(s, e);
        return;
    }
    s->turn = (struct store_turn){
        .instance = s->row.instance.id,
        .hold = s->row.hold,
        .event = s->row.instance.event,
        .cursor = cursor_of(s, c),
        .is_over = !c->is_left,
        .is_of_cancel = true,
    };
    s->only = (struct store_accept_item){.turn = &s->turn};
    s->accept = (struct store_accept){
        .req = slot_req(s, on_moved),
        .tenant = s->base.hold.tenant,
        .now_ms = c->now_ms,
        .items = &s->only,
        .n_items = 1,
    };
    store_accept(slot_app(s)->env->store, &s->accept);
}

void
slot_cancel(struct slot *s)
{
    struct clock *clock = slot_app(s)->env->clock;
    struct json cursor = instance_parse(s->base.arena, s->row.instance.cursor);

    s->cancel = (struct cancel){
        .app = slot_app(s),
        .arena = s->base.arena,
        .tenant = s->base.hold.tenant,
        .notification = s->row.notification.id,
        .now_ms = clock->wall_ms(clock),
        .until_ms = clock->mono_ms(clock) + TURN_MS,
        .goes_on = true,
        .on_done = on_cancelled,
    };
    (void)json_int(json_get(cursor, "after"), &s->cancel.after);
    (void)json_int(json_get(cursor, "before"), &s->cancel.before);
    cancel_start(&s->cancel);
}
