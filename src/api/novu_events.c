/* novu_events.c - trigger: a workflow of Novu's is the template of that key,
 * and the category of the same key, so that preferences of a workflow are those
 * of its category. Recipients are stored first, as in Novu. */
#include "api/notifications.h"
#include "api/novu.h"
#include "api/novu_subscribers.h"
#include "api/route.h"
#include "app/cancel_key.h"
#include "app/send.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rng.h"

#define BULK_MAX 100
#define SUBSCRIBERS_MAX 10000 /* of one request */

/* A subscriber that an event names. */
struct named {
    struct novu_merge_row *row;
    struct str at; /* in the event */
    struct named *next;
};

struct event {
    struct json doc; /* as Novu has it */
    struct str transaction;
    struct send_item *item;
    struct named *named; /* those that are to be stored */
};

struct triggering {
    struct call *call;
    bool is_bulk;
    struct event *events;
    size_t n_events;
    struct map *rows; /* id -> row, while events are read */
    struct novu_merge merge;
    struct send send;
};

/* ---- answers ---- */

static void
put_refused(struct json_writer *w, const struct problem *p)
{
    json_str_field(w, "status", STR("error"));
    json_put_key(w, "error");
    json_begin_array(w);
    if (p->n_errors == 0)
        json_put_str(w, problem_summary(p));
    for (size_t i = 0; i < p->n_errors; i++)
        json_put_str(w, str_fmt(p->arena, "%.*s: %.*s",
                                STR_ARG(p->errors[i].pointer),
                                STR_ARG(p->errors[i].detail)));
    json_end_array(w);
}

static void
put_event(struct json_writer *w, const struct event *e)
{
    const struct problem *p = &e->item->problem;

    json_begin_object(w);
    json_bool_field(w, "acknowledged", !problem_is_set(p));
    if (problem_is_set(p))
        put_refused(w, p);
    else
        json_str_field(w, "status", STR("processed"));
    if (e->transaction.n > 0)
        json_str_field(w, "transactionId", e->transaction);
    json_end_object(w);
}

static struct triggering *
triggering_of(struct send *s)
{
    return CONTAINER_OF(s, struct triggering, send);
}

/* Also runs inside the commit, for a repeated request. */
static void
answer(struct store_req *req, struct buf *body, int *status)
{
    const struct triggering *t = triggering_of(send_of(req));
    struct json_writer w = novu_open(body);

    if (t->is_bulk)
        json_begin_array(&w);
    for (size_t i = 0; i < t->n_events; i++)
        put_event(&w, &t->events[i]);
    if (t->is_bulk)
        json_end_array(&w);
    novu_close(&w);
    *status = 201;
}

/* ---- faults, under the names that Novu has ---- */

static void
rename_faults(struct problem *p)
{
    static const struct novu_name names[] = {
        {"/template", "/name"},
        {"/workflow", "/name"},
        {"/category", "/name"},
        {"/data", "/payload"},
        {"/dedup_key", "/transactionId"},
        {"/cancel_key", "/transactionId"},
        {"/overrides/email/reply_to", "/overrides/email/replyTo"},
        {"/to/users", "/to"},
        {"/to/topics", "/to"},
    };

    novu_rename(p, names, sizeof(names) / sizeof(names[0]));
}

/* ---- send ---- */

static void
on_sent(struct send *send, enum err e)
{
    struct triggering *t = triggering_of(send);
    struct call *c = t->call;
    struct buf out;
    int status;

    if (e == ERR_OK && !send->idem.is_replay)
        notification_count(send);
    if (e != ERR_OK) {
        call_fail(c, e);
    } else if (send->idem.is_replay) {
        call_reply_replay(c, &send->idem);
    } else if (!t->is_bulk && problem_is_set(&send->items[0].problem)) {
        c->problem = send->items[0].problem;
        call_refuse(c);
    } else {
        buf_init(&out, c->arena);
        answer(&send->accept.req, &out, &status);
        call_reply(c, status, &out);
    }
}

static void
send_all(struct triggering *t)
{
    struct call *c = t->call;
    struct send *s = &t->send;

    s->app = c->app;
    s->arena = c->arena;
    s->workspace = c->workspace;
    s->request_id = c->request_id;
    s->traceparent = c->traceparent;
    s->on_done = on_sent;
    s->idem.answer = answer;
    send_start(s);
}

