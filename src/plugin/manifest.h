/* manifest.h - what a plugin says of itself, checked: from a hostile frame to
 * the tables by which its providers are configured and its channels known. */
#pragma once

#include "channel/channel.h"

#define MANIFEST_CHANNELS_MAX 8
#define MANIFEST_SETTINGS_MAX 32

/* A setting as the plugin sees it; belfry_value. */
struct manifest_value {
    bool is_set;
    struct str text;
    int64_t number;
};

struct manifest {
    const char *name, *version;
    bool has_target, takes_receipts;
    uint32_t title_max, body_max;
    const char **channels; /* ends with NULL */
    struct channel_info *infos;
    size_t n_infos;
    struct field *config; /* ends with FIELD_END */
    struct manifest_value *otherwise;
    size_t n_settings;
};

/* Texts are copied. ERR_INVALID: *ret_why is the end of a sentence. */
enum err manifest_read(struct arena *a, struct str payload,
                       struct manifest *ret, const char **ret_why) MUST_CHECK;
/* [a-z][a-z0-9_]{0,31} */
bool manifest_is_name(struct str s);
/* The i-th setting of that configuration, which the table has passed. */
struct manifest_value manifest_value(const struct manifest *m, struct arena *a,
                                     struct json config, size_t i);
