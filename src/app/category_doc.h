/* category_doc.h - the document of a category: what a kind of notification is
 * sent on, and how far preferences reach. */
#pragma once

#include "app/workspace.h"
#include "base/field.h"

extern const struct field category_fields[];

/* What the table cannot say: the names of channels. */
void category_doc_check(struct json doc, struct problem *p);
/* Of a stored document; texts are borrowed from it. */
struct category *category_doc_read(struct arena *a, struct str key,
                                   struct json doc);
/* {"limit": 5, "per": "1h"}; absent: limit 0. */
struct throttle throttle_doc_read(struct arena *a, struct json given);
