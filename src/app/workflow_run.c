/* workflow_run.c - see workflow_run.h.
 *
 *   take rows -> for each, at the same time: read its user -> look what
 *   happened, if it waits for that -> go on to the next need -> commit
 *
 * One that comes to wait for an event first only says so, and is due at once:
 * what happens from then on wakes it, what happened before is seen when it is
 * taken again. */
#include "app/workflow_run.h"

#include <stdlib.h>

#include "app/experiment_doc.h"
#include "app/trial.h"
#include "app/workflow_private.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "store/store.h"

#define SLOTS 64     /* instances that go on at the same time... */
#define CALLS_MAX 32 /* ...and of those, that call somebody */
#define BYTES_MAX (4 * 1024 * 1024) /* what was sent with all of them */

struct workflows {
    const struct app *app;
    struct outcaller *outcaller;
    size_t n_calling;
    struct slot slots[SLOTS];
    struct taker_slot *bases[SLOTS];
    struct taker *taker;
};

const struct app *
slot_app(const struct slot *s)
{
    return s->owner->app;
}

struct store_req
slot_req(struct slot *s, void (*on_done)(struct store_req *, enum err))
{
    return (struct store_req){.arena = s->base.arena,
                              .loop = s->owner->app->env->loop,
                              .on_done = on_done};
}

static void
take_time(struct slot *s)
{
    struct clock *clock = s->owner->app->env->clock;

    s->now_ms = clock->wall_ms(clock) + s->base.ahead_ms;
    if (s->now_ms < s->row.instance.due_ms)
        s->now_ms = s->row.instance.due_ms; /* by the database's clock it is */
}

/* ---- the end of a turn ---- */

void
slot_end(struct slot *s, enum err e, bool is_gone)
{
    workspace_put(s->workspace);
    s->workspace = NULL;
    s->owner->n_calling -= s->may_call;
    s->may_call = false;
    if (e != ERR_OK)
        taker_fail(&s->base, e);
    else if (is_gone)
        taker_lose(&s->base);
    else
        taker_done(&s->base);
}

void
slot_fail(struct slot *s, enum err e)
{
    slot_end(s, e, false);
}

static void
end(struct slot *s, enum err e, bool is_gone)
{
    if (!slot_throttle_back(s, e, is_gone))
        slot_end(s, e, is_gone);
}

static void
on_moved(struct store_req *req, enum err e)
{
    struct store_accept *a = CONTAINER_OF(req, struct store_accept, req);
    struct slot *s = CONTAINER_OF(a, struct slot, accept);

    end(s, e, s->only.is_gone);
}

static void
on_sent(struct send *send, enum err e)
{
    struct slot *s = CONTAINER_OF(send, struct slot, send);

    end(s, e, s->item.accepted && s->item.accepted->is_gone);
}

/* ---- what is told of it ---- */

void
slot_note(struct slot *s, struct str id, const char *verdict,
          enum reason reason)
{
    if (s->n_steps == PASSED_MAX)
        return;
    s->steps[s->n_steps++] = (struct store_step){
        .id = id_make(s->owner->app->ids, s->now_ms, 1),
        .notification = s->row.notification.id,
        .at_ms = s->now_ms,
        .user = s->me,
        .step = id,
        .verdict = str_from(verdict),
        .reason = reason_code(reason),
    };
}

static void
note(struct slot *s, struct str id, const char *verdict)
{
    slot_note(s, id, verdict, REASON_NONE);
}

static void
on_passed(void *arg, struct str id, const char *how)
{
    note(arg, id, how);
}

/* ---- what is known ---- */

static bool
is_between(int64_t at_ms, int64_t until_ms)
{
    return at_ms != 0 && at_ms <= until_ms;
}

/* An item's marks are by the clock of who was told, but what is done with it
 * makes the row due, by the clock that the row goes by. */
static bool
is_done(const struct slot *s, int64_t at_ms, int64_t until_ms)
{
    return at_ms != 0 &&
           (at_ms <= until_ms || s->row.instance.due_ms <= until_ms);
}

/* What was done with an item counts whenever it was: it is the instance's own.
 * 0: nothing of the kind in time. */
static int64_t
mark_of(const struct slot *s, struct str event, int64_t until_ms)
{
    const struct store_event_look *l = &s->look;
    int64_t at_ms = str_is(event, "read")       ? l->read_ms
                    : str_is(event, "seen")     ? l->seen_ms
                    : str_is(event, "archived") ? l->archived_ms
                                                : 0;

    return is_done(s, at_ms, until_ms) ? at_ms : 0;
}

