/* inbox.c - a user's inbox: read it, mark it, follow it. Asked by the user
 * with a token, or by a key for ?user=. */
#include "app/inbox.h"

#include "api/api.h"
#include "api/api_private.h"
#include "api/route.h"
#include "base/list.h"
#include "realtime/hub.h"

#define MARK_IDS_MAX 1000

struct asking {
    struct call *call;
    struct store_inbox_list list;
    struct store_inbox_mark mark;
    int64_t epoch; /* of the cursor in `before` */
};

bool
inbox_user(struct call *c, struct str *ret)
{
    struct str asked = c->user;
    const bool is_named = call_param(c, "user", &asked);

    if (c->user.n > 0 && !str_eq(asked, c->user)) {
        call_fail_with(c, ERR_FORBIDDEN,
                       "this token is for the inbox of another user");
        return false;
    }
    if (!is_named && c->user.n == 0)
        return call_refuse_param(
            c, "user", "must say whose inbox it is, as a key may read all");
    if (!id_is_key(asked))
        return call_refuse_param(c, "user",
                                 "must be 1 to 128 of A-Z a-z 0-9 _ . : @ -");
    *ret = asked;
    return true;
}

static bool
read_flag(struct call *c, const char *name, bool *ret)
{
    struct str text;

    *ret = false;
    if (!call_param(c, name, &text))
        return true;
    *ret = str_is(text, "true");
    return *ret || str_is(text, "false") ||
           call_refuse_param(c, name, "must be true or false");
}

static void
put_counts(struct json_writer *w, struct inbox_counts counts)
{
    json_put_key(w, "counts");
    inbox_counts_write(counts, w);
}

/* ---- list ---- */

static void
reply_list(struct call *c, const struct store_inbox_list *l)
{
    const struct inbox_names names =
        inbox_names_of(c->app, c->workspace->tenant);
    const struct inbox_cursor at = {l->epoch, l->rev};
    char cursor[INBOX_CURSOR_SIZE];
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    json_put_key(&w, "data");
    json_begin_array(&w);
    for (size_t i = 0; i < l->n_items; i++)
        inbox_item_write(&names, c->arena, &l->items[i], &w);
    json_end_array(&w);
    put_counts(&w, l->counts);
    json_str_field(&w, "cursor", inbox_cursor_format(cursor, at));
    call_id_field(c, &w, "next", "itm",
                  l->has_more && l->n_items > 0 ? l->items[l->n_items - 1].id
                                                : 0);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

static void
on_listed(struct store_req *req, enum err e)
{
    struct store_inbox_list *l =
        CONTAINER_OF(req, struct store_inbox_list, req);
    struct call *c = CONTAINER_OF(l, struct asking, list)->call;

    if (e != ERR_OK)
        call_fail(c, e);
    else
        reply_list(c, l);
}

static void
list_of(struct call *c, struct str user)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x = (struct asking){
        .call = c,
        .list = {.req = call_req(c, on_listed),
                 .tenant = c->workspace->tenant,
                 .user = user},
    };
    if (call_limit(c, &x->list.limit) &&
        call_after_id(c, "itm", &x->list.before) &&
        read_flag(c, "archived", &x->list.is_archived) &&
        read_flag(c, "unread", &x->list.only_unread))
        inbox_list(c->app, &x->list);
}

static void
handle_list(struct call *c)
{
    struct str user;

    if (inbox_user(c, &user))
        list_of(c, user);
}

static void
handle_list_of_user(struct call *c)
{
    struct str user;

    if (call_path_key(c, 0, &user))
        list_of(c, user);
}

/* ---- counts ---- */

static void
on_counted(struct store_req *req, enum err e)
{
    struct store_inbox_list *l =
        CONTAINER_OF(req, struct store_inbox_list, req);
    struct call *c = CONTAINER_OF(l, struct asking, list)->call;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    w = call_writer(c, &out);
    inbox_counts_write(l->counts, &w);
    call_reply(c, 200, &out);
}

static void
handle_counts(struct call *c)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);
    struct str user;

    if (!inbox_user(c, &user))
        return;
    *x = (struct asking){
        .call = c,
        .list = {.req = call_req(c, on_counted),
                 .tenant = c->workspace->tenant,
                 .user = user},
    };
    inbox_list(c->app, &x->list);
}

/* ---- marks ---- */

static void
reply_marked(struct call *c, size_t n_changed, int64_t rev,
             struct inbox_counts counts)
{
    struct json_writer w;
    struct buf out;

