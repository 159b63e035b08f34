/* sigv4.h - AWS Signature Version 4 of a request. Pure. */
#pragma once

#include "base/str.h"

struct sigv4_key {
    struct str id, secret; /* of the access key */
    struct str region, service;
};

struct sigv4_header {
    struct str name; /* lower case */
    struct str value;
};

struct sigv4_request {
    struct str method;
    struct str path; /* as it is called, from its slash on; no query */
    /* All that are signed, in the order of their names: at least host and
     * x-amz-date, which is sigv4_time(). */
    const struct sigv4_header *headers;
    size_t n_headers;
    struct str body;
};

/* "20150830T123600Z" */
struct str sigv4_time(struct arena *a, int64_t wall_ms);
/* The value of Authorization. */
struct str sigv4_authorization(struct arena *a, const struct sigv4_key *key,
                               const struct sigv4_request *r, int64_t wall_ms);
/* For their tests: raw. */
struct str sigv4_signing_key(struct arena *a, const struct sigv4_key *key,
                             struct str date);
