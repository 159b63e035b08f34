#include "base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/list.h"

static int64_t
now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static char order[64];

static void
note(char c)
{
    size_t n = strlen(order);

    assert_true(n + 1 < sizeof(order));
    order[n] = c;
    order[n + 1] = '\0';
}

static int
reset_order(void **state)
{
    (void)state;
    memset(order, 0, sizeof(order));
    return 0;
}

struct alarm {
    struct loop_timer timer;
    struct loop *loop;
    char name;
    int again; /* sets itself so often with 0 ms */
    struct alarm *clears;
    int64_t fired_us;
};

static void
on_alarm(struct loop_timer *t)
{
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);

    note(a->name);
    a->fired_us = now_us();
    assert_false(loop_timer_is_set(t));
    if (a->clears)
        loop_timer_clear(a->loop, &a->clears->timer);
    if (a->again-- > 0)
        loop_timer_set(a->loop, t, 0, on_alarm);
}

/* Turns until `n` notes are there, at most 10 s. */
static void
turn_until(struct loop *l, size_t n)
{
    int64_t until_us = now_us() + 10000000;

    while (strlen(order) < n && now_us() < until_us)
        loop_turn(l, 50);
    assert_int_equal(strlen(order), n);
}

static void
timers_fire_in_order_of_time_then_of_setting(void **state)
{
    struct loop *l = loop_new();
    struct alarm a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'},
                 d = {.name = 'd'};

    (void)state;
    loop_timer_set(l, &a.timer, 15, on_alarm);
    loop_timer_set(l, &b.timer, 3, on_alarm);
    loop_timer_set(l, &c.timer, 0, on_alarm);
    loop_timer_set(l, &d.timer, 0, on_alarm);
    assert_string_equal(order, "");
    turn_until(l, 4);
    assert_string_equal(order, "cdba");
    loop_free(l);
}

static void
timers_go_by_a_clock_that_is_handed_in(void **state)
{
    struct loop *l = loop_new();
    struct alarm a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};
    struct clock_virtual clock;

    (void)state;
    clock_virtual_init(&clock, 1000);
    loop_use_clock(l, &clock.base);
    assert_true(loop_next_ms(l) == INT64_MAX);
    loop_timer_set(l, &a.timer, INT64_C(86400000), on_alarm);
    loop_timer_set(l, &b.timer, 5, on_alarm);
    loop_timer_set(l, &c.timer, 0, on_alarm);
    assert_int_equal(loop_next_ms(l), 1000);
    loop_turn(l, 50);
    assert_string_equal(order, "c");
    loop_turn(l, 20); /* however long: the clock stands still */
    assert_string_equal(order, "c");
    assert_int_equal(loop_next_ms(l), 1005);
    clock.now_ms = 1005;
    assert_int_equal(loop_now_ms(l), 1005);
    loop_turn(l, 50);
    assert_string_equal(order, "cb");
    clock.now_ms += INT64_C(86400000);
    loop_turn(l, 50);
    assert_string_equal(order, "cba");
    loop_free(l);
}

static void
note_task(struct task *t)
{
    (void)t;
    note('t');
}

static void
a_loop_is_idle_when_all_that_was_posted_has_run(void **state)
{
    struct loop *l = loop_new();
    struct task posted = {.run = note_task}, deferred = {.run = note_task};

    (void)state;
    assert_true(loop_is_idle(l));
    loop_post(l, &posted);
    assert_false(loop_is_idle(l));
    loop_turn(l, 50);
    assert_true(loop_is_idle(l));
    loop_defer(l, &deferred);
    assert_false(loop_is_idle(l));
    loop_turn(l, 50);
    assert_true(loop_is_idle(l));
    assert_string_equal(order, "tt");
    loop_free(l);
}

static void
a_timer_is_never_early_also_when_the_turn_was_long(void **state)
{
    struct loop *l = loop_new();
    struct alarm a = {.name = 'a'};
    int64_t set_us;

    (void)state;
    loop_turn(l, 0);
    for (int i = 0; i < 20; i++) {
        int64_t busy_until_us = now_us() + 1700;

        while (now_us() < busy_until_us)
            ;
        reset_order(NULL);
        set_us = now_us();
        loop_timer_set(l, &a.timer, 2, on_alarm);
        turn_until(l, 1);
        assert_true(a.fired_us - set_us >= 2000);
    }
    loop_free(l);
}

