/* heap.c - see heap.h. Invariant: nodes[i]->at == i + 1, and no node comes
 * before its parent at (i - 1) / 2. */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

void
heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void
heap_fini(struct heap *h)
{
    for (size_t i = 0; i < h->n; i++)
        h->nodes[i]->at = 0;
    free(h->nodes);
    *h = (struct heap){0};
}

static bool
node_is_before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key < b->key || (a->key == b->key && a->tie < b->tie);
}

static void
heap_set(struct heap *h, size_t i, struct heap_node *n)
{
    h->nodes[i] = n;
    n->at = i + 1;
}

/* Put n at the hole i or above it. */
static void
heap_rise(struct heap *h, size_t i, struct heap_node *n)
{
    while (i > 0 && node_is_before(n, h->nodes[(i - 1) / 2])) {
        heap_set(h, i, h->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_set(h, i, n);
}

/* Put n at the hole i or below it. */
static void
heap_sink(struct heap *h, size_t i, struct heap_node *n)
{
    for (size_t child = 2 * i + 1; child < h->n; child = 2 * i + 1) {
        if (child + 1 < h->n &&
            node_is_before(h->nodes[child + 1], h->nodes[child]))
            child++;
        if (!node_is_before(h->nodes[child], n))
            break;
        heap_set(h, i, h->nodes[child]);
        i = child;
    }
    heap_set(h, i, n);
}

void
heap_insert(struct heap *h, struct heap_node *n)
{
    assert(!heap_has(n));
    if (h->n == h->cap) {
        h->cap = h->cap > 0 ? 2 * h->cap : 16;
        h->nodes = xrealloc(h->nodes, h->cap * sizeof(struct heap_node *));
    }
    h->n++;
    heap_rise(h, h->n - 1, n);
}

struct heap_node *
heap_min(const struct heap *h)
{
    return h->n > 0 ? h->nodes[0] : NULL;
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
    size_t i = n->at - 1;
    struct heap_node *last;

    assert(heap_has(n) && i < h->n && h->nodes[i] == n);
    last = h->nodes[--h->n];
    n->at = 0;
    if (last == n)
        return;
    if (i > 0 && node_is_before(last, h->nodes[(i - 1) / 2]))
        heap_rise(h, i, last);
    else
        heap_sink(h, i, last);
}

bool
heap_has(const struct heap_node *n)
{
    return n->at != 0;
}
