/* http.c - see http.h. */
#include "channel/http.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/url.h"

/* ---- addresses ---- */

void
channel_check_base_url(struct json config, struct problem *p)
{
    struct str url = json_str_of(p->arena, config, "base_url");
    const char *fault = url.n > 0 ? url_fault(url) : NULL;

    if (fault)
        problem_add(p, ERR_INVALID, STR("/base_url"), "%s", fault);
    else if (str_find(url, '?') >= 0 || str_find(url, '#') >= 0)
        problem_add(p, ERR_INVALID, STR("/base_url"),
                    "must have no query and no fragment");
}

bool
channel_is_word(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') &&
            !(c >= 'A' && c <= 'Z') && c != '-' && c != '_')
            return false;
    }
    return s.n > 0;
}

struct str
channel_url(struct arena *a, struct json config, const char *otherwise,
            struct str path)
{
    struct str base = json_str_of(a, config, "base_url");

    if (base.n == 0)
        base = str_from(otherwise);
    while (base.n > 0 && base.p[base.n - 1] == '/')
        base.n--;
    return str_fmt(a, "%.*s%.*s", STR_ARG(base), STR_ARG(path));
}

struct str
channel_url_host(struct arena *a, struct json config, const char *otherwise)
{
    return url_host(channel_url(a, config, otherwise, STR("/")));
}

bool
channel_is_link(struct str url)
{
    return url_fault(url) == NULL;
}

struct str
channel_unmask_links(struct arena *a, struct str text)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '(' && i > 0 && text.p[i - 1] == ']')
            buf_put_char(&b, '\\');
        buf_put_char(&b, text.p[i]);
    }
    return buf_str(&b);
}

/* ---- incoming webhooks ---- */

void
channel_check_webhook_url(struct json config, struct problem *p)
{
    struct str url = json_str_of(p->arena, config, "webhook_url");
    const char *fault = url.n > 0 ? url_fault(url) : NULL;

    /* As it is shown, it stands for the one that is stored. */
    if (fault && !str_is(url, "***"))
        problem_add(p, ERR_INVALID, STR("/webhook_url"), "%s", fault);
}

struct str
channel_moved_url(struct arena *a, struct json config, struct str url)
{
    if (json_str_of(a, config, "base_url").n == 0)
        return url;
    return channel_url(a, config, "", url_rest(url));
}

struct str
channel_webhook_host(struct arena *a, struct json config)
{
    return url_host(
        channel_moved_url(a, config, json_str_of(a, config, "webhook_url")));
}

struct str
channel_webhook_url(struct channel_call *c)
{
    struct str own = c->messages[0].address;
    struct str url =
        own.n > 0 ? own : json_str_of(c->arena, c->config, "webhook_url");
    const char *fault = url_fault(url);
    ptrdiff_t fragment = str_find(url, '#'); /* is never sent */

    if (fault) {
        channel_refuse(
            c, str_cstr(c->arena, str_fmt(c->arena, "the address %s", fault)));
        return STR_NONE;
    }
    if (fragment >= 0)
        url.n = (size_t)fragment;
    return channel_moved_url(c->arena, c->config, url);
}

enum verdict
channel_gone(const struct channel_call *c)
{
    return c->messages[0].address.n > 0 ? VERDICT_GONE : VERDICT_CREDENTIALS;
}

struct channel_verdict
channel_judge_webhook(struct channel_call *c, const struct field *config)
{
    struct channel_verdict v = channel_judge_http(c, config);

    if (v.verdict == VERDICT_GONE)
        v.verdict = channel_gone(c);
    else if (v.verdict == VERDICT_CREDENTIALS && c->messages[0].address.n > 0)
        v.verdict = VERDICT_REJECTED;
    return v;
}

/* ---- the call ---- */

void
channel_post(struct channel_call *c, struct str url, const char *type,
             struct str body)
{
    c->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_HTTP,
        .method = STR("POST"),
        .url = url,
        .headers = {{STR("Content-Type"), str_from(type)}},
        .n_headers = 1,
        .body = body,
    };
}

