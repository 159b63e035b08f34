/* loop.c - see loop.h.
 *
 * A turn is: wait for and serve descriptors, signals and the mailbox
 * (uv_run), then fire the timers that are due, then run what was deferred.
 * Timers are in a heap of ours; one uv_timer with an empty callback only ends
 * the wait. Timers fired from within libuv would starve descriptors when one
 * sets itself again with 0 ms.
 *
 * A loop_fd's memory is given back in libuv's close callback: an event for it
 * may still be in libuv's hands when its owner frees it. */
#include "base/loop.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/metrics.h"

#define SIGNALS_MAX 4
#define THREAD_NAME_SIZE 16
#define TIMER_MAX_MS (INT64_MAX / 4)

struct loop_signal {
    uv_signal_t uv;
    void (*cb)(int signum, void *arg); /* NULL: this slot is free */
    void *arg;
};

struct loop {
    uv_loop_t uv;
    uv_async_t mail;  /* wakes for the mailbox and for loop_stop() */
    uv_timer_t alarm; /* ends the wait */
    struct heap timers;
    struct clock *clock; /* NULL: the real time */
    int64_t timer_seq;   /* the order in which equal timers were set */
    struct mailbox box;
    struct mail *deferred, **deferred_last;
    struct loop_signal signals[SIGNALS_MAX];
    atomic_bool must_stop;
    bool is_in_turn;           /* the cached time is fresh */
    struct metric_series *lag; /* NULL: its time is somebody's own */
};

struct loop_fd {
    uv_poll_t uv;
    loop_fd_cb *cb;
    void *arg;
    int want;
    bool is_freed;
};

struct loop_thread {
    pthread_t id;
    struct loop *loop;
    char name[THREAD_NAME_SIZE];
};

static void
must(int rc, const char *what)
{
    if (rc < 0)
        fatal("%s: %s", what, uv_strerror(rc));
}

static void
on_alarm(uv_timer_t *uv)
{
    (void)uv;
}

static void
wake_loop(void *arg)
{
    struct loop *l = arg;

    uv_async_send(&l->mail);
}

static void
run_tasks(struct mail *first)
{
    while (first) {
        struct task *t = CONTAINER_OF(first, struct task, mail);

        first = first->next; /* run() may free the task */
        t->run(t);
    }
}

static void
on_mail(uv_async_t *uv)
{
    struct loop *l = uv->data;

    run_tasks(mailbox_take(&l->box));
}

struct loop *
loop_new(void)
{
    struct loop *l = xcalloc(1, sizeof(*l));

    must(uv_loop_init(&l->uv), "uv_loop_init");
    must(uv_async_init(&l->uv, &l->mail, on_mail), "uv_async_init");
    must(uv_timer_init(&l->uv, &l->alarm), "uv_timer_init");
    l->mail.data = l;
    heap_init(&l->timers);
    mailbox_init(&l->box, wake_loop, l);
    l->deferred_last = &l->deferred;
    return l;
}

static void
on_fd_closed(uv_handle_t *uv)
{
    free(CONTAINER_OF(uv, struct loop_fd, uv));
}

static void
close_left(uv_handle_t *uv, void *arg)
{
    (void)arg;
    if (uv_is_closing(uv))
        return;
    uv_close(uv, uv->type == UV_POLL ? on_fd_closed : NULL);
}

