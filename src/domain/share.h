/* share.h - how providers of the same order share the load of a channel.
 *
 * Each delivery ranks them for itself by weighted rendezvous hashing (Thaler
 * and Ravishankar, "Using name-based mappings to increase hit rates", 1998;
 * the logarithm that makes it follow weights: Schindelhauer and Schomaker,
 * "Weighted distributed hash tables", 2005). It draws a number for each from
 * its own id and the provider's; the first is the one that is tried first, the
 * next takes over. So each gets its share, the same delivery ranks them the
 * same way at each attempt on each node, what one gives up goes to the others
 * by their weights, and a weight that changes moves no more than it has to.
 *
 * Pure. */
#pragma once

#include <stddef.h>

#include "domain/fitness.h"

#define SHARE_WEIGHT_MAX 1000

struct share_row {
    int64_t lane;    /* of the provider */
    int weight;      /* as configured; 0: after all others */
    int64_t fitness; /* of FITNESS_WHOLE; what its weight is worth now */
    /* private */
    double score;
};

/* Something from 0 to every_ms - 1 that is the lane's own. */
int64_t share_phase(int64_t lane, int64_t every_ms);
/* Sorts them as this delivery tries them. */
void share_rank(struct share_row *rows, size_t n, int64_t delivery);
