/* prober.h - asks each enabled provider now and then how it is, whether or not
 * anything is sent to it: by the driver's probe, through the executor that
 * deliveries use. What comes of it is told and decides nothing.
 *
 * Each has a moment of its own within the interval, drawn from its number, so
 * that they do not all go out at once. Of several processes on one database the
 * one that has the provider's lane asks; where nobody has it, one of those that
 * are workers, by rendezvous hashing (domain/share.h): so each asks for its
 * part without a word between them.
 *
 * Belongs to the thread of env->loop; idle it is one timer. */
#pragma once

#include "app/snapshot.h"
#include "dispatch/executor.h"

struct prober;

struct probed {
    int64_t tenant, lane;
    struct str health_name; /* "provider/default/mail" */
    struct str name;        /* of the provider */
    const struct channel_verdict *verdict;
    int64_t duration_ms;
};
struct prober_options {
    const struct env *env;
    struct snapshots *snapshots;
    struct executor *executor;
    int64_t every_ms; /* > 0 */
    void (*on_probed)(void *arg, const struct probed *p);
    /* What was told of it counts no more: it is gone or disabled, or another
     * process asks for it now. */
    void (*on_left)(void *arg, int64_t tenant, int64_t lane,
                    struct str health_name);
    void (*on_idle)(void *arg); /* after prober_stop(), if it was not */
    void *arg;
};

struct prober *prober_new(const struct prober_options *o);
void prober_on_config(struct prober *p);
/* Asks nobody any more; probes that are under way are not waited for. */
void prober_stop(struct prober *p);
/* It waits for nothing but them: it may be freed. NULL is allowed. */
bool prober_is_idle(const struct prober *p);
/* What the executor still holds is freed when it answers. NULL is allowed. */
void prober_free(struct prober *p);
