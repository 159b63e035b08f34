/* tls.c - see tls.h.
 *
 * No session cache and no tickets: a resumption would save little and a cache
 * is state to guard. Buffers go back while a connection is idle. */
#include "net/tls.h"

#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

static int
choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_n,
                const unsigned char *offered, unsigned n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl;
    (void)arg;
    if (SSL_select_next_proto(&chosen, ret_n, ours, sizeof ours - 1, offered,
                              n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static const char *
load_files(SSL_CTX *ctx, struct str cert_file, struct str key_file)
{
    char cert[PATH_MAX], key[PATH_MAX];

    if (cert_file.n >= sizeof cert || key_file.n >= sizeof key ||
        !cert_file.n || !key_file.n)
        return "TLS needs the name of a certificate and of a key file";
    memcpy(cert, cert_file.p, cert_file.n);
    cert[cert_file.n] = '\0';
    memcpy(key, key_file.p, key_file.n);
    key[key_file.n] = '\0';
    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return "the TLS certificate file cannot be read or holds no "
               "certificate";
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
        return "the TLS key file cannot be read, holds no key, or not the "
               "certificate's";
    return NULL;
}

enum err
tls_context_new(struct str cert_file, struct str key_file,
                struct ssl_ctx_st **ret, const char **ret_why)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    const char *why;

    if (!ctx)
        fatal("OpenSSL cannot make a context");
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS |
                              SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_NO_COMPRESSION |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    why = load_files(ctx, cert_file, key_file);
    ERR_clear_error();
    if (why) {
        SSL_CTX_free(ctx);
        *ret_why = why;
        return ERR_IO;
    }
    *ret = ctx;
    return ERR_OK;
}

void
tls_context_free(struct ssl_ctx_st *ctx)
{
    SSL_CTX_free(ctx);
}

struct ssl_st *
tls_session_new(struct ssl_ctx_st *ctx, int fd)
{
    SSL *ssl = SSL_new(ctx);

    if (!ssl || SSL_set_fd(ssl, fd) != 1)
        fatal("out of memory for a TLS session");
    SSL_set_accept_state(ssl);
    return ssl;
}

void
tls_session_free(struct ssl_st *tls)
{
    SSL_free(tls);
}

void
tls_session_say_bye(struct ssl_st *tls)
{
    SSL_shutdown(tls);
    ERR_clear_error();
}

static int
verdict(struct ssl_st *tls, int rc)
{
    const int e = SSL_get_error(tls, rc);

    ERR_clear_error();
    if (e == SSL_ERROR_WANT_READ)
        return IO_WANTS_READ;
    if (e == SSL_ERROR_WANT_WRITE)
        return IO_WANTS_WRITE;
    return e == SSL_ERROR_ZERO_RETURN ? 0 : IO_FAILED;
}

int
tls_session_accept(struct ssl_st *tls)
{
    const int rc = SSL_do_handshake(tls);
    int e;

    if (rc == 1)
        return 1;
    e = verdict(tls, rc);
    return e == 0 ? IO_FAILED : e;
}

static ssize_t
plain_verdict(ssize_t n, int again)
{
    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? again : IO_FAILED;
}

ssize_t
io_read(int fd, struct ssl_st *tls, void *p, size_t n)
{
    int rc;

    if (!tls)
        return plain_verdict(recv(fd, p, n, 0), IO_WANTS_READ);
    rc = SSL_read(tls, p, n > INT_MAX ? INT_MAX : (int)n);
    return rc > 0 ? rc : verdict(tls, rc);
}

ssize_t
io_write(int fd, struct ssl_st *tls, const void *p, size_t n)
{
    int rc;

    if (!tls)
        return plain_verdict(send(fd, p, n, MSG_NOSIGNAL), IO_WANTS_WRITE);
    rc = SSL_write(tls, p, n > INT_MAX ? INT_MAX : (int)n);
    if (rc > 0)
        return rc;
    rc = verdict(tls, rc);
    return rc == 0 ? IO_FAILED : rc;
}

ssize_t
io_write_parts(int fd, struct iovec *parts, int n)
{
    const struct msghdr m = {.msg_iov = parts, .msg_iovlen = (size_t)n};

    return plain_verdict(sendmsg(fd, &m, MSG_NOSIGNAL), IO_WANTS_WRITE);
}

bool
io_has_buffered(struct ssl_st *tls)
{
    return tls && SSL_has_pending(tls);
}
