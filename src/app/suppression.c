#include "app/suppression.h"

#include <sodium.h>
#include <stdlib.h>

#include "auth/vault.h"
#include "base/list.h"
#include "base/log.h"
#include "channel/channel.h"
#include "store/store.h"

#define TOKEN_MAX 4096
#define MAC_BYTES 16

static struct str
key_of(struct arena *a, struct str channel, struct str address)
{
    return str_fmt(a, "%.*s:%.*s", STR_ARG(channel), STR_ARG(address));
}

struct str
suppression_key(struct arena *a, struct str channel, struct str address)
{
    const struct channel_info *info = channel_find(channel);

    return key_of(a, channel,
                  info && info->canonical ? info->canonical(a, address)
                                          : address);
}

size_t
suppression_keys(struct arena *a, struct str channel, struct str address,
                 struct str ret[static SUPPRESSION_KEYS])
{
    ret[0] = suppression_key(a, channel, address);
    ret[1] = key_of(a, channel, address);
    return str_eq(ret[0], ret[1]) ? 1 : 2;
}

void
suppression_split(struct str key, struct str *ret_channel,
                  struct str *ret_address)
{
    ptrdiff_t end = str_find(key, ':');
    size_t n = end < 0 ? 0 : (size_t)end;

    *ret_channel = str_sub(key, 0, n);
    *ret_address = str_sub(key, end < 0 ? 0 : n + 1, key.n);
}

const char *const suppression_reasons[] = {
    "suppress.manual",      "suppress.bounce", "suppress.complaint",
    "suppress.unsubscribe", "contact.gone",    NULL};

enum reason
suppression_reason(struct arena *a, struct json stored)
{
    enum reason r = reason_find(json_str_of(a, stored, "reason"));

    return r == REASON_NONE ? REASON_SUPPRESS_MANUAL : r;
}

/* ---- remembering ---- */

struct adding {
    struct arena *arena;
    struct store_object_write write;
    struct store_object_put put;
};

static void
on_added(struct store_req *req, enum err e)
{
    struct store_object_put *p =
        CONTAINER_OF(req, struct store_object_put, req);
    struct adding *x = CONTAINER_OF(p, struct adding, put);

    if (e != ERR_OK)
        LOG_WARN("suppression.not_kept", log_cstr("err", err_code(e)));
    arena_free(x->arena);
    free(x);
}

static struct store_told
told_of(enum event_kind kind, int64_t tenant, struct str key, int64_t at_ms)
{
    struct store_told t = {.tenant = tenant, .kind = kind, .at_ms = at_ms};

    suppression_split(key, &t.channel, &t.about);
    return t;
}

/* NULL: none listens. */
static const struct store_told *
added(struct arena *a, const struct suppression *s, struct str key)
{
    struct store_told *t;

    if (!(s->tells & EVENT_BIT(EVENT_SUPPRESSION_ADDED)))
        return NULL;
    t = ARENA_NEW(a, struct store_told);
    *t = told_of(EVENT_SUPPRESSION_ADDED, s->tenant, key, s->now_ms);
    t->reason = reason_code(s->reason);
    return t;
}

const struct store_told *
suppression_gone(struct arena *a, event_set tells,
                 const struct store_object_delete *d)
{
    const struct str *keys = d->n_keys > 0 ? d->keys : &d->key;
    size_t n = d->n_keys > 0 ? d->n_keys : 1;
    struct store_told *all;

    if (!(tells & EVENT_BIT(EVENT_SUPPRESSION_REMOVED)))
        return NULL;
    all = ARENA_ARRAY(a, struct store_told, n);
    for (size_t i = 0; i < n; i++)
        all[i] =
            told_of(EVENT_SUPPRESSION_REMOVED, d->tenant, keys[i], d->now_ms);
    return all;
}

struct store_object_write
suppression_write(struct arena *a, const struct suppression *s)
{
    struct str key = suppression_key(a, s->channel, s->address);
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "reason", reason_code(s->reason));
    if (s->note.n > 0)
        json_str_field(&w, "note", s->note);
    json_end_object(&w);
    return (struct store_object_write){
        .kind = OBJECT_SUPPRESSION,
        .key = key,
        .body = buf_str(&out),
        .if_version = OBJECT_ANY_VERSION,
        .num = s->num,
        .told = added(a, s, key),
        .is_told_if_made = true,
    };
}

