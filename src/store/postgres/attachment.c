/* attachment.c - see store/attachment.h. */
#include "store/postgres/attachment.h"

#include "base/list.h"

void
pg_attachments_add(struct pg_columns *c, int64_t tenant,
                   const struct store_accept_item *item)
{
    for (size_t i = 0; i < item->n_attachments; i++) {
        pg_col_int(c, item->notification.id);
        pg_col_int(c, item->attachments[i].n);
        pg_col_int(c, tenant);
        pg_col_text(c, item->attachments[i].content);
    }
}

static void
listed(struct pg_op *op)
{
    struct store_attachments *x =
        CONTAINER_OF(op->reqs[0], struct store_attachments, req);
    struct pg_rows r = pg_op_rows(op, 0);

    x->rows = ARENA_ARRAY(x->req.arena, struct store_attachment, pg_count(&r));
    x->n_rows = 0;
    while (pg_next(&r)) {
        struct store_attachment *row = &x->rows[x->n_rows++];

        row->n = (int)pg_int(&r);
        row->content = pg_text(&r, x->req.arena);
    }
    pg_op_done(op);
}

static void
list(struct pg_op *op)
{
    const struct store_attachments *x =
        CONTAINER_OF(op->reqs[0], struct store_attachments, req);
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, x->tenant);
    pg_put_int(p, x->notification);
    pg_op_send(op, PG_attachment_list);
    pg_op_commit(op, listed);
}

const struct pg_verb pg_verb_attachments = {.begin = list};