static void
a_timer_can_be_moved_and_cleared(void **state)
{
    struct loop *l = loop_new();
    struct alarm a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'};

    (void)state;
    loop_timer_clear(l, &a.timer); /* never set */
    loop_timer_set(l, &a.timer, 0, on_alarm);
    loop_timer_set(l, &b.timer, 1, on_alarm);
    loop_timer_set(l, &c.timer, 0, on_alarm);
    loop_timer_set(l, &a.timer, 10, on_alarm); /* moved, not doubled */
    loop_timer_clear(l, &c.timer);
    assert_false(loop_timer_is_set(&c.timer));
    assert_true(loop_timer_is_set(&a.timer));
    turn_until(l, 2);
    loop_turn(l, 20);
    assert_string_equal(order, "ba");
    loop_free(l);
}

static void
a_callback_may_clear_another_that_is_due(void **state)
{
    struct loop *l = loop_new();
    struct alarm b = {.name = 'b', .loop = l};
    struct alarm a = {.name = 'a', .loop = l, .clears = &b};

    (void)state;
    loop_timer_set(l, &a.timer, 0, on_alarm);
    loop_timer_set(l, &b.timer, 0, on_alarm);
    loop_turn(l, 0);
    loop_turn(l, 5);
    assert_string_equal(order, "a");
    loop_free(l);
}

static void
zero_is_the_next_turn_not_this_one(void **state)
{
    struct loop *l = loop_new();
    struct alarm a = {.name = 'a', .loop = l, .again = 2};

    (void)state;
    loop_timer_set(l, &a.timer, 0, on_alarm);
    loop_turn(l, 0);
    assert_string_equal(order, "a");
    loop_turn(l, 10000); /* does not wait */
    assert_string_equal(order, "aa");
    loop_turn(l, 10000);
    assert_string_equal(order, "aaa");
    assert_false(loop_timer_is_set(&a.timer));
    loop_free(l);
}

static void
the_time_is_read_once_a_turn(void **state)
{
    struct loop *l = loop_new();
    int64_t a = loop_now_ms(l), b;

    (void)state;
    loop_turn(l, 5);
    b = loop_now_ms(l);
    assert_true(b >= a + 4 && b < a + 10000);
    loop_free(l);
}

struct pair {
    int ours, theirs;
    int seen; /* events so far */
    int calls;
    bool must_free;
    struct loop_fd *f;
};

static struct pair
pair_new(void)
{
    struct pair p = {0};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    p.ours = fds[0];
    p.theirs = fds[1];
    return p;
}

static void
on_pair(struct loop_fd *f, int events, void *arg)
{
    struct pair *p = arg;

    assert_ptr_equal(f, p->f);
    p->seen |= events;
    p->calls++;
    if (p->must_free) {
        loop_fd_free(f);
        close(p->ours);
    }
}

static void
only_wanted_events_come_and_they_repeat(void **state)
{
    struct loop *l = loop_new();
    struct pair p = pair_new();
    int64_t before_us;

    (void)state;
    p.f = loop_fd_new(l, p.ours, on_pair, &p);
    assert_int_equal(write(p.theirs, "x", 1), 1);
    loop_turn(l, 5);
    assert_int_equal(p.calls, 0);
    loop_fd_want(p.f, LOOP_READ);
    assert_int_equal(p.calls, 0); /* not before the call returns */
    loop_turn(l, 1000);
    assert_int_equal(p.seen, LOOP_READ);
    loop_turn(l, 1000);
    assert_int_equal(p.calls, 2); /* level-triggered */
    p.seen = 0;
    loop_fd_want(p.f, LOOP_READ | LOOP_WRITE);
    loop_turn(l, 1000);
    assert_int_equal(p.seen, LOOP_READ | LOOP_WRITE);
    loop_fd_want(p.f, 0);
    p.calls = 0;
    before_us = now_us();
    loop_turn(l, 20);
    assert_int_equal(p.calls, 0);
    assert_true(now_us() - before_us >= 15000); /* and it does not spin */
    loop_fd_free(p.f);
    close(p.ours);
    close(p.theirs);
    loop_free(l);
}

