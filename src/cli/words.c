#include "cli/words.h"

int
words_run(struct cli *c, const struct word *words)
{
    struct str name = args_rest(&c->args, 0);
    int n = c->args.n_rest - 1;

    while (words->name && !str_is(name, words->name))
        words++;
    if (!words->name) /* the command's own list knows it, and this one not */
        return cli_usage(c, "\"%.*s\" is not known here", STR_ARG(name));
    if (n < words->min_args)
        return cli_usage(c, "say more: belfry %s %s %s", c->command->name,
                         words->name, words->usage);
    if (n > words->max_args)
        return cli_usage(c, "\"%.*s\" is one argument too many",
                         STR_ARG(args_rest(&c->args, words->max_args + 1)));
    return words->run(c);
}
