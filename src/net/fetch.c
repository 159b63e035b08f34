/* fetch.c - libcurl on the loop: HTTP by its multi interface, mail by threads
 * (fetch_mail.c), because libcurl blocks while it waits for a mail's last
 * reply.
 *
 * An HTTP transfer is running (in the multi handle), ending (it has an answer
 * that waits for the next turn) or idle (kept with its easy handle for the
 * next call). Sockets that we opened stay watched for reading between two
 * calls on one connection, which saves two system calls each time; the watch
 * goes when libcurl closes the socket. Its own sockets (the resolver's) come
 * and go. */
#include "net/fetch_transfer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/metrics.h"

#define CONNECT_TIMEOUT_MS 10000
#define IDLE_HANDLES_MAX 256
#define IDLE_CONNECTIONS_MAX 512L
#define HOST_CONNECTIONS_MAX 1024L
#define KEPT_BUFFER_MAX (16 * 1024)

/* A descriptor that libcurl waits for. */
struct watch {
    struct loop_fd *loop_fd;
    struct fetch *fetch;
    int fd;
    bool is_ours; /* from open_socket(), so close_socket() will tell */
    bool is_idle; /* libcurl does not wait for it now */
};

struct fetch {
    struct loop *loop;
    struct fetch_world world;
    CURLM *multi;
    struct loop_timer curl_timer;
    struct fetch_mail *mail;
    struct list running, ending, idle;
    struct loop_timer ending_timer;
    size_t n_idle, n_in_flight;
    struct watch **watches; /* by descriptor */
    size_t n_watches;
};

bool
fetch_is_plain(struct str s, size_t max)
{
    if (s.n > max)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

/* ---- sockets ---- */

static struct watch **
watch_slot(struct fetch *f, int fd)
{
    size_t at = (size_t)fd;

    assert(fd >= 0);
    if (at >= f->n_watches) {
        size_t n = at + 64;

        f->watches = xrealloc(f->watches, n * sizeof(*f->watches));
        for (size_t i = f->n_watches; i < n; i++)
            f->watches[i] = NULL;
        f->n_watches = n;
    }
    return &f->watches[at];
}

static void
forget_watch(struct fetch *f, int fd)
{
    struct watch **slot = watch_slot(f, fd);

    if (!*slot)
        return;
    loop_fd_free((*slot)->loop_fd);
    free(*slot);
    *slot = NULL;
}

static struct watch *
new_watch(struct fetch *f, int fd)
{
    struct watch *w = xcalloc(1, sizeof(*w));

    forget_watch(f, fd);
    w->fetch = f;
    w->fd = fd;
    *watch_slot(f, fd) = w;
    return w;
}

/* Ports of services that take commands from whoever sends a request. */
static bool
is_port_fit_for_http(int port)
{
    static const int unfit[] = {2049, 6000, 6379, 6667, 11211};

    if (port < 1024)
        return port == 80 || port == 443;
    for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
        if (port == unfit[i])
            return false;
    return true;
}

static void
read_address(const struct curl_sockaddr *a, char text[static INET6_ADDRSTRLEN],
             int *ret_port)
{
    struct sockaddr_in6 in6 = {0};
    struct sockaddr_in in = {0};

    text[0] = 0;
    *ret_port = 0;
    if (a->family == AF_INET) {
        memcpy(&in, &a->addr, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, text, INET6_ADDRSTRLEN);
        *ret_port = ntohs(in.sin_port);
    } else if (a->family == AF_INET6) {
        /* curl_sockaddr is longer than the plain sockaddr in it. */
        memcpy(&in6, &a->addr,
               a->addrlen < sizeof(in6) ? a->addrlen : sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, text, INET6_ADDRSTRLEN);
        *ret_port = ntohs(in6.sin6_port);
    }
}

static void
count_refused(const char *reason)
{
    metric_add(metrics_series(METRIC_ssrf_blocked_total, reason), 1);
}

curl_socket_t
fetch_open_socket(struct fetch_transfer *t, curlsocktype purpose,
                  const struct curl_sockaddr *a)
{
    char text[INET6_ADDRSTRLEN];
    int fd, port;

    read_address(a, text, &port);
    if (purpose != CURLSOCKTYPE_IPCXN ||
        !egress_allows(t->world->policy, &a->addr)) {
        if (t->n_refused++ == 0)
            count_refused("address");
        snprintf(t->refused, sizeof(t->refused), "%s", text);
        return CURL_SOCKET_BAD;
    }
    if (t->request->kind == FETCH_HTTP && !is_port_fit_for_http(port)) {
        if (!t->is_port_refused)
            count_refused("port");
        t->is_port_refused = true;
        return CURL_SOCKET_BAD;
    }
    fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                a->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    t->n_opened++;
    return fd;
}

static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch_transfer *t = arg;
    curl_socket_t fd = fetch_open_socket(t, purpose, a);

    if (fd != CURL_SOCKET_BAD)
        new_watch(t->fetch, fd)->is_ours = true;
    return fd;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
    struct fetch *f = arg;

    forget_watch(f, fd);
    return close(fd);
}

