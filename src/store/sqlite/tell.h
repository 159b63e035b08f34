/* tell.h - what a transaction leaves for endpoints. */
#pragma once

#include "store/sqlite/writer.h"

void told_add(struct writer *w, const struct store_told *t);
/* Of one that is that by now, if anybody listens. */
void told_delivery(struct writer *w, event_set tells, int64_t id,
                   enum delivery_status status, int64_t now_ms);
void told_receipt(struct writer *w, const struct store_receipt *r,
                  const struct store_receipt_event *e);
void told_mark(struct writer *w, const struct store_inbox_mark *m,
               int64_t item);
void told_sweep(struct writer *w, int64_t before_ms, size_t max);
