/* driver.c - see driver.h. Pure. */
#include "channel/driver.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/url.h"

#define SECRET_MIN 4      /* a shorter one would mask half of every sentence */
#define URL_SECRET_MIN 16 /* of a part of an URL: shorter ones are words */

void
channel_conclude(struct channel_call *c, const struct channel_verdict *v)
{
    c->is_done = true;
    for (size_t i = 0; i < c->n_messages; i++)
        c->verdicts[i] = *v;
}

void
channel_refuse(struct channel_call *c, const char *why)
{
    struct channel_verdict v = {
        .verdict = VERDICT_REJECTED,
        .reason = reason_code(REASON_CONTENT_INVALID),
        .detail = str_dup(c->arena, str_from(why)),
    };

    channel_conclude(c, &v);
}

void
channel_step(struct channel_call *c, const struct field *config,
             void (*ask)(struct channel_call *c),
             struct channel_verdict (*judge)(struct channel_call *c))
{
    struct channel_verdict v;

    if (!c->answer) {
        ask(c);
        return;
    }
    v = c->answer->outcome == CHANNEL_ANSWERED ? judge(c)
                                               : channel_unanswered(c, config);
    channel_conclude(c, &v);
}

struct channel_verdict
channel_unanswered(struct channel_call *c, const struct field *config)
{
    const struct channel_answer *a = c->answer;
    struct channel_verdict v = {
        .verdict =
            a->outcome == CHANNEL_UNKNOWN ? VERDICT_UNKNOWN : VERDICT_RETRY,
        .status = a->status,
        .detail = channel_detail(c, config, a->detail),
    };

    if (a->cause == CHANNEL_CAUSE_EGRESS) {
        v.verdict = VERDICT_REJECTED;
        v.reason = reason_code(REASON_EGRESS_REFUSED);
    } else if (a->cause == CHANNEL_CAUSE_URL) {
        v.verdict = VERDICT_REJECTED;
        v.reason = reason_code(REASON_CONTENT_INVALID);
    }
    return v;
}

struct json
channel_override(const struct channel_call *c)
{
    struct str overrides = c->messages[0].overrides;
    struct json_doc *doc = ARENA_NEW(c->arena, struct json_doc);
    struct json_error error;

    if (overrides.n == 0 ||
        json_parse(c->arena, overrides, doc, &error) != ERR_OK)
        return (struct json){0};
    return json_get_str(json_get(json_root(doc), "providers"), c->provider);
}

bool
channel_has_no_target(struct json config)
{
    (void)config;
    return false;
}

/* ---- words ---- */

struct str
channel_text(struct arena *a, const struct channel_message *m)
{
    if (m->title.n == 0 || m->body.n == 0)
        return m->title.n > 0 ? m->title : m->body;
    return str_fmt(a, "%.*s\n%.*s", STR_ARG(m->title), STR_ARG(m->body));
}

struct str
channel_clip(struct arena *a, struct str text, size_t max)
{
    size_t at = 0, units = 0, fits = 0;

    while (at < text.n) {
        size_t n = str_utf8_char(str_sub(text, at, 4));

        units += n == 4 ? 2 : 1;
        at += n > 0 ? n : 1;
        if (units < max) /* leaves room for the ellipsis */
            fits = at;
    }
    if (units <= max)
        return text;
    return str_fmt(a, "%.*s\u2026", (int)fits, text.p);
}

struct str
channel_clip_bytes(struct arena *a, struct str text, size_t max)
{
    struct str mark = STR("\u2026");

    if (text.n <= max)
        return text;
    text = str_utf8_clip(text, max - mark.n);
    return str_fmt(a, "%.*s%.*s", STR_ARG(text), STR_ARG(mark));
}

size_t
channel_actions(struct arena *a, const struct channel_message *m,
                struct channel_action row[static CHANNEL_ACTIONS_MAX])
{
    struct json_doc doc;
    struct json_error error;
    size_t n = 0;

    if (m->actions.n == 0 || json_parse(a, m->actions, &doc, &error) != ERR_OK)
        return 0;
    for (struct json e = json_first(json_root(&doc));
         n < CHANNEL_ACTIONS_MAX && !json_is(e, JSON_ABSENT);
         e = json_next(json_root(&doc), e))
        row[n++] = (struct channel_action){
            .id = json_str_of(a, e, "id"),
            .label = json_str_of(a, e, "label"),
            .url = json_str_of(a, e, "url"),
        };
    return n;
}

/* ---- details ---- */

static void
mask(struct buf *text, struct str secret)
{
    char *at;

    if (secret.n < SECRET_MIN)
        return;
    while (text->n > 0 &&
           (at = memmem(text->p, text->n, secret.p, secret.n)) != NULL) {
        size_t left = (size_t)(at - text->p);

        memset(at, '*', 3);
        memmove(at + 3, at + secret.n, text->n - left - secret.n);
        text->n -= secret.n - 3;
    }
}

