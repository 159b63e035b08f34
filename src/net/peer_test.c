#include "net/peer_test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/arena.h"

/* ---- connections ---- */

static ssize_t
conn_read(struct peer_conn *c, void *p, size_t n)
{
    if (c->tls)
        return SSL_read(c->tls, p, (int)n);
    return recv(c->fd, p, n, 0);
}

bool
peer_write_bytes(struct peer_conn *c, struct str bytes)
{
    while (bytes.n > 0) {
        ssize_t n = c->tls ? SSL_write(c->tls, bytes.p, (int)bytes.n)
                           : send(c->fd, bytes.p, bytes.n, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        bytes = str_sub(bytes, (size_t)n, bytes.n);
    }
    return true;
}

bool
peer_write(struct peer_conn *c, const char *text)
{
    return peer_write_bytes(c, str_from(text));
}

static void
note_bytes(struct peer_conn *c, const void *p, size_t n)
{
    pthread_mutex_lock(&c->peer->lock);
    buf_put(&c->peer->seen, p, n);
    pthread_mutex_unlock(&c->peer->lock);
}

void
peer_note(struct peer_conn *c, const char *text)
{
    note_bytes(c, text, strlen(text));
}

struct str
peer_seen(struct peer *p, struct arena *a)
{
    struct str s;

    pthread_mutex_lock(&p->lock);
    s = str_dup(a, buf_str(&p->seen));
    pthread_mutex_unlock(&p->lock);
    return s;
}

bool
peer_read_line(struct peer_conn *c, char *line, size_t size)
{
    size_t n = 0;

    while (n + 1 < size) {
        if (conn_read(c, &line[n], 1) != 1)
            return false;
        if (line[n++] == '\n')
            break;
    }
    line[n] = 0;
    note_bytes(c, line, n);
    return true;
}

bool
peer_read_request(struct peer_conn *c)
{
    char line[4096], byte;
    uint64_t n = 0;

    do {
        struct str s, name;

        if (!peer_read_line(c, line, sizeof(line)))
            return false;
        s = str_from(line);
        if (str_split(&s, ':', &name) && str_ieq(name, STR("Content-Length")) &&
            s.n > 2)
            str_to_u64(str_trim(str_sub(s, 0, s.n - 2)), &n);
    } while (strcmp(line, "\r\n") != 0);
    for (; n > 0; n--) {
        if (conn_read(c, &byte, 1) != 1)
            return false;
        note_bytes(c, &byte, 1);
    }
    c->peer->n_requests++;
    return true;
}

void
peer_wait_for_close(struct peer_conn *c)
{
    char bytes[4096];

    while (conn_read(c, bytes, sizeof(bytes)) > 0)
        ;
}

void
peer_reset(struct peer_conn *c)
{
    struct linger now = {.l_onoff = 1};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void *
run_connection(void *arg)
{
    struct peer_conn *c = arg;
    bool is_ready = true;

    if (c->peer->tls) {
        c->tls = SSL_new(c->peer->tls);
        SSL_set_fd(c->tls, c->fd);
        is_ready = SSL_accept(c->tls) == 1;
    }
    if (is_ready)
        c->peer->serve(c);
    SSL_free(c->tls);
    close(c->fd);
    return NULL;
}

static void *
run_peer(void *arg)
{
    struct peer *p = arg;
    int fd;

    while ((fd = accept(p->listen_fd, NULL, NULL)) >= 0) {
        int n = p->n_connections;
        struct peer_conn *c = &p->conns[n];

        if (n == PEER_CONNECTIONS_MAX)
            abort();
        *c = (struct peer_conn){.peer = p, .fd = fd, .nth = n + 1};
        if (pthread_create(&c->thread, NULL, run_connection, c) != 0)
            abort();
        p->n_connections = n + 1;
    }
    return NULL;
}

void
peer_start(struct peer *p, void (*serve)(struct peer_conn *c))
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);

    memset(p, 0, sizeof(*p));
    p->serve = serve;
    pthread_mutex_init(&p->lock, NULL);
    p->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(p->listen_fd >= 0);
    assert_int_equal(bind(p->listen_fd, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(p->listen_fd, 512), 0);
    assert_int_equal(getsockname(p->listen_fd, (struct sockaddr *)&at, &size),
                     0);
    p->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, run_peer, p), 0);
}

void
peer_stop(struct peer *p)
{
    shutdown(p->listen_fd, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    close(p->listen_fd);
    for (int i = 0; i < p->n_connections; i++)
        pthread_join(p->conns[i].thread, NULL);
    pthread_mutex_destroy(&p->lock);
    SSL_CTX_free(p->tls);
    buf_fini(&p->seen);
}

void
peer_use_tls(struct peer *p, const char *cert_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_EXTENSION *san =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    FILE *f = fopen(cert_file, "wb");

    assert_non_null(f);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *)"peer", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_add_ext(cert, san, -1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    PEM_write_X509(f, cert);
    fclose(f);
    p->tls = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(p->tls, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(p->tls, key), 1);
    X509_EXTENSION_free(san);
    X509_free(cert);
    EVP_PKEY_free(key);
}

/* ---- the near side ---- */

void
caller_start(struct caller *c, const char *allow)
{
    struct str range = str_from(allow);
    const char *why;

    c->loop = loop_new();
    c->policy = egress_policy_new(&range, allow ? 1 : 0, &why);
    assert_non_null(c->policy);
    c->fetch = fetch_new(c->loop, c->policy);
}

void
caller_stop(struct caller *c)
{
    fetch_free(c->fetch);
    egress_policy_free(c->policy);
    loop_free(c->loop);
}

static void
on_done(struct fetch_request *r, const struct fetch_answer *a)
{
    struct call *k = r->arg;

    k->answer = *a;
    k->n_done++;
}

void
call_init(struct call *k)
{
    *k = (struct call){.r = {.kind = FETCH_HTTP,
                             .arena = arena_new(),
                             .timeout_ms = 10000,
                             .on_done = on_done,
                             .method = STR("POST"),
                             .body = STR("{}")}};
    k->r.arg = k;
}

void
call_fini(struct call *k)
{
    arena_free(k->r.arena);
}

void
call_url(struct call *k, int port, const char *path)
{
    k->r.url = str_fmt(k->r.arena, "http://127.0.0.1:%d%s", port, path);
}

void
call_wait(struct caller *c, struct call *k)
{
    int64_t end_ms = loop_now_ms(c->loop) + 20000;

    while (k->n_done == 0 && loop_now_ms(c->loop) < end_ms)
        loop_turn(c->loop, 50);
    assert_int_equal(k->n_done, 1);
}

void
call_run(struct caller *c, struct call *k)
{
    k->n_done = 0;
    fetch_start(c->fetch, &k->r);
    assert_int_equal(k->n_done, 0);
    call_wait(c, k);
}

void
call_stop(struct call *k, struct caller *c, struct peer *p)
{
    call_fini(k);
    caller_stop(c);
    peer_stop(p);
}

void
assert_text(struct str s, const char *want)
{
    if (!str_is(s, want))
        fail_msg("|%.*s| is not |%s|", STR_ARG(s), want);
}
