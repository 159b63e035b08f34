/* provider.h - who carries a channel's messages, as a value: its document with
 * open secrets. Part of a workspace, and as long-lived. */
#pragma once

#include "channel/channel.h"
#include "domain/notification.h"
#include "domain/retry.h"

struct provider_rate {
    int64_t per_ms; /* 0: no limit */
    int64_t limit;  /* calls in per_ms */
    int64_t burst;
    unsigned bypass; /* bit (1 << enum priority) */
};

#define PROVIDER_CURRENCY_SIZE 4 /* ISO 4217, with the NUL */

struct provider_cost {
    struct str text;     /* "0.0075 USD"; empty: none is known */
    struct str currency; /* in it */
    int64_t billionths;
};

struct provider {
    int64_t tenant;
    int64_t num; /* its lane */
    int64_t version;
    struct str name, channel;
    const struct channel_driver *driver;
    struct json config; /* secrets open */
    int order;          /* smallest is tried first */
    int weight;         /* among those of that order; 0: after the others */
    bool says_weight;   /* so those of that order share; else names rule */
    bool is_adaptive;   /* its share follows how well it does */
    int concurrency;    /* calls at once, 1 .. 1024 */
    int64_t timeout_ms; /* of one call */
    bool is_enabled;
    bool is_paused; /* what is queued for it waits */
    struct provider_rate rate;
    struct retry_policy retry;
    struct provider_cost cost; /* of one delivery that it took */
};
