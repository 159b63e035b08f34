#include "app/workflow_run.h"

#include <stdio.h>

#include "app/workflow_hall_test.h"
#include "app/outcall.h"
#include "domain/reason.h"

#define MINUTE_MS INT64_C(60000)

/* What answers calls: with the status and body that stand here. */
static struct {
    struct outcaller outcaller;
    struct outcall *call; /* the last one; NULL: it is answered */
    int n_calls;
    char url[200], body[200], headers[400];
} caller;

static void
on_call(struct outcaller *o, struct outcall *c)
{
    const struct channel_request *r = &c->request;
    size_t n = 0;

    (void)o;
    caller.call = c;
    caller.n_calls++;
    snprintf(caller.url, sizeof(caller.url), "%.*s %.*s", STR_ARG(r->method),
             STR_ARG(r->url));
    snprintf(caller.body, sizeof(caller.body), "%.*s", STR_ARG(r->body));
    caller.headers[0] = '\0';
    for (size_t i = 0; i < r->n_headers; i++)
        n += (size_t)snprintf(caller.headers + n, sizeof(caller.headers) - n,
                              "%.*s=%.*s;", STR_ARG(r->headers[i].name),
                              STR_ARG(r->headers[i].value));
}

static void
answer(struct channel_answer a)
{
    struct outcall *c = caller.call;

    assert_non_null(c);
    caller.call = NULL;
    c->on_done(c, &a);
}

static void
on_cancel(struct outcaller *o, struct outcall *c)
{
    (void)o;
    if (caller.call == c)
        caller.call = NULL;
    c->on_done(c, &(struct channel_answer){.outcome = CHANNEL_UNKNOWN});
}

static int
start(int e, void **state)
{
    struct hall *h = *state;

    memset(&caller, 0, sizeof(caller));
    caller.outcaller = (struct outcaller){on_call, on_cancel};
    h->workflows = workflows_new(&h->app, &caller.outcaller);
    h->digests = digests_new(&h->app);
    return e;
}

static int
setup(void **state)
{
    return start(hall_setup(state), state);
}

static int
uncertain_setup(void **state)
{
    return start(hall_uncertain_setup(state), state);
}
#define WORKFLOW_TEST(f)                                                       \
    cmocka_unit_test_setup_teardown(f, setup, hall_teardown)

static struct store_inbox_list
inbox(struct hall *h, const char *user)
{
    struct store_inbox_list l = {.req = hall_question(h),
                                 .tenant = h->tenant,
                                 .user = str_from(user),
                                 .limit = 100};

    store_inbox_list(h->env.store, &l);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
    return l;
}

static void
mark_read(struct hall *h, const char *user)
{
    struct store_inbox_mark m = {.req = hall_question(h),
                                 .tenant = h->tenant,
                                 .user = str_from(user),
                                 .change = INBOX_READ,
                                 .now_ms = h->clock.now_ms};

    store_inbox_mark(h->env.store, &m);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(h->answered, ERR_OK);
}

static const char unread[] =
    "{'steps':[{'id':'first','type':'send','title':'hi'},"
    "{'id':'look','type':'wait','for_event':'read','timeout':'1m',"
    "'then':[{'id':'yes','type':'send','title':'read'}],"
    "'else':[{'id':'no','type':'send','title':'unread'}]}]}";

static void
a_timeout_is_never_early(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", unread);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    assert_true(look(h, id)->notification.is_running);
    settle(h);
    h->clock.now_ms += MINUTE_MS - 1;
    settle(h);
    assert_string_equal(way(h, id), "first:send look:wait");
    assert_true(look(h, id)->notification.is_running);
    h->clock.now_ms++;
    settle(h);
    assert_string_equal(way(h, id),
                        "first:send look:wait look:timeout no:send");
    assert_false(look(h, id)->notification.is_running);
    assert_int_equal(look(h, id)->n_deliveries, 2);
    assert_int_equal(look(h, id)->deliveries[1].notification, id);
    assert_int_equal(inbox(h, "ann").items[0].notification, id);
}

