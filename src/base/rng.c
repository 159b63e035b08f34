/* rng.c - see rng.h. */
#include "base/rng.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"

/* splitmix64 spreads a seed over the state, which must not be all zero. */
void
rng_seed(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        r->s[i] = z ^ (z >> 31);
    }
}

void
rng_seed_system(struct rng *r)
{
    uint64_t seed;

    rng_secret(&seed, sizeof(seed));
    rng_seed(r, seed);
}

static uint64_t
rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t
rng_next(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t
rng_below(struct rng *r, uint64_t n)
{
    uint64_t uneven, x;

    assert(n >= 1);
    /* 2^64 mod n values too many: drawing one of them again makes it even. */
    uneven = (0 - n) % n;
    do {
        x = rng_next(r);
    } while (x < uneven);
    return x % n;
}

void
rng_secret(void *p, size_t n)
{
    unsigned char *at = p;

    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            fatal("the system gives no random bytes: %s", strerror(errno));
        at += got;
        n -= (size_t)got;
    }
}
