/* attachment_doc.h - the attachments of a send: as a request has them, with
 * their bytes, and as they are kept with the notification, without. Pure. */
#pragma once

#include "base/field.h"
#include "domain/attachment.h"

/* Base64 of all that may be attached, with the rest of a request. */
#define ATTACHMENT_CONTENT_MAX ((ATTACHMENTS_BYTES_MAX + 2) / 3 * 4)

extern const struct field attachment_row[]; /* one of them */

/* Beyond the table: adds to *p with pointers below /attachments. */
void attachments_check(struct json list, struct problem *p);
/* Of a request, or as they are kept; ATTACHMENTS_MAX at most. */
size_t attachments_read(struct arena *a, struct json list,
                        struct attachment **ret);
/* The document as it is kept: with names, types, and sizes or URLs. */
struct str attachments_kept(struct arena *a, struct json doc,
                            const struct attachment *rows, size_t n);
/* Whether any go along on that channel: those of others leave them out. */
bool attachments_go_on(struct str channel);
/* For people: name, type and size, which is null of what is still at a URL.
 * Who made a URL may open it, and others may not. */
void attachments_tell(struct json_writer *w, const struct attachment *rows,
                      size_t n);
