/* guest.c - see guest.h. */
#include "plugin/guest.h"

#include <stdlib.h>

#include "base/hmac.h"
#include "base/json.h"
#include "base/list.h"
#include "plugin/codec.h"

static struct str
from_abi(struct belfry_str s)
{
    return (struct str){s.p, s.p ? s.n : 0};
}

static struct belfry_str
to_abi(struct str s)
{
    return (struct belfry_str){s.p, s.n};
}

/* ---- what the host does for it ---- */

static struct guest *
guest_of(const struct belfry_host *h)
{
    return (struct guest *)(uintptr_t)((const char *)h -
                                       offsetof(struct guest, host));
}

static void *
host_alloc(const struct belfry_host *h, size_t n)
{
    struct guest *g = guest_of(h);

    if (n > GUEST_ALLOC_MAX - g->n_allocated)
        abort(); /* as the header says: it ends the child */
    g->n_allocated += n;
    return arena_alloc(g->arena, n);
}

static struct belfry_str
host_json_quote(const struct belfry_host *h, struct belfry_str text)
{
    struct str s = from_abi(text);
    struct buf b;

    buf_init(&b, guest_of(h)->arena);
    buf_put_json_str(&b, str_is_utf8(s) ? s : STR_NONE);
    return to_abi(buf_str(&b));
}

static bool
is_index(struct str step)
{
    return step.n == 1 || (step.n > 0 && step.p[0] != '0');
}

/* One step of a JSON pointer, with ~1 and ~0 undone. */
static struct json
json_child(struct arena *a, struct json v, struct str step)
{
    char *name = arena_alloc(a, step.n + 1);
    uint64_t i;
    size_t n = 0;

    for (size_t at = 0; at < step.n; at++) {
        bool is_escape = step.p[at] == '~' && at + 1 < step.n;

        name[n++] = is_escape ? (step.p[++at] == '1' ? '/' : '~') : step.p[at];
    }
    if (json_is(v, JSON_OBJECT))
        return json_get_str(v, (struct str){name, n});
    if (json_is(v, JSON_ARRAY) && is_index(step) && str_to_u64(step, &i) &&
        i < json_count(v))
        return json_at(v, (uint32_t)i);
    return (struct json){0};
}

static uint32_t
host_json_get(const struct belfry_host *h, struct belfry_str text,
              struct belfry_str pointer, struct belfry_str *ret)
{
    struct arena *a = guest_of(h)->arena;
    struct str rest = from_abi(pointer), step;
    struct json_error error;
    struct json_doc doc;
    struct json v;

    *ret = (struct belfry_str){NULL, 0};
    if (json_parse(a, from_abi(text), &doc, &error) != ERR_OK)
        return 0;
    v = json_root(&doc);
    if (rest.n == 0)
        rest = STR_NONE;
    else if (!str_split(&rest, '/', &step) || step.n > 0)
        return 0;
    while (str_split(&rest, '/', &step))
        v = json_child(a, v, step);
    if (json_is(v, JSON_ABSENT))
        return 0;
    *ret = to_abi(json_is(v, JSON_STRING) ? json_str(a, v) : json_raw(v));
    return 1;
}

static void
host_hmac(const struct belfry_host *h, struct belfry_str key,
          struct belfry_str text, unsigned char ret[32])
{
    struct str mac =
        hmac_sha256(guest_of(h)->arena, from_abi(key), from_abi(text));

    memcpy(ret, mac.p, 32);
}

static uint32_t
host_is_same(const struct belfry_host *h, struct belfry_str a,
             struct belfry_str b)
{
    (void)h;
    return hmac_is_same(from_abi(a), from_abi(b));
}

static struct belfry_str
host_hex(const struct belfry_host *h, struct belfry_str bytes)
{
    struct buf b;

    buf_init(&b, guest_of(h)->arena);
    buf_put_hex(&b, from_abi(bytes));
    return to_abi(buf_str(&b));
}

static void
host_log(const struct belfry_host *h, struct belfry_str line)
{
    struct guest *g = guest_of(h);
    size_t at;

    if (!g->log || g->n_lines++ >= GUEST_LOG_LINES)
        return;
    at = wire_begin(g->log, WIRE_LOG, 0);
    wire_put_str(g->log, str_sub(from_abi(line), 0, GUEST_LOG_MAX));
    (void)wire_end(g->log, at); /* it is short */
}

void
guest_init(struct guest *g, const struct belfry_plugin *p, struct buf *log)
{
    *g = (struct guest){
        .plugin = p,
        .arena = arena_new(),
        .log = log,
        .host = {.size = sizeof(struct belfry_host),
                 .alloc = host_alloc,
                 .json_quote = host_json_quote,
                 .json_get = host_json_get,
                 .hmac_sha256 = host_hmac,
                 .is_same = host_is_same,
                 .hex = host_hex,
                 .log = host_log},
    };
}

void
guest_fini(struct guest *g)
{
    arena_free(g->arena);
}

/* ---- what it says of itself ---- */

