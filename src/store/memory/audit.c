/* audit.c - see store/audit.h. */
#include "store/memory/audit.h"

#include "base/id.h"
#include "base/list.h"

static struct audit_line
copy(struct arena *a, const struct audit_line *l)
{
    struct audit_line c = *l;

    c.actor = str_dup(a, l->actor);
    c.actor_name = str_dup(a, l->actor_name);
    c.source = str_dup(a, l->source);
    c.request_id = str_dup(a, l->request_id);
    c.action = str_dup(a, l->action);
    c.kind = str_dup(a, l->kind);
    c.key = str_dup(a, l->key);
    c.detail = str_dup(a, l->detail);
    return c;
}

void
mem_audit_write(struct mem *m, struct store_req *req)
{
    struct audit_line lines[AUDIT_LINES_MAX];
    size_t n = audit_lines(req, lines);

    for (size_t i = 0; i < n; i++)
        *ROW_ADD(&m->audits, struct audit_line) = copy(m->arena, &lines[i]);
}

/* All of it is written for whatever verb. */
enum err
mem_audit_add(struct mem *m, struct store_req *req)
{
    (void)m, (void)req;
    return ERR_OK;
}

void
mem_audit_sweep(struct mem *m, int64_t before_ms)
{
    ROW_EACH(struct audit_line, l, &m->audits)
    if (before_ms > 0 && l->id < id_after(before_ms))
        l->tenant = -1; /* nobody's */
}

static const struct audit_line *
newest(struct mem *m, int64_t tenant, int64_t before)
{
    const struct audit_line *best = NULL;

    ROW_EACH(struct audit_line, l, &m->audits)
    if (l->tenant == tenant && l->id < before && (!best || l->id > best->id))
        best = l;
    return best;
}

enum err
mem_audit_list(struct mem *m, struct store_req *req)
{
    struct store_audit_list *l =
        CONTAINER_OF(req, struct store_audit_list, req);
    int64_t before = l->before > 0 ? l->before : INT64_MAX;
    const struct audit_line *one;
    size_t n = 0;

    l->lines = ARENA_ARRAY(req->arena, struct audit_line, l->limit);
    l->n_lines = 0;
    l->next_before = 0;
    while ((one = newest(m, l->tenant, before)) != NULL &&
           one->id >= audit_first_id(&l->filter)) {
        bool fits = audit_fits(one, &l->filter);

        if (n++ == AUDIT_LOOKED_AT || (fits && l->n_lines == l->limit)) {
            l->next_before = one->id + 1;
            break;
        }
        if (fits)
            l->lines[l->n_lines++] = copy(req->arena, one);
        before = one->id;
    }
    return ERR_OK;
}
