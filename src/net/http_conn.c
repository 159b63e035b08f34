/* http_conn.c - the life of a connection: see http_conn.h. */
#include "net/http_conn.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_events(struct loop_fd *f, int events, void *arg);
static void on_timer(struct loop_timer *t);

/* ---- deadlines ---- */

static void
set_timer(struct http_conn *c, int64_t at_ms, int64_t now_ms)
{
    c->timer_at_ms = at_ms;
    loop_timer_set(c->loop, &c->timer, at_ms > now_ms ? at_ms - now_ms : 0,
                   on_timer);
}

/* 0 is none, as in the settings. */
void
conn_set_deadline(struct http_conn *c, int64_t ms_from_now)
{
    const int64_t now_ms = loop_now_ms(c->loop);

    if (ms_from_now <= 0) {
        c->deadline_ms = NO_DEADLINE;
        return;
    }
    c->deadline_ms = now_ms + ms_from_now;
    if (!loop_timer_is_set(&c->timer) || c->timer_at_ms > c->deadline_ms)
        set_timer(c, c->deadline_ms, now_ms);
}

void
conn_go_on_later(struct http_conn *c)
{
    c->must_go_on = true;
    set_timer(c, 0, 0);
}

/* ---- opening and closing ---- */

void
conn_open(struct http_server *s, int fd, const struct ip *from)
{
    struct http_conn *c = xcalloc(1, sizeof *c);

    c->server = s;
    c->loop = s->loop;
    c->fd = fd;
    c->from = *from;
    list_append(&s->conns, &c->link);
    s->n_conns++;
    metric_add(s->connections, 1);
    c->watch = loop_fd_new(s->loop, fd, on_events, c);
    if (s->tls) {
        c->tls = tls_session_new(s->tls, fd);
        c->state = CONN_HANDSHAKE;
        conn_set_deadline(c, s->limits.header_timeout_ms);
    } else {
        c->state = CONN_IDLE;
        conn_set_deadline(c, s->limits.idle_timeout_ms);
    }
    conn_update_wants(c);
}

void
conn_bury(struct http_conn *c)
{
    set_timer(c, 0, 0);
}

/* The descriptor goes now; the rest in the next turn, when no caller further
 * up holds a pointer, and not before an exchange is answered. */
void
conn_close(struct http_conn *c)
{
    if (c->state == CONN_CLOSED)
        return;
    loop_fd_free(c->watch);
    c->watch = NULL;
    tls_session_free(c->tls);
    c->tls = NULL;
    close(c->fd);
    c->fd = -1;
    server_forget(c->server, c);
    loop_timer_clear(c->loop, &c->timer);
    if (!c->owes_answer)
        conn_bury(c);
    c->state = CONN_CLOSED;
}

void
conn_free(struct http_conn *c)
{
    assert(c->state == CONN_CLOSED);
    loop_timer_clear(c->loop, &c->timer);
    list_remove(&c->link);
    if (c->stream)
        stream_fini(c);
    conn_release_work(c);
    free(c);
}

void
conn_release_work(struct http_conn *c)
{
    if (!c->work)
        return;
    server_give_work(c->server, c->work);
    c->work = NULL;
}

/* The answer must survive: closing with unread bytes would reset the
 * connection and take it from the client (RFC 9112 9.6). */
void
conn_linger(struct http_conn *c)
{
    char rest[256];

    conn_release_work(c);
    if (c->tls)
        tls_session_say_bye(c->tls);
    if (c->is_half_closed && recv(c->fd, rest, sizeof rest, MSG_PEEK) <= 0) {
        conn_close(c);
        return;
    }
    shutdown(c->fd, SHUT_WR);
    c->state = CONN_LINGER;
    c->n_discarded = 0;
    conn_set_deadline(c, LINGER_MS);
    conn_update_wants(c);
}

/* ---- what to wait for ---- */

static bool
has_output(const struct http_conn *c)
{
    return c->work && c->work->out.n > c->work->out_sent;
}

static bool
is_clogged(const struct http_conn *c)
{
    return c->work && c->work->out.n - c->work->out_sent > OUT_HIGH;
}

