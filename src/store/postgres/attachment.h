/* attachment.h - what notifications carry along, for accept.c. */
#pragma once

#include "store/postgres/pg_store.h"

/* Columns of "lilT". */
void pg_attachments_add(struct pg_columns *c, int64_t tenant,
                        const struct store_accept_item *item);
