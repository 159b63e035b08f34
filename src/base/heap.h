/* heap.h - a binary min-heap of embedded nodes, ordered by (key, tie).
 *
 * Removal from the middle is O(log n): a node knows its place. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
    int64_t key; /* smallest first */
    int64_t tie; /* then this */
    size_t at;   /* private: index + 1, 0 when in no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t n, cap;
};

void heap_init(struct heap *h);
void heap_fini(struct heap *h); /* the nodes are the caller's */
void heap_insert(struct heap *h, struct heap_node *n); /* in no heap before */
struct heap_node *heap_min(const struct heap *h);      /* NULL: empty */
void heap_remove(struct heap *h, struct heap_node *n);
bool heap_has(const struct heap_node *n);
