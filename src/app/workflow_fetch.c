/* workflow_fetch.c - a step that calls a URL: at least once.
 *
 *   say that it calls, and until when nobody else does -> call -> move on with
 *   what it brought, or try again later, or without it
 *
 * Who dies in between has made that call; another one is made when its time is
 * over. */
#include "app/workflow_private.h"
#include "app/workflow_secret.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/url.h"
#include "store/store.h"

#define TRIES_MAX 3
#define GRACE_MS 5000       /* beyond a call's timeout it is somebody else's */
#define FIRST_PAUSE_MS 5000 /* after the first call... */
#define NEXT_PAUSE_MS 30000 /* ...and after the second */
#define CROWDED_MS 500      /* where too many call already */
#define ANSWER_MAX (64 * 1024)

/* ---- what it brought ---- */

static void
keep(struct slot *s, struct json value)
{
    struct arena *a = s->base.arena;
    struct str as = json_str_of(a, s->asks.step, "as");
    struct json before = s->instance.fetched;
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(before); !json_is(m, JSON_ABSENT);
         m = json_next(before, m)) {
        struct str name = json_key(a, m);

        if (str_eq(name, as))
            continue;
        json_put_key_str(&w, name);
        json_put_raw(&w, json_raw(m));
    }
    json_put_key_str(&w, as);
    json_put_raw(&w, json_raw(value));
    json_end_object(&w);
    s->instance.fetched = instance_parse(a, buf_str(&out));
}

static struct json
error_of(struct slot *s, struct str why)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, s->base.arena);
    w = json_writer(&out);
    json_begin_object(&w);
    json_str_field(&w, "error", why);
    json_end_object(&w);
    return instance_parse(s->base.arena, buf_str(&out));
}

static void
go_on(struct slot *s, bool is_fetched, struct json value)
{
    keep(s, value);
    s->instance.calls = 0;
    slot_note(s, s->asks.id, is_fetched ? "pass" : "failed",
              is_fetched ? REASON_NONE : REASON_FETCH_FAILED);
    (void)workflow_answer(s->workflow, &s->instance.state, is_fetched,
                          s->now_ms);
    slot_know(s);
    slot_move(s);
}

static void
give_up(struct slot *s, struct str why)
{
    LOG_INFO("workflow.fetch_failed", log_str("workflow", s->key),
             log_str("step", s->asks.id), log_str("why", why));
    go_on(s, false, error_of(s, why));
}

/* ---- answers ---- */

static bool
is_json(const struct channel_answer *a)
{
    for (size_t i = 0; i < a->n_headers; i++) {
        struct str type = a->headers[i].value, name = STR_NONE;

        if (!str_ieq(a->headers[i].name, STR("content-type")))
            continue;
        (void)str_split(&type, ';', &name);
        name = str_trim(name);
        return str_ieq(name, STR("application/json")) ||
               (name.n > 5 &&
                str_ieq(str_sub(name, name.n - 5, 5), STR("+json")));
    }
    return false;
}

static struct json
text_of(struct slot *s, struct str body)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, s->base.arena);
    w = json_writer(&out);
    json_put_str(&w, str_is_utf8(body) ? body : STR("(not text)"));
    return instance_parse(s->base.arena, buf_str(&out));
}

/* It goes with the instance from step to step, within other JSON, together
 * with what was fetched before. */
static bool
fits(struct slot *s, struct json value)
{
    struct arena *a = s->base.arena;
    size_t n = json_raw(s->instance.fetched).n + json_raw(value).n;

    return n <= INSTANCE_FETCHED_MAX &&
           json_is(instance_parse(
                       a, str_fmt(a, "[[[[%.*s]]]]", STR_ARG(json_raw(value)))),
                   JSON_ARRAY);
}

static void
take(struct slot *s, const struct channel_answer *a)
{
    struct json value = is_json(a) ? instance_parse(s->base.arena, a->body)
                                   : text_of(s, a->body);

    if (a->body.n >= ANSWER_MAX)
        give_up(s, STR("the answer is longer than 64 KiB"));
    else if (json_is(value, JSON_ABSENT))
        give_up(s, STR("the answer is not the JSON that it says it is"));
    else if (!fits(s, value))
        give_up(s, STR("the answer is more than a workflow keeps"));
    else
        go_on(s, true, value);
}

/* Whether another call may bring what this one did not. */
static bool
is_passing(const struct channel_answer *a)
{
    if (a->outcome == CHANNEL_ANSWERED)
        return a->status >= 500 || a->status == 429 || a->status == 408 ||
               a->status == 425;
    return a->cause != CHANNEL_CAUSE_EGRESS && a->cause != CHANNEL_CAUSE_URL;
}

