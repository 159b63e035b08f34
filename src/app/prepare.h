/* prepare.h - from a claimed delivery to the message that a driver sends:
 * content chosen, rendered and addressed as of now. Pure. */
#pragma once

#include "app/suppression.h"
#include "app/workspace.h"
#include "auth/vault.h"
#include "store/cycle.h"

struct prepare {
    struct arena *arena;
    const struct workspace *workspace;
    const struct provider *provider;
    const struct store_work *work;
    struct str suppression; /* the document of its address; empty: none */
    const struct vault *vault;
    struct str public_url;
    int64_t now_ms;
    /* result: the message; or, when reason is not empty, the status in which
     * the delivery ends without a call, and what to tell */
    struct channel_message message;
    /* Its attachments, still to be loaded, and the notification that they are
     * kept with. */
    struct attachment *attachments;
    size_t n_attachments;
    int64_t attached_to;
    bool is_trial;  /* it is in an experiment, or may be */
    int64_t due_ms; /* accepted, or when it was to go out, if that was later */
    enum delivery_status status;
    struct str reason;
    struct str detail;
};

void prepare_message(struct prepare *p);
/* Whether it has an address on its channel, as of now. */
bool prepare_has_address(struct arena *a, const struct store_work *work);
/* By which it is looked for what suppresses the address that it goes to as of
 * now, and how many these are; 0: it has none. */
size_t prepare_suppression_keys(struct arena *a, const struct store_work *work,
                                struct str ret[static SUPPRESSION_KEYS]);
