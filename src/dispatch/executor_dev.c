/* executor_dev.c - see executor_dev.h. */
#include "dispatch/executor_dev.h"

#include <stdlib.h>

#include "app/workspace.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"

struct executor_dev {
    struct executor executor;
    const struct env *env;
    struct dev_sink *sink;
    struct executor *local;
};

struct dev_call {
    struct execution *x;
    struct loop_timer timer;
    struct channel_answer answer;
};

/* ---- what is kept ---- */

static struct str
replaced(struct arena *a, struct str text, struct str what)
{
    struct buf b;
    size_t at = 0;

    if (what.n < 4 || text.n < what.n ||
        !memmem(text.p, text.n, what.p, what.n))
        return text;
    buf_init(&b, a);
    while (at < text.n) {
        const char *hit = memmem(text.p + at, text.n - at, what.p, what.n);
        size_t end = hit ? (size_t)(hit - text.p) : text.n;

        buf_put(&b, text.p + at, end - at);
        if (hit)
            buf_put_cstr(&b, "***");
        at = hit ? end + what.n : text.n;
    }
    return buf_str(&b);
}

/* As it stands, and as forms write it. */
static struct str
without(struct arena *a, struct str text, struct json secret)
{
    struct str plain = json_str(a, secret);
    struct buf form;

    buf_init(&form, a);
    buf_put_url(&form, plain);
    return replaced(a, replaced(a, text, plain), buf_str(&form));
}

/* No value of a secret setting shows in it. */
static struct str
masked(struct arena *a, const struct provider *p, struct str text)
{
    for (const struct field *f = p->driver->config; f && f->type != FIELD_END;
         f++) {
        struct json v = json_get(p->config, f->name);

        if (!(f->flags & FIELD_SECRET))
            continue;
        if (json_is(v, JSON_STRING))
            text = without(a, text, v);
        for (struct json e = json_first(v);
             json_is(v, JSON_ARRAY) && !json_is(e, JSON_ABSENT);
             e = json_next(v, e))
            text = without(a, text, e);
    }
    return text;
}

static struct str
header_lines(struct arena *a, const struct channel_request *r)
{
    struct buf b;

    buf_init(&b, a);
    for (size_t i = 0; i < r->n_headers; i++) {
        buf_put_str(&b, r->headers[i].name);
        buf_put_cstr(&b, ": ");
        buf_put_str(&b, str_ieq(r->headers[i].name, STR("authorization"))
                            ? STR("***")
                            : r->headers[i].value);
        buf_put_char(&b, '\n');
    }
    return buf_str(&b);
}

static struct dev_message
described(struct arena *a, const struct channel_request *r)
{
    struct dev_message m = {.headers = header_lines(a, r), .raw = r->body};

    switch (r->kind) {
    case CHANNEL_REQUEST_HTTP:
        m.method = r->method;
        m.url = m.to = r->url;
        break;
    case CHANNEL_REQUEST_SMTP:
        m.method = STR("SMTP");
        m.url = str_fmt(a, "%.*s:%d", STR_ARG(r->host), r->port);
        m.from = r->mail_from;
        m.to = r->n_rcpt_to > 0 ? r->rcpt_to[0] : STR_NONE;
        break;
    case CHANNEL_REQUEST_FILE:
        m.method = STR("FILE");
        m.url = m.to = r->path;
        break;
    case CHANNEL_REQUEST_WAIT:
        m.method = STR("WAIT");
        break;
    }
    return m;
}

static void
keep(struct executor_dev *dev, const struct execution *x)
{
    const struct provider *p = x->provider;
    struct dev_message m = described(x->arena, x->request);

    m.tenant = p->tenant;
    m.at_ms = dev->env->clock->wall_ms(dev->env->clock);
    m.channel = p->channel;
    m.provider = p->name;
    m.driver = str_from(p->driver->name);
    m.url = masked(x->arena, p, m.url);
    m.to = masked(x->arena, p, m.to);
    m.headers = masked(x->arena, p, m.headers);
    m.raw = masked(x->arena, p, m.raw);
    for (size_t i = 0; i < x->n_messages; i++) {
        const struct channel_message *from = &x->messages[i];
        struct dev_message one = m;

        one.user = from->user;
        if (from->address.n > 0)
            one.to = from->address;
        one.title = from->title;
        one.body = from->body;
        one.html = from->html;
        one.delivery_id = from->delivery_id;
        one.notification_id = from->notification_id;
        dev_sink_add(dev->sink, &one);
    }
}

/* ---- the executor ---- */

static bool
is_local(const struct execution *x)
{
    return x->request->kind == CHANNEL_REQUEST_FILE ||
           x->request->kind == CHANNEL_REQUEST_WAIT;
}

static void
on_timer(struct loop_timer *t)
{
    struct dev_call *c = CONTAINER_OF(t, struct dev_call, timer);

    c->x->on_done(c->x, &c->answer);
}

static const struct channel_header is_json = {{"content-type", 12},
                                              {"application/json", 16}};

static void
start(struct executor *e, struct execution *x)
{
    struct executor_dev *dev = CONTAINER_OF(e, struct executor_dev, executor);
    bool is_smtp = x->request->kind == CHANNEL_REQUEST_SMTP;
    struct dev_call *c;

    keep(dev, x);
    if (is_local(x)) {
        dev->local->start(dev->local, x);
        return;
    }
    x->is_kept = true;
    c = ARENA_NEW(x->arena, struct dev_call);
    c->x = x;
    c->answer = (struct channel_answer){
        .outcome = CHANNEL_ANSWERED,
        .status = is_smtp ? 250 : 200,
        .body = is_smtp ? STR("2.0.0 kept by the development sink")
                        : STR("{\"ok\":true}"),
        .headers = &is_json,
        .n_headers = !is_smtp,
    };
    loop_timer_set(dev->env->loop, &c->timer, 0, on_timer);
}

static void
cancel(struct executor *e, struct execution *x)
{
    struct executor_dev *dev = CONTAINER_OF(e, struct executor_dev, executor);

    /* The sink's own answer is due in the next turn anyway. */
    if (is_local(x))
        dev->local->cancel(dev->local, x);
}

struct executor *
executor_dev_new(const struct env *env, struct dev_sink *sink,
                 struct executor *local)
{
    struct executor_dev *dev = xcalloc(1, sizeof(*dev));

    dev->executor = (struct executor){
        .is_stand_in = true, .start = start, .cancel = cancel};
    dev->env = env;
    dev->sink = sink;
    dev->local = local;
    return &dev->executor;
}

void
executor_dev_free(struct executor *e)
{
    free(e ? CONTAINER_OF(e, struct executor_dev, executor) : NULL);
}
