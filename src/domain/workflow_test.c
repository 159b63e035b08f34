#include "domain/workflow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/arena_test.h"
#include "base/clock.h"

#define NOW INT64_C(1790000000000)
#define MINUTE INT64_C(60000)

/* Quotes are ' here. */
static struct json
json(const char *text)
{
    struct json_doc *doc = ARENA_NEW(arena, struct json_doc);
    struct json_error why;
    size_t n = strlen(text);
    char *copy = arena_copy(arena, text, n);

    for (size_t i = 0; i < n; i++)
        if (copy[i] == '\'')
            copy[i] = '"';
    assert_int_equal(json_parse(arena, (struct str){copy, n}, doc, &why),
                     ERR_OK);
    return json_root(doc);
}

/* One recipient on the way. */
struct walk {
    struct workflow *w;
    struct workflow_state state;
    struct condition_root data;
    int64_t now_ms, read_ms; /* 0: not read */
    struct buf passed;       /* "look:timeout " */
    bool is_nobody;          /* in any role */
};

static bool
has_happened(void *arg, const struct workflow_state *s, struct str event,
             int64_t until_ms, struct workflow_moment *ret)
{
    const struct walk *k = arg;
    bool is_so = str_is(event, "read") && k->read_ms <= until_ms &&
                 (k->read_ms > s->heard.ms ||
                  (k->read_ms == s->heard.ms && s->heard.id == 0));

    if (is_so)
        *ret = (struct workflow_moment){k->read_ms, 1};
    return is_so;
}

static void
on_passed(void *arg, struct str id, const char *how)
{
    struct walk *k = arg;

    buf_put_str(&k->passed, id);
    buf_put_cstr(&k->passed, ":");
    buf_put_cstr(&k->passed, how);
    buf_put_cstr(&k->passed, " ");
}

static struct walk
begin(const char *steps, const char *data)
{
    struct json doc =
        json(str_cstr(arena, str_fmt(arena, "{'steps':%s}", steps)));

    struct walk k = {.w = workflow_compile(arena, doc),
                     .state = {.since_ms = NOW, .heard = {NOW, 0}},
                     .data = {"data", json(data)},
                     .now_ms = NOW};

    buf_init(&k.passed, arena);
    return k;
}

/* "send a", "wait 600000 read", "done" */
static const char *
next(struct walk *k)
{
    struct workflow_world world = {.arena = arena,
                                   .now_ms = k->now_ms,
                                   .roots = &k->data,
                                   .n_roots = 1,
                                   .has_happened = has_happened,
                                   .on_passed = on_passed,
                                   .arg = k};
    struct workflow_turn t = workflow_run(k->w, &k->state, &world);

    switch (t.need) {
    case WORKFLOW_SEND:
        if (k->is_nobody) {
            assert_true(workflow_answer(k->w, &k->state, false, k->now_ms));
            return "nobody";
        }
        workflow_sent(&k->state, k->now_ms);
        return str_cstr(arena, str_fmt(arena, "send %.*s%.*s%.*s",
                                       STR_ARG(t.id), STR_ARG(json_raw(t.to)),
                                       STR_ARG(json_raw(t.channel))));
    case WORKFLOW_WAIT:
        return str_cstr(arena, str_fmt(arena, "wait %lld %.*s",
                                       (long long)(t.due_ms - k->now_ms),
                                       STR_ARG(t.event)));
    case WORKFLOW_THROTTLE:
        return str_cstr(arena, str_fmt(arena, "may %.*s", STR_ARG(t.id)));
    case WORKFLOW_FETCH:
        return str_cstr(arena, str_fmt(arena, "fetch %.*s", STR_ARG(t.id)));
    case WORKFLOW_DIGEST:
        return str_cstr(arena, str_fmt(arena, "collect %.*s", STR_ARG(t.id)));
    default:
        return "done";
    }
}

#define SEND(id) "{'type':'send','id':'" id "'}"
#define NUDGE                                                                      \
    "[" SEND(                                                                      \
        "inbox") ",{'type':'wait','for_event':'read','timeout':'10m',"             \
                 "'then':[" SEND("thanks") "],'else':[" SEND(                      \
                     "mail") ",{'type':'delay','for':'5m'}," SEND("sms") "]}"      \
                                                                         "," SEND( \
                                                                             "last") "]"