/* What an URL says beyond its host, and the long parts of that alone. */
static void
mask_url(struct buf *text, struct str url)
{
    struct str rest = url_rest(url);
    size_t from = 0;

    mask(text, url);
    mask(text, rest);
    for (size_t i = 0; i <= rest.n; i++) {
        if (i < rest.n && !strchr("/?&=#", rest.p[i]))
            continue;
        if (i - from >= URL_SECRET_MIN)
            mask(text, str_sub(rest, from, i - from));
        from = i + 1;
    }
}

/* As it stands, each word of it, and as logins and signatures encode it. */
static void
mask_all_forms(struct arena *a, struct buf *text, struct str secret)
{
    struct str word, rest = secret;
    struct buf encoded;

    mask(text, secret);
    if (url_host(secret).n > 0)
        mask_url(text, secret);
    while (str_split(&rest, ' ', &word))
        mask(text, word);
    buf_init(&encoded, a);
    buf_put_base64(&encoded, secret);
    mask(text, buf_str(&encoded));
}

static void
mask_secrets(const struct channel_call *c, const struct field *config,
             struct buf *text)
{
    for (const struct field *f = config; f->type != FIELD_END; f++) {
        struct json v = json_get(c->config, f->name);

        if (!(f->flags & FIELD_SECRET))
            continue;
        if (json_is(v, JSON_STRING))
            mask_all_forms(c->arena, text, json_str(c->arena, v));
        for (struct json e = json_first(v);
             json_is(v, JSON_ARRAY) && !json_is(e, JSON_ABSENT);
             e = json_next(v, e))
            if (json_is(e, JSON_STRING))
                mask_all_forms(c->arena, text, json_str(c->arena, e));
    }
    mask(text, c->memo.text); /* a token is one, as long as it is good */
    /* A user's own webhook is address and secret in one. */
    for (size_t i = 0; i < c->n_messages; i++)
        if (url_host(c->messages[i].address).n > 0)
            mask_url(text, c->messages[i].address);
}

struct str
channel_detail(const struct channel_call *c, const struct field *config,
               struct str text)
{
    struct buf b;

    /* Masked before it is clipped: half a secret is one too. */
    text = str_sub(text, 0, 8 * 1024);
    buf_init(&b, c->arena);
    buf_reserve(&b, text.n + 1);
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
    mask_secrets(c, config, &b);
    return str_trim(str_utf8_clip(buf_str(&b), CHANNEL_DETAIL_MAX));
}

/* ---- answers ---- */

struct str
channel_answer_header(const struct channel_answer *a, const char *name)
{
    for (size_t i = 0; i < a->n_headers; i++)
        if (str_ieq(a->headers[i].name, str_from(name)))
            return a->headers[i].value;
    return STR_NONE;
}

bool
channel_is_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

int64_t
channel_retry_after_ms(const struct channel_call *c)
{
    struct str value = channel_answer_header(c->answer, "Retry-After");
    int64_t ms, now_ms = c->now_ms;
    uint64_t seconds;

    if (value.n == 0)
        return 0;
    if (channel_is_digits(value)) { /* more than a number holds, too */
        ms = !str_to_u64(value, &seconds) || seconds > RETRY_AFTER_MAX_MS / 1000
                 ? RETRY_AFTER_MAX_MS
                 : (int64_t)seconds * 1000;
    } else if (time_parse_http(value, &ms)) {
        /* Their clock may be off, so their own time counts. */
        time_parse_http(channel_answer_header(c->answer, "Date"), &now_ms);
        ms -= now_ms;
    } else {
        return 0;
    }
    if (ms < RETRY_AFTER_MIN_MS)
        return RETRY_AFTER_MIN_MS;
    return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : ms;
}

/* ---- the JSON that webhook and log file share ---- */

/* JSON has raw line ends only between tokens, where a blank does as well. */
static void
flatten(struct buf *out, size_t from)
{
    for (size_t i = from; i < out->n; i++)
        if (out->p[i] == '\n' || out->p[i] == '\r')
            out->p[i] = ' ';
}

void
channel_put_json(struct buf *out, const struct channel_message *m,
                 int64_t at_ms)
{
    struct json_writer w = json_writer(out);
    size_t from = out->n;

    json_begin_object(&w);
    if (at_ms > 0)
        json_time_field(&w, "at", at_ms);
    json_str_field(&w, "notification_id", m->notification_id);
    json_str_field(&w, "delivery_id", m->delivery_id);
    json_str_or_null_field(&w, "user", m->user);
    json_str_field(&w, "channel", m->channel);
    json_str_field(&w, "title", m->title);
    json_str_field(&w, "body", m->body);
    json_raw_field(&w, "data", m->data.n > 0 ? m->data : STR("null"));
    json_raw_field(&w, "actions", m->actions.n > 0 ? m->actions : STR("[]"));
    json_str_or_null_field(&w, "category", m->category);
    json_str_or_null_field(&w, "priority", m->priority);
    json_time_field(&w, "created_at", m->created_ms);
    json_end_object(&w);
    if (at_ms > 0)
        flatten(out, from);
}
