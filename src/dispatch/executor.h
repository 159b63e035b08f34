/* executor.h - who carries out what a driver asks for: the network, the dev
 * sink that keeps everything on this machine, or a test's script. */
#pragma once

#include "channel/channel.h"

struct provider;

/* Owned by the caller until on_done, which runs exactly once, in a later turn
 * of the loop, also after a cancel. */
struct execution {
    struct arena *arena; /* for the answer */
    const struct provider *provider;
    const struct channel_request *request;
    const struct channel_message *messages; /* what it carries */
    size_t n_messages;
    int64_t timeout_ms;
    void (*on_done)(struct execution *x, const struct channel_answer *a);
    void *arg;
    bool is_kept; /* result: on this machine, in place of the world */
    void *private_state;
};

struct executor {
    void (*start)(struct executor *e, struct execution *x);
    void (*cancel)(struct executor *e, struct execution *x);
    /* It answers in the provider's place, and tells nothing of each message. */
    bool is_stand_in;
};