static void
a_wait_that_ends_goes_the_other_way(void **state)
{
    struct walk k = begin(NUDGE, "{}");

    (void)state;
    assert_string_equal(next(&k), "send inbox");
    assert_string_equal(next(&k), "wait 600000 read");
    k.now_ms += 10 * MINUTE - 1;
    assert_string_equal(next(&k), "wait 1 read");
    k.now_ms += 1;
    assert_string_equal(next(&k), "send mail");
    assert_string_equal(next(&k), "wait 300000 ");
    k.read_ms = k.now_ms; /* too late for the wait, and no matter to a delay */
    k.now_ms += 5 * MINUTE;
    assert_string_equal(next(&k), "send sms");
    assert_string_equal(next(&k), "send last");
    assert_string_equal(next(&k), "done");
    assert_string_equal(next(&k), "done");
}

static void
what_happens_in_time_goes_the_one_way(void **state)
{
    struct walk k = begin(NUDGE, "{}");

    (void)state;
    assert_string_equal(next(&k), "send inbox");
    assert_string_equal(next(&k), "wait 600000 read");
    k.now_ms += MINUTE;
    k.read_ms = k.now_ms;
    k.now_ms += 30 * MINUTE; /* told late: it was in time all the same */
    assert_string_equal(next(&k), "send thanks");
    assert_string_equal(next(&k), "send last");
    assert_string_equal(next(&k), "done");
}

static void
each_step_that_is_over_is_told_of(void **state)
{
    struct walk k = begin(
        "[{'type':'branch','id':'b','if':{'path':'data.n','op':'eq','value':1},"
        "'then':[{'type':'delay','id':'d','for':'1m'}]},"
        "{'type':'wait','id':'w','for_event':'read','timeout':'1m'},"
        "{'type':'wait','id':'x','for_event':'read','timeout':'1m'}]",
        "{'n':1}");

    (void)state;
    assert_string_equal(next(&k), "wait 60000 ");
    k.now_ms += MINUTE;
    assert_string_equal(next(&k), "wait 60000 read");
    k.now_ms += MINUTE;
    assert_string_equal(next(&k), "wait 60000 read");
    k.read_ms = ++k.now_ms;
    assert_string_equal(next(&k), "done");
    assert_true(str_is(buf_str(&k.passed), "b:then d:pass w:timeout x:event "));
}

static void
what_happens_too_late_goes_the_other_way(void **state)
{
    struct walk k = begin(NUDGE, "{}");

    (void)state;
    assert_string_equal(next(&k), "send inbox");
    k.now_ms += 30 * MINUTE; /* nobody looked at it meanwhile */
    k.read_ms = NOW + 10 * MINUTE + 1;
    assert_string_equal(next(&k), "send mail");
}

/* Nobody looks at it for a minute each time. */
static void
a_wait_hears_what_came_since_the_one_before_ended(void **state)
{
    struct walk k =
        begin("[{'type':'wait','id':'a','for_event':'read','timeout':'10m'},"
              "{'type':'wait','id':'b','for_event':'read','timeout':'10m'},"
              "{'type':'wait','id':'c','for_event':'read','timeout':'10m'},"
              "{'type':'delay','id':'d','for':'10m'},"
              "{'type':'wait','id':'e','for_event':'read','timeout':'10m'}]",
              "{}");

    (void)state;
    k.read_ms = NOW + 1000;
    k.now_ms = NOW + MINUTE;
    assert_string_equal(next(&k), "wait 600000 read"); /* it was a's alone */
    assert_true(str_is(buf_str(&k.passed), "a:event "));
    k.now_ms += 11 * MINUTE; /* b's time was over a minute before */
    k.read_ms = k.now_ms - MINUTE + 1;
    assert_string_equal(next(&k), "wait 600000 ");
    assert_true(str_is(buf_str(&k.passed), "a:event b:timeout c:event "));
    k.read_ms = k.now_ms + 10 * MINUTE - 1; /* in the delay */
    k.now_ms += 11 * MINUTE;
    assert_string_equal(next(&k), "wait 600000 read");
    k.read_ms += 1; /* behind it, before e began */
    assert_string_equal(next(&k), "done");
}