static void
reading_takes_it_on_at_once(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", unread);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    settle(h);
    h->clock.now_ms += 10;
    mark_read(h, "ann");
    settle(h);
    assert_string_equal(way(h, id), "first:send look:wait look:event yes:send");
    assert_int_equal(inbox(h, "ann").n_items, 2);
}

/* Between the send and the wait, say. */
static void
what_was_read_before_the_wait_counts(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w",
                 "{'steps':[{'id':'a','type':'send','title':'hi'},"
                 "{'id':'d','type':'delay','for':'1h'},"
                 "{'id':'look','type':'wait','for_event':'read','timeout':"
                 "'1m','else':[{'id':'no','type':'send','title':'no'}]}]}");
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    settle(h);
    mark_read(h, "ann");
    h->clock.now_ms += 60 * MINUTE_MS;
    settle(h);
    assert_string_equal(way(h, id),
                        "a:send d:wait d:pass look:wait look:event");
}

static void
a_recipient_s_data_wins_in_conditions_and_words(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w",
                 "{'steps':[{'id':'b','type':'branch','if':{'path':'data.n',"
                 "'op':'eq','value':2},'then':[{'id':'two','type':'send',"
                 "'title':'two'}]}]}");
    id = hall_send(h, "{'to':{'recipients':[{'id':'ann','data':{'n':2}},"
                      "{'email':'x@example.com'}]},'data':{'n':1,'m':3},"
                      "'workflow':'w'}");
    settle(h);
    assert_int_equal(look(h, id)->n_deliveries, 1);
    assert_int_equal(look(h, id)->n_steps, 3);
}

static void
a_workflow_that_is_gone_goes_on(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", unread);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    put_workflow(h, "w", "{'steps':[{'type':'send','title':'new'}]}");
    settle(h);
    assert_string_equal(way(h, id), "first:send look:wait");
}

static const char throttled[] =
    "{'steps':[{'id':'t','type':'throttle','limit':2,'per':'1h',"
    "'key':'{{order}}'},{'id':'a','type':'send','title':'a'}]}";

static void
more_than_a_throttle_allows_end_there(void **state)
{
    struct hall *h = *state;
    int64_t ids[4];

    put_workflow(h, "w", throttled);
    for (int i = 0; i < 3; i++) {
        ids[i] = hall_send(h, "{'to':'ann','workflow':'w'}");
        settle(h);
    }
    ids[3] = hall_send(h, "{'to':'bob','workflow':'w'}");
    settle(h);
    assert_string_equal(way(h, ids[1]), "t:pass a:send");
    assert_string_equal(way(h, ids[2]), "t:over");
    assert_true(
        reason_is(look(h, ids[2])->steps[0].reason, REASON_THROTTLED_STEP));
    assert_false(look(h, ids[2])->notification.is_running);
    assert_string_equal(way(h, ids[3]), "t:pass a:send");
    h->clock.now_ms += 60 * MINUTE_MS;
    ids[3] = hall_send(h, "{'to':'ann','workflow':'w'}");
    settle(h);
    assert_string_equal(way(h, ids[3]), "t:pass a:send");
}

static void
a_throttle_counts_what_its_key_gives(void **state)
{
    struct hall *h = *state;
    int64_t id = 0;

    put_workflow(h, "w", throttled);
    for (int i = 0; i < 3; i++) {
        (void)hall_send(h, "{'to':'ann','workflow':'w','data':{'order':1}}");
        settle(h);
    }
    id = hall_send(h, "{'to':'ann','workflow':'w','data':{'order':2}}");
    settle(h);
    assert_string_equal(way(h, id), "t:pass a:send");
    assert_int_equal(inbox(h, "ann").n_items, 3);
}

static void
who_has_no_id_is_not_throttled(void **state)
{
    struct hall *h = *state;
    int64_t id = 0;

    put_workflow(h, "w", throttled);
    for (int i = 0; i < 3; i++) {
        id = hall_send(h, "{'to':{'recipients':[{'email':'a@example.com'}]},"
                          "'workflow':'w'}");
        settle(h);
    }
    assert_string_equal(way(h, id), "t:pass a:send");
}

