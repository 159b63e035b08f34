/* user_rows.h - the users of a file, CSV or one JSON object a line, each as
 * the JSON that POST /v1/users/bulk takes. */
#pragma once

#include "cli/csv.h"

enum user_format { USERS_CSV, USERS_NDJSON };

struct user_row {
    uint64_t line; /* where it begins, from 1 on */
    struct str id;
    struct str json;
    struct str why; /* of a bad one */
};

struct user_rows;

/* By the name's end; of another one, or of "-", by the first byte. */
enum user_format user_format_of(struct str name, FILE *file);
/* Reads the header of a CSV file. NULL with *ret_why: it cannot be used. */
struct user_rows *user_rows_open(struct arena *a, FILE *file,
                                 enum user_format format, struct str *ret_why);
void user_rows_close(struct user_rows *r);
/* The row lives in `a`, and only as long as it is the last one read. */
enum csv_got user_rows_next(struct user_rows *r, struct arena *a,
                            struct user_row *ret);
uint64_t user_rows_bytes(const struct user_rows *r); /* read so far */
