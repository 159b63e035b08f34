/* cancels.c - what was sent with a cancel key, stopped together. */
#include "api/call.h"
#include "api/route.h"
#include "app/cancel_key.h"

static void
on_done(struct cancel_key *x, enum err e)
{
    struct call *c = x->arg;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "cancel_key", x->key);
    json_int_field(&w, "notifications", (int64_t)x->n_notifications);
    json_int_field(&w, "stopped", (int64_t)x->n_stopped);
    json_int_field(&w, "not_stopped", (int64_t)x->n_not_stopped);
    json_bool_field(&w, "more", x->has_more);
    json_bool_field(&w, "continues", x->is_left);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

static void
handle_cancel(struct call *c)
{
    struct cancel_key *x = ARENA_NEW(c->arena, struct cancel_key);

    *x = (struct cancel_key){
        .app = c->app,
        .arena = c->arena,
        .tenant = c->workspace->tenant,
        .key = json_str_of(c->arena, c->body, "cancel_key"),
        .now_ms = call_now_ms(c),
        .audit = call_audit(c),
        .on_done = on_done,
        .arg = c,
    };
    cancel_key_start(x);
}

static const struct field request_fields[] = {
    {.name = "cancel_key",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = CANCEL_KEY_MAX,
     .doc = "As in the sends."},
    {.type = FIELD_END},
};
static const struct field answer_fields[] = {
    {.name = "cancel_key", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "notifications",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "That were open, and are cancelled."},
    {.name = "stopped", .type = FIELD_INT, .flags = FIELD_REQUIRED},
    {.name = "not_stopped",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Sent, settled or in flight already."},
    {.name = "more",
     .type = FIELD_BOOL,
     .flags = FIELD_REQUIRED,
     .doc = "More than 100 were open: repeat the request."},
    {.name = "continues",
     .type = FIELD_BOOL,
     .flags = FIELD_REQUIRED,
     .doc = "There is much of it: the rest is being stopped, and not counted "
            "here."},
    {.type = FIELD_END},
};

const struct route cancel_routes[] = {
    {.method = "POST",
     .path = "/v1/cancel",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_cancel,
     .request = request_fields,
     .answer = answer_fields,
     .statuses = {200},
     .id = "cancelByKey",
     .summary = "Stop what was sent with a cancel key and has not gone out."},
    {0},
};
