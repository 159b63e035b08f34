/* serve_banner.c - the first lines that a developer sees. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "serve_private.h"
#include "store/postgres/postgres.h"

static const char *
paint(bool is_terminal, const char *code)
{
    return is_terminal ? code : "";
}

void
serve_banner(struct server *s)
{
    const char *no_color = getenv("NO_COLOR");
    bool is_terminal =
        isatty(STDERR_FILENO) && !(no_color && no_color[0] != '\0');
    const char *bold = paint(is_terminal, "\033[1m");
    const char *dim = paint(is_terminal, "\033[2m");
    const char *off = paint(is_terminal, "\033[0m");
    struct str key = s->config->server_bootstrap_key, path, why;
    struct str database = s->config->database_url;
    int64_t took_ms = s->clock->mono_ms(s->clock) - s->started_ms;

    if (!s->dev_sink)
        return;
    if (str_starts(database, STR("postgres")))
        database = postgres_url_shown(s->arena, database);
    fprintf(stderr,
            "\n%sbelfry " BELFRY_VERSION "%s  %.*s%s  pid %d  %sready in %lld "
            "ms%s\n",
            bold, off, STR_ARG(database), s->is_new ? " (new)" : "",
            (int)getpid(), dim, (long long)took_ms, off);
    fprintf(
        stderr,
        "  Dev sink    %.*s/dev#key=%.*s\n"
        "              e-mail and webhooks are caught there; nothing leaves "
        "this machine\n",
        STR_ARG(s->public_url), STR_ARG(key));
    if (cli_dev_file_write(s->arena, s->environment, s->public_url, key, &path,
                           &why) == ERR_OK)
        fprintf(stderr,
                "  API         %.*s/v1    dev key: %.*s   saved to "
                "%.*s\n",
                STR_ARG(s->public_url), STR_ARG(key), STR_ARG(path));
    else
        fprintf(stderr,
                "  API         %.*s/v1    dev key: %.*s   (not saved: "
                "%.*s)\n",
                STR_ARG(s->public_url), STR_ARG(key), STR_ARG(why));
    fprintf(stderr, "  Try         belfry send u_1 \"Hello\" --channel "
                    "in_app,log_file     belfry tail     Ctrl-C stops\n\n");
}
