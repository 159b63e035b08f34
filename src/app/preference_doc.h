/* preference_doc.h - the document of a user's preferences, and of a
 * workspace's defaults: what it may hold. What it decides:
 * domain/preference.h. */
#pragma once

#include "base/field.h"

extern const struct field preference_fields[]; /* of a user */
extern const struct field default_fields[];    /* of a workspace */

#define PREFERENCES_MAX (16 * 1024) /* bytes of JSON */

/* What the table cannot say: the names of channels, the size. */
void preference_doc_check(struct json doc, struct str at, struct problem *p);
