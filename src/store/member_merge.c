#include "store/member_merge.h"

#include <assert.h>

#define RUNS_TOTAL 16000 /* users, of all sets together... */
#define RUN_LEAST 32     /* ...but of each set so many at least */

size_t
member_run_max(const struct store_members *m, size_t limit)
{
    size_t n = m->n_sets > 0 ? RUNS_TOTAL / m->n_sets : limit;

    assert(m->n_sets <= MEMBER_SETS_MAX);
    if (n < RUN_LEAST)
        n = RUN_LEAST;
    return n < limit ? n : limit;
}

/* Beyond the end of a run that goes on, others may have members of which that
 * one has not told yet. NULL: all were read to their ends. */
static const struct str *
first_end(const struct member_run *runs, size_t n)
{
    const struct str *end = NULL;

    for (size_t i = 0; i < n; i++) {
        const struct str *last;

        if (!runs[i].has_more)
            continue;
        last = &runs[i].users[runs[i].n - 1];
        if (!end || str_cmp(*last, *end) < 0)
            end = last;
    }
    return end;
}

/* NULL: there is none. */
static const struct str *
least(const struct member_run *runs, const size_t *at, size_t n)
{
    const struct str *user = NULL;

    for (size_t i = 0; i < n; i++)
        if (at[i] < runs[i].n &&
            (!user || str_cmp(runs[i].users[at[i]], *user) < 0))
            user = &runs[i].users[at[i]];
    return user;
}

void
member_merge(struct store_members *m, const struct member_run *runs,
             size_t limit)
{
    const struct str *end = first_end(runs, m->n_sets), *user;
    size_t *at = ARENA_ARRAY(m->req.arena, size_t, m->n_sets);

    m->users = ARENA_ARRAY(m->req.arena, struct str, limit);
    m->n_users = 0;
    for (size_t i = 0; i < m->n_sets; i++)
        m->sets[i].is_empty = runs[i].n == 0;
    while ((user = least(runs, at, m->n_sets)) != NULL) {
        if (m->n_users == limit || (end && str_cmp(*user, *end) > 0))
            break;
        m->users[m->n_users++] = *user;
        for (size_t i = 0; i < m->n_sets; i++)
            if (at[i] < runs[i].n && str_eq(runs[i].users[at[i]], *user))
                at[i]++;
    }
    m->has_more = end || user;
}
