/* experiment.h - which variant of an experiment a user gets, and when it goes
 * out. Pure: the same values give the same answer in every process, and nothing
 * is kept of it.
 *
 * Each user draws a number for each variant (SipHash-2-4 under a key of the
 * experiment, its salt and the variant), and the variant wins for which
 * -ln(u)/weight is smallest. So each gets its share of the users, and where a
 * weight is changed or a variant added, users move only to or from that one:
 * rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to
 * increase hit rates", IEEE/ACM Transactions on Networking 6(1), 1998),
 * weighted by the logarithmic method of Schindelhauer and Schomaker ("Weighted
 * distributed hash tables", SPAA 2005). Contiguous ranges would move users
 * between all variants.
 *
 * The holdout, and what a flag is rolled out to, is a draw of its own below a
 * share: where it grows, users only join it. */
#pragma once

#include "domain/zone.h"

#define EXPERIMENT_VARIANTS_MAX 10
#define EXPERIMENT_WEIGHT_MAX 10000
#define EXPERIMENT_SHARE_ALL                                                   \
    INT64_C(1000000000) /* shares are in billionths                            \
                         */

/* A draw that is the same for the same user. */
struct lot {
    uint8_t key[16];
};

/* The parts name it: those of another experiment are others. */
struct lot lot_make(struct str kind, struct str key, struct str salt,
                    struct str part);
bool lot_is_below(const struct lot *l, struct str user, int64_t share);

struct experiment_arm {
    struct lot lot;
    int64_t weight; /* 0: nobody gets it */
};
/* Which of them; n: none, as all weights are 0. */
size_t experiment_draw(const struct experiment_arm *arms, size_t n,
                       struct str user);

/* When clocks there show that minute of the day, now or next. */
int64_t experiment_next_minute(const struct zone *z, int minute,
                               int64_t now_ms);