static void
a_peer_that_leaves_is_told_to_one_who_only_listens_for_it(void **state)
{
    struct loop *l = loop_new();
    struct pair p = pair_new();

    (void)state;
    p.f = loop_fd_new(l, p.ours, on_pair, &p);
    loop_fd_want(p.f, LOOP_HANGUP);
    assert_int_equal(write(p.theirs, "unread", 6), 6);
    loop_turn(l, 5);
    assert_int_equal(p.calls, 0);
    shutdown(p.theirs, SHUT_WR);
    loop_turn(l, 1000);
    assert_int_equal(p.seen, LOOP_HANGUP);
    close(p.theirs);
    p.seen = 0;
    loop_turn(l, 1000);
    assert_int_equal(p.seen, LOOP_HANGUP);
    loop_fd_free(p.f);
    close(p.ours);
    loop_free(l);
}

/* A TCP connection over loopback. */
static struct pair
tcp_pair_new(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct pair p = {.theirs = socket(AF_INET, SOCK_STREAM, 0)};

    assert_int_equal(bind(listener, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &n), 0);
    assert_int_equal(connect(p.theirs, (struct sockaddr *)&at, n), 0);
    p.ours = accept(listener, NULL, NULL);
    assert_true(p.ours >= 0);
    close(listener);
    return p;
}

static void
a_reset_connection_is_told_and_stays_told(void **state)
{
    static const int wants[] = {LOOP_HANGUP, LOOP_READ, LOOP_WRITE};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct linger reset = {.l_onoff = 1, .l_linger = 0};
        struct loop *l = loop_new();
        struct pair p = tcp_pair_new();

        p.f = loop_fd_new(l, p.ours, on_pair, &p);
        setsockopt(p.theirs, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
        close(p.theirs);
        loop_fd_want(p.f, wants[i]);
        loop_turn(l, 1000);
        assert_int_equal(p.seen, wants[i]);
        loop_turn(l, 1000);
        assert_int_equal(p.calls, 2);
        p.must_free = true; /* in the callback of a descriptor in error */
        loop_turn(l, 1000);
        assert_int_equal(p.calls, 3);
        loop_turn(l, 1);
        loop_free(l);
    }
}

static struct pair *victim;

static void
on_murder(struct loop_fd *f, int events, void *arg)
{
    (void)arg;
    (void)events;
    note('m');
    loop_fd_free(f);
    if (victim) {
        loop_fd_free(victim->f);
        close(victim->ours);
        victim = NULL;
    }
}

/* Both are ready in one wait; whichever comes first frees the other, and the
 * number is used again at once. */
static void
no_event_comes_after_free_also_if_it_was_ready(void **state)
{
    struct loop *l = loop_new();
    struct pair a = pair_new(), b = pair_new(), c = pair_new();
    struct loop_fd *murderer;
    int old = b.ours;

    (void)state;
    b.f = loop_fd_new(l, b.ours, on_pair, &b);
    murderer = loop_fd_new(l, a.ours, on_murder, NULL);
    loop_fd_want(murderer, LOOP_READ);
    loop_fd_want(b.f, LOOP_READ);
    victim = &b;
    assert_int_equal(write(a.theirs, "x", 1), 1);
    assert_int_equal(write(b.theirs, "x", 1), 1);
    loop_turn(l, 1000);
    assert_string_equal(order, "m");
    assert_in_range(b.calls, 0, 1); /* before its murder, perhaps */
    b.calls = 0;
    assert_int_equal(dup2(c.ours, old), old);
    c.f = loop_fd_new(l, old, on_pair, &c);
    loop_fd_want(c.f, LOOP_READ);
    assert_int_equal(write(c.theirs, "x", 1), 1);
    loop_turn(l, 1000);
    loop_turn(l, 1000);
    assert_int_equal(b.calls, 0);
    assert_true(c.calls >= 1);
    loop_free(l); /* closes what is left: c.f */
    for (int i = 0; i < 2; i++)
        close((int[]){a.ours, old}[i]);
    close(a.theirs);
    close(b.theirs);
    close(c.ours);
    close(c.theirs);
}

