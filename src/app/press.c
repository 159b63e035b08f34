/* press.c - see press.h. */
#include "app/press.h"

#include "app/press_secret.h"
#include "auth/vault.h"
#include "base/clock.h"
#include "base/hmac.h"
#include "base/list.h"
#include "base/log.h"
#include "base/url.h"
#include "store/store.h"

/* Kept as the status of what was not answered. */
enum { NO_EGRESS = -1, NO_TIME = -2, NO_ANSWER = -3, NO_URL = -4 };

static int64_t
wall_ms(const struct pressing *p)
{
    struct clock *clock = p->app->env->clock;

    return clock->wall_ms(clock);
}

static struct store_req
request(struct pressing *p, void (*on_done)(struct store_req *, enum err))
{
    return (struct store_req){
        .arena = p->arena, .loop = p->app->env->loop, .on_done = on_done};
}

static struct str
public_id(const struct pressing *p, const char *prefix, int64_t id)
{
    char *text = arena_alloc(p->arena, ID_TEXT_MAX);

    return id_format(text, vault_id_key(p->app->vault), prefix,
                     p->workspace->shard, id);
}

/* ---- actions ---- */

struct json
press_find(struct arena *a, struct json actions, struct str id)
{
    for (struct json x = json_first(actions); !json_is(x, JSON_ABSENT);
         x = json_next(actions, x))
        if (str_eq(json_str_of(a, x, "id"), id))
            return x;
    return (struct json){0};
}

static bool
is_called(struct str endpoint)
{
    return url_host(endpoint).n > 0;
}

struct str
press_link(struct arena *a, struct json action)
{
    struct str endpoint = json_str_of(a, action, "api_endpoint");

    return endpoint.n > 0 && !is_called(endpoint)
               ? endpoint
               : json_str_of(a, action, "url");
}

const char *
press_reason(const struct press *p)
{
    static const char *const reasons[] = {[-NO_EGRESS] = "egress.refused",
                                          [-NO_TIME] = "timeout",
                                          [-NO_ANSWER] = "unreachable",
                                          [-NO_URL] = "url.invalid"};

    return p->state == PRESS_FAILED && p->status < 0 ? reasons[-p->status]
                                                     : NULL;
}

/* ---- the end ---- */

static void
on_ended(struct store_req *req, enum err e)
{
    struct store_press *s = CONTAINER_OF(req, struct store_press, req);
    struct pressing *p = CONTAINER_OF(s, struct pressing, store);

    p->on_done(p, e);
}

/* Where another press took over meanwhile, that one's word counts. */
static void
end(struct pressing *p, enum press_state state, int status)
{
    p->store.req = request(p, on_ended);
    p->store.is_end = true;
    p->store.press.state = state;
    p->store.press.status = status;
    store_press(p->app->env->store, &p->store);
}

/* ---- the call ---- */

static int
status_of(const struct channel_answer *a)
{
    if (a->outcome == CHANNEL_ANSWERED)
        return a->status;
    if (a->cause == CHANNEL_CAUSE_EGRESS)
        return NO_EGRESS;
    if (a->cause == CHANNEL_CAUSE_URL)
        return NO_URL;
    return a->cause == CHANNEL_CAUSE_TIMEOUT ? NO_TIME : NO_ANSWER;
}

static void
on_answer(struct outcall *o, const struct channel_answer *a)
{
    struct pressing *p = CONTAINER_OF(o, struct pressing, call);
    int status = status_of(a);

    if (status < 0)
        LOG_INFO("action.call_failed", log_str("action", o->name),
                 log_str("detail", a->detail));
    end(p, status / 100 == 2 ? PRESS_DONE : PRESS_FAILED, status);
}

static struct str
body_of(struct pressing *p)
{
    struct str data = json_raw(json_get(p->action, "data"));
    struct json_writer w;
    struct buf out;

    buf_init(&out, p->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "action", p->store.action);
    json_str_or_null_field(&w, "user", p->user);
    json_str_or_null_field(&w, "item_id",
                           p->item ? public_id(p, "itm", p->item) : STR_NONE);
    json_str_field(&w, "notification_id", public_id(p, "ntf", p->notification));
    json_str_field(&w, "delivery_id", public_id(p, "dlv", p->delivery));
    json_str_field(&w, "channel", p->channel);
    json_time_field(&w, "pressed_at", p->store.press.at_ms);
    json_raw_field(&w, "data", data.n > 0 ? data : STR("null"));
    json_end_object(&w);
    return buf_str(&out);
}

static void
sign(struct pressing *p, struct channel_request *r)
{
    const struct workspace *w = p->workspace;
    int64_t now_ms = wall_ms(p);
    struct standard_secrets secrets = press_secret_all(
        p->app->vault, p->arena, w->tenant, &w->press_secret, now_ms);
    struct str id = public_id(p, "prs", p->store.press.id);
    struct str timestamp =
        str_fmt(p->arena, "%lld", (long long)(now_ms / 1000));
    struct buf signature;

    buf_init(&signature, p->arena);
    standard_put_signatures(p->arena, &secrets, id, timestamp, r->body,
                            &signature);
    r->headers[0] = (struct channel_header){STR("webhook-id"), id};
    r->headers[1] =
        (struct channel_header){STR("webhook-timestamp"), timestamp};
    r->headers[2] =
        (struct channel_header){STR("webhook-signature"), buf_str(&signature)};
    r->headers[3] =
        (struct channel_header){STR("Content-Type"), STR("application/json")};
    r->n_headers = r->body.n > 0 ? 4 : 3;
}