/* ---- store the recipients ---- */

static void
refuse_event(struct event *e)
{
    for (const struct named *n = e->named; n; n = n->next) {
        const struct novu_merge_row *row = n->row;

        if (row->err != ERR_OK)
            problem_add(&e->item->problem, row->err, n->at, "%.*s",
                        STR_ARG(row->problem ? problem_summary(row->problem)
                                             : str_from(err_help(row->err))));
    }
}

static void
on_stored(struct novu_merge *m, enum err e)
{
    struct triggering *t = CONTAINER_OF(m, struct triggering, merge);

    if (e != ERR_OK) {
        call_fail(t->call, e);
        return;
    }
    for (size_t i = 0; i < t->n_events; i++)
        refuse_event(&t->events[i]);
    send_all(t);
}

static void
store_all(struct triggering *t)
{
    if (t->merge.n_rows > 0)
        novu_merge(&t->merge);
    else
        send_all(t);
}

/* ---- one event, translated ---- */

struct translating {
    struct triggering *all;
    struct event *event;
    struct problem *problem;
    struct str *users, *topics;
    size_t n_users, n_topics;
    struct json exclude; /* of the topic */
};

static struct str
subscriber_id(struct arena *a, struct json to)
{
    return json_is(to, JSON_OBJECT) ? json_str_of(a, to, "subscriberId")
                                    : json_str(a, to);
}

static bool
is_topic(struct arena *a, struct json to)
{
    return str_is(json_str_of(a, to, "type"), "Topic");
}

/* One is either, and what belongs to the other is not passed over. */
static void
check_kind(struct translating *r, struct json to, struct str at,
           const char *const *others)
{
    for (; *others; others++)
        if (!json_is(json_get(to, *others), JSON_ABSENT))
            problem_add(r->problem, ERR_INVALID,
                        field_pointer(r->problem->arena, at, str_from(*others)),
                        "does not go with this type");
}

static void
read_topic(struct translating *r, struct json to, struct str at)
{
    static const char *const others[] = {"subscriberId", NULL};
    struct arena *a = r->problem->arena;
    struct json exclude = json_get(to, "exclude");

    check_kind(r, to, at, others);
    if (novu_says_more(a, to))
        problem_add(r->problem, ERR_INVALID, at,
                    "a Topic has no fields of a subscriber");
    if (json_is(json_get(to, "topicKey"), JSON_ABSENT))
        problem_add(r->problem, ERR_INVALID,
                    field_pointer(a, at, STR("topicKey")),
                    "is required of a Topic");
    else
        r->topics[r->n_topics++] = json_str_of(a, to, "topicKey");
    if (json_count(exclude) > 0)
        r->exclude = exclude;
}

/* Who has more to say than its id is changed by that, which takes the scope to
 * write users; who has not is stored where that scope is there. */
static void
read_subscriber(struct translating *r, struct json to, struct str at)
{
    static const char *const others[] = {"topicKey", "exclude", NULL};
    struct call *c = r->all->call;
    struct arena *a = r->problem->arena;
    bool is_object = json_is(to, JSON_OBJECT);
    struct str id = subscriber_id(a, to);

    check_kind(r, to, at, others);
    if (id.n == 0) {
        problem_add(r->problem, ERR_INVALID,
                    field_pointer(a, at, STR("subscriberId")), "is required");
        return;
    }
    r->users[r->n_users++] = id;
    if (is_object) {
        novu_check_subscriber(a, to, at, r->problem);
        if (novu_says_more(a, to) && !(c->scopes & AUTH_WRITE))
            problem_add(r->problem, ERR_FORBIDDEN, at,
                        "to change a subscriber this needs the scope "
                        "\"write\"");
    }
}

static void
read_recipient(struct translating *r, struct json to, struct str at)
{
    if (is_topic(r->problem->arena, to))
        read_topic(r, to, at);
    else
        read_subscriber(r, to, at);
}

/* Novu leaves people out of one topic, a send of ours out of all. */
static void
check_exclusion(struct translating *r)
{
    if (json_count(r->exclude) == 0)
        return;
    if (r->n_topics > 1)
        problem_add(r->problem, ERR_NOT_SUPPORTED, STR("/to"),
                    "exclude goes with one topic alone");
    else if (r->n_users > 0)
        problem_add(r->problem, ERR_NOT_SUPPORTED, STR("/to"),
                    "exclude does not go with subscribers beside the topic");
}

