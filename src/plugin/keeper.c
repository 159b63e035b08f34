/* keeper.c - see keeper.h. */
#include "plugin/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/health.h"
#include "base/log.h"
#include "plugin/child.h"
#include "plugin/codec.h"
#include "plugin/file.h"
#include "plugin/guest.h"

#define READ_CHUNK (64 * 1024)

static void pump(struct keeper *k);
static void fail(struct keeper *k, const char *why);

/* ---- jobs ---- */

static void
end_job(struct job *j, enum job_end end, const char *why)
{
    j->end = end;
    snprintf(j->why, sizeof(j->why), "%s", why);
    j->on_end(j);
}

static void
add_to_queue(struct keeper *k, struct job *j, bool is_next)
{
    if (is_next)
        list_prepend(&k->queue, &j->link);
    else
        list_append(&k->queue, &j->link);
    k->n_queued++;
    k->n_queued_bytes += j->frame.n;
}

static void
take_off_queue(struct keeper *k, struct job *j)
{
    list_remove(&j->link);
    k->n_queued--;
    k->n_queued_bytes -= j->frame.n;
}

static void
end_queued(struct keeper *k, const char *why, bool is_all)
{
    LIST_EACH(it, &k->queue)
    {
        struct job *j = CONTAINER_OF(it, struct job, link);

        if (j->has_answer && !is_all)
            continue;
        take_off_queue(k, j);
        end_job(j, JOB_DOWN, why);
    }
}

/* The child ended with it in hand. */
static void
blame(struct keeper *k, const char *why)
{
    struct job *j = k->current;
    int n;

    k->current = NULL;
    if (!j)
        return;
    n = blame_add(&k->blame, str_from(j->key), loop_now_ms(k->options.loop));
    if (n >= BLAME_LIMIT) {
        LOG_ERROR("plugin.gave_up", log_cstr("plugin", k->options.name),
                  log_cstr("id", j->key), log_cstr("why", why));
        blame_clear(&k->blame, str_from(j->key));
        end_job(j, JOB_GIVEN_UP, why);
    } else if (j->has_answer) {
        add_to_queue(k, j, true);
    } else {
        end_job(j, JOB_CRASHED, why);
    }
}

/* ---- the child ---- */

static const char *
end_of(int status, char text[static KEEPER_WHY_MAX])
{
    const char *name;

    if (WIFSIGNALED(status)) {
        name = sigabbrev_np(WTERMSIG(status));
        snprintf(text, KEEPER_WHY_MAX, "it was ended by SIG%s",
                 name ? name : "?");
    } else {
        snprintf(text, KEEPER_WHY_MAX, "it ended by itself, with exit code %d",
                 WEXITSTATUS(status));
    }
    return text;
}

/* A child that is ending already keeps the status that it ends with. */
static int
bury(struct keeper *k)
{
    int status = 0;

    if (k->watch)
        loop_fd_free(k->watch);
    k->watch = NULL;
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
    if (k->pid > 0) {
        kill(k->pid, SIGKILL);
        while (waitpid(k->pid, &status, 0) < 0 && errno == EINTR)
            continue;
    }
    k->pid = 0;
    buf_reset(&k->in);
    buf_reset(&k->out);
    k->out_at = 0;
    return status;
}

static int64_t
backoff_ms(int n_failures)
{
    int64_t ms = KEEPER_BACKOFF_MS;

    for (int i = 1; i < n_failures && ms < KEEPER_BACKOFF_MAX_MS; i++)
        ms *= 2;
    return ms < KEEPER_BACKOFF_MAX_MS ? ms : KEEPER_BACKOFF_MAX_MS;
}

static void
tell_health(struct keeper *k, enum health h, const char *detail)
{
    struct clock *c = k->options.clock;

    health_report(str_from(k->options.health), h, str_from(detail),
                  c->wall_ms(c));
}

static void
on_backoff(struct loop_timer *t)
{
    keeper_start(CONTAINER_OF(t, struct keeper, timer));
}

