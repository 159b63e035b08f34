/* press.c - see store/press.h. */
#include "store/memory/press.h"

#include "base/list.h"
#include "store/memory/tell.h"
#include "store/memory/workflow.h"

struct mem_press {
    int64_t tenant, ref;
    struct str user, action;
    struct press p;
    bool is_gone;
};

static struct mem_press *
find(struct mem *m, const struct store_press *p)
{
    ROW_EACH(struct mem_press, row, &m->presses)
    if (!row->is_gone && row->tenant == p->tenant && row->ref == p->ref &&
        str_eq(row->user, p->user) && str_eq(row->action, p->action))
        return row;
    return NULL;
}

static struct mem_press *
add(struct mem *m, const struct store_press *p)
{
    struct mem_press *row = ROW_ADD(&m->presses, struct mem_press);

    row->tenant = p->tenant;
    row->ref = p->ref;
    row->user = str_dup(m->arena, p->user);
    row->action = str_dup(m->arena, p->action);
    return row;
}

enum err
mem_press(struct mem *m, struct store_req *req)
{
    struct store_press *p = CONTAINER_OF(req, struct store_press, req);
    struct mem_press *row = find(m, p);

    p->is_ours = store_press_decide(p, row ? &row->p : NULL);
    if (!p->is_ours)
        return ERR_OK;
    if (!row)
        row = add(m, p);
    row->p = p->press;
    if (store_press_is_told(p))
        mem_told_add(m, p->told);
    return ERR_OK;
}

/* ---- of one user ---- */

static int
order(const struct mem_press *p, int64_t ref, struct str action)
{
    if (p->ref != ref)
        return p->ref < ref ? -1 : 1;
    return str_cmp(p->action, action);
}

static const struct mem_press *
next_of(struct mem *m, const struct store_presses *x, int64_t ref,
        struct str action)
{
    const struct mem_press *best = NULL;

    ROW_EACH(struct mem_press, p, &m->presses)
    if (!p->is_gone && p->tenant == x->tenant && str_eq(p->user, x->user) &&
        order(p, ref, action) > 0 &&
        (!best || order(p, best->ref, best->action) < 0))
        best = p;
    return best;
}

enum err
mem_presses(struct mem *m, struct store_req *req)
{
    struct store_presses *x = CONTAINER_OF(req, struct store_presses, req);
    int64_t ref = x->after_ref;
    struct str action = x->after_action;
    const struct mem_press *p;

    x->presses = ARENA_ARRAY(req->arena, struct store_person_press, x->limit);
    x->n_presses = 0;
    x->has_more = false;
    while ((p = next_of(m, x, ref, action)) != NULL) {
        int64_t parent = mem_parent_of(m, p->ref);

        x->has_more = x->n_presses == x->limit;
        if (x->has_more)
            break;
        x->presses[x->n_presses++] =
            (struct store_person_press){p->ref, parent != 0 ? parent : p->ref,
                                        str_dup(req->arena, p->action), p->p};
        ref = p->ref;
        action = p->action;
    }
    return ERR_OK;
}

void
mem_press_sweep(struct mem *m, int64_t before_ms)
{
    ROW_EACH(struct mem_press, row, &m->presses)
    row->is_gone |= row->p.at_ms < before_ms;
}
