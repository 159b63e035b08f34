/* devices.c - browsers and phones that users get pushes on: registered by the
 * application for them, or by themselves with their token. All of a user's are
 * one document, which is read, changed and put back; where others did so
 * meanwhile, that is done again. */
#include <stdlib.h>

#include "api/api_private.h"
#include "api/collection.h"
#include "api/route.h"
#include "api/shapes.h"
#include "app/device_doc.h"
#include "base/list.h"
#include "domain/device.h"

#define TRIES 8

/* One request from its read to its answer. */
struct changing {
    struct call *call;
    struct str user, name;
    int64_t if_version;
    bool is_delete;
    int n_tries;
    bool was_there;
    struct device device;
    struct store_object_get get;
    struct store_object_write write;
    struct store_object_put put;
};

/* ---- answers ---- */

static void
write_one(struct json_writer *w, const struct device *d)
{
    json_begin_object(w);
    write_device_members(w, d);
    json_end_object(w);
}

static void
reply_device(struct call *c, int status, const struct device *d)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    write_one(&w, d);
    call_etag(c, d->version);
    call_reply(c, status, &out);
}

static void
fail_as_missing(struct call *c)
{
    call_fail_with(c, ERR_NOT_FOUND, "the user has no such device");
}

/* ---- PUT and DELETE ---- */

static void read_devices(struct changing *x);

static void
on_put(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct changing *x = CONTAINER_OF(p, struct changing, put);

    if (e == ERR_OK && x->write.err == ERR_PRECONDITION && x->n_tries++ < TRIES)
        read_devices(x);
    else if (e != ERR_OK || x->write.err != ERR_OK)
        call_fail(x->call, e != ERR_OK ? e : ERR_UNAVAILABLE);
    else if (x->is_delete)
        call_reply_empty(x->call, 204);
    else
        reply_device(x->call, x->was_there ? 200 : 201, &x->device);
}

static bool
may_change(struct changing *x, const struct device *was)
{
    int64_t version = x->was_there ? was->version : 0;

    if (x->is_delete && !x->was_there) {
        fail_as_missing(x->call);
        return false;
    }
    if (x->if_version == OBJECT_ANY_VERSION || x->if_version == version)
        return true;
    call_fail_with(x->call, ERR_PRECONDITION, "the device has version %lld now",
                   (long long)version);
    return false;
}

static void
on_before(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct changing *x = CONTAINER_OF(g, struct changing, get);
    struct call *c = x->call;
    struct json doc = {0};
    struct device was;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    if (g->objects[0].version > 0)
        doc = call_parse(c, g->objects[0].body);
    x->was_there = device_find(c->arena, doc, x->name, &was);
    if (!may_change(x, &was))
        return;
    x->write = (struct store_object_write){
        .kind = OBJECT_DEVICES,
        .key = x->user,
        .body = x->is_delete ? devices_without(c->arena, doc, x->name)
                             : devices_with(c->arena, doc, x->name, c->body,
                                            call_now_ms(c), &x->device),
        .if_version = g->objects[0].version,
        .num = call_new_num(c),
    };
    if (x->write.body.n == 0) {
        call_fail_with(c, ERR_CONFLICT,
                       "the user has %d devices already: delete one of them",
                       DEVICES_MAX);
        return;
    }
    x->put = (struct store_object_put){
        .req = call_req(c, on_put),
        .tenant = c->workspace->tenant,
        .now_ms = call_now_ms(c),
        .writes = &x->write,
        .n_writes = 1,
    };
    objects_put(c->app, &x->put);
}

static struct store_object_get
get_of(struct call *c, const struct str *user,
       void (*on_done)(struct store_req *, enum err))
{
    return (struct store_object_get){
        .req = call_req(c, on_done),
        .tenant = c->workspace->tenant,
        .kind = OBJECT_DEVICES,
        .keys = user,
        .n_keys = 1,
    };
}

static void
read_devices(struct changing *x)
{
    x->get = get_of(x->call, &x->user, on_before);
    objects_get(x->call->app, &x->get);
}

/* name_at: of the device's name among what the path names. */
static struct changing *
start_change(struct call *c, struct str user, int name_at)
{
    struct changing *x = ARENA_NEW(c->arena, struct changing);

    *x = (struct changing){.call = c, .user = user};
    if (!call_path_key(c, name_at, &x->name) ||
        !call_if_match(c, &x->if_version))
        return NULL;
    return x;
}

static void
put_device(struct call *c, struct str user, int name_at)
{
    static const struct collection of = {.key_name = "name"};
    struct changing *x = start_change(c, user, name_at);

    if (!x || !collection_names_itself(c, &of, x->name))
        return;
    device_doc_check(c->body, &c->problem);
    if (problem_is_set(&c->problem))
        call_refuse(c);
    else
        read_devices(x);
}

static void
delete_device(struct call *c, struct str user, int name_at)
{
    struct changing *x = start_change(c, user, name_at);

    if (!x)
        return;
    x->is_delete = true;
    read_devices(x);
}

/* ---- GET ---- */

struct looking {
    struct call *call;
    struct str user, name, after;
    size_t limit;
    struct store_object_get get;
};

static struct json
found(struct looking *l)
{
    return l->get.objects[0].version > 0
               ? call_parse(l->call, l->get.objects[0].body)
               : (struct json){0};
}

