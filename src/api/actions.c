/* actions.c - the buttons of inbox items: to press one, and the secret by which
 * who is called knows that it was us, and another one. */
#include "api/api.h"
#include "api/api_private.h"
#include "api/collection.h"
#include "api/route.h"
#include "app/deed.h"
#include "app/inbox.h"
#include "app/look.h"
#include "app/objects.h"
#include "app/press.h"
#include "base/list.h"

#define WAIT_S 1 /* for another press that is under way */

struct asking {
    struct call *call;
    struct str action;
    struct store_inbox_get get;
    struct json chosen; /* as it was sent */
    struct store_delivery_get delivery;
    struct pressing press;
};

/* ---- the answer ---- */

static void
reply(struct asking *x)
{
    struct call *c = x->call;
    const struct press *p = &x->press.store.press;
    const char *reason = press_reason(p);
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "action", x->action);
    json_str_field(&w, "status",
                   p->state == PRESS_DONE ? STR("done") : STR("failed"));
    json_put_key(&w, "http_status");
    if (p->status > 0)
        json_put_int(&w, p->status);
    else
        json_put_null(&w);
    json_str_or_null_field(&w, "reason", reason ? str_from(reason) : STR_NONE);
    json_str_or_null_field(&w, "url", press_link(c->arena, x->press.action));
    json_time_field(&w, "pressed_at", p->at_ms);
    json_end_object(&w);
    if (!x->press.store.is_ours)
        call_header(c, "Idempotent-Replayed", STR("true"));
    call_reply(c, 200, &out);
}

static void
on_pressed(struct pressing *p, enum err e)
{
    struct asking *x = p->arg;
    struct call *c = x->call;

    if (e == ERR_OK) {
        reply(x);
    } else if (e == ERR_CONFLICT) {
        problem_set(&c->problem, e,
                    "this action was pressed a moment ago, and is not done "
                    "yet");
        c->problem.retry_after_s = WAIT_S;
        call_refuse(c);
    } else {
        call_fail(c, e);
    }
}

/* ---- the press ---- */

static void
press(struct asking *x, int64_t own_notification)
{
    struct call *c = x->call;
    const struct inbox_item *item = x->get.item;
    const struct api_options *o = api_options(c->api);

    x->press = (struct pressing){
        .app = c->app,
        .arena = c->arena,
        .workspace = c->workspace,
        .start_call = o->start_errand,
        .start_call_arg = o->start_errand_arg,
        .user = item->user,
        .channel = STR("in_app"),
        .notification = item->notification,
        .own_notification = own_notification,
        .delivery = item->delivery,
        .item = item->id,
        .action = x->chosen,
        .key = http_request_header(c->request, "Idempotency-Key"),
        .on_done = on_pressed,
        .arg = x,
    };
    press_start(&x->press);
}

/* A workflow may ask twice: each step's actions are its own. */
static void
on_delivery(struct store_req *req, enum err e)
{
    struct store_delivery_get *g =
        CONTAINER_OF(req, struct store_delivery_get, req);
    struct asking *x = CONTAINER_OF(g, struct asking, delivery);

    if (e == ERR_OK)
        press(x, g->own_notification);
    else if (e == ERR_NOT_FOUND) /* it is old; the item is still there */
        press(x, x->get.item->notification);
    else
        call_fail(x->call, e);
}

static void
on_found(struct store_req *req, enum err e)
{
    struct store_inbox_get *g = CONTAINER_OF(req, struct store_inbox_get, req);
    struct asking *x = CONTAINER_OF(g, struct asking, get);
    struct call *c = x->call;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    x->chosen = press_find(
        c->arena, inbox_item_actions(c->arena, g->item->content), x->action);
    if (json_is(x->chosen, JSON_ABSENT)) {
        call_fail_with(c, ERR_NOT_FOUND, "the item has no action of that id");
        return;
    }
    x->delivery = (struct store_delivery_get){.req = call_req(c, on_delivery),
                                              .tenant = g->tenant,
                                              .id = g->item->delivery};
    look_delivery(c->app, &x->delivery);
}

static void
handle_press(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);
    struct store_idem key = {0}; /* its form; a press is known by itself */

    *x = (struct asking){
        .call = c,
        .get = {.req = call_req(c, on_found), .tenant = c->workspace->tenant}};
    if (!api_options(c->api)->start_errand)
        call_fail(c, ERR_UNAVAILABLE);
    else if (inbox_user(c, &x->get.user) &&
             call_path_id(c, 0, "itm", &x->get.id) &&
             call_path_key(c, 1, &x->action) && call_idem(c, &key))
        inbox_get(c->app, &x->get);
}

/* ---- the secret ---- */

#define ROTATE_TRIES 8 /* where others rotate it, too */

struct showing {
    struct call *call;
    struct press_secret secret;
    struct audit who;
    struct store_audit_add note;
    struct str key; /* of its document */
    struct store_object_get get;
    struct store_object_write write;
    struct store_object_put put;
    int n_tries;
};

static void
show_secret(struct call *c, void *arg)
{
    const struct showing *x = arg;
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "secret",
                   press_secret_text(c->app->vault, c->arena,
                                     c->workspace->tenant, &x->secret));
    json_time_field(&w, "old_secret_until", x->secret.until_ms[0]);
    json_end_object(&w);
    call_header(c, "Cache-Control", STR("no-store"));
    call_reply(c, 200, &out);
}