static void
fail(struct keeper *k, const char *why)
{
    int64_t now_ms = loop_now_ms(k->options.loop), wait_ms;
    char text[KEEPER_WHY_MAX];
    int status = bury(k);

    if (!why)
        why = end_of(status, text);
    k->n_failures++;
    snprintf(k->why, sizeof(k->why), "%s", why);
    k->state = KEEPER_DOWN;
    wait_ms = backoff_ms(k->n_failures);
    k->next_start_ms = now_ms + wait_ms;
    if (!k->was_refused) /* then the server does not start, and says why */
        LOG_ERROR("plugin.ended", log_cstr("plugin", k->options.name),
                  log_cstr("why", k->why), log_int("again_in_ms", wait_ms));
    metric_add(metrics_series(METRIC_plugin_ends_total, k->options.name), 1);
    tell_health(k, wait_ms > KEEPER_PATIENCE_MS ? HEALTH_DOWN : HEALTH_DEGRADED,
                k->why);
    loop_timer_set(k->options.loop, &k->timer, wait_ms, on_backoff);
    blame(k, k->why);
    if (wait_ms > KEEPER_PATIENCE_MS)
        end_queued(k, k->why, false);
}

/* ---- frames ---- */

static void
on_deadline(struct loop_timer *t)
{
    struct keeper *k = CONTAINER_OF(t, struct keeper, timer);
    char why[KEEPER_WHY_MAX];

    snprintf(why, sizeof(why), "it did not %s within %lld ms",
             k->state == KEEPER_BUSY ? "answer" : "say what it is",
             (long long)(k->state == KEEPER_BUSY ? k->options.timeout_ms
                                                 : KEEPER_START_MS));
    fail(k, why);
}

static bool
is_hello_as_before(struct keeper *k, const struct wire_frame *f)
{
    if (!k->has_hello) {
        k->has_hello = true;
        k->was_refused = f->kind == WIRE_REFUSED;
        buf_put_str(&k->hello, f->payload);
    }
    return f->kind == WIRE_HELLO && str_eq(f->payload, buf_str(&k->hello));
}

static void
take_hello(struct keeper *k, const struct wire_frame *f)
{
    bool is_first = !k->has_hello;

    if (f->kind != WIRE_HELLO && f->kind != WIRE_REFUSED) {
        fail(k, "it spoke before it said what it is");
    } else if (!is_hello_as_before(k, f)) {
        fail(k, is_first ? "it was refused"
                         : "it says something else than at the first start");
    } else {
        loop_timer_clear(k->options.loop, &k->timer);
        k->state = KEEPER_IDLE;
        tell_health(k, HEALTH_OK, "");
        LOG_INFO("plugin.started", log_cstr("plugin", k->options.name),
                 log_int("pid", k->pid));
        pump(k);
    }
}

static bool
is_answer(const struct job *j, const struct wire_frame *f)
{
    struct channel_receipt r = {0};
    struct codec_stepped s;
    bool is_good;

    if (f->kind != (j->is_receipt ? WIRE_RECEIVED : WIRE_STEPPED))
        return false;
    if (!j->is_receipt)
        return codec_get_stepped(f->payload, &s);
    r.arena = arena_new();
    is_good = codec_get_received(f->payload, &r);
    arena_free(r.arena);
    return is_good;
}

static void
take_answer(struct keeper *k, const struct wire_frame *f)
{
    struct job *j = k->current;

    if (k->state != KEEPER_BUSY || f->id != k->last_id || !is_answer(j, f)) {
        fail(k, "what it answered is nothing that the ABI has");
        return;
    }
    loop_timer_clear(k->options.loop, &k->timer);
    k->state = KEEPER_IDLE;
    k->current = NULL;
    k->n_failures = 0; /* it works */
    blame_clear(&k->blame, str_from(j->key));
    buf_put_str(&j->reply, f->payload);
    end_job(j, JOB_ANSWERED, "");
    pump(k);
}

/* What the guest counts, a child that goes past it may not have counted. */
static void
take_log(struct keeper *k, const struct wire_frame *f)
{
    struct wire_reader in = {.rest = f->payload};
    struct str line = wire_get_str(&in, GUEST_LOG_MAX);

    if (!wire_is_done(&in) || ++k->n_lines > GUEST_LOG_LINES)
        fail(k, "it logs more than the ABI has");
    else
        wire_put_str(&k->current->said, line);
}

