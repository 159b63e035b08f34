/* words.h - commands whose first argument says what to do. */
#pragma once

#include "cli/cli_private.h"

struct word {
    const char *name;
    const char *usage; /* what comes after it */
    int min_args, max_args;
    int (*run)(struct cli *c);
};

/* Runs the word of the first argument. The table ends with name NULL. */
int words_run(struct cli *c, const struct word *words);
