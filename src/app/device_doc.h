/* device_doc.h - the document of a device: what it may hold. All of a user's
 * are kept together: domain/device.h. */
#pragma once

#include "base/field.h"

extern const struct field device_fields[];

/* What the table cannot say: which kind has what, and keys that are keys. */
void device_doc_check(struct json doc, struct problem *p);
