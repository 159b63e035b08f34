/* http_stream.c - answers without an end, and the frames they share.
 *
 * A frame is framed for HTTP/1.1 once, whoever gets it; HTTP/1.0 gets the
 * middle of it. A stream holds pointers to frames that the socket did not
 * take yet, in a ring that is there only while there are any. */
#include "net/http_conn.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>

enum { QUEUE_MIN = 8, QUEUE_FRAMES_MAX = 4096, QUEUE_BYTES_MAX = 16 << 20 };
enum { IOVECS = 16 };

struct http_frame {
    atomic_uint refs;
    unsigned n_before, n_after; /* framing around the payload */
    size_t n;                   /* all of it */
    char bytes[];
};

struct http_stream {
    struct http_conn *conn;
    struct http_stream_events events;
    struct http_frame **ring; /* NULL: nothing is queued */
    unsigned ring_cap, first, n_queued;
    bool is_raw;    /* HTTP/1.0: no chunks */
    bool has_owner; /* not ended by it */
    size_t n_sent;  /* of the first frame */
    size_t n_queued_bytes;
};

/* ---- frames ---- */

static struct http_frame *
frame_new(struct str before, struct str payload, struct str after)
{
    const size_t n = before.n + payload.n + after.n;
    struct http_frame *f = xmalloc(sizeof *f + n);

    atomic_init(&f->refs, 1);
    f->n_before = (unsigned)before.n;
    f->n_after = (unsigned)after.n;
    f->n = n;
    memcpy(f->bytes, before.p, before.n);
    memcpy(f->bytes + before.n, payload.p, payload.n);
    memcpy(f->bytes + before.n + payload.n, after.p, after.n);
    return f;
}

struct http_frame *
http_frame_new(struct str payload)
{
    char size[24];
    const int n = snprintf(size, sizeof size, "%zx\r\n", payload.n);

    assert(payload.n > 0); /* an empty chunk would end the stream */
    return frame_new((struct str){size, (size_t)n}, payload, STR("\r\n"));
}

struct http_frame *
http_frame_get(struct http_frame *f)
{
    atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
    return f;
}

void
http_frame_put(struct http_frame *f)
{
    if (f && atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) == 1)
        free(f);
}

/* What of it this stream sends. */
static struct str
frame_text(const struct http_frame *f, const struct http_stream *s)
{
    if (s->is_raw)
        return (struct str){f->bytes + f->n_before,
                            f->n - f->n_before - f->n_after};
    return (struct str){f->bytes, f->n};
}

/* ---- the queue ---- */

static struct http_frame *
queued_at(const struct http_stream *s, unsigned i)
{
    return s->ring[(s->first + i) % s->ring_cap];
}

static void
grow_ring(struct http_stream *s)
{
    const unsigned cap = s->ring_cap ? s->ring_cap * 2 : QUEUE_MIN;
    struct http_frame **ring = xcalloc(cap, sizeof(struct http_frame *));

    for (unsigned i = 0; i < s->n_queued; i++)
        ring[i] = queued_at(s, i);
    free(s->ring);
    s->ring = ring;
    s->ring_cap = cap;
    s->first = 0;
}

/* Takes the reference. */
static void
enqueue(struct http_stream *s, struct http_frame *f)
{
    if (s->n_queued == s->ring_cap)
        grow_ring(s);
    s->ring[(s->first + s->n_queued++) % s->ring_cap] = f;
    s->n_queued_bytes += frame_text(f, s).n;
}

static void
drop_ring(struct http_stream *s)
{
    free(s->ring);
    s->ring = NULL;
    s->ring_cap = s->first = 0;
}

static void
dequeue(struct http_stream *s)
{
    struct http_frame *f = queued_at(s, 0);

    s->first = (s->first + 1) % s->ring_cap;
    s->n_queued--;
    s->n_sent = 0;
    http_frame_put(f);
    if (s->n_queued == 0)
        drop_ring(s);
}

static void
note_sent(struct http_stream *s, size_t n)
{
    s->n_queued_bytes -= n;
    while (n) {
        size_t left;

        assert(s->n_queued > 0); /* n is within n_queued_bytes */
        left = frame_text(queued_at(s, 0), s).n - s->n_sent;

        if (n < left) {
            s->n_sent += n;
            return;
        }
        n -= left;
        dequeue(s);
    }
}

/* ---- sending ---- */

static ssize_t
write_queue(struct http_stream *s)
{
    struct http_conn *c = s->conn;
    struct iovec parts[IOVECS];
    int n_parts = 0;

    for (unsigned i = 0; i < s->n_queued && i < IOVECS; i++) {
        const struct str text = frame_text(queued_at(s, i), s);
        const size_t from = i == 0 ? s->n_sent : 0;
        const char *p = text.p + from;

        if (c->tls)
            return io_write(c->fd, c->tls, p, text.n - from);
        memcpy(&parts[i].iov_base, &p, sizeof p); /* not const there */
        parts[i].iov_len = text.n - from;
        n_parts++;
    }
    return io_write_parts(c->fd, parts, n_parts);
}

/* As much as the socket takes. False: the connection is broken. */
static bool
flush_queue(struct http_stream *s)
{
    while (s->n_queued) {
        const ssize_t n = write_queue(s);

        if (n == IO_FAILED) {
            conn_close(s->conn);
            return false;
        }
        if (n < 0)
            break;
        note_sent(s, (size_t)n);
        conn_set_deadline(s->conn, s->conn->server->write_timeout_ms);
    }
    if (s->n_queued == 0)
        s->conn->deadline_ms = NO_DEADLINE;
    return true;
}

bool
stream_wants_write(const struct http_conn *c)
{
    return c->stream->n_queued > 0;
}

