/* codec.c - see codec.h. */
#include "plugin/codec.h"

#include "belfry/channel.h"
#include "channel/driver.h"

#define METHOD_MAX 8
#define URL_MAX_BYTES 8192
#define HEADER_MAX 8192
#define BODY_MAX (4 * 1024 * 1024)
#define DETAIL_MAX 8192
#define ID_MAX 255
#define TEXT_MAX 8192
#define STAGE_MAX 1000000
#define STATUS_MAX 599

/* ---- questions ---- */

static void
put_config(struct buf *out, const struct manifest *m, struct arena *a,
           struct json config)
{
    wire_put_u32(out, (uint32_t)m->n_settings);
    for (size_t i = 0; i < m->n_settings; i++) {
        struct manifest_value v = manifest_value(m, a, config, i);

        wire_put_u32(out, v.is_set);
        wire_put_str(out, v.text);
        wire_put_i64(out, v.number);
    }
}

static void
put_headers(struct buf *out, const struct channel_header *h, size_t n)
{
    wire_put_u32(out, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        wire_put_str(out, h[i].name);
        wire_put_str(out, h[i].value);
    }
}

static struct str
clipped(struct arena *a, struct str text, uint32_t max)
{
    return max > 0 ? channel_clip(a, text, max) : text;
}

