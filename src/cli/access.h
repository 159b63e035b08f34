/* access.h - which server a command means, and with which key.
 *
 * The address: --url, BELFRY_URL, the development server's file, the default.
 * The key: --key-file, --key, BELFRY_KEY, the development server's, which
 * goes to that server and no other. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define ACCESS_DEFAULT_URL "http://127.0.0.1:7117"

struct access_sources {
    const char *const *environ;
    struct str url, key, key_file; /* of flags; empty: not given */
};

struct access {
    struct str url, key;
    struct str key_from; /* for people; empty: there is no key */
    struct str warning;  /* about a file that others can read */
};

/* ERR_IO or ERR_INVALID with a line in *ret_why. */
enum err access_find(struct arena *a, const struct access_sources *s,
                     struct access *ret, struct str *ret_why) MUST_CHECK;
/* Where dev.json is; none without a home. */
struct str access_dev_path(struct arena *a, const char *const *env);
