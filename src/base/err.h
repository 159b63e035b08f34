/* err.h - how a function says that something expected went wrong.
 *
 * Bugs are asserts, a broken start-up is fatal(), and everything else that
 * can fail is an `enum err`. errors.def is the one list; it also gives the
 * HTTP status and the problem type (RFC 9457) that a client sees. */
#pragma once

#include "base/str.h"

enum err {
    ERR_OK = 0,
#define ERR(name, status, code, title, help) ERR_##name,
#include "base/errors.def"
#undef ERR
    ERR_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))

int err_http_status(enum err e);   /* 200 for ERR_OK */
const char *err_code(enum err e);  /* "not_found"; static */
const char *err_title(enum err e); /* a sentence; static */
const char *err_help(enum err e);  /* what to do; static */

/* Say why on stderr and exit(1). For a start-up that cannot go on, no memory,
 * a corrupt or unwritable store: the queue is durable, so dying is safe. */
_Noreturn void fatal(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
