/* hub.h - the open streams of one front thread, and what they are told.
 *
 * A subscriber is a user's open stream. It comes in three steps: its place is
 * taken (hub_subscribe), the store is read for what it missed, then on_ready
 * lets its owner start the HTTP stream (subscriber_begin). Commits that come
 * in between wait for it, so that it sees each rev once, in order, or a
 * `reset` that says it must read the inbox again. Whoever reads too slowly is
 * reset rather than waited for.
 *
 * Other processes may commit to the same store. Of those commits only bells
 * come, which may be lost, late, doubled and out of order, and then events of
 * this one's own leave gaps. What is missing is read from the store, and told
 * before what follows it.
 *
 * Everything but hub_notice_make() and hub_post() belongs to the hub's thread.
 */
#pragma once

#include "net/http_server.h"
#include "realtime/hubs.h"

struct hub_options {
    const struct app *app; /* of this thread */
    struct hubs *hubs;     /* of the process */
    /* Other processes write to the store, too, and news of that may be lost:
     * each user's inbox is looked at so often. 0: this one is alone. */
    int64_t recheck_ms;
    /* 0 takes what is in parentheses. */
    int64_t heartbeat_ms;    /* (25 s) */
    int64_t max_age_ms;      /* (30 min); each stream's is within 25 % of it */
    int64_t drain_window_ms; /* (10 s) streams are ended over it, evenly */
    size_t queue_bytes;      /* (64 KiB) that may wait for one reader */
    size_t queue_frames;     /* (256) */
    int64_t burst_ms;        /* (2 s) during which more may: */
    size_t burst_bytes;      /* (4 MiB) */
    size_t burst_frames;     /* (2048; the server closes at 4096) */
    size_t replay_bytes;     /* (1 MiB) that one reader is told again */
    size_t backlog_bytes;    /* (64 MiB) of events that wait to be told */
    int64_t retry_ms;        /* (250 ms) after a read that failed; it doubles */
    int sends_a_turn;        /* (200) */
};

struct hub *hub_new(const struct hub_options *o);
/* Cuts what is open. Nothing is posted to it any more (the store is closed),
 * and its loop does not turn again. */
void hub_free(struct hub *h);
size_t hub_streams(const struct hub *h); /* and those that are being opened */
/* Takes nobody in any more, says bye to all, and calls done (once, in a later
 * turn) when none is left: at once where none is open. */
void hub_drain(struct hub *h, void (*done)(void *arg), void *arg);

/* ---- one stream ---- */

struct subscriber;
struct hub_visit { /* texts are copied */
    int64_t tenant;
    struct str user;
    struct str address;
    struct str last_id; /* Last-Event-ID as sent; empty: from now on */
    int64_t expires_ms; /* wall clock: when the right to read ends; 0: never */
    bool wants_heartbeat_events;
    /* ERR_OK: start the stream with subscriber_events() and hand it to
     * subscriber_begin(), all in this call. Else s is NULL. */
    void (*on_ready)(void *arg, struct subscriber *s, enum err e);
    void *arg;
};
/* ERR_OK: on_ready comes, in a later turn, once. Else it does not, and the
 * refusal is in *ret_why and *ret_retry_after_s. */
enum err hub_subscribe(struct hub *h, const struct hub_visit *v,
                       const char **ret_why,
                       int64_t *ret_retry_after_s) MUST_CHECK;
struct http_stream_events subscriber_events(struct subscriber *s);
/* NULL: the client was gone, and so is s. */
void subscriber_begin(struct subscriber *s, struct http_stream *stream);

/* ---- news ---- */

struct hub_notice;
/* A copy of an inbox notice that can cross threads. Any thread. */
struct hub_notice *hub_notice_make(const struct store_notice *n,
                                   int64_t now_mono_ms);
void hub_post(struct hub *h, struct hub_notice *n); /* any thread; takes it */
