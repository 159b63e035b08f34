/* words.h - commands whose first argument says what to do. */
#pragma once

#include "cli/cli_private.h"

struct word {
    const char *name;
    const char *usage; /* what comes after it */
    int min_args, max_args;
    int (*run)(struct cli *c);
};

/* Each ends with name NULL. */
extern const struct word completion_words[];
extern const struct word key_words[];
extern const struct word migrate_words[];
extern const struct word plugin_words[];
extern const struct word provider_words[];
extern const struct word secret_words[];
extern const struct word suppression_words[];
extern const struct word template_words[];
extern const struct word user_words[];

/* NULL: there is none. */
const struct word *word_find(const struct word *words, struct str name);
/* Runs the word of the first argument, one of the command's. */
int words_run(struct cli *c);
/* What comes after the command's name, with a blank before it; or nothing. */
struct str words_usage(struct arena *a, const struct command *command);
