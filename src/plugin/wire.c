/* wire.c - see wire.h. */
#include "plugin/wire.h"

#include <assert.h>

static const char magic[4] = {'B', 'F', 'P', WIRE_VERSION};

/* ---- numbers ---- */

static void
put_le(char *to, uint64_t v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (char)(unsigned char)(v >> (8 * i));
}

static uint64_t
get_le(const char *from, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)(unsigned char)from[i] << (8 * i);
    return v;
}

/* ---- frames ---- */

size_t
wire_begin(struct buf *out, enum wire_kind kind, uint32_t id)
{
    size_t at = out->n;

    buf_put(out, magic, sizeof(magic));
    wire_put_u32(out, kind);
    wire_put_u32(out, id);
    wire_put_u32(out, 0);
    return at;
}

bool
wire_end(struct buf *out, size_t at)
{
    size_t n = out->n - at - WIRE_HEAD;

    assert(out->n >= at + WIRE_HEAD);
    if (n > WIRE_MAX) {
        out->n = at;
        return false;
    }
    put_le(out->p + at + 12, n, 4);
    return true;
}

void
wire_set_id(struct buf *frame, uint32_t id)
{
    assert(frame->n >= WIRE_HEAD);
    put_le(frame->p + 8, id, 4);
}

enum wire_state
wire_take(struct str in, struct wire_frame *ret, size_t *ret_n)
{
    size_t n_magic = in.n < sizeof(magic) ? in.n : sizeof(magic);
    uint64_t kind, n;

    *ret_n = 0;
    if (n_magic > 0 && memcmp(in.p, magic, n_magic) != 0)
        return WIRE_BAD;
    if (in.n < WIRE_HEAD) {
        *ret_n = WIRE_HEAD - in.n;
        return WIRE_MORE;
    }
    kind = get_le(in.p + 4, 4);
    n = get_le(in.p + 12, 4);
    if (kind == 0 || kind >= WIRE_KINDS || n > WIRE_MAX)
        return WIRE_BAD;
    if (in.n - WIRE_HEAD < n) {
        *ret_n = (size_t)n - (in.n - WIRE_HEAD);
        return WIRE_MORE;
    }
    *ret = (struct wire_frame){
        .kind = (enum wire_kind)kind,
        .id = (uint32_t)get_le(in.p + 8, 4),
        .payload = str_sub(in, WIRE_HEAD, (size_t)n),
    };
    *ret_n = WIRE_HEAD + (size_t)n;
    return WIRE_WHOLE;
}

/* ---- payloads ---- */

void
wire_put_u32(struct buf *out, uint32_t v)
{
    char bytes[4];

    put_le(bytes, v, sizeof(bytes));
    buf_put(out, bytes, sizeof(bytes));
}

void
wire_put_i64(struct buf *out, int64_t v)
{
    char bytes[8];

    put_le(bytes, (uint64_t)v, sizeof(bytes));
    buf_put(out, bytes, sizeof(bytes));
}

/* A text that is longer makes the frame too large, whatever its length says. */
void
wire_put_str(struct buf *out, struct str s)
{
    wire_put_u32(out, (uint32_t)s.n);
    buf_put_str(out, s.n > WIRE_MAX ? str_sub(s, 0, WIRE_MAX) : s);
}

static struct str
get_bytes(struct wire_reader *r, size_t n)
{
    struct str s = {r->rest.p, n};

    if (r->is_bad || n > r->rest.n) {
        r->is_bad = true;
        return STR_NONE;
    }
    r->rest = str_sub(r->rest, n, r->rest.n);
    return s;
}

uint32_t
wire_get_u32(struct wire_reader *r)
{
    struct str s = get_bytes(r, 4);

    return s.n > 0 ? (uint32_t)get_le(s.p, 4) : 0;
}

int64_t
wire_get_i64(struct wire_reader *r)
{
    struct str s = get_bytes(r, 8);

    return s.n > 0 ? (int64_t)get_le(s.p, 8) : 0;
}

struct str
wire_get_str(struct wire_reader *r, size_t max)
{
    size_t n = wire_get_u32(r);

    if (n > max)
        r->is_bad = true;
    return r->is_bad ? STR_NONE : get_bytes(r, n);
}

size_t
wire_get_count(struct wire_reader *r, size_t max, size_t size)
{
    size_t n = wire_get_u32(r);

    if (n > max || n > r->rest.n / size)
        r->is_bad = true;
    return r->is_bad ? 0 : n;
}

bool
wire_is_done(const struct wire_reader *r)
{
    return !r->is_bad && r->rest.n == 0;
}