static void take_finished(struct fetch *f);

static void
on_socket_event(struct loop_fd *lf, int events, void *arg)
{
    struct watch *w = arg;
    struct fetch *f = w->fetch;
    int flags = 0, running;

    if (w->is_idle) {
        /* The other side closes, or talks without being asked. libcurl finds
         * that out before it uses the connection again. */
        loop_fd_want(lf, 0);
        return;
    }
    if (events & LOOP_READ)
        flags |= CURL_CSELECT_IN;
    if (events & LOOP_WRITE)
        flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(f->multi, w->fd, flags, &running);
    take_finished(f); /* w may be gone */
}

static int
on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    struct fetch *f = arg;
    struct watch *w = *watch_slot(f, fd);
    int want = 0;

    (void)easy;
    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (w && w->is_ours)
            w->is_idle = true;
        else if (w)
            forget_watch(f, fd);
        return 0;
    }
    if (!w)
        w = new_watch(f, fd);
    if (!w->loop_fd)
        w->loop_fd = loop_fd_new(f->loop, fd, on_socket_event, w);
    if (what & CURL_POLL_IN)
        want |= LOOP_READ;
    if (what & CURL_POLL_OUT)
        want |= LOOP_WRITE;
    w->is_idle = false;
    loop_fd_want(w->loop_fd, want);
    return 0;
}

static void
on_timer(struct loop_timer *timer)
{
    struct fetch *f = CONTAINER_OF(timer, struct fetch, curl_timer);
    int running;

    curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_finished(f);
}

static int
on_curl_timer(CURLM *multi, long ms, void *arg)
{
    struct fetch *f = arg;

    (void)multi;
    if (ms < 0)
        loop_timer_clear(f->loop, &f->curl_timer);
    else
        loop_timer_set(f->loop, &f->curl_timer, ms, on_timer);
    return 0;
}

/* ---- transfers ---- */

/* Runs each time that a request is about to be written. libcurl writes it a
 * second time when a kept connection dies before the answer; the first may
 * have arrived, so only what changes nothing may be repeated. */
int
fetch_on_begin(void *arg, char *their_ip, char *our_ip, int their_port,
               int our_port)
{
    struct fetch_transfer *t = arg;
    struct str method = t->request->method;

    (void)their_ip;
    (void)our_ip;
    (void)their_port;
    (void)our_port;
    if (t->n_begun > 0 && !str_is(method, "GET") && !str_is(method, "HEAD"))
        return CURL_PREREQFUNC_ABORT;
    if (fetch_smtp_lacks(t))
        return CURL_PREREQFUNC_ABORT;
    t->n_begun++;
    return CURL_PREREQFUNC_OK;
}

