#include "net/peer_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/arena.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static void
assert_result(const struct call *k, enum fetch_outcome outcome,
              enum fetch_cause cause, int status)
{
    if (k->answer.outcome != outcome || k->answer.cause != cause ||
        k->answer.status != status)
        fail_msg("outcome %d cause %d status %d: %.*s", k->answer.outcome,
                 k->answer.cause, k->answer.status, STR_ARG(k->answer.detail));
    assert_int_equal(k->answer.detail.n > 0, outcome != FETCH_ANSWERED);
}

/* ---- peers ---- */

static void
serve_ok(struct peer_conn *c)
{
    while (peer_read_request(c) && peer_write(c, OK_ANSWER))
        ;
}

static void
serve_text(struct peer_conn *c)
{
    if (peer_read_request(c))
        peer_write(c, c->peer->arg);
}

static void
serve_text_and_hold(struct peer_conn *c)
{
    serve_text(c);
    peer_wait_for_close(c);
}

static void
serve_reset(struct peer_conn *c)
{
    peer_read_request(c);
    peer_reset(c);
}

static void
serve_once_then_close(struct peer_conn *c)
{
    if (peer_read_request(c) && peer_write(c, OK_ANSWER))
        peer_read_request(c);
}

static void
serve_endless_head(struct peer_conn *c)
{
    if (!peer_read_request(c) || !peer_write(c, "HTTP/1.1 200 OK\r\n"))
        return;
    while (peer_write(c, "X-More: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"))
        ;
}

static void
serve_endless_body(struct peer_conn *c)
{
    static const char block[8192] = "x";

    if (!peer_read_request(c) || !peer_write(c, "HTTP/1.1 200 OK\r\n\r\n"))
        return;
    while (peer_write_bytes(c, (struct str){block, sizeof(block)}))
        ;
}

static void
serve_300k(struct peer_conn *c)
{
    static const char block[300 * 1024] = "x";

    while (peer_read_request(c))
        if (!peer_write(c,
                        "HTTP/1.1 200 OK\r\nContent-Length: 307200\r\n\r\n") ||
            !peer_write_bytes(c, (struct str){block, sizeof(block)}))
            return;
}

/* A peer, and a call to it. */
static void
start(struct call *k, struct caller *c, struct peer *p,
      void (*serve)(struct peer_conn *c), void *arg)
{
    peer_start(p, serve);
    p->arg = arg;
    caller_start(c, LOOPBACK);
    call_init(k);
    call_url(k, p->port, "/");
}

/* ---- tests ---- */