static void
a_branch_asks_the_data(void **state)
{
    static const char steps[] =
        "[{'type':'branch','if':{'path':'data.vip','op':'eq','value':true},"
        "'then':[" SEND("call") "]},{'type':'branch','if':{'path':'data.vip',"
                                "'op':'exists'},'else':[" SEND("who") "]}]";
    struct walk k = begin(steps, "{'vip':true}");

    (void)state;
    assert_string_equal(next(&k), "send call");
    assert_string_equal(next(&k), "done");
    k = begin(steps, "{'vip':false}");
    assert_string_equal(next(&k), "done");
    k = begin(steps, "{}");
    assert_string_equal(next(&k), "send who");
    assert_string_equal(next(&k), "done");
}

static void
a_throttle_asks_and_its_else_is_for_those_over_it(void **state)
{
    static const char steps[] =
        "[{'type':'throttle','id':'t','limit':1,'per':'1h','then':[" SEND(
            "in") "],'else':[" SEND("over") "]}," SEND("last") "]";
    struct walk k = begin(steps, "{}");

    (void)state;
    assert_string_equal(next(&k), "may t");
    assert_string_equal(next(&k), "may t"); /* until somebody answers */
    k.now_ms += MINUTE;
    assert_true(workflow_answer(k.w, &k.state, true, k.now_ms));
    assert_int_equal(k.state.since_ms, k.now_ms);
    assert_string_equal(next(&k), "send in");
    assert_string_equal(next(&k), "send last");
    assert_string_equal(next(&k), "done");
    k = begin(steps, "{}");
    assert_string_equal(next(&k), "may t");
    assert_true(workflow_answer(k.w, &k.state, false, k.now_ms));
    assert_string_equal(next(&k), "send over");
    assert_string_equal(next(&k), "send last");
    assert_string_equal(next(&k), "done");
}

static void
a_throttle_without_else_ends_what_is_over_it(void **state)
{
    static const char steps[] =
        "[{'type':'branch','if':{'path':'data.a','op':'exists'},'else':["
        "{'type':'throttle','id':'t','limit':1,'per':'1h'}]}," SEND("a") "]";
    struct walk k = begin(steps, "{}");

    (void)state;
    assert_string_equal(next(&k), "may t");
    assert_true(workflow_answer(k.w, &k.state, true, k.now_ms));
    assert_string_equal(next(&k), "send a");
    k = begin(steps, "{}");
    assert_string_equal(next(&k), "may t");
    assert_false(workflow_answer(k.w, &k.state, false, k.now_ms));
    assert_string_equal(next(&k), "done");
    k = begin("[{'type':'throttle','id':'t','limit':1,'per':'1h','else':[]}"
              "," SEND("a") "]",
              "{}");
    assert_string_equal(next(&k), "may t");
    assert_true(workflow_answer(k.w, &k.state, false, k.now_ms));
    assert_string_equal(next(&k), "send a");
}

static void
a_digest_asks_for_its_window(void **state)
{
    struct walk k =
        begin("[{'type':'digest','id':'d','window':'1h'}," SEND("a") "]", "{}");

    (void)state;
    assert_string_equal(next(&k), "collect d");
    assert_string_equal(next(&k), "collect d");
    assert_true(workflow_answer(k.w, &k.state, true, k.now_ms));
    assert_string_equal(next(&k), "send a");
}

static void
a_fetch_that_brings_nothing_goes_by_its_else(void **state)
{
    static const char steps[] =
        "[{'type':'fetch','id':'f','url':'https://example.com/','as':'a',"
        "'else':[" SEND("no") "]}," SEND("last") "]";
    struct walk k = begin(steps, "{}");

    (void)state;
    assert_string_equal(next(&k), "fetch f");
    assert_true(workflow_answer(k.w, &k.state, true, k.now_ms));
    assert_string_equal(next(&k), "send last");
    k = begin(steps, "{}");
    assert_string_equal(next(&k), "fetch f");
    assert_true(workflow_answer(k.w, &k.state, false, k.now_ms));
    assert_string_equal(next(&k), "send no");
    assert_string_equal(next(&k), "send last");
    k = begin("[{'type':'fetch','id':'f','url':'https://example.com/',"
              "'as':'a'}," SEND("last") "]",
              "{}");
    assert_string_equal(next(&k), "fetch f");
    assert_true(workflow_answer(k.w, &k.state, false, k.now_ms));
    assert_string_equal(next(&k), "send last");
}