static void
take(struct keeper *k, const struct wire_frame *f)
{
    if (k->state == KEEPER_STARTING)
        take_hello(k, f);
    else if (f->kind == WIRE_LOG && k->state == KEEPER_BUSY)
        take_log(k, f);
    else
        take_answer(k, f);
}

/* Each turn takes what one read brought; a child that never ends to speak has
 * its deadline all the same. */
static void
read_some(struct keeper *k)
{
    struct wire_frame f;
    size_t n, more = READ_CHUNK;
    ssize_t got;

    if (wire_take(buf_str(&k->in), &f, &n) == WIRE_MORE && n > more)
        more = n < 16 * more ? n : 16 * more;
    buf_reserve(&k->in, more);
    got = read(k->fd, k->in.p + k->in.n, more);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        fail(k, NULL);
        return;
    }
    k->in.n += (size_t)got;
    for (;;) {
        enum wire_state s = wire_take(buf_str(&k->in), &f, &n);

        if (s == WIRE_BAD)
            fail(k, "what it sends are no frames");
        if (s != WIRE_WHOLE)
            return;
        take(k, &f);
        if (k->state == KEEPER_DOWN)
            return;
        buf_drop(&k->in, n);
    }
}

static void
write_some(struct keeper *k)
{
    while (k->out_at < k->out.n) {
        ssize_t n = send(k->fd, k->out.p + k->out_at, k->out.n - k->out_at,
                         MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return; /* it has ended: to read says so */
        k->out_at += (size_t)n;
    }
    loop_fd_want(k->watch, LOOP_READ | (k->out_at < k->out.n ? LOOP_WRITE : 0));
}

static void
on_socket(struct loop_fd *f, int events, void *arg)
{
    struct keeper *k = arg;

    (void)f;
    if (events & LOOP_WRITE)
        write_some(k);
    if (events & (LOOP_READ | LOOP_HANGUP))
        read_some(k);
}

/* Those whom nobody waits for would hold up those who are waited for, until
 * nobody waits for these either. */
static struct job *
next_wanted(struct keeper *k)
{
    while (!list_is_empty(&k->queue)) {
        struct job *j = CONTAINER_OF(k->queue.next, struct job, link);

        take_off_queue(k, j);
        if (!atomic_load(&j->is_cancelled))
            return j;
        end_job(j, JOB_DOWN, "nobody waits for it");
    }
    return NULL;
}

static void
pump(struct keeper *k)
{
    if (k->state != KEEPER_IDLE || !(k->current = next_wanted(k)))
        return;
    k->n_lines = 0;
    wire_set_id(&k->current->frame, ++k->last_id);
    buf_reset(&k->out);
    k->out_at = 0;
    buf_put_str(&k->out, buf_str(&k->current->frame));
    k->state = KEEPER_BUSY;
    if (k->options.timeout_ms > 0)
        loop_timer_set(k->options.loop, &k->timer, k->options.timeout_ms,
                       on_deadline);
    write_some(k);
}

/* ---- start ---- */

/* The descriptors above are lifted out of the way first: one of them may be
 * where another has to go. */
static int
add_descriptors(posix_spawn_file_actions_t *f, int socket, int file)
{
    int bad = 0;

    for (int fd = 0; fd < 3; fd++)
        bad |= posix_spawn_file_actions_addopen(f, fd, "/dev/null", O_RDWR, 0);
    bad |= posix_spawn_file_actions_adddup2(f, socket, CHILD_SOCKET);
    if (file >= 0)
        bad |= posix_spawn_file_actions_adddup2(f, file, CHILD_FILE);
    bad |= posix_spawn_file_actions_addclosefrom_np(
        f, file >= 0 ? CHILD_FILE + 1 : CHILD_SOCKET + 1);
    return bad;
}

/* Signals as a new process has them, and an empty environment. */
static int
spawn(struct keeper *k, int socket, int file)
{
    static char *const no_environment[] = {NULL};
    char *const *argv = (char *const *)(uintptr_t)k->options.argv;
    posix_spawn_file_actions_t f;
    posix_spawnattr_t a;
    sigset_t all, none;
    int bad;

    sigfillset(&all);
    sigemptyset(&none);
    posix_spawn_file_actions_init(&f);
    posix_spawnattr_init(&a);
    bad = add_descriptors(&f, socket, file);
    bad |= posix_spawnattr_setsigdefault(&a, &all);
    bad |= posix_spawnattr_setsigmask(&a, &none);
    bad |= posix_spawnattr_setflags(&a, POSIX_SPAWN_SETSIGDEF |
                                            POSIX_SPAWN_SETSIGMASK);
    if (!bad)
        bad = posix_spawn(&k->pid, k->options.program, &f, &a, argv,
                          no_environment);
    posix_spawn_file_actions_destroy(&f);
    posix_spawnattr_destroy(&a);
    if (bad)
        k->pid = 0;
    return bad;
}

/* Above what the child has its own at. */
static int
lifted(int fd)
{
    return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10);
}

