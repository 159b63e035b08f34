/* rng.h - randomness, as a thing that is handed in. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* xoshiro256** (Blackman, Vigna): for jitter and sampling, never for keys. */
struct rng {
    uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed); /* the same seed, the same row */
void rng_seed_system(struct rng *r);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 .. n-1, even; n >= 1 */

/* From the operating system: for keys, tokens, nonces. Exits if there is
 * none. Thread-safe. */
void rng_secret(void *p, size_t n);
