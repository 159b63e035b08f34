/* call_line.h - how a call went out, in one short line of an attempt that
 * failed: "POST api.example.com:8443 /v1/send 312 +", with nothing secret in
 * it. The last word is the idempotency key; "+": the delivery's id; "-": none.
 */
#pragma once

#include <stdint.h>

#include "base/str.h"

#define CALL_LINE_MAX 300 /* bytes; longer paths are cut */

struct call_line {
    struct str method; /* GET …, SMTP, FILE */
    struct str host;   /* with its port, if it has one; may be empty */
    struct str path;   /* of the URL, or of the file; may be empty */
    int64_t size;      /* bytes of the body */
    struct str key;    /* empty: none */
    bool is_delivery;  /* the key is its id */
};

struct str call_line_write(struct arena *a, const struct call_line *l);
/* False: it is none. Texts are borrowed. */
bool call_line_read(struct str text, struct call_line *ret);