void
fetch_prepare(CURL *e, const struct fetch_world *w)
{
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (w->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, w->ca_file);
    if (w->ca_path)
        curl_easy_setopt(e, CURLOPT_CAPATH, w->ca_path);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, fetch_on_begin);
}

static void
prepare_http(struct fetch_transfer *t)
{
    CURL *e = curl_easy_init();

    if (!e)
        fatal("libcurl gives no handle");
    t->easy = e;
    fetch_prepare(e, t->world);
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, t->fetch);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
    fetch_http_prepare(t);
}

static struct fetch_transfer *
take_transfer(struct fetch *f, enum fetch_kind kind)
{
    struct list *entry = kind == FETCH_HTTP ? list_take(&f->idle) : NULL;
    struct fetch_transfer *t;

    if (entry) {
        f->n_idle--;
        return CONTAINER_OF(entry, struct fetch_transfer, link);
    }
    t = xcalloc(1, sizeof(*t));
    list_init(&t->link);
    t->fetch = f;
    t->world = &f->world;
    if (kind == FETCH_HTTP)
        prepare_http(t);
    return t;
}

static void
free_transfer(struct fetch_transfer *t)
{
    list_remove(&t->link);
    if (t->easy)
        curl_easy_cleanup(t->easy);
    buf_fini(&t->head);
    buf_fini(&t->body);
    free(t);
}

static void
trim_buffer(struct buf *b)
{
    if (b->cap > KEPT_BUFFER_MAX)
        buf_fini(b);
    buf_reset(b);
}

/* Ready for the next call: handle and buffers stay, all else is as new. */
static void
recycle_transfer(struct fetch_transfer *t)
{
    struct fetch *f = t->fetch;
    struct fetch_transfer fresh = {.fetch = f,
                                   .world = t->world,
                                   .easy = t->easy,
                                   .head = t->head,
                                   .body = t->body};

    list_remove(&t->link);
    if (!t->easy || f->n_idle >= IDLE_HANDLES_MAX) {
        free_transfer(t);
        return;
    }
    trim_buffer(&fresh.head);
    trim_buffer(&fresh.body);
    *t = fresh;
    list_init(&t->link);
    list_prepend(&f->idle, &t->link);
    f->n_idle++;
}

static enum fetch_cause
cause_of(const struct fetch_transfer *t, CURLcode code)
{
    if (atomic_load(&t->is_cancelled))
        return FETCH_CAUSE_NONE;
    if (t->lacks_smtputf8)
        return FETCH_CAUSE_SMTPUTF8;
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL: /* also: they answer in HTTP/0.9 */
        return t->n_begun > 0 ? FETCH_CAUSE_BROKEN : FETCH_CAUSE_URL;
    case CURLE_COULDNT_RESOLVE_HOST:
        return FETCH_CAUSE_RESOLVE;
    case CURLE_COULDNT_CONNECT:
        return FETCH_CAUSE_CONNECT;
    case CURLE_OPERATION_TIMEDOUT:
        return FETCH_CAUSE_TIMEOUT;
    case CURLE_LOGIN_DENIED:
        return FETCH_CAUSE_LOGIN;
    case CURLE_SSL_CONNECT_ERROR:
        /* Cut off in the handshake: that is the network, not TLS. */
        if (strstr(t->error, "SYSCALL") || strstr(t->error, "reset") ||
            strstr(t->error, "unexpected eof"))
            return FETCH_CAUSE_CONNECT;
        return FETCH_CAUSE_TLS;
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_USE_SSL_FAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
        return FETCH_CAUSE_TLS;
    default:
        return FETCH_CAUSE_BROKEN;
    }
}

/* Where no socket could be opened because none was allowed. */
static bool
judge_refusal(const struct fetch_transfer *t, struct fetch_answer *ret)
{
    if (t->n_opened > 0 || t->n_begun > 0)
        return false;
    if (t->n_refused > 0) {
        ret->cause = FETCH_CAUSE_EGRESS;
        ret->detail =
            str_fmt(t->request->arena,
                    "%s is an address that may not be called: "
                    "BELFRY_EGRESS_ALLOW of this server does not name it",
                    t->refused);
        return true;
    }
    if (t->is_port_refused) {
        ret->cause = FETCH_CAUSE_URL;
        ret->detail = STR("the port is one that may not be called");
        return true;
    }
    return false;
}

