#include "net/http_test.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <setjmp.h>
#include <cmocka.h>

#define HOST "Host: h\r\n"

static void
start(struct fixture *f, struct client *c)
{
    fixture_start(f);
    client_open(c, f);
}

static void
stop(struct fixture *f, struct client *c)
{
    client_close(c);
    fixture_stop(f);
}

/* What waits for answer_later(). */
static void
ask_later(struct fixture *f, struct client *c)
{
    client_send(c, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    TURN_UNTIL(f, f->n_later == 1);
}

static void
answer_later(struct fixture *f, size_t i, struct str body)
{
    const struct http_response r = {.status = 200, .body = body};

    http_reply(f->later[i], &r);
}

static void
a_request_gets_a_whole_answer_and_the_connection_stays(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET /a?b=c HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&c, "\r\n\r\n/a");
    assert_string_equal(f.seen[0], "GET /a?b=c 127.0.0.1");
    assert_true(client_has(&c, "HTTP/1.1 200 OK\r\n"));
    assert_true(client_has(&c, "Content-Length: 2\r\n"));
    assert_true(client_has(&c, "Date: "));
    assert_true(client_has(&c, " GMT\r\n"));
    assert_false(client_has(&c, "Connection:"));
    client_send(&c,
                "POST /b HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\nbody");
    client_expect(&c, "\r\n\r\nbody");
    assert_int_equal(http_server_connections(f.server), 1);
    stop(&f, &c);
}

static void
a_header_value_cannot_end_its_line(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET / HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&c, "X-Value: a  b\r\n");
    stop(&f, &c);
}

static void
a_request_may_come_byte_by_byte(void **state)
{
    static const char text[] =
        "POST /x HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        "GET /next HTTP/1.1\r\n" HOST "\r\n";
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    for (size_t i = 0; i < sizeof text - 1; i++) {
        client_send_bytes(&c, (struct str){text + i, 1});
        loop_turn(f.loop, 0);
        loop_turn(f.loop, 0);
    }
    client_expect(&c, "\r\n\r\n/next");
    assert_true(client_has(&c, "\r\n\r\nabcde"));
    assert_int_equal(f.n_requests, 2);
    stop(&f, &c);
}

static void
pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET /1 HTTP/1.1\r\n" HOST "\r\n"
                    "GET /later HTTP/1.1\r\n" HOST "\r\n"
                    "POST /3 HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nthird"
                    "GET /4 HTTP/1.1\r\n" HOST "\r\n");
    TURN_UNTIL(&f, f.n_later == 1);
    loop_turn(f.loop, 10);
    assert_int_equal(f.n_requests, 2);
    client_pump(&c);
    assert_true(str_ends(buf_str(&c.got), STR("\r\n\r\n/1")));
    answer_later(&f, 0, STR("second"));
    assert_int_equal(f.n_requests, 2); /* not from within our call */
    client_expect(&c, "\r\n\r\n/4");
    assert_true(client_has(&c, "\r\n\r\nsecondHTTP/1.1 200 OK"));
    assert_true(client_has(&c, "\r\n\r\nthirdHTTP/1.1 200 OK"));
    assert_int_equal(count_of(buf_str(&c.got), "HTTP/1.1 200"), 4);
    stop(&f, &c);
}

static void
what_came_while_an_answer_was_owed_is_served_after_it(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    ask_later(&f, &c);
    client_send(&c, "GET /2 HTTP/1.1\r\n" HOST "\r\n");
    loop_turn(f.loop, 10);
    loop_turn(f.loop, 10);
    assert_int_equal(f.n_requests, 1);
    answer_later(&f, 0, STR("first"));
    client_expect(&c, "\r\n\r\n/2");
    stop(&f, &c);
}

static void
many_pipelined_answers_to_a_client_that_does_not_read_are_all_sent(void **state)
{
    enum { N = 24 };
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    for (int i = 0; i < N; i++)
        assert_int_equal(send(c.fd, "GET /big HTTP/1.1\r\n" HOST "\r\n", 30, 0),
                         30);
    for (int i = 0; i < 50; i++)
        loop_turn(f.loop, 0);
    assert_true(f.n_requests < N); /* 96 MiB are not held for it */
    TURN_UNTIL(&f, (client_pump(&c), c.got.n > (size_t)N * (4 << 20)));
    assert_int_equal(count_of(buf_str(&c.got), "HTTP/1.1 200 OK"), N);
    stop(&f, &c);
}