static void
read_to(struct translating *r, struct json to)
{
    struct arena *a = r->problem->arena;
    size_t n = json_is(to, JSON_ARRAY) ? json_count(to) : 1, i = 0;

    r->users = ARENA_ARRAY(a, struct str, n);
    r->topics = ARENA_ARRAY(a, struct str, n);
    if (json_is(to, JSON_ARRAY))
        for (struct json v = json_first(to); !json_is(v, JSON_ABSENT);
             v = json_next(to, v))
            read_recipient(r, v, str_fmt(a, "/to/%zu", i++));
    else
        read_recipient(r, to, STR("/to"));
    check_exclusion(r);
}

static void
put_strings(struct json_writer *w, const char *name, const struct str *texts,
            size_t n)
{
    if (n == 0)
        return;
    json_put_key(w, name);
    json_begin_array(w);
    for (size_t i = 0; i < n; i++)
        json_put_str(w, texts[i]);
    json_end_array(w);
}

static void
put_audience(struct translating *r, struct json_writer *w, bool is_broadcast)
{
    json_put_key(w, "to");
    json_begin_object(w);
    if (is_broadcast)
        json_bool_field(w, "all", true);
    put_strings(w, "users", r->users, r->n_users);
    put_strings(w, "topics", r->topics, r->n_topics);
    if (json_count(r->exclude) > 0)
        json_raw_field(w, "exclude", json_raw(r->exclude));
    json_end_object(w);
}

static void
put_overrides(struct json_writer *w, struct json given)
{
    static const char *const names[][2] = {{"from", "from"},
                                           {"replyTo", "reply_to"},
                                           {"cc", "cc"},
                                           {"headers", "headers"}};
    struct json email = json_get(given, "email");

    if (json_is(email, JSON_ABSENT))
        return;
    json_put_key(w, "overrides");
    json_begin_object(w);
    json_put_key(w, "email");
    json_begin_object(w);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!json_is(json_get(email, names[i][0]), JSON_ABSENT))
            json_raw_field(w, names[i][1],
                           json_raw(json_get(email, names[i][0])));
    json_end_object(w);
    json_end_object(w);
}

/* A workflow of ours with that key, else the template. */
static const char *
content_field(const struct translating *r, struct json doc)
{
    struct str key = json_str_of(r->problem->arena, doc, "name");

    return workspace_workflow(r->all->call->workspace, key) ? "workflow"
                                                            : "template";
}

static struct str
to_send(struct translating *r, bool is_broadcast)
{
    struct arena *a = r->problem->arena;
    struct json doc = r->event->doc;
    struct str name = json_raw(json_get(doc, "name"));
    struct json payload = json_get(doc, "payload");
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    put_audience(r, &w, is_broadcast);
    json_raw_field(&w, content_field(r, doc), name);
    json_raw_field(&w, "category", name);
    if (!json_is(payload, JSON_ABSENT))
        json_raw_field(&w, "data", json_raw(payload));
    if (!json_is(json_get(doc, "transactionId"), JSON_ABSENT))
        json_str_field(&w, "dedup_key", r->event->transaction);
    json_str_field(&w, "cancel_key", r->event->transaction);
    put_overrides(&w, json_get(doc, "overrides"));
    json_end_object(&w);
    return buf_str(&out);
}

/* Novu makes one, which its client may cancel by. */
static struct str
make_transaction(struct call *c)
{
    struct rng *rng = c->app->env->rng;

    return str_fmt(c->arena, "txn_%016llx%016llx",
                   (unsigned long long)rng_next(rng),
                   (unsigned long long)rng_next(rng));
}

static void
check_payload(struct translating *r)
{
    struct json payload = json_get(r->event->doc, "payload");

    if (!json_is(json_get(payload, "attachments"), JSON_ABSENT))
        problem_add(r->problem, ERR_NOT_SUPPORTED, STR("/payload/attachments"),
                    "attachments are not supported by this release");
}

/* All that can be known before anything is stored is known here. */
static void
check_send(struct translating *r, bool is_broadcast)
{
    struct call *c = r->all->call;
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error why;
    struct send_request request;

    if (json_parse(c->arena, to_send(r, is_broadcast), doc, &why) != ERR_OK) {
        problem_set(r->problem, ERR_MALFORMED, "%s", why.why);
        return;
    }
    r->event->item->doc = json_root(doc);
    if (send_request_read(c->arena, c->workspace, r->event->item->doc,
                          r->problem, &request) != ERR_OK)
        rename_faults(r->problem);
}

