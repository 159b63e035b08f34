/* map.c - open addressing, one row of slots, a power of two long.
 *
 * Invariant: a key's slot is reached from its hash by steps of one without
 * crossing a free slot. A removed entry therefore leaves a grave, unless the
 * slot after it is free; graves go when the row is made anew. That nothing
 * moves on removal is also what makes it safe inside a walk. */
#include "base/map.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rng.h"

#define MAP_SLOTS_MIN 16

struct map_slot {
    uint64_t hash;
    char *key; /* NULL: free; `grave`: was removed */
    size_t n;
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t n_slots;
    size_t n_live;
    size_t n_taken; /* live ones and graves */
};

static char grave[1];

static unsigned char map_key[crypto_shorthash_KEYBYTES];
static pthread_once_t map_key_once = PTHREAD_ONCE_INIT;

static void
draw_map_key(void)
{
    rng_secret(map_key, sizeof(map_key));
}

static uint64_t
hash_of(struct str key)
{
    unsigned char out[crypto_shorthash_BYTES];
    const char *p = key.p ? key.p : "";
    uint64_t hash;

    crypto_shorthash(out, (const unsigned char *)p, key.n, map_key);
    memcpy(&hash, out, sizeof(hash));
    return hash;
}

static bool
slot_is_live(const struct map_slot *slot)
{
    return slot->key && slot->key != grave;
}

struct map *
map_new(void)
{
    struct map *m = xcalloc(1, sizeof(*m));

    pthread_once(&map_key_once, draw_map_key);
    m->n_slots = MAP_SLOTS_MIN;
    m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
    return m;
}

void
map_free(struct map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n_slots; i++)
        if (slot_is_live(&m->slots[i]))
            free(m->slots[i].key);
    free(m->slots);
    free(m);
}

size_t
map_count(const struct map *m)
{
    return m->n_live;
}

static struct map_slot *
map_find(const struct map *m, struct str key, uint64_t hash)
{
    size_t mask = m->n_slots - 1;

    /* Ends: a quarter of the slots is always free. */
    for (size_t i = (size_t)hash & mask; m->slots[i].key; i = (i + 1) & mask) {
        struct map_slot *slot = &m->slots[i];

        if (slot->hash == hash && slot_is_live(slot) &&
            str_eq((struct str){slot->key, slot->n}, key))
            return slot;
    }
    return NULL;
}

/* The first slot on the way that is free or a grave. */
static struct map_slot *
map_vacancy(const struct map *m, uint64_t hash)
{
    size_t mask = m->n_slots - 1;
    size_t i = (size_t)hash & mask;

    while (slot_is_live(&m->slots[i]))
        i = (i + 1) & mask;
    return &m->slots[i];
}

/* A new row, at most half full: bigger, smaller, or just without graves. */
static void
map_rebuild(struct map *m)
{
    struct map_slot *old = m->slots;
    size_t n_old = m->n_slots;

    m->n_slots = MAP_SLOTS_MIN;
    while (m->n_slots < 2 * (m->n_live + 1))
        m->n_slots *= 2;
    m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
    m->n_taken = m->n_live;
    for (size_t i = 0; i < n_old; i++)
        if (slot_is_live(&old[i]))
            *map_vacancy(m, old[i].hash) = old[i];
    free(old);
}

void *
map_get(const struct map *m, struct str key)
{
    const struct map_slot *slot = map_find(m, key, hash_of(key));

    return slot ? slot->value : NULL;
}

static char *
copy_key(struct str key)
{
    char *copy = xmalloc(key.n + 1);

    if (key.n > 0)
        memcpy(copy, key.p, key.n);
    copy[key.n] = '\0';
    return copy;
}

void *
map_put(struct map *m, struct str key, void *value)
{
    uint64_t hash = hash_of(key);
    struct map_slot *slot = map_find(m, key, hash);

    if (slot) {
        void *old = slot->value;

        slot->value = value;
        return old;
    }
    if (m->n_taken + 1 > m->n_slots / 4 * 3)
        map_rebuild(m);
    slot = map_vacancy(m, hash);
    if (!slot->key)
        m->n_taken++;
    *slot = (struct map_slot){hash, copy_key(key), key.n, value};
    m->n_live++;
    return NULL;
}

void *
map_remove(struct map *m, struct str key)
{
    struct map_slot *slot = map_find(m, key, hash_of(key));
    size_t after;
    void *value;

    if (!slot)
        return NULL;
    value = slot->value;
    free(slot->key);
    after = ((size_t)(slot - m->slots) + 1) & (m->n_slots - 1);
    *slot = (struct map_slot){.key = grave};
    if (!m->slots[after].key) {
        slot->key = NULL;
        m->n_taken--;
    }
    m->n_live--;
    return value;
}

bool
map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value)
{
    while (*at < m->n_slots) {
        const struct map_slot *slot = &m->slots[(*at)++];

        if (!slot_is_live(slot))
            continue;
        *ret_key = (struct str){slot->key, slot->n};
        *ret_value = slot->value;
        return true;
    }
    return false;
}