static void
cancel(struct hall *h, int64_t id)
{
    struct store_cancel c = {.req = hall_question(h),
                             .tenant = h->tenant,
                             .notification = id,
                             .now_ms = h->clock.now_ms,
                             .max = 100};

    store_cancel(h->env.store, &c);
    TURN_UNTIL(h, h->n_answered == 1);
}

/* Cancelled at any moment of its turn: it has passed, or the next one does. */
static void
a_turn_that_is_lost_gives_back_what_it_took(void **state)
{
    struct hall *h = *state;

    put_workflow(h, "w",
                 "{'steps':[{'id':'t','type':'throttle','limit':1,'per':'1h'},"
                 "{'id':'a','type':'send','title':'a'}]}");
    for (int n_turns = 0; n_turns < 40; n_turns++) {
        const char *body =
            str_cstr(h->arena,
                     str_fmt(h->arena, "{'to':'u%d','workflow':'w'}", n_turns));
        char text[64];
        int64_t id;

        snprintf(text, sizeof(text), "%s", body);
        id = hall_send(h, text);
        workflows_ring(h->workflows);
        for (int i = 0; i < n_turns; i++)
            loop_turn(h->env.loop, 1);
        cancel(h, id);
        settle(h);
        if (look(h, id)->n_steps > 0)
            continue;
        id = hall_send(h, text);
        settle(h);
        assert_string_equal(way(h, id), "t:pass a:send");
    }
}

static const char collecting[] =
    "{'steps':[{'id':'d','type':'digest','window':'10m','key':'{{repo}}'},"
    "{'id':'b','type':'branch','if':{'path':'digest.count','op':'gte',"
    "'value':2},'then':[{'id':'many','type':'send','template':'t'}],"
    "'else':[{'id':'one','type':'send','template':'t'}]}]}";
static const char words[] =
    "{'content':{'default':{'title':'{{count}}:{{#items}}{{n}} {{/items}}'}}}";

static void
put_words(struct hall *h, const char *text)
{
    struct store_object_write w[] = {
        {.kind = OBJECT_TEMPLATE_VERSION,
         .key = STR("t@1"),
         .body = quoted(h->arena, text),
         .if_version = OBJECT_ANY_VERSION,
         .num = id_make(h->app.ids, NOW, 1)},
        {.kind = OBJECT_TEMPLATE,
         .key = STR("t"),
         .body = quoted(h->arena, "{'latest':1,'published':1}"),
         .if_version = OBJECT_ANY_VERSION,
         .num = id_make(h->app.ids, NOW, 1)},
    };

    hall_put(h, h->tenant, w, 2);
}

static void
put_template(struct hall *h)
{
    put_words(h, words);
}

static void
assert_newest(struct hall *h, const char *user, size_t n, const char *title)
{
    const struct store_inbox_list l = inbox(h, user);
    struct str text = str_fmt(h->arena, "{\"title\":\"%s\"", title);

    assert_int_equal(l.n_items, n);
    if (!str_starts(l.items[0].content, text))
        fail_msg("%.*s", STR_ARG(l.items[0].content));
}

