/* api.h - the HTTP door: routes, keys, problems. One per front thread. */
#pragma once

#include "app/app.h"
#include "app/tester.h"
#include "base/config.h"
#include "net/http_server.h"

struct api;
struct hub;
struct dev_sink;
struct egress_policy;
struct limiter;
struct outcall;

struct api_options {
    const struct app *app;
    const struct config *config;
    struct hub *hub;           /* of this thread */
    struct dev_sink *dev_sink; /* NULL: not --dev */
    const struct egress_policy *egress;
    /* Hands a provider test to where providers are called; NULL: this process
     * calls none. */
    void (*start_test)(void *arg, struct provider_test *t);
    void *start_test_arg;
    /* Makes a call that is no delivery; NULL: none are made. */
    void (*start_errand)(void *arg, struct outcall *o);
    void *start_errand_arg;
    struct limiter *key_limiter;     /* NULL: none */
    struct limiter *address_limiter; /* of requests without a valid key */
    const bool *is_draining;         /* readyz says no from then on */
    int64_t started_ms;              /* wall clock */
};

struct api *api_new(const struct api_options *o);
void api_free(struct api *a);
struct http_handler api_handler(struct api *a);
const struct api_options *api_options(const struct api *a);
size_t api_in_flight(const struct api *a); /* calls without an answer yet */

/* The OpenAPI 3.1 document of this build. */
void openapi_write(const char *public_url, bool is_dev, struct buf *out);
