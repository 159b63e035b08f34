/* http_server.c - listening, accepting, drain: see http_server.h. */
#include "net/http_conn.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

enum { ACCEPTS_PER_TURN = 64, BACKLOG = 4096, DESCRIPTORS_KEPT = 64 };

/* ---- what connections share ---- */

struct str
server_date_line(struct http_server *s)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const int64_t now_ms = loop_now_ms(s->loop);

    if (now_ms >= s->date_until_ms) {
        const int64_t wall_ms = s->clock->wall_ms(s->clock);
        const time_t wall = (time_t)(wall_ms / 1000);
        struct tm tm;

        gmtime_r(&wall, &tm);
        snprintf(s->date, sizeof s->date,
                 "Date: %.3s, %02u %.3s %04u %02u:%02u:%02u GMT\r\n",
                 days + 3 * tm.tm_wday, (unsigned)tm.tm_mday % 100,
                 months + 3 * tm.tm_mon, (unsigned)(tm.tm_year + 1900) % 10000,
                 (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
                 (unsigned)tm.tm_sec % 100);
        s->date_until_ms = now_ms + 1000 - wall_ms % 1000;
    }
    return str_from(s->date);
}

static void
work_free(struct http_work *w)
{
    arena_free(w->arena);
    buf_fini(&w->body);
    buf_fini(&w->out);
    free(w);
}

struct http_work *
server_take_work(struct http_server *s)
{
    struct http_work *w = s->pool;

    if (w) {
        s->pool = w->next_free;
        s->n_pool--;
        return w;
    }
    w = xmalloc(sizeof *w);
    memset(w, 0, offsetof(struct http_work, in));
    w->arena = arena_new();
    return w;
}

void
server_give_work(struct http_server *s, struct http_work *w)
{
    if (!s || s->n_pool == POOL_MAX) {
        work_free(w);
        return;
    }
    body_reset(w);
    if (w->out.cap > KEEP_SIZE)
        buf_fini(&w->out);
    buf_reset(&w->out);
    arena_reset(w->arena);
    w->out_sent = w->n_in = w->n_used = 0;
    w->next_free = s->pool;
    s->pool = w;
    s->n_pool++;
}

static void
on_drained_timer(struct loop_timer *t)
{
    struct http_server *s = CONTAINER_OF(t, struct http_server, drained_timer);

    if (s->on_drained)
        s->on_drained(s->drained_arg);
}

static void
check_drained(struct http_server *s)
{
    if (s->is_draining && s->n_conns == 0)
        loop_timer_set(s->loop, &s->drained_timer, 0, on_drained_timer);
}

/* It is closed; it stays on a list until it is freed, so that a server that
 * goes first can take it along. */
void
server_forget(struct http_server *s, struct http_conn *c)
{
    list_remove(&c->link);
    list_append(&s->closed, &c->link);
    s->n_conns--;
    metric_add(s->connections, -1);
    check_drained(s);
}

/* ---- options ---- */

static size_t
descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    return limit.rlim_cur > 2 * DESCRIPTORS_KEPT
               ? (size_t)limit.rlim_cur - DESCRIPTORS_KEPT
               : DESCRIPTORS_KEPT;
}

