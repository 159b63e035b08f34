#include "base/near.h"

#define NEAR_MAX 2 /* edits that still make a suggestion */

struct near
near_to(struct str meant)
{
    return (struct near){.meant = meant, .distance = NEAR_MAX + 1};
}

/* One that has no letter in common is not near, however short it is. */
void
near_weigh(struct near *n, const char *word)
{
    size_t d = str_distance(n->meant, str_from(word));

    if (d < n->distance && d < n->meant.n) {
        n->distance = d;
        n->word = word;
    }
}

bool
near_is_told(const struct problem *p)
{
    return p->n_errors < PROBLEM_ERRORS_MAX;
}

void
near_refuse(const struct near *n, const char *what, struct str pointer,
            struct problem *p)
{
    if (n->word)
        problem_add(p, ERR_INVALID, pointer,
                    "there is no such %s; did you mean \"%s\"?", what, n->word);
    else
        problem_add(p, ERR_INVALID, pointer, "there is no such %s", what);
}