static void
head_and_204_have_no_body(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "HEAD /head HTTP/1.1\r\n" HOST "\r\n"
                    "GET /none HTTP/1.1\r\n" HOST "\r\n"
                    "GET /z HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&c, "\r\n\r\n/z");
    assert_true(client_has(&c, "Content-Length: 5\r\n\r\nHTTP/1.1 204"));
    assert_false(client_has(&c, "/none"));
    assert_int_equal(count_of(buf_str(&c.got), "Content-Length"), 2);
    stop(&f, &c);
}

static void
malformed_bytes_are_refused_at_once_and_end_the_connection(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET / HTTP/1.1\r\n" HOST "\r\nGET / HTTP/1.1\n");
    client_expect(&c, "HTTP/1.1 400 Bad Request\r\n");
    client_expect(&c, "\"code\":\"malformed\"");
    assert_true(client_has(&c, "Content-Type: application/problem+json\r\n"));
    assert_true(client_has(&c, "X-Refusal: 1\r\n"));
    assert_true(client_has(&c, "Connection: close\r\n"));
    client_expect_close(&c);
    client_send(&c, "GET / HTTP/1.1\r\n" HOST "\r\n");
    loop_turn(f.loop, 10);
    assert_int_equal(f.n_requests, 1);
    client_close(&c);
    TURN_UNTIL(&f, http_server_connections(f.server) == 0);
    stop(&f, &c);
}

static void
a_body_over_the_limit_is_refused_before_it_comes(void **state)
{
    static const char *const heads[] = {
        "POST / HTTP/1.1\r\n" HOST "Content-Length: 11\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
        "Content-Length: 11\r\n\r\n",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
        "6\r\nabcdef\r\n5\r\nghijk",
    };

    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct fixture f = {.body_limit = 10};
        struct client c;

        start(&f, &c);
        client_send(&c, heads[i]);
        client_expect(&c, "HTTP/1.1 413 ");
        assert_false(client_has(&c, "100 Continue"));
        client_expect_close(&c);
        assert_int_equal(f.n_requests, 0);
        stop(&f, &c);
    }
}

/* In place, apart, and in chunks. */
static void
bodies_of_any_size_arrive_whole(void **state)
{
    static const size_t sizes[] = {1, 16384, 20000, 20481, 300000, 1 << 20};
    static char body[1 << 20];
    struct fixture f = {0};
    struct client c;

    (void)state;
    for (size_t i = 0; i < sizeof body; i++)
        body[i] = (char)('a' + i % 23);
    start(&f, &c);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const size_t n = sizes[i];

        for (int chunked = 0; chunked < 2; chunked++) {
            char head[128];

            buf_reset(&c.got);
            snprintf(head, sizeof head,
                     chunked ? "POST / HTTP/1.1\r\n" HOST
                               "Transfer-Encoding: chunked\r\n\r\n%zx\r\n"
                             : "POST / HTTP/1.1\r\n" HOST
                               "Content-Length: %zu\r\n\r\n",
                     n);
            client_send(&c, head);
            client_send_bytes(&c, (struct str){body, n});
            client_send(&c, chunked ? "\r\n0\r\n\r\n" : "");
            TURN_UNTIL(&f, (client_pump(&c), c.got.n > n));
            client_expect(&c, "\r\n\r\n");
            TURN_UNTIL(&f, (client_pump(&c),
                            str_ends(buf_str(&c.got), (struct str){body, n})));
        }
    }
    stop(&f, &c);
}

static void
a_client_that_asks_is_told_to_continue(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
                    "Content-Length: 2\r\n\r\n");
    client_expect(&c, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(&c, "ok");
    client_expect(&c, "HTTP/1.1 200 OK");
    stop(&f, &c);
}

static void
http_1_0_closes_unless_it_asks_not_to(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    client_expect(&c, "Connection: keep-alive\r\n\r\n/1");
    client_send(&c, "GET /2 HTTP/1.0\r\n\r\n");
    client_expect(&c, "Connection: close\r\n\r\n/2");
    client_expect_close(&c);
    stop(&f, &c);
}

static void
a_handler_may_close_the_connection(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET /close HTTP/1.1\r\n" HOST "\r\n"
                    "GET /hidden HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&c, "Connection: close\r\n\r\n/close");
    client_expect_close(&c);
    assert_int_equal(f.n_requests, 1);
    stop(&f, &c);
}

/* ---- too slow ---- */