static void
refuse(struct buf *out, const char *why)
{
    size_t at = wire_begin(out, WIRE_REFUSED, 0);

    wire_put_str(out, str_from(why));
    (void)wire_end(out, at); /* it is short */
}

static void
put_channel(struct buf *out, const struct belfry_channel *c)
{
    wire_put_str(out, from_abi(c->name));
    wire_put_u32(out, c->flags);
    wire_put_str(out, from_abi(c->address));
}

static void
put_setting(struct buf *out, const struct belfry_setting *s)
{
    wire_put_str(out, from_abi(s->name));
    wire_put_u32(out, s->type);
    wire_put_u32(out, s->flags);
    wire_put_i64(out, s->min);
    wire_put_i64(out, s->max);
    wire_put_str(out, from_abi(s->otherwise));
    wire_put_str(out, from_abi(s->choices));
    wire_put_str(out, from_abi(s->doc));
}

static const char *
fault_of(const struct belfry_plugin *p)
{
    if (!p)
        return "belfry_plugin_v1() returned nothing";
    if (p->size < sizeof(*p) || !p->step)
        return "what belfry_plugin_v1() returned is no belfry_plugin: its size "
               "is wrong, or it has no step";
    if (p->n_channels > MANIFEST_CHANNELS_MAX ||
        p->n_settings > MANIFEST_SETTINGS_MAX)
        return "it has more than 8 channels or 32 settings";
    for (size_t i = 0; i < p->n_channels; i++)
        if (p->channels[i]->size < sizeof(struct belfry_channel))
            return "the size of one of its channels is wrong";
    for (size_t i = 0; i < p->n_settings; i++)
        if (p->settings[i]->size < sizeof(struct belfry_setting))
            return "the size of one of its settings is wrong";
    return NULL;
}

static bool
is_of_another_abi(const struct belfry_plugin *p)
{
    return p && p->size >= offsetof(struct belfry_plugin, flags) &&
           p->abi != BELFRY_ABI_VERSION;
}

static void
put_plugin(struct buf *out, const struct belfry_plugin *p)
{
    wire_put_u32(out, p->flags | (p->receipt ? CODEC_TAKES_RECEIPTS : 0u));
    wire_put_str(out, from_abi(p->name));
    wire_put_str(out, from_abi(p->version));
    wire_put_u32(out, p->title_max);
    wire_put_u32(out, p->body_max);
    wire_put_u32(out, (uint32_t)p->n_channels);
    for (size_t i = 0; i < p->n_channels; i++)
        put_channel(out, p->channels[i]);
    wire_put_u32(out, (uint32_t)p->n_settings);
    for (size_t i = 0; i < p->n_settings; i++)
        put_setting(out, p->settings[i]);
}

/* Another ABI is told with its number alone, as the rest may mean anything. */
void
guest_put_hello(const struct belfry_plugin *p, struct buf *out)
{
    bool is_ours = !is_of_another_abi(p);
    const char *fault = is_ours ? fault_of(p) : NULL;
    size_t at;

    if (!p || fault) {
        refuse(out, fault);
        return;
    }
    at = wire_begin(out, WIRE_HELLO, 0);
    wire_put_u32(out, p->abi);
    if (is_ours)
        put_plugin(out, p);
    if (!wire_end(out, at))
        refuse(out, "what it says of itself is too long");
}

/* ---- questions ---- */

static struct belfry_str
get_str(struct wire_reader *in)
{
    return to_abi(wire_get_str(in, WIRE_MAX));
}

static const struct belfry_value *
get_config(struct guest *g, struct wire_reader *in)
{
    size_t n = wire_get_count(in, MANIFEST_SETTINGS_MAX, 16);
    struct belfry_value *v = ARENA_ARRAY(g->arena, struct belfry_value, n + 1);

    if (n != g->plugin->n_settings)
        in->is_bad = true;
    for (size_t i = 0; i < n; i++) {
        v[i].is_set = wire_get_u32(in);
        v[i].text = get_str(in);
        v[i].number = wire_get_i64(in);
    }
    return v;
}

static const struct belfry_header *
get_headers(struct guest *g, struct wire_reader *in, size_t *ret_n)
{
    size_t n = wire_get_count(in, 1000, 8);
    struct belfry_header *h =
        ARENA_ARRAY(g->arena, struct belfry_header, n + 1);

    for (size_t i = 0; i < n; i++) {
        h[i].name = get_str(in);
        h[i].value = get_str(in);
    }
    *ret_n = n;
    return h;
}

static const struct belfry_message *
get_message(struct guest *g, struct wire_reader *in)
{
    struct belfry_message *m = ARENA_NEW(g->arena, struct belfry_message);
    struct belfry_str *const texts[] = {
        &m->delivery_id, &m->notification_id,
        &m->user,        &m->user_name,
        &m->channel,     &m->category,
        &m->priority,    &m->language,
        &m->title,       &m->body,
        &m->html,        &m->actions,
        &m->data,        &m->overrides,
        &m->address,     &m->unsubscribe_url,
    };

    m->size = sizeof(*m);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i] = get_str(in);
    m->created_ms = wire_get_i64(in);
    m->expires_ms = wire_get_i64(in);
    m->attempt = wire_get_u32(in);
    return m;
}

