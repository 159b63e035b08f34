/* audit.h - who changed what, in memory. */
#pragma once

#include "store/memory/data.h"

void mem_audit_write(struct mem *m, struct store_req *req);
void mem_audit_sweep(struct mem *m, int64_t before_ms);