#define ESCALATE(list)                                                         \
    "[{'type':'escalate','id':'e'," list ",'every':'5m','then':[" SEND(        \
        "yes") "],'else':[" SEND("no") "]}," SEND("last") "]"

static void
an_escalation_asks_one_after_the_other(void **state)
{
    struct walk k = begin(ESCALATE("'to':['a','b']"), "{}");

    (void)state;
    assert_string_equal(next(&k), "send e\"a\"");
    assert_string_equal(next(&k), "wait 300000 read");
    k.now_ms += 5 * MINUTE;
    assert_string_equal(next(&k), "send e\"b\"");
    assert_string_equal(next(&k), "wait 300000 read");
    k.now_ms += 5 * MINUTE;
    assert_string_equal(next(&k), "send no");
    assert_string_equal(next(&k), "send last");
    assert_string_equal(next(&k), "done");
}

static void
an_escalation_ends_when_somebody_answers(void **state)
{
    struct walk k =
        begin(ESCALATE("'channels':['in_app','email','sms']"), "{}");

    (void)state;
    assert_string_equal(next(&k), "send e\"in_app\"");
    assert_string_equal(next(&k), "wait 300000 read");
    k.now_ms += 5 * MINUTE;
    assert_string_equal(next(&k), "send e\"email\"");
    k.read_ms = ++k.now_ms;
    assert_string_equal(next(&k), "send yes");
    assert_string_equal(next(&k), "send last");
    assert_string_equal(next(&k), "done");
}

static void
a_role_is_asked_until_nobody_is_left(void **state)
{
    struct walk k = begin(ESCALATE("'to':['role:ops','b']"), "{}");

    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_string_equal(next(&k), "send e\"role:ops\"");
        assert_string_equal(next(&k), "wait 300000 read");
        k.now_ms += 5 * MINUTE;
    }
    k.is_nobody = true;
    assert_string_equal(next(&k), "nobody");
    k.is_nobody = false;
    assert_string_equal(next(&k), "send e\"b\"");
    assert_string_equal(next(&k), "wait 300000 read");
}

/* Its lists are known, and what follows it. */
static void
an_escalation_without_lists_goes_on_either_way(void **state)
{
    static const char steps[] =
        "[{'type':'escalate','id':'e','to':['a'],'every':'5m',"
        "'until':'acked'}," SEND("last") "]";
    struct walk k = begin(steps, "{}");

    (void)state;
    assert_string_equal(next(&k), "send e\"a\"");
    assert_string_equal(next(&k), "wait 300000 acked");
    k.now_ms += 5 * MINUTE;
    assert_string_equal(next(&k), "send last");
    assert_string_equal(next(&k), "done");
}

