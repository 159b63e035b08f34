/* deliveries.c - one user on one channel: what happened, and what people do
 * about it. */
#include "api/route.h"
#include "api/shapes.h"
#include "app/deed.h"
#include "base/clock.h"
#include "base/list.h"

struct asking {
    struct call *call;
    struct store_delivery_get get;
    struct store_delivery_list list;
    struct store_delivery_groups groups;
};

/* ---- one ---- */

static void
reply_delivery(struct call *c, const struct store_delivery_get *g)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    write_delivery(c, &w, &g->delivery);
    json_put_key(&w, "log");
    write_attempts(c, &w, g->attempts, g->n_attempts, g->delivery.id);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

static void
on_got(struct store_req *req, enum err e)
{
    struct store_delivery_get *g =
        CONTAINER_OF(req, struct store_delivery_get, req);
    struct call *c = CONTAINER_OF(g, struct asking, get)->call;

    if (e != ERR_OK)
        call_fail(c, e);
    else
        reply_delivery(c, g);
}

static void
handle_get(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);
    int64_t id;

    if (!call_path_id(c, 0, "dlv", &id))
        return;
    *x = (struct asking){
        .call = c,
        .get = {.req = call_req(c, on_got),
                .tenant = c->workspace->tenant,
                .id = id},
    };
    look_delivery(c->app, &x->get);
}

/* ---- list ---- */

static void
on_listed(struct store_req *req, enum err e)
{
    struct store_delivery_list *l =
        CONTAINER_OF(req, struct store_delivery_list, req);
    struct call *c = CONTAINER_OF(l, struct asking, list)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_begin_page(c, &out);
    write_deliveries(c, &w, l->deliveries, l->n_deliveries);
    call_end_page(c, &w,
                  l->has_more ? call_id(c, "dlv", l->next_before) : STR_NONE);
}

static bool
refuse_status(struct call *c)
{
    struct buf out;

    buf_init(&out, c->arena);
    buf_printf(&out, "must be one of ");
    for (int s = 0; s < DELIVERY_STATUS_COUNT; s++)
        buf_printf(&out, "%s%s", s > 0 ? ", " : "",
                   delivery_status_name((enum delivery_status)s));
    return call_refuse_param(c, "status", str_cstr(c->arena, buf_str(&out)));
}

static bool
read_filter(struct call *c, struct store_delivery_filter *f)
{
    struct str text;

    if (call_param(c, "status", &text)) {
        f->has_status = true;
        if (!delivery_status_parse(text, &f->status))
            return refuse_status(c);
    }
    call_param(c, "channel", &f->channel);
    call_param(c, "provider", &f->provider);
    call_param(c, "user", &f->user);
    call_param(c, "error", &f->error);
    if (call_param(c, "notification_id", &text) &&
        !id_parse(text, vault_id_key(c->app->vault), "ntf", c->workspace->shard,
                  &f->notification))
        return call_refuse_param(c, "notification_id",
                                 "is no notification's id");
    if (call_param(c, "since", &text) && !time_parse(text, &f->since_ms))
        return call_refuse_param(
            c, "since",
            "must be an RFC 3339 time such as 2026-01-31T09:00:00Z");
    return true;
}

static void
handle_list(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x = (struct asking){
        .call = c,
        .list = {.req = call_req(c, on_listed), .tenant = c->workspace->tenant},
    };
    if (read_filter(c, &x->list.filter) && call_limit(c, &x->list.limit) &&
        call_after_id(c, "dlv", &x->list.before))
        look_deliveries(c->app, &x->list);
}

/* ---- groups ---- */

static void
write_group(struct call *c, struct json_writer *w, const struct store_group *g)
{
    json_begin_object(w);
    json_str_field(w, "channel", g->channel);
    json_str_field(w, "provider", g->provider);
    json_str_field(w, "error", g->error);
    json_str_field(w, "status", str_from(delivery_status_name(g->status)));
    json_int_field(w, "count", g->n);
    call_id_field(c, w, "sample", "dlv", g->sample);
    json_time_field(w, "first_at", g->first_ms);
    json_time_field(w, "last_at", g->last_ms);
    json_end_object(w);
}