    w = call_writer(c, &out);
    json_begin_object(&w);
    json_int_field(&w, "changed", (int64_t)n_changed);
    json_int_field(&w, "rev", rev);
    put_counts(&w, counts);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

static void
on_marked(struct store_req *req, enum err e)
{
    struct store_inbox_mark *m =
        CONTAINER_OF(req, struct store_inbox_mark, req);
    struct call *c = CONTAINER_OF(m, struct asking, mark)->call;

    if (e != ERR_OK)
        call_fail(c, e);
    else
        reply_marked(c, m->n_changed, m->rev, m->counts);
}

static struct asking *
marking(struct call *c, struct str user, enum inbox_change change)
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x = (struct asking){
        .call = c,
        .mark = {.req = call_req(c, on_marked),
                 .tenant = c->workspace->tenant,
                 .user = user,
                 .change = change,
                 .is_unlearned = c->workspace->is_unlearned,
                 .tells = c->workspace->tells,
                 .now_ms = call_now_ms(c)},
    };
    return x;
}

/* The last part of the route's path names the change. */
static void
handle_one(struct call *c)
{
    struct str rest = str_from(c->route->path), name = STR_NONE, user;
    int64_t *id = ARENA_NEW(c->arena, int64_t);
    enum inbox_change change;
    struct asking *x;

    while (str_split(&rest, '/', &name))
        ;
    if (!inbox_change_parse(name, &change)) {
        call_fail(c, ERR_INTERNAL);
        return;
    }
    if (!inbox_user(c, &user) || !call_path_id(c, 0, "itm", id))
        return;
    x = marking(c, user, change);
    x->mark.ids = id;
    x->mark.n_ids = 1;
    inbox_mark(c->app, &x->mark);
}

static bool
read_ids(struct call *c, struct json list, struct store_inbox_mark *m)
{
    const struct inbox_names names =
        inbox_names_of(c->app, c->workspace->tenant);
    int64_t *ids = ARENA_ARRAY(c->arena, int64_t, json_count(list));

    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v)) {
        if (!id_parse(json_str(c->arena, v), names.id_key, "itm", names.shard,
                      &ids[m->n_ids]))
            problem_add(&c->problem, ERR_INVALID,
                        str_fmt(c->arena, "/ids/%zu", m->n_ids),
                        "must be the id of an item");
        m->n_ids++;
    }
    m->ids = ids;
    return !problem_is_set(&c->problem);
}

/* Before which rev, and of which row of revs that is one. */
static bool
read_before(struct call *c, struct json before, struct asking *x)
{
    struct inbox_cursor at;

    if (json_is(before, JSON_ABSENT))
        return true;
    if (!inbox_cursor_parse(json_str(c->arena, before), &at)) {
        problem_add(&c->problem, ERR_INVALID, STR("/before"),
                    "must be a `cursor` that an inbox gave");
        return false;
    }
    x->epoch = at.epoch;
    x->mark.before_rev = at.rev;
    return true;
}

static bool
read_marks(struct call *c, struct asking *x)
{
    const struct json ids = json_get(c->body, "ids");
    const struct json before = json_get(c->body, "before");
    const bool has_ids = !json_is(ids, JSON_ABSENT);
    const bool has_before = !json_is(before, JSON_ABSENT);

    if (json_bool(json_get(c->body, "all"), false) == has_ids)
        problem_add(&c->problem, ERR_INVALID, STR("/ids"),
                    "say which: either `ids`, or `\"all\": true`");
    else if (has_ids && has_before)
        problem_add(&c->problem, ERR_INVALID, STR("/before"),
                    "goes with `all`, not with `ids`");
    else if (has_ids)
        return read_ids(c, ids, &x->mark);
    else
        return read_before(c, before, x);
    return false;
}

/* A rev means nothing under another epoch, so that is asked first. */
static void
on_epoch(struct store_req *req, enum err e)
{
    struct store_inbox_list *l =
        CONTAINER_OF(req, struct store_inbox_list, req);
    struct asking *x = CONTAINER_OF(l, struct asking, list);

    if (e != ERR_OK)
        call_fail(x->call, e);
    else if (l->epoch != x->epoch)
        call_fail_with(x->call, ERR_CONFLICT,
                       "the cursor in `before` is from before a restore of "
                       "the database: read the inbox again");
    else if (x->mark.before_rev == 0) /* to the store that would be all */
        reply_marked(x->call, 0, l->rev, l->counts);
    else
        inbox_mark(x->call->app, &x->mark);
}

