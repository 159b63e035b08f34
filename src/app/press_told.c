/* press_told.c - see press_told.h.
 *
 *   delivery -> its user's item -> press
 *                  none: the notification -> its user -> words -> press
 *
 * A step of a workflow has an item of its own, by its own delivery to the
 * inbox. */
#include "app/press_told.h"

#include <stdlib.h>

#include "app/inbox_json.h"
#include "app/message.h"
#include "app/press.h"
#include "app/template_doc.h"
#include "base/list.h"
#include "base/log.h"
#include "store/store.h"

#define SIBLINGS_MAX 100 /* deliveries of a step to one user */

struct told {
    struct press_told t;
    struct arena *arena;
    const struct workspace *workspace;
    bool has_begun;
    struct store_delivery_get get;
    struct store_inbox_get item;
    struct store_notification_get notification;
    struct store_object_get user;
    struct pressing press;
};

static struct store_req
request(struct told *x, void (*on_done)(struct store_req *, enum err))
{
    return (struct store_req){
        .arena = x->arena, .loop = x->t.app->env->loop, .on_done = on_done};
}

/* ---- the end ---- */

static void
tell_begun(struct told *x, enum err e)
{
    if (!x->has_begun)
        x->t.on_begun(x->t.arg, e);
    x->has_begun = true;
}

static void
end(struct told *x, enum err e)
{
    tell_begun(x, e);
    workspace_put(x->workspace);
    arena_free(x->arena);
    free(x);
}

static void
on_begun(struct pressing *p)
{
    tell_begun(p->arg, ERR_OK);
}

/* That another one is under way is no failure. */
static void
on_pressed(struct pressing *p, enum err e)
{
    struct told *x = p->arg;

    if (e != ERR_OK && e != ERR_CONFLICT)
        LOG_WARN("action.press_failed", log_str("action", x->t.action),
                 log_cstr("error", err_code(e)));
    end(x, e == ERR_CONFLICT ? ERR_OK : e);
}

static void
press(struct told *x, struct json action, const struct inbox_item *item)
{
    const struct delivery *d = &x->get.delivery;

    x->press = (struct pressing){
        .app = x->t.app,
        .arena = x->arena,
        .workspace = x->workspace,
        .start_call = x->t.start_call,
        .start_call_arg = x->t.start_call_arg,
        .user = d->user,
        .channel = d->channel,
        .notification = d->notification,
        .own_notification = x->get.own_notification,
        .delivery = d->id,
        .item = item ? item->id : 0,
        .action = action,
        .key = x->t.event,
        .is_told = true,
        .on_begun = on_begun,
        .on_done = on_pressed,
        .arg = x,
    };
    press_start(&x->press);
}

/* ---- by its own words ---- */

static struct json
parsed(struct arena *a, struct str text)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    return text.n > 0 && json_parse(a, text, doc, &why) == ERR_OK
               ? json_root(doc)
               : (struct json){0};
}

static struct json
rendered_actions(struct told *x, const struct object *user)
{
    const struct delivery *d = &x->get.delivery;
    const struct notification *n = &x->notification.notification;
    struct json doc = parsed(x->arena, n->doc);
    struct json inline_ones = json_get(json_get(doc, "to"), "recipients");
    const struct plan_recipient r = {
        .user = d->user,
        .index = d->recipient,
        .stored = user ? parsed(x->arena, user->body) : (struct json){0},
        .given = d->recipient >= 0
                     ? json_at(inline_ones, (uint32_t)d->recipient)
                     : (struct json){0},
    };
    struct message m = {.arena = x->arena,
                        .workspace = x->workspace,
                        .doc = doc,
                        .channel = d->channel,
                        .recipient = &r,
                        .now_ms = n->created_ms};

    if (n->template_key.n > 0)
        m.template = workspace_template(x->workspace, n->template_key,
                                        n->template_version);
    else if (json_is(json_get(doc, "content"), JSON_OBJECT))
        m.template =
            template_content_compile(x->arena, json_get(doc, "content"));
    if ((n->template_key.n > 0 && !m.template) || message_render(&m) != ERR_OK)
        return (struct json){0};
    return parsed(x->arena, m.rendered.actions);
}