static int
wants_of(const struct http_conn *c)
{
    int wants = has_output(c) || c->wants_write ? LOOP_WRITE : 0;

    switch ((enum conn_state)c->state) {
    case CONN_HANDSHAKE:
        return c->wants_write ? LOOP_WRITE : LOOP_READ;
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_BODY:
        return wants | LOOP_READ | LOOP_HANGUP;
    case CONN_PENDING:
        if (!c->is_half_closed)
            wants |= LOOP_HANGUP | (c->is_read_paused ? 0 : LOOP_READ);
        return wants;
    case CONN_FLUSH:
        return LOOP_WRITE;
    case CONN_STREAM:
        return LOOP_READ | LOOP_HANGUP |
               (stream_wants_write(c) ? LOOP_WRITE : 0);
    case CONN_LINGER:
        return LOOP_READ;
    case CONN_CLOSED:
        break;
    }
    return 0;
}

void
conn_update_wants(struct http_conn *c)
{
    if (c->state != CONN_CLOSED)
        loop_fd_want(c->watch, wants_of(c));
}

/* ---- writing ---- */

static void
send_output(struct http_conn *c)
{
    struct http_work *w = c->work;

    while (w->out_sent < w->out.n) {
        const ssize_t n = io_write(c->fd, c->tls, w->out.p + w->out_sent,
                                   w->out.n - w->out_sent);

        if (n == IO_FAILED) {
            conn_close(c);
            return;
        }
        if (n < 0)
            return;
        w->out_sent += (size_t)n;
        if (c->state == CONN_FLUSH)
            conn_set_deadline(c, c->server->write_timeout_ms);
    }
    if (w->out.cap > KEEP_SIZE)
        buf_fini(&w->out);
    buf_reset(&w->out);
    w->out_sent = 0;
}

/* Send what there is; when all of it is gone after an answer, linger or be
 * ready for the next request. */
void
conn_flush(struct http_conn *c)
{
    const bool is_answered = c->state == CONN_IDLE || c->state == CONN_FLUSH;

    if (c->state == CONN_CLOSED || !c->work)
        return;
    send_output(c);
    if (c->state == CONN_CLOSED || !is_answered)
        return;
    if (has_output(c)) {
        if (c->state == CONN_IDLE) {
            c->state = CONN_FLUSH;
            conn_set_deadline(c, c->server->write_timeout_ms);
        }
        return;
    }
    if (c->must_close || (c->server->is_draining && c->work->n_in == 0)) {
        conn_linger(c);
        return;
    }
    c->state = CONN_IDLE;
    conn_set_deadline(c, c->server->limits.idle_timeout_ms);
    if (c->work->n_in == 0)
        conn_release_work(c);
}

/* ---- a request ---- */

static bool
strip_base_path(const struct http_server *s, struct http_request *r)
{
    const struct str base = str_from(s->base_path);
    struct str rest;

    if (base.n == 0 || str_is(r->path, "*"))
        return true;
    if (!str_starts(r->path, base))
        return false;
    rest = (struct str){r->path.p + base.n, r->path.n - base.n};
    if (rest.n && rest.p[0] != '/')
        return false;
    r->path = rest.n ? rest : STR("/");
    return true;
}

static void
fill_request(struct http_conn *c)
{
    struct http_work *w = c->work;
    struct http_header *headers =
        ARENA_ARRAY(w->arena, struct http_header, w->parser.n_headers);
    struct http_head head;

    head_parser_get(&w->parser, w->in, &head, headers);
    w->request = (struct http_request){
        .arena = w->arena,
        .method = head.method,
        .path = head.path,
        .query = head.query,
        .headers = headers,
        .n_headers = w->parser.n_headers,
        .is_tls = c->tls != NULL,
    };
    http_peer_find(&w->request, &c->server->proxies, &c->from);
}

static void
dispatch(struct http_conn *c)
{
    struct http_server *s = c->server;

    c->state = CONN_PENDING;
    c->deadline_ms = NO_DEADLINE;
    c->is_read_paused = false;
    c->owes_answer = true;
    c->is_in_handler = true;
    s->handler.on_request(s->handler.arg, &c->work->exchange,
                          &c->work->request);
    c->is_in_handler = false;
}

