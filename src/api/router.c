/* router.c - from a request to its handler: route, key, body. Every request
 * gets exactly one answer, and the log one line. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api.h"
#include "api/api_private.h"
#include "api/novu.h"
#include "api/route.h"
#include "auth/token.h"
#include "base/clock.h"
#include "base/limiter.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "net/cors.h"

#define SCOPES_ALL                                                             \
    (AUTH_SEND | AUTH_READ | AUTH_WRITE | AUTH_ADMIN | AUTH_METRICS)

struct api {
    struct api_options options;
    struct cors_policy cors;
    size_t in_flight;
};

const char *const route_page_params[] = {"limit", "after", NULL};

const struct route *const route_tables[] = {
    notification_routes,
    delivery_routes,
    digest_routes,
    user_routes,
    user_export_routes,
    preference_routes,
    suppression_routes,
    device_routes,
    best_time_routes,
    topic_routes,
    cancel_routes,
    approval_routes,
    category_routes,
    schedule_routes,
    workflow_routes,
    experiment_routes,
    flag_routes,
    endpoint_routes,
    event_routes,
    explain_routes,
    provider_routes,
    receipt_routes,
    template_routes,
    workspace_routes,
    key_routes,
    audit_routes,
    inbox_routes,
    action_routes,
    token_routes,
    system_routes,
    lane_routes,
    processor_routes,
    unsubscribe_routes,
    tracking_routes,
    dev_routes,
    novu_event_routes,
    novu_subscriber_routes,
    novu_preference_routes,
    novu_topic_routes,
    novu_subscription_routes,
    novu_subscribed_routes,
    NULL,
};

const struct api_options *
api_options(const struct api *a)
{
    return &a->options;
}

size_t
api_in_flight(const struct api *a)
{
    return a->in_flight;
}

const char *
api_problem_base(const struct api *a, struct arena *arena)
{
    return str_cstr(arena, str_fmt(arena, "%.*s" PROBLEM_PATH,
                                   STR_ARG(a->options.app->public_url)));
}

size_t
api_max_body(const struct api *a)
{
    return (size_t)a->options.config->http_max_body;
}

/* ---- matching ---- */

static bool
decode_param(struct arena *a, struct str raw, struct str *ret)
{
    char *text = arena_alloc(a, raw.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < raw.n; i++) {
        int high, low;

        if (raw.p[i] != '%') {
            text[n++] = raw.p[i];
            continue;
        }
        if (raw.n - i < 3)
            return false;
        high = str_hex_digit(raw.p[i + 1]);
        low = str_hex_digit(raw.p[i + 2]);
        if (high < 0 || low < 0)
            return false;
        text[n++] = (char)(high * 16 + low);
        i += 2;
    }
    *ret = (struct str){text, n};
    return str_is_text(*ret);
}

/* Segments in braces match anything that is not empty. */
static bool
path_matches(struct arena *a, const char *pattern, struct str path,
             struct str params[2])
{
    struct str want = str_from(pattern), want_part, part;
    int n = 0;

    for (;;) {
        bool has_want = str_split(&want, '/', &want_part);
        bool has = str_split(&path, '/', &part);

        if (!has_want || !has)
            return has_want == has;
        if (want_part.n > 0 && want_part.p[0] == '{') {
            if (part.n == 0 || !decode_param(a, part, &params[n]))
                return false;
            n++;
        } else if (!str_eq(want_part, part)) {
            return false;
        }
    }
}

static void
note_method(struct buf *allow, const char *method)
{
    if (allow->n > 0)
        buf_put_cstr(allow, ", ");
    buf_put_cstr(allow, method);
    if (strcmp(method, "GET") == 0)
        buf_put_cstr(allow, ", HEAD");
}

/* NULL: none; `allow` then names the methods of the path, if there is one. */
static const struct route *
find_route(struct api *api, struct arena *a, const struct http_request *r,
           struct str params[2], struct buf *allow)
{
    bool is_head = str_is(r->method, "HEAD");

    for (const struct route *const *t = route_tables; *t; t++) {
        for (const struct route *row = *t; row->method; row++) {
            if ((row->is_dev_only && !api->options.dev_sink) ||
                !path_matches(a, row->path, r->path, params))
                continue;
            if (str_is(r->method, row->method) ||
                (is_head && strcmp(row->method, "GET") == 0))
                return row;
            note_method(allow, row->method);
        }
    }
    return NULL;
}

