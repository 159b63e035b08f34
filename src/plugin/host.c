/* host.c - see host.h. */
#include "plugin/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "channel/channel.h"
#include "plugin/ask.h"
#include "plugin/file.h"
#include "plugin/keeper.h"

struct plugins {
    struct plugins_options options;
    struct loop *loop;
    struct loop_thread *thread;
    struct plugin *all;
    size_t n;
};

/* ---- the driver ---- */

static bool
has_target(struct json config)
{
    (void)config;
    return true;
}

static struct str
host(struct arena *a, struct json config)
{
    return channel_url_host(a, config, "");
}

static void
make_driver(struct plugin *p)
{
    const struct manifest *m = &p->manifest;

    p->remote = (struct channel_remote){.takes_receipts = m->takes_receipts,
                                        .start = plugin_ask,
                                        .cancel = plugin_cancel};
    p->driver = (struct channel_driver){
        .name = m->name,
        .channels = m->channels,
        .config = m->config,
        .batch_max = 1,
        .calls_world = true,
        .has_target = m->has_target ? has_target : channel_has_no_target,
        .check = channel_check_base_url,
        .host = host,
        .remote = &p->remote,
    };
}

/* ---- the first start ---- */

static enum err
refuse(const struct plugins *p, const char *name, const char *why,
       const char **ret_why)
{
    *ret_why = str_cstr(p->options.arena,
                        str_fmt(p->options.arena, "plugin %s: %s", name, why));
    return ERR_INVALID;
}

static const char *
why_not(struct plugin *p, struct arena *a)
{
    struct keeper *k = &p->messages;
    struct wire_reader in = {.rest = buf_str(&k->hello)};

    if (k->state == KEEPER_IDLE)
        return NULL;
    return k->was_refused ? str_cstr(a, wire_get_str(&in, 1000)) : k->why;
}

static enum err
know(struct plugins *all, struct plugin *p, const char *name,
     const char **ret_why)
{
    struct arena *a = all->options.arena;
    const char *why = why_not(p, a);

    if (why)
        return refuse(all, name, why, ret_why);
    if (manifest_read(a, buf_str(&p->messages.hello), &p->manifest, &why) !=
        ERR_OK)
        return refuse(all, name, why, ret_why);
    if (!str_is(str_from(name), p->manifest.name))
        return refuse(all, name,
                      "it calls itself otherwise: name the file as "
                      "the plugin is called",
                      ret_why);
    make_driver(p);
    why = channel_register(&p->driver, p->manifest.infos, p->manifest.n_infos);
    if (why)
        return refuse(all, name, why, ret_why);
    LOG_INFO("plugin.loaded", log_cstr("plugin", name),
             log_cstr("version", p->manifest.version));
    return ERR_OK;
}

static bool
is_starting(const struct plugins *p)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->all[i].messages.state == KEEPER_STARTING)
            return true;
    return false;
}

static void
make_keepers(struct plugins *all, struct plugin *p,
             const struct plugin_source *s)
{
    struct arena *a = all->options.arena;
    struct keeper_options o = {
        .loop = all->loop,
        .clock = all->options.clock,
        .name = s->name,
        .health = str_cstr(a, str_fmt(a, "plugin/%s", s->name)),
        .program = s->program,
        .argv = s->argv,
        .file = s->file,
        .hash = s->hash,
        .timeout_ms = all->options.timeout_ms,
    };

    p->loop = all->loop;
    p->file = s->file;
    keeper_init(&p->messages, &o);
    o.health = str_cstr(a, str_fmt(a, "plugin/%s/receipts", s->name));
    keeper_init(&p->receipts, &o);
}

enum err
plugins_open_sources(const struct plugins_options *o,
                     const struct plugin_source *sources, size_t n,
                     struct plugins **ret, const char **ret_why)
{
    struct plugins *p = xcalloc(1, sizeof(*p));
    enum err e = ERR_OK;

    p->options = *o;
    p->loop = loop_new();
    p->all = ARENA_ARRAY(o->arena, struct plugin, n);
    p->n = n;
    for (size_t i = 0; i < n; i++)
        make_keepers(p, &p->all[i], &sources[i]);
    for (size_t i = 0; i < n; i++)
        keeper_start(&p->all[i].messages);
    while (is_starting(p)) /* each has a deadline */
        loop_turn(p->loop, 100);
    for (size_t i = 0; i < n && e == ERR_OK; i++)
        e = know(p, &p->all[i], sources[i].name, ret_why);
    if (e != ERR_OK) {
        plugins_free(p);
        return e;
    }
    *ret = p;
    return ERR_OK;
}

/* ---- from the settings ---- */

static bool
is_there_twice(const struct plugin_source *sources, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(str_from(name), sources[i].name))
            return true;
    return false;
}

static const char *
open_source(const struct plugins_options *o, struct str item,
            struct plugin_source *ret)
{
    struct arena *a = o->arena;
    const char **argv = ARENA_ARRAY(a, const char *, 5);
    struct plugin_allowed allowed;
    const char *why = NULL;
    int file = plugin_allowed_open(a, o->folder, item, &allowed, &why);

    argv[0] = "belfry";
    argv[1] = "plugin";
    argv[2] = "run";
    argv[3] = str_cstr(a, allowed.name);
    *ret = (struct plugin_source){
        .name = argv[3],
        .file = file,
        .hash = str_cstr(a, allowed.hash),
        .program = o->program ? o->program : "/proc/self/exe",
        .argv = argv,
    };
    return why;
}

static void
close_sources(const struct plugin_source *sources, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sources[i].file >= 0)
            close(sources[i].file);
}

enum err
plugins_open(const struct plugins_options *o, struct plugins **ret,
             const char **ret_why)
{
    struct plugin_source *sources =
        ARENA_ARRAY(o->arena, struct plugin_source, o->allow.n);
    const char *why = NULL;
    size_t n = 0;

    *ret = NULL;
    if (o->allow.n == 0)
        return ERR_OK;
    for (size_t i = 0; i < o->allow.n && !why; i++) {
        why = open_source(o, o->allow.items[i], &sources[n]);
        if (!why && is_there_twice(sources, n, sources[n].name))
            why = "it is listed twice";
        if (why)
            *ret_why = str_cstr(o->arena,
                                str_fmt(o->arena, "plugins.allow, \"%.*s\": %s",
                                        STR_ARG(o->allow.items[i]), why));
        n++;
    }
    if (!why)
        return plugins_open_sources(o, sources, n, ret, ret_why);
    close_sources(sources, n);
    return ERR_INVALID;
}

/* ---- the thread ---- */

void
plugins_start(struct plugins *p)
{
    if (p)
        p->thread = loop_thread_start(p->loop, "plugins");
}

void
plugins_stop(struct plugins *p)
{
    if (!p)
        return;
    if (p->thread) {
        loop_stop(p->loop);
        loop_thread_join(p->thread);
    }
    p->thread = NULL;
    loop_turn(p->loop, 0); /* what was asked for last */
    for (size_t i = 0; i < p->n; i++) {
        keeper_fini(&p->all[i].messages);
        keeper_fini(&p->all[i].receipts);
    }
}

void
plugins_free(struct plugins *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++) {
        keeper_fini(&p->all[i].messages);
        keeper_fini(&p->all[i].receipts);
        if (p->all[i].file >= 0)
            close(p->all[i].file);
    }
    loop_free(p->loop);
    free(p);
}
