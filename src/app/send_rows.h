/* send_rows.h - from decisions to what is committed: the notification, its
 * deliveries, the items of inboxes, and who joins a window. Pure, but that it
 * makes ids; for send.c, which commits them. */
#pragma once

#include "app/send.h"

/* Planned later: chunks name its recipients. */
bool send_is_wide(const struct send_item *item);
/* Fills item->accepted, which has a place. False: refused, the item's problem
 * says why: it would render more than a request may. */
bool send_fill_row(struct send *s, struct send_item *item);