static void
what_a_step_collects_goes_on_as_one(void **state)
{
    struct hall *h = *state;
    int64_t ids[4];

    put_template(h);
    put_workflow(h, "w", collecting);
    ids[0] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':1}}");
    settle(h);
    ids[1] = hall_send(h, "{'to':{'recipients':[{'id':'ann','data':{'n':2}}]},"
                          "'workflow':'w','data':{'n':7}}");
    settle(h);
    ids[2] = hall_send(h, "{'to':'bob','workflow':'w','data':{'n':3}}");
    ids[3] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':4,"
                          "'repo':'x'}}");
    settle(h);
    assert_string_equal(way(h, ids[0]), "d:wait");
    assert_true(look(h, ids[1])->notification.is_running);
    assert_int_equal(inbox(h, "ann").n_items, 0);
    h->clock.now_ms += 10 * MINUTE_MS - 1;
    settle(h);
    assert_string_equal(way(h, ids[0]), "d:wait");
    h->clock.now_ms++;
    settle(h);
    assert_string_equal(way(h, ids[0]), "d:wait d:pass b:then many:send");
    assert_string_equal(way(h, ids[1]), "d:wait d:merged");
    assert_true(
        reason_is(look(h, ids[1])->steps[1].reason, REASON_DIGEST_MERGED));
    assert_false(look(h, ids[1])->notification.is_running);
    assert_string_equal(way(h, ids[2]), "d:wait d:pass b:else one:send");
    assert_string_equal(way(h, ids[3]), "d:wait d:pass b:else one:send");
    assert_newest(h, "bob", 1, "1:3 ");
    assert_int_equal(inbox(h, "ann").n_items, 2);
}

static void
the_words_of_a_digest_are_of_all(void **state)
{
    struct hall *h = *state;

    put_template(h);
    put_workflow(h, "w", collecting);
    for (int i = 0; i < 3; i++)
        (void)hall_send(h, "{'to':{'recipients':[{'id':'ann','data':{'n':5,"
                           "'items':[{'n':9}]}}]},'workflow':'w'}");
    settle(h);
    h->clock.now_ms += 10 * MINUTE_MS;
    settle(h);
    assert_newest(h, "ann", 1, "3:5 5 5 ");
}

static void
the_first_of_a_leading_window_goes_before_the_others(void **state)
{
    struct hall *h = *state;
    int64_t ids[3];

    put_template(h);
    put_workflow(h, "w",
                 "{'steps':[{'id':'d','type':'digest','window':'10m',"
                 "'leading':true},{'id':'a','type':'send','template':'t'}]}");
    ids[0] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':1}}");
    settle(h);
    assert_string_equal(way(h, ids[0]), "d:wait d:pass a:send");
    assert_newest(h, "ann", 1, "1:1 ");
    ids[1] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':2}}");
    settle(h);
    ids[2] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':3}}");
    settle(h);
    h->clock.now_ms += 10 * MINUTE_MS;
    settle(h);
    assert_string_equal(way(h, ids[1]), "d:wait d:pass a:send");
    assert_string_equal(way(h, ids[2]), "d:wait d:merged");
    assert_newest(h, "ann", 2, "2:2 3 ");
    h->clock.now_ms += MINUTE_MS; /* that window is over */
    ids[0] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':4}}");
    settle(h);
    assert_string_equal(way(h, ids[0]), "d:wait d:pass a:send");
}

static void
one_that_is_cancelled_or_late_is_not_collected(void **state)
{
    struct hall *h = *state;
    int64_t ids[4];

    put_template(h);
    put_workflow(h, "w", collecting);
    ids[0] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':1}}");
    settle(h);
    ids[1] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':2},"
                          "'expires_at':'2026-09-21T14:01:00Z'}");
    settle(h);
    ids[2] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':3}}");
    settle(h);
    ids[3] = hall_send(h, "{'to':'ann','workflow':'w','data':{'n':4}}");
    settle(h);
    cancel(h, ids[0]);
    h->clock.now_ms += 10 * MINUTE_MS;
    settle(h);
    assert_string_equal(way(h, ids[0]), "d:wait");
    assert_string_equal(way(h, ids[1]), "d:wait d:end");
    assert_true(reason_is(look(h, ids[1])->steps[1].reason, REASON_EXPIRED));
    assert_string_equal(way(h, ids[2]), "d:wait d:pass b:then many:send");
    assert_string_equal(way(h, ids[3]), "d:wait d:merged");
    assert_newest(h, "ann", 1, "2:3 4 ");
}

