/* remote.h - a driver whose steps are taken elsewhere: in the child process of
 * a plugin. To who dispatches, a step of it is as any other, but that what
 * comes of it arrives in a later turn. */
#pragma once

#include "channel/call.h"
#include "channel/receipt.h"

struct loop;

/* One step on its way; zeroed before the first, then used again for each. */
struct channel_away {
    struct loop *loop; /* of who asks; on_done runs there */
    /* Exactly once, in a later turn. Then *call is as a driver's step() leaves
     * it, or *receipt as its receipt() does. */
    void (*on_done)(struct channel_away *a);
    struct channel_call *call; /* one of these two; untouched until on_done */
    struct channel_receipt *receipt;
    struct str provider; /* that it is about; a call has it itself */
    /* The request that was asked for last sends nothing. */
    bool is_preparing;
    void *private_state;
};

struct channel_remote {
    bool takes_receipts;
    void (*start)(const struct channel_remote *r, struct channel_away *a);
    /* on_done runs no more. */
    void (*cancel)(const struct channel_remote *r, struct channel_away *a);
};
