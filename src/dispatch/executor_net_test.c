#include "dispatch/executor_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "app/workspace.h"
#include "base/list.h"
#include "base/loop.h"
#include "net/fetch.h"

struct bench {
    struct env env;
    struct egress_policy *policy;
    struct executor *net;
    struct arena *arena;
    struct channel_request request;
    struct execution x;
    int n_answers;
    struct channel_answer answer;
};

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
    const char *why = NULL;

    assert_non_null(b);
    b->env.loop = loop_new();
    b->policy = egress_policy_new(NULL, 0, &why);
    assert_non_null(b->policy);
    b->env.fetch = fetch_new(b->env.loop, b->policy);
    b->net = executor_net_new(&b->env);
    b->arena = arena_new();
    b->x = (struct execution){.arena = b->arena,
                              .request = &b->request,
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

    executor_net_free(b->net);
    fetch_free(b->env.fetch);
    egress_policy_free(b->policy);
    arena_free(b->arena);
    loop_free(b->env.loop);
    free(b);
    return 0;
}

static void
run(struct bench *b)
{
    b->net->start(b->net, &b->x);
    assert_int_equal(b->n_answers, 0); /* not inside the call */
    for (int i = 0; i < 400 && !b->n_answers; i++)
        loop_turn(b->env.loop, 5);
    assert_int_equal(b->n_answers, 1);
}

static void
a_wait_is_answered_after_its_time(void **state)
{
    struct bench *b = *state;
    int64_t before_ms = loop_now_ms(b->env.loop);

    b->request =
        (struct channel_request){.kind = CHANNEL_REQUEST_WAIT, .wait_ms = 30};
    run(b);
    assert_int_equal(b->answer.outcome, CHANNEL_ANSWERED);
    assert_true(loop_now_ms(b->env.loop) - before_ms >= 30);
}

static void
a_wait_beyond_the_timeout_is_one(void **state)
{
    struct bench *b = *state;

    b->x.timeout_ms = 20;
    b->request = (struct channel_request){.kind = CHANNEL_REQUEST_WAIT,
                                          .wait_ms = 60000};
    run(b);
    assert_int_equal(b->answer.outcome, CHANNEL_UNKNOWN);
    assert_int_equal(b->answer.cause, CHANNEL_CAUSE_TIMEOUT);
}

static void
a_cancelled_wait_is_answered_once_and_soon(void **state)
{
    struct bench *b = *state;

    b->x.timeout_ms = 60000;
    b->request = (struct channel_request){.kind = CHANNEL_REQUEST_WAIT,
                                          .wait_ms = 50000};
    b->net->start(b->net, &b->x);
    b->net->cancel(b->net, &b->x);
    assert_int_equal(b->n_answers, 0);
    for (int i = 0; i < 5; i++)
        loop_turn(b->env.loop, 2);
    assert_int_equal(b->n_answers, 1);
    assert_int_equal(b->answer.outcome, CHANNEL_UNKNOWN);
}

static void
a_line_is_appended_to_its_file(void **state)
{
    char path[] = "/tmp/belfry-executor-XXXXXX";
    struct bench *b = *state;
    char text[8] = "";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    b->request = (struct channel_request){.kind = CHANNEL_REQUEST_FILE,
                                          .path = str_from(path),
                                          .body = STR("one\n")};
    run(b);
    assert_int_equal(b->answer.outcome, CHANNEL_ANSWERED);
    assert_int_equal(read(fd, text, sizeof(text)), 4);
    assert_memory_equal(text, "one\n", 4);
    close(fd);
    unlink(path);
}

static void
a_file_that_cannot_be_opened_surely_got_nothing(void **state)
{
    struct bench *b = *state;

    b->request = (struct channel_request){.kind = CHANNEL_REQUEST_FILE,
                                          .path = STR("/nowhere/at/all"),
                                          .body = STR("x")};
    run(b);
    assert_int_equal(b->answer.outcome, CHANNEL_NOT_SENT);
    assert_true(b->answer.detail.n > 0);
}

static void
a_refused_address_is_told_as_that(void **state)
{
    struct bench *b = *state;

    b->request = (struct channel_request){.kind = CHANNEL_REQUEST_HTTP,
                                          .method = STR("POST"),
                                          .url = STR("http://127.0.0.1:9/x"),
                                          .headers = {{STR("a"), STR("b")}},
                                          .n_headers = 1};
    run(b);
    assert_int_equal(b->answer.outcome, CHANNEL_NOT_SENT);
    assert_int_equal(b->answer.cause, CHANNEL_CAUSE_EGRESS);
}

static void
without_a_way_out_nothing_is_sent(void **state)
{
    struct bench *b = *state;
    struct fetch *fetch = b->env.fetch;

    b->env.fetch = NULL;
    b->request = (struct channel_request){.kind = CHANNEL_REQUEST_SMTP};
    run(b);
    b->env.fetch = fetch;
    assert_int_equal(b->answer.outcome, CHANNEL_NOT_SENT);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_wait_is_answered_after_its_time),
        T(a_wait_beyond_the_timeout_is_one),
        T(a_cancelled_wait_is_answered_once_and_soon),
        T(a_line_is_appended_to_its_file),
        T(a_file_that_cannot_be_opened_surely_got_nothing),
        T(a_refused_address_is_told_as_that),
        T(without_a_way_out_nothing_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
