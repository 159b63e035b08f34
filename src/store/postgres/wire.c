/* wire.c - see wire.h. */
#include "store/postgres/wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>

#include "base/arena.h"

/* ---- parameters ---- */

static void
put(struct pg_params *p, const char *value, size_t n)
{
    assert(p->n < PG_PARAMS_MAX && n <= INT32_MAX);
    p->values[p->n] = value;
    p->lengths[p->n] = (int)n;
    p->formats[p->n] = 1;
    p->n++;
}

void
pg_put_int(struct pg_params *p, int64_t v)
{
    uint64_t wire = htobe64((uint64_t)v);

    put(p, arena_copy(p->arena, &wire, sizeof(wire)), sizeof(wire));
}

void
pg_put_int4(struct pg_params *p, int v)
{
    uint32_t wire = htonl((uint32_t)v);

    put(p, arena_copy(p->arena, &wire, sizeof(wire)), sizeof(wire));
}

void
pg_put_int2(struct pg_params *p, int v)
{
    uint16_t wire = htons((uint16_t)v);

    put(p, arena_copy(p->arena, &wire, sizeof(wire)), sizeof(wire));
}

void
pg_put_bool(struct pg_params *p, bool v)
{
    put(p, v ? "\1" : "\0", 1);
}

void
pg_put_text(struct pg_params *p, struct str v)
{
    put(p, v.p ? v.p : "", v.n);
}

/* ---- arrays ---- */

#define HEAD_BYTES 20 /* dimensions, has nulls, type, length, lower bound */

static size_t
width(enum pg_type t)
{
    switch (t) {
    case PG_TYPE_BOOL:
        return 1;
    case PG_TYPE_INT2:
        return 2;
    case PG_TYPE_INT4:
        return 4;
    case PG_TYPE_INT8:
        return 8;
    case PG_TYPE_BYTEA:
    case PG_TYPE_TEXT:
        break;
    }
    return 16; /* a guess, for how much to reserve */
}

struct pg_array
pg_array(struct arena *a, enum pg_type type, size_t expected)
{
    struct pg_array array = {.type = type};
    static const char head[HEAD_BYTES];

    buf_init(&array.bytes, a);
    buf_reserve(&array.bytes, HEAD_BYTES + expected * (4 + width(type)));
    buf_put(&array.bytes, head, sizeof(head));
    return array;
}

static void
add(struct pg_array *a, const void *p, size_t n)
{
    uint32_t wire = htonl((uint32_t)n);

    assert(n <= INT32_MAX);
    buf_put(&a->bytes, &wire, sizeof(wire));
    buf_put(&a->bytes, p, n);
    a->n++;
}

void
pg_add_int(struct pg_array *a, int64_t v)
{
    uint64_t wire = htobe64((uint64_t)v);
    size_t n = width(a->type);

    assert(a->type != PG_TYPE_TEXT && a->type != PG_TYPE_BYTEA);
    add(a, (const char *)&wire + sizeof(wire) - n, n);
}

void
pg_add_text(struct pg_array *a, struct str v)
{
    add(a, v.p ? v.p : "", v.n);
}

void
pg_add_text_or_null(struct pg_array *a, struct str v)
{
    uint32_t null = htonl(UINT32_MAX);

    if (v.n > 0) {
        add(a, v.p, v.n);
        return;
    }
    buf_put(&a->bytes, &null, sizeof(null));
    a->has_null = true;
    a->n++;
}

void
pg_put_array(struct pg_params *p, struct pg_array *a)
{
    const uint32_t head[] = {htonl(1), htonl(a->has_null),
                             htonl((uint32_t)a->type), htonl(a->n), htonl(1)};

    _Static_assert(sizeof(head) == HEAD_BYTES, "as array_recv() reads it");
    memcpy(a->bytes.p, head, sizeof(head));
    put(p, a->bytes.p, a->bytes.n);
}

static enum pg_type
type_of(char letter)
{
    switch (letter) {
    case 'l':
        return PG_TYPE_INT8;
    case 'i':
        return PG_TYPE_INT4;
    case 's':
        return PG_TYPE_INT2;
    case 'b':
        return PG_TYPE_BOOL;
    case 'B':
        return PG_TYPE_BYTEA;
    default:
        assert(letter == 't' || letter == 'T');
        return PG_TYPE_TEXT;
    }
}

void
pg_columns_init(struct pg_columns *c, struct arena *a, const char *types,
                size_t expected)
{
    *c = (struct pg_columns){.types = types, .n = (int)strlen(types)};
    assert(c->n <= PG_PARAMS_MAX);
    for (int i = 0; i < c->n; i++)
        c->all[i] = pg_array(a, type_of(types[i]), expected);
}

/* The column that comes next. */
static int
advance(struct pg_columns *c)
{
    int at = c->at++;

    if (at == 0)
        c->n_rows++;
    if (c->at == c->n)
        c->at = 0;
    return at;
}

void
pg_col_int(struct pg_columns *c, int64_t v)
{
    pg_add_int(&c->all[advance(c)], v);
}

void
pg_col_text(struct pg_columns *c, struct str v)
{
    int at = advance(c);

    if (c->types[at] == 't')
        pg_add_text_or_null(&c->all[at], v);
    else
        pg_add_text(&c->all[at], v);
}

void
pg_put_columns(struct pg_params *p, struct pg_columns *c)
{
    assert(c->at == 0); /* the last row is whole */
    for (int i = 0; i < c->n; i++)
        pg_put_array(p, &c->all[i]);
}

/* ---- rows ---- */

struct pg_rows
pg_rows(const PGresult *r)
{
    return (struct pg_rows){.result = r, .row = -1};
}

bool
pg_next(struct pg_rows *r)
{
    r->column = 0;
    return ++r->row < PQntuples(r->result);
}

size_t
pg_count(const struct pg_rows *r)
{
    return (size_t)PQntuples(r->result);
}

bool
pg_is_null(const struct pg_rows *r)
{
    return PQgetisnull(r->result, r->row, r->column) != 0;
}

struct str
pg_borrow(struct pg_rows *r)
{
    int column = r->column++;

    return (struct str){PQgetvalue(r->result, r->row, column),
                        (size_t)PQgetlength(r->result, r->row, column)};
}

static int64_t
read_int(const char *p, size_t n)
{
    uint64_t v = n > 0 && (p[0] & 0x80) ? UINT64_MAX : 0;

    for (size_t i = 0; i < n; i++)
        v = (v << 8) | (uint8_t)p[i];
    return (int64_t)v;
}

int64_t
pg_int(struct pg_rows *r)
{
    struct str wire = pg_borrow(r);

    assert(wire.n <= 8);
    return read_int(wire.p, wire.n);
}

struct str
pg_text(struct pg_rows *r, struct arena *a)
{
    struct str wire = pg_borrow(r);

    return wire.n > 0 ? str_dup(a, wire) : STR_NONE;
}

int64_t *
pg_ints(struct pg_rows *r, struct arena *a, size_t *ret_n)
{
    struct str wire = pg_borrow(r);
    int64_t *all;
    size_t n;

    *ret_n = 0;
    if (wire.n < HEAD_BYTES)
        return NULL;
    n = (size_t)read_int(wire.p + 12, 4);
    if (wire.n != HEAD_BYTES + n * 12)
        return NULL;
    all = ARENA_ARRAY(a, int64_t, n);
    for (size_t i = 0; i < n; i++)
        all[i] = read_int(wire.p + HEAD_BYTES + i * 12 + 4, 8);
    *ret_n = n;
    return all;
}