static void
a_branch_on_what_is_not_there_is_unknown_if_that_matters(void **state)
{
    static const char *const conditions[][2] = {
        {"{'path':'data.n','op':'exists'}", "0"},
        {"{'path':'user.n','op':'exists'}", "1"},
        {"{'any':[{'path':'data.n','op':'exists'},{'not':{'path':'fetch.n',"
         "'op':'exists'}}]}",
         "1"},
        {"{'all':[{'path':'data.n','op':'exists'},{'path':'data','op':"
         "'exists'}]}",
         "0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(conditions) / sizeof(*conditions); i++) {
        struct walk k =
            begin(str_cstr(arena, str_fmt(arena, "[{'type':'branch','if':%s}]",
                                          conditions[i][0])),
                  "{}");
        struct workflow_world world = {.arena = arena,
                                       .now_ms = NOW,
                                       .roots = &k.data,
                                       .n_roots = 1,
                                       .is_all_there_is = true};
        struct workflow_turn t = workflow_run(k.w, &k.state, &world);

        assert_int_equal(t.need == WORKFLOW_UNKNOWN,
                         conditions[i][1][0] == '1');
        assert_string_equal(next(&k), "done");
    }
}

static void
a_delay_may_end_at_a_time(void **state)
{
    char at[TIME_TEXT_SIZE];
    struct str text = time_format(at, NOW + 90 * MINUTE);
    const char *data = str_cstr(
        arena, str_fmt(arena, "{'at':'%.*s','bad':'soon'}", STR_ARG(text)));
    struct walk k;

    (void)state;
    k = begin("[{'type':'delay','until':'data.at'}," SEND("a") "]", data);
    assert_string_equal(next(&k), "wait 5400000 ");
    k.now_ms += 90 * MINUTE;
    assert_string_equal(next(&k), "send a");
    k = begin(
        "[{'type':'delay','until':'2001-01-01T00:00:00.000Z'}," SEND("a") "]",
        data);
    assert_string_equal(next(&k), "send a"); /* it has passed */
    k = begin("[{'type':'delay','until':'data.bad'}," SEND("a") "]", data);
    assert_string_equal(next(&k), "send a"); /* and this is none */
}

static void
a_state_that_fits_nowhere_is_the_end(void **state)
{
    struct walk k = begin("[" SEND("a") "]", "{}");

    (void)state;
    k.state.at = -1;
    assert_string_equal(next(&k), "done");
    k.state.at = 1000;
    assert_string_equal(next(&k), "done");
}

/* ---- checking ---- */

static void
check_send(void *arg, struct json step, struct str at, struct problem *p)
{
    (void)arg;
    if (json_is(json_get(step, "title"), JSON_ABSENT))
        problem_add(p, ERR_INVALID, field_pointer(p->arena, at, STR("title")),
                    "is required");
}

static void
what_makes_no_sense_is_refused_where_it_stands(void **state)
{
    static const struct {
        const char *doc, *pointer;
        enum err err;
    } rows[] = {
        {"{}", "/steps", ERR_INVALID},
        {"{'steps':[]}", "/steps", ERR_INVALID},
        {"{'steps':[7]}", "/steps/0", ERR_INVALID},
        {"{'steps':[{}]}", "/steps/0/type", ERR_INVALID},
        {"{'steps':[{'type':'sleep'}]}", "/steps/0/type", ERR_INVALID},
        {"{'steps':[{'type':'escalate','title':'t','every':'1m'}]}", "/steps/0",
         ERR_INVALID},
        {"{'steps':[{'type':'escalate','title':'t','to':['a']}]}",
         "/steps/0/every", ERR_INVALID},
        {"{'steps':[{'type':'escalate','to':['a'],'every':'1m'}]}",
         "/steps/0/title", ERR_INVALID},
        {"{'steps':[{'type':'escalate','title':'t','to':[],'every':'1m'}]}",
         "/steps/0/to", ERR_INVALID},
        {"{'steps':[{'type':'escalate','title':'t','to':['a b'],'every':"
         "'1m'}]}",
         "/steps/0/to/0", ERR_INVALID},
        {"{'steps':[{'type':'escalate','title':'t','to':['a'],'every':'1m',"
         "'else':[{'type':'send'}]}]}",
         "/steps/0/else/0/title", ERR_INVALID},
        {"{'steps':[{'type':'send'}]}", "/steps/0/title", ERR_INVALID},
        {"{'steps':[{'type':'delay'}]}", "/steps/0", ERR_INVALID},
        {"{'steps':[{'type':'delay','for':'1m','until':'data.x'}]}", "/steps/0",
         ERR_INVALID},
        {"{'steps':[{'type':'delay','until':'tomorrow'}]}", "/steps/0/until",
         ERR_INVALID},
        {"{'steps':[{'type':'branch','if':{'path':'total','op':'exists'}}]}",
         "/steps/0/if/path", ERR_INVALID},
        {"{'steps':[{'type':'delay','for':'2000d'}]}", "/steps/0/for",
         ERR_INVALID},
        {"{'steps':[{'type':'wait','for_event':'read'}]}", "/steps/0/timeout",
         ERR_INVALID},
        {"{'steps':[{'type':'wait','for_event':'read','timeout':'1m',"
         "'else':[{'type':'send'}]}]}",
         "/steps/0/else/0/title", ERR_INVALID},
        {"{'steps':[{'type':'branch','if':{'op':'eq','value':1}}]}",
         "/steps/0/if/path", ERR_INVALID},
        {"{'steps':[{'type':'branch'}]}", "/steps/0/if", ERR_INVALID},
        {"{'steps':[{'type':'digest','key':'a'}]}", "/steps/0/window",
         ERR_INVALID},
        {"{'steps':[{'type':'digest','window':'1h','key':'{{a'}]}",
         "/steps/0/key", ERR_INVALID},
        {"{'steps':[{'type':'digest','window':'1h','max_window':'1m'}]}",
         "/steps/0/max_window", ERR_INVALID},
        {"{'steps':[{'type':'digest','window':'25h','mode':'calendar'}]}",
         "/steps/0/window", ERR_INVALID},
        {"{'steps':[{'type':'digest','window':'1h','else':[]}]}",
         "/steps/0/else", ERR_INVALID},
        {"{'steps':[{'type':'throttle','per':'1h'}]}", "/steps/0/limit",
         ERR_INVALID},
        {"{'steps':[{'type':'throttle','limit':1001,'per':'1h'}]}",
         "/steps/0/limit", ERR_INVALID},
        {"{'steps':[{'type':'throttle','limit':1,'per':'32d'}]}",
         "/steps/0/per", ERR_INVALID},
        {"{'steps':[{'type':'throttle','limit':1,'per':'1h','key':'{{#a}}'}]}",
         "/steps/0/key", ERR_INVALID},
        {"{'steps':[{'type':'throttle','limit':1,'per':'1h','window':'1m'}]}",
         "/steps/0/window", ERR_INVALID},
        {"{'steps':[{'type':'throttle','limit':1,'per':'1h','else':["
         "{'type':'send'}]}]}",
         "/steps/0/else/0/title", ERR_INVALID},
        {"{'steps':[{'type':'send','title':'t'}],'step':1}", "/step",
         ERR_INVALID},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct problem p;

        problem_init(&p, arena);
        workflow_check(json(rows[i].doc), check_send, NULL, NULL, &p);
        if (p.err != rows[i].err ||
            !str_is(p.errors[0].pointer, rows[i].pointer))
            fail_msg("%s: %d %.*s", rows[i].doc, p.err,
                     STR_ARG(p.errors[0].pointer));
    }
}

#define FETCH(rest) "{'steps':[{'type':'fetch','as':'a'," rest "}]}"

static void
note_host(void *arg, struct str host, struct str at, struct problem *p)
{
    (void)p;
    buf_printf(arg, "%.*s at %.*s;", STR_ARG(host), STR_ARG(at));
}

static void
a_fetch_is_refused_for_its_fault(void **state)
{
    static const struct {
        const char *doc, *pointer;
    } rows[] = {
        {"{'steps':[{'type':'fetch','url':'https://a.example'}]}",
         "/steps/0/as"},
        {"{'steps':[{'type':'fetch','as':'a.b','url':'https://a.example'}]}",
         "/steps/0/as"},
        {FETCH("'method':'GET'"), "/steps/0/url"},
        {FETCH("'url':'ftp://a.example/'"), "/steps/0/url"},
        {FETCH("'url':'https://{{host}}/'"), "/steps/0/url"},
        {FETCH("'url':'https://a.example{{host}}/'"), "/steps/0/url"},
        {FETCH("'url':'https://me@a.example/{{b}}'"), "/steps/0/url"},
        {FETCH("'url':'{{url}}'"), "/steps/0/url"},
        {FETCH("'url':'https://a.example/{{#a}}'"), "/steps/0/url"},
        {FETCH("'url':'https://a.example/','method':'PUT'"), "/steps/0/method"},
        {FETCH("'url':'https://a.example/','timeout':'31s'"),
         "/steps/0/timeout"},
        {FETCH("'url':'https://a.example/','body':'{{'"), "/steps/0/body"},
        {FETCH("'url':'https://a.example/','headers':{'Host':'b'}"),
         "/steps/0/headers/Host"},
        {FETCH("'url':'https://a.example/','headers':{'X Y':'b'}"),
         "/steps/0/headers/X Y"},
        {FETCH("'url':'https://a.example/','headers':{'X':'b\\nc'}"),
         "/steps/0/headers/X"},
        {FETCH("'url':'https://a.example/','then':[]"), "/steps/0/then"},
    };
    struct problem p;
    struct buf hosts;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        problem_init(&p, arena);
        workflow_check(json(rows[i].doc), check_send, NULL, NULL, &p);
        if (p.n_errors != 1 || !str_is(p.errors[0].pointer, rows[i].pointer))
            fail_msg("%s: %zu %.*s", rows[i].doc, p.n_errors,
                     STR_ARG(p.errors[0].pointer));
    }
    buf_init(&hosts, arena);
    problem_init(&p, arena);
    workflow_check(json(FETCH("'url':'https://a.example/{{b}}?c={{d}}',"
                              "'headers':{'Authorization':'Bearer x'}")),
                   check_send, note_host, &hosts, &p);
    assert_int_equal(p.n_errors, 0);
    assert_true(str_is(buf_str(&hosts), "a.example at /steps/0/url;"));
}

