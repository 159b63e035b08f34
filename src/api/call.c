#include "api/call.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/api_private.h"
#include "api/novu.h"
#include "api/route.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/near.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX 100
#define IDEM_KEEP_MS (INT64_C(24) * 3600 * 1000)

void
call_header(struct call *c, const char *name, struct str value)
{
    const size_t cap = sizeof(c->headers) / sizeof(c->headers[0]);

    if (c->n_headers < cap)
        c->headers[c->n_headers++] =
            (struct http_header){str_from(name), value};
}

void
call_etag(struct call *c, int64_t version)
{
    call_header(c, "ETag", str_fmt(c->arena, "\"%lld\"", (long long)version));
}

/* The one way out: counts, lets go of what is held, sends. */
static void
finish(struct call *c, int status, const char *type, struct str body)
{
    const struct workspace *w = c->workspace;
    struct http_response r = {.status = status, .body = body};

    if (type)
        call_header(c, "Content-Type", str_from(type));
    r.headers = c->headers;
    r.n_headers = c->n_headers;
    api_call_ends(c, status);
    c->workspace = NULL;
    http_reply(c->exchange, &r);
    workspace_put(w);
}

void
call_reply(struct call *c, int status, const struct buf *json)
{
    finish(c, status, "application/json", buf_str(json));
}

void
call_reply_text(struct call *c, int status, const char *type, struct str text)
{
    finish(c, status, type, text);
}

void
call_reply_empty(struct call *c, int status)
{
    finish(c, status, NULL, STR_NONE);
}

void
call_reply_replay(struct call *c, const struct store_idem *idem)
{
    metric_add(metrics_series(METRIC_idempotent_replays_total), 1);
    call_header(c, "Idempotent-Replayed", STR("true"));
    call_reply_text(c, idem->status, "application/json", idem->body);
}

static bool
is_worth_repeating(enum err e)
{
    return err_http_status(e) == 503 || e == ERR_RATE_LIMITED ||
           e == ERR_IN_FLIGHT;
}

void
call_refuse(struct call *c)
{
    struct problem *p = &c->problem;
    struct buf out;

    buf_init(&out, c->arena);
    if (p->retry_after_s == 0 && is_worth_repeating(p->err))
        p->retry_after_s = 1;
    if (p->retry_after_s > 0)
        call_header(c, "Retry-After",
                    str_fmt(c->arena, "%lld", (long long)p->retry_after_s));
    if (p->err == ERR_UNAUTHORIZED)
        call_header(c, "WWW-Authenticate", STR("Bearer"));
    if (novu_is_path(c->request->path)) {
        novu_write_refusal(c, &out);
        finish(c, err_http_status(p->err), "application/json", buf_str(&out));
        return;
    }
    problem_write(p, api_problem_base(c->api, c->arena), c->request_id, &out);
    finish(c, err_http_status(p->err), "application/problem+json",
           buf_str(&out));
}

void
call_fail(struct call *c, enum err e)
{
    problem_set(&c->problem, e, "%s", err_help(e));
    call_refuse(c);
}

void
call_fail_with(struct call *c, enum err e, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    problem_set(&c->problem, e, "%s", text);
    call_refuse(c);
}

struct http_stream *
call_stream(struct call *c, const char *type,
            const struct http_stream_events *ev)
{
    const struct workspace *w = c->workspace;
    struct http_response head = {.status = 200};
    struct http_stream *s;

    call_header(c, "Content-Type", str_from(type));
    call_header(c, "Cache-Control", STR("no-store"));
    call_header(c, "X-Accel-Buffering", STR("no"));
    head.headers = c->headers;
    head.n_headers = c->n_headers;
    api_call_ends(c, 200);
    c->workspace = NULL;
    s = http_stream_start(c->exchange, &head, ev);
    workspace_put(w);
    return s;
}

struct json_writer
call_writer(struct call *c, struct buf *out)
{
    buf_init(out, c->arena);
    return json_writer(out);
}

struct json_writer
call_begin_page(struct call *c, struct buf *out)
{
    struct json_writer w = call_writer(c, out);

    json_begin_object(&w);
    json_put_key(&w, "data");
    json_begin_array(&w);
    return w;
}

void
call_end_page(struct call *c, struct json_writer *w, struct str next)
{
    json_end_array(w);
    json_str_or_null_field(w, "next", next);
    json_end_object(w);
    call_reply(c, 200, w->out);
}