static void
what_is_beyond_the_limits_is_only_counted(void **state)
{
    struct hall *h = *state;

    put_template(h);
    put_workflow(h, "w",
                 "{'steps':[{'id':'d','type':'digest','window':'10m',"
                 "'max_items':2},{'id':'a','type':'send','template':'t'}]}");
    for (int i = 0; i < 5; i++)
        (void)hall_send(h, "{'to':'ann','workflow':'w','data':{'n':1}}");
    settle(h);
    h->clock.now_ms += 10 * MINUTE_MS;
    settle(h);
    assert_newest(h, "ann", 1, "5:1 1 ");
}

static void
who_has_no_id_is_a_digest_of_one(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_template(h);
    put_workflow(h, "w", collecting);
    id = hall_send(h, "{'to':{'recipients':[{'email':'a@example.com'}]},"
                      "'workflow':'w','data':{'n':1}}");
    settle(h);
    assert_string_equal(way(h, id), "d:pass b:else one:send");
}

static void
each_window_ends_once_whatever_the_store_says(void **state)
{
    struct hall *h = *state;
    const int64_t end_ms = loop_now_ms(h->env.loop) + 200000;
    int64_t ids[3];
    int n_sent = 0;

    put_workflow(h, "w",
                 "{'steps':[{'id':'d','type':'digest','window':'1m'},"
                 "{'id':'a','type':'send','title':'a'}]}");
    for (int i = 0; i < 3; i++)
        do
            ids[i] = hall_send(h, "{'to':'ann','workflow':'w'}");
        while (h->answered != ERR_OK);
    for (int i = 0; i < 3; i++)
        while (look(h, ids[i])->notification.is_running) {
            assert_true(loop_now_ms(h->env.loop) < end_ms);
            settle(h);
            h->clock.now_ms += 500;
        }
    for (int i = 0; i < 3; i++)
        n_sent += (int)look(h, ids[i])->n_deliveries;
    assert_int_equal(n_sent, inbox(h, "ann").n_items);
    assert_in_range(n_sent, 1, 3); /* one a window */
}

static const char asking[] =
    "{'steps':[{'id':'f','type':'fetch','as':'w','method':'POST','url':"
    "'https://a.example/{{city}}','body':'{\\'q\\':\\'{{data.q}}\\'}',"
    "'headers':{'Authorization':'Bearer x'},"
    "'else':[{'id':'no','type':'send','title':'no'}]},"
    "{'id':'b','type':'branch','if':{'path':'fetch.w.temp','op':'gt',"
    "'value':20},'then':[{'id':'warm','type':'send','template':'t'}]}]}";
static const char weather[] =
    "{'content':{'default':{'title':'{{fetch.w.temp}} {{fetch.w.error}}'}}}";

static struct channel_answer
json_answer(int status, const char *body)
{
    static const struct channel_header type = {
        {"Content-Type", 12}, {"application/json; charset=utf-8", 31}};

    return (struct channel_answer){.outcome = CHANNEL_ANSWERED,
                                   .status = status,
                                   .headers = &type,
                                   .n_headers = 1,
                                   .body = str_from(body)};
}

static int64_t
begin_asking(struct hall *h)
{
    int64_t id;

    put_words(h, weather);
    put_workflow(h, "w", asking);
    id = hall_send(h, "{'to':'ann','workflow':'w',"
                      "'data':{'city':'a b/../c','q':'say \\'hi\\''}}");
    settle(h);
    return id;
}

static void
what_a_fetch_brings_is_known_from_then_on(void **state)
{
    struct hall *h = *state;
    int64_t id = begin_asking(h);

    assert_string_equal(caller.url, "POST https://a.example/a%20b%2F..%2Fc");
    assert_string_equal(caller.body, "{\"q\":\"say \\\"hi\\\"\"}");
    assert_string_equal(
        caller.headers,
        "Authorization=Bearer x;Content-Type=application/json;");
    assert_true(str_is(caller.call->name, "w"));
    assert_int_equal(caller.call->timeout_ms, 10000);
    answer(json_answer(200, "{\"temp\":21.5}"));
    settle(h);
    assert_string_equal(way(h, id), "f:pass b:then warm:send");
    assert_newest(h, "ann", 1, "21.5 ");
    assert_int_equal(caller.n_calls, 1);
}

