/* receipt.h - what providers took, for the queue. */
#pragma once

#include "store/cycle.h"
#include "store/postgres/op.h"

/* Of those finishes that say so. Sends one statement, or none: how many. */
int pg_taken_add(struct pg_op *op, struct store_finish *const *finishes,
                 size_t n);
