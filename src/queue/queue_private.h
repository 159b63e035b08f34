/* queue_private.h - what queue.c and lane.c share. */
#pragma once

#include "base/heap.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/map.h"
#include "queue/queue.h"
#include "store/object.h"
#include "store/store.h"

/* Rows claimed in one commit. The arena holds them, their items and what was
 * said of them; it goes when the last one is recorded. */
struct queue_batch {
    struct arena *arena;
    size_t n_open;    /* not recorded yet */
    size_t n_waiting; /* not taken yet */
    bool was_full;    /* as many as were wanted */
    int64_t claimed_ms;
    int64_t lease; /* under which it was claimed */
};

struct queue_row {
    struct queue_item item;
    struct heap_node node; /* while it waits */
    struct list link;      /* once it is finished */
    struct queue_batch *batch;
    struct store_finish finish;
    struct attempt attempt;
};

struct queue_lane {
    struct queue *queue;
    struct queue_lane_options options;
    struct list link;       /* in queue->lanes */
    struct list dirty_link; /* in queue->dirty, or alone */
    struct heap waiting[PRIORITY_COUNT];
    size_t n_waiting;
    int critical_streak;   /* taken in a row while others waited */
    struct list finished;  /* to be recorded */
    struct list recording; /* in the cycle under way */
    size_t n_finished;
    size_t n_open;        /* rows of all batches that are not recorded */
    size_t least, target; /* rows to hold at once */
    bool records_intent;
    bool has_ready, has_critical;   /* there may be more to claim */
    bool news_ready, news_critical; /* came while a claim was under way */
    bool is_cycling, is_backing_off, is_flush_due;
    int64_t backoff_ms;
    struct loop_timer timer; /* flush, or the end of the back-off */
    struct queue_batch *claiming;
    struct store_cycle cycle;
    struct store_object_get look; /* for suppressions, as the cycle ends */
    size_t *looked_at;            /* of its work, what each key is of */
    struct metric_series *wait;   /* NULL: nobody asks for it */
};

struct queue {
    struct queue_options options;
    struct map *by_lane;
    struct list lanes, dirty;
    struct task task; /* pumps the dirty ones at the end of the turn */
    bool is_task_posted;
    bool is_draining;
    void (*drained)(void *arg);
    void *drained_arg;
    /* the look at all lanes */
    struct store_stats stats;
    bool is_looking;
    struct loop_timer look_timer;
    /* the waiting room */
    struct store_promote promote;
    struct arena *promote_arena;
    bool is_promoting;
    int64_t due_ms;      /* wall clock; 0: nothing waits */
    int64_t promoted_ms; /* monotonic, the last time */
    int64_t promote_backoff_ms;
    struct loop_timer wait_timer;
    struct metric_series *lag;
};

void queue_mark_dirty(struct queue_lane *l);
void queue_lane_news(struct queue_lane *l, bool is_critical);
void queue_lane_pump(struct queue_lane *l);
void queue_lane_free(struct queue_lane *l);
