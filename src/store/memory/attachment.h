/* attachment.h - what notifications carry along, in memory. */
#pragma once

#include "store/memory/data.h"

struct mem_attachment {
    int64_t tenant, notification; /* 0: it is gone */
    struct store_attachment a;
};

void mem_attachments_add(struct mem *m, int64_t tenant,
                         const struct store_accept_item *item);
void mem_attachments_drop(struct mem *m, int64_t notification);
