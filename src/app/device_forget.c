#include "app/device_forget.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "store/store.h"

#define TRIES 8 /* others may write the user's devices in between */

struct forgetting {
    const struct env *env;
    struct arena *arena;
    struct device_gone gone;
    int n_tries;
    struct store_object_get get;
    struct store_object_write write;
    struct store_object_put put;
};

static void look(struct forgetting *f);

static void
end(struct forgetting *f, enum err e)
{
    if (e != ERR_OK)
        LOG_WARN("device.not_forgotten", log_cstr("err", err_code(e)));
    arena_free(f->arena);
    free(f);
}

static void
on_put(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct forgetting *f = CONTAINER_OF(p, struct forgetting, put);

    if (e == ERR_OK && f->write.err == ERR_PRECONDITION &&
        f->n_tries++ < TRIES) {
        look(f);
        return;
    }
    end(f, e == ERR_OK ? f->write.err : e);
}

bool
device_is_gone(const struct device *d, const struct device_gone *g)
{
    return str_eq(d->address, g->address) &&
           (g->gone_ms == 0 || d->updated_ms <= g->gone_ms);
}

static void
on_read(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct forgetting *f = CONTAINER_OF(g, struct forgetting, get);
    const struct object *o = g->objects;
    struct json_error why;
    struct json_doc doc;
    struct device d;

    if (e != ERR_OK || o->version == 0 ||
        json_parse(f->arena, o->body, &doc, &why) != ERR_OK ||
        !device_find(f->arena, json_root(&doc), f->gone.name, &d) ||
        !device_is_gone(&d, &f->gone)) {
        end(f, e);
        return;
    }
    f->write = (struct store_object_write){
        .kind = OBJECT_DEVICES,
        .key = f->gone.user,
        .body = devices_without(f->arena, json_root(&doc), f->gone.name),
        .if_version = o->version,
    };
    f->put = (struct store_object_put){
        .req = {.arena = f->arena, .loop = f->env->loop, .on_done = on_put},
        .tenant = f->gone.tenant,
        .now_ms = f->gone.now_ms,
        .writes = &f->write,
        .n_writes = 1,
    };
    store_object_put(f->env->store, &f->put);
}

static void
look(struct forgetting *f)
{
    f->get = (struct store_object_get){
        .req = {.arena = f->arena, .loop = f->env->loop, .on_done = on_read},
        .tenant = f->gone.tenant,
        .kind = OBJECT_DEVICES,
        .keys = &f->gone.user,
        .n_keys = 1,
    };
    store_object_get(f->env->store, &f->get);
}

void
device_forget(const struct env *env, const struct device_gone *g)
{
    struct forgetting *f = xcalloc(1, sizeof(*f));

    f->env = env;
    f->arena = arena_new();
    f->gone = *g;
    f->gone.user = str_dup(f->arena, g->user);
    f->gone.name = str_dup(f->arena, g->name);
    f->gone.address = str_dup(f->arena, g->address);
    look(f);
}
