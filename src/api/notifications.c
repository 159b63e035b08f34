/* notifications.c - list, look, cancel, and the table of the resource. */
#include "api/notifications.h"
#include "api/route.h"
#include "api/shapes.h"
#include "app/cancel.h"
#include "app/send_request.h"
#include "base/list.h"

#define DELIVERIES_SHOWN 100

/* ---- look ---- */

static void
write_metadata(struct call *c, struct json_writer *w, struct str doc)
{
    struct json_doc *parsed = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;
    struct json metadata = {0};

    if (json_parse(c->arena, doc, parsed, &why) == ERR_OK)
        metadata = json_get(json_root(parsed), "metadata");
    json_raw_field(w, "metadata",
                   json_is(metadata, JSON_OBJECT) ? json_raw(metadata)
                                                  : STR("null"));
}

static void
on_notification(struct store_req *req, enum err e)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);
    struct call *c = CONTAINER_OF(g, struct notification_look, get)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    write_notification(c, &w, &g->notification, g->counts);
    write_metadata(c, &w, g->notification.doc);
    json_put_key(&w, "deliveries");
    json_begin_array(&w);
    write_deliveries(c, &w, g->deliveries, g->n_deliveries);
    json_end_array(&w);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

struct notification_look *
notification_look_new(struct call *c,
                      void (*on_done)(struct store_req *, enum err))
{
    struct notification_look *l = ARENA_NEW(c->arena, struct notification_look);
    int64_t id;

    if (!call_path_id(c, 0, "ntf", &id))
        return NULL;
    *l = (struct notification_look){
        .call = c,
        .get = {.req = call_req(c, on_done),
                .tenant = c->workspace->tenant,
                .id = id},
    };
    return l;
}

static void
handle_get(struct call *c)
{
    struct notification_look *l = notification_look_new(c, on_notification);

    if (!l)
        return;
    l->get.max_deliveries = DELIVERIES_SHOWN;
    look_notification(c->app, &l->get);
}

/* ---- list ---- */

struct listing {
    struct call *call;
    struct store_notification_list list;
};

static void
on_list(struct store_req *req, enum err e)
{
    struct store_notification_list *l =
        CONTAINER_OF(req, struct store_notification_list, req);
    struct call *c = CONTAINER_OF(l, struct listing, list)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_begin_page(c, &out);
    for (size_t i = 0; i < l->n_notifications; i++) {
        json_begin_object(&w);
        write_notification(c, &w, &l->notifications[i], l->counts[i]);
        json_end_object(&w);
    }
    call_end_page(
        c, &w,
        l->has_more && l->n_notifications > 0
            ? call_id(c, "ntf", l->notifications[l->n_notifications - 1].id)
            : STR_NONE);
}

/* The others are made of what the deliveries are just then. */
static bool
read_status(struct call *c, struct store_notification_list *l)
{
    struct str status;

    if (!call_param(c, "status", &status))
        return true;
    l->only_held = str_is(status, "held");
    return l->only_held || call_refuse_param(c, "status",
                                             "can only be held: what waits for "
                                             "an approval");
}

static void
handle_list(struct call *c)
{
    struct listing *l = ARENA_NEW(c->arena, struct listing);

    *l = (struct listing){
        .call = c,
        .list = {.req = call_req(c, on_list), .tenant = c->workspace->tenant},
    };
    if (read_status(c, &l->list) && call_limit(c, &l->list.limit) &&
        call_after_id(c, "ntf", &l->list.before))
        look_notifications(c->app, &l->list);
}

/* ---- cancel ---- */

struct cancelling {
    struct call *call;
    struct cancel cancel;
};

