/* expand.h - "${NAME}" in a provider's config: secrets come from the
 * environment, so that files of providers can be kept with other files. */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* The document with every string of its config expanded; "$${" stands for
 * "${". False with *ret_why: a variable is not set, or badly named. */
bool expand_config(struct arena *a, const char *const *env, struct json doc,
                   struct str *ret, struct str *ret_why);
