/* person.c - see store/person.h. */
#include "store/person.h"

#include "base/list.h"
#include "store/memory/trial.h"
#include "store/memory/workflow.h"

static int
order(const struct store_person_event *x, const struct store_person_event *y)
{
    int by_name = str_cmp(x->name, y->name);

    if (by_name != 0)
        return by_name;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

/* False: there is none after that one. */
static bool
next_event(struct mem *m, const struct store_person *x,
           const struct store_person_event *after,
           struct store_person_event *ret)
{
    bool is_found = false;

    ROW_EACH(struct mem_user_event, e, &m->user_events)
    {
        struct store_person_event one = {e->at_ms, e->id, e->name, e->data};

        if (e->tenant != x->tenant || !str_eq(e->user, x->user) ||
            order(&one, after) <= 0 || (is_found && order(&one, ret) >= 0))
            continue;
        *ret = one;
        is_found = true;
    }
    return is_found;
}

static void
read_events(struct mem *m, struct store_person *x)
{
    struct store_person_event at = x->after, next;

    x->events = ARENA_ARRAY(x->req.arena, struct store_person_event, x->limit);
    x->n_events = 0;
    x->has_more = false;
    while (next_event(m, x, &at, &next)) {
        x->has_more = x->n_events == x->limit;
        if (x->has_more)
            return;
        next.name = str_dup(x->req.arena, next.name);
        next.data = str_dup(x->req.arena, next.data);
        at = x->events[x->n_events++] = next;
    }
}

static void
read_trial(struct mem *m, struct store_person *x, int64_t round)
{
    ROW_EACH(struct mem_trial, t, &m->trials)
    if (t->tenant == x->tenant && t->round == round &&
        str_eq(t->user, x->user)) {
        x->trials[x->n_trials++] = (struct store_person_trial){
            round,      t->at_ms,   t->delivered_ms,
            t->read_ms, t->goal_ms, str_dup(x->req.arena, t->variant)};
        return;
    }
}

enum err
mem_person(struct mem *m, struct store_req *req)
{
    struct store_person *x = CONTAINER_OF(req, struct store_person, req);

    read_events(m, x);
    x->trials = ARENA_ARRAY(req->arena, struct store_person_trial, x->n_rounds);
    x->n_trials = 0;
    for (size_t i = 0; i < x->n_rounds; i++)
        read_trial(m, x, x->rounds[i]);
    return ERR_OK;
}
