/* events.c - what happened to a user outside of Belfry, for workflows that wait
 * for it. */
#include "api/call.h"
#include "api/route.h"
#include "app/deed.h"
#include "app/experiment_doc.h"
#include "base/id.h"
#include "base/list.h"

struct posting {
    struct call *call;
    struct store_event_add add;
};

static void
write_event(struct call *c, struct json_writer *w,
            const struct store_event_add *e)
{
    json_begin_object(w);
    call_id_field(c, w, "id", "evt", e->id);
    json_str_field(w, "name", e->name);
    json_str_field(w, "user", e->user);
    json_time_field(w, "at", e->at_ms);
    json_end_object(w);
}

static void
answer(struct store_req *req, struct buf *body, int *status)
{
    struct store_event_add *e = CONTAINER_OF(req, struct store_event_add, req);
    struct json_writer w = json_writer(body);

    write_event(CONTAINER_OF(e, struct posting, add)->call, &w, e);
    *status = 202;
}

static void
on_added(struct store_req *req, enum err e)
{
    struct store_event_add *add =
        CONTAINER_OF(req, struct store_event_add, req);
    struct call *c = CONTAINER_OF(add, struct posting, add)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
    } else if (add->idem.is_replay) {
        call_reply_replay(c, &add->idem);
    } else {
        w = call_writer(c, &out);
        write_event(c, &w, add);
        call_reply(c, 202, &out);
    }
}

static void
handle_post(struct call *c)
{
    struct posting *x = ARENA_NEW(c->arena, struct posting);
    struct store_event_add *e = &x->add;
    struct json data = json_get(c->body, "data");

    x->call = c;
    *e = (struct store_event_add){
        .req = call_req(c, on_added),
        .tenant = c->workspace->tenant,
        .at_ms = call_now_ms(c),
        .user = json_str_of(c->arena, c->body, "user"),
        .name = json_str_of(c->arena, c->body, "name"),
        .data = json_is(data, JSON_OBJECT) ? json_raw(data) : STR("{}"),
    };
    e->rounds =
        experiments_of_goal(c->arena, c->workspace, e->name, &e->n_rounds);
    e->id = id_make(c->app->ids, e->at_ms, 1);
    if (!call_idem(c, &e->idem))
        return;
    e->idem.answer = answer;
    deed_add_event(c->app, e);
}

static const struct field event_fields[] = {
    {.name = "id", .type = FIELD_STRING, .flags = FIELD_READ_ONLY},
    {.name = "name",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "What happened: the for_event of a wait."},
    {.name = "user",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "To whom."},
    {.name = "data", .type = FIELD_OBJECT, .doc = "Kept with it."},
    {.name = "at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

const struct route event_routes[] = {
    {.method = "POST",
     .path = "/v1/events",
     .scope = AUTH_SEND,
     .body = ROUTE_BODY_JSON,
     .handle = handle_post,
     .request = event_fields,
     .answer = event_fields,
     .statuses = {202},
     .id = "postEvent",
     .summary =
         "Tell what happened to a user, for workflows that wait for it."},
    {0},
};
