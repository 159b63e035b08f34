/* attachment.h - files that a message carries along. Values only. */
#pragma once

#include "base/str.h"

#define ATTACHMENTS_MAX 10
#define ATTACHMENTS_BYTES_MAX (10 * 1024 * 1024) /* of all of a message */
#define ATTACHMENT_NAME_MAX 255                  /* bytes */
#define ATTACHMENT_TYPE_MAX 255

struct attachment {
    struct str filename, content_type;
    struct str url;     /* it is fetched from there; empty: it was sent */
    struct str content; /* base64; empty: it is still to be loaded */
    size_t size;        /* of the file, in bytes; 0: not known yet */
};

/* NULL, or why it is no name that a file may have wherever it is opened
 * (static): one part of a path, and nothing that a terminal or a header would
 * take for more than letters. */
const char *attachment_name_fault(struct str name);
/* The same of a media type, with parameters or without: the type of one file,
 * which mail can carry as base64 (RFC 2046 5.2.1). */
const char *attachment_type_fault(struct str type);
/* How many bytes that is in base64 (RFC 4648 section 4, padded, without
 * blanks). False: it is none. */
bool attachment_size(struct str base64, size_t *ret);
