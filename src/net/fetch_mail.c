/* fetch_mail.c - the threads that send mail.
 *
 * libcurl blocks while it waits for the reply to a mail's final dot, and on
 * QUIT; on the loop that would hold up everything. So each mail in flight has
 * a thread of its own (a mailer), which keeps its sessions for the next mail.
 * Mailers are started when needed, up to a limit; beyond it mails wait.
 *
 * Only letters pass between the threads: a transfer goes to a mailer by its
 * mailbox and comes back by `returned`. All else here is the loop's. */
#include "net/fetch_transfer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

/* Two providers with all the concurrency there is: one that hangs must leave
 * mailers to the other. Started as needed, so mostly there are few. */
#define MAILERS_MAX 2048
#define SOCKETS_MAX 8
#define CONNECT_TIMEOUT_MS 10000
#define SESSION_IDLE_MS 30000
#define STACK_BYTES (1024 * 1024)

struct fetch_mailer {
    struct list link; /* in mail->resting, unless it has a transfer */
    struct fetch_mail *mail;
    pthread_t thread;
    struct mailbox box;
    struct fetch_transfer *transfer; /* the loop's view: what it has */
    /* the mailer's own; two handles, so that a session without TLS is never
     * used for a mail that demands it */
    CURL *plain, *secure;
    int sockets[SOCKETS_MAX];
    size_t n_sockets;
};

struct fetch_mail {
    struct loop *loop;
    const struct fetch_world *world;
    void (*on_done)(struct fetch_transfer *t, CURLcode code);
    struct mailbox returned;
    int wake_fd;
    struct loop_fd *wake;
    struct list waiting, resting;
    bool is_closed; /* no thread is left, what comes is cancelled */
    struct fetch_mailer *mailers[MAILERS_MAX];
    size_t n_mailers, n_mailers_max;
};

/* ---- on a mailer's thread ---- */

void
fetch_mailer_cut(struct fetch_mailer *w)
{
    for (size_t i = 0; i < w->n_sockets; i++)
        shutdown(w->sockets[i], SHUT_RDWR);
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch_transfer *t = arg;
    struct fetch_mailer *w = t->mailer;
    curl_socket_t fd;

    if (w->n_sockets == SOCKETS_MAX)
        return CURL_SOCKET_BAD;
    fd = fetch_open_socket(t, purpose, a);
    if (fd != CURL_SOCKET_BAD)
        w->sockets[w->n_sockets++] = fd;
    return fd;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
    struct fetch_mailer *w = arg;

    for (size_t i = 0; i < w->n_sockets; i++) {
        if (w->sockets[i] == fd) {
            w->sockets[i] = w->sockets[--w->n_sockets];
            break;
        }
    }
    return close(fd);
}

static CURL *
new_handle(struct fetch_mailer *w, bool is_plain)
{
    CURL *e = curl_easy_init();

    if (!e)
        fatal("libcurl gives no handle");
    fetch_prepare(e, w->mail->world);
    fetch_smtp_prepare(e, is_plain);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, w);
    /* One session each: another is kept only by closing this one, and that
     * must not wait for a reply either. */
    curl_easy_setopt(e, CURLOPT_MAXCONNECTS, 4L);
    return e;
}

static void
drop_handles(struct fetch_mailer *w)
{
    fetch_mailer_cut(w);
    if (w->plain)
        curl_easy_cleanup(w->plain);
    if (w->secure)
        curl_easy_cleanup(w->secure);
    w->plain = w->secure = NULL;
}

static void
send_mail(struct fetch_mailer *w, struct fetch_transfer *t)
{
    const bool is_plain = t->request->tls == FETCH_TLS_NONE;
    const int64_t timeout_ms = t->request->timeout_ms;
    CURL **e = is_plain ? &w->plain : &w->secure;

    /* libcurl closes its oldest session when it has too many, by QUIT. */
    if (w->n_sockets >= SOCKETS_MAX / 2)
        drop_handles(w);
    if (!*e)
        *e = new_handle(w, is_plain);
    t->easy = *e;
    fetch_smtp_apply(t);
    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(timeout_ms < CONNECT_TIMEOUT_MS
                                ? timeout_ms
                                : CONNECT_TIMEOUT_MS));
    t->code = curl_easy_perform(t->easy);
    fetch_smtp_release(t);
}

static void *
run_mailer(void *arg)
{
    struct fetch_mailer *w = arg;
    struct mail *letter;

    do {
        letter = mailbox_wait(&w->box, SESSION_IDLE_MS);
        if (!letter) {
            drop_handles(w); /* nothing to do, or the end */
        } else {
            struct fetch_transfer *t =
                CONTAINER_OF(letter, struct fetch_transfer, letter);

            send_mail(w, t);
            mailbox_send(&w->mail->returned, &t->letter);
        }
    } while (letter || !mailbox_is_closed(&w->box));
    return NULL;
}

/* ---- on the loop's thread ---- */

static struct fetch_mailer *
start_mailer(struct fetch_mail *m)
{
    struct fetch_mailer *w = xcalloc(1, sizeof(*w));
    pthread_attr_t attributes;
    sigset_t all, before;
    int rc;

    w->mail = m;
    list_init(&w->link);
    mailbox_init(&w->box, NULL, NULL);
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&w->thread, &attributes, run_mailer, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (rc != 0) {
        mailbox_fini(&w->box);
        free(w);
        return NULL;
    }
    pthread_setname_np(w->thread, "mailer");
    m->mailers[m->n_mailers++] = w;
    return w;
}

