/* subscriber.c - one open stream: what it is sent, and when it is too slow. */
#include <assert.h>

#include "base/arena.h"
#include "realtime/hub_private.h"

#define DRAIN_AFTER_MIN_MS 2000
#define DRAIN_AFTER_MAX_MS 10000
#define RENEW_AFTER_MAX_MS 1000

/* Keeps the list of those who have not been sent all. */
static void
note_queue(struct subscriber *s)
{
    if (http_stream_queued_frames(s->stream) > 0) {
        if (!list_is_empty(&s->behind))
            return;
        list_append(&s->hub->behind, &s->behind);
        s->behind_ms = loop_now_ms(s->hub->loop);
    } else {
        list_remove(&s->behind);
    }
}

static void
send_frame(struct subscriber *s, struct http_frame *f)
{
    http_stream_send(s->stream, f);
    note_queue(s);
}

void
subscriber_send(struct subscriber *s, struct str text)
{
    struct http_frame *f = http_frame_new(text);

    send_frame(s, f);
    http_frame_put(f);
}

void
subscriber_reset(struct subscriber *s, const char *why)
{
    const struct hub_user *u = s->user;
    struct buf out = {0};

    s->needs_reset = false;
    if (s->rev < u->rev)
        s->rev = u->rev;
    frame_put_reset(&out, why, (struct inbox_cursor){u->epoch, s->rev},
                    u->counts);
    subscriber_send(s, buf_str(&out));
    buf_fini(&out);
}

/* What waits is of no use to one who must read the inbox again. A frame that
 * is half sent stays, and the reset comes after it. */
static void
shed(struct subscriber *s, const char *why)
{
    http_stream_drop_queued(s->stream);
    if (http_stream_queued_frames(s->stream) == 0)
        subscriber_reset(s, why);
    else
        s->needs_reset = true;
    note_queue(s);
}

static bool
fits(const struct subscriber *s, size_t n_bytes, size_t max_bytes,
     size_t max_frames)
{
    return http_stream_queued_frames(s->stream) < max_frames &&
           http_stream_queued_bytes(s->stream) + n_bytes <= max_bytes;
}

/* A batch is committed at once and told within a turn, in which no reader can
 * read: for a while more may wait than for one who is slow. */
static bool
has_room(const struct subscriber *s, size_t n_bytes)
{
    const struct hub_options *o = &s->hub->o;

    if (http_stream_queued_frames(s->stream) == 0 ||
        fits(s, n_bytes, o->queue_bytes, o->queue_frames))
        return true;
    return loop_now_ms(s->hub->loop) - s->behind_ms < o->burst_ms &&
           fits(s, n_bytes, o->burst_bytes, o->burst_frames);
}

void
subscriber_tell(struct subscriber *s, const struct telling *t)
{
    bool is_next;

    if (s->opening) {
        opening_tell(s->opening, t);
        return;
    }
    if (t->is_anew)
        s->rev = -1; /* what it knows is of another row */
    if (t->rev <= s->rev || s->needs_reset)
        return; /* it knows, or will read all of it again */
    is_next = t->rev == s->rev + 1;
    s->rev = t->rev;
    if (!t->frame)
        shed(s, t->why);
    else if (!is_next)
        shed(s, "gap");
    else if (!has_room(s, t->n_bytes))
        shed(s, "overflow");
    else
        send_frame(s, t->frame);
}

void
subscriber_heartbeat(struct subscriber *s)
{
    struct buf out = {0};

    if (http_stream_queued_frames(s->stream) > 0)
        return; /* it has something to read */
    frame_put_heartbeat(&out, s->rev, s->wants_heartbeat_events);
    subscriber_send(s, buf_str(&out));
    buf_fini(&out);
}

static int64_t
return_after_ms(struct hub *h, enum frame_bye why)
{
    if (why == BYE_DRAIN)
        return hub_jitter(h, DRAIN_AFTER_MIN_MS, DRAIN_AFTER_MAX_MS);
    return hub_jitter(h, 0, RENEW_AFTER_MAX_MS);
}

void
subscriber_end(struct subscriber *s, enum frame_bye why)
{
    struct http_stream *stream = s->stream;
    struct buf out = {0};

    frame_put_bye(&out, why, return_after_ms(s->hub, why));
    if (has_room(s, out.n))
        subscriber_send(s, buf_str(&out));
    buf_fini(&out);
    hub_forget(s);
    http_stream_end(stream);
}

/* ---- what the stream says ---- */

static void
on_drain(struct http_stream *stream, void *arg)
{
    struct subscriber *s = arg;

    (void)stream;
    if (s->needs_reset)
        subscriber_reset(s, "overflow");
    note_queue(s);
}

static void
on_close(struct http_stream *stream, void *arg)
{
    struct subscriber *s = arg;

    if (http_stream_queued_frames(stream) > 0)
        metric_add(s->hub->metrics.slow, 1);
    hub_forget(s);
}

struct http_stream_events
subscriber_events(struct subscriber *s)
{
    return (struct http_stream_events){on_drain, on_close, s};
}

void
subscriber_go_live(struct subscriber *s)
{
    struct hub *h = s->hub;
    int64_t left_ms = s->ends_ms - loop_now_ms(h->loop);
    int64_t first_ms = hub_jitter(h, 1, h->o.heartbeat_ms);

    s->opening = NULL;
    wheel_add(s, left_ms < first_ms ? left_ms : first_ms);
}
