/* workspace_build.h - a workspace out of the documents that are stored for it,
 * one after the other. One thread at a time. */
#pragma once

#include "app/workspace.h"
#include "auth/key.h"
#include "auth/vault.h"
#include "store/object.h"

/* The kinds that it is made of, in the order in which they are to be added. */
#define N_WORKSPACE_PARTS 11
extern const enum object_kind workspace_parts[N_WORKSPACE_PARTS];

/* All zero: nothing is being built. Private but for the keys. */
struct workspace_build {
    struct arena *arena;
    int64_t tenant;
    struct str key;
    struct provider **providers;
    size_t n_providers, cap_providers;
    struct schedule_doc **schedules;
    size_t n_schedules, cap_schedules;
    struct experiment_doc **experiments;
    size_t n_experiments, cap_experiments;
    struct flag_doc **flags;
    size_t n_flags, cap_flags;
    struct endpoint_doc **endpoints;
    size_t n_endpoints, cap_endpoints;
    struct map *templates, *categories, *workflows;
    struct press_secret press_secret;
    struct str settings; /* the document of the workspace itself */
    int64_t version;
    struct auth_key *keys; /* who may use it: not part of the workspace */
    size_t n_keys, cap_keys;
};

/* settings: the workspace's own document, of that version. */
void workspace_build_start(struct workspace_build *b, int64_t tenant,
                           struct str key, int64_t version,
                           struct str settings);
void workspace_build_add(struct workspace_build *b, const struct vault *vault,
                         const struct object *o);
/* With one reference, the caller's. */
struct workspace *workspace_build_finish(struct workspace_build *b);
/* Frees the keys, and all where it was not finished. */
void workspace_build_end(struct workspace_build *b);
