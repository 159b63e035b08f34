/* memory.h - the store as plain C structures, for tests and the simulator. It
 * keeps the contract of every verb, and is as unkind as it allows: answers
 * come late, out of order, and, if asked to, sometimes ERR_UNCERTAIN.
 * Everything happens on one loop; lists are searched from end to end. */
#pragma once

#include "base/clock.h"
#include "base/rng.h"
#include "store/store.h"

struct memory_store_options {
    struct loop *loop; /* where it works */
    struct clock *clock;
    uint64_t seed; /* the same requests on that loop, the same answers */
    /* Of 1000 writes, so many answer ERR_UNCERTAIN; half of them are done. */
    unsigned uncertain_per_mille;
};

struct store *memory_store_open(const struct memory_store_options *o);