static void
hand_over(struct fetch_mailer *w, struct fetch_transfer *t)
{
    t->is_waiting = false;
    t->mailer = w;
    w->transfer = t;
    mailbox_send(&w->box, &t->letter);
}

static void
end_waiting(struct fetch_mail *m, struct fetch_transfer *t, CURLcode code)
{
    loop_timer_clear(m->loop, &t->timer);
    list_remove(&t->link);
    /* By the box, so that it ends in a later turn. */
    t->is_waiting = false;
    t->code = code;
    mailbox_send(&m->returned, &t->letter);
}

static void
on_waited_too_long(struct loop_timer *timer)
{
    struct fetch_transfer *t =
        CONTAINER_OF(timer, struct fetch_transfer, timer);

    end_waiting(t->mail, t, CURLE_OPERATION_TIMEDOUT);
}

void
fetch_mail_start(struct fetch_mail *m, struct fetch_transfer *t)
{
    struct list *entry = m->is_closed ? NULL : list_take(&m->resting);
    struct fetch_mailer *w = NULL;

    if (entry)
        w = CONTAINER_OF(entry, struct fetch_mailer, link);
    else if (m->n_mailers < m->n_mailers_max && !m->is_closed)
        w = start_mailer(m);
    if (w) {
        hand_over(w, t);
        return;
    }
    t->mail = m;
    t->is_waiting = true;
    list_append(&m->waiting, &t->link);
    loop_timer_set(m->loop, &t->timer, t->request->timeout_ms,
                   on_waited_too_long);
    if (m->is_closed)
        fetch_mail_cancel(m, t);
}

void
fetch_mail_cancel(struct fetch_mail *m, struct fetch_transfer *t)
{
    atomic_store(&t->is_cancelled, true);
    if (t->is_waiting)
        end_waiting(m, t, CURLE_ABORTED_BY_CALLBACK);
}

/* The mailer is free: for the first that waits, or to rest. */
static void
release_mailer(struct fetch_mail *m, struct fetch_mailer *w)
{
    struct list *entry = m->is_closed ? NULL : list_take(&m->waiting);

    w->transfer = NULL;
    if (entry) {
        struct fetch_transfer *next =
            CONTAINER_OF(entry, struct fetch_transfer, link);

        loop_timer_clear(m->loop, &next->timer);
        hand_over(w, next);
    } else {
        /* The last one first: its session is the freshest. */
        list_prepend(&m->resting, &w->link);
    }
}

static void
take_returned(struct fetch_mail *m)
{
    struct mail *next = mailbox_take(&m->returned);

    while (next) {
        struct fetch_transfer *t =
            CONTAINER_OF(next, struct fetch_transfer, letter);

        next = next->next; /* on_done ends t */
        if (t->mailer)
            release_mailer(m, t->mailer);
        m->on_done(t, t->code);
    }
}

static void
on_wake(struct loop_fd *lf, int events, void *arg)
{
    struct fetch_mail *m = arg;
    uint64_t n;

    (void)lf;
    (void)events;
    while (read(m->wake_fd, &n, sizeof(n)) > 0)
        ;
    take_returned(m);
}

static void
wake(void *arg)
{
    struct fetch_mail *m = arg;
    const uint64_t one = 1;
    ssize_t n = write(m->wake_fd, &one, sizeof(one));

    (void)n; /* full means that it wakes already */
}

struct fetch_mail *
fetch_mail_new(struct loop *l, const struct fetch_world *w,
               void (*on_done)(struct fetch_transfer *t, CURLcode code))
{
    struct fetch_mail *m = xcalloc(1, sizeof(*m));

    m->loop = l;
    m->world = w;
    m->on_done = on_done;
    m->n_mailers_max = MAILERS_MAX;
    list_init(&m->waiting);
    list_init(&m->resting);
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (m->wake_fd < 0)
        fatal("no eventfd for the mailers");
    mailbox_init(&m->returned, wake, m);
    m->wake = loop_fd_new(l, m->wake_fd, on_wake, m);
    loop_fd_want(m->wake, LOOP_READ);
    return m;
}

void
fetch_mail_limit(struct fetch_mail *m, size_t n)
{
    assert(n >= 1 && n <= MAILERS_MAX);
    m->n_mailers_max = n;
}

void
fetch_mail_end(struct fetch_mail *m)
{
    LIST_EACH(entry, &m->waiting)
    {
        fetch_mail_cancel(m, CONTAINER_OF(entry, struct fetch_transfer, link));
    }
    for (size_t i = 0; i < m->n_mailers && !m->is_closed; i++) {
        if (m->mailers[i]->transfer)
            atomic_store(&m->mailers[i]->transfer->is_cancelled, true);
        mailbox_close(&m->mailers[i]->box);
    }
    for (size_t i = 0; i < m->n_mailers && !m->is_closed; i++)
        pthread_join(m->mailers[i]->thread, NULL);
    m->is_closed = true;
    take_returned(m);
}

void
fetch_mail_free(struct fetch_mail *m)
{
    assert(m->is_closed);
    for (size_t i = 0; i < m->n_mailers; i++) {
        mailbox_fini(&m->mailers[i]->box);
        free(m->mailers[i]);
    }
    loop_fd_free(m->wake);
    close(m->wake_fd);
    mailbox_fini(&m->returned);
    free(m);
}