static void
a_fetch_is_tried_three_times(void **state)
{
    struct hall *h = *state;
    int64_t id = begin_asking(h);

    answer(json_answer(503, "{}"));
    settle(h);
    assert_int_equal(caller.n_calls, 1);
    h->clock.now_ms += 4999;
    settle(h);
    assert_int_equal(caller.n_calls, 1);
    h->clock.now_ms += 1;
    settle(h);
    assert_int_equal(caller.n_calls, 2);
    answer((struct channel_answer){.outcome = CHANNEL_NOT_SENT});
    settle(h);
    h->clock.now_ms += 30000;
    settle(h);
    assert_int_equal(caller.n_calls, 3);
    answer((struct channel_answer){.outcome = CHANNEL_UNKNOWN,
                                   .detail = STR("closed")});
    settle(h);
    assert_string_equal(way(h, id), "f:failed no:send b:else");
    assert_true(reason_is(look(h, id)->steps[0].reason, REASON_FETCH_FAILED));
    assert_int_equal(caller.n_calls, 3);
}

static const char *
spaces(char *text, size_t size)
{
    memset(text, ' ', size - 1);
    return text;
}

static void
an_answer_that_cannot_be_used_is_an_error(void **state)
{
    static char long_one[64 * 1024 + 1];
    struct hall *h = *state;
    const struct channel_answer answers[] = {
        json_answer(404, "{}"),
        json_answer(200, "{"),
        json_answer(200, spaces(long_one, sizeof(long_one))),
        {.outcome = CHANNEL_NOT_SENT, .cause = CHANNEL_CAUSE_EGRESS},
    };

    put_words(h, weather);
    put_workflow(h, "w",
                 "{'steps':[{'id':'f','type':'fetch','as':'w','url':"
                 "'https://a.example/'},{'id':'a','type':'send','template':"
                 "'t'}]}");
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        static const char *const errors[] = {
            " it answered 404",
            " the answer is not the JSON that it says it is",
            " the answer is longer than 64 KiB",
            " this server may not call that address"};
        int64_t id = hall_send(h, "{'to':'ann','workflow':'w'}");

        settle(h);
        answer(answers[i]);
        settle(h);
        assert_string_equal(way(h, id), "f:failed a:send");
        assert_newest(h, "ann", i + 1, errors[i]);
    }
    assert_int_equal(caller.n_calls, 4);
}

static void
text_is_known_as_it_is(void **state)
{
    struct hall *h = *state;

    put_words(h, "{'content':{'default':{'title':'{{fetch.w}}'}}}");
    put_workflow(h, "w",
                 "{'steps':[{'id':'f','type':'fetch','as':'w','url':"
                 "'https://a.example/'},{'id':'a','type':'send','template':"
                 "'t'}]}");
    (void)hall_send(h, "{'to':'ann','workflow':'w'}");
    settle(h);
    assert_string_equal(caller.headers, "");
    answer((struct channel_answer){
        .outcome = CHANNEL_ANSWERED, .status = 200, .body = STR("{a}")});
    settle(h);
    assert_newest(h, "ann", 1, "{a}");
}

static void
who_drains_does_not_wait_for_calls(void **state)
{
    struct hall *h = *state;
    int64_t id = begin_asking(h);

    hall_stop(h);
    (void)start(0, state);
    h->clock.now_ms += 5000;
    settle(h);
    answer(json_answer(200, "{\"temp\":21.5}"));
    settle(h);
    assert_string_equal(way(h, id), "f:pass b:then warm:send");
}

static void
those_who_call_do_not_hold_up_others(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", asking);
    put_workflow(h, "v", "{'steps':[{'id':'a','type':'send','title':'a'}]}");
    for (int i = 0; i < 100; i++) {
        char body[64];

        snprintf(body, sizeof(body), "{'to':'u%d','workflow':'w'}", i);
        (void)hall_send(h, body);
    }
    for (int i = 0; i < 10; i++)
        settle(h);
    assert_int_equal(caller.n_calls, 32);
    id = hall_send(h, "{'to':'ann','workflow':'v'}");
    settle(h);
    assert_string_equal(way(h, id), "a:send");
}