static void
on_noted(struct store_req *req, enum err e)
{
    struct store_audit_add *note =
        CONTAINER_OF(req, struct store_audit_add, req);
    struct showing *x = CONTAINER_OF(note, struct showing, note);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else
        show_secret(x->call, x);
}

static struct showing *
showing_new(struct call *c, const char *action)
{
    struct showing *x = ARENA_NEW(c->arena, struct showing);

    *x = (struct showing){.call = c,
                          .secret = c->workspace->press_secret,
                          .who = call_who(c),
                          .key = STR(PRESS_SECRET_KEY)};
    x->who.action = str_from(action);
    x->who.kind = STR("action_secret");
    return x;
}

static void
handle_secret(struct call *c)
{
    struct showing *x = showing_new(c, "show");

    x->note.req = call_req(c, on_noted);
    x->note.req.audit = &x->who;
    deed_note(c->app, &x->note);
}

/* ---- another secret ---- */

static void read_secret(struct showing *x);

/* Whoever is shown it finds it signing, in this process. */
static void
on_rotated(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct showing *x = CONTAINER_OF(p, struct showing, put);

    if (e == ERR_OK)
        e = x->write.err;
    if (e == ERR_OK)
        call_wait_for(x->call, p->seq, show_secret, x);
    else if (e == ERR_PRECONDITION && ++x->n_tries < ROTATE_TRIES)
        read_secret(x);
    else
        call_fail(x->call, e);
}

static void
on_secret(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct showing *x = CONTAINER_OF(g, struct showing, get);
    struct call *c = x->call;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    x->secret = press_secret_read(call_parse(c, g->objects[0].body));
    x->secret = press_secret_rotate(&x->secret, call_now_ms(c));
    x->write = (struct store_object_write){
        .kind = OBJECT_ACTION_SECRET,
        .key = x->key,
        .body = press_secret_store(c->arena, &x->secret),
        .if_version = g->objects[0].version,
        .num = call_new_num(c),
    };
    x->put = (struct store_object_put){.req = call_req(c, on_rotated),
                                       .tenant = g->tenant,
                                       .now_ms = call_now_ms(c),
                                       .writes = &x->write,
                                       .n_writes = 1};
    x->put.req.audit = &x->who;
    objects_put(c->app, &x->put);
}

static void
read_secret(struct showing *x)
{
    struct call *c = x->call;

    x->get = (struct store_object_get){.req = call_req(c, on_secret),
                                       .tenant = c->workspace->tenant,
                                       .kind = OBJECT_ACTION_SECRET,
                                       .keys = &x->key,
                                       .n_keys = 1};
    objects_get(c->app, &x->get);
}

static void
handle_rotate(struct call *c)
{
    read_secret(showing_new(c, "rotate"));
}

/* ---- the table ---- */

static const struct field no_fields[] = {{0}};
static const char *const user_params[] = {"user", NULL};
static const char *const status_values[] = {"done", "failed", NULL};

static const struct field pressed_fields[] = {
    {.name = "action",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "Its id."},
    {.name = "status",
     .type = FIELD_ENUM,
     .flags = FIELD_REQUIRED,
     .values = status_values,
     .doc = "done: its endpoint answered 2xx, or there is none to call. A "
            "failed one may be pressed again."},
    {.name = "http_status",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "What the endpoint answered; null: nothing was called, or nothing "
            "answered."},
    {.name = "reason",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Why it failed without an answer: egress.refused, timeout, "
            "unreachable, url.invalid."},
    {.name = "url",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "Where its button leads, too."},
    {.name = "pressed_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED,
     .doc = "When it was pressed; of an answer that is given again, when it "
            "was then."},
    {0},
};

static const struct field secret_fields[] = {
    {.name = "secret",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "whsec_ and base64: by Standard Webhooks."},
    {.name = "old_secret_until",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "The secret before the last rotation signs, too, until then, and "
            "those before it for 24 hours each; null: it was never rotated."},
    {0},
};

const struct route action_routes[] = {
    {.method = "POST",
     .path = "/v1/inbox/{id}/actions/{action}",
     .auth = ROUTE_USER,
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_press,
     .request = no_fields,
     .answer = pressed_fields,
     .statuses = {200},
     .id = "pressAction",
     .summary = "Press an item's action: it is recorded, its endpoint is "
                "called, and the item is read.",
     .query = user_params},
    {.method = "POST",
     .path = "/v1/inbox/actions/secret",
     .scope = AUTH_ADMIN,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_secret,
     .request = no_fields,
     .answer = secret_fields,
     .statuses = {200},
     .id = "showActionSecret",
     .summary = "The secret that calls of actions are signed with, for who "
                "checks them."},
    {.method = "POST",
     .path = "/v1/inbox/actions/secret/rotate",
     .scope = AUTH_ADMIN,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_rotate,
     .request = no_fields,
     .answer = secret_fields,
     .statuses = {200},
     .id = "rotateActionSecret",
     .summary = "Another secret for calls of actions; the old one signs, too, "
                "for 24 hours."},
    {0},
};
