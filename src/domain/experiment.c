#include "domain/experiment.h"

#include <assert.h>
#include <math.h>
#include <sodium.h>

static void
add_part(crypto_generichash_state *h, struct str part)
{
    uint8_t n[8];

    for (size_t i = 0; i < sizeof(n); i++)
        n[i] = (uint8_t)((uint64_t)part.n >> (8 * i));
    crypto_generichash_update(h, n, sizeof(n));
    if (part.n > 0)
        crypto_generichash_update(h, (const unsigned char *)part.p, part.n);
}

struct lot
lot_make(struct str kind, struct str key, struct str salt, struct str part)
{
    crypto_generichash_state h;
    struct lot l;

    crypto_generichash_init(&h, NULL, 0, sizeof(l.key));
    add_part(&h, kind);
    add_part(&h, key);
    add_part(&h, salt);
    add_part(&h, part);
    crypto_generichash_final(&h, l.key, sizeof(l.key));
    return l;
}

/* Between 0 and 1, and neither: 53 bits are what a double holds. */
static double
draw(const struct lot *l, struct str user)
{
    uint8_t out[crypto_shorthash_BYTES];
    uint64_t n = 0;

    static_assert(sizeof(l->key) == crypto_shorthash_KEYBYTES, "of SipHash");
    crypto_shorthash(out, (const unsigned char *)user.p, user.n, l->key);
    for (size_t i = 0; i < sizeof(out); i++)
        n |= (uint64_t)out[i] << (8 * i);
    return ((double)(n >> 11) + 0.5) * 0x1p-53;
}

bool
lot_is_below(const struct lot *l, struct str user, int64_t share)
{
    return draw(l, user) * (double)EXPERIMENT_SHARE_ALL < (double)share;
}

size_t
experiment_draw(const struct experiment_arm *arms, size_t n, struct str user)
{
    double best = 0;
    size_t found = n;

    for (size_t i = 0; i < n; i++) {
        double score;

        if (arms[i].weight <= 0)
            continue;
        score = -log(draw(&arms[i].lot, user)) / (double)arms[i].weight;
        if (found == n || score < best) {
            best = score;
            found = i;
        }
    }
    return found;
}

/* Where the hour is skipped on one day it is the end of the gap. */
int64_t
experiment_next_minute(const struct zone *z, int minute, int64_t now_ms)
{
    struct civil c = zone_civil(z, now_ms);
    int64_t at_ms;

    c.hour = minute / 60;
    c.minute = minute % 60;
    c.second = 0;
    at_ms = zone_first_instant(z, c);
    if (at_ms >= now_ms)
        return at_ms;
    c.day++;
    return zone_first_instant(z, c);
}
