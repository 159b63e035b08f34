#include "app/press.h"

#include <string.h>

#include "app/hall_test.h"
#include "auth/vault.h"
#include "base/hmac.h"
#include "base/list.h"

/* ---- a server of actions ---- */

struct pressed {
    struct hall *h;
    struct workspace w;
    struct pressing p;
    struct outcall *call; /* that waits for its answer */
    int n_calls, n_begun, n_done;
    enum press_state begun; /* as it stands in the books then */
    enum err err;
};

static void
start_call(void *arg, struct outcall *o)
{
    struct pressed *x = arg;

    x->call = o;
    x->n_calls++;
}

static void
on_begun(struct pressing *p)
{
    struct pressed *x = p->arg;

    x->n_begun++;
    x->begun = p->store.press.state;
}

static void
on_done(struct pressing *p, enum err e)
{
    struct pressed *x = p->arg;

    x->n_done++;
    x->err = e;
}

static struct json
parsed(struct hall *h, const char *text)
{
    struct json_doc *doc = ARENA_NEW(h->arena, struct json_doc);
    struct json_error why;

    assert_int_equal(json_parse(h->arena, str_from(text), doc, &why), ERR_OK);
    return json_root(doc);
}

static struct pressed *
press_of(struct hall *h, int64_t notification, const char *action,
         const char *key)
{
    struct pressed *x = ARENA_NEW(h->arena, struct pressed);

    x->h = h;
    x->w = (struct workspace){.tenant = h->tenant,
                              .tells = EVENT_BIT(EVENT_INBOX_ACTION)};
    x->p = (struct pressing){.app = &h->app,
                             .arena = h->arena,
                             .workspace = &x->w,
                             .start_call = start_call,
                             .start_call_arg = x,
                             .user = STR("ann"),
                             .channel = STR("in_app"),
                             .notification = 1000,
                             .own_notification = notification,
                             .delivery = 1001,
                             .item = 1001,
                             .action = parsed(h, action),
                             .key = str_from(key),
                             .is_told = true,
                             .on_begun = on_begun,
                             .on_done = on_done,
                             .arg = x};
    press_start(&x->p);
    assert_int_equal(x->n_begun, 0);
    TURN_UNTIL(h, x->n_done + x->n_calls == 1);
    return x;
}

static struct pressed *
press(struct hall *h, const char *action, const char *key)
{
    return press_of(h, 1000, action, key);
}

static void
answer(struct pressed *x, int outcome, int cause, int status)
{
    struct channel_answer a = {.status = status};

    a.outcome = outcome;
    a.cause = cause;
    x->call->on_done(x->call, &a);
    TURN_UNTIL(x->h, x->n_done == 1);
    assert_int_equal(x->err, ERR_OK);
}

#define CALLS                                                                  \
    "{\"id\":\"ack\",\"label\":\"Ack\",\"api_endpoint\":\"https://a.example/"  \
    "x\",\"data\":{\"n\":1.50}}"

/* ---- the call ---- */

static struct str
header(const struct outcall *o, const char *name)
{
    for (size_t i = 0; i < o->request.n_headers; i++)
        if (str_is(o->request.headers[i].name, name))
            return o->request.headers[i].value;
    return STR_NONE;
}

/* As who is called does it, from the secret that it was shown. */
static void
assert_signed(struct pressed *x)
{
    struct arena *a = x->h->arena;
    struct str secret = press_secret_text(x->h->vault, a, x->h->tenant,
                                          &(struct press_secret){0});
    struct str id = header(x->call, "webhook-id");
    struct str at = header(x->call, "webhook-timestamp");
    struct buf key, want;

    buf_init(&key, a);
    assert_true(str_starts(secret, STR("whsec_")));
    assert_true(buf_get_base64(&key, str_sub(secret, 6, secret.n)));
    buf_init(&want, a);
    buf_put_cstr(&want, "v1,");
    buf_put_base64(&want, hmac_sha256(a, buf_str(&key),
                                      str_fmt(a, "%.*s.%.*s.%.*s", STR_ARG(id),
                                              STR_ARG(at),
                                              STR_ARG(x->call->request.body))));
    assert_true(str_eq(header(x->call, "webhook-signature"), buf_str(&want)));
}

