/* http_test.c - see http_test.h. */
#include "net/http_test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

/* ---- the handler ---- */

static size_t
body_limit(void *arg, const struct http_request *r)
{
    struct fixture *f = arg;

    (void)r;
    return f->body_limit;
}

static void
on_refusal(void *arg, struct http_refusal *r)
{
    struct fixture *f = arg;

    f->n_refusals++;
    f->last_refusal = r->err;
    buf_printf(r->body, "{\"code\":\"%s\",\"detail\":\"%s\"}", err_code(r->err),
               r->detail);
    r->headers[r->n_headers++] = (struct http_header){
        STR("X-Refusal"), str_fmt(r->arena, "%zu", f->n_refusals)};
}

static void
on_drain(struct http_stream *s, void *arg)
{
    struct fixture *f = arg;

    (void)s;
    f->n_drains++;
}

static void
on_close(struct http_stream *s, void *arg)
{
    struct fixture *f = arg;

    assert_ptr_equal(s, f->stream);
    f->n_closes++;
    f->stream = NULL;
}

static void
reply_big(struct http_exchange *x)
{
    static char big[4 << 20];
    const struct http_response r = {.status = 200, .body = {big, sizeof big}};

    memset(big, 'b', sizeof big);
    http_reply(x, &r);
}

static void
start_stream(struct fixture *f, struct http_exchange *x)
{
    const struct http_header type = {STR("Content-Type"),
                                     STR("text/event-stream")};
    const struct http_response head = {
        .status = 200, .headers = &type, .n_headers = 1};
    const struct http_stream_events events = {on_drain, on_close, f};

    f->stream = http_stream_start(x, &head, &events);
}

static void
on_request(void *arg, struct http_exchange *x, const struct http_request *r)
{
    const struct http_header evil = {STR("X-Value"), STR("a\r\nb")};
    struct fixture *f = arg;
    struct http_response answer = {.status = 200,
                                   .headers = &evil,
                                   .n_headers = 1,
                                   .body = r->body.n ? r->body : r->path};

    assert_true(f->n_requests < SEEN_MAX);
    snprintf(f->seen[f->n_requests++], sizeof f->seen[0], "%.*s %.*s?%.*s %.*s",
             STR_ARG(r->method), STR_ARG(r->path), STR_ARG(r->query),
             STR_ARG(r->peer));
    if (str_is(r->path, "/later")) {
        f->later[f->n_later++] = x;
    } else if (str_is(r->path, "/stream")) {
        start_stream(f, x);
    } else if (str_is(r->path, "/big")) {
        reply_big(x);
    } else {
        if (str_is(r->path, "/none"))
            answer.status = 204;
        answer.closes = str_is(r->path, "/close");
        http_reply(x, &answer);
    }
}

/* ---- the server ---- */

void
fixture_start(struct fixture *f)
{
    const struct http_handler h = {f, body_limit, on_request, on_refusal};
    struct http_server_options o;
    const char *why = NULL;

    if (!f->limits.header_timeout_ms)
        f->limits =
            (struct http_limits){5000, 5000, 5000, f->limits.max_connections};
    if (!f->body_limit)
        f->body_limit = 1 << 20;
    o = (struct http_server_options){
        .limits = f->limits,
        .base_path = f->base_path,
        .trusted_proxies = f->proxies,
        .n_trusted_proxies = f->n_proxies,
        .tls_cert_file = f->cert_file,
        .tls_key_file = f->key_file,
    };
    f->loop = loop_new();
    assert_int_equal(http_server_new(f->loop, &o, &h, &f->server, &why),
                     ERR_OK);
    assert_int_equal(http_server_listen(f->server, STR("127.0.0.1:0"), &why),
                     ERR_OK);
    assert_true(http_server_port(f->server) > 0);
}

void
fixture_stop(struct fixture *f)
{
    http_server_free(f->server);
    loop_free(f->loop);
}

/* ---- the client ---- */

void
client_open(struct client *c, struct fixture *f)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port =
                                 htons((uint16_t)http_server_port(f->server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    *c = (struct client){.f = f};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(c->fd >= 0);
    assert_int_equal(connect(c->fd, (struct sockaddr *)&to, sizeof to), 0);
}

void
client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    buf_fini(&c->got);
}

void
client_reset(struct client *c)
{
    const struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    client_close(c);
}

void
client_pump(struct client *c)
{
    ssize_t n;

    do {
        buf_reserve(&c->got, 64 * 1024);
        n = recv(c->fd, c->got.p + c->got.n, c->got.cap - c->got.n,
                 MSG_DONTWAIT);
        if (n > 0)
            c->got.n += (size_t)n;
        if (n == 0)
            c->is_closed = true;
    } while (n > 0);
}

void
client_send_bytes(struct client *c, struct str bytes)
{
    while (bytes.n) {
        const ssize_t n =
            send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n > 0)
            bytes = str_sub(bytes, (size_t)n, bytes.n);
        else if (n < 0 && errno != EAGAIN)
            return; /* the server had enough */
        if (bytes.n)
            loop_turn(c->f->loop, 1);
        client_pump(c);
    }
}

void
client_send(struct client *c, const char *text)
{
    client_send_bytes(c, str_from(text));
}

bool
client_has(struct client *c, const char *text)
{
    client_pump(c);
    return count_of(buf_str(&c->got), text) > 0;
}

void
client_expect(struct client *c, const char *text)
{
    TURN_UNTIL(c->f, client_has(c, text));
}

void
client_expect_close(struct client *c)
{
    TURN_UNTIL(c->f, (client_pump(c), c->is_closed));
}

size_t
count_of(struct str s, const char *text)
{
    const size_t n = strlen(text);
    size_t count = 0;
    const char *at = s.p;

    while (s.n && (at = memmem(at, s.n - (size_t)(at - s.p), text, n))) {
        count++;
        at += n;
    }
    return count;
}