static char *
copy_text(struct str s)
{
    char *copy = xmalloc(s.n + 1);

    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

static const char *
copy_options(struct http_server *s, const struct http_server_options *o)
{
    s->limits = o->limits;
    s->joins = o->joins;
    if (s->limits.max_connections == 0)
        s->limits.max_connections = descriptor_limit();
    s->base_path = copy_text(o->base_path);
    s->tls_cert_file = copy_text(o->tls_cert_file);
    s->tls_key_file = copy_text(o->tls_key_file);
    if (o->base_path.n &&
        (o->base_path.p[0] != '/' || str_ends(o->base_path, STR("/"))))
        return "the base path must start with a slash and not end in one";
    s->proxies.ranges =
        xcalloc(o->n_trusted_proxies + 1, sizeof *s->proxies.ranges);
    for (size_t i = 0; i < o->n_trusted_proxies; i++)
        if (!ip_range_parse(o->trusted_proxies[i],
                            &s->proxies.ranges[s->proxies.n++]))
            return "a trusted proxy is not an address or a CIDR";
    return NULL;
}

enum err
http_server_reload_tls(struct http_server *s, const char **ret_why)
{
    struct ssl_ctx_st *fresh;
    enum err e;

    if (!*s->tls_cert_file && !*s->tls_key_file)
        return ERR_OK;
    e = tls_context_new(str_from(s->tls_cert_file), str_from(s->tls_key_file),
                        &fresh, ret_why);
    if (e)
        return e;
    tls_context_free(s->tls); /* sessions hold references of their own */
    s->tls = fresh;
    return ERR_OK;
}

enum err
http_server_new(struct loop *l, const struct http_server_options *o,
                const struct http_handler *h, struct http_server **ret,
                const char **ret_why)
{
    struct http_server *s = xcalloc(1, sizeof *s);
    enum err e = ERR_IO;

    s->loop = l;
    s->clock = clock_system();
    s->handler = *h;
    s->write_timeout_ms = WRITE_TIMEOUT_MS;
    list_init(&s->conns);
    list_init(&s->closed);
    s->connections = metrics_series(METRIC_http_connections);
    *ret_why = copy_options(s, o);
    if (!*ret_why)
        e = http_server_reload_tls(s, ret_why);
    if (e) {
        http_server_free(s);
        return e;
    }
    /* OpenSSL writes to sockets without MSG_NOSIGNAL. */
    signal(SIGPIPE, SIG_IGN);
    *ret = s;
    return ERR_OK;
}

/* ---- accepting ---- */

static void
watch_listeners(struct http_server *s, bool is_open)
{
    for (struct http_listener *l = s->listeners; l; l = l->next)
        loop_fd_want(l->watch, is_open ? LOOP_READ : 0);
}

static void
on_accept_timer(struct loop_timer *t)
{
    struct http_server *s = CONTAINER_OF(t, struct http_server, accept_timer);

    watch_listeners(s, true);
}

/* No descriptors or memory left: those who knock wait in the backlog until
 * something is closed, and the loop does not spin meanwhile. */
static void
pause_accepting(struct http_server *s, int error)
{
    LOG_WARN("http.accept_paused", log_cstr("error", strerror(error)),
             log_int("connections", (int64_t)s->n_conns));
    watch_listeners(s, false);
    loop_timer_set(s->loop, &s->accept_timer, ACCEPT_PAUSE_MS, on_accept_timer);
}

/* One that is too many is told so, as far as that goes without a state. */
static void
turn_away(struct http_server *s, int fd)
{
    struct buf body = {0}, out = {0};
    struct http_refusal r = {.err = ERR_FULL,
                             .detail = "There are too many connections.",
                             .body = &body};

    if (!s->tls) {
        r.arena = arena_new();
        s->handler.on_refusal(s->handler.arg, &r);
        buf_printf(&out,
                   "HTTP/1.1 %d Service Unavailable\r\n"
                   "Content-Type: application/problem+json\r\n"
                   "Content-Length: %zu\r\nRetry-After: 1\r\n"
                   "Connection: close\r\n",
                   err_http_status(ERR_FULL), body.n);
        for (size_t i = 0; i < r.n_headers; i++)
            reply_put_header(&out, r.headers[i]);
        buf_put_str(&out, STR("\r\n"));
        buf_put_str(&out, buf_str(&body));
        (void)io_write(fd, NULL, out.p, out.n);
        shutdown(fd, SHUT_WR);
        buf_fini(&body);
        buf_fini(&out);
        arena_free(r.arena);
    }
    close(fd);
}

static void
on_knock(struct loop_fd *f, int events, void *arg)
{
    struct http_listener *l = arg;
    struct http_server *s = l->server;

    (void)f;
    (void)events;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t n = sizeof from;
        const int fd = accept4(l->fd, (struct sockaddr *)&from, &n,
                               SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct ip ip;

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
                errno == ENOMEM)
                pause_accepting(s, errno);
            return; /* EAGAIN, or a client that left while it waited */
        }
        ip = ip_from_sockaddr((struct sockaddr *)&from);
        if (s->n_conns >= s->limits.max_connections)
            turn_away(s, fd);
        else
            conn_open(s, fd, &ip);
    }
}

