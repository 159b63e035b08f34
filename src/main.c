/* main.c - parse, wire, run; no logic. */
#include "cli/cli.h"
#include "serve.h"

int
main(int argc, char **argv, char **environment)
{
    const char *const *env = (const char *const *)environment;

    return cli_main(argc, argv, env, serve_main);
}
