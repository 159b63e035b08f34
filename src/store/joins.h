/* joins.h - for drivers: what of an item windows hold, once that is known. */
#pragma once

#include "store/accept.h"

/* The i-th delivery as it is to be stored; id 0: it is not. *at: 0 at first,
 * for who goes through them in order. */
struct delivery joins_delivery(const struct store_accept_item *item, size_t i,
                               size_t *at);
/* Whether the i-th inbox item is there now; the same. */
bool joins_shows(const struct store_accept_item *item, size_t i, size_t *at);
/* That of the item's instance, or NULL. */
const struct store_join *joins_instance(const struct store_accept_item *item);
/* A flush, and a turn, may bring no notification. */
bool joins_adds_notification(const struct store_accept_item *item);
