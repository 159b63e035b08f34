/* providers.c - who carries a channel's messages. PUT calls nobody. */
#include "api/api.h"
#include "api/collection.h"
#include "api/providers.h"
#include "api/route.h"
#include "api/shapes.h"
#include "app/provider_doc.h"
#include "app/receive.h"
#include "app/tester.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/url.h"
#include "domain/share.h"
#include "net/egress.h"

static const char *const strategies[] = {"exponential", "linear", "fixed",
                                         NULL};
static const char *const priorities[] = {"critical", "high", "normal", "low",
                                         NULL};
static const struct field priority_row[] = {
    {.type = FIELD_ENUM, .values = priorities}};

static const struct field rate_fields[] = {
    {.name = "per",
     .type = FIELD_DURATION,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = INT64_C(24) * 3600 * 1000},
    {.name = "limit",
     .type = FIELD_INT,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 1000000,
     .doc = "Calls in that time."},
    {.name = "burst", .type = FIELD_INT, .min = 1, .max = 1000000},
    {.name = "bypass",
     .type = FIELD_ARRAY,
     .of = priority_row,
     .doc = "Priorities that the limit does not hold back."},
    {.type = FIELD_END},
};
static const struct field cost_fields[] = {
    {.name = "amount",
     .type = FIELD_DECIMAL,
     .flags = FIELD_REQUIRED,
     .doc = "Of one delivery that the provider took; exact, and kept as it is "
            "written."},
    {.name = "currency",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 3,
     .max = 3,
     .doc = "ISO 4217."},
    {.type = FIELD_END},
};
static const struct field retry_fields[] = {
    {.name = "strategy", .type = FIELD_ENUM, .values = strategies},
    {.name = "base",
     .type = FIELD_DURATION,
     .min = 1,
     .max = INT64_C(24) * 3600 * 1000},
    {.name = "max",
     .type = FIELD_DURATION,
     .min = 1,
     .max = INT64_C(30) * 24 * 3600 * 1000},
    {.name = "attempts", .type = FIELD_INT, .min = 1, .max = 100},
    {.type = FIELD_END},
};
const struct field provider_fields[] = {
    {.name = "name", .type = FIELD_KEY},
    {.name = "channel",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "The channel it serves."},
    {.name = "driver",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "How it speaks."},
    {.name = "config",
     .type = FIELD_OBJECT,
     .doc = "The driver's own settings; secrets are shown as ***."},
    {.name = "order",
     .type = FIELD_INT,
     .min = 0,
     .max = 1000,
     .doc = "The smallest of a channel is tried first; default 1. Of several "
            "with the same one, the first by name."},
    {.name = "weight",
     .type = FIELD_INT,
     .min = 0,
     .max = SHARE_WEIGHT_MAX,
     .doc = "Its share of the load among those of the same order; 0: only "
            "when no other is left; 1 where only others of them say one. "
            "Where none does, they share nothing."},
    {.name = "adaptive",
     .type = FIELD_BOOL,
     .doc = "The share falls while the provider fails or is slow; default "
            "true."},
    {.name = "enabled", .type = FIELD_BOOL, .doc = "Default true."},
    {.name = "paused",
     .type = FIELD_BOOL,
     .flags = FIELD_READ_ONLY,
     .doc = "What is queued for it waits: pause and resume say so."},
    {.name = "concurrency",
     .type = FIELD_INT,
     .min = 1,
     .max = 1024,
     .doc = "Calls at once; default 8."},
    {.name = "timeout",
     .type = FIELD_DURATION,
     .min = 100,
     .max = 600000,
     .doc = "Of one call; default 30s."},
    {.name = "rate", .type = FIELD_OBJECT, .of = rate_fields},
    {.name = "cost", .type = FIELD_OBJECT, .of = cost_fields},
    {.name = "retry", .type = FIELD_OBJECT, .of = retry_fields},
    {.name = "receipt_url",
     .type = FIELD_STRING,
     .flags = FIELD_READ_ONLY,
     .doc = "Where the provider's webhooks go, for its console; only where "
            "the driver reads them."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

/* ---- checks ---- */

static bool
serves(const struct channel_driver *d, struct str channel)
{
    if (!d->channels)
        return true;
    for (const char *const *name = d->channels; *name; name++)
        if (str_is(channel, *name))
            return true;
    return false;
}

static void
check_channel(struct call *c, struct json doc)
{
    struct str name = json_str_of(c->arena, doc, "channel");

    if (!channel_find(name))
        channel_refuse_name(name, STR("/channel"), &c->problem);
    else if (str_is(name, "in_app"))
        problem_add(&c->problem, ERR_INVALID, STR("/channel"),
                    "in_app needs no provider");
}

/* The member that names it; else all of them. */
static struct str
place_of_host(struct arena *a, struct json config, struct str host)
{
    for (struct json m = json_first(config); !json_is(m, JSON_ABSENT);
         m = json_next(config, m)) {
        struct str text = json_is(m, JSON_STRING) ? json_str(a, m) : STR_NONE;

        if (str_eq(text, host) || str_eq(url_host(text), host))
            return field_pointer(a, STR("/config"), json_key(a, m));
    }
    return STR("/config");
}

/* A later word for "this host would never be called" helps nobody. */
static void
check_egress(struct call *c, const struct channel_driver *d, struct json config)
{
    const struct api_options *o = api_options(c->api);
    struct str host = d->host ? d->host(c->arena, config) : STR_NONE;
    char range[64] = "";

    if (host.n == 0 || o->dev_sink ||
        egress_allows_host(o->egress, host, range))
        return;
    problem_add(&c->problem, ERR_INVALID, place_of_host(c->arena, config, host),
                "this server may not call %.*s; to allow it, start the server "
                "with BELFRY_EGRESS_ALLOW=%s",
                STR_ARG(host), range);
}

/* A driver knows its config, not where that stands in the request. */
static void
check_by_driver(struct call *c, const struct channel_driver *d,
                struct json config)
{
    struct problem *p = &c->problem;
    size_t i = p->n_errors;

    channel_check(d, config, p);
    for (; i < p->n_errors; i++)
        p->errors[i].pointer =
            str_fmt(c->arena, "/config%.*s", STR_ARG(p->errors[i].pointer));
}

static void
refuse_channel(struct call *c, const struct channel_driver *d)
{
    struct buf known;

    buf_init(&known, c->arena);
    for (const char *const *name = d->channels; *name; name++)
        buf_printf(&known, "%s\"%s\"", name == d->channels ? "" : ", ", *name);
    problem_add(&c->problem, ERR_INVALID, STR("/driver"),
                "this driver does not serve that channel, but %.*s",
                STR_ARG(buf_str(&known)));
}

static void
check(struct call *c, struct str key, struct json doc)
{
    struct str name = json_str_of(c->arena, doc, "driver");
    const struct channel_driver *d = channel_driver_find(name);
    struct str channel = json_str_of(c->arena, doc, "channel");
    struct json config = json_get(doc, "config");

    (void)key;
    check_channel(c, doc);
    provider_doc_check_cost(c->arena, json_get(doc, "cost"), &c->problem);
    if (!d) {
        channel_driver_refuse_name(name, STR("/driver"), &c->problem);
        return;
    }
    if (channel_find(channel) && !serves(d, channel))
        refuse_channel(c, d);
    if (json_is(config, JSON_ABSENT)) {
        for (const struct field *f = d->config; f && f->type != FIELD_END; f++)
            if (f->flags & FIELD_REQUIRED)
                problem_add(&c->problem, ERR_INVALID,
                            str_fmt(c->arena, "/config/%s", f->name),
                            "is required");
        return;
    }
    if (d->config)
        field_check(d->config, config, STR("/config"), &c->problem);
    if (!problem_is_set(&c->problem))
        check_by_driver(c, d, config);
    if (!problem_is_set(&c->problem))
        check_egress(c, d, config);
}

static struct str
to_store(struct call *c, struct str key, struct json doc, struct json before)
{
    struct str purpose =
        provider_doc_purpose(c->arena, c->workspace->tenant, key);

    provider_doc_check(c->arena, doc, before, &c->problem);
    return provider_doc_seal(c->arena, c->app->vault, purpose, doc, before);
}

static const struct collection providers;

/* One that was put as it is shown has members that an answer adds. */
static void
show(struct call *c, struct json_writer *w, const struct object *o,
     struct json stored)
{
    const struct channel_driver *d =
        channel_driver_find(json_str_of(c->arena, stored, "driver"));
    struct json_writer own;
    struct buf out;

    buf_init(&out, c->arena);
    own = json_writer(&out);
    json_begin_object(&own);
    collection_write_members(c, &providers, &own, stored);
    json_end_object(&own);
    provider_doc_show(c->arena, call_parse(c, buf_str(&out)), w);
    if (d && channel_driver_takes_receipts(d))
        json_str_field(
            w, "receipt_url",
            str_fmt(c->arena, "%.*s%.*s", STR_ARG(c->app->public_url),
                    STR_ARG(receive_path(c->app->vault, c->arena,
                                         c->workspace->tenant, o->key))));
}

static const struct collection providers = {
    .kind = OBJECT_PROVIDER,
    .noun = "provider",
    .key_name = "name",
    .is_configuration = true,
    .check = check,
    .to_store = to_store,
    .show = show,
};

static void
handle_put(struct call *c)
{
    collection_put(c, &providers);
}

static void
handle_get(struct call *c)
{
    collection_get(c, &providers);
}

static void
handle_list(struct call *c)
{
    collection_list(c, &providers);
}

static void
handle_delete(struct call *c)
{
    collection_delete(c, &providers);
}

/* ---- pause and resume ---- */

/* What is stored has its secrets sealed, so no driver looks at it again. */
static const struct collection pausable = {
    .kind = OBJECT_PROVIDER,
    .noun = "provider",
    .key_name = "name",
    .is_configuration = true,
    .show = show,
};

void
provider_pause(struct call *c)
{
    c->body = call_parse(c, STR("{\"paused\":true}"));
    collection_patch(c, &pausable, provider_fields);
}

void
provider_resume(struct call *c)
{
    c->body = call_parse(c, STR("{\"paused\":null}"));
    collection_patch(c, &pausable, provider_fields);
}

/* ---- test ---- */

void
provider_tested(struct provider_test *t)
{
    struct call *c = t->arg;
    struct json_writer w;
    struct buf out;

    if (t->err != ERR_OK) {
        call_fail(c, t->err);
        return;
    }
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "verdict", str_from(verdict_name(t->verdict)));
    json_str_or_null_field(&w, "reason",
                           t->is_kept ? reason_code(REASON_SANDBOX_NOT_SENT)
                                      : STR_NONE);
    write_outcome(&w, t->status, t->detail, t->duration_ms);
    json_end_object(&w);
    call_reply(c, 200, &out);
}

static void
handle_test(struct call *c)
{
    const struct api_options *o = api_options(c->api);
    struct provider_test *t = ARENA_NEW(c->arena, struct provider_test);
    struct str title = json_str_of(c->arena, c->body, "title");
    struct str body = json_str_of(c->arena, c->body, "body");

    *t = (struct provider_test){
        .arena = c->arena,
        .tenant = c->workspace->tenant,
        .address = json_str_of(c->arena, c->body, "to"),
        .title = title.n ? title : STR("Test of a provider"),
        .body = body.n ? body : STR("This is a test message."),
        .loop = c->app->env->loop,
        .on_done = provider_tested,
        .arg = c,
    };
    if (!call_path_key(c, 0, &t->provider))
        return;
    if (!workspace_provider(c->workspace, t->provider))
        call_fail_with(c, ERR_NOT_FOUND, "there is no such provider");
    else if (!o->start_test)
        call_fail_with(c, ERR_NOT_SUPPORTED,
                       "this process calls nobody: ask one with the role "
                       "worker");
    else
        o->start_test(o->start_test_arg, t);
}

static const struct field test_request[] = {
    {.name = "to",
     .type = FIELD_STRING,
     .max = 2048,
     .doc = "Address; without one the provider's own target."},
    {.name = "title", .type = FIELD_STRING, .max = 1024},
    {.name = "body", .type = FIELD_STRING, .max = 65536},
    {.type = FIELD_END},
};
const struct field provider_test_answer[] = {
    {.name = "verdict", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "reason",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_NULLABLE,
     .doc = "`sandbox.not_sent` with `--dev`: the development sink took it, "
            "and nobody else was asked."},
    {.name = "status", .type = FIELD_INT, .flags = FIELD_NULLABLE},
    {.name = "detail", .type = FIELD_STRING},
    {.name = "duration", .type = FIELD_DURATION},
    {.type = FIELD_END},
};

const struct route provider_routes[] = {
    {.method = "GET",
     .path = "/v1/providers",
     .scope = AUTH_READ,
     .handle = handle_list,
     .answer = provider_fields,
     .is_list = true,
     .statuses = {200},
     .id = "listProviders",
     .summary = "List providers by name.",
     .query = route_page_params},
    {.method = "PUT",
     .path = "/v1/providers/{name}",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_JSON,
     .handle = handle_put,
     .request = provider_fields,
     .answer = provider_fields,
     .statuses = {200, 201},
     .id = "putProvider",
     .summary = "Create or replace a provider."},
    {.method = "GET",
     .path = "/v1/providers/{name}",
     .scope = AUTH_READ,
     .handle = handle_get,
     .answer = provider_fields,
     .statuses = {200},
     .id = "getProvider",
     .summary = "Look at a provider."},
    {.method = "DELETE",
     .path = "/v1/providers/{name}",
     .scope = AUTH_WRITE,
     .handle = handle_delete,
     .statuses = {204},
     .id = "deleteProvider",
     .summary = "Remove a provider; what waits for it goes to the next."},
    {.method = "POST",
     .path = "/v1/providers/{name}/test",
     .scope = AUTH_WRITE,
     .body = ROUTE_BODY_MAYBE,
     .handle = handle_test,
     .request = test_request,
     .answer = provider_test_answer,
     .statuses = {200},
     .id = "testProvider",
     .summary = "Send one test message now, outside the queue."},
    {.method = "POST",
     .path = "/v1/providers/{name}/pause",
     .scope = AUTH_WRITE,
     .handle = provider_pause,
     .answer = provider_fields,
     .statuses = {200},
     .id = "pauseProvider",
     .summary = "Let what is queued for a provider wait; calls under way end."},
    {.method = "POST",
     .path = "/v1/providers/{name}/resume",
     .scope = AUTH_WRITE,
     .handle = provider_resume,
     .answer = provider_fields,
     .statuses = {200},
     .id = "resumeProvider",
     .summary = "Go on with a provider that was paused."},
    {0},
};