static void
note_named(struct translating *r, struct json to, struct str at)
{
    struct triggering *t = r->all;
    struct arena *a = t->call->arena;
    struct str id = subscriber_id(a, to);
    struct novu_merge_row *row = map_get(t->rows, id);
    struct named *n = ARENA_NEW(a, struct named);

    if (is_topic(a, to))
        return;
    if (!row) {
        row = &t->merge.rows[t->merge.n_rows++];
        row->key = id;
        map_put(t->rows, id, row);
    }
    novu_give(a, row, to);
    *n = (struct named){.row = row, .at = at, .next = r->event->named};
    r->event->named = n;
}

static void
note_all_named(struct translating *r, struct json to)
{
    struct arena *a = r->problem->arena;
    size_t i = 0;

    if (!json_is(to, JSON_ARRAY)) {
        note_named(r, to, STR("/to"));
        return;
    }
    for (struct json v = json_first(to); !json_is(v, JSON_ABSENT);
         v = json_next(to, v))
        note_named(r, v, str_fmt(a, "/to/%zu", i++));
}

static void
translate(struct triggering *t, struct event *e, bool is_broadcast)
{
    struct json to = json_get(e->doc, "to");
    struct translating r = {.all = t, .event = e, .problem = &e->item->problem};

    e->transaction = json_str_of(t->call->arena, e->doc, "transactionId");
    if (e->transaction.n == 0)
        e->transaction = make_transaction(t->call);
    if (!is_broadcast)
        read_to(&r, to);
    check_payload(&r);
    if (!problem_is_set(r.problem))
        check_send(&r, is_broadcast);
    if (!is_broadcast && !problem_is_set(r.problem) &&
        (t->call->scopes & AUTH_WRITE))
        note_all_named(&r, to);
}

/* ---- requests ---- */

static const char *const recipient_types[] = {"Subscriber", "Topic", NULL};
static const struct field key_row[] = {{.type = FIELD_KEY}};
static const struct field text_row[] = {{.type = FIELD_STRING}};
static const struct field any_row[] = {{.type = FIELD_ANY}};
static const struct field recipient_fields[] = {
    {.name = "subscriberId", .type = FIELD_KEY, .doc = "A user's id."},
    {.name = "type", .type = FIELD_ENUM, .values = recipient_types},
    {.name = "topicKey", .type = FIELD_KEY, .doc = "With the type Topic."},
    {.name = "exclude",
     .type = FIELD_ARRAY,
     .of = key_row,
     .max = SEND_RECIPIENTS_MAX,
     .doc = "Of a topic: who does not get it."},
    NOVU_SUBSCRIBER_FIELDS,
    {.type = FIELD_END},
};
static const struct field recipient_rows[] = {
    {.type = FIELD_KEY, .doc = "A subscriber's id."},
    {.type = FIELD_OBJECT, .of = recipient_fields},
    {.type = FIELD_END},
};
static const struct field recipient_row[] = {
    {.type = FIELD_ONE_OF, .of = recipient_rows}};
static const struct field to_rows[] = {
    {.type = FIELD_KEY, .doc = "A subscriber's id."},
    {.type = FIELD_OBJECT, .of = recipient_fields},
    {.type = FIELD_ARRAY,
     .of = recipient_row,
     .min = 1,
     .max = SEND_RECIPIENTS_MAX},
    {.type = FIELD_END},
};

#define UNSUPPORTED(n)                                                         \
    {                                                                          \
        .name = n, .type = FIELD_ANY, .flags = FIELD_UNSUPPORTED               \
    }