static void
trickled_headers_do_not_move_their_deadline(void **state)
{
    struct fixture f = {.limits = {200, 5000, 5000, 0}};
    struct client c;
    int64_t began_ms, sent_ms = 0;

    (void)state;
    start(&f, &c);
    began_ms = loop_now_ms(f.loop);
    client_send(&c, "GET / HTTP/1.1\r\nX: ");
    while (!client_has(&c, "HTTP/1.1 408 ") &&
           loop_now_ms(f.loop) < began_ms + 5000) {
        if (loop_now_ms(f.loop) >= sent_ms + 20) {
            sent_ms = loop_now_ms(f.loop);
            client_send(&c, "y");
        }
        loop_turn(f.loop, 5);
    }
    assert_true(client_has(&c, "\"code\":\"request_timeout\""));
    assert_in_range(loop_now_ms(f.loop) - began_ms, 150, 2500);
    client_expect_close(&c);
    stop(&f, &c);
}

static void
a_body_below_a_kib_a_second_is_refused(void **state)
{
    struct fixture f = {.limits = {5000, 150, 5000, 0}};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 999\r\n\r\nab");
    client_expect(&c, "HTTP/1.1 408 ");
    client_expect_close(&c);
    stop(&f, &c);
}

static void
a_fast_enough_body_outlives_the_body_timeout(void **state)
{
    struct fixture f = {.limits = {5000, 100, 5000, 0}};
    struct client c;
    int64_t began_ms;

    (void)state;
    start(&f, &c);
    client_send(&c, "POST / HTTP/1.1\r\n" HOST "Content-Length: 2001\r\n\r\n");
    for (int i = 0; i < 20; i++)
        client_send(&c, "0123456789012345678901234567890123456789"
                        "0123456789012345678901234567890123456789"
                        "01234567890123456789");
    began_ms = loop_now_ms(f.loop);
    while (loop_now_ms(f.loop) < began_ms + 300)
        loop_turn(f.loop, 50);
    assert_int_equal(f.n_refusals, 0);
    client_send(&c, "z");
    client_expect(&c, "HTTP/1.1 200 OK");
    stop(&f, &c);
}

static void
an_idle_connection_is_closed_without_a_word(void **state)
{
    struct fixture f = {.limits = {5000, 5000, 100, 0}};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET / HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&c, "200 OK");
    client_expect_close(&c);
    assert_int_equal(f.n_refusals, 0);
    stop(&f, &c);
}

static void
an_answer_may_take_longer_than_any_timeout(void **state)
{
    struct fixture f = {.limits = {50, 50, 50, 0}};
    struct client c;
    int64_t began_ms;

    (void)state;
    start(&f, &c);
    ask_later(&f, &c);
    began_ms = loop_now_ms(f.loop);
    while (loop_now_ms(f.loop) < began_ms + 150)
        loop_turn(f.loop, 50);
    answer_later(&f, 0, STR("patience"));
    client_expect(&c, "\r\n\r\npatience");
    stop(&f, &c);
}

/* ---- clients that leave ---- */

static void
a_reset_while_an_answer_is_owed_is_noticed(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    ask_later(&f, &c);
    assert_false(http_exchange_is_gone(f.later[0]));
    client_reset(&c);
    TURN_UNTIL(&f, http_exchange_is_gone(f.later[0]));
    assert_int_equal(http_server_connections(f.server), 0);
    answer_later(&f, 0, STR("to nobody"));
    stop(&f, &c);
}

/* A client that has said all it will say may still listen. */
static void
half_a_connection_still_gets_its_answer(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    ask_later(&f, &c);
    shutdown(c.fd, SHUT_WR);
    TURN_UNTIL(&f, http_exchange_is_gone(f.later[0]));
    answer_later(&f, 0, STR("still here"));
    client_expect(&c, "\r\n\r\nstill here");
    client_expect_close(&c);
    TURN_UNTIL(&f, http_server_connections(f.server) == 0);
    stop(&f, &c);
}

static void
a_client_that_leaves_in_the_middle_costs_nothing_more(void **state)
{
    static const char *const parts[] = {
        "", "GET", "POST / HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc"};

    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct fixture f = {0};
        struct client c;

        start(&f, &c);
        client_send(&c, parts[i]);
        TURN_UNTIL(&f, http_server_connections(f.server) == 1);
        loop_turn(f.loop, 5);
        client_close(&c);
        TURN_UNTIL(&f, http_server_connections(f.server) == 0);
        assert_int_equal(f.n_requests, 0);
        stop(&f, &c);
    }
}

/* ---- the server as a whole ---- */