static void
call(struct pressing *p)
{
    struct channel_request *r = &p->call.request;
    struct str method = json_str_of(p->arena, p->action, "method");

    p->call = (struct outcall){.arena = p->arena,
                               .tenant = p->workspace->tenant,
                               .name = p->store.action,
                               .timeout_ms = PRESS_TIMEOUT_MS,
                               .on_done = on_answer};
    r->kind = CHANNEL_REQUEST_HTTP;
    r->method = method.n > 0 ? method : STR("POST");
    r->url = p->url;
    if (url_fault(r->url)) {
        end(p, PRESS_FAILED, NO_URL);
        return;
    }
    if (!str_is(r->method, "GET"))
        r->body = body_of(p);
    sign(p, r);
    p->start_call(p->start_call_arg, &p->call);
}

/* ---- read ---- */

static void
go_on(struct pressing *p)
{
    if (p->url.n > 0)
        call(p);
    else
        end(p, PRESS_DONE, 0);
}

static void
on_read(struct store_req *req, enum err e)
{
    struct store_inbox_mark *m =
        CONTAINER_OF(req, struct store_inbox_mark, req);
    struct pressing *p = CONTAINER_OF(m, struct pressing, mark);

    if (e != ERR_OK && e != ERR_NOT_FOUND)
        p->on_done(p, e);
    else
        go_on(p);
}

static void
read_item(struct pressing *p)
{
    if (p->item == 0) {
        go_on(p);
        return;
    }
    p->mark = (struct store_inbox_mark){
        .req = request(p, on_read),
        .tenant = p->workspace->tenant,
        .user = p->user,
        .change = INBOX_READ,
        .ids = &p->item,
        .n_ids = 1,
        .now_ms = wall_ms(p),
        .is_unlearned = p->workspace->is_unlearned,
        .tells = p->workspace->tells,
    };
    store_inbox_mark(p->app->env->store, &p->mark);
}

/* ---- tell ---- */

static void
on_told(struct receive *r, enum err e)
{
    struct pressing *p = r->arg;

    if (e != ERR_OK)
        p->on_done(p, e);
    else
        read_item(p);
}

/* As a provider would, whose name is that of the channel. */
static void
say(struct pressing *p)
{
    if (p->is_told) {
        read_item(p);
        return;
    }
    p->inbox = (struct provider){.tenant = p->workspace->tenant,
                                 .name = p->channel,
                                 .channel = p->channel};
    p->event = (struct channel_event){
        .kind = CHANNEL_EVENT_ACTION,
        .id = str_fmt(p->arena, "%lld/%d", (long long)p->store.press.id,
                      p->store.press.n),
        .delivery_id = public_id(p, "dlv", p->delivery),
        .action = p->store.action,
        .at_ms = p->store.press.at_ms,
    };
    p->receipt = (struct channel_receipt){.arena = p->arena,
                                          .now_ms = p->store.press.at_ms,
                                          .outcome = CHANNEL_RECEIPT_TAKEN,
                                          .events = &p->event,
                                          .n_events = 1};
    p->receive = (struct receive){.app = p->app,
                                  .arena = p->arena,
                                  .workspace = p->workspace,
                                  .provider = &p->inbox,
                                  .receipt = &p->receipt,
                                  .on_done = on_told,
                                  .arg = p};
    receive_start(&p->receive);
}

/* ---- begin ---- */

static void
on_begun(struct store_req *req, enum err e)
{
    struct store_press *s = CONTAINER_OF(req, struct store_press, req);
    struct pressing *p = CONTAINER_OF(s, struct pressing, store);

    if (e == ERR_OK && p->on_begun)
        p->on_begun(p);
    if (e == ERR_OK && s->is_ours)
        say(p);
    else if (e == ERR_OK && s->press.state == PRESS_CALLING)
        p->on_done(p, ERR_CONFLICT);
    else
        p->on_done(p, e);
}

static int64_t
key_of(struct arena *a, struct str key)
{
    uint64_t n = 0;
    struct str hash;

    if (key.n == 0)
        return 0;
    hash = hash_sha256(a, key);
    for (int i = 0; i < 8; i++)
        n = n << 8 | (unsigned char)hash.p[i];
    return (int64_t)(n >> 1 | 1); /* never 0, which is none */
}

/* NULL: none listens. */
static const struct store_told *
told_of(struct pressing *p)
{
    if (!(p->workspace->tells & EVENT_BIT(EVENT_INBOX_ACTION)))
        return NULL;
    p->told = (struct store_told){
        .tenant = p->workspace->tenant,
        .kind = EVENT_INBOX_ACTION,
        .at_ms = p->store.press.at_ms,
        .delivery = p->delivery,
        .notification = p->own_notification,
        .item = p->item,
        .user = p->user,
        .channel = p->channel,
        .about = p->store.action,
    };
    return &p->told;
}

void
press_start(struct pressing *p)
{
    struct str endpoint = json_str_of(p->arena, p->action, "api_endpoint");
    int64_t now_ms = wall_ms(p);

    p->url = is_called(endpoint) ? endpoint : STR_NONE;
    p->store = (struct store_press){
        .req = request(p, on_begun),
        .tenant = p->workspace->tenant,
        .ref = p->user.n > 0 ? p->own_notification : p->delivery,
        .user = p->user,
        .action = json_str_of(p->arena, p->action, "id"),
        .now_ms = now_ms,
        .press = {.id = id_make(p->app->ids, now_ms, 1),
                  .at_ms = now_ms,
                  .until_ms = now_ms + PRESS_TIMEOUT_MS + PRESS_GRACE_MS,
                  .key = key_of(p->arena, p->key),
                  .state = PRESS_CALLING},
    };
    p->store.told = told_of(p);
    store_press(p->app->env->store, &p->store);
}
