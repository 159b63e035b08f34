/* errand.h - a call that a provider wants in answer to its webhook (to confirm
 * a subscription, to end the waiting of a button), and nobody waits for. */
#pragma once

#include "app/outcall.h"

#define ERRAND_TIMEOUT_MS 10000

/* The request is copied. To be started once, by any outcaller; frees itself at
 * the end, and logs a failure. */
struct outcall *errand_new(int64_t tenant, struct str provider,
                           const struct channel_request *request);