static void
on_got(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct looking *l = CONTAINER_OF(g, struct looking, get);
    struct device d;

    if (e != ERR_OK)
        call_fail(l->call, e);
    else if (device_find(l->call->arena, found(l), l->name, &d))
        reply_device(l->call, 200, &d);
    else
        fail_as_missing(l->call);
}

static int
by_name(const void *a, const void *b)
{
    const struct device *x = a, *y = b;

    return str_cmp(x->name, y->name);
}

static void
on_listed(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct looking *l = CONTAINER_OF(g, struct looking, get);
    struct device all[DEVICES_MAX];
    struct json_writer w;
    struct buf out;
    size_t n, from = 0, to;

    if (e != ERR_OK) {
        call_fail(l->call, e);
        return;
    }
    n = devices_read(l->call->arena, found(l), all);
    qsort(all, n, sizeof(all[0]), by_name);
    while (from < n && l->after.n > 0 && str_cmp(all[from].name, l->after) <= 0)
        from++;
    to = n - from > l->limit ? from + l->limit : n;
    w = call_begin_page(l->call, &out);
    for (size_t i = from; i < to; i++)
        write_one(&w, &all[i]);
    call_end_page(l->call, &w,
                  to < n ? call_cursor(l->call, all[to - 1].name) : STR_NONE);
}

static struct looking *
looking_new(struct call *c, struct str user)
{
    struct looking *l = ARENA_NEW(c->arena, struct looking);

    *l = (struct looking){.call = c, .user = user};
    return l;
}

static void
get_device(struct call *c, struct str user, int name_at)
{
    struct looking *l = looking_new(c, user);

    if (!call_path_key(c, name_at, &l->name))
        return;
    l->get = get_of(c, &l->user, on_got);
    objects_get(c->app, &l->get);
}

static void
list_devices(struct call *c, struct str user)
{
    struct looking *l = looking_new(c, user);

    if (!call_limit(c, &l->limit) || !call_after_key(c, &l->after))
        return;
    l->get = get_of(c, &l->user, on_listed);
    objects_get(c->app, &l->get);
}

/* ---- whose ---- */

static void
handle_put(struct call *c)
{
    struct str user;

    if (call_path_key(c, 0, &user))
        put_device(c, user, 1);
}

static void
handle_get(struct call *c)
{
    struct str user;

    if (call_path_key(c, 0, &user))
        get_device(c, user, 1);
}

static void
handle_delete(struct call *c)
{
    struct str user;

    if (call_path_key(c, 0, &user))
        delete_device(c, user, 1);
}

static void
handle_list(struct call *c)
{
    struct str user;

    if (call_path_key(c, 0, &user))
        list_devices(c, user);
}

static void
handle_own_put(struct call *c)
{
    struct str user;

    if (inbox_user(c, &user))
        put_device(c, user, 0);
}

static void
handle_own_get(struct call *c)
{
    struct str user;

    if (inbox_user(c, &user))
        get_device(c, user, 0);
}

static void
handle_own_delete(struct call *c)
{
    struct str user;

    if (inbox_user(c, &user))
        delete_device(c, user, 0);
}

static void
handle_own_list(struct call *c)
{
    struct str user;

    if (inbox_user(c, &user))
        list_devices(c, user);
}

static const char *const user_params[] = {"user", NULL};
static const char *const own_page_params[] = {"user", "limit", "after", NULL};

const struct route device_routes[] = {
    {.method = "GET",
     .path = "/v1/users/{id}/devices",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = device_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listDevices",
     .summary = "List a user's devices by name.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/users/{id}/devices/{name}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = device_fields,
     .answer = device_fields,
     .statuses = {200, 201},
     .id = "putDevice",
     .summary = "Register a browser or phone for pushes to a user, or replace "
                "it; at most 20 a user."},
    {.method = "GET",
     .path = "/v1/users/{id}/devices/{name}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = device_fields,
     .statuses = {200},
     .id = "getDevice",
     .summary = "Look at a device."},
    {.method = "DELETE",
     .path = "/v1/users/{id}/devices/{name}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteDevice",
     .summary = "Forget a device; no push goes to it any more."},
    {.method = "GET",
     .path = "/v1/inbox/devices",
     .auth = ROUTE_USER,
     .scope = AUTH_READ,
     .handle = handle_own_list,
     .answer = device_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listOwnDevices",
     .summary = "List the devices of the user of the token.",
     .query = own_page_params},
    {.method = "PUT",
     .path = "/v1/inbox/devices/{name}",
     .auth = ROUTE_USER,
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_own_put,
     .request = device_fields,
     .answer = device_fields,
     .statuses = {200, 201},
     .id = "putOwnDevice",
     .summary = "Register this browser or phone for one's own pushes.",
     .query = user_params},
    {.method = "GET",
     .path = "/v1/inbox/devices/{name}",
     .auth = ROUTE_USER,
     .scope = AUTH_READ,
     .handle = handle_own_get,
     .answer = device_fields,
     .statuses = {200},
     .id = "getOwnDevice",
     .summary = "Look at one of one's own devices.",
     .query = user_params},
    {.method = "DELETE",
     .path = "/v1/inbox/devices/{name}",
     .auth = ROUTE_USER,
     .scope = AUTH_WRITE,
     .handle = handle_own_delete,
     .statuses = {204},
     .id = "deleteOwnDevice",
     .summary = "Forget one of one's own devices.",
     .query = user_params},
    {0},
};