static const struct field email_fields[] = {
    {.name = "from", .type = FIELD_STRING},
    {.name = "replyTo", .type = FIELD_STRING},
    {.name = "cc", .type = FIELD_ARRAY, .of = text_row},
    {.name = "headers", .type = FIELD_MAP, .of = text_row},
    UNSUPPORTED("to"),
    UNSUPPORTED("bcc"),
    UNSUPPORTED("subject"),
    UNSUPPORTED("text"),
    UNSUPPORTED("html"),
    UNSUPPORTED("senderName"),
    UNSUPPORTED("attachments"),
    UNSUPPORTED("integrationIdentifier"),
    UNSUPPORTED("customData"),
    {.type = FIELD_END},
};
static const struct field override_fields[] = {
    {.name = "email", .type = FIELD_OBJECT, .of = email_fields},
    UNSUPPORTED("steps"),
    UNSUPPORTED("channels"),
    UNSUPPORTED("providers"),
    UNSUPPORTED("push"),
    UNSUPPORTED("sms"),
    UNSUPPORTED("chat"),
    UNSUPPORTED("layoutIdentifier"),
    UNSUPPORTED("severity"),
    {.type = FIELD_END},
};
#define EVENT_FIELDS                                                           \
    {.name = "name",                                                           \
     .type = FIELD_KEY,                                                        \
     .flags = FIELD_REQUIRED,                                                  \
     .doc = "A template's key, and that of a category."},                      \
        {.name = "payload", .type = FIELD_OBJECT, .doc = "The data."},         \
        {.name = "overrides", .type = FIELD_OBJECT, .of = override_fields},    \
        {.name = "transactionId",                                              \
         .type = FIELD_STRING,                                                 \
         .min = 1,                                                             \
         .max = CANCEL_KEY_MAX,                                                \
         .doc = "One notification for each, within 24h; it cancels by it."},   \
        UNSUPPORTED("actor"), UNSUPPORTED("tenant"), UNSUPPORTED("context"),   \
        UNSUPPORTED("bridgeUrl"), UNSUPPORTED("agentId")

static const struct field trigger_fields[] = {
    {.name = "to",
     .type = FIELD_ONE_OF,
     .of = to_rows,
     .flags = FIELD_REQUIRED,
     .doc = "Subscribers, who are stored with what is said of them, and "
            "topics."},
    EVENT_FIELDS,
    {.type = FIELD_END},
};
static const struct field broadcast_fields[] = {
    EVENT_FIELDS,
    {.type = FIELD_END},
};
static const struct field bulk_fields[] = {
    {.name = "events",
     .type = FIELD_ARRAY,
     .of = any_row,
     .min = 1,
     .max = BULK_MAX,
     .flags = FIELD_REQUIRED,
     .doc = "Each is triggered by itself."},
    {.type = FIELD_END},
};

static size_t
count_named(const struct event *e)
{
    struct json to = json_get(e->doc, "to");

    return json_is(to, JSON_ARRAY) ? json_count(to) : 1;
}

/* False: refused already. */
static bool
make_room(struct triggering *t)
{
    struct call *c = t->call;
    size_t n = 0;

    for (size_t i = 0; i < t->n_events; i++)
        n += count_named(&t->events[i]);
    if (n > SUBSCRIBERS_MAX) {
        call_fail_with(c, ERR_INVALID, "must name at most %d recipients",
                       SUBSCRIBERS_MAX);
        return false;
    }
    t->merge = (struct novu_merge){
        .call = c,
        .kind = &novu_subscribers,
        .rows = ARENA_ARRAY(c->arena, struct novu_merge_row, n),
        .then = on_stored,
    };
    return true;
}

static struct triggering *
triggering_new(struct call *c, size_t n)
{
    struct triggering *t = ARENA_NEW(c->arena, struct triggering);

    t->call = c;
    t->events = ARENA_ARRAY(c->arena, struct event, n);
    t->n_events = n;
    t->send.items = ARENA_ARRAY(c->arena, struct send_item, n);
    t->send.n_items = n;
    for (size_t i = 0; i < n; i++) {
        t->events[i].item = &t->send.items[i];
        problem_init(&t->send.items[i].problem, c->arena);
    }
    return t;
}

static void
trigger_one(struct call *c, bool is_broadcast)
{
    struct triggering *t = triggering_new(c, 1);

    t->events[0].doc = c->body;
    if (!make_room(t) || !call_idem(c, &t->send.idem))
        return;
    t->rows = map_new();
    translate(t, &t->events[0], is_broadcast);
    map_free(t->rows);
    if (problem_is_set(&t->send.items[0].problem))
        on_sent(&t->send, ERR_OK);
    else
        store_all(t);
}

static void
handle_trigger(struct call *c)
{
    trigger_one(c, false);
}

static void
handle_broadcast(struct call *c)
{
    trigger_one(c, true);
}

