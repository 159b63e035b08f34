/* objects.c - versioned documents. A deleted one leaves its row without a
 * body, so that a version is never used twice. */
#include <assert.h>

#include "base/list.h"
#include "store/sqlite/tell.h"
#include "store/sqlite/writer.h"

/* False: never there. A deleted one has version > 0 and *ret_is_gone. */
static bool
load(struct writer *w, struct arena *a, struct object *o, bool *ret_is_gone)
{
    struct query q = query(&w->conn, SQL_object_state);

    *ret_is_gone = false;
    put_int(&q, o->kind);
    put_int(&q, o->tenant);
    put_text(&q, o->key);
    if (!query_row(&q))
        return false;
    o->num = take_int(&q);
    o->version = take_int(&q);
    o->created_ms = take_int(&q);
    o->updated_ms = take_int(&q);
    *ret_is_gone = take_null(&q);
    if (!*ret_is_gone)
        o->body = take_blob(&q, a);
    query_end(&q);
    return true;
}

static int64_t
add_change(struct writer *w, const struct object *o)
{
    struct query q = query(&w->conn, SQL_change_add);
    int64_t seq;

    put_int(&q, o->tenant);
    put_int(&q, o->kind);
    put_text(&q, o->key);
    query_run(&q);
    seq = sqlite3_last_insert_rowid(w->conn.db);
    notices_change(&w->notices, o->tenant, o->kind, seq);
    return seq;
}

static void
save(struct writer *w, const struct object *o)
{
    struct query q = query(&w->conn, SQL_object_put);

    put_int(&q, o->kind);
    put_int(&q, o->tenant);
    put_text(&q, o->key);
    put_int(&q, o->num);
    put_int(&q, o->version);
    put_int(&q, o->created_ms);
    put_int(&q, o->updated_ms);
    put_blob(&q, o->body);
    query_run(&q);
}

static void
put_one(struct writer *w, struct store_object_put *p,
        struct store_object_write *o)
{
    struct object *now = &o->object;
    bool is_gone, is_there;

    *now = (struct object){.tenant = p->tenant, .kind = o->kind, .key = o->key};
    is_there = load(w, p->req.arena, now, &is_gone) && !is_gone;
    o->is_created = false;
    if (o->if_version != OBJECT_ANY_VERSION &&
        o->if_version != (is_there ? now->version : 0)) {
        if (!is_there)
            *now = (struct object){
                .tenant = p->tenant, .kind = o->kind, .key = o->key};
        o->err = ERR_PRECONDITION;
        return;
    }
    o->err = ERR_OK;
    o->is_created = !is_there;
    if (o->is_created) {
        now->num = o->num;
        now->created_ms = p->now_ms;
    }
    now->version++;
    now->updated_ms = p->now_ms;
    now->body = o->body;
    save(w, now);
    p->seq = add_change(w, now);
    if (o->kind == OBJECT_USER)
        members_set_roles(w, p->tenant, o->key, o->roles, o->n_roles);
}

bool
object_make(struct writer *w, const struct store_subscribe *s)
{
    struct object o = {
        .tenant = s->tenant, .kind = OBJECT_TOPIC, .key = s->topic};
    bool is_gone;

    if (load(w, w->arena, &o, &is_gone) && !is_gone)
        return false;
    o.num = s->num;
    o.version++;
    o.created_ms = o.updated_ms = s->now_ms;
    o.body = STR("{}");
    save(w, &o);
    add_change(w, &o);
    return true;
}

static void
run(struct writer *w, enum sql which)
{
    struct query q = query(&w->conn, which);

    query_run(&q);
}

/* All or none: the savepoint takes back what came before the failure. */
static enum err
put_atomic(struct writer *w, struct store_object_put *p)
{
    size_t n_notices = w->notices.n;
    enum err e = ERR_OK;

    run(w, SQL_savepoint);
    for (size_t i = 0; i < p->n_writes && e == ERR_OK; i++) {
        put_one(w, p, &p->writes[i]);
        e = p->writes[i].err;
    }
    if (e != ERR_OK) {
        run(w, SQL_savepoint_rollback);
        w->notices.n = n_notices;
    }
    run(w, SQL_savepoint_release);
    return e;
}

enum err
write_object_put(struct writer *w, struct store_req *req)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    enum err e = idem_find(w, p->tenant, p->now_ms, req, &p->idem);

    p->seq = 0;
    if (e != ERR_OK || p->idem.is_replay)
        return e;
    if (p->is_atomic) {
        e = put_atomic(w, p);
        if (e != ERR_OK) {
            p->seq = 0;
            return e;
        }
    } else {
        for (size_t i = 0; i < p->n_writes; i++)
            put_one(w, p, &p->writes[i]);
    }
    for (size_t i = 0; i < p->n_writes; i++)
        if (object_write_is_told(&p->writes[i]))
            told_add(w, p->writes[i].told);
    idem_save(w, p->tenant, req, &p->idem);
    return ERR_OK;
}

static void
bury(struct writer *w, struct store_object_delete *d, const struct object *o)
{
    struct query q = query(&w->conn, SQL_object_bury);

    put_int(&q, o->kind);
    put_int(&q, o->tenant);
    put_text(&q, o->key);
    put_int(&q, d->now_ms);
    query_run(&q);
    d->seq = add_change(w, o);
}

/* What goes with a user. */
static void
bury_with(struct writer *w, struct store_object_delete *d,
          enum object_kind kind)
{
    struct object o = {.tenant = d->tenant, .kind = kind, .key = d->key};
    bool is_gone;

    if (load(w, w->arena, &o, &is_gone) && !is_gone)
        bury(w, d, &o);
}

static enum err
delete_all(struct writer *w, struct store_object_delete *d)
{
    enum err e = ERR_NOT_FOUND;

    for (size_t i = 0; i < d->n_keys; i++) {
        struct object o = {
            .tenant = d->tenant, .kind = d->kind, .key = d->keys[i]};
        bool is_gone;

        d->versions[i] = 0;
        if (!load(w, w->arena, &o, &is_gone) || is_gone)
            continue;
        d->versions[i] = o.version;
        bury(w, d, &o);
        if (d->told)
            told_add(w, &d->told[i]);
        e = ERR_OK;
    }
    return e;
}

enum err
write_object_delete(struct writer *w, struct store_req *req)
{
    struct store_object_delete *d =
        CONTAINER_OF(req, struct store_object_delete, req);
    struct object o = {.tenant = d->tenant, .kind = d->kind, .key = d->key};
    bool is_gone;

    d->seq = 0;
    if (d->n_keys > 0)
        return delete_all(w, d);
    if (!load(w, w->arena, &o, &is_gone) || is_gone)
        return ERR_NOT_FOUND;
    if (d->if_version != OBJECT_ANY_VERSION && d->if_version != o.version)
        return ERR_PRECONDITION;
    d->version = o.version;
    bury(w, d, &o);
    if (d->told)
        told_add(w, d->told);
    if (d->kind == OBJECT_USER) {
        members_forget_user(w, d->tenant, d->key);
        bury_with(w, d, OBJECT_PREFERENCE);
        bury_with(w, d, OBJECT_DEVICES);
        habit_forget(w, d->tenant, d->key);
    } else if (d->kind == OBJECT_TOPIC) {
        members_clear_topic(w, d->tenant, d->key);
    }
    return ERR_OK;
}