/* ---- who asks ---- */

static void
count_auth_failure(const char *kind)
{
    metric_add(metrics_series(METRIC_auth_failures_total, kind), 1);
}

static bool
is_within(struct call *c, struct limiter *l, struct str name, const char *scope)
{
    int64_t now_ms = loop_now_ms(c->app->env->loop), wait_ms;

    if (!l || limiter_take(l, name, now_ms, &wait_ms))
        return true;
    metric_add(metrics_series(METRIC_rate_limited_total, scope), 1);
    c->problem.retry_after_s = (wait_ms + 999) / 1000;
    call_fail_with(c, ERR_RATE_LIMITED, "too many requests of this %s", scope);
    return false;
}

bool
api_is_address_within(struct call *c)
{
    return is_within(c, api_options(c->api)->address_limiter, c->request->peer,
                     "address");
}

/* Guessing keys has a price, from whichever address. */
static bool
refuse_auth(struct call *c, enum err e, const char *why)
{
    count_auth_failure(err_code(e));
    if (api_is_address_within(c))
        call_fail_with(c, e, "%s", why);
    return false;
}

static bool
is_key_within(struct call *c)
{
    struct str name = c->is_root ? STR("root") : c->key_id;

    return name.n == 0 ||
           is_within(c, api_options(c->api)->key_limiter, name, "key");
}

/* Novu's clients say ApiKey, on the routes that are theirs. */
static struct str
bearer(const struct http_request *r)
{
    struct str h = http_request_header(r, "Authorization");

    if (h.n > 7 &&
        (str_ieq(str_sub(h, 0, 7), STR("Bearer ")) ||
         (novu_is_path(r->path) && str_ieq(str_sub(h, 0, 7), STR("ApiKey ")))))
        return str_trim(str_sub(h, 7, h.n));
    return STR_NONE;
}

static bool
enter_as_root(struct call *c)
{
    struct str name = http_request_header(c->request, "X-Belfry-Workspace");

    c->is_root = true;
    c->scopes = SCOPES_ALL;
    c->workspace = snapshots_workspace_named(c->app->snapshots,
                                             name.n ? name : STR("default"));
    if (c->workspace)
        return true;
    call_fail_with(c, ERR_NOT_FOUND, "there is no workspace of that name");
    return false;
}

static bool
enter_with_key(struct call *c, struct str id, struct str secret)
{
    struct auth_key k;

    if (!snapshots_key(c->app->snapshots, id, &k) ||
        !auth_key_matches(&k, secret))
        return refuse_auth(c, ERR_UNAUTHORIZED, "this key is not known");
    if (k.expires_ms != 0 && k.expires_ms <= call_now_ms(c))
        return refuse_auth(c, ERR_UNAUTHORIZED, "this key has expired");
    c->key_id = str_dup(c->arena, str_from(k.id));
    c->key_name = str_dup(c->arena, str_from(k.name));
    c->expires_ms = k.expires_ms;
    c->scopes = k.scopes & AUTH_ADMIN ? SCOPES_ALL : k.scopes;
    c->workspace = snapshots_workspace(c->app->snapshots, k.tenant);
    if (c->workspace)
        return true;
    return refuse_auth(c, ERR_UNAUTHORIZED,
                       "the workspace of this key is gone");
}

static bool
enter_with_token(struct call *c, struct str text)
{
    struct token_claims claims;

    if (!token_read(c->app->vault, c->arena, text, call_now_ms(c), &claims))
        return refuse_auth(c, ERR_UNAUTHORIZED,
                           "this is neither a key nor a token that is valid "
                           "now");
    c->workspace =
        snapshots_workspace_named(c->app->snapshots, claims.workspace);
    if (!c->workspace)
        return refuse_auth(c, ERR_UNAUTHORIZED,
                           "the workspace of this token is gone");
    c->user = claims.user;
    c->expires_ms = claims.expires_ms;
    return true;
}

static bool
enter(struct call *c)
{
    struct str text = bearer(c->request), id, secret;
    struct str root = c->api->options.config->server_bootstrap_key;

    if (text.n == 0)
        return refuse_auth(c, ERR_UNAUTHORIZED,
                           "send Authorization: Bearer KEY");
    if (root.n > 0 && auth_key_is_same(text, root))
        return enter_as_root(c);
    if (auth_key_split(text, &id, &secret))
        return enter_with_key(c, id, secret);
    return enter_with_token(c, text);
}