static void
it_calls_its_endpoint_signed(void **state)
{
    struct hall *h = *state;
    struct pressed *x = press(h, CALLS, "");
    const struct channel_request *r = &x->call->request;
    struct json body = parsed(h, str_cstr(h->arena, r->body));

    assert_int_equal(x->n_begun, 1);
    assert_true(str_is(r->method, "POST"));
    assert_true(str_is(r->url, "https://a.example/x"));
    assert_int_equal(x->call->timeout_ms, PRESS_TIMEOUT_MS);
    assert_true(str_starts(header(x->call, "webhook-id"), STR("prs_")));
    assert_true(str_is(header(x->call, "Content-Type"), "application/json"));
    assert_signed(x);
    assert_true(str_is(json_str_of(h->arena, body, "action"), "ack"));
    assert_true(str_is(json_str_of(h->arena, body, "user"), "ann"));
    assert_true(str_is(json_str_of(h->arena, body, "channel"), "in_app"));
    assert_true(str_is(json_raw(json_get(body, "data")), "{\"n\":1.50}"));
    answer(x, CHANNEL_ANSWERED, CHANNEL_CAUSE_NONE, 204);
    assert_int_equal(x->p.store.press.state, PRESS_DONE);
    assert_int_equal(x->p.store.press.status, 204);
    assert_null(press_reason(&x->p.store.press));
}

static void
a_get_has_no_body(void **state)
{
    struct hall *h = *state;
    struct pressed *x =
        press(h,
              "{\"id\":\"a\",\"method\":\"GET\",\"api_endpoint\":\"http://"
              "a.example/\",\"data\":1}",
              "");

    assert_true(str_is(x->call->request.method, "GET"));
    assert_int_equal(x->call->request.body.n, 0);
    assert_int_equal(header(x->call, "Content-Type").n, 0);
    assert_signed(x);
    answer(x, CHANNEL_ANSWERED, CHANNEL_CAUSE_NONE, 200);
}

static void
what_came_of_it_is_kept(void **state)
{
    static const struct {
        int outcome, cause, status;
        const char *reason;
    } rows[] = {
        {CHANNEL_ANSWERED, CHANNEL_CAUSE_NONE, 500, NULL},
        {CHANNEL_ANSWERED, CHANNEL_CAUSE_NONE, 302, NULL},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_EGRESS, 0, "egress.refused"},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_URL, 0, "url.invalid"},
        {CHANNEL_UNKNOWN, CHANNEL_CAUSE_TIMEOUT, 0, "timeout"},
        {CHANNEL_NOT_SENT, CHANNEL_CAUSE_NETWORK, 0, "unreachable"},
        {CHANNEL_UNKNOWN, CHANNEL_CAUSE_NETWORK, 0, "unreachable"},
    };
    struct hall *h = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *key = str_cstr(h->arena, str_fmt(h->arena, "k%zu", i));
        struct pressed *x = press(h, CALLS, key), *again;

        answer(x, rows[i].outcome, rows[i].cause, rows[i].status);
        assert_int_equal(x->p.store.press.state, PRESS_FAILED);
        again = press(h, CALLS, key); /* the same request */
        assert_int_equal(again->n_calls, 0);
        assert_false(again->p.store.is_ours);
        assert_int_equal(again->p.store.press.state, PRESS_FAILED);
        if (rows[i].reason)
            assert_string_equal(press_reason(&again->p.store.press),
                                rows[i].reason);
        else
            assert_null(press_reason(&again->p.store.press));
    }
}

static void
a_press_meanwhile_is_refused_and_one_after_is_told(void **state)
{
    struct hall *h = *state;
    struct pressed *x = press(h, CALLS, ""), *y = press(h, CALLS, "");

    assert_int_equal(y->err, ERR_CONFLICT);
    assert_int_equal(y->n_begun, 1);
    assert_int_equal(y->n_calls, 0);
    answer(x, CHANNEL_ANSWERED, CHANNEL_CAUSE_NONE, 200);
    y = press(h, CALLS, "");
    assert_int_equal(y->err, ERR_OK);
    assert_int_equal(y->n_calls, 0);
    assert_int_equal(y->p.store.press.state, PRESS_DONE);
    assert_false(y->p.store.is_ours);
}

