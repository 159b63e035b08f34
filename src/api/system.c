/* system.c - how the server is: health, metrics, its own description. */
#include "api/api.h"
#include "api/route.h"
#include "app/cluster.h"
#include "base/list.h"
#include "base/metrics.h"

static void
handle_healthz(struct call *c)
{
    call_reply_text(c, 200, "text/plain; charset=utf-8", STR("ok\n"));
}

static void
handle_readyz(struct call *c)
{
    const struct api_options *o = api_options(c->api);
    struct buf components;
    struct json_writer w;

    w = call_writer(c, &components);
    if (o->is_draining && __atomic_load_n(o->is_draining, __ATOMIC_RELAXED))
        call_reply_text(c, 503, "text/plain; charset=utf-8", STR("draining\n"));
    else if (health_write(&w, STR("store")) == HEALTH_DOWN)
        call_reply_text(c, 503, "text/plain; charset=utf-8", STR("down\n"));
    else
        call_reply_text(c, 200, "text/plain; charset=utf-8", STR("ready\n"));
}

/* ---- of all processes ---- */

struct asking {
    struct call *call;
    struct cluster cluster;
};

static void
ask_all(struct call *c, bool wants_metrics, void (*on_done)(struct cluster *))
{
    struct asking *x = ARENA_NEW(c->arena, struct asking);

    *x = (struct asking){.call = c,
                         .cluster = {.app = c->app,
                                     .arena = c->arena,
                                     .wants_metrics = wants_metrics,
                                     .on_done = on_done}};
    if (cluster_is_shared(c->app))
        cluster_ask(&x->cluster);
    else
        on_done(&x->cluster);
}

static struct call *
call_of(struct cluster *all)
{
    return CONTAINER_OF(all, struct asking, cluster)->call;
}

static void
tell_health(struct cluster *all)
{
    struct call *c = call_of(all);
    struct buf components, out;
    struct json_writer w;
    struct str only = STR_NONE;
    enum health worst;

    if (!c->is_root)
        only = str_fmt(c->arena, "provider/%.*s/", STR_ARG(c->workspace->key));
    w = call_writer(c, &components);
    worst = cluster_write_health(
        all, only, api_options(c->api)->config->database_lease_ms, &w);
    w = call_writer(c, &out);
    json_begin_object(&w);
    json_str_field(&w, "status", str_from(health_name(worst)));
    json_raw_field(&w, "components", buf_str(&components));
    json_end_object(&w);
    call_reply(c, 200, &out);
}

static void
handle_health(struct call *c)
{
    ask_all(c, false, tell_health);
}

static void
tell_metrics(struct cluster *all)
{
    struct call *c = call_of(all);
    struct buf out;

    buf_init(&out, c->arena);
    cluster_write_metrics(all, &out);
    call_reply_text(c, 200, METRICS_CONTENT_TYPE, buf_str(&out));
}

static void
handle_metrics(struct call *c)
{
    ask_all(c, true, tell_metrics);
}

static void
handle_openapi(struct call *c)
{
    const struct api_options *o = api_options(c->api);
    struct buf out;

    buf_init(&out, c->arena);
    openapi_write(str_cstr(c->arena, c->app->public_url), o->dev_sink != NULL,
                  &out);
    call_reply(c, 200, &out);
}

/* The page that problem types point to. */
static void
handle_errors(struct call *c)
{
    struct buf out;

    buf_init(&out, c->arena);
    buf_put_cstr(&out, "<!doctype html><meta charset=\"utf-8\">"
                       "<title>Belfry: errors</title><h1>Errors</h1>");
    for (int e = ERR_OK + 1; e < ERR_COUNT; e++)
        buf_printf(&out, "<h2 id=\"%s\">%s</h2><p>HTTP %d. %s.</p><p>%s</p>\n",
                   err_code((enum err)e), err_code((enum err)e),
                   err_http_status((enum err)e), err_title((enum err)e),
                   err_help((enum err)e));
    call_header(c, "Content-Security-Policy", STR("default-src 'none'"));
    call_reply_text(c, 200, "text/html; charset=utf-8", buf_str(&out));
}

static const char *const healths[] = {"ok", "degraded", "down", NULL};
static const struct field component_fields[] = {
    {.name = "name", .type = FIELD_STRING, .flags = FIELD_REQUIRED},
    {.name = "status",
     .type = FIELD_ENUM,
     .values = healths,
     .flags = FIELD_REQUIRED},
    {.name = "detail", .type = FIELD_STRING},
    {.name = "at", .type = FIELD_TIME, .flags = FIELD_NULLABLE},
    {.type = FIELD_END},
};
static const struct field component_row[] = {
    {.type = FIELD_OBJECT, .of = component_fields}};
static const struct field health_fields[] = {
    {.name = "status",
     .type = FIELD_ENUM,
     .values = healths,
     .flags = FIELD_REQUIRED},
    {.name = "components",
     .type = FIELD_ARRAY,
     .of = component_row,
     .flags = FIELD_REQUIRED},
    {.type = FIELD_END},
};

const struct route system_routes[] = {
    {.method = "GET",
     .path = "/healthz",
     .auth = ROUTE_OPEN,
     .handle = handle_healthz,
     .gives = "text/plain",
     .statuses = {200},
     .id = "healthz",
     .summary = "The process runs."},
    {.method = "GET",
     .path = "/readyz",
     .auth = ROUTE_OPEN,
     .handle = handle_readyz,
     .gives = "text/plain",
     .statuses = {200, 503},
     .id = "readyz",
     .summary = "The process takes requests."},
    {.method = "GET",
     .path = "/openapi.json",
     .auth = ROUTE_OPEN,
     .handle = handle_openapi,
     .statuses = {200},
     .id = "openapi",
     .summary = "This document."},
    {.method = "GET",
     .path = "/docs/errors",
     .auth = ROUTE_OPEN,
     .handle = handle_errors,
     .gives = "text/html",
     .statuses = {200},
     .id = "errors",
     .summary = "What each problem type means."},
    {.method = "GET",
     .path = "/v1/health",
     .scope = AUTH_READ,
     .handle = handle_health,
     .answer = health_fields,
     .statuses = {200},
     .id = "getHealth",
     .summary = "How each component is."},
    {.method = "GET",
     .path = "/metrics",
     .auth = ROUTE_METRICS,
     .scope = AUTH_METRICS,
     .handle = handle_metrics,
     .gives = "text/plain",
     .statuses = {200},
     .id = "metrics",
     .summary = "Metrics in the Prometheus text format."},
    {0},
};
