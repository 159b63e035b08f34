/* snapshot.h - the configuration as of now. One keeper per process tails the
 * store's changes, builds immutable workspaces, and swaps the current set; any
 * thread takes references to what is current. This is the only cache of
 * configuration, and the change feed its only invalidation. */
#pragma once

#include "app/workspace.h"
#include "auth/key.h"
#include "auth/vault.h"
#include "base/env.h"

struct snapshots;
struct task;
struct loop;

struct snapshots_options {
    const struct env *env; /* of the keeper's loop */
    const struct vault *vault;
    void (*on_change)(void *arg, int64_t seq); /* a new set is current */
    void *arg;
};

struct snapshots *snapshots_new(const struct snapshots_options *o);
void snapshots_free(struct snapshots *s);
/* Load everything; `done` once it is current, on the keeper's loop. */
void snapshots_start(struct snapshots *s, void (*done)(void *arg, enum err e),
                     void *arg);
/* The store committed changes up to seq. Any thread. */
void snapshots_changed(struct snapshots *s, int64_t seq);
/* Runs t on `loop` once the change `seq` is current. Any thread. */
void snapshots_wait(struct snapshots *s, int64_t seq, struct loop *loop,
                    struct task *t);

/* Runs t on `loop` once all is current that the store had when it was asked,
 * now: for who found something missing, and heard of no change. Any thread. */
void snapshots_confirm(struct snapshots *s, struct loop *loop, struct task *t);

/* Borrowed until workspace_put(). NULL: no such workspace. Any thread. */
const struct workspace *snapshots_workspace(struct snapshots *s,
                                            int64_t tenant);
const struct workspace *snapshots_workspace_named(struct snapshots *s,
                                                  struct str key);
/* Events that anybody there listens to. Any thread. */
event_set snapshots_tells(struct snapshots *s, int64_t tenant);
/* The key with that public part; copied out. Any thread. */
bool snapshots_key(struct snapshots *s, struct str key_id,
                   struct auth_key *ret);
/* Tenants that exist, in the arena. Any thread. */
size_t snapshots_tenants(struct snapshots *s, struct arena *a, int64_t **ret);