static struct str
detail_of(const struct fetch_transfer *t, CURLcode code)
{
    if (atomic_load(&t->is_cancelled))
        return STR("cancelled");
    if (t->lacks_smtputf8)
        return STR("the server does not take addresses outside ASCII: it "
                   "offers no SMTPUTF8");
    if (t->n_begun > 0 && code == CURLE_ABORTED_BY_CALLBACK)
        return STR("the connection was lost before an answer");
    if (t->is_unruly)
        return STR("the answer's head is too long");
    if (code == CURLE_OK)
        return STR("the answer ends in the middle of its head");
    return str_dup(t->request->arena,
                   str_from(t->error[0] ? t->error : curl_easy_strerror(code)));
}

static void
judge_transfer(struct fetch_transfer *t, CURLcode code,
               struct fetch_answer *ret)
{
    if (t->is_ended) {
        ret->outcome = t->ended_outcome;
        ret->cause = t->ended_cause;
        ret->detail = str_from(t->ended_detail);
        return;
    }
    if (t->request->kind == FETCH_HTTP)
        fetch_http_judge(t, code, ret);
    else
        fetch_smtp_judge(t, code, ret);
    if (ret->outcome == FETCH_ANSWERED || judge_refusal(t, ret))
        return;
    ret->cause = cause_of(t, code);
    ret->detail = detail_of(t, code);
}

static void
finish_transfer(struct fetch_transfer *t, CURLcode code)
{
    struct fetch *f = t->fetch;
    struct fetch_request *r = t->request;
    struct fetch_answer answer = {.duration_ms =
                                      loop_now_ms(f->loop) - t->start_ms};

    judge_transfer(t, code, &answer);
    r->private_state = NULL;
    f->n_in_flight--;
    recycle_transfer(t);
    r->on_done(r, &answer);
}

static void
take_finished(struct fetch *f)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(f->multi, &left)) != NULL) {
        struct fetch_transfer *t = NULL;
        CURLcode code = msg->data.result;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        curl_multi_remove_handle(f->multi, t->easy);
        finish_transfer(t, code);
    }
}

static void
on_ending(struct loop_timer *timer)
{
    struct fetch *f = CONTAINER_OF(timer, struct fetch, ending_timer);
    struct list now, *entry;

    list_init(&now);
    while ((entry = list_take(&f->ending)) != NULL)
        list_append(&now, entry);
    while ((entry = list_take(&now)) != NULL)
        finish_transfer(CONTAINER_OF(entry, struct fetch_transfer, link),
                        CURLE_OK);
}

/* It has its answer; the caller hears of it in the next turn. */
static void
end_transfer(struct fetch_transfer *t, enum fetch_outcome outcome,
             enum fetch_cause cause, const char *detail)
{
    struct fetch *f = t->fetch;

    t->is_ended = true;
    t->ended_outcome = outcome;
    t->ended_cause = cause;
    t->ended_detail = detail;
    list_remove(&t->link);
    list_append(&f->ending, &t->link);
    loop_timer_set(f->loop, &f->ending_timer, 0, on_ending);
}

static void
start_http(struct fetch *f, struct fetch_transfer *t)
{
    const int64_t timeout_ms = t->request->timeout_ms;

    curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(timeout_ms < CONNECT_TIMEOUT_MS
                                ? timeout_ms
                                : CONNECT_TIMEOUT_MS));
    list_append(&f->running, &t->link);
    if (curl_multi_add_handle(f->multi, t->easy) != CURLM_OK)
        end_transfer(t, FETCH_NOT_SENT, FETCH_CAUSE_BROKEN,
                     "libcurl does not take the call");
}