/* One that only leads somewhere, or of words that are others by now. */
static void
press_rendered(struct told *x, const struct object *user)
{
    struct json action =
        press_find(x->arena, rendered_actions(x, user), x->t.action);

    if (json_is(action, JSON_ABSENT))
        end(x, ERR_OK);
    else
        press(x, action, NULL);
}

static void
on_user(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct told *x = CONTAINER_OF(g, struct told, user);

    if (e != ERR_OK)
        end(x, e);
    else
        press_rendered(x, g->objects[0].version > 0 ? &g->objects[0] : NULL);
}

static void
on_notification(struct store_req *req, enum err e)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);
    struct told *x = CONTAINER_OF(g, struct told, notification);

    if (e != ERR_OK) {
        end(x, e == ERR_NOT_FOUND ? ERR_OK : e);
        return;
    }
    if (x->get.delivery.user.n == 0) {
        press_rendered(x, NULL);
        return;
    }
    x->user = (struct store_object_get){.req = request(x, on_user),
                                        .tenant = x->t.tenant,
                                        .kind = OBJECT_USER,
                                        .keys = &x->get.delivery.user,
                                        .n_keys = 1};
    store_object_get(x->t.app->env->store, &x->user);
}

static void
look_at_words(struct told *x)
{
    x->notification =
        (struct store_notification_get){.req = request(x, on_notification),
                                        .tenant = x->t.tenant,
                                        .id = x->get.own_notification};
    store_notification_get(x->t.app->env->store, &x->notification);
}

/* ---- by its item ---- */

static void
on_item(struct store_req *req, enum err e)
{
    struct store_inbox_get *g = CONTAINER_OF(req, struct store_inbox_get, req);
    struct told *x = CONTAINER_OF(g, struct told, item);
    struct json action = {0};

    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        end(x, e);
        return;
    }
    if (e == ERR_OK)
        action =
            press_find(x->arena, inbox_item_actions(x->arena, g->item->content),
                       x->t.action);
    if (json_is(action, JSON_ABSENT))
        look_at_words(x);
    else
        press(x, action, g->item);
}

/* inbox: the delivery that brought it; 0: whichever did. */
static void
find_item(struct told *x, int64_t inbox)
{
    const struct delivery *d = &x->get.delivery;

    x->item = (struct store_inbox_get){.req = request(x, on_item),
                                       .tenant = x->t.tenant,
                                       .user = d->user,
                                       .notification = d->notification,
                                       .delivery = inbox};
    store_inbox_get(x->t.app->env->store, &x->item);
}

static void
on_step(struct store_req *req, enum err e)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);
    struct told *x = CONTAINER_OF(g, struct told, notification);

    if (e != ERR_OK) {
        end(x, e == ERR_NOT_FOUND ? ERR_OK : e);
        return;
    }
    for (size_t i = 0; i < g->n_deliveries; i++)
        if (str_is(g->deliveries[i].channel, "in_app")) {
            find_item(x, g->deliveries[i].id);
            return;
        }
    look_at_words(x);
}

static void
look_at_step(struct told *x)
{
    x->notification =
        (struct store_notification_get){.req = request(x, on_step),
                                        .tenant = x->t.tenant,
                                        .id = x->get.own_notification,
                                        .user = x->get.delivery.user,
                                        .max_deliveries = SIBLINGS_MAX};
    store_notification_get(x->t.app->env->store, &x->notification);
}

static void
on_delivery(struct store_req *req, enum err e)
{
    struct store_delivery_get *g =
        CONTAINER_OF(req, struct store_delivery_get, req);
    struct told *x = CONTAINER_OF(g, struct told, get);

    if (e != ERR_OK || !x->workspace) {
        end(x, e == ERR_NOT_FOUND ? ERR_OK : e);
        return;
    }
    if (g->delivery.user.n == 0)
        look_at_words(x);
    else if (g->own_notification != g->delivery.notification)
        look_at_step(x);
    else
        find_item(x, 0);
}

void
press_told(const struct press_told *t)
{
    struct told *x = xcalloc(1, sizeof(*x));

    x->t = *t;
    x->arena = arena_new();
    x->t.action = str_dup(x->arena, t->action);
    x->t.event = str_dup(x->arena, t->event);
    x->workspace = snapshots_workspace(t->app->snapshots, t->tenant);
    x->get = (struct store_delivery_get){
        .req = request(x, on_delivery), .tenant = t->tenant, .id = t->delivery};
    store_delivery_get(t->app->env->store, &x->get);
}
