/* dispatch_private.h - what dispatch.c, lane.c and delivery.c share. */
#pragma once

#include "app/attach.h"
#include "app/provider_for.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/loop.h"
#include "dispatch/breaker.h"
#include "dispatch/dispatch.h"
#include "dispatch/endpoint.h"
#include "dispatch/prober.h"
#include "dispatch/ratelimit.h"
#include "dispatch/respite.h"
#include "dispatch/settle.h"
#include "queue/queue.h"

#define CALL_BATCH_MAX 256
#define CALL_BATCH_BYTES (4 * 1024 * 1024) /* then it is full */
#define CALL_STEPS_MAX 8        /* requests that one call may ask for */
#define CALL_WATCHDOG_MS 5000   /* beyond the executor's own timeout */
#define DISPATCH_IDLE_CALLS 64  /* kept for the next one */
#define DISPATCH_RECORD_MS 3000 /* for the last finishes, after the grace */

/* One provider's lane. */
struct lane {
    struct dispatch *dispatch;
    struct list link;
    struct queue_lane *queue;
    int64_t tenant, num;
    /* as configured when last looked at */
    bool is_known; /* there is a workspace to tell, and what it tells counts */
    bool is_out;   /* but no such provider, or a disabled one */
    bool is_paused;
    bool is_deleted;
    /* That it has no such provider is no news that are still to come. */
    bool is_certain, is_asking;
    int64_t version;
    int concurrency;
    unsigned bypass;
    struct str channel, name, health_name; /* one block, by `texts` */
    char *texts;
    /* as it goes */
    struct breaker breaker;
    int64_t expects_until_ms; /* one that another lane gave it on trial */
    struct respite respite;
    struct fitness fitness;
    char probe[100]; /* what the last one came to; empty: nothing counts */
    bool is_probe_bad;
    struct ratelimit rate;
    struct buf memo; /* the driver's, with its expiry; of l->version */
    int64_t memo_expires_ms;
    struct endpoint_course course;
    int n_calls;
    bool is_running; /* lane_run() is on the stack */
    struct loop_timer timer;
    struct metric_series *attempts[VERDICT_COUNT];
    struct metric_series *outcomes[DELIVERY_STATUS_COUNT];
    struct metric_series *duration;
    struct metric_series *cost; /* NULL: it has none */
    struct metric_series *latency[PRIORITY_COUNT];
};

/* One call to a provider, for one delivery or a batch of them. */
struct call {
    struct dispatch *dispatch; /* NULL: it is gone, only free this */
    struct lane *lane;         /* NULL: a test, or abandoned */
    struct list link;          /* in dispatch->calls or ->idle */
    struct arena *arena;
    const struct workspace *workspace;
    const struct provider *provider;
    struct queue_item **items; /* these five in the arena, room for n_max */
    struct channel_message *messages;
    struct channel_verdict *verdicts;
    int64_t *dues_ms; /* of each, when it was to go out */
    bool *trials;     /* of each, whether it may be in an experiment */
    size_t n, n_max;
    struct channel_call step;
    struct str memo_given;        /* in it, before the driver saw it */
    struct channel_request asked; /* what was executed last */
    struct execution execution;
    struct channel_away away; /* a step that a plugin takes */
    int n_steps;
    bool is_executing, is_away;
    struct taking taking; /* what its one message carries along */
    bool is_taking;       /* that is being loaded */
    bool is_without;      /* it could not be: the provider was not called */
    bool is_over;         /* settled; the executor still owes its answer */
    uint32_t ticket;
    int64_t started_ms, started_mono_ms;
    struct loop_timer watchdog;
    struct task start; /* of a test, which may not answer inside the call */
    struct provider_test *test;
};

struct dispatch {
    struct dispatch_options options;
    struct queue *queue;
    struct prober *prober; /* NULL: nobody is asked */
    struct list lanes;
    struct list calls, idle;
    size_t n_idle;
    struct outcaller *outcaller; /* for the shelf */
    struct shelf *shelf;
    bool is_draining, is_queue_drained;
    struct task certain; /* what lanes ask about is known */
    bool is_asking;
    struct loop_timer drain_timer;
    void (*drained)(void *arg);
    void *drained_arg;
};

int64_t dispatch_wall_ms(const struct dispatch *d);
int64_t dispatch_mono_ms(const struct dispatch *d);
/* Those that provider_rank() lists, with their health; texts borrowed. The ask
 * has no more than whose delivery it is. */
size_t dispatch_peers(struct dispatch *d, struct provider_ask ask,
                      struct settle_peer peers[static PROVIDERS_MAX]);
/* The same for that one: of those that can reach it. */
size_t dispatch_peers_of(struct dispatch *d, const struct workspace *w,
                         const struct store_work *work, struct arena *a,
                         struct settle_peer peers[static PROVIDERS_MAX]);
void dispatch_call_is_over(struct dispatch *d); /* a drain may wait for it */
/* A lane has no provider: make sure of it, then configure it again. */
void dispatch_make_certain(struct dispatch *d);

/* delivery.c */
void call_run(struct lane *l, struct queue_item *first);
/* Settle it now, as that: it was cut off. */
void call_cut(struct call *c, enum verdict v, const char *why);
/* Nobody waits any more for what a plugin makes of it. */
void call_forget_step(struct call *c);
void call_test(struct dispatch *d, struct provider_test *t);
void call_free(struct call *c);