/* "host:port", "[v6]:port", ":port". */
static const char *
resolve(struct str address, struct addrinfo **ret)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE,
                                   .ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM};
    char host[256], port[8];
    size_t colon = address.n;
    struct str name;
    uint64_t number;

    while (colon && address.p[colon - 1] != ':')
        colon--;
    if (!colon || address.n - colon >= sizeof port ||
        !str_to_u64(str_sub(address, colon, address.n), &number) ||
        number > UINT16_MAX)
        return "an address to listen on needs a port, as in 127.0.0.1:7117";
    name = str_sub(address, 0, colon - 1);
    if (name.n && name.p[0] == '[' && str_ends(name, STR("]")))
        name = str_sub(name, 1, name.n - 2);
    if (name.n >= sizeof host)
        return "the host to listen on is too long";
    memcpy(host, name.p, name.n);
    host[name.n] = '\0';
    snprintf(port, sizeof port, "%u", (unsigned)number);
    if (getaddrinfo(name.n ? host : NULL, port, &hints, ret) != 0)
        return "the host to listen on has no address";
    return NULL;
}

/* Only after the first has it for itself may others join: set before, another
 * process of the same user would silently get a share of the connections. */
static const char *
open_listener(const struct addrinfo *a, bool joins, int *ret_fd)
{
    const int one = 1, shares = joins;
    const char *why;
    const int fd =
        socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return strerror(errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shares, sizeof shares);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* inherited */
    if (bind(fd, a->ai_addr, a->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0) {
        why = errno == EADDRINUSE ? "the address is in use" : strerror(errno);
        close(fd);
        return why;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    *ret_fd = fd;
    return NULL;
}

static int
port_of(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t n = sizeof at;
    struct sockaddr_in6 six;
    struct sockaddr_in four;

    if (getsockname(fd, (struct sockaddr *)&at, &n) != 0)
        return 0;
    memcpy(&six, &at, sizeof six);
    memcpy(&four, &at, sizeof four);
    return ntohs(at.ss_family == AF_INET6 ? six.sin6_port : four.sin_port);
}

enum err
http_server_listen(struct http_server *s, struct str address,
                   const char **ret_why)
{
    struct addrinfo *found = NULL;
    struct http_listener *l;
    int fd = -1;

    *ret_why = resolve(address, &found);
    if (!*ret_why) {
        *ret_why = open_listener(found, s->joins, &fd);
        freeaddrinfo(found);
    }
    if (*ret_why)
        return ERR_IO;
    l = xcalloc(1, sizeof *l);
    l->server = s;
    l->fd = fd;
    l->watch = loop_fd_new(s->loop, fd, on_knock, l);
    loop_fd_want(l->watch, LOOP_READ);
    l->next = s->listeners;
    s->listeners = l;
    if (!s->port)
        s->port = port_of(fd);
    return ERR_OK;
}

void
http_server_adopt(struct http_server *s, int fd)
{
    struct ip from;
    bool is_ip = ip_parse(STR("127.0.0.1"), &from);

    assert(is_ip && !s->is_draining);
    conn_open(s, fd, &from);
}

int
http_server_port(const struct http_server *s)
{
    return s->port;
}

size_t
http_server_connections(const struct http_server *s)
{
    return s->n_conns;
}

/* ---- the end ---- */

static void
stop_listening(struct http_server *s)
{
    struct http_listener *l;

    loop_timer_clear(s->loop, &s->accept_timer);
    while ((l = s->listeners) != NULL) {
        s->listeners = l->next;
        loop_fd_free(l->watch);
        close(l->fd);
        free(l);
    }
}

void
http_server_drain(struct http_server *s, void (*done)(void *arg), void *arg)
{
    s->is_draining = true;
    s->on_drained = done;
    s->drained_arg = arg;
    stop_listening(s);
    LIST_EACH(at, &s->conns)
    {
        struct http_conn *c = CONTAINER_OF(at, struct http_conn, link);

        if (c->state == CONN_HANDSHAKE || (c->state == CONN_IDLE && !c->work))
            conn_close(c);
    }
    check_drained(s);
}

void
http_server_free(struct http_server *s)
{
    struct list *at;
    struct http_work *w;

    if (!s)
        return;
    s->is_draining = false;
    stop_listening(s);
    loop_timer_clear(s->loop, &s->drained_timer);
    LIST_EACH(it, &s->conns)
    conn_close(CONTAINER_OF(it, struct http_conn, link));
    while ((at = list_take(&s->closed)) != NULL) {
        struct http_conn *c = CONTAINER_OF(at, struct http_conn, link);

        if (!c->owes_answer)
            conn_free(c);
        else
            c->server = NULL; /* its answer frees it */
    }
    while ((w = s->pool) != NULL) {
        s->pool = w->next_free;
        work_free(w);
    }
    tls_context_free(s->tls);
    free(s->proxies.ranges);
    free(s->base_path);
    free(s->tls_cert_file);
    free(s->tls_key_file);
    free(s);
}