void
suppression_add(const struct env *env, const struct suppression *s)
{
    struct adding *x = xcalloc(1, sizeof(*x));

    x->arena = arena_new();
    x->write = suppression_write(x->arena, s);
    x->put = (struct store_object_put){
        .req = {.arena = x->arena, .loop = env->loop, .on_done = on_added},
        .tenant = s->tenant,
        .now_ms = s->now_ms,
        .writes = &x->write,
        .n_writes = 1,
    };
    store_object_put(env->store, &x->put);
}

/* ---- forgetting ---- */

static void lift_next(struct suppression_lift *l);

static void
on_deleted(struct store_req *req, enum err e)
{
    struct store_object_delete *d =
        CONTAINER_OF(req, struct store_object_delete, req);
    struct suppression_lift *l = CONTAINER_OF(d, struct suppression_lift, del);

    /* Else somebody took it away, or put another one in its place. */
    if (e != ERR_OK && e != ERR_NOT_FOUND && e != ERR_PRECONDITION)
        l->on_done(l, e);
    else
        lift_next(l);
}

static bool
is_for(struct arena *a, const struct object *o, enum reason reason)
{
    struct json_doc doc;
    struct json_error why;

    return o->version > 0 && json_parse(a, o->body, &doc, &why) == ERR_OK &&
           suppression_reason(a, json_root(&doc)) == reason;
}

static void
lift_next(struct suppression_lift *l)
{
    while (l->at < l->get.n_keys) {
        const struct object *o = &l->get.objects[l->at++];

        if (!is_for(l->arena, o, l->reason))
            continue;
        l->del = (struct store_object_delete){.req = {.arena = l->arena,
                                                      .loop = l->env->loop,
                                                      .on_done = on_deleted},
                                              .tenant = l->tenant,
                                              .now_ms = l->now_ms,
                                              .kind = OBJECT_SUPPRESSION,
                                              .key = l->keys[l->at - 1],
                                              .if_version = o->version};
        l->del.told = suppression_gone(l->arena, l->tells, &l->del);
        store_object_delete(l->env->store, &l->del);
        return;
    }
    l->on_done(l, ERR_OK);
}

static void
on_looked(struct store_req *req, enum err e)
{
    struct store_object_get *g =
        CONTAINER_OF(req, struct store_object_get, req);
    struct suppression_lift *l = CONTAINER_OF(g, struct suppression_lift, get);

    if (e != ERR_OK)
        l->on_done(l, e);
    else
        lift_next(l);
}

void
suppression_lift(struct suppression_lift *l)
{
    size_t n = suppression_keys(l->arena, l->channel, l->address, l->keys);

    l->at = 0;
    l->get = (struct store_object_get){
        .req = {.arena = l->arena, .loop = l->env->loop, .on_done = on_looked},
        .tenant = l->tenant,
        .kind = OBJECT_SUPPRESSION,
        .keys = l->keys,
        .n_keys = n};
    store_object_get(l->env->store, &l->get);
}

/* ---- links ---- */

struct str
unsubscribe_token(const struct vault *v, struct arena *a,
                  const struct suppression *s)
{
    struct json_writer w;
    struct buf plain, out;
    uint8_t mac[32];

    buf_init(&plain, a);
    w = json_writer(&plain);
    json_begin_object(&w);
    json_int_field(&w, "t", s->tenant);
    json_str_field(&w, "c", s->channel);
    json_str_field(&w, "a", s->address);
    json_end_object(&w);
    vault_sign(v, "unsubscribe", buf_str(&plain), mac);
    buf_put(&plain, mac, MAC_BYTES);
    buf_init(&out, a);
    buf_put_base64url(&out, buf_str(&plain));
    return buf_str(&out);
}

bool
unsubscribe_read(const struct vault *v, struct arena *a, struct str token,
                 struct suppression *ret)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    struct buf raw;
    struct str plain;
    uint8_t mac[32];

    buf_init(&raw, a);
    if (token.n > TOKEN_MAX || !buf_get_base64(&raw, token) ||
        raw.n <= MAC_BYTES)
        return false;
    plain = str_sub(buf_str(&raw), 0, raw.n - MAC_BYTES);
    vault_sign(v, "unsubscribe", plain, mac);
    if (sodium_memcmp(mac, raw.p + plain.n, MAC_BYTES) != 0 ||
        json_parse(a, plain, doc, &why) != ERR_OK)
        return false;
    *ret = (struct suppression){
        .channel = json_str_of(a, json_root(doc), "c"),
        .address = json_str_of(a, json_root(doc), "a"),
        .reason = REASON_SUPPRESS_UNSUBSCRIBE,
    };
    return json_int(json_get(json_root(doc), "t"), &ret->tenant);
}