bool
stream_holds_memory(const struct http_stream *s)
{
    return s->ring != NULL;
}

/* It was ended and all of it is sent. */
static void
finish(struct http_stream *s)
{
    struct http_conn *c = s->conn;

    c->stream = NULL;
    free(s);
    conn_linger(c);
}

static void
on_writable(struct http_conn *c)
{
    struct http_stream *s = c->stream;
    const bool was_queued = s->n_queued > 0;

    if (!flush_queue(s) || s->n_queued || !was_queued)
        return;
    if (!s->has_owner)
        finish(s);
    else if (s->events.on_drain)
        s->events.on_drain(s, s->events.arg);
}

/* A stream's client has nothing to say. */
static void
throw_away(struct http_conn *c)
{
    char rest[1024];
    const ssize_t n = io_read(c->fd, c->tls, rest, sizeof rest);

    if (n > 0)
        c->n_discarded += (size_t)n;
    if (n == 0 || n == IO_FAILED || c->n_discarded > STREAM_DISCARD_MAX)
        conn_close(c);
}

void
stream_on_events(struct http_conn *c, int events)
{
    if (events & (LOOP_READ | LOOP_HANGUP))
        throw_away(c);
    if (c->state == CONN_STREAM && events & LOOP_HANGUP)
        conn_close(c);
    if (c->state == CONN_STREAM && events & LOOP_WRITE)
        on_writable(c);
    conn_update_wants(c);
}

/* The connection is closed and about to be freed. */
void
stream_fini(struct http_conn *c)
{
    struct http_stream *s = c->stream;

    c->stream = NULL;
    if (s->has_owner && s->events.on_close)
        s->events.on_close(s, s->events.arg);
    while (s->n_queued)
        dequeue(s);
    free(s);
}

/* ---- what the owner calls ---- */

/* What the socket does not take of the head goes into the queue, so that an
 * idle stream needs no other buffer. */
static void
send_head(struct http_stream *s, const struct buf *out, size_t n_sent)
{
    struct http_frame *f = frame_new(
        STR(""), (struct str){out->p + n_sent, out->n - n_sent}, STR(""));

    enqueue(s, f);
    if (flush_queue(s) && s->n_queued)
        conn_set_deadline(s->conn, s->conn->server->write_timeout_ms);
}

struct http_stream *
http_stream_start(struct http_exchange *x, const struct http_response *head,
                  const struct http_stream_events *ev)
{
    struct http_conn *c = x->conn;
    struct http_work *w = c->work;
    struct http_stream *s;

    if (http_exchange_is_gone(x) || str_is(w->request.method, "HEAD")) {
        reply_head_alone(x, head);
        return NULL;
    }
    assert(c->owes_answer);
    c->owes_answer = false;
    s = xcalloc(1, sizeof *s);
    s->conn = c;
    s->events = *ev;
    s->has_owner = true;
    s->is_raw = w->parser.minor_version == 0;
    c->stream = s;
    c->state = CONN_STREAM;
    c->n_discarded = 0;
    reply_put_head(c, head, REPLY_STREAM);
    send_head(s, &w->out, w->out_sent);
    conn_release_work(c);
    conn_update_wants(c);
    return s;
}

static bool
is_too_slow(const struct http_stream *s)
{
    return s->n_queued > QUEUE_FRAMES_MAX ||
           s->n_queued_bytes > QUEUE_BYTES_MAX;
}

/* Takes the reference. Most frames go out whole and touch no queue. */
static void
queue_and_send(struct http_stream *s, struct http_frame *f)
{
    struct http_conn *c = s->conn;
    const struct str text = frame_text(f, s);
    ssize_t n = 0;

    if (s->n_queued == 0) {
        n = io_write(c->fd, c->tls, text.p, text.n);
        if (n == (ssize_t)text.n) {
            http_frame_put(f);
            return;
        }
        conn_set_deadline(c, c->server->write_timeout_ms);
    }
    enqueue(s, f);
    if (n > 0)
        note_sent(s, (size_t)n);
    if (n == IO_FAILED || is_too_slow(s))
        conn_close(c);
    conn_update_wants(c);
}

void
http_stream_send(struct http_stream *s, struct http_frame *f)
{
    assert(s->has_owner);
    if (s->conn->state == CONN_STREAM)
        queue_and_send(s, http_frame_get(f));
}

size_t
http_stream_queued_bytes(const struct http_stream *s)
{
    return s->n_queued_bytes;
}

size_t
http_stream_queued_frames(const struct http_stream *s)
{
    return s->n_queued;
}

/* The first one stays if it is begun, or is the rest of the head. */
void
http_stream_drop_queued(struct http_stream *s)
{
    unsigned keep = 0;

    /* Under TLS it may be encrypted already, even if no byte went out. */
    if (s->n_queued &&
        (s->n_sent || s->conn->tls || queued_at(s, 0)->n_before == 0))
        keep = 1;
    while (s->n_queued > keep) {
        struct http_frame *f = queued_at(s, s->n_queued - 1);

        s->n_queued--;
        s->n_queued_bytes -= frame_text(f, s).n;
        http_frame_put(f);
    }
    if (s->n_queued == 0)
        drop_ring(s);
    conn_update_wants(s->conn);
}

void
http_stream_end(struct http_stream *s)
{
    struct http_conn *c = s->conn;

    assert(s->has_owner);
    s->has_owner = false;
    if (c->state != CONN_STREAM)
        return;
    if (!s->is_raw)
        queue_and_send(s, frame_new(STR(""), STR("0\r\n\r\n"), STR("")));
    if (c->state == CONN_STREAM && s->n_queued == 0)
        finish(s);
}
