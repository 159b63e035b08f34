/* rig_test.h - a plugin that is linked into its tests, and does as the title of
 * a message says. */
#pragma once

#include "belfry/channel.h"

extern const struct belfry_plugin rig_plugin;
/* What came of opening a socket on a thread that was there before the seal, as
 * socket() says it. NULL: there is none. */
extern int (*rig_bystander)(void);
/* A step that tells in its detail what it could do, and what not. */
uint32_t rig_look_around(struct belfry_step *s);
/* So many lines, past what the guest counts, into its socket. */
void rig_log_by_itself(size_t n_lines);
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