static void
nothing_is_called_that_is_no_url_of_ours(void **state)
{
    struct hall *h = *state;
    struct pressed *x =
        press(h, "{\"id\":\"a\",\"url\":\"https://b.example/\"}", "");

    assert_int_equal(x->n_calls, 0);
    assert_int_equal(x->p.store.press.state, PRESS_DONE);
    /* who dies before the rest is done leaves one that may be pressed again */
    assert_int_equal(x->begun, PRESS_CALLING);
    assert_true(
        str_is(press_link(h->arena, x->p.action), "https://b.example/"));
    x = press(h, "{\"id\":\"b\",\"api_endpoint\":\"/orders/7\"}", "");
    assert_int_equal(x->n_calls, 0);
    assert_true(str_is(press_link(h->arena, x->p.action), "/orders/7"));
    x = press(h, "{\"id\":\"c\",\"api_endpoint\":\"ftp://b.example/\"}", "");
    assert_int_equal(x->n_calls, 0);
    assert_int_equal(x->p.store.press.state, PRESS_FAILED);
    assert_string_equal(press_reason(&x->p.store.press), "url.invalid");
    x = press(h, CALLS, "");
    assert_int_equal(press_link(h->arena, x->p.action).n, 0);
    answer(x, CHANNEL_ANSWERED, CHANNEL_CAUSE_NONE, 200);
}

static void
each_step_of_a_workflow_has_actions_of_its_own(void **state)
{
    struct hall *h = *state;

    answer(press_of(h, 1001, CALLS, ""), CHANNEL_ANSWERED, CHANNEL_CAUSE_NONE,
           200);
    answer(press_of(h, 1002, CALLS, ""), CHANNEL_ANSWERED, CHANNEL_CAUSE_NONE,
           200);
    assert_int_equal(press_of(h, 1001, CALLS, "")->n_calls, 0);
}

/* Once: who is told that it was done is told of no press. */
static void
endpoints_hear_of_what_was_pressed(void **state)
{
    struct hall *h = *state;
    struct pressed *x = press(h, CALLS, "");
    struct store_tell_take t = {.max = 10, .lease_ms = 1000};
    const struct store_told *told;

    answer(x, CHANNEL_ANSWERED, CHANNEL_CAUSE_NONE, 200);
    (void)press(h, CALLS, "");
    t.req = hall_question(h);
    store_tell_take(h->env.store, &t);
    TURN_UNTIL(h, h->n_answered == 1);
    assert_int_equal(t.n_rows, 1);
    told = &t.rows[0].told;
    assert_int_equal(told->kind, EVENT_INBOX_ACTION);
    assert_int_equal(told->at_ms, x->p.store.press.at_ms);
    assert_int_equal(told->item, 1001);
    assert_true(str_is(told->about, "ack"));
    assert_true(str_is(told->user, "ann"));
}

/* ---- what it is read from ---- */

static void
an_action_is_found_by_its_id(void **state)
{
    struct hall *h = *state;
    struct json all = parsed(h, "[{\"id\":\"a\"},{\"id\":\"b\",\"n\":1},"
                                "{\"id\":\"b\",\"n\":2},7,{}]");
    int64_t n = 0;

    assert_true(
        json_int(json_get(press_find(h->arena, all, STR("b")), "n"), &n));
    assert_int_equal(n, 1);
    assert_true(json_is(press_find(h->arena, all, STR("c")), JSON_ABSENT));
    assert_true(
        json_is(press_find(h->arena, parsed(h, "{}"), STR("a")), JSON_ABSENT));
    assert_true(
        json_is(press_find(h->arena, (struct json){0}, STR("a")), JSON_ABSENT));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        HALL_TEST(it_calls_its_endpoint_signed),
        HALL_TEST(a_get_has_no_body),
        HALL_TEST(what_came_of_it_is_kept),
        HALL_TEST(a_press_meanwhile_is_refused_and_one_after_is_told),
        HALL_TEST(nothing_is_called_that_is_no_url_of_ours),
        HALL_TEST(each_step_of_a_workflow_has_actions_of_its_own),
        HALL_TEST(endpoints_hear_of_what_was_pressed),
        HALL_TEST(an_action_is_found_by_its_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
