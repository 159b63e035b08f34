/* workflow_preview.c - see workflow_preview.h. Each throttle is passed, no
 * window collects anything else, and each call brings something; it ends where
 * the way depends on what is not known. */
#include "app/workflow_preview.h"

#include "app/instance.h"

#define TOLD_MAX (4 * WORKFLOW_STEPS_MAX)

struct walk {
    struct send_item *item;
    struct store_step *steps;
    struct workflow_turn first; /* that sends; else DONE */
    bool has_waited;
};

static void
tell(struct walk *k, struct str id, const char *verdict, enum reason reason,
     int64_t at_ms)
{
    if (k->item->n_steps == TOLD_MAX)
        return;
    k->steps[k->item->n_steps++] =
        (struct store_step){.step = id,
                            .verdict = str_from(verdict),
                            .reason = reason_code(reason),
                            .at_ms = at_ms};
}

/* Of a delay it was told before. */
static void
on_passed(void *arg, struct str id, const char *how)
{
    if (!str_is(str_from(how), "pass"))
        tell(arg, id, how, REASON_NONE, 0);
}

static bool
has_not_happened(void *arg, const struct workflow_state *s, struct str event,
                 int64_t until_ms, struct workflow_moment *ret)
{
    (void)arg, (void)s, (void)event, (void)until_ms, (void)ret;
    return false;
}

/* False: it ends here. */
static bool
take_turn(struct walk *k, const struct workflow *w, struct workflow_state *s,
          struct workflow_world *world)
{
    const struct workflow_turn t = workflow_run(w, s, world);

    switch (t.need) {
    case WORKFLOW_SEND:
        tell(k, t.id, "send", REASON_NONE, 0);
        if (k->first.need == WORKFLOW_DONE && !k->has_waited)
            k->first = t;
        workflow_sent(s, world->now_ms);
        return true;
    case WORKFLOW_THROTTLE:
        tell(k, t.id, "pass", REASON_NONE, 0);
        break;
    case WORKFLOW_DIGEST:
        tell(k, t.id, "wait", REASON_DIGEST_WAITING, 0);
        break;
    case WORKFLOW_FETCH:
        tell(k, t.id, "call", REASON_NONE, 0);
        break;
    case WORKFLOW_WAIT:
        tell(k, t.id, "wait",
             t.event.n > 0 ? REASON_NONE : REASON_SCHEDULE_FUTURE, t.due_ms);
        k->has_waited = true;
        world->now_ms = t.due_ms;
        return t.event.n == 0;
    case WORKFLOW_UNKNOWN:
        tell(k, t.id, "unknown", REASON_NONE, 0);
        return false;
    case WORKFLOW_DONE:
        return false;
    }
    return workflow_answer(w, s, true, world->now_ms);
}

static struct walk
walk(struct send *s, struct send_item *item)
{
    const struct workflow *w =
        workflow_compile(s->arena, item->request.workflow->doc);
    const struct condition_root roots[] = {
        {"data", json_get(item->doc, "data")}};
    struct walk k = {
        .item = item,
        .steps = ARENA_ARRAY(s->arena, struct store_step, TOLD_MAX),
        .first = {.need = WORKFLOW_DONE},
    };
    struct workflow_world world = {
        .arena = s->arena,
        .now_ms = send_wall_ms(s),
        .roots = roots,
        .n_roots = 1,
        .is_all_there_is = true,
        .has_happened = has_not_happened,
        .on_passed = on_passed,
        .arg = &k,
    };
    struct workflow_state state = {.since_ms = world.now_ms};

    item->n_steps = 0;
    while (item->n_steps < TOLD_MAX && take_turn(&k, w, &state, &world))
        continue;
    item->steps = k.steps;
    return k;
}

/* An escalation asks somebody else. */
static struct str
to_whom(struct arena *a, struct json doc, struct json to)
{
    struct str name = json_str(a, to);
    struct json_writer w;
    struct buf out;
    bool is_role = str_starts(name, STR(WORKFLOW_ROLE));

    if (json_is(to, JSON_ABSENT))
        return json_raw(json_get(doc, "to"));
    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_put_key(&w, is_role ? "roles" : "users");
    json_begin_array(&w);
    json_put_str(&w,
                 is_role ? str_sub(name, strlen(WORKFLOW_ROLE), name.n) : name);
    json_end_array(&w);
    json_end_object(&w);
    return buf_str(&out);
}

bool
workflow_preview(struct send *s, struct send_item *item)
{
    struct send_request *q = &item->request;
    const struct walk k = walk(s, item);
    struct json body = {0};

    if (k.first.need == WORKFLOW_SEND)
        body = instance_body(s->arena,
                             &(struct instance_send){
                                 .doc = item->doc,
                                 .step = k.first.step,
                                 .to = to_whom(s->arena, item->doc, k.first.to),
                                 .channel = k.first.channel});
    if (!json_is(body, JSON_OBJECT)) {
        q->n_recipients = q->n_sets = 0;
        q->is_all = false;
        return true;
    }
    item->doc = body;
    if (send_request_read(s->arena, s->workspace, body, &item->problem, q) !=
        ERR_OK)
        return false;
    q->is_dry_run = true;
    return true;
}