static bool
start_child(struct keeper *k)
{
    int pair[2], socket, file, bad;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    socket = lifted(pair[1]);
    file = lifted(k->options.file);
    bad = spawn(k, socket, file);
    close(pair[1]);
    close(socket);
    if (file >= 0)
        close(file);
    k->fd = pair[0];
    if (!bad)
        k->watch = loop_fd_new(k->options.loop, k->fd, on_socket, k);
    if (!bad)
        loop_fd_want(k->watch, LOOP_READ);
    return !bad;
}

/* Whoever may write the file may have done it since. */
static bool
is_file_as_before(const struct keeper *k)
{
    char hash[PLUGIN_HASH_SIZE];

    return !k->options.hash || (plugin_file_hash(k->options.file, hash) &&
                                str_is(str_from(hash), k->options.hash));
}

void
keeper_start(struct keeper *k)
{
    k->state = KEEPER_STARTING;
    if (!is_file_as_before(k)) {
        fail(k, "its file was changed: start Belfry anew with its new hash");
    } else if (!start_child(k)) {
        fail(k, "no process could be started");
    } else {
        loop_timer_set(k->options.loop, &k->timer, KEEPER_START_MS,
                       on_deadline);
    }
}

/* ---- who asks ---- */

static void
on_wake(struct task *t)
{
    struct keeper *k = CONTAINER_OF(t, struct keeper, wake);
    int64_t wait_ms = k->next_start_ms - loop_now_ms(k->options.loop);

    k->is_woken = false;
    if (k->state == KEEPER_DOWN && !loop_timer_is_set(&k->timer))
        keeper_start(k); /* nobody has asked so far */
    else if (k->state == KEEPER_DOWN && wait_ms > KEEPER_PATIENCE_MS)
        end_queued(k, k->why, false);
    pump(k);
}

void
keeper_ask(struct keeper *k, struct job *j)
{
    bool is_full = k->n_queued >= KEEPER_QUEUE_MAX ||
                   k->n_queued_bytes + j->frame.n > KEEPER_QUEUE_BYTES;

    if (is_full && !j->has_answer) {
        end_job(j, JOB_DOWN, "too many messages wait for it");
        return;
    }
    add_to_queue(k, j, false);
    if (k->is_woken)
        return;
    k->is_woken = true;
    loop_defer(k->options.loop, &k->wake);
}

void
keeper_init(struct keeper *k, const struct keeper_options *o)
{
    *k = (struct keeper){.options = *o, .fd = -1, .wake = {.run = on_wake}};
    list_init(&k->queue);
}

void
keeper_fini(struct keeper *k)
{
    loop_timer_clear(k->options.loop, &k->timer);
    bury(k);
    k->state = KEEPER_DOWN;
    if (k->current)
        end_job(k->current, JOB_DOWN, "the server stops");
    k->current = NULL;
    end_queued(k, "the server stops", true);
    buf_fini(&k->in);
    buf_fini(&k->out);
    buf_fini(&k->hello);
}
