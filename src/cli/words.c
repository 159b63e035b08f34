#include "cli/words.h"

const struct word *
word_find(const struct word *words, struct str name)
{
    for (; words->name; words++)
        if (str_is(name, words->name))
            return words;
    return NULL;
}

/* The command's table was looked at before. */
int
words_run(struct cli *c)
{
    const struct word *w = word_find(c->command->words, args_rest(&c->args, 0));
    int n = c->args.n_rest - 1;

    if (n < w->min_args)
        return cli_usage(c, "say more: belfry %s %s %s", c->command->name,
                         w->name, w->usage);
    if (n > w->max_args)
        return cli_usage(c, "\"%.*s\" is one argument too many",
                         STR_ARG(args_rest(&c->args, w->max_args + 1)));
    return w->run(c);
}

struct str
words_usage(struct arena *a, const struct command *command)
{
    const struct word *first = command->words;
    struct buf out;

    buf_init(&out, a);
    for (const struct word *w = first; w && w->name; w++)
        buf_printf(&out, "%s%s", w == first ? " " : "|", w->name);
    if (command->usage)
        buf_printf(&out, " %s", command->usage);
    return buf_str(&out);
}