static const struct belfry_answer *
get_answer(struct guest *g, struct wire_reader *in)
{
    struct belfry_answer *a;

    if (!wire_get_u32(in))
        return NULL;
    a = ARENA_NEW(g->arena, struct belfry_answer);
    a->size = sizeof(*a);
    a->status = wire_get_u32(in);
    a->headers = get_headers(g, in, &a->n_headers);
    a->body = get_str(in);
    return a;
}

/* ---- answers ---- */

static void
put_request(struct buf *out, const struct belfry_request *r)
{
    wire_put_str(out, from_abi(r->method));
    wire_put_str(out, from_abi(r->url));
    wire_put_u32(out, (uint32_t)r->n_headers);
    for (size_t i = 0; i < r->n_headers; i++) {
        wire_put_str(out, from_abi(r->headers[i].name));
        wire_put_str(out, from_abi(r->headers[i].value));
    }
    wire_put_str(out, from_abi(r->body));
    wire_put_u32(out, r->flags);
}

static void
put_verdict(struct buf *out, const struct belfry_verdict *v)
{
    wire_put_u32(out, v->verdict);
    wire_put_u32(out, v->status);
    wire_put_i64(out, v->retry_after_ms);
    wire_put_i64(out, v->gone_ms);
    wire_put_str(out, str_sub(from_abi(v->detail), 0, 8192));
    wire_put_str(out, from_abi(v->provider_message_id));
}

static bool
answer_step(struct guest *g, struct wire_reader *in, struct buf *out)
{
    struct belfry_request request = {.size = sizeof(request)};
    struct belfry_verdict verdict = {.size = sizeof(verdict)};
    struct belfry_step s = {.size = sizeof(s),
                            .host = &g->host,
                            .request = &request,
                            .verdict = &verdict};
    struct str random;
    uint32_t what;

    s.provider = get_str(in);
    s.config = get_config(g, in);
    s.message = get_message(g, in);
    s.now_ms = wire_get_i64(in);
    random = wire_get_str(in, CODEC_RANDOM);
    s.random = (const unsigned char *)random.p;
    s.stage = wire_get_u32(in);
    s.memo = get_str(in);
    s.memo_expires_ms = wire_get_i64(in);
    s.answer = get_answer(g, in);
    if (!wire_is_done(in) || random.n != CODEC_RANDOM)
        return false;
    what = g->plugin->step(&s);
    wire_put_u32(out, what);
    wire_put_u32(out, s.stage);
    wire_put_str(out, from_abi(s.memo));
    wire_put_i64(out, s.memo_expires_ms);
    if (what == BELFRY_ASK)
        put_request(out, &request);
    else
        put_verdict(out, &verdict);
    return true;
}

static void
put_event(struct buf *out, const struct belfry_event *e)
{
    wire_put_u32(out, e->kind);
    wire_put_str(out, from_abi(e->id));
    wire_put_str(out, from_abi(e->delivery_id));
    wire_put_str(out, from_abi(e->provider_message_id));
    wire_put_str(out, from_abi(e->address));
    wire_put_str(out, from_abi(e->detail));
    wire_put_str(out, from_abi(e->url));
    wire_put_str(out, from_abi(e->action));
    wire_put_i64(out, e->at_ms);
}

static bool
answer_receipt(struct guest *g, struct wire_reader *in, struct buf *out)
{
    struct belfry_receipt r = {.size = sizeof(r), .host = &g->host};
    uint32_t what;

    r.provider = get_str(in);
    r.config = get_config(g, in);
    r.method = get_str(in);
    r.url = get_str(in);
    r.query = get_str(in);
    r.headers = get_headers(g, in, &r.n_headers);
    r.body = get_str(in);
    r.now_ms = wire_get_i64(in);
    if (!wire_is_done(in) || !g->plugin->receipt)
        return false;
    what = g->plugin->receipt(&r);
    wire_put_u32(out, what);
    wire_put_u32(out, (uint32_t)r.n_events);
    for (size_t i = 0; i < r.n_events; i++)
        put_event(out, r.events[i]);
    wire_put_str(out, from_abi(r.reply));
    wire_put_str(out, from_abi(r.reply_type));
    return true;
}

bool
guest_answer(struct guest *g, const struct wire_frame *f, struct buf *out)
{
    struct wire_reader in = {.rest = f->payload};
    struct buf answer = {0};
    bool is_step = f->kind == WIRE_STEP, is_good;
    size_t at;

    if (!is_step && f->kind != WIRE_RECEIPT)
        return false;
    arena_reset(g->arena);
    g->n_allocated = g->n_lines = 0;
    is_good = is_step ? answer_step(g, &in, &answer)
                      : answer_receipt(g, &in, &answer);
    at = wire_begin(out, is_step ? WIRE_STEPPED : WIRE_RECEIVED, f->id);
    if (is_good)
        buf_put_str(out, buf_str(&answer));
    buf_fini(&answer);
    return is_good ? wire_end(out, at) : false;
}
