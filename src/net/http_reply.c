/* http_reply.c - writing answers: status line, headers, body. */
#include "net/http_conn.h"

#include <assert.h>

static const char *
reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {202, "Accepted"},
        {201, "Created"},
        {204, "No Content"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return ""; /* RFC 9112 section 4: a client ignores it */
}

/* A value may hold what somebody sent: nothing in it can end the line. */
static void
put_value(struct buf *out, struct str value)
{
    buf_reserve(out, value.n);
    for (size_t i = 0; i < value.n; i++) {
        const char c = value.p[i];
        const bool is_control = (unsigned char)c < 0x20 || c == 0x7f;

        out->p[out->n++] = is_control && c != '\t' ? ' ' : c;
    }
}

void
reply_put_header(struct buf *out, struct http_header h)
{
    buf_put_str(out, h.name);
    buf_put_str(out, STR(": "));
    put_value(out, h.value);
    buf_put_str(out, STR("\r\n"));
}

static bool
has_body(int status)
{
    return status != 204 && status != 304;
}

static bool
keeps_alive(const struct http_conn *c, const struct http_response *r)
{
    return !r->closes && !c->must_close && !c->is_half_closed &&
           !c->server->is_draining && head_parser_keeps_alive(&c->work->parser);
}

/* Decides whether the connection lives on. */
void
reply_put_head(struct http_conn *c, const struct http_response *r,
               enum reply_kind kind)
{
    struct http_work *w = c->work;
    struct buf *out = &w->out;

    assert(r->status >= 200 && r->status <= 599);
    buf_reserve(out, 512 + (kind == REPLY_WHOLE ? r->body.n : 0));
    buf_put_str(out, STR("HTTP/1.1 "));
    buf_put_i64(out, r->status);
    buf_put_char(out, ' ');
    buf_put_cstr(out, reason_of(r->status));
    buf_put_str(out, STR("\r\n"));
    buf_put_str(out, server_date_line(c->server));
    for (size_t i = 0; i < r->n_headers; i++)
        reply_put_header(out, r->headers[i]);
    if (kind == REPLY_STREAM && w->parser.minor_version >= 1)
        buf_put_str(out, STR("Transfer-Encoding: chunked\r\n"));
    if (kind == REPLY_WHOLE && has_body(r->status)) {
        buf_put_str(out, STR("Content-Length: "));
        buf_put_i64(out, (int64_t)r->body.n);
        buf_put_str(out, STR("\r\n"));
    }
    if (kind == REPLY_STREAM || !keeps_alive(c, r)) {
        c->must_close = true;
        buf_put_str(out, STR("Connection: close\r\n"));
    } else if (w->parser.minor_version == 0) {
        buf_put_str(out, STR("Connection: keep-alive\r\n"));
    }
    buf_put_str(out, STR("\r\n"));
}

static void
put_response(struct http_conn *c, const struct http_response *r)
{
    const bool is_head = str_is(c->work->request.method, "HEAD");

    reply_put_head(c, r, REPLY_WHOLE);
    if (has_body(r->status) && !is_head)
        buf_put_str(&c->work->out, r->body);
}

/* The bytes behind this request move to the front: the next one is there. */
static void
end_request(struct http_conn *c)
{
    struct http_work *w = c->work;

    memmove(w->in, w->in + w->n_used, w->n_in - w->n_used);
    w->n_in -= w->n_used;
    w->n_used = 0;
    body_reset(w);
    arena_reset(w->arena);
    c->state = CONN_IDLE;
}

void
reply_refuse(struct http_conn *c, enum err e, const char *why)
{
    struct http_server *s = c->server;
    struct buf body = {0};
    struct http_refusal refusal = {
        .err = e,
        .detail = why,
        .arena = c->work->arena,
        .body = &body,
        .headers = {{STR("Content-Type"), STR("application/problem+json")}},
        .n_headers = 1,
    };
    struct http_response r = {.status = err_http_status(e), .closes = true};

    s->handler.on_refusal(s->handler.arg, &refusal);
    r.headers = refusal.headers;
    r.n_headers = refusal.n_headers;
    r.body = buf_str(&body);
    put_response(c, &r);
    buf_fini(&body);
    c->work->n_used = c->work->n_in;
    end_request(c);
}

/* False: there is nobody to answer to. */
static bool
settle(struct http_conn *c)
{
    assert(c->owes_answer);
    c->owes_answer = false;
    if (c->state != CONN_CLOSED)
        return true;
    conn_bury(c);
    return false;
}

static void
go_on(struct http_conn *c)
{
    end_request(c);
    if (c->is_in_handler)
        return;
    conn_flush(c);
    if (c->state == CONN_IDLE &&
        ((c->work && c->work->n_in) || io_has_buffered(c->tls)))
        conn_go_on_later(c);
    conn_update_wants(c);
}

void
http_reply(struct http_exchange *x, const struct http_response *r)
{
    if (!settle(x->conn))
        return;
    put_response(x->conn, r);
    go_on(x->conn);
}

void
reply_head_alone(struct http_exchange *x, const struct http_response *r)
{
    if (!settle(x->conn))
        return;
    reply_put_head(x->conn, r, REPLY_STREAM);
    go_on(x->conn);
}

bool
http_exchange_is_gone(const struct http_exchange *x)
{
    return x->conn->state == CONN_CLOSED || x->conn->is_half_closed;
}
