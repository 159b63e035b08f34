/* arena_test.h - an arena of its own for each test of a file, which names
 * these two beside its tests. */
#pragma once

#include "base/arena.h"

static struct arena *arena;

static int
set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}
