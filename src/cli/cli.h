/* cli.h - belfry, the command: everything but the server itself. It talks
 * HTTP to a server like any other client; only `migrate` and `doctor` look at
 * files. */
#pragma once

#include "base/arena.h"
#include "base/err.h"

/* What the process exits with. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_AUTH = 4,
    CLI_UNREACHABLE = 5,
};

/* `belfry serve`, with argv[0] "serve" and what came after it. */
typedef int cli_serve_fn(int argc, char **argv, const char *const *env);

int cli_main(int argc, char **argv, const char *const *env,
             cli_serve_fn *serve);

/* Where a client on this machine finds the development server and its key:
 * belfry/dev.json under XDG_CONFIG_HOME or ~/.config, readable by its owner
 * alone. ERR_IO with *ret_why: no home, or a file that cannot be written. */
enum err cli_dev_file_write(struct arena *a, const char *const *env,
                            struct str url, struct str key,
                            struct str *ret_path, struct str *ret_why);
