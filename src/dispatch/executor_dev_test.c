#include "dispatch/executor_dev.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "app/workspace.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"

static const struct field config_fields[] = {
    {.name = "url", .type = FIELD_STRING},
    {.name = "token", .type = FIELD_STRING, .flags = FIELD_SECRET},
    {.type = FIELD_END},
};
static const struct channel_driver driver = {.name = "hook",
                                             .config = config_fields};

struct bench {
    struct env env;
    struct clock_virtual clock;
    struct arena *arena;
    struct dev_sink *sink;
    struct executor local, *dev;
    int n_local, n_cancelled;
    struct json_doc doc;
    struct provider provider;
    struct channel_request request;
    struct channel_message messages[2];
    struct execution x;
    int n_answers;
    struct channel_answer answer;
};

static void
local_start(struct executor *e, struct execution *x)
{
    (void)x;
    CONTAINER_OF(e, struct bench, local)->n_local++;
}

static void
local_cancel(struct executor *e, struct execution *x)
{
    (void)x;
    CONTAINER_OF(e, struct bench, local)->n_cancelled++;
}

static void
on_done(struct execution *x, const struct channel_answer *a)
{
    struct bench *b = x->arg;

    b->n_answers++;
    b->answer = *a;
}

static int
set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct json_error why;

    assert_non_null(b);
    clock_virtual_init(&b->clock, 1800000000000);
    b->env = (struct env){.loop = loop_new(), .clock = &b->clock.base};
    b->arena = arena_new();
    b->sink = dev_sink_new();
    b->local = (struct executor){local_start, local_cancel};
    b->dev = executor_dev_new(&b->env, b->sink, &b->local);
    assert_int_equal(json_parse(b->arena,
                                STR("{\"url\":\"x\",\"token\":\"hush-hush\"}"),
                                &b->doc, &why),
                     ERR_OK);
    b->provider = (struct provider){.tenant = 7,
                                    .name = STR("mine"),
                                    .channel = STR("webhook"),
                                    .driver = &driver,
                                    .config = json_root(&b->doc)};
    b->messages[0] = (struct channel_message){.title = STR("hi"),
                                              .body = STR("there"),
                                              .user = STR("u1"),
                                              .delivery_id = STR("dlv_1")};
    b->messages[1] = b->messages[0];
    b->x = (struct execution){.arena = b->arena,
                              .provider = &b->provider,
                              .request = &b->request,
                              .messages = b->messages,
                              .n_messages = 1,
                              .timeout_ms = 1000,
                              .on_done = on_done,
                              .arg = b};
    *state = b;
    return 0;
}

static int
tear_down(void **state)
{
    struct bench *b = *state;

    executor_dev_free(b->dev);
    dev_sink_free(b->sink);
    arena_free(b->arena);
    loop_free(b->env.loop);
    free(b);
    return 0;
}

static struct dev_message
only_message(struct bench *b)
{
    struct dev_message *list;

    assert_int_equal(dev_sink_list(b->sink, b->arena, 7, 0, 10, &list), 1);
    return list[0];
}

static void
answer(struct bench *b)
{
    b->dev->start(b->dev, &b->x);
    assert_int_equal(b->n_answers, 0); /* not inside the call */
    for (int i = 0; i < 10 && !b->n_answers; i++)
        loop_turn(b->env.loop, 5);
}

static void
http_is_kept_and_answered_as_by_a_good_provider(void **state)
{
    struct bench *b = *state;
    struct dev_message m;

    b->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_HTTP,
        .method = STR("POST"),
        .url = STR("https://example.org/hook"),
        .headers = {{STR("x-kind"), STR("test")}},
        .n_headers = 1,
        .body = STR("{\"a\":1}"),
    };
    answer(b);
    assert_int_equal(b->n_answers, 1);
    assert_int_equal(b->answer.outcome, CHANNEL_ANSWERED);
    assert_int_equal(b->answer.status, 200);
    m = only_message(b);
    assert_int_equal(m.at_ms, 1800000000000);
    assert_true(str_is(m.url, "https://example.org/hook"));
    assert_true(str_is(m.headers, "x-kind: test\n"));
    assert_true(str_is(m.raw, "{\"a\":1}"));
    assert_true(str_is(m.title, "hi"));
    assert_true(str_is(m.driver, "hook"));
    assert_true(str_is(m.delivery_id, "dlv_1"));
    assert_int_equal(b->n_local, 0);
}

static void
mail_is_answered_with_250(void **state)
{
    struct bench *b = *state;

    b->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_SMTP,
        .host = STR("mx.example.org"),
        .port = 25,
        .mail_from = STR("a@example.org"),
        .rcpt_to = {STR("b@example.org")},
        .n_rcpt_to = 1,
        .body = STR("Subject: hi\r\n\r\nthere"),
    };
    answer(b);
    assert_int_equal(b->answer.status, 250);
    assert_true(str_is(only_message(b).to, "b@example.org"));
    assert_true(str_is(only_message(b).from, "a@example.org"));
    assert_true(str_is(only_message(b).url, "mx.example.org:25"));
}

static void
no_secret_is_kept(void **state)
{
    struct bench *b = *state;
    struct dev_message m;

    b->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_HTTP,
        .url = STR("https://example.org/hush-hush/send?t=hush-hush"),
        .headers = {{STR("Authorization"), STR("Basic aHVzaA==")},
                    {STR("x-token"), STR("hush-hush")}},
        .n_headers = 2,
        .body = STR("token=hush-hush&x=1"),
    };
    answer(b);
    m = only_message(b);
    assert_true(str_is(m.url, "https://example.org/***/send?t=***"));
    assert_true(str_is(m.headers, "Authorization: ***\nx-token: ***\n"));
    assert_true(str_is(m.raw, "token=***&x=1"));
}

/* Several of them, and as a form writes them. */
static void
no_secret_is_kept_in_any_form(void **state)
{
    struct bench *b = *state;
    struct json_error why;

    assert_int_equal(json_parse(b->arena,
                                STR("{\"token\":[\"hush-hush\",\"a+b/c=\"]}"),
                                &b->doc, &why),
                     ERR_OK);
    b->provider.config = json_root(&b->doc);
    b->request = (struct channel_request){
        .kind = CHANNEL_REQUEST_HTTP,
        .url = STR("https://example.org/"),
        .body = STR("a=hush-hush&b=a%2Bb%2Fc%3D&c=a+b/c="),
    };
    answer(b);
    assert_true(str_is(only_message(b).raw, "a=***&b=***&c=***"));
}

static void
what_is_of_this_machine_is_done_as_well(void **state)
{
    struct bench *b = *state;
    struct dev_message *list;

    b->request = (struct channel_request){.kind = CHANNEL_REQUEST_FILE,
                                          .path = STR("/var/log/x")};
    b->x.n_messages = 2;
    b->dev->start(b->dev, &b->x);
    assert_int_equal(b->n_local, 1);
    assert_int_equal(dev_sink_list(b->sink, b->arena, 7, 0, 10, &list), 2);
    b->dev->cancel(b->dev, &b->x);
    assert_int_equal(b->n_cancelled, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(http_is_kept_and_answered_as_by_a_good_provider),
        T(mail_is_answered_with_250),
        T(no_secret_is_kept),
        T(no_secret_is_kept_in_any_form),
        T(what_is_of_this_machine_is_done_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
