/* read.h - what people ask: lists, single things, sums. */
#pragma once

#include "domain/notification.h"
#include "store/receipt.h"
#include "store/req.h"
#include "store/workflow.h"

struct store_count {
    enum delivery_status status;
    int64_t n;
};
#define STORE_STEPS_MAX 1000
struct store_notification_get {
    struct store_req req;
    int64_t tenant;
    int64_t id;
    struct str user; /* empty: of all users */
    size_t max_deliveries;
    bool wants_attempts;
    /* result; ERR_NOT_FOUND */
    struct notification notification;
    struct store_count counts[DELIVERY_STATUS_COUNT];
    struct delivery *deliveries; /* by id */
    size_t n_deliveries;
    struct attempt **attempts; /* a row for each delivery... */
    size_t *n_attempts;        /* ...and its length */
    struct store_step *steps;  /* with the attempts: of workflows, by id */
    size_t n_steps;            /* at most STORE_STEPS_MAX */
};
struct store_notification_list {
    struct store_req req;
    int64_t tenant;
    bool only_held; /* those that somebody has to approve */
    int64_t before; /* id; 0: from the newest */
    size_t limit;
    struct notification *notifications; /* result, newest first */
    struct store_count (*counts)[DELIVERY_STATUS_COUNT]; /* a row for each */
    size_t n_notifications;
    bool has_more;
};
/* What was accepted with that cancel key and may still be stopped: deliveries
 * of it are open, or still to be planned, or instances of a workflow run. */
struct store_cancel_find {
    struct store_req req;
    int64_t tenant;
    struct str key;         /* empty: */
    int64_t parent;         /* those below that notification */
    int64_t before;         /* id; 0: from the newest */
    size_t limit;           /* looked at, at most 100 */
    int64_t *notifications; /* result, newest first */
    size_t n_notifications;
    int64_t next_before; /* `before` of the next page; 0: there is none */
};
struct store_delivery_filter {
    bool has_status;
    enum delivery_status status;
    struct str channel, provider, user, error; /* empty: any */
    int64_t notification;                      /* 0: any */
    int64_t since_ms; /* created at or after; 0: ever */
};
struct store_delivery_get {
    struct store_req req;
    int64_t tenant;
    int64_t id;
    /* result; ERR_NOT_FOUND */
    struct delivery delivery;
    int64_t own_notification; /* a step's own, below the one that it shows */
    struct attempt *attempts; /* and what was told: see store/receipt.h */
    size_t n_attempts;
};
struct store_delivery_list {
    struct store_req req;
    int64_t tenant;
    struct store_delivery_filter filter;
    int64_t before; /* id; 0: from the newest */
    size_t limit;
    struct delivery *deliveries; /* result, newest first */
    size_t n_deliveries;
    bool has_more;
    /* `before` of the next page, when has_more. A page may hold less than
     * `limit`, even nothing, and still have a next one: a filter looks at a
     * bounded number of rows. */
    int64_t next_before;
};
/* Failed and dead ones, by (channel, provider, error). */
struct store_group {
    struct str channel, provider, error;
    enum delivery_status status;
    int64_t n;
    int64_t sample; /* a delivery's id */
    int64_t first_ms, last_ms;
};
struct store_delivery_groups {
    struct store_req req;
    int64_t tenant;
    size_t limit;
    struct store_group *groups; /* result, most first */
    size_t n_groups;
};
