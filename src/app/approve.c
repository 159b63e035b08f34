/* approve.c - look at it -> [look who decides] -> decide.
 *
 * The roles are looked at while it is held, so that what is decided already is
 * told to whoever asks. */
#include "app/approve.h"

#include "base/clock.h"
#include "base/list.h"
#include "store/store.h"

static void
refuse(struct approve *a, enum err e, struct str why)
{
    problem_set(&a->problem, e, "%.*s", STR_ARG(why));
    a->on_done(a, e);
}

/* ---- decide ---- */

static struct str
told_decision(struct approve *a, const struct store_step *was)
{
    char at[TIME_TEXT_SIZE];
    struct str when = time_format(at, was->at_ms);

    if (str_is(was->verdict, approval_name(APPROVAL_EXPIRED)))
        return str_fmt(a->arena, "nobody decided in time: it expired at %.*s",
                       STR_ARG(when));
    if (was->user.n == 0)
        return str_fmt(a->arena, "it was %.*s at %.*s", STR_ARG(was->verdict),
                       STR_ARG(when));
    return str_fmt(a->arena, "it was %.*s by %.*s at %.*s",
                   STR_ARG(was->verdict), STR_ARG(was->user), STR_ARG(when));
}

static struct str
told_state(const struct approve *a)
{
    const struct notification *n = &a->get.notification;

    if (n->is_cancelled)
        return STR("it was cancelled");
    if (n->is_held && n->due_ms <= a->now_ms)
        return STR("the time to decide is over");
    return STR("it does not wait for an approval");
}

static void
on_decided(struct store_req *req, enum err e)
{
    struct store_decide *d = CONTAINER_OF(req, struct store_decide, req);
    struct approve *a = CONTAINER_OF(d, struct approve, decide);

    a->decision = d->was;
    if (e == ERR_CONFLICT)
        refuse(a, e,
               d->was.verdict.n > 0 ? told_decision(a, &d->was)
                                    : told_state(a));
    else
        a->on_done(a, e);
}

static void
decide(struct approve *a)
{
    a->decide = (struct store_decide){
        .req = {.arena = a->arena,
                .loop = a->app->env->loop,
                .on_done = on_decided,
                .audit = a->audit},
        .tenant = a->tenant,
        .notification = a->notification,
        .now_ms = a->now_ms,
        .is_approved = a->is_approved,
        .due_ms = a->send_ms,
        .by = a->by,
        .note = a->note,
    };
    store_decide(a->app->env->store, &a->decide);
}

/* ---- who decides ---- */

static struct json
approvers(const struct approve *a)
{
    return json_get(json_get(a->doc, "approval"), "roles");
}

static bool
has(struct arena *a, struct json list, struct str word)
{
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v))
        if (str_eq(json_str(a, v), word))
            return true;
    return false;
}

static bool
may_decide(struct approve *a, const struct object *user)
{
    struct json roles = approvers(a);
    struct json_doc doc;
    struct json_error why;
    struct json has_roles;

    if (user->version == 0 ||
        json_parse(a->arena, user->body, &doc, &why) != ERR_OK)
        return false;
    has_roles = json_get(json_root(&doc), "roles");
    for (struct json r = json_first(roles); !json_is(r, JSON_ABSENT);
         r = json_next(roles, r))
        if (has(a->arena, has_roles, json_str(a->arena, r)))
            return true;
    return false;
}

static void
refuse_user(struct approve *a)
{
    struct json roles = approvers(a);
    struct buf names;

    buf_init(&names, a->arena);
    for (struct json r = json_first(roles); !json_is(r, JSON_ABSENT);
         r = json_next(roles, r)) {
        if (names.n > 0)
            buf_put_str(&names, STR(", "));
        buf_put_str(&names, json_str(a->arena, r));
    }
    refuse(a, ERR_FORBIDDEN,
           a->by.n == 0
               ? str_fmt(a->arena,
                         "say by whom: a user with one of the roles %.*s has "
                         "to decide",
                         STR_ARG(buf_str(&names)))
               : str_fmt(a->arena,
                         "%.*s is no user with one of the roles %.*s, which "
                         "who decides has to have",
                         STR_ARG(a->by), STR_ARG(buf_str(&names))));
}

static void
on_user(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct approve *a = CONTAINER_OF(g, struct approve, user);

    if (e != ERR_OK)
        a->on_done(a, e);
    else if (may_decide(a, &g->objects[0]))
        decide(a);
    else
        refuse_user(a);
}

static void
look_who(struct approve *a)
{
    if (a->by.n == 0) {
        refuse_user(a);
        return;
    }
    a->user = (struct store_object_get){
        .req = {.arena = a->arena,
                .loop = a->app->env->loop,
                .on_done = on_user},
        .tenant = a->tenant,
        .kind = OBJECT_USER,
        .keys = &a->by,
        .n_keys = 1,
    };
    store_object_get(a->app->env->store, &a->user);
}

/* ---- look at it ---- */

static void
on_notification(struct store_req *req, enum err e)
{
    struct store_notification_get *g =
        CONTAINER_OF(req, struct store_notification_get, req);
    struct approve *a = CONTAINER_OF(g, struct approve, get);
    struct json_doc *doc = ARENA_NEW(a->arena, struct json_doc);
    struct json_error why;

    if (e == ERR_OK &&
        json_parse(a->arena, g->notification.doc, doc, &why) != ERR_OK)
        e = ERR_INTERNAL;
    if (e != ERR_OK) {
        a->on_done(a, e);
        return;
    }
    a->doc = json_root(doc);
    (void)time_parse(json_str_of(a->arena, a->doc, "send_at"), &a->send_ms);
    if (g->notification.is_held && json_count(approvers(a)) > 0)
        look_who(a);
    else
        decide(a);
}

void
approve_start(struct approve *a)
{
    problem_init(&a->problem, a->arena);
    a->get = (struct store_notification_get){
        .req = {.arena = a->arena,
                .loop = a->app->env->loop,
                .on_done = on_notification},
        .tenant = a->tenant,
        .id = a->notification,
    };
    store_notification_get(a->app->env->store, &a->get);
}
