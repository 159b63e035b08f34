#include "cli/client.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "net/fetch.h"

#define TIMEOUT_MS 30000
#define SPINNER_AFTER_MS 300
#define SPINNER_EVERY_MS 100
#define HEADERS_MAX 6
#define ANSWER_MAX (32u * 1024 * 1024)

struct client {
    struct loop *loop;
    struct egress_policy *policy;
    struct fetch *fetch;
    struct term *term;
    struct str url, workspace;
    struct str authorization; /* empty: none */
    bool is_stopped;
};

/* One call, from client_call() to its end. */
struct calling {
    struct fetch_request request;
    struct fetch_header headers[HEADERS_MAX];
    struct client *client;
    const struct client_call *call;
    struct client_answer *answer;
    struct buf body;
    int64_t started_ms, first_ms; /* first_ms -1: nothing came yet */
    bool is_stream;               /* ends with its first bytes */
    bool is_too_large;
    bool is_done;
};

/* A header's value must not become another header. */
static bool
is_header_text(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
            return false;
    return true;
}

static bool
is_url(struct str s)
{
    return (str_starts(s, STR("http://")) && s.n > 7) ||
           (str_starts(s, STR("https://")) && s.n > 8);
}

static bool
are_usable(const struct client_options *o, struct str *ret_why)
{
    if (!is_url(o->url) || !is_header_text(o->url) ||
        str_find(o->url, '?') >= 0 || str_find(o->url, '#') >= 0)
        *ret_why = STR("the server's URL must look like "
                       "http://127.0.0.1:7117");
    else if (!is_header_text(o->key))
        *ret_why = STR("the key has blanks or other characters that no key "
                       "has");
    else if (!is_header_text(o->workspace))
        *ret_why = STR("that is no name of a workspace");
    else
        return true;
    return false;
}

/* Whoever runs a command says where it goes, so every network is allowed. */
static struct egress_policy *
open_policy(void)
{
    static const struct str everything[] = {{"0.0.0.0/0", 9}, {"::/0", 4}};
    const char *why = NULL;
    struct egress_policy *p = egress_policy_new(everything, 2, &why);

    if (!p)
        fatal("%s", why);
    return p;
}

struct client *
client_new(struct arena *a, const struct client_options *o, struct str *ret_why)
{
    struct client *c;

    if (!are_usable(o, ret_why))
        return NULL;
    c = xcalloc(1, sizeof(*c));
    c->loop = loop_new();
    c->policy = open_policy();
    c->fetch = fetch_new(c->loop, c->policy);
    c->term = o->term;
    c->url = o->url;
    while (str_ends(c->url, STR("/")))
        c->url.n--;
    c->workspace = o->workspace;
    if (o->key.n > 0)
        c->authorization = str_fmt(a, "Bearer %.*s", STR_ARG(o->key));
    return c;
}

void
client_free(struct client *c)
{
    if (!c)
        return;
    fetch_free(c->fetch);
    loop_turn(c->loop, 0);
    egress_policy_free(c->policy);
    loop_free(c->loop);
    free(c);
}

struct str
client_url(const struct client *c)
{
    return c->url;
}

bool
client_has_key(const struct client *c)
{
    return c->authorization.n > 0;
}

/* ---- one call ---- */

static void
note_answer(struct client_answer *ret, struct arena *a,
            const struct fetch_answer *f)
{
    struct str type = fetch_answer_header(f, "Content-Type");
    struct str retry = fetch_answer_header(f, "Retry-After");
    ptrdiff_t end = str_find(type, ';');

    ret->status = f->status;
    ret->type =
        str_dup(a, str_trim(end < 0 ? type : str_sub(type, 0, (size_t)end)));
    if (!time_parse_http(fetch_answer_header(f, "Date"), &ret->date_ms))
        ret->date_ms = 0;
    if (!str_to_i64(retry, &ret->retry_after_s))
        ret->retry_after_s = 0;
}

static void
on_done(struct fetch_request *r, const struct fetch_answer *f)
{
    struct calling *x = CONTAINER_OF(r, struct calling, request);
    struct client_answer *ret = x->answer;

    x->is_done = true;
    ret->duration_ms = f->duration_ms;
    ret->detail = str_dup(r->arena, f->detail);
    note_answer(ret, r->arena, f);
    switch (f->outcome) {
    case FETCH_ANSWERED:
        ret->outcome = CLIENT_ANSWERED;
        break;
    case FETCH_NOT_SENT:
        ret->outcome = CLIENT_NO_SERVER;
        break;
    case FETCH_UNKNOWN:
        ret->outcome = CLIENT_LOST;
        break;
    }
    if (x->is_too_large)
        ret->detail = STR("the answer is larger than 32 MiB");
}

