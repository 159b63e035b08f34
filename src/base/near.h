/* near.h - of words that are known, the one that somebody most likely meant. */
#pragma once

#include "base/problem.h"

struct near {
    struct str meant;
    const char *word; /* NULL: none is near */
    size_t distance;
};

struct near near_to(struct str meant);
void near_weigh(struct near *n, const char *word);

/* "there is no such channel; did you mean "email"?" Guesses cost more than the
 * rest, and only so many faults are shown: ask near_is_told() before. */
bool near_is_told(const struct problem *p);
void near_refuse(const struct near *n, const char *what, struct str pointer,
                 struct problem *p);
