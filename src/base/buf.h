/* buf.h - bytes that grow: output being built, input being gathered.
 *
 * A zeroed struct buf is an empty one. With an arena it lives there and needs
 * no fini; without, it is on the heap and buf_fini() frees it. */
#pragma once

#include "base/str.h"

struct buf {
    char *p;
    size_t n;            /* bytes in use */
    size_t cap;          /* bytes there */
    struct arena *arena; /* NULL: heap */
};

void buf_init(struct buf *b, struct arena *arena_or_null);
void buf_fini(struct buf *b);
void buf_reset(struct buf *b); /* n = 0, memory kept */
void buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_put_str(struct buf *b, struct str s);
void buf_put_cstr(struct buf *b, const char *s);
void buf_put_char(struct buf *b, char c);
void buf_put_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void buf_drop(struct buf *b, size_t n);  /* the first n bytes */
struct str buf_str(const struct buf *b); /* borrowed until the next change */

/* As a JSON string with its quotes (RFC 8259). Input must be UTF-8. */
void buf_put_json_str(struct buf *b, struct str s);
void buf_put_html(struct buf *b, struct str s);      /* & < > " ' escaped */
void buf_put_base64(struct buf *b, struct str s);    /* RFC 4648 section 4 */
void buf_put_base64url(struct buf *b, struct str s); /* section 5, no pads */
void buf_put_hex(struct buf *b, struct str s);       /* lower case */
void buf_put_url(struct buf *b, struct str s); /* RFC 3986 unreserved kept */

/* Decoders: false on a byte that does not belong. Pads are optional. */
bool buf_get_base64(struct buf *b, struct str s); /* both alphabets */
