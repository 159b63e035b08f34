/* receipts.c - where providers' webhooks come in. They have no key of ours: the
 * URL tells the workspace, and the driver looks at the signature. */
#include "api/api.h"
#include "api/api_private.h"
#include "api/call.h"
#include "api/route.h"
#include "app/errand.h"
#include "app/press_told.h"
#include "app/receive.h"
#include "base/list.h"
#include "base/metrics.h"

struct taking {
    struct call *call;
    const struct provider *provider;
    struct channel_receipt receipt;
    struct receive receive;
    size_t n_presses; /* that are not in the books yet, and one */
    enum err press_err;
    struct channel_away away; /* where a plugin reads it */
};

/* ---- who is called ---- */

/* Without a key it is the workspace that is there from the start. */
static const struct workspace *
find_workspace(struct call *c, struct str provider)
{
    struct str key;
    int64_t tenant;

    if (!call_param(c, "key", &key))
        return snapshots_workspace_named(c->app->snapshots, STR("default"));
    if (!receive_read_key(c->app->vault, c->arena, key, provider, &tenant))
        return NULL;
    return snapshots_workspace(c->app->snapshots, tenant);
}

static const struct provider *
find_provider(struct call *c)
{
    const struct provider *p;
    struct str name;

    if (!call_path_key(c, 0, &name))
        return NULL;
    c->workspace = find_workspace(c, name);
    p = c->workspace ? workspace_provider(c->workspace, name) : NULL;
    if (p && channel_driver_takes_receipts(p->driver))
        return p;
    call_fail_with(c, ERR_NOT_FOUND,
                   "no provider of this name takes receipts here");
    return NULL;
}

/* ---- what it says ---- */

static struct str
called_url(struct call *c)
{
    const struct http_request *r = c->request;

    return str_fmt(c->arena, "%.*s%.*s%s%.*s", STR_ARG(c->app->public_url),
                   STR_ARG(r->path), r->query.p ? "?" : "", STR_ARG(r->query));
}

static void
fill_receipt(struct taking *x)
{
    struct call *c = x->call;
    const struct http_request *r = c->request;
    struct channel_header *headers =
        ARENA_ARRAY(c->arena, struct channel_header, r->n_headers + 1);

    for (size_t i = 0; i < r->n_headers; i++)
        headers[i] =
            (struct channel_header){r->headers[i].name, r->headers[i].value};
    x->receipt = (struct channel_receipt){
        .arena = c->arena,
        .config = x->provider->config,
        .method = r->method,
        .url = called_url(c),
        .query = r->query,
        .headers = headers,
        .n_headers = r->n_headers,
        .body = r->body,
        .now_ms = call_now_ms(c),
        .outcome = CHANNEL_RECEIPT_MALFORMED,
    };
}

static void
count_refusal(struct taking *x, const char *reason)
{
    metric_add(metrics_series(METRIC_receipts_refused_total,
                              str_cstr(x->call->arena, x->provider->name),
                              reason),
               1);
}

/* To guess at signatures has its price, as to guess at keys. */
static void
refuse_unsigned(struct taking *x)
{
    count_refusal(x, "unsigned");
    if (api_is_address_within(x->call))
        call_fail_with(x->call, ERR_UNAUTHORIZED,
                       "this is not signed as the provider's configuration "
                       "says, or too old");
}

static void
refuse_malformed(struct taking *x)
{
    count_refusal(x, "malformed");
    call_fail_with(x->call, ERR_MALFORMED,
                   "this is not what the provider sends");
}

/* ---- the answer ---- */

static void
run_errand(struct taking *x)
{
    const struct api_options *o = api_options(x->call->api);

    if (x->receipt.request.method.n > 0 && o->start_errand)
        o->start_errand(o->start_errand_arg,
                        errand_new(x->call->workspace->tenant,
                                   x->provider->name, &x->receipt.request));
}

static void
reply(struct taking *x)
{
    struct call *c = x->call;
    const struct channel_receipt *r = &x->receipt;
    const char *type = r->reply_type.n > 0 ? str_cstr(c->arena, r->reply_type)
                                           : "text/plain; charset=utf-8";

    run_errand(x);
    /* A plugin may say what it likes, with words of who called. */
    call_header(c, "Content-Security-Policy",
                STR("default-src 'none'; sandbox"));
    call_header(c, "X-Content-Type-Options", STR("nosniff"));
    call_reply_text(c, 200, type, r->reply);
}

