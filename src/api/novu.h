/* novu.h - the routes below /novu, for clients of Novu: what they send becomes
 * documents of ours and goes to what our own routes call; what comes of it is
 * told in their shapes. Nothing is decided here. docs/novu.md has the map. */
#pragma once

#include "api/collection.h"

/* Below it, keys come as "ApiKey KEY", too, and refusals go out in Novu's
 * shape. */
bool novu_is_path(struct str path);

/* {"statusCode", "timestamp", "path", "message", "error", "ctx", "errors"} of
 * c->problem. */
void novu_write_refusal(struct call *c, struct buf *out);
/* Its members, without braces. */
void novu_put_refusal(struct call *c, struct json_writer *w);
/* The same document's faults under other names, each a prefix of a pointer; of
 * those that have none in a document of Novu's, the nearest. */
struct novu_name {
    const char *ours, *theirs;
};
void novu_rename(struct problem *p, const struct novu_name *names, size_t n);

/* {"data": what is written in between}. */
struct json_writer novu_begin(struct call *c, struct buf *out);
void novu_end(struct call *c, int status, struct json_writer *w);
/* For idem.answer, which has no call to write with. */
struct json_writer novu_open(struct buf *out);
void novu_close(struct json_writer *w);

/* {"data": [in between], "next", "previous", "totalCount", ...} of n elements.
 * Nothing counts all there is: where there may be more, the total is what this
 * page has, and is said to be capped. */
struct json_writer novu_begin_page(struct call *c, struct buf *out);
void novu_end_page(struct call *c, struct json_writer *w, size_t n,
                   struct str next);
/* ?limit= (default 10) and ?after=. Lists are by key, forward: another order is
 * refused. False: refused already. */
bool novu_page(struct call *c, size_t *ret_limit, struct str *ret_after);
#define NOVU_PAGE_PARAMS                                                       \
    "after", "before", "limit", "orderDirection", "orderBy", "includeCursor"
/* The members of a page beside `data`, for its table. */
#define NOVU_PAGE_FIELDS                                                       \
    {.name = "next",                                                           \
     .type = FIELD_STRING,                                                     \
     .flags = FIELD_REQUIRED | FIELD_NULLABLE},                                \
        {.name = "previous",                                                   \
         .type = FIELD_STRING,                                                 \
         .flags = FIELD_REQUIRED | FIELD_NULLABLE},                            \
        {.name = "totalCount", .type = FIELD_INT, .flags = FIELD_REQUIRED},    \
    {                                                                          \
        .name = "totalCountCapped", .type = FIELD_BOOL,                        \
        .flags = FIELD_REQUIRED                                                \
    }

/* ?name=true; false where it is not there. The result false: refused. */
bool novu_flag(struct call *c, const char *name, bool *ret);
/* ?name=KEY; empty where it is not there. The result false: refused. */
bool novu_key_param(struct call *c, const char *name, struct str *ret);
