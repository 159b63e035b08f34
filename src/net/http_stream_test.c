#include "net/http_test.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <setjmp.h>
#include <cmocka.h>

#define GET_STREAM "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n"

static void
start(struct fixture *f, struct client *c, const char *request)
{
    fixture_start(f);
    client_open(c, f);
    client_send(c, request);
    TURN_UNTIL(f, f->stream);
}

static void
stop(struct fixture *f, struct client *c)
{
    client_close(c);
    fixture_stop(f);
}

static void
send_text(struct http_stream *s, struct str text)
{
    struct http_frame *f = http_frame_new(text);

    http_stream_send(s, f);
    http_frame_put(f);
}

/* Until the socket takes no more; what was accepted by the stream. */
static size_t
fill(struct fixture *f)
{
    static char block[64 * 1024];
    size_t n = 0;

    memset(block, 'x', sizeof block);
    while (f->stream && http_stream_queued_frames(f->stream) < 4) {
        send_text(f->stream, (struct str){block, sizeof block});
        n += sizeof block;
    }
    return n;
}

static void
a_stream_sends_its_head_and_then_each_frame_as_a_chunk(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, GET_STREAM);
    client_expect(&c, "\r\n\r\n");
    assert_true(client_has(&c, "Content-Type: text/event-stream\r\n"));
    assert_true(client_has(&c, "Transfer-Encoding: chunked\r\n"));
    assert_false(client_has(&c, "Content-Length"));
    buf_reset(&c.got);
    send_text(f.stream, STR("hello, world\n"));
    client_pump(&c); /* no turn in between: it went out at once */
    assert_true(str_is(buf_str(&c.got), "d\r\nhello, world\n\r\n"));
    assert_int_equal(http_stream_queued_frames(f.stream), 0);
    http_stream_end(f.stream);
    client_expect_close(&c);
    assert_true(str_ends(buf_str(&c.got), STR("0\r\n\r\n")));
    client_close(&c);
    TURN_UNTIL(&f, http_server_connections(f.server) == 0);
    assert_int_equal(f.n_closes, 0);
    stop(&f, &c);
}

static void
http_1_0_gets_the_payload_alone(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, "GET /stream HTTP/1.0\r\n\r\n");
    client_expect(&c, "Connection: close\r\n\r\n");
    assert_false(client_has(&c, "chunked"));
    buf_reset(&c.got);
    send_text(f.stream, STR("one"));
    send_text(f.stream, STR("two"));
    http_stream_end(f.stream);
    client_expect_close(&c);
    assert_true(str_is(buf_str(&c.got), "onetwo"));
    stop(&f, &c);
}

static void
head_of_a_stream_ends_after_its_headers(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    fixture_start(&f);
    client_open(&c, &f);
    client_send(&c, "HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    client_expect_close(&c);
    assert_null(f.stream);
    assert_true(client_has(&c, "text/event-stream"));
    assert_true(str_ends(buf_str(&c.got), STR("\r\n\r\n")));
    assert_int_equal(f.n_closes, 0);
    stop(&f, &c);
}

static void
a_client_that_leaves_an_idle_stream_is_noticed(void **state)
{
    (void)state;
    for (int by_reset = 0; by_reset < 2; by_reset++) {
        struct fixture f = {0};
        struct client c;

        start(&f, &c, GET_STREAM);
        client_expect(&c, "\r\n\r\n");
        if (by_reset)
            client_reset(&c);
        else
            client_close(&c);
        TURN_UNTIL(&f, f.n_closes == 1);
        assert_int_equal(http_server_connections(f.server), 0);
        stop(&f, &c);
    }
}

static void
an_idle_stream_holds_no_buffer(void **state)
{
    struct fixture f = {0};
    struct client c;
    struct http_conn *conn;

    (void)state;
    start(&f, &c, GET_STREAM);
    conn = CONTAINER_OF(f.server->conns.next, struct http_conn, link);
    assert_null(conn->work);
    send_text(f.stream, STR("x"));
    assert_false(stream_holds_memory(f.stream));
    stop(&f, &c);
}

static void
frames_wait_for_a_reader_and_arrive_whole_and_in_order(void **state)
{
    struct fixture f = {0};
    struct client c;
    size_t n;

    (void)state;
    start(&f, &c, GET_STREAM);
    n = fill(&f);
    send_text(f.stream, STR("the last one"));
    assert_true(http_stream_queued_bytes(f.stream) > 3 * 64 * 1024);
    assert_int_equal(http_stream_queued_frames(f.stream), 5);
    assert_int_equal(f.n_drains, 0);
    TURN_UNTIL(&f, (client_pump(&c), f.n_drains == 1));
    assert_int_equal(http_stream_queued_bytes(f.stream), 0);
    assert_false(stream_holds_memory(f.stream));
    client_expect(&c, "c\r\nthe last one\r\n");
    assert_int_equal(count_of(buf_str(&c.got), "10000\r\nxxx"), n / 65536);
    assert_int_equal(count_of(buf_str(&c.got), "x\r\n"), n / 65536);
    stop(&f, &c);
}

static void
a_shed_reader_keeps_the_frame_that_is_begun(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, GET_STREAM);
    (void)fill(&f);
    http_stream_drop_queued(f.stream);
    assert_true(http_stream_queued_frames(f.stream) <= 1);
    send_text(f.stream, STR("after"));
    client_expect(&c, "\r\n5\r\nafter\r\n");
    assert_int_equal(count_of(buf_str(&c.got), "10000\r\nxxx"),
                     count_of(buf_str(&c.got), "x\r\n"));
    stop(&f, &c);
}