static bool
on_body(struct fetch_request *r, struct str part)
{
    struct calling *x = CONTAINER_OF(r, struct calling, request);

    if (x->first_ms < 0)
        x->first_ms = loop_now_ms(x->client->loop) - x->started_ms;
    if (x->call->on_part && x->call->on_part(x->call->arg, part))
        return true;
    x->is_too_large = x->body.n + part.n > ANSWER_MAX;
    if (x->is_too_large)
        return false;
    buf_put_str(&x->body, part);
    return !x->is_stream;
}

static void
spin(struct client *c, int turn)
{
    static const char *const frames[][2] = {
        {"|", "⠋"}, {"/", "⠙"}, {"-", "⠸"}, {"\\", "⠴"}, {"|", "⠦"}, {"/", "⠇"},
    };
    int i = turn % (int)(sizeof(frames) / sizeof(frames[0]));

    fprintf(c->term->file, "\r%s waiting", frames[i][c->term->is_utf8]);
    fflush(c->term->file);
}

static void
wipe(struct client *c)
{
    fputs("\r\033[K", c->term->file);
    fflush(c->term->file);
}

static void
wait_for(struct client *c, struct calling *x)
{
    int n_frames = 0;

    while (!x->is_done) {
        int64_t waited;

        loop_turn(c->loop, c->term->is_tty ? SPINNER_EVERY_MS : 1000);
        waited = loop_now_ms(c->loop) - x->started_ms;
        if (!x->is_done && c->is_stopped)
            fetch_cancel(c->fetch, &x->request);
        else if (!x->is_done && c->term->is_tty &&
                 waited >= SPINNER_AFTER_MS + n_frames * SPINNER_EVERY_MS)
            spin(c, n_frames++);
    }
    if (n_frames > 0)
        wipe(c);
}

static void
put_header(struct calling *x, const char *name, struct str value)
{
    if (value.n > 0)
        x->headers[x->request.n_headers++] =
            (struct fetch_header){str_from(name), value};
}

static struct calling *
start(struct client *c, struct arena *a, const struct client_call *call,
      struct client_answer *ret)
{
    struct calling *x = ARENA_NEW(a, struct calling);

    *ret = (struct client_answer){0};
    *x = (struct calling){
        .client = c,
        .call = call,
        .answer = ret,
        .first_ms = -1,
        .request =
            {
                .kind = FETCH_HTTP,
                .arena = a,
                .timeout_ms = call->timeout_ms ? call->timeout_ms : TIMEOUT_MS,
                .on_done = on_done,
                .on_body = on_body,
                .method = str_from(call->method),
                .url = str_fmt(a, "%.*s%.*s", STR_ARG(c->url),
                               STR_ARG(call->path)),
                .body = call->body,
            },
    };
    buf_init(&x->body, a);
    x->request.headers = x->headers;
    put_header(x, "Authorization", c->authorization);
    put_header(x, "X-Belfry-Workspace", c->workspace);
    put_header(x, "Idempotency-Key", call->idempotency_key);
    put_header(x, "If-Match", call->if_match);
    put_header(x, "User-Agent", STR("belfry/" BELFRY_VERSION));
    if (call->body.n > 0)
        put_header(x, "Content-Type",
                   str_from(call->type ? call->type : "application/json"));
    x->started_ms = loop_now_ms(c->loop);
    fetch_start(c->fetch, &x->request);
    return x;
}

static void
read_json(struct arena *a, struct client_answer *ret)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;

    if (str_ends(ret->type, STR("json")) &&
        json_parse(a, ret->body, doc, &why) == ERR_OK)
        ret->root = json_root(doc);
}

void
client_call(struct client *c, struct arena *a, const struct client_call *call,
            struct client_answer *ret)
{
    struct calling *x = start(c, a, call, ret);

    wait_for(c, x);
    ret->body = buf_str(&x->body);
    read_json(a, ret);
    if (c->is_stopped && ret->outcome != CLIENT_ANSWERED)
        ret->outcome = CLIENT_STOPPED;
}

int64_t
client_first_bytes(struct client *c, struct arena *a,
                   const struct client_call *call, struct client_answer *ret)
{
    struct calling *x = start(c, a, call, ret);

    x->is_stream = true;
    wait_for(c, x);
    ret->body = buf_str(&x->body);
    read_json(a, ret);
    return x->first_ms;
}

/* ---- waiting and stopping ---- */

static void
on_interrupt(int signum, void *arg)
{
    struct client *c = arg;

    (void)signum;
    c->is_stopped = true;
}

void
client_stop_on_interrupt(struct client *c)
{
    loop_on_signal(c->loop, SIGINT, on_interrupt, c);
    loop_on_signal(c->loop, SIGTERM, on_interrupt, c);
}

bool
client_is_stopped(const struct client *c)
{
    return c->is_stopped;
}

bool
client_pause(struct client *c, int64_t ms)
{
    int64_t until = loop_now_ms(c->loop) + ms;

    while (!c->is_stopped && loop_now_ms(c->loop) < until)
        loop_turn(c->loop, (int)(until - loop_now_ms(c->loop)));
    return !c->is_stopped;
}