static void
one_connection_too_many_is_told_so(void **state)
{
    struct fixture f = {.limits = {0, 0, 0, 1}};
    struct client c, second;

    (void)state;
    start(&f, &c);
    TURN_UNTIL(&f, http_server_connections(f.server) == 1);
    client_open(&second, &f);
    client_expect(&second, "HTTP/1.1 503 Service Unavailable\r\n");
    client_expect(&second, "X-Refusal: 1\r\n");
    client_expect(&second, "\"code\":\"overloaded\"");
    client_expect_close(&second);
    client_send(&c, "GET / HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&c, "200 OK");
    client_close(&second);
    stop(&f, &c);
}

static void
the_base_path_is_taken_off_and_other_paths_are_not_found(void **state)
{
    struct fixture f = {.base_path = STR("/belfry")};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET /belfry/a?b HTTP/1.1\r\n" HOST "\r\n"
                    "GET /belfry HTTP/1.1\r\n" HOST "\r\n"
                    "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"
                    "GET /belfryx HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&c, "HTTP/1.1 404 ");
    assert_int_equal(f.n_requests, 3);
    assert_string_equal(f.seen[0], "GET /a?b 127.0.0.1");
    assert_string_equal(f.seen[1], "GET /? 127.0.0.1");
    assert_string_equal(f.seen[2], "OPTIONS *? 127.0.0.1");
    assert_int_equal(f.last_refusal, ERR_NOT_FOUND);
    stop(&f, &c);
}

static void
note_drained(void *arg)
{
    struct fixture *f = arg;

    assert_false(f->is_drained);
    f->is_drained = true;
}

static void
a_drain_lets_owed_answers_out_and_closes_the_rest(void **state)
{
    struct fixture f = {0};
    struct client idle, busy;

    (void)state;
    start(&f, &idle);
    client_open(&busy, &f);
    client_send(&busy, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    TURN_UNTIL(&f, f.n_later == 1 && http_server_connections(f.server) == 2);
    http_server_drain(f.server, note_drained, &f);
    client_expect_close(&idle);
    assert_int_equal(http_server_connections(f.server), 1);
    assert_false(f.is_drained);
    answer_later(&f, 0, STR("last"));
    client_expect(&busy, "Connection: close\r\n\r\nlast");
    client_expect_close(&busy);
    client_close(&busy);
    TURN_UNTIL(&f, f.is_drained);
    stop(&f, &idle);
}

static void
a_drain_waits_for_an_answer_that_is_being_sent(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    TURN_UNTIL(&f, f.n_requests == 1);
    http_server_drain(f.server, note_drained, &f);
    loop_turn(f.loop, 0);
    assert_int_equal(http_server_connections(f.server), 1);
    client_expect_close(&c);
    assert_true(c.got.n > 4 << 20);
    client_close(&c);
    TURN_UNTIL(&f, f.is_drained);
    stop(&f, &c);
}

static void
without_descriptors_those_who_knock_wait(void **state)
{
    struct fixture f = {0};
    struct rlimit before, tight;
    struct client c;

    (void)state;
    start(&f, &c);
    getrlimit(RLIMIT_NOFILE, &before);
    tight = before;
    tight.rlim_cur = 3; /* all of them are in use */
    setrlimit(RLIMIT_NOFILE, &tight);
    client_send(&c, "GET / HTTP/1.1\r\n" HOST "\r\n");
    TURN_UNTIL(&f, loop_timer_is_set(&f.server->accept_timer));
    assert_int_equal(http_server_connections(f.server), 0);
    setrlimit(RLIMIT_NOFILE, &before);
    client_expect(&c, "200 OK");
    stop(&f, &c);
}

static void
a_drain_without_connections_is_done_in_a_later_turn(void **state)
{
    struct fixture f = {0};

    (void)state;
    fixture_start(&f);
    http_server_drain(f.server, note_drained, &f);
    assert_false(f.is_drained);
    TURN_UNTIL(&f, f.is_drained);
    fixture_stop(&f);
}

static void
an_exchange_outlives_its_server(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    ask_later(&f, &c);
    http_server_free(f.server);
    f.server = NULL;
    assert_true(http_exchange_is_gone(f.later[0]));
    answer_later(&f, 0, STR("too late"));
    loop_turn(f.loop, 0);
    loop_turn(f.loop, 0);
    stop(&f, &c);
}

static void
wrong_options_are_said_to_be_wrong(void **state)
{
    const struct str bad_range = STR("10.0.0.0/33");
    const struct http_server_options wrong[] = {
        {.base_path = STR("belfry")},
        {.base_path = STR("/belfry/")},
        {.trusted_proxies = &bad_range, .n_trusted_proxies = 1},
        {.tls_cert_file = STR("/nowhere"), .tls_key_file = STR("/nowhere")},
        {.tls_cert_file = STR("/nowhere")},
    };
    const struct http_handler h = {0};
    struct loop *l = loop_new();
    struct http_server *s = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *why = NULL;

        assert_int_equal(http_server_new(l, &wrong[i], &h, &s, &why), ERR_IO);
        assert_non_null(why);
    }
    loop_free(l);
}

static void
an_address_that_cannot_be_listened_on_is_an_error(void **state)
{
    const struct str wrong[] = {STR("127.0.0.1"), STR("127.0.0.1:70000"),
                                STR("192.0.2.1:0"), STR("127.0.0.1:x"),
                                STR("")};
    struct fixture f = {0};
    const char *why;

    (void)state;
    fixture_start(&f);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        why = NULL;
        assert_int_equal(http_server_listen(f.server, wrong[i], &why), ERR_IO);
        assert_non_null(why);
    }
    fixture_stop(&f);
}

