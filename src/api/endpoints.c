/* endpoints.c - who is told of Belfry's own events, and how that goes. */
#include "api/api.h"
#include "api/collection.h"
#include "api/providers.h"
#include "api/route.h"
#include "app/deed.h"
#include "app/endpoint_doc.h"
#include "app/teller.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/url.h"
#include "net/egress.h"

static struct str
purpose_of(const struct call *c, struct str key)
{
    return endpoint_doc_purpose(c->arena, c->workspace->tenant, key);
}

/* ---- checks ---- */

static void
check_egress(struct call *c, struct json doc)
{
    const struct api_options *o = api_options(c->api);
    struct str host = url_host(json_str_of(c->arena, doc, "url"));
    char range[64] = "";

    if (host.n == 0 || o->dev_sink ||
        egress_allows_host(o->egress, host, range))
        return;
    problem_add(&c->problem, ERR_INVALID, STR("/url"),
                "this server may not call %.*s; to allow it, start the server "
                "with BELFRY_EGRESS_ALLOW=%s",
                STR_ARG(host), range);
}

static void
check(struct call *c, struct str key, struct json doc)
{
    endpoint_doc_check(c->arena, doc, &c->problem);
    if (!problem_is_set(&c->problem))
        check_egress(c, doc);
    if (!workspace_endpoint(c->workspace, key) &&
        c->workspace->n_endpoints >= ENDPOINTS_MAX)
        problem_set(&c->problem, ERR_CONFLICT,
                    "a workspace has at most %d endpoints", ENDPOINTS_MAX);
}

/* ---- showing ---- */

static void
show(struct call *c, struct json_writer *w, const struct object *o,
     struct json stored)
{
    endpoint_doc_show(c->arena, c->app->vault, purpose_of(c, o->key), stored,
                      c->makes_secret, w);
}

/* ---- PUT, PATCH, rotate ---- */

static struct str
to_store(struct call *c, struct str key, struct json doc, struct json before)
{
    return endpoint_doc_store(c->arena, c->app->vault, purpose_of(c, key), doc,
                              before, &c->makes_secret);
}

static bool
is_there(struct call *c, struct json before)
{
    if (json_is(before, JSON_OBJECT))
        return true;
    problem_set(&c->problem, ERR_NOT_FOUND, "there is no such endpoint");
    return false;
}

/* What a person would have put. */
static struct str
to_store_patched(struct call *c, struct str key, struct json patch,
                 struct json before)
{
    struct json_writer w;
    struct json merged;
    struct buf shown;

    if (!is_there(c, before))
        return STR_NONE;
    buf_init(&shown, c->arena);
    w = json_writer(&shown);
    json_begin_object(&w);
    endpoint_doc_show(c->arena, c->app->vault, purpose_of(c, key), before,
                      false, &w);
    json_end_object(&w);
    merged = call_parse(
        c, json_merge_patch(c->arena, call_parse(c, buf_str(&shown)), patch));
    field_check(endpoint_doc_fields, merged, STR(""), &c->problem);
    if (!problem_is_set(&c->problem))
        check(c, key, merged);
    return to_store(c, key, merged, before);
}

static struct str
to_store_rotated(struct call *c, struct str key, struct json doc,
                 struct json before)
{
    struct str given = json_str_of(c->arena, doc, "secret");

    if (!is_there(c, before))
        return STR_NONE;
    endpoint_doc_check_secret(doc, &c->problem);
    c->makes_secret = given.n == 0;
    return endpoint_doc_rotate(c->arena, c->app->vault, purpose_of(c, key),
                               before, given, call_now_ms(c));
}

#define ENDPOINTS                                                              \
    .kind = OBJECT_ENDPOINT, .noun = "endpoint", .key_name = "key",            \
    .is_configuration = true

static const struct collection endpoints = {ENDPOINTS, .show = show};
static const struct collection putting = {ENDPOINTS, .check = check,
                                          .to_store = to_store, .show = show};
static const struct collection patching = {
    ENDPOINTS, .to_store = to_store_patched, .show = show};
static const struct collection rotating = {
    ENDPOINTS, .deed = "rotate", .to_store = to_store_rotated, .show = show};

static void
handle_put(struct call *c)
{
    collection_put(c, &putting);
}

static void
handle_patch(struct call *c)
{
    if (json_is(c->body, JSON_OBJECT))
        collection_put(c, &patching);
    else
        call_fail_with(c, ERR_INVALID, "a merge patch is an object");
}

static void
handle_rotate(struct call *c)
{
    collection_put(c, &rotating);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &endpoints);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &endpoints);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &endpoints);
}

