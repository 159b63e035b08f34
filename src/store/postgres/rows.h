/* rows.h - rows that several statements give, in one order of columns:
 *
 *   notification: id, tenant, created_ms, priority, is_cancelled,
 *     template_version, n_recipients, template_key, note, request_id,
 *     traceparent, doc, parent
 *   delivery: id, tenant, notification, status, lane, rank, attempts,
 *     priority, recipient, created_ms, updated_ms, due_ms, user_id, channel,
 *     provider, reason, error, tally, digest, merged_into, device
 *   digest: tenant, id, mode, is_leading, max_items, window_ms, max_window_ms,
 *     opened_ms, closes_ms, n_members, user_id, channel, key */
#pragma once

#include "domain/notification.h"
#include "store/postgres/wire.h"

void pg_take_notification(struct pg_rows *r, struct arena *a,
                          struct notification *ret);
void pg_take_delivery(struct pg_rows *r, struct arena *a, struct delivery *ret);

static inline int64_t
signed_lane(enum priority priority, int64_t lane)
{
    return priority == PRIORITY_CRITICAL ? -lane : lane;
}
