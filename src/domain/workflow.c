/* workflow.c - see workflow.h.
 *
 *   wait E 10m, then T else F   ->   0 WAIT  else 3
 *                                    1 T
 *                                    2 JUMP 4
 *                                    3 F
 *                                    4 ...
 */
#include "domain/workflow.h"

#include <assert.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/url.h"
#include "domain/digest_rule.h"
#include "domain/template.h"
#include "domain/throttle.h"

enum op {
    OP_SEND,
    OP_DELAY,
    OP_WAIT,
    OP_BRANCH,
    OP_JUMP,
    OP_THROTTLE,
    OP_DIGEST,
    OP_FETCH
};

#define NOWHERE SIZE_MAX /* to go there is the end */

struct instruction {
    enum op op;
    struct json step;
    struct str id;
    size_t other;     /* of a fork: where `else` begins; JUMP: where to */
    int64_t ms;       /* DELAY, WAIT */
    struct str event; /* WAIT */
    struct json to, channel; /* SEND, WAIT: of an escalation */
};

struct workflow {
    struct instruction *program;
    size_t n, cap;
};

/* ---- what a step may hold ---- */

static const char *const types[] = {"send",   "delay",    "wait",
                                    "branch", "throttle", "digest",
                                    "fetch",  "escalate", NULL};

static const struct field any_row[] = {{.type = FIELD_ANY}};

