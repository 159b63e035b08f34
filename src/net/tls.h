/* tls.h - TLS 1.2 and 1.3 for the server's side, by OpenSSL; and reading and
 * writing a socket that may or may not be under it. Nothing here blocks. */
#pragma once

#include <sys/types.h>

#include "base/err.h"

struct ssl_ctx_st;
struct ssl_st;

/* The certificate file may hold its chain. ERR_IO with a static line. */
enum err tls_context_new(struct str cert_file, struct str key_file,
                         struct ssl_ctx_st **ret,
                         const char **ret_why) MUST_CHECK;
void tls_context_free(struct ssl_ctx_st *ctx);

/* Takes a reference on the context. The descriptor stays the caller's. */
struct ssl_st *tls_session_new(struct ssl_ctx_st *ctx, int fd);
void tls_session_free(struct ssl_st *tls); /* NULL is allowed */
void tls_session_say_bye(struct ssl_st *tls);

/* What a call says instead of a count of bytes; 0 is the end. */
enum { IO_WANTS_READ = -1, IO_WANTS_WRITE = -2, IO_FAILED = -3 };

int tls_session_accept(struct ssl_st *tls); /* 1, or one of the above */
/* `tls` may be NULL: a plain socket. */
ssize_t io_read(int fd, struct ssl_st *tls, void *p, size_t n);
ssize_t io_write(int fd, struct ssl_st *tls, const void *p, size_t n);
struct iovec;
ssize_t io_write_parts(int fd, struct iovec *parts, int n); /* plain */
/* Bytes are there that poll() does not know of. */
bool io_has_buffered(struct ssl_st *tls);