static void
a_reader_that_takes_nothing_is_given_up(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, GET_STREAM);
    f.server->write_timeout_ms = 100;
    (void)fill(&f);
    TURN_UNTIL(&f, f.n_closes == 1);
    assert_int_equal(http_server_connections(f.server), 0);
    stop(&f, &c);
}

static void
a_queue_without_end_is_cut(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, GET_STREAM);
    (void)fill(&f);
    for (int i = 0; i < 5000 && f.stream; i++)
        send_text(f.stream, STR("more"));
    assert_int_equal(f.n_closes, 0); /* not from within our call */
    TURN_UNTIL(&f, f.n_closes == 1);
    stop(&f, &c);
}

static void
an_end_waits_for_what_is_queued(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, GET_STREAM);
    (void)fill(&f);
    http_stream_end(f.stream);
    f.stream = NULL;
    client_expect_close(&c);
    assert_true(str_ends(buf_str(&c.got), STR("x\r\n0\r\n\r\n")));
    assert_int_equal(f.n_drains + f.n_closes, 0);
    stop(&f, &c);
}

static void
an_end_after_the_client_left_is_the_end(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, GET_STREAM);
    client_reset(&c);
    for (int i = 0; i < 100 && f.n_closes == 0 && f.stream &&
                    http_server_connections(f.server);
         i++)
        send_text(f.stream, STR("anybody?"));
    http_stream_end(f.stream); /* it is closed, and nobody told us yet */
    f.stream = NULL;
    TURN_UNTIL(&f, http_server_connections(f.server) == 0);
    loop_turn(f.loop, 0);
    assert_int_equal(f.n_closes, 0);
    stop(&f, &c);
}

static void
what_a_stream_s_client_says_is_thrown_away_up_to_a_cap(void **state)
{
    static char noise[STREAM_DISCARD_MAX / 2];
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, GET_STREAM);
    client_send_bytes(&c, (struct str){noise, sizeof noise});
    for (int i = 0; i < 64; i++)
        loop_turn(f.loop, 0);
    assert_int_equal(f.n_closes, 0);
    client_send_bytes(&c, (struct str){noise, sizeof noise});
    client_send(&c, "!");
    TURN_UNTIL(&f, f.n_closes == 1);
    stop(&f, &c);
}

static void
a_server_that_goes_tells_its_streams(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, GET_STREAM);
    (void)fill(&f);
    http_server_free(f.server);
    f.server = NULL;
    assert_int_equal(f.n_closes, 1);
    stop(&f, &c);
}

static void
one_frame_is_shared_by_many_streams(void **state)
{
    struct fixture f = {0};
    struct http_stream *streams[3];
    struct client c[3];
    struct http_frame *frame;

    (void)state;
    fixture_start(&f);
    for (int i = 0; i < 3; i++) {
        f.stream = NULL;
        client_open(&c[i], &f);
        client_send(&c[i], GET_STREAM);
        TURN_UNTIL(&f, f.stream);
        streams[i] = f.stream;
    }
    f.stream = streams[1];
    (void)fill(&f); /* this one must keep a reference */
    frame = http_frame_new(STR("shared"));
    for (int i = 0; i < 3; i++)
        http_stream_send(streams[i], frame);
    http_frame_put(frame);
    for (int i = 0; i < 3; i++)
        client_expect(&c[i], "6\r\nshared\r\n");
    for (int i = 0; i < 3; i++) {
        http_stream_end(streams[i]);
        client_close(&c[i]);
    }
    fixture_stop(&f);
}

static void
a_drain_waits_for_streams_to_be_ended(void **state)
{
    struct fixture f = {0};
    struct client c;

    (void)state;
    start(&f, &c, GET_STREAM);
    http_server_drain(f.server, NULL, NULL);
    loop_turn(f.loop, 10);
    assert_int_equal(http_server_connections(f.server), 1);
    send_text(f.stream, STR("bye"));
    http_stream_end(f.stream);
    client_expect(&c, "3\r\nbye\r\n0\r\n\r\n");
    client_expect_close(&c);
    client_close(&c);
    TURN_UNTIL(&f, http_server_connections(f.server) == 0);
    stop(&f, &c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            a_stream_sends_its_head_and_then_each_frame_as_a_chunk),
        cmocka_unit_test(http_1_0_gets_the_payload_alone),
        cmocka_unit_test(head_of_a_stream_ends_after_its_headers),
        cmocka_unit_test(a_client_that_leaves_an_idle_stream_is_noticed),
        cmocka_unit_test(an_idle_stream_holds_no_buffer),
        cmocka_unit_test(
            frames_wait_for_a_reader_and_arrive_whole_and_in_order),
        cmocka_unit_test(a_shed_reader_keeps_the_frame_that_is_begun),
        cmocka_unit_test(a_reader_that_takes_nothing_is_given_up),
        cmocka_unit_test(a_queue_without_end_is_cut),
        cmocka_unit_test(an_end_waits_for_what_is_queued),
        cmocka_unit_test(an_end_after_the_client_left_is_the_end),
        cmocka_unit_test(
            what_a_stream_s_client_says_is_thrown_away_up_to_a_cap),
        cmocka_unit_test(a_server_that_goes_tells_its_streams),
        cmocka_unit_test(one_frame_is_shared_by_many_streams),
        cmocka_unit_test(a_drain_waits_for_streams_to_be_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
