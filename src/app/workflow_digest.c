/* workflow_digest.c - a step that collects: the instance joins the window of
 * its workflow, step, user and key, or opens one, and waits there. It is taken
 * on when the window ends (collected.h), or at once where it is the one that
 * goes before the others. */
#include "app/workflow_private.h"
#include "domain/digest_rule.h"
#include "store/store.h"

#define KEY_MAX 128 /* bytes of what the step's key gives; clipped */

static struct str
window_key(struct slot *s)
{
    struct str of_step;

    if (!slot_render(s, "key", TEMPLATE_PLAIN, &of_step))
        of_step = STR_NONE;
    return str_fmt(s->base.arena, "%.*s/%.*s/%.*s", STR_ARG(s->key),
                   STR_ARG(s->asks.id),
                   STR_ARG(str_utf8_clip(of_step, KEY_MAX)));
}

static struct str
timezone_of(struct slot *s)
{
    struct str given = json_str_of(s->base.arena, s->given, "timezone");

    return given.n > 0
               ? given
               : json_str_of(s->base.arena, s->roots[1].value, "timezone");
}

static struct digest
window_of(struct slot *s)
{
    struct arena *a = s->base.arena;
    const struct zone *own = zone_find(timezone_of(s));
    struct problem ignored;
    struct digest d = {
        .id = id_make(slot_app(s)->ids, s->now_ms, 1),
        .tenant = s->base.hold.tenant,
        .user = s->me,
        .channel = STR(DIGEST_OF_INSTANCES),
        .opened_ms = s->now_ms,
    };

    problem_init(&ignored, a);
    d.rule = digest_rule_read(s->asks.step, STR_NONE, &ignored);
    d.rule.key = window_key(s);
    d.closes_ms = digest_end(&d.rule, own ? own : zone_utc(), s->now_ms);
    return d;
}

static void
join(struct slot *s)
{
    s->instance.is_joined = true;
    s->instance.digest = (struct json){0};
    slot_note(s, s->asks.id, "wait", REASON_DIGEST_WAITING);
    s->join = (struct store_join){.delivery = STORE_JOIN_INSTANCE,
                                  .digest = window_of(s)};
    slot_join(s);
}

/* A window holds up for as long as one is at least, or lets go on at once. */
static void
hear_the_end(struct slot *s)
{
    int64_t end_ms = s->row.instance.due_ms;

    if (end_ms - s->instance.state.since_ms >= DIGEST_WINDOW_MIN_MS)
        workflow_heard(&s->instance.state, (struct workflow_moment){end_ms, 0});
}

/* Who has no id has no window, and is alone in it. */
void
slot_digest(struct slot *s)
{
    struct arena *a = s->base.arena;

    if (!s->instance.is_joined && s->me.n > 0) {
        join(s);
        return;
    }
    if (!s->instance.is_joined || !json_is(s->instance.digest, JSON_OBJECT))
        s->instance.digest =
            instance_digest_of(a, instance_data(a, s->doc, s->given, NULL));
    s->instance.is_joined = false;
    slot_note(s, s->asks.id, "pass", REASON_NONE);
    hear_the_end(s);
    (void)workflow_answer(s->workflow, &s->instance.state, true, s->now_ms);
    slot_know(s);
    slot_move(s);
}
