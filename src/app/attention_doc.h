/* attention_doc.h - the document of a workspace's attention budget:
 * {"limit": 10, "per": "24h", "overflow": "digest"}. */
#pragma once

#include "base/field.h"
#include "domain/attention.h"

extern const struct field attention_fields[];

/* Of a stored document that these fields passed; absent: there is no budget. */
struct attention attention_doc_read(struct arena *a, struct json doc);