static void
continue_body(struct http_conn *c)
{
    switch (body_progress(c->work)) {
    case HTTP_REFUSED:
        reply_refuse(c, c->work->refused, c->work->why);
        break;
    case HTTP_DONE:
        dispatch(c);
        break;
    case HTTP_DATA:
    case HTTP_MORE:
        break;
    }
}

static void
begin_request(struct http_conn *c)
{
    struct http_server *s = c->server;
    struct http_work *w = c->work;
    enum http_progress progress;

    fill_request(c);
    if (!strip_base_path(s, &w->request)) {
        reply_refuse(c, ERR_NOT_FOUND, "Nothing is served at this path.");
        return;
    }
    w->body_limit = 0;
    if (w->parser.framing != HTTP_NO_BODY)
        w->body_limit = s->handler.body_limit(s->handler.arg, &w->request);
    progress = body_begin(w);
    if (progress == HTTP_REFUSED) {
        reply_refuse(c, w->refused, w->why);
        return;
    }
    if (progress == HTTP_DONE) {
        dispatch(c);
        return;
    }
    c->state = CONN_BODY;
    w->body_began_ms = loop_now_ms(c->loop);
    conn_set_deadline(c, s->limits.body_timeout_ms);
    if (w->parser.expects_continue && w->n_in == w->parser.at && !w->body.n)
        buf_put_str(&w->out, STR("HTTP/1.1 100 Continue\r\n\r\n"));
    continue_body(c);
}

static void
continue_head(struct http_conn *c)
{
    struct http_work *w = c->work;

    switch (head_parser_run(&w->parser, w->in, w->n_in)) {
    case HTTP_REFUSED:
        reply_refuse(c, w->parser.err, w->parser.why);
        break;
    case HTTP_DONE:
        begin_request(c);
        break;
    case HTTP_DATA:
    case HTTP_MORE:
        break;
    }
}

/* One step with the bytes that are there. False: it needs something else. */
static bool
step(struct http_conn *c)
{
    struct http_work *w = c->work;
    const uint8_t before = c->state;

    switch ((enum conn_state)c->state) {
    case CONN_IDLE:
        if (!w || w->n_in == 0 || c->must_close || is_clogged(c))
            return false;
        head_parser_init(&w->parser);
        w->request = (struct http_request){.arena = w->arena};
        c->state = CONN_HEAD;
        conn_set_deadline(c, c->server->limits.header_timeout_ms);
        return true;
    case CONN_HEAD:
        continue_head(c);
        break;
    case CONN_BODY:
        continue_body(c);
        break;
    default:
        return false;
    }
    return c->state != before;
}

/* Take requests from what is there until something is lacking, then send the
 * answers together. */
static void
process(struct http_conn *c)
{
    while (step(c))
        ;
    conn_flush(c);
    /* The socket took what had clogged us: there may be more in hand. */
    if (c->state == CONN_IDLE && c->work && c->work->n_in && !c->must_close)
        conn_go_on_later(c);
    conn_update_wants(c);
}

/* ---- reading ---- */

static void
read_some(struct http_conn *c)
{
    size_t room;
    ssize_t n;
    char *p;

    c->wants_write = false;
    do {
        if (!c->work)
            c->work = server_take_work(c->server);
        c->work->exchange.conn = c;
        if (c->state == CONN_BODY) {
            p = body_room(c->work, &room);
        } else {
            p = c->work->in + c->work->n_in;
            room = IN_SIZE - c->work->n_in;
        }
        if (room == 0)
            break;
        n = io_read(c->fd, c->tls, p, room);
        if (n == 0 || n == IO_FAILED) {
            conn_close(c);
            return;
        }
        if (n < 0) {
            c->wants_write = n == IO_WANTS_WRITE;
            break;
        }
        if (c->state == CONN_BODY)
            body_took(c->work, (size_t)n);
        else
            c->work->n_in += (size_t)n;
        process(c);
    } while (c->state <= CONN_BODY && ((size_t)n == room || c->tls));
    if (c->state == CONN_IDLE && c->work && c->work->n_in == 0 &&
        !has_output(c))
        conn_release_work(c);
    conn_update_wants(c);
}