static void
handle_marks(struct call *c)
{
    enum inbox_change change;
    struct asking *x;
    struct str user;

    if (!inbox_user(c, &user))
        return;
    if (!inbox_change_parse(json_str_of(c->arena, c->body, "change"),
                            &change)) {
        call_fail(c, ERR_INVALID);
        return;
    }
    x = marking(c, user, change);
    if (!read_marks(c, x)) {
        call_refuse(c);
        return;
    }
    if (json_is(json_get(c->body, "before"), JSON_ABSENT)) {
        inbox_mark(c->app, &x->mark);
        return;
    }
    x->list = (struct store_inbox_list){.req = call_req(c, on_epoch),
                                        .tenant = c->workspace->tenant,
                                        .user = user};
    inbox_list(c->app, &x->list);
}

/* ---- stream ---- */

static void
on_ready(void *arg, struct subscriber *s, enum err e)
{
    struct call *c = arg;
    struct http_stream_events events;

    if (e != ERR_OK) {
        call_fail(c, e);
        return;
    }
    events = subscriber_events(s);
    subscriber_begin(s, call_stream(c, "text/event-stream", &events));
}

/* As browsers send it, or as those must who cannot set headers. */
static struct str
last_event_id(struct call *c)
{
    struct str id = http_request_header(c->request, "Last-Event-ID");

    if (id.n == 0 && !call_param(c, "last_event_id", &id) &&
        !call_param(c, "lastEventId", &id))
        return STR_NONE;
    return id;
}

static void
handle_stream(struct call *c)
{
    struct hub *hub = api_options(c->api)->hub;
    struct hub_visit v = {
        .tenant = c->workspace->tenant,
        .address = c->request->peer,
        .last_id = last_event_id(c),
        .expires_ms = c->expires_ms,
        .on_ready = on_ready,
        .arg = c,
    };
    const char *why = NULL;
    int64_t retry_after_s = 0;
    struct str hb;
    enum err e;

    if (!inbox_user(c, &v.user))
        return;
    if (call_param(c, "hb", &hb)) {
        v.wants_heartbeat_events = str_is(hb, "event");
        if (!v.wants_heartbeat_events && !str_is(hb, "comment")) {
            call_refuse_param(c, "hb", "must be event or comment");
            return;
        }
    }
    e = hub_subscribe(hub, &v, &why, &retry_after_s);
    if (e == ERR_OK)
        return;
    problem_set(&c->problem, e, "%s", why);
    c->problem.retry_after_s = retry_after_s;
    call_refuse(c);
}

/* ---- the table ---- */

/* Many clients send {} with every POST. */
static const struct field no_fields[] = {{0}};

static const char *const change_values[] = {"seen",    "read",      "unread",
                                            "archive", "unarchive", NULL};

