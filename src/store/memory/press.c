/* press.c - see store/press.h. */
#include "store/memory/press.h"

#include "base/list.h"
#include "store/memory/tell.h"

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

void
mem_press_sweep(struct mem *m, int64_t before_ms)
{
    ROW_EACH(struct mem_press, row, &m->presses)
    row->is_gone |= row->p.at_ms < before_ms;
}
