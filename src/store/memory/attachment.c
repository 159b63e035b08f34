/* attachment.c - see store/attachment.h. */
#include "store/memory/attachment.h"

#include "base/list.h"

void
mem_attachments_add(struct mem *m, int64_t tenant,
                    const struct store_accept_item *item)
{
    for (size_t i = 0; i < item->n_attachments; i++)
        *ROW_ADD(&m->attachments, struct mem_attachment) =
            (struct mem_attachment){
                .tenant = tenant,
                .notification = item->notification.id,
                .a = {item->attachments[i].n,
                      str_dup(m->arena, item->attachments[i].content)},
            };
}

void
mem_attachments_drop(struct mem *m, int64_t notification)
{
    ROW_EACH(struct mem_attachment, t, &m->attachments)
    if (t->notification == notification)
        t->notification = 0;
}

enum err
mem_attachments(struct mem *m, struct store_req *req)
{
    struct store_attachments *x =
        CONTAINER_OF(req, struct store_attachments, req);

    x->rows =
        ARENA_ARRAY(req->arena, struct store_attachment, m->attachments.n);
    x->n_rows = 0;
    ROW_EACH(struct mem_attachment, t, &m->attachments)
    if (t->notification == x->notification && t->tenant == x->tenant)
        x->rows[x->n_rows++] = (struct store_attachment){
            t->a.n, str_dup(req->arena, t->a.content)};
    return ERR_OK;
}