static void
too_deep_and_too_many_are_refused(void **state)
{
    struct problem p;
    struct buf deep, many;

    (void)state;
    buf_init(&deep, arena);
    buf_put_cstr(&deep, "{'steps':");
    for (int i = 0; i < WORKFLOW_DEPTH_MAX; i++)
        buf_put_cstr(&deep, "[{'type':'branch','if':{'path':'data.a','op':"
                            "'exists'},'then':");
    buf_put_cstr(&deep, "[]");
    for (int i = 0; i < WORKFLOW_DEPTH_MAX; i++)
        buf_put_cstr(&deep, "}]");
    buf_put_cstr(&deep, "}");
    problem_init(&p, arena);
    workflow_check(json(str_cstr(arena, buf_str(&deep))), check_send, NULL,
                   NULL, &p);
    assert_int_equal(p.err, ERR_INVALID);
    buf_init(&many, arena);
    buf_put_cstr(&many, "{'steps':[{'type':'branch','if':{'path':'data.a',"
                        "'op':'exists'},'then':[");
    for (int i = 0; i < WORKFLOW_STEPS_MAX; i++)
        buf_put_cstr(&many, "{'type':'delay','for':'1s'},");
    many.n--;
    buf_put_cstr(&many, "]}]}");
    problem_init(&p, arena);
    workflow_check(json(str_cstr(arena, buf_str(&many))), check_send, NULL,
                   NULL, &p);
    assert_int_equal(p.n_errors, 1);
    assert_true(str_is(p.errors[0].pointer, "/steps/0/then/99"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_wait_that_ends_goes_the_other_way),
        T(what_happens_in_time_goes_the_one_way),
        T(what_happens_too_late_goes_the_other_way),
        T(each_step_that_is_over_is_told_of),
        T(a_wait_hears_what_came_since_the_one_before_ended),
        T(a_branch_asks_the_data),
        T(a_throttle_asks_and_its_else_is_for_those_over_it),
        T(a_throttle_without_else_ends_what_is_over_it),
        T(an_escalation_asks_one_after_the_other),
        T(an_escalation_ends_when_somebody_answers),
        T(a_role_is_asked_until_nobody_is_left),
        T(an_escalation_without_lists_goes_on_either_way),
        T(a_branch_on_what_is_not_there_is_unknown_if_that_matters),
        T(a_digest_asks_for_its_window),
        T(a_fetch_that_brings_nothing_goes_by_its_else),
        T(a_fetch_is_refused_for_its_fault),
        T(a_delay_may_end_at_a_time),
        T(a_state_that_fits_nowhere_is_the_end),
        T(what_makes_no_sense_is_refused_where_it_stands),
        T(too_deep_and_too_many_are_refused),
    };

    return cmocka_run_group_tests_name("domain/workflow", tests, NULL, NULL);
}
