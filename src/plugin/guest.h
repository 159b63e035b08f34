/* guest.h - the child's end of what codec.h says: questions become the structs
 * of belfry/channel.h, the plugin is called, and what it left becomes a frame.
 * Pure but for the plugin. */
#pragma once

#include "base/arena.h"
#include "belfry/channel.h"
#include "plugin/wire.h"

#define GUEST_ALLOC_MAX (64 * 1024 * 1024) /* in one call of the plugin */
#define GUEST_LOG_MAX 300
#define GUEST_LOG_LINES 20

struct guest {
    const struct belfry_plugin *plugin;
    struct arena *arena; /* of the call */
    struct belfry_host host;
    struct buf *log; /* frames of lines that it logs go there */
    size_t n_allocated, n_lines;
};

void guest_init(struct guest *g, const struct belfry_plugin *p,
                struct buf *log);
void guest_fini(struct guest *g);
/* HELLO; or REFUSED, when it is no plugin that could be spoken to. */
void guest_put_hello(const struct belfry_plugin *p, struct buf *out);
/* Answers a STEP or a RECEIPT. False: it was neither, or broken. */
bool guest_answer(struct guest *g, const struct wire_frame *f, struct buf *out);
