/* args.h - the command line: options, and the arguments between them.
 *
 * Options are tables; several may be in force at once. `--name value` and
 * `--name=value` are the same, `--` ends the options, `-` is an argument.
 * What is wrong is said in one line that names the cure. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

enum arg_type {
    ARG_END = 0, /* of a table */
    ARG_FLAG,
    ARG_TEXT,
    ARG_INT,
    ARG_DURATION,
};

struct arg_option {
    const char *name; /* without the dashes */
    enum arg_type type;
    const char *value; /* what help calls it: "NAME" */
    const char *help;
    bool is_repeatable;
    const char *const *choices; /* NULL: any; ends with NULL */
    int64_t min, max;           /* of an INT; a DURATION's in ms */
    char letter;                /* "-h"; 0: none */
};

struct arg_given {
    const struct arg_option *option;
    struct str text;
    int64_t number; /* of an INT; a DURATION's in ms */
};

#define ARGS_TABLES 4

struct args {
    struct arena *arena;
    const struct arg_option *tables[ARGS_TABLES];
    int n_tables;
    struct arg_given *given; /* in order */
    int n_given;
    struct str *rest; /* the arguments between the options */
    int n_rest;
    struct str why; /* of ERR_INVALID */
};

void args_init(struct args *a, struct arena *arena);
void args_know(struct args *a, const struct arg_option *table);
/* Takes words up to the first argument (`stops`) or all. *ret_n says how many
 * were taken. May be called again for those left. */
enum err args_parse(struct args *a, int n, char *const *words, bool stops,
                    int *ret_n) MUST_CHECK;

bool args_knows(const struct args *a, const char *name); /* some table does */
/* The name must be in a table in force. */
bool args_has(const struct args *a, const char *name);
struct str args_text(const struct args *a, const char *name); /* or none */
int64_t args_number(const struct args *a, const char *name, int64_t otherwise);
/* Each one of a repeatable: start with *at = 0. */
bool args_next(const struct args *a, const char *name, int *at,
               struct str *ret);
/* The i-th argument, or none. */
struct str args_rest(const struct args *a, int i);
