/* cors.h - what a browser is told about calls from other origins (the Fetch
 * standard). Pure: headers in, headers out. Keys travel in Authorization, so
 * credentials (cookies) are never allowed. */
#pragma once

#include "net/http_server.h"

struct cors_policy {
    const struct str *origins; /* "https://app.example", or "*" for any */
    size_t n_origins;          /* 0: no other origin */
    struct str exposed; /* response headers that scripts may read, "A, B" */
};

#define CORS_HEADERS_MAX 6

struct cors_answer {
    bool is_preflight; /* to be answered with 204 and these headers */
    size_t n_headers;
    struct http_header headers[CORS_HEADERS_MAX]; /* values: the request's */
};

void cors_decide(const struct cors_policy *p, const struct http_request *r,
                 struct cors_answer *ret);
