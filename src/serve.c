#include "serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/health.h"
#include "base/id.h"
#include "base/log.h"
#include "base/metrics.h"
#include "serve_private.h"

static const char usage[] =
    "usage: belfry serve [--dev] [--listen HOST:PORT] [--db URL]\n"
    "                    [--roles LIST] [--config FILE]\n"
    "\n"
    "Start the server. Without options it listens on 127.0.0.1:7117 and keeps\n"
    "everything in ./belfry.db. --dev catches all outgoing messages in a sink\n"
    "that one can read, so that nothing leaves this machine.\n"
    "\n"
    "  belfry serve --dev\n"
    "  belfry serve --listen 0.0.0.0:7117 --db "
    "sqlite:/var/lib/belfry/belfry.db\n"
    "\n"
    "Every setting can also stand in the file, or in a variable BELFRY_*;\n"
    "docs/settings.md lists them.\n";

static bool
read_flags(struct config_sources *from, struct config_flag *flags, int argc,
           char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];

        if (strcmp(name, "--dev") == 0) {
            flags[from->n_flags++] = (struct config_flag){name, NULL};
            continue;
        }
        if (i + 1 == argc || strncmp(name, "--", 2) != 0) {
            fprintf(stderr, "belfry serve: %s %s\n%s", name,
                    i + 1 == argc ? "is not known, or needs a value"
                                  : "is not an option",
                    usage);
            return false;
        }
        if (strcmp(name, "--config") == 0)
            from->file = argv[++i];
        else
            flags[from->n_flags++] = (struct config_flag){name, argv[++i]};
    }
    return true;
}

static bool
load_config(struct server *s, int argc, char **argv)
{
    struct config_flag *flags =
        ARENA_ARRAY(s->arena, struct config_flag, (size_t)argc + 1);
    struct config_sources from = {.environ = s->environment, .flags = flags};
    struct buf messages;
    enum err e;

    buf_init(&messages, s->arena);
    if (!read_flags(&from, flags, argc, argv))
        return false;
    e = config_load(s->arena, &from, &s->config, &messages);
    if (messages.n > 0)
        fprintf(stderr, "%.*s%s", STR_ARG(buf_str(&messages)),
                messages.p[messages.n - 1] == '\n' ? "" : "\n");
    return e == ERR_OK;
}

/* Each stream is a descriptor; the hard limit is ours to use. */
static void
raise_descriptor_limit(void)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

bool
serve_has_role(const struct server *s, const char *role)
{
    for (size_t i = 0; i < s->config->server_roles.n; i++)
        if (str_is(s->config->server_roles.items[i], role) ||
            str_is(s->config->server_roles.items[i], "all"))
            return true;
    return false;
}

static void
on_ready(struct server *s)
{
    char ms[16];

    serve_name_public_url(s);
    if (serve_has_role(s, "api") && !serve_open_fronts(s)) {
        s->exit_code = 1;
        loop_stop(s->loop);
        return;
    }
    if (serve_has_role(s, "worker"))
        serve_start_outlet(s);
    else if (serve_has_role(s, "scheduler"))
        serve_start_waiting_room(s);
    if (serve_has_role(s, "worker") || serve_has_role(s, "scheduler"))
        serve_start_planner(s);
    serve_run_fronts(s);
    serve_start_upkeep(s);
    serve_start_outbox(s);
    health_report(STR("store"), HEALTH_OK, str_from(s->store->driver->name),
                  s->clock->wall_ms(s->clock));
    metric_set(metrics_series(METRIC_build_info, BELFRY_VERSION), 1);
    snprintf(ms, sizeof(ms), "%lld",
             (long long)(s->clock->mono_ms(s->clock) - s->started_ms));
    LOG_INFO("server.ready", log_cstr("version", BELFRY_VERSION),
             log_cstr("listen", s->address), log_cstr("took_ms", ms));
    serve_banner(s);
}

static void
on_snapshots(void *arg, enum err e)
{
    struct server *s = arg;

    if (s->is_draining) /* told to stop before it had begun */
        return;
    if (e == ERR_OK) {
        on_ready(s);
        return;
    }
    fprintf(stderr,
            "belfry: the configuration in the database could not be "
            "read (%s)\n",
            err_code(e));
    s->exit_code = 1;
    loop_stop(s->loop);
}

static void
start_snapshots(struct server *s)
{
    snapshots_start(s->snapshots, on_snapshots, s);
}

static void
on_signal(int signum, void *arg)
{
    struct server *s = arg;

    if (signum != SIGHUP) {
        LOG_INFO("server.stopping", log_int("signal", signum));
        serve_drain(s);
        return;
    }
    serve_reload_fronts(s);
    LOG_INFO("server.reloaded");
}

int
serve_main(int argc, char **argv, const char *const *environment)
{
    struct server *s = xcalloc(1, sizeof(*s));
    int code;

    if (argc > 1 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        free(s);
        return 0;
    }
    s->arena = arena_new();
    s->environment = environment;
    s->clock = clock_system();
    s->started_ms = s->clock->mono_ms(s->clock);
    rng_seed_system(&s->rng);
    signal(SIGPIPE, SIG_IGN);
    umask(0027); /* addresses and messages are nobody else's to read */
    if (!load_config(s, argc, argv)) {
        arena_free(s->arena);
        free(s);
        return 2;
    }
    raise_descriptor_limit();
    if (serve_open(s)) {
        loop_on_signal(s->loop, SIGTERM, on_signal, s);
        loop_on_signal(s->loop, SIGINT, on_signal, s);
        loop_on_signal(s->loop, SIGHUP, on_signal, s);
        serve_first_documents(s, start_snapshots);
        loop_run(s->loop);
    } else {
        s->exit_code = 1;
    }
    code = s->exit_code;
    serve_close(s);
    arena_free(s->arena);
    free(s);
    return code;
}