static void
on_groups(struct store_req *req, enum err e)
{
    struct store_delivery_groups *g =
        CONTAINER_OF(req, struct store_delivery_groups, req);
    struct call *c = CONTAINER_OF(g, struct asking, groups)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_begin_page(c, &out);
    for (size_t i = 0; i < g->n_groups; i++)
        write_group(c, &w, &g->groups[i]);
    call_end_page(c, &w, STR_NONE);
}

static void
handle_groups(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x = (struct asking){
        .call = c,
        .groups = {.req = call_req(c, on_groups),
                   .tenant = c->workspace->tenant},
    };
    if (call_limit(c, &x->groups.limit))
        look_groups(c->app, &x->groups);
}

/* ---- retry, cancel, discard ---- */

static void
on_done(struct deed *d, enum err e)
{
    struct call *c = d->arg;
    struct json_writer w;
    struct buf out;

    if (e == ERR_CONFLICT) {
        call_fail_with(c, e, "the delivery is %s, so that cannot be done",
                       delivery_status_name(d->act.status));
        return;
    }
    if (e == ERR_UNAVAILABLE) {
        call_fail_with(c, ERR_CONFLICT,
                       "the delivery's channel has no enabled provider");
        return;
    }
    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    call_id_field(c, &w, "id", "dlv", d->delivery);
    json_str_field(&w, "status", str_from(delivery_status_name(d->act.status)));
    json_end_object(&w);
    call_reply(c, 202, &out);
}

static void
start_deed(struct call *c, enum store_act_kind kind)
{
    struct deed *d = ARENA_NEW(c->arena, struct deed);

    *d = (struct deed){
        .app = c->app,
        .arena = c->arena,
        .workspace = c->workspace,
        .kind = kind,
        .now_ms = call_now_ms(c),
        .audit = call_audit(c),
        .on_done = on_done,
        .arg = c,
    };
    if (call_path_id(c, 0, "dlv", &d->delivery))
        deed_start(d);
}

static void
handle_retry(struct call *c)
{
    start_deed(c, STORE_ACT_RETRY);
}

static void
handle_cancel(struct call *c)
{
    start_deed(c, STORE_ACT_CANCEL);
}

static void
handle_discard(struct call *c)
{
    start_deed(c, STORE_ACT_DISCARD);
}

static const struct field acted_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "status", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field group_fields[] = {
    {.name = "channel", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "provider", .type = FIELD_STRING},
    {.name = "error", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "status", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "count", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "sample", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "first_at", .type = FIELD_TIME},
    {.name = "last_at", .type = FIELD_TIME},
    {.type = FIELD_END},
};
static const char *const list_params[] = {
    "limit", "after", "status", "channel",         "provider",
    "user",  "error", "since",  "notification_id", NULL};
static const char *const group_params[] = {"limit", NULL};

const struct route delivery_routes[] = {
    {.method = "GET",
     .path = "/v1/deliveries",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = delivery_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listDeliveries",
     .summary = "List deliveries, newest first.",
     .query = list_params},
    {.method = "GET",
     .path = "/v1/deliveries/groups",
     .scope = AUTH_READ,
     .handle = handle_groups,
     .answer = group_fields,
     .is_list = true,
     .statuses = {200},
     .id = "groupDeliveries",
     .summary = "Failed and dead deliveries by what went wrong.",
     .query = group_params},
    {.method = "GET",
     .path = "/v1/deliveries/{id}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = delivery_fields,
     .statuses = {200},
     .id = "getDelivery",
     .summary = "Look at a delivery and its log of attempts."},
    {.method = "POST",
     .path = "/v1/deliveries/{id}/retry",
     .scope = AUTH_WRITE,
     .handle = handle_retry,
     .answer = acted_fields,
     .statuses = {202},
     .id = "retryDelivery",
     .summary = "Queue a failed or dead delivery again."},
    {.method = "POST",
     .path = "/v1/deliveries/{id}/cancel",
     .scope = AUTH_WRITE,
     .handle = handle_cancel,
     .answer = acted_fields,
     .statuses = {202},
     .id = "cancelDelivery",
     .summary = "Stop a delivery that has not gone out."},
    {.method = "POST",
     .path = "/v1/deliveries/{id}/discard",
     .scope = AUTH_WRITE,
     .handle = handle_discard,
     .answer = acted_fields,
     .statuses = {202},
     .id = "discardDelivery",
     .summary = "Put a dead letter aside."},
    {0},
};