static void
a_call_says_what_it_was_given_and_no_more(void **state)
{
    struct fetch_header headers[] = {
        {STR("Content-Type"), STR("application/json")},
        {STR("webhook-id"), STR("dlv_1")},
        {STR("X-Empty"), STR_NONE}};
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    peer_start(&p, serve_ok);
    caller_start(&c, LOOPBACK);
    call_init(&k);
    call_url(&k, p.port, "/a/b?c=%20d#frag");
    k.r.headers = headers;
    k.r.n_headers = 3;
    k.r.body = STR("{\"a\":1}");
    call_run(&c, &k);
    assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
    assert_text(k.answer.body, "ok");
    assert_text(fetch_answer_header(&k.answer, "content-LENGTH"), "2");
    assert_null(fetch_answer_header(&k.answer, "HTTP/1.1 200 OK").p);
    assert_text(
        peer_seen(&p, k.r.arena),
        str_fmt(k.r.arena,
                "POST /a/b?c=%%20d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                "User-Agent: Belfry/" BELFRY_VERSION "\r\nAccept: */*\r\n"
                "Content-Type: application/json\r\nwebhook-id: dlv_1\r\n"
                "X-Empty:\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
                p.port)
            .p);
    call_stop(&k, &c, &p);
}

static void
a_connection_serves_many_calls_of_any_method(void **state)
{
    static const char *const methods[] = {"POST", "GET",    "PUT",
                                          "HEAD", "DELETE", "POST"};
    struct caller c;
    struct peer p;

    (void)state;
    peer_start(&p, serve_ok);
    caller_start(&c, LOOPBACK);
    for (size_t i = 0; i < 6; i++) {
        bool is_head = strcmp(methods[i], "HEAD") == 0;
        struct call k;
        char line[64];
        struct str seen;

        call_init(&k);
        call_url(&k, p.port, "/");
        k.r.method = str_from(methods[i]);
        k.r.body = i == 2 ? STR("data") : STR_NONE;
        if (is_head) /* its answer has no body, whatever it says */
            k.r.method = STR("GET");
        call_run(&c, &k);
        assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
        assert_int_equal(fetch_in_flight(c.fetch), 0);
        snprintf(line, sizeof(line), "%.*s / HTTP/1.1", STR_ARG(k.r.method));
        seen = peer_seen(&p, k.r.arena);
        assert_non_null(strstr(seen.p, line));
        call_fini(&k);
    }
    assert_int_equal(p.n_connections, 1);
    assert_int_equal(p.n_requests, 6);
    caller_stop(&c);
    peer_stop(&p);
}

static void
many_calls_go_at_once(void **state)
{
    enum { N = 200 };
    static struct call calls[N];
    struct caller c;
    struct peer p;

    (void)state;
    peer_start(&p, serve_ok);
    caller_start(&c, LOOPBACK);
    for (int i = 0; i < N; i++) {
        call_init(&calls[i]);
        call_url(&calls[i], p.port, "/");
        fetch_start(c.fetch, &calls[i].r);
    }
    assert_int_equal(fetch_in_flight(c.fetch), N);
    for (int i = 0; i < N; i++) {
        call_wait(&c, &calls[i]);
        assert_result(&calls[i], FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
        call_fini(&calls[i]);
    }
    assert_int_equal(p.n_requests, N);
    caller_stop(&c);
    peer_stop(&p);
}

/* What a peer does after the request has come, and what is known then. */
static void
an_answer_counts_only_when_it_is_whole(void **state)
{
    static char cut_body[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok";
    static char cut_head[] = "HTTP/1.1 200 OK\r\nContent-Le";
    static char bad_chunk[] = "HTTP/1.1 200 OK\r\n"
                              "Transfer-Encoding: chunked\r\n\r\nzz\r\n";
    static char ancient[] = "hello";
    static char chunked[] = "HTTP/1.1 201 Created\r\n"
                            "Transfer-Encoding: chunked\r\n\r\n"
                            "2\r\nok\r\n0\r\nX-Trailer: 1\r\n\r\n";
    static char to_close[] = "HTTP/1.0 500 Oops\r\n\r\nto the end";
    static char empty[] = "HTTP/1.1 204 No Content\r\n\r\n";
    static char silence[] = "";
    static const struct {
        void (*serve)(struct peer_conn *c);
        char *text;
        enum fetch_outcome outcome;
        enum fetch_cause cause;
        int status;
    } rows[] = {
        {serve_text, chunked, FETCH_ANSWERED, FETCH_CAUSE_NONE, 201},
        {serve_text, to_close, FETCH_ANSWERED, FETCH_CAUSE_NONE, 500},
        {serve_text, empty, FETCH_ANSWERED, FETCH_CAUSE_NONE, 204},
        {serve_text, silence, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 0},
        {serve_reset, silence, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 0},
        {serve_text, cut_body, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 200},
        {serve_text, cut_head, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 200},
        {serve_text, bad_chunk, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 200},
        {serve_text, ancient, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 0},
        {serve_text_and_hold, silence, FETCH_UNKNOWN, FETCH_CAUSE_TIMEOUT, 0},
        {serve_text_and_hold, cut_body, FETCH_UNKNOWN, FETCH_CAUSE_TIMEOUT,
         200},
        {serve_endless_head, silence, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct caller c;
        struct peer p;
        struct call k;

        start(&k, &c, &p, rows[i].serve, rows[i].text);
        if (rows[i].cause == FETCH_CAUSE_TIMEOUT)
            k.r.timeout_ms = 300;
        call_run(&c, &k);
        assert_result(&k, rows[i].outcome, rows[i].cause, rows[i].status);
        assert_int_equal(p.n_requests, 1);
        call_stop(&k, &c, &p);
    }
}

static void
no_call_is_repeated_behind_the_callers_back(void **state)
{
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    start(&k, &c, &p, serve_once_then_close, NULL);
    call_run(&c, &k);
    assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
    call_run(&c, &k);
    assert_result(&k, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 0);
    assert_int_equal(p.n_requests, 2);
    /* What changes nothing may be. */
    k.r.method = STR("GET");
    k.r.body = STR_NONE;
    call_run(&c, &k);
    call_run(&c, &k);
    assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
    call_stop(&k, &c, &p);
}

static void
a_long_body_is_clipped_and_an_endless_one_cut(void **state)
{
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    start(&k, &c, &p, serve_300k, NULL);
    for (int i = 0; i < 2; i++) {
        call_run(&c, &k);
        assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
        assert_int_equal(k.answer.body.n, FETCH_ANSWER_MAX);
    }
    assert_int_equal(p.n_connections, 1);
    caller_stop(&c);
    peer_stop(&p);

    peer_start(&p, serve_endless_body);
    caller_start(&c, LOOPBACK);
    call_url(&k, p.port, "/");
    call_run(&c, &k);
    assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
    assert_int_equal(k.answer.body.n, FETCH_ANSWER_MAX);
    call_stop(&k, &c, &p);
}

static size_t n_taken, n_parts, parts_wanted;

static bool
take_part(struct fetch_request *r, struct str part)
{
    (void)r;
    n_taken += part.n;
    return ++n_parts < parts_wanted;
}

static void
a_body_may_be_taken_in_parts_and_cut_off(void **state)
{
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    start(&k, &c, &p, serve_300k, NULL);
    k.r.on_body = take_part;
    n_taken = n_parts = 0;
    parts_wanted = SIZE_MAX;
    call_run(&c, &k);
    assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
    assert_int_equal(n_taken, 300 * 1024);
    assert_int_equal(k.answer.body.n, 0);
    n_taken = n_parts = 0;
    parts_wanted = 1;
    call_run(&c, &k);
    assert_result(&k, FETCH_UNKNOWN, FETCH_CAUSE_BROKEN, 200);
    assert_int_equal(n_parts, 1);
    assert_text(fetch_answer_header(&k.answer, "Content-Length"), "307200");
    call_stop(&k, &c, &p);
}

static void
only_the_final_head_counts_and_nothing_is_decoded(void **state)
{
    static char text[] =
        "HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nX-A:  1 \r\n"
        "Set-Cookie: a=b\r\nContent-Length: 3\r\n\r\n\x1f\x8bx";
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    start(&k, &c, &p, serve_text, text);
    call_run(&c, &k);
    assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
    assert_text(k.answer.body, "\x1f\x8bx");
    assert_int_equal(k.answer.n_headers, 4);
    assert_text(fetch_answer_header(&k.answer, "x-a"), "1");
    assert_null(fetch_answer_header(&k.answer, "Link").p);
    call_run(&c, &k);
    assert_null(strstr(peer_seen(&p, k.r.arena).p, "ookie"));
    call_stop(&k, &c, &p);
}

static void
a_redirect_is_an_answer(void **state)
{
    struct caller c;
    struct peer p, other;
    struct call k;

    (void)state;
    peer_start(&other, serve_ok);
    peer_start(&p, serve_text);
    caller_start(&c, LOOPBACK);
    call_init(&k);
    p.arg =
        str_cstr(k.r.arena, str_fmt(k.r.arena,
                                    "HTTP/1.1 307 Go\r\nContent-Length: 0\r\n"
                                    "Location: http://127.0.0.1:%d/\r\n\r\n",
                                    other.port));
    call_url(&k, p.port, "/");
    call_run(&c, &k);
    assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 307);
    caller_stop(&c);
    assert_int_equal(other.n_connections, 0);
    peer_stop(&p);
    peer_stop(&other);
    call_fini(&k);
}

static void
an_address_that_is_not_allowed_is_never_called(void **state)
{
    static const char *const hosts[] = {
        "127.0.0.1",       "localhost",    "2130706433",
        "0x7f.1",          "127.1",        "[::ffff:127.0.0.1]",
        "%31%32%37.0.0.1", "017700000001", "0"};
    struct caller c;
    struct peer p;

    (void)state;
    peer_start(&p, serve_ok);
    caller_start(&c, "10.0.0.0/8");
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct call k;

        call_init(&k);
        k.r.url = str_fmt(k.r.arena, "http://%s:%d/", hosts[i], p.port);
        call_run(&c, &k);
        assert_result(&k, FETCH_NOT_SENT, FETCH_CAUSE_EGRESS, 0);
        call_fini(&k);
    }
    caller_stop(&c);
    assert_int_equal(p.n_connections, 0);
    peer_stop(&p);
}

static void
no_environment_leads_calls_elsewhere(void **state)
{
    struct caller c;
    struct peer p, proxy;
    struct call k;
    char url[64];

    (void)state;
    peer_start(&p, serve_ok);
    peer_start(&proxy, serve_ok);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", proxy.port);
    setenv("http_proxy", url, 1);
    setenv("all_proxy", url, 1);
    caller_start(&c, LOOPBACK);
    call_init(&k);
    call_url(&k, p.port, "/");
    call_run(&c, &k);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
    assert_int_equal(proxy.n_connections, 0);
    call_stop(&k, &c, &p);
    peer_stop(&proxy);
}

static void
what_cannot_be_called_is_told_later_and_once(void **state)
{
    static const char *const urls[] = {
        "",
        "nonsense",
        "http://",
        "http://127.0.0.1:0x50/",
        "http://127.0.0.1:99999/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:70/",
        "smtp://127.0.0.1:25/",
        "http://a b/",
        "http://127.0.0.1/\r\nX: y",
        "http://127.0.0.1:22/",
        "http://127.0.0.1:6379/",
    };
    struct fetch_header bad[] = {{STR("X-A"), STR("1\r\nX-B: 2")},
                                 {STR("X A"), STR("1")},
                                 {STR(""), STR("1")},
                                 {STR("X-A:"), STR("1")},
                                 {STR("Host"), STR("other.example")},
                                 {STR("content-length"), STR("0")},
                                 {STR("Transfer-Encoding"), STR("chunked")}};
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    peer_start(&p, serve_ok);
    caller_start(&c, LOOPBACK);
    call_init(&k);
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        k.r.url = str_from(urls[i]);
        call_run(&c, &k);
        assert_result(&k, FETCH_NOT_SENT, FETCH_CAUSE_URL, 0);
    }
    call_url(&k, p.port, "/");
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        k.r.headers = &bad[i];
        k.r.n_headers = 1;
        call_run(&c, &k);
        assert_result(&k, FETCH_NOT_SENT, FETCH_CAUSE_URL, 0);
    }
    k.r.n_headers = 0;
    k.r.method = STR("GET / HTTP/1.1\r\nX:");
    call_run(&c, &k);
    assert_result(&k, FETCH_NOT_SENT, FETCH_CAUSE_URL, 0);
    call_fini(&k);
    caller_stop(&c);
    assert_int_equal(p.n_requests, 0);
    peer_stop(&p);
}