const struct field workflow_fields[] = {
    {.name = "key", .type = FIELD_KEY},
    {.name = "name",
     .type = FIELD_STRING,
     .max = 200,
     .doc = "What people call it."},
    {.name = "steps",
     .type = FIELD_ARRAY,
     .flags = FIELD_REQUIRED,
     .of = any_row,
     .min = 1,
     .max = WORKFLOW_STEPS_MAX,
     .doc = "What each recipient goes through, one after the other."},
    {.name = "version", .type = FIELD_INT, .flags = FIELD_READ_ONLY},
    {.name = "created_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.name = "updated_at", .type = FIELD_TIME, .flags = FIELD_READ_ONLY},
    {.type = FIELD_END},
};

#define HEAD                                                                   \
    {.name = "id",                                                             \
     .type = FIELD_KEY,                                                        \
     .doc = "Of the step, for traces; without it, its place."},                \
    {                                                                          \
        .name = "type", .type = FIELD_ENUM, .flags = FIELD_REQUIRED,           \
        .values = types                                                        \
    }
#define BRANCHES                                                               \
    {.name = "then",                                                           \
     .type = FIELD_ARRAY,                                                      \
     .of = any_row,                                                            \
     .max = WORKFLOW_STEPS_MAX},                                               \
    {                                                                          \
        .name = "else", .type = FIELD_ARRAY, .of = any_row,                    \
        .max = WORKFLOW_STEPS_MAX                                              \
    }

static const struct field delay_fields[] = {
    HEAD,
    {.name = "for",
     .type = FIELD_DURATION,
     .max = WORKFLOW_DELAY_MAX_MS,
     .doc = "How long."},
    {.name = "until",
     .type = FIELD_STRING,
     .min = 1,
     .max = 512,
     .doc = "A time, or where one stands: \"data.starts_at\"."},
    {.type = FIELD_END},
};
static const struct field wait_fields[] = {
    HEAD,
    {.name = "for_event",
     .type = FIELD_KEY,
     .flags = FIELD_REQUIRED,
     .doc = "\"read\", \"clicked\", or one of your own."},
    {.name = "timeout",
     .type = FIELD_DURATION,
     .flags = FIELD_REQUIRED,
     .min = 1000,
     .max = WORKFLOW_DELAY_MAX_MS},
    BRANCHES,
    {.type = FIELD_END},
};
static const struct field branch_fields[] = {
    HEAD,
    {.name = "if", .type = FIELD_ANY, .flags = FIELD_REQUIRED},
    BRANCHES,
    {.type = FIELD_END},
};

static const struct field throttle_step_fields[] = {
    HEAD,
    THROTTLE_FIELDS("A recipient passes at most so many times..."),
    {.name = "key",
     .type = FIELD_STRING,
     .min = 1,
     .max = WORKFLOW_TEXT_MAX,
     .doc = "A template: each of what it gives is counted by itself."},
    BRANCHES,
    {.type = FIELD_END},
};

static const struct field digest_step_fields[] = {
    HEAD,
    {.name = "key",
     .type = FIELD_STRING,
     .min = 1,
     .max = WORKFLOW_TEXT_MAX,
     .doc = "A template: each of what it gives is collected by itself."},
    DIGEST_RULE_FIELDS,
    {.type = FIELD_END},
};

static const char *const fetch_methods[] = {"GET", "POST", NULL};
static const struct field header_row[] = {
    {.type = FIELD_STRING, .min = 1, .max = WORKFLOW_HEADER_MAX}};
static const struct field fetch_fields[] = {
    HEAD,
    {.name = "url",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .max = URL_MAX,
     .doc = "A template, but for its host."},
    {.name = "as",
     .type = FIELD_STRING,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 64,
     .doc = "What it brings is known as \"fetch.\" and this name."},
    {.name = "method",
     .type = FIELD_ENUM,
     .values = fetch_methods,
     .doc = "Default GET."},
    {.name = "headers",
     .type = FIELD_MAP,
     .of = header_row,
     .max = WORKFLOW_HEADERS_MAX,
     .doc = "As they are."},
    {.name = "body",
     .type = FIELD_STRING,
     .max = 64 * 1024,
     .doc = "A template; of JSON, if no header says otherwise."},
    {.name = "timeout",
     .type = FIELD_DURATION,
     .min = 1000,
     .max = WORKFLOW_FETCH_MAX_MS,
     .doc = "For one call; 1s to 30s, default 10s."},
    {.name = "else",
     .type = FIELD_ARRAY,
     .of = any_row,
     .max = WORKFLOW_STEPS_MAX,
     .doc = "Where it brings nothing."},
    {.type = FIELD_END},
};

static const struct field asked_row[] = {{.type = FIELD_KEY}};
static const struct field escalate_fields[] = {
    HEAD,
    {.name = "to",
     .type = FIELD_ARRAY,
     .of = asked_row,
     .min = 1,
     .max = WORKFLOW_ASKED_MAX,
     .doc = "Users, and roles as \"role:oncall\", one after the other. Without "
            "it the recipient, on one channel after the other."},
    {.name = "channels",
     .type = FIELD_ARRAY,
     .of = asked_row,
     .min = 1,
     .max = WORKFLOW_ASKED_MAX},
    {.name = "every",
     .type = FIELD_DURATION,
     .flags = FIELD_REQUIRED,
     .min = 1000,
     .max = WORKFLOW_DELAY_MAX_MS,
     .doc = "How long each has, before the next is asked."},
    {.name = "until",
     .type = FIELD_KEY,
     .doc = "The event that ends it; default \"read\"."},
    BRANCHES,
    {.type = FIELD_END},
};

/* ---- checking ---- */

struct checking {
    struct problem *problem;
    workflow_check_send *check_send;
    workflow_check_host *check_host;
    void *arg;
    int n_steps, depth;
};

static void check_steps(struct checking *c, struct json list, struct str at);

static void
check_branches(struct checking *c, struct json step, struct str at)
{
    static const char *const names[] = {"then", "else"};

    for (size_t i = 0; i < 2; i++) {
        struct json list = json_get(step, names[i]);

        if (json_is(list, JSON_ARRAY))
            check_steps(
                c, list,
                field_pointer(c->problem->arena, at, str_from(names[i])));
    }
}

/* Of paths, as slots have them. */
static const char *const roots[] = {"data",  "user",  "digest",
                                    "fetch", "flags", NULL};

static void
check_delay(struct checking *c, struct json step, struct str at)
{
    struct arena *a = c->problem->arena;
    struct str until = json_str_of(a, step, "until");
    bool has_for = !json_is(json_get(step, "for"), JSON_ABSENT);
    int64_t at_ms;

    field_check(delay_fields, step, at, c->problem);
    if (has_for == !json_is(json_get(step, "until"), JSON_ABSENT))
        problem_add(c->problem, ERR_INVALID, at,
                    "needs one of \"for\" and \"until\"");
    else if (until.n > 0 && !time_parse(until, &at_ms) &&
             !condition_is_path(until, roots))
        problem_add(c->problem, ERR_INVALID, field_pointer(a, at, STR("until")),
                    "must be a time, such as 2026-05-01T09:00:00Z, or a path "
                    "that begins with %.*s",
                    STR_ARG(condition_roots_text(a, roots)));
}

static void
check_branch(struct checking *c, struct json step, struct str at)
{
    struct json condition = json_get(step, "if");

    field_check(branch_fields, step, at, c->problem);
    if (!json_is(condition, JSON_ABSENT))
        condition_check(condition, roots,
                        field_pointer(c->problem->arena, at, STR("if")),
                        c->problem);
    check_branches(c, step, at);
}

/* A member that is a template. */
static void
check_text(struct checking *c, struct json step, const char *name,
           struct str at)
{
    struct arena *a = c->problem->arena;
    struct str text = json_str_of(a, step, name);
    struct template *t;
    struct template_error why;

    if (text.n > 0 && template_compile(a, text, &t, &why) != ERR_OK)
        problem_add(c->problem, ERR_INVALID,
                    field_pointer(a, at, str_from(name)), "byte %zu: %s",
                    why.at, why.why);
}

static void
check_throttle(struct checking *c, struct json step, struct str at)
{
    field_check(throttle_step_fields, step, at, c->problem);
    check_text(c, step, "key", at);
    check_branches(c, step, at);
}

static void
check_digest(struct checking *c, struct json step, struct str at)
{
    field_check(digest_step_fields, step, at, c->problem);
    check_text(c, step, "key", at);
    (void)digest_rule_read(step, at, c->problem);
}

/* Data says where on a host to look, and not on which. */
static const char *
fault_of_url_template(struct str url)
{
    struct str known = url, host;
    size_t n = 0;

    while (n + 1 < url.n && !(url.p[n] == '{' && url.p[n + 1] == '{'))
        n++;
    if (n + 1 >= url.n)
        return url_fault(url);
    known.n = n;
    host = url_host(known);
    if (host.n > 0 && !memchr(host.p, '/', n - (size_t)(host.p - url.p)) &&
        !memchr(host.p, '?', n - (size_t)(host.p - url.p)))
        return "must have a host that is no template";
    return url_fault(known);
}

static bool
is_token(struct str name)
{
    bool is_so = name.n > 0 && name.n <= 64;

    for (size_t i = 0; i < name.n && is_so; i++)
        is_so = str_find(STR("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                             "XYZ0123456789-_"),
                         name.p[i]) >= 0;
    return is_so;
}

static const char *
fault_of_header(struct str name, struct str value)
{
    if (!is_token(name))
        return "must have a name of letters, digits, - and _";
    if (url_owns_header(name))
        return "is for the server to say";
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < ' ' || value.p[i] == 0x7f)
            return "must not have control characters";
    return NULL;
}

static void
check_headers(struct checking *c, struct json headers, struct str at)
{
    struct arena *a = c->problem->arena;

    for (struct json h = json_first(headers); !json_is(h, JSON_ABSENT);
         h = json_next(headers, h)) {
        struct str name = json_key(a, h);
        const char *fault = fault_of_header(name, json_str(a, h));

        if (fault)
            problem_add(c->problem, ERR_INVALID, field_pointer(a, at, name),
                        "%s", fault);
    }
}

static void
check_fetch(struct checking *c, struct json step, struct str at)
{
    struct arena *a = c->problem->arena;
    struct str url = json_str_of(a, step, "url");
    struct str as = json_str_of(a, step, "as");
    const char *fault = url.n > 0 ? fault_of_url_template(url) : NULL;

    field_check(fetch_fields, step, at, c->problem);
    if (fault)
        problem_add(c->problem, ERR_INVALID, field_pointer(a, at, STR("url")),
                    "%s", fault);
    else
        check_text(c, step, "url", at);
    if (as.n > 0 && !is_token(as))
        problem_add(c->problem, ERR_INVALID, field_pointer(a, at, STR("as")),
                    "must be of letters, digits, - and _");
    check_text(c, step, "body", at);
    check_headers(c, json_get(step, "headers"),
                  field_pointer(a, at, STR("headers")));
    check_branches(c, step, at);
    if (c->check_host && !fault)
        c->check_host(c->arg, url_host(url), field_pointer(a, at, STR("url")),
                      c->problem);
}

/* Whether it is the escalation's own, and not of what it sends. */
static bool
is_of_escalation(struct str name)
{
    static const char *const own[] = {"to", "every", "until", "then", "else"};

    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (str_is(name, own[i]))
            return true;
    return false;
}

/* Its own members, or those of what it sends; `id`, `type` and `channels` are
 * in both. */
static struct json
part_of(struct arena *a, struct json step, bool is_own)
{
    struct json_doc *doc = ARENA_NEW(a, struct json_doc);
    struct json_error why;
    struct json_writer w;
    struct buf out;

    buf_init(&out, a);
    w = json_writer(&out);
    json_begin_object(&w);
    for (struct json m = json_first(step); !json_is(m, JSON_ABSENT);
         m = json_next(step, m)) {
        struct str name = json_key(a, m);
        bool is_both = str_is(name, "id") || str_is(name, "type") ||
                       str_is(name, "channels");

        if (!is_both && is_of_escalation(name) != is_own)
            continue;
        json_put_key_str(&w, name);
        json_put_raw(&w, json_raw(m));
    }
    json_end_object(&w);
    return json_parse(a, buf_str(&out), doc, &why) == ERR_OK ? json_root(doc)
                                                             : (struct json){0};
}

static void
check_escalate(struct checking *c, struct json step, struct str at)
{
    struct problem *p = c->problem;
    struct json to = json_get(step, "to"),
                channels = json_get(step, "channels");

    field_check(escalate_fields, part_of(p->arena, step, true), at, p);
    if (json_is(to, JSON_ABSENT) && json_is(channels, JSON_ABSENT))
        problem_add(p, ERR_INVALID, at, "needs \"to\" or \"channels\"");
    else /* each of them is a step */
        c->n_steps +=
            (int)json_count(json_is(to, JSON_ABSENT) ? channels : to) - 1;
    c->check_send(c->arg, part_of(p->arena, step, false), at, p);
    check_branches(c, step, at);
}

static void
check_type(struct checking *c, struct json step, struct str at)
{
    struct problem *p = c->problem;
    struct str type = json_str_of(p->arena, step, "type");
    struct str type_at = field_pointer(p->arena, at, STR("type"));

    if (str_is(type, "send")) {
        c->check_send(c->arg, step, at, p);
    } else if (str_is(type, "delay")) {
        check_delay(c, step, at);
    } else if (str_is(type, "wait")) {
        field_check(wait_fields, step, at, p);
        check_branches(c, step, at);
    } else if (str_is(type, "branch")) {
        check_branch(c, step, at);
    } else if (str_is(type, "throttle")) {
        check_throttle(c, step, at);
    } else if (str_is(type, "digest")) {
        check_digest(c, step, at);
    } else if (str_is(type, "fetch")) {
        check_fetch(c, step, at);
    } else if (str_is(type, "escalate")) {
        check_escalate(c, step, at);
    } else {
        problem_add(p, ERR_INVALID, type_at,
                    "must be one of send, delay, wait, branch, throttle, "
                    "digest, fetch, escalate");
    }
}

static void
check_steps(struct checking *c, struct json list, struct str at)
{
    struct problem *p = c->problem;
    size_t i = 0;

    if (c->depth == WORKFLOW_DEPTH_MAX) {
        problem_add(p, ERR_INVALID, at, "must not be more than %d lists deep",
                    WORKFLOW_DEPTH_MAX);
        return;
    }
    c->depth++;
    for (struct json step = json_first(list); !json_is(step, JSON_ABSENT);
         step = json_next(list, step), i++) {
        struct str below = str_fmt(p->arena, "%.*s/%zu", STR_ARG(at), i);

        if (++c->n_steps > WORKFLOW_STEPS_MAX) {
            problem_add(p, ERR_INVALID, below,
                        "must not be one of more than %d steps",
                        WORKFLOW_STEPS_MAX);
            break;
        }
        if (json_is(step, JSON_OBJECT))
            check_type(c, step, below);
        else
            problem_add(p, ERR_INVALID, below, "must be an object");
    }
    c->depth--;
}

void
workflow_check(struct json doc, workflow_check_send *check_send,
               workflow_check_host *check_host, void *arg, struct problem *p)
{
    struct checking c = {.problem = p,
                         .check_send = check_send,
                         .check_host = check_host,
                         .arg = arg};

    field_check(workflow_fields, doc, STR(""), p);
    if (json_is(json_get(doc, "steps"), JSON_ARRAY))
        check_steps(&c, json_get(doc, "steps"), STR("/steps"));
}

/* ---- compiling ---- */

static size_t
add(struct workflow *w, struct instruction i)
{
    assert(w->n < w->cap);
    w->program[w->n] = i;
    return w->n++;
}

static int64_t
duration_of(struct arena *a, struct json step, const char *name)
{
    int64_t ms = 0;

    return str_to_duration_ms(json_str_of(a, step, name), &ms) ? ms : 0;
}

static void compile_steps(struct workflow *w, struct arena *a,
                          struct json list);

static void
compile_fork(struct workflow *w, struct arena *a, struct instruction i)
{
    struct json no = json_get(i.step, "else");
    size_t fork = add(w, i), jump;

    compile_steps(w, a, json_get(i.step, "then"));
    jump = json_count(no) > 0 ? add(w, (struct instruction){.op = OP_JUMP})
                              : SIZE_MAX;
    w->program[fork].other = w->n;
    compile_steps(w, a, no);
    if (jump != SIZE_MAX)
        w->program[jump].other = w->n;
}

/* Without an `else`, what is over the limit goes no further. */
static void
compile_throttle(struct workflow *w, struct arena *a, struct instruction i)
{
    size_t at = w->n;

    i.op = OP_THROTTLE;
    compile_fork(w, a, i);
    if (json_is(json_get(i.step, "else"), JSON_ABSENT))
        w->program[at].other = NOWHERE;
}

/*   escalate to A, role:B every 5m, then T else F
 *
 *   0 SEND A                  3 SEND B, or else 6      6 F
 *   1 WAIT else 3             4 WAIT else 3            7 JUMP 9
 *   2 JUMP 8                  5 JUMP 8                 8 T
 */
static void
compile_escalate(struct workflow *w, struct arena *a, struct instruction i)
{
    struct json to = json_get(i.step, "to");
    bool is_to = json_is(to, JSON_ARRAY);
    struct json list = is_to ? to : json_get(i.step, "channels");
    size_t *jumps = ARENA_ARRAY(a, size_t, json_count(list) + 1);
    size_t n = 0, last;

    i.ms = duration_of(a, i.step, "every");
    i.event = json_str_of(a, i.step, "until");
    if (i.event.n == 0)
        i.event = STR("read");
    for (struct json v = json_first(list); !json_is(v, JSON_ABSENT);
         v = json_next(list, v)) {
        bool is_role = is_to && str_starts(json_str(a, v), STR(WORKFLOW_ROLE));
        size_t ask;

        *(is_to ? &i.to : &i.channel) = v;
        i.op = OP_SEND;
        ask = add(w, i);
        i.op = OP_WAIT;
        add(w, i);
        jumps[n++] = add(w, (struct instruction){.op = OP_JUMP});
        w->program[ask].other = w->n;
        w->program[ask + 1].other = is_role ? ask : w->n;
    }
    compile_steps(w, a, json_get(i.step, "else"));
    last = add(w, (struct instruction){.op = OP_JUMP});
    while (n-- > 0)
        w->program[jumps[n]].other = w->n;
    compile_steps(w, a, json_get(i.step, "then"));
    w->program[last].other = w->n;
}

static void
compile_step(struct workflow *w, struct arena *a, struct json step)
{
    struct str type = json_str_of(a, step, "type");
    struct str id = json_str_of(a, step, "id");
    struct instruction i = {
        .op = OP_SEND,
        .step = step,
        .id = id.n > 0 ? id : str_fmt(a, "step-%zu", w->n + 1),
    };

    if (str_is(type, "delay")) {
        i.op = OP_DELAY;
        i.ms = duration_of(a, step, "for");
        add(w, i);
    } else if (str_is(type, "wait")) {
        i.op = OP_WAIT;
        i.ms = duration_of(a, step, "timeout");
        i.event = json_str_of(a, step, "for_event");
        compile_fork(w, a, i);
    } else if (str_is(type, "branch")) {
        i.op = OP_BRANCH;
        compile_fork(w, a, i);
    } else if (str_is(type, "throttle")) {
        compile_throttle(w, a, i);
    } else if (str_is(type, "digest")) {
        i.op = OP_DIGEST;
        add(w, i);
    } else if (str_is(type, "fetch")) {
        i.op = OP_FETCH;
        compile_fork(w, a, i);
    } else if (str_is(type, "escalate")) {
        compile_escalate(w, a, i);
    } else {
        add(w, i);
    }
}

static void
compile_steps(struct workflow *w, struct arena *a, struct json list)
{
    for (struct json step = json_first(list); !json_is(step, JSON_ABSENT);
         step = json_next(list, step))
        compile_step(w, a, step);
}

struct workflow *
workflow_compile(struct arena *a, struct json doc)
{
    struct workflow *w = ARENA_NEW(a, struct workflow);

    w->cap =
        4 * WORKFLOW_STEPS_MAX; /* who is asked is a send, a wait, a jump */
    w->program = ARENA_ARRAY(a, struct instruction, w->cap);
    compile_steps(w, a, json_get(doc, "steps"));
    return w;
}

/* ---- going on ---- */

static void
go_to(struct workflow_state *s, size_t at, int64_t now_ms)
{
    s->at = (int64_t)at;
    s->since_ms = now_ms;
}

void
workflow_heard(struct workflow_state *s, struct workflow_moment until)
{
    if (until.ms > s->heard.ms ||
        (until.ms == s->heard.ms && until.id > s->heard.id))
        s->heard = until;
}

/* A time that cannot be read is no reason to wait, nor to stop for ever. */
static int64_t
end_of_delay(const struct workflow_world *world, const struct instruction *i,
             int64_t since_ms)
{
    struct str until = json_str_of(world->arena, i->step, "until");
    int64_t at_ms;

    if (until.n == 0)
        return since_ms + i->ms;
    if (time_parse(until, &at_ms))
        return at_ms;
    until = json_str(world->arena,
                     condition_look_up(until, world->roots, world->n_roots));
    return time_parse(until, &at_ms) ? at_ms : since_ms;
}

static struct workflow_turn
wait_until(const struct instruction *i, int64_t due_ms, struct str event)
{
    return (struct workflow_turn){.need = WORKFLOW_WAIT,
                                  .id = i->id,
                                  .due_ms = due_ms,
                                  .event = event,
                                  .to = i->to};
}

static void
pass(const struct workflow_world *world, const struct instruction *i,
     const char *how)
{
    if (world->on_passed)
        world->on_passed(world->arg, i->id, how);
}

static bool
knows(const struct workflow_world *world, const struct instruction *i)
{
    return condition_is_known(world->arena, json_get(i->step, "if"),
                              world->roots, world->n_roots);
}

struct workflow_turn
workflow_run(const struct workflow *w, struct workflow_state *s,
             const struct workflow_world *world)
{
    int64_t now_ms = world->now_ms, due_ms;
    struct workflow_moment when;
    bool holds;

    while (s->at >= 0 && (uint64_t)s->at < w->n) {
        size_t at = (size_t)s->at;
        const struct instruction *i = &w->program[at];

        switch (i->op) {
        case OP_SEND:
            return (struct workflow_turn){.need = WORKFLOW_SEND,
                                          .id = i->id,
                                          .step = i->step,
                                          .to = i->to,
                                          .channel = i->channel};
        case OP_DELAY:
            due_ms = end_of_delay(world, i, s->since_ms);
            if (due_ms > now_ms)
                return wait_until(i, due_ms, STR_NONE);
            pass(world, i, "pass");
            if (due_ms > s->since_ms)
                workflow_heard(s, (struct workflow_moment){due_ms, 0});
            go_to(s, at + 1, now_ms);
            break;
        case OP_WAIT:
            due_ms = s->since_ms + i->ms;
            when = (struct workflow_moment){due_ms, INT64_MAX};
            holds = world->has_happened(world->arg, s, i->event, due_ms, &when);
            if (!holds && due_ms > now_ms)
                return wait_until(i, due_ms, i->event);
            pass(world, i, holds ? "event" : "timeout");
            workflow_heard(s, when);
            go_to(s, holds ? at + 1 : i->other, now_ms);
            break;
        case OP_BRANCH:
            if (world->is_all_there_is && !knows(world, i))
                return (struct workflow_turn){.need = WORKFLOW_UNKNOWN,
                                              .id = i->id};
            holds = condition_holds(world->arena, json_get(i->step, "if"),
                                    world->roots, world->n_roots);
            pass(world, i, holds ? "then" : "else");
            go_to(s, holds ? at + 1 : i->other, now_ms);
            break;
        case OP_JUMP:
            go_to(s, i->other, now_ms);
            break;
        case OP_THROTTLE:
            return (struct workflow_turn){
                .need = WORKFLOW_THROTTLE, .id = i->id, .step = i->step};
        case OP_DIGEST:
            return (struct workflow_turn){
                .need = WORKFLOW_DIGEST, .id = i->id, .step = i->step};
        case OP_FETCH:
            return (struct workflow_turn){
                .need = WORKFLOW_FETCH, .id = i->id, .step = i->step};
        }
    }
    return (struct workflow_turn){.need = WORKFLOW_DONE};
}

bool
workflow_answer(const struct workflow *w, struct workflow_state *s, bool is_yes,
                int64_t now_ms)
{
    size_t at = (size_t)s->at, other = w->program[at].other;

    assert(at < w->n);
    go_to(s, is_yes ? at + 1 : other, now_ms);
    return is_yes || other != NOWHERE;
}

void
workflow_sent(struct workflow_state *s, int64_t now_ms)
{
    go_to(s, (size_t)s->at + 1, now_ms);
}
