#include "app/receive.h"

#include <assert.h>
#include <sodium.h>

#include "app/experiment_doc.h"
#include "app/suppression.h"
#include "auth/vault.h"
#include "base/clock.h"
#include "base/hmac.h"
#include "base/list.h"
#include "base/metrics.h"
#include "store/store.h"

#define DETAIL_MAX 1024
#define AHEAD_MAX_MS INT64_C(86400000) /* a clock that is right enough */
#define MAC_BYTES 16
#define KEY_MAX 128 /* of its text */

static void look(struct receive *r);

static int64_t
wall_ms(const struct receive *r)
{
    struct clock *clock = r->app->env->clock;

    return clock->wall_ms(clock);
}

static struct store_req
request(struct receive *r, void (*on_done)(struct store_req *, enum err))
{
    return (struct store_req){
        .arena = r->arena, .loop = r->app->env->loop, .on_done = on_done};
}

static const struct channel_event *
told(const struct receive *r, size_t i)
{
    return &r->receipt->events[i];
}

/* ---- what the driver read, as it is kept ---- */

/* A provider's words may be any bytes. */
static struct str
line(struct arena *a, struct str text, size_t max)
{
    struct buf b;

    text = str_sub(text, 0, max);
    buf_init(&b, a);
    while (text.n > 0) {
        size_t n = str_utf8_char(text);
        unsigned char first = (unsigned char)text.p[0];

        if (n == 0 || first < 0x20 || first == 0x7f) {
            buf_put_char(&b, n == 0 ? '?' : ' ');
            n = 1;
        } else {
            buf_put(&b, text.p, n);
        }
        text = str_sub(text, n, text.n);
    }
    return str_trim(str_utf8_clip(buf_str(&b), max));
}

static bool
is_short_text(struct str s, size_t max)
{
    return s.n > 0 && s.n <= max && str_is_text(s);
}

/* By the provider's own id of the event, else by all that it says. */
static int
number_of(struct arena *a, const struct channel_event *e)
{
    struct str hash;
    unsigned n = 0;

    if (e->id.n > 0)
        hash =
            hash_sha256(a, str_fmt(a, "%d %.*s", (int)e->kind, STR_ARG(e->id)));
    else
        hash = hash_sha256(a, str_fmt(a, "%d at %lld %.*s %.*s", (int)e->kind,
                                      (long long)e->at_ms, STR_ARG(e->url),
                                      STR_ARG(e->action)));
    for (int i = 0; i < 4; i++)
        n = n << 8 | (unsigned char)hash.p[i];
    return STORE_RECEIPT_N | (int)(n & (STORE_RECEIPT_N - 1));
}

static struct str
words_of(struct arena *a, const struct channel_event *e)
{
    struct str words = e->kind == CHANNEL_EVENT_CLICKED  ? e->url
                       : e->kind == CHANNEL_EVENT_ACTION ? e->action
                                                         : e->detail;

    return line(a, words, DETAIL_MAX);
}

static void
fill_event(struct receive *r, const struct channel_event *from,
           struct store_receipt_event *ret)
{
    int64_t now_ms = r->store.now_ms;

    *ret = (struct store_receipt_event){
        .kind = (enum receipt_kind)from->kind,
        .n = number_of(r->arena, from),
        .at_ms = from->at_ms > 0 && from->at_ms < now_ms + AHEAD_MAX_MS
                     ? from->at_ms
                     : now_ms,
        .detail = words_of(r->arena, from),
    };
    if (!id_parse(from->delivery_id, vault_id_key(r->app->vault), "dlv",
                  r->workspace->shard, &ret->delivery)) {
        ret->delivery = 0;
        if (is_short_text(from->provider_message_id, STORE_MESSAGE_MAX))
            ret->message = from->provider_message_id;
    } else if (ret->at_ms < id_time_ms(ret->delivery)) {
        ret->at_ms = id_time_ms(ret->delivery); /* many tell whole seconds */
    }
}

/* ---- the end ---- */

static const char *
outcome_of(const struct store_receipt_event *e)
{
    if (e->found.id == 0)
        return "unknown";
    if (e->is_known)
        return "duplicate";
    return e->is_moved ? "moved" : "noted";
}

static void
on_kept(struct store_req *req, enum err e)
{
    struct store_receipt *s = CONTAINER_OF(req, struct store_receipt, req);
    struct receive *r = CONTAINER_OF(s, struct receive, store);
    const char *provider = str_cstr(r->arena, r->provider->name);

    for (size_t i = 0; e == ERR_OK && i < s->n_events; i++)
        metric_add(metrics_series(METRIC_receipts_total, provider,
                                  receipt_rule(s->events[i].kind)->name,
                                  outcome_of(&s->events[i])),
                   1);
    r->on_done(r, e);
}

