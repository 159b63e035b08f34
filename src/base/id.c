/* id.c - ids inside and outside; the layouts are in id.h.
 *
 * A maker is one word: (milliseconds since ID_EPOCH_MS) << 12 | sequence, of
 * the next id to be given out. It only ever rises, by compare and swap. */
#include "base/id.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"

#define SEQUENCE_BITS 12
#define NODE_BITS 10
#define MS_BITS 41
#define MS_MAX ((UINT64_C(1) << MS_BITS) - 1)
#define TAG_BITS 40
#define TAG_MASK ((UINT64_C(1) << TAG_BITS) - 1)
#define PREFIX_MAX 12
#define DIGITS 26

struct id_maker {
    uint64_t node;
    _Atomic uint64_t next;
};

/* The 128 bits of a UUID. */
struct uuid {
    uint64_t high, low;
};

/* Crockford: no i, l, o, u. */
static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

struct id_maker *
id_maker_new(int node)
{
    struct id_maker *m = xcalloc(1, sizeof(*m));

    assert(node >= 0 && node < 1 << NODE_BITS);
    m->node = (uint64_t)node;
    atomic_init(&m->next, 0);
    return m;
}

void
id_maker_free(struct id_maker *m)
{
    free(m);
}

int64_t
id_make(struct id_maker *m, int64_t now_wall_ms, int n)
{
    uint64_t now_ms =
        now_wall_ms > ID_EPOCH_MS ? (uint64_t)(now_wall_ms - ID_EPOCH_MS) : 0;
    uint64_t next = atomic_load_explicit(&m->next, memory_order_relaxed);
    uint64_t first, sequence;

    assert(n >= 1 && n <= ID_RUN_MAX);
    do {
        first = next > now_ms << SEQUENCE_BITS ? next : now_ms << SEQUENCE_BITS;
        sequence = first & (ID_RUN_MAX - 1);
        /* A run stays within a millisecond: above the sequence is the node. */
        if (sequence + (uint64_t)n > ID_RUN_MAX)
            first += ID_RUN_MAX - sequence;
        if (first >> SEQUENCE_BITS > MS_MAX || now_ms > MS_MAX)
            fatal("no ids are left; is the clock right?");
    } while (!atomic_compare_exchange_weak_explicit(
        &m->next, &next, first + (uint64_t)n, memory_order_relaxed,
        memory_order_relaxed));
    return (int64_t)((first >> SEQUENCE_BITS) << (NODE_BITS + SEQUENCE_BITS) |
                     m->node << SEQUENCE_BITS | (first & (ID_RUN_MAX - 1)));
}

void
id_maker_raise(struct id_maker *m, int64_t at_least)
{
    uint64_t next = atomic_load_explicit(&m->next, memory_order_relaxed);
    uint64_t floor;

    if (at_least < 0)
        return;
    /* The millisecond after: it is above `at_least` whatever node made it. */
    floor = (((uint64_t)at_least >> (NODE_BITS + SEQUENCE_BITS)) + 1)
            << SEQUENCE_BITS;
    while (next < floor && !atomic_compare_exchange_weak_explicit(
                               &m->next, &next, floor, memory_order_relaxed,
                               memory_order_relaxed))
        continue;
}

int64_t
id_time_ms(int64_t id)
{
    return (id >> (NODE_BITS + SEQUENCE_BITS)) + ID_EPOCH_MS;
}

int64_t
id_after(int64_t wall_ms)
{
    int64_t ms = wall_ms > ID_EPOCH_MS ? wall_ms - ID_EPOCH_MS : 0;

    if (ms >= INT64_MAX >> (NODE_BITS + SEQUENCE_BITS))
        return INT64_MAX; /* beyond the last id there can be */
    return (ms + 1) << (NODE_BITS + SEQUENCE_BITS);
}

/* In ids for ever, so this may never change. The mixer is splitmix64's. */
int
id_shard(int64_t tenant)
{
    uint64_t x = (uint64_t)tenant + UINT64_C(0x9E3779B97F4A7C15);

    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    x ^= x >> 31;
    return (int)(x >> 54);
}

/* SipHash-2-4 over the prefix and the 128 bits, big-endian, with the tag's
 * bits zero. The last 16 bytes are always the bits, so that no prefix can be
 * mistaken for another. */