/* The path's, as it is known here; NULL: refused already. */
static const struct endpoint_doc *
find(struct call *c)
{
    const struct endpoint_doc *e;
    struct str key;

    if (!call_path_key(c, 0, &key))
        return NULL;
    e = workspace_endpoint(c->workspace, key);
    if (!e)
        call_fail_with(c, ERR_NOT_FOUND, "there is no such endpoint");
    return e;
}

/* ---- test ---- */

/* The first one that it listens to; NONE: the body asks for what is none. */
static enum event_kind
sample_kind(struct call *c, const struct endpoint_doc *e)
{
    struct str asked = json_str_of(c->arena, c->body, "type");

    for (int k = 0; k < EVENT_COUNT; k++)
        if (asked.n > 0 ? str_is(asked, event_name((enum event_kind)k))
                        : (e->events & EVENT_BIT(k)) != 0)
            return (enum event_kind)k;
    return EVENT_NONE;
}

static struct str
sample(struct call *c, enum event_kind kind)
{
    struct store_told told = {
        .tenant = c->workspace->tenant,
        .kind = kind,
        .at_ms = call_now_ms(c),
        .delivery = call_new_num(c),
        .notification = call_new_num(c),
        .user = STR("sample"),
        .channel = STR("email"),
        .reason = STR("sample"),
        .attempts = 1,
    };

    return told_body(c->arena, c->app, c->workspace->shard, &told,
                     call_parse(c, STR("{\"metadata\":{\"test\":true}}")));
}

static void
handle_test(struct call *c)
{
    const struct api_options *o = api_options(c->api);
    struct provider_test *t = ARENA_NEW(c->arena, struct provider_test);
    const struct endpoint_doc *e = find(c);
    enum event_kind kind = e ? sample_kind(c, e) : EVENT_NONE;

    if (!e)
        return;
    if (kind == EVENT_NONE) {
        problem_add(&c->problem, ERR_INVALID, STR("/type"),
                    "there is no such event; docs/endpoints.md lists them");
        call_refuse(c);
        return;
    }
    if (!o->start_test) {
        call_fail_with(c, ERR_NOT_SUPPORTED,
                       "this process calls nobody: ask one with the role "
                       "worker");
        return;
    }
    *t = (struct provider_test){
        .arena = c->arena,
        .tenant = c->workspace->tenant,
        .provider = e->key,
        .is_endpoint = true,
        .body = sample(c, kind),
        .loop = c->app->env->loop,
        .on_done = provider_tested,
        .arg = c,
    };
    o->start_test(o->start_test_arg, t);
}

/* ---- again ---- */

#define AGAIN_MAX 1000        /* events looked at in a commit */
#define AGAIN_COMMITS_MAX 100 /* of one request; it may ask for the rest */

struct replaying {
    struct call *call;
    struct store_tell_again again;
    size_t n_told, n_commits;
};

static void
reply_replayed(const struct replaying *x)
{
    const struct store_tell_again *a = &x->again;
    struct json_writer w;
    struct buf out;

    w = call_writer(x->call, &out);
    json_begin_object(&w);
    json_int_field(&w, "events", (int64_t)x->n_told);
    if (a->is_over)
        json_str_or_null_field(&w, "next", STR_NONE);
    else
        json_time_field(&w, "next", a->next_ms);
    json_end_object(&w);
    call_reply(x->call, 202, &out);
}

static void tell_more(struct replaying *x, int64_t after_ms, int64_t after);

static void
on_told(struct store_req *req, enum err e)
{
    struct store_tell_again *a =
        CONTAINER_OF(req, struct store_tell_again, req);
    struct replaying *x = CONTAINER_OF(a, struct replaying, again);

    if (e != ERR_OK) {
        call_fail(x->call, e);
        return;
    }
    x->n_told += a->n_told;
    if (a->is_over || ++x->n_commits == AGAIN_COMMITS_MAX)
        reply_replayed(x);
    else
        tell_more(x, a->next_ms, a->next);
}

static void
tell_more(struct replaying *x, int64_t after_ms, int64_t after)
{
    x->again.req = call_req(x->call, on_told);
    x->again.after_ms = after_ms;
    x->again.after = after;
    x->again.max = AGAIN_MAX;
    deed_tell_again(x->call->app, &x->again);
}

static event_set
wanted(struct call *c, const struct endpoint_doc *e)
{
    struct json names = json_get(c->body, "events");
    event_set all = 0;

    if (json_is(names, JSON_ABSENT))
        return e->events;
    endpoint_doc_check_events(names, &c->problem);
    for (struct json n = json_first(names); !json_is(n, JSON_ABSENT);
         n = json_next(names, n))
        all |= event_match(json_str(c->arena, n));
    return all & e->events;
}

