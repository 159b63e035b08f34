/* attachment.h - what notifications carry along: bytes kept apart from their
 * rows, once for all deliveries, written in the commit that accepts the
 * notification and gone with it. */
#pragma once

#include "store/req.h"

struct store_attachment {
    int n;              /* its place among the notification's, from 0 on */
    struct str content; /* base64 */
};

/* Those of one notification, by their places; none where it has none. */
struct store_attachments {
    struct store_req req;
    int64_t tenant;
    int64_t notification;
    struct store_attachment *rows; /* result */
    size_t n_rows;
};