/* Who starts Belfry twice is told so; another front of one process is not. */
static void
an_address_is_shared_only_with_who_joins(void **state)
{
    const struct http_handler h = {0};
    struct http_server_options o = {0};
    struct http_server *other, *joined;
    struct fixture f = {0};
    const char *why;
    char address[32];

    (void)state;
    fixture_start(&f);
    snprintf(address, sizeof address, "127.0.0.1:%d",
             http_server_port(f.server));
    assert_int_equal(http_server_new(f.loop, &o, &h, &other, &why), ERR_OK);
    assert_int_equal(http_server_listen(other, str_from(address), &why),
                     ERR_IO);
    assert_string_equal(why, "the address is in use");
    o.joins = true;
    assert_int_equal(http_server_new(f.loop, &o, &h, &joined, &why), ERR_OK);
    assert_int_equal(http_server_listen(joined, str_from(address), &why),
                     ERR_OK);
    assert_int_equal(http_server_listen(other, str_from(address), &why),
                     ERR_IO);
    http_server_free(joined);
    http_server_free(other);
    fixture_stop(&f);
}

static void
an_idle_connection_holds_no_buffer(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c);
    client_send(&c, "GET / HTTP/1.1\r\n" HOST "\r\n");
    client_expect(&c, "200 OK");
    loop_turn(f.loop, 0);
    assert_null(
        CONTAINER_OF(f.server->conns.next, struct http_conn, link)->work);
    assert_true(sizeof(struct http_conn) <= 256);
    stop(&f, &c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_request_gets_a_whole_answer_and_the_connection_stays),
        cmocka_unit_test(a_header_value_cannot_end_its_line),
        cmocka_unit_test(a_request_may_come_byte_by_byte),
        cmocka_unit_test(pipelined_requests_are_answered_in_order),
        cmocka_unit_test(what_came_while_an_answer_was_owed_is_served_after_it),
        cmocka_unit_test(
            many_pipelined_answers_to_a_client_that_does_not_read_are_all_sent),
        cmocka_unit_test(head_and_204_have_no_body),
        cmocka_unit_test(
            malformed_bytes_are_refused_at_once_and_end_the_connection),
        cmocka_unit_test(a_body_over_the_limit_is_refused_before_it_comes),
        cmocka_unit_test(bodies_of_any_size_arrive_whole),
        cmocka_unit_test(a_client_that_asks_is_told_to_continue),
        cmocka_unit_test(http_1_0_closes_unless_it_asks_not_to),
        cmocka_unit_test(a_handler_may_close_the_connection),
        cmocka_unit_test(trickled_headers_do_not_move_their_deadline),
        cmocka_unit_test(a_body_below_a_kib_a_second_is_refused),
        cmocka_unit_test(a_fast_enough_body_outlives_the_body_timeout),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(an_answer_may_take_longer_than_any_timeout),
        cmocka_unit_test(a_reset_while_an_answer_is_owed_is_noticed),
        cmocka_unit_test(half_a_connection_still_gets_its_answer),
        cmocka_unit_test(a_client_that_leaves_in_the_middle_costs_nothing_more),
        cmocka_unit_test(one_connection_too_many_is_told_so),
        cmocka_unit_test(
            the_base_path_is_taken_off_and_other_paths_are_not_found),
        cmocka_unit_test(a_drain_lets_owed_answers_out_and_closes_the_rest),
        cmocka_unit_test(a_drain_waits_for_an_answer_that_is_being_sent),
        cmocka_unit_test(without_descriptors_those_who_knock_wait),
        cmocka_unit_test(a_drain_without_connections_is_done_in_a_later_turn),
        cmocka_unit_test(an_exchange_outlives_its_server),
        cmocka_unit_test(wrong_options_are_said_to_be_wrong),
        cmocka_unit_test(an_address_that_cannot_be_listened_on_is_an_error),
        cmocka_unit_test(an_address_is_shared_only_with_who_joins),
        cmocka_unit_test(an_idle_connection_holds_no_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