static void
handle_replay(struct call *c)
{
    struct replaying *x = ARENA_NEW(c->arena, struct replaying);
    const struct endpoint_doc *e = find(c);

    if (!e)
        return;
    x->call = c;
    x->again = (struct store_tell_again){
        .tenant = c->workspace->tenant,
        .lane = e->lane.num,
        .kinds = wanted(c, e),
    };
    (void)time_parse(json_str_of(c->arena, c->body, "from"), &x->again.from_ms);
    (void)time_parse(json_str_of(c->arena, c->body, "to"), &x->again.to_ms);
    if (x->again.to_ms <= x->again.from_ms)
        problem_add(&c->problem, ERR_INVALID, STR("/to"),
                    "must be later than `from`");
    if (problem_is_set(&c->problem))
        call_refuse(c);
    else if (!e->lane.is_enabled)
        call_fail_with(c, ERR_CONFLICT,
                       "the endpoint is disabled: enable it before, by PATCH");
    else
        tell_more(x, 0, 0);
}

/* ---- routes ---- */

static const struct field text_row[] = {
    {.type = FIELD_STRING, .min = 1, .max = 64}};
static const struct field replay_fields[] = {
    {.name = "from",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED,
     .doc = "The first that is told again happened then or later..."},
    {.name = "to",
     .type = FIELD_TIME,
     .flags = FIELD_REQUIRED,
     .doc = "...and the last before this."},
    {.name = "events",
     .type = FIELD_ARRAY,
     .min = 1,
     .max = 64,
     .of = text_row,
     .doc = "Only these, as in the endpoint; default: all that it listens "
            "to."},
    {.type = FIELD_END},
};
static const struct field replayed_fields[] = {
    {.name = "events",
     .type = FIELD_INT,
     .doc = "How many are told again, but for those that are to be told again "
            "already."},
    {.name = "next",
     .type = FIELD_TIME,
     .flags = FIELD_NULLABLE,
     .doc = "`from` of a request for the rest, where there is much; null: that "
            "was all."},
    {.type = FIELD_END},
};
static const struct field rotate_fields[] = {
    {.name = "secret",
     .type = FIELD_STRING,
     .min = 1,
     .max = 256,
     .doc = "The new one; default: Belfry makes one."},
    {.type = FIELD_END},
};
static const struct field test_fields[] = {
    {.name = "type",
     .type = FIELD_STRING,
     .min = 1,
     .max = 64,
     .doc = "The event's; default: the first that it listens to."},
    {.type = FIELD_END},
};

const struct route endpoint_routes[] = {
    {.method = "GET",
     .path = "/v1/endpoints",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = endpoint_doc_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listEndpoints",
     .summary = "List endpoints by key.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/endpoints/{key}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = endpoint_doc_fields,
     .answer = endpoint_doc_fields,
     .statuses = {200, 201},
     .id = "putEndpoint",
     .summary = "Create or replace an endpoint; a secret that is made for it "
                "is in this answer only."},
    {.method = "PATCH",
     .path = "/v1/endpoints/{key}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_PATCH,
     .handle = handle_patch,
     .request = endpoint_doc_fields,
     .answer = endpoint_doc_fields,
     .statuses = {200},
     .id = "patchEndpoint",
     .summary = "Change an endpoint (RFC 7396), or enable it again."},
    {.method = "GET",
     .path = "/v1/endpoints/{key}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = endpoint_doc_fields,
     .statuses = {200},
     .id = "getEndpoint",
     .summary = "Look at an endpoint, and whether it works."},
    {.method = "DELETE",
     .path = "/v1/endpoints/{key}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteEndpoint",
     .summary = "Forget an endpoint; what is queued for it is not sent."},
    {.method = "POST",
     .path = "/v1/endpoints/{key}/rotate",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_rotate,
     .request = rotate_fields,
     .answer = endpoint_doc_fields,
     .statuses = {200},
     .id = "rotateEndpoint",
     .summary = "Another secret; the old one signs, too, for 24 hours."},
    {.method = "POST",
     .path = "/v1/endpoints/{key}/test",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_test,
     .request = test_fields,
     .answer = provider_test_answer,
     .statuses = {200},
     .id = "testEndpoint",
     .summary = "Send a sample of an event now, and say what came of it."},
    {.method = "POST",
     .path = "/v1/endpoints/{key}/replay",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_replay,
     .request = replay_fields,
     .answer = replayed_fields,
     .statuses = {202},
     .id = "replayEndpoint",
     .summary = "Tell it again what happened in a time, as far as that is "
                "kept."},
    {0},
};