static bool
may(struct call *c)
{
    const struct route *r = c->route;

    if (r->auth == ROUTE_USER && c->user.n > 0)
        return true;
    if (c->user.n > 0)
        return refuse_auth(c, ERR_FORBIDDEN,
                           "a user's token opens inbox routes only");
    if (c->scopes & r->scope)
        return true;
    count_auth_failure("scope");
    call_fail_with(c, ERR_FORBIDDEN, "this needs the scope \"%s\"",
                   auth_scope_name(r->scope));
    return false;
}

static bool
is_allowed(struct call *c)
{
    const struct route *r = c->route;

    if (r->auth == ROUTE_OPEN)
        return true;
    if (r->auth == ROUTE_METRICS && c->request->is_loopback &&
        bearer(c->request).n == 0)
        return true;
    return enter(c) && is_key_within(c) && may(c);
}

/* ---- what comes with it ---- */

const struct field *
route_fields(const struct route *r)
{
    static const struct field none[] = {{.type = FIELD_END}};

    return r->body == ROUTE_BODY_NONE ? none : r->request;
}

/* Clients that always send JSON may send {} where nothing is asked for. */
bool
route_takes_body(const struct route *r)
{
    return r->body != ROUTE_BODY_NONE || strcmp(r->method, "POST") == 0;
}

static bool
read_body(struct call *c)
{
    const struct route *r = c->route;
    struct json_error why;

    if (r->body == ROUTE_BODY_RAW)
        return true;
    if (c->request->body.n == 0 &&
        (r->body == ROUTE_BODY_NONE || r->body == ROUTE_BODY_MAYBE))
        return true;
    if (!route_takes_body(r)) {
        call_fail_with(c, ERR_MALFORMED, "this route takes no body");
        return false;
    }
    if (!call_has_json(c)) {
        call_fail_with(c, ERR_MEDIA_TYPE, "send application/json");
        return false;
    }
    if (json_parse(c->arena, c->request->body, &c->doc, &why) != ERR_OK) {
        call_fail_with(c, ERR_MALFORMED, "byte %zu of the body: %s", why.at,
                       why.why);
        return false;
    }
    c->body = json_root(&c->doc);
    if (route_fields(r) && r->body != ROUTE_BODY_PATCH)
        field_check(route_fields(r), c->body, STR(""), &c->problem);
    if (problem_is_set(&c->problem)) {
        call_refuse(c);
        return false;
    }
    return true;
}

static bool
has_known_query(struct call *c)
{
    return c->route->takes_any_query || call_only_params(c, c->route->query);
}

/* ---- one request ---- */

static struct str
make_request_id(const struct api *api, struct arena *a)
{
    return str_fmt(a, "req_%016llx",
                   (unsigned long long)rng_next(api->options.app->env->rng));
}

/* W3C Trace Context, version 00, or nothing. */
static struct str
trace_parent(const struct http_request *r)
{
    struct str t = http_request_header(r, "traceparent");

    if (t.n != 55 || !str_starts(t, STR("00-")) || t.p[35] != '-' ||
        t.p[52] != '-')
        return STR_NONE;
    for (size_t i = 3; i < t.n; i++)
        if (i != 35 && i != 52 &&
            !((t.p[i] >= '0' && t.p[i] <= '9') ||
              (t.p[i] >= 'a' && t.p[i] <= 'f')))
            return STR_NONE;
    return t;
}

static void
add_cors(struct call *c, const struct cors_answer *cors)
{
    for (size_t i = 0; i < cors->n_headers; i++)
        call_header(c, str_cstr(c->arena, cors->headers[i].name),
                    cors->headers[i].value);
}

