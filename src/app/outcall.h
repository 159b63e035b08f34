/* outcall.h - a call of a URL that is no delivery: who carries it out is wired
 * by main, and is the same as for deliveries (dispatch/outcaller.h). */
#pragma once

#include "channel/channel.h"

/* Owned by the caller until on_done, which runs exactly once, in a later turn
 * of the loop, also after a cancel. */
struct outcall {
    struct arena *arena; /* for the answer */
    int64_t tenant;
    struct str name; /* of what is asked for, for scenarios */
    struct channel_request request;
    int64_t timeout_ms;
    void (*on_done)(struct outcall *c, const struct channel_answer *a);
    void *private_state;
};

struct outcaller {
    void (*start)(struct outcaller *o, struct outcall *c);
    void (*cancel)(struct outcaller *o, struct outcall *c);
};
