/* loop.h - one event loop for one thread. libuv is behind this file and
 * nowhere else.
 *
 * Everything but loop_post() and loop_stop() belongs to the loop's thread.
 * Callbacks never run before the call that asked for them returns. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/mailbox.h"

struct clock;
struct loop;

struct loop *loop_new(void);
void loop_free(struct loop *l); /* not running; closes what is left */
void loop_run(struct loop *l);  /* until loop_stop(); what was posted before
                                   the stop has run when it returns */
void loop_stop(struct loop *l); /* any thread */
/* One turn: wait at most wait_ms, run what is due. For tests. */
void loop_turn(struct loop *l, int wait_ms);
/* Monotonic milliseconds, read once a turn. */
int64_t loop_now_ms(struct loop *l);
/* Timers go by this clock's mono_ms, which ends no wait: who moves it turns
 * the loop. For who owns the time; before anything is set. */
void loop_use_clock(struct loop *l, struct clock *c);
/* When the first timer is due, as loop_now_ms() tells it; INT64_MAX: none. */
int64_t loop_next_ms(struct loop *l);
/* Nothing was posted or deferred that has not run. */
bool loop_is_idle(struct loop *l);

/* A timer is embedded by its owner and fires once. */
struct loop_timer {
    struct heap_node node; /* private */
    void (*fire)(struct loop_timer *t);
};
/* Sets or moves it; ms from now, 0 = next turn. */
void loop_timer_set(struct loop *l, struct loop_timer *t, int64_t ms,
                    void (*fire)(struct loop_timer *));
void loop_timer_clear(struct loop *l, struct loop_timer *t); /* also if unset */
bool loop_timer_is_set(const struct loop_timer *t);

/* Watching a descriptor (level-triggered: also LOOP_HANGUP repeats until it
 * is no longer wanted). An error on it comes as everything that is wanted. */
enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 };
struct loop_fd;
typedef void loop_fd_cb(struct loop_fd *f, int events, void *arg);
/* The descriptor becomes non-blocking; what cannot be polled is fatal. */
struct loop_fd *loop_fd_new(struct loop *l, int fd, loop_fd_cb *cb, void *arg);
void loop_fd_want(struct loop_fd *f, int events); /* 0: nothing */
/* Stops watching; the descriptor stays open and may be closed after this
 * returns. No callback comes any more. */
void loop_fd_free(struct loop_fd *f);

/* Work for a loop. run() owns the task. */
struct task {
    struct mail mail; /* private */
    void (*run)(struct task *t);
};
void loop_post(struct loop *l, struct task *t);  /* any thread */
void loop_defer(struct loop *l, struct task *t); /* end of this turn; own
                                                    thread only */

/* SIGTERM, SIGINT, SIGHUP on this loop; others are left alone. */
void loop_on_signal(struct loop *l, int signum,
                    void (*cb)(int signum, void *arg), void *arg);

/* A named thread that runs a loop. */
struct loop_thread;
struct loop_thread *loop_thread_start(struct loop *l, const char *name);
void loop_thread_join(struct loop_thread *t); /* after loop_stop(l) */
