/* idem.c - the first answer under an Idempotency-Key, kept with what it tells
 * of. */
#include "store/sqlite/writer.h"

enum err
idem_find(struct writer *w, int64_t tenant, int64_t now_ms,
          struct store_req *req, struct store_idem *idem)
{
    struct query q;
    struct str fingerprint;
    int64_t until_ms;

    idem->is_replay = false;
    if (idem->key.n == 0)
        return ERR_OK;
    q = query(&w->conn, SQL_idem_get);
    put_int(&q, tenant);
    put_text(&q, idem->key);
    if (!query_row(&q))
        return ERR_OK;
    until_ms = take_int(&q);
    fingerprint = take_blob(&q, w->arena);
    if (until_ms > now_ms &&
        str_eq(fingerprint, (struct str){(const char *)idem->fingerprint,
                                         sizeof(idem->fingerprint)})) {
        idem->is_replay = true;
        idem->status = (int)take_int(&q);
        idem->body = take_blob(&q, req->arena);
    }
    query_end(&q);
    return until_ms > now_ms && !idem->is_replay ? ERR_IDEM_MISMATCH : ERR_OK;
}

void
idem_save(struct writer *w, int64_t tenant, struct store_req *req,
          struct store_idem *idem)
{
    struct buf body;
    struct query q;

    if (idem->key.n == 0)
        return;
    buf_init(&body, req->arena);
    if (idem->answer)
        idem->answer(req, &body, &idem->status);
    idem->body = buf_str(&body);
    q = query(&w->conn, SQL_idem_put);
    put_int(&q, tenant);
    put_text(&q, idem->key);
    put_int(&q, idem->until_ms);
    put_int(&q, idem->status);
    put_blob(&q, (struct str){(const char *)idem->fingerprint,
                              sizeof(idem->fingerprint)});
    put_blob(&q, idem->body);
    query_run(&q);
}
