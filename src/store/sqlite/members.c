/* members.c - sets of users. */
#include "base/list.h"
#include "store/member_merge.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/writer.h"

/* Rows changed: 0 or 1. */
static size_t
change_one(struct writer *w, enum sql which, int64_t tenant,
           const struct member_set *set, struct str user)
{
    struct query q = query(&w->conn, which);

    put_int(&q, tenant);
    put_int(&q, set->kind);
    put_text(&q, set->key);
    put_text(&q, user);
    return (size_t)query_run(&q);
}

/* ---- roles ---- */

static bool
has(const struct str *keys, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(keys[i], key))
            return true;
    return false;
}

/* Most writes of a user leave its roles as they are: then this only reads. */
void
members_set_roles(struct writer *w, int64_t tenant, struct str user,
                  const struct str *roles, size_t n)
{
    struct query q = query(&w->conn, SQL_member_roles);
    const struct str *before;
    struct buf found;
    size_t n_before;

    buf_init(&found, w->arena);
    put_int(&q, tenant);
    put_text(&q, user);
    while (query_row(&q)) {
        struct str key = take_text(&q, w->arena);

        buf_put(&found, &key, sizeof(key));
    }
    before = (const struct str *)(const void *)found.p;
    n_before = found.n / sizeof(*before);
    for (size_t i = 0; i < n_before; i++)
        if (!has(roles, n, before[i]))
            change_one(w, SQL_member_remove, tenant,
                       &(struct member_set){MEMBER_ROLE, before[i], false},
                       user);
    for (size_t i = 0; i < n; i++)
        if (!has(before, n_before, roles[i]))
            change_one(w, SQL_member_add, tenant,
                       &(struct member_set){MEMBER_ROLE, roles[i], false},
                       user);
}

void
members_forget_user(struct writer *w, int64_t tenant, struct str user)
{
    struct query q = query(&w->conn, SQL_member_forget);

    put_int(&q, tenant);
    put_text(&q, user);
    query_run(&q);
}

/* ---- topics ---- */

void
members_clear_topic(struct writer *w, int64_t tenant, struct str topic)
{
    struct query q = query(&w->conn, SQL_member_clear);

    put_int(&q, tenant);
    put_int(&q, MEMBER_TOPIC);
    put_text(&q, topic);
    query_run(&q);
}

enum err
write_subscribe(struct writer *w, struct store_req *req)
{
    struct store_subscribe *s = CONTAINER_OF(req, struct store_subscribe, req);
    const struct member_set set = {MEMBER_TOPIC, s->topic, false};
    enum err e = idem_find(w, s->tenant, s->now_ms, req, &s->idem);

    s->n_added = s->n_removed = 0;
    s->is_created = false;
    if (e != ERR_OK || s->idem.is_replay)
        return e;
    s->is_created = s->n_add > 0 && object_make(w, s);
    for (size_t i = 0; i < s->n_remove; i++)
        s->n_removed +=
            change_one(w, SQL_member_remove, s->tenant, &set, s->remove[i]);
    for (size_t i = 0; i < s->n_add; i++)
        s->n_added += change_one(w, SQL_member_add, s->tenant, &set, s->add[i]);
    idem_save(w, s->tenant, req, &s->idem);
    return ERR_OK;
}

/* ---- reading ---- */

static void
read_run(struct reader *r, const struct store_members *m,
         const struct member_set *set, size_t max, struct member_run *ret)
{
    struct query q = query(&r->conn, SQL_members);

    ret->users = ARENA_ARRAY(m->req.arena, struct str, max);
    put_int(&q, m->tenant);
    put_int(&q, set->kind);
    put_text(&q, set->key);
    put_text(&q, m->after);
    put_int(&q, (int64_t)max + 1);
    while (page_row(&q, ret->n, max, &ret->has_more))
        ret->users[ret->n++] = take_text(&q, m->req.arena);
}

enum err
read_members(struct reader *r, struct store_req *req)
{
    struct store_members *m = CONTAINER_OF(req, struct store_members, req);
    size_t limit = page_size(m->limit), max = member_run_max(m, limit);
    struct member_run *runs =
        ARENA_ARRAY(req->arena, struct member_run, m->n_sets);

    for (size_t i = 0; i < m->n_sets; i++)
        read_run(r, m, &m->sets[i], max, &runs[i]);
    member_merge(m, runs, limit);
    return ERR_OK;
}

enum err
read_memberships(struct reader *r, struct store_req *req)
{
    struct store_memberships *m =
        CONTAINER_OF(req, struct store_memberships, req);
    size_t limit = page_size(m->limit);
    struct query q = query(&r->conn, SQL_memberships);

    m->keys = ARENA_ARRAY(req->arena, struct str, limit);
    m->n_keys = 0;
    m->has_more = false;
    put_int(&q, m->tenant);
    put_text(&q, m->user);
    put_int(&q, m->kind);
    put_text(&q, m->after);
    put_int(&q, (int64_t)limit + 1);
    while (page_row(&q, m->n_keys, limit, &m->has_more))
        m->keys[m->n_keys++] = take_text(&q, req->arena);
    return ERR_OK;
}
