/* digests.c - windows that collect deliveries: those that are open, and closing
 * one before its time. */
#include "api/route.h"
#include "app/deed.h"
#include "app/look.h"
#include "base/list.h"

struct asking {
    struct call *call;
    struct store_digest_list list;
    struct store_digest_flush flush;
};

/* The members of the object, without braces. */
static void
write_digest(struct call *c, struct json_writer *w, const struct digest *d)
{
    call_id_field(c, w, "id", "dig", d->id);
    json_str_field(w, "user", d->user);
    json_str_field(w, "channel", d->channel);
    json_str_field(w, "key", d->rule.key);
    json_str_field(w, "mode", str_from(digest_mode_name(d->rule.mode)));
    json_int_field(w, "count", d->n_members);
    json_time_field(w, "opened_at", d->opened_ms);
    json_time_field(w, "closes_at", d->closes_ms);
}

/* ---- list ---- */

static void
on_list(struct store_req *req, enum err e)
{
    struct store_digest_list *l =
        CONTAINER_OF(req, struct store_digest_list, req);
    struct call *c = CONTAINER_OF(l, struct asking, list)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_begin_page(c, &out);
    for (size_t i = 0; i < l->n_digests; i++) {
        json_begin_object(&w);
        write_digest(c, &w, &l->digests[i]);
        json_end_object(&w);
    }
    call_end_page(c, &w,
                  l->has_more && l->n_digests > 0
                      ? call_id(c, "dig", l->digests[l->n_digests - 1].id)
                      : STR_NONE);
}

static void
handle_list(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x = (struct asking){
        .call = c,
        .list = {.req = call_req(c, on_list), .tenant = c->workspace->tenant},
    };
    if (call_limit(c, &x->list.limit) &&
        call_after_id(c, "dig", &x->list.before))
        look_digests(c->app, &x->list);
}

/* ---- flush ---- */

static void
on_flushed(struct store_req *req, enum err e)
{
    struct store_digest_flush *f =
        CONTAINER_OF(req, struct store_digest_flush, req);
    struct call *c = CONTAINER_OF(f, struct asking, flush)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    write_digest(c, &w, &f->digest);
    json_end_object(&w);
    call_reply(c, 202, &out);
}

static void
handle_flush(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);
    int64_t id;

    if (!call_path_id(c, 0, "dig", &id))
        return;
    *x = (struct asking){
        .call = c,
        .flush = {.req = call_req(c, on_flushed),
                  .tenant = c->workspace->tenant,
                  .id = id,
                  .now_ms = call_now_ms(c)},
    };
    deed_flush_digest(c->app, &x->flush);
}

/* ---- the table ---- */

static const char *const modes[] = {"fixed", "sliding", "calendar", NULL};
static const struct field digest_answer[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "user", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "channel", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "key", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "mode",
     .type = FIELD_ENUM,
     .values = modes,
     .flags = FIELD_REQUIRED},
    {.name = "count",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Deliveries that wait in it."},
    {.name = "opened_at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.name = "closes_at", .type = FIELD_TIME, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};

const struct route digest_routes[] = {
    {.method = "GET",
     .path = "/v1/digests",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = digest_answer,
     .is_list = true,
     .statuses = {200},
     .id = "listDigests",
     .summary = "List the open windows of digests, newest first.",
     .query = route_page_params},
    {.method = "POST",
     .path = "/v1/digests/{id}/flush",
     .scope = AUTH_WRITE,
     .handle = handle_flush,
     .answer = digest_answer,
     .statuses = {202},
     .id = "flushDigest",
     .summary = "Close a window now; what it collected goes out."},
    {0},
};