static uint64_t
tag_of(const uint8_t *key, struct str prefix, struct uuid u)
{
    unsigned char message[PREFIX_MAX + 16], out[crypto_shorthash_BYTES];
    uint64_t tag = 0;
    size_t n = prefix.n;

    assert(n <= PREFIX_MAX);
    memcpy(message, prefix.p, n);
    for (int shift = 56; shift >= 0; shift -= 8)
        message[n++] = (unsigned char)(u.high >> shift);
    for (int shift = 56; shift >= 0; shift -= 8)
        message[n++] = (unsigned char)((u.low & ~TAG_MASK) >> shift);
    crypto_shorthash(out, message, n, key);
    for (size_t i = 0; i < TAG_BITS / 8; i++)
        tag = tag << 8 | out[i];
    return tag;
}

static struct uuid
uuid_of(const uint8_t *key, struct str prefix, int shard, int64_t id)
{
    uint64_t rest = (uint64_t)id & ((1u << (NODE_BITS + SEQUENCE_BITS)) - 1);
    struct uuid u = {.high = (uint64_t)id_time_ms(id) << 16 | 8u << 12 |
                             (uint64_t)shard,
                     .low = UINT64_C(2) << 62 | rest << TAG_BITS};

    u.low |= tag_of(key, prefix, u);
    return u;
}

struct str
id_format(char text[static ID_TEXT_MAX], const uint8_t key[static ID_KEY_BYTES],
          const char *prefix, int shard, int64_t id)
{
    size_t n = strlen(prefix);
    struct uuid u;

    assert(n >= 1 && n <= PREFIX_MAX && id >= 0);
    assert(shard >= 0 && shard < 1 << 12);
    u = uuid_of(key, (struct str){prefix, n}, shard, id);
    memcpy(text, prefix, n);
    text[n++] = '_';
    for (size_t i = DIGITS; i-- > 0;) {
        text[n + i] = alphabet[u.low & 31];
        u.low = u.low >> 5 | u.high << 59;
        u.high >>= 5;
    }
    text[n + DIGITS] = '\0';
    return (struct str){text, n + DIGITS};
}

static bool
uuid_from_digits(struct str digits, struct uuid *ret)
{
    struct uuid u = {0, 0};

    /* 26 digits hold 130 bits: the first has only three. */
    if (digits.n != DIGITS || digits.p[0] > '7')
        return false;
    for (size_t i = 0; i < DIGITS; i++) {
        ptrdiff_t digit =
            str_find((struct str){alphabet, sizeof(alphabet) - 1}, digits.p[i]);

        if (digit < 0)
            return false;
        u.high = u.high << 5 | u.low >> 59;
        u.low = u.low << 5 | (uint64_t)digit;
    }
    *ret = u;
    return true;
}

bool
id_parse(struct str text, const uint8_t key[static ID_KEY_BYTES],
         const char *prefix, int shard, int64_t *ret_id)
{
    struct str want = str_from(prefix);
    struct uuid u, ours;
    uint64_t ms;
    int64_t id;

    if (!str_starts(text, want) || text.n != want.n + 1 + DIGITS ||
        text.p[want.n] != '_' ||
        !uuid_from_digits(str_sub(text, want.n + 1, DIGITS), &u))
        return false;
    ms = (u.high >> 16) - (uint64_t)ID_EPOCH_MS; /* wraps if it is before */
    if (ms > MS_MAX || shard < 0 || shard >= 1 << 12)
        return false;
    id = (int64_t)(ms << (NODE_BITS + SEQUENCE_BITS) |
                   (u.low << 2 >> (TAG_BITS + 2)));
    /* All other bits follow from the id and the key: make it and compare,
     * whole words at once, so that time says nothing about the tag. */
    ours = uuid_of(key, want, shard, id);
    if (((u.high ^ ours.high) | (u.low ^ ours.low)) != 0)
        return false;
    *ret_id = id;
    return true;
}

bool
id_is_key(struct str s)
{
    if (s.n < 1 || s.n > 128)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              (c >= '0' && c <= '9') || c == '_' || c == '.' || c == ':' ||
              c == '@' || c == '-'))
            return false;
    }
    return true;
}
