#include "domain/share.h"

#include <math.h>
#include <stdlib.h>

/* The finalizer of SplitMix64 (Steele, Lea, Flood 2014): ids rise by one, and
 * each bit of them has to count. */
static uint64_t
mixed(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

int64_t
share_phase(int64_t lane, int64_t every_ms)
{
    return (int64_t)(mixed((uint64_t)lane) % (uint64_t)every_ms);
}

/* Between 0 and 1, and neither: 53 bits are what a double holds. */
static double
draw(int64_t delivery, int64_t lane)
{
    uint64_t n = mixed(mixed((uint64_t)delivery) ^ (uint64_t)lane);

    return ((double)(n >> 11) + 0.5) * 0x1p-53;
}

static int
by_score(const void *pa, const void *pb)
{
    const struct share_row *a = pa, *b = pb;

    if ((a->weight == 0) != (b->weight == 0))
        return a->weight == 0 ? 1 : -1;
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return (a->lane > b->lane) - (a->lane < b->lane);
}

void
share_rank(struct share_row *rows, size_t n, int64_t delivery)
{
    for (size_t i = 0; i < n; i++) {
        struct share_row *r = &rows[i];
        double worth = (double)r->fitness * (r->weight == 0 ? 1 : r->weight);

        r->score = -log(draw(delivery, r->lane)) / worth;
    }
    if (n > 1)
        qsort(rows, n, sizeof(*rows), by_score);
}
