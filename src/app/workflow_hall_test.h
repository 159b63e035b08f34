/* workflow_hall_test.h - a hall in which workflows run. Tests only. */
#pragma once

#include "app/hall_test.h"

void put_workflow(struct hall *h, const char *key, const char *doc);
void settle(struct hall *h); /* whatever is due is done */
/* All that there is to know of one; until the next look. */
const struct store_notification_get *look(struct hall *h, int64_t id);
const char *way(struct hall *h, int64_t id); /* "first:send look:wait ..." */