void
loop_free(struct loop *l)
{
    struct heap_node *n;
    int rc;

    if (!l)
        return;
    assert(!l->is_in_turn);
    while ((n = heap_min(&l->timers)) != NULL)
        heap_remove(&l->timers, n);
    uv_walk(&l->uv, close_left, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    rc = uv_loop_close(&l->uv);
    assert(rc == 0);
    mailbox_fini(&l->box);
    heap_fini(&l->timers);
    free(l);
}

int64_t
loop_now_ms(struct loop *l)
{
    if (l->clock)
        return l->clock->mono_ms(l->clock);
    if (!l->is_in_turn)
        uv_update_time(&l->uv);
    return (int64_t)uv_now(&l->uv);
}

void
loop_use_clock(struct loop *l, struct clock *c)
{
    assert(heap_min(&l->timers) == NULL);
    l->clock = c;
}

int64_t
loop_next_ms(struct loop *l)
{
    struct heap_node *n = heap_min(&l->timers);

    return n ? n->key : INT64_MAX;
}

bool
loop_is_idle(struct loop *l)
{
    return !l->deferred && mailbox_is_empty(&l->box);
}

/* Rounded up. */
static int64_t
this_moment_ms(struct loop *l)
{
    if (l->clock)
        return loop_now_ms(l);
    return (int64_t)((uv_hrtime() + 999999) / 1000000);
}

void
loop_timer_set(struct loop *l, struct loop_timer *t, int64_t ms,
               void (*fire)(struct loop_timer *))
{
    loop_timer_clear(l, t);
    t->fire = fire;
    t->node.tie = ++l->timer_seq;
    /* Counted from this very moment and rounded up, not from the start of a
     * turn that may have been long: a timer is never early. */
    if (ms <= 0)
        t->node.key = loop_now_ms(l);
    else
        t->node.key =
            this_moment_ms(l) + (ms < TIMER_MAX_MS ? ms : TIMER_MAX_MS);
    heap_insert(&l->timers, &t->node);
}

void
loop_timer_clear(struct loop *l, struct loop_timer *t)
{
    if (heap_has(&t->node))
        heap_remove(&l->timers, &t->node);
}

bool
loop_timer_is_set(const struct loop_timer *t)
{
    return heap_has(&t->node);
}

/* By the timer that has waited longest. */
static void
count_lag(struct loop *l)
{
    struct heap_node *n = heap_min(&l->timers);

    if (l->lag && n && n->key <= loop_now_ms(l))
        metric_observe_ms(l->lag, loop_now_ms(l) - n->key);
}

static void
name_lag(struct loop *l, const char *name)
{
    if (!l->clock && !l->lag)
        l->lag = metrics_series(METRIC_event_loop_lag_seconds, name);
}

/* Those up to `newest`; what this turn's callbacks set waits for the next. */
static void
fire_timers(struct loop *l, int64_t newest)
{
    struct heap_node *n;

    uv_update_time(&l->uv);
    count_lag(l);
    while ((n = heap_min(&l->timers)) != NULL) {
        struct loop_timer *t = CONTAINER_OF(n, struct loop_timer, node);

        if (n->key > loop_now_ms(l) || n->tie > newest)
            break;
        heap_remove(&l->timers, n);
        t->fire(t);
    }
}

static void
run_deferred(struct loop *l)
{
    struct mail *first = l->deferred;

    l->deferred = NULL;
    l->deferred_last = &l->deferred;
    run_tasks(first);
}

/* How long the wait may be: until the first timer, and at most max_ms where
 * that is >= 0; -1 is for ever. */
static int64_t
wait_ms_of(struct loop *l, int64_t max_ms)
{
    struct heap_node *n = heap_min(&l->timers);
    int64_t ms;

    if (l->deferred || atomic_load(&l->must_stop))
        return 0;
    if (!n)
        return max_ms;
    ms = n->key - loop_now_ms(l);
    if (ms < 0)
        ms = 0;
    if (l->clock && ms > 0) /* waiting does not bring it nearer */
        return max_ms;
    return max_ms >= 0 && max_ms < ms ? max_ms : ms;
}

static void
turn(struct loop *l, int64_t max_wait_ms)
{
    int64_t newest = l->timer_seq;
    int64_t wait_ms;

    assert(!l->is_in_turn);
    l->is_in_turn = true;
    uv_update_time(&l->uv);
    wait_ms = wait_ms_of(l, max_wait_ms);
    /* It repeats: libuv runs due timers before it waits, and one that fell due
     * between the line above and there would leave a wait without an end. */
    if (wait_ms > 0)
        must(uv_timer_start(&l->alarm, on_alarm, (uint64_t)wait_ms, 1),
             "uv_timer_start");
    uv_run(&l->uv, wait_ms == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    uv_timer_stop(&l->alarm);
    fire_timers(l, newest);
    run_deferred(l);
    l->is_in_turn = false;
}

void
loop_turn(struct loop *l, int wait_ms)
{
    turn(l, wait_ms);
}

void
loop_run(struct loop *l)
{
    name_lag(l, "main");
    while (!atomic_exchange(&l->must_stop, false))
        turn(l, -1);
    /* What was posted before the stop has run when this returns. */
    turn(l, 0);
    atomic_store(&l->must_stop, false);
}

void
loop_stop(struct loop *l)
{
    atomic_store(&l->must_stop, true);
    uv_async_send(&l->mail);
}

void
loop_post(struct loop *l, struct task *t)
{
    mailbox_send(&l->box, &t->mail);
}

void
loop_defer(struct loop *l, struct task *t)
{
    t->mail.next = NULL;
    *l->deferred_last = &t->mail;
    l->deferred_last = &t->mail.next;
}

struct loop_fd *
loop_fd_new(struct loop *l, int fd, loop_fd_cb *cb, void *arg)
{
    struct loop_fd *f = xcalloc(1, sizeof(*f));

    f->cb = cb;
    f->arg = arg;
    must(uv_poll_init(&l->uv, &f->uv, fd), "uv_poll_init");
    return f;
}

static void on_fd(uv_poll_t *uv, int status, int uv_events);

static void
start_poll(struct loop_fd *f)
{
    int events = 0;

    if (f->want & LOOP_READ)
        events |= UV_READABLE;
    if (f->want & LOOP_WRITE)
        events |= UV_WRITABLE;
    if (f->want & LOOP_HANGUP)
        events |= UV_DISCONNECT;
    must(uv_poll_start(&f->uv, events, on_fd), "uv_poll_start");
}

/* libuv stops a handle whose descriptor is in error (a reset connection). To
 * its owner that is everything it waits for: the next read or write tells. */
static void
on_fd(uv_poll_t *uv, int status, int uv_events)
{
    struct loop_fd *f = CONTAINER_OF(uv, struct loop_fd, uv);
    int events = 0;

    if (status < 0)
        events = LOOP_READ | LOOP_WRITE | LOOP_HANGUP;
    if (uv_events & UV_READABLE)
        events |= LOOP_READ;
    if (uv_events & UV_WRITABLE)
        events |= LOOP_WRITE;
    if (uv_events & UV_DISCONNECT)
        events |= LOOP_HANGUP;
    events &= f->want;
    if (events)
        f->cb(f, events, f->arg);
    if (status < 0 && f->want && !uv_is_active((uv_handle_t *)uv))
        start_poll(f);
}

void
loop_fd_want(struct loop_fd *f, int events)
{
    assert(!f->is_freed);
    if (events == f->want)
        return;
    f->want = events;
    if (events)
        start_poll(f);
    else
        uv_poll_stop(&f->uv);
}

void
loop_fd_free(struct loop_fd *f)
{
    if (!f)
        return;
    assert(!f->is_freed);
    f->is_freed = true;
    f->want = 0;
    uv_close((uv_handle_t *)&f->uv, on_fd_closed);
}

static void
on_signal(uv_signal_t *uv, int signum)
{
    struct loop_signal *s = CONTAINER_OF(uv, struct loop_signal, uv);

    s->cb(signum, s->arg);
}

void
loop_on_signal(struct loop *l, int signum, void (*cb)(int signum, void *arg),
               void *arg)
{
    struct loop_signal *s;
    int i = 0;

    while (i < SIGNALS_MAX && l->signals[i].cb &&
           l->signals[i].uv.signum != signum)
        i++;
    assert(i < SIGNALS_MAX);
    s = &l->signals[i];
    if (!s->cb) {
        must(uv_signal_init(&l->uv, &s->uv), "uv_signal_init");
        must(uv_signal_start(&s->uv, on_signal, signum), "uv_signal_start");
    }
    s->cb = cb;
    s->arg = arg;
}

static void *
thread_main(void *arg)
{
    struct loop_thread *t = arg;

    pthread_setname_np(pthread_self(), t->name);
    loop_run(t->loop);
    return NULL;
}

/* All but those that a thread brings upon itself: signals are for the thread
 * of main(), and libuv carries them to the loop that asked. */
static void
block_signals(sigset_t *ret_before)
{
    static const int own[] = {SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
                              SIGABRT, SIGTRAP, SIGSYS};
    sigset_t set;

    sigfillset(&set);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        sigdelset(&set, own[i]);
    pthread_sigmask(SIG_SETMASK, &set, ret_before);
}

struct loop_thread *
loop_thread_start(struct loop *l, const char *name)
{
    struct loop_thread *t = xcalloc(1, sizeof(*t));
    size_t n = strlen(name);
    sigset_t before;
    int rc;

    assert(n < THREAD_NAME_SIZE);
    memcpy(t->name, name, n);
    t->loop = l;
    name_lag(l, t->name);
    block_signals(&before);
    rc = pthread_create(&t->id, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        fatal("no thread for %s: %s", name, strerror(rc));
    return t;
}

void
loop_thread_join(struct loop_thread *t)
{
    int rc;

    if (!t)
        return;
    rc = pthread_join(t->id, NULL);
    assert(rc == 0);
    free(t);
}