static int
shard_of(const struct call *c)
{
    return c->workspace ? c->workspace->shard : 0;
}

struct str
call_id(struct call *c, const char *prefix, int64_t id)
{
    char *text = arena_alloc(c->arena, ID_TEXT_MAX);

    return id_format(text, vault_id_key(c->app->vault), prefix, shard_of(c),
                     id);
}

void
call_id_field(struct call *c, struct json_writer *w, const char *key,
              const char *prefix, int64_t id)
{
    json_put_key(w, key);
    if (id == 0)
        json_put_null(w);
    else
        json_put_str(w, call_id(c, prefix, id));
}

bool
call_path_id(struct call *c, int i, const char *prefix, int64_t *ret)
{
    if (id_parse(c->params[i], vault_id_key(c->app->vault), prefix, shard_of(c),
                 ret))
        return true;
    call_fail(c, ERR_NOT_FOUND);
    return false;
}

bool
call_path_key(struct call *c, int i, struct str *ret)
{
    *ret = c->params[i];
    if (id_is_key(*ret))
        return true;
    call_fail_with(c, ERR_NOT_FOUND,
                   "a key is 1 to 128 of A-Z a-z 0-9 _ . : @ -");
    return false;
}

bool
call_param(struct call *c, const char *name, struct str *ret)
{
    return http_request_param(c->request, name, ret);
}

bool
call_refuse_param(struct call *c, const char *name, const char *why)
{
    problem_add(&c->problem, ERR_INVALID, str_fmt(c->arena, "/%s", name), "%s",
                why);
    call_refuse(c);
    return false;
}

static bool
refuse_paging(struct call *c, const char *name, const char *why)
{
    problem_set(&c->problem, ERR_INVALID, "the query parameter %s %s", name,
                why);
    return call_refuse_param(c, name, why);
}

bool
call_limit(struct call *c, size_t *ret)
{
    struct str text;
    uint64_t n;

    *ret = LIMIT_DEFAULT;
    if (!call_param(c, "limit", &text))
        return true;
    if (!str_to_u64(text, &n) || n < 1 || n > LIMIT_MAX)
        return refuse_paging(c, "limit", "must be from 1 to 100");
    *ret = (size_t)n;
    return true;
}

bool
call_after_id(struct call *c, const char *prefix, int64_t *ret)
{
    struct str text;

    *ret = 0;
    if (!call_param(c, "after", &text))
        return true;
    if (id_parse(text, vault_id_key(c->app->vault), prefix, shard_of(c), ret))
        return true;
    return refuse_paging(c, "after", "must be a `next` that a list gave");
}

#define CURSOR_MAC 12
#define CURSOR_MAX 4096 /* characters; a key may be an address */

/* A cursor is the key and a signature, so that only what was given out is
 * taken back. */
static void
sign_cursor(struct call *c, struct str key, uint8_t mac[static 32])
{
    struct str text = str_fmt(c->arena, "%lld/%.*s",
                              (long long)c->workspace->tenant, STR_ARG(key));

    vault_sign(c->app->vault, "cursor", text, mac);
}

struct str
call_cursor(struct call *c, struct str key)
{
    uint8_t mac[32];
    struct buf raw, out;

    sign_cursor(c, key, mac);
    buf_init(&raw, c->arena);
    buf_put(&raw, mac, CURSOR_MAC);
    buf_put_str(&raw, key);
    buf_init(&out, c->arena);
    buf_put_base64url(&out, buf_str(&raw));
    return buf_str(&out);
}

bool
call_after_key(struct call *c, struct str *ret)
{
    struct str text, key;
    struct buf raw;
    uint8_t mac[32];

    *ret = STR_NONE;
    if (!call_param(c, "after", &text))
        return true;
    buf_init(&raw, c->arena);
    if (text.n <= CURSOR_MAX && buf_get_base64(&raw, text) &&
        raw.n > CURSOR_MAC) {
        key = str_sub(buf_str(&raw), CURSOR_MAC, raw.n);
        sign_cursor(c, key, mac);
        if (sodium_memcmp(mac, raw.p, CURSOR_MAC) == 0) {
            *ret = key;
            return true;
        }
    }
    return refuse_paging(c, "after", "must be a `next` that a list gave");
}