static const char escalating[] =
    "{'steps':[{'id':'e','type':'escalate','to':['ann','role:ops','zoe'],"
    "'every':'5m','title':'Fire','then':[{'id':'ok','type':'send','title':"
    "'ok'}],'else':[{'id':'no','type':'send','title':'no'}]}]}";

static void
put_user(struct hall *h, const char *user, struct str role)
{
    struct store_object_write w = {.kind = OBJECT_USER,
                                   .key = str_from(user),
                                   .body = STR("{}"),
                                   .if_version = OBJECT_ANY_VERSION,
                                   .num = id_make(h->app.ids, NOW, 1),
                                   .roles = &role,
                                   .n_roles = 1};

    hall_put(h, h->tenant, &w, 1);
}

static void
an_escalation_goes_from_one_to_the_next(void **state)
{
    static const char *const asked[] = {"ann", "bob", "cid", "zoe"};
    struct hall *h = *state;
    int64_t id;

    put_user(h, "cid", STR("ops"));
    put_user(h, "bob", STR("ops"));
    put_workflow(h, "w", escalating);
    id = hall_send(h, "{'to':'me','workflow':'w'}");
    settle(h);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++)
            assert_int_equal(inbox(h, asked[k]).n_items, k <= i);
        h->clock.now_ms += 5 * MINUTE_MS - 1;
        settle(h);
        if (i < 3)
            assert_int_equal(inbox(h, asked[i + 1]).n_items, 0);
        h->clock.now_ms += 1;
        settle(h);
    }
    assert_int_equal(inbox(h, "me").n_items, 1);
    assert_string_equal(way(h, id),
                        "e:send e:wait e:timeout e:send e:wait e:timeout "
                        "e:send e:wait e:timeout e:send e:wait e:timeout "
                        "no:send");
    assert_false(look(h, id)->notification.is_running);
}

static void
an_escalation_is_over_when_who_is_asked_reads(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_user(h, "bob", STR("ops"));
    put_workflow(h, "w", escalating);
    id = hall_send(h, "{'to':{'recipients':[{'id':'me','data':{'n':1}}]},"
                      "'workflow':'w'}");
    settle(h);
    h->clock.now_ms += 5 * MINUTE_MS;
    settle(h);
    mark_read(h, "zoe"); /* nobody asked her */
    settle(h);
    assert_int_equal(inbox(h, "me").n_items, 0);
    mark_read(h, "bob");
    settle(h);
    assert_string_equal(way(h, id),
                        "e:send e:wait e:timeout e:send e:wait e:event "
                        "ok:send");
    assert_int_equal(inbox(h, "me").n_items, 1);
    h->clock.now_ms += 60 * MINUTE_MS;
    settle(h);
    assert_int_equal(inbox(h, "zoe").n_items, 0);
}

static void
a_role_that_nobody_has_is_passed_over(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w",
                 "{'steps':[{'id':'e','type':'escalate','to':['role:ops',"
                 "'zoe'],'every':'5m','title':'Fire'}]}");
    id = hall_send(h, "{'to':'me','workflow':'w'}");
    settle(h);
    assert_string_equal(way(h, id), "e:nobody e:send e:wait");
    assert_int_equal(inbox(h, "zoe").n_items, 1);
}

/* Also where the recipient has no id. */
static void
what_follows_an_escalation_is_for_the_recipient(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", escalating);
    id = hall_send(h, "{'to':{'recipients':[{'email':'a@example.com'}]},"
                      "'workflow':'w'}");
    settle(h);
    mark_read(h, "ann");
    settle(h);
    assert_string_equal(way(h, id), "e:send e:wait e:event ok:send");
    assert_int_equal(inbox(h, "ann").n_items, 1);
    assert_int_equal(look(h, id)->n_deliveries, 2);
}

