/* expand.h - "${NAME}" in a provider's config: secrets come from the
 * environment, so that files of providers can be kept with other files. */
#pragma once

#include "base/arena.h"
#include "base/json.h"

/* The document with every string of its config expanded; "$${" stands for
 * "${". False with *ret_why: a variable is not set, or badly named. */
bool expand_config(struct arena *a, const char *const *env, struct json doc,
                   struct str *ret, struct str *ret_why);

/* One text. */
bool expand_text(struct arena *a, const char *const *env, struct str text,
                 struct str *ret, struct str *ret_why);

#define EXPAND_MASK "***" /* what a server shows in place of a secret */

/* The provider's document as it may be shown beside what the server has,
 * `before`: where that has a secret nobody can tell whether it is this one, so
 * it is the same, or set again with `sets_secrets`; what comes from the
 * environment is as it is written, unless the server has just its value. `doc`
 * is expanded, `written` is not. */
struct str expand_hide(struct arena *a, struct json doc, struct json written,
                       struct json before, bool sets_secrets);
/* The other way: what the server has, but where the file that is there,
 * `written`, has a variable for it, that; "${" of the server is "$${" then. */
struct str expand_keep(struct arena *a, const char *const *env,
                       struct json before, struct json written);
/* What a server says, so that expand_config() gives back just that. */
struct str expand_escape(struct arena *a, struct json doc);
/* Whether some text of its config is EXPAND_MASK. */
bool expand_has_mask(struct arena *a, struct json doc);
