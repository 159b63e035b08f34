/* client.h - a blocking HTTP client for one server, on a loop of its own. On
 * a terminal it shows that it waits. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/term.h"

struct client;

struct client_options {
    struct str url; /* "http://127.0.0.1:7117", perhaps with a path */
    struct str key; /* empty: none */
    struct str workspace;
    struct term *term; /* for the spinner */
};

struct client_call {
    const char *method;
    struct str path; /* "/v1/..." */
    struct str body;
    const char *type; /* NULL: application/json where there is a body */
    struct str idempotency_key;
    struct str if_match;
    int64_t timeout_ms; /* 0: half a minute */
    /* Takes the body as it comes; false: the answer gets this part, as all
     * without. NULL is allowed. */
    bool (*on_part)(void *arg, struct str part);
    void *arg;
};

enum client_outcome {
    CLIENT_ANSWERED,
    CLIENT_NO_SERVER, /* surely not done */
    CLIENT_LOST,      /* may have been done */
    CLIENT_STOPPED,   /* by client_stop_on_interrupt() */
};

struct client_answer {
    enum client_outcome outcome;
    int status;
    struct str type; /* Content-Type without parameters */
    struct str body;
    struct json root;  /* absent if the body is no JSON */
    struct str detail; /* what failed, for people */
    int64_t date_ms;   /* Date header; 0: none */
    int64_t retry_after_s;
    int64_t duration_ms;
};

/* NULL with *ret_why: the URL or the key cannot be used. */
struct client *client_new(struct arena *a, const struct client_options *o,
                          struct str *ret_why);
void client_free(struct client *c);
struct str client_url(const struct client *c);
bool client_has_key(const struct client *c);

/* The answer lives in the arena. */
void client_call(struct client *c, struct arena *a,
                 const struct client_call *call, struct client_answer *ret);
/* Waits; false: interrupted. */
bool client_pause(struct client *c, int64_t ms);
/* From now on SIGINT and SIGTERM end what waits instead of the process. */
void client_stop_on_interrupt(struct client *c);
bool client_is_stopped(const struct client *c);

/* Calls a stream; milliseconds until its first bytes came, -1 if none did.
 * What came instead is in *ret. */
int64_t client_first_bytes(struct client *c, struct arena *a,
                           const struct client_call *call,
                           struct client_answer *ret);
