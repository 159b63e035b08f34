/* workflow_escalate.c - whom an escalation asks next: a user, or the next
 * member of a role, in the order of their ids. */
#include "app/workflow_private.h"
#include "base/list.h"
#include "store/store.h"

static void
ask(struct slot *s, struct str user, int64_t nth)
{
    s->instance.asked = user;
    s->instance.asked_at = s->instance.state.at;
    s->instance.n_asked = nth;
    slot_send(s);
}

/* How many of the role it has asked already. */
static int64_t
n_asked(const struct slot *s)
{
    const struct instance *i = &s->instance;

    return i->asked.n > 0 && i->asked_at == i->state.at ? i->n_asked : 0;
}

static void
pass(struct slot *s)
{
    if (n_asked(s) == 0)
        slot_note(s, s->asks.id, "nobody", REASON_NONE);
    (void)workflow_answer(s->workflow, &s->instance.state, false, s->now_ms);
    slot_move(s);
}

static void
on_members(struct store_req *req, enum err e)
{
    struct store_members *m = CONTAINER_OF(req, struct store_members, req);
    struct slot *s = CONTAINER_OF(m, struct slot, members);

    if (e != ERR_OK)
        slot_fail(s, e);
    else if (m->n_users == 0)
        pass(s);
    else
        ask(s, m->users[0], n_asked(s) + 1);
}

static void
look_for_next(struct slot *s, struct str role)
{
    s->role = (struct member_set){.kind = MEMBER_ROLE, .key = role};
    s->members = (struct store_members){
        .req = slot_req(s, on_members),
        .tenant = s->base.hold.tenant,
        .sets = &s->role,
        .n_sets = 1,
        .after = n_asked(s) > 0 ? s->instance.asked : STR_NONE,
        .limit = 1,
    };
    store_members(slot_app(s)->env->store, &s->members);
}

void
slot_escalate(struct slot *s)
{
    const struct str before = STR(WORKFLOW_ROLE);
    struct str to = json_str(s->base.arena, s->asks.to);

    if (!str_starts(to, before))
        ask(s, to, 1);
    else if (n_asked(s) >= WORKFLOW_ASKED_MAX)
        pass(s);
    else
        look_for_next(s, str_sub(to, before.n, to.n));
}