/* ---- pressed buttons ---- */

static void
on_begun(void *arg, enum err e)
{
    struct taking *x = arg;

    if (x->press_err == ERR_OK)
        x->press_err = e;
    if (--x->n_presses > 0)
        return;
    if (x->press_err != ERR_OK)
        call_fail(x->call, x->press_err);
    else
        reply(x);
}

static void
press(struct taking *x, size_t i)
{
    const struct api_options *o = api_options(x->call->api);
    const struct channel_event *e = &x->receipt.events[i];

    x->n_presses++;
    press_told(&(struct press_told){
        .app = x->call->app,
        .tenant = x->call->workspace->tenant,
        .delivery = x->receive.store.events[i].found.id,
        .action = e->action,
        .event = e->id,
        .start_call = o->start_errand,
        .start_call_arg = o->start_errand_arg,
        .on_begun = on_begun,
        .arg = x,
    });
}

/* The provider is told that it was heard when each press is in the books. */
static void
on_received(struct receive *r, enum err e)
{
    struct taking *x = r->arg;

    if (e != ERR_OK) {
        call_fail(x->call, e);
        return;
    }
    x->n_presses = 1;
    for (size_t i = 0; i < x->receipt.n_events; i++)
        if (x->receipt.events[i].kind == CHANNEL_EVENT_ACTION &&
            api_options(x->call->api)->start_errand &&
            r->store.events[i].found.id != 0)
            press(x, i);
    on_begun(x, ERR_OK);
}

static void
receive(struct taking *x)
{
    x->receive = (struct receive){
        .app = x->call->app,
        .arena = x->call->arena,
        .workspace = x->call->workspace,
        .provider = x->provider,
        .receipt = &x->receipt,
        .on_done = on_received,
        .arg = x,
    };
    receive_start(&x->receive);
}

static void
take_outcome(struct taking *x)
{
    struct channel_receipt *r = &x->receipt;

    if (r->n_events > CHANNEL_EVENTS_MAX)
        r->outcome = CHANNEL_RECEIPT_MALFORMED;
    switch (r->outcome) {
    case CHANNEL_RECEIPT_UNSIGNED:
        refuse_unsigned(x);
        return;
    case CHANNEL_RECEIPT_MALFORMED:
        refuse_malformed(x);
        return;
    case CHANNEL_RECEIPT_LOST:
        call_fail_with(x->call, ERR_UNAVAILABLE,
                       "what reads this provider's webhooks does not run for "
                       "now: tell it again");
        return;
    case CHANNEL_RECEIPT_TAKEN:
        break;
    }
    if (r->n_events == 0)
        reply(x);
    else
        receive(x);
}

static void
on_read(struct channel_away *a)
{
    take_outcome(CONTAINER_OF(a, struct taking, away));
}

static void
read_away(struct taking *x)
{
    const struct channel_remote *r = x->provider->driver->remote;

    x->away = (struct channel_away){
        .loop = x->call->app->env->loop,
        .on_done = on_read,
        .receipt = &x->receipt,
        .provider = x->provider->name,
    };
    r->start(r, &x->away);
}

static void
handle(struct call *c)
{
    const struct provider *p = find_provider(c);
    struct taking *x;

    if (!p)
        return; /* it was answered, and is gone */
    x = ARENA_NEW(c->arena, struct taking);
    x->call = c;
    x->provider = p;
    fill_receipt(x);
    if (p->driver->remote) {
        read_away(x);
        return;
    }
    p->driver->receipt(&x->receipt);
    take_outcome(x);
}

static const char *const any_type[] = {
    "application/json", "application/x-www-form-urlencoded", "*/*", NULL};

const struct route receipt_routes[] = {
    {.method = "POST",
     .path = "/v1/receipts/{provider}",
     .auth = ROUTE_OPEN,
     .body = ROUTE_BODY_RAW,
     .handle = handle,
     .takes = any_type,
     .gives = "text/plain",
     .statuses = {200},
     .id = "postReceipt",
     .summary = "A provider's webhook: what became of deliveries. Its "
                "signature is checked, and no key is needed.",
     .takes_any_query = true},
    {.method = "GET",
     .path = "/v1/receipts/{provider}",
     .auth = ROUTE_OPEN,
     .handle = handle,
     .gives = "text/plain",
     .statuses = {200},
     .id = "getReceipt",
     .summary = "How some providers ask whether the address of their webhooks "
                "is ours.",
     .takes_any_query = true},
    {0},
};
