/* ask.h - a question of another thread to a plugin, and what its answer, or the
 * lack of one, comes to. */
#pragma once

#include "channel/http.h"
#include "plugin/keeper.h"
#include "plugin/manifest.h"

struct plugin {
    struct manifest manifest;
    struct channel_remote remote; /* of the driver */
    struct channel_driver driver;
    struct loop *loop; /* of the keepers */
    struct keeper messages, receipts;
    int file;
};

/* For struct channel_remote, on the thread of a->loop. */
void plugin_ask(const struct channel_remote *r, struct channel_away *a);
void plugin_cancel(const struct channel_remote *r, struct channel_away *a);
