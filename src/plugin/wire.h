/* wire.h - frames between Belfry and the children that plugins run in.
 *
 *   "BFP" version(1) | kind u32 | id u32 | n u32 | n bytes
 *
 * Numbers are little-endian. A payload is a row of numbers and of texts (u32
 * length, bytes) in the order that codec.h knows. Each side takes the other for
 * hostile: a length is looked at before there is room for it, what is read past
 * the end is zero and marks the reader, and so does what is left over. Pure. */
#pragma once

#include "base/buf.h"

#define WIRE_VERSION 1
#define WIRE_HEAD 16
#define WIRE_MAX (8 * 1024 * 1024) /* of a payload */

enum wire_kind {
    WIRE_HELLO = 1,    /* child: what the plugin says of itself */
    WIRE_REFUSED = 2,  /* child, in place of it: a text, why there is none */
    WIRE_STEP = 3,     /* host */
    WIRE_STEPPED = 4,  /* child */
    WIRE_RECEIPT = 5,  /* host */
    WIRE_RECEIVED = 6, /* child */
    WIRE_LOG = 7,      /* child, while it works: a text */
    WIRE_KINDS,
};

struct wire_frame {
    enum wire_kind kind;
    uint32_t id; /* the answer has that of the question */
    struct str payload;
};

/* Writes a head; what is put behind it until wire_end(), with what this
 * returned, is the payload. False: that is larger than WIRE_MAX, and gone. */
size_t wire_begin(struct buf *out, enum wire_kind kind, uint32_t id);
bool wire_end(struct buf *out, size_t at);
void wire_set_id(struct buf *frame, uint32_t id); /* of the first frame in it */

enum wire_state {
    WIRE_MORE,  /* not all of it is there */
    WIRE_WHOLE, /* *ret, borrowed from `in` */
    WIRE_BAD,   /* what comes is none, and nothing after it is */
};
/* The first frame of what came; *ret_n: its bytes, or how many more are certain
 * to come. */
enum wire_state wire_take(struct str in, struct wire_frame *ret, size_t *ret_n);

void wire_put_u32(struct buf *out, uint32_t v);
void wire_put_i64(struct buf *out, int64_t v);
void wire_put_str(struct buf *out, struct str s);

struct wire_reader {
    struct str rest;
    bool is_bad;
};
uint32_t wire_get_u32(struct wire_reader *r);
int64_t wire_get_i64(struct wire_reader *r);
/* Of at most max bytes; borrowed. */
struct str wire_get_str(struct wire_reader *r, size_t max);
/* How many follow, of at least `size` bytes each: no more than are there. */
size_t wire_get_count(struct wire_reader *r, size_t max, size_t size);
bool wire_is_done(const struct wire_reader *r); /* all of it, and nothing bad */
