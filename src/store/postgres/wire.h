/* wire.h - parameters in and rows out, in PostgreSQL's binary format
 * (protocol 3.0; each type's send and receive functions). */
#pragma once

#include <libpq-fe.h>

#include "base/buf.h"

/* Types by their OIDs, which are fixed (src/include/catalog/pg_type.dat). */
enum pg_type {
    PG_TYPE_BOOL = 16,
    PG_TYPE_BYTEA = 17,
    PG_TYPE_INT8 = 20,
    PG_TYPE_INT2 = 21,
    PG_TYPE_INT4 = 23,
    PG_TYPE_TEXT = 25,
};

#define PG_PARAMS_MAX 24

/* The parameters of one statement, in order. Everything put is copied or
 * stays borrowed until the statement is sent. */
struct pg_params {
    struct arena *arena;
    int n;
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX], formats[PG_PARAMS_MAX];
};

void pg_put_int(struct pg_params *p, int64_t v);     /* ::int8 */
void pg_put_int4(struct pg_params *p, int v);        /* ::int4 */
void pg_put_int2(struct pg_params *p, int v);        /* ::int2 */
void pg_put_bool(struct pg_params *p, bool v);       /* ::bool */
void pg_put_text(struct pg_params *p, struct str v); /* ::text, ::bytea */

/* A column of rows, for unnest(). Ints are cut to the width of its type. */
struct pg_array {
    enum pg_type type;
    uint32_t n;
    bool has_null;
    struct buf bytes;
};
struct pg_array pg_array(struct arena *a, enum pg_type type, size_t expected);
void pg_add_int(struct pg_array *a, int64_t v);
void pg_add_text(struct pg_array *a, struct str v);
void pg_add_text_or_null(struct pg_array *a, struct str v); /* "" is NULL */
void pg_put_array(struct pg_params *p, struct pg_array *a);

/* Columns of equal length, filled a row at a time: the values of a row in the
 * order of `types`, a letter for each column: l int8, i int4, s int2, b bool,
 * t text where "" is NULL, T text, B bytea. */
struct pg_columns {
    const char *types;
    int n, at;
    size_t n_rows;
    struct pg_array all[PG_PARAMS_MAX];
};
void pg_columns_init(struct pg_columns *c, struct arena *a, const char *types,
                     size_t expected);
void pg_col_int(struct pg_columns *c, int64_t v);
void pg_col_text(struct pg_columns *c, struct str v);
void pg_put_columns(struct pg_params *p, struct pg_columns *c);

/* The rows of one result; columns are taken in order. NULL is 0, STR_NONE. */
struct pg_rows {
    const PGresult *result;
    int row, column;
};
struct pg_rows pg_rows(const PGresult *r);
bool pg_next(struct pg_rows *r);
size_t pg_count(const struct pg_rows *r); /* of all rows */
int64_t pg_int(struct pg_rows *r);        /* bool, int2, int4, int8 */
struct str pg_text(struct pg_rows *r, struct arena *a);
struct str pg_borrow(struct pg_rows *r);  /* while the result is there */
bool pg_is_null(const struct pg_rows *r); /* the next one; does not take it */
/* int8[]; NULL is empty. */
int64_t *pg_ints(struct pg_rows *r, struct arena *a, size_t *ret_n);
