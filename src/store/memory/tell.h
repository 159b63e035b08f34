/* tell.h - what endpoints are told, in memory, for those who keep the rest. */
#pragma once

#include "store/memory/data.h"

struct mem_telling {
    int64_t id, lane, taken_until_ms;
    size_t told; /* its place among those */
    bool is_gone;
};

void mem_told_add(struct mem *m, const struct store_told *t);
/* If anybody listens. */
void mem_told_delivery(struct mem *m, event_set tells, const struct delivery *d,
                       int64_t now_ms);
void mem_told_receipt(struct mem *m, const struct store_receipt *r,
                      const struct store_receipt_event *e);
void mem_told_mark(struct mem *m, const struct store_inbox_mark *r,
                   const struct inbox_item *i);
void mem_told_sweep(struct mem *m, int64_t before_ms);
