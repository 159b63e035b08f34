#include "scenario/outlet.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/workspace.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/map.h"

struct script_of { /* of one provider */
    const struct reply *replies;
    size_t n, at;
    bool is_always;
    int64_t n_calls;
};

struct outlet {
    struct executor executor;
    const struct env *env;
    struct arena *arena;
    struct map *providers; /* struct script_of, by name */
    struct caught *caught;
    size_t n, cap;
};

struct call {
    struct outlet *outlet;
    struct execution *x;
    struct loop_timer timer;
    struct channel_answer answer;
    struct channel_header headers[2];
    char seconds[24];
};

/* ---- what is kept ---- */

static struct caught *
add(struct outlet *o)
{
    if (o->n == o->cap) {
        o->cap = o->cap ? 2 * o->cap : 64;
        o->caught = xrealloc(o->caught, o->cap * sizeof(*o->caught));
    }
    return &o->caught[o->n++];
}

static void
keep(struct outlet *o, const struct execution *x, bool is_taken)
{
    for (size_t i = 0; i < x->n_messages; i++) {
        const struct channel_message *m = &x->messages[i];

        *add(o) = (struct caught){
            .at_ms = o->env->clock->wall_ms(o->env->clock),
            .user = str_dup(o->arena, m->user),
            .channel = str_dup(o->arena, m->channel),
            .provider = str_dup(o->arena, x->provider->name),
            .to = str_dup(o->arena, m->address),
            .title = str_dup(o->arena, m->title),
            .body = str_dup(o->arena, m->body),
            .html = str_dup(o->arena, m->html),
            .unsubscribe_url = str_dup(o->arena, m->unsubscribe_url),
            .is_taken = is_taken,
        };
    }
}

/* ---- answers ---- */

static struct script_of *
script_of(struct outlet *o, struct str provider)
{
    struct script_of *s = map_get(o->providers, provider);

    if (!s) {
        s = xcalloc(1, sizeof(*s));
        (void)map_put(o->providers, provider, s);
    }
    return s;
}

static struct reply
next_reply(struct script_of *s, const struct execution *x)
{
    bool is_smtp = x->request->kind == CHANNEL_REQUEST_SMTP;
    struct reply usual = {.kind = REPLY_STATUS,
                          .status = is_smtp ? 250 : 200,
                          .text = is_smtp ? STR("2.0.0 taken") : STR_NONE};

    s->n_calls++;
    if (s->at >= s->n)
        return usual;
    if (s->is_always && s->at + 1 == s->n)
        return s->replies[s->at];
    return s->replies[s->at++];
}

static void
on_timer(struct loop_timer *t)
{
    struct call *c = CONTAINER_OF(t, struct call, timer);

    c->x->on_done(c->x, &c->answer);
}

static void
add_header(struct call *c, struct str name, struct str value)
{
    c->headers[c->answer.n_headers++] = (struct channel_header){name, value};
    c->answer.headers = c->headers;
}

static void
say_when(struct call *c, int64_t ms)
{
    snprintf(c->seconds, sizeof(c->seconds), "%lld",
             (long long)((ms + 999) / 1000));
    add_header(c, STR("retry-after"), str_from(c->seconds));
}

static int64_t
fill_answer(struct call *c, const struct reply *r)
{
    struct channel_answer *a = &c->answer;

    if (r->kind == REPLY_NEVER) {
        a->outcome = CHANNEL_UNKNOWN;
        a->cause = CHANNEL_CAUSE_TIMEOUT;
        a->detail = STR("no answer within the provider's timeout");
        return c->x->timeout_ms;
    }
    if (r->kind == REPLY_UNREACHABLE) {
        a->outcome = CHANNEL_NOT_SENT;
        a->cause = CHANNEL_CAUSE_NETWORK;
        a->detail = STR("the scenario says that it cannot be reached");
        return 0;
    }
    a->outcome = CHANNEL_ANSWERED;
    a->status = r->status;
    a->body = r->text.n > 0 ? r->text : STR("{\"ok\":true}");
    if (a->body.p[0] == '{' || a->body.p[0] == '[')
        add_header(c, STR("content-type"), STR("application/json"));
    if (r->retry_after_ms > 0)
        say_when(c, r->retry_after_ms);
    return 0;
}

static bool
is_yes(const struct reply *r)
{
    return r->kind == REPLY_STATUS && r->status / 100 == 2;
}

static void
start(struct executor *e, struct execution *x)
{
    struct outlet *o = CONTAINER_OF(e, struct outlet, executor);
    struct call *c = ARENA_NEW(x->arena, struct call);
    struct reply r = next_reply(script_of(o, x->provider->name), x);
    int64_t ms;

    c->outlet = o;
    c->x = x;
    x->private_state = c;
    keep(o, x, is_yes(&r));
    ms = fill_answer(c, &r);
    if (x->request->kind == CHANNEL_REQUEST_WAIT && r.kind == REPLY_STATUS)
        ms = x->request->wait_ms;
    loop_timer_set(o->env->loop, &c->timer, ms, on_timer);
}

static void
cancel(struct executor *e, struct execution *x)
{
    struct outlet *o = CONTAINER_OF(e, struct outlet, executor);
    struct call *c = x->private_state;

    c->answer.outcome = CHANNEL_UNKNOWN;
    loop_timer_set(o->env->loop, &c->timer, 0, on_timer);
}

/* ---- life ---- */

struct outlet *
outlet_new(const struct env *env, struct arena *arena)
{
    struct outlet *o = xcalloc(1, sizeof(*o));

    o->executor = (struct executor){
        .is_stand_in = true, .start = start, .cancel = cancel};
    o->env = env;
    o->arena = arena;
    o->providers = map_new();
    return o;
}

void
outlet_free(struct outlet *o)
{
    struct str name;
    void *value;

    if (!o)
        return;
    for (size_t at = 0; map_next(o->providers, &at, &name, &value);)
        free(value);
    map_free(o->providers);
    free(o->caught);
    free(o);
}

struct executor *
outlet_executor(struct outlet *o)
{
    return &o->executor;
}

void
outlet_tell(struct outlet *o, struct str provider, const struct reply *replies,
            size_t n, bool is_always)
{
    struct script_of *s = script_of(o, provider);

    s->replies = replies;
    s->n = n;
    s->at = 0;
    s->is_always = is_always;
}

size_t
outlet_caught(struct outlet *o, struct caught **ret)
{
    *ret = o->caught;
    return o->n;
}

int64_t
outlet_calls(const struct outlet *o, struct str provider)
{
    const struct script_of *s = map_get(o->providers, provider);

    return s ? s->n_calls : 0;
}
