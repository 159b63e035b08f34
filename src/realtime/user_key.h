/* user_key.h - a user of a tenant as one text, for maps. */
#pragma once

#include <stdio.h>

#include "base/str.h"

#define USER_KEY_SIZE 160 /* a tenant's number, "/", a key of up to 128 */

/* False: too long for a user. */
static inline bool
user_key_format(char text[static USER_KEY_SIZE], int64_t tenant,
                struct str user, struct str *ret)
{
    int n;

    if (user.n > 128)
        return false;
    n = snprintf(text, USER_KEY_SIZE, "%lld/%.*s", (long long)tenant,
                 STR_ARG(user));
    *ret = (struct str){text, (size_t)n};
    return true;
}

static inline struct str
user_key_name(struct str key)
{
    return str_sub(key, (size_t)str_find(key, '/') + 1, key.n);
}