static void
nobody_there_means_surely_not_sent(void **state)
{
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    peer_start(&p, serve_ok);
    peer_stop(&p);
    caller_start(&c, LOOPBACK);
    call_init(&k);
    call_url(&k, p.port, "/");
    call_run(&c, &k);
    assert_result(&k, FETCH_NOT_SENT, FETCH_CAUSE_CONNECT, 0);
    call_fini(&k);
    caller_stop(&c);
}

static void
a_cancelled_call_ends_once_in_a_later_turn(void **state)
{
    static char silence[] = "";
    struct caller c;
    struct peer p;
    struct call k, unsent;

    (void)state;
    peer_start(&p, serve_text_and_hold);
    p.arg = silence;
    caller_start(&c, LOOPBACK);
    call_init(&unsent);
    call_url(&unsent, p.port, "/");
    fetch_start(c.fetch, &unsent.r);
    fetch_cancel(c.fetch, &unsent.r);
    fetch_cancel(c.fetch, &unsent.r);
    assert_int_equal(unsent.n_done, 0);
    call_wait(&c, &unsent);
    assert_result(&unsent, FETCH_NOT_SENT, FETCH_CAUSE_NONE, 0);
    fetch_cancel(c.fetch, &unsent.r); /* too late to matter */
    call_init(&k);
    call_url(&k, p.port, "/");
    fetch_start(c.fetch, &k.r);
    while (p.n_requests == 0)
        loop_turn(c.loop, 5);
    fetch_cancel(c.fetch, &k.r);
    assert_int_equal(k.n_done, 0);
    call_wait(&c, &k);
    assert_result(&k, FETCH_UNKNOWN, FETCH_CAUSE_NONE, 0);
    loop_turn(c.loop, 0);
    assert_int_equal(unsent.n_done, 1);
    call_fini(&k);
    call_fini(&unsent);
    caller_stop(&c);
    peer_stop(&p);
}