static void
keep(struct receive *r)
{
    r->store.is_look = false;
    r->store.req = request(r, on_kept);
    store_receipt(r->app->env->store, &r->store);
}

/* ---- tell ---- */

static void tell_next(struct receive *r);

static bool
is_news(const struct store_receipt_event *e)
{
    return e->found.id != 0 && !e->is_known;
}

static struct str
event_data(struct receive *r, size_t i)
{
    const struct store_receipt_event *e = &r->store.events[i];
    char text[ID_TEXT_MAX];
    struct json_writer w;
    struct buf out;

    buf_init(&out, r->arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "delivery_id",
                   id_format(text, vault_id_key(r->app->vault), "dlv",
                             r->workspace->shard, e->found.id));
    json_str_field(&w, "channel", e->found.channel);
    json_str_field(&w, "provider", r->provider->name);
    if (e->kind == RECEIPT_CLICKED)
        json_str_field(&w, "url", e->detail);
    if (e->kind == RECEIPT_ACTION)
        json_str_field(&w, "action", e->detail);
    json_end_object(&w);
    return buf_str(&out);
}

static void
on_told(struct store_req *req, enum err e)
{
    struct store_event_add *add =
        CONTAINER_OF(req, struct store_event_add, req);
    struct receive *r = CONTAINER_OF(add, struct receive, event);

    if (e != ERR_OK)
        r->on_done(r, e);
    else
        tell_next(r);
}

static void
tell(struct receive *r, size_t i)
{
    const struct store_receipt_event *e = &r->store.events[i];
    struct store_event_add *add = &r->event;

    *add = (struct store_event_add){
        .req = request(r, on_told),
        .tenant = r->workspace->tenant,
        .at_ms = r->store.now_ms,
        .id = id_make(r->app->ids, r->store.now_ms, 1),
        .user = e->found.user,
        .name = str_from(receipt_rule(e->kind)->name),
        .data = event_data(r, i),
    };
    add->rounds =
        experiments_of_goal(r->arena, r->workspace, add->name, &add->n_rounds);
    store_event_add(r->app->env->store, add);
}

static void
tell_next(struct receive *r)
{
    while (r->at < r->store.n_events) {
        size_t i = r->at++;
        const struct store_receipt_event *e = &r->store.events[i];

        if (is_news(e) && receipt_rule(e->kind)->is_event &&
            e->found.user.n > 0) {
            tell(r, i);
            return;
        }
    }
    keep(r);
}

/* ---- suppress ---- */

/* What a provider says of an address alone is about this channel of ours; what
 * it says of a message that we don't know is about somebody else's. */
static bool
find_address(struct receive *r, size_t i, struct suppression *ret)
{
    const struct store_receipt_event *e = &r->store.events[i];
    const struct channel_event *from = told(r, i);
    bool is_bare = from->delivery_id.n == 0 && from->provider_message_id.n == 0;

    ret->channel = e->found.id ? e->found.channel : r->provider->channel;
    ret->address = e->found.id ? e->address : from->address;
    return e->found.id ? !e->is_known && ret->address.n > 0
                       : is_bare && is_short_text(ret->address, 1024);
}

static bool
is_written(const struct store_object_put *p, struct str key)
{
    for (size_t i = 0; i < p->n_writes; i++)
        if (str_eq(p->writes[i].key, key))
            return true;
    return false;
}

static void lift_next(struct receive *r);

static void
on_lifted(struct suppression_lift *l, enum err e)
{
    struct receive *r = CONTAINER_OF(l, struct receive, lift);

    if (e != ERR_OK)
        r->on_done(r, e);
    else
        lift_next(r);
}

static void
lift_next(struct receive *r)
{
    while (r->at < r->store.n_events) {
        size_t i = r->at++;
        struct suppression s = {
            .reason = receipt_rule(r->store.events[i].kind)->lifts};

        if (s.reason == REASON_NONE || !find_address(r, i, &s))
            continue;
        r->lift = (struct suppression_lift){.env = r->app->env,
                                            .arena = r->arena,
                                            .tenant = r->workspace->tenant,
                                            .now_ms = r->store.now_ms,
                                            .channel = s.channel,
                                            .address = s.address,
                                            .reason = s.reason,
                                            .tells = r->workspace->tells,
                                            .on_done = on_lifted};
        suppression_lift(&r->lift);
        return;
    }
    r->at = 0;
    tell_next(r);
}

static void
on_suppressed(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct receive *r = CONTAINER_OF(p, struct receive, put);

    if (e != ERR_OK)
        r->on_done(r, e);
    else
        lift_next(r);
}

