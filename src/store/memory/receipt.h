/* receipt.h - what providers took, in memory, for those who keep the rest. */
#pragma once

#include "store/memory/data.h"

struct mem_taken {
    int64_t tenant, delivery;
    struct store_taken t;
};

void mem_taken_add(struct mem *m, const struct store_finish *f);
