/* collected.h - the end of a window that collected instances of a workflow: the
 * oldest goes on with what all of them brought, the others end. One commit,
 * which holds as that of a digest does (store/digest.h). */
#pragma once

#include "app/app.h"
#include "store/accept.h"

/* Of what they brought, which goes with the one that goes on from step to
 * step: beyond this they are only counted. */
#define COLLECTED_MAX_BYTES (64 * 1024)

struct collected {
    const struct app *app;
    struct arena *arena;
    struct digest digest; /* as it was taken; its text, too */
    int64_t hold;
    /* In a later turn, once. is_gone: it is not as it was. */
    void (*on_done)(struct collected *c, enum err e, bool is_gone);
    /* private */
    struct store_instance_list list;
    struct store_flush flush;
    struct store_turn turn;
    struct store_accept accept;
    struct store_accept_item item;
};

void collected_end(struct collected *c);
