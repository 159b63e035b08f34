/* provider_for.h - which providers of a channel bring something to a device,
 * and which of them carries a delivery: by order, and among those of the same
 * order by their shares (domain/share.h). */
#pragma once

#include "app/workspace.h"
#include "domain/fitness.h"

#define PROVIDERS_MAX 64 /* of a channel that count */

/* As workspace_next(), of those that serve devices of that kind; NONE: of all.
 */
const struct provider *provider_for(const struct workspace *w,
                                    struct str channel, enum device_kind kind,
                                    const struct provider *after);

/* Whose the delivery is: as far as its providers are concerned. */
struct provider_ask {
    const struct workspace *workspace;
    struct str channel;
    enum device_kind kind;
    int64_t delivery;
    int64_t now_ms; /* monotonic */
};

/* All that could carry it, in the order in which it tries them. */
size_t provider_rank(const struct provider_ask *ask,
                     const struct provider *ret[static PROVIDERS_MAX]);
/* The first of these; NULL: there is none. */
const struct provider *provider_pick(const struct provider_ask *ask);
/* To whom one goes that a person wants tried again; NULL: there is none. */
const struct provider *provider_to_retry(const struct workspace *w,
                                         const struct delivery *d,
                                         int64_t now_ms);
/* Several are the first by order, so each delivery has a pick of its own. */
bool provider_is_shared(const struct workspace *w, struct str channel,
                        enum device_kind kind);

/* ---- what this process saw of each lately ----
 *
 * Dispatch tells it of the lanes that this process has, sends ask: any thread.
 * It is one process' own view and gone with it: of a provider that nobody told
 * of, nothing bad is known. */

struct provider_state {
    struct fitness fitness;
    /* Its breaker is open, and so long that is believed: who has the lane tells
     * it again when it probes. 0: it is closed. */
    int64_t open_until_ms;
};

void provider_tell(int64_t lane, const struct provider_state *s);
void provider_forget(int64_t lane);
/* What its weight is worth now among those of its order. */
int64_t provider_fitness(const struct workspace *w, const struct provider *p,
                         int64_t now_ms);
