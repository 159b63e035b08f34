/* members.c - sets of users in memory. */
#include "base/list.h"
#include "store/memory/data.h"

static struct mem_member *
find_member(struct mem *m, int64_t tenant, enum member_kind kind,
            struct str key, struct str user)
{
    ROW_EACH(struct mem_member, x, &m->members)
    if (x->tenant == tenant && x->kind == kind && str_eq(x->key, key) &&
        str_eq(x->user, user))
        return x;
    return NULL;
}

/* Whether it was not there. */
static bool
add(struct mem *m, int64_t tenant, enum member_kind kind, struct str key,
    struct str user)
{
    struct mem_member *x = find_member(m, tenant, kind, key, user);

    if (x && !x->is_gone)
        return false;
    if (!x) {
        x = ROW_ADD(&m->members, struct mem_member);
        *x = (struct mem_member){.tenant = tenant,
                                 .kind = kind,
                                 .key = str_dup(m->arena, key),
                                 .user = str_dup(m->arena, user)};
    }
    x->is_gone = false;
    return true;
}

void
mem_set_roles(struct mem *m, int64_t tenant, struct str user,
              const struct str *roles, size_t n)
{
    ROW_EACH(struct mem_member, x, &m->members)
    if (x->tenant == tenant && x->kind == MEMBER_ROLE && str_eq(x->user, user))
        x->is_gone = true;
    for (size_t i = 0; i < n; i++)
        add(m, tenant, MEMBER_ROLE, roles[i], user);
}

void
mem_forget_user(struct mem *m, int64_t tenant, struct str user)
{
    ROW_EACH(struct mem_member, x, &m->members)
    if (x->tenant == tenant && str_eq(x->user, user))
        x->is_gone = true;
}

void
mem_clear_topic(struct mem *m, int64_t tenant, struct str topic)
{
    ROW_EACH(struct mem_member, x, &m->members)
    if (x->tenant == tenant && x->kind == MEMBER_TOPIC && str_eq(x->key, topic))
        x->is_gone = true;
}

enum err
mem_subscribe(struct mem *m, struct store_req *req)
{
    struct store_subscribe *s = CONTAINER_OF(req, struct store_subscribe, req);
    enum err e = mem_idem_find(m, s->tenant, s->now_ms, req, &s->idem);

    s->n_added = s->n_removed = 0;
    s->is_created = false;
    if (e != ERR_OK || s->idem.is_replay)
        return e;
    s->is_created = s->n_add > 0 && mem_object_make(m, s);
    for (size_t i = 0; i < s->n_remove; i++) {
        struct mem_member *x =
            find_member(m, s->tenant, MEMBER_TOPIC, s->topic, s->remove[i]);

        if (!x || x->is_gone)
            continue;
        x->is_gone = true;
        s->n_removed++;
    }
    for (size_t i = 0; i < s->n_add; i++)
        s->n_added +=
            add(m, s->tenant, MEMBER_TOPIC, s->topic, s->add[i]) ? 1 : 0;
    mem_idem_save(m, s->tenant, req, &s->idem);
    return ERR_OK;
}

static bool
is_in(const struct mem_member *x, const struct store_members *l,
      const struct member_set *set)
{
    return !x->is_gone && x->tenant == l->tenant && x->kind == set->kind &&
           str_eq(x->key, set->key) && str_cmp(x->user, l->after) > 0;
}

/* The first of the users after `after`; STR_NONE. */
static struct str
next_user(struct mem *m, const struct store_members *l, struct str after)
{
    struct str best = STR_NONE;

    ROW_EACH(struct mem_member, x, &m->members)
    for (size_t i = 0; i < l->n_sets; i++)
        if (is_in(x, l, &l->sets[i]) && str_cmp(x->user, after) > 0 &&
            (best.n == 0 || str_cmp(x->user, best) < 0))
            best = x->user;
    return best;
}

enum err
mem_members(struct mem *m, struct store_req *req)
{
    struct store_members *l = CONTAINER_OF(req, struct store_members, req);
    struct str user = l->after;

    for (size_t i = 0; i < l->n_sets; i++) {
        l->sets[i].is_empty = true;
        ROW_EACH(struct mem_member, x, &m->members)
        if (is_in(x, l, &l->sets[i]))
            l->sets[i].is_empty = false;
    }
    l->users = ARENA_ARRAY(req->arena, struct str, l->limit);
    l->n_users = 0;
    l->has_more = false;
    while (!l->has_more && (user = next_user(m, l, user)).n > 0) {
        l->has_more = l->n_users == l->limit;
        if (!l->has_more)
            l->users[l->n_users++] = str_dup(req->arena, user);
    }
    return ERR_OK;
}

enum err
mem_memberships(struct mem *m, struct store_req *req)
{
    struct store_memberships *l =
        CONTAINER_OF(req, struct store_memberships, req);
    struct str after = l->after;

    l->keys = ARENA_ARRAY(req->arena, struct str, l->limit);
    l->n_keys = 0;
    l->has_more = false;
    for (;;) {
        struct str best = STR_NONE;

        ROW_EACH(struct mem_member, x, &m->members)
        if (!x->is_gone && x->tenant == l->tenant && x->kind == l->kind &&
            str_eq(x->user, l->user) && str_cmp(x->key, after) > 0 &&
            (best.n == 0 || str_cmp(x->key, best) < 0))
            best = x->key;
        l->has_more = best.n > 0 && l->n_keys == l->limit;
        if (best.n == 0 || l->has_more)
            return ERR_OK;
        l->keys[l->n_keys++] = str_dup(req->arena, best);
        after = best;
    }
}