static void
handle_bulk(struct call *c)
{
    struct json list = json_get(c->body, "events");
    struct triggering *t = triggering_new(c, json_count(list));
    size_t i = 0;

    t->is_bulk = true;
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v))
        t->events[i++].doc = v;
    if (!make_room(t) || !call_idem(c, &t->send.idem))
        return;
    t->rows = map_new();
    for (i = 0; i < t->n_events; i++) {
        struct event *e = &t->events[i];

        field_check(trigger_fields, e->doc, STR(""), &e->item->problem);
        if (!problem_is_set(&e->item->problem))
            translate(t, e, false);
    }
    map_free(t->rows);
    store_all(t);
}

/* ---- cancel ---- */

static void
on_cancelled(struct cancel_key *x, enum err e)
{
    struct call *c = x->arg;
    struct json_writer w;
    struct buf out;

    if (e != ERR_OK) {
        call_fail(c, e);
    } else if (x->has_more && !x->is_left) {
        cancel_key_start(x);
    } else {
        w = novu_begin(c, &out);
        json_put_bool(&w, x->n_notifications > 0);
        novu_end(c, 200, &w);
    }
}

static void
handle_cancel(struct call *c)
{
    struct cancel_key *x = ARENA_NEW(c->arena, struct cancel_key);

    *x = (struct cancel_key){
        .app = c->app,
        .arena = c->arena,
        .tenant = c->workspace->tenant,
        .key = c->params[0],
        .now_ms = call_now_ms(c),
        .audit = call_audit(c),
        .on_done = on_cancelled,
        .arg = c,
    };
    if (x->key.n <= CANCEL_KEY_MAX)
        cancel_key_start(x);
    else
        on_cancelled(x, ERR_OK);
}

/* ---- the table ---- */

static const char *const statuses[] = {"processed", "error", NULL};
static const struct field event_fields[] = {
    {.name = "acknowledged", .type = FIELD_BOOL, .flags = FIELD_REQUIRED},
    {.name = "status",
     .type = FIELD_ENUM,
     .values = statuses,
     .flags = FIELD_REQUIRED},
    {.name = "error",
     .type = FIELD_ARRAY,
     .of = text_row,
     .doc = "In bulk: why this one was refused."},
    {.name = "transactionId", .type = FIELD_STRING},
    {.type = FIELD_END},
};
static const struct field event_row[] = {
    {.type = FIELD_OBJECT, .of = event_fields}};
static const struct field trigger_answer[] = {
    {.name = "data",
     .type = FIELD_OBJECT,
     .of = event_fields,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};
static const struct field bulk_answer[] = {
    {.name = "data",
     .type = FIELD_ARRAY,
     .of = event_row,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};

static const struct field cancel_answer[] = {
    {.name = "data",
     .type = FIELD_BOOL,
     .flags = FIELD_REQUIRED,
     .doc = "Whether there was something that had not gone out."},
    {.type = FIELD_END},
};

const struct route novu_event_routes[] = {
    {.method = "POST",
     .path = "/novu/v1/events/trigger",
     .scope = AUTH_SEND,
     .body = ROUTE_BODY_JSON,
     .handle = handle_trigger,
     .request = trigger_fields,
     .answer = trigger_answer,
     .statuses = {201},
     .id = "novuTrigger",
     .summary = "Novu: send by a template to subscribers and topics."},
    {.method = "POST",
     .path = "/novu/v1/events/trigger/bulk",
     .scope = AUTH_SEND,
     .body = ROUTE_BODY_JSON,
     .is_batch = true,
     .handle = handle_bulk,
     .request = bulk_fields,
     .answer = bulk_answer,
     .statuses = {201},
     .id = "novuTriggerInBulk",
     .summary = "Novu: up to 100 triggers, each by itself."},
    {.method = "POST",
     .path = "/novu/v1/events/trigger/broadcast",
     .scope = AUTH_SEND,
     .body = ROUTE_BODY_JSON,
     .handle = handle_broadcast,
     .request = broadcast_fields,
     .answer = trigger_answer,
     .statuses = {201},
     .id = "novuBroadcast",
     .summary = "Novu: send by a template to all stored users."},
    {.method = "DELETE",
     .path = "/novu/v1/events/trigger/{transactionId}",
     .scope = AUTH_WRITE,
     .handle = handle_cancel,
     .answer = cancel_answer,
     .statuses = {200},
     .id = "novuCancel",
     .summary = "Novu: stop what was triggered and has not gone out."},
    {0},
};
