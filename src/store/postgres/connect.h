/* connect.h - a connection for start-up and the command line, which wait for
 * it. The URL may hold a password: it is shown to nobody, and neither is what
 * libpq says of a URL that it cannot read. */
#pragma once

#include <libpq-fe.h>

#include "base/arena.h"
#include "base/err.h"

/* A server that is slow still acknowledges what it gets; where packets are lost
 * nothing does, and only silence tells. The URL may say how long instead. */
#define PG_SILENCE_MS "1500"

/* ERR_INVALID: that is no URL; ERR_IO. *ret is NULL then. */
enum err pg_connect(const char *url, const char *who, PGconn **ret,
                    const char **ret_why) MUST_CHECK;
/* Text for a person, until this thread's next call. */
const char *pg_why(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
