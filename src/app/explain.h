/* explain.h - would a user get it, and why not? The plan of a send to one
 * user, with all that was asked on the way. Nothing is written, and no budget
 * is taken from: it is a dry run that notes what it does. */
#pragma once

#include "app/cluster.h"
#include "app/look.h"
#include "app/send.h"

struct explain {
    const struct app *app;
    struct arena *arena;
    const struct workspace *workspace; /* the caller's reference */
    struct str user;
    /* The body of a send without `to`, or the id of one that was sent. */
    struct json notification;
    int64_t id;    /* 0: none */
    int64_t at_ms; /* 0: now */
    /* ERR_OK, or why nothing is known; ERR_NOT_FOUND: of `id`. */
    void (*on_done)(struct explain *x, enum err e);
    /* result */
    struct problem problem; /* set: that would be refused, and so is this */
    struct send send;       /* of one item; decisions are in its parts */
    struct cluster cluster; /* how the providers are */
    /* private */
    struct store_notification_get get;
    struct send_item item;
};

void explain_start(struct explain *x);
/* The words, what they are made of, and whether that could be done. */
enum err explain_render(const struct explain *x, const struct send_item *part,
                        const struct plan_decision *d,
                        struct rendered *ret) MUST_CHECK;
/* What is said of it as a whole: the best that a channel comes to. */
enum plan_verdict explain_verdict(const struct explain *x);
