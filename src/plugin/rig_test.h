/* rig_test.h - a plugin that is linked into its tests, and does as the title of
 * a message says. */
#pragma once

#include "belfry/channel.h"

extern const struct belfry_plugin rig_plugin;
/* Its settings, in order. */
enum {
    RIG_BASE_URL,
    RIG_TOKEN,
    RIG_PORT,
    RIG_LOUD,
    RIG_PAUSE,
    RIG_FORM,
    RIG_N
};

#define RIG_CONFIG                                                             \
    "{\"base_url\":\"https://x.example/\",\"token\":\"canary-0123\","          \
    "\"port\":-7,\"loud\":true,\"pause\":\"30s\"}"
