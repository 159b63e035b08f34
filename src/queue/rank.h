/* rank.h - where a delivery stands in its lane: the smallest rank goes first.
 *
 * rank = arrival + the head start that its priority gives away, in
 * microseconds. As arrival grows without end and the head starts are bounded,
 * a waiting delivery is overtaken for at most RANK_DELAY_MAX_MS: nothing
 * starves, and one index on (lane, rank) is the whole scheduler. Ranks that are
 * equal go by id. Pure. */
#pragma once

#include "domain/status.h"

#define RANK_DELAY_MAX_MS (INT64_C(300) * 1000)

int64_t rank_of(enum priority p, int64_t now_ms);
