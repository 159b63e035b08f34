/* idem.c - the first answers under Idempotency-Keys. A key is claimed by
 * writing its row before the work begins: whoever else comes with it waits at
 * that row until the transaction has ended, and then reads the answer. */
#include "store/postgres/pg_store.h"

#define STATUS_CLAIMED (-1)

static bool
is_asked(const struct pg_idem_one *one)
{
    return one->idem->key.n > 0;
}

/* Ours, and to be answered. */
static bool
is_ours(const struct pg_idem_one *one)
{
    return is_asked(one) && one->req->err == ERR_OK && !one->idem->is_replay;
}

static void
send_claim(struct pg_op *op, const struct pg_idem_one *all, size_t n)
{
    struct pg_array tenants = pg_array(op->arena, PG_TYPE_INT8, n);
    struct pg_array keys = pg_array(op->arena, PG_TYPE_TEXT, n);
    struct pg_array untils = pg_array(op->arena, PG_TYPE_INT8, n);
    struct pg_params *p = pg_op_params(op);
    int64_t now_ms = INT64_MAX; /* a key may be kept a moment too long */

    for (size_t i = 0; i < n; i++) {
        if (!is_asked(&all[i]))
            continue;
        pg_add_int(&tenants, all[i].tenant);
        pg_add_text(&keys, all[i].idem->key);
        pg_add_int(&untils, all[i].idem->until_ms);
        if (all[i].now_ms < now_ms)
            now_ms = all[i].now_ms;
    }
    pg_put_array(p, &tenants);
    pg_put_array(p, &keys);
    pg_put_array(p, &untils);
    pg_put_int(p, now_ms);
    pg_op_send(op, PG_idem_claim);
}

void
pg_idem_claim(struct pg_op *op, const struct pg_idem_one *all, size_t n)
{
    struct pg_array tenants = pg_array(op->arena, PG_TYPE_INT8, n);
    struct pg_array keys = pg_array(op->arena, PG_TYPE_TEXT, n);
    struct pg_params *p;

    send_claim(op, all, n);
    /* All of them, so that their ordinals are indices. */
    for (size_t i = 0; i < n; i++) {
        all[i].idem->is_replay = false;
        pg_add_int(&tenants, all[i].tenant);
        pg_add_text(&keys, all[i].idem->key);
    }
    p = pg_op_params(op);
    pg_put_array(p, &tenants);
    pg_put_array(p, &keys);
    pg_op_send(op, PG_idem_read);
}

static void
judge(const struct pg_idem_one *one, struct pg_rows *r)
{
    struct store_idem *idem = one->idem;
    const struct str asked = {(const char *)idem->fingerprint,
                              sizeof(idem->fingerprint)};
    int64_t status = pg_int(r);

    if (status == STATUS_CLAIMED)
        return;
    if (!str_eq(pg_borrow(r), asked)) {
        one->req->err = ERR_IDEM_MISMATCH;
        return;
    }
    idem->is_replay = true;
    idem->status = (int)status;
    idem->body = pg_text(r, one->req->arena);
}

void
pg_idem_read(struct pg_op *op, int i, const struct pg_idem_one *all, size_t n)
{
    struct pg_rows r = pg_op_rows(op, i + 1);

    while (pg_next(&r)) {
        size_t at = (size_t)pg_int(&r) - 1;

        if (at < n && is_asked(&all[at]))
            judge(&all[at], &r);
    }
}

static void
answer(const struct pg_idem_one *one)
{
    struct buf body;

    buf_init(&body, one->req->arena);
    if (one->idem->answer)
        one->idem->answer(one->req, &body, &one->idem->status);
    one->idem->body = buf_str(&body);
}

void
pg_idem_save(struct pg_op *op, const struct pg_idem_one *all, size_t n)
{
    struct pg_array tenants = pg_array(op->arena, PG_TYPE_INT8, n);
    struct pg_array keys = pg_array(op->arena, PG_TYPE_TEXT, n);
    struct pg_array statuses = pg_array(op->arena, PG_TYPE_INT4, n);
    struct pg_array prints = pg_array(op->arena, PG_TYPE_BYTEA, n);
    struct pg_array bodies = pg_array(op->arena, PG_TYPE_TEXT, n);
    struct pg_params *p;

    for (size_t i = 0; i < n; i++) {
        struct store_idem *idem = all[i].idem;

        if (!is_ours(&all[i]))
            continue;
        answer(&all[i]);
        pg_add_int(&tenants, all[i].tenant);
        pg_add_text(&keys, idem->key);
        pg_add_int(&statuses, idem->status);
        pg_add_text(&prints, (struct str){(const char *)idem->fingerprint,
                                          sizeof(idem->fingerprint)});
        pg_add_text(&bodies, idem->body);
    }
    if (tenants.n == 0)
        return;
    p = pg_op_params(op);
    pg_put_array(p, &tenants);
    pg_put_array(p, &keys);
    pg_put_array(p, &statuses);
    pg_put_array(p, &prints);
    pg_put_array(p, &bodies);
    pg_op_send(op, PG_idem_save);
}
