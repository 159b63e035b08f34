/* csv.h - rows of comma-separated values (RFC 4180), one at a time from a
 * file of any size. Quoted fields may hold commas, quotes and newlines; lines
 * end with LF or CRLF; a byte order mark is passed over. A row that cannot be
 * read is said so, and the next one follows. */
#pragma once

#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"

#define CSV_ROW_MAX (128u * 1024) /* bytes */
#define CSV_FIELDS_MAX 1000

enum csv_got { CSV_ROW, CSV_BAD, CSV_END };

struct csv {
    FILE *file;
    uint64_t line;   /* of the next byte, from 1 on */
    uint64_t n_read; /* bytes */
    int ahead[2];    /* read from the file and not yet taken; the last first */
    size_t n_ahead;
    /* the row */
    uint64_t row_line; /* where it begins */
    struct buf text;   /* its fields, one behind the other */
    struct buf ends;   /* of size_t: where each ends */
    const char *why;   /* of CSV_BAD; static */
};

void csv_init(struct csv *c, FILE *file);
void csv_fini(struct csv *c);
/* Passes over empty lines. */
enum csv_got csv_next(struct csv *c);
size_t csv_count(const struct csv *c);
struct str csv_field(const struct csv *c, size_t i); /* until the next row */
/* The next line that is not empty, as it is: a row of one field. For files that
 * have something else on each line. */
enum csv_got csv_line(struct csv *c);
