/* habit.c - see store/habit.h. */
#include "store/memory/habit.h"

#include "base/list.h"

static struct mem_habit *
find(struct mem *m, int64_t tenant, struct str user)
{
    ROW_EACH(struct mem_habit, h, &m->habits)
    if (h->tenant == tenant && str_eq(h->user, user) && !h->is_gone)
        return h;
    return NULL;
}

static const struct object *
find_user(struct mem *m, int64_t tenant, struct str user)
{
    ROW_EACH(struct mem_object, o, &m->objects)
    if (o->o.kind == OBJECT_USER && o->o.tenant == tenant &&
        str_eq(o->o.key, user) && !o->is_gone)
        return &o->o;
    return NULL;
}

void
mem_habit_learn(struct mem *m, int64_t tenant, struct str user, int64_t at_ms)
{
    const struct object *known = find_user(m, tenant, user);
    struct mem_habit *h = find(m, tenant, user);

    if (!known)
        return;
    if (!h) {
        h = ROW_ADD(&m->habits, struct mem_habit);
        h->tenant = tenant;
        h->user = str_dup(m->arena, user);
    }
    habit_add(m->told, &h->h, known->body, at_ms);
}

void
mem_habit_forget(struct mem *m, int64_t tenant, struct str user)
{
    struct mem_habit *h = find(m, tenant, user);

    if (h)
        h->is_gone = true;
}

void
mem_habit_sweep(struct mem *m, const struct store_purge *p)
{
    for (size_t i = 0; i < p->n_unlearned; i++)
        ROW_EACH(struct mem_habit, h, &m->habits)
    h->is_gone |= h->tenant == p->unlearned[i];
}

enum err
mem_habit_add(struct mem *m, struct store_req *req)
{
    const struct store_habit_add *h =
        CONTAINER_OF(req, struct store_habit_add, req);

    mem_habit_learn(m, h->tenant, h->user, h->at_ms);
    return ERR_OK;
}

enum err
mem_habits(struct mem *m, struct store_req *req)
{
    struct store_habits *h = CONTAINER_OF(req, struct store_habits, req);

    h->habits = ARENA_ARRAY(req->arena, struct habit, h->n_users);
    for (size_t i = 0; i < h->n_users; i++) {
        const struct mem_habit *row = find(m, h->tenant, h->users[i]);

        if (row)
            h->habits[i] = row->h;
    }
    return ERR_OK;
}
