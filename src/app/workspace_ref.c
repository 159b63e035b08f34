/* workspace_ref.c - how long a shared workspace lives. */
#include "app/workspace.h"
#include "base/map.h"

/* The one thing in a shared workspace that is written: its count. */
static struct workspace *
to_count(const struct workspace *shared)
{
    return (struct workspace *)(uintptr_t)shared;
}

const struct workspace *
workspace_get(const struct workspace *w)
{
    __atomic_add_fetch(&to_count(w)->refs, 1, __ATOMIC_ACQ_REL);
    return w;
}

void
workspace_put(const struct workspace *shared)
{
    struct workspace *w = to_count(shared);

    if (!w || __atomic_sub_fetch(&w->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    map_free(w->templates);
    map_free(w->categories);
    map_free(w->workflows);
    arena_free(w->arena);
}