static void
on_cancelled(struct cancel *x, enum err e)
{
    struct call *c = CONTAINER_OF(x, struct cancelling, cancel)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    call_id_field(c, &w, "id", "ntf", x->notification);
    json_int_field(&w, "stopped", (int64_t)x->n_stopped);
    json_int_field(&w, "not_stopped", (int64_t)x->n_not_stopped);
    json_bool_field(&w, "continues", x->is_left);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

static void
handle_cancel(struct call *c)
{
    struct cancelling *x = ARENA_NEW(c->arena, struct cancelling);
    int64_t id;

    if (!call_path_id(c, 0, "ntf", &id))
        return;
    *x = (struct cancelling){
        .call = c,
        .cancel = {.app = c->app,
                   .arena = c->arena,
                   .tenant = c->workspace->tenant,
                   .notification = id,
                   .now_ms = call_now_ms(c),
                   .audit = call_audit(c),
                   .on_done = on_cancelled},
    };
    cancel_start(&x->cancel);
}

/* ---- the table ---- */

static const struct field plan_fields[] = {
    {.name = "id", .type = FIELD_STRING},
    {.name = "status", .type = FIELD_STRING},
    {.name = "created_at", .type = FIELD_TIME},
    {.name = "duplicate", .type = FIELD_BOOL},
    {.name = "plan", .type = FIELD_ARRAY},
    {.name = "steps",
     .type = FIELD_ARRAY,
     .doc = "Of a dry run of a workflow: what each would do, as far as that is "
            "known."},
    {.name = "has_more",
     .type = FIELD_BOOL,
     .doc = "There are others, who are not named: the plan is of the first."},
    {.type = FIELD_END},
};
static const struct field batch_fields[] = {
    {.name = "results", .type = FIELD_ARRAY, .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field cancel_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "stopped", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "not_stopped",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Sent, settled or in flight already."},
    {.name = "continues",
     .type = FIELD_BOOL,
     .flags = FIELD_REQUIRED,
     .doc = "There is much of it: the rest is being stopped, and not counted "
            "here."},
    {.type = FIELD_END},
};
static const char *const send_params[] = {
    "to", "title", "channels", "category", "priority", "dedup_key", NULL};
static const char *const send_types[] = {"application/json", "text/plain",
                                         NULL};
static const char *const batch_types[] = {"application/json",
                                          "application/x-ndjson", NULL};
static const char *const list_params[] = {"limit", "after", "status", NULL};
static const char *const trace_params[] = {"user", NULL};

const struct route notification_routes[] = {
    {.method = "POST",
     .path = "/v1/notifications",
     .scope = AUTH_SEND,
     .body = ROUTE_BODY_RAW,
     .has_files = true,
     .handle = notification_send,
     .request = send_request_fields,
     .takes = send_types,
     .answer = plan_fields,
     .statuses = {202, 200},
     .id = "sendNotification",
     .summary = "Send a notification; with dry_run, tell the plan.",
     .query = send_params},
    {.method = "POST",
     .path = "/v1/notifications/batch",
     .scope = AUTH_SEND,
     .body = ROUTE_BODY_RAW,
     .is_batch = true,
     .handle = notification_batch,
     .takes = batch_types,
     .answer = batch_fields,
     .statuses = {200},
     .id = "sendBatch",
     .summary = "Send up to 1,000 notifications, each by itself."},
    {.method = "GET",
     .path = "/v1/notifications",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = notification_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listNotifications",
     .summary = "List notifications, newest first; with status=held, those "
                "that wait for an approval.",
     .query = list_params},
    {.method = "GET",
     .path = "/v1/notifications/{id}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = notification_fields,
     .statuses = {200},
     .id = "getNotification",
     .summary = "Look at one notification and its first deliveries."},
    {.method = "GET",
     .path = "/v1/notifications/{id}/trace",
     .scope = AUTH_READ,
     .handle = notification_trace,
     .answer = trace_fields,
     .statuses = {200},
     .id = "traceNotification",
     .summary = "Tell every decision and attempt, in order; of the first "
                "1,000 deliveries.",
     .query = trace_params},
    {.method = "POST",
     .path = "/v1/notifications/{id}/cancel",
     .scope = AUTH_WRITE,
     .handle = handle_cancel,
     .answer = cancel_fields,
     .statuses = {200},
     .id = "cancelNotification",
     .summary = "Stop what has not gone out."},
    {0},
};
