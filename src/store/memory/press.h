/* press.h - pressed actions, in memory. */
#pragma once

#include "store/memory/data.h"

void mem_press_sweep(struct mem *m, int64_t before_ms);
