/* digest_rule.h - how somebody says what is to be collected: in a send, and in
 * a step of a workflow. Pure. */
#pragma once

#include "base/field.h"
#include "domain/digest.h"

extern const char *const digest_modes[];

/* Beside the key. */
#define DIGEST_RULE_FIELDS                                                     \
    {.name = "window",                                                         \
     .type = FIELD_DURATION,                                                   \
     .flags = FIELD_REQUIRED,                                                  \
     .min = DIGEST_WINDOW_MIN_MS,                                              \
     .max = DIGEST_WINDOW_MAX_MS,                                              \
     .doc = "How long a window is open."},                                     \
        {.name = "mode",                                                       \
         .type = FIELD_ENUM,                                                   \
         .values = digest_modes,                                               \
         .doc = "fixed: for window; sliding: until nothing came for window; "  \
                "calendar: until the user's clock shows a multiple of "        \
                "window. Default fixed."},                                     \
        {.name = "max_window",                                                 \
         .type = FIELD_DURATION,                                               \
         .min = DIGEST_WINDOW_MIN_MS,                                          \
         .max = DIGEST_WINDOW_MAX_MS,                                          \
         .doc = "sliding: not longer than this; default ten windows."},        \
        {.name = "leading",                                                    \
         .type = FIELD_BOOL,                                                   \
         .doc = "The first one goes out at once; what follows is collected."}, \
    {                                                                          \
        .name = "max_items", .type = FIELD_INT, .min = 1,                      \
        .max = DIGEST_ITEMS_MAX,                                               \
        .doc = "How many are listed; the others are counted. Default 100."     \
    }

/* All but the key, which stays empty; each fault is added to *p, with pointers
 * below `at`. */
struct digest_rule digest_rule_read(struct json doc, struct str at,
                                    struct problem *p);