static void
shake_hands(struct http_conn *c)
{
    const int rc = tls_session_accept(c->tls);

    if (rc == IO_FAILED) {
        conn_close(c);
        return;
    }
    c->wants_write = rc == IO_WANTS_WRITE;
    if (rc != 1) {
        conn_update_wants(c);
        return;
    }
    c->state = CONN_IDLE;
    conn_set_deadline(c, c->server->limits.idle_timeout_ms);
    read_some(c);
}

/* While an answer is owed: pipelined bytes wait in the kernel. The end of the
 * client's sending may be all of it or half of a connection that still wants
 * its answer; only a reset is certain. */
static void
note_departure(struct http_conn *c)
{
    struct pollfd p = {.fd = c->fd};

    c->is_half_closed = true;
    if (poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP))
        conn_close(c);
}

static void
on_pending_events(struct http_conn *c, int events)
{
    if (events & LOOP_READ)
        c->is_read_paused = true;
    if (events & LOOP_HANGUP)
        note_departure(c);
    else if (events & LOOP_WRITE)
        conn_flush(c);
    conn_update_wants(c);
}

static void
discard_some(struct http_conn *c)
{
    char rest[4096];
    const ssize_t n = io_read(c->fd, NULL, rest, sizeof rest);

    if (n > 0)
        c->n_discarded += (size_t)n;
    if (n == 0 || n == IO_FAILED || c->n_discarded > DISCARD_MAX)
        conn_close(c);
}

static void
on_events(struct loop_fd *f, int events, void *arg)
{
    struct http_conn *c = arg;

    (void)f;
    switch ((enum conn_state)c->state) {
    case CONN_HANDSHAKE:
        shake_hands(c);
        break;
    case CONN_IDLE:
    case CONN_HEAD:
    case CONN_BODY:
        if (events & LOOP_WRITE)
            conn_flush(c);
        if (c->state <= CONN_BODY)
            read_some(c);
        break;
    case CONN_PENDING:
        on_pending_events(c, events);
        break;
    case CONN_FLUSH:
        conn_flush(c);
        if (c->state == CONN_IDLE)
            process(c);
        conn_update_wants(c);
        break;
    case CONN_STREAM:
        stream_on_events(c, events);
        break;
    case CONN_LINGER:
        discard_some(c);
        break;
    case CONN_CLOSED:
        break;
    }
}

/* ---- time ---- */

static void
on_deadline(struct http_conn *c, int64_t now_ms)
{
    struct http_work *w = c->work;

    switch ((enum conn_state)c->state) {
    case CONN_HEAD:
        reply_refuse(c, ERR_REQUEST_TIMEOUT, "The headers took too long.");
        break;
    case CONN_BODY:
        if (body_is_fast_enough(w, now_ms - w->body_began_ms)) {
            conn_set_deadline(c, 1000);
            return;
        }
        reply_refuse(c, ERR_REQUEST_TIMEOUT, "The body took too long.");
        break;
    default:
        conn_close(c);
        return;
    }
    conn_flush(c);
    conn_update_wants(c);
}

static void
on_timer(struct loop_timer *t)
{
    struct http_conn *c = CONTAINER_OF(t, struct http_conn, timer);
    const int64_t now_ms = loop_now_ms(c->loop);

    if (c->state == CONN_CLOSED) {
        conn_free(c);
        return;
    }
    if (c->must_go_on) {
        c->must_go_on = false;
        process(c);
        if (c->state <= CONN_BODY && io_has_buffered(c->tls))
            read_some(c);
    } else if (now_ms >= c->deadline_ms) {
        on_deadline(c, now_ms);
    }
    if (c->state != CONN_CLOSED && c->deadline_ms != NO_DEADLINE &&
        !loop_timer_is_set(&c->timer))
        set_timer(c, c->deadline_ms, now_ms);
}