static void
a_pipe_whose_reader_left_is_told_to_the_writer(void **state)
{
    struct loop *l = loop_new();
    struct pair p = {0};
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    p.ours = fds[1];
    p.f = loop_fd_new(l, p.ours, on_pair, &p);
    loop_fd_want(p.f, LOOP_HANGUP);
    loop_turn(l, 5);
    assert_int_equal(p.calls, 0);
    close(fds[0]);
    loop_turn(l, 1000);
    assert_int_equal(p.seen, LOOP_HANGUP);
    loop_fd_free(p.f);
    close(p.ours);
    loop_free(l);
}

struct job {
    struct task task;
    struct loop *loop;
    char name;
    int again;
    bool must_post, must_stop;
};

static void
run_job(struct task *t)
{
    struct job *j = CONTAINER_OF(t, struct job, task);

    note(j->name);
    memset(&t->mail, 0xff, sizeof(t->mail)); /* it is the runner's now */
    if (j->again-- > 0) {
        if (j->must_post)
            loop_post(j->loop, t);
        else
            loop_defer(j->loop, t);
    }
    if (j->must_stop)
        loop_stop(j->loop);
}

static void
deferred_work_runs_at_the_end_and_new_work_next_turn(void **state)
{
    struct loop *l = loop_new();
    struct job d = {{.run = run_job}, l, 'd', .again = 1};
    struct job e = {{.run = run_job}, l, 'e', .again = 0};
    struct alarm a = {.name = 'a'};
    struct job p = {{.run = run_job}, l, 'p', .again = 1, .must_post = true};

    (void)state;
    loop_defer(l, &d.task);
    loop_defer(l, &e.task);
    loop_post(l, &p.task);
    loop_timer_set(l, &a.timer, 0, on_alarm);
    assert_string_equal(order, "");
    loop_turn(l, 10000);
    assert_string_equal(order, "pade");
    loop_turn(l, 10000);
    assert_string_equal(order, "padepd");
    loop_turn(l, 0);
    assert_string_equal(order, "padepd");
    loop_free(l);
}

#define POSTS 20000
static int posted_sum; /* of the loop's thread */

struct number {
    struct task task;
    int n;
};

static struct number numbers[2][POSTS];

static void
add_number(struct task *t)
{
    posted_sum += CONTAINER_OF(t, struct number, task)->n;
}

static void *
post_numbers(void *arg)
{
    struct loop *l = arg;
    static atomic_int which;
    int mine = atomic_fetch_add(&which, 1);

    for (int i = 0; i < POSTS; i++) {
        numbers[mine][i] = (struct number){{.run = add_number}, 1};
        loop_post(l, &numbers[mine][i].task);
    }
    return NULL;
}

static void
posts_from_other_threads_all_run_before_the_stop(void **state)
{
    struct loop *l = loop_new();
    struct loop_thread *t = loop_thread_start(l, "poster-test");
    pthread_t senders[2];

    (void)state;
    for (int i = 0; i < 2; i++)
        pthread_create(&senders[i], NULL, post_numbers, l);
    for (int i = 0; i < 2; i++)
        pthread_join(senders[i], NULL);
    loop_stop(l);
    loop_thread_join(t);
    assert_int_equal(posted_sum, 2 * POSTS);
    loop_free(l);
}

static void
deferred_work_does_not_wait_for_events(void **state)
{
    struct loop *l = loop_new();
    struct job d = {{.run = run_job}, l, 'd', .again = 1};
    int64_t before_us = now_us();

    (void)state;
    loop_defer(l, &d.task);
    loop_turn(l, 20000);
    loop_turn(l, 20000);
    assert_string_equal(order, "dd");
    assert_true(now_us() - before_us < 15000000);
    loop_free(l);
}

static void
what_was_posted_before_a_stop_runs(void **state)
{
    struct loop *l = loop_new();
    struct job j = {{.run = run_job}, l, 'j'};

    (void)state;
    loop_post(l, &j.task);
    loop_stop(l);
    loop_run(l);
    assert_string_equal(order, "j");
    loop_free(l);
}

static void
a_stop_before_the_run_ends_it_and_is_used_up(void **state)
{
    struct loop *l = loop_new();
    struct job j = {{.run = run_job}, l, 'j', .must_stop = true};

    (void)state;
    loop_stop(l);
    loop_run(l);
    assert_string_equal(order, "");
    loop_post(l, &j.task);
    loop_run(l);
    assert_string_equal(order, "j");
    loop_free(l);
}

