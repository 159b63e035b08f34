/* frame.h - what a stream says: text/event-stream blocks (WHATWG HTML 9.2) of
 * an inbox. Pure; every function appends to a buffer. No value can forge a
 * line: data is split where lines end, ids and names are ours. */
#pragma once

#include "app/inbox_json.h"

/* One block. `event` and `id` hold no CR, LF or NUL (asserted). */
void frame_put(struct buf *out, const char *event, struct str id,
               struct str data);
void frame_put_retry(struct buf *out, int64_t ms);

struct frame_hello {
    struct inbox_cursor at; /* what the frames after it follow on */
    int64_t heartbeat_ms, max_age_ms;
    struct inbox_counts counts;
    bool is_resumed;
    int64_t n_missed; /* frames that are replayed after it */
};
void frame_put_hello(struct buf *out, const struct frame_hello *h);
/* item.upsert, item.state or items.state. The arena is for its own use. */
void frame_put_event(struct buf *out, struct arena *a,
                     const struct inbox_names *n, int64_t epoch,
                     const struct inbox_event *e);
/* The reader missed something: it is to read the inbox again. why: "gap" (too
 * far back, or a frame is lost), "epoch", "overflow" (too slow, or too much to
 * replay), "retention". */
void frame_put_reset(struct buf *out, const char *why, struct inbox_cursor at,
                     struct inbox_counts counts);
/* A comment, or an event for readers that cannot see comments. */
void frame_put_heartbeat(struct buf *out, int64_t rev, bool as_event);

enum frame_bye {
    BYE_DRAIN,   /* 4001: the server stops */
    BYE_MAX_AGE, /* 4002: streams are renewed now and then */
    BYE_EXPIRED, /* 4005: the key or token has ended; come with another */
};
void frame_put_bye(struct buf *out, enum frame_bye why, int64_t after_ms);
