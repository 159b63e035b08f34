/* provider_for.h - which providers of a channel bring something to a device,
 * and which of them carries a delivery: by order, and among those of the same
 * order by their shares (domain/share.h). */
#pragma once

#include "app/standings.h"
#include "app/workspace.h"

#define PROVIDERS_MAX 64 /* of a channel that count */

/* As workspace_next(), of those that serve devices of that kind; NONE: of all.
 */
const struct provider *provider_for(const struct workspace *w,
                                    struct str channel, enum device_kind kind,
                                    const struct provider *after);

/* Whose the delivery is: as far as its providers are concerned. */
struct provider_ask {
    const struct workspace *workspace;
    struct standings *standings; /* by which shares adapt; may be NULL */
    struct str channel;
    enum device_kind kind;
    bool needs_target; /* there is no address: only who has a target counts */
    int64_t delivery;
    int64_t now_ms; /* monotonic */
};

/* All that could carry it, in the order in which it tries them. */
size_t provider_rank(const struct provider_ask *ask,
                     const struct provider *ret[static PROVIDERS_MAX]);
/* The first of these; NULL: there is none. */
const struct provider *provider_pick(const struct provider_ask *ask);
/* To whom one goes that a person wants tried again; `was` had it last. NULL:
 * there is none. */
const struct provider *provider_to_retry(const struct provider_ask *ask,
                                         struct str was);
/* Some of them reach a user without an address, others do not. */
bool provider_targets_differ(const struct workspace *w, struct str channel);
/* Several are the first by order, so each delivery has a pick of its own. */
bool provider_is_shared(const struct workspace *w, struct str channel,
                        enum device_kind kind);
/* What the weight of one of its workspace is worth now, of FITNESS_WHOLE, among
 * those of its order; neither channel nor delivery is looked at. */
int64_t provider_fitness(const struct provider_ask *ask,
                         const struct provider *p);