/* What nobody has looked for has not happened; see above. */
static bool
has_happened(void *arg, const struct workflow_state *state, struct str event,
             int64_t until_ms, struct workflow_moment *ret)
{
    struct slot *s = arg;
    const struct store_event_look *l = &s->look;
    bool is_posted = is_between(l->posted_ms, until_ms);
    int64_t mark_ms;

    if (!str_eq(event, l->name) || state->at != s->looked_at)
        return false;
    mark_ms = mark_of(s, event, until_ms);
    if (is_posted)
        *ret = (struct workflow_moment){l->posted_ms, l->posted_id};
    else if (mark_ms != 0)
        *ret = (struct workflow_moment){
            mark_ms < s->row.instance.due_ms ? mark_ms : s->row.instance.due_ms,
            0};
    if (is_posted || mark_ms != 0)
        s->look.name = STR_NONE; /* it was about this wait only */
    return is_posted || mark_ms != 0;
}

static struct json
parsed(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    if (text.n == 0 || json_parse(a, text, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

/* As in the words of a send: the data's members are names, over the roots. */
bool
slot_render(struct slot *s, const char *name, enum template_escape escape,
            struct str *ret)
{
    const struct instance_text text = {
        .source = json_str_of(s->base.arena, s->asks.step, name),
        .escape = escape,
        .roots = s->roots,
        .n_roots = SLOT_ROOTS,
        .now_ms = s->now_ms,
    };

    return instance_render(s->base.arena, &text, ret);
}

static struct workflow_world
world_of(struct slot *s)
{
    return (struct workflow_world){
        .arena = s->base.arena,
        .now_ms = s->now_ms,
        .roots = s->roots,
        .n_roots = SLOT_ROOTS,
        .has_happened = has_happened,
        .on_passed = on_passed,
        .arg = s,
    };
}

/* ---- where it stands then ---- */

/* Whether it has said so already, and what happened is known. */
static bool
is_armed(const struct slot *s, const struct workflow_turn *t)
{
    return t->event.n == 0 || (str_eq(t->event, s->look.name) &&
                               s->instance.state.at == s->looked_at);
}

/* Where it waits for what somebody else does, its row is that one's. */
static struct str
lend(struct slot *s, const struct workflow_turn *t)
{
    s->instance.is_lent = t->need == WORKFLOW_WAIT && t->event.n > 0 &&
                          !json_is(t->to, JSON_ABSENT);
    s->instance.owner = s->me;
    return s->instance.is_lent ? s->instance.asked : s->me;
}

static void
fill_turn(struct slot *s, const struct workflow_turn *t)
{
    s->turn = (struct store_turn){
        .instance = s->row.instance.id,
        .hold = s->row.hold,
        .user = lend(s, t),
        .is_over = t->need == WORKFLOW_DONE,
    };
    if (t->need != WORKFLOW_WAIT)
        return;
    s->turn.event = t->event;
    if (is_armed(s, t))
        s->turn.due_ms = t->due_ms;
    if (t->event.n == 0 || !is_armed(s, t))
        note(s, t->id, "wait");
}

static void
write_turn(struct slot *s)
{
    s->turn.cursor = instance_write(s->base.arena, &s->instance);
}

static void
commit(struct slot *s, void (*on_done)(struct store_req *, enum err))
{
    write_turn(s);
    s->only.turn = &s->turn;
    s->only.steps = s->steps;
    s->only.n_steps = s->n_steps;
    s->accept = (struct store_accept){
        .req = slot_req(s, on_done),
        .tenant = s->base.hold.tenant,
        .now_ms = s->now_ms,
        .items = &s->only,
        .n_items = 1,
    };
    store_accept(s->owner->app->env->store, &s->accept);
}

static void
move(struct slot *s, const struct workflow_turn *t)
{
    fill_turn(s, t);
    s->only = (struct store_accept_item){0};
    commit(s, on_moved);
}

void
slot_join(struct slot *s)
{
    fill_turn(s, &s->asks);
    s->only = (struct store_accept_item){.joins = &s->join, .n_joins = 1};
    commit(s, on_moved);
}

void
slot_say(struct slot *s, int64_t due_ms,
         void (*on_said)(struct store_req *, enum err))
{
    fill_turn(s, &s->asks);
    s->turn.due_ms = due_ms;
    s->only = (struct store_accept_item){0};
    commit(s, on_said);
}

void
slot_put_off(struct slot *s, int64_t ms)
{
    slot_say(s, s->now_ms + ms, on_moved);
}

/* ---- calling ---- */

bool
slot_may_call(struct slot *s)
{
    s->may_call = s->owner->n_calling < CALLS_MAX;
    s->owner->n_calling += s->may_call;
    return s->may_call;
}

void
slot_call(struct slot *s)
{
    struct outcaller *o = s->owner->outcaller;

    s->is_calling = true;
    o->start(o, &s->outcall);
}

/* Time has passed meanwhile. */
void
slot_called(struct slot *s)
{
    s->is_calling = false;
    take_time(s);
}

/* ---- sending ---- */

static void
on_row(struct send_item *item, struct store_accept_item *row)
{
    struct slot *s = CONTAINER_OF(item, struct slot, item);

    instance_add_items(&s->instance, row->deliveries, row->n_deliveries);
    for (size_t i = 0; i < row->n_steps && s->n_steps < PASSED_MAX; i++)
        s->steps[s->n_steps++] = row->steps[i];
    write_turn(s);
    row->turn = &s->turn;
    row->steps = s->steps;
    row->n_steps = s->n_steps;
}

/* Its data is in the document's, so that it cannot hide what was collected. */
static void
put_given(struct slot *s, struct json_writer *w)
{
    json_begin_object(w);
    for (struct json m = json_first(s->given); !json_is(m, JSON_ABSENT);
         m = json_next(s->given, m)) {
        struct str name = json_key(s->base.arena, m);

        if (instance_has_more(&s->instance) && str_is(name, "data"))
            continue;
        json_put_key_str(w, name);
        json_put_raw(w, json_raw(m));
    }
    json_end_object(w);
}

static struct str
to_one(struct slot *s)
{
    bool is_other = !json_is(s->asks.to, JSON_ABSENT);
    struct json_writer w;
    struct buf out;

    buf_init(&out, s->base.arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_put_key(&w, !is_other && json_is(s->given, JSON_OBJECT) ? "recipients"
                                                                 : "users");
    json_begin_array(&w);
    if (is_other)
        json_put_str(&w, s->instance.asked);
    else if (json_is(s->given, JSON_OBJECT))
        put_given(s, &w);
    else
        json_put_str(&w, s->me);
    json_end_array(&w);
    json_end_object(&w);
    return buf_str(&out);
}

static void
send_it(struct slot *s, struct json body)
{
    s->item = (struct send_item){
        .doc = body, .parent = s->row.notification.id, .on_row = on_row};
    send_request_reread(s->base.arena, s->workspace, body, 0, NULL,
                        &s->item.request);
    s->send = (struct send){
        .app = s->owner->app,
        .arena = s->base.arena,
        .workspace = s->workspace,
        .items = &s->item,
        .n_items = 1,
        .request_id = s->row.notification.request_id,
        .traceparent = s->row.notification.traceparent,
        .on_done = on_sent,
    };
    send_step(&s->send);
}

/* ---- a turn ---- */

void
slot_move(struct slot *s)
{
    const struct workflow_world world = world_of(s);
    const struct workflow_turn t =
        workflow_run(s->workflow, &s->instance.state, &world);

    move(s, &t);
}

static struct json
body_of(struct slot *s)
{
    bool is_own =
        instance_has_more(&s->instance) || !json_is(s->asks.to, JSON_ABSENT);

    return instance_body(s->base.arena, &(struct instance_send){
                                            .doc = s->doc,
                                            .step = s->asks.step,
                                            .to = to_one(s),
                                            .data = is_own ? s->roots[0].value
                                                           : (struct json){0},
                                            .channel = s->asks.channel,
                                        });
}

void
slot_send(struct slot *s)
{
    const struct workflow_world world = world_of(s);
    struct json body = body_of(s);
    struct workflow_turn t;

    note(s, s->asks.id, json_is(body, JSON_OBJECT) ? "send" : "skip");
    workflow_sent(&s->instance.state, s->now_ms);
    s->look.name = STR_NONE;
    t = workflow_run(s->workflow, &s->instance.state, &world);
    if (!json_is(body, JSON_OBJECT)) {
        move(s, &t);
        return;
    }
    fill_turn(s, &t);
    send_it(s, body);
}

/* An experiment may have it go out later; the step begins again then. */
static bool
waits_for_variant(struct slot *s, struct workflow_turn *ret)
{
    int64_t due_ms =
        trial_due_ms(s->base.arena, s->workspace, body_of(s), s->me,
                     s->roots[1].value, s->instance.state.since_ms);

    if (due_ms <= s->now_ms)
        return false;
    *ret = (struct workflow_turn){
        .need = WORKFLOW_WAIT, .id = s->asks.id, .due_ms = due_ms};
    workflow_heard(&s->instance.state, (struct workflow_moment){due_ms, 0});
    return true;
}

static void
send_or_wait(struct slot *s)
{
    struct workflow_turn wait;

    if (waits_for_variant(s, &wait))
        move(s, &wait);
    else
        slot_send(s);
}

static void
take_turn(struct slot *s)
{
    const struct workflow_world world = world_of(s);

    s->asks = workflow_run(s->workflow, &s->instance.state, &world);
    switch (s->asks.need) {
    case WORKFLOW_SEND:
        if (json_is(s->asks.to, JSON_ABSENT))
            send_or_wait(s);
        else
            slot_escalate(s);
        break;
    case WORKFLOW_THROTTLE:
        slot_throttle(s);
        break;
    case WORKFLOW_DIGEST:
        slot_digest(s);
        break;
    case WORKFLOW_FETCH:
        slot_fetch(s);
        break;
    case WORKFLOW_WAIT:
    case WORKFLOW_UNKNOWN: /* of previews */
    case WORKFLOW_DONE:
        move(s, &s->asks);
        break;
    }
}

void
slot_know(struct slot *s)
{
    s->roots[0].value =
        instance_data(s->base.arena, s->doc, s->given, &s->instance);
    s->roots[2].value = s->instance.digest;
    s->roots[3].value = s->instance.fetched;
    s->roots[4].value =
        parsed(s->base.arena,
               flags_of(s->base.arena, s->workspace, s->me, s->roots[1].value));
}

/* Who only waits for the time of a variant goes through the send itself. */
static struct json
workflow_of(struct slot *s)
{
    struct arena *a = s->base.arena;
    struct json workflow =
        json_get(parsed(a, s->row.notification.note), "workflow");

    s->doc = parsed(a, s->row.notification.doc);
    if (json_is(workflow, JSON_OBJECT) ||
        json_is(json_get(s->doc, "workflow"), JSON_STRING))
        return workflow;
    return parsed(a,
                  str_fmt(a, "{\"steps\":[%.*s]}", STR_ARG(json_raw(s->doc))));
}

/* With a workspace that is not there any more there is only the row to remove.
 */
static void
go_on(struct slot *s)
{
    struct arena *a = s->base.arena;
    const struct notification *n = &s->row.notification;
    struct json workflow = workflow_of(s);

    s->workspace =
        snapshots_workspace(s->owner->app->snapshots, s->base.hold.tenant);
    s->key = json_str_of(a, workflow, "key");
    s->n_steps = 0;
    s->throttle = (struct slot_throttle){0};
    take_time(s);
    if (s->instance.state.since_ms == 0)
        s->instance.state.since_ms = s->now_ms;
    if (!s->workspace || n->is_cancelled || !json_is(workflow, JSON_OBJECT)) {
        move(s, &(struct workflow_turn){.need = WORKFLOW_DONE});
        return;
    }
    if (s->instance.recipient >= 0)
        s->given = json_at(json_get(json_get(s->doc, "to"), "recipients"),
                           (uint32_t)s->instance.recipient);
    slot_know(s);
    s->workflow = workflow_compile(a, workflow);
    take_turn(s);
}

/* ---- reading ---- */

static void
on_looked(struct store_req *req, enum err e)
{
    struct store_event_look *l =
        CONTAINER_OF(req, struct store_event_look, req);
    struct slot *s = CONTAINER_OF(l, struct slot, look);

    if (e != ERR_OK)
        taker_fail(&s->base, e);
    else
        go_on(s);
}

static void
look(struct slot *s)
{
    if (s->row.instance.event.n == 0) {
        go_on(s);
        return;
    }
    s->looked_at = s->instance.state.at;
    s->look = (struct store_event_look){
        .req = slot_req(s, on_looked),
        .tenant = s->base.hold.tenant,
        .user = s->row.instance.user,
        .name = s->row.instance.event,
        .after_ms = s->instance.state.heard.ms,
        .after_id = s->instance.state.heard.id,
        .deliveries = s->instance.items,
        .n_deliveries = s->instance.n_items,
    };
    store_event_look(s->owner->app->env->store, &s->look);
}

static void
on_user(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct slot *s = CONTAINER_OF(g, struct slot, user);

    if (e != ERR_OK) {
        taker_fail(&s->base, e);
        return;
    }
    s->roots[1].value = parsed(s->base.arena, g->objects[0].body);
    look(s);
}

/* One that has just begun hears what came since it was made: by the clock that
 * its row goes by, and by that of who made it, where the row was taken before.
 * One that an older program left hears what came since its step began. */
static void
hear_from_the_beginning(struct slot *s)
{
    struct workflow_state *state = &s->instance.state;
    int64_t made_ms = id_time_ms(s->row.instance.id);
    int64_t due_ms = s->row.instance.due_ms;

    if (state->heard.ms > 0)
        return;
    state->heard.ms = state->since_ms > 0 ? state->since_ms
                      : made_ms < due_ms  ? made_ms
                                          : due_ms;
}

static void
begin(struct taker_slot *base)
{
    struct slot *s = CONTAINER_OF(base, struct slot, base);

    instance_read(s->base.arena, s->row.instance.cursor, &s->instance);
    if (str_is(s->row.instance.event, STORE_CANCEL_EVENT)) {
        slot_cancel(s);
        return;
    }
    hear_from_the_beginning(s);
    s->given = (struct json){0};
    s->look = (struct store_event_look){0};
    s->roots[0] = (struct condition_root){"data", {0}};
    s->roots[1] = (struct condition_root){"user", {0}};
    s->roots[2] = (struct condition_root){"digest", {0}};
    s->roots[3] = (struct condition_root){"fetch", {0}};
    s->roots[4] = (struct condition_root){"flags", {0}};
    s->me = s->instance.is_lent ? s->instance.owner : s->row.instance.user;
    if (s->me.n == 0) {
        look(s);
        return;
    }
    s->user_key = s->me;
    s->user = (struct store_object_get){
        .req = slot_req(s, on_user),
        .tenant = s->base.hold.tenant,
        .kind = OBJECT_USER,
        .keys = &s->user_key,
        .n_keys = 1,
    };
    store_object_get(s->owner->app->env->store, &s->user);
}

static void
fill(struct taker_slot *base, const struct store_work_row *row)
{
    struct slot *s = CONTAINER_OF(base, struct slot, base);
    struct arena *a = s->row_arena;
    struct notification *n = &s->row.notification;
    struct store_instance *i = &s->row.instance;

    arena_reset(a);
    s->row = *row;
    n->doc = str_dup(a, n->doc);
    n->note = str_dup(a, n->note);
    n->request_id = str_dup(a, n->request_id);
    n->traceparent = str_dup(a, n->traceparent);
    n->template_key = STR_NONE;
    i->user = str_dup(a, i->user);
    i->cursor = str_dup(a, i->cursor);
    i->event = str_dup(a, i->event);
}

/* ---- life ---- */

void
workflows_ring(struct workflows *w)
{
    taker_ring(w->taker);
}

struct workflows *
workflows_new(const struct app *app, struct outcaller *o)
{
    struct workflows *w = xcalloc(1, sizeof(*w));

    w->app = app;
    w->outcaller = o;
    for (size_t i = 0; i < SLOTS; i++) {
        w->slots[i].owner = w;
        w->slots[i].row_arena = arena_new();
        w->bases[i] = &w->slots[i].base;
    }
    w->taker = taker_new(&(struct taker_options){
        .app = app,
        .kind = STORE_WORK_WORKFLOW,
        .slots = w->bases,
        .n_slots = SLOTS,
        .max_bytes = BYTES_MAX,
        .fill = fill,
        .begin = begin,
    });
    return w;
}

void
workflows_drain(struct workflows *w, void (*done)(void *arg), void *arg)
{
    for (size_t i = 0; i < SLOTS; i++) /* they are tried again later */
        if (w->slots[i].is_calling)
            w->outcaller->cancel(w->outcaller, &w->slots[i].outcall);
    taker_drain(w->taker, done, arg);
}

void
workflows_free(struct workflows *w)
{
    if (!w)
        return;
    taker_free(w->taker);
    for (size_t i = 0; i < SLOTS; i++) {
        workspace_put(w->slots[i].workspace);
        arena_free(w->slots[i].row_arena);
    }
    free(w);
}