static void
free_ends_what_is_left(void **state)
{
    static char silence[] = "";
    struct caller c;
    struct peer p;
    struct call sent, fresh, bad;

    (void)state;
    peer_start(&p, serve_text_and_hold);
    p.arg = silence;
    caller_start(&c, LOOPBACK);
    call_init(&sent);
    call_init(&fresh);
    call_init(&bad);
    call_url(&sent, p.port, "/");
    call_url(&fresh, p.port, "/");
    fetch_start(c.fetch, &sent.r);
    while (p.n_requests == 0)
        loop_turn(c.loop, 5);
    fetch_start(c.fetch, &fresh.r);
    fetch_start(c.fetch, &bad.r);
    caller_stop(&c);
    assert_int_equal(sent.n_done + fresh.n_done + bad.n_done, 3);
    assert_result(&sent, FETCH_UNKNOWN, FETCH_CAUSE_NONE, 0);
    assert_result(&fresh, FETCH_NOT_SENT, FETCH_CAUSE_NONE, 0);
    assert_result(&bad, FETCH_NOT_SENT, FETCH_CAUSE_URL, 0);
    call_fini(&sent);
    call_fini(&fresh);
    call_fini(&bad);
    peer_stop(&p);
}

static void
tls_needs_a_certificate_that_is_trusted(void **state)
{
    char file[] = "/tmp/belfry-fetch-XXXXXX";
    int fd = mkstemp(file);
    struct caller c;
    struct peer p;
    struct call k;

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    peer_start(&p, serve_ok);
    peer_use_tls(&p, file);
    for (int trusted = 0; trusted < 2; trusted++) {
        if (trusted)
            setenv("SSL_CERT_FILE", file, 1);
        caller_start(&c, LOOPBACK);
        call_init(&k);
        k.r.url = str_fmt(k.r.arena, "https://127.0.0.1:%d/", p.port);
        call_run(&c, &k);
        if (trusted)
            assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
        else
            assert_result(&k, FETCH_NOT_SENT, FETCH_CAUSE_TLS, 0);
        /* Trusted, but for another name. */
        k.r.url = str_fmt(k.r.arena, "https://localhost:%d/", p.port);
        call_run(&c, &k);
        assert_result(&k, FETCH_NOT_SENT, FETCH_CAUSE_TLS, 0);
        call_fini(&k);
        caller_stop(&c);
    }
    unsetenv("SSL_CERT_FILE");
    unlink(file);
    assert_int_equal(p.n_requests, 1);
    peer_stop(&p);
}

