#include "api/collection.h"

#include "base/list.h"

/* One request from its first read to its answer. */
struct changing {
    struct call *call;
    const struct collection *of;
    const struct field *fields; /* of a PATCH */
    struct str key;
    int64_t if_version;
    int64_t asked_version; /* If-Match, or OBJECT_ANY_VERSION */
    int n_tries;           /* of a PATCH: others may write in between */
    struct store_object_get get;
    struct store_object_write write;
    struct store_object_put put;
    struct store_object_delete delete;
    struct store_object_list list;
};

int64_t
collection_tenant(const struct call *c, const struct collection *of)
{
    return of->is_global ? 0 : c->workspace->tenant;
}

bool
collection_may(struct call *c, const struct collection *of)
{
    if (!of->is_global || c->is_root)
        return true;
    call_fail_with(c, ERR_FORBIDDEN, "only the root key may touch a %s",
                   of->noun);
    return false;
}

int64_t
call_new_num(struct call *c)
{
    return id_make(c->app->ids, call_now_ms(c), 1);
}

/* ---- waiting for the configuration ---- */

struct waiting {
    struct task task;
    struct call *call;
    void (*then)(struct call *c, void *arg);
    void *arg;
};

static void
on_current(struct task *t)
{
    struct waiting *w = CONTAINER_OF(t, struct waiting, task);

    w->then(w->call, w->arg);
}

void
call_wait_for(struct call *c, int64_t seq,
              void (*then)(struct call *c, void *arg), void *arg)
{
    struct waiting *w = ARENA_NEW(c->arena, struct waiting);

    *w = (struct waiting){
        .task = {.run = on_current}, .call = c, .then = then, .arg = arg};
    snapshots_wait(c->app->snapshots, seq, c->app->env->loop, &w->task);
}

/* ---- showing ---- */

static bool
is_reserved(const struct collection *of, struct str name)
{
    static const char *const names[] = {"version", "created_at", "updated_at"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(name, names[i]))
            return true;
    return str_is(name, of->key_name);
}

