/* arena.c - blocks in a chain, the one in use first.
 *
 * Invariants: a block's bytes [used, size) were never handed out since the
 * last reset; under AddressSanitizer they are poisoned, and so is a gap after
 * each allocation. A thing too big for a fair share of a block gets a block
 * of its own behind the first, so that it does not waste the rest of it. */
#include "base/arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define ARENA_GAP 16u
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ARENA_GAP 0u
#endif

#define ARENA_ALIGN _Alignof(max_align_t)
#define ARENA_BLOCK_MIN ((size_t)4096)
#define ARENA_BLOCK_MAX ((size_t)256 * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size; /* of data */
    size_t used;
    _Alignas(max_align_t) char data[];
};

struct arena {
    struct arena_block *first;
    size_t used; /* bytes asked for, over all blocks */
    bool is_lent;
};

static struct arena_block *
block_new(size_t size)
{
    struct arena_block *block = xmalloc(sizeof(*block) + size);

    block->next = NULL;
    block->size = size;
    block->used = 0;
    ASAN_POISON_MEMORY_REGION(block->data, size);
    return block;
}

static void
block_free(struct arena_block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->data, block->size);
    free(block);
}

struct arena *
arena_new(void)
{
    struct arena *a = xmalloc(sizeof(*a));

    a->first = block_new(ARENA_BLOCK_MIN - sizeof(struct arena_block));
    a->used = 0;
    a->is_lent = false;
    return a;
}

static void
arena_free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;

        block_free(block);
        block = next;
    }
}

void
arena_free(struct arena *a)
{
    if (!a)
        return;
    arena_free_blocks(a->first);
    free(a);
}

/* The biggest block of ordinary size is kept: an arena that is used again and
 * again finds its size, and one huge request is not remembered for ever. */
static struct arena_block **
arena_find_keeper(struct arena *a)
{
    struct arena_block **best = NULL;

    for (struct arena_block **at = &a->first; *at; at = &(*at)->next) {
        if ((*at)->size > ARENA_BLOCK_MAX)
            continue;
        if (!best || (*at)->size > (*best)->size)
            best = at;
    }
    return best;
}

void
arena_reset(struct arena *a)
{
    struct arena_block **at = arena_find_keeper(a);
    struct arena_block *keep;

    assert(at); /* arena_new() made an ordinary one */
    keep = *at;
    *at = keep->next;
    arena_free_blocks(a->first);
    keep->next = NULL;
    keep->used = 0;
    ASAN_POISON_MEMORY_REGION(keep->data, keep->size);
    a->first = keep;
    a->used = 0;
}

void
arena_lend(struct arena *a)
{
    assert(!a->is_lent);
    a->is_lent = true;
}

void
arena_take_back(struct arena *a)
{
    assert(a->is_lent);
    a->is_lent = false;
}

size_t
arena_used(const struct arena *a)
{
    return a->used;
}

static struct arena_block *
arena_grow(struct arena *a, size_t need)
{
    struct arena_block *first = a->first;
    size_t size = 2 * (first->size + sizeof(*first));
    struct arena_block *block;

    if (size > ARENA_BLOCK_MAX)
        size = ARENA_BLOCK_MAX;
    size -= sizeof(*block);
    if (need > size / 4) {
        block = block_new(need);
        block->next = first->next;
        first->next = block;
        return block;
    }
    block = block_new(size);
    block->next = first;
    a->first = block;
    return block;
}

static void *
arena_take(struct arena *a, size_t n)
{
    struct arena_block *block = a->first;
    size_t need;
    char *p;

    if (n > SIZE_MAX / 4)
        fatal("out of memory: %zu bytes wanted", n);
    need = (n + ARENA_GAP + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (need > block->size - block->used)
        block = arena_grow(a, need);
    p = block->data + block->used;
    block->used += need;
    a->used += n;
    ASAN_UNPOISON_MEMORY_REGION(p, n);
    return p;
}

void *
arena_alloc(struct arena *a, size_t n)
{
    return memset(arena_take(a, n), 0, n);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n))
        fatal("out of memory: %zu times %zu bytes wanted", count, size);
    return arena_alloc(a, n);
}

void *
arena_copy(struct arena *a, const void *p, size_t n)
{
    void *copy = arena_take(a, n);

    return n > 0 ? memcpy(copy, p, n) : copy;
}

void *
xmalloc(size_t n)
{
    void *p = malloc(n > 0 ? n : 1);

    if (!p)
        fatal("out of memory: %zu bytes wanted", n);
    return p;
}

void *
xcalloc(size_t count, size_t size)
{
    void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

    if (!p)
        fatal("out of memory: %zu times %zu bytes wanted", count, size);
    return p;
}

void *
xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n > 0 ? n : 1);

    if (!q)
        fatal("out of memory: %zu bytes wanted", n);
    return q;
}

char *
xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(xmalloc(n), s, n);
}