static const struct field id_row[] = {
    {.type = FIELD_STRING, .min = 1, .max = 64, .doc = "An item's id."},
    {0},
};
static const struct field mark_fields[] = {
    {.name = "change",
     .type = FIELD_ENUM,
     .flags = FIELD_REQUIRED,
     .values = change_values,
     .doc = "What is done. Who reads an item has seen it."},
    {.name = "ids",
     .type = FIELD_ARRAY,
     .min = 1,
     .max = MARK_IDS_MAX,
     .of = id_row,
     .doc = "These items; if one is not the user's, none is changed."},
    {.name = "all",
     .type = FIELD_BOOL,
     .doc = "In place of ids: every item that is not archived; for unarchive, "
            "every one that is."},
    {.name = "before",
     .type = FIELD_STRING,
     .min = 3,
     .max = INBOX_CURSOR_SIZE,
     .doc = "With all: a cursor that the inbox gave. What came or changed "
            "after it stays as it is."},
    {0},
};
static const struct field inbox_counts_fields[] = {
    {.name = "unseen",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Items never shown."},
    {.name = "unread",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Items not read; archived ones do not count."},
    {0},
};
static const struct field marked_fields[] = {
    {.name = "changed",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "Items that were not so already."},
    {.name = "rev",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "The inbox's revision after it."},
    {.name = "counts",
     .type = FIELD_OBJECT,
     .flags = FIELD_REQUIRED,
     .of = inbox_counts_fields,
     .doc = "The inbox's counts after it."},
    {0},
};
static const struct field any_row[] = {
    {.type = FIELD_OBJECT, .doc = "An action, as it was sent."},
    {0},
};
static const struct field item_fields[] = {
    {.name = "id",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "itm_ and 26 characters."},
    {.name = "notification_id",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "The notification that it came with."},
    {.name = "rev",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .doc = "The inbox's revision when the item last changed."},
    {.name = "created_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED,
     .doc = "When it came."},
    {.name = "category",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "The notification's category."},
    {.name = "title",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "Plain text."},
    {.name = "body",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "Plain text."},
    {.name = "blocks",
     .type = FIELD_ARRAY,
     .flags = FIELD_REQUIRED,
     .of = any_row,
     .doc = "The html as a tree of paragraphs, lists, links and the like, "
            "never markup; empty without any."},
    {.name = "actions",
     .type = FIELD_ARRAY,
     .flags = FIELD_REQUIRED,
     .of = any_row,
     .doc = "What can be done about it."},
    {.name = "data",
     .type = FIELD_ANY,
     .flags = FIELD_REQUIRED,
     .doc = "The sender's data, as it was sent."},
    {.name = "seen_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "When it was shown."},
    {.name = "read_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "When it was read."},
    {.name = "archived_at",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "When it was put away."},
    {0},
};
static const struct field item_row[] = {
    {.type = FIELD_OBJECT, .of = item_fields, .doc = "An item."},
    {0},
};
static const struct field inbox_fields[] = {
    {.name = "data",
     .type = FIELD_ARRAY,
     .flags = FIELD_REQUIRED,
     .of = item_row,
     .doc = "Items, newest first."},
    {.name = "counts",
     .type = FIELD_OBJECT,
     .flags = FIELD_REQUIRED,
     .of = inbox_counts_fields,
     .doc = "Of the whole inbox."},
    {.name = "cursor",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .doc = "EPOCH.REV: where a stream goes on from what was read here, as "
            "its Last-Event-ID."},
    {.name = "next",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "For ?after=, if there are more."},
    {0},
};

static const char *const user_params[] = {"user", NULL};
static const char *const list_params[] = {"user",     "limit",  "after",
                                          "archived", "unread", NULL};
static const char *const list_of_user_params[] = {"limit", "after", "archived",
                                                  "unread", NULL};
static const char *const stream_params[] = {"user", "last_event_id",
                                            "lastEventId", "hb", NULL};

#define MARK_ROUTE(change, operation, sentence)                                \
    {                                                                          \
        .method = "POST", .path = "/v1/inbox/{id}/" change,                    \
        .auth = ROUTE_USER, .scope = AUTH_WRITE, .body = ROUTE_BODY_MAYBE,     \
        .handle = handle_one, .request = no_fields, .answer = marked_fields,   \
        .statuses = {200}, .id = operation, .summary = sentence,               \
        .query = user_params                                                   \
    }

const struct route inbox_routes[] = {
    {.method = "GET",
     .path = "/v1/inbox",
     .auth = ROUTE_USER,
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = inbox_fields,
     .statuses = {200},
     .id = "listInbox",
     .summary = "Read an inbox, newest first; archived items only if asked.",
     .query = list_params},
    {.method = "GET",
     .path = "/v1/inbox/counts",
     .auth = ROUTE_USER,
     .scope = AUTH_READ,
     .handle = handle_counts,
     .answer = inbox_counts_fields,
     .statuses = {200},
     .id = "countInbox",
     .summary = "How many items are unseen and unread.",
     .query = user_params},
    {.method = "GET",
     .path = "/v1/inbox/stream",
     .auth = ROUTE_USER,
     .scope = AUTH_READ,
     .gives = "text/event-stream",
     .handle = handle_stream,
     .statuses = {200},
     .id = "streamInbox",
     .summary = "Follow an inbox (text/event-stream).",
     .query = stream_params},
    {.method = "POST",
     .path = "/v1/inbox/mark",
     .auth = ROUTE_USER,
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_marks,
     .request = mark_fields,
     .answer = marked_fields,
     .statuses = {200},
     .id = "markInbox",
     .summary = "Mark several items, or all.",
     .query = user_params},
    MARK_ROUTE("seen", "markSeen", "The item was shown."),
    MARK_ROUTE("read", "markRead", "The item was read."),
    MARK_ROUTE("unread", "markUnread", "The item is to be read again."),
    MARK_ROUTE("archive", "archiveItem", "Put the item away."),
    MARK_ROUTE("unarchive", "unarchiveItem", "Take the item out again."),
    {.method = "GET",
     .path = "/v1/users/{id}/inbox",
     .scope = AUTH_READ,
     .handle = handle_list_of_user,
     .answer = inbox_fields,
     .statuses = {200},
     .id = "listUserInbox",
     .summary = "Read a user's inbox, newest first.",
     .query = list_of_user_params},
    {0},
};
