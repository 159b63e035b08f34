/* audit.c - see store/audit.h. */
#include "store/audit.h"

#include "base/id.h"
#include "base/list.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/writer.h"

static void
put(struct writer *w, const struct audit_line *l)
{
    struct query q = query(&w->conn, SQL_audit_put);
    const struct str texts[] = {l->actor,      l->actor_name, l->source,
                                l->request_id, l->action,     l->kind,
                                l->key};

    put_int(&q, l->tenant);
    put_int(&q, l->id);
    put_int(&q, l->at_ms);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        put_text(&q, texts[i]);
    put_int(&q, l->from_version);
    put_int(&q, l->to_version);
    put_text(&q, l->detail);
    query_run(&q);
}

void
audit_write(struct writer *w, struct store_req *req)
{
    struct audit_line lines[AUDIT_LINES_MAX];
    size_t n = audit_lines(req, lines);

    for (size_t i = 0; i < n; i++)
        put(w, &lines[i]);
}

/* All of it is written for whatever verb. */
enum err
write_audit_add(struct writer *w, struct store_req *req)
{
    (void)w, (void)req;
    return ERR_OK;
}

void
audit_sweep(struct writer *w, int64_t before_ms, size_t max)
{
    struct query q;

    if (before_ms <= 0)
        return;
    q = query(&w->conn, SQL_audit_sweep);
    put_int(&q, id_after(before_ms));
    put_int(&q, (int64_t)max);
    query_run(&q);
}

static void
take(struct query *q, struct arena *a, struct audit_line *l)
{
    struct str *const texts[] = {&l->actor,      &l->actor_name, &l->source,
                                 &l->request_id, &l->action,     &l->kind,
                                 &l->key};

    l->tenant = take_int(q);
    l->id = take_int(q);
    l->at_ms = take_int(q);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = take_text(q, a);
    l->from_version = take_int(q);
    l->to_version = take_int(q);
    l->detail = take_text(q, a);
}

enum err
read_audit_list(struct reader *r, struct store_req *req)
{
    struct store_audit_list *l =
        CONTAINER_OF(req, struct store_audit_list, req);
    struct arena *row = arena_new(); /* of those that do not fit */
    struct query q = query(&r->conn, SQL_audit_list);
    size_t n = 0;

    l->lines = ARENA_ARRAY(req->arena, struct audit_line, l->limit);
    l->n_lines = 0;
    l->next_before = 0;
    put_int(&q, l->tenant);
    put_int(&q, l->before > 0 ? l->before : INT64_MAX);
    put_int(&q, audit_first_id(&l->filter));
    while (query_row(&q)) {
        struct audit_line line = {0};

        arena_reset(row);
        take(&q, row, &line);
        if (n++ == AUDIT_LOOKED_AT ||
            (audit_fits(&line, &l->filter) && l->n_lines == l->limit)) {
            l->next_before = line.id + 1;
            query_end(&q);
            break;
        }
        if (!audit_fits(&line, &l->filter))
            continue;
        q.at = 0;
        take(&q, req->arena, &l->lines[l->n_lines++]);
    }
    arena_free(row);
    return ERR_OK;
}