struct thread_view {
    struct task task;
    struct loop *loop;
    char name[32];
    sigset_t blocked;
};

static void
look_around(struct task *t)
{
    struct thread_view *v = CONTAINER_OF(t, struct thread_view, task);

    pthread_getname_np(pthread_self(), v->name, sizeof(v->name));
    pthread_sigmask(SIG_SETMASK, NULL, &v->blocked);
    loop_stop(v->loop);
}

static void
a_loop_thread_has_its_name_and_leaves_signals_to_main(void **state)
{
    struct loop *l = loop_new();
    struct thread_view v = {{.run = look_around}, l};
    struct loop_thread *t;
    sigset_t ours;

    (void)state;
    loop_post(l, &v.task);
    t = loop_thread_start(l, "belfry-http-63");
    loop_thread_join(t);
    assert_string_equal(v.name, "belfry-http-63");
    assert_true(sigismember(&v.blocked, SIGTERM));
    assert_true(sigismember(&v.blocked, SIGUSR1));
    assert_false(sigismember(&v.blocked, SIGSEGV));
    pthread_sigmask(SIG_SETMASK, NULL, &ours);
    assert_false(sigismember(&ours, SIGTERM));
    loop_free(l);
}

static void
on_signal(int signum, void *arg)
{
    note(signum == SIGHUP ? 'h' : signum == SIGTERM ? 't' : '?');
    assert_string_equal(arg, "arg");
}

static void
signals_come_to_the_loop_that_asked(void **state)
{
    struct loop *l = loop_new();
    char arg[] = "arg";

    (void)state;
    loop_on_signal(l, SIGHUP, on_signal, arg);
    loop_on_signal(l, SIGTERM, on_signal, arg);
    raise(SIGHUP);
    turn_until(l, 1);
    raise(SIGTERM);
    turn_until(l, 2);
    assert_string_equal(order, "ht");
    loop_free(l);
}

/* A processor that is taken away for a while, at any moment. */
static void
stall(int signum)
{
    int64_t end_us = now_us() + 1500;

    (void)signum;
    while (now_us() < end_us)
        continue;
}

static void
a_short_wait_ends_also_when_the_thread_is_held_up(void **state)
{
    struct itimerval once = {.it_value = {.tv_usec = 1}};
    struct loop *l = loop_new();

    (void)state;
    signal(SIGALRM, stall);
    for (int i = 0; i < 400; i++) {
        once.it_value.tv_usec = 1 + i % 40;
        assert_int_equal(setitimer(ITIMER_REAL, &once, NULL), 0);
        loop_turn(l, 1); /* a wait without an end shows as a time-out */
    }
    signal(SIGALRM, SIG_DFL);
    loop_free(l);
}

int
main(void)
{
#define T(f) cmocka_unit_test_setup(f, reset_order)
    const struct CMUnitTest tests[] = {
        T(timers_fire_in_order_of_time_then_of_setting),
        T(timers_go_by_a_clock_that_is_handed_in),
        T(a_loop_is_idle_when_all_that_was_posted_has_run),
        T(a_timer_is_never_early_also_when_the_turn_was_long),
        T(a_timer_can_be_moved_and_cleared),
        T(a_callback_may_clear_another_that_is_due),
        T(zero_is_the_next_turn_not_this_one),
        T(the_time_is_read_once_a_turn),
        T(only_wanted_events_come_and_they_repeat),
        T(a_peer_that_leaves_is_told_to_one_who_only_listens_for_it),
        T(a_reset_connection_is_told_and_stays_told),
        T(no_event_comes_after_free_also_if_it_was_ready),
        T(a_pipe_whose_reader_left_is_told_to_the_writer),
        T(deferred_work_runs_at_the_end_and_new_work_next_turn),
        T(posts_from_other_threads_all_run_before_the_stop),
        T(deferred_work_does_not_wait_for_events),
        T(what_was_posted_before_a_stop_runs),
        T(a_stop_before_the_run_ends_it_and_is_used_up),
        T(a_loop_thread_has_its_name_and_leaves_signals_to_main),
        T(signals_come_to_the_loop_that_asked),
        T(a_short_wait_ends_also_when_the_thread_is_held_up),
    };

    return cmocka_run_group_tests_name("base/loop", tests, NULL, NULL);
}
