/* rows.h - from columns to the nouns of the domain, in the order of columns
 * that the statements share. */
#pragma once

#include "domain/notification.h"
#include "store/sqlite/db.h"

void take_notification(struct query *q, struct arena *a,
                       struct notification *ret);
void take_delivery(struct query *q, struct arena *a, struct delivery *ret);
