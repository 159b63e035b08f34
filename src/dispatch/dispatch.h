/* dispatch.h - deliveries on their way out: a lane per provider with its own
 * concurrency, timeout, breaker and rate; all retry policy. It claims from the
 * store, prepares, lets a driver and the executor work, and tells the store
 * what became of it. One per process, on the thread of env->loop. */
#pragma once

#include "app/snapshot.h"
#include "app/standings.h"
#include "app/tester.h"
#include "base/env.h"
#include "dispatch/executor.h"

struct breaker_limits;
struct dispatch;

struct dispatch_options {
    const struct env *env;
    struct snapshots *snapshots;
    struct standings *standings; /* to be told of this process' lanes */
    struct executor *executor;
    const struct vault *vault;
    struct id_maker *ids;
    struct str public_url;
    const struct breaker_limits *breaker; /* NULL: breaker_limits_default */
    int64_t probe_every_ms;               /* 0: nobody is asked how it is */
};

struct dispatch *dispatch_new(const struct dispatch_options *o);
/* Look at every lane once; from now on it works. */
void dispatch_start(struct dispatch *d);
/* News, on the loop's thread. */
void dispatch_on_ready(struct dispatch *d, int64_t tenant, int64_t lane,
                       bool is_critical);
void dispatch_on_wait(struct dispatch *d, int64_t due_ms);
void dispatch_on_config(struct dispatch *d);
void dispatch_test(struct dispatch *d, struct provider_test *t);
/* Claims no more, gives back what has not begun, lets calls in flight end for
 * at most grace_ms, records them; then calls done. */
void dispatch_drain(struct dispatch *d, int64_t grace_ms,
                    void (*done)(void *arg), void *arg);
void dispatch_free(struct dispatch *d); /* after the drain */