struct json
call_parse(struct call *c, struct str text)
{
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;

    if (text.n == 0 || json_parse(c->arena, text, doc, &why) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

void
collection_write_members(struct call *c, const struct collection *of,
                         struct json_writer *w, struct json stored)
{
    for (struct json m = json_first(stored); !json_is(m, JSON_ABSENT);
         m = json_next(stored, m)) {
        struct str name = json_key(c->arena, m);

        if (is_reserved(of, name))
            continue;
        json_put_key_str(w, name);
        json_put_raw(w, json_raw(m));
    }
}

void
collection_write(struct call *c, const struct collection *of,
                 struct json_writer *w, const struct object *o)
{
    struct json stored = call_parse(c, o->body);

    json_begin_object(w);
    json_str_field(w, of->key_name, o->key);
    if (of->show)
        of->show(c, w, o, stored);
    else
        collection_write_members(c, of, w, stored);
    json_int_field(w, "version", o->version);
    json_time_field(w, "created_at", o->created_ms);
    json_time_field(w, "updated_at", o->updated_ms);
    json_end_object(w);
}

static void
reply_object(struct call *c, const struct collection *of, int status,
             const struct object *o)
{
    struct json_writer w;
    struct buf out;

    if (of->reply) {
        of->reply(c, o);
        return;
    }
    w = call_writer(c, &out);
    collection_write(c, of, &w, o);
    call_etag(c, o->version);
    call_reply(c, status, &out);
}

/* ---- PUT and PATCH: read what is there, then write ---- */

#define PATCH_TRIES 8

static void on_before(struct store_req *req, enum err e);
static void read_object(struct changing *x,
                        void (*on_done)(struct store_req *, enum err));

static void
reply_put(struct call *c, void *arg)
{
    struct changing *x = arg;

    reply_object(c, x->of,
                 x->write.is_created && !x->of->is_implicit ? 201 : 200,
                 &x->write.object);
}

/* A patch without If-Match is of whatever is there, and so is a put that keeps
 * something of it: what another writer did between its read and its write is
 * read again. */
static bool
tries_again(struct changing *x)
{
    if ((!x->fields && !x->of->to_store) ||
        x->asked_version != OBJECT_ANY_VERSION || x->n_tries == PATCH_TRIES)
        return false;
    x->n_tries++;
    x->if_version = OBJECT_ANY_VERSION;
    read_object(x, on_before);
    return true;
}

static void
on_put(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct changing *x = CONTAINER_OF(p, struct changing, put);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else if (x->write.err == ERR_PRECONDITION && tries_again(x))
        return;
    else if (x->write.err == ERR_PRECONDITION)
        call_fail_with(x->call, ERR_PRECONDITION, "the %s has version %lld now",
                       x->of->noun, (long long)x->write.object.version);
    else if (x->write.err != ERR_OK)
        call_fail(x->call, x->write.err);
    else if (x->of->is_configuration)
        call_wait_for(x->call, p->seq, reply_put, x);
    else
        reply_put(x->call, x);
}

static struct store_req
put_req(struct changing *x)
{
    struct store_req req = call_req(x->call, on_put);
    struct audit *a = x->of->deed ? call_audit(x->call) : NULL;

    if (a) {
        a->action = str_from(x->of->deed);
        req.audit = a;
    }
    return req;
}

static void
write_body(struct changing *x, struct json doc, struct str body)
{
    struct call *c = x->call;

    x->write = (struct store_object_write){
        .kind = x->of->kind,
        .key = x->key,
        .body = body,
        .if_version = x->if_version,
        .num = call_new_num(c),
    };
    if (x->of->fill)
        x->of->fill(c, doc, &x->write);
    x->put = (struct store_object_put){
        .req = put_req(x),
        .tenant = collection_tenant(c, x->of),
        .now_ms = call_now_ms(c),
        .writes = &x->write,
        .n_writes = 1,
    };
    objects_put(c->app, &x->put);
}

/* version: what was read had; 0: it was not there, or nothing was read. */
static void
put_after_read(struct changing *x, struct json before, int64_t version)
{
    struct call *c = x->call;
    struct str body = json_raw(c->body);

    if (x->of->to_store)
        body = x->of->to_store(c, x->key, c->body, before);
    if (x->if_version == OBJECT_ANY_VERSION && version > 0)
        x->if_version = version;
    if (problem_is_set(&c->problem))
        call_refuse(c);
    else
        write_body(x, c->body, body);
}

static void
patch_after_read(struct changing *x, struct json before, int64_t version)
{
    struct call *c = x->call;
    struct json merged;

    if (!json_is(before, JSON_OBJECT) && x->of->is_implicit)
        before = call_parse(c, STR("{}"));
    if (!json_is(before, JSON_OBJECT)) {
        call_fail(c, ERR_NOT_FOUND);
        return;
    }
    merged = call_parse(c, json_merge_patch(c->arena, before, c->body));
    field_check(x->fields, merged, STR(""), &c->problem);
    if (x->of->check)
        x->of->check(c, x->key, merged);
    if (problem_is_set(&c->problem)) {
        call_refuse(c);
        return;
    }
    if (x->if_version == OBJECT_ANY_VERSION)
        x->if_version = version; /* what was merged is what is replaced */
    write_body(x, merged, json_raw(merged));
}

static void
on_before(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct changing *x = CONTAINER_OF(g, struct changing, get);
    struct json before = {0};

    if (e != ERR_OK) {
        call_fail(x->call, e);
        return;
    }
    if (g->objects[0].version > 0)
        before = call_parse(x->call, g->objects[0].body);
    if (x->fields)
        patch_after_read(x, before, g->objects[0].version);
    else
        put_after_read(x, before, g->objects[0].version);
}

static void
check_name(struct call *c, const struct collection *of, struct str key)
{
    struct json own = json_get(c->body, of->key_name);

    if (!json_is(own, JSON_ABSENT) && !str_eq(json_str(c->arena, own), key))
        problem_add(&c->problem, ERR_INVALID,
                    str_fmt(c->arena, "/%s", of->key_name),
                    "must be the key of the path, or left out");
}

bool
collection_names_itself(struct call *c, const struct collection *of,
                        struct str key)
{
    check_name(c, of, key);
    if (!problem_is_set(&c->problem))
        return true;
    call_refuse(c); /* and it is gone */
    return false;
}

static struct changing *
start_change(struct call *c, const struct collection *of)
{
    struct changing *x = ARENA_NEW(c->arena, struct changing);

    x->call = c;
    x->of = of;
    if (!collection_may(c, of) || !call_path_key(c, 0, &x->key) ||
        !call_if_match(c, &x->if_version))
        return NULL;
    x->asked_version = x->if_version;
    return x;
}

static void
read_object(struct changing *x, void (*on_done)(struct store_req *, enum err))
{
    struct call *c = x->call;

    x->get = (struct store_object_get){
        .req = call_req(c, on_done),
        .tenant = collection_tenant(c, x->of),
        .kind = x->of->kind,
        .keys = &x->key,
        .n_keys = 1,
    };
    objects_get(c->app, &x->get);
}

void
collection_put(struct call *c, const struct collection *of)
{
    struct changing *x = start_change(c, of);

    if (!x)
        return;
    check_name(c, of, x->key);
    if (of->check)
        of->check(c, x->key, c->body);
    if (problem_is_set(&c->problem))
        call_refuse(c);
    else if (of->to_store)
        read_object(x, on_before);
    else
        put_after_read(x, (struct json){0}, 0);
}

void
collection_patch(struct call *c, const struct collection *of,
                 const struct field *fields)
{
    struct changing *x = start_change(c, of);

    if (!x)
        return;
    if (!json_is(c->body, JSON_OBJECT)) {
        call_fail_with(c, ERR_INVALID, "a merge patch is an object");
        return;
    }
    check_name(c, of, x->key);
    x->fields = fields;
    read_object(x, on_before);
}

/* ---- GET ---- */

static void
on_got(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct changing *x = CONTAINER_OF(g, struct changing, get);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else if (g->objects[0].version == 0 && !x->of->is_implicit)
        call_fail_with(x->call, ERR_NOT_FOUND, "there is no such %s",
                       x->of->noun);
    else
        reply_object(x->call, x->of, 200, &g->objects[0]);
}

void
collection_get(struct call *c, const struct collection *of)
{
    struct changing *x = start_change(c, of);

    if (x)
        read_object(x, on_got);
}

/* ---- DELETE ---- */

static void
reply_deleted(struct call *c, void *arg)
{
    const struct changing *x = arg;

    if (x->of->reply)
        x->of->reply(c, NULL);
    else
        call_reply_empty(c, 204);
}

static void
on_deleted(struct store_req *req, enum err e)
{
    struct store_object_delete *d =
        CONTAINER_OF(req, struct store_object_delete, req);
    struct changing *x = CONTAINER_OF(d, struct changing, delete);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else if (x->of->is_configuration)
        call_wait_for(x->call, d->seq, reply_deleted, x);
    else
        reply_deleted(x->call, x);
}

void
collection_delete(struct call *c, const struct collection *of)
{
    struct changing *x = start_change(c, of);

    if (!x)
        return;
    x->delete = (struct store_object_delete){
        .req = call_req(c, on_deleted),
        .tenant = collection_tenant(c, of),
        .now_ms = call_now_ms(c),
        .kind = of->kind,
        .key = x->key,
        .if_version = x->if_version,
    };
    objects_delete(c->app, &x->delete);
}

/* ---- list ---- */

static void
on_listed(struct store_req *req, enum err e)
{
    struct store_object_list *l =
        CONTAINER_OF(req, struct store_object_list, req);
    struct changing *x = CONTAINER_OF(l, struct changing, list);
    struct call *c = x->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_begin_page(c, &out);
    for (size_t i = 0; i < l->n_objects; i++)
        collection_write(c, x->of, &w, &l->objects[i]);
    call_end_page(c, &w,
                  l->has_more && l->n_objects > 0
                      ? call_cursor(c, l->objects[l->n_objects - 1].key)
                      : STR_NONE);
}

void
collection_list(struct call *c, const struct collection *of)
{
    struct changing *x = ARENA_NEW(c->arena, struct changing);

    *x = (struct changing){.call = c, .of = of};
    if (!collection_may(c, of))
        return;
    x->list = (struct store_object_list){
        .req = call_req(c, on_listed),
        .tenant = collection_tenant(c, of),
        .kind = of->kind,
    };
    if (call_limit(c, &x->list.limit) && call_after_key(c, &x->list.after))
        objects_list(c->app, &x->list);
}
