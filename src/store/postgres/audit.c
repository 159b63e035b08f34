/* audit.c - see store/audit.h. */
#include "store/audit.h"

#include "base/list.h"
#include "store/postgres/pg_store.h"

/* ---- what a verb tells ---- */

static void
put_line(struct pg_columns *c, const struct audit_line *l)
{
    const struct str texts[] = {l->actor,      l->actor_name, l->source,
                                l->request_id, l->action,     l->kind,
                                l->key};

    pg_col_int(c, l->tenant);
    pg_col_int(c, l->id);
    pg_col_int(c, l->at_ms);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        pg_col_text(c, texts[i]);
    pg_col_int(c, l->from_version);
    pg_col_int(c, l->to_version);
    pg_col_text(c, l->detail);
}

void
pg_audit_write(struct pg_op *op)
{
    struct audit_line lines[AUDIT_LINES_MAX];
    size_t n = audit_lines(op->reqs[0], lines);
    struct pg_columns c;

    if (n == 0)
        return;
    pg_columns_init(&c, op->arena, "lllTTTTTTTllT", n);
    for (size_t i = 0; i < n; i++)
        put_line(&c, &lines[i]);
    pg_put_columns(pg_op_params(op), &c);
    pg_op_send(op, PG_audit_put);
}

static void
added(struct pg_op *op)
{
    pg_op_done(op);
}

static void
begin_add(struct pg_op *op)
{
    pg_audit_write(op);
    pg_op_commit(op, added);
}

const struct pg_verb pg_verb_audit_add = {.begin = begin_add};

/* ---- reading ---- */

static void
take(struct pg_rows *r, struct arena *a, struct audit_line *l)
{
    struct str *const texts[] = {&l->actor,      &l->actor_name, &l->source,
                                 &l->request_id, &l->action,     &l->kind,
                                 &l->key};

    l->tenant = pg_int(r);
    l->id = pg_int(r);
    l->at_ms = pg_int(r);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = pg_text(r, a);
    l->from_version = pg_int(r);
    l->to_version = pg_int(r);
    l->detail = pg_text(r, a);
}

static void
listed(struct pg_op *op)
{
    struct store_audit_list *l =
        CONTAINER_OF(op->reqs[0], struct store_audit_list, req);
    struct pg_rows r = pg_op_rows(op, 0), beyond = pg_op_rows(op, 1);

    l->lines = ARENA_ARRAY(l->req.arena, struct audit_line, l->limit);
    l->n_lines = 0;
    l->next_before = pg_next(&beyond) ? pg_int(&beyond) + 1 : 0;
    while (pg_next(&r)) {
        struct audit_line line = {0};

        take(&r, l->req.arena, &line);
        if (l->n_lines == l->limit) {
            l->next_before = line.id + 1;
            break;
        }
        l->lines[l->n_lines++] = line;
    }
    pg_op_done(op);
}

static struct pg_params *
put_range(struct pg_op *op, const struct store_audit_list *l)
{
    struct pg_params *p = pg_op_params(op);

    pg_put_int(p, l->tenant);
    pg_put_int(p, l->before > 0 ? l->before : INT64_MAX);
    pg_put_int(p, audit_first_id(&l->filter));
    pg_put_int(p, AUDIT_LOOKED_AT);
    return p;
}

static void
list(struct pg_op *op)
{
    const struct store_audit_list *l =
        CONTAINER_OF(op->reqs[0], struct store_audit_list, req);
    struct pg_params *p = put_range(op, l);

    pg_put_text(p, l->filter.actor);
    pg_put_text(p, l->filter.action);
    pg_put_text(p, l->filter.kind);
    pg_put_text(p, l->filter.key);
    pg_put_int(p, l->filter.since_ms);
    pg_put_int(p, (int64_t)l->limit + 1);
    pg_op_send(op, PG_audit_list);
    (void)put_range(op, l);
    pg_op_send(op, PG_audit_beyond);
    pg_op_commit(op, listed);
}

const struct pg_verb pg_verb_audit_list = {.begin = list};