static void
a_probe_connects_and_sends_nothing(void **state)
{
    struct caller c;
    struct call k, after;
    struct peer p;
    int port;

    (void)state;
    start(&k, &c, &p, serve_ok, NULL);
    port = p.port;
    k.r.is_probe = true;
    call_run(&c, &k);
    assert_result(&k, FETCH_ANSWERED, FETCH_CAUSE_NONE, 0);
    assert_int_equal(peer_seen(&p, k.r.arena).n, 0);
    /* A call after it, on the same handle, is one. */
    call_init(&after);
    call_url(&after, port, "/");
    call_run(&c, &after);
    assert_result(&after, FETCH_ANSWERED, FETCH_CAUSE_NONE, 200);
    assert_int_equal(p.n_connections, 2);
    call_fini(&after);
    call_stop(&k, &c, &p);
    /* Nobody is there any more. */
    caller_start(&c, LOOPBACK);
    call_init(&k);
    call_url(&k, port, "/");
    k.r.is_probe = true;
    call_run(&c, &k);
    assert_result(&k, FETCH_NOT_SENT, FETCH_CAUSE_CONNECT, 0);
    call_fini(&k);
    caller_stop(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_says_what_it_was_given_and_no_more),
        cmocka_unit_test(a_connection_serves_many_calls_of_any_method),
        cmocka_unit_test(many_calls_go_at_once),
        cmocka_unit_test(an_answer_counts_only_when_it_is_whole),
        cmocka_unit_test(no_call_is_repeated_behind_the_callers_back),
        cmocka_unit_test(a_long_body_is_clipped_and_an_endless_one_cut),
        cmocka_unit_test(a_body_may_be_taken_in_parts_and_cut_off),
        cmocka_unit_test(only_the_final_head_counts_and_nothing_is_decoded),
        cmocka_unit_test(a_redirect_is_an_answer),
        cmocka_unit_test(an_address_that_is_not_allowed_is_never_called),
        cmocka_unit_test(no_environment_leads_calls_elsewhere),
        cmocka_unit_test(what_cannot_be_called_is_told_later_and_once),
        cmocka_unit_test(nobody_there_means_surely_not_sent),
        cmocka_unit_test(a_cancelled_call_ends_once_in_a_later_turn),
        cmocka_unit_test(free_ends_what_is_left),
        cmocka_unit_test(tls_needs_a_certificate_that_is_trusted),
        cmocka_unit_test(a_probe_connects_and_sends_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
