/* problem.h - a refusal that a person can act on: RFC 9457 problem details,
 * with one line for each field at fault (JSON pointer, RFC 6901). */
#pragma once

#include "base/err.h"
#include "base/json.h"

/* Of the page that has all types, below the public URL. */
#define PROBLEM_PATH "/docs/errors#"
#define PROBLEM_ERRORS_MAX 32 /* further ones are counted, not kept */

struct problem_error {
    struct str pointer; /* "/to/0"; "" is the whole document */
    struct str detail;
};

struct problem {
    struct arena *arena;
    enum err err; /* ERR_OK: there is none */
    struct str detail;
    struct problem_error errors[PROBLEM_ERRORS_MAX];
    size_t n_errors;
    size_t n_more;
    int64_t retry_after_s; /* 0: none */
};

void problem_init(struct problem *p, struct arena *a);
bool problem_is_set(const struct problem *p);
/* The whole request is refused for one reason; the first one stays. Returns
 * the error, so that a function can end with it. */
enum err problem_set(struct problem *p, enum err e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* One field is at fault. The first error decides the status. */
void problem_add(struct problem *p, enum err e, struct str pointer,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* One sentence for who reads no more: the detail, or what comes to it. */
struct str problem_summary(const struct problem *p);
/* The document; type is `type_base` + code. request_id may be empty. */
void problem_write(const struct problem *p, const char *type_base,
                   struct str request_id, struct buf *out);
