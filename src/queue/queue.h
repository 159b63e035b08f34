/* queue.h - feeds lanes with claimed deliveries and tells the store what became
 * of them. It knows lanes, not providers: who opens a lane says how much it can
 * begin soon and is told when there is something to take.
 *
 * Per lane one store_cycle at a time is under way; it carries the finishes of
 * the last batch and the next claim in one commit. A lane without news and
 * without work costs nothing: no timer, no poll. The README has the states,
 * the invariants and what a crash at each moment leads to.
 *
 * All of it belongs to the thread of env->loop. appetite() and on_work() never
 * run inside a call from here; callbacks may call anything but queue_free(). */
#pragma once

#include "base/env.h"
#include "base/metrics.h"
#include "store/cycle.h"

#define QUEUE_CLAIM_MAX 1000    /* rows at once, whatever the lane can do */
#define QUEUE_CLAIM_CRITICAL 64 /* critical ones at once beyond these */
#define QUEUE_FLUSH_MS 3        /* the longest a finish waits for company */
#define QUEUE_WAIT_CHECK_MS 500 /* the wall clock may have been set */
#define QUEUE_ALL_PRIORITIES ((1u << PRIORITY_COUNT) - 1)

struct queue;
struct queue_lane;

/* One claimed delivery. Belongs to the lane until queue_take(), then to the
 * taker until queue_finish(). */
struct queue_item {
    const struct store_work *work;
    /* The document that suppresses its address now; empty: there is none. */
    struct str suppression_body;
    void *arg; /* the taker's */
};

struct queue_options {
    const struct env *env;
    /* A lane holds work that nobody has opened; called from news or after
     * queue_start(). It may call queue_lane_open(). */
    void (*on_unknown_lane)(void *arg, int64_t tenant, int64_t lane);
    void *arg;
};

struct queue *queue_new(const struct queue_options *o);
/* Look at every lane and at the waiting room once. */
void queue_start(struct queue *q);
void queue_free(struct queue *q); /* after the drain; NULL is allowed */

/* News from the store. */
void queue_on_ready(struct queue *q, int64_t tenant, int64_t lane,
                    bool is_critical);
void queue_on_wait(struct queue *q, int64_t due_ms);

/* Claims no more and gives back what was not taken; done, once, when all that
 * was taken is finished and recorded. While the store fails it waits: the
 * caller may stop waiting at any time. */
void queue_drain(struct queue *q, void (*done)(void *arg), void *arg);

#define QUEUE_SUPPRESSIONS 2 /* keys of a work */
struct queue_lane_ops {
    /* How many rows, those claimed and not taken included, could begin soon;
     * SIZE_MAX: as many as the lane manages. *ret_critical: as many critical
     * ones, whatever is claimed beside them. */
    size_t (*appetite)(void *arg, size_t *ret_critical);
    /* There are rows to take. */
    void (*on_work)(void *arg);
    /* The keys of documents that suppress the address of this work, where there
     * are any, and how many; 0: it has no address. NULL: nobody is suppressed.
     */
    size_t (*suppression_keys)(void *arg, struct arena *a,
                               const struct store_work *work,
                               struct str ret[static QUEUE_SUPPRESSIONS]);
};
struct queue_lane_options {
    int64_t tenant;
    int64_t lane;
    const struct queue_lane_ops *ops;
    void *arg;
};
/* A lane that is not open; it looks for work at once. */
struct queue_lane *queue_lane_open(struct queue *q,
                                   const struct queue_lane_options *o);
/* Nothing is claimed, finished and unrecorded, or under way. */
bool queue_lane_is_idle(const struct queue_lane *l);
/* Idle, and the store has nothing for it as far as is known. One that is closed
 * sooner leaves rows behind that nobody asks for. */
bool queue_lane_is_empty(const struct queue_lane *l);
void queue_lane_close(struct queue_lane *l); /* an empty one */
/* How many rows to claim at least at once, and whether crashes may show: once
 * they may, what was claimed without and waits is given back. */
void queue_lane_tune(struct queue_lane *l, size_t least, bool records_intent);
/* Where to count how long rows waited to be claimed. */
void queue_lane_count(struct queue_lane *l, struct metric_series *wait);
/* What appetite() says, or what may be taken, may have changed. */
void queue_lane_wake(struct queue_lane *l);

/* The most urgent row among those priorities (1 << enum priority), critical
 * ones before all others but for each tenth; NULL: none. */
struct queue_item *queue_take(struct queue_lane *l, unsigned priorities);
size_t queue_lane_waiting(const struct queue_lane *l); /* not yet taken */
/* What became of it; tenant and delivery are filled in here, texts, the
 * attempt and what was taken are copied, and the item is gone. */
void queue_finish(struct queue_lane *l, struct queue_item *item,
                  const struct store_finish *f);
/* One that was taken waits again, as if it had not been. */
void queue_put_back(struct queue_lane *l, struct queue_item *item);
/* One that was taken goes back to the store, as it was. */
void queue_give_back(struct queue_lane *l, struct queue_item *item);
/* Gives all that was not taken back to the store, as it was. */
void queue_lane_give_back(struct queue_lane *l);
