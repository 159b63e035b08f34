/* fetch_transfer.h - one call on its way; between fetch.c, which moves it, and
 * fetch_http.c and fetch_smtp.c, which know what is said. Private to fetch. */
#pragma once

#include <curl/curl.h>

#include "base/buf.h"
#include "base/list.h"
#include "net/fetch.h"

/* Calls share connections only within a pool, so a call that demands TLS can
 * never be put on a connection without. */
enum fetch_pool_kind {
    FETCH_POOL_HTTP,
    FETCH_POOL_SMTP_PLAIN,
    FETCH_POOL_SMTP_TLS,
    FETCH_POOL_COUNT,
};

struct fetch_pool {
    struct fetch *fetch;
    enum fetch_pool_kind kind;
    CURLM *multi;
    struct loop_timer timer;
    struct list idle; /* struct fetch_transfer, ready for the next call */
    size_t n_idle;
};

struct fetch_transfer {
    struct list link; /* in fetch->running, fetch->ending or pool->idle */
    struct fetch_pool *pool;
    struct fetch_request *request;
    CURL *easy;
    int64_t start_ms;
    char error[CURL_ERROR_SIZE];

    /* Sockets. */
    int n_opened, n_refused;
    bool is_port_refused;
    char refused[64]; /* the last address that was */

    /* How far it came. */
    int n_begun;      /* times that a request was about to be written */
    size_t n_given;   /* bytes of the body that libcurl has taken */
    bool is_overlong; /* the body of the answer; it was cut off */
    bool is_unruly;   /* more head or reply than anyone needs */
    size_t n_dropped; /* bytes of the answer's body that were not kept */
    struct buf head;  /* HTTP: the lines of the last head */
    struct buf body;
    bool is_head_done;
    int reply_code;     /* SMTP: the last one, 0 if there is none */
    bool is_reply_open; /* its last line has not come */
    size_t n_reply_lines;

    /* Where it ended without libcurl. */
    bool is_ended;
    enum fetch_outcome ended_outcome;
    enum fetch_cause ended_cause;
    const char *ended_detail; /* static */
};

/* Options that every call of the kind has; once for each handle. */
void fetch_http_prepare(struct fetch_transfer *t);
void fetch_smtp_prepare(struct fetch_transfer *t);
/* Options of this call. NULL, or why it cannot be made (static). */
const char *fetch_http_begin(struct fetch_transfer *t);
const char *fetch_smtp_begin(struct fetch_transfer *t);
/* What came of it; fills outcome, status, body, headers. */
void fetch_http_judge(struct fetch_transfer *t, CURLcode code,
                      struct fetch_answer *ret);
void fetch_smtp_judge(struct fetch_transfer *t, CURLcode code,
                      struct fetch_answer *ret);
/* Whether the other side may have it, when a call is cut off now. */
enum fetch_outcome fetch_http_outcome_now(struct fetch_transfer *t);
enum fetch_outcome fetch_smtp_outcome_now(struct fetch_transfer *t);

/* Text without control bytes, and no more than max. */
bool fetch_is_plain(struct str s, size_t max);