static void
on_request(void *arg, struct http_exchange *x, const struct http_request *r)
{
    struct api *api = arg;
    struct call *c = ARENA_NEW(r->arena, struct call);
    struct cors_answer cors;
    struct buf allow;

    *c = (struct call){
        .api = api,
        .app = api->options.app,
        .exchange = x,
        .request = r,
        .arena = r->arena,
        .started_ms = loop_now_ms(api->options.app->env->loop),
        .traceparent = trace_parent(r),
    };
    api->in_flight++;
    problem_init(&c->problem, c->arena);
    c->request_id = make_request_id(api, c->arena);
    call_header(c, "X-Request-Id", c->request_id);
    cors_decide(&api->cors, r, &cors);
    add_cors(c, &cors);
    if (cors.is_preflight) {
        call_reply_empty(c, 204);
        return;
    }
    buf_init(&allow, c->arena);
    c->route = find_route(api, c->arena, r, c->params, &allow);
    if (!c->route && allow.n > 0) {
        call_header(c, "Allow", buf_str(&allow));
        call_fail(c, ERR_METHOD);
    } else if (!c->route) {
        call_fail_with(c, ERR_NOT_FOUND, "there is no such route");
    } else if (is_allowed(c) && has_known_query(c) && read_body(c)) {
        c->route->handle(c);
    }
}

void
api_call_ends(struct call *c, int status)
{
    const char *route = c->route ? c->route->path : "none";
    const char *method = c->route ? c->route->method : "other";
    int64_t took_ms = loop_now_ms(c->app->env->loop) - c->started_ms;
    char code[8];

    c->api->in_flight--;
    snprintf(code, sizeof(code), "%d", status);
    metric_add(metrics_series(METRIC_http_requests_total, route, method, code),
               1);
    metric_observe_ms(
        metrics_series(METRIC_http_request_duration_seconds, route), took_ms);
    LOG_DEBUG("http.request", log_str("request_id", c->request_id),
              log_cstr("method", method), log_cstr("route", route),
              log_int("status", status), log_int("dur_ms", took_ms));
    if (status >= 500)
        LOG_WARN("http.failed", log_str("request_id", c->request_id),
                 log_cstr("route", route), log_int("status", status),
                 log_str("detail", c->problem.detail));
}

static bool
is_known(const struct api *api, const struct http_request *r)
{
    struct str text = bearer(r), id, secret;
    struct str root = api->options.config->server_bootstrap_key;
    struct auth_key k;

    if (text.n > 0 && root.n > 0 && auth_key_is_same(text, root))
        return true;
    return auth_key_split(text, &id, &secret) &&
           snapshots_key(api->options.app->snapshots, id, &k) &&
           auth_key_matches(&k, secret);
}

/* Of what is sure to fit, nobody is asked. */
static bool
may_be_beyond(const struct http_request *r, size_t n)
{
    uint64_t length;

    return !str_to_u64(http_request_header(r, "Content-Length"), &length) ||
           length > n;
}

/* Strangers get no room for files and batches. */
static size_t
body_limit(void *arg, const struct http_request *r)
{
    struct api *api = arg;
    const struct config *config = api->options.config;
    const size_t most = api_max_body(api);
    struct str params[2];
    struct buf allow;
    const struct route *row;
    size_t limit = most;

    buf_init(&allow, r->arena);
    row = find_route(api, r->arena, r, params, &allow);
    if (row && row->has_files && (size_t)config->http_max_send > most)
        limit = (size_t)config->http_max_send;
    else if (row && row->is_batch)
        limit = (size_t)config->http_max_batch;
    return limit > most && may_be_beyond(r, most) && !is_known(api, r) ? most
                                                                       : limit;
}

static void
on_refusal(void *arg, struct http_refusal *r)
{
    struct api *api = arg;
    struct str id = make_request_id(api, r->arena);
    struct problem p;

    problem_init(&p, r->arena);
    problem_set(&p, r->err, "%s", r->detail);
    problem_write(&p, api_problem_base(api, r->arena), id, r->body);
    r->headers[r->n_headers++] = (struct http_header){STR("X-Request-Id"), id};
    LOG_DEBUG("http.refused", log_str("request_id", id),
              log_cstr("code", err_code(r->err)),
              log_cstr("detail", r->detail));
}

struct http_handler
api_handler(struct api *a)
{
    return (struct http_handler){
        .arg = a,
        .body_limit = body_limit,
        .on_request = on_request,
        .on_refusal = on_refusal,
    };
}

struct api *
api_new(const struct api_options *o)
{
    struct api *a = xcalloc(1, sizeof(*a));

    a->options = *o;
    a->cors = (struct cors_policy){
        .origins = o->config->server_cors_origins.items,
        .n_origins = o->config->server_cors_origins.n,
        .exposed = STR("X-Request-Id, ETag, Retry-After, Idempotent-Replayed"),
    };
    return a;
}

void
api_free(struct api *a)
{
    free(a);
}