bool
call_if_match(struct call *c, int64_t *ret)
{
    struct str text = http_request_header(c->request, "If-Match");

    *ret = OBJECT_ANY_VERSION;
    if (text.p == NULL || str_is(text, "*"))
        return true;
    if (text.n > 2 && text.p[0] == '"' && text.p[text.n - 1] == '"' &&
        str_to_i64(str_sub(text, 1, text.n - 2), ret) && *ret >= 0)
        return true;
    call_fail_with(c, ERR_PRECONDITION,
                   "If-Match must be an ETag that this server gave");
    return false;
}

/* Its place among the names, or -1. */
static int
place_of(const char *const *names, struct str name)
{
    for (int i = 0; names && names[i]; i++)
        if (str_is(name, names[i]))
            return i;
    return -1;
}

static bool
refuse_param_name(struct call *c, const char *how, struct str name,
                  const char *const *names)
{
    struct str at = field_pointer(c->arena, STR_NONE, name);
    struct near near = near_to(name);

    for (int i = 0; names && names[i]; i++)
        near_weigh(&near, names[i]);
    problem_set(&c->problem, ERR_INVALID, "%s query parameter \"%.*s\"", how,
                STR_ARG(name));
    if (near.word && near.distance > 0)
        problem_add(&c->problem, ERR_INVALID, at,
                    "%s query parameter; did you mean \"%s\"?", how, near.word);
    else
        problem_add(&c->problem, ERR_INVALID, at, "%s query parameter", how);
    call_refuse(c);
    return false;
}

bool
call_only_params(struct call *c, const char *const *names)
{
    struct str rest = c->request->query, pair, name;
    uint64_t seen = 0; /* no route knows as many as 64 */

    while (rest.p && str_split(&rest, '&', &pair)) {
        ptrdiff_t sign = str_find(pair, '=');
        int place;

        if (pair.n == 0)
            continue;
        name = sign < 0 ? pair : str_sub(pair, 0, (size_t)sign);
        place = place_of(names, name);
        if (place >= 0 && !(seen >> place & 1)) {
            seen |= UINT64_C(1) << place;
            continue;
        }
        return refuse_param_name(c, place < 0 ? "unknown" : "repeated",
                                 str_utf8_clip(name, 64), names);
    }
    return true;
}

/* The draft's form is a quoted string; many clients send it bare. */
static struct str
unquoted(struct str s)
{
    if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
        return str_sub(s, 1, s.n - 2);
    return s;
}

bool
call_idem(struct call *c, struct store_idem *ret)
{
    struct str key = http_request_header(c->request, "Idempotency-Key");
    crypto_hash_sha256_state h;
    struct str parts[] = {c->request->method, c->request->path,
                          c->request->query, c->request->body};

    if (key.p == NULL)
        return true;
    key = unquoted(key);
    if (key.n < 1 || key.n > 255) {
        call_fail_with(c, ERR_INVALID,
                       "Idempotency-Key must be 1 to 255 bytes long");
        return false;
    }
    crypto_hash_sha256_init(&h);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint64_t n = parts[i].n; /* lengths keep the parts apart */

        crypto_hash_sha256_update(&h, (const uint8_t *)&n, sizeof(n));
        crypto_hash_sha256_update(&h, (const uint8_t *)parts[i].p, parts[i].n);
    }
    crypto_hash_sha256_final(&h, ret->fingerprint);
    ret->key = key;
    ret->until_ms = call_now_ms(c) + IDEM_KEEP_MS;
    return true;
}

bool
call_has_type(struct call *c, const char *type)
{
    struct str t = http_request_header(c->request, "Content-Type");
    ptrdiff_t end = str_find(t, ';');

    if (end >= 0)
        t = str_sub(t, 0, (size_t)end);
    return str_ieq(str_trim(t), str_from(type));
}

bool
call_has_json(struct call *c)
{
    return http_request_header(c->request, "Content-Type").n == 0 ||
           call_has_type(c, "application/json") ||
           call_has_type(c, "application/merge-patch+json") ||
           call_has_type(c, "application/x-www-form-urlencoded");
}

struct store_req
call_req(struct call *c, void (*on_done)(struct store_req *, enum err))
{
    return (struct store_req){.arena = c->arena,
                              .loop = c->app->env->loop,
                              .on_done = on_done,
                              .audit = call_audit(c)};
}

int64_t
call_now_ms(const struct call *c)
{
    struct clock *clock = c->app->env->clock;

    return clock->wall_ms(clock);
}
