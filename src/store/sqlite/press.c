/* press.c - see store/press.h. */
#include "store/press.h"

#include "base/list.h"
#include "store/sqlite/tell.h"
#include "store/sqlite/writer.h"

static void
put_key(struct query *q, const struct store_press *p)
{
    put_int(q, p->ref);
    put_text(q, p->user);
    put_text(q, p->action);
    put_int(q, p->tenant);
}

static bool
load(struct writer *w, const struct store_press *p, struct press *ret)
{
    struct query q = query(&w->conn, SQL_press_get);

    put_key(&q, p);
    if (!query_row(&q))
        return false;
    ret->id = take_int(&q);
    ret->at_ms = take_int(&q);
    ret->until_ms = take_int(&q);
    ret->key = take_int(&q);
    ret->n = (int)take_int(&q);
    ret->state = (enum press_state)take_int(&q);
    ret->status = (int)take_int(&q);
    query_end(&q);
    return true;
}

static void
save(struct writer *w, const struct store_press *p)
{
    struct query q = query(&w->conn, SQL_press_put);

    put_key(&q, p);
    put_int(&q, p->press.id);
    put_int(&q, p->press.at_ms);
    put_int(&q, p->press.until_ms);
    put_int(&q, p->press.key);
    put_int(&q, p->press.n);
    put_int(&q, p->press.state);
    put_int(&q, p->press.status);
    query_run(&q);
}

enum err
write_press(struct writer *w, struct store_req *req)
{
    struct store_press *p = CONTAINER_OF(req, struct store_press, req);
    struct press was = {0};
    bool is_there = load(w, p, &was);

    p->is_ours = store_press_decide(p, is_there ? &was : NULL);
    if (p->is_ours)
        save(w, p);
    if (store_press_is_told(p))
        told_add(w, p->told);
    return ERR_OK;
}

void
press_sweep(struct writer *w, const struct store_purge *p, size_t max)
{
    struct query q = query(&w->conn, SQL_press_sweep);

    put_int(&q, p->settled_before_ms);
    put_int(&q, (int64_t)max);
    query_run(&q);
}