static void
suppress(struct receive *r)
{
    struct store_object_write *writes =
        ARENA_ARRAY(r->arena, struct store_object_write, r->store.n_events);

    r->put = (struct store_object_put){.req = request(r, on_suppressed),
                                       .tenant = r->workspace->tenant,
                                       .now_ms = r->store.now_ms,
                                       .writes = writes};
    for (size_t i = 0; i < r->store.n_events; i++) {
        struct suppression s = {
            .tenant = r->workspace->tenant,
            .reason = receipt_rule(r->store.events[i].kind)->suppresses,
            .now_ms = r->store.now_ms,
            .tells = r->workspace->tells};

        if (s.reason == REASON_NONE || !find_address(r, i, &s) ||
            is_written(&r->put,
                       suppression_key(r->arena, s.channel, s.address)))
            continue;
        s.num = id_make(r->app->ids, r->store.now_ms, 1);
        writes[r->put.n_writes++] = suppression_write(r->arena, &s);
    }
    if (r->put.n_writes > 0)
        store_object_put(r->app->env->store, &r->put);
    else
        lift_next(r);
}

/* ---- look ---- */

/* Its call may have been answered a moment ago, and not be recorded yet. */
static bool
is_early(const struct receive *r, size_t i)
{
    const struct store_receipt_event *e = &r->store.events[i];

    if (e->found.id != 0)
        return receipt_rule(e->kind)->moves &&
               !delivery_status_is_terminal(e->found.status);
    return e->delivery != 0 || e->message.n > 0;
}

static void
on_again(struct loop_timer *t)
{
    look(CONTAINER_OF(t, struct receive, again));
}

static void
on_looked(struct store_req *req, enum err e)
{
    struct store_receipt *s = CONTAINER_OF(req, struct store_receipt, req);
    struct receive *r = CONTAINER_OF(s, struct receive, store);
    bool waits = false;

    if (e != ERR_OK) {
        r->on_done(r, e);
        return;
    }
    for (size_t i = 0; i < s->n_events && !r->has_waited; i++)
        waits |= is_early(r, i);
    if (!waits) {
        suppress(r);
        return;
    }
    r->has_waited = true;
    loop_timer_set(r->app->env->loop, &r->again, RECEIVE_WAIT_MS, on_again);
}

static void
look(struct receive *r)
{
    r->store.is_look = true;
    r->store.req = request(r, on_looked);
    store_receipt(r->app->env->store, &r->store);
}

void
receive_start(struct receive *r)
{
    struct store_receipt_event *events =
        ARENA_ARRAY(r->arena, struct store_receipt_event, r->receipt->n_events);

    assert(r->receipt->n_events > 0);
    r->at = 0;
    r->has_waited = false;
    r->again = (struct loop_timer){0};
    r->store = (struct store_receipt){
        .tenant = r->workspace->tenant,
        .lane = r->provider->num,
        .provider = r->provider->name,
        .now_ms = wall_ms(r),
        .tells = r->workspace->tells,
        .events = events,
        .n_events = r->receipt->n_events,
    };
    for (size_t i = 0; i < r->receipt->n_events; i++)
        fill_event(r, told(r, i), &events[i]);
    look(r);
}

/* ---- where webhooks go ---- */

static void
sign(const struct vault *v, struct arena *a, struct str tenant,
     struct str provider, uint8_t mac[static 32])
{
    vault_sign(v, "receipts",
               str_fmt(a, "%.*s/%.*s", STR_ARG(tenant), STR_ARG(provider)),
               mac);
}

/* The tenant's number in digits, then the signature. */
struct str
receive_path(const struct vault *v, struct arena *a, int64_t tenant,
             struct str provider)
{
    struct str text = str_fmt(a, "%lld", (long long)tenant);
    struct buf raw, out;
    uint8_t mac[32];

    sign(v, a, text, provider, mac);
    buf_init(&raw, a);
    buf_put(&raw, mac, MAC_BYTES);
    buf_put_str(&raw, text);
    buf_init(&out, a);
    buf_printf(&out, "/v1/receipts/%.*s?key=", STR_ARG(provider));
    buf_put_base64url(&out, buf_str(&raw));
    return buf_str(&out);
}

bool
receive_read_key(const struct vault *v, struct arena *a, struct str key,
                 struct str provider, int64_t *ret_tenant)
{
    struct str tenant;
    struct buf raw;
    uint8_t mac[32];

    buf_init(&raw, a);
    if (key.n > KEY_MAX || !buf_get_base64(&raw, key) || raw.n <= MAC_BYTES)
        return false;
    tenant = str_sub(buf_str(&raw), MAC_BYTES, raw.n);
    sign(v, a, tenant, provider, mac);
    return sodium_memcmp(mac, raw.p, MAC_BYTES) == 0 &&
           str_to_i64(tenant, ret_tenant);
}