void
channel_add_header(struct channel_call *c, const char *name, struct str value)
{
    struct channel_request *r = &c->request;

    assert(r->n_headers < sizeof(r->headers) / sizeof(r->headers[0]));
    r->headers[r->n_headers++] = (struct channel_header){str_from(name), value};
}

void
channel_add_bearer(struct channel_call *c, struct str token)
{
    channel_add_header(c, "Authorization",
                       str_fmt(c->arena, "Bearer %.*s", STR_ARG(token)));
}

void
channel_add_basic(struct channel_call *c, struct str user, struct str password)
{
    struct str pair =
        str_fmt(c->arena, "%.*s:%.*s", STR_ARG(user), STR_ARG(password));
    struct buf b;

    buf_init(&b, c->arena);
    buf_put_cstr(&b, "Basic ");
    buf_put_base64(&b, pair);
    channel_add_header(c, "Authorization", buf_str(&b));
}

void
channel_put_form(struct buf *out, const char *name, struct str value)
{
    if (out->n > 0)
        buf_put_char(out, '&');
    buf_put_url(out, str_from(name));
    buf_put_char(out, '=');
    buf_put_url(out, value);
}

/* ---- the answer ---- */

struct json
channel_answer_json(const struct channel_call *c)
{
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error error;

    if (json_parse(c->arena, c->answer->body, doc, &error) != ERR_OK)
        return (struct json){0};
    return json_root(doc);
}

bool
channel_answer_is_ok(const struct channel_call *c)
{
    return c->answer->status >= 200 && c->answer->status < 300;
}

static enum verdict
verdict_of_status(int status, bool names_time)
{
    if (status >= 200 && status < 300)
        return VERDICT_SENT;
    if (status == 429 || (status == 503 && names_time))
        return VERDICT_RATE;
    if (status == 408 || status == 425 || status >= 500)
        return VERDICT_RETRY;
    if (status == 401 || status == 402 || status == 403 || status == 407)
        return VERDICT_CREDENTIALS;
    return status == 410 ? VERDICT_GONE : VERDICT_REJECTED;
}

struct channel_verdict
channel_judge_http(struct channel_call *c, const struct field *config)
{
    const struct channel_answer *a = c->answer;
    int64_t retry_after_ms = channel_retry_after_ms(c);
    struct channel_verdict v = {
        .verdict = verdict_of_status(a->status, retry_after_ms > 0),
        .status = a->status,
    };

    if (v.verdict == VERDICT_SENT)
        return v;
    if (v.verdict == VERDICT_RATE || v.verdict == VERDICT_RETRY)
        v.retry_after_ms = retry_after_ms;
    v.detail = channel_detail(
        c, config,
        str_fmt(c->arena, "HTTP %d %.*s", a->status, STR_ARG(a->body)));
    return v;
}

static bool
is_below(struct arena *a, struct str host, const char *home)
{
    return str_is(host, home) || str_ends(host, str_fmt(a, ".%s", home));
}

void
channel_judge_others(struct channel_call *c, struct str url,
                     const char *const *homes)
{
    struct str host = str_lower(c->arena, url_host(url));

    if (!c->is_done || host.n == 0 ||
        json_str_of(c->arena, c->config, "base_url").n > 0)
        return;
    for (; *homes && **homes; homes++)
        if (is_below(c->arena, host, *homes))
            return;
    c->verdicts[0].is_of_others = true;
}

int64_t
channel_wait_ms(double seconds)
{
    if (!(seconds > RETRY_AFTER_MIN_MS / 1000.0)) /* NaN, too */
        return RETRY_AFTER_MIN_MS;
    if (seconds > RETRY_AFTER_MAX_MS / 1000.0)
        return RETRY_AFTER_MAX_MS;
    return (int64_t)ceil(seconds * 1000);
}

int64_t
channel_json_wait_ms(struct arena *a, struct json seconds)
{
    if (!json_is(seconds, JSON_NUMBER))
        return 0;
    return channel_wait_ms(strtod(str_cstr(a, json_raw(seconds)), NULL));
}

int64_t
channel_until_midnight_ms(int64_t now_ms)
{
    int64_t day_ms = 24 * 3600 * INT64_C(1000);

    return day_ms - now_ms % day_ms;
}
