#include "app/endpoint_state.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "domain/reason.h"
#include "store/store.h"

struct noting {
    const struct env *env;
    struct arena *arena;
    struct endpoint_news news;
    struct store_object_get get;
    struct store_object_write write;
    struct store_object_put put;
    struct store_told told;
    struct audit audit;
};

static void
end(struct noting *x)
{
    arena_free(x->arena);
    free(x);
}

static void
on_put(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct noting *x = CONTAINER_OF(p, struct noting, put);

    if (e != ERR_OK)
        LOG_WARN("endpoint.not_noted", log_str("endpoint", x->news.key),
                 log_cstr("err", err_code(e)));
    else if (x->write.err == ERR_OK && x->news.disabled != REASON_NONE)
        LOG_WARN("endpoint.disabled", log_str("endpoint", x->news.key),
                 log_str("reason", reason_code(x->news.disabled)));
    end(x);
}

static struct str
document(struct noting *x, struct json before)
{
    const struct endpoint_news *n = &x->news;

    return n->disabled != REASON_NONE
               ? endpoint_doc_disable(x->arena, before,
                                      reason_code(n->disabled), n->now_ms)
               : endpoint_doc_failing(x->arena, before, n->failing_since_ms);
}

/* In the books, and to the others. */
static void
tell(struct noting *x)
{
    const struct endpoint_news *n = &x->news;

    if (n->disabled == REASON_NONE)
        return;
    x->audit = (struct audit){.tenant = n->tenant,
                              .id = n->audit_id,
                              .now_ms = n->now_ms,
                              .actor = STR("server"),
                              .action = STR("disable")};
    x->put.req.audit = &x->audit;
    x->told = (struct store_told){.tenant = n->tenant,
                                  .kind = EVENT_ENDPOINT_DISABLED,
                                  .at_ms = n->now_ms,
                                  .reason = reason_code(n->disabled),
                                  .about = n->key};
    if (n->tells & EVENT_BIT(EVENT_ENDPOINT_DISABLED))
        x->write.told = &x->told;
}

static void
on_read(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct noting *x = CONTAINER_OF(g, struct noting, get);
    struct json_error why;
    struct json_doc doc;

    if (e != ERR_OK || g->objects[0].version != x->news.version ||
        json_parse(x->arena, g->objects[0].body, &doc, &why) != ERR_OK) {
        end(x);
        return;
    }
    x->write = (struct store_object_write){
        .kind = OBJECT_ENDPOINT,
        .key = x->news.key,
        .body = document(x, json_root(&doc)),
        .if_version = x->news.version,
    };
    x->put = (struct store_object_put){
        .req = {.arena = x->arena, .loop = x->env->loop, .on_done = on_put},
        .tenant = x->news.tenant,
        .now_ms = x->news.now_ms,
        .writes = &x->write,
        .n_writes = 1,
    };
    tell(x);
    store_object_put(x->env->store, &x->put);
}

void
endpoint_note(const struct env *env, const struct endpoint_news *n)
{
    struct noting *x = xcalloc(1, sizeof(*x));

    x->env = env;
    x->arena = arena_new();
    x->news = *n;
    x->news.key = str_dup(x->arena, n->key);
    x->get = (struct store_object_get){
        .req = {.arena = x->arena, .loop = env->loop, .on_done = on_read},
        .tenant = n->tenant,
        .kind = OBJECT_ENDPOINT,
        .keys = &x->news.key,
        .n_keys = 1,
    };
    store_object_get(env->store, &x->get);
}