void
fetch_start(struct fetch *f, struct fetch_request *r)
{
    struct fetch_transfer *t = take_transfer(f, r->kind);
    const char *fault;

    assert(r->timeout_ms > 0 && r->on_done && r->arena);
    t->request = r;
    t->start_ms = loop_now_ms(f->loop);
    r->private_state = t;
    f->n_in_flight++;
    fault = r->kind == FETCH_HTTP ? fetch_http_begin(t) : fetch_smtp_begin(t);
    if (fault)
        end_transfer(t, FETCH_NOT_SENT, FETCH_CAUSE_URL, fault);
    else if (r->kind == FETCH_HTTP)
        start_http(f, t);
    else
        fetch_mail_start(f->mail, t);
}

void
fetch_cancel(struct fetch *f, struct fetch_request *r)
{
    struct fetch_transfer *t = r->private_state;

    if (!t || t->is_ended)
        return;
    if (r->kind == FETCH_SMTP) {
        fetch_mail_cancel(f->mail, t);
        return;
    }
    curl_multi_remove_handle(f->multi, t->easy);
    end_transfer(t, fetch_http_outcome_now(t), FETCH_CAUSE_NONE, "cancelled");
}

void
fetch_limit_mails(struct fetch *f, size_t n)
{
    fetch_mail_limit(f->mail, n);
}

size_t
fetch_in_flight(const struct fetch *f)
{
    return f->n_in_flight;
}

struct str
fetch_answer_header(const struct fetch_answer *a, const char *name)
{
    for (size_t i = 0; i < a->n_headers; i++)
        if (str_ieq(a->headers[i].name, str_from(name)))
            return a->headers[i].value;
    return STR_NONE;
}

/* ---- all of it ---- */

/* Told not to meddle with signals, libcurl leaves it to us that OpenSSL may
 * write to a connection which is closed. */
static void
init_libcurl(void)
{
    signal(SIGPIPE, SIG_IGN);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        fatal("libcurl does not start");
}

static void
init_multi(struct fetch *f)
{
    f->multi = curl_multi_init();
    if (!f->multi)
        fatal("libcurl gives no multi handle");
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      HOST_CONNECTIONS_MAX);
    curl_multi_setopt(f->multi, CURLMOPT_MAXCONNECTS, IDLE_CONNECTIONS_MAX);
}

struct fetch *
fetch_new(struct loop *l, const struct egress_policy *policy)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct fetch *f = xcalloc(1, sizeof(*f));

    pthread_once(&once, init_libcurl);
    f->loop = l;
    /* As the command line tool does it; libcurl does not look by itself. */
    f->world = (struct fetch_world){.policy = policy,
                                    .ca_file = getenv("SSL_CERT_FILE"),
                                    .ca_path = getenv("SSL_CERT_DIR")};
    list_init(&f->running);
    list_init(&f->ending);
    list_init(&f->idle);
    init_multi(f);
    f->mail = fetch_mail_new(l, &f->world, finish_transfer);
    return f;
}

static void
cancel_running(struct fetch *f)
{
    LIST_EACH(entry, &f->running)
    {
        fetch_cancel(f,
                     CONTAINER_OF(entry, struct fetch_transfer, link)->request);
    }
}

void
fetch_free(struct fetch *f)
{
    struct list *entry;

    if (!f)
        return;
    do {
        cancel_running(f);
        on_ending(&f->ending_timer);
        fetch_mail_end(f->mail);
    } while (f->n_in_flight > 0); /* on_done may have started more */
    fetch_mail_free(f->mail);
    while ((entry = list_take(&f->idle)) != NULL)
        free_transfer(CONTAINER_OF(entry, struct fetch_transfer, link));
    curl_multi_cleanup(f->multi);
    loop_timer_clear(f->loop, &f->curl_timer);
    loop_timer_clear(f->loop, &f->ending_timer);
    for (size_t i = 0; i < f->n_watches; i++)
        forget_watch(f, (int)i);
    free(f->watches);
    free(f);
}
