/* attachment.c - see store/attachment.h. */
#include "store/attachment.h"

#include "base/list.h"
#include "store/accept.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/writer.h"

void
attachments_add(struct writer *w, int64_t tenant,
                const struct store_accept_item *item)
{
    for (size_t i = 0; i < item->n_attachments; i++) {
        struct query q = query(&w->conn, SQL_attachment_add);

        put_int(&q, item->notification.id);
        put_int(&q, item->attachments[i].n);
        put_int(&q, tenant);
        put_text(&q, item->attachments[i].content);
        query_run(&q);
    }
}

static size_t
count(struct reader *r, const struct store_attachments *x)
{
    struct query q = query(&r->conn, SQL_attachment_count);
    size_t n = 0;

    put_int(&q, x->notification);
    put_int(&q, x->tenant);
    if (query_row(&q)) {
        n = (size_t)take_int(&q);
        query_end(&q);
    }
    return n;
}

enum err
read_attachments(struct reader *r, struct store_req *req)
{
    struct store_attachments *x =
        CONTAINER_OF(req, struct store_attachments, req);
    size_t n = count(r, x);
    struct query q;

    x->rows = ARENA_ARRAY(req->arena, struct store_attachment, n);
    x->n_rows = 0;
    q = query(&r->conn, SQL_attachment_list);
    put_int(&q, x->notification);
    put_int(&q, x->tenant);
    while (query_row(&q) && x->n_rows < n) {
        struct store_attachment *row = &x->rows[x->n_rows++];

        row->n = (int)take_int(&q);
        row->content = take_text(&q, req->arena);
    }
    return ERR_OK;
}
