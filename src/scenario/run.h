/* run.h - carries a scenario out, in a world of its own. */
#pragma once

#include "scenario/script.h"

struct run_options {
    struct str db; /* see place.h */
    uint64_t seed;
};

struct run_result { /* texts in the arena */
    bool is_passed;
    size_t n_expectations; /* that were met */
    /* of a failure: */
    const struct step *step; /* NULL: the world did not even begin */
    struct str expected;     /* empty: `got` says all */
    struct str got;          /* what came instead */
    struct str story;        /* lines: what became of what was sent, and why */
};

void scenario_run(struct arena *a, const struct scenario *s,
                  const struct run_options *o, struct run_result *ret);