static void
put_message(struct buf *out, const struct manifest *m, struct arena *a,
            const struct channel_message *x)
{
    const struct str texts[] = {
        x->delivery_id,
        x->notification_id,
        x->user,
        x->user_name,
        x->channel,
        x->category,
        x->priority,
        x->language,
        clipped(a, x->title, m->title_max),
        clipped(a, x->body, m->body_max),
        x->html,
        x->actions,
        x->data,
        x->overrides,
        x->address,
        x->unsubscribe_url,
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        wire_put_str(out, texts[i]);
    wire_put_i64(out, x->created_ms);
    wire_put_i64(out, x->expires_ms);
    wire_put_u32(out, (uint32_t)x->attempt);
}

bool
codec_put_step(struct buf *out, const struct manifest *m,
               const struct channel_call *c)
{
    size_t at = wire_begin(out, WIRE_STEP, 0);
    char random[CODEC_RANDOM] = {0};

    if (c->secret)
        c->secret(random, sizeof(random));
    wire_put_str(out, c->provider);
    put_config(out, m, c->arena, c->config);
    put_message(out, m, c->arena, &c->messages[0]);
    wire_put_i64(out, c->now_ms);
    wire_put_str(out, (struct str){random, sizeof(random)});
    wire_put_u32(out, (uint32_t)c->stage);
    wire_put_str(out, c->memo.text);
    wire_put_i64(out, c->memo.expires_ms);
    wire_put_u32(out, c->answer != NULL);
    if (c->answer) {
        wire_put_u32(out, (uint32_t)c->answer->status);
        put_headers(out, c->answer->headers, c->answer->n_headers);
        wire_put_str(out, c->answer->body);
    }
    return wire_end(out, at);
}

bool
codec_put_receipt(struct buf *out, const struct manifest *m,
                  struct str provider, const struct channel_receipt *r)
{
    size_t at = wire_begin(out, WIRE_RECEIPT, 0);

    wire_put_str(out, provider);
    put_config(out, m, r->arena, r->config);
    wire_put_str(out, r->method);
    wire_put_str(out, r->url);
    wire_put_str(out, r->query);
    put_headers(out, r->headers, r->n_headers);
    wire_put_str(out, r->body);
    wire_put_i64(out, r->now_ms);
    return wire_end(out, at);
}

/* ---- answers ---- */

static bool
is_method(struct str s)
{
    static const char *const known[] = {"GET",   "POST",   "PUT",
                                        "PATCH", "DELETE", NULL};

    for (size_t i = 0; known[i]; i++)
        if (str_is(s, known[i]))
            return true;
    return false;
}

/* Whether it fits into a header, and the URL into a request, is looked at where
 * requests are made. */
static bool
get_request(struct wire_reader *in, struct codec_stepped *ret)
{
    struct channel_request *r = &ret->request;
    const size_t most = sizeof(r->headers) / sizeof(r->headers[0]);
    uint32_t flags;

    r->kind = CHANNEL_REQUEST_HTTP;
    r->method = wire_get_str(in, METHOD_MAX);
    r->url = wire_get_str(in, URL_MAX_BYTES);
    r->n_headers = wire_get_count(in, most, 8);
    for (size_t i = 0; i < r->n_headers; i++) {
        r->headers[i].name = wire_get_str(in, HEADER_MAX);
        r->headers[i].value = wire_get_str(in, HEADER_MAX);
    }
    r->body = wire_get_str(in, BODY_MAX);
    flags = wire_get_u32(in);
    ret->is_preparing = flags & BELFRY_REQUEST_PREPARES;
    return !(flags & ~BELFRY_REQUEST_PREPARES) && is_method(r->method);
}

static bool
get_verdict(struct wire_reader *in, struct channel_verdict *v)
{
    static const enum verdict verdicts[] = {
        [0] = VERDICT_COUNT,
        [BELFRY_VERDICT_DELIVERED] = VERDICT_DELIVERED,
        [BELFRY_VERDICT_SENT] = VERDICT_SENT,
        [BELFRY_VERDICT_RETRY] = VERDICT_RETRY,
        [BELFRY_VERDICT_RATE] = VERDICT_RATE,
        [BELFRY_VERDICT_MAYBE] = VERDICT_UNKNOWN,
        [BELFRY_VERDICT_GONE] = VERDICT_GONE,
        [BELFRY_VERDICT_REJECTED] = VERDICT_REJECTED,
        [BELFRY_VERDICT_CREDENTIALS] = VERDICT_CREDENTIALS,
    };
    uint32_t kind = wire_get_u32(in);

    if (kind == 0 || kind >= sizeof(verdicts) / sizeof(verdicts[0]))
        return false;
    v->verdict = verdicts[kind];
    v->status = (int)wire_get_u32(in);
    v->retry_after_ms = wire_get_i64(in);
    v->gone_ms = wire_get_i64(in);
    v->detail = wire_get_str(in, DETAIL_MAX);
    v->provider_message_id = wire_get_str(in, ID_MAX);
    if (v->retry_after_ms < 0)
        v->retry_after_ms = 0;
    if (v->retry_after_ms > RETRY_AFTER_MAX_MS)
        v->retry_after_ms = RETRY_AFTER_MAX_MS;
    return v->status >= 0 && v->status <= STATUS_MAX && v->gone_ms >= 0 &&
           str_is_text(v->provider_message_id);
}

bool
codec_get_stepped(struct str payload, struct codec_stepped *ret)
{
    struct wire_reader in = {.rest = payload};
    uint32_t what = wire_get_u32(&in), stage = wire_get_u32(&in);
    struct codec_stepped s = {.is_done = what == BELFRY_DONE};

    s.memo.text = wire_get_str(&in, CHANNEL_MEMO_MAX);
    s.memo.expires_ms = wire_get_i64(&in);
    if ((what != BELFRY_ASK && what != BELFRY_DONE) || stage > STAGE_MAX)
        return false;
    s.stage = (int)stage;
    if (s.is_done ? !get_verdict(&in, &s.verdict) : !get_request(&in, &s))
        return false;
    if (!wire_is_done(&in))
        return false;
    *ret = s;
    return true;
}

/* Where what is told has no place, nothing is: an event's texts are kept and
 * shown as they are. */
static struct str
get_text(struct wire_reader *in, size_t max)
{
    struct str s = wire_get_str(in, max);

    if (!str_is_text(s))
        in->is_bad = true;
    return s;
}

static void
get_event(struct wire_reader *in, struct channel_event *e)
{
    static const enum channel_event_kind kinds[] = {
        [BELFRY_EVENT_DELIVERED] = CHANNEL_EVENT_DELIVERED,
        [BELFRY_EVENT_DEFERRED] = CHANNEL_EVENT_DEFERRED,
        [BELFRY_EVENT_BOUNCED] = CHANNEL_EVENT_BOUNCED,
        [BELFRY_EVENT_FAILED] = CHANNEL_EVENT_FAILED,
        [BELFRY_EVENT_COMPLAINED] = CHANNEL_EVENT_COMPLAINED,
        [BELFRY_EVENT_UNSUBSCRIBED] = CHANNEL_EVENT_UNSUBSCRIBED,
        [BELFRY_EVENT_OPENED] = CHANNEL_EVENT_OPENED,
        [BELFRY_EVENT_CLICKED] = CHANNEL_EVENT_CLICKED,
        [BELFRY_EVENT_ACTION] = CHANNEL_EVENT_ACTION,
    };
    uint32_t kind = wire_get_u32(in);

    if (kind == 0 || kind >= sizeof(kinds) / sizeof(kinds[0])) {
        in->is_bad = true;
        return;
    }
    e->kind = kinds[kind];
    e->id = get_text(in, ID_MAX);
    e->delivery_id = get_text(in, ID_MAX);
    e->provider_message_id = get_text(in, ID_MAX);
    e->address = get_text(in, TEXT_MAX);
    e->detail = get_text(in, TEXT_MAX);
    e->url = get_text(in, TEXT_MAX);
    e->action = get_text(in, ID_MAX);
    e->at_ms = wire_get_i64(in);
    if (e->at_ms < 0)
        e->at_ms = 0;
}

bool
codec_get_received(struct str payload, struct channel_receipt *r)
{
    static const enum channel_receipt_outcome outcomes[] = {
        [0] = CHANNEL_RECEIPT_MALFORMED,
        [BELFRY_RECEIPT_TAKEN] = CHANNEL_RECEIPT_TAKEN,
        [BELFRY_RECEIPT_UNSIGNED] = CHANNEL_RECEIPT_UNSIGNED,
        [BELFRY_RECEIPT_MALFORMED] = CHANNEL_RECEIPT_MALFORMED,
    };
    struct wire_reader in = {.rest = payload};
    uint32_t outcome = wire_get_u32(&in);
    size_t n = wire_get_count(&in, CHANNEL_EVENTS_MAX, 40);
    struct channel_event *events =
        ARENA_ARRAY(r->arena, struct channel_event, n + 1);
    struct str reply, type;

    for (size_t i = 0; i < n && !in.is_bad; i++)
        get_event(&in, &events[i]);
    reply = wire_get_str(&in, CODEC_REPLY_MAX);
    type = get_text(&in, CODEC_REPLY_TYPE_MAX);
    for (size_t i = 0; i < type.n; i++)
        if ((unsigned char)type.p[i] < ' ' || type.p[i] == 0x7f)
            return false;
    if (outcome == 0 || outcome >= sizeof(outcomes) / sizeof(outcomes[0]) ||
        !wire_is_done(&in) || (outcome != BELFRY_RECEIPT_TAKEN && n > 0))
        return false;
    r->outcome = outcomes[outcome];
    r->events = events;
    r->n_events = n;
    r->reply = reply;
    r->reply_type = type;
    return true;
}
