/* tester.h - a test message through one provider, now, outside the queue.
 * Asked by the API, done where providers are called. */
#pragma once

#include "base/arena.h"
#include "base/loop.h"
#include "domain/verdict.h"

struct provider_test {
    struct task task; /* posted to dispatch, then back to `loop` */
    struct arena *arena;
    int64_t tenant;
    struct str provider; /* name */
    bool is_endpoint;    /* that is an endpoint's key; the body is an event */
    struct str address;  /* empty: the provider's target */
    struct str title, body;
    struct loop *loop;
    void (*on_done)(struct provider_test *t);
    void *arg;
    /* result */
    enum err err; /* ERR_NOT_FOUND: no such provider */
    enum verdict verdict;
    int status;
    struct str detail;
    bool is_kept; /* the dev sink took it: it did not go out */
    int64_t duration_ms;
    void *private_state; /* of who carries it there */
};
