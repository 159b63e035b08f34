/* host.h - the plugins of this process: found, checked and started before its
 * threads, known to the registry from then on, and asked by any thread.
 *
 * They have a thread of their own, which owns the children. A question is made
 * into bytes by who asks and its answer read there, so that nothing but bytes
 * goes from thread to thread. A plugin has one child for messages, and, when
 * there are webhooks to read, another for these: what strangers send here does
 * not hold up what is to go out. */
#pragma once

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"

struct plugins;

struct plugins_options {
    struct arena *arena; /* lives as long as the process */
    struct clock *clock;
    struct str folder;
    struct config_list allow; /* name=sha256:HEX */
    int64_t timeout_ms;
    const char *program; /* NULL: this one */
};

/* *ret is NULL when none is allowed. ERR_INVALID: *ret_why says which one is
 * refused, why, and what to do. */
enum err plugins_open(const struct plugins_options *o, struct plugins **ret,
                      const char **ret_why) MUST_CHECK;
/* One that is not in a file, as its child is another program; for tests. */
struct plugin_source {
    const char *name;
    int file;         /* -1: none */
    const char *hash; /* NULL: it is not looked at */
    const char *program;
    const char *const *argv; /* ends with NULL */
};
enum err plugins_open_sources(const struct plugins_options *o,
                              const struct plugin_source *sources, size_t n,
                              struct plugins **ret,
                              const char **ret_why) MUST_CHECK;

void plugins_start(struct plugins *p); /* its thread; NULL is allowed */
/* All who ask have stopped; their loops are still there, and hear that what
 * they asked for last was not answered. */
void plugins_stop(struct plugins *p);
void plugins_free(struct plugins *p); /* after it */
