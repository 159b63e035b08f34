/* arena.h - memory with one lifetime: a request, a job, a generation of
 * configuration. Nothing in it is freed alone; all of it is freed at once.
 *
 * Not thread-safe. Allocation never fails: without memory the process exits,
 * so lengths that come from outside are checked against a limit before. */
#pragma once

#include <stddef.h>

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *a);         /* NULL is allowed */
void arena_reset(struct arena *a);        /* keeps one block for the next use */
size_t arena_used(const struct arena *a); /* bytes handed out */

/* Another thread works with it until arena_take_back(): who lends it allocates
 * nothing meanwhile. It is lent to one at a time, which is checked. */
void arena_lend(struct arena *a);
void arena_take_back(struct arena *a);

/* Zeroed, aligned for any type. n == 0 gives a valid, unusable pointer. */
void *arena_alloc(struct arena *a, size_t n);
/* count * size, checked for overflow (exits). */
void *arena_array(struct arena *a, size_t count, size_t size);
void *arena_copy(struct arena *a, const void *p, size_t n);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_array((a), (n), sizeof(type)))

/* The heap, for objects with an owner of their own. These never fail. */
void *xmalloc(size_t n);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