/* Three writes of ten are uncertain: done, or not. */
static void
each_step_is_taken_once_whatever_the_store_says(void **state)
{
    struct hall *h = *state;
    const int64_t end_ms = loop_now_ms(h->env.loop) + 200000;
    int64_t id;

    put_workflow(h, "w",
                 "{'steps':[{'id':'a','type':'send','title':'a'},"
                 "{'id':'b','type':'send','title':'b'},"
                 "{'id':'d','type':'delay','for':'1s'},"
                 "{'id':'c','type':'send','title':'c'}]}");
    do
        id = hall_send(h, "{'to':['ann','bob','cid','dan'],'workflow':'w'}");
    while (h->answered != ERR_OK);
    while (look(h, id)->notification.is_running) {
        assert_true(loop_now_ms(h->env.loop) < end_ms);
        settle(h);
        h->clock.now_ms += 500; /* leases end */
    }
    assert_int_equal(look(h, id)->n_deliveries, 12);
    assert_int_equal(look(h, id)->counts[DELIVERY_DELIVERED].n, 12);
}

static void
a_drained_runner_gives_back_what_it_has(void **state)
{
    struct hall *h = *state;
    int64_t id;

    put_workflow(h, "w", unread);
    id = hall_send(h, "{'to':'ann','workflow':'w'}");
    workflows_ring(h->workflows);
    hall_stop(h);
    (void)start(0, state);
    settle(h);
    assert_string_equal(way(h, id), "first:send look:wait");
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        WORKFLOW_TEST(a_timeout_is_never_early),
        WORKFLOW_TEST(reading_takes_it_on_at_once),
        WORKFLOW_TEST(what_was_read_before_the_wait_counts),
        WORKFLOW_TEST(a_recipient_s_data_wins_in_conditions_and_words),
        WORKFLOW_TEST(a_workflow_that_is_gone_goes_on),
        WORKFLOW_TEST(more_than_a_throttle_allows_end_there),
        WORKFLOW_TEST(a_throttle_counts_what_its_key_gives),
        WORKFLOW_TEST(who_has_no_id_is_not_throttled),
        WORKFLOW_TEST(a_turn_that_is_lost_gives_back_what_it_took),
        WORKFLOW_TEST(what_a_step_collects_goes_on_as_one),
        WORKFLOW_TEST(the_words_of_a_digest_are_of_all),
        WORKFLOW_TEST(the_first_of_a_leading_window_goes_before_the_others),
        WORKFLOW_TEST(one_that_is_cancelled_or_late_is_not_collected),
        WORKFLOW_TEST(what_is_beyond_the_limits_is_only_counted),
        WORKFLOW_TEST(who_has_no_id_is_a_digest_of_one),
        WORKFLOW_TEST(what_a_fetch_brings_is_known_from_then_on),
        WORKFLOW_TEST(a_fetch_is_tried_three_times),
        WORKFLOW_TEST(an_answer_that_cannot_be_used_is_an_error),
        WORKFLOW_TEST(text_is_known_as_it_is),
        WORKFLOW_TEST(who_drains_does_not_wait_for_calls),
        WORKFLOW_TEST(an_escalation_goes_from_one_to_the_next),
        WORKFLOW_TEST(an_escalation_is_over_when_who_is_asked_reads),
        WORKFLOW_TEST(a_role_that_nobody_has_is_passed_over),
        WORKFLOW_TEST(what_follows_an_escalation_is_for_the_recipient),
        WORKFLOW_TEST(those_who_call_do_not_hold_up_others),
        cmocka_unit_test_setup_teardown(
            each_window_ends_once_whatever_the_store_says, uncertain_setup,
            hall_teardown),
        cmocka_unit_test_setup_teardown(
            each_step_is_taken_once_whatever_the_store_says, uncertain_setup,
            hall_teardown),
        WORKFLOW_TEST(a_drained_runner_gives_back_what_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