static struct str
why_not(struct slot *s, const struct channel_answer *a)
{
    if (a->outcome == CHANNEL_ANSWERED)
        return str_fmt(s->base.arena, "it answered %d", a->status);
    if (a->cause == CHANNEL_CAUSE_EGRESS)
        return STR("this server may not call that address");
    return a->detail.n > 0 ? a->detail : STR("it could not be called");
}

static void
on_answer(struct outcall *o, const struct channel_answer *a)
{
    struct slot *s = CONTAINER_OF(o, struct slot, outcall);

    slot_called(s);
    if (a->outcome == CHANNEL_ANSWERED && a->status / 100 == 2)
        take(s, a);
    else if (!is_passing(a) || s->instance.calls >= TRIES_MAX)
        give_up(s, why_not(s, a));
    else
        slot_put_off(s,
                     s->instance.calls == 1 ? FIRST_PAUSE_MS : NEXT_PAUSE_MS);
}

/* ---- calls ---- */

static int64_t
timeout_of(const struct slot *s)
{
    int64_t ms;

    return str_to_duration_ms(
               json_str_of(s->base.arena, s->asks.step, "timeout"), &ms)
               ? ms
               : WORKFLOW_FETCH_MS;
}

/* False: a secret does not open with the key that this server has. */
static bool
add_headers(struct slot *s, struct channel_request *r)
{
    const struct workflow_secrets secrets = {.arena = s->base.arena,
                                             .vault = slot_app(s)->vault,
                                             .tenant = s->base.hold.tenant,
                                             .key = s->key};
    struct json all = json_get(s->asks.step, "headers");
    bool has_type = r->body.n == 0;

    for (struct json h = json_first(all);
         !json_is(h, JSON_ABSENT) && r->n_headers < WORKFLOW_HEADERS_MAX;
         h = json_next(all, h)) {
        struct str name = json_key(s->base.arena, h);
        struct str value = json_str(s->base.arena, h);

        if (!workflow_secrets_open(&secrets, s->outcall.name, name, value,
                                   &value))
            return false;
        has_type |= str_ieq(name, STR("content-type"));
        r->headers[r->n_headers++] = (struct channel_header){name, value};
    }
    if (!has_type)
        r->headers[r->n_headers++] = (struct channel_header){
            STR("Content-Type"), STR("application/json")};
    return true;
}

/* NULL: s->outcall is made; else why there is none. */
static const char *
make_call(struct slot *s)
{
    struct channel_request *r = &s->outcall.request;
    struct str method = json_str_of(s->base.arena, s->asks.step, "method");

    s->outcall = (struct outcall){
        .arena = s->base.arena,
        .tenant = s->base.hold.tenant,
        .name = json_str_of(s->base.arena, s->asks.step, "as"),
        .timeout_ms = timeout_of(s),
        .on_done = on_answer,
    };
    r->kind = CHANNEL_REQUEST_HTTP;
    r->method = method.n > 0 ? method : STR("GET");
    if (!slot_render(s, "url", TEMPLATE_URL, &r->url) ||
        !slot_render(s, "body", TEMPLATE_JSON, &r->body))
        return "its URL or body is larger than a template may be";
    if (!add_headers(s, r))
        return "a secret in its headers cannot be read with this server's key";
    return url_fault(r->url);
}

static void
call(struct slot *s)
{
    const char *fault = make_call(s);

    if (fault)
        give_up(s, str_from(fault));
    else
        slot_call(s);
}

static void
on_said(struct store_req *req, enum err e)
{
    struct store_accept *a = CONTAINER_OF(req, struct store_accept, req);
    struct slot *s = CONTAINER_OF(a, struct slot, accept);

    if (e != ERR_OK || s->only.is_gone) {
        slot_end(s, e, s->only.is_gone);
        return;
    }
    s->row.hold = s->base.hold.hold = s->only.hold;
    s->n_steps = 0; /* they are told of */
    call(s);
}

void
slot_fetch(struct slot *s)
{
    if (s->instance.calls >= TRIES_MAX) {
        give_up(s, STR("the server stopped while it called"));
        return;
    }
    if (!slot_may_call(s)) {
        slot_put_off(s, CROWDED_MS);
        return;
    }
    s->instance.calls++;
    slot_say(s, s->now_ms + timeout_of(s) + GRACE_MS, on_said);
}
