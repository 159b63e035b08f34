/* field.h - what a JSON object may hold, said once: a table of fields checks
 * requests and writes the JSON Schema of the OpenAPI document. */
#pragma once

#include "base/json.h"
#include "base/problem.h"

enum field_type {
    FIELD_END = 0, /* a table's last row */
    FIELD_STRING,  /* min, max: bytes */
    FIELD_KEY,     /* [A-Za-z0-9_.:@-]{1,128} */
    FIELD_INT,     /* min, max: value */
    FIELD_DECIMAL, /* a JSON number or a string that holds one */
    FIELD_BOOL,
    FIELD_DURATION, /* "60s"; min, max: ms */
    FIELD_TIME,     /* RFC 3339 */
    FIELD_ENUM,     /* one of values */
    FIELD_URL,      /* http or https, absolute */
    FIELD_EMAIL,    /* addr-spec, or "Name <addr-spec>" */
    FIELD_LOCALE,   /* BCP 47 language tag, in any case */
    FIELD_ANY,      /* any JSON */
    FIELD_OBJECT,   /* of: its members; NULL: any object */
    FIELD_MAP,      /* any keys; of: one nameless row for the values */
    FIELD_ARRAY,    /* of: one nameless row for the elements; min, max: n */
    FIELD_ONE_OF,   /* of: nameless rows; the first whose JSON type fits */
};

enum field_flag {
    FIELD_REQUIRED = 1,
    FIELD_SECRET = 2, /* "***" on the way out */
    FIELD_NULLABLE = 4,
    FIELD_READ_ONLY = 8,    /* in answers; ignored when sent back */
    FIELD_UNSUPPORTED = 16, /* a known name that this release refuses */
    FIELD_OPEN = 32,        /* what its object has no name for goes into it */
};

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    int64_t min, max;          /* 0, 0: no bound (strings: up to 64 KiB) */
    const char *const *values; /* ENUM: ends with NULL */
    const struct field *of;
    const char *doc; /* a sentence */
};

/* Adds each fault to *p, with pointers below `at` ("" at the root). An unknown
 * member is a fault that names the nearest known one. */
void field_check(const struct field *members, struct json object, struct str at,
                 struct problem *p);
/* As a JSON Schema (draft 2020-12) object. Write-only names are left out of
 * answers and READ_ONLY ones out of requests. */
void field_schema(const struct field *members, bool is_answer,
                  struct json_writer *w);
/* The object with each SECRET member's value as "***" (all of its kind). */
void field_mask(const struct field *members, struct json object,
                struct json_writer *w);
/* The JSON pointer to a member of what `at` points to (RFC 6901). */
struct str field_pointer(struct arena *a, struct str at, struct str name);
const struct field *field_find(const struct field *members, struct str name);
